//! Targets for the records and lists that peers are found by.

use logos_node::discovery::{Enr, PeerRecord, TreeLink, TreeWalk};

/// Decodes a node's record, from bytes and from text: what decodes is within its bound, is written as
/// it was read, and its addresses can be computed.
///
/// # Panics
///
/// If that does not hold.
pub fn enr(data: &[u8]) {
    let text = core::str::from_utf8(data).ok().and_then(|text| text.parse::<Enr>().ok());
    for record in Enr::decode(data).ok().into_iter().chain(text) {
        assert!(record.as_bytes().len() <= Enr::MAX_BYTES);
        assert_eq!(record.to_string().parse().as_ref(), Ok(&record));
        assert_eq!(Enr::decode(record.as_bytes()).as_ref(), Ok(&record));
        assert!(record.addresses().len() <= Enr::MAX_BYTES);
    }
}

/// Opens a peer's record in its envelope.
///
/// # Panics
///
/// If the addresses of what opens cannot be computed.
pub fn peer_record(data: &[u8]) {
    if let Ok(record) = PeerRecord::open(data) {
        assert!(data.len() <= PeerRecord::MAX_SEALED_BYTES);
        assert_eq!(record.addresses_with_id().len(), record.addresses.len());
    }
}

/// The key of EIP-1459's example.
const LINK: &str =
    "enrtree://AKPYQIUQIL7PSIACI32J7FGZW56E5FKHEFCCOFHILBIMW3M6LWXS2@nodes.example.org";

/// Walks a tree whose name system answers every question with the lines of the text: it ends, and
/// within its bounds.
///
/// # Panics
///
/// If it does not.
pub fn tree(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let texts: Vec<String> = text.lines().map(str::to_owned).collect();
    let link: TreeLink = LINK.parse().expect("the example is one");
    let mut walk = TreeWalk::new(link, 0);
    let mut asked = 0;
    while let Some(question) = walk.poll_output() {
        asked += 1;
        assert!(question.name().len() <= 253);
        // What is wrong is told, and the walk goes on.
        walk.handle_answer(question, &texts).ok();
    }
    assert!(asked <= TreeWalk::MAX_QUESTIONS);
    assert!(walk.into_records().len() <= asked);
    if let Some(Ok(link)) = texts.first().map(|text| text.parse::<TreeLink>()) {
        assert_eq!(link.to_string().parse(), Ok(link));
    }
}
