//! How soon a search answers, beside SQLite's FTS5 on the same titles in the same run.
//!
//! Curators sign works and their releases, as many as one key may, and a node that follows them takes their statements in
//! by file, with the quotas that every node has; questions as people ask them go over its HTTP port, one after the other:
//! whole titles, beginnings as one types, one-letter slips, a title with its year, and works by their id. Each answer is the
//! whole one, judged and scored. At last somebody says one more thing, and it is timed until a search finds that.
//!
//! FTS5 is asked by Python for beginnings of words, best first; it knows no slips, ids or scores. Once it holds a row for
//! each work (title and year), once one for each release besides, which is what our index holds.
//!
//! Checked: whole titles and ids find their work. Never asserted: a time. The targets are p50 below 5 ms, p99 below 20 ms.
//!
//! ```sh
//! cargo build -p heirloom && cargo bench --profile dev -p heirloom-tests --bench search -- --works 100000 --releases 10
//! cargo bench --profile dev -p heirloom-tests --bench search -- --films titles.csv     # title,year: real films
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its figures are what a benchmark is for")]

#[allow(dead_code, unused_imports, reason = "the benches use a part of what the stories stand on")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use heirloom_proto::body::{Listing, Work, WorkKind};
use heirloom_proto::{Body, Infohash, WorkId};
use serde_json::{Value, json};
use support::{Bed, Node, Signer, number, statement_file, text, wait_for};

/// Works and releases of each without an argument.
const WORKS_DEFAULT: u64 = 10_000;
/// See [`WORKS_DEFAULT`].
const RELEASES_DEFAULT: u64 = 10;
/// Questions of each sort.
const QUESTIONS: usize = 500;
/// Listings that one key may have (`heirloom_proto::limits`).
const LISTINGS_MAX: usize = 20_000;
/// Longest that the index may be behind.
const CATCH_UP: Duration = Duration::from_secs(1200);

/// What FTS5 takes for the same questions, in seconds: works, releases of each and questions come as JSON lines. First with
/// a row a work, then with one for each release besides; with each its bytes.
const FTS5: &str = r#"
import json, os, sqlite3, sys, tempfile, time
works, releases, questions = (json.loads(sys.stdin.readline()) for _ in range(3))
lines = ["480p", "720p", "1080p", "2160p"]
def ask(rows):
    folder = tempfile.TemporaryDirectory()
    base = sqlite3.connect(os.path.join(folder.name, "fts5"))
    base.execute("create virtual table works using fts5(title, year, tokenize='unicode61 remove_diacritics 2', prefix='2 3')")
    base.executemany("insert into works values (?, ?)", rows)
    base.commit()
    times, before = [], time.process_time()
    for text in questions:
        words = ["".join(c for c in word if c.isalnum()) for word in text.split()]
        match = " ".join('"%s"*' % word for word in words if word)
        began = time.perf_counter()
        base.execute("select rowid, title from works where works match ? order by rank limit 20", (match,)).fetchall()
        times.append(time.perf_counter() - began)
    each_ms = (time.process_time() - before) * 1000 / max(len(questions), 1)
    return [times, os.path.getsize(os.path.join(folder.name, "fts5")), each_ms]
def all():
    for title, year in works:
        yield title, year
        for copy in range(releases):
            yield "%s %s %s" % (title, year, lines[copy % 4]), year
print(json.dumps([ask(works), ask(all())]))
"#;

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn count(name: &str, default: u64) -> u64 {
    argument(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} wants a number")))
}

/// Chance that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((word ^ (word >> 31)) % end as u64).expect("below a length")
    }
}

/// Titles of one to five words, of which some are common and most are not.
fn invented(works: u64, chance: &mut Chance) -> Vec<(String, u32)> {
    let syllables =
        ["ka", "ri", "mon", "tel", "su", "var", "an", "lis", "be", "dro", "gan", "hy", "mir", "os", "pel", "un"];
    let word = |chance: &mut Chance| -> String {
        // Squared, so that low numbers, which are short words, are common.
        let number = chance.below(400) * chance.below(400);
        let mut rest = number;
        let mut word = String::new();
        while word.is_empty() || rest > 0 {
            word.push_str(syllables[rest % syllables.len()]);
            rest /= syllables.len();
        }
        word
    };
    (0..works)
        .map(|_| {
            let words: Vec<String> = (0..1 + chance.below(5)).map(|_| word(chance)).collect();
            (words.join(" "), 1920 + u32::try_from(chance.below(106)).expect("a year"))
        })
        .collect()
}

/// Lines of `title,year`; the title may stand in quotation marks.
fn films(path: &str) -> Vec<(String, u32)> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
    let row = |line: &str| {
        let (title, year) = line.rsplit_once(',')?;
        Some((title.trim_matches('"').replace("\"\"", "\""), year.trim().parse().ok()?))
    };
    text.lines().filter_map(row).collect()
}

/// A connection to a node's API that stays open.
struct Api {
    stream: TcpStream,
    token: String,
    host: String,
}

impl Api {
    fn of(node: &Node) -> Self {
        let host = text(node.ready(), "http").to_owned();
        let token = std::fs::read_to_string(text(node.ready(), "api_token_file")).expect("its token").trim().to_owned();
        let stream = TcpStream::connect(&host).expect("it listens");
        stream.set_nodelay(true).expect("a setting");
        Self { stream, token, host }
    }

    fn search(&mut self, text: &str) -> Value {
        let body = json!({ "text": text, "kind": null, "band": null, "limit": 20 }).to_string();
        let head = format!(
            "POST /api/v1/search HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            self.token,
            body.len()
        );
        self.stream.write_all(format!("{head}{body}").as_bytes()).expect("it reads");
        let mut got = Vec::new();
        let mut buffer = [0; 65_536];
        loop {
            let count = self.stream.read(&mut buffer).expect("it answers");
            assert!(count > 0, "cut off: {}", String::from_utf8_lossy(&got));
            got.extend_from_slice(&buffer[..count]);
            let Some(end) = got.windows(4).position(|at| at == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&got[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            let length: usize = length.trim().parse().expect("a number");
            if got.len() >= end + 4 + length {
                assert!(head.starts_with("http/1.1 200"), "{}", String::from_utf8_lossy(&got));
                return serde_json::from_slice(&got[end + 4..]).expect("JSON");
            }
        }
    }
}

/// Milliseconds below which so many of a thousand are.
fn quantile(times: &mut [f64], of_1000: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() - 1) * of_1000 / 1000] * 1000.0
}

fn row(name: &str, times: &mut [f64], note: &str) {
    let (p50, p99) = (quantile(times, 500), quantile(times, 990));
    println!("{name:<22} {:>6} {p50:>9.2} {p99:>9.2}  {note}", times.len());
}

fn slip(title: &str, chance: &mut Chance) -> Option<String> {
    let mut words: Vec<String> = title.split(' ').map(str::to_owned).collect();
    let long: Vec<usize> =
        (0..words.len()).filter(|at| words[*at].chars().count() >= 6 && words[*at].is_ascii()).collect();
    let at = *long.get(chance.below(long.len().max(1)))?;
    let place = 1 + chance.below(words[at].len() - 2);
    words[at].replace_range(place..=place, "q");
    Some(words.join(" "))
}

fn main() {
    let mut chance = Chance(1);
    let works = match argument("--films") {
        Some(path) => films(&path),
        None => invented(count("--works", WORKS_DEFAULT), &mut chance),
    };
    let releases = count("--releases", RELEASES_DEFAULT);
    assert!(works.len() >= 10 && releases > 0, "at least ten works with a release");

    let bed = Bed::without_dht();
    let node = bed.node("alice");
    let began = Instant::now();
    // A key may have so many listings, so several curators share the works; their statements travel by file.
    let share = LISTINGS_MAX / usize::try_from(releases).expect("few");
    assert!(share > 0, "a curator lists all releases of a work");
    for (number, share_of) in works.chunks(share).enumerate() {
        let mut curator = Signer::new(&format!("curator {number}"));
        let mut said = Vec::new();
        for (at, (title, year)) in (number * share + 1..).zip(share_of) {
            said.extend(said_of(&mut curator, at, title, *year, releases));
        }
        let file = statement_file(&bed.path("statements"), &said);
        node.cli.ok(&["follow", &curator.key().to_string(), "--yes"]);
        let taken = node.cli.ok(&["import", file.to_str().expect("text")]);
        assert_eq!(support::number(&taken, "imported"), said.len() as u64, "{taken}");
    }
    let curators = works.len().div_ceil(share);
    println!(
        "{} works with {releases} releases each by {curators} curators, signed and taken in within {:.0} s",
        works.len(),
        began.elapsed().as_secs_f64()
    );
    let taken_in = Instant::now();
    wait_for("the index to hold all", CATCH_UP, || {
        let status = node.cli.ok(&["status"]);
        if status["search"]["current"] == true { Ok(()) } else { Err(format!("{}", status["search"])) }
    });
    println!("the index held all {:.0} s after that", taken_in.elapsed().as_secs_f64());
    sizes(&node);

    let mut some = |of: usize| (0..of).map(|_| chance.below(works.len())).collect::<Vec<_>>();
    let picked = some(QUESTIONS);
    let mut slips = Chance(2);
    let title = |at: &usize| works[*at].0.clone();
    let sorts: Vec<(&str, Vec<String>)> = vec![
        ("whole title", picked.iter().map(title).collect()),
        ("beginning", picked.iter().map(|at| title(at).chars().take(4).collect()).collect()),
        ("title and year", picked.iter().map(|at| format!("{} {}", works[*at].0, works[*at].1)).collect()),
        ("one letter wrong", picked.iter().filter_map(|at| slip(&works[*at].0, &mut slips)).collect()),
        ("id", picked.iter().map(|at| format!("wikidata:Q{}", at + 1)).collect()),
    ];
    let mut api = Api::of(&node);
    api.search("warm");
    println!("{:<22} {:>6} {:>9} {:>9}", "questions", "asked", "p50 ms", "p99 ms");
    println!("beside it the processor time of the node for each, which other work on the machine changes little");
    let (mut all, mut asked) = (Vec::new(), Vec::new());
    for (sort, questions) in &sorts {
        let (mut times, mut found, before) = (Vec::new(), 0, cpu_s(&node));
        for (at, question) in questions.iter().enumerate() {
            let began = Instant::now();
            let answer = api.search(question);
            times.push(began.elapsed().as_secs_f64());
            let rows = answer.as_array().expect("rows");
            let is_it = |row: &Value| match *sort {
                "id" => text(row, "work") == question,
                _ => text(row, "title").eq_ignore_ascii_case(&works[picked[at]].0),
            };
            let is_found = !rows.is_empty() && (*sort == "one letter wrong" || rows.iter().any(is_it));
            if !is_found && *sort == "whole title" {
                eprintln!(
                    "not found: {question:?}; first is {}",
                    rows.first().map_or("nothing", |row| text(row, "title"))
                );
            }
            found += usize::from(is_found);
        }
        if matches!(*sort, "whole title" | "id") {
            assert!(found * 100 >= questions.len() * 99, "{sort}: only {found} of {} found", questions.len());
        }
        #[allow(clippy::cast_precision_loss, reason = "some hundreds of questions")]
        let each_ms = (cpu_s(&node) - before) * 1000.0 / questions.len().max(1) as f64;
        row(sort, &mut times, &format!("{found} found, {each_ms:.2} ms of the processor each"));
        all.extend(times);
        if *sort != "id" && *sort != "one letter wrong" {
            asked.extend(questions.clone());
        }
    }
    row("all", &mut all, "");
    for (rows, mut times, bytes, each_ms) in fts5(&works, releases, &asked) {
        let note =
            format!("titles, beginnings, years; {rows} rows, {bytes} bytes, {each_ms:.2} ms of the processor each");
        row("SQLite FTS5", &mut times, &note);
    }
    println!("load of the machine: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim_end());
    sizes(&node);
    newcomer(&bed, &node);
}

/// Processor time of the node so far, in seconds (Linux; 0 elsewhere).
fn cpu_s(node: &Node) -> f64 {
    /// Ticks of the kernel's clock in a second, the same on every Linux.
    const TICKS: f64 = 100.0;
    let running = std::fs::read_to_string(node.home().join("running")).unwrap_or_default();
    let process = running.lines().nth(1).unwrap_or_default();
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // Behind the name: its state is the first, the time in the program the 12th, in the kernel the 13th.
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS
}

/// A work, and listings of its releases.
fn said_of(curator: &mut Signer, at: usize, title: &str, year: u32, releases: u64) -> Vec<Vec<u8>> {
    let id: WorkId = format!("wikidata:Q{at}").parse().expect("a work id");
    let mut said = vec![curator.says(&Body::Work(Work::new(id.clone(), title.to_owned(), Some(year), WorkKind::Film)))];
    for copy in 0..releases {
        let resolution = ["480p", "720p", "1080p", "2160p"][usize::try_from(copy % 4).expect("small")];
        let infohash: Infohash = format!("{at:032x}{copy:08x}").parse().expect("an infohash");
        said.push(curator.says(&Body::Listing(Listing {
            size: 1_000_000_000 + copy,
            resolution: resolution.to_owned(),
            licence: "CC0-1.0".to_owned(),
            ..Listing::new(id.clone(), infohash, format!("{title} {year} {resolution}"))
        })));
    }
    said
}

/// What it all takes.
fn sizes(node: &Node) {
    let status = node.cli.ok(&["status"]);
    println!(
        "statements in the index: {}; its bytes: {}; bytes of the store: {}; resident: {} bytes, of them its own: {}",
        status["search"]["statements"],
        number(&status["search"], "bytes"),
        status["budgets"]["disk"]["used"],
        number(&status, "rss_bytes"),
        status["budgets"]["memory"]["used"]
    );
}

/// How soon a search finds what is said now.
fn newcomer(bed: &Bed, node: &Node) {
    // The one before was closed for want of questions.
    let mut api = Api::of(node);
    let mut late = Signer::new("a curator who comes late");
    node.cli.ok(&["follow", &late.key().to_string(), "--yes"]);
    let mut times = Vec::new();
    for number in 0..10 {
        let title = format!("Latecomer {number}");
        let file = statement_file(&bed.path("statements"), &said_of(&mut late, 900_000_000 + number, &title, 2026, 1));
        node.cli.ok(&["import", file.to_str().expect("text")]);
        let began = Instant::now();
        wait_for("what was said to be found", CATCH_UP, || {
            let answer = api.search(&title);
            let is_it = |row: &Value| text(row, "title") == title;
            if answer.as_array().is_some_and(|rows| rows.iter().any(is_it)) { Ok(()) } else { Err(format!("{answer}")) }
        });
        times.push(began.elapsed().as_secs_f64());
    }
    row("said, then found", &mut times, "from the end of an import to the answer");
}

/// Rows, seconds of each question, bytes, and milliseconds of the processor for each question.
fn fts5(works: &[(String, u32)], releases: u64, questions: &[String]) -> Vec<(usize, Vec<f64>, u64, f64)> {
    let mut python = Command::new("python3")
        .args(["-c", FTS5])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 with sqlite3");
    let mut input = python.stdin.take().expect("piped");
    let lines = format!("{}\n{releases}\n{}\n", json!(works), json!(questions));
    let writing = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = python.wait_with_output().expect("it ends");
    writing.join().expect("no panic").expect("it reads");
    let both: Value = serde_json::from_slice(&output.stdout).expect("times");
    let of = |at: usize| {
        let times = both[at][0].as_array().expect("a list").iter().filter_map(Value::as_f64).collect();
        (times, both[at][1].as_u64().expect("bytes"), both[at][2].as_f64().expect("milliseconds"))
    };
    let rows = [works.len(), works.len() * (1 + usize::try_from(releases).expect("few"))];
    let row = |(at, rows)| {
        let (times, bytes, each_ms) = of(at);
        (rows, times, bytes, each_ms)
    };
    rows.into_iter().enumerate().map(row).collect()
}
