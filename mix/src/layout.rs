//! The sizes of a Logos mix packet (LIP-99 section 8.3), with `kappa = 16`, `r = 5`, `t = 6`.

/// The security parameter, in bytes.
pub const KAPPA: usize = 16;
/// The longest path a header has room for: `r`.
pub const MAX_HOPS: usize = 5;
/// An encoded address: `t * kappa - 2`.
pub const ADDRESS_BYTES: usize = 94;
/// An encoded mean delay: milliseconds, big endian.
pub const DELAY_BYTES: usize = 2;
/// One hop's routing block: address, delay, next MAC. The header shifts by it at each hop.
pub const BLOCK_BYTES: usize = ADDRESS_BYTES + DELAY_BYTES + GAMMA_BYTES;
/// The group element.
pub const ALPHA_BYTES: usize = 32;
/// The layered routing information: `(r * (t + 1) + 1) * kappa`.
pub const BETA_BYTES: usize = MAX_HOPS * BLOCK_BYTES + KAPPA;
/// The header's MAC.
pub const GAMMA_BYTES: usize = KAPPA;
/// `alpha`, `beta` and `gamma`.
pub const HEADER_BYTES: usize = ALPHA_BYTES + BETA_BYTES + GAMMA_BYTES;
/// The layered payload.
pub const DELTA_BYTES: usize = PACKET_BYTES - HEADER_BYTES;
/// The whole packet.
pub const PACKET_BYTES: usize = 4608;
/// The padded message inside the payload, behind [`KAPPA`] zero bytes.
pub const MESSAGE_BYTES: usize = DELTA_BYTES - KAPPA;
/// A single-use reply block: first hop, header, reply key.
pub const SURB_BYTES: usize = ADDRESS_BYTES + HEADER_BYTES + KAPPA;

const _: () = {
    assert!(BETA_BYTES == 576 && HEADER_BYTES == 624 && DELTA_BYTES == 3984);
    assert!(MESSAGE_BYTES == 3968 && SURB_BYTES == 734 && BLOCK_BYTES == 112);
};
