//! What a run came to: a table for people, JSON for programs, plots.

mod plot;

use crate::scenario::{Bound, Scenario};
use crate::settings::Settings;
use crate::world::Failure;
use heirloom_proto::Sha256;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What every report says of what lies under it.
pub const MODELS: &str = "cores are real, everything around them is a model: network, gossip mesh, DHT, torrents, disks \
and clocks; their limits are in simulations/README.md";

/// A line of a plot.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// A plot.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// Name of its file, without the ending.
    pub name: &'static str,
    /// What it shows.
    pub title: String,
    /// What goes to the right, with its unit.
    pub x: &'static str,
    /// What goes up, with its unit.
    pub y: &'static str,
    /// What is drawn.
    pub lines: Vec<Line>,
}

/// What a play measured.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Figures by name.
    pub figures: BTreeMap<&'static str, f64>,
    /// Plots.
    pub plots: Vec<Plot>,
    /// Digest of the trace.
    pub digest: Sha256,
    /// Steps that cores took.
    pub steps: u64,
    /// Virtual time that passed.
    pub lasted: Duration,
    /// The trace, if it was kept.
    pub trace: Vec<String>,
    /// What a program may want beyond figures: who is admitted, ranks.
    pub details: Value,
}

impl Outcome {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(digest: Sha256, steps: u64, lasted: Duration) -> Self {
        let (figures, plots, trace) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { figures, plots, digest, steps, lasted, trace, details: Value::Null }
    }

    /// With what a world came to.
    #[must_use]
    pub fn of(world: &crate::World) -> Self {
        let trace = world.trace().whole().to_vec();
        Self { trace, ..Self::new(world.trace().digest(), world.steps(), world.now()) }
    }

    /// Adds a figure.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: f64) -> Self {
        self.figures.insert(name, value);
        self
    }
}

/// A run and its verdict.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// Of what.
    pub scenario: &'a Scenario,
    /// With which numbers.
    pub settings: &'a Settings,
    /// What came of it.
    pub result: &'a Result<Outcome, Failure>,
}

impl Report<'_> {
    /// Bounds with their figures, and whether they held.
    fn rows(&self) -> Vec<(&'static str, &'static str, f64, Option<Bound>, bool)> {
        let Ok(outcome) = self.result else { return Vec::new() };
        let row = |figure: &crate::settings::Figure| {
            let bound = self.scenario.bounds.get(figure.name).copied();
            let value = outcome.figures.get(figure.name).copied();
            // A bound on what was not measured does not hold.
            let value = value.or(bound.map(|_| f64::NAN))?;
            Some((figure.name, figure.unit, value, bound, bound.is_none_or(|bound| bound.holds(value))))
        };
        self.scenario.play.figures.iter().filter_map(row).collect()
    }

    /// Whether no property broke and every bound held.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.result.is_ok() && self.rows().iter().all(|(.., holds)| *holds)
    }

    /// What failed, in a line each.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let seed = self.settings.seed;
        match self.result {
            Err(failure) => vec![format!(
                "property {} broke: seed {seed}, step {}, {:.3} s: {}",
                failure.property,
                failure.step,
                failure.at.as_secs_f64(),
                failure.what
            )],
            Ok(outcome) => self
                .rows()
                .iter()
                .filter(|(.., holds)| !holds)
                .map(|(name, unit, value, bound, _)| {
                    let bound = bound.map(|bound| bound.text()).unwrap_or_default();
                    let at = format!("seed {seed}, step {} (the end)", outcome.steps);
                    format!("bound {name} failed: {} {unit} is not {bound}: {at}", round(*value))
                })
                .collect(),
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { scenario, settings, result } = self;
        let mut text = format!("{}: {}\n", scenario.name, scenario.about);
        text.push_str(&format!("play {}, seed {}\n", scenario.play.name, settings.seed));
        let numbers: Vec<String> = settings.all().map(|(name, value)| format!("{name}={value}")).collect();
        text.push_str(&wrapped(&numbers));
        text.push_str(&format!("models: {MODELS}\n"));
        if let Ok(outcome) = result {
            text.push_str(&format!(
                "{} steps, {:.1} virtual hours, trace {}\n\n",
                outcome.steps,
                outcome.lasted.as_secs_f64() / 3600.0,
                outcome.digest
            ));
            let head = ("figure", "value", "bound", "");
            text.push_str(&format!("{:<32} {:>14}  {:<22} {}\n", head.0, head.1, head.2, head.3));
            for (name, unit, value, bound, holds) in self.rows() {
                let bound_text = bound.map(|bound| bound.text()).unwrap_or_default();
                let verdict = match (bound, holds) {
                    (None, _) => "",
                    (_, true) => "held",
                    (_, false) => "FAILED",
                };
                let value = format!("{} {unit}", round(value));
                text.push_str(format!("{name:<32} {:>14}  {bound_text:<22} {verdict}", value.trim()).trim_end());
                text.push('\n');
            }
        }
        for complaint in self.complaints() {
            text.push_str(&format!("\nFAILED {complaint}\n"));
        }
        if let Err(failure) = result {
            text.push_str(&format!("the last of the trace:\n{}\n", failure.tail));
        }
        text.push_str(if self.is_good() { "\npassed\n" } else { "\nfailed\n" });
        text
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let settings: BTreeMap<&str, u64> = self.settings.all().collect();
        let mut json = json!({
            "scenario": self.scenario.name,
            "play": self.scenario.play.name,
            "seed": self.settings.seed,
            "set": settings,
            "models": MODELS,
            "passed": self.is_good(),
            "complaints": self.complaints(),
        });
        match self.result {
            Ok(outcome) => {
                let figures: BTreeMap<&str, Value> = self
                    .rows()
                    .into_iter()
                    .map(|(name, unit, value, bound, holds)| {
                        let bound = bound.map(|bound| json!({"least": bound.least, "most": bound.most, "held": holds}));
                        (name, json!({"value": value, "unit": unit, "bound": bound}))
                    })
                    .collect();
                json["figures"] = json!(figures);
                json["steps"] = json!(outcome.steps);
                json["virtual_seconds"] = json!(outcome.lasted.as_secs_f64());
                json["trace"] = json!(outcome.digest.to_string());
                json["details"] = outcome.details.clone();
            }
            Err(failure) => {
                json["broken"] = json!({
                    "property": failure.property.name(),
                    "step": failure.step,
                    "virtual_seconds": failure.at.as_secs_f64(),
                    "what": failure.what,
                });
            }
        }
        json
    }

    /// Writes report.txt, report.json and the plots into a folder.
    ///
    /// # Errors
    /// One sentence when it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), String> {
        let save = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
        };
        save("report.txt", &self.text())?;
        save("report.json", &format!("{:#}\n", self.json()))?;
        for plot in self.result.iter().flat_map(|outcome| &outcome.plots) {
            save(&format!("{}.svg", plot.name), &plot.svg()?)?;
        }
        Ok(())
    }
}

/// Four significant digits at least, and no more than people read.
fn round(value: f64) -> String {
    if value.fract().abs() < 1e-9 && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.01 => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

/// Words in lines of a hundred characters.
fn wrapped(words: &[String]) -> String {
    let (mut text, mut line) = (String::new(), String::new());
    for word in words {
        if line.len() + word.len() > 100 {
            text.push_str(&format!("  {}\n", line.trim()));
            line.clear();
        }
        line.push_str(word);
        line.push(' ');
    }
    text.push_str(&format!("  {}\n", line.trim()));
    text
}
