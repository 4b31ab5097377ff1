//! Ledgers as their owners see them: what others share of theirs, and whose addresses are.

use std::time::{SystemTime, UNIX_EPOCH};

use heirloom_proto::body::Receipt;
use heirloom_proto::{Body, Infohash, Key};

use crate::support::{ARRIVAL, Bed, Node, Signer, number, statement_file, wait_for};

const FILM: &str = "imdb:tt1254207";
/// Milliseconds of a week, and of the days before the first Monday of 1970.
const WEEK_MS: u128 = 7 * 86_400_000;
const FIRST_MONDAY_MS: u128 = 4 * 86_400_000;

/// The week before this one, as `proto/heirloom.proto` counts them.
fn last_week() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis();
    u32::try_from((now - FIRST_MONDAY_MS) / WEEK_MS - 1).expect("before the end of time")
}

fn receipt(by: &mut Signer, subject: Key, log2_bytes: u8) -> Vec<u8> {
    by.says(&Body::Receipt(Receipt { subject, week: last_week(), log2_bytes }))
}

#[test]
fn a_release_says_what_trusted_people_received_of_its_lister() {
    let bed = Bed::without_dht();
    let alice = bed.node_that("alice", &["--share-receipts"]);
    assert_eq!(alice.cli.ok(&["status"])["trust"]["shares_receipts"], true);
    let [mut bob, mut carol, mut dave, mut mallory] = ["bob", "carol", "dave", "mallory"].map(Signer::new);
    for followed in [&bob, &carol, &dave] {
        alice.cli.ok(&["follow", &followed.key().to_string(), "--yes"]);
    }
    let lister = bob.key();
    let said = [
        bob.lists(FILM, Infohash([7; 20])),
        receipt(&mut bob, lister, 50),
        receipt(&mut carol, lister, 32),
        receipt(&mut dave, lister, 31),
        receipt(&mut mallory, lister, 50),
    ];
    let file = statement_file(&bed.path("said.statements"), &said);
    let imported = alice.cli.ok(&["import", file.to_str().expect("test paths are text")]);
    assert_eq!(number(&imported, "imported"), 4, "nobody vouches for themselves: {imported}");

    let shown = alice.cli.ok(&["show", FILM]);
    let received = &shown["releases"][0]["received_from_lister"];
    assert_eq!(received["by_trusted_28d"], (1_u64 << 32) + (1 << 31), "{shown}");
    assert_eq!((number(received, "trusted_people"), number(received, "by_me")), (2, 0), "{shown}");
    assert_eq!(shown["releases"][0]["listed_by"][0]["followed"], true, "{shown}");
    let people = alice.cli.run_for_people(&["show", FILM]).stdout;
    let sentence = ", whom you follow; 2 people you trust received 6.0 GiB from them in the last four weeks";
    assert!(people.contains(sentence), "{people}");
}

#[test]
fn receipts_travel_to_who_was_not_there_when_they_were_said() {
    let bed = Bed::without_dht();
    let [mut lister, mut carol, mut dave, mut mallory] = ["bob", "carol", "dave", "mallory"].map(Signer::new);
    let subject = lister.key();
    let said = [
        (lister.key(), vec![lister.lists(FILM, Infohash([7; 20]))]),
        (carol.key(), vec![receipt(&mut carol, subject, 32)]),
        (dave.key(), vec![receipt(&mut dave, subject, 31)]),
        (mallory.key(), vec![receipt(&mut mallory, subject, 50)]),
    ];
    let mut all = Vec::new();
    for (signer, (_, log)) in [&mut lister, &mut carol, &mut dave, &mut mallory].into_iter().zip(&said) {
        // Sync asks for what a head says that there is.
        all.extend(log.iter().cloned().chain([signer.heads(log, None)]));
    }
    let follow = |node: &Node| {
        // Whom nobody follows here is a stranger, whose word counts for nothing.
        for (key, _) in &said[..3] {
            node.cli.ok(&["follow", &key.to_string(), "--yes"]);
        }
    };
    // One has all of it by file; the next has it of that one, and the third of the next alone.
    let first = bed.node("erin");
    follow(&first);
    let file = statement_file(&bed.path("said.statements"), &all);
    first.cli.ok(&["import", file.to_str().expect("test paths are text")]);
    let second = bed.node_with("frank", &[&first]);
    follow(&second);
    let third = bed.node_with("grace", &[&second]);
    follow(&third);
    for node in [&second, &third] {
        let received = wait_for("the receipts to come", 3 * ARRIVAL, || {
            let shown = node.cli.run(&["show", FILM, "--wait", "0"]).stdout;
            let shown: serde_json::Value = serde_json::from_str(shown.trim()).unwrap_or_default();
            let received = shown["releases"][0]["received_from_lister"].clone();
            if received["trusted_people"] == 2 { Ok(received) } else { Err(format!("{shown}")) }
        });
        assert_eq!(received["by_trusted_28d"], (1_u64 << 32) + (1 << 31), "{received}");
    }
    let people = third.cli.run_for_people(&["show", FILM]).stdout;
    assert!(people.contains("2 people you trust received 6.0 GiB from them in the last four weeks"), "{people}");
}

#[test]
fn an_address_is_linked_only_to_a_key_that_it_showed() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let key = Signer::new("bob").key().to_string();
    let cases = [
        (vec!["ledger", "link", "10.0.0.1", &key], 3, "not_offered"),
        (vec!["ledger", "link", "10.0.0.1:6881", &key], 2, "bad_address"),
        (vec!["ledger", "link", "10.0.0.1", "nobody"], 2, "bad_key"),
        (vec!["ledger", "unlink", "10.0.0.1"], 3, "not_linked"),
    ];
    for (args, code, name) in cases {
        let error = alice.run(&args).value(code)["error"].clone();
        assert_eq!(error["code"], name, "{error}");
    }
    assert_eq!(alice.ok(&["ledger", "--by", "address"]), serde_json::json!([]));
}
