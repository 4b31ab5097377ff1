//! Who is who in a circle.

use crate::hand::Hand;
use crate::people::{
    BadCurator, ClockSkewed, Duplicitous, Forker, FreeRider, Person, Publisher, Reader, Slanderer, Spammer, SybilRing,
    Withholder,
};
use crate::settings::Settings;
use crate::sync::Lie;
use crate::world::{Failure, Mutation, NodeId, World};
use heirloom_proto::{Key, StatementId};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The sorts of people that take a seat beside publishers and readers.
const CHEATS: [&str; 8] =
    ["free_riders", "sybils", "slanderers", "spammers", "forkers", "duplicitous", "bad_curators", "withholders"];

/// Whether somebody plays by the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Honest,
    Cheat,
}

/// Everybody but readers without a role.
pub(super) fn seats(settings: &Settings) -> u64 {
    let cheats: u64 = CHEATS.iter().map(|name| settings.get(name)).sum();
    settings.get("publishers") + settings.get("skewed") + cheats
}

/// A forker that the play looks at too.
#[derive(Clone, Debug)]
struct Shared(Rc<RefCell<Forker>>);

impl Person for Shared {
    fn what(&self) -> &'static str {
        "forker"
    }

    fn node(&self) -> NodeId {
        self.0.borrow().node
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        self.0.borrow_mut().act(world)
    }
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) people: Vec<(Sort, Box<dyn Person>)>,
    pub(super) publishers: Vec<NodeId>,
    /// Honest readers whose clocks are right.
    pub(super) readers: Vec<NodeId>,
    /// Readers who want the film.
    pub(super) wanting: Vec<NodeId>,
    /// Who waits for whose word: honest readers whose clocks are right.
    pub(super) followers: Vec<(NodeId, Key)>,
    pub(super) bad_curators: Vec<BadCurator>,
    forkers: Vec<Shared>,
}

impl Cast {
    pub(super) fn new(settings: &Settings, world: &mut World) -> Self {
        let (mut people, mut seat): (Vec<(Sort, Box<dyn Person>)>, NodeId) = (Vec::new(), 0);
        let mut take = |name: &str| {
            let first = seat;
            seat += settings.count(name);
            first..seat
        };
        let turns = (settings.get("calm_minutes") + settings.get("storm_minutes")) * 2;
        let publishers: Vec<NodeId> = take("publishers").collect();
        let statements = settings.get("statements");
        // As much a turn in fine weather as in the storm.
        let left = statements + statements * settings.get("calm_minutes") / settings.get("storm_minutes").max(1);
        for node in &publishers {
            let person = Publisher { node: *node, left, turns_left: turns, has_film: *node == 0 };
            people.push((Sort::Honest, Box::new(person)));
        }
        let keys: Vec<Key> = publishers.iter().map(|node| world.key(*node)).collect();
        let mut cheats: Vec<(Sort, Box<dyn Person>)> = Vec::new();
        let mut cheat = |person: Box<dyn Person>| cheats.push((Sort::Cheat, person));
        take("free_riders").for_each(|node| cheat(Box::new(FreeRider { node })));
        for node in take("sybils") {
            let ring = (0..settings.count("ring_size")).map(|_| Hand::new(world.dice().bytes())).collect();
            cheat(Box::new(SybilRing { node, ring, words: 10 }));
        }
        take("slanderers").for_each(|node| cheat(Box::new(Slanderer { node, victims: keys.clone() })));
        for node in take("spammers") {
            let hand = Hand::new(world.dice().bytes());
            let words = settings.get("spam_per_minute").div_ceil(2);
            // Spammers take turns too: each has its part of the half minute.
            let turn = super::TURN / u32::try_from(settings.get("spammers").max(1)).unwrap_or(1);
            cheat(Box::new(Spammer { node, words, turn, hand, sent: 0 }));
        }
        let mut forkers = Vec::new();
        for node in take("forkers") {
            let hand = Hand::new(world.dice().bytes());
            forkers.push(Shared(Rc::new(RefCell::new(Forker { node, hand }))));
        }
        let waits = turns / 2;
        let mut contradictory = Vec::new();
        for node in take("duplicitous") {
            let hand = Hand::new(world.dice().bytes());
            contradictory.push(hand.key());
            cheat(Box::new(Duplicitous { node, hand, waits }));
        }
        let mut bad_curators = Vec::new();
        for node in take("bad_curators") {
            bad_curators.push(BadCurator { node, waits });
            cheat(Box::new(BadCurator { node, waits }));
        }
        for (number, node) in take("withholders").enumerate() {
            let lie = [Lie::Omit, Lie::Nothing, Lie::Endless][number % 3];
            cheat(Box::new(Withholder { node, lie }));
        }
        cheats.extend(forkers.iter().map(|forker| (Sort::Cheat, Box::new(forker.clone()) as Box<dyn Person>)));

        let extra: Vec<Key> = forkers.iter().map(|forker| forker.0.borrow().hand.key()).chain(contradictory).collect();
        let bad: Vec<Key> = bad_curators.iter().map(|curator| world.key(curator.node)).collect();
        let reader = |node: NodeId, wants_film: bool, world: &mut World| {
            let mut follows: BTreeSet<Key> = extra.iter().chain(&bad).copied().collect();
            for _ in 0..settings.count("follows") {
                follows.insert(keys[world.dice().index(keys.len())]);
            }
            Reader { node, follows: follows.into_iter().collect(), wants_film, turns: 0 }
        };
        for (number, node) in take("skewed").enumerate() {
            let skewed = ClockSkewed {
                reader: reader(node, false, world),
                skew: settings.time("skew_hours"),
                is_ahead: number % 2 == 0,
            };
            skewed.set(world);
            people.push((Sort::Honest, Box::new(skewed)));
        }
        let (mut readers, mut wanting, mut followers) = (Vec::new(), Vec::new(), Vec::new());
        for node in seat..settings.count("nodes") {
            let wants_film = node % 4 == 0;
            let reader = reader(node, wants_film, world);
            readers.push(node);
            wanting.extend(wants_film.then_some(node));
            // What a bad curator says is not waited for.
            followers.extend(reader.follows.iter().filter(|key| !bad.contains(key)).map(|key| (node, *key)));
            people.push((Sort::Honest, Box::new(reader)));
        }
        people.extend(cheats);
        Self { people, publishers, readers, wanting, followers, bad_curators, forkers }
    }

    /// What forkers stand by after all.
    pub(super) fn forkers(&self) -> Vec<(Key, BTreeSet<StatementId>)> {
        let of = |forker: &Shared| {
            let forker = forker.0.borrow();
            (forker.hand.key(), forker.hand.live())
        };
        self.forkers.iter().map(of).collect()
    }

    /// Forkers say once more where they stand, now that they can be heard.
    pub(super) fn settle(&mut self, world: &mut World) {
        self.forkers.iter().for_each(|forker| forker.0.borrow_mut().settles(world));
    }

    /// Whose core is broken on purpose: a publisher's where the property is about what one says.
    pub(super) fn to_break(&self, mutation: Mutation) -> NodeId {
        match mutation {
            Mutation::ReusesNumbers | Mutation::SpeaksBeforeCommit | Mutation::LosesOwn => self.publishers[0],
            // Somebody who fetched the film has something to book.
            Mutation::BooksTwice => self.wanting.first().or(self.readers.first()).copied().unwrap_or(0),
            _ => self.readers.first().copied().unwrap_or(0),
        }
    }

    /// How many of each sort there are.
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for (_, person) in &self.people {
            *counts.entry(person.what()).or_default() += 1;
        }
        counts
    }
}
