//! What was said while somebody was away: pulled from peers, without a DHT, and served on.

use std::time::Duration;

use serde_json::Value;

use crate::support::{ARRIVAL, Bed, Chance, Node, TRUSTED, bytes_of, number, release, text, wait_for};

const FILM: &str = "imdb:tt1254207";
const ABOUT: [&str; 8] = ["--title", "Big Buck Bunny", "--year", "2008", "--kind", "film", "--licence", "CC-BY-3.0"];

/// Waits until everything that a node's follows have said is there.
fn wait_until_whole(node: &Node) -> Value {
    wait_for("every log to be whole", 3 * ARRIVAL, || {
        let follows = node.cli.ok(&["follow"]);
        let all = follows.as_array().expect("a list");
        if !all.is_empty() && all.iter().all(|follow| follow["is_whole"] == true) {
            Ok(follows)
        } else {
            Err(format!("{follows} {}", node.cli.ok(&["status"])))
        }
    })
}

/// Statements that a node holds.
fn statements(node: &Node) -> u64 {
    number(&node.cli.ok(&["status"]), "statements")
}

#[test]
fn who_comes_late_gets_it_from_who_was_there() {
    let bed = Bed::without_dht();
    let mut alice = bed.node("alice");
    let clip = bed.file("bunny.mp4", &bytes_of(200_000, 1));
    let infohash = text(&alice.publish(&clip, FILM, &ABOUT), "infohash").to_owned();
    let mut bob = bed.node_with("bob", &[&alice]);
    bob.follow_by_post(&alice);
    let shown = bob.wait_for_trusted(FILM, &infohash);
    assert_eq!(release(&shown, &infohash).expect("shown")["band"], TRUSTED, "{shown}");
    wait_until_whole(&bob);

    let card = alice.key.clone();
    alice.kill();
    // Bob never said any of it, and nobody pushes what others said: carol can only pull it.
    let carol = bed.node_with("carol", &[&bob]);
    carol.cli.ok(&["follow", &card, "--yes"]);
    let shown = carol.wait_for_trusted(FILM, &infohash);
    assert_eq!(release(&shown, &infohash).expect("shown")["source"], "sync", "{shown}");
    wait_until_whole(&carol);

    // And on to who knows neither of them, when bob is gone too.
    bob.kill();
    let dave = bed.node_with("dave", &[&carol]);
    dave.cli.ok(&["follow", &card, "--yes"]);
    let shown = dave.wait_for_trusted(FILM, &infohash);
    assert_eq!(release(&shown, &infohash).expect("shown")["source"], "sync", "{shown}");
}

#[test]
fn a_node_that_was_off_catches_up() {
    let bed = Bed::without_dht();
    let alice = bed.node("alice");
    let bob = bed.node_with("bob", &[&alice]);
    bob.follow_by_post(&alice);
    let mut carol = bed.node_with("carol", &[&bob]);
    carol.cli.ok(&["follow", &alice.key, "--yes"]);
    alice.cli.ok(&["verdict", &Chance::new(1).infohash(), "good"]);
    wait_until_whole(&bob);
    wait_until_whole(&carol);
    let before = statements(&carol);
    carol.kill();
    let mut chance = Chance::new(2);
    for _ in 0..5 {
        alice.cli.ok(&["verdict", &chance.infohash(), "good"]);
    }
    let expected = wait_for("bob to hear it", ARRIVAL, || {
        let count = statements(&bob);
        if count >= before + 5 { Ok(count) } else { Err(format!("{count} statements")) }
    });
    wait_until_whole(&bob);
    carol.start_again(&bed.net(&[&bob]));
    wait_for("carol to catch up", ARRIVAL, || {
        let count = statements(&carol);
        if count >= expected { Ok(()) } else { Err(format!("{count} of {expected}: {}", carol.cli.ok(&["status"]))) }
    });
    wait_until_whole(&carol);
}

#[test]
fn kills_during_sync_lose_nothing() {
    let bed = Bed::without_dht();
    let alice = bed.node("alice");
    let mut chance = Chance::of_this_run();
    for _ in 0..150 {
        alice.cli.ok(&["verdict", &chance.infohash(), "good"]);
    }
    let mut bob = bed.node_with("bob", &[&alice]);
    bob.cli.ok(&["follow", &alice.key, "--yes"]);
    let mut held = 0;
    for _ in 0..6 {
        // A random moment is what is tested, so this is no wait for a condition.
        std::thread::sleep(Duration::from_millis(chance.below(1200)));
        let now = statements(&bob);
        assert!(now >= held, "{now} statements, {held} before the last kill");
        held = now;
        bob.kill();
        bob.start_again(&bed.net(&[&alice]));
    }
    wait_until_whole(&bob);
    assert!(statements(&bob) >= 150);
}

#[test]
fn a_statement_reaches_all_of_eight_nodes_in_a_line() {
    let bed = Bed::without_dht();
    let alice = bed.node("alice");
    let mut line: Vec<Node> = Vec::new();
    let verdict = Chance::new(3).infohash();
    alice.cli.ok(&["verdict", &verdict, "good"]);
    for place in 0..7 {
        let before = line.last().unwrap_or(&alice);
        let node = bed.node_with(&format!("node {place}"), &[before]);
        node.cli.ok(&["follow", &alice.key, "--yes"]);
        line.push(node);
    }
    for node in &line {
        wait_until_whole(node);
    }
}
