//! Rings of fake keys, and all they can do: fool honest keys, praise one another, mimic, invent receipts, slander.

use std::ops::Range;

use proptest::prelude::*;

use super::dice::Dice;
use super::web::Web;

/// How fakes trust one another. The shapes are those of the metric's evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// The first trusts all others.
    Parallel,
    /// Each trusts the next.
    Serial,
    /// The first trusts all others, and they trust it.
    Cycle,
    /// Each trusts ten others, and praises three honest keys.
    Dense,
}

impl Topology {
    pub const ALL: [Self; 4] = [Self::Parallel, Self::Serial, Self::Cycle, Self::Dense];
}

/// A plan of attack. The same plan makes the same edges.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    pub topology: Topology,
    pub fakes: u32,
    /// How many honest keys, never roots, each trust one fake.
    pub attack_edges: u32,
    /// Whether those are the roots' closest friends, or anybody.
    pub targeted: bool,
    /// Whether the fooled also downloaded from the fakes.
    pub uploads: bool,
    /// Whether fakes trust those whom they fooled.
    pub reciprocated: bool,
    /// How many honest keys each fake praises.
    pub mimicry: u32,
    /// How many invented receipts each fake writes for others.
    pub receipts: u32,
    /// Further statements of any level, about anybody.
    pub invented: u32,
    pub seed: u64,
}

impl Ring {
    /// A ring that trusts itself and those whom it fooled, and says nothing else.
    pub fn of(topology: Topology, fakes: u32, attack_edges: u32, targeted: bool, seed: u64) -> Self {
        Self {
            topology,
            fakes,
            attack_edges,
            targeted,
            uploads: false,
            reciprocated: true,
            mimicry: 0,
            receipts: 0,
            invented: 0,
            seed,
        }
    }

    pub fn members(&self, web: &Web) -> Range<u32> {
        web.keys..web.keys + self.fakes
    }

    /// The honest keys that fall for it.
    pub fn fooled(&self, web: &Web) -> Vec<u32> {
        let mut dice = Dice::new(self.seed);
        let mut keys: Vec<u32> = (0..web.keys).filter(|key| !web.is_root(*key)).collect();
        dice.shuffle(&mut keys);
        if self.targeted {
            let of = |root: usize, key: u32| web.said.get(&(u32::try_from(root).unwrap(), key)).copied();
            let praise = |key: u32| (0..web.roots.len()).filter_map(|root| of(root, key)).fold(0.0, f64::max);
            keys.sort_by(|a, b| praise(*b).total_cmp(&praise(*a)));
        }
        keys.truncate(self.attack_edges as usize);
        keys
    }

    /// The web with attack edges, in which no fake ever says a word: what bounds are computed on.
    pub fn fool(&self, web: &Web) -> Web {
        let mut dice = Dice::new(self.seed ^ 1);
        let mut fooled = web.clone();
        for (honest, entry) in self.attack(web) {
            fooled.say(honest, entry, dice.pick(&[1.0, 1.0, 1.0, 0.5, 0.09]));
            if self.uploads {
                fooled.bytes.insert((honest, entry), 8);
            }
        }
        fooled
    }

    /// Who trusts which fake.
    fn attack(&self, web: &Web) -> Vec<(u32, u32)> {
        let entries = if self.topology == Topology::Dense { self.attack_edges.min(self.fakes) } else { 1 };
        self.fooled(web).into_iter().zip((0..entries).cycle().map(|entry| web.keys + entry)).collect()
    }

    /// The fooled web once the fakes speak.
    pub fn speak(&self, fooled: &Web) -> Web {
        let (mut web, mut dice) = (fooled.clone(), Dice::new(self.seed ^ 2));
        let members = self.members(fooled);
        let first = members.start;
        let honest = |dice: &mut Dice| dice.below(fooled.keys);
        let fake = |dice: &mut Dice| first + dice.below(self.fakes);
        for member in members.clone() {
            match self.topology {
                Topology::Parallel => web.say(first, member, 1.0),
                Topology::Serial if member + 1 < members.end => web.say(member, member + 1, 1.0),
                Topology::Serial => (),
                Topology::Cycle => {
                    web.say(first, member, 1.0);
                    web.say(member, first, 1.0);
                }
                Topology::Dense => {
                    (0..10).for_each(|_| web.say(member, fake(&mut dice), 1.0));
                    (0..3).for_each(|_| web.say(member, honest(&mut dice), 1.0));
                }
            }
            (0..self.mimicry).for_each(|_| web.say(member, honest(&mut dice), 1.0));
            for _ in 0..self.receipts {
                let other = fake(&mut dice);
                if other != member {
                    web.bytes.insert((member, other), 200);
                }
            }
        }
        for _ in 0..self.invented {
            let (from, level) = (fake(&mut dice), dice.pick(&[-1.0, -0.3, 0.01, 0.4, 1.0]));
            let about = dice.below(members.end);
            web.say(from, about, level);
        }
        if self.reciprocated {
            self.attack(fooled).into_iter().for_each(|(honest, entry)| web.say(entry, honest, 1.0));
        }
        web
    }
}

/// Small rings with every trick.
pub fn rings() -> impl Strategy<Value = Ring> {
    let topology = prop::sample::select(Topology::ALL.to_vec());
    let size = prop_oneof![1 => 1..=3_u32, 4 => 4..80_u32];
    let tricks = (any::<bool>(), prop::bool::weighted(0.3), any::<bool>(), 0..4_u32, 0..3_u32, 0..60_u32);
    (topology, size, 1..=20_u32, tricks, any::<u64>()).prop_map(|(topology, fakes, attack_edges, tricks, seed)| {
        let (targeted, uploads, reciprocated, mimicry, receipts, invented) = tricks;
        Ring { topology, fakes, attack_edges, targeted, uploads, reciprocated, mimicry, receipts, invented, seed }
    })
}
