//! A client of the owner's that lies, goes away, and comes back as another version: told in one sentence, and nothing is lost.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ARRIVAL, Bed, Node, Page, Site, booked, text, wait_for};

const MIB: u64 = 1 << 20;
/// A node asks a client that answers every 20 seconds, and one that failed after 5 to 40.
const LOOKED: Duration = Duration::from_secs(120);

/// A qBittorrent with one torrent, by the figures that it is told to have.
struct Lying {
    site: Site,
    infohash: String,
}

impl Lying {
    fn start() -> Self {
        let lying = Self { site: Site::start(), infohash: "ab".repeat(20) };
        lying.is_version("v4.6.7");
        lying
    }

    fn puts(&self, method: &str, answer: &Value) {
        self.site.page(&format!("/api/v2/{method}"), Page::Is("application/json", answer.to_string()));
    }

    fn is_version(&self, version: &str) {
        self.site.page("/api/v2/app/version", Page::Is("text/plain", version.to_owned()));
    }

    /// Of sixteen pieces of a MiB it has so many; it downloaded so much, all of it from one peer by its word.
    fn says(&self, pieces: u64, downloaded: &Value, from_peer: &Value) {
        let infohash = &self.infohash;
        let row =
            json!([{ "hash": infohash, "downloaded": downloaded, "downloaded_session": downloaded, "dlspeed": 1 }]);
        for list in ["torrents/info", "torrents/info?filter=downloading"] {
            self.puts(list, &row);
        }
        let sums = json!({
            "total_size": 16 * MIB, "piece_size": MIB, "pieces_num": 16, "pieces_have": pieces, "total_downloaded": downloaded,
        });
        self.puts(&format!("torrents/properties?hash={infohash}"), &sums);
        let peer = json!({ "ip": "127.0.0.9", "port": 6881, "client": "someone", "downloaded": from_peer });
        let peers = json!({ "full_update": true, "rid": 1, "peers": { "127.0.0.9:6881": peer } });
        self.puts(&format!("sync/torrentPeers?hash={infohash}&rid=0"), &peers);
    }
}

fn weak(node: &Node) -> u64 {
    booked(&node.cli.ok(&["ledger"]), |row| row["source"] == "qbittorrent")
}

fn wait_for_check(node: &Node, state: &str, part: &str) -> Value {
    wait_for(&format!("doctor to say {state}: {part}"), LOOKED, || {
        let found = node.cli.check("qbittorrent");
        let is_it = found["state"] == state && text(&found, "detail").contains(part);
        if is_it { Ok(found) } else { Err(found.to_string()) }
    })
}

#[test]
fn a_client_that_lies_restarts_or_changes_its_version_is_told_and_costs_nothing() {
    let bed = Bed::without_dht();
    let lying = Lying::start();
    lying.says(4, &json!(4 * MIB), &json!(4 * MIB));
    let url = lying.site.url("");
    let alice = bed.node_that("alice", &["--observe", "qbittorrent", "--qbittorrent-url", &url]);
    wait_for_check(&alice, "ok", "v4.6.7 answers");
    wait_for("what it verified to be booked", ARRIVAL, || match weak(&alice) {
        bytes if bytes == 4 * MIB => Ok(()),
        bytes => Err(format!("{bytes} bytes are booked")),
    });

    // It says that a peer sent more than there is in the world, then that there are more pieces than there are.
    lying.says(5, &json!(5 * MIB), &json!(u64::MAX));
    let doubted = wait_for_check(&alice, "warn", "one peer sent more than was downloaded in all");
    assert!(text(&doubted, "fix").contains("nothing of that torrent is booked"), "{doubted}");
    lying.says(17, &json!(6 * MIB), &json!(6 * MIB));
    wait_for_check(&alice, "warn", "it has 17 of 16 pieces");
    assert_eq!(weak(&alice), 4 * MIB, "what was booked stays, and nothing comes to it");

    // Figures that go backwards are those of a torrent that was added anew: what is verified again is not booked again.
    lying.says(2, &json!(2 * MIB), &json!(-7));
    wait_for_check(&alice, "ok", "v4.6.7");
    assert_eq!(weak(&alice), 4 * MIB);

    // It goes away, and another version comes back, which did go on.
    lying.site.page("/api/v2/torrents/info?filter=downloading", Page::Is("text/html", "<html>hello".into()));
    let away = wait_for_check(&alice, "amiss", "qBittorrent");
    assert!(text(&away, "fix").contains("--observe") && !text(&away, "detail").contains('\n'), "{away}");
    lying.is_version("v5.2.0");
    lying.says(8, &json!(8 * MIB), &json!(8 * MIB));
    wait_for_check(&alice, "ok", "v5.2.0");
    wait_for("what came since to be booked", LOOKED, || match weak(&alice) {
        bytes if bytes > 4 * MIB && bytes <= 8 * MIB => Ok(()),
        bytes => Err(format!("{bytes} bytes are booked")),
    });
    let said = alice.said();
    assert_eq!(said.matches("more than was downloaded in all").count(), 1, "one line for each: {said}");
}

#[test]
fn a_client_that_is_down_is_a_finding_of_doctor() {
    let bed = Bed::without_dht();
    let closed = TcpListener::bind("127.0.0.1:0").expect("a listener").local_addr().expect("its address");
    let url = format!("http://{closed}");
    let alice = bed.node_that("alice", &["--observe", "transmission", "--transmission-url", &url]);
    let found = wait_for("the node to miss it", LOOKED, || {
        let found = alice.cli.check("transmission");
        if found["state"] == "amiss" { Ok(found) } else { Err(found.to_string()) }
    });
    assert!(text(&found, "detail").contains("does not answer"), "{found}");
}
