//! The sums over the published key's queries, which are most of a stock proof.

use anyhow::Result;
use ark_bn254::{Fr as Scalar, G1Projective, G2Projective};
use ark_ec::VariableBaseMSM;
use logos_crypto::Fr;
use logos_crypto::backend::Backend;
use logos_crypto::msm::{Density, Digits, G1Table, G2Table, Window};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::{Row, backends, measure};
use crate::peers::taceo;
use crate::report::{Chart, Scale};

/// Each query summed with random scalars: by arkworks, which sees the points for the first time,
/// and here. A witness has small values among its scalars, so a proof's own sums take less.
pub fn sums(rounds: usize) -> Result<Chart> {
    let peer = taceo::Peer::single()?;
    let key = peer.key();
    let mut rng = ChaCha20Rng::seed_from_u64(21);
    let scalars: Vec<Fr> = (0..key.h_query.len()).map(|_| Fr::random(&mut rng)).collect();
    let theirs: Vec<Scalar> = scalars.iter().map(logos_crypto::hazmat::to_ark).collect();
    let (a, b1, b2) = (&key.a_query, &key.b_g1_query, &key.b_g2_query);
    let mut rows = vec![
        Row::theirs("A, arkworks", || Ok(msm::<G1Projective>(a, &theirs))),
        Row::theirs("B in G1, arkworks; not needed here", || Ok(msm::<G1Projective>(b1, &theirs))),
        Row::theirs("B in G2, arkworks", || Ok(msm::<G2Projective>(b2, &theirs))),
        Row::theirs("L, arkworks", || Ok(msm::<G1Projective>(&key.l_query, &theirs))),
        Row::theirs("H, arkworks", || Ok(msm::<G1Projective>(&key.h_query, &theirs))),
    ];
    for (backend, name) in backends() {
        for (shape, what) in SHAPES {
            let table = G1Table::build(backend, shape, a, &mut |_, _| ());
            let digits = Digits::new(shape.0, &scalars[..a.len()]);
            let label = format!("A here: {name}, {what}");
            rows.push(Row::ours(label, move || Ok(table.vartime_msm(&digits))));
        }
        rows.push(in_g2(backend, name, b2, &scalars));
    }
    measure(("sums", "Sums over the key's queries, one thread"), Scale::Linear, rounds, rows)
}

/// What a table can keep.
const SHAPES: [((Window, Density), &str); 3] = [
    ((Window::new(10), Density::BARE), "points alone"),
    ((Window::new(13), Density::SHIFTS), "with shifts"),
    ((Window::new(15), Density::multiplied(8)), "with shifts and multiples"),
];

fn in_g2<'a>(
    backend: Backend,
    name: &str,
    points: &[ark_bn254::G2Affine],
    scalars: &[Fr],
) -> Row<'a> {
    let shape = (Window::new(13), Density::SHIFTS);
    let table = G2Table::build(backend, shape, points, &mut |_, _| ());
    let digits = Digits::new(shape.0, &scalars[..points.len()]);
    Row::ours(format!("B in G2 here: {name}, with shifts"), move || Ok(table.vartime_msm(&digits)))
}

fn msm<G: VariableBaseMSM<ScalarField = Scalar>>(points: &[G::MulBase], scalars: &[Scalar]) -> G {
    let count = points.len().min(scalars.len());
    G::msm_unchecked(&points[..count], &scalars[..count])
}
