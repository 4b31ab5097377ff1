//! Every view with nothing, with what is usual, and with what an enemy would write: whatever others say stays text.

#[path = "payloads.rs"]
mod payloads;

use super::format::bytes;
use super::shelf::{self, Asked, Front, Listing, Row};
use super::{first_run, handed, key, layout, node, people, player, publish, seeding, text, why, work};
use crate::driver::{Download, Job};
use crate::follow::{Found as FoundIn, Lead, ListedBy};
use crate::http;
use crate::settings::{Origin, Setting};
use heirloom_core::command::CommandError;
use heirloom_core::fitting::{Filled, FilledFile, Flag};
use heirloom_core::receipts::Received;
use heirloom_core::settings::Preset;
use heirloom_core::views::{self, StarterState};
use heirloom_graph::Band;
use heirloom_proto::body::{Credit, Episode, Level, Opinion, Scope, WorkKind};
use heirloom_proto::text::Contact;
use heirloom_proto::time::DAY_MS;
use heirloom_proto::{Infohash, Key, SecretKey, Timestamp, WorkId};
use html5gum::{Token, Tokenizer};
use maud::Markup;
use payloads::{PAYLOADS_MIN, payloads};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

fn secret(number: u8) -> Key {
    SecretKey::from_seed(&[number; 32]).public()
}

fn id(text: &str) -> WorkId {
    text.parse().expect("an id")
}

fn release(said: &str, band: Band) -> views::Release {
    let file = |index: u32, path: String| FilledFile {
        index,
        path,
        size: 5_000_000,
        episodes: vec![(1, 1)],
        is_derived: true,
    };
    views::Release {
        infohash: Infohash([7; 20]),
        name: said.into(),
        size: 5_000_000,
        resolution: said.into(),
        details: Filled {
            medium: said.into(),
            video_codec: said.into(),
            edition: said.into(),
            languages: vec![said.into()],
            episode: Some((1, 2)),
            files: vec![file(0, format!("{said}.mp4")), file(1, format!("{said}.srt"))],
            ..Filled::default()
        },
        flags: Vec::new(),
        is_pack: false,
        licence: said.into(),
        trackers: Vec::new(),
        web_seeds: Vec::new(),
        score: 0.5,
        support: 0.6,
        band,
        is_at_first_hand: true,
        listed_by: vec![(secret(1), said.into(), 0.5), (secret(2), String::new(), 0.1)],
        listers: 4,
        verdicts: BTreeMap::from([(Opinion::Good, 2), (Opinion::Fake, 1)]),
        source: views::Source::Store,
        is_from_starter: false,
        received_by_me: 12_000_000_000,
        listed_at: heirloom_proto::Timestamp(1_700_000_000_000),
        received_by_trusted: Received { bytes: 3_000_000_000, people: 2 },
        followed: BTreeSet::from([secret(1)]),
    }
}

fn found(said: &str, band: Band) -> views::Found {
    views::Found {
        work: id("imdb:tt1254207"),
        title: said.into(),
        year: Some(2008),
        kind: WorkKind::Film,
        score: 0.5,
        band,
        releases: 1,
        best: Some(release(said, band)),
        relevance: 1000,
        episode: None,
        genres: vec![said.into()],
        artwork: None,
    }
}

fn the_work(said: &str) -> views::Work {
    views::Work {
        work: id("imdb:tt1254207"),
        ids: vec![id("imdb:tt1254207")],
        title: said.into(),
        year: Some(2008),
        kind: WorkKind::Series,
        overview: said.into(),
        genres: vec![said.into()],
        languages: vec![said.into()],
        runtime_min: Some(10),
        artwork: None,
        episodes: vec![Episode { season: 1, number: 1, title: said.into(), date: "2008-01-01".into() }],
        original_title: format!("{said} (original)"),
        titles: Vec::new(),
        people: vec![Credit { name: said.into(), role: said.into() }],
        is_by_strangers: true,
        releases: vec![release(said, Band::Trusted), release(said, Band::Unknown), release(said, Band::Distrusted)],
    }
}

fn the_why(said: &str) -> views::Why {
    let because = |is_against| views::Because {
        path: vec![secret(9), secret(1), secret(2)],
        weight: 0.5,
        share: 0.5,
        is_against,
        kind: "listing",
        note: said.into(),
    };
    views::Why {
        subject: said.into(),
        scope: Scope::Catalogue,
        preset: Preset::default(),
        score: 0.5,
        support: 0.6,
        band: Band::Trusted,
        because: vec![because(false), because(true)],
        explained: 1.0,
        ignored: vec![(secret(3), said.into())],
        ignored_more: 2,
        sums: views::Sums {
            praise: 1.0,
            against: 0.0,
            support: 1.0,
            witness_factor: 1.0,
            mean_level: 1.0,
            evidence_scale: 1.0,
            distrust_weight: 1.0,
            voted: 1.0,
            dormancy: 1.0,
        },
        arithmetic: said.into(),
        head: None,
    }
}

fn names(said: &str) -> why::Names {
    BTreeMap::from([(secret(1), said.to_owned()), (secret(2), said.to_owned())])
}

fn the_about(said: &str, is_me: bool) -> views::About {
    let listing = views::ListingRow {
        work: id("imdb:tt1254207"),
        title: said.into(),
        infohash: Infohash([7; 20]),
        name: said.into(),
        size: 5,
        made: Timestamp(DAY_MS),
        is_private: true,
    };
    let attestation = views::AttestationRow {
        subject: secret(2),
        name: said.into(),
        level: Level::HIGH,
        scope: Scope::All,
        reason: said.into(),
        made: Timestamp(DAY_MS),
        is_private: true,
    };
    let verdict = views::VerdictRow {
        infohash: Infohash([7; 20]),
        opinion: Opinion::Fake,
        note: said.into(),
        made: Timestamp(DAY_MS),
    };
    views::About {
        key: secret(1),
        name: said.into(),
        url: said.into(),
        is_me,
        listings: (vec![listing], 300),
        attestations: (vec![attestation], 1),
        verdicts: (vec![verdict], 1),
    }
}

fn me(said: &str) -> views::Identity {
    views::Identity { key: secret(9), name: said.into(), url: said.into(), generation: 0 }
}

fn follow_of(said: &str) -> views::Follow {
    views::Follow {
        key: secret(1),
        name: said.into(),
        level: Level::HIGH,
        scope: Scope::All,
        since: Timestamp(DAY_MS),
        gives_voice: true,
        previous: Some(secret(4)),
        log: None,
        head: None,
    }
}

fn trust_row(said: &str, band: Band) -> views::TrustRow {
    views::TrustRow {
        key: secret(3),
        name: said.into(),
        score: 0.4,
        support: 0.2,
        band,
        distance: Some(2),
        verified_bytes: 4_000_000,
        head: None,
    }
}

/// A page of so many.
fn circle(said: &str, band: Band, all: usize) -> views::Circle {
    views::Circle { rows: vec![trust_row(said, band)], all }
}

fn ledger_row(said: &str, number: u8, day: u64) -> views::LedgerRow {
    views::LedgerRow {
        key: Some(secret(number)),
        name: said.into(),
        address: [127, 0, 0, number].into(),
        infohash: None,
        verified_bytes: 1_000 * u64::from(number),
        releases: 1,
        first_seen: Timestamp(day * DAY_MS + 5),
        last_seen: Timestamp(day * DAY_MS + 9),
        linked: None,
        offered: Vec::new(),
        source: views::Origin::Measured,
    }
}

fn setting(said: &str, origin: Origin, is_live: bool) -> Setting {
    let text = || said.to_owned();
    let (name, value, default, env, about, next) = (text(), text(), text(), text(), text(), Some(text()));
    Setting { name, value, origin, default, env, about, is_live, is_switch: false, next }
}

fn elsewhere(said: &str) -> handed::Elsewhere {
    let download = Download { state: "failed", ..download(said) };
    handed::Elsewhere { download, client: "qBittorrent", trouble: Some(said.to_owned()) }
}

fn download(said: &str) -> Download {
    Download {
        infohash: Infohash([7; 20]),
        name: Some(said.into()),
        state: "downloading",
        bytes: 5,
        total: 10,
        ..Download::default()
    }
}

fn job(said: &str) -> Job {
    Job { job: 4, source: said.into(), bytes: 5, total: 10 }
}

fn front(said: &str) -> Front {
    let works = vec![found(said, Band::Trusted), found(said, Band::Unknown)];
    let all = Some(Asked { genre: said.into(), ..Asked::default() });
    Front { rows: vec![Row { title: said.into(), all, works }], works_known: 2, follows_somebody: false }
}

fn previewed(said: &str) -> people::Previewed {
    let followed = views::Followed {
        key: secret(1),
        name: said.into(),
        level: Level::HIGH,
        scope: Scope::All,
        gives_voice: true,
        preview: views::Preview { keys_gaining_voice: 1, works_gained: 2, works_hidden: 3 },
        confusable_with: Some((secret(2), said.into())),
    };
    let lead = Lead {
        contact: Contact { key: secret(1), name: said.into(), url: said.into() },
        note: said.into(),
        list: Some(ListedBy { key: secret(2), name: said.into() }),
        found: FoundIn::Text,
    };
    people::Previewed { lead, outcome: Ok(Some(followed)), twin: Some(said.into()) }
}

fn checked(said: &str, source: publish::Source) -> publish::Checked {
    publish::Checked {
        source,
        name: said.into(),
        size: 5,
        files: vec![(said.into(), 5)],
        works: vec![found(said, Band::Unknown)],
    }
}

fn around() -> work::Around {
    let downloads = BTreeMap::from([(Infohash([7; 20]), download("x"))]);
    work::Around {
        follows: BTreeSet::from([secret(1)]),
        me: Some(secret(9)),
        downloads,
        is_complete: false,
        shows_all: true,
    }
}

/// Every view, with what others said being this.
fn every_view(said: &str) -> Vec<(&'static str, Markup)> {
    let asked = Asked {
        q: said.into(),
        kind: said.into(),
        genre: said.into(),
        year: said.into(),
        language: said.into(),
        licence: said.into(),
        show: said.into(),
        page: 2,
    };
    let found_some = Listing { works: vec![found(said, Band::Earned)], has_more: true };
    let wrong = said.to_owned();
    let torrent = http::Row {
        record: Some(http::Record { title: said.into(), ..http::Record::default() }),
        release: Some(http::Release { name: said.into(), ..http::Release::default() }),
        ..http::Row::default()
    };
    let all_people = people::People {
        me: me(said),
        follows: vec![follow_of(said)],
        heard: circle(said, Band::Vouched, 60),
        distrusted: circle(said, Band::Distrusted, 1),
        starter: Some(StarterState::Dropped),
        asked: people::Asked::default(),
    };
    let shown = key::Shown {
        about: the_about(said, false),
        why: the_why(said),
        names: names(said),
        me: secret(9),
        is_followed: false,
        asked: key::Asked::default(),
    };
    let playing = player::Playing {
        infohash: Infohash([7; 20]),
        file: 0,
        name: said.into(),
        download: Some(download(said)),
        work: Some(the_work(said)),
    };
    let seeded = seeding::Seeding {
        downloads: vec![download(said)],
        takers: [(download(said).infohash, vec![(Some(secret(1)), said.to_owned()), (None, said.to_owned())])].into(),
        handed: vec![elsewhere(said)],
        rows: vec![ledger_row(said, 1, 100)],
        days: (1..=12).map(|number| ledger_row(said, number, 100 - u64::from(number))).collect(),
        usage: views::Usage::default(),
        today: 100,
        settings: vec![
            Setting { name: "upload-limit".into(), ..setting(said, Origin::File, true) },
            Setting { name: "seed-ratio".into(), ..setting(said, Origin::Env, true) },
        ],
        asked: seeding::Asked::default(),
    };
    let status = json!({
        "peers": 1, "works": 2, "uptime_s": 70, "key": said, "dht": { "nodes": 3, "mode": said },
        "counters": { "refused": 3 }, "trust": { "preset": said },
        "refusals": [
            { "at": said, "reason": said, "key": secret(3).to_string(), "name": said, "times": 2 },
            { "at": "2026-11-23T10:20:30Z", "reason": "expired", "key": null, "name": null, "times": 1 },
        ],
        "budgets": { "disk": { "used": 5, "limit": 10, "short": true } },
        "p2p": { "listening": [said], "nat": said, "peers_by": { "mdns": 1 } },
    });
    let doctor = json!([{ "check": said, "ok": false, "detail": said, "fix": said }, { "check": "dht", "ok": true, "detail": said, "fix": null }]);
    let step = |step| first_run::Welcome { step, me: me(said), front: front(said), follows: 1 };
    let frame = layout::Frame { title: said, here: layout::Here::Shelf, query: said };
    let refused = people::Previewed { outcome: Err(CommandError::bad_input("bad", said)), ..previewed(said) };
    vec![
        ("frame", layout::page(&frame, &shelf::render_front(&asked, &front(said)))),
        ("listing", shelf::render_listing(&asked, Ok(&found_some))),
        ("wrong filter", shelf::render_listing(&asked, Err(&wrong))),
        ("work", work::render(&the_work(said), &around())),
        ("player", player::render(&playing)),
        ("why", why::render(&the_why(said), &names(said), &secret(9))),
        ("people", people::render(&all_people)),
        ("previews", people::render_previews(&[previewed(said), refused])),
        ("key", key::render(&shown)),
        ("own key", key::render(&key::Shown { about: the_about(said, true), ..shown })),
        ("seeding", seeding::render(&seeded)),
        ("publish", publish::render(&the_about(said, true), &[job(said)], publish::Mine::default())),
        ("check of a path", publish::render_check(&checked(said, publish::Source::Path(said.into())))),
        ("check of a torrent", publish::render_check(&checked(said, publish::Source::Torrent(Box::new(torrent))))),
        (
            "node",
            node::render(&status, &doctor, &[setting(said, Origin::File, true), setting(said, Origin::Flag, false)]),
        ),
        ("welcome", first_run::render(&step(1))),
        ("welcome, people", first_run::render(&step(2))),
        ("welcome, done", first_run::render(&step(3))),
        ("trouble", layout::trouble(said)),
    ]
}

/// The elements of a page with the names of their attributes, as a browser reads them; and all text and values together.
fn structure(html: &str) -> (Vec<String>, String) {
    let (mut elements, mut content) = (Vec::new(), String::new());
    for token in Tokenizer::new(html) {
        match token.expect("never fails") {
            Token::StartTag(tag) => {
                let mut element = String::from_utf8_lossy(&tag.name).into_owned();
                for (name, value) in &tag.attributes {
                    element.push(' ');
                    element.push_str(&String::from_utf8_lossy(name));
                    let value = String::from_utf8_lossy(value).into_owned();
                    let name = String::from_utf8_lossy(name).into_owned();
                    if matches!(name.as_str(), "href" | "src" | "action") {
                        let is_ours = value.starts_with('/') || value.starts_with('#');
                        assert!(is_ours, "{name}={value}");
                        assert!(!value.starts_with("//"), "{name}={value}");
                    }
                    assert!(!name.starts_with("on") && name != "style", "{name}={value}");
                    content.push_str(&value);
                }
                elements.push(element);
            }
            Token::EndTag(tag) => elements.push(format!("/{}", String::from_utf8_lossy(&tag.name))),
            Token::String(text) => content.push_str(&String::from_utf8_lossy(&text)),
            Token::Comment(_) => elements.push("comment".into()),
            Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    (elements, content)
}

#[test]
fn nothing_that_others_wrote_becomes_markup() {
    let payloads = payloads();
    let different: BTreeSet<&String> = payloads.iter().collect();
    assert!(different.len() >= PAYLOADS_MIN, "{}", different.len());
    let innocent: Vec<_> = every_view("A quiet title").into_iter().map(|(_, html)| structure(&html.0).0).collect();
    for payload in &payloads {
        for ((view, html), expected) in every_view(payload).into_iter().zip(&innocent) {
            let (elements, content) = structure(&html.0);
            assert_eq!(&elements, expected, "{view}: {payload}");
            let shown = payload.replace(['\0', '\r'], "");
            if !payload.contains(['\0', '\r', '\n']) && !matches!(view, "welcome" | "welcome, done") {
                assert!(content.contains(shown.trim()), "{view} shows it as text: {payload}");
            }
        }
    }
}

#[test]
fn long_lists_of_people_go_on_by_pages() {
    let follows: Vec<views::Follow> = (0..120).map(|number| follow_of(&format!("Somebody {number}."))).collect();
    let many = |asked| people::People {
        me: me("Alice"),
        follows: follows.clone(),
        heard: circle("Somebody heard", Band::Vouched, 1),
        distrusted: circle("Bad", Band::Distrusted, 60),
        starter: None,
        asked,
    };
    let first = people::render(&many(people::Asked::default())).0;
    assert!(first.contains("Somebody 49.") && !first.contains("Somebody 50."), "fifty on a page");
    assert!(first.contains("/people?follows=2&amp;voices=0&amp;distrusted=0#follows"), "{first}");
    assert!(first.contains("/people?follows=0&amp;voices=0&amp;distrusted=2#distrusted"), "{first}");
    assert!(!first.contains("voices=2"), "one page of them");
    let last =
        people::render(&many(serde_json::from_value(json!({ "follows": 3, "distrusted": 2 })).expect("asked"))).0;
    assert!(last.contains("Somebody 119.") && !last.contains("Somebody 99."), "{last}");
    assert!(last.contains("/people?follows=3&amp;voices=0&amp;distrusted=1#distrusted"));
    let key = every_view("A quiet title").into_iter().find(|(view, _)| *view == "key").expect("the view").1.0;
    assert!(key.contains("?listings=2&amp;attestations=0&amp;verdicts=0#listings"), "300 listings: {key}");
}

#[test]
fn no_page_has_script_or_style_in_its_text() {
    for (view, html) in every_view("A quiet title") {
        let lower = html.0.to_ascii_lowercase();
        assert!(!lower.contains("<style") && !lower.contains(" style="), "{view}");
        assert_eq!(lower.matches("<script").count(), lower.matches("<script src=\"/assets/").count(), "{view}");
        assert!(!lower.contains("http://") && !lower.contains("https://example"), "{view}");
    }
}

#[test]
fn every_field_has_a_label_and_every_picture_a_text() {
    for (view, html) in every_view("A quiet title") {
        let mut labelled: BTreeSet<String> = BTreeSet::new();
        let mut depth = 0_usize;
        let mut fields: Vec<(BTreeMap<String, String>, usize)> = Vec::new();
        for token in Tokenizer::new(&html.0) {
            match token.expect("never fails") {
                Token::StartTag(tag) => {
                    let attributes: BTreeMap<String, String> = tag
                        .attributes
                        .iter()
                        .map(|(name, value)| {
                            (String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned())
                        })
                        .collect();
                    match &*String::from_utf8_lossy(&tag.name) {
                        "label" => {
                            depth += 1;
                            labelled.extend(attributes.get("for").cloned());
                        }
                        "img" => assert!(attributes.contains_key("alt"), "{view}: {attributes:?}"),
                        "input" if attributes.get("type").is_some_and(|kind| kind == "hidden") => {}
                        "input" | "select" | "textarea" => fields.push((attributes, depth)),
                        _ => {}
                    }
                }
                Token::EndTag(tag) if tag.name.as_slice() == b"label" => depth -= 1,
                _ => {}
            }
        }
        for (attributes, depth) in fields {
            let is_named = attributes.get("id").is_some_and(|id| labelled.contains(id));
            assert!(depth > 0 || is_named || attributes.contains_key("aria-label"), "{view}: {attributes:?}");
        }
    }
}

#[test]
fn an_address_in_a_profile_is_a_link_only_if_it_is_of_the_web() {
    assert!(people::link("https://alice.example/").0.contains("href=\"https://alice.example/\""));
    for other in ["javascript:alert(1)", "data:text/html,x", "/node", "//evil.example", "heirloom:x"] {
        assert!(!people::link(other).0.contains("href"), "{other}");
    }
}

#[test]
fn nothing_yet_is_said_in_words() {
    let nothing = Front { rows: Vec::new(), works_known: 7, follows_somebody: false };
    let html = shelf::render_front(&Asked::default(), &nothing).0;
    assert!(html.contains(text::NOTHING_TRUSTED) && html.contains("show=unknown") && html.contains("(7)"));
    let nothing = Listing { works: Vec::new(), has_more: false };
    assert!(shelf::render_listing(&Asked::default(), Ok(&nothing)).0.contains(text::NOTHING_FOUND));
    let work = views::Work { releases: Vec::new(), episodes: Vec::new(), overview: String::new(), ..the_work("A") };
    let html = work::render(&work, &work::Around::default()).0;
    assert!(
        html.contains(text::NO_RELEASES) && html.contains(text::NO_OVERVIEW) && html.contains(text::ASKING_NETWORK)
    );
    let nobody = people::People {
        me: me(""),
        follows: Vec::new(),
        heard: views::Circle { rows: Vec::new(), all: 0 },
        distrusted: views::Circle { rows: Vec::new(), all: 0 },
        starter: None,
        asked: people::Asked::default(),
    };
    let html = people::render(&nobody).0;
    assert!(
        html.contains(text::FOLLOWS_NOBODY) && html.contains(text::NO_NAME) && html.contains(text::DISTRUSTS_NOBODY)
    );
    let idle = seeding::Seeding {
        downloads: vec![],
        takers: BTreeMap::new(),
        handed: Vec::new(),
        rows: vec![],
        days: vec![],
        usage: views::Usage::default(),
        today: 0,
        settings: vec![],
        asked: seeding::Asked::default(),
    };
    let html = seeding::render(&idle).0;
    assert!(html.contains(text::LEDGER_EMPTY) && html.contains(text::SEEDS_NOTHING));
    let silent = views::Why { because: Vec::new(), ignored: Vec::new(), ..the_why("x") };
    assert!(why::render(&silent, &BTreeMap::new(), &secret(9)).0.contains(text::NOBODY_SPEAKS));
    assert!(node::render(&json!({}), &json!([]), &[]).0.contains(text::REFUSED_NOTHING));
    let nat =
        json!([{ "check": "nat", "ok": true, "state": "unknown", "detail": "unknown: nobody tried", "fix": null }]);
    let html = node::render(&json!({}), &nat, &[]).0;
    assert!(html.contains(text::NOT_KNOWN) && !html.contains('✓'), "what nobody knows is not well");
}

#[test]
fn the_sentence_of_trust_says_who_and_why() {
    let plain = |release: &views::Release| structure(&work::sentence(release, &around()).0).1;
    let good = release("Alice", Band::Trusted);
    let said = plain(&good);
    assert!(said.contains(text::WHOM_YOU_FOLLOW) && said.contains("3 others") && said.contains(&bytes(12_000_000_000)));
    assert!(said.contains("good by 2") && said.contains("fake by 1"), "{said}");
    let stranger = views::Release { listed_by: vec![(secret(5), "Eve".into(), 0.0)], ..release("x", Band::Unknown) };
    assert!(plain(&stranger).contains(text::WHOM_NOBODY_KNOWS));
    let mine = views::Release { listed_by: vec![(secret(9), String::new(), 1.0)], ..release("x", Band::Trusted) };
    assert!(plain(&mine).contains(text::LISTED_BY_YOU));
    let starter = views::Release { is_from_starter: true, ..release("Starter", Band::Trusted) };
    assert!(plain(&starter).contains(text::WHO_IS_STARTER));
}

#[test]
fn a_distrusted_release_is_not_played_and_got_only_after_a_question() {
    let bad = views::Work { releases: vec![release("Film", Band::Distrusted)], episodes: vec![], ..the_work("Film") };
    let html = work::render(&bad, &around()).0;
    assert!(!html.contains("/play/"), "no way to play it");
    assert!(html.contains(text::GET_ANYWAY) && html.contains("name=\"anyway\" value=\"true\""));
    let hidden = work::Around { shows_all: false, ..around() };
    let html = work::render(&bad, &hidden).0;
    assert!(!html.contains(text::GET_ANYWAY) && html.contains(&text::distrusted_hidden(1)));
}

#[test]
fn of_a_pack_only_what_may_harm_is_not_played() {
    let program =
        FilledFile { index: 2, path: "codec.exe".into(), ..release("Film", Band::Trusted).details.files[0].clone() };
    let mut pack = release("Film", Band::Trusted);
    pack.flags = vec![Flag::Program { path: program.path.clone() }];
    pack.details.files.push(program);
    let shown = |pack: &views::Release| {
        let work = views::Work { releases: vec![pack.clone()], episodes: vec![], ..the_work("Film") };
        work::render(&work, &around()).0
    };
    let html = shown(&pack);
    assert!(!html.contains("/play/") && html.contains(text::GET_ANYWAY), "all of it is refused: {html}");
    pack.is_pack = true;
    let html = shown(&pack);
    assert!(html.contains(text::LEFT_OUT) && !html.contains(text::GET_ANYWAY), "{html}");
    let of = |index: u32| format!("/play/{}/{index}\"", pack.infohash);
    assert!(html.contains(&of(0)) && !html.contains(&of(2)), "{html}");
}

#[test]
fn whatever_is_published_is_asked_about_first() {
    for (view, html) in every_view("A quiet title") {
        for verb in ["verdict", "attest", "publish", "list", "retract", "unfollow"] {
            let forms = html.0.split("<form ").filter(|form| form.contains(&format!("data-verb=\"{verb}\"")));
            for form in forms {
                let form = form.split("</form>").next().unwrap_or_default();
                let buttons = form.matches("<button ").count();
                let (tag, inside) = form.split_once('>').unwrap_or_default();
                let asks = tag.contains("data-confirm=") || inside.matches("data-confirm=").count() == buttons;
                assert!(asks, "{view}: {form}");
            }
        }
    }
}

#[test]
fn a_filter_changes_one_thing_of_the_address() {
    let asked = Asked { q: "big & bunny".into(), kind: "film".into(), page: 3, ..Asked::default() };
    let html = shelf::render_listing(&asked, Ok(&Listing { works: vec![found("A", Band::Trusted)], has_more: true })).0;
    assert!(html.contains("href=\"/?q=big%20%26%20bunny&amp;kind=film&amp;page=4\""), "{html}");
    assert!(html.contains("href=\"/?q=big%20%26%20bunny&amp;kind=series\""), "a new filter begins at its first page");
}

#[test]
fn strangers_are_collapsed_and_what_was_asked_for_is_not() {
    let work = views::Work { episodes: vec![], ..the_work("Film") };
    let html = work::render(&work, &around()).0;
    let collapsed = html.split(&text::strangers_releases(1)).nth(1).expect("the stranger's is collapsed");
    assert!(!collapsed.contains(text::GET_ANYWAY), "the distrusted one stands where it is seen");
    assert!(html.contains("network=true&amp;all=true"), "and stays when the network was asked");
}

#[test]
fn few_works_of_a_kind_stand_with_others_and_many_by_genre_too() {
    let mut rest = Vec::new();
    let some = |count: usize| vec![found("drama", Band::Trusted); count];
    let asked = Asked { kind: "album".into(), ..Asked::default() };
    assert!(shelf::rows_of(&asked, some(3), &mut rest).is_empty() && rest.len() == 3);
    assert_eq!(shelf::rows_of(&asked, some(4), &mut rest).len(), 1, "no genres where all of it is seen at once");
    let titles: Vec<String> = shelf::rows_of(&asked, some(30), &mut rest).into_iter().map(|row| row.title).collect();
    assert_eq!(titles, [text::kinds("album"), "drama"]);
    assert_eq!(rest.len(), 3);
}

#[test]
fn the_plot_shows_four_weeks_and_no_more() {
    let rows: Vec<_> = [60_u64, 73, 100].into_iter().map(|day| ledger_row("Alice", 1, day)).collect();
    let seeded = seeding::Seeding {
        downloads: vec![],
        takers: BTreeMap::new(),
        handed: Vec::new(),
        rows: vec![ledger_row("Alice", 1, 60)],
        days: rows,
        usage: views::Usage::default(),
        today: 100,
        settings: vec![],
        asked: seeding::Asked::default(),
    };
    let html = seeding::render(&seeded).0;
    assert_eq!(html.matches("class=\"bar ").count(), 2, "the day before the four weeks is left out");
}
