//! What a key's page shows: what it said, newest first, and nobody's private words.

use crate::rig::*;
use heirloom_core::command::{Command, Reply, Skip};
use heirloom_core::views::About;
use heirloom_proto::Key;
use heirloom_proto::body::Opinion;

fn about(of: &mut Person, key: Key) -> About {
    about_after(of, key, Skip::default())
}

fn about_after(of: &mut Person, key: Key, skip: Skip) -> About {
    match of.must(Command::About { key, skip }) {
        Reply::About(about) => *about,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_shown_by_what_it_said_newest_first() {
    let (mut alice, bob) = (person("alice"), signer("bob"));
    alice.accept(&bob.says(1, START, &listing(bunny(), 1)));
    alice.accept(&bob.says(2, START, &listing(sintel(), 2)));
    let bobs = about(&mut alice, bob.key());
    assert!(!bobs.is_me);
    assert_eq!((bobs.listings.1, bobs.attestations.1, bobs.verdicts.1), (2, 0, 0));
    let works: Vec<_> = bobs.listings.0.iter().map(|row| row.work.clone()).collect();
    assert_eq!(works, [sintel(), bunny()]);
    for (listings, left) in [(1, vec![bunny()]), (2, vec![]), (usize::MAX, vec![])] {
        let rest = about_after(&mut alice, bob.key(), Skip { listings, ..Skip::default() });
        let works: Vec<_> = rest.listings.0.iter().map(|row| row.work.clone()).collect();
        assert_eq!((works, rest.listings.1), (left, 2), "the count is of all");
    }

    alice.judge(1, Opinion::Good);
    let me = alice.key();
    let own = about(&mut alice, me);
    assert!(own.is_me);
    assert_eq!(own.verdicts.0.iter().map(|row| row.opinion).collect::<Vec<_>>(), [Opinion::Good]);
    assert_eq!(about(&mut alice, signer("eve").key()).listings.1, 0, "who said nothing has an empty page");
}
