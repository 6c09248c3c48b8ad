use core::time::Duration;

use logos_crypto::tick::Tick;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

#[test]
fn a_fragment_that_claims_too_much_is_refused_before_anything_is_reserved() {
    let mut bytes = Fragment::split(&[1; 100], 80, 2, &mut rng()).unwrap()[0].to_bytes();
    bytes[16..20].fill(0xff);
    assert!(matches!(Fragment::from_bytes(&bytes), Err(DecodeError::Truncated { .. })));
    bytes[20] = 129;
    assert!(matches!(Fragment::from_bytes(&bytes), Err(DecodeError::TooLong { .. })));
    bytes[20] = 0;
    assert!(Fragment::from_bytes(&bytes).is_err());
}

#[test]
fn fragments_of_one_name_and_two_shapes_are_refused() {
    let mut reassembler = Reassembler::new(Limits::default());
    let first = Fragment::split(&[1; 1000], 300, 2, &mut rng()).unwrap();
    let other = Fragment::split(&[1; 900], 300, 2, &mut rng()).unwrap();
    assert_eq!(reassembler.handle_fragment(Tick::ORIGIN, first[0].clone()), Ok(None));
    assert_eq!(
        reassembler.handle_fragment(Tick::ORIGIN, other[1].clone()),
        Err(ReassemblyError::Mismatch)
    );
}

#[test]
fn memory_is_bounded_and_freed_in_time() {
    let limits = Limits { messages: 2, ..Limits::default() };
    let mut reassembler = Reassembler::new(limits);
    let mut rng = rng();
    let mut first = || Fragment::split(&[1; 1000], 300, 0, &mut rng).unwrap()[0].clone();
    assert_eq!(reassembler.handle_fragment(Tick::ORIGIN, first()), Ok(None));
    assert_eq!(reassembler.handle_fragment(Tick::ORIGIN, first()), Ok(None));
    assert_eq!(reassembler.handle_fragment(Tick::ORIGIN, first()), Err(ReassemblyError::Full));
    let deadline = reassembler.next_deadline().unwrap();
    assert_eq!(deadline, Tick::ORIGIN + Duration::from_secs(120));
    assert_eq!(reassembler.handle_timeout(deadline), 2);
    assert_eq!(reassembler.handle_fragment(deadline, first()), Ok(None));
    assert_eq!(reassembler.waiting(), 1);
}

#[test]
fn late_fragments_of_a_finished_message_change_nothing() {
    let mut reassembler = Reassembler::new(Limits::default());
    let fragments = Fragment::split(b"hello", 60, 3, &mut rng()).unwrap();
    let done = reassembler.handle_fragment(Tick::ORIGIN, fragments[2].clone()).unwrap();
    assert_eq!(done.unwrap(), b"hello");
    assert_eq!(reassembler.handle_fragment(Tick::ORIGIN, fragments[0].clone()), Ok(None));
    assert_eq!(reassembler.waiting(), 0);
}

#[test]
fn messages_over_the_format_are_refused() {
    let mut rng = rng();
    assert_eq!(Fragment::split(&[], 24, 0, &mut rng), Err(FragmentError::TooSmall(24)));
    assert_eq!(Fragment::split(&[0; 300], 25, 0, &mut rng), Err(FragmentError::TooLong(150)));
    assert_eq!(Fragment::split(&[], 60, 128, &mut rng), Err(FragmentError::TooMuchParity(128)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_k_shards_give_the_message(
        message in prop::collection::vec(any::<u8>(), 0..6000),
        size in 60usize..900, parity in 0usize..20, order: u64,
    ) {
        let Ok(mut fragments) = Fragment::split(&message, size, parity, &mut rng()) else {
            return Ok(());
        };
        let k = fragments.len() - parity;
        let n = fragments.len();
        for i in 0..n {
            let j = usize::try_from(order.rotate_left(u32::try_from(i).unwrap()) % n as u64).unwrap();
            fragments.swap(i, j);
        }
        let mut reassembler = Reassembler::new(Limits::default());
        for (i, fragment) in fragments.into_iter().take(k).enumerate() {
            let bytes = fragment.to_bytes();
            prop_assert!(bytes.len() <= size);
            let fragment = Fragment::from_bytes(&bytes).unwrap();
            let out = reassembler.handle_fragment(Tick::ORIGIN, fragment).unwrap();
            prop_assert_eq!(out, (i + 1 == k).then(|| message.clone()));
        }
    }

    #[test]
    fn any_bytes_are_a_fragment_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(fragment) = Fragment::from_bytes(&bytes) {
            prop_assert_eq!(fragment.to_bytes(), bytes);
        }
    }
}
