//! Members on a network that loses, delays, reorders and goes dark, and processes that are killed.
//!
//! Time is virtual and every choice comes from a seed. A kill falls between any two steps: before
//! a commit, after it, or between two outputs. What is asserted of every run: each message that was
//! accepted is delivered to every member once, after all that its author had been told before; each
//! has one outcome, and none is called confirmed that no other member has.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hash::{DefaultHasher, Hash, Hasher};

use rand_core::Rng;

use super::*;

/// What a run is made of.
struct Plan {
    members: usize,
    messages: usize,
    /// Milliseconds between two messages, whoever sends them.
    pace: u64,
    loss_percent: u64,
    latency_ms: (u64, u64),
    /// Seconds in which nothing passes.
    dark: core::ops::Range<u64>,
    /// Seconds between two kills.
    kill_every: u64,
    /// One message in so many has several segments.
    long_one_in: u64,
}

/// Something at a moment.
enum Happening {
    Arrive { to: usize, payload: Vec<u8>, hint: u64 },
    Answer { to: usize, page: Option<Page>, life: u32 },
    Wake { who: usize },
    Speak,
    Kill,
    Start { who: usize },
}

/// How a killed process ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kill {
    BeforeCommit,
    AfterCommit,
    AmongOutputs,
}

struct Member {
    name: String,
    store: MemoryChannel,
    channel: Option<Channel>,
    doom: Option<Kill>,
    life: u32,
    wake: Option<Tick>,
    app: App,
}

/// The application, which keeps what it was told together with the event's number.
#[derive(Default)]
struct App {
    told: BTreeSet<u64>,
    /// Messages delivered, by author.
    heard: Vec<u32>,
    /// By request: which message of ours it is, and its outcomes.
    requests: BTreeMap<u64, (u32, u32)>,
    said: u32,
}

struct Network {
    plan: Plan,
    now: Tick,
    rng: ChaCha20Rng,
    members: Vec<Member>,
    queue: BinaryHeap<Reverse<(Tick, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    count: u64,
    /// What a store node heard: when, hash, bytes.
    archive: Vec<(Tick, u64, Vec<u8>)>,
    by_hash: BTreeMap<u64, usize>,
    spoken: usize,
    published: usize,
    /// Accepted messages: author, number of the author.
    accepted: BTreeSet<(usize, u32)>,
}

impl Network {
    fn new(plan: Plan, seed: u64) -> Self {
        let members = (0..plan.members).map(|n| Member {
            name: format!("member {n}"),
            store: MemoryChannel::default(),
            channel: None,
            doom: None,
            life: 0,
            wake: None,
            app: App { heard: vec![0; plan.members], ..App::default() },
        });
        let mut network = Self {
            now: at(0),
            rng: ChaCha20Rng::seed_from_u64(seed),
            members: members.collect(),
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            count: 0,
            archive: Vec::new(),
            by_hash: BTreeMap::new(),
            spoken: 0,
            published: 0,
            accepted: BTreeSet::new(),
            plan,
        };
        for who in 0..network.plan.members {
            network.schedule(Duration::ZERO, Happening::Start { who });
        }
        network.schedule(Duration::from_secs(1), Happening::Speak);
        network.schedule(Duration::from_secs(network.plan.kill_every), Happening::Kill);
        network
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.next_u64() % bound
    }

    fn pick(&mut self, of: usize) -> usize {
        usize::try_from(self.below(of as u64)).unwrap()
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.schedule_at(self.now + after, happening);
    }

    fn schedule_at(&mut self, at: Tick, happening: Happening) {
        self.queue.push(Reverse((at, self.count)));
        self.happenings.insert(self.count, happening);
        self.count += 1;
    }

    fn run(&mut self, end: Tick) {
        while self.queue.peek().is_some_and(|Reverse((at, _))| *at <= end) {
            let Some(Reverse((at, number))) = self.queue.pop() else { break };
            self.now = at;
            let happening = self.happenings.remove(&number).unwrap();
            self.happen(happening);
        }
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now;
        match happening {
            Happening::Arrive { to, payload, hint } => {
                self.step(to, |channel| {
                    channel.handle_frame(now, &payload, Some(&hint.to_be_bytes())).ok();
                });
            }
            Happening::Answer { to, page, life } if self.members[to].life == life => {
                self.step(to, |channel| match &page {
                    Some(page) => channel.handle_page(now, page),
                    None => channel.handle_query_failed(now),
                });
            }
            Happening::Answer { .. } => {}
            Happening::Wake { who } => {
                if self.members[who].wake.is_some_and(|at| at <= now) {
                    self.members[who].wake = None;
                    self.step(who, |channel| channel.handle_timeout(now));
                }
            }
            Happening::Speak => self.speak(),
            Happening::Kill => {
                let who = self.pick(self.plan.members);
                let kinds = [Kill::BeforeCommit, Kill::AfterCommit, Kill::AmongOutputs];
                self.members[who].doom = Some(kinds[self.pick(3)]);
                if self.spoken < self.plan.messages {
                    let every = Duration::from_secs(self.plan.kill_every);
                    self.schedule(every, Happening::Kill);
                }
            }
            Happening::Start { who } => self.start(who),
        }
    }

    fn start(&mut self, who: usize) {
        let member = &mut self.members[who];
        member.life += 1;
        let records = member.store.records().unwrap();
        member.channel = Some(open(&member.name, config(), &records, self.now));
        self.step(who, |_| ());
    }

    /// One step of a member, as `ReliableChannel` makes it, unless the member dies of it.
    fn step<T>(&mut self, who: usize, act: impl FnOnce(&mut Channel) -> T) -> Option<T> {
        let member = &mut self.members[who];
        let channel = member.channel.as_mut()?;
        let result = act(channel);
        let changes = channel.take_changes();
        if member.doom == Some(Kill::BeforeCommit) && !changes.is_empty() {
            self.die(who);
            return None;
        }
        member.store.commit(changes).unwrap();
        channel.handle_committed();
        if member.doom == Some(Kill::AfterCommit) {
            self.die(who);
            return Some(result);
        }
        self.drain(who);
        self.set_alarm(who);
        Some(result)
    }

    fn die(&mut self, who: usize) {
        let member = &mut self.members[who];
        (member.channel, member.doom, member.wake) = (None, None, None);
        let down = Duration::from_millis(self.below(5000));
        self.schedule(down, Happening::Start { who });
    }

    fn set_alarm(&mut self, who: usize) {
        let Some(channel) = &self.members[who].channel else { return };
        let Some(deadline) = channel.next_deadline() else { return };
        let deadline = deadline.max(self.now);
        if self.members[who].wake.is_none_or(|wake| deadline < wake) {
            self.members[who].wake = Some(deadline);
            self.schedule_at(deadline, Happening::Wake { who });
        }
    }

    fn drain(&mut self, who: usize) {
        loop {
            let member = &mut self.members[who];
            let Some(channel) = &mut member.channel else { return };
            let Some(output) = channel.poll_output(&mut self.rng) else { return };
            if member.doom == Some(Kill::AmongOutputs) {
                return self.die(who);
            }
            match output {
                ChannelOutput::Publish { id, payload, .. } => self.publish(who, id, &payload),
                ChannelOutput::Event { number, event } => self.tell(who, number, event),
                ChannelOutput::Fetch { hint } => self.fetch(who, &hint),
                ChannelOutput::Query(query) => self.query(who, &query),
                ChannelOutput::Ephemeral { .. } => panic!("nobody sends any"),
            }
        }
    }

    fn passes(&mut self) -> bool {
        let second = (self.now - at(0)).as_secs();
        !self.plan.dark.contains(&second) && self.below(100) >= self.plan.loss_percent
    }

    fn latency(&mut self) -> Duration {
        let (least, most) = self.plan.latency_ms;
        Duration::from_millis(least + self.below(most - least + 1))
    }

    fn publish(&mut self, who: usize, id: Option<MessageId>, payload: &[u8]) {
        self.published += 1;
        let mut hasher = DefaultHasher::new();
        payload.hash(&mut hasher);
        let hint = hasher.finish();
        for to in (0..self.plan.members).filter(|to| *to != who) {
            if self.passes() {
                let after = self.latency();
                let payload = payload.to_vec();
                self.schedule(after, Happening::Arrive { to, payload, hint });
            }
        }
        if self.passes() {
            self.by_hash.insert(hint, self.archive.len());
            self.archive.push((self.now, hint, payload.to_vec()));
        }
        if let (Some(id), Some(channel)) = (id, &mut self.members[who].channel) {
            channel.handle_published(self.now, &id, &hint.to_be_bytes());
            let changes = channel.take_changes();
            channel.handle_committed();
            self.members[who].store.commit(changes).unwrap();
        }
    }

    fn fetch(&mut self, who: usize, hint: &[u8]) {
        let hint = u64::from_be_bytes(hint.try_into().unwrap());
        let Some((_, _, payload)) = self.by_hash.get(&hint).map(|at| self.archive[*at].clone())
        else {
            return;
        };
        if self.passes() {
            let after = self.latency();
            self.schedule(after, Happening::Arrive { to: who, payload, hint });
        }
    }

    fn query(&mut self, who: usize, query: &Query) {
        let life = self.members[who].life;
        let page = self.passes().then(|| self.page(query));
        let after = self.latency();
        self.schedule(after, Happening::Answer { to: who, page, life });
    }

    fn page(&self, query: &Query) -> Page {
        let first = match &query.cursor {
            Some(cursor) => {
                usize::try_from(u64::from_be_bytes(cursor[..].try_into().unwrap())).unwrap()
            }
            None => self.archive.partition_point(|(when, ..)| *when < query.since),
        };
        let last = self.archive.len().min(first + query.limit as usize);
        let frames = self.archive[first..last].iter();
        let frames = frames.map(|(_, hint, bytes)| (bytes.clone(), hint.to_be_bytes().to_vec()));
        let cursor = (last < self.archive.len()).then(|| (last as u64).to_be_bytes().to_vec());
        Page { frames: frames.collect(), cursor }
    }

    fn speak(&mut self) {
        let who = self.pick(self.plan.members);
        let now = self.now;
        let app = &self.members[who].app;
        let number = app.said;
        let mut text = vec![u8::try_from(who).unwrap()];
        text.extend_from_slice(&number.to_be_bytes());
        app.heard.iter().for_each(|count| text.extend_from_slice(&count.to_be_bytes()));
        if self.below(self.plan.long_one_in) == 0 {
            text.resize(2000, 0);
        }
        if let Some(Ok(request)) = self.step(who, |channel| channel.send(now, &text)) {
            // The commit is what accepts; whether the caller lived to hear of it is another matter.
            self.accepted.insert((who, number));
            let app = &mut self.members[who].app;
            app.said += 1;
            app.requests.entry(request.number()).or_default().0 = number;
            self.spoken += 1;
        }
        if self.spoken < self.plan.messages {
            let pace = self.below(2 * self.plan.pace);
            self.schedule(Duration::from_millis(pace), Happening::Speak);
        }
    }

    fn tell(&mut self, who: usize, number: EventNumber, event: ChannelEvent) {
        let app = &mut self.members[who].app;
        if app.told.insert(number.number()) {
            match event {
                ChannelEvent::Message { payload, .. } => app.hear(who, &payload),
                ChannelEvent::Outcome { request, outcome } => {
                    assert!(matches!(outcome, Outcome::Acked { .. }), "somebody is always there");
                    app.requests.entry(request.number()).or_default().1 += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        let channel = self.members[who].channel.as_mut().unwrap();
        channel.handle_consumed(number);
        let changes = channel.take_changes();
        channel.handle_committed();
        self.members[who].store.commit(changes).unwrap();
    }

    fn is_settled(&self) -> bool {
        let all = self.accepted.len();
        self.spoken >= self.plan.messages
            && self.members.iter().enumerate().all(|(who, member)| {
                let own = self.accepted.iter().filter(|(author, _)| *author == who).count();
                let heard: u32 = member.app.heard.iter().sum();
                let open = member.app.requests.values().any(|(_, outcomes)| *outcomes != 1);
                heard as usize + own == all && !open && member.channel.is_some()
            })
    }
}

impl App {
    fn hear(&mut self, me: usize, payload: &[u8]) {
        let author = usize::from(payload[0]);
        assert_ne!(author, me, "our own comes back");
        let number = u32::from_be_bytes(payload[1..5].try_into().unwrap());
        assert_eq!(self.heard[author], number, "once, and in the author's order");
        let clock = payload[5..].chunks(4).take(self.heard.len());
        for (other, count) in clock.enumerate() {
            let count = u32::from_be_bytes(count.try_into().unwrap());
            let have = if other == me { self.said } else { self.heard[other] };
            assert!(have >= count, "after all that its author had heard");
        }
        self.heard[author] += 1;
    }
}

fn config() -> ChannelConfig {
    let mut config = ChannelConfig::default();
    config.segmentation.segment_bytes = 1000;
    config.sds.causal_history = 256;
    config.sds.repair.earliest = Duration::from_secs(3);
    config.sds.repair.latest = Duration::from_secs(12);
    config.sds.repair.requests = 32;
    config
}

fn run(plan: Plan, seed: u64) -> Network {
    let seconds = plan.pace * plan.messages as u64 / 1000;
    let mut network = Network::new(plan, seed);
    for hour in 0..4 {
        network.run(at(seconds + 600 + 3600 * hour));
        if network.is_settled() {
            break;
        }
    }
    assert!(network.is_settled(), "everything arrived and everything has its outcome");
    network
}

#[test]
fn ten_thousand_messages_among_twenty_members_on_half_a_network() {
    let plan = Plan {
        members: 20,
        messages: 10_000,
        pace: 500,
        loss_percent: 50,
        latency_ms: (500, 3000),
        dark: 1000..1015,
        kill_every: 50,
        long_one_in: 50,
    };
    let network = run(plan, 1);
    assert!(network.accepted.len() >= 10_000);
    println!("{} frames for {} messages", network.published, network.accepted.len());
}

#[test]
fn two_members_who_are_killed_all_the_time() {
    for seed in 0..5 {
        let plan = Plan {
            members: 2,
            messages: 300,
            pace: 2000,
            loss_percent: 50,
            latency_ms: (10, 3000),
            dark: 100..200,
            kill_every: 5,
            long_one_in: 5,
        };
        run(plan, seed);
    }
}
