//! The story end to end: real processes on loopback, driven by the commands that `heirloom --help` shows, with a DHT of
//! real nodes. The program is `HEIRLOOM_BIN`, else the one that cargo built beside this test.
//!
//! Each test has its own folder, addresses and DHT, waits for conditions and never asserts how long something took.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what a test prints is shown when it fails")]

mod support;

#[path = "story/archives.rs"]
mod archives;
#[path = "story/artwork.rs"]
mod artwork;
#[path = "story/bad_input.rs"]
mod bad_input;
#[path = "story/bounds.rs"]
mod bounds;
#[path = "story/calibration.rs"]
mod calibration;
#[path = "story/catching_up.rs"]
mod catching_up;
#[path = "story/clients.rs"]
mod clients;
#[path = "story/cold_start.rs"]
mod cold_start;
#[path = "story/crashes.rs"]
mod crashes;
#[path = "story/doctoring.rs"]
mod doctoring;
#[path = "story/downloads.rs"]
mod downloads;
#[path = "story/episodes.rs"]
mod episodes;
#[path = "story/finding.rs"]
mod finding;
#[path = "story/findings.rs"]
mod findings;
#[path = "story/friends.rs"]
mod friends;
#[path = "story/full_disk.rs"]
mod full_disk;
#[path = "story/importing.rs"]
mod importing;
#[path = "story/judging.rs"]
mod judging;
#[path = "story/meeting.rs"]
mod meeting;
#[path = "story/namespaces.rs"]
mod namespaces;
#[path = "story/outlet.rs"]
mod outlet;
#[path = "story/playing.rs"]
mod playing;
#[path = "story/receipts.rs"]
mod receipts;
#[path = "story/ring.rs"]
mod ring;
#[path = "story/running.rs"]
mod running;
#[path = "story/searching.rs"]
mod searching;
#[path = "story/seeding.rs"]
mod seeding;
#[path = "story/settings.rs"]
mod settings;
#[path = "story/shelves.rs"]
mod shelves;
#[path = "story/strangers.rs"]
mod strangers;
