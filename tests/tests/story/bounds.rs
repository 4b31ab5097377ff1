//! What a node may cost: budgets as flags and variables, held while strangers pour statements in, and shown.

use heirloom_proto::body::{Head, Level};
use heirloom_proto::{Body, Infohash, Sha256, statement};
use serde_json::Value;

use crate::support::{ARRIVAL, Bed, Cli, Signer, number, statement_file, text, wait_until};

fn import(bed: &Bed, cli: &Cli, name: &str, envelopes: &[Vec<u8>]) -> Value {
    let file = statement_file(&bed.path("files").join(name), envelopes);
    cli.ok(&["import", file.to_str().expect("test paths are text")])
}

fn infohash(of: &str) -> Infohash {
    let hash = Sha256::of(of.as_bytes());
    Infohash(*hash.0.first_chunk().expect("it is longer"))
}

/// Listings of as many works.
fn listings(by: &mut Signer, name: &str, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|at| by.lists(&format!("imdb:tt{:07}", at + 1), infohash(&format!("{name} {at}")))).collect()
}

fn budget(cli: &Cli, name: &str) -> Value {
    cli.ok(&["status"])["budgets"][name].clone()
}

fn check<'a>(doctor: &'a Value, name: &str) -> &'a Value {
    let all = doctor.as_array().expect("a list");
    all.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no check {name}: {doctor}"))
}

#[test]
fn a_small_quota_holds_while_spammers_pour_in_and_a_follow_keeps_every_word() {
    let bed = Bed::without_dht();
    let flags =
        ["--disk-quota", "2MiB", "--strangers-quota", "512KiB", "--rated-quota", "16KiB", "--disk-reserve", "0"];
    let mut node = bed.node_that("alice", &flags);
    let (mut bob, mut friends) = (Signer::new("bob"), Vec::new());
    node.cli.ok(&["follow", &bob.key().to_string(), "--yes"]);
    let mut by_bob = listings(&mut bob, "bob", 300);
    for at in 0..40 {
        let friend = Signer::new(&format!("friend {at}"));
        by_bob.push(bob.trusts(friend.key(), if at < 20 { Level::FULL } else { Level::LOW }));
        friends.push(friend);
    }
    assert_eq!(number(&import(&bed, &node.cli, "bob", &by_bob), "imported"), 340);
    // Following again has everybody scored: friends are no strangers from then on.
    node.cli.ok(&["follow", &bob.key().to_string(), "--yes"]);
    let own = node.cli.ok(&["verdict", &infohash("own").to_string(), "good"]);
    let mut evicted = 0;
    for wave in 0..4 {
        let spam: Vec<Vec<u8>> = (0..150)
            .flat_map(|at| listings(&mut Signer::new(&format!("spammer {wave} {at}")), &format!("{wave} {at}"), 10))
            .collect();
        evicted += number(&import(&bed, &node.cli, "spam", &spam), "evicted");
        let by_friends: Vec<Vec<u8>> = friends
            .iter_mut()
            .enumerate()
            .flat_map(|(at, friend)| listings(friend, &format!("friend {at} {wave}"), 20))
            .collect();
        evicted += number(&import(&bed, &node.cli, "friends", &by_friends), "evicted");
        let disk = budget(&node.cli, "disk");
        assert!(number(&disk, "used") <= number(&disk, "limit"), "wave {wave}: {disk}");
        assert!(number(&disk["strangers"], "used") <= 512 << 10, "wave {wave}: {disk}");
        // Friends give way when no stranger is left, and those first whom Bob trusts little.
        let rated = number(&disk["rated"], "keys");
        assert!(rated == 40 || (rated >= 20 && number(&disk["strangers"], "keys") == 0), "wave {wave}: {disk}");
    }
    assert!(evicted > 2_000, "{evicted}");
    // What is known is what is still here.
    let again = import(&bed, &node.cli, "bob", &by_bob);
    assert_eq!(number(&again, "known"), 340, "{again}");
    node.kill();
    let mut net = bed.net(&[]);
    net.extend(flags.map(str::to_owned));
    node.start_again(&net);
    let disk = budget(&node.cli, "disk");
    assert!(number(&disk, "used") <= 2 << 20 && number(&disk["strangers"], "used") <= 512 << 10, "{disk}");
    assert_eq!(number(&import(&bed, &node.cli, "bob", &by_bob), "known"), 340);
    assert!(node.cli.ok(&["export", "--statements"]).to_string().contains(text(&own, "id")), "own words stay");
}

#[test]
fn a_disk_that_is_nearly_full_takes_own_words_only_and_doctor_says_so() {
    let bed = Bed::without_dht();
    let node = bed.node_that("alice", &["--disk-reserve", "1024TiB"]);
    let mut bob = Signer::new("bob");
    node.cli.ok(&["follow", &bob.key().to_string(), "--yes"]);
    let refused = import(&bed, &node.cli, "bob", &listings(&mut bob, "bob", 5));
    assert_eq!(number(&refused, "imported"), 0, "{refused}");
    assert_eq!(refused["refused"], serde_json::json!([{ "reason": "disk_low", "count": 5 }]));
    node.cli.ok(&["verdict", &infohash("own").to_string(), "good"]);
    assert_eq!(budget(&node.cli, "disk")["short"], true);
    let doctor = node.cli.doctor();
    let reserve = check(&doctor, "disk_reserve");
    assert!(reserve["ok"] == false && text(reserve, "fix").contains("--disk-reserve"), "{reserve}");
    assert_eq!(check(&doctor, "disk_quota")["ok"], true);
    let shown = node.cli.run_for_people(&["status"]);
    assert!(
        shown.stdout.lines().any(|line| line.contains("disk ") && line.contains("at its limit")),
        "{}",
        shown.stdout
    );
}

#[test]
fn traffic_of_a_day_is_counted_and_when_it_is_used_up_own_words_still_leave() {
    let bed = Bed::without_dht();
    let (bob, mut carol) = (bed.node("bob"), Signer::new("carol"));
    // A log of half a megabyte, and the head that says so: it is pulled.
    let mut log = listings(&mut carol, "carol", 1_500);
    let ids = log.iter().map(|envelope| statement::verify(envelope).expect("just signed").id()).collect();
    let head = Head { live_count: 1_500, live_root: Head::root_of(&ids), archive: None };
    log.push(carol.says(&Body::Head(head)));
    bob.cli.ok(&["follow", &carol.key().to_string(), "--yes"]);
    assert_eq!(number(&import(&bed, &bob.cli, "carol", &log), "imported"), 1_501);
    let mut net = bed.net(&[&bob]);
    net.extend(["--bandwidth-per-day", "100kB"].map(str::to_owned));
    let mut alice = bed.node_with("alice", &[]);
    alice.kill();
    alice.start_again(&net);
    alice.cli.ok(&["follow", &carol.key().to_string(), "--yes"]);
    alice.wait_for_peers(1);
    wait_until("the day's traffic is used up", ARRIVAL, || budget(&alice.cli, "bandwidth")["short"] == true);
    let used = budget(&alice.cli, "bandwidth");
    assert!(number(&used, "used") >= 100_000 && number(&used, "received") > 0 && number(&used, "sent") > 0, "{used}");
    let doctor = alice.cli.doctor();
    assert!(check(&doctor, "bandwidth")["ok"] == false, "{doctor}");
    assert!(text(check(&doctor, "bandwidth"), "fix").contains("--bandwidth-per-day"), "{doctor}");
    let known = number(&bob.cli.ok(&["status"]), "keys_known");
    alice.cli.ok(&["verdict", &infohash("own").to_string(), "good"]);
    wait_until("Alice's word reaches Bob", ARRIVAL, || number(&bob.cli.ok(&["status"]), "keys_known") > known);
    // Started again on the same day, it has not forgotten.
    let before = number(&budget(&alice.cli, "bandwidth"), "used");
    alice.kill();
    alice.start_again(&net);
    // But for the last thousandth of the budget.
    assert!(number(&budget(&alice.cli, "bandwidth"), "used") + 200 >= before, "the day is remembered");
}

#[test]
fn budgets_are_flags_or_variables_and_nonsense_is_refused() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let with =
        alice.with_variable("HEIRLOOM_DISK_QUOTA", "1.5GiB").with_variable("HEIRLOOM_BANDWIDTH_PER_DAY", "50 MB");
    assert_eq!(number(&budget(&with, "disk"), "limit"), 3 << 29);
    assert_eq!(number(&budget(&with, "bandwidth"), "limit"), 50_000_000);
    let flagged = with.ok(&["--disk-quota", "1GiB", "status"]);
    assert_eq!(number(&flagged["budgets"]["disk"], "limit"), 1 << 30, "a flag wins");
    for (flag, value) in [
        ("--disk-quota", "2G"),
        ("--disk-quota", "0"),
        ("--bandwidth-per-day", "-1MB"),
        ("--dht-bandwidth-per-day", "plenty"),
        ("--dht-queries", "0"),
        ("--memory-limit", "1KiB"),
        ("--cpu-limit", "200"),
        ("--verify-rate", "x"),
        ("--rated-keys", "0"),
        ("--strangers-quota", "3GiB"),
    ] {
        for verb in ["status", "run"] {
            let flag_and_value = format!("{flag}={value}");
            let refused = alice.run(&[&flag_and_value, verb]).value(2);
            assert!(text(&refused["error"], "message").contains(flag), "{flag_and_value}: {refused}");
            let for_people = alice.run_for_people(&[&flag_and_value, verb]);
            assert_eq!(for_people.stderr.trim().lines().count(), 1, "one sentence: {for_people:?}");
        }
    }
    let refused = alice.with_variable("HEIRLOOM_MEMORY_LIMIT", "much").run(&["status"]).value(2);
    assert!(text(&refused["error"], "message").contains("--memory-limit"), "{refused}");
    let judged = alice.ok(&["verdict", &infohash("own").to_string(), "good"]);
    assert!(!text(&judged, "id").is_empty(), "nothing of that harmed the home");
}
