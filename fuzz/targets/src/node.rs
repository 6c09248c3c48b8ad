//! Targets for `logos-node`.

use core::fmt::Debug;

use logos_node::wire::{
    ContentTopic, FilterRequest, FilterResponse, LightPushRequest, LightPushResponse, MessagePush,
    MetadataMessage, PeerExchange, PeerRecordMessage, PubsubTopic, StoreRequest, StoreResponse,
    WakuMessage, Wire,
};

/// Decodes the bytes after the first as the message that the first names: what decodes comes back
/// from its encoding, which is within the bound that was kept when it was read.
///
/// # Panics
///
/// If that does not hold.
pub fn wire(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 11 {
        0 => round_trip::<WakuMessage>(bytes),
        1 => round_trip::<LightPushRequest>(bytes),
        2 => round_trip::<LightPushResponse>(bytes),
        3 => round_trip::<FilterRequest>(bytes),
        4 => round_trip::<FilterResponse>(bytes),
        5 => round_trip::<MessagePush>(bytes),
        6 => round_trip::<StoreRequest>(bytes),
        7 => round_trip::<StoreResponse>(bytes),
        8 => round_trip::<MetadataMessage>(bytes),
        9 => round_trip::<PeerExchange>(bytes),
        _ => round_trip::<PeerRecordMessage>(bytes),
    }
}

fn round_trip<T: Wire + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::decode(bytes) {
        assert_eq!(T::decode(&value.encode()).as_ref(), Ok(&value));
    }
}

/// Parses topics: what parses is written as it was read.
///
/// # Panics
///
/// If that does not hold.
pub fn topic(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    if let Ok(topic) = text.parse::<ContentTopic>() {
        assert_eq!(topic.to_string(), text);
        assert!(!topic.application().is_empty() && !topic.version().is_empty());
    }
    if let Ok(topic) = text.parse::<PubsubTopic>() {
        assert_eq!(topic.to_string(), text);
    }
}
