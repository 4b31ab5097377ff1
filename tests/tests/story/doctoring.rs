//! `doctor` against real nodes: each check made to fail, and to pass again.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::support::{ARRIVAL, Bed, Cli, text, wait_for};

fn check(cli: &Cli, name: &str) -> Value {
    let doctor = cli.ok(&["doctor"]);
    let all = doctor.as_array().expect("a list");
    all.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no check {name}: {doctor}")).clone()
}

#[test]
fn what_is_put_into_the_dht_comes_back_and_the_own_head_is_found() {
    let mut bed = Bed::new();
    let alice = bed.node("alice");
    wait_for("an item to go out and come back", ARRIVAL, || {
        let found = check(&alice.cli, "dht_round_trip");
        if found["ok"] == true { Ok(()) } else { Err(found.to_string()) }
    });
    assert_eq!(check(&alice.cli, "last_republish")["state"], "unknown");
    alice.cli.ok(&["verdict", &"ab".repeat(20), "good"]);
    wait_for("the head to stand in the DHT", ARRIVAL, || {
        let found = check(&alice.cli, "own_head");
        if found["state"] == "ok" { Ok(()) } else { Err(found.to_string()) }
    });
    assert_eq!(check(&alice.cli, "last_republish")["state"], "ok");
    // The network that she knows is gone: she is told, and what to do.
    bed.fresh_dht();
    wait_for("the loss to be seen", ARRIVAL, || {
        let found = check(&alice.cli, "dht_round_trip");
        let is_told = found["ok"] == false && text(&found, "fix").contains("UDP");
        if is_told { Ok(()) } else { Err(found.to_string()) }
    });
}

#[test]
fn without_a_node_doctor_looks_at_the_folder_and_the_ports() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let at = taken.local_addr().expect("its address").to_string();
    for (name, value) in [
        ("bt", at.as_str()),
        ("bt-named", "127.0.0.1:0"),
        ("http", "127.0.0.1:0"),
        ("dht", "127.0.0.1:0"),
        ("p2p", "/ip4/127.0.0.1/tcp/0"),
    ] {
        alice.ok(&["config", "set", name, value]);
    }
    assert!(text(&check(&alice, "node"), "fix").contains("heirloom run"));
    for name in ["store", "disk_writes", "permissions", "open_files", "clock"] {
        assert_eq!(check(&alice, name)["ok"], true, "{name}");
    }
    let ports = check(&alice, "ports");
    assert!(ports["ok"] == false && text(&ports, "detail").contains(&at), "{ports}");
    drop(taken);
    wait_for("the port to be free", ARRIVAL, || {
        let ports = check(&alice, "ports");
        if ports["ok"] == true { Ok(()) } else { Err(ports.to_string()) }
    });
    let shown = alice.run_for_people(&["doctor"]);
    assert!(shown.stdout.lines().any(|line| line.starts_with("unknown") && line.contains("clock")), "{}", shown.stdout);
}

#[test]
fn a_store_that_does_not_open_is_a_finding_and_no_failure_of_doctor() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let home = bed.path("alice").join("home");
    alice.ok(&["verdict", &"ab".repeat(20), "good"]);
    assert_eq!(check(&alice, "store")["ok"], true);
    let current = home.join("store").join("CURRENT");
    let kept = fs::read(&current).expect("RocksDB names its manifest there");
    fs::write(&current, "MANIFEST-none\n").expect("written");
    let store = check(&alice, "store");
    assert!(store["ok"] == false && text(&store, "fix").contains("backup"), "{store}");
    fs::write(&current, kept).expect("written");
    assert_eq!(check(&alice, "store")["ok"], true);
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_and_a_file_of_tomorrow_are_told_by_a_running_node() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, SystemTime};
    let bed = Bed::without_dht();
    let alice = bed.node("alice");
    let (home, token) = (alice.home(), alice.home().join("api-token"));
    let set = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the folder is ours");
    };
    assert_eq!(check(&alice.cli, "permissions")["ok"], true);
    set(&home, 0o755);
    set(&token, 0o644);
    let found = check(&alice.cli, "permissions");
    assert!(found["ok"] == false && text(&found, "detail").contains("api-token"), "{found}");
    set(&token, 0o600);
    set(&home, 0o700);
    assert_eq!(check(&alice.cli, "permissions")["ok"], true);
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let file = fs::File::options().write(true).open(&token).expect("ours");
    file.set_modified(tomorrow).expect("ours");
    assert_eq!(check(&alice.cli, "clock")["ok"], false);
    file.set_modified(SystemTime::now()).expect("ours");
    assert_eq!(check(&alice.cli, "clock")["state"], "unknown");
    assert_eq!(check(&alice.cli, "dht_round_trip")["state"], "unknown", "it is turned off");
}
