use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::*;
use crate::chat::{Arrival, Carrier, CarrierError, run_terminal};
use crate::store::tests::Folder;
use crate::store::{Hardness, Passphrase};

fn at(seconds: u64) -> Tick {
    Tick::new(Duration::from_secs(1_800_000_000 + seconds))
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn open(folder: &Folder, name: &str, now: Tick, seed: u64) -> Chat {
    let passphrase = Passphrase::new("a passphrase".to_owned());
    let path = folder.join(name);
    let records = Records::open(&path, &passphrase, Hardness::TEST, &mut rng(seed)).unwrap();
    Chat::open(records, now, rng(seed + 100)).unwrap()
}

/// Everything published, by topic, and who has seen how much of it.
#[derive(Default)]
struct Wire {
    published: Vec<(String, Vec<u8>)>,
    seen: BTreeMap<String, usize>,
}

impl Wire {
    /// Hands on what was published since, and takes what comes of it; the events.
    fn pass(&mut self, now: Tick, chats: &mut [(&str, &mut Chat)]) -> Vec<(String, ChatEvent)> {
        let mut events = Vec::new();
        loop {
            let before = self.published.len();
            for (name, chat) in chats.iter_mut() {
                self.take(name, now, chat, &mut events);
            }
            let mut idle = true;
            for (name, chat) in chats.iter_mut() {
                let seen = self.seen.entry((*name).to_owned()).or_default();
                for (topic, payload) in &self.published[*seen..] {
                    let _ = chat.handle_message(now, topic, payload, b"hash").unwrap();
                    idle = false;
                }
                *seen = self.published.len();
            }
            if idle && self.published.len() == before {
                return events;
            }
        }
    }

    fn take(
        &mut self,
        name: &str,
        now: Tick,
        chat: &mut Chat,
        events: &mut Vec<(String, ChatEvent)>,
    ) {
        while let Some(output) = chat.poll_output() {
            match output {
                ChatOutput::Publish { topic, payload, receipt } => {
                    if let Some(receipt) = receipt {
                        chat.handle_published(now, &receipt, b"hash").unwrap();
                    }
                    self.published.push((topic, payload));
                }
                ChatOutput::Event(event) => events.push((name.to_owned(), event)),
                ChatOutput::Query { topic, .. } => {
                    chat.handle_page(now, &topic, Some(&Page::default())).unwrap();
                }
                _ => {}
            }
        }
    }
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

fn said(events: &[(String, ChatEvent)], who: &str) -> Vec<String> {
    let line = |(name, event): &(String, ChatEvent)| match event {
        ChatEvent::Said { line, .. } if name == who => match &line.content {
            Content::Text(text) => Some(text.clone()),
            Content::Other(_) => None,
        },
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

fn wait(chats: &mut [(&str, &mut Chat)], now: Tick) {
    for (_, chat) in chats.iter_mut() {
        chat.handle_timeout(now).unwrap();
    }
}

#[test]
fn two_people_talk_restart_and_go_on() {
    let folder = Folder::new("chat");
    let mut saro = open(&folder, "saro", at(0), 1);
    let mut raya = open(&folder, "raya", at(0), 2);
    let mut wire = Wire::default();
    let introduction = raya.introduce(at(0)).unwrap();
    let id = saro.start(at(1), &introduction, &text("Hi Raya")).unwrap();
    let mut chats = [("saro", &mut saro), ("raya", &mut raya)];
    let events = wire.pass(at(1), &mut chats);
    assert_eq!(said(&events, "raya"), ["Hi Raya"]);
    assert_eq!(events[0].1, ChatEvent::Started { conversation: id });

    raya.say(at(2), &id, &text("Hi Saro")).unwrap();
    let mut chats = [("saro", &mut saro), ("raya", &mut raya)];
    let events = wire.pass(at(2), &mut chats);
    assert_eq!(said(&events, "saro"), ["Hi Saro"]);
    let settled = |(_, event): &(String, ChatEvent)| matches!(event, ChatEvent::Settled { line, .. } if line.state == LineState::Delivered);
    assert!(events.iter().any(settled), "her answer confirms his line");

    drop((saro, raya));
    let mut saro = open(&folder, "saro", at(100), 3);
    let mut raya = open(&folder, "raya", at(100), 4);
    saro.say(at(101), &id, &text("still there?")).unwrap();
    let mut chats = [("saro", &mut saro), ("raya", &mut raya)];
    wait(&mut chats, at(101));
    let events = wire.pass(at(101), &mut chats);
    assert_eq!(said(&events, "raya"), ["still there?"]);
    wait(&mut chats, at(110));
    wire.pass(at(110), &mut chats);
    let lines = saro.history(&id, 10).unwrap();
    let states: Vec<_> = lines.iter().map(|line| line.state).collect();
    assert_eq!(states, [LineState::Delivered, LineState::Arrived, LineState::Delivered]);
    assert_eq!(raya.history(&id, 10).unwrap().len(), 3);
    let inbox = topic::inbox(&raya.identity());
    let first = wire.published.iter().filter(|(topic, _)| *topic == inbox).count();
    assert!(first < wire.published.len(), "they left the inbox");
}

#[test]
fn an_introduction_is_good_for_one_person() {
    let folder = Folder::new("chat-once");
    let mut raya = open(&folder, "raya", at(0), 1);
    let mut saro = open(&folder, "saro", at(0), 2);
    let mut pax = open(&folder, "pax", at(0), 3);
    let introduction = raya.introduce(at(0)).unwrap();
    saro.start(at(1), &introduction, &text("first")).unwrap();
    pax.start(at(1), &introduction, &text("second")).unwrap();
    let mut wire = Wire::default();
    let mut chats = [("saro", &mut saro), ("pax", &mut pax), ("raya", &mut raya)];
    let events = wire.pass(at(1), &mut chats);
    assert_eq!(said(&events, "raya"), ["first"]);
    assert_eq!(raya.conversations().count(), 1);
    let own = raya.introduce(at(0)).unwrap();
    assert_eq!(raya.start(at(1), &own, &text("me")), Err(ChatError::Ourselves));
    let late = raya.introduce(at(0)).unwrap();
    let expired = saro.start(at(0) + INTRODUCTION_LIFETIME, &late, &text("late"));
    assert_eq!(expired, Err(ChatError::Introduction(BundleError::Expired)));
}

#[test]
fn a_forged_packet_changes_nothing() {
    let folder = Folder::new("chat-forged");
    let mut raya = open(&folder, "raya", at(0), 1);
    let mut saro = open(&folder, "saro", at(0), 2);
    let mut wire = Wire::default();
    let introduction = raya.introduce(at(0)).unwrap();
    let id = saro.start(at(1), &introduction, &text("hello")).unwrap();
    wire.pass(at(1), &mut [("saro", &mut saro), ("raya", &mut raya)]);
    raya.say(at(2), &id, &text("hi")).unwrap();
    wire.pass(at(2), &mut [("saro", &mut saro), ("raya", &mut raya)]);
    let (topic, genuine) = wire.published.last().cloned().unwrap();
    for place in (0..genuine.len()).step_by(7) {
        let mut forged = genuine.clone();
        forged[place] ^= 0x40;
        for topic in [&topic, &topic::inbox(&saro.identity()), &id.topic()] {
            let taken = saro.handle_message(at(3), topic, &forged, b"").unwrap();
            assert!(taken.is_err());
        }
    }
    assert_eq!(saro.handle_message(at(3), "/other/1/a/b", &genuine, b""), Ok(Err(Unwanted::Topic)));
    assert!(saro.poll_output().is_none());
    raya.say(at(4), &id, &text("and again")).unwrap();
    let events = wire.pass(at(4), &mut [("saro", &mut saro), ("raya", &mut raya)]);
    assert_eq!(said(&events, "saro"), ["and again"]);
}

#[test]
fn a_line_that_was_written_down_and_not_sent_is_sent_on_return() {
    let folder = Folder::new("chat-unsent");
    let mut raya = open(&folder, "raya", at(0), 1);
    let mut saro = open(&folder, "saro", at(0), 2);
    let mut wire = Wire::default();
    let introduction = raya.introduce(at(0)).unwrap();
    let id = saro.start(at(1), &introduction, &text("hello")).unwrap();
    wire.pass(at(1), &mut [("saro", &mut saro), ("raya", &mut raya)]);
    // The process ends after the line and before the channel's commit.
    let Chat { records, conversations, rng, .. } = &mut saro;
    conversations.get_mut(&id).unwrap().write_unsent(records, at(2), text("lost?"), rng);
    drop(saro);
    let mut saro = open(&folder, "saro", at(3), 3);
    let events = wire.pass(at(3), &mut [("saro", &mut saro), ("raya", &mut raya)]);
    assert_eq!(said(&events, "raya"), ["lost?"]);
    drop(saro);
    let mut saro = open(&folder, "saro", at(4), 5);
    let events = wire.pass(at(4), &mut [("saro", &mut saro), ("raya", &mut raya)]);
    assert_eq!(said(&events, "raya"), Vec::<String>::new(), "once");
}

/// A network in this process.
/// Topic and payload of all that was published.
type Hub = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

#[derive(Clone)]
struct Local {
    hub: Hub,
    topics: Vec<String>,
    seen: usize,
    pages: Vec<String>,
    published: Vec<(u64, Vec<u8>)>,
}

impl Carrier for Local {
    fn subscribe(&mut self, topic: &str) -> Result<(), CarrierError> {
        self.topics.push(topic.to_owned());
        Ok(())
    }

    fn publish(&mut self, topic: &str, payload: &[u8], receipt: u64) -> Result<(), CarrierError> {
        let mut hub = self.hub.lock().unwrap();
        hub.push((topic.to_owned(), payload.to_vec()));
        self.published.push((receipt, hub.len().to_be_bytes().to_vec()));
        Ok(())
    }

    fn query(&mut self, topic: &str, _: &Query) -> Result<(), CarrierError> {
        self.pages.push(topic.to_owned());
        Ok(())
    }

    fn fetch(&mut self, _: &str, _: &[u8]) -> Result<(), CarrierError> {
        Ok(())
    }

    fn next_arrival(&mut self, _: Duration) -> Option<Arrival> {
        if let Some(topic) = self.pages.pop() {
            return Some(Arrival::Page { topic, page: Some(Page::default()) });
        }
        if let Some((receipt, hash)) = self.published.pop() {
            return Some(Arrival::Published { receipt, hash: Some(hash) });
        }
        let hub = self.hub.lock().unwrap();
        while let Some((topic, payload)) = hub.get(self.seen) {
            self.seen += 1;
            if self.topics.contains(topic) {
                let (topic, payload) = (topic.clone(), payload.clone());
                return Some(Arrival::Message { topic, payload, hash: vec![1] });
            }
        }
        None
    }
}

/// One run of the terminal on `lines`; each look at the clock is 100 ms later.
fn terminal(chat: &mut Chat, carrier: &mut Local, from: u64, lines: &[&str]) -> String {
    let (sender, receiver) = mpsc::channel();
    lines.iter().for_each(|line| sender.send((*line).to_owned()).unwrap());
    drop(sender);
    let time = std::cell::Cell::new(at(from));
    let clock = || {
        time.set(time.get() + Duration::from_millis(100));
        time.get()
    };
    let mut out = Vec::new();
    run_terminal(chat, carrier, &receiver, &mut out, clock).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn two_terminals_talk() {
    let folder = Folder::new("chat-terminal");
    let hub = Arc::new(Mutex::new(Vec::new()));
    let carrier =
        Local { hub, topics: Vec::new(), seen: 0, pages: Vec::new(), published: Vec::new() };
    let (mut at_saro, mut at_raya) = (carrier.clone(), carrier);
    let mut raya = open(&folder, "raya", at(0), 1);
    let mut saro = open(&folder, "saro", at(0), 2);
    let printed = terminal(&mut raya, &mut at_raya, 0, &["/introduce", "to nobody"]);
    assert!(printed.contains("there is no conversation"), "{printed}");
    let introduction = printed.lines().next().unwrap();
    let start = format!("/start {introduction} Hi Raya");
    let printed = terminal(&mut saro, &mut at_saro, 10, &[&start, "are you\tthere?"]);
    assert!(printed.starts_with("[1] started\n"), "{printed}");

    let printed = terminal(&mut raya, &mut at_raya, 30, &["/help", "/nonsense"]);
    assert!(printed.contains("no such command"), "{printed}");
    let printed = terminal(&mut raya, &mut at_raya, 50, &["Hi Saro", "/list"]);
    assert!(printed.contains("[1] you: Hi Saro\n"), "{printed}");
    // What waits is taken in between the lines.
    let lines = [&[""; 16][..], &["/history"]].concat();
    let printed = terminal(&mut saro, &mut at_saro, 70, &lines);
    for line in ["[1] you: Hi Raya (delivered)", "[1] you: are you there? (delivered)"] {
        assert!(printed.contains(line), "{printed}");
    }
    assert!(printed.contains("[1] them: Hi Saro\n"), "{printed}");
}
