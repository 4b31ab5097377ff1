//! The words of the command line, checked.

use crate::checkers::Property;
use crate::world::Mutation;
use std::path::PathBuf;

/// What `heirloom-sim --help` prints.
pub const HELP: &str = "\
Runs real Heirloom cores in a modelled world with virtual time.

usage:
  heirloom-sim run FILE.toml [--seed N] [--set NAME=NUMBER]... [--smoke] [--out DIR] [--trace FILE] [--break PROPERTY]
  heirloom-sim list [DIR]       the scenarios of a folder (simulations/scenarios), with their bounds
  heirloom-sim explain [PLAY]   the plays, or the numbers and figures of one
  heirloom-sim story FIRST COUNT [calm|stormy]    the story of a newcomer, for COUNT seeds from FIRST
  heirloom-sim sync FIRST COUNT                   somebody who comes late, the same

options of run:
  --seed N            this seed; otherwise every seed that the file names
  --set NAME=NUMBER   a number of the play; may be given again and again
  --smoke             the small numbers of the file
  --out DIR           where report.txt, report.json and the plots go; with several seeds, into DIR/seed-N
  --trace FILE        write every line of the trace (one seed only)
  --break PROPERTY    break one core on purpose: the run must fail, with that property

exit: 0 every bound and property held; 1 one did not: it is named, with seed and step; 2 the input is wrong
";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The help.
    Help,
    /// Run a scenario.
    Run(Run),
    /// List scenarios of a folder.
    List(PathBuf),
    /// Explain plays.
    Explain(Option<String>),
    /// Tell stories: first seed, how many, whether stormy.
    Story(u64, u64, bool),
    /// Catch up: first seed, how many.
    Sync(u64, u64),
}

/// How to run a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The file.
    pub file: PathBuf,
    /// The seed; `None`: those of the file.
    pub seed: Option<u64>,
    /// Numbers.
    pub set: Vec<(String, u64)>,
    /// The small numbers.
    pub is_smoke: bool,
    /// Where reports go.
    pub out: Option<PathBuf>,
    /// Where the trace goes.
    pub trace: Option<PathBuf>,
    /// What to break.
    pub breaks: Option<Mutation>,
}

fn number(text: &str, what: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{what} must be a whole number from 0, not {text:?}"))
}

/// A first seed and how many: none at all would check nothing, and past the last number there is no seed.
fn seeds(first: &str, count: &str) -> Result<(u64, u64), String> {
    let (from, many) = (number(first, "the first seed")?, number(count, "the count")?);
    if many == 0 || from.checked_add(many).is_none() {
        return Err(format!("the count must be from 1 to {}, not {count:?}", u64::MAX - from));
    }
    Ok((from, many))
}

impl Asked {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [] => Err("say what to do: heirloom-sim --help lists it".into()),
            ["--help" | "-h" | "help", ..] => Ok(Self::Help),
            [_, .., "--help" | "-h"] => Ok(Self::Help),
            ["run", ref rest @ ..] => run(rest).map(Self::Run),
            ["list"] => Ok(Self::List("simulations/scenarios".into())),
            ["list", folder] => Ok(Self::List(folder.into())),
            ["explain"] => Ok(Self::Explain(None)),
            ["explain", play] => Ok(Self::Explain(Some(play.to_owned()))),
            ["story", first, count, ref rest @ ..] => {
                let is_stormy = match rest {
                    [] | ["stormy"] => true,
                    ["calm"] => false,
                    other => return Err(format!("the weather is calm or stormy, not {:?}", other.join(" "))),
                };
                let (first, count) = seeds(first, count)?;
                Ok(Self::Story(first, count, is_stormy))
            }
            ["sync", first, count] => seeds(first, count).map(|(first, count)| Self::Sync(first, count)),
            ["story" | "sync", ..] => Err("give a first seed and a count, such as: story 0 64".into()),
            ["list", ..] | ["explain", ..] => Err("give one name at most".into()),
            [other, ..] => Err(format!("{other:?} is nothing that can be done: heirloom-sim --help lists what is")),
        }
    }
}

fn run(words: &[&str]) -> Result<Run, String> {
    let (mut asked, mut words, mut file) = (Run::default(), words.iter().copied(), None);
    while let Some(word) = words.next() {
        // `--seed=7` and `--seed 7` are the same; the value of --set has an equals sign of its own.
        let (name, mut given) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (word, None),
        };
        let mut value = || given.take().or_else(|| words.next()).ok_or_else(|| format!("{name} needs a value"));
        match name {
            "--seed" => asked.seed = Some(number(value()?, "--seed")?),
            "--set" => {
                let text = value()?;
                let (name, value) =
                    text.split_once('=').ok_or_else(|| format!("--set wants NAME=NUMBER, not {text:?}"))?;
                asked.set.push((name.to_owned(), number(value, name)?));
            }
            "--out" => asked.out = Some(value()?.into()),
            "--trace" => asked.trace = Some(value()?.into()),
            "--break" => asked.breaks = Some(mutation(value()?)?),
            "--smoke" if given.is_none() => asked.is_smoke = true,
            _ if name.starts_with("--") => {
                return Err(format!("{word} is no option of run: heirloom-sim --help lists them"));
            }
            _ if file.is_none() => file = Some(word),
            _ => return Err(format!("one scenario at a time: {word:?} is a second one")),
        }
    }
    asked.file = file.ok_or("name a scenario file, such as simulations/scenarios/churn.toml")?.into();
    Ok(asked)
}

fn mutation(name: &str) -> Result<Mutation, String> {
    let found = Mutation::ALL.into_iter().find(|(_, property)| property.name() == name);
    let known = || Mutation::ALL.map(|(_, property): (_, Property)| property.name()).join(", ");
    found
        .map(|(mutation, _)| mutation)
        .ok_or_else(|| format!("{name:?} is no property that can be broken: use {}", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Asked, String> {
        Asked::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let run = |text: &str| match parse(text) {
            Ok(Asked::Run(run)) => run,
            other => panic!("{text}: {other:?}"),
        };
        let asked = run("run a.toml --seed 7 --set nodes=9 --set=loss=3 --smoke --out d --trace=t --break no-rollback");
        assert_eq!(asked.seed, Some(7));
        assert_eq!(asked.set, [("nodes".to_owned(), 9), ("loss".to_owned(), 3)]);
        assert!(asked.is_smoke && asked.out == Some("d".into()) && asked.trace == Some("t".into()));
        assert_eq!(asked.breaks, Some(Mutation::RollsBack));
        assert_eq!(run("run --seed=7 a.toml"), Run { file: "a.toml".into(), seed: Some(7), ..Run::default() });
        assert_eq!(parse("story 1 2 calm"), Ok(Asked::Story(1, 2, false)));
        assert_eq!(parse("sync 1 2"), Ok(Asked::Sync(1, 2)));
        assert_eq!(parse("run --help"), Ok(Asked::Help));
    }

    #[test]
    fn bad_words_are_answered_in_one_sentence() {
        for text in [
            "",
            "go",
            "run",
            "run a b",
            "run a --seed",
            "run a --seed x",
            "run a --seed -1",
            "run a --seed 1.5",
            "run a --set nodes",
            "run a --set nodes=",
            "run a --set nodes=-3",
            "run a --sed 3",
            "run a --smoke=1",
            "run a --break everything",
            "story",
            "story 1",
            "story 1 x",
            "story 1 2 windy",
            "story 1 0",
            "sync 1",
            "sync 1 0",
            "sync 18446744073709551615 3",
            "list a b",
            "run a --seed 99999999999999999999",
        ] {
            let why = parse(text).expect_err(text);
            assert!(!why.is_empty() && !why.contains('\n'), "{text}: {why}");
        }
    }
}
