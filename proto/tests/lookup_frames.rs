//! Laws of the lookup frames: what is sent is read, whatever else arrives neither panics nor passes in a second form.

use heirloom_proto::WorkId;
use heirloom_proto::lookup::{ENVELOPES_BYTES_MAX, ENVELOPES_MAX, IDS_MAX, Request, Response};
use heirloom_proto::sync::{FRAME_BYTES_MAX, FrameError, RETRY_MS_MAX};
use proptest::prelude::*;

fn work(number: u32) -> WorkId {
    format!("imdb:tt{number:07}").parse().expect("an id")
}

fn requests() -> impl Strategy<Value = Request> {
    prop::collection::vec(0..9_999_999_u32, 1..=IDS_MAX)
        .prop_map(|numbers| Request::about(numbers.into_iter().map(work)).expect("one at least"))
}

fn responses() -> impl Strategy<Value = Response> {
    let envelope = prop::collection::vec(any::<u8>(), 0..300);
    let statements = prop::collection::btree_set(envelope, 0..20).prop_map(Response::Statements);
    prop_oneof![statements, (1..=RETRY_MS_MAX).prop_map(|retry_after_ms| Response::Refused { retry_after_ms })]
}

proptest! {
    #[test]
    fn what_is_sent_is_read(request in requests(), response in responses()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
        prop_assert_eq!(Response::decode(&response.encode()), Ok(response));
    }

    #[test]
    fn arbitrary_and_changed_bytes_are_refused_or_say_exactly_what_they_hold(
        arbitrary in prop::collection::vec(any::<u8>(), 0..2000),
        request in requests(),
        response in responses(),
        at in any::<prop::sample::Index>(),
        change in 1..=255u8,
    ) {
        let mut frames = vec![arbitrary];
        for mut frame in [request.encode(), response.encode()] {
            frames.push([frame.clone(), vec![0x18, change]].concat());
            if !frame.is_empty() {
                frames.push(frame[..at.index(frame.len())].to_vec());
                let at = at.index(frame.len());
                frame[at] ^= change;
                frames.push(frame);
            }
        }
        for frame in frames {
            if let Ok(read) = Request::decode(&frame) {
                prop_assert_eq!(read.encode(), frame.clone());
            }
            if let Ok(read) = Response::decode(&frame) {
                prop_assert_eq!(read.encode(), frame);
            }
        }
    }
}

/// A request of these texts, as somebody else might write it.
fn request_of(ids: &[&str]) -> Vec<u8> {
    let field = |id: &&str| [&[0x0a, u8::try_from(id.len()).expect("short")], id.as_bytes()].concat();
    ids.iter().flat_map(field).collect()
}

#[test]
fn ids_are_normalised_ascending_and_few() {
    let decode = |ids: &[&str]| Request::decode(&request_of(ids)).map(|request| request.ids().len());
    assert_eq!(decode(&["imdb:tt0000001", "tmdb:movie/1"]), Ok(2));
    for ids in [
        &[][..],
        &["imdb:tt1"],
        &["IMDB:tt0000001"],
        &["https://www.imdb.com/title/tt0000001/"],
        &["tmdb:movie/1", "imdb:tt0000001"],
        &["imdb:tt0000001", "imdb:tt0000001"],
        &["of all things"],
    ] {
        assert_eq!(decode(ids), Err(FrameError::BadField("ids")), "{ids:?}");
    }
    let many: Vec<String> = (0..=IDS_MAX).map(|n| format!("imdb:tt{n:07}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(decode(&many), Err(FrameError::BadField("ids")));
    assert_eq!(decode(&many[1..]), Ok(IDS_MAX));
    assert_eq!(Request::about([]), None);
}

#[test]
fn responses_are_bounded_and_a_refusal_holds_nothing() {
    let full = |count: usize, len: usize| {
        let envelope = |n: usize| [&u16::try_from(n).expect("few").to_be_bytes()[..], &vec![7; len - 2]].concat();
        Response::Statements((0..count).map(envelope).collect()).encode()
    };
    assert!(full(ENVELOPES_MAX, ENVELOPES_BYTES_MAX / ENVELOPES_MAX).len() <= FRAME_BYTES_MAX);
    assert!(Response::decode(&full(ENVELOPES_MAX, ENVELOPES_BYTES_MAX / ENVELOPES_MAX)).is_ok());
    assert_eq!(Response::decode(&full(ENVELOPES_MAX + 1, 100)), Err(FrameError::BadField("envelopes")));
    assert!(matches!(Response::decode(&full(40, 1000)), Err(FrameError::TooLong(_))));
    assert_eq!(Response::decode(&[]), Ok(Response::Statements([].into())), "nothing known is said in no bytes");
    let late = Response::Refused { retry_after_ms: RETRY_MS_MAX }.encode();
    assert!(Response::decode(&late).is_ok());
    assert_eq!(Response::decode(&[&[0x0a, 1, 7], &late[..]].concat()), Err(FrameError::BadField("envelopes")));
    // A millisecond more than an hour.
    let too_late = [0x10, 0x81, 0xdd, 0xdb, 0x01];
    assert_eq!(Response::decode(&too_late), Err(FrameError::BadField("retry_after_ms")));
    // Twice the same, or not ascending.
    for envelopes in [[[1], [1]], [[2], [1]]] {
        let bytes: Vec<u8> = envelopes.iter().flat_map(|e| [&[0x0a, 1][..], e].concat()).collect();
        assert_eq!(Response::decode(&bytes), Err(FrameError::BadField("envelopes")));
    }
}
