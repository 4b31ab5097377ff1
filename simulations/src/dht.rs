//! The DHT: a few nodes that keep BEP44 items by its rules, and some that lie.

use crate::dice::Dice;
use crate::faults::Faults;
use heirloom_proto::Sha256;
use heirloom_proto::dht::Item;
use std::collections::BTreeMap;
use std::time::Duration;

/// Nodes of the DHT.
const NODES: usize = 24;
/// Nodes nearest to a target, which keep its item.
const REPLICAS: usize = 8;
/// When an item that nobody puts again is gone (BEP44).
const FADES_AFTER: Duration = Duration::from_secs(2 * 3600);
/// Longer than a BEP44 value may be.
const TOO_LONG: usize = 1200;

type Spot = ([u8; 32], Vec<u8>);

#[derive(Debug, Default)]
struct Keeper {
    is_hostile: bool,
    items: BTreeMap<Spot, (Item, Duration)>,
    /// What it first saw at a place: served for ever by a hostile one.
    oldest: BTreeMap<Spot, Item>,
}

/// How a put went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    Stored(usize),
    NotStored { newer_exists: bool },
}

#[derive(Debug)]
pub(crate) struct Dht(Vec<Keeper>);

impl Dht {
    /// `hostile` nodes of all lie when lies are on.
    pub(crate) fn new(hostile: usize, dice: &mut Dice) -> Self {
        let mut keepers: Vec<Keeper> = (0..NODES).map(|_| Keeper::default()).collect();
        for _ in 0..hostile {
            let at = dice.index(NODES);
            keepers[at].is_hostile = true;
        }
        Self(keepers)
    }

    /// The nodes that keep an item.
    fn nearest(&self, (key, salt): &Spot) -> Vec<usize> {
        let distance = |node: &usize| {
            let mut bytes = key.to_vec();
            bytes.extend_from_slice(salt);
            bytes.extend_from_slice(&node.to_be_bytes());
            Sha256::of(&bytes)
        };
        let mut nodes: Vec<usize> = (0..self.0.len()).collect();
        nodes.sort_by_key(distance);
        nodes.truncate(REPLICAS);
        nodes
    }

    pub(crate) fn put(&mut self, now: Duration, item: &Item, faults: &Faults, dice: &mut Dice) -> PutOutcome {
        let spot = (item.key, item.salt.clone());
        let (mut acknowledged, mut newer) = (0, 0);
        for node in self.nearest(&spot) {
            if dice.happens(faults.loss) {
                continue;
            }
            let keeper = &mut self.0[node];
            keeper.oldest.entry(spot.clone()).or_insert_with(|| item.clone());
            let held = keeper.items.get(&spot).filter(|(_, at)| now.saturating_sub(*at) < FADES_AFTER);
            let loses =
                held.is_some_and(|(held, _)| held.seq > item.seq || (held.seq == item.seq && held.value != item.value));
            if loses {
                newer += 1;
            } else {
                keeper.items.insert(spot.clone(), (item.clone(), now));
                acknowledged += 1;
            }
        }
        if acknowledged > newer {
            PutOutcome::Stored(acknowledged)
        } else {
            PutOutcome::NotStored { newer_exists: newer > 0 }
        }
    }

    /// Different answers, in the order in which the nodes are near.
    pub(crate) fn get(&self, now: Duration, key: [u8; 32], salt: &[u8], faults: &Faults, dice: &mut Dice) -> Vec<Item> {
        let spot = (key, salt.to_vec());
        let mut answers: Vec<Item> = Vec::new();
        for node in self.nearest(&spot) {
            if dice.happens(faults.loss) {
                continue;
            }
            let keeper = &self.0[node];
            let held = keeper.items.get(&spot).filter(|(_, at)| now.saturating_sub(*at) < FADES_AFTER);
            let honest = held.map(|(item, _)| item.clone());
            let answer =
                if keeper.is_hostile && dice.happens(faults.lies) { keeper.lie(&spot, honest, dice) } else { honest };
            if let Some(answer) = answer.filter(|item| !answers.contains(item)) {
                answers.push(answer);
            }
        }
        answers
    }
}

impl Keeper {
    fn lie(&self, spot: &Spot, honest: Option<Item>, dice: &mut Dice) -> Option<Item> {
        match dice.below(5) {
            0 => self.oldest.get(spot).cloned(),
            1 => honest.map(|mut item| {
                let at = dice.index(item.value.len());
                if let Some(byte) = item.value.get_mut(at) {
                    *byte ^= 1;
                }
                item
            }),
            2 => honest.map(|item| Item { value: vec![b'x'; TOO_LONG], ..item }),
            3 => self.items.values().map(|(item, _)| item).find(|item| item.key != spot.0).cloned(),
            _ => None,
        }
    }
}
