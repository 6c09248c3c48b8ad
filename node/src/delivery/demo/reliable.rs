//! A long message on a reliable channel, to a node that is killed while it comes in.

use core::time::Duration;
use std::collections::HashSet;

use logos_crypto::keys::SigningKey;
use logos_crypto::secret::Secret;
use rand_core::Rng;
use tokio::time::{Instant, timeout};

use super::post::Post;
use super::stage::{Stage, config};
use super::{NetworkDemoError, PATIENCE};
use crate::channel::{
    Author, ChannelEvent, ChannelId, ChannelNews, ChannelReader, ChannelSettings, NodeChannel,
    Outcome,
};
use crate::delivery::config::Mode;
use crate::delivery::inbox::Subscription;
use crate::delivery::node::Node;
use crate::random::os_seeded;
use crate::store::{Hardness, Passphrase, Records, RedbChannel};

/// How many frames of the message come in before the node is killed.
const FRAMES: usize = 5;
/// How long a second copy of the message is waited for.
const ECHO: Duration = Duration::from_millis(1500);
/// Bytes of the message that are looked for on the wire.
const TRACE: usize = 32;

/// Whose channel it is.
struct Member {
    name: &'static str,
    seed: u8,
}

const SARO: Member = Member { name: "saro", seed: 1 };
const RAYA: Member = Member { name: "raya", seed: 2 };

impl Stage<'_> {
    pub(super) async fn reliable(&mut self, bytes: usize) -> Result<(), NetworkDemoError> {
        self.begin("channel");
        let guest = self.guest();
        let raya = Post::join(&self.group, guest, config(Mode::Core), &self.cluster).await?;
        let (saro, _news) = self.open(&self.node(1)?, &SARO)?;
        let (channel, reader) = self.open(&raya.node, &RAYA)?;
        let mut wire = self.node(2)?.subscribe(&settings(&SARO)?.topic).await?;
        let mut coming = raya.node.subscribe(&settings(&SARO)?.topic).await?;

        let mut message = vec![0; bytes];
        os_seeded()?.fill_bytes(&mut message);
        let start = Instant::now();
        let request = saro.send(message.clone()).await.map_err(failed)?;
        let came = timeout(PATIENCE, frames(&mut coming, FRAMES)).await.is_ok();
        // No farewell: the channel's process would be gone as suddenly.
        drop((channel, reader));
        raya.node.stop().await;
        drop(raya);
        self.claim(came, "a node is killed while a long message comes in");

        let raya = Post::join(&self.group, guest, config(Mode::Core), &self.cluster).await?;
        let (channel, mut reader) = self.open_again(&raya.node, &RAYA).await?;
        let arrived = whole(&mut reader, &message).await;
        let seconds = start.elapsed().as_secs_f64();
        let said = format!("it comes back and gets all {} MiB, after {seconds:.1} s", bytes >> 20);
        self.claim(arrived, said);
        let outcome = timeout(PATIENCE, saro.outcome(request)).await;
        let acked = matches!(outcome, Ok(Ok(Outcome::Acked { .. })));
        self.claim(acked, "its sender is told, once, that it has arrived");
        let again = timeout(ECHO, reader.next()).await.is_ok();
        self.claim(!again, "it arrives once");
        let (seen, hidden) = on_the_wire(&mut wire, &message);
        self.claim(hidden && seen > FRAMES, format!("{seen} frames passed, all encrypted"));
        channel.close().await;
        saro.close().await;
        raya.node.stop().await;
        Ok(())
    }

    fn open(
        &self,
        node: &Node,
        member: &Member,
    ) -> Result<(NodeChannel, ChannelReader), NetworkDemoError> {
        let path = self.group.folder.join(&format!("channel-{}.redb", member.name));
        let passphrase = Passphrase::new("of a demonstration".to_owned());
        let mut rng = os_seeded()?;
        // What is in it is worth nothing.
        let records = Records::open(&path, &passphrase, Hardness::TEST, &mut rng)?;
        let settings = settings(member)?;
        let store = RedbChannel::new(records, &settings.id, rng);
        NodeChannel::open(node, settings, store).map_err(failed)
    }

    /// The killed channel's thread may have the database for a moment yet.
    async fn open_again(
        &self,
        node: &Node,
        member: &Member,
    ) -> Result<(NodeChannel, ChannelReader), NetworkDemoError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.open(node, member) {
                Err(NetworkDemoError::Records(_)) if Instant::now() < deadline => {
                    tokio::time::sleep(super::post::LOOK).await;
                }
                opened => return opened,
            }
        }
    }
}

/// Does the whole message come, and first?
async fn whole(reader: &mut ChannelReader, message: &[u8]) -> bool {
    let news = timeout(2 * PATIENCE, reader.next()).await;
    matches!(news, Ok(Some(ChannelNews::Event(ChannelEvent::Message { payload, .. })))
        if payload == message)
}

fn settings(member: &Member) -> Result<ChannelSettings, NetworkDemoError> {
    let id = ChannelId::new("logos-demo").ok_or_else(|| failed("its name is too long"))?;
    let author = Author::Signed(SigningKey::from_secret(&Secret::new([member.seed; 32])));
    let mut settings = ChannelSettings::new(id, author, &Secret::new([7; 32]));
    // Two nodes of one machine need not wait as long as two across the world.
    settings.config.sds.ack_timeout = Duration::from_secs(2);
    settings.config.sds.ack_delay = Duration::from_millis(100);
    Ok(settings)
}

async fn frames(reader: &mut Subscription, count: usize) {
    for _ in 0..count {
        reader.next().await;
    }
}

/// How many frames passed, and whether none shows a part of the message.
fn on_the_wire(reader: &mut Subscription, message: &[u8]) -> (usize, bool) {
    let traces: HashSet<_> = message.chunks_exact(TRACE).step_by(1024).collect();
    let (mut seen, mut hidden) = (0, true);
    while let Some(received) = reader.try_next() {
        seen += 1;
        let payload = &received.message.payload;
        hidden &= !payload.windows(TRACE).any(|window| traces.contains(window));
    }
    (seen, hidden)
}

fn failed(error: impl std::fmt::Display) -> NetworkDemoError {
    NetworkDemoError::Channel(error.to_string())
}
