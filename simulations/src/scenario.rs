//! Scenario files: which play, its numbers, its seeds, and the bounds that its figures must keep. TOML.

use crate::plays::{self, Play};
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::path::Path;
use toml::{Table, Value};

/// Longest scenario file in bytes: hundreds of times what one needs.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Most seeds of a file.
const SEEDS_MAX: usize = 10_000;

/// The keys of a scenario file.
const KEYS: [&str; 7] = ["name", "about", "play", "seeds", "set", "smoke", "bounds"];

/// What a figure must keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// No less than this.
    pub least: Option<f64>,
    /// No more than this.
    pub most: Option<f64>,
}

impl Bound {
    /// Whether a value keeps it. What is no number keeps nothing.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        value.is_finite() && self.least.is_none_or(|least| value >= least) && self.most.is_none_or(|most| value <= most)
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        match (self.least, self.most) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => String::new(),
        }
    }
}

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// What is played.
    pub play: &'static Play,
    /// Seeds that it is played with unless others are asked for.
    pub seeds: Vec<u64>,
    /// Numbers, over the usual ones of the play.
    set: BTreeMap<String, u64>,
    /// Smaller numbers for a quick run, over those.
    smoke: BTreeMap<String, u64>,
    /// Bounds by figure.
    pub bounds: BTreeMap<String, Bound>,
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// One sentence that says what is wrong and what to do.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let len = std::fs::metadata(path).map_err(|error| format!("{shown} cannot be read: {error}"))?.len();
        if len > FILE_BYTES_MAX {
            return Err(format!("{shown} is {len} bytes long: a scenario has at most {FILE_BYTES_MAX}"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        Self::parse(&text).map_err(|why| format!("{shown}: {why}"))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// One sentence that says what is wrong and what to do.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].lines().count().max(1));
            format!("not TOML at line {line}: {}", error.message().replace('\n', ", "))
        })?;
        if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("unknown key {unknown:?}: use {}", KEYS.join(", ")));
        }
        let name = string(&table, "name")?;
        let play = plays::named(&string(&table, "play")?)?;
        let scenario = Self {
            name,
            about: string(&table, "about")?,
            play,
            seeds: seeds(&table)?,
            set: numbers(&table, "set")?,
            smoke: numbers(&table, "smoke")?,
            bounds: bounds(&table, play)?,
        };
        // Numbers that make no sense are found before anything runs.
        for is_smoke in [false, true] {
            let settings = scenario.settings(0, is_smoke, &[])?;
            (play.check)(&settings)?;
        }
        Ok(scenario)
    }

    /// What a run with a seed is told.
    ///
    /// # Errors
    /// One sentence for a number that is unknown or out of its range.
    pub fn settings(&self, seed: u64, is_smoke: bool, more: &[(String, u64)]) -> Result<Settings, String> {
        let mut settings = Settings::usual(seed, self.play.parameters);
        let smoke = self.smoke.iter().filter(|_| is_smoke);
        for (name, value) in self.set.iter().chain(smoke) {
            settings.set(self.play.parameters, name, *value)?;
        }
        for (name, value) in more {
            settings.set(self.play.parameters, name, *value)?;
        }
        Ok(settings)
    }
}

fn string(table: &Table, key: &str) -> Result<String, String> {
    match table.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Some(_) => Err(format!("{key} must be a text")),
        None => Err(format!("{key} is missing")),
    }
}

fn whole(value: &Value, what: &str) -> Result<u64, String> {
    let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| match value {
        Value::Integer(number) => format!("{what} must be a whole number from 0, not {number}"),
        other => format!("{what} must be a whole number from 0, not a {}", other.type_str()),
    })
}

fn seeds(table: &Table) -> Result<Vec<u64>, String> {
    let Some(value) = table.get("seeds") else { return Err("seeds is missing: name one at least".into()) };
    let list = value.as_array().filter(|list| !list.is_empty() && list.len() <= SEEDS_MAX);
    let list = list.ok_or_else(|| format!("seeds must be a list of 1 to {SEEDS_MAX} whole numbers"))?;
    list.iter().map(|seed| whole(seed, "a seed")).collect()
}

fn numbers(table: &Table, key: &str) -> Result<BTreeMap<String, u64>, String> {
    match table.get(key) {
        None => Ok(BTreeMap::new()),
        Some(Value::Table(set)) => {
            set.iter().map(|(name, value)| Ok((name.clone(), whole(value, &format!("{key}.{name}"))?))).collect()
        }
        Some(_) => Err(format!("{key} must be a table of whole numbers")),
    }
}

fn bounds(table: &Table, play: &Play) -> Result<BTreeMap<String, Bound>, String> {
    let Some(Value::Table(set)) = table.get("bounds") else {
        return Err("[bounds] is missing: a scenario without any shows nothing".into());
    };
    if set.is_empty() {
        return Err("[bounds] is empty: a scenario without any shows nothing".into());
    }
    let mut bounds = BTreeMap::new();
    for (name, value) in set {
        if play.figures.iter().all(|figure| figure.name != name) {
            let known: Vec<&str> = play.figures.iter().map(|figure| figure.name).collect();
            return Err(format!("{name:?} is no figure of play {}: use {}", play.name, known.join(", ")));
        }
        let wrong = || format!("bounds.{name} must be {{ least = … }}, {{ most = … }} or both, with numbers");
        let ends = value.as_table().filter(|ends| !ends.is_empty()).ok_or_else(wrong)?;
        let end = |key: &str| match ends.get(key) {
            None => Ok(None),
            Some(Value::Float(number)) if number.is_finite() => Ok(Some(*number)),
            // Bounds are far below 2^53.
            Some(Value::Integer(number)) => i32::try_from(*number).map(|n| Some(f64::from(n))).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        };
        if ends.keys().any(|key| key != "least" && key != "most") {
            return Err(wrong());
        }
        bounds.insert(name.clone(), Bound { least: end("least")?, most: end("most")? });
    }
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "name = \"n\"\nabout = \"a\"\nplay = \"circle\"\nseeds = [1]\n[bounds]\nheard_share = { least = 1.0 }\n";

    #[test]
    fn a_good_file_is_read() {
        let scenario = Scenario::parse(&format!("{GOOD}[set]\nnodes = 30\n[smoke]\nnodes = 20\n")).expect("good");
        let nodes = |is_smoke, more: &[(String, u64)]| {
            scenario.settings(7, is_smoke, more).map(|settings| settings.get("nodes"))
        };
        assert_eq!((nodes(false, &[]), nodes(true, &[])), (Ok(30), Ok(20)));
        assert_eq!(nodes(true, &[("nodes".into(), 25)]), Ok(25));
        assert!(nodes(false, &[("nodes".into(), 0)]).is_err_and(|why| why.contains("from 2 to")));
        assert!(nodes(false, &[("nodes_x".into(), 9)]).is_err_and(|why| why.contains("no number of this play")));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        for (change, expected) in [
            (GOOD.replace("seeds", "seed_x"), "unknown key \"seed_x\""),
            (GOOD.replace("[1]", "[]"), "seeds must be a list"),
            (GOOD.replace("[1]", "[-1]"), "a whole number"),
            (GOOD.replace("[1]", "1"), "seeds must be a list"),
            (GOOD.replace("\"circle\"", "\"circus\""), "no play"),
            (GOOD.replace("\"circle\"", "3"), "play must be a text"),
            (GOOD.replace("heard_share", "heard"), "no figure of play circle"),
            (GOOD.replace("least = 1.0", "lest = 1.0"), "must be { least"),
            (GOOD.replace("least = 1.0", "least = \"1\""), "must be { least"),
            (GOOD.replace("{ least = 1.0 }", "1.0"), "must be { least"),
            (GOOD.replace("name = \"n\"", "name = \"\""), "name must be a text"),
            (GOOD.replace("about = \"a\"\n", ""), "about is missing"),
            (format!("{GOOD}[set]\nnodes = 1\n"), "nodes must be from 2"),
            (format!("{GOOD}[set]\nnodes = 1.5\n"), "a whole number"),
            (format!("{GOOD}[set]\nnodes = 10\npublishers = 11\n"), "publishers"),
            (format!("{GOOD}[smoke]\nno_such = 1\n"), "no number of this play"),
            ("a = [".to_owned(), "not TOML at line 1"),
            (GOOD.split("[bounds]").next().expect("a head").to_owned(), "[bounds] is missing"),
        ] {
            let why = Scenario::parse(&change).expect_err(&change);
            assert!(why.contains(expected) && !why.contains('\n'), "{why}");
        }
    }

    #[test]
    fn bounds_hold_between_their_ends_and_for_numbers_only() {
        let bound = Bound { least: Some(1.0), most: Some(2.0) };
        assert!(bound.holds(1.0) && bound.holds(2.0) && !bound.holds(0.9) && !bound.holds(2.1));
        assert!(!bound.holds(f64::NAN) && !Bound { least: Some(0.0), most: None }.holds(f64::INFINITY));
    }
}
