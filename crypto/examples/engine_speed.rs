//! Indicative speeds of the arithmetic engine beside arkworks: the best of a few runs, one thread.
//!
//! `cargo run --release -p logos-crypto --example engine_speed`

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::std_instead_of_core,
    reason = "a program that measures"
)]

use std::time::Instant;

use ark_bn254::{G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AdditiveGroup, AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use logos_crypto::backend::Backend;
use logos_crypto::curve::FixedPoint;
use logos_crypto::msm::{Digits, G1Table, G2, G2Table, Window};
use logos_crypto::{Fr, curve, hazmat};

fn main() {
    multiplications();
    println!("{:34}{:>12}{:>12}{:>12}", "", "arkworks", "portable", "ifma");
    for (points, bits) in [(14030, 15), (11664, 15), (8192, 13), (5797, 13), (2014, 12), (504, 10)]
    {
        msm_g1(points, bits);
    }
    for (points, bits) in [(3845, 13), (342, 9)] {
        msm_g2(points, bits);
    }
}

/// Single points, in microseconds.
fn multiplications() {
    let base = G1Affine::generator();
    let terms: Vec<_> = scalars(4).into_iter().map(|scalar| (base, scalar)).collect();
    println!("{:34}{:>12}{:>12}{:>12}", "", "arkworks", "portable", "ifma");
    for n in [1, 3, 4] {
        let terms: Vec<_> = terms.iter().take(n).copied().collect();
        let arkworks = 1e3
            * best(100, || terms.iter().map(|(p, s)| *p * hazmat::to_ark(s)).collect::<Vec<_>>());
        row(&format!("{n} multiplications in G1, us"), arkworks, |b| {
            1e3 * best(100, || curve::multiply_g1(b, &terms))
        });
    }
    let point = G2Affine::generator();
    let scalar = Fr::from_bytes_reduced(&[0x33; 48]);
    let arkworks = 1e3 * best(100, || point * hazmat::to_ark(&scalar));
    row("4 multiplications in G2, us", 4.0 * arkworks, |b| {
        1e3 * best(100, || curve::multiply_g2(b, &[(point, scalar); 4]))
    });
    row("fixed point of G2, us", arkworks, |b| {
        let fixed = FixedPoint::<G2>::new(b, &point);
        1e3 * best(100, || fixed.multiply(&scalar))
    });
    let g2 = G2Projective::generator().double();
    let g1 = G1Projective::generator().double();
    let arkworks = 1e3 * best(100, || (g1.into_affine(), g1.into_affine(), g2.into_affine()));
    row("3 affine forms, us", arkworks, |_| 1e3 * best(100, || curve::to_affine([g1, g1], [g2])));
}

/// The best time of `runs` in milliseconds.
fn best<T>(runs: usize, mut work: impl FnMut() -> T) -> f64 {
    let one = |_| {
        let start = Instant::now();
        std::hint::black_box(work());
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..runs).map(one).fold(f64::MAX, f64::min)
}

fn scalars(n: usize) -> Vec<Fr> {
    let step = Fr::from_bytes_reduced(&[0x77; 48]);
    std::iter::successors(Some(step), |scalar| Some(*scalar * step)).take(n).collect()
}

fn row(name: &str, arkworks: f64, backends: impl Fn(Backend) -> f64) {
    print!("{name:34}{arkworks:12.3}");
    for backend in [Backend::Portable, Backend::Ifma] {
        if backend.is_available() {
            print!("{:12.3}", backends(backend));
        }
    }
    println!();
}

macro_rules! msm {
    ($name:ident, $label:literal, $table:ident, $projective:ident) => {
        fn $name(n: usize, bits: u32) {
            let scalars = scalars(n);
            let raw: Vec<_> = hazmat::iter_ark(&scalars).collect();
            let points: Vec<_> =
                raw.iter().map(|scalar| $projective::generator() * scalar).collect();
            let points = $projective::normalize_batch(&points);
            let arkworks = best(3, || $projective::msm_unchecked(&points, &raw));
            let window = Window::new(bits);
            row(&format!(concat!($label, " sum, {} points, c = {}, ms"), n, bits), arkworks, |b| {
                let start = Instant::now();
                let table = $table::build(b, window, &points, &mut |_, _| {});
                let build = start.elapsed().as_secs_f64() * 1e3;
                print!(" [built {build:5.0}]");
                best(15, || table.vartime_msm(&Digits::new(window, &scalars)))
            });
        }
    };
}

msm!(msm_g1, "G1", G1Table, G1Projective);
msm!(msm_g2, "G2", G2Table, G2Projective);
