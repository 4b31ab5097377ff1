//! Archives: a curator's whole log out of a torrent, from whoever has it, and what happens when it is no good.

use std::time::Duration;

use heirloom_proto::archive::file_name;
use heirloom_proto::body::Level;
use heirloom_proto::{Infohash, Sha256};
use serde_json::Value;

use crate::support::{
    ARRIVAL, Bed, Chance, Node, Signer, bytes_of, number, release, statement_file, text, wait_for, wait_until,
};

const FILM: &str = "imdb:tt1254207";
const ABOUT: [&str; 8] = ["--title", "Big Buck Bunny", "--year", "2008", "--kind", "film", "--licence", "CC-BY-3.0"];
/// Verdicts of a curator: with profile, work and listing above the number from which on there is an archive.
const VERDICTS: usize = 280;
/// Commands at once: each is a process.
const AT_ONCE: usize = 4;

/// Has a node judge so many releases that nobody has.
fn judge_many(node: &Node, count: usize) {
    let cli = &node.cli;
    std::thread::scope(|scope| {
        for part in 0..AT_ONCE {
            scope.spawn(move || {
                let mut chance = Chance::new(1000 + part as u64);
                for _ in 0..count / AT_ONCE {
                    cli.ok(&["verdict", &chance.infohash(), "good"]);
                }
            });
        }
    });
}

/// The one archive that a node has of this key, as its status shows it.
fn archive_of(node: &Node, key: &str) -> Option<Value> {
    let status = node.cli.ok(&["status"]);
    status["archives"].as_array().expect("a list").iter().find(|archive| archive["key"] == key).cloned()
}

fn counter(node: &Node, name: &str) -> u64 {
    node.cli.ok(&["status"])["counters"][name].as_u64().unwrap_or(0)
}

/// Waits until a node seeds an archive of this key, and gives it.
fn wait_until_seeding(node: &Node, key: &str) -> Value {
    wait_for("the archive to be seeded", 2 * ARRIVAL, || match archive_of(node, key) {
        Some(archive) if archive["state"] == "seeding" => Ok(archive),
        other => Err(format!("{other:?} {}", node.cli.ok(&["status"])["counters"])),
    })
}

/// Follows a key, again and again until the head with an archive has been found in the DHT.
fn follow_until_archive(node: &Node, key: &str) {
    wait_for("the head that names the archive", 2 * ARRIVAL, || {
        node.cli.ok(&["follow", key, "--yes"]);
        // Looks at the head anew with each follow; an answer takes a moment.
        std::thread::sleep(Duration::from_millis(500));
        archive_of(node, key).map(|_| ()).ok_or_else(|| format!("{}", node.cli.ok(&["follow"])))
    });
}

fn is_whole(node: &Node, key: &str) -> bool {
    let follows = node.cli.ok(&["follow"]);
    let one = follows.as_array().expect("a list").iter().find(|follow| follow["key"] == key);
    one.is_some_and(|follow| follow["is_whole"] == true)
}

/// A small picture that the fuzzer keeps too, behind the mark of its frame.
fn poster() -> Vec<u8> {
    let path = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
        .join("../fuzz/corpus/artwork/png");
    std::fs::read(path).expect("the corpus is there").split_off(1)
}

/// Whether a node has the picture, as it came and as it is shown.
fn has_poster(node: &Node) -> bool {
    let digest = Sha256::of(&poster()).to_string();
    ["kept", "shown"].iter().all(|folder| node.home().join("artwork").join(folder).join(&digest).is_file())
}

/// A curator with an archive, whom nobody can reach by libp2p.
fn curator(bed: &Bed) -> (Node, String) {
    let alice = bed.node("alice");
    let clip = bed.file("bunny.mp4", &bytes_of(200_000, 1));
    let poster = bed.file("poster.png", &poster());
    let with_poster = [ABOUT.as_slice(), &["--artwork", poster.to_str().expect("test paths are text")]].concat();
    let infohash = text(&alice.publish(&clip, FILM, &with_poster), "infohash").to_owned();
    judge_many(&alice, VERDICTS);
    (alice, infohash)
}

#[test]
fn a_late_follower_takes_the_archive_and_hands_it_on_when_the_curator_is_gone() {
    let bed = Bed::new();
    let (mut alice, film) = curator(&bed);
    let own = wait_until_seeding(&alice, &alice.key);
    assert_eq!(own["own"], true, "{own}");
    assert_eq!(number(&own, "statements"), VERDICTS as u64 + 3, "profile, work, listing and verdicts: {own}");

    // Bob knows nobody: no peer pushes or syncs anything to him.
    let bob = bed.node("bob");
    follow_until_archive(&bob, &alice.key);
    let copy = wait_until_seeding(&bob, &alice.key);
    assert_eq!((&copy["infohash"], &copy["bytes"]), (&own["infohash"], &own["bytes"]));
    wait_until("all that the head counts to be there", ARRIVAL, || is_whole(&bob, &alice.key));
    assert_eq!((counter(&bob, "archive_fetched"), counter(&bob, "sync_pulled")), (1, 0));
    let shown = bob.cli.ok(&["show", FILM]);
    assert_eq!(release(&shown, &film).expect("shown")["source"], "archive", "{shown}");
    assert_eq!(bob.cli.ok(&["ledger", "--by", "release"]), Value::Array(vec![]), "no proof of seed");
    // He has no peer that he could ask for it.
    wait_until("the picture to come out of the archive", ARRIVAL, || has_poster(&bob));
    assert_eq!(counter(&bob, "artwork_got"), 0);
    let infohash = text(&own, "infohash");
    let refused = bob.cli.run(&["get", infohash, "--anyway"]);
    assert_eq!(refused.value(4)["error"]["code"], "not_a_release");

    let key = alice.key.clone();
    alice.kill();
    let carol = bed.node("carol");
    follow_until_archive(&carol, &key);
    let copy = wait_until_seeding(&carol, &key);
    assert_eq!(copy["infohash"], own["infohash"]);
    wait_until("all that the head counts to be there", ARRIVAL, || is_whole(&carol, &key));
    let shown = carol.cli.ok(&["show", FILM]);
    assert_eq!(release(&shown, &film).expect("shown")["source"], "archive", "{shown}");
    wait_until("the picture to be handed on with it", ARRIVAL, || has_poster(&carol));

    // After a restart it is named and seeded again, made once.
    alice.start_again(&bed.net(&[]));
    assert_eq!(wait_until_seeding(&alice, &key)["infohash"], own["infohash"]);
    assert_eq!(counter(&alice, "archive_written"), 0);
    // Its file is lost: it is made anew, and is the same.
    alice.kill();
    std::fs::remove_dir_all(alice.home().join("archives").join(infohash)).expect("deleted");
    alice.start_again(&bed.net(&[]));
    wait_until("the archive to be made anew", ARRIVAL, || counter(&alice, "archive_written") == 1);
    assert_eq!(counter(&alice, "archive_lost"), 1);
    assert_eq!(wait_until_seeding(&alice, &key)["infohash"], own["infohash"]);
    carol.cli.ok(&["unfollow", &key]);
    wait_until("the archive to go with the follow", ARRIVAL, || archive_of(&carol, &key).is_none());
    let folder = carol.home().join("archives").join(infohash);
    wait_until("its file to go", ARRIVAL, || !folder.exists());
}

#[test]
fn kills_in_the_middle_of_an_archive_lose_nothing() {
    let bed = Bed::new();
    let (alice, _) = curator(&bed);
    wait_until_seeding(&alice, &alice.key);
    let mut bob = bed.node("bob");
    follow_until_archive(&bob, &alice.key);
    let mut chance = Chance::of_this_run();
    let mut held = 0;
    for _ in 0..6 {
        let now = number(&bob.cli.ok(&["status"]), "statements");
        assert!(now >= held, "{now} statements, {held} before the last kill");
        held = now;
        bob.kill();
        bob.start_again(&bed.net(&[]));
        // A random moment is what is tested, so this is no wait for a condition.
        std::thread::sleep(Duration::from_millis(chance.below(1500)));
    }
    wait_until("all that the head counts to be there", 2 * ARRIVAL, || is_whole(&bob, &alice.key));
    wait_until_seeding(&bob, &alice.key);
    assert!(number(&bob.cli.ok(&["status"]), "statements") >= VERDICTS as u64);
}

#[test]
fn an_archive_that_is_none_is_refused_and_sync_brings_the_log() {
    let bed = Bed::new();
    let mut carol = Signer::new("a curator with a broken archive");
    let mut log: Vec<Vec<u8>> =
        (0..200).map(|number| carol.trusts(Signer::new(&format!("friend {number}")).key(), Level::LOW)).collect();
    log.push(carol.lists(FILM, Infohash([7; 20])));
    // Under the right name, and with the right hash, but something else.
    let junk = bytes_of(300_000, 9);
    let file = bed.file(file_name(&carol.key()), &junk);
    let alice = bed.node("alice");
    let infohash = text(&alice.publish(&file, "imdb:tt1727587", &[]), "infohash").to_owned();
    let named = infohash.parse().expect("an infohash");
    let head = carol.heads(&log, Some((named, Sha256::of(&junk))));
    log.push(head);
    let key = carol.key().to_string();
    alice.cli.ok(&["follow", &key, "--yes"]);
    let path = statement_file(&bed.path("carol.statements"), &log);
    alice.cli.ok(&["import", path.to_str().expect("text")]);
    wait_until("alice to hold all of it", ARRIVAL, || is_whole(&alice, &key));
    assert_eq!(counter(&alice, "archive_not_own"), 1, "to her it is a release");

    let bob = bed.node_with("bob", &[&alice]);
    bob.cli.ok(&["follow", &key, "--yes"]);
    wait_until("bob to hold all of it", 2 * ARRIVAL, || is_whole(&bob, &key));
    let status = bob.cli.ok(&["status"]);
    let count = |name: &str| status["counters"][name].as_u64().unwrap_or(0);
    assert_eq!(
        (count("archive_damaged"), count("archive_refused"), count("archive_statements")),
        (1, 1, 0),
        "{status}"
    );
    assert!(count("sync_pulled") >= 201, "{status}");
    assert_eq!(archive_of(&bob, &key).expect("remembered")["state"], "refused");
    let shown = bob.cli.ok(&["show", FILM]);
    assert_eq!(release(&shown, &Infohash([7; 20]).to_string()).expect("shown")["source"], "sync", "{shown}");
    assert_eq!(bob.cli.ok(&["ledger", "--by", "release"]), Value::Array(vec![]), "no proof of seed");
    assert!(!bob.home().join("archives").join(&infohash).exists(), "and it is not kept");
}
