//! What goes wrong, as parameters.

use crate::dice::{Dice, PerMille};
use std::time::Duration;

/// How bad the world is. [`Faults::NONE`] is a good one, [`Faults::draw`] a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Least and most time that a message takes.
    pub latency: (Duration, Duration),
    /// Messages of gossip, and requests to single DHT nodes, that are lost.
    pub loss: PerMille,
    /// Messages of gossip that arrive twice.
    pub duplication: PerMille,
    /// Messages of gossip that are late, so that later ones overtake them.
    pub reordering: PerMille,
    /// Bytes that a node can send, and receive, in a second; 0: any number.
    pub bytes_per_s: u64,
    /// Gossip in which a bit is turned on the way.
    pub corruption: PerMille,
    /// Floods after which a peer repeats some old message of anybody.
    pub replays: PerMille,
    /// Orders to the DHT that are never answered at all.
    pub silence: PerMille,
    /// Answers of a hostile DHT node that are old, forged, too long or another key's, instead of none.
    pub lies: PerMille,
    /// Inputs between whose handling and commit the process is killed.
    pub kills_before_commit: PerMille,
    /// Inputs at whose commit the disk is full.
    pub full_disks: PerMille,
    /// Mean time between two crashes of one node; zero: none.
    pub crash_period: Duration,
    /// Crashes that are power cuts: what was not synced is lost.
    pub power_cuts: PerMille,
    /// Whether gossip and sync reach only nodes of the same half.
    pub is_split: bool,
}

impl Faults {
    /// Latency only.
    pub const NONE: Self = Self {
        latency: (Duration::from_millis(5), Duration::from_millis(150)),
        loss: 0,
        duplication: 0,
        reordering: 0,
        bytes_per_s: 0,
        corruption: 0,
        replays: 0,
        silence: 0,
        lies: 0,
        kills_before_commit: 0,
        full_disks: 0,
        crash_period: Duration::ZERO,
        power_cuts: 0,
        is_split: false,
    };

    /// A bad world: loss up to 30 %, latency up to 2 s, crashes, lies (ranges of `security.md` §10).
    #[must_use]
    pub fn draw(dice: &mut Dice) -> Self {
        Self {
            latency: (Duration::from_millis(1), Duration::from_millis(20 + dice.below(1980))),
            loss: dice.below(301),
            duplication: 0,
            reordering: 0,
            bytes_per_s: 0,
            corruption: dice.below(31),
            replays: dice.below(301),
            silence: dice.below(101),
            lies: dice.below(801),
            kills_before_commit: dice.below(6),
            full_disks: dice.below(4),
            crash_period: Duration::from_secs(60 + dice.below(600)),
            power_cuts: dice.below(501),
            is_split: dice.happens(300),
        }
    }
}
