use logos_rln::Prover;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

fn prover() -> Prover {
    Prover::new(logos_rln_keys::single())
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

#[test]
fn every_claim_holds_in_a_small_group() {
    let plan = Plan { members: 4, messages: 12, limit: 2, threads: 2 };
    let report = run(&plan, TEXT, &prover(), &mut rng(), &|_| ()).unwrap();
    assert!(report.all_hold(), "{:#?}", report.claims);
    assert_eq!((report.messages, report.epochs, report.proof_bytes), (12, 2, 289));
}

#[test]
fn an_impossible_plan_is_refused_before_any_work() {
    let good = Plan { members: 4, messages: 8, limit: 2, threads: 1 };
    let prover = prover();
    let refused = |plan: Plan, text| run(&plan, text, &prover, &mut rng(), &|_| ()).unwrap_err();
    assert_eq!(refused(Plan { members: 3, ..good }, TEXT), DemoError::Members { members: 3 });
    assert_eq!(
        refused(Plan { messages: 3, ..good }, TEXT),
        DemoError::Messages { messages: 3, members: 4 }
    );
    assert_eq!(refused(Plan { threads: 0, ..good }, TEXT), DemoError::Threads);
    assert_eq!(refused(Plan { limit: 0, ..good }, TEXT), LimitError::Zero.into());
    assert_eq!(
        refused(Plan { limit: 65_537, ..good }, TEXT),
        LimitError::OverCircuit { limit: 65_537, max: 65_536 }.into()
    );
    assert_eq!(refused(good, "short"), DemoError::Text { characters: 5, messages: 8 });
}
