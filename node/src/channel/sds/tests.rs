use hex_literal::hex;
use logos_crypto::keys::SigningKey;
use logos_crypto::secret::Secret;
use proptest::prelude::*;

use super::*;
use crate::channel::store::{ChannelStore, MemoryChannel};

const START: Duration = Duration::from_secs(1_800_000_000);

fn at(seconds: u64) -> Tick {
    Tick::new(START + Duration::from_secs(seconds))
}

fn channel() -> ChannelId {
    ChannelId::new("chat").unwrap()
}

fn named(name: &str) -> Author {
    Author::Named(ParticipantId::new(name).unwrap())
}

fn member(name: &str) -> Sds {
    Sds::new(SdsConfig::default(), channel(), named(name))
}

fn outputs(sds: &mut Sds) -> Vec<SdsOutput> {
    std::iter::from_fn(|| sds.poll_output()).collect()
}

fn frames(outputs: &[SdsOutput]) -> Vec<Arc<[u8]>> {
    let frame = |output: &SdsOutput| match output {
        SdsOutput::Transmit { frame, .. } => Some(frame.clone()),
        _ => None,
    };
    outputs.iter().filter_map(frame).collect()
}

fn contents(outputs: &[SdsOutput]) -> Vec<Vec<u8>> {
    let content = |output: &SdsOutput| match output {
        SdsOutput::Deliver { content, .. } => Some(content.clone()),
        _ => None,
    };
    outputs.iter().filter_map(content).collect()
}

fn say(sds: &mut Sds, now: Tick, text: &str) -> (MessageId, Arc<[u8]>) {
    let id = sds.send(now, text.as_bytes().to_vec());
    let mut frames = frames(&outputs(sds));
    (id, frames.pop().unwrap())
}

/// Lets time pass until `end`, and gives what came out.
fn pass(sds: &mut Sds, end: Tick) -> Vec<SdsOutput> {
    let mut all = Vec::new();
    while let Some(deadline) = sds.next_deadline().filter(|deadline| *deadline <= end) {
        sds.handle_timeout(deadline);
        all.append(&mut outputs(sds));
    }
    all
}

#[test]
fn a_message_is_confirmed_by_name_and_by_nothing_less() {
    let (mut saro, mut raya) = (member("saro"), member("raya"));
    let (id, frame) = say(&mut saro, at(0), "hello");
    raya.handle_frame(at(1), &frame, None).unwrap();
    assert_eq!(contents(&outputs(&mut raya)), [b"hello"]);

    let [sync] = frames(&pass(&mut raya, at(9))).try_into().unwrap();
    let mut perhaps = Dialect::Lip.decode(&sync).unwrap();
    perhaps.causal_history.clear();
    saro.handle_frame(at(2), &Dialect::Lip.encode(&perhaps), None).unwrap();
    assert_eq!(
        (outputs(&mut saro), saro.unconfirmed()),
        (vec![], 1),
        "a filter is no confirmation"
    );

    saro.handle_frame(at(3), &sync, None).unwrap();
    let by = ParticipantId::new("raya").unwrap();
    assert_eq!(outputs(&mut saro), [SdsOutput::Acked { id, by }]);
    assert_eq!(saro.unconfirmed(), 0);
}

#[test]
fn an_unconfirmed_message_comes_again_after_times_that_double_and_then_fails_once() {
    let config = SdsConfig { give_up: Duration::from_secs(600), ..SdsConfig::default() };
    let mut saro = Sds::new(config, channel(), named("saro"));
    let (id, first) = say(&mut saro, at(0), "hello");
    let (mut times, mut failures) = (Vec::new(), 0);
    while let Some(deadline) = saro.next_deadline() {
        saro.handle_timeout(deadline);
        for output in outputs(&mut saro) {
            match output {
                SdsOutput::Transmit { id: Some(_), frame, .. } => {
                    assert_eq!(frame, first, "byte for byte");
                    times.push((deadline - at(0)).as_secs());
                }
                SdsOutput::Unacknowledged { id: failed } if failed == id => failures += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((times.len(), failures), (6, 1), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] >= pair[0] * 2), "{times:?}");
}

#[test]
fn a_lost_confirmation_is_given_again() {
    let (mut saro, mut raya) = (member("saro"), member("raya"));
    let (id, frame) = say(&mut saro, at(0), "hello");
    raya.handle_frame(at(1), &frame, None).unwrap();
    assert_eq!(frames(&pass(&mut raya, at(4))).len(), 1, "lost on the way");
    assert_eq!(raya.handle_frame(at(6), &frame, None), Err(Refusal::Duplicate));
    let [sync] = frames(&pass(&mut raya, at(9))).try_into().unwrap();
    saro.handle_frame(at(9), &sync, None).unwrap();
    assert!(
        matches!(&outputs(&mut saro)[..], [SdsOutput::Acked { id: acked, .. }] if *acked == id)
    );
    assert_eq!(contents(&outputs(&mut raya)), Vec::<Vec<u8>>::new(), "delivered once");
}

#[test]
fn what_comes_first_is_delivered_first() {
    let (mut saro, mut raya) = (member("saro"), member("raya"));
    let sent: Vec<_> = (0..5).map(|n| say(&mut saro, at(0), &n.to_string()).1).collect();
    for n in [4, 2, 3, 1] {
        raya.handle_frame(at(1), &sent[n], None).unwrap();
        assert!(contents(&outputs(&mut raya)).is_empty());
    }
    raya.handle_frame(at(1), &sent[0], None).unwrap();
    assert_eq!(contents(&outputs(&mut raya)), [b"0", b"1", b"2", b"3", b"4"]);
    assert_eq!((raya.waiting(), raya.missing()), (0, 0));
}

#[test]
fn a_gap_is_asked_for_and_answered_once() {
    let (mut saro, mut raya, mut pax) = (member("saro"), member("raya"), member("pax"));
    let (_, first) = say(&mut saro, at(0), "first");
    let (_, second) = say(&mut saro, at(0), "second");
    for (frame, members) in [(&first, 1), (&second, 2)] {
        for sds in [&mut pax, &mut raya].into_iter().take(members) {
            sds.handle_frame(at(1), frame, None).unwrap();
        }
    }
    assert_eq!(raya.missing(), 1);
    let asked = pass(&mut raya, at(200));
    let request = frames(&asked)
        .into_iter()
        .find(|frame| !Dialect::Lip.decode(frame).unwrap().repair_request.is_empty());
    let request = request.unwrap();
    pass(&mut saro, at(199));
    saro.handle_frame(at(200), &request, None).unwrap();
    let answered =
        |outputs: &[SdsOutput]| frames(outputs).iter().filter(|frame| **frame == first).count();
    saro.handle_timeout(at(200));
    assert_eq!(answered(&outputs(&mut saro)), 1, "the author answers at once");

    outputs(&mut pax);
    pax.handle_frame(at(200), &request, None).unwrap();
    assert_eq!(pax.handle_frame(at(201), &first, None), Err(Refusal::Duplicate));
    assert_eq!(answered(&pass(&mut pax, at(900))), 0, "others keep silent then");

    raya.handle_frame(at(201), &first, None).unwrap();
    assert_eq!(contents(&outputs(&mut raya)), [&b"first"[..], b"second"]);
}

#[test]
fn a_member_answers_for_an_author_who_is_gone() {
    let (mut saro, mut raya, mut pax) = (member("saro"), member("raya"), member("pax"));
    let (_, first) = say(&mut saro, at(0), "first");
    let (_, second) = say(&mut saro, at(0), "second");
    pax.handle_frame(at(1), &first, None).unwrap();
    for sds in [&mut pax, &mut raya] {
        sds.handle_frame(at(1), &second, None).unwrap();
    }
    let mut wire = frames(&pass(&mut raya, at(200)));
    for frame in wire.drain(..) {
        pax.handle_frame(at(200), &frame, None).ok();
    }
    let answers = frames(&pass(&mut pax, at(400)));
    for frame in answers {
        raya.handle_frame(at(400), &frame, None).ok();
    }
    assert_eq!(contents(&outputs(&mut raya)), [&b"first"[..], b"second"]);
}

#[test]
fn what_is_not_to_be_had_is_told_and_the_rest_goes_on() {
    let (mut saro, mut raya) = (member("saro"), member("raya"));
    let (lost, _) = say(&mut saro, at(0), "first");
    let (_, second) = say(&mut saro, at(0), "second");
    raya.handle_frame(at(1), &second, None).unwrap();
    let all = pass(&mut raya, at(3700));
    let is_lost = |output: &SdsOutput| matches!(output, SdsOutput::Lost { id, .. } if *id == lost);
    assert_eq!(all.iter().filter(|output| is_lost(output)).count(), 1);
    assert_eq!(contents(&all), [b"second"]);
}

#[test]
fn a_missing_message_is_fetched_where_its_hint_says() {
    let (mut saro, mut raya) = (member("saro"), member("raya"));
    let (id, _) = say(&mut saro, at(0), "first");
    saro.handle_hint(&id, b"transport hash");
    let (_, second) = say(&mut saro, at(0), "second");
    raya.handle_frame(at(1), &second, None).unwrap();
    let fetch = SdsOutput::Fetch { id, hint: b"transport hash".to_vec() };
    assert_eq!(pass(&mut raya, at(4)), [fetch]);
}

#[test]
fn a_settled_channel_is_silent() {
    let (mut saro, mut raya) = (member("saro"), member("raya"));
    let mut now = at(0);
    saro.send(now, b"hello".to_vec());
    let mut quiet_since = now;
    for _ in 0..1000 {
        let mut wire = frames(&outputs(&mut saro));
        for frame in wire.drain(..) {
            let _ = raya.handle_frame(now, &frame, None);
        }
        let mut back = frames(&outputs(&mut raya));
        if !back.is_empty() {
            quiet_since = now;
        }
        for frame in back.drain(..) {
            let _ = saro.handle_frame(now, &frame, None);
        }
        let Some(next) = [saro.next_deadline(), raya.next_deadline()].into_iter().flatten().min()
        else {
            break;
        };
        now = next.max(now);
        saro.handle_timeout(now);
        raya.handle_timeout(now);
    }
    assert_eq!((saro.next_deadline(), raya.next_deadline()), (None, None));
    assert!(quiet_since - at(0) < Duration::from_secs(5), "one confirmation, no more");
}

#[test]
fn a_member_comes_back_as_it_was() {
    let (mut saro, mut raya) = (member("saro"), member("raya"));
    let (_, first) = say(&mut saro, at(0), "first");
    let (_, second) = say(&mut saro, at(0), "second");
    let (_, third) = say(&mut saro, at(0), "third");
    raya.handle_frame(at(1), &first, None).unwrap();
    raya.handle_frame(at(1), &third, None).unwrap();
    let (answer, bytes) = say(&mut raya, at(2), "answer");

    let mut store = MemoryChannel::default();
    store.commit(raya.take_changes()).unwrap();
    let records = store.records().unwrap();
    let config = SdsConfig::default();
    let mut raya = Sds::restore(config, channel(), named("raya"), &records, at(60)).unwrap();
    assert_eq!((raya.waiting(), raya.missing(), raya.unconfirmed()), (1, 1, 1));
    assert_eq!(raya.handle_frame(at(61), &first, None), Err(Refusal::Duplicate));
    raya.handle_timeout(at(61));
    assert!(frames(&outputs(&mut raya)).contains(&bytes), "{answer} is sent again");
    raya.handle_frame(at(62), &second, None).unwrap();
    assert_eq!(contents(&outputs(&mut raya)), [&b"second"[..], b"third"]);
    let (_, later) = say(&mut raya, at(0), "later");
    let [earlier, later] = [bytes, later].map(|frame| Dialect::Lip.decode(&frame).unwrap().lamport);
    assert!(later > earlier, "the clock survives");
}

#[test]
fn damaged_records_are_refused() {
    let mut saro = member("saro");
    saro.send(at(0), b"text".to_vec());
    let mut store = MemoryChannel::default();
    store.commit(saro.take_changes()).unwrap();
    let good = store.records().unwrap();
    let open = |records: &[_]| {
        Sds::restore(SdsConfig::default(), channel(), named("saro"), records, at(1)).is_ok()
    };
    assert!(open(&good));
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place].1.insert(0, 0xff);
        let is_plain = matches!(bad[place].0, crate::channel::RecordKey::Head(_));
        let is_frame = matches!(bad[place].0, crate::channel::RecordKey::Frame(_));
        assert_eq!(open(&bad), is_plain || is_frame, "{:?}", bad[place].0);
    }
}

#[test]
fn what_is_not_for_us_is_refused() {
    let mut raya = member("raya");
    let (_, frame) = say(&mut raya, at(0), "own");
    assert_eq!(raya.handle_frame(at(0), &frame, None), Err(Refusal::Own));
    let other = ChannelId::new("other").unwrap();
    let mut saro = Sds::new(SdsConfig::default(), other, named("saro"));
    let (_, frame) = say(&mut saro, at(0), "elsewhere");
    assert_eq!(raya.handle_frame(at(0), &frame, None), Err(Refusal::OtherChannel));
    let mut saro = member("saro");
    let (_, frame) = say(&mut saro, at(601), "tomorrow");
    assert_eq!(raya.handle_frame(at(0), &frame, None), Err(Refusal::Future));
    assert_eq!(raya.remembered(), 1);
    assert!(raya.handle_frame(at(2), &frame, None).is_ok());
}

#[test]
fn nobody_speaks_confirms_or_asks_for_another() {
    let signed = |seed| {
        let key = SigningKey::from_secret(&Secret::new([seed; 32]));
        Sds::new(SdsConfig::default(), channel(), Author::Signed(key))
    };
    let (mut saro, mut raya, mut mallory) = (signed(1), signed(2), signed(3));
    let (_, hello) = say(&mut saro, at(0), "hello");
    mallory.handle_frame(at(1), &hello, None).unwrap();
    let sync = frames(&pass(&mut mallory, at(9))).pop().unwrap();
    let mut message = Dialect::Lip.decode(&sync[64..]).unwrap();
    message.sender = raya.me().clone();
    let forged = [&sync[..64], &Dialect::Lip.encode(&message)].concat();
    assert_eq!(saro.handle_frame(at(1), &forged, None), Err(Refusal::Inauthentic));
    assert_eq!((saro.unconfirmed(), outputs(&mut saro)), (1, vec![]));
    assert_eq!(raya.handle_frame(at(1), &sync[..40], None), Err(Refusal::Short));
    raya.handle_frame(at(1), &hello, None).unwrap();
    assert_eq!(contents(&outputs(&mut raya)), [b"hello"]);
}

#[test]
fn what_a_member_makes_others_hold_is_bounded() {
    let config = SdsConfig { waiting: 10, log: 20, ..SdsConfig::default() };
    let mut raya = Sds::new(config, channel(), named("raya"));
    // Messages after one that never arrives.
    let mut flood = |name: &str| {
        let mut author = member(name);
        author.send(at(0), b"never arrives".to_vec());
        outputs(&mut author);
        let refused = (0..50).filter(|n: &u32| {
            let (_, frame) = say(&mut author, at(1), &n.to_string());
            raya.handle_frame(at(1), &frame, None) == Err(Refusal::Full)
        });
        (refused.count(), raya.waiting())
    };
    assert_eq!(flood("saro"), (45, 5), "no member has more than half of the places");
    assert_eq!(flood("tess"), (48, 7), "who has less than a quarter has some of the rest");
    assert_eq!(flood("vika"), (48, 9));
    assert_eq!(flood("wim"), (49, 10), "and there are no more");
    let mut pax = member("pax");
    let old = say(&mut member("tess"), at(0), "old").1;
    for n in 0..50_u32 {
        let frame = say(&mut pax, at(2), &n.to_string()).1;
        raya.handle_frame(at(2), &frame, None).unwrap();
    }
    assert_eq!(raya.remembered(), 20);
    assert_eq!(raya.handle_frame(at(3), &old, None), Err(Refusal::TooOld));
}

#[test]
fn messages_that_wait_for_each_other_do_not_wait_for_ever() {
    let mut raya = member("raya");
    let frame = |id: &str, lamport, after: &[&str]| {
        let entry = |id: &&str| HistoryEntry::new(MessageId::new(id).unwrap());
        Dialect::Lip.encode(&SdsMessage {
            sender: ParticipantId::new("mallory").unwrap(),
            id: MessageId::new(id).unwrap(),
            channel: channel(),
            lamport: Some(lamport),
            causal_history: after.iter().map(entry).collect(),
            bloom: None,
            repair_request: Vec::new(),
            content: Some(id.as_bytes().to_vec()),
        })
    };
    raya.handle_frame(at(0), &frame("a", 5, &["b", "a"]), None).unwrap();
    assert_eq!(raya.waiting(), 1);
    raya.handle_frame(at(0), &frame("b", 5, &["c"]), None).unwrap();
    assert_eq!(contents(&outputs(&mut raya)), [b"a"], "one clock: neither comes first");
    raya.handle_frame(at(0), &frame("c", 6, &["b"]), None).unwrap();
    assert_eq!(contents(&outputs(&mut raya)), [b"b", b"c"]);
    assert_eq!((raya.waiting(), raya.missing()), (0, 0));
}

#[test]
fn an_ephemeral_message_is_outside_of_everything() {
    let (mut saro, mut raya) = (member("saro"), member("raya"));
    saro.send_ephemeral(at(0), b"typing".to_vec());
    let [frame] = frames(&outputs(&mut saro)).try_into().unwrap();
    raya.handle_frame(at(0), &frame, None).unwrap();
    let sender = saro.me().clone();
    assert_eq!(outputs(&mut raya), [SdsOutput::Ephemeral { sender, content: b"typing".to_vec() }]);
    assert_eq!((saro.unconfirmed(), raya.remembered(), raya.next_deadline()), (0, 0, None));
}

/// Bytes worked out by hand from the field numbers of each implementation.
#[test]
fn the_dialects_have_their_own_numbers() {
    let message = SdsMessage {
        sender: ParticipantId::new("s").unwrap(),
        id: MessageId::new("m").unwrap(),
        channel: ChannelId::new("c").unwrap(),
        lamport: Some(300),
        causal_history: vec![HistoryEntry {
            hint: Some(vec![9]),
            ..HistoryEntry::new(MessageId::new("p").unwrap())
        }],
        bloom: Some(Bloom::new(vec![1], 64, 7).unwrap()),
        repair_request: vec![HistoryEntry::new(MessageId::new("q").unwrap())],
        content: Some(vec![0xaa]),
    };
    let lip = hex!(
        "0a0173" "12016d" "1a0163" "50ac02" "5a060a0170120109" "62080000000000000001"
        "6a030a0171" "a20101aa"
    );
    let nim = hex!(
        "0a016d" "10ac02" "1a060a0170120109" "220163" "2a01aa"
        "3213" "0a080100000000000000" "1006" "18904e" "2007" "2840" "3a0173" "6a030a0171"
    );
    assert_eq!(Dialect::Lip.encode(&message), lip);
    assert_eq!(Dialect::Nim.encode(&message), nim);
    assert_eq!(Dialect::Lip.decode(&lip), Ok(message.clone()));
    assert_eq!(Dialect::Nim.decode(&nim), Ok(message));
    assert!(Dialect::Lip.decode(&nim).is_err() && Dialect::Nim.decode(&lip).is_err());
}

#[test]
fn a_filter_that_cannot_be_asked_is_refused() {
    let mut message = Dialect::Nim.decode(&hex!("0a016d" "1001" "220163" "3a0173")).unwrap();
    message.bloom = Some(Bloom::new(vec![1], 64, 7).unwrap());
    let good = Dialect::Nim.encode(&message);
    assert!(Dialect::Nim.decode(&good).is_ok());
    let at = good.len() - 3 - 4;
    for (hashes, bits) in [(7, 0), (7, 65), (0, 64), (33, 64)] {
        let mut bad = good.clone();
        (bad[at + 1], bad[at + 3]) = (hashes, bits);
        assert!(
            matches!(Dialect::Nim.decode(&bad), Err(MessageError::Bloom(_))),
            "{hashes} {bits}"
        );
    }
}

#[test]
fn the_filter_of_js_waku_is_read() {
    let mut message = Dialect::Lip.decode(&hex!("0a0173" "12016d" "1a0163")).unwrap();
    for (words, bits) in [(2344, 150_000), (2813, 180_000)] {
        let bloom = Bloom::new(vec![u64::MAX; words], bits, 10).unwrap();
        message.bloom = Some(bloom);
        assert_eq!(Dialect::Lip.decode(&Dialect::Lip.encode(&message)), Ok(message.clone()));
    }
}

#[test]
fn fields_to_come_are_skipped() {
    let bytes = hex!("0a0173" "12016d" "1a0163" "7801" "a20101aa" "a80105");
    assert_eq!(Dialect::Lip.decode(&bytes).unwrap().content, Some(vec![0xaa]));
}

fn entry() -> impl Strategy<Value = HistoryEntry> {
    let hint = proptest::option::of(proptest::collection::vec(any::<u8>(), 1..MAX_HINT_BYTES));
    ("[a-z]{1,9}", hint, proptest::option::of("[a-z]{1,9}")).prop_map(|(id, hint, sender)| {
        let sender = sender.and_then(|sender| ParticipantId::new(&sender));
        HistoryEntry { id: MessageId::new(&id).unwrap(), hint, sender }
    })
}

proptest! {
    #[test]
    fn decoding_inverts_encoding(
        names in ("[a-z]{1,9}", "[a-z]{1,9}", "[a-z]{1,9}"),
        lamport in 1..u64::MAX,
        causal_history in proptest::collection::vec(entry(), 0..5),
        repair_request in proptest::collection::vec(entry(), 0..5),
        words in proptest::collection::vec(any::<u64>(), 0..20),
        content in proptest::collection::vec(any::<u8>(), 0..50),
        nim: bool,
    ) {
        let dialect = if nim { Dialect::Nim } else { Dialect::Lip };
        let bits = words.len() as u64 * 64;
        let message = SdsMessage {
            sender: ParticipantId::new(&names.0).unwrap(),
            id: MessageId::new(&names.1).unwrap(),
            channel: ChannelId::new(&names.2).unwrap(),
            lamport: Some(lamport),
            causal_history,
            bloom: Bloom::new(words, bits, 7).ok(),
            repair_request,
            content: (!content.is_empty()).then_some(content),
        };
        prop_assert_eq!(dialect.decode(&dialect.encode(&message)), Ok(message));
    }

    #[test]
    fn any_order_with_any_repeats_delivers_all_once_and_in_order(
        order in proptest::collection::vec(0_usize..12, 0..60),
    ) {
        let (mut saro, mut pax, mut raya) = (member("saro"), member("pax"), member("raya"));
        let mut sent = Vec::new();
        for n in 0..12_u8 {
            let (speaker, listener) =
                if n % 3 == 0 { (&mut pax, &mut saro) } else { (&mut saro, &mut pax) };
            let (_, frame) = say(speaker, at(n.into()), &n.to_string());
            listener.handle_frame(at(n.into()), &frame, None).unwrap();
            outputs(listener);
            sent.push(frame);
        }
        for n in order.into_iter().chain(0..12) {
            raya.handle_frame(at(20), &sent[n], None).ok();
        }
        let heard = contents(&outputs(&mut raya));
        let expected: Vec<_> = (0..12).map(|n: u8| n.to_string().into_bytes()).collect();
        prop_assert_eq!(heard, expected);
    }

    #[test]
    fn no_bytes_break_a_member(frames in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
        let mut raya = member("raya");
        for frame in frames {
            let before = raya.remembered();
            if raya.handle_frame(at(0), &frame, None).is_err() {
                prop_assert_eq!(raya.remembered(), before);
            }
        }
    }
}
