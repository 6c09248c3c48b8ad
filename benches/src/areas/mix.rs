//! `mix`: packets of 3984 payload bytes over three hops, beside sphinx-packet.

mod relay;

use std::hint::black_box;

use anyhow::{Result, ensure};
use logos_mix::pq::{PqHop, PqSecret, PqSphinx};
use logos_mix::{
    AddressBlock, Hop, MeanDelay, MixSecret, Packet, PacketFormat, Route, Sphinx, Step,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::peers::sphinx;
use crate::runner::{Area, Runner};

/// The area.
pub(super) const AREA: Area = Area {
    name: "mix",
    about: "Sphinx packets beside sphinx-packet: hops alone and in batches, creation, relays",
    figures,
    children: &[],
};

/// Bytes of payload on both sides.
const PAYLOAD_BYTES: usize = 3984;

fn figures(runner: &mut Runner) -> Result<()> {
    runner.against(sphinx::NAME);
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let peer = sphinx::Network::new(PAYLOAD_BYTES);
    let theirs = peer.create()?.to_bytes();
    peer.hop(&theirs)?;
    classical(runner, &peer, &theirs, &mut rng)?;
    post_quantum(runner, &peer, &theirs, &mut rng)?;
    relay::figures(runner)
}

fn classical(
    runner: &mut Runner,
    peer: &sphinx::Network,
    theirs: &[u8],
    rng: &mut ChaCha20Rng,
) -> Result<()> {
    let sphinx = Sphinx::default();
    let nodes: Vec<_> = (0..3).map(|_| MixSecret::random(rng)).collect();
    let hops = nodes.iter().map(|node| Hop {
        key: node.public_key(),
        address: AddressBlock::from_bytes([1; 94]),
        delay: MeanDelay::MIN,
    });
    let route = Route::new(hops.collect())?;
    let fresh = *sphinx.create(&route, &AddressBlock::NONE, &[1; 3968], rng);
    let mut packet = fresh.clone();
    let step = sphinx.process(&nodes[0], &mut packet)?;
    ensure!(matches!(step, Step::Forward { .. }), "both sides measure a hop that forwards");
    runner.compare(
        "hop",
        || {
            packet.clone_from(&fresh);
            sphinx.process(&nodes[0], black_box(&mut packet))
        },
        || peer.hop(black_box(theirs)),
    );
    let fresh_8: Vec<Packet> = vec![fresh.clone(); 8];
    let mut packets = fresh_8.clone();
    runner.compare(
        "hop_batch8",
        || {
            packets.clone_from_slice(&fresh_8);
            sphinx.process_batch(
                &nodes[0],
                black_box(&mut packets),
                |_| true,
                |_, step| {
                    let _ = black_box(&step);
                },
            );
        },
        || (0..8).try_for_each(|_| peer.hop(black_box(theirs))),
    );
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    runner.compare(
        "create3",
        || sphinx.create(&route, &AddressBlock::NONE, black_box(&[1; 3968]), &mut rng),
        || peer.create(),
    );
    Ok(())
}

fn post_quantum(
    runner: &mut Runner,
    peer: &sphinx::Network,
    theirs: &[u8],
    rng: &mut ChaCha20Rng,
) -> Result<()> {
    let format = PqSphinx::default();
    let nodes: Vec<_> = (0..3).map(|_| PqSecret::random(rng)).collect();
    let hops: Vec<_> = nodes
        .iter()
        .map(|node| PqHop {
            key: node.public_key(),
            address: AddressBlock::from_bytes([1; 94]),
            delay: MeanDelay::MIN,
        })
        .collect();
    let fresh = format.create(&hops, &AddressBlock::NONE, &[1; 3968], rng)?;
    let mut packet = fresh.clone();
    runner.compare(
        "pq_hop",
        || {
            packet.clone_from(&fresh);
            let opened = format.open(&nodes[0], black_box(&packet));
            opened.map(|opened| format.strip(opened, &mut packet))
        },
        || peer.hop(black_box(theirs)),
    );
    Ok(())
}
