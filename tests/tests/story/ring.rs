//! A ring of fake keys, poured in by file: what it gains through fooled friends, what the audit says of it, and how the
//! owner ends it. Then settings of trust, and statements from one home to another by file.

use heirloom_proto::body::{Level, Opinion};
use heirloom_proto::{Infohash, Key};
use serde_json::Value;

use crate::support::{Bed, Cli, Signer, number, release, statement_file, text};

const FILM: &str = "imdb:tt7000050";
const HONEST: Infohash = Infohash([200; 20]);
const FAKE: Infohash = Infohash([1; 20]);

fn friends() -> [Signer; 3] {
    ["bob", "carol", "dave"].map(Signer::new)
}

/// What friends and fakes say: each friend was fooled by one fake; the fakes praise each other in circles, list their
/// release, find it good, and slander the honest one.
fn story(size: usize) -> (Vec<Key>, Vec<Vec<u8>>) {
    let mut ring: Vec<Signer> = (0..size).map(|number| Signer::new(&format!("fake {number}"))).collect();
    let keys: Vec<Key> = ring.iter().map(Signer::key).collect();
    let mut said = Vec::new();
    for (at, friend) in friends().iter_mut().enumerate() {
        said.push(friend.trusts(keys[at], Level::FULL));
    }
    let core = size.min(300);
    for (at, fake) in ring.iter_mut().enumerate() {
        let steps = if at < core { 10 } else { 1 };
        for step in 1..=steps {
            let other = (at * 7 + step * 13 + 1) % core;
            if other != at {
                said.push(fake.trusts(keys[other], Level::FULL));
            }
        }
        if at < core {
            said.push(fake.lists(FILM, FAKE));
            said.push(fake.finds(FAKE, Opinion::Good));
            said.push(fake.finds(HONEST, Opinion::Malware));
        }
    }
    (keys, said)
}

fn path_text(path: &std::path::Path) -> &str {
    path.to_str().expect("test paths are text")
}

fn audit(bed: &Bed, cli: &Cli, keys: &[Key]) -> Value {
    let lines: String = keys.iter().map(|key| format!("{key}\n")).collect();
    let file = bed.file("ring.txt", format!("# the ring\n\n{lines}").as_bytes());
    cli.ok(&["trust", "--ring", path_text(&file)])
}

fn import(bed: &Bed, cli: &Cli, envelopes: &[Vec<u8>]) -> Value {
    let file = statement_file(&bed.path("files").join("story.statements"), envelopes);
    cli.ok(&["import", path_text(&file)])
}

#[test]
fn a_ring_gains_what_fooled_friends_gave_it_whatever_its_size_and_no_more_than_the_audit_says() {
    let bed = Bed::without_dht();
    // So many that their names outgrow what other requests may hold.
    let audits = [1_000, 20_000].map(|size| {
        let alice = bed.node(&format!("alice {size}"));
        for friend in friends() {
            alice.cli.ok(&["follow", &friend.key().to_string(), "--yes"]);
        }
        let (keys, said) = story(size);
        let done = import(&bed, &alice.cli, &said);
        assert_eq!((number(&done, "imported"), done["refused"].as_array().map(Vec::len)), (said.len() as u64, Some(0)));
        assert_eq!(number(&import(&bed, &alice.cli, &said[..100]), "known"), 100);

        let mut frank = Signer::new("frank");
        import(&bed, &alice.cli, &[frank.lists(FILM, HONEST)]);
        alice.cli.ok(&["follow", &frank.key().to_string(), "--yes", "--level", "medium"]);
        let shown = alice.cli.ok(&["show", FILM]);
        assert_eq!(shown["releases"][0]["infohash"], HONEST.to_string(), "the honest one is first: {shown}");
        assert_eq!(shown["releases"][0]["band"], "trusted", "{shown}");

        let ring = audit(&bed, &alice.cli, &keys);
        let of = |field: &str| ring[field].as_f64().unwrap_or_else(|| panic!("{field} in {ring}"));
        assert_eq!((number(&ring, "keys"), number(&ring, "attack_edges_total")), (size as u64, 3));
        let entering: f64 =
            ring["attack_edges"].as_array().expect("a list").iter().filter_map(|e| e["flow"].as_f64()).sum();
        assert!((entering - of("entering_flow")).abs() < 1e-9, "{ring}");
        assert!(of("votes") <= of("votes_max"), "{ring}");
        let trusted = number(&ring["in_band"], "trusted");
        assert!(trusted <= number(&ring, "trusted_max"), "{ring}");
        assert!(trusted + number(&ring["in_band"], "vouched") <= number(&ring, "vouched_max"), "{ring}");
        println!("{size}: {} {} of {}", ring["in_band"], of("votes"), of("votes_max"));

        end_it(&bed, &alice.cli, &keys);
        ring
    });
    let [few, many] = audits.map(|ring| {
        let of = |field: &str| ring[field].as_f64().expect("a number");
        (of("votes"), of("votes_max"), ring["in_band"]["trusted"].clone(), ring["in_band"]["vouched"].clone())
    });
    assert!((few.0 / many.0 - 1.0).abs() < 0.01 && (few.1 / many.1 - 1.0).abs() < 0.01, "{few:?} {many:?}");
    assert_eq!((few.2, few.3), (many.2, many.3), "as many are let in");
}

/// The path through a fooled friend is told; distrusting the friends silences what came only through them.
fn end_it(bed: &Bed, cli: &Cli, keys: &[Key]) {
    let fake = keys[0].to_string();
    let why = cli.ok(&["why", &fake]);
    let bob = friends()[0].key().to_string();
    let is_through_bob =
        |because: &Value| because["path"].as_array().is_some_and(|path| path.contains(&bob.clone().into()));
    assert!(why["because"].as_array().expect("a list").iter().any(is_through_bob), "through Bob: {why}");
    assert_eq!(why["preset"], "strict", "{why}");
    for friend in friends() {
        cli.ok(&["attest", &friend.key().to_string(), "--level", "distrust"]);
    }
    let why = cli.ok(&["why", &fake]);
    assert_eq!((why["score"].as_f64(), why["because"].as_array().map(Vec::len)), (Some(0.0), Some(0)), "{why}");
    let ignored = why["ignored"].as_array().expect("a list").iter().find(|one| one["key"] == bob.as_str());
    let reason = text(ignored.unwrap_or_else(|| panic!("Bob is not ignored in {why}")), "reason");
    assert!(reason.contains("no power"), "{reason}");
    let shown = cli.ok(&["show", FILM]);
    assert_eq!(release(&shown, &FAKE.to_string()).expect("known")["band"], "unknown", "{shown}");
    let ring = audit(bed, cli, keys);
    let over = ["entering_flow", "votes", "votes_max"].map(|field| ring[field].as_f64());
    assert_eq!((over, number(&ring, "trusted_max")), ([Some(0.0); 3], 0), "{ring}");
}

#[test]
fn an_audit_works_on_the_store_and_refuses_what_it_cannot_answer() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let bob = Signer::new("bob").key();
    alice.ok(&["follow", &bob.to_string(), "--yes"]);
    let fake = Signer::new("fake").key();
    let asked =
        alice.run_with(&["trust", "--ring", "-"], &format!("{fake}\n\n# nobody\n{}\n", fake.to_pkarr())).value(0);
    assert_eq!((number(&asked, "keys"), number(&asked, "known")), (1, 0), "two forms of one key: {asked}");
    let people = alice.run_for_people_with(&["trust", "--ring", "-"], &format!("{fake}\n"));
    assert!(people.code == 0 && people.stdout.contains("at most 0"), "{people:?}");
    for (given, mentions) in
        [(format!("{fake}\n\nalice\n"), "line 3"), (String::new(), "no key"), (format!("{bob}\n{fake}\n"), "follow")]
    {
        let refused = alice.run_with(&["trust", "--ring", "-"], &given).value(2);
        assert!(text(&refused["error"], "message").contains(mentions), "{refused}");
    }
    assert_eq!(alice.run(&["trust", "--ring", "/nowhere/at/all"]).code, 2);
}

#[test]
fn statements_go_from_home_to_home_by_file_and_a_cut_file_says_so() {
    let bed = Bed::without_dht();
    let (alice, bob) = (bed.home("alice"), bed.home("bob"));
    let infohash = HONEST.to_string();
    alice.ok(&["verdict", &infohash, "good"]);
    alice.ok(&["verdict", &FAKE.to_string(), "fake", "--private"]);
    std::fs::create_dir_all(bed.path("files")).expect("a folder");
    let file = bed.path("files").join("alice.statements");
    let written = alice.ok(&["export", "--statements", path_text(&file)]);
    assert_eq!(number(&written, "private_left_out"), 1, "{written}");
    let count = number(&written, "statements");

    let done = bob.ok(&["import", path_text(&file)]);
    assert_eq!((number(&done, "imported"), number(&done, "known")), (count, 0), "{done}");
    let me = text(&alice.ok(&["id"]), "key").to_owned();
    bob.ok(&["follow", &me, "--yes"]);
    assert_eq!(bob.ok(&["why", &infohash])["band"], "trusted");
    assert_eq!(bob.ok(&["why", &FAKE.to_string()])["band"], "unknown", "what is private stayed at home");

    let bytes = std::fs::read(&file).expect("written");
    let carol = bed.home("carol");
    let cut = bed.file("cut.statements", &bytes[..bytes.len() - 13]);
    let refused = carol.run(&["import", path_text(&cut)]).value(2);
    assert_eq!(number(&refused, "imported"), count - 1, "what was whole stays: {refused}");
    assert!(text(&refused["error"], "message").contains("cut off"), "{refused}");
    let mut forged = bytes.clone();
    forged[bytes.len() - 20] ^= 1;
    let forged = bed.file("forged.statements", &forged);
    let done = carol.ok(&["import", path_text(&forged)]);
    assert_eq!(done["refused"][0]["reason"], "bad_signature", "{done}");
    assert_eq!(number(&done, "known"), count - 1, "{done}");
    for (name, content) in [("noise", &b"noise"[..]), ("empty", b""), ("newer", b"heirloom/2 statements\n")] {
        let file = bed.file(name, content);
        assert_eq!(carol.run(&["import", path_text(&file)]).value(2)["error"]["code"], "bad_statement_file");
    }
    assert_eq!(carol.run(&["import", "/nowhere/at/all"]).code, 2);
}

#[test]
fn settings_of_trust_are_flags_or_variables_and_nonsense_is_refused() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let node = bed.node_that("bob", &["--trust-preset", "standard", "--trusted-support", "0.7"]);
    let status = node.cli.ok(&["status"]);
    assert_eq!(
        (&status["trust"]["preset"], status["trust"]["trusted_support"].as_f64()),
        (&"standard".into(), Some(0.7))
    );
    let with =
        alice.with_variable("HEIRLOOM_TRUST_PRESET", "standard").with_variable("HEIRLOOM_DISTRUSTED_BELOW", "-0.2");
    let status = with.ok(&["status"]);
    assert_eq!(status["trust"]["preset"], "standard", "{status}");
    assert_eq!(status["trust"]["distrusted_below"].as_f64(), Some(-0.2), "{status}");
    assert_eq!(with.ok(&["--trust-preset", "strict", "status"])["trust"]["preset"], "strict", "a flag wins");
    for flags in [
        ["--trusted-score", "nan"],
        ["--trusted-score", "1.5"],
        ["--trusted-support", "-1"],
        ["--vouched-support", "0.9"],
        ["--earned-score", "0"],
        ["--distrusted-below", "0.3"],
        ["--trust-preset", "lax"],
    ] {
        for verb in ["status", "run"] {
            let refused = alice.run(&[flags[0], flags[1], verb]).value(2);
            assert!(text(&refused["error"], "message").contains(flags[0]), "{flags:?}: {refused}");
        }
    }
    let refused = alice.with_variable("HEIRLOOM_TRUSTED_SUPPORT", "much").run(&["status"]).value(2);
    assert!(text(&refused["error"], "message").contains("trusted-support"), "{refused}");
}
