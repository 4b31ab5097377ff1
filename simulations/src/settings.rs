//! The numbers of a run: what a play can be told, with ranges, and what it measures.

use crate::world::Mutation;
use std::collections::BTreeMap;

/// One number that a play can be told.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Name in scenario files and after `--set`.
    pub name: &'static str,
    /// What it is unless it is told.
    pub usual: u64,
    /// Smallest that makes sense.
    pub least: u64,
    /// Largest that a machine of 16 GB carries, or that makes sense.
    pub most: u64,
    /// What it means, with its unit.
    pub about: &'static str,
}

/// Short form of a [`Parameter`].
#[must_use]
pub const fn number(name: &'static str, usual: u64, (least, most): (u64, u64), about: &'static str) -> Parameter {
    Parameter { name, usual, least, most, about }
}

/// One number that a play measures, and a scenario may bound.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Name in scenario files and reports.
    pub name: &'static str,
    /// Unit, or empty for counts and shares.
    pub unit: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// Short form of a [`Figure`].
#[must_use]
pub const fn figure(name: &'static str, unit: &'static str, about: &'static str) -> Figure {
    Figure { name, unit, about }
}

/// What one run is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seed of everything.
    pub seed: u64,
    /// Keep the whole trace.
    pub keeps_trace: bool,
    /// Break a node on purpose.
    pub breaks: Option<Mutation>,
    values: BTreeMap<&'static str, u64>,
}

impl Settings {
    /// The usual numbers of a play.
    #[must_use]
    pub fn usual(seed: u64, parameters: &[Parameter]) -> Self {
        let values = parameters.iter().map(|parameter| (parameter.name, parameter.usual)).collect();
        Self { seed, keeps_trace: false, breaks: None, values }
    }

    /// Sets a number.
    ///
    /// # Errors
    /// One sentence that says what to do, for an unknown name or a number out of its range.
    pub fn set(&mut self, parameters: &[Parameter], name: &str, value: u64) -> Result<(), String> {
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
            let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
            return Err(format!("{name:?} is no number of this play: use one of {}", known.join(", ")));
        };
        if !(parameter.least..=parameter.most).contains(&value) {
            let Parameter { least, most, .. } = parameter;
            return Err(format!("{name} must be from {least} to {most}, not {value}"));
        }
        self.values.insert(parameter.name, value);
        Ok(())
    }

    /// A number.
    ///
    /// # Panics
    /// When the play does not name it among its parameters.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        // PANIC: a slip in a play, which its first run shows.
        *self.values.get(name).unwrap_or_else(|| panic!("{name} is no parameter of this play"))
    }

    /// A number as a count.
    ///
    /// # Panics
    /// As [`Settings::get`].
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        usize::try_from(self.get(name)).unwrap_or(usize::MAX)
    }

    /// A number of seconds, milliseconds or minutes as a time, by the end of its name.
    ///
    /// # Panics
    /// As [`Settings::get`].
    #[must_use]
    pub fn time(&self, name: &str) -> std::time::Duration {
        let value = self.get(name);
        match name.rsplit('_').next() {
            Some("ms") => std::time::Duration::from_millis(value),
            Some("minutes") => std::time::Duration::from_secs(value * 60),
            Some("hours") => std::time::Duration::from_secs(value * 3600),
            _ => std::time::Duration::from_secs(value),
        }
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.values.iter().map(|(name, value)| (*name, *value))
    }
}
