//! `logos-rln` beside zerokit 3.0.0: each side's proofs verify on the other, every object has the
//! same bytes, and what zerokit gets wrong is refused here.
//!
//! How many proofs cross each way is small by default; `LOGOS_INTEROP_PROOFS=1000` asks for a
//! thousand, which zerokit takes minutes to make. `LOGOS_BACKEND=portable` leaves the vector unit out
//! of this side.

#[path = "rln_interop/defects.rs"]
mod defects;
#[path = "rln_interop/formats.rs"]
mod formats;
#[path = "rln_interop/identities.rs"]
mod identities;
#[path = "rln_interop/keys.rs"]
mod keys;
#[path = "rln_interop/online.rs"]
mod online;
#[path = "rln_interop/packet.rs"]
mod packet;
#[path = "rln_interop/partial.rs"]
mod partial;
#[path = "rln_interop/proofs.rs"]
mod proofs;
#[path = "rln_interop/recovery.rs"]
mod recovery;
#[path = "rln_interop/sides.rs"]
mod sides;
#[path = "rln_interop/tampering.rs"]
mod tampering;
#[path = "rln_interop/trees.rs"]
mod trees;
