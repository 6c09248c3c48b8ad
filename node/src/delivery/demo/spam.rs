//! A member who sends more than its limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::group::SPAMMER_LIMIT;
use super::post::LOOK;
use super::stage::{Stage, config};
use super::{NetworkDemoError, PATIENCE};
use crate::delivery::admission::{Admission, AdmissionError, Judgement};
use crate::delivery::config::Mode;
use crate::delivery::inbox::Subscription;
use crate::delivery::node::{Node, Stopped};
use crate::delivery::shared::Health;
use crate::rate_limit::{Guard, GuardEvent};
use crate::wire::{ContentTopic, UnixNanos, WakuMessage};

/// Within what time whoever breaks the limit has to be removed everywhere.
const PROMISE: Duration = Duration::from_secs(2);
/// How long a message that should not come is waited for.
const SILENCE: Duration = Duration::from_millis(300);
const TOPIC: &str = "/logos-demo/1/spam/plain";

/// Proves its messages, and begins again with the first message id when all are used up.
struct Spammer {
    honest: Arc<Guard>,
    forgetful: Arc<Guard>,
    sent: AtomicU32,
}

impl Admission for Spammer {
    fn admit(&self, message: &mut WakuMessage, now: UnixNanos) -> Result<(), AdmissionError> {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        let guard = if sent < SPAMMER_LIMIT { &self.honest } else { &self.forgetful };
        Admission::admit(&**guard, message, now)
    }

    fn judge(&self, batch: &[WakuMessage], now: UnixNanos) -> Vec<Judgement> {
        Admission::judge(&*self.honest, batch, now)
    }
}

impl Stage<'_> {
    pub(super) async fn spam(&mut self) -> Result<(), NetworkDemoError> {
        self.begin("spam");
        let spammer = self.group.spammer();
        let (honest, _found) = self.group.forgetful_guard(spammer).await?;
        let (forgetful, _found) = self.group.forgetful_guard(spammer).await?;
        let admission = Arc::new(Spammer { honest, forgetful, sent: AtomicU32::new(0) });
        let node = Node::start(config(Mode::Core), admission).await?;
        self.cluster.introduce(&node).await;
        let mut health = node.health();
        let connected = health.wait_for(|health| *health == Health::Connected);
        // Without peers nothing of what follows holds.
        timeout(PATIENCE, connected).await.ok();
        let topic: ContentTopic = TOPIC.parse().map_err(|_| Stopped)?;
        let mut readers = Vec::new();
        for core in self.cluster.nodes() {
            readers.push(core.subscribe(&topic).await?);
        }
        for number in 0..SPAMMER_LIMIT {
            let request = node.send(&topic, format!("within {number}")).await?;
            timeout(PATIENCE, node.outcome(request)).await.ok();
        }
        let taken = count(&mut readers, SPAMMER_LIMIT as usize, PATIENCE).await;
        let all = taken == SPAMMER_LIMIT as usize * readers.len();
        self.claim(
            all,
            format!("a member sends its {SPAMMER_LIMIT} messages: every node takes them"),
        );

        let start = Instant::now();
        node.send(&topic, "one too many").await?;
        let removed = self.is_removed(spammer).await?;
        let time = start.elapsed();
        self.report.removed_ms = time.as_secs_f64() * 1000.0;
        let none = count(&mut readers, 1, SILENCE).await == 0;
        self.claim(none, "one more reaches nobody");
        let known = self.is_known(spammer);
        self.claim(known, "its secret follows from the two, and is no use to it");
        let millis = self.report.removed_ms;
        let said = format!("every node has removed it after {millis:.0} ms");
        self.claim(removed && time <= PROMISE, said);
        node.send(&topic, "and more").await?;
        let banned = count(&mut readers, 1, SILENCE).await == 0;
        self.claim(banned, "what it sends now nobody takes");
        node.stop().await;
        Ok(())
    }

    /// Waits until no node's group has the member.
    async fn is_removed(&self, member: usize) -> Result<bool, NetworkDemoError> {
        let leaf = self.group.leaf(member)?;
        let has = |guard: &Guard| guard.with_group(|group| group.position(leaf).is_some());
        let waiting = async {
            while self.posts.iter().any(|post| has(&post.guard)) {
                sleep(LOOK).await;
            }
        };
        Ok(timeout(PATIENCE, waiting).await.is_ok())
    }

    /// Did a node find the member's secret?
    fn is_known(&mut self, member: usize) -> bool {
        let Some(identity) = self.group.identity(member) else { return false };
        let mut found = self.posts.iter_mut().filter_map(|post| post.events.try_recv().ok());
        found.any(|event| match event {
            GuardEvent::Caught(removal) | GuardEvent::Convicted(removal) => {
                removal.secret == *identity.secret()
            }
        })
    }
}

/// How many messages come to all readers together, at most so many each.
async fn count(readers: &mut [Subscription], each: usize, patience: Duration) -> usize {
    let mut came = 0;
    for reader in readers {
        for _ in 0..each {
            if timeout(patience, reader.next()).await.is_ok_and(|received| received.is_some()) {
                came += 1;
            }
        }
    }
    came
}
