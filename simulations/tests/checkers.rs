//! Every checker can fail: a core that is broken in one way is found out, under the name of what it broke. The same
//! world with sound cores holds.

use heirloom_sim::plays::{Play, circle, cold_start};
use heirloom_sim::settings::Settings;
use heirloom_sim::{Mutation, Property};

fn small(play: &Play, numbers: &[(&str, u64)], breaks: Option<Mutation>) -> Settings {
    let mut settings = Settings::usual(5, play.parameters);
    for (name, value) in numbers {
        settings.set(play.parameters, name, *value).expect("within its range");
    }
    settings.breaks = breaks;
    settings
}

/// A circle in which all that can be broken comes about.
fn circle(breaks: Option<Mutation>) -> Settings {
    let numbers = [
        ("nodes", 14),
        ("publishers", 2),
        ("statements", 12),
        ("duplicitous", u64::from(breaks == Some(Mutation::IsDeafToProofs))),
        ("storm_minutes", 12),
        ("settle_minutes", 60),
        ("crash_period_s", 240),
        ("replays", 100),
        ("skewed", 2),
    ];
    small(&circle::PLAY, &numbers, breaks)
}

fn broken(play: &Play, settings: &Settings) -> Option<(Property, String)> {
    (play.run)(settings).err().map(|failure| (failure.property, failure.what))
}

#[test]
fn sound_cores_hold() {
    assert_eq!(broken(&circle::PLAY, &circle(None)), None);
}

#[track_caller]
fn is_found_out(mutation: Mutation) {
    let (_, property) = Mutation::ALL.into_iter().find(|(of, _)| *of == mutation).expect("it is listed");
    let found = match mutation {
        // Only who fetched something has something to book: the newcomer of the story.
        Mutation::BooksTwice => broken(&cold_start::PLAY, &small(&cold_start::PLAY, &[("nodes", 4)], Some(mutation))),
        _ => broken(&circle::PLAY, &circle(Some(mutation))),
    };
    let (found, what) = found.unwrap_or_else(|| panic!("{mutation:?} is not found out"));
    assert_eq!(found, property, "{mutation:?}: {what}");
}

macro_rules! found_out {
    ($($name:ident: $mutation:ident),* $(,)?) => {
        $(#[test] fn $name() { is_found_out(Mutation::$mutation); })*

        #[test]
        fn every_mutation_is_tried() {
            assert_eq!([$(Mutation::$mutation),*].len(), Mutation::ALL.len());
            for (mutation, _) in Mutation::ALL {
                assert!([$(Mutation::$mutation),*].contains(&mutation), "{mutation:?}");
            }
        }
    };
}

found_out! {
    two_contents_with_one_number: ReusesNumbers,
    outputs_before_their_commit: SpeaksBeforeCommit,
    older_over_newer: RollsBack,
    what_nobody_signed: Invents,
    an_own_statement_lost_in_a_crash: LosesOwn,
    a_followed_statement_evicted: EvictsFollowed,
    blame_for_who_passes_on: BlamesAnybody,
    an_honest_key_accused: AccusesFalsely,
    a_quota_exceeded: ForgetsQuotas,
    trust_without_support: TrustsAnything,
    bytes_booked_twice: BooksTwice,
    a_follower_who_hears_nothing: IsDeaf,
    a_follower_without_the_proof: IsDeafToProofs,
}

#[test]
fn states_that_differ_are_found_out() {
    // Whoever is deaf holds another state than the others, which is asked for by itself.
    let settings = circle(Some(Mutation::IsDeaf));
    assert_eq!(circle::states_after(&settings).map_err(|failure| failure.property), Err(Property::EqualState));
    assert!(circle::states_after(&circle(None)).is_ok());
}
