//! Archives of the own log: when they are made, of what, and when they end.

use super::desk::*;
use crate::rig::*;
use heirloom_core::archives::{AGE_MAX, ARCHIVE_AT, GRACE, PERIOD, QUIET, QUIET_WAIT_MAX};
use heirloom_core::command::Command;
use heirloom_core::io::{ArchiveEvent, ArchiveOrder, Input};
use heirloom_core::views::{Archive, ArchiveState};
use heirloom_proto::archive::Log;
use heirloom_proto::body::{Head, Level, Opinion, Profile};
use heirloom_proto::{Body, Kind, Sha256};
use std::collections::BTreeSet;

#[test]
fn a_long_log_is_archived_once_its_owner_is_quiet_and_the_next_head_says_so() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 1, ARCHIVE_AT);
    elapse(&mut alice, &mut desk, MINUTE);
    assert_eq!(archive_in(&head(&mut alice)), None, "not for so few");
    assert!(desk.files.is_empty());
    talks(&mut alice, ARCHIVE_AT, ARCHIVE_AT + 1);
    elapse(&mut alice, &mut desk, QUIET - SECOND);
    assert!(desk.files.is_empty(), "there may be more to come");
    elapse(&mut alice, &mut desk, 5 * SECOND);
    let named = archive_in(&head(&mut alice)).expect("named");
    let file = &desk.files[&named.0];
    assert_eq!(Sha256::of(file), named.1);
    assert_eq!(desk.seeds(&alice, named.0), Some(true), "under the owner's name");
    let mut log = Log::of(alice.key());
    let all = envelopes_in(file);
    assert_eq!(all.len(), ARCHIVE_AT + 1);
    all.iter().for_each(|envelope| assert!(log.take(envelope).expect("in the form of an archive").is_some()));
    let own: Vec<Archive> = rows(&mut alice);
    assert_eq!(own.len(), 1);
    assert!(own[0].is_own && own[0].state == ArchiveState::Seeding && own[0].bytes == file.len() as u64);
    assert_eq!(own[0].statements, all.len() as u64);
}

#[test]
fn what_is_private_is_in_no_archive() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    let (infohash, note) = (release(9), String::new());
    alice.signed(Command::Verdict { infohash, opinion: Opinion::Fake, note, private: true });
    talks(&mut alice, 1, 300);
    elapse(&mut alice, &mut desk, MINUTE);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    assert_eq!(envelopes_in(&desk.files[&named]).len(), 300, "299 and the profile");
}

/// Most followers hold another proof and refuse this one: they could not make the file, nor would a log with it be whole.
#[test]
fn a_proof_is_in_no_archive() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 1, 300);
    let words = [1, 2].map(|next| {
        let (name, url) = ("Janus".to_owned(), String::new());
        let body = Body::Profile(Profile { name, url, next_key_hash: Sha256([next; 32]) });
        signer("janus").says(START.0 + u64::from(next), START, &body)
    });
    alice.accept(&words[0]);
    alice.ignore(&words[1], "contradicts");
    assert_eq!(alice.pushed_of(Kind::DuplicityProof).len(), 1);
    elapse(&mut alice, &mut desk, MINUTE);
    let said = head(&mut alice);
    let (named, sha256) = archive_in(&said).expect("named");
    let file = &desk.files[&named];
    assert_eq!(Sha256::of(file), sha256);
    let live: BTreeSet<_> = envelopes_in(file)
        .iter()
        .map(|bytes| heirloom_proto::statement::verify(bytes).expect("it holds"))
        .inspect(|statement| assert_ne!(statement.kind(), Kind::DuplicityProof))
        .map(|statement| statement.id())
        .collect();
    assert_eq!(live.len(), 300, "299 and the profile");
    let Body::Head(body) = said.body() else { panic!("{said:?}") };
    assert_eq!((body.live_count, body.live_root), (300, Head::root_of(&live)));
}

#[test]
fn who_never_rests_is_archived_all_the_same() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 0, ARCHIVE_AT + 1);
    for number in 0..QUIET_WAIT_MAX.as_secs() / 5 {
        assert!(desk.files.is_empty());
        elapse(&mut alice, &mut desk, 5 * SECOND);
        let number = usize::try_from(number).expect("small");
        talks(&mut alice, 1000 + number, 1001 + number);
    }
    elapse(&mut alice, &mut desk, QUIET + 5 * SECOND);
    assert_eq!(alice.count("archive_written"), 1);
}

#[test]
fn an_archive_is_made_anew_when_much_has_changed_and_not_too_often() {
    let mut desk = Desk::default();
    let mut alice = curator(320, &mut desk);
    let (first, _) = archive_in(&head(&mut alice)).expect("named");
    // A tenth more.
    talks(&mut alice, 400, 432);
    elapse(&mut alice, &mut desk, 2 * PERIOD);
    assert_eq!(alice.count("archive_written"), 1, "sync brings so little");
    let said = head(&mut alice);
    assert_eq!(archive_in(&said).map(|(hash, _)| hash), Some(first), "it is named on");
    talks(&mut alice, 500, 520);
    elapse(&mut alice, &mut desk, MINUTE);
    assert_eq!(alice.count("archive_written"), 2, "an eighth");
    let (second, _) = archive_in(&head(&mut alice)).expect("named");
    assert_ne!(first, second);
    assert_eq!((desk.seeds(&alice, first), desk.seeds(&alice, second)), (Some(true), Some(true)), "for a while");
    assert_eq!(state_of(&mut alice, first), Some(ArchiveState::Superseded));
    talks(&mut alice, 600, 700);
    elapse(&mut alice, &mut desk, PERIOD - 3 * MINUTE);
    assert_eq!(alice.count("archive_written"), 2, "once an hour at most");
    elapse(&mut alice, &mut desk, 2 * GRACE + 3 * MINUTE);
    assert_eq!(alice.count("archive_written"), 3);
    assert_eq!(desk.seeds(&alice, first), None, "its time is over");
    // One statement alone, after a week.
    talks(&mut alice, 800, 801);
    elapse(&mut alice, &mut desk, AGE_MAX + 2 * HOUR);
    assert_eq!(alice.count("archive_written"), 4);
    elapse(&mut alice, &mut desk, 2 * AGE_MAX);
    assert_eq!(alice.count("archive_written"), 4, "nothing was said since");
}

#[test]
fn a_log_that_became_short_has_no_archive_any_longer() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    for number in 0..300 {
        alice.signed(Command::Attest {
            subject: signer(&format!("friend {number}")).key(),
            level: Level::LOW,
            scope: heirloom_proto::body::Scope::All,
            reason: String::new(),
            lifetime: Some(DAY),
            private: false,
        });
    }
    elapse(&mut alice, &mut desk, MINUTE);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    elapse(&mut alice, &mut desk, DAY + 2 * HOUR);
    assert_eq!(archive_in(&head(&mut alice)), None, "all of it has expired");
    elapse(&mut alice, &mut desk, GRACE + HOUR);
    assert_eq!(desk.seeds(&alice, named), None);
}

#[test]
fn after_a_restart_the_archive_is_seeded_and_named_on() {
    let mut desk = Desk::default();
    let mut alice = curator(300, &mut desk);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    alice.restart();
    alice.start();
    let orders = alice.archive_orders();
    assert!(orders.contains(&ArchiveOrder::Tidy { keep: vec![named] }), "{orders:?}");
    assert!(orders.contains(&ArchiveOrder::Seed { infohash: named, author: alice.key(), named: true }), "{orders:?}");
    elapse(&mut alice, &mut desk, MINUTE);
    talks(&mut alice, 900, 901);
    elapse(&mut alice, &mut desk, MINUTE);
    assert_eq!(archive_in(&head(&mut alice)).map(|(hash, _)| hash), Some(named));
    assert_eq!(alice.count("archive_written"), 0, "it was there");
}

#[test]
fn a_crash_between_the_file_and_the_head_is_made_good() {
    let mut desk = Desk::default();
    let mut alice = curator(ARCHIVE_AT, &mut desk);
    talks(&mut alice, 900, 902);
    alice.pushed();
    // The head that names it has not left: the one before is younger than the shortest time between two.
    elapse(&mut alice, &mut desk, QUIET - SECOND);
    let order = loop {
        let next = alice.service().next_wakeup().expect("something is due");
        alice.leap(next.saturating_sub(alice.mono));
        alice.feed(Input::Wake);
        let orders = alice.archive_orders();
        if let Some(ArchiveOrder::Write { order, .. }) = orders.first() {
            break *order;
        }
    };
    alice.feed(Input::Archive(ArchiveEvent::Wants { order }));
    let Some(ArchiveOrder::Append { envelopes, is_end, .. }) = alice.archive_orders().pop() else { panic!("no part") };
    assert!(is_end);
    let (infohash, sha256) = desk.lay(file_of(&envelopes));
    alice.feed(Input::Archive(ArchiveEvent::Written { order, infohash, sha256, bytes: 1 }));
    alice.restart();
    alice.start();
    // Hundreds of statements wait to be pushed: the head goes before them.
    elapse(&mut alice, &mut desk, SECOND);
    assert_eq!(archive_in(&head(&mut alice)), Some((infohash, sha256)));
}

#[test]
fn a_file_that_cannot_be_written_is_tried_again_later_and_one_that_is_lost_at_once() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 0, 300);
    alice.elapse(MINUTE);
    let Some(ArchiveOrder::Write { order, .. }) = alice.archive_orders().pop() else { panic!("no file") };
    alice.feed(Input::Archive(ArchiveEvent::NotWritten { order }));
    assert_eq!(alice.count("archive_not_written"), 1);
    alice.elapse(PERIOD / 2);
    assert!(alice.archive_orders().is_empty(), "the disk is still full");
    elapse(&mut alice, &mut desk, PERIOD);
    let (named, _) = archive_in(&head(&mut alice)).expect("named");
    alice.feed(Input::Archive(ArchiveEvent::Lost { infohash: named }));
    elapse(&mut alice, &mut desk, MINUTE);
    assert_eq!(alice.count("archive_written"), 2);
    assert_eq!(desk.seeds(&alice, named), Some(true), "equal content is an equal file");
}

#[test]
fn a_silent_disk_keeps_no_archive_waiting_for_ever() {
    let mut desk = Desk::default();
    let mut alice = online("alice");
    talks(&mut alice, 0, 300);
    alice.elapse(MINUTE);
    assert!(matches!(alice.archive_orders().last(), Some(ArchiveOrder::Write { .. })));
    alice.elapse(10 * MINUTE);
    assert_eq!(alice.count("archive_not_written"), 1);
    elapse(&mut alice, &mut desk, 2 * PERIOD);
    assert_eq!(alice.count("archive_written"), 1);
}

#[test]
fn without_a_dht_nothing_is_made_and_what_was_made_is_still_named() {
    let mut desk = Desk::default();
    let mut alice = person("alice");
    talks(&mut alice, 0, 300);
    alice.elapse(HOUR);
    assert_eq!(archive_in(&head(&mut alice)), None);
    assert!(alice.archive_orders().iter().all(|order| matches!(order, ArchiveOrder::Tidy { .. })));
    let mut alice = curator(300, &mut desk);
    let named = archive_in(&head(&mut alice));
    assert!(named.is_some());
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: false });
    talks(&mut alice, 900, 901);
    alice.elapse(MINUTE);
    assert_eq!(archive_in(&head(&mut alice)), named);
}
