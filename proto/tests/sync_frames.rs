//! Laws of the sync frames: what is sent is read, whatever else arrives neither panics nor passes in a second form.

use heirloom_proto::sync::{
    ENVELOPES_BYTES_MAX, FILTER_BYTES_MAX, FRAME_BYTES_MAX, Filter, FrameError, NAMES_MAX, OPEN_MESSAGE_BYTES_MAX,
    RETRY_MS_MAX, ROUND_MESSAGE_BYTES_MAX, Reason, Request, Response, Salt,
};
use heirloom_proto::{SecretKey, Sha256};
use proptest::prelude::*;

fn key(number: u16) -> heirloom_proto::Key {
    let [high, low] = number.to_be_bytes();
    let mut seed = [7; 32];
    (seed[0], seed[1]) = (high, low);
    SecretKey::from_seed(&seed).public()
}

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..=max)
}

fn requests() -> impl Strategy<Value = Request> {
    let salt = any::<[u8; 16]>().prop_map(Salt);
    let open =
        (salt.clone(), prop::collection::vec(any::<u16>(), 0..40), bytes(200)).prop_map(|(salt, keys, message)| {
            let mut filter = Filter::for_keys(salt, keys.len());
            keys.iter().for_each(|number| filter.insert(key(*number).as_bytes()));
            Request::Open { filter, message }
        });
    let round = (salt.clone(), bytes(500)).prop_map(|(salt, message)| Request::Round { salt, message });
    let names = (salt, prop::collection::vec(any::<[u8; 32]>().prop_map(Sha256), 1..=NAMES_MAX))
        .prop_map(|(salt, ids)| Request::Names { salt, ids });
    let fetch =
        (any::<u16>(), any::<(u32, u64)>()).prop_map(|(author, after)| Request::Fetch { author: key(author), after });
    prop_oneof![open, round, names, fetch]
}

fn responses() -> impl Strategy<Value = Response> {
    let round =
        (any::<[u8; 16]>(), bytes(500)).prop_map(|(salt, message)| Response::Round { salt: Salt(salt), message });
    let statements = (prop::collection::vec(bytes(300), 1..20), any::<bool>(), any::<bool>())
        .prop_map(|(envelopes, is_end, is_whole)| Response::Statements { envelopes, is_end, is_whole });
    let reasons = prop_oneof![Just(Reason::Busy), Just(Reason::UnknownSession), Just(Reason::NotUnderstood)];
    let refused =
        (reasons, 0..=RETRY_MS_MAX).prop_map(|(reason, retry_after_ms)| Response::Refused { reason, retry_after_ms });
    prop_oneof![round, statements, refused]
}

proptest! {
    #[test]
    fn what_is_sent_is_read(request in requests(), response in responses()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
        prop_assert_eq!(Response::decode(&response.encode()), Ok(response));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        if let Ok(request) = Request::decode(&bytes) {
            prop_assert_eq!(request.encode(), bytes.clone());
        }
        if let Ok(response) = Response::decode(&bytes) {
            prop_assert_eq!(response.encode(), bytes);
        }
    }

    #[test]
    fn a_changed_frame_is_refused_or_says_exactly_what_it_holds(
        request in requests(),
        response in responses(),
        at in any::<prop::sample::Index>(),
        change in 1..=255u8,
        cut in any::<prop::sample::Index>(),
    ) {
        for frame in [request.encode(), response.encode()] {
            let mut changed = frame.clone();
            let at = at.index(changed.len());
            changed[at] ^= change;
            let mut longer = frame.clone();
            longer.extend([0x18, change]);
            let shorter = frame[..cut.index(frame.len())].to_vec();
            for mutated in [changed, longer, shorter] {
                if let Ok(read) = Request::decode(&mutated) {
                    prop_assert_eq!(read.encode(), mutated.clone());
                }
                if let Ok(read) = Response::decode(&mutated) {
                    prop_assert_eq!(read.encode(), mutated);
                }
            }
        }
    }
}

#[test]
fn limits_are_what_they_say() {
    let salt = Salt([1; 16]);
    let round = |len: usize| Request::decode(&Request::Round { salt, message: vec![1; len] }.encode()).map(|_| ());
    assert_eq!(round(ROUND_MESSAGE_BYTES_MAX), Ok(()));
    assert_eq!(round(ROUND_MESSAGE_BYTES_MAX + 1), Err(FrameError::BadField("message")));
    assert_eq!(round(0), Err(FrameError::BadField("message")));
    assert!(matches!(round(FRAME_BYTES_MAX), Err(FrameError::TooLong(_))));
    let names = |count: usize| Request::decode(&Request::Names { salt, ids: vec![Sha256([1; 32]); count] }.encode());
    assert!(names(NAMES_MAX).is_ok() && names(NAMES_MAX + 1).is_err() && names(0).is_err());
    let largest = Request::Open { filter: Filter::for_keys(salt, 1_000_000), message: vec![1; OPEN_MESSAGE_BYTES_MAX] };
    assert!(largest.encode().len() <= FRAME_BYTES_MAX, "the longest filter and first message share a frame");
    assert!(largest.encode().len() > FILTER_BYTES_MAX);
    assert_eq!(Request::decode(&largest.encode()), Ok(largest));
    let page = |is_end| Response::Statements { envelopes: Vec::new(), is_end, is_whole: false }.encode();
    assert!(Response::decode(&page(true)).is_ok());
    assert_eq!(Response::decode(&page(false)), Err(FrameError::BadField("envelopes")), "it would never end");
    let full = Response::Statements {
        envelopes: vec![vec![1; ENVELOPES_BYTES_MAX / 240]; 240],
        is_end: false,
        is_whole: false,
    };
    assert!(full.encode().len() <= FRAME_BYTES_MAX);
    let wait = |retry_after_ms| Response::decode(&Response::Refused { reason: Reason::Busy, retry_after_ms }.encode());
    assert!(wait(RETRY_MS_MAX).is_ok() && wait(RETRY_MS_MAX + 1).is_err());
    assert_eq!(Request::decode(&[]), Err(FrameError::Malformed));
    assert_eq!(Response::decode(&[]), Err(FrameError::Malformed));
}

#[test]
fn a_filter_holds_its_keys_and_few_others() {
    let mut filter = Filter::for_keys(Salt([3; 16]), 512);
    (0..512).for_each(|number| filter.insert(key(number).as_bytes()));
    assert!((0..512).all(|number| filter.matches(&key(number))));
    let by_chance = (512..=u16::MAX).filter(|number| filter.matches(&key(*number))).count();
    assert!((1..15).contains(&by_chance), "about one in 15,800 of 65,024: {by_chance}");
}

#[test]
fn names_differ_from_session_to_session() {
    let id = heirloom_proto::StatementId([5; 32]);
    assert_ne!(Salt([1; 16]).name_of(&id), Salt([2; 16]).name_of(&id));
}
