use super::*;
use crate::store::tests::Folder;

const TOPIC: PubsubTopic = PubsubTopic { cluster: 1, shard: 2 };
const NOW: UnixNanos = UnixNanos::new(1_700_000_000_000_000_000);

fn message(n: i64) -> (MessageHash, PubsubTopic, Arc<WakuMessage>) {
    let mut message = WakuMessage::new("/a/1/b/c", n.to_le_bytes().to_vec());
    message.timestamp = UnixNanos::new(NOW.get() + n);
    (message.hash(&TOPIC.to_string()), TOPIC, Arc::new(message))
}

fn archive(count: i64) -> Archive {
    let archive = Archive::open(&StoreConfig::default()).unwrap();
    let batch: Vec<_> = (0..count).map(message).collect();
    archive.keep(&batch, NOW).unwrap();
    archive
}

fn numbers(response: &StoreResponse) -> Vec<i64> {
    assert_eq!(response.status, status::OK, "{}", response.description);
    let payload = |entry: &StoreEntry| entry.message.as_ref().unwrap().0.payload.clone();
    let number = |bytes: Vec<u8>| i64::from_le_bytes(bytes.try_into().unwrap());
    response.messages.iter().map(|entry| number(payload(entry))).collect()
}

fn query(forward: bool) -> StoreRequest {
    StoreRequest { include_data: true, forward, limit: Some(4), ..StoreRequest::default() }
}

fn pages(archive: &Archive, mut request: StoreRequest) -> Vec<Vec<i64>> {
    let mut pages = Vec::new();
    loop {
        let response = archive.answer(&request).unwrap();
        pages.push(numbers(&response));
        match response.cursor {
            Some(cursor) => request.cursor = Some(cursor),
            None => return pages,
        }
    }
}

#[test]
fn pages_go_forward_and_backward_and_end() {
    let archive = archive(10);
    let forward = pages(&archive, query(true));
    assert_eq!(forward, [vec![0, 1, 2, 3], vec![4, 5, 6, 7], vec![8, 9]]);
    let backward = pages(&archive, query(false));
    assert_eq!(backward, [vec![6, 7, 8, 9], vec![2, 3, 4, 5], vec![0, 1]]);
}

#[test]
fn topics_and_times_select() {
    let archive = archive(10);
    let mut other = WakuMessage::new("/x/1/y/z", 99_i64.to_le_bytes().to_vec());
    other.timestamp = NOW;
    archive.keep(&[(other.hash(&TOPIC.to_string()), TOPIC, Arc::new(other))], NOW).unwrap();
    let mut request = query(true);
    request.pubsub_topic = Some(TOPIC.to_string());
    request.content_topics = vec!["/x/1/y/z".to_owned()];
    assert_eq!(pages(&archive, request), [vec![99]]);
    let mut request = query(true);
    request.from = Some(UnixNanos::new(NOW.get() + 3));
    request.to = Some(UnixNanos::new(NOW.get() + 5));
    assert_eq!(pages(&archive, request), [vec![3, 4, 5]]);
}

#[test]
fn messages_are_found_by_name() {
    let archive = archive(3);
    let names = vec![message(2).0, message(7).0, message(1).0];
    let response = archive.answer(&StoreRequest::which(names)).unwrap();
    let found: Vec<_> = response.messages.iter().map(|entry| entry.hash).collect();
    assert_eq!(found, [message(2).0, message(1).0]);
    assert!(response.messages.iter().all(|entry| entry.message.is_none()));
}

#[test]
fn queries_without_sense_are_refused() {
    let archive = archive(1);
    let status = |request| archive.answer(&request).unwrap().status;
    let mut request = query(true);
    request.content_topics = vec!["/a/1/b/c".to_owned()];
    assert_eq!(status(request), status::BAD_REQUEST);
    let mut request = query(true);
    request.cursor = Some(MessageHash::from_bytes([7; 32]));
    assert_eq!(status(request), status::BAD_REQUEST);
}

#[test]
fn what_is_ephemeral_or_far_from_now_is_not_kept() {
    let archive = archive(0);
    let mut ephemeral = message(1);
    Arc::make_mut(&mut ephemeral.2).ephemeral = true;
    let late = message(i64::try_from(Archive::MAX_DRIFT.as_nanos()).unwrap() + 1);
    archive.keep(&[ephemeral, late], NOW).unwrap();
    assert!(archive.is_empty().unwrap());
}

#[test]
fn the_oldest_go_when_there_are_too_many_or_they_are_too_old() {
    let config =
        StoreConfig { capacity: 3, retention: Duration::from_secs(60), ..StoreConfig::default() };
    let archive = Archive::open(&config).unwrap();
    let batch: Vec<_> = (0..5).map(message).collect();
    archive.keep(&batch, NOW).unwrap();
    assert_eq!(pages(&archive, query(true)), [vec![2, 3, 4]]);
    archive.keep(&[], NOW.plus(Duration::from_secs(61))).unwrap();
    assert!(archive.is_empty().unwrap());
    let response = archive.answer(&StoreRequest::which(vec![message(4).0])).unwrap();
    assert_eq!(response.messages, []);
}

#[test]
fn a_message_is_kept_once_and_outlives_the_process() {
    let folder = Folder::new("archive");
    let config = StoreConfig { path: Some(folder.join("archive.redb")), ..StoreConfig::default() };
    let archive = Archive::open(&config).unwrap();
    archive.keep(&[message(1), message(1)], NOW).unwrap();
    archive.keep(&[message(1)], NOW).unwrap();
    assert_eq!(Archive::open(&config).unwrap_err(), ArchiveError::Locked);
    drop(archive);
    assert_eq!(pages(&Archive::open(&config).unwrap(), query(true)), [vec![1]]);
}
