//! Bodies of statements: what each kind says, as types whose values are already checked.
//!
//! A body is made from the wire only through [`Body::decode`], which refuses what is not canonical, and put on the wire
//! only through [`Body::encode`]. The types of one concern stand together: [`identity`], [`trust`], [`catalogue`], [`verdict`].

pub mod catalogue;
pub mod identity;
pub mod trust;
pub mod verdict;

pub use catalogue::{Credit, Episode, File, Listing, Work, WorkKind, WorkTitle};
pub use identity::{CuratorEntry, CuratorList, DuplicityProof, Head, Profile, Retraction, Rotation};
pub use trust::{Attestation, Level, Receipt, Scope};
pub use verdict::{Opinion, Verdict};

use crate::key::KeyError;
use crate::statement::Header;
use crate::time::Timestamp;
use crate::{Kind, Sha256, schema};
use prost::Message;

/// Why a body is not one of its kind. The relayer should have checked: all of it is in the bytes.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum BodyError {
    /// Not protobuf of this kind.
    #[error("body is not a {0}")]
    Malformed(&'static str),
    /// The bytes are not the ones that this content encodes to.
    #[error("body of a {0} is not canonical")]
    NotCanonical(&'static str),
    /// A field that must be there is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field is longer than allowed.
    #[error("{field} is longer than {max} {unit}")]
    TooLong {
        /// Field.
        field: &'static str,
        /// Limit.
        max: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// Text that is not NFC, or holds control or direction-changing characters.
    #[error("{0} is not clean text (NFC, no control characters)")]
    UncleanText(&'static str),
    /// A number outside its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// An id, hash or date of the wrong form.
    #[error("{0} is not well formed")]
    BadId(&'static str),
    /// A key that is none.
    #[error("{field}: {error}")]
    BadKey {
        /// Field.
        field: &'static str,
        /// Why.
        error: KeyError,
    },
    /// `expires_ms` does not fit the kind or lies before `created_ms`.
    #[error("lifetime does not fit the kind")]
    BadLifetime,
    /// The inner signature of a rotation or proof does not hold, or the two statements of a proof do not contradict.
    #[error("{0} does not prove what it says")]
    NotAProof(&'static str),
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is documented where its type is")]
pub enum Body {
    Profile(Profile),
    Attestation(Attestation),
    Receipt(Receipt),
    Work(Work),
    Listing(Listing),
    Verdict(Verdict),
    Head(Head),
    CuratorList(CuratorList),
    Rotation(Rotation),
    Retraction(Retraction),
    DuplicityProof(DuplicityProof),
}

macro_rules! each_kind {
    ($($kind:ident),*) => {
        impl Body {
            /// Which kind this body is.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind),* }
            }

            /// The canonical bytes.
            #[must_use]
            pub fn encode(&self, header: &Header) -> Vec<u8> {
                match self { $(Self::$kind(body) => body.to_wire(Some(header_to_wire(header))).encode_to_vec()),* }
            }

            /// Reads and checks the body of a statement.
            ///
            /// # Errors
            /// [`BodyError`] for anything that the rules of its kind do not allow.
            pub fn decode(kind: Kind, bytes: &[u8]) -> Result<(Header, Self), BodyError> {
                let (header, body, is_canonical) = match kind {
                    $(Kind::$kind => {
                        let wire = schema::$kind::decode(bytes).map_err(|_| BodyError::Malformed(kind.name()))?;
                        // COST: before the content is taken out of it. Encoding it again from a copy of the content took a
                        // tenth of the time of checking a signature; that nothing gets lost on the way is for a test.
                        let is_canonical = wire.encode_to_vec() == bytes;
                        let header = header_from_wire(wire.header.as_ref(), kind)?;
                        (header, Self::$kind($kind::from_wire(wire)?), is_canonical)
                    }),*
                };
                // Unknown fields, odd field orders and long varints all die here.
                if is_canonical { Ok((header, body)) } else { Err(BodyError::NotCanonical(kind.name())) }
            }
        }
    };
}
each_kind!(
    Profile,
    Attestation,
    Receipt,
    Work,
    Listing,
    Verdict,
    Head,
    CuratorList,
    Rotation,
    Retraction,
    DuplicityProof
);

impl Body {
    /// What a newer statement of the same author and kind must share with an older one to replace it: a digest over the
    /// fields that DESIGN §5 names.
    #[must_use]
    pub fn slot(&self) -> Sha256 {
        let mut bytes = self.kind().number().to_be_bytes().to_vec();
        match self {
            Self::Profile(_) | Self::Head(_) => {}
            Self::Attestation(a) => {
                bytes.extend_from_slice(a.subject.as_bytes());
                bytes.push(a.scope.number());
            }
            Self::Receipt(r) => {
                bytes.extend_from_slice(r.subject.as_bytes());
                bytes.extend_from_slice(&r.week.to_be_bytes());
            }
            Self::Work(w) => bytes.extend_from_slice(w.id().as_str().as_bytes()),
            Self::Listing(l) => return Listing::slot_of(&l.work, &l.infohash),
            Self::Verdict(v) => bytes.extend_from_slice(&v.infohash.0),
            Self::CuratorList(l) => bytes.extend_from_slice(l.name.as_bytes()),
            Self::Rotation(r) => bytes.extend_from_slice(r.previous_key.as_bytes()),
            Self::Retraction(r) => bytes.extend_from_slice(&r.target.0),
            Self::DuplicityProof(p) => bytes.extend_from_slice(p.accused().as_bytes()),
        }
        Sha256::of(&bytes)
    }
}

fn header_to_wire(header: &Header) -> schema::Header {
    schema::Header {
        generation: header.generation,
        seq: header.seq,
        created_ms: header.created.0,
        expires_ms: header.expires.map_or(0, |at| at.0),
    }
}

fn header_from_wire(wire: Option<&schema::Header>, kind: Kind) -> Result<Header, BodyError> {
    let wire = wire.ok_or(BodyError::Missing("header"))?;
    // BEP44 sequence numbers are signed: keep ours inside them.
    if wire.seq == 0 || wire.seq > i64::MAX.unsigned_abs() {
        return Err(BodyError::OutOfRange("seq"));
    }
    let expires = (wire.expires_ms != 0).then_some(Timestamp(wire.expires_ms));
    let fits = match (kind.limits().lifetime_ms_max, expires) {
        (None, None) => true,
        (Some(max), Some(at)) => at.0 > wire.created_ms && at.0 - wire.created_ms <= max,
        _ => false,
    };
    if !fits {
        return Err(BodyError::BadLifetime);
    }
    Ok(Header { generation: wire.generation, seq: wire.seq, created: Timestamp(wire.created_ms), expires })
}

/// Checks text of at most `max` bytes: NFC, no control characters (line feeds excepted), none that turn the direction
/// of writing around (they make one name look like another).
pub(crate) fn clean_text(text: String, field: &'static str, max: usize) -> Result<String, BodyError> {
    if text.len() > max {
        return Err(BodyError::TooLong { field, max, unit: "bytes" });
    }
    // COST: most text is ASCII, which is always NFC.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n');
    let is_bad =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.bytes().all(is_plain) && (text.chars().any(is_bad) || !unicode_normalization::is_nfc(&text)) {
        return Err(BodyError::UncleanText(field));
    }
    Ok(text)
}

/// [`clean_text`] of one line. Names, titles and paths stand in lists, where a line break could forge an entry.
pub(crate) fn clean_line(text: String, field: &'static str, max: usize) -> Result<String, BodyError> {
    let text = clean_text(text, field, max)?;
    let breaks = |text: &str| {
        if text.is_ascii() { text.as_bytes().contains(&b'\n') } else { text.contains(['\n', '\u{2028}', '\u{2029}']) }
    };
    if breaks(&text) { Err(BodyError::UncleanText(field)) } else { Ok(text) }
}

pub(crate) fn at_most<T>(items: Vec<T>, field: &'static str, max: usize) -> Result<Vec<T>, BodyError> {
    if items.len() > max { Err(BodyError::TooLong { field, max, unit: "entries" }) } else { Ok(items) }
}

pub(crate) fn clean_lines(
    lines: Vec<String>,
    field: &'static str,
    count: usize,
    len: usize,
) -> Result<Vec<String>, BodyError> {
    at_most(lines, field, count)?.into_iter().map(|line| clean_line(line, field, len)).collect()
}

/// What the tests of the bodies share.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::statement::SignError;
    use crate::{Infohash, Key, SecretKey, Statement, StatementId, Verified, VerifyError};

    pub(crate) fn alice() -> SecretKey {
        SecretKey::from_seed(&[1; 32])
    }

    pub(crate) fn bob() -> SecretKey {
        SecretKey::from_seed(&[2; 32])
    }

    pub(crate) fn key(number: u8) -> Key {
        SecretKey::from_seed(&[number; 32]).public()
    }

    /// A header that fits the kind.
    pub(crate) fn header(kind: Kind, seq: u64) -> Header {
        let created = Timestamp(1_800_000_000_000);
        let expires = kind.limits().lifetime_ms_max.map(|max| Timestamp(created.0 + max));
        Header { generation: 0, seq, created, expires }
    }

    /// A header on the wire.
    pub(crate) fn wire_header(kind: Kind) -> Option<schema::Header> {
        Some(header_to_wire(&header(kind, 1)))
    }

    pub(crate) fn sign(body: Body) -> Result<Verified<Statement>, SignError> {
        let header = header(body.kind(), 1);
        Statement::sign(&alice(), &header, &body)
    }

    /// Why the body is refused when it is signed.
    pub(crate) fn refusal(body: Body) -> BodyError {
        match sign(body.clone()) {
            Err(SignError::Refused(VerifyError::Body(error))) => error,
            other => panic!("{body:?} gave {other:?}"),
        }
    }

    /// One plain body of every kind.
    pub(crate) fn samples() -> Vec<Body> {
        let work: crate::WorkId = "imdb:tt1254207".parse().expect("id");
        let profile = |number| {
            let profile = Profile { name: "Alice".into(), url: String::new(), next_key_hash: Sha256([number; 32]) };
            sign(Body::Profile(profile)).expect("signed")
        };
        vec![
            profile(1).body().clone(),
            Body::Attestation(Attestation {
                subject: key(2),
                scope: Scope::Catalogue,
                level: Level::HIGH,
                reason: "careful".into(),
            }),
            Body::Receipt(Receipt { subject: key(2), week: 2960, log2_bytes: 30 }),
            Body::Work(Work::new(work.clone(), "Big Buck Bunny".into(), Some(2008), WorkKind::Film)),
            Body::Listing(Listing {
                info_sha256: Some(Sha256([6; 32])),
                size: 1_055_736,
                resolution: "720p".into(),
                licence: "CC-BY-3.0".into(),
                languages: vec!["en".into()],
                ..Listing::new(work, Infohash([5; 20]), "Big Buck Bunny".into())
            }),
            Body::Verdict(Verdict { infohash: Infohash([5; 20]), opinion: Opinion::Good, note: String::new() }),
            Body::Head(Head { live_count: 3, live_root: Sha256([7; 32]), archive: None }),
            Body::CuratorList(CuratorList {
                name: "friends".into(),
                entries: vec![CuratorEntry { key: key(2), name: "Bob".into(), note: String::new() }],
            }),
            Body::Rotation(Rotation::signed_by(&bob(), &alice().public(), Sha256([8; 32]))),
            Body::Retraction(Retraction { target: StatementId([9; 32]) }),
            Body::DuplicityProof(DuplicityProof::new(&profile(1), &profile(2)).expect("contradiction")),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{alice, header, refusal, samples, sign, wire_header};
    use super::*;
    use crate::statement::SignError;
    use crate::{Statement, VerifyError};
    use std::collections::BTreeSet;

    fn with_header(body: &Body, change: impl Fn(&mut Header)) -> Result<Header, BodyError> {
        let mut header = header(body.kind(), 1);
        change(&mut header);
        Body::decode(body.kind(), &body.encode(&header)).map(|(header, _)| header)
    }

    #[test]
    fn every_kind_has_a_sample_and_it_is_signed() {
        let kinds: Vec<Kind> = samples().iter().map(Body::kind).collect();
        assert_eq!(kinds, Kind::ALL);
        for body in samples() {
            assert_eq!(sign(body.clone()).expect("signed").body(), &body);
        }
    }

    #[test]
    fn sequence_numbers_are_positive_and_fit_bep44() {
        let max = i64::MAX.unsigned_abs();
        for body in samples() {
            for seq in [1, max] {
                assert_eq!(with_header(&body, |h| h.seq = seq).map(|h| h.seq), Ok(seq), "{body:?}");
            }
            for seq in [0, max + 1, u64::MAX] {
                assert_eq!(with_header(&body, |h| h.seq = seq), Err(BodyError::OutOfRange("seq")), "{body:?}");
            }
        }
    }

    #[test]
    fn lifetimes_fit_the_kind() {
        for body in samples() {
            let kind = body.kind();
            let created = header(kind, 1).created.0;
            let expiring = |ms: u64| with_header(&body, |h| h.expires = Some(Timestamp(ms)));
            let never = with_header(&body, |h| h.expires = None);
            if let Some(max) = kind.limits().lifetime_ms_max {
                for good in [created + 1, created + kind.limits().lifetime_ms_default, created + max] {
                    assert_eq!(expiring(good).map(|h| h.expires), Ok(Some(Timestamp(good))), "{kind:?}");
                }
                for bad in [1, created - 1, created, created + max + 1, u64::MAX] {
                    assert_eq!(expiring(bad), Err(BodyError::BadLifetime), "{kind:?} {bad}");
                }
                assert_eq!(never, Err(BodyError::BadLifetime), "{kind:?} must expire");
            } else {
                assert_eq!(never.map(|h| h.expires), Ok(None), "{kind:?}");
                assert_eq!(expiring(created + 1), Err(BodyError::BadLifetime), "{kind:?} never expires");
            }
        }
    }

    #[test]
    fn times_at_the_ends_of_the_range_are_handled() {
        let body = &samples()[0];
        let at = |created, expires| {
            with_header(body, |h| (h.created, h.expires) = (Timestamp(created), Some(Timestamp(expires))))
        };
        assert!(at(0, 1).is_ok());
        assert!(at(u64::MAX - 1, u64::MAX).is_ok());
        assert_eq!(at(u64::MAX, 1), Err(BodyError::BadLifetime));
        assert_eq!(at(0, u64::MAX), Err(BodyError::BadLifetime));
    }

    #[test]
    fn bytes_of_something_else_are_refused() {
        for kind in Kind::ALL {
            assert_eq!(Body::decode(kind, &[]), Err(BodyError::Missing("header")), "{kind:?}");
            assert_eq!(Body::decode(kind, &[0xff; 9]), Err(BodyError::Malformed(kind.name())), "{kind:?}");
            // Field 1 as a number.
            assert_eq!(Body::decode(kind, &[0x08, 1]), Err(BodyError::Malformed(kind.name())), "{kind:?}");
        }
        let not_utf8 = schema::Profile { header: wire_header(Kind::Profile), ..Default::default() }.encode_to_vec();
        let not_utf8 = [not_utf8.as_slice(), &[0x12, 1, 0xff]].concat();
        assert_eq!(Body::decode(Kind::Profile, &not_utf8), Err(BodyError::Malformed("profile")));
    }

    #[test]
    fn what_is_read_of_a_body_is_all_of_it() {
        let mut read = 0;
        for body in samples() {
            let (kind, bytes) = (body.kind(), body.encode(&header(body.kind(), 1)));
            for at in 0..bytes.len() {
                let flipped = (0..8).map(|bit| bytes[at] ^ 1 << bit);
                for to in flipped.chain([0, 1, 2, 0x0a, 0x12, 0x1a, 0x7f, 0x80, 0xff]) {
                    let mut changed = bytes.clone();
                    changed[at] = to;
                    let Ok((header, body)) = Body::decode(kind, &changed) else { continue };
                    assert_eq!(body.encode(&header), changed, "{kind:?}: byte {at} is {to}");
                    read += 1;
                }
            }
        }
        // Texts and hashes alone have as many forms.
        assert!(read > 1_000, "{read}");
    }

    #[test]
    fn bodies_longer_than_their_kind_are_refused() {
        let mut work = Work::new("tvdb:81189".parse().expect("id"), "A series".into(), None, WorkKind::Series);
        let title = "t".repeat(200);
        work.episodes =
            (1..=25).map(|number| Episode { season: 1, number, title: title.clone(), date: String::new() }).collect();
        let header = header(Kind::Work, 1);
        let len = Body::Work(work.clone()).encode(&header).len();
        let max = Kind::Work.limits().body_bytes_max;
        let refused = Statement::sign(&alice(), &header, &Body::Work(work.clone()));
        assert_eq!(refused, Err(SignError::Refused(VerifyError::TooLong { len, max })));
        // To the byte: what is cut off the overview decides.
        work.episodes.truncate(15);
        let spare = |work: &Work| max - Body::Work(work.clone()).encode(&header).len();
        work.overview = "o".repeat(spare(&work) - 3);
        assert_eq!(spare(&work), 0, "tag and length of the overview take three bytes");
        assert!(sign(Body::Work(work.clone())).is_ok());
        work.overview.push('o');
        let refused = sign(Body::Work(work));
        assert_eq!(refused, Err(SignError::Refused(VerifyError::TooLong { len: max + 1, max })));
    }

    #[test]
    fn clean_text_is_nfc_without_control_or_direction_characters() {
        let check = |text: &str| clean_text(text.into(), "field", 100);
        let good = [
            "",
            "plain",
            "two\nlines",
            "Ünï",
            "日本語",
            "שלום \u{200f}",
            "👩\u{200d}🚀",
            "a\u{a0}b",
            "\u{feff}",
            "\u{200b}",
        ];
        for text in good {
            assert_eq!(check(text).as_deref(), Ok(text), "{text:?}");
        }
        let bad = [
            "\0",
            "\t",
            "\r\n",
            "\u{1b}[2J",
            "\u{7f}",
            "\u{85}",
            "\u{9b}2J",
            "a\u{202a}",
            "\u{202b}",
            "\u{202c}",
            "\u{202d}",
            "evil\u{202e}gpj.exe",
            "\u{2066}",
            "\u{2067}",
            "\u{2068}",
            "\u{2069}",
            "e\u{301}",
            "\u{212b}",
            "\u{1112}\u{1161}",
        ];
        for text in bad {
            assert_eq!(check(text), Err(BodyError::UncleanText("field")), "{text:?}");
        }
    }

    #[test]
    fn text_is_measured_in_bytes() {
        let check = |text: &str| clean_text(text.into(), "field", 4);
        assert!(check("four").is_ok());
        assert!(check("üü").is_ok());
        let too_long = Err(BodyError::TooLong { field: "field", max: 4, unit: "bytes" });
        assert_eq!(check("fives"), too_long);
        assert_eq!(check("üüü"), too_long);
    }

    #[test]
    fn one_line_is_one_line() {
        assert!(clean_line("one line".into(), "field", 100).is_ok());
        for text in ["two\nlines", "two\u{2028}lines", "two\u{2029}lines", "tab\t", "\u{202e}"] {
            assert_eq!(clean_line(text.into(), "field", 100), Err(BodyError::UncleanText("field")), "{text:?}");
        }
    }

    #[test]
    fn every_text_field_refuses_unclean_text_and_prose_alone_has_lines() {
        let with = |text: &str| -> Vec<(Body, bool)> {
            let text = || text.to_owned();
            let mut all = Vec::new();
            for body in samples() {
                match body {
                    Body::Profile(p) => {
                        all.push((Body::Profile(Profile { name: text(), ..p.clone() }), false));
                        all.push((Body::Profile(Profile { url: text(), ..p }), false));
                    }
                    Body::Attestation(a) => all.push((Body::Attestation(Attestation { reason: text(), ..a }), true)),
                    Body::Work(w) => {
                        let episode = |title, date| vec![Episode { season: 1, number: 1, title, date }];
                        all.push((Body::Work(Work { title: text(), ..w.clone() }), false));
                        all.push((Body::Work(Work { original_title: text(), ..w.clone() }), false));
                        let titles = |language, title| vec![WorkTitle { language, title }];
                        all.push((Body::Work(Work { titles: titles(String::new(), text()), ..w.clone() }), false));
                        all.push((Body::Work(Work { titles: titles(text(), "t".into()), ..w.clone() }), false));
                        let people = |name, role| vec![Credit { name, role }];
                        all.push((Body::Work(Work { people: people(text(), String::new()), ..w.clone() }), false));
                        all.push((Body::Work(Work { people: people("n".into(), text()), ..w.clone() }), false));
                        all.push((Body::Work(Work { overview: text(), ..w.clone() }), true));
                        all.push((Body::Work(Work { genres: vec![text()], ..w.clone() }), false));
                        all.push((Body::Work(Work { languages: vec![text()], ..w.clone() }), false));
                        all.push((Body::Work(Work { episodes: episode(text(), String::new()), ..w.clone() }), false));
                    }
                    Body::Listing(l) => {
                        let file = |path| File { index: 0, path, size: 1, episode: None };
                        all.push((Body::Listing(Listing { name: text(), ..l.clone() }), false));
                        all.push((Body::Listing(Listing { files: vec![file(text())], ..l.clone() }), false));
                        all.push((Body::Listing(Listing { resolution: text(), ..l.clone() }), false));
                        all.push((Body::Listing(Listing { licence: text(), ..l.clone() }), false));
                        all.push((Body::Listing(Listing { languages: vec![text()], ..l.clone() }), false));
                        all.push((Body::Listing(Listing { trackers: vec![text()], ..l.clone() }), false));
                        all.push((Body::Listing(Listing { medium: text(), ..l.clone() }), false));
                        all.push((Body::Listing(Listing { video_codec: text(), ..l.clone() }), false));
                        all.push((Body::Listing(Listing { audio_codecs: vec![text()], ..l.clone() }), false));
                        all.push((Body::Listing(Listing { subtitles: vec![text()], ..l.clone() }), false));
                        all.push((Body::Listing(Listing { web_seeds: vec![text()], ..l }), false));
                    }
                    Body::Verdict(v) => all.push((Body::Verdict(Verdict { note: text(), ..v }), true)),
                    Body::CuratorList(l) => {
                        let entry = |name, note| vec![CuratorEntry { key: l.entries[0].key, name, note }];
                        all.push((Body::CuratorList(CuratorList { name: text(), ..l.clone() }), false));
                        let named = CuratorList { entries: entry(text(), String::new()), ..l.clone() };
                        all.push((Body::CuratorList(named), false));
                        let noted = CuratorList { entries: entry(String::new(), text()), ..l.clone() };
                        all.push((Body::CuratorList(noted), true));
                    }
                    Body::Receipt(_)
                    | Body::Head(_)
                    | Body::Rotation(_)
                    | Body::Retraction(_)
                    | Body::DuplicityProof(_) => {}
                }
            }
            all
        };
        for unclean in ["a\u{202e}b", "e\u{301}", "\u{1b}"] {
            for (body, _) in with(unclean) {
                assert!(matches!(refusal(body), BodyError::UncleanText(_)), "{unclean:?}");
            }
        }
        for (body, is_prose) in with("two\nlines") {
            assert_eq!(sign(body.clone()).is_ok(), is_prose, "{body:?}");
        }
        assert_eq!(with("").len(), 28, "every text field is tried");
    }

    #[test]
    fn what_reads_back_as_something_else_is_not_signed() {
        for body in samples() {
            let changed = match body {
                Body::Work(w) => vec![
                    Body::Work(Work { year: Some(0), ..w.clone() }),
                    Body::Work(Work { runtime_min: Some(0), ..w }),
                ],
                Body::Listing(l) => {
                    let file = File { index: 0, path: "a".into(), size: 1, episode: Some((0, 0)) };
                    vec![
                        Body::Listing(Listing { episode: Some((0, 0)), ..l.clone() }),
                        Body::Listing(Listing { files: vec![file], ..l }),
                    ]
                }
                Body::Rotation(r) => {
                    vec![Body::Rotation(Rotation { compromised_since: Some(Timestamp(0)), ..r })]
                }
                _ => Vec::new(),
            };
            for body in changed {
                assert_eq!(refusal(body.clone()), BodyError::NotCanonical(body.kind().name()), "{body:?}");
            }
        }
    }

    #[test]
    fn a_slot_is_what_replaces_what() {
        let all: BTreeSet<Sha256> = samples().iter().map(Body::slot).collect();
        assert_eq!(all.len(), Kind::ALL.len(), "kinds never share a slot");
        for body in samples() {
            let slot = body.slot();
            let (same, other): (Vec<Body>, Vec<Body>) = match body {
                Body::Profile(p) => (vec![Body::Profile(Profile { name: "A.".into(), ..p })], vec![]),
                Body::Attestation(a) => (
                    vec![Body::Attestation(Attestation { level: Level::NONE, reason: String::new(), ..a.clone() })],
                    vec![
                        Body::Attestation(Attestation { scope: Scope::All, ..a.clone() }),
                        Body::Attestation(Attestation { subject: testing::key(3), ..a }),
                    ],
                ),
                Body::Receipt(r) => (
                    vec![Body::Receipt(Receipt { log2_bytes: 31, ..r.clone() })],
                    vec![
                        Body::Receipt(Receipt { week: 2961, ..r.clone() }),
                        Body::Receipt(Receipt { subject: testing::key(3), ..r }),
                    ],
                ),
                Body::Work(w) => {
                    let other: crate::WorkId = "tmdb:movie/10378".parse().expect("id");
                    let more = vec![w.id().clone(), other.clone()];
                    (
                        vec![Body::Work(Work { ids: more, title: "Bunny".into(), ..w.clone() })],
                        vec![Body::Work(Work { ids: vec![other], ..w })],
                    )
                }
                Body::Listing(l) => (
                    vec![Body::Listing(Listing { name: "b".into(), episode: Some((1, 1)), ..l.clone() })],
                    vec![
                        Body::Listing(Listing { infohash: crate::Infohash([4; 20]), ..l.clone() }),
                        Body::Listing(Listing { work: "tvdb:1".parse().expect("id"), ..l }),
                    ],
                ),
                Body::Verdict(v) => (
                    vec![Body::Verdict(Verdict { opinion: Opinion::Fake, ..v.clone() })],
                    vec![Body::Verdict(Verdict { infohash: crate::Infohash([4; 20]), ..v })],
                ),
                Body::Head(h) => (vec![Body::Head(Head { live_count: 4, ..h })], vec![]),
                Body::CuratorList(l) => (
                    vec![Body::CuratorList(CuratorList { entries: vec![], ..l.clone() })],
                    vec![Body::CuratorList(CuratorList { name: "others".into(), ..l })],
                ),
                Body::Rotation(r) => (
                    vec![Body::Rotation(Rotation { next_key_hash: Sha256([1; 32]), ..r.clone() })],
                    vec![Body::Rotation(Rotation { previous_key: testing::key(3), ..r })],
                ),
                Body::Retraction(_) => {
                    (vec![], vec![Body::Retraction(Retraction { target: crate::StatementId([1; 32]) })])
                }
                Body::DuplicityProof(_) => (vec![], vec![]),
            };
            assert!(same.iter().all(|body| body.slot() == slot), "{same:?}");
            assert!(other.iter().all(|body| body.slot() != slot), "{other:?}");
        }
    }
}
