//! kill -9 of a node at random moments, a thousand times and more, while it signs and publishes all the time.
//!
//! Lanes run side by side. In each, a node is started, writers attest, judge and publish over its API, and after a
//! random while it is killed; then it is started again with the same home. An observer, which is never killed, follows
//! every node and hears and pulls what they say. A home lives for up to twenty kills and is then replaced, so that no key says more
//! than it may.
//!
//! Checked, after every kill: whatever was acknowledged is there, under the number that was told; no number was ever
//! seen with two statements; the next number is above all others. Checked at the end of each home: the observer has all
//! that the last head counts, and it never saw two statements with one number. A failure names the seed.
//!
//! ```sh
//! cargo build -p heirloom && cargo bench --profile dev -p heirloom-tests --bench kills                 # 1,000 kills
//! cargo bench --profile dev -p heirloom-tests --bench kills -- --kills 10000 --lanes 4
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its figures are what a benchmark is for")]

#[allow(dead_code, unused_imports, reason = "the benches use a part of what the stories stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use heirloom_proto::SecretKey;
use serde_json::{Value, json};
use support::{ARRIVAL, Bed, Chance, Node, bytes_of, number, text, wait_for};

/// Kills without an argument: what the project asks of itself.
const KILLS_DEFAULT: usize = 1000;
/// Lanes without an argument.
const LANES_DEFAULT: usize = 2;
/// Kills of one home: some hundred statements.
const KILLS_PER_HOME: usize = 20;
/// Longest rest of a writer between two statements, in milliseconds: what all say stays below what peers hear from one node
/// (400 at once, 20 a second), or the observer would take it for a flood.
const REST_MS_MAX: u64 = 120;
/// Writers at once, so that a kill meets requests at different stages.
const WRITERS: usize = 4;
/// Clips for the writers of one round.
const CLIPS: usize = 4;
/// Latest moment of a kill after the node is ready, in milliseconds.
const MOMENT_MS_MAX: u64 = 700;

/// Where a node answers.
struct Api {
    address: String,
    token: String,
}

impl Api {
    fn of(node: &Node) -> Self {
        let ready = node.ready();
        let token = std::fs::read_to_string(text(ready, "api_token_file")).expect("a token");
        Self { address: text(ready, "http").to_owned(), token: token.trim().to_owned() }
    }

    /// Asks; `None` when the node was killed meanwhile.
    fn ask(&self, verb: &str, body: &Value) -> Option<Value> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let head = format!(
            "POST /api/v1/{verb} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.token,
            body.len(),
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        // A body that was cut off acknowledges nothing.
        let value: Value = serde_json::from_str(body).ok()?;
        assert!(head.starts_with("HTTP/1.1 200"), "{verb}: {head} {value}");
        Some(value)
    }
}

/// A statement that the node acknowledged: its id, and its number where the answer says it.
type Acknowledged = (String, Option<u64>);

fn write_until_killed(api: &Api, clips: &[PathBuf], mut chance: Chance, stop: &AtomicBool) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    let mut clips = clips.iter();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(chance.below(REST_MS_MAX)));
        let answer = match chance.below(8) {
            0 => match clips.next() {
                Some(clip) => api.ask("publish", &publish(clip)),
                None => continue,
            },
            1..=4 => {
                let mut seed = [0; 32];
                seed.fill_with(|| chance.word().to_le_bytes()[0]);
                let key = SecretKey::from_seed(&seed).public().to_string();
                let rest = json!({ "key": key, "level": "high", "scope": "*", "reason": "here", "expires": null, "private": false });
                api.ask("attest", &rest)
            }
            _ => {
                let infohash = chance.infohash();
                api.ask("verdict", &json!({ "infohash": infohash, "opinion": "good", "note": "", "private": false }))
            }
        };
        // Whether one without an answer was written is open.
        let Some(value) = answer else { continue };
        let id = value["id"].as_str().or(value["statement"].as_str());
        acknowledged.push((id.expect("an id").to_owned(), value["seq"].as_u64()));
    }
    acknowledged
}

fn publish(clip: &std::path::Path) -> Value {
    json!({
        "source": clip, "work": "imdb:tt7000021", "title": "Kept", "year": 2022, "kind": "film", "season": null,
        "episode": null, "map": [], "licence": "CC0-1.0", "resolution": "", "languages": [], "private": false,
    })
}

/// What all lanes share.
struct Run<'a> {
    observer: &'a Mutex<Node>,
    kills: usize,
    done: AtomicUsize,
    acknowledged: AtomicUsize,
    started: Instant,
}

impl Run<'_> {
    /// One home from its first start to its last kill.
    fn home(&self, bed: &Bed, name: &str, chance: &mut Chance) {
        let (net, mut node) = {
            let observer = self.observer.lock().expect("no lane panicked");
            (bed.net(&[&observer]), bed.node_with(name, &[&observer]))
        };
        self.observer.lock().expect("no lane panicked").cli.ok(&["follow", &node.key, "--yes"]);
        let mut seen: BTreeMap<u64, String> = BTreeMap::new();
        let mut acknowledged: Vec<Acknowledged> = Vec::new();
        for round in 0..KILLS_PER_HOME {
            if self.done.fetch_add(1, Ordering::Relaxed) >= self.kills {
                break;
            }
            acknowledged.extend(self.round(&mut node, bed, round, chance));
            node.start_again(&net);
            check(&node, &acknowledged, &mut seen);
        }
        self.acknowledged.fetch_add(acknowledged.len(), Ordering::Relaxed);
        self.check_observer(&node);
        node.kill();
        let done = self.done.load(Ordering::Relaxed).min(self.kills);
        let all = self.acknowledged.load(Ordering::Relaxed);
        println!("{:>7} s  {done:>6} kills  {all:>8} statements acknowledged", self.started.elapsed().as_secs());
    }

    /// Writes until the kill.
    fn round(&self, node: &mut Node, bed: &Bed, round: usize, chance: &mut Chance) -> Vec<Acknowledged> {
        let mut clip =
            |clip| bed.file(format!("{}/{round}/clip {clip}.mp4", node.key), &bytes_of(5_000, chance.word()));
        let clips: Vec<PathBuf> = (0..CLIPS).map(&mut clip).collect();
        let stop = AtomicBool::new(false);
        let moment = Duration::from_millis(chance.below(MOMENT_MS_MAX));
        let chances: Vec<Chance> = (0..WRITERS).map(|_| Chance::new(chance.word())).collect();
        let api = Api::of(node);
        std::thread::scope(|scope| {
            let (api, stop) = (&api, &stop);
            let writers: Vec<_> = clips
                .chunks(CLIPS / WRITERS)
                .zip(chances)
                .map(|(clips, chance)| scope.spawn(move || write_until_killed(api, clips, chance, stop)))
                .collect();
            // A random moment is what is tested, so this is no wait for a condition.
            std::thread::sleep(moment);
            node.kill();
            stop.store(true, Ordering::Relaxed);
            writers.into_iter().flat_map(|writer| writer.join().expect("the writer ends")).collect()
        })
    }

    /// Who was told everything has all of it, and never heard one number twice.
    fn check_observer(&self, node: &Node) {
        let observer = self.observer.lock().expect("no lane panicked");
        wait_for("the observer to have all of it", 2 * ARRIVAL, || {
            let follows = observer.cli.ok(&["follow"]);
            let row = follows.as_array().and_then(|rows| rows.iter().find(|row| row["key"] == node.key.as_str()));
            match row {
                Some(row) if row["is_whole"] == true => Ok(()),
                _ => Err(format!("{row:?} {}", observer.cli.ok(&["status"]))),
            }
        });
        let status = observer.cli.ok(&["status"]);
        assert!(status["counters"]["conflict"].is_null(), "a number was used twice: {status}");
        observer.cli.ok(&["unfollow", &node.key]);
    }
}

/// What the node holds after a kill against all that it ever said.
fn check(node: &Node, acknowledged: &[Acknowledged], seen: &mut BTreeMap<u64, String>) {
    let api = Api::of(node);
    let rows = api.ask("export", &json!({})).expect("an export");
    let mut now: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows.as_array().expect("a list") {
        let (seq, id) = (number(row, "seq"), text(row, "id").to_owned());
        let before = seen.insert(seq, id.clone());
        assert!(before.is_none_or(|before| before == id), "number {seq} was used twice");
        now.insert(id, seq);
    }
    for (id, seq) in acknowledged {
        let at = now.get(id).unwrap_or_else(|| panic!("{id} was acknowledged and is gone"));
        assert!(seq.is_none_or(|seq| seq == *at), "{id} has number {at}, not {seq:?}");
        let known = seen.get(at);
        assert_eq!(known, Some(id), "number {at} was used twice");
    }
    let highest = seen.keys().next_back().copied().unwrap_or(0);
    let infohash = Chance::new(highest).infohash();
    let signed = api.ask("verdict", &json!({ "infohash": infohash, "opinion": "poor", "note": "", "private": false }));
    let signed = signed.expect("signed");
    assert!(number(&signed, "seq") > highest, "numbers go on: {signed} after {highest}");
    seen.insert(number(&signed, "seq"), text(&signed, "id").to_owned());
}

fn argument(name: &str, default: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} wants a number")))
}

fn main() {
    let (kills, lanes) = (argument("--kills", KILLS_DEFAULT), argument("--lanes", LANES_DEFAULT).max(1));
    let mut chance = Chance::of_this_run();
    let bed = Bed::without_dht();
    let observer = Mutex::new(bed.node("observer"));
    let (done, acknowledged) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = Run { observer: &observer, kills, done, acknowledged, started: Instant::now() };
    let chances: Vec<Chance> = (0..lanes).map(|_| Chance::new(chance.word())).collect();
    std::thread::scope(|scope| {
        for (lane, mut chance) in chances.into_iter().enumerate() {
            let run = &run;
            scope.spawn(move || {
                let (bed, mut home) = (Bed::without_dht(), 0);
                while run.done.load(Ordering::Relaxed) < run.kills {
                    run.home(&bed, &format!("lane {lane} home {home}"), &mut chance);
                    home += 1;
                }
            });
        }
    });
    let acknowledged = run.acknowledged.load(Ordering::Relaxed);
    println!("{kills} kills, {acknowledged} statements acknowledged: none lost, no number used twice");
    assert!(acknowledged > kills, "the kills came before there was anything to lose");
}
