//! Starting and stopping: what a second start, a taken port or a newer store do, and that a polite stop is quick.

use std::net::TcpListener;
use std::time::Duration;

use crate::support::{ARRIVAL, Answer, Bed, Cli, Process, bytes_of, program, text, wait_for, write_file};

/// The contract says 5 s; a busy machine gets twice that before this fails.
const STOP_MAX: Duration = Duration::from_secs(10);

/// A `run` that must not come up: exit 1, one sentence for people, an error object for scripts.
#[track_caller]
fn assert_does_not_start(cli: &Cli, args: &[&str], mentions: &str) {
    let mut all = vec!["run", "--no-dht", "--no-mdns", "--no-starter"];
    all.extend(args);
    let for_people = cli.run_for_people(&all);
    assert_eq!(for_people.code, 1, "{for_people:?}");
    let said = last_line(&for_people);
    assert!(said.to_lowercase().contains(mentions), "{said:?} does not mention {mentions:?}");
    let for_scripts = cli.run(&all).value(1);
    let message = text(&for_scripts["error"], "message");
    assert!(message.to_lowercase().contains(mentions), "{message:?} does not mention {mentions:?}");
    assert!(!text(&for_scripts["error"], "code").is_empty(), "{for_scripts}");
}

fn last_line(answer: &Answer) -> String {
    answer.stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

const ANYWHERE: [&str; 8] =
    ["--http", "127.0.0.1:0", "--p2p", "/ip4/127.0.0.1/tcp/0", "--bt", "127.0.0.1:0", "--bt-named", "127.0.0.1:0"];

#[test]
fn a_taken_port_is_named() {
    let bed = Bed::without_dht();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("bound");
    let p2p = format!("/ip4/127.0.0.1/tcp/{}", taken.port());
    for (flag, value) in [("--http", taken.to_string()), ("--bt", taken.to_string()), ("--p2p", p2p)] {
        let mut args = ANYWHERE;
        let at = args.iter().position(|arg| *arg == flag).expect("among the flags");
        args[at + 1] = &value;
        assert_does_not_start(&bed.home("alice"), &args, &taken.port().to_string());
    }
}

#[test]
fn a_second_node_on_the_same_home_is_refused_and_the_first_goes_on() {
    let bed = Bed::without_dht();
    let first = bed.node("alice");
    assert_does_not_start(&first.cli, &ANYWHERE, "run");
    assert_eq!(first.cli.ok(&["id"])["key"], first.key.as_str(), "the first still answers");
}

#[test]
fn a_store_of_a_newer_version_is_left_alone() {
    let bed = Bed::without_dht();
    let mut node = bed.node("alice");
    let signed = node.cli.ok(&["verdict", &"ab".repeat(20), "good"]);
    assert!(node.stop(STOP_MAX).success());
    let version = node.home().join("store-version");
    let before = std::fs::read(&version).expect("the store says its version");
    write_file(&version, b"999\n");
    assert_does_not_start(&node.cli, &ANYWHERE, "newer");
    assert_eq!(std::fs::read(&version).expect("still there"), b"999\n", "nothing was written");
    assert_eq!(node.cli.run(&["status"]).code, 1, "nor do commands open it");

    write_file(&version, &before);
    node.start_again(&bed.net(&[]));
    let statements = node.cli.ok(&["export", "--statements"]).to_string();
    assert!(statements.contains(text(&signed, "id")), "nothing was lost");
}

#[test]
fn a_polite_stop_is_clean_and_soon() {
    let bed = Bed::new();
    let mut node = bed.node("alice");
    node.publish(
        &bed.file("clip.mp4", &bytes_of(100_000, 80)),
        "imdb:tt7000030",
        &["--title", "Stop", "--year", "2024", "--kind", "film", "--licence", "CC0-1.0"],
    );
    assert!(node.is_running());
    let status = node.stop(STOP_MAX);
    assert!(status.success(), "it ends with {status}");
    node.start_again(&bed.net(&[]));
    assert!(node.is_running());
}

#[test]
fn commands_work_on_the_store_when_no_node_runs() {
    let bed = Bed::without_dht();
    let mut node = bed.node("alice");
    let film = "imdb:tt7000031";
    let about = ["--title", "Alone", "--year", "2024", "--kind", "film", "--licence", "CC0-1.0"];
    let published = node.publish(&bed.file("alone.mp4", &bytes_of(50_000, 81)), film, &about);
    assert!(node.stop(STOP_MAX).success());

    assert_eq!(node.cli.ok(&["id"])["key"], node.key.as_str());
    let shown = node.cli.ok(&["show", film]);
    assert_eq!(shown["releases"][0]["infohash"], published["infohash"], "{shown}");
    let signed = node.cli.ok(&["verdict", text(&published, "infohash"), "good"]);
    node.cli.ok(&["ledger"]);
    node.cli.ok(&["trust"]);
    let refused = node.cli.run(&["get", &"cd".repeat(20), "--anyway", "--wait"]).value(1);
    assert!(text(&refused["error"], "message").contains("heirloom run"), "it says what to do: {refused}");

    node.start_again(&bed.net(&[]));
    let statements = node.cli.ok(&["export", "--statements"]).to_string();
    assert!(statements.contains(text(&signed, "id")), "what was signed meanwhile is there");
}

/// `Type=notify`: a service manager hears when it is ready, where its page is, and that it stops.
#[cfg(target_os = "linux")]
#[test]
fn a_service_manager_is_told_when_the_node_is_ready_and_when_it_stops() {
    let bed = Bed::without_dht();
    let path = bed.path("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(90))).expect("a limit");
    let mut command = program();
    command.arg("--home").arg(bed.path("home")).args(["--json", "run", "--no-dht", "--no-mdns", "--no-starter"]);
    command.args(ANYWHERE).env("NOTIFY_SOCKET", &path);
    let mut process = Process::start(command, &bed.path("log"));
    let heard = || {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).expect("a word in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let ready = heard();
    assert!(ready.lines().any(|line| line == "READY=1"), "{ready:?}");
    assert!(ready.lines().any(|line| line.starts_with("STATUS=") && line.contains("http://127.0.0.1:")), "{ready:?}");
    process.terminate();
    let stopping = heard();
    assert!(stopping.lines().any(|line| line == "STOPPING=1"), "{stopping:?}");
    assert!(process.end(STOP_MAX).success());
}

/// What a desktop's handler of links calls: the link is in the part of the address that no server is sent.
#[test]
fn a_link_is_handed_to_the_page() {
    let bed = Bed::without_dht();
    let node = bed.node("alice");
    let url = node.cli.ok(&["open", "--print", "heirloom:abc def"])["url"].as_str().expect("a link").to_owned();
    assert!(url.contains("/?once=") && url.ends_with("#add=heirloom:abc%20def"), "{url}");
    let plain = node.cli.ok(&["open", "--print"])["url"].as_str().expect("a link").to_owned();
    assert!(!plain.contains('#'), "{plain}");
    let refused = node.cli.run(&["open", "--print", ""]).value(2);
    assert_eq!(refused["error"]["code"], "bad_link", "{refused}");
}

/// One sentence for people, the same as an object for scripts.
#[track_caller]
fn assert_gone(for_people: &Answer, for_scripts: &Answer) {
    assert_eq!((for_people.code, for_people.stdout.as_str()), (1, ""), "{for_people:?}");
    let lines: Vec<&str> = for_people.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(lines.len() == 1 && lines[0].contains("does not answer"), "{:?}", for_people.stderr);
    let error = for_scripts.value(1)["error"].clone();
    assert!(lines[0].contains(text(&error, "message")) && text(&error, "message").contains("heirloom run"), "{error}");
}

#[test]
fn a_node_that_is_killed_or_stuck_under_a_command_is_one_sentence() {
    let bed = Bed::new();
    let mut node = bed.node("alice");
    let waiting = ["show", "imdb:tt0000001", "--wait", "600"];
    let begin = || (node.cli.begin_for_people(&waiting), node.cli.begin(&waiting));
    let (mut people, mut scripts) = begin();
    // Both are at the node by now: it is asked before they are, and answers.
    node.cli.ok(&["id"]);
    wait_for("both to wait for the node", ARRIVAL, || {
        let requests = connections_to(text(node.ready(), "http"));
        if requests >= 2 { Ok(()) } else { Err(format!("{requests} connections")) }
    });
    assert!(people.is_at_work() && scripts.is_at_work());
    node.kill();
    assert_gone(&people.answer(), &scripts.answer());
    // Whoever comes later finds no node, and no trace of one that hinders them.
    assert_eq!(node.cli.ok(&["id"])["key"], node.key.as_str());

    node.start_again(&bed.net(&[]));
    let stuck = |signal: &str| {
        let done = std::process::Command::new("kill").args([signal, &node.process_id().to_string()]).status();
        assert!(done.expect("kill is there").success());
    };
    stuck("-STOP");
    let (people, scripts) = (node.cli.begin_for_people(&["id"]), node.cli.begin(&["id"]));
    assert_gone(&people.answer(), &scripts.answer());
    stuck("-CONT");
    assert_eq!(node.cli.ok(&["id"])["key"], node.key.as_str(), "one that was only stuck answers again");
}

/// Connections that are open to a port of this machine, each counted once.
fn connections_to(address: &str) -> usize {
    let (_, port) = address.rsplit_once(':').expect("a port");
    let port = format!(":{:04X}", port.parse::<u16>().expect("a number"));
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the table of connections");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.get(2).is_some_and(|remote| remote.ends_with(&port)) && row.get(3) == Some(&"01")).count()
}
