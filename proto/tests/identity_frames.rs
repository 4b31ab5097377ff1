//! Laws of the frames of identity: arbitrary bytes neither panic nor pass in a second form, nor prove anything.

use heirloom_proto::identity::{Answer, Ask, Ends, FRAME_BYTES_MAX};
use heirloom_proto::{SecretKey, Timestamp};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn ends() -> Ends {
    Ends { asker: vec![1; 38], answerer: vec![2; 38] }
}

/// A good ask of one key to another, and its answer.
fn good(seed: u8) -> (Ask, Answer) {
    let mut last = seed;
    let mut entropy = || {
        last = last.wrapping_mul(37).wrapping_add(11);
        [last; 32]
    };
    let ask = Ask::new(&secret(1), &[secret(2).public()], &ends(), NOW, &mut entropy);
    let answer = Answer::new(&secret(2), Some(&secret(1).public()), &ask, &ends(), NOW, &mut entropy);
    (ask, answer)
}

/// Whatever can be read is written in the same bytes, and says nothing to bystanders.
fn is_harmless(bytes: &[u8]) -> bool {
    let ask = Ask::decode(bytes).is_ok_and(|ask| ask.encode() != bytes || ask.open(&secret(9), &ends()).is_some());
    let (asked, _) = good(1);
    let answer = Answer::decode(bytes)
        .is_ok_and(|answer| answer.encode() != bytes || answer.open(&secret(9), &asked, &ends()).is_some());
    !ask && !answer
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        prop_assert!(is_harmless(&bytes));
    }

    #[test]
    fn changed_frames_do_no_harm_and_prove_nothing_else(seed in any::<u8>(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let (ask, answer) = good(seed);
        for frame in [ask.encode(), answer.encode()] {
            let mut changed = frame.clone();
            changed[at.index(frame.len())] ^= 1 << bit;
            prop_assert!(is_harmless(&changed));
            if let Ok(changed) = Ask::decode(&changed) {
                // A changed decoy leaves the box for bob as it was.
                let proof = changed.open(&secret(2), &ends());
                prop_assert!(proof.is_none_or(|proof| proof.key == secret(1).public()));
            }
            if let Ok(changed) = Answer::decode(&changed) {
                prop_assert_eq!(changed.open(&secret(1), &ask, &ends()), None);
            }
        }
    }
}

#[test]
fn a_frame_that_is_too_long_is_not_read() {
    assert!(Ask::decode(&vec![0; FRAME_BYTES_MAX + 1]).is_err());
}
