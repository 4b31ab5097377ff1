//! A release that turns out to be another one than was signed: refused, noted, shown, and held against its listers.

use crate::rig::*;
use heirloom_core::command::{Choice, Command, Fault, Subject, Wanted};
use heirloom_core::io::{Input, TorrentEvent, TorrentOrder};
use heirloom_core::views::LedgerBy;
use heirloom_graph::Band;
use heirloom_proto::body::{Level, Opinion};
use heirloom_proto::{Body, Sha256};

/// The listing of a release whose torrent has this digest.
fn listing_of(number: u8, digest: u8) -> Body {
    let Body::Listing(mut listing) = listing(bunny(), number) else { panic!("no listing") };
    listing.info_sha256 = Some(Sha256([digest; 32]));
    Body::Listing(listing)
}

fn get(number: u8, anyway: bool) -> Command {
    Command::Get { what: Wanted::Release(release(number)), to: None, anyway, choice: Choice::default() }
}

fn other_info(number: u8, found: u8) -> Input {
    Input::Torrent(TorrentEvent::OtherInfo { infohash: release(number), found: Sha256([found; 32]) })
}

fn disguised(number: u8) -> Input {
    Input::Torrent(TorrentEvent::Disguised { infohash: release(number), path: "film.mp4".to_owned() })
}

fn flags(alice: &mut Person, number: u8) -> Vec<&'static str> {
    let shown = alice.show(bunny());
    let of = shown.releases.iter().find(|row| row.infohash == release(number)).expect("it is listed");
    of.flags.iter().map(|flag| flag.name()).collect()
}

fn score(alice: &mut Person, of: &Signer) -> f64 {
    alice.trust_of(of.key()).map_or(0.0, |row| row.score)
}

fn arithmetic(alice: &mut Person, of: &Signer) -> String {
    alice.why(Subject::Key(of.key())).arithmetic
}

#[test]
fn another_torrent_than_was_signed_is_held_against_whoever_signed_it() {
    let (mut alice, bob, mallory, carol) = (person("alice"), signer("bob"), signer("mallory"), signer("carol"));
    alice.accept(&mallory.says(1, START, &listing_of(1, 9)));
    alice.accept(&bob.says(1, START, &listing_of(1, 1)));
    let mut unsigned = listing(bunny(), 1);
    let Body::Listing(of_carol) = &mut unsigned else { panic!("no listing") };
    of_carol.info_sha256 = None;
    alice.accept(&carol.says(1, START, &unsigned));
    alice.feed(other_info(1, 1));
    assert!(score(&mut alice, &mallory) < 0.0);
    assert!(score(&mut alice, &bob).abs() < 1e-9, "it is what he signed");
    assert!(score(&mut alice, &carol).abs() < 1e-9, "she signed none");
    let said = arithmetic(&mut alice, &mallory);
    assert!(said.contains("1 release that it lists was not what it signed") && said.contains("held against"), "{said}");
    assert!(!arithmetic(&mut alice, &bob).contains("not what it signed"));
    assert_eq!(alice.count("torrents_other_info"), 1);
    let refusals = alice.status().refusals;
    assert!(refusals.iter().any(|(row, _)| row.author == Some(mallory.key()) && row.reason == "torrents_other_info"));

    // It outlives a restart, and a rebuild.
    alice.restart();
    assert!(score(&mut alice, &mallory) < 0.0);
    alice.must(Command::Reindex);
    assert!(score(&mut alice, &mallory) < 0.0);

    // A listing that comes later is measured too, and one that is put right is forgiven.
    let dave = signer("dave");
    alice.accept(&dave.says(1, alice.now().wall, &listing_of(1, 8)));
    assert!(score(&mut alice, &dave) < 0.0);
    alice.accept(&mallory.says(2, alice.now().wall, &listing_of(1, 1)));
    assert!(score(&mut alice, &mallory) >= 0.0);
    assert!(!arithmetic(&mut alice, &mallory).contains("not what it signed"));
}

#[test]
fn what_was_found_to_be_another_torrent_is_not_fetched_again() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &listing_of(1, 9)));
    alice.must(get(1, false));
    assert_eq!(alice.torrent_orders().len(), 1);
    alice.feed(other_info(1, 1));
    let error = heirloom_core::command::CommandError::new(Fault::Refused, "info_mismatch", "not what was signed");
    alice.feed(Input::Torrent(TorrentEvent::Failed { infohash: release(1), error }));
    assert_eq!(flags(&mut alice, 1), ["other_info"]);
    let refused = alice.ask(get(1, false)).expect_err("it is another one");
    assert_eq!((refused.fault, refused.code), (Fault::Refused, "info_mismatch"));
    assert!(!refused.message.contains("--anyway"), "{}", refused.message);
    assert!(alice.torrent_orders().is_empty());
    // Nothing is held against whom I follow, but it is told.
    assert!(score(&mut alice, &bob) > 0.2);
    let said = arithmetic(&mut alice, &bob);
    assert!(said.contains("not what it signed") && !said.contains("held against"), "{said}");

    // Of a work, another release is taken.
    alice.accept(&bob.says(2, START, &listing(bunny(), 2)));
    alice.must(Command::Get { what: Wanted::Work(bunny()), to: None, anyway: false, choice: Choice::default() });
    let [TorrentOrder::Fetch { infohash, .. }] = &alice.torrent_orders()[..] else { panic!("no fetch") };
    assert_eq!(*infohash, release(2));

    // He lists it anew as it is.
    alice.accept(&bob.says(3, START, &listing_of(1, 1)));
    assert!(flags(&mut alice, 1).is_empty());
    alice.must(get(1, false));
    assert_eq!(alice.torrent_orders().len(), 1);
}

#[test]
fn a_program_under_the_name_of_a_video_ends_the_download_and_costs_its_listers() {
    let (mut alice, bob, mallory) = (person("alice"), signer("bob"), signer("mallory"));
    alice.accept(&mallory.says(1, START, &listing(bunny(), 1)));
    alice.must(get(1, false));
    let [TorrentOrder::Fetch { anyway: false, .. }] = alice.torrent_orders()[..] else { panic!("no fetch") };
    alice.feed(disguised(1));
    let [TorrentOrder::Refuse { infohash, error }] = &alice.torrent_orders()[..] else { panic!("it is fetched on") };
    assert_eq!((*infohash, error.code, error.fault), (release(1), "unsafe", Fault::Refused));
    assert!(error.message.contains("film.mp4"), "{}", error.message);
    assert_eq!(flags(&mut alice, 1), ["other_content"]);
    assert!(score(&mut alice, &mallory) < 0.0);
    // Not twice, for being judged too.
    let before = score(&mut alice, &mallory);
    alice.judge(1, Opinion::Fake);
    assert!((score(&mut alice, &mallory) - before).abs() < 1e-9);
    alice.judge(1, Opinion::Poor);

    // Its bytes buy nothing, unless the owner calls it good; then nothing is held against anybody either.
    alice.receive(1, 0, Some(mallory.key()), 1000);
    assert_eq!(alice.ledger(LedgerBy::Key).iter().map(|row| row.verified_bytes).sum::<u64>(), 0);
    assert!(alice.why(Subject::Release(release(1))).arithmetic.contains("holds something else than it says"));
    alice.judge(1, Opinion::Good);
    assert_eq!(alice.ledger(LedgerBy::Key)[0].verified_bytes, 1000);
    assert!(score(&mut alice, &mallory) >= 0.0);
    alice.judge(1, Opinion::Poor);

    // Its end that comes after does not make it a torrent of this node again.
    alice.feed(Input::Torrent(TorrentEvent::Finished { infohash: release(1), content: "/films/1".into() }));
    alice.restart();
    alice.feed(Input::Started { dht: false, torrents: true });
    assert!(alice.torrent_orders().is_empty());
    let refused = alice.ask(get(1, false)).expect_err("unsafe");
    assert_eq!(refused.code, "unsafe");
    // Whoever knows it gets it, and is not asked again.
    alice.must(get(1, true));
    let [TorrentOrder::Fetch { anyway: true, .. }] = alice.torrent_orders()[..] else { panic!("no fetch") };
    alice.feed(disguised(1));
    assert!(alice.torrent_orders().is_empty());

    // A release of a follow, of a work: the refusal names what it is, and a better one is taken.
    alice.follow(bob.key(), Level::HIGH);
    alice.accept(&bob.says(1, START, &listing(bunny(), 2)));
    alice.feed(disguised(2));
    let work = Command::Get { what: Wanted::Work(bunny()), to: None, anyway: false, choice: Choice::default() };
    assert_eq!(alice.ask(work.clone()).expect_err("unsafe").code, "unsafe");
    alice.accept(&bob.says(2, START, &listing(bunny(), 3)));
    alice.must(work);
    let [TorrentOrder::Fetch { infohash, .. }] = &alice.torrent_orders()[..] else { panic!("no fetch") };
    assert_eq!(*infohash, release(3));
    assert_eq!(alice.band_of(2), Band::Trusted, "a band says who stands behind it, a flag what was found");
}
