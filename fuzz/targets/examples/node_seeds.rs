//! Writes the seeds of the channel and chat targets: `cargo run -p logos-fuzz-targets --example
//! node_seeds`.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use logos_crypto::tick::Tick;
use logos_node::channel::{
    Author, Channel, ChannelConfig, ChannelId, ChannelStore, MemoryChannel, ParticipantId,
    Protection, ReliableChannel, Schema, Sds, SdsConfig, SdsOutput, Segment, Segmentation,
};
use logos_node::chat::{Content, ContentFrame};

fn main() -> io::Result<()> {
    segments()?;
    messages()?;
    scripts()?;
    records()?;
    let other = ContentFrame { domain: 7, tag: 9, bytes: vec![1, 2, 3] };
    write("node_content", "text", &Content::Text("hello".to_owned()).to_frame().encode())?;
    write("node_content", "other", &other.encode())?;
    write("node_content", "zero_domain", &[8, 0])
}

fn segments() -> io::Result<()> {
    let single = Segment::single(b"hello".to_vec());
    write("node_segment", "lip", &single.encode(Schema::Lip))?;
    write("node_segment", "nim", &single.encode(Schema::Nim))?;
    write("node_segment", "no_segments", &[0x0a, 1, 0])?;
    for (name, schema) in [("lip", Schema::Lip), ("nim", Schema::Nim)] {
        let cut = Segmentation { schema, segment_bytes: 192, parity_per_million: 500_000 };
        let cut = cut.split(&[7; 200]).expect("it is short");
        write("node_segment", &format!("parity_{name}"), cut.last().expect("there are some"))?;
        write("node_reassembly", &format!("whole_{name}"), &script(&cut))?;
        write("node_reassembly", &format!("from_parity_{name}"), &script(&cut[2..]))?;
        let repeated = [&cut[..2], &cut[..]].concat();
        write("node_reassembly", &format!("repeated_{name}"), &script(&repeated))?;
    }
    Ok(())
}

fn script(pieces: &[Vec<u8>]) -> Vec<u8> {
    let piece = |bytes: &Vec<u8>| {
        let length = u8::try_from(bytes.len()).expect("segments are short");
        [&[0, length], &bytes[..]].concat()
    };
    pieces.iter().flat_map(piece).collect()
}

fn messages() -> io::Result<()> {
    let author = || Author::Named(ParticipantId::new("saro").expect("short"));
    let channel = || ChannelId::new("channel").expect("short");
    let now = Tick::new(Duration::from_secs(1_800_000_000));
    for (name, dialect) in
        [("lip", logos_node::channel::Dialect::Lip), ("nim", logos_node::channel::Dialect::Nim)]
    {
        let config = SdsConfig { dialect, ..SdsConfig::default() };
        let mut saro = Sds::new(config, channel(), author());
        saro.send(now, b"one".to_vec());
        saro.send(now, b"two".to_vec());
        let frames: Vec<_> = std::iter::from_fn(|| saro.poll_output())
            .filter_map(|output| match output {
                SdsOutput::Transmit { frame, .. } => Some(frame.to_vec()),
                _ => None,
            })
            .collect();
        write("node_sds_message", &format!("first_{name}"), &frames[0])?;
        write("node_sds_message", &format!("second_{name}"), &frames[1])?;
    }
    write(
        "node_sds_message",
        "filter_without_bits",
        &[
            10, 1, b'm', 0x10, 1, 0x22, 1, b'c', 0x32, 8, 0x0a, 0, 0x20, 7, 0x28, 0, 0x18, 1, 0x3a,
            1, b's',
        ],
    )
}

/// Commands: member in bit 0, what it does in bits 1 to 3.
fn scripts() -> io::Result<()> {
    const SEND: u8 = 0;
    const HEAR: u8 = 3 << 1;
    const WAIT: u8 = 6 << 1;
    const RESTART: u8 = 7 << 1;
    let talk = [
        &[SEND, 2, b'h', b'i'][..],
        &[HEAR | 1, 3, 0, 0, 0],
        &[WAIT | 1, 2, 0, 0],
        &[HEAR, 3, 0, 0, 0],
    ];
    write("node_sds", "confirmed", &talk.concat())?;
    let gap = [
        &[SEND, 1, b'a'][..],
        &[SEND, 1, b'b'],
        &[HEAR | 1, 3, 1, 0, 0],
        &[RESTART | 1, 0],
        &[WAIT | 1, 30],
        &[0; 30],
        &[HEAR | 1, 3, 0, 0, 0],
        &[HEAR | 1, 3, 0, 0, 0],
    ];
    write("node_sds", "gap", &gap.concat())?;
    let changed = [&[SEND, 1, b'a'][..], &[HEAR | 1, 3, 0, 1, 9], &[RESTART, 0], &[WAIT, 1, 0]];
    write("node_sds", "changed", &changed.concat())
}

fn records() -> io::Result<()> {
    let now = Tick::new(Duration::from_secs(1_800_000_000));
    let id = ChannelId::new("channel").expect("short");
    let author = Author::Named(ParticipantId::new("member 0").expect("short"));
    let config = ChannelConfig::default();
    let channel = Channel::open(config, id, author, Protection::Clear, &[], now);
    let store = MemoryChannel::default();
    let mut channel = ReliableChannel::new(channel.expect("it is new"), store);
    channel.send(now, b"hello").expect("it is short");
    let mut seed = Vec::new();
    for (key, value) in channel.into_store().records().expect("memory does not fail") {
        for bytes in [key.to_bytes(), value] {
            let length = u8::try_from(bytes.len()).expect("records are short");
            seed.extend_from_slice(&[0, length]);
            seed.extend_from_slice(&bytes);
        }
    }
    write("node_channel_records", "one_message", &seed)?;
    write("node_channel_records", "unknown_table", &[0, 1, 99, 0, 0])
}

fn write(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
