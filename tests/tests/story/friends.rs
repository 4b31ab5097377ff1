//! Friends recognise each other, and nobody else can tell who a node belongs to.

use std::path::Path;

use crate::support::{ARRIVAL, Bed, Node, wait_for};

fn proved(node: &Node) -> Vec<serde_json::Value> {
    node.cli.ok(&["status"])["p2p"]["proved"].as_array().cloned().expect("a list")
}

/// Whether a file holds these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    std::fs::read(path).is_ok_and(|file| file.windows(bytes.len()).any(|part| part == bytes))
}

#[test]
fn friends_prove_who_they_are_to_each_other_and_to_nobody_else() {
    let bed = Bed::without_dht();
    // Keys are made at the first start: so first without friends.
    let (mut alice, mut bob) = (bed.node("alice"), bed.node("bob"));
    let carol = bed.node_that("carol", &["--friend", &alice.key, "--friend", &bob.key]);
    let flags = |friend: &Node, peers: &[&Node]| {
        let mut flags = bed.net(peers);
        flags.extend(["--friend".to_owned(), friend.key.clone()]);
        flags
    };
    alice.kill();
    alice.start_again(&flags(&bob, &[&carol]));
    bob.kill();
    bob.start_again(&flags(&alice, &[&carol, &alice]));

    let shows = |node: &Node, of: &Node, is_friend: bool| {
        wait_for("a proof of identity", ARRIVAL, || {
            let rows = proved(node);
            let row = rows.iter().find(|row| row["key"] == of.key.as_str());
            if row.is_some_and(|row| row["friend"] == is_friend) { Ok(()) } else { Err(format!("{rows:?}")) }
        });
    };
    shows(&alice, &bob, true);
    shows(&bob, &alice, true);
    // Carol shows herself to both. They may know her; they did not name her, so she learns nothing of them.
    shows(&alice, &carol, false);
    shows(&bob, &carol, false);
    carol.wait_for_peers(2);
    assert_eq!(proved(&carol), Vec::<serde_json::Value>::new());

    // The memory of peers links no key to any place.
    bob.kill();
    wait_for("the proof to end with its connection", ARRIVAL, || {
        let rows = proved(&alice);
        if rows.iter().all(|row| row["key"] != bob.key.as_str()) { Ok(()) } else { Err(format!("{rows:?}")) }
    });
    let peers = alice.home().join("peers");
    wait_for("the memory of peers", ARRIVAL, || {
        if holds(&peers, b" friend ") { Ok(()) } else { Err(std::fs::read_to_string(&peers).unwrap_or_default()) }
    });
    let multibase = bob.key.trim_start_matches("did:key:").to_owned();
    assert!(!holds(&peers, multibase.as_bytes()));
}

#[test]
fn friends_that_are_no_keys_are_named() {
    let bed = Bed::without_dht();
    let home = bed.home("nobody");
    let run = ["run", "--http", "127.0.0.1:0", "--offline", "--friend"];
    let error = home.run(&[&run[..], &["alice"]].concat()).value(2);
    assert_eq!(error["error"]["code"], "bad_key", "{error}");
    assert!(error["error"]["message"].as_str().is_some_and(|text| text.starts_with("--friend: ")), "{error}");
}
