//! Five real nodes play the small scenario of `heirloom_sim::calibration`: who is admitted, and in which order, must be what
//! the simulator says. A test of the simulator keeps `simulations/calibration.json` current.

use serde_json::{Value, json};

use crate::support::{ARRIVAL, Bed, Node, bytes_of, text, wait_for};

const FILM: &str = "imdb:tt1254207";
const ABOUT: [&str; 8] = ["--title", "Big Buck Bunny", "--year", "2008", "--kind", "film", "--licence", "CC-BY-3.0"];

/// What the simulator says.
fn simulated() -> Value {
    let path = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let path = path.join("../simulations/calibration.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the committed outcome")).expect("in JSON")
}

/// What a node sees, best first: whose release, in which band.
fn seen(node: &Node, releases: &[(&str, String)]) -> Value {
    let shown = node.cli.ok(&["show", FILM]);
    let rows = shown["releases"].as_array().expect("a list").iter().map(|release| {
        let whose = releases.iter().find(|(_, infohash)| release["infohash"] == infohash.as_str());
        json!([whose.map_or("nobody", |(name, _)| *name), release["band"]])
    });
    rows.collect()
}

#[track_caller]
fn comes_to(node: &Node, releases: &[(&str, String)], expected: &Value) {
    wait_for("what the simulator says", ARRIVAL, || {
        let seen = seen(node, releases);
        if seen == *expected { Ok(()) } else { Err(format!("{seen} is not {expected}")) }
    });
}

#[test]
fn five_real_nodes_come_to_what_the_simulator_says() {
    let expected = simulated();
    let bed = Bed::without_dht();
    let alice = bed.node("alice");
    let [bob, carol, dave, erin] = ["bob", "carol", "dave", "erin"].map(|name| bed.node_with(name, &[&alice]));
    let mut releases = Vec::new();
    for (seed, (name, node)) in [("alice", &alice), ("carol", &carol), ("dave", &dave)].into_iter().enumerate() {
        let clip = bed.file(format!("{name}.mp4"), &bytes_of(200_000, seed as u64));
        releases.push((name, text(&node.publish(&clip, FILM, &ABOUT), "infohash").to_owned()));
    }
    dave.cli.ok(&["attest", &alice.key, "--level", "distrust"]);
    bob.cli.ok(&["follow", &alice.key, "--yes", "--level", "high"]);
    bob.cli.ok(&["attest", &carol.key, "--level", "high"]);
    for friend in [&alice, &bob] {
        erin.cli.ok(&["follow", &friend.key, "--yes", "--level", "high"]);
    }
    comes_to(&erin, &releases, &expected["before"]);
    erin.cli.ok(&["verdict", &releases[2].1, "fake"]);
    comes_to(&erin, &releases, &expected["after"]);
}
