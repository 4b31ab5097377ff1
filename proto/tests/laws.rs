//! Laws of the wire format that hold for every content: round trips, one canonical form, no panic on any input.

mod support;

use heirloom_proto::body::catalogue::{RUNTIME_MIN_MAX, SIZE_MAX};
use heirloom_proto::body::{
    Attestation, Credit, CuratorEntry, CuratorList, DuplicityProof, Episode, File, Head, Level, Listing, Opinion,
    Profile, Receipt, Retraction, Rotation, Scope, Verdict, Work, WorkKind, WorkTitle,
};
use heirloom_proto::dht::{self, Item};
use heirloom_proto::limits::{ENVELOPE_BYTES_MAX, ENVELOPE_OVERHEAD_BYTES, LIFETIME_MS_MAX};
use heirloom_proto::statement::{StoredError, check_structure, gossip_id};
use heirloom_proto::text::{CARD_BEGIN, CARD_END, Contact, find_contacts};
use heirloom_proto::work::WORK_ID_BYTES_MAX;
use heirloom_proto::{
    Body, Header, Infohash, Key, Kind, SecretKey, Sha256, Statement, StatementId, Timestamp, Verified, VerifyError,
    WorkId, verify,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::Union;
use support::{FLAT, Shape, envelope, item, odd_forms, seal, sha256, split};
use unicode_normalization::UnicodeNormalization as _;

/// Who signs what.
#[derive(Clone, Debug)]
struct Case {
    seed: [u8; 32],
    header: Header,
    body: Body,
}

impl Case {
    fn secret(&self) -> SecretKey {
        SecretKey::from_seed(&self.seed)
    }

    fn sign(&self) -> Verified<Statement> {
        Statement::sign(&self.secret(), &self.header, &self.body).expect("valid content is signed")
    }

    fn kind(&self) -> Kind {
        self.body.kind()
    }
}

/// Which fields of a kind's body are lists or messages, from `heirloom.proto`.
fn shape_of(kind: Kind) -> Shape {
    match kind {
        Kind::Work => Shape { repeated: &[2, 7, 8, 11, 13, 14], nested: &[1, 11, 13, 14] },
        Kind::Listing => Shape { repeated: &[7, 10, 11, 16, 17, 18], nested: &[1, 7] },
        Kind::CuratorList => Shape { repeated: &[3], nested: &[1, 3] },
        _ => Shape { repeated: &[], nested: &[1] },
    }
}

// Strategies.

fn any_char() -> impl Strategy<Value = char> {
    let awkward = "\n\0\u{1b}\u{85}\u{a0}\u{301}\u{308}\u{200d}\u{200f}\u{202e}\u{2028}\u{2066}\u{3000}\u{1112}\u{1161}\u{feff}👩%&=:?#+<>|\"'-";
    prop_oneof![
        6 => proptest::char::range(' ', '~'),
        3 => any::<char>(),
        2 => select(awkward.chars().collect::<Vec<_>>()),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    vec(any_char(), 0..120).prop_map(|chars| chars.into_iter().collect())
}

/// The clean part of any text, at most `max` bytes.
fn clean(text: &str, max: usize) -> String {
    let is_bad =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut text: String = text.chars().filter(|c| !is_bad(*c)).nfc().collect();
    while text.len() > max {
        text.pop();
    }
    text
}

fn prose(max: usize) -> impl Strategy<Value = String> {
    vec(any_char(), 0..max).prop_map(move |chars| clean(&chars.into_iter().collect::<String>(), max))
}

fn line(max: usize) -> impl Strategy<Value = String> {
    vec(any_char(), 0..max).prop_map(move |chars| {
        let text: String = chars.into_iter().filter(|c| !['\n', '\u{2028}', '\u{2029}'].contains(c)).collect();
        clean(&text, max)
    })
}

fn full_line(max: usize) -> impl Strategy<Value = String> {
    line(max).prop_map(|text| if text.is_empty() { "x".into() } else { text })
}

fn seed() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn key() -> impl Strategy<Value = Key> {
    seed().prop_map(|seed| SecretKey::from_seed(&seed).public())
}

fn digest() -> impl Strategy<Value = Sha256> {
    any::<[u8; 32]>().prop_map(Sha256)
}

fn infohash() -> impl Strategy<Value = Infohash> {
    any::<[u8; 20]>().prop_map(Infohash)
}

fn work_id() -> impl Strategy<Value = WorkId> {
    let number = || 1_u64..9_999_999_999;
    let text = prop_oneof![
        number().prop_map(|n| format!("imdb:tt{n:07}")),
        number().prop_map(|n| format!("tmdb:movie/{n}")),
        number().prop_map(|n| format!("tmdb:tv/{n}")),
        number().prop_map(|n| format!("tvdb:{n}")),
        number().prop_map(|n| format!("wikidata:Q{n}")),
        any::<[u8; 16]>().prop_map(|b| {
            let hex = data_encoding::HEXLOWER.encode(&b);
            format!("mbid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
        }),
        any::<[u8; 32]>().prop_map(|b| format!("hl:{}", data_encoding::HEXLOWER.encode(&b))),
    ];
    text.prop_map(|text| text.parse().expect(&text))
}

fn episode_number() -> impl Strategy<Value = (u32, u32)> {
    (0_u32..=100_000, 1_u32..=100_000)
}

fn header(kind: Kind) -> impl Strategy<Value = Header> {
    let generation = prop_oneof![3 => Just(0), 1 => any::<u32>()];
    let max = i64::MAX.unsigned_abs();
    let seq = prop_oneof![Just(1), Just(max), 1..=max, 1_790_000_000_000..1_800_000_000_000_u64];
    let created = prop_oneof![Just(0), 0..=u64::MAX - LIFETIME_MS_MAX, 1_790_000_000_000..1_800_000_000_000_u64];
    let life = kind.limits().lifetime_ms_max;
    let lasts = life.map_or(0..=0, |max| 1..=max);
    (generation, seq, created, lasts).prop_map(move |(generation, seq, created, lasts)| {
        let expires = life.map(|_| Timestamp(created + lasts));
        Header { generation, seq, created: Timestamp(created), expires }
    })
}

fn profile() -> impl Strategy<Value = Profile> {
    (line(80), line(300), digest()).prop_map(|(name, url, next_key_hash)| Profile { name, url, next_key_hash })
}

fn episode() -> impl Strategy<Value = Episode> {
    let date = prop_oneof![
        Just(String::new()),
        (0_u32..=9999, 1_u32..=12, 1_u32..=31).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}")),
    ];
    (episode_number(), line(60), date).prop_map(|((season, number), title, date)| Episode {
        season,
        number,
        title,
        date,
    })
}

fn work() -> impl Strategy<Value = Work> {
    let kinds = ["film", "series", "episode", "album", "book", "software", "other"];
    let names =
        (vec(work_id(), 1..4), full_line(300), prop::option::of(1_u32..=9999), select(kinds.to_vec()), prose(600));
    let title = (line(35), full_line(60)).prop_map(|(language, title)| WorkTitle { language, title });
    let person = (full_line(60), line(40)).prop_map(|(name, role)| Credit { name, role });
    let lists = (vec(line(40), 0..4), vec(line(35), 0..4), vec(episode(), 0..6));
    let more = (line(300), vec(title, 0..3), vec(person, 0..3));
    (names, lists, more, prop::option::of(1..=RUNTIME_MIN_MAX), prop::option::of(digest())).prop_map(
        |((ids, title, year, kind, overview), (genres, languages, episodes), more, runtime_min, artwork)| {
            let (original_title, titles, people) = more;
            let kind: WorkKind = kind.parse().expect("known");
            Work {
                ids,
                title,
                year,
                kind,
                overview,
                genres,
                languages,
                runtime_min,
                artwork,
                episodes,
                original_title,
                titles,
                people,
            }
        },
    )
}

fn file() -> impl Strategy<Value = File> {
    (any::<u32>(), line(150), 0..=SIZE_MAX, prop::option::of(episode_number()))
        .prop_map(|(index, path, size, episode)| File { index, path, size, episode })
}

fn listing() -> impl Strategy<Value = Listing> {
    let what = (work_id(), infohash(), prop::option::of(digest()), full_line(300), 0..=SIZE_MAX);
    let how = (line(20), line(100), vec(line(35), 0..4), vec(line(100), 0..4));
    let made = (line(40), line(40), vec(line(40), 0..2), vec(line(35), 0..2), vec(line(60), 0..2));
    (what, how, made, vec(file(), 0..4), prop::option::of(episode_number())).prop_map(
        |(
            (work, infohash, info_sha256, name, size),
            (resolution, licence, languages, trackers),
            made,
            files,
            episode,
        )| {
            let (medium, video_codec, audio_codecs, subtitles, web_seeds) = made;
            Listing {
                work,
                infohash,
                info_sha256,
                name,
                size,
                files,
                resolution,
                licence,
                languages,
                trackers,
                episode,
                medium,
                video_codec,
                audio_codecs,
                subtitles,
                web_seeds,
            }
        },
    )
}

fn head() -> impl Strategy<Value = Head> {
    (any::<u64>(), digest(), prop::option::of((infohash(), digest())))
        .prop_map(|(live_count, live_root, archive)| Head { live_count, live_root, archive })
}

fn curator_list() -> impl Strategy<Value = CuratorList> {
    let entry = (key(), line(80), prose(140)).prop_map(|(key, name, note)| CuratorEntry { key, name, note });
    (line(80), vec(entry, 0..8)).prop_map(|(name, entries)| CuratorList { name, entries })
}

/// A rotation to the key of `next`.
fn rotation(next: [u8; 32]) -> impl Strategy<Value = Rotation> {
    let since = prop::option::of((1..=u64::MAX).prop_map(Timestamp));
    (seed(), digest(), since, any::<bool>()).prop_map(move |(previous, next_key_hash, since, is_lost)| {
        let next = SecretKey::from_seed(&next).public();
        let mut rotation = Rotation::signed_by(&SecretKey::from_seed(&previous), &next, next_key_hash);
        rotation.compromised_since = since;
        if is_lost && since.is_some() {
            rotation.previous_signature = None;
        }
        rotation
    })
}

fn duplicity_proof() -> impl Strategy<Value = DuplicityProof> {
    let profiles = (seed(), header(Kind::Profile), header(Kind::Profile), profile(), profile());
    let by_profiles = profiles.prop_map(|(accused, first, second, p, q)| {
        let accused = SecretKey::from_seed(&accused);
        let second = Header { generation: first.generation, ..second };
        let sign = |header, p| Statement::sign(&accused, header, &Body::Profile(p)).expect("signed");
        DuplicityProof::new(&sign(&first, p), &sign(&second, q)).expect("two commitments")
    });
    let rotations = (seed(), [seed(), seed()], [digest(), digest()], [header(Kind::Rotation), header(Kind::Rotation)]);
    let by_rotations = rotations.prop_map(|(accused, next, after, headers)| {
        let accused = SecretKey::from_seed(&accused);
        let [a, b] = [0, 1].map(|i| {
            let next = SecretKey::from_seed(&next[i]);
            let body = Body::Rotation(Rotation::signed_by(&accused, &next.public(), after[i]));
            Statement::sign(&next, &headers[i], &body).expect("signed")
        });
        DuplicityProof::new(&a, &b).expect("two rotations")
    });
    prop_oneof![by_profiles, by_rotations]
}

fn body(kind: Kind, author: [u8; 32]) -> BoxedStrategy<Body> {
    let scopes = [Scope::All, Scope::Catalogue, Scope::Metadata, Scope::Seed];
    match kind {
        Kind::Profile => profile().prop_map(Body::Profile).boxed(),
        Kind::Attestation => (key(), select(scopes.to_vec()), -100_i8..=100, prose(280))
            .prop_map(|(subject, scope, level, reason)| {
                let level = Level::new(level).expect("in range");
                Body::Attestation(Attestation { subject, scope, level, reason })
            })
            .boxed(),
        Kind::Receipt => (key(), any::<u32>(), 0_u8..=62)
            .prop_map(|(subject, week, log2_bytes)| Body::Receipt(Receipt { subject, week, log2_bytes }))
            .boxed(),
        Kind::Work => work().prop_map(Body::Work).boxed(),
        Kind::Listing => listing().prop_map(Body::Listing).boxed(),
        Kind::Verdict => (infohash(), select(&Opinion::ALL[..]), prose(280))
            .prop_map(|(infohash, opinion, note)| Body::Verdict(Verdict { infohash, opinion, note }))
            .boxed(),
        Kind::Head => head().prop_map(Body::Head).boxed(),
        Kind::CuratorList => curator_list().prop_map(Body::CuratorList).boxed(),
        Kind::Rotation => rotation(author).prop_map(Body::Rotation).boxed(),
        Kind::Retraction => {
            any::<[u8; 32]>().prop_map(|target| Body::Retraction(Retraction { target: StatementId(target) })).boxed()
        }
        Kind::DuplicityProof => duplicity_proof().prop_map(Body::DuplicityProof).boxed(),
    }
}

fn case_of(kind: Kind) -> BoxedStrategy<Case> {
    (seed(), header(kind))
        .prop_flat_map(move |(seed, header)| body(kind, seed).prop_map(move |body| Case { seed, header, body }))
        .boxed()
}

fn any_case() -> Union<BoxedStrategy<Case>> {
    Union::new(Kind::ALL.map(case_of))
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => vec(any::<u8>(), 0..400),
        1 => vec(any::<u8>(), ENVELOPE_BYTES_MAX - 5..ENVELOPE_BYTES_MAX + 5),
    ]
}

/// One step of damage.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Copy(Index, Index, usize),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let step = prop_oneof![
        4 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        2 => any::<Index>().prop_map(Damage::Remove),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => (any::<Index>(), any::<Index>(), 1_usize..40).prop_map(|(from, to, len)| Damage::Copy(from, to, len)),
    ];
    vec(step, 1..6)
}

fn damaged(bytes: &[u8], steps: &[Damage]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for step in steps {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match step {
            Damage::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
            Damage::Insert(at, byte) => bytes.insert(at.index(len), *byte),
            Damage::Remove(at) => drop(bytes.remove(at.index(len))),
            Damage::Cut(at) => bytes.truncate(at.index(len)),
            Damage::Copy(from, to, count) => {
                let from = from.index(len);
                let piece = bytes[from..(from + count).min(len)].to_vec();
                let to = to.index(len);
                drop(bytes.splice(to..to, piece));
            }
        }
    }
    bytes
}

/// Every reader of bytes, for its panics. What it reads must be what was written.
fn read_with_everything(bytes: &[u8]) {
    let structure = check_structure(bytes);
    if let Ok(statement) = verify(bytes) {
        assert_eq!(structure, Ok(statement.kind()));
        assert_eq!(statement.bytes(), bytes);
    }
    for kind in Kind::ALL {
        if let Ok((header, body)) = Body::decode(kind, bytes) {
            assert_eq!(body.encode(&header), bytes, "one content has one form");
        }
    }
    assert!(Verified::from_store(bytes).is_err());
    let stored = [&sha256(&[bytes]), bytes].concat();
    if let Ok(statement) = Verified::from_store(&stored) {
        assert_eq!(statement.to_store(), stored);
    }
    let text = String::from_utf8_lossy(bytes);
    read_text_with_everything(&text);
}

/// Every reader of text, for its panics.
fn read_text_with_everything(text: &str) {
    if let Ok(key) = text.parse::<Key>() {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    if let Ok(id) = text.parse::<WorkId>() {
        assert_eq!(id.as_str().parse(), Ok(id.clone()), "normalising twice changes nothing");
        assert!(id.as_str().len() <= WORK_ID_BYTES_MAX);
    }
    if let Ok(hash) = text.parse::<Infohash>() {
        assert_eq!(hash.to_string(), text.trim().to_ascii_lowercase());
    }
    if let Ok(contact) = Contact::from_link(text) {
        assert_eq!(Contact::from_link(&contact.to_link()), Ok(contact));
    }
    if let Ok(contacts) = find_contacts(text) {
        assert!(!contacts.is_empty());
    }
    let _ = text.parse::<StatementId>();
    let _ = text.parse::<Level>();
    let _ = text.parse::<Scope>();
    let _ = text.parse::<Opinion>();
    let _ = text.parse::<WorkKind>();
}

proptest! {
    #[test]
    fn what_is_signed_is_what_is_verified(case in any_case()) {
        let signed = case.sign();
        prop_assert_eq!(signed.author(), &case.secret().public());
        prop_assert_eq!(signed.header(), &case.header);
        prop_assert_eq!(signed.body(), &case.body);
        prop_assert_eq!(signed.kind(), case.kind());
        prop_assert_eq!(check_structure(signed.bytes()), Ok(signed.kind()));
        prop_assert_eq!(verify(signed.bytes()), Ok(signed.clone()));
        prop_assert_eq!(Verified::from_store(&signed.to_store()), Ok(signed.clone()));

        let body = case.body.encode(&case.header);
        prop_assert_eq!(Body::decode(case.kind(), &body), Ok((case.header, case.body.clone())));
        prop_assert!(signed.bytes().len() <= body.len() + ENVELOPE_OVERHEAD_BYTES);
        prop_assert_eq!(signed.bytes(), seal(&case.seed, case.kind().number(), &body), "as DESIGN §5 defines it");
    }

    #[test]
    fn every_flipped_bit_of_an_envelope_is_refused(case in any_case(), at in vec(any::<Index>(), 8)) {
        let bytes = case.sign().bytes().to_vec();
        for at in at {
            let mut flipped = bytes.clone();
            let bit = at.index(bytes.len() * 8);
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify(&flipped).is_err(), "bit {} of {}", bit, bytes.len() * 8);
        }
    }

    #[test]
    fn every_damage_to_an_envelope_is_refused(case in any_case(), steps in damage()) {
        let bytes = case.sign().bytes().to_vec();
        let changed = damaged(&bytes, &steps);
        prop_assert!(changed == bytes || verify(&changed).is_err());
        read_with_everything(&changed);
    }

    #[test]
    fn a_damaged_body_with_a_genuine_signature_is_refused_or_canonical(case in any_case(), steps in damage()) {
        let body = damaged(&case.body.encode(&case.header), &steps);
        if let Ok(statement) = verify(&seal(&case.seed, case.kind().number(), &body)) {
            prop_assert_eq!(statement.body().encode(statement.header()), body);
            prop_assert_eq!(Statement::sign(&case.secret(), statement.header(), statement.body()), Ok(statement.clone()));
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in any_bytes()) {
        prop_assert!(verify(&bytes).is_err());
        read_with_everything(&bytes);
    }

    #[test]
    fn an_envelope_has_one_form(case in any_case()) {
        let bytes = case.sign().bytes().to_vec();
        for (what, odd) in odd_forms(&bytes, FLAT) {
            prop_assert!(check_structure(&odd).is_err(), "{}", what);
            prop_assert!(verify(&odd).is_err(), "{}", what);
        }
    }

    #[test]
    fn a_body_has_one_form(case in any_case(), sealed in any::<Index>()) {
        let kind = case.kind();
        let odd = odd_forms(&case.body.encode(&case.header), shape_of(kind));
        for (what, bytes) in &odd {
            prop_assert!(Body::decode(kind, bytes).is_err(), "{:?}: {}", kind, what);
        }
        let (what, bytes) = &odd[sealed.index(odd.len())];
        prop_assert!(verify(&seal(&case.seed, kind.number(), bytes)).is_err(), "{:?}: {}", kind, what);
    }

    #[test]
    fn a_signature_for_one_kind_passes_for_no_other(case in any_case()) {
        let signed = case.sign();
        let fields = split(signed.bytes());
        for number in (0..20).filter(|number| *number != case.kind().number()) {
            let posed = envelope(&fields[0].payload, number, &fields[2].payload, &fields[3].payload);
            prop_assert!(verify(&posed).is_err(), "as kind {}", number);
        }
    }

    #[test]
    fn bodies_that_read_as_three_kinds_are_of_the_signed_one(author in seed(), subject in key(), header in header(Kind::Receipt)) {
        // 32 bytes in field 2 are a retraction, an attestation without an opinion, and a receipt of week 0.
        let retraction = Body::Retraction(Retraction { target: StatementId(*subject.as_bytes()) });
        let body = retraction.encode(&header);
        let signed = Statement::sign(&SecretKey::from_seed(&author), &header, &retraction).expect("signed");
        let signature = &split(signed.bytes())[3].payload;
        for kind in [Kind::Attestation, Kind::Receipt] {
            prop_assert!(Body::decode(kind, &body).is_ok(), "the test needs a body that reads as a {}", kind.name());
            let posed = envelope(signed.author().as_bytes(), kind.number(), &body, signature);
            prop_assert_eq!(verify(&posed), Err(VerifyError::BadSignature { author: *signed.author() }));
        }
    }

    #[test]
    fn the_store_id_ignores_the_signature_and_the_gossip_id_does_not(case in any_case(), other in any::<[u8; 64]>()) {
        let signed = case.sign();
        let fields = split(signed.bytes());
        let preimage = support::preimage(case.kind().number(), &fields[2].payload);
        prop_assert_eq!(signed.id().0, sha256(&[signed.author().as_bytes(), &preimage]), "as DESIGN §5 defines it");
        prop_assert_eq!(signed.gossip_id().0, sha256(&[signed.bytes()]));
        prop_assume!(other.as_slice() != fields[3].payload);
        let forged = envelope(&fields[0].payload, case.kind().number(), &fields[2].payload, &other);
        prop_assert_ne!(gossip_id(&forged), signed.gossip_id(), "a forgery sent first censors nothing");
        // Only the store reads envelopes without checking signatures.
        let stored = Verified::from_store(&[&sha256(&[&forged]), forged.as_slice()].concat()).expect("readable");
        prop_assert_eq!(stored.id(), signed.id());
    }

    #[test]
    fn the_store_notices_every_changed_byte(case in any_case(), steps in damage(), at in any::<Index>(), with in 1_u8..) {
        let stored = case.sign().to_store();
        let mut changed = stored.clone();
        changed[at.index(stored.len())] ^= with;
        prop_assert_eq!(Verified::from_store(&changed), Err(StoredError::Damaged));
        let changed = damaged(&stored, &steps);
        prop_assert!(changed == stored || Verified::from_store(&changed) == Err(StoredError::Damaged));
    }

    #[test]
    fn other_content_has_another_id(a in any_case(), b in any_case()) {
        prop_assert_ne!(a.sign().id(), b.sign().id());
        let later = Case { header: Header { seq: a.header.seq ^ 2, ..a.header }, ..a.clone() };
        prop_assume!(later.header.seq != 0);
        prop_assert_ne!(a.sign().id(), later.sign().id());
        prop_assert_eq!(a.body.slot(), later.body.slot(), "a renewal replaces");
    }

    #[test]
    fn keys_are_read_back_from_every_form(key in key(), steps in damage()) {
        let peer_id = [&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20], key.as_bytes().as_slice()].concat();
        let forms = [
            key.to_string(),
            key.to_multibase(),
            key.to_pkarr(),
            bs58::encode(peer_id).into_string(),
            data_encoding::HEXLOWER.encode(key.as_bytes()),
            data_encoding::HEXUPPER.encode(key.as_bytes()),
        ];
        for form in forms {
            prop_assert_eq!(form.parse::<Key>(), Ok(key), "{}", &form);
            prop_assert_eq!(format!(" {form}\n").parse::<Key>(), Ok(key), "{}", &form);
            read_text_with_everything(&String::from_utf8_lossy(&damaged(form.as_bytes(), &steps)));
        }
    }

    #[test]
    fn links_and_cards_lead_back_to_any_contact(key in key(), name in line(80), url in line(300)) {
        let contact = Contact { key, name, url };
        prop_assert_eq!(Contact::from_link(&contact.to_link()), Ok(contact.clone()), "{}", contact.to_link());
        let pages = [
            contact.to_link(),
            contact.to_card(),
            contact.to_card().replace('\n', "\r\n> "),
            contact.to_card().replace('\n', " "),
            format!("<a href=\"{}\">{key}</a>", contact.to_link().replace('&', "&amp;")),
            format!("{key} and {} and {key}", contact.to_card()),
        ];
        for page in pages {
            prop_assert_eq!(find_contacts(&page), Ok(vec![contact.clone()]), "{}", page);
        }
    }

    #[test]
    fn a_damaged_link_or_card_leads_to_nobody_else(key in key(), name in line(40), url in line(60), steps in damage()) {
        let contact = Contact { key, name, url };
        let link = String::from_utf8_lossy(&damaged(contact.to_link().as_bytes(), &steps)).into_owned();
        read_text_with_everything(&link);
        if let Ok(read) = Contact::from_link(&link) {
            prop_assert_eq!(&read, &contact, "{}", link);
        }
        let card = contact.to_card();
        let inner = card.strip_prefix(CARD_BEGIN).and_then(|c| c.trim_end().strip_suffix(CARD_END)).expect("a card");
        let inner = damaged(inner.as_bytes(), &steps);
        let card = format!("{CARD_BEGIN}{}{CARD_END}", String::from_utf8_lossy(&inner));
        if let Ok(read) = find_contacts(&card) {
            prop_assert_eq!(read, vec![contact], "{}", card);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in any_text(), start in select(vec![
        "did:key:", "did:key:z6Mk", "z6Mk", "pk:", "12D3Koo", "heirloom:", "heirloom:z6Mk", "imdb:", "tmdb:", "tmdb:tv/",
        "tvdb:", "wikidata:", "mbid:", "hl:", "https://", "http://www.imdb.com/title/", "https://www.themoviedb.org/tv/",
        "https://www.wikidata.org/wiki/", "https://musicbrainz.org/release/", CARD_BEGIN,
    ])) {
        read_text_with_everything(&text);
        read_text_with_everything(&format!("{start}{text}"));
        read_text_with_everything(&format!("{CARD_BEGIN}{start}{text}{CARD_END}"));
        read_text_with_everything(&format!("{CARD_BEGIN}\nName: {text}\nKey: {start}{text}\nCheck: {text}{CARD_END}"));
    }

    #[test]
    fn work_ids_are_read_back_in_any_case(id in work_id(), steps in damage()) {
        for text in [id.to_string(), id.as_str().to_ascii_uppercase(), format!(" {id}\n")] {
            prop_assert_eq!(text.parse::<WorkId>(), Ok(id.clone()), "{}", text);
        }
        read_text_with_everything(&String::from_utf8_lossy(&damaged(id.as_str().as_bytes(), &steps)));
    }

    #[test]
    fn head_items_lead_back_to_the_head(case in case_of(Kind::Head)) {
        let head = case.sign();
        let item = dht::head_item(&case.secret(), &head).into_inner();
        prop_assert_eq!(&item, &support::item(&case.seed, b"heirloom", item.seq, head.bytes()), "as BEP44 defines it");
        prop_assert_eq!(item.seq.unsigned_abs(), head.header().seq);
        let item = item.verify().expect("holds");
        prop_assert_eq!(item.author(), *head.author());
        prop_assert_eq!(dht::read_head(&item), Ok(head));
    }

    #[test]
    fn work_items_lead_back_to_what_fits(
        (seed, work, bodies) in (seed(), work_id()).prop_flat_map(|(seed, work)| {
            let id = work.clone();
            let listings = listing().prop_map(Body::Listing);
            let records = work_named(id).prop_map(Body::Work);
            let any = prop_oneof![3 => listings, 1 => records];
            (Just(seed), Just(work), vec((any, header(Kind::Listing)), 1..6))
        })
    ) {
        let secret = SecretKey::from_seed(&seed);
        let all: Vec<_> =
            bodies.iter().map(|(body, header)| Statement::sign(&secret, header, body).expect("signed")).collect();
        let item = dht::work_item(&secret, &work, &all, 7).into_inner().verify().expect("holds");
        prop_assert!(item.value.len() + 4 <= dht::VALUE_BYTES_MAX);
        let read = dht::read_work(&item, &work).expect("ours");
        prop_assert_eq!(read.refused, 0);
        prop_assert!(read.statements.iter().all(|s| all.contains(s)));
        let left_out: Vec<_> = all.iter().filter(|s| !read.statements.contains(s)).map(|s| s.id()).collect();
        prop_assert!(left_out.starts_with(&read.more), "the first of the rest are named");
        prop_assert!(!read.statements.is_empty() || !read.more.is_empty());
        let order: Vec<_> = read.statements.iter().map(|s| all.iter().position(|a| a == s)).collect();
        prop_assert!(order.is_sorted(), "in the given order");
    }

    #[test]
    fn a_work_item_has_one_form(seed in seed(), work in work_id(), case in any_case()) {
        let secret = SecretKey::from_seed(&seed);
        let value = dht::work_item(&secret, &work, &[case.sign()], 1).into_inner().value;
        for (what, odd) in odd_forms(&value, Shape { repeated: &[1, 2], nested: &[1] }) {
            // Some odd forms no longer fit into an item.
            if let Ok(item) = item(&seed, &dht::work_salt(&work), 1, &odd).verify() {
                prop_assert_eq!(dht::read_work(&item, &work), Err(dht::ItemError::NotOurs), "{}", what);
            }
        }
    }

    #[test]
    fn items_are_refused_when_anything_changes(
        seed in seed(), salt in vec(any::<u8>(), 0..=64), seq in any::<i64>(), value in vec(any::<u8>(), 0..300),
        at in any::<Index>(), bit in 0_u8..8,
    ) {
        let genuine = item(&seed, &salt, seq, &value);
        prop_assert!(genuine.clone().verify().is_ok());
        let mut changed = vec![Item { seq: seq ^ 1 << bit, ..genuine.clone() }];
        for part in 0..4 {
            let mut item = genuine.clone();
            let bytes: &mut [u8] = match part {
                0 => &mut item.key,
                1 => &mut item.signature,
                2 => &mut item.salt,
                _ => &mut item.value,
            };
            if !bytes.is_empty() {
                bytes[at.index(bytes.len())] ^= 1 << bit;
                changed.push(item);
            }
        }
        for item in changed {
            prop_assert!(item.clone().verify().is_err(), "{:?}", item);
        }
    }

    #[test]
    fn any_signed_item_is_read_without_panic(
        seed in seed(), work in work_id(), value in vec(any::<u8>(), 0..900), case in any_case(), steps in damage(),
    ) {
        let signed = case.sign();
        let own = dht::work_item(&SecretKey::from_seed(&seed), &work, &[signed], 1);
        for value in [value, damaged(&own.value, &steps)] {
            for salt in [dht::work_salt(&work).as_slice(), dht::HEAD_SALT] {
                if let Ok(item) = item(&seed, salt, 1, &value).verify() {
                    let _ = dht::read_head(&item);
                    let _ = dht::read_work(&item, &work);
                }
            }
        }
    }

    #[test]
    fn any_time_is_written(ms in any::<u64>()) {
        prop_assert!(Timestamp(ms).to_rfc3339().ends_with('Z'));
    }
}

/// A work record that names `id`.
fn work_named(id: WorkId) -> impl Strategy<Value = Work> {
    work().prop_map(move |mut work| {
        work.ids.push(id.clone());
        work
    })
}

/// All bits of one small statement of each kind, where the properties above try some bits of many.
#[test]
fn not_one_bit_of_an_envelope_is_spare() {
    for kind in Kind::ALL {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let case = case_of(kind).new_tree(&mut runner).expect("a case").current();
        let bytes = case.sign().bytes().to_vec();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&flipped).is_err(), "bit {bit} of a {}", kind.name());
        }
    }
}
