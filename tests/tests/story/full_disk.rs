//! A disk that is full: one sentence that says so, exit 1, and nothing that was acknowledged is lost.
//!
//! The disk is a small one in memory, in a mount namespace of its own. Where the system does not let a user have one, there
//! is nothing to test on, and the test says so.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::support::{Bed, Node, Process, bytes_of, next_ip, number, text};

const DISK_BYTES: usize = 40 << 20;
const FILM: &str = "imdb:tt7000050";
const ABOUT: [&str; 8] = ["--title", "Full", "--year", "2024", "--kind", "film", "--licence", "CC0-1.0"];

/// A small disk. It is gone when this is dropped.
struct Disk {
    _holder: Process,
    root: PathBuf,
}

impl Disk {
    fn new(bed: &Bed) -> Option<Self> {
        let mount = bed.path("disk");
        std::fs::create_dir_all(&mount).expect("can make a folder");
        let script = format!("mount -t tmpfs -o size={DISK_BYTES} tmpfs \"$0\" && echo ready && exec sleep 600");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]).arg(&mount);
        let holder = Process::try_start(command, &bed.path("disk.log"))?;
        holder.line(Duration::from_secs(10)).filter(|line| line == "ready")?;
        // The kernel shows a process's mounts to those who may trace it, which is who started it.
        let root = PathBuf::from(format!("/proc/{}/root{}", holder.id(), mount.display()));
        root.is_dir().then_some(Self { _holder: holder, root })
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let full = std::fs::write(self.root.join("fill"), vec![0; DISK_BYTES]);
        assert!(full.is_err(), "the disk is smaller than what was written");
    }

    fn clear(&self) {
        std::fs::remove_file(self.root.join("fill")).expect("it was filled");
    }
}

#[test]
fn a_full_disk_stops_the_node_with_a_word_and_loses_nothing() {
    let bed = Bed::without_dht();
    let Some(disk) = Disk::new(&bed) else {
        println!("not tested: this system gives its users no mount namespace");
        return;
    };
    let mut node = Node::start(&disk.root, "alice", &next_ip(), &bed.net(&[]));
    let mut acknowledged = vec![node.cli.ok(&["verdict", &"ab".repeat(20), "good"])];
    // The database takes room in advance: after a fresh start it has none yet.
    node.kill();
    node.start_again(&bed.net(&[]));
    disk.fill();
    let note = "x".repeat(250);
    let failed = (0..500).find_map(|number| {
        let answer = node.cli.run(&["verdict", &format!("{number:040x}"), "good", "--note", &note]);
        if answer.code == 0 {
            acknowledged.push(answer.last_value());
            return None;
        }
        Some(answer)
    });
    let error = failed.expect("a full disk takes no more").value(1);
    let message = text(&error["error"], "message");
    assert!(message.contains("disk") && message.contains("full") && message.contains("free"), "{message:?}");

    disk.clear();
    if node.is_running() {
        node.kill();
    }
    node.start_again(&bed.net(&[]));
    let statements = node.cli.ok(&["export", "--statements"]).to_string();
    for signed in &acknowledged {
        assert!(statements.contains(text(signed, "id")), "{signed} was acknowledged and is gone");
    }
    let last = acknowledged.last().map_or(0, |signed| number(signed, "seq"));
    assert!(number(&node.cli.ok(&["verdict", &"cd".repeat(20), "good"]), "seq") > last, "sequence numbers go on");
}

#[test]
fn a_download_that_does_not_fit_is_refused_in_a_sentence() {
    let bed = Bed::new();
    let Some(disk) = Disk::new(&bed) else {
        println!("not tested: this system gives its users no mount namespace");
        return;
    };
    let (curator, newcomer) = (bed.node("curator"), bed.node("newcomer"));
    newcomer.follow_by_post(&curator);
    let published = curator.publish(&bed.file("full.bin", &bytes_of(DISK_BYTES + 1, 1)), FILM, &ABOUT);
    let infohash = text(&published, "infohash");
    newcomer.wait_for_trusted(FILM, infohash);
    let to = disk.root.join("films");
    let to = to.to_str().expect("text");
    let refused = newcomer.cli.run(&["get", infohash, "--to", to, "--wait"]).value(1);
    assert_eq!(refused["error"]["code"], "disk_full", "{refused}");
    assert!(text(&refused["error"], "message").contains("space"), "{refused}");
    newcomer.cli.ok(&["get", infohash, "--wait"]);
}
