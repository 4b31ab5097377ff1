//! Golden vectors: the committed bytes of one of everything. They are what another implementation must agree with, and
//! a change here is a change of the wire format. `HEIRLOOM_UPDATE=1` writes them anew.

#![allow(clippy::cast_possible_truncation, reason = "tests count small numbers")]

mod support;

use heirloom_proto::body::{
    Attestation, Credit, CuratorEntry, CuratorList, DuplicityProof, Episode, File, Head, Level, Listing, Opinion,
    Profile, Receipt, Retraction, Rotation, Scope, Verdict, Work, WorkKind, WorkTitle,
};
use heirloom_proto::dht::{self, Item};
use heirloom_proto::limits::{ENVELOPE_BYTES_MAX, LIFETIME_MS_MAX};
use heirloom_proto::text::{Contact, find_contacts};
use heirloom_proto::{
    Body, Header, Infohash, Kind, SecretKey, Sha256, Statement, StatementId, Timestamp, Verified, WorkId, verify,
};
use std::fmt::Write as _;
use std::path::PathBuf;
use support::{FLAT, Field, envelope, join, odd_forms, seal, split};

const ALICE: [u8; 32] = [1; 32];
const BOB: [u8; 32] = [2; 32];
/// 2026-11-22T12:30:25.123Z.
const NOW_MS: u64 = 1_795_350_625_123;

fn alice() -> SecretKey {
    SecretKey::from_seed(&ALICE)
}

fn bob() -> SecretKey {
    SecretKey::from_seed(&BOB)
}

fn work_id() -> WorkId {
    "imdb:tt1254207".parse().expect("id")
}

fn header(kind: Kind, seq: u64) -> Header {
    let expires = kind.limits().lifetime_ms_max.map(|_| Timestamp(NOW_MS + kind.limits().lifetime_ms_default));
    Header { generation: 0, seq, created: Timestamp(NOW_MS), expires }
}

fn sign(body: Body) -> Verified<Statement> {
    Statement::sign(&alice(), &header(body.kind(), NOW_MS), &body).expect("signed")
}

fn profile(seq: u64, next: u8) -> Verified<Statement> {
    let body = Profile {
        name: "Alice Ünï".into(),
        url: "https://alice.example/".into(),
        next_key_hash: Sha256::of(SecretKey::from_seed(&[next; 32]).public().as_bytes()),
    };
    Statement::sign(&alice(), &header(Kind::Profile, seq), &Body::Profile(body)).expect("signed")
}

fn listing() -> Listing {
    Listing {
        work: work_id(),
        infohash: "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c".parse().expect("infohash"),
        info_sha256: Some(Sha256([6; 32])),
        name: "Big Buck Bunny".into(),
        size: 276_445_467,
        files: vec![File { index: 1, path: "Big Buck Bunny.mp4".into(), size: 276_134_947, episode: None }],
        resolution: "1080p".into(),
        licence: "CC-BY-3.0".into(),
        languages: vec!["en".into()],
        trackers: vec!["udp://tracker.example:6969".into()],
        episode: None,
        medium: "Web".into(),
        video_codec: "H.264".into(),
        audio_codecs: vec!["AAC".into()],
        subtitles: vec!["de".into(), "eo".into()],
        web_seeds: vec!["https://films.example/".into()],
    }
}

/// One statement of each kind, with every field filled.
fn statement(kind: Kind) -> Verified<Statement> {
    sign(match kind {
        Kind::Profile => return profile(NOW_MS, 3),
        Kind::Attestation => Body::Attestation(Attestation {
            subject: bob().public(),
            scope: Scope::Catalogue,
            level: Level::DISTRUST,
            reason: "wrong works,\nsince June".into(),
        }),
        Kind::Receipt => Body::Receipt(Receipt { subject: bob().public(), week: 2968, log2_bytes: 31 }),
        Kind::Work => Body::Work(Work {
            ids: vec![work_id(), "tmdb:movie/10378".parse().expect("id")],
            title: "Big Buck Bunny".into(),
            year: Some(2008),
            kind: WorkKind::Film,
            overview: "A rabbit has had enough.".into(),
            genres: vec!["Animation".into(), "Comedy".into()],
            languages: vec!["en".into()],
            runtime_min: Some(10),
            artwork: Some(Sha256([7; 32])),
            episodes: vec![Episode { season: 0, number: 1, title: "Making of".into(), date: "2008-05-30".into() }],
            original_title: "Big Buck Bunny".into(),
            titles: vec![WorkTitle { language: "eo".into(), title: "Granda Kuniklo Buck".into() }],
            people: vec![Credit { name: "Sacha Goedegebure".into(), role: "director".into() }],
        }),
        Kind::Listing => Body::Listing(Listing {
            files: vec![File { episode: Some((1, 2)), ..listing().files.remove(0) }],
            episode: Some((1, 2)),
            ..listing()
        }),
        Kind::Verdict => Body::Verdict(Verdict {
            infohash: listing().infohash,
            opinion: Opinion::WrongWork,
            note: "This is Sintel.".into(),
        }),
        Kind::Head => Body::Head(Head {
            live_count: 3,
            live_root: Sha256([8; 32]),
            archive: Some((Infohash([9; 20]), Sha256([10; 32]))),
        }),
        Kind::CuratorList => Body::CuratorList(CuratorList {
            name: "friends".into(),
            entries: vec![CuratorEntry { key: bob().public(), name: "Bob".into(), note: "open films".into() }],
        }),
        Kind::Rotation => {
            let body = Rotation::signed_by(&bob(), &alice().public(), Sha256([11; 32]));
            Body::Rotation(Rotation { compromised_since: Some(Timestamp(NOW_MS - 1)), ..body })
        }
        Kind::Retraction => Body::Retraction(Retraction { target: StatementId([12; 32]) }),
        Kind::DuplicityProof => {
            let proof = DuplicityProof::new(&profile(NOW_MS, 3), &profile(NOW_MS + 1, 4));
            Body::DuplicityProof(proof.expect("contradiction"))
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).expect("hexadecimal digits")
}

/// The committed file, after it was compared with what today's code gives (or was written, with `HEIRLOOM_UPDATE`).
fn golden(name: &str, today: &str) -> String {
    let path =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("tests/golden").join(name);
    if std::env::var_os("HEIRLOOM_UPDATE").is_some() {
        std::fs::write(&path, today).expect("write");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == today,
        "the wire format has changed: {name}\ncommitted:\n{committed}\ntoday:\n{today}\n\
         if that is meant, run `HEIRLOOM_UPDATE=1 cargo test -p heirloom-proto --test golden`"
    );
    committed
}

/// The value behind `label` in a golden file.
fn value<'a>(file: &'a str, label: &str) -> &'a str {
    let line = file.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {label} in\n{file}"))
}

#[test]
fn one_statement_of_each_kind() {
    for kind in Kind::ALL {
        let ours = statement(kind);
        let today = format!(
            "store id: {}\ngossip id: {}\nslot: {}\nenvelope: {}\n",
            ours.id(),
            ours.gossip_id(),
            ours.body().slot(),
            hex(ours.bytes())
        );
        let committed = golden(&format!("{}.hex", kind.name()), &today);
        assert_eq!(verify(&unhex(value(&committed, "envelope"))), Ok(ours), "{kind:?}");
    }
}

fn item_text(item: &Item) -> String {
    format!(
        "key: {}\nsalt: {}\nseq: {}\nvalue: {}\nsignature: {}\n",
        hex(&item.key),
        hex(&item.salt),
        item.seq,
        hex(&item.value),
        hex(&item.signature)
    )
}

fn item_from(text: &str) -> Verified<Item> {
    let item = Item {
        key: unhex(value(text, "key")).try_into().expect("32 bytes"),
        salt: unhex(value(text, "salt")),
        seq: value(text, "seq").parse().expect("number"),
        value: unhex(value(text, "value")),
        signature: unhex(value(text, "signature")).try_into().expect("64 bytes"),
    };
    item.verify().expect("holds")
}

#[test]
fn head_and_work_items() {
    let head = statement(Kind::Head);
    let committed = golden("head-item.hex", &item_text(&dht::head_item(&alice(), &head)));
    assert_eq!(dht::read_head(&item_from(&committed)), Ok(head));

    let listing = sign(Body::Listing(listing()));
    let long = Listing { infohash: Infohash([13; 20]), trackers: vec!["t".repeat(200); 5], ..self::listing() };
    let long = sign(Body::Listing(long));
    let all = [listing.clone(), long.clone(), statement(Kind::Retraction)];
    let committed = golden("work-item.hex", &item_text(&dht::work_item(&alice(), &work_id(), &all, NOW_MS)));
    let read = dht::read_work(&item_from(&committed), &work_id()).expect("ours");
    assert_eq!(read.statements, [listing, all[2].clone()]);
    assert_eq!(read.more, [long.id()]);
}

/// The vectors of BEP44 itself: with the same key, once without a salt and once with one.
#[test]
fn the_vectors_of_bep44_verify() {
    let key = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548";
    let signatures = [
        (
            "",
            "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff\
             1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
        ),
        (
            "foobar",
            "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d\
             df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
        ),
    ];
    for (salt, signature) in signatures {
        let item = Item {
            key: unhex(key).try_into().expect("32 bytes"),
            salt: salt.into(),
            seq: 1,
            value: b"Hello World!".to_vec(),
            signature: unhex(signature).try_into().expect("64 bytes"),
        };
        assert!(item.verify().is_ok(), "salt {salt:?}");
    }
}

fn contact() -> Contact {
    Contact { key: alice().public(), name: "Alice Ünï".into(), url: "https://alice.example/?a=b&c".into() }
}

/// A name that a card must escape.
fn odd_contact() -> Contact {
    Contact { key: bob().public(), name: "Bob  Key: x".into(), url: String::new() }
}

#[test]
fn links_cards_and_keys() {
    for (contact, prefix) in [(contact(), ""), (odd_contact(), "odd-")] {
        let committed = golden(&format!("{prefix}link.txt"), &format!("{}\n", contact.to_link()));
        assert_eq!(Contact::from_link(&committed), Ok(contact.clone()));
        let committed = golden(&format!("{prefix}card.txt"), &contact.to_card());
        assert_eq!(find_contacts(&committed), Ok(vec![contact]));
    }
    let key = alice().public();
    let today = format!(
        "seed: {}\nkey: {}\ndid: {key}\nmultibase: {}\npkarr: {}\n",
        hex(&ALICE),
        hex(key.as_bytes()),
        key.to_multibase(),
        key.to_pkarr()
    );
    let committed = golden("key.txt", &today);
    for label in ["key", "did", "multibase", "pkarr"] {
        assert_eq!(value(&committed, label).parse(), Ok(key), "{label}");
    }
}

#[test]
fn ids_of_titles() {
    let titles =
        [("Charge", 2022, "film"), ("  AMÉLIE  Poulain", 2001, "film"), ("東京物語", 1953, "film"), ("", 0, "other")];
    let today = titles.iter().fold(String::new(), |mut text, (title, year, kind)| {
        writeln!(text, "{}: {kind}, {year}, {title:?}", WorkId::of_title(title, *year, kind)).expect("a string");
        text
    });
    golden("title-ids.txt", &today);
    let named = [("Charge", 2022, "film", "Hjalti Hjálmarsson"), ("東京物語", 1953, "film", "  小津 安二郎 ")];
    let today = named.iter().fold(String::new(), |mut text, (title, year, kind, by)| {
        let id = WorkId::of_title_by(title, *year, kind, by);
        writeln!(text, "{id}: {kind}, {year}, {title:?}, {by:?}").expect("a string");
        text
    });
    golden("title-by-ids.txt", &today);
}

/// An envelope whose body is that of `kind` after `change`, with a genuine signature.
fn resealed(kind: Kind, change: impl Fn(&mut Vec<Field>)) -> Vec<u8> {
    let mut fields = split(&split(statement(kind).bytes())[2].payload);
    change(&mut fields);
    seal(&ALICE, kind.number(), &join(&fields))
}

/// Replaces the header of a body.
fn with_header(generation: u64, seq: u64, created_ms: u64, expires_ms: u64) -> impl Fn(&mut Vec<Field>) {
    let numbers = [(1, generation), (2, seq), (3, created_ms), (4, expires_ms)];
    let fields: Vec<_> = numbers.iter().filter(|(_, n)| *n != 0).map(|(at, n)| Field::number(*at, *n)).collect();
    move |body| body[0] = Field::bytes(1, &join(&fields))
}

/// Replaces, or adds behind all others, one field of a body.
fn with(field: Field) -> impl Fn(&mut Vec<Field>) {
    move |body| match body.iter_mut().find(|f| f.number == field.number) {
        Some(known) => *known = field.clone(),
        None => body.push(field.clone()),
    }
}

/// The form of the envelope of `kind` to which `what` was done.
fn odd_envelope(kind: Kind, what: &str) -> Vec<u8> {
    let odd = odd_forms(statement(kind).bytes(), FLAT);
    odd.into_iter().find(|(name, _)| name == what).unwrap_or_else(|| panic!("{what}")).1
}

/// What must be refused, each under a name that says why.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let parts = split(statement(Kind::Verdict).bytes());
    let verdict =
        |author: &[u8], kind: Kind, signature: &[u8]| envelope(author, kind.number(), &parts[2].payload, signature);
    let (author, signature) = (parts[0].payload.as_slice(), parts[3].payload.as_slice());
    // The same point plus the group order in the second half: what lax verifiers accept.
    let mut malleable = signature.to_vec();
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut carry = 0_u16;
    for (byte, add) in malleable[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut off_curve = [0; 32];
    off_curve[0] = 2;
    let proof = split(&split(statement(Kind::DuplicityProof).bytes())[2].payload);
    let nested = statement(Kind::DuplicityProof);
    let retraction = Body::Retraction(Retraction { target: StatementId(*bob().public().as_bytes()) });
    let retraction = split(sign(retraction).bytes());
    let day = 24 * 3600 * 1000;
    vec![
        ("no bytes", Vec::new()),
        ("longer than any envelope", vec![0; ENVELOPE_BYTES_MAX + 1]),
        ("not protobuf", b"heirloom".to_vec()),
        ("envelope with an unknown field", odd_envelope(Kind::Verdict, "an unknown number")),
        ("envelope with a zero byte behind", odd_envelope(Kind::Verdict, "a zero byte behind")),
        ("envelope with its kind behind its body", odd_envelope(Kind::Verdict, "field 2 behind the next")),
        ("envelope with a long varint", odd_envelope(Kind::Verdict, "field 3 with a long length")),
        ("envelope with its kind twice", odd_envelope(Kind::Verdict, "field 2 twice")),
        ("author of 31 bytes", verdict(&author[1..], Kind::Verdict, signature)),
        ("signature of 63 bytes", verdict(author, Kind::Verdict, &signature[1..])),
        ("no author", verdict(&[], Kind::Verdict, signature)),
        ("kind 0", seal(&ALICE, 0, &parts[2].payload)),
        ("kind 12", seal(&ALICE, 12, &parts[2].payload)),
        ("author not on the curve", verdict(&off_curve, Kind::Verdict, signature)),
        ("author of small order", verdict(&identity, Kind::Verdict, &[identity, [0; 32]].concat())),
        ("signature of zeros", verdict(author, Kind::Verdict, &[0; 64])),
        ("signature with s plus the group order", verdict(author, Kind::Verdict, &malleable)),
        ("signature by another key", verdict(bob().public().as_bytes(), Kind::Verdict, signature)),
        (
            "retraction that poses as an attestation",
            envelope(&retraction[0].payload, 2, &retraction[2].payload, &retraction[3].payload),
        ),
        ("body longer than its kind", resealed(Kind::Verdict, with(Field::bytes(4, &[b'n'; 513])))),
        ("no header", resealed(Kind::Verdict, |body| drop(body.remove(0)))),
        ("sequence number 0", resealed(Kind::Verdict, with_header(0, 0, NOW_MS, NOW_MS + day))),
        ("sequence number beyond BEP44", resealed(Kind::Verdict, with_header(0, 1 << 63, NOW_MS, NOW_MS + day))),
        ("expires when it is created", resealed(Kind::Verdict, with_header(0, 1, NOW_MS, NOW_MS))),
        ("never expires", resealed(Kind::Verdict, with_header(0, 1, NOW_MS, 0))),
        ("lives too long", resealed(Kind::Verdict, with_header(0, 1, NOW_MS, NOW_MS + LIFETIME_MS_MAX + 1))),
        ("rotation that expires", resealed(Kind::Rotation, with_header(0, 1, NOW_MS, NOW_MS + day))),
        ("body with an unknown field", resealed(Kind::Verdict, |body| body.push(Field::number(5, 1)))),
        ("body in another order", resealed(Kind::Verdict, |body| body.swap(1, 2))),
        ("body with a default written", resealed(Kind::Receipt, with(Field::number(3, 0)))),
        ("body with a field twice", resealed(Kind::Verdict, |body| body.insert(2, body[2].clone()))),
        ("note that turns the writing around", resealed(Kind::Verdict, with(Field::bytes(4, "a\u{202e}b".as_bytes())))),
        ("note with an escape character", resealed(Kind::Verdict, with(Field::bytes(4, b"\x1b[2J")))),
        ("note that is not NFC", resealed(Kind::Verdict, with(Field::bytes(4, "e\u{301}".as_bytes())))),
        ("note that is not UTF-8", resealed(Kind::Verdict, with(Field::bytes(4, b"\xff")))),
        ("note of 281 bytes", resealed(Kind::Verdict, with(Field::bytes(4, &[b'n'; 281])))),
        ("title of two lines", resealed(Kind::Work, with(Field::bytes(3, b"two\nlines")))),
        ("opinion 7", resealed(Kind::Verdict, with(Field::number(3, 7)))),
        ("infohash of 32 bytes", resealed(Kind::Verdict, with(Field::bytes(2, &[1; 32])))),
        ("level 101", resealed(Kind::Attestation, with(Field::number(4, 202)))),
        ("scope 4", resealed(Kind::Attestation, with(Field::number(3, 4)))),
        ("subject that is no key", resealed(Kind::Attestation, with(Field::bytes(2, &off_curve)))),
        ("2^63 bytes", resealed(Kind::Receipt, with(Field::number(4, 63)))),
        ("year 10000", resealed(Kind::Work, with(Field::number(4, 10_000)))),
        ("work id not normalised", resealed(Kind::Work, with(Field::bytes(2, b"imdb:1254207")))),
        ("episode without a number", resealed(Kind::Listing, with(Field::number(13, 0)))),
        ("archive without a checksum", resealed(Kind::Head, |body| drop(body.pop()))),
        ("rotation nobody agreed to", resealed(Kind::Rotation, |body| drop(body.drain(3..)))),
        ("rotation with a forged agreement", resealed(Kind::Rotation, with(Field::bytes(5, &[1; 64])))),
        (
            "proof in the wrong order",
            resealed(Kind::DuplicityProof, |body| {
                (body[1].payload, body[2].payload) = (proof[2].payload.clone(), proof[1].payload.clone());
            }),
        ),
        ("proof with one statement twice", resealed(Kind::DuplicityProof, with(Field::bytes(3, &proof[1].payload)))),
        ("proof inside a proof", resealed(Kind::DuplicityProof, with(Field::bytes(2, nested.bytes())))),
    ]
}

#[test]
fn what_must_be_refused() {
    let today = refused().iter().fold(String::new(), |mut text, (name, bytes)| {
        let error = verify(bytes).expect_err(name);
        // Too long to commit, and no more telling for it.
        let bytes = if bytes.len() > ENVELOPE_BYTES_MAX { format!("00 x {}", bytes.len()) } else { hex(bytes) };
        writeln!(text, "{name} | {error} | {bytes}").expect("a string");
        text
    });
    let committed = golden("refused.txt", &today);
    for line in committed.lines() {
        let [name, error, bytes] = line.splitn(3, " | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let bytes = match bytes.strip_prefix("00 x ") {
            Some(len) => vec![0; len.parse().expect("length")],
            None => unhex(bytes),
        };
        assert_eq!(verify(&bytes).map_err(|e| e.to_string()), Err(error.to_owned()), "{name}");
    }
}

#[test]
fn links_and_cards_that_must_be_refused() {
    let (link, card) = (contact().to_link(), contact().to_card());
    let (link_body, _) = link.split_once("check=").expect("a checksum");
    let unclean = Contact { name: "Al\u{202e}ice".into(), ..contact() };
    let cases = [
        ("letter of the key changed", link.replace("FbLfLX", "FbLfLY")),
        ("letter of the name changed", link.replace("Alice", "Alica")),
        ("letter of the address changed", link.replace("alice.example", "alica.example")),
        ("letter of the checksum lost", link[..link.len() - 1].to_owned()),
        ("no checksum", link_body.to_owned()),
        ("bare", format!("heirloom:{}", alice().public().to_multibase())),
        ("name that turns the writing around", unclean.to_link()),
        ("card with another name", card.replace("Alice", "Alica")),
        ("card without an end", card.lines().next().expect("a line").to_owned()),
        ("card whose name turns the writing around", unclean.to_card()),
    ];
    let today = cases.iter().fold(String::new(), |mut text, (name, contact)| {
        let error = find_contacts(contact).expect_err(name);
        writeln!(text, "{name} | {error} | {}", contact.escape_debug()).expect("a string");
        text
    });
    golden("refused-contacts.txt", &today);
}
