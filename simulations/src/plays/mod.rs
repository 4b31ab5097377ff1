//! What can be played: each play runs a kind of story with real cores and measures it.

pub mod catching_up;
pub mod circle;
pub mod cold_start;
pub mod growth;
pub mod in_the_dark;
pub mod joining;
pub mod ring;
pub mod schedules;

use crate::report::Outcome;
use crate::settings::{Figure, Parameter, Settings};
use crate::world::Failure;

/// A play.
#[derive(Debug)]
pub struct Play {
    /// Its name in scenario files.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// The numbers that it can be told.
    pub parameters: &'static [Parameter],
    /// The figures that it measures.
    pub figures: &'static [Figure],
    /// Whether numbers that are in their ranges make sense together; if not, what to do.
    pub check: fn(&Settings) -> Result<(), String>,
    /// Plays it.
    pub run: fn(&Settings) -> Result<Outcome, Failure>,
}

/// Every play.
pub const ALL: [&Play; 8] = [
    &circle::PLAY,
    &cold_start::PLAY,
    &catching_up::PLAY,
    &growth::PLAY,
    &in_the_dark::PLAY,
    &joining::PLAY,
    &ring::PLAY,
    &schedules::PLAY,
];

/// The play of that name.
///
/// # Errors
/// One sentence when there is none.
pub fn named(name: &str) -> Result<&'static Play, String> {
    let found = ALL.into_iter().find(|play| play.name == name);
    let known = || ALL.map(|play| play.name).join(", ");
    found.ok_or_else(|| format!("{name:?} is no play: use {}", known()))
}

/// A number as a figure.
fn float(number: u64) -> f64 {
    // Below 2^53, all of them.
    number as f64
}

/// A part of a whole; 1 of nothing.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { float(part) / float(whole) }
}

/// The value below which so many of a hundred lie.
fn percentile(values: &mut [std::time::Duration], percent: usize) -> std::time::Duration {
    values.sort_unstable();
    let at = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(at).copied().unwrap_or_default()
}
