//! What became of every packet.

use std::time::Duration;

use logos_crypto::tick::Tick;
use logos_mix::NodeConfig;
use logos_mix::cover::{CoverConfig, Health, Strategy};

use super::net::{NODES, Net};

#[test]
fn ten_thousand_requests_are_answered_or_accounted_for() {
    let cover = CoverConfig { strategy: Strategy::Off, ..CoverConfig::default() };
    let mut net = Net::new(cover, 5);
    const REQUESTS: u64 = 10_000;
    for n in 0..REQUESTS {
        net.request(n, 1);
        for i in 0..NODES {
            net.drain(i);
        }
        net.run_until(Tick::ORIGIN + Duration::from_millis(n * 10));
    }
    net.run_until(net.now + Duration::from_secs(3600));
    assert!(net.links.is_empty());

    // Every packet that was put on a link was lost there or came in, and none was refused.
    let received = net.total(|node| node.counters().0.received);
    assert_eq!(net.sent, received + net.lost);
    assert_eq!(net.total(|node| node.counters().0.dropped()), 0);
    assert_eq!(net.total(|node| (node.held().0 + node.held().1) as u64), 0);

    // Every request and every answer came to its end or to a lossy link.
    let originated = net.total(|node| node.counters().1.sent);
    let ended = net.requests.len() + net.answers.len();
    assert_eq!(originated, REQUESTS + net.requests.len() as u64);
    assert_eq!(originated, ended as u64 + net.lost);
    let (reached, answered) = (net.requests.len(), net.answers.len());
    // Three links each way: 0.95^3 = 0.857 reach, and the same part of those are answered.
    assert!((8400..8750).contains(&reached), "{reached}");
    assert!((7150..7550).contains(&answered), "{answered}");
    assert_eq!(net.total(|node| node.counters().1.unknown_replies), 0);
}

#[test]
fn cover_returns_and_hides_nothing_less_when_messages_take_its_place() {
    let cover = CoverConfig { slots: 1000, ..CoverConfig::default() };
    let mut net = Net::new(cover, 0);
    let config = NodeConfig::default();
    assert!(config.cover.data_replaces_cover);
    for n in 0..200 {
        net.request(n, 1);
        net.run_until(Tick::ORIGIN + Duration::from_millis(n * 500));
    }
    net.run_until(net.now + Duration::from_secs(120));
    assert_eq!((net.requests.len(), net.answers.len()), (200, 200));
    // A schedule of one packet in 57 ms, for 220 s, on five nodes, whatever was asked.
    let scheduled = net.total(|node| node.counters().1.sent + node.counters().1.loops_sent);
    let expected = 5.0 * 219.5 / cover.interval().as_secs_f64();
    assert!((scheduled as f64 / expected - 1.0).abs() < 0.03, "{scheduled} {expected}");
    for node in &net.nodes {
        let (under_way, _, lost) = node.monitor().counts();
        assert!(under_way < 150 && lost == 0);
        assert_eq!(node.monitor().health(), Health::Good);
    }
}
