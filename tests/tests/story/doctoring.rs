//! `doctor` against real nodes: each check made to fail, and to pass again.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::support::{ARRIVAL, Bed, HALL, Lab, Node, next_network, text, wait_for, wait_until};

#[test]
fn what_is_put_into_the_dht_comes_back_and_the_own_head_is_found() {
    let mut bed = Bed::new();
    let alice = bed.node("alice");
    wait_for("an item to go out and come back", ARRIVAL, || {
        let found = alice.cli.check("dht_round_trip");
        if found["ok"] == true { Ok(()) } else { Err(found.to_string()) }
    });
    assert_eq!(alice.cli.check("last_republish")["state"], "unknown");
    alice.cli.ok(&["verdict", &"ab".repeat(20), "good"]);
    wait_for("the head to stand in the DHT", ARRIVAL, || {
        let found = alice.cli.check("own_head");
        if found["state"] == "ok" { Ok(()) } else { Err(found.to_string()) }
    });
    assert_eq!(alice.cli.check("last_republish")["state"], "ok");
    // The network that she knows is gone: she is told, and what to do.
    bed.fresh_dht();
    wait_for("the loss to be seen", ARRIVAL, || {
        let found = alice.cli.check("dht_round_trip");
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
    let node = alice.check("node");
    assert!(node["state"] == "warn" && text(&node, "fix").contains("heirloom run"), "{node}");
    for name in ["store", "disk_writes", "permissions", "open_files", "clock"] {
        assert_eq!(alice.check(name)["ok"], true, "{name}");
    }
    let ports = alice.check("ports");
    assert!(ports["ok"] == false && text(&ports, "detail").contains(&at), "{ports}");
    let told = alice.run_for_people(&["doctor"]);
    assert_eq!(told.code, 1, "a check failed: {}", told.stdout);
    assert!(told.stdout.lines().any(|line| line.starts_with("NOT OK") && line.contains("ports")), "{}", told.stdout);
    assert!(told.stderr.contains("not as it must be: ports;"), "{}", told.stderr);
    drop(taken);
    wait_for("the port to be free", ARRIVAL, || {
        let ports = alice.check("ports");
        if ports["ok"] == true { Ok(()) } else { Err(ports.to_string()) }
    });
    let shown = alice.run_for_people(&["doctor"]);
    assert_eq!(shown.code, 0, "warnings are no failure: {} {}", shown.stdout, shown.stderr);
    assert!(shown.stdout.lines().any(|line| line.starts_with("unknown") && line.contains("clock")), "{}", shown.stdout);
}

#[test]
fn a_store_that_does_not_open_is_a_finding_and_no_failure_of_doctor() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let home = bed.path("alice").join("home");
    alice.ok(&["verdict", &"ab".repeat(20), "good"]);
    assert_eq!(alice.check("store")["ok"], true);
    let current = home.join("store").join("CURRENT");
    let kept = fs::read(&current).expect("RocksDB names its manifest there");
    fs::write(&current, "MANIFEST-none\n").expect("written");
    let store = alice.check("store");
    assert!(store["ok"] == false && text(&store, "fix").contains("backup"), "{store}");
    fs::write(&current, kept).expect("written");
    assert_eq!(alice.check("store")["ok"], true);
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
    assert_eq!(alice.cli.check("permissions")["ok"], true);
    set(&home, 0o755);
    set(&token, 0o644);
    let found = alice.cli.check("permissions");
    assert!(found["ok"] == false && text(&found, "detail").contains("api-token"), "{found}");
    set(&token, 0o600);
    set(&home, 0o700);
    assert_eq!(alice.cli.check("permissions")["ok"], true);
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let file = fs::File::options().write(true).open(&token).expect("ours");
    file.set_modified(tomorrow).expect("ours");
    assert_eq!(alice.cli.check("clock")["ok"], false);
    file.set_modified(SystemTime::now()).expect("ours");
    assert_eq!(alice.cli.check("clock")["state"], "unknown");
    assert_eq!(alice.cli.check("dht_round_trip")["state"], "unknown", "it is turned off");
}

#[test]
fn a_clock_stands_beside_the_median_of_the_networks_that_are_heard() {
    let bed = Bed::without_dht();
    let alice = bed.node_in_the_open("alice");
    assert_eq!(alice.cli.check("clock")["state"], "unknown", "nobody said anything");
    // Over QUIC a node dials from where it listens, and is in the network of that address.
    let quic = alice.listening().into_iter().find(|at| at.contains("quic-v1")).expect("she listens over QUIC");
    let others: Vec<_> = (0..3)
        .map(|number| {
            let (name, ip) = (format!("other{number}"), next_network());
            Node::start(
                &bed.path(""),
                &name,
                &ip,
                &[bed.net(&[]), bed.open_at(&ip), vec!["--peer".into(), quic.clone()]].concat(),
            )
        })
        .collect();
    alice.wait_for_peers(3);
    for (number, other) in others.iter().enumerate() {
        other.cli.ok(&["verdict", &format!("{number:02x}").repeat(20), "good"]);
    }
    wait_until("three networks are heard", ARRIVAL, || alice.cli.check("clock")["state"] == "ok");
    let clock = alice.cli.check("clock");
    assert!(text(&clock, "detail").ends_with("the median of 3 networks"), "{clock}");
}

#[test]
fn who_asks_the_node_itself_by_tls_is_told_so_by_tls_and_the_owner_by_doctor() {
    let bed = Bed::without_dht();
    let alice = bed.node("alice");
    assert_eq!(alice.cli.check("tls")["state"], "unknown", "no proxy is named");
    let mut stream = TcpStream::connect(text(alice.ready(), "http")).expect("it listens");
    // The beginning of a ClientHello: a record of the handshake, TLS 1.0 as all write there, so many bytes.
    stream.write_all(&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]).expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, [21, 3, 3, 0, 2, 2, 40], "a fatal alert: handshake_failure");
    let devices = alice.cli.check("devices");
    assert_eq!(devices["state"], "warn", "{devices}");
    assert!(text(&devices, "detail").contains("127.0.0.1 asked by TLS"), "{devices}");
    assert!(text(&devices, "fix").contains("--apps-url"), "{devices}");
    let said = alice.said();
    assert_eq!(said.matches("asked by TLS").count(), 1, "one line of the log: {said}");
    assert!(!alice.cli.ok(&["status"]).is_null(), "and others are served as ever");
}

#[test]
fn a_proxy_that_nobody_reaches_is_told_with_what_to_do() {
    let bed = Bed::without_dht();
    let closed = TcpListener::bind("127.0.0.1:0").expect("a listener").local_addr().expect("its address");
    let url = format!("https://{closed}");
    let alice = bed.node_that("alice", &["--apps-url", &url]);
    let tls = alice.cli.check("tls");
    assert_eq!(tls["state"], "warn", "{tls}");
    assert!(text(&tls, "detail").starts_with(&url) && text(&tls, "fix").contains("proxy"), "{tls}");
}

#[test]
fn a_device_that_asks_for_the_add_on_without_tls_is_told_to_the_owner() {
    let bed = Bed::without_dht();
    let Some(lab) = Lab::new(&bed.path("")) else {
        println!("not tested: this system gives its users no network namespaces");
        return;
    };
    lab.run(HALL, "ip address add 10.77.0.1/32 dev lo");
    let flags = ["--no-dht", "--http", "10.77.0.1:0", "--p2p", "/ip4/127.0.0.1/tcp/0", "--no-mdns"].map(str::to_owned);
    let alice = Node::start_inside(lab.inside(HALL), &bed.path(""), "alice", &flags);
    let apps = alice.cli.ok(&["apps"]);
    let (at, manifest) = (text(alice.ready(), "http").to_owned(), text(&apps["stremio"], "manifest").to_owned());
    let path = manifest.split_once(&at).map(|(_, path)| path.to_owned()).expect("its own address");
    let (ip, port) = at.split_once(':').expect("an address");
    let ask = |path: &str, host: &str, status: u16| {
        let request = format!("GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n");
        let script = format!("exec 3<>/dev/tcp/{ip}/{port}; printf '{request}' >&3; head -n 1 <&3");
        lab.run(HALL, &format!("bash -c \"{script}\" | grep -q '^HTTP/1.1 {status} '"));
    };
    let is_told = || alice.cli.doctor().as_array().is_some_and(|all| all.iter().any(|one| one["check"] == "devices"));
    ask("/stremio/nonsense/manifest.json", &at, 404);
    assert!(!is_told(), "whoever does not know the secret is nobody's device");
    ask(&path, "television.example", 421);
    ask(&path, &at, 200);
    let devices = alice.cli.check("devices");
    assert!(
        devices["state"] == "warn" && text(&devices, "detail").contains("10.77.0.1 asked for the add-on"),
        "{devices}"
    );
    assert_eq!(alice.said().matches("without TLS").count(), 1, "one line of the log: {}", alice.said());
}
