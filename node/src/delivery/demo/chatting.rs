//! Two people who talk, leave, come back and go on.

use super::NetworkDemoError;
use super::stage::{Stage, next};
use super::talk::{Person, now};
use crate::chat::{Chat, Content, ConversationId, Line, LineState};
use crate::random::os_seeded;
use crate::store::{Hardness, Passphrase, Records};

/// Lines of history that are compared.
const LINES: usize = 100;

impl Stage<'_> {
    pub(super) async fn chatting(&mut self) -> Result<(), NetworkDemoError> {
        self.begin("chat");
        let (saro, raya) = (self.account("saro")?, self.account("raya")?);
        let (saro, raya) = self.sit(saro, raya)?;
        raya.types("/introduce");
        // An introduction is one long word.
        let introduction = raya.sees("logos").await.unwrap_or_default();
        saro.types(format!("/start {introduction} Hi Raya"));
        let greeted = raya.sees("them: Hi Raya").await.is_some();
        raya.types("Hi Saro");
        let answered = saro.sees("them: Hi Saro").await.is_some();
        let both = saro.sees("Hi Raya (delivered)").await.is_some()
            && raya.sees("Hi Saro (delivered)").await.is_some();
        self.claim(greeted && answered && both, "two people talk, and know what was delivered");

        let (saro, raya) = (saro.leaves().await?, raya.leaves().await?);
        let Some(id) = saro.conversations().next().copied() else {
            self.claim(false, "they have a conversation");
            return Ok(());
        };
        drop((saro, raya));
        let (saro, raya) = (self.account("saro")?, self.account("raya")?);
        let kept = is_settled(&saro, &id)? && is_settled(&raya, &id)?;
        self.claim(kept, "both leave and come back to all that was said");
        self.forge(&id, saro, raya).await
    }

    /// They go on while somebody sends damaged copies of what they send.
    async fn forge(
        &mut self,
        id: &ConversationId,
        saro: Chat,
        raya: Chat,
    ) -> Result<(), NetworkDemoError> {
        let topic = id.topic().parse().map_err(|_| crate::delivery::Stopped)?;
        let mallory = self.node(3)?;
        let mut wire = mallory.subscribe(&topic).await?;
        let (saro, raya) = self.sit(saro, raya)?;
        saro.types("still there?");
        let went_on = raya.sees("them: still there?").await.is_some();
        let mut forged = 0;
        if let Some(payload) = next(&mut wire).await {
            for place in (0..payload.len()).step_by(payload.len().div_ceil(8).max(1)) {
                let mut copy = payload.clone();
                if let Some(byte) = copy.get_mut(place) {
                    *byte ^= 1;
                }
                mallory.send(&topic, copy).await?;
                forged += 1;
            }
        }
        raya.types("I am");
        let still = saro.sees("them: I am").await.is_some();
        let delivered = saro.sees("still there? (delivered)").await.is_some()
            && raya.sees("I am (delivered)").await.is_some();
        let (saro, raya) = (saro.leaves().await?, raya.leaves().await?);
        let texts = ["Hi Raya", "Hi Saro", "still there?", "I am"];
        let same = texts_of(&saro, id)? == texts && texts_of(&raya, id)? == texts;
        self.claim(went_on && still && delivered, "they go on in the session they had");
        self.claim(forged > 0 && same, format!("{forged} forged packets change nothing"));
        Ok(())
    }

    fn sit(&self, saro: Chat, raya: Chat) -> Result<(Person, Person), NetworkDemoError> {
        Ok((Person::sit(saro, self.node(1)?)?, Person::sit(raya, self.node(4)?)?))
    }

    /// The account of this name, new or as it was left.
    fn account(&self, name: &str) -> Result<Chat, NetworkDemoError> {
        let path = self.group.folder.join(&format!("chat-{name}.redb"));
        let passphrase = Passphrase::new("of a demonstration".to_owned());
        let mut rng = os_seeded()?;
        // What is in it is worth nothing.
        let records = Records::open(&path, &passphrase, Hardness::TEST, &mut rng)?;
        Ok(Chat::open(records, now(), rng)?)
    }
}

/// Are both lines there, and delivered?
fn is_settled(chat: &Chat, id: &ConversationId) -> Result<bool, NetworkDemoError> {
    let lines = chat.history(id, LINES)?;
    let settled = |line: &Line| matches!(line.state, LineState::Delivered | LineState::Arrived);
    Ok(lines.len() == 2 && lines.iter().all(settled))
}

fn texts_of(chat: &Chat, id: &ConversationId) -> Result<Vec<String>, NetworkDemoError> {
    let text = |line: Line| match line.content {
        Content::Text(text) => Some(text),
        _ => None,
    };
    Ok(chat.history(id, LINES)?.into_iter().filter_map(text).collect())
}
