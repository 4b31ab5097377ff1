//! What the owner may set, and where each value comes from: a flag, the environment, the file of settings, or nobody.
//!
//! The settings are the flags of `heirloom run` and those that every verb takes: names, defaults and words are read from the
//! command line's own definition, so that the two cannot differ. A flag wins over the environment, and that over the file.

mod file;

use crate::cli::{self, Cli};
use crate::driver::Sharing;
use crate::home::Home;
use crate::http::{LINES_LIKED, lines_liked};
use crate::outlet::proxy_shown;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory as _};
use file::File;
use heirloom_core::command::{CommandError, Fault};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Flags that say something about one start only, or about where everything lies.
const NO_SETTINGS: [&str; 6] = ["home", "json", "help", "version", "open", "offline"];
/// Settings that a running node takes over at once. The others count from its next start.
const LIVE: [&str; 5] = ["upload-limit", "download-limit", "seed-ratio", "seed-budget", LIKED];
/// Which resolution is liked best, among releases that are trusted alike.
const LIKED: &str = "resolution";

/// The setting whose value may hold a password, which is shown to nobody.
const HOLDS_A_PASSWORD: &str = "proxy";

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file of settings.
    File,
    /// The environment.
    Env,
    /// The command line.
    Flag,
}

impl Origin {
    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Env => "env",
            Self::Flag => "flag",
        }
    }
}

/// A setting as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The flag's name without its dashes.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Who says so.
    pub origin: Origin,
    /// What it is when nobody says anything.
    pub default: String,
    /// The environment's variable.
    pub env: String,
    /// What it does.
    pub about: String,
    /// A running node takes a new value over at once.
    pub is_live: bool,
    /// It is yes or no.
    pub is_switch: bool,
    /// What it will be after the next start, where that differs: the file says so already.
    pub next: Option<String>,
}

/// What can be set.
struct Known {
    id: String,
    name: String,
    env: String,
    default: String,
    about: String,
    is_switch: bool,
    /// Of every verb, not of `run` alone.
    is_global: bool,
}

/// The settings of a home, and what is in force in this process.
pub struct Desk {
    home: Home,
    known: Vec<Known>,
    in_force: Mutex<BTreeMap<String, (String, Origin)>>,
    /// Held from reading the file to writing it.
    writing: Mutex<()>,
}

impl Desk {
    /// Of a home, with what the command line, the environment and the file said when this process was started.
    #[must_use]
    pub fn new(home: Home, matches: &ArgMatches) -> Self {
        let (known, file) = (known(), read(&home).unwrap_or_default());
        let run = matches.subcommand_matches("run").unwrap_or(matches);
        let in_force = known.iter().map(|known| {
            let found = if known.is_global { matches } else { run };
            (known.name.clone(), in_force(known, found, &file))
        });
        let in_force = Mutex::new(in_force.collect());
        Self { home, known, in_force, writing: Mutex::default() }
    }

    /// Of a home, as a node that is started in it now without flags would have it. A file that cannot be read counts for
    /// nothing here: whoever starts a node is told.
    #[must_use]
    pub fn of(home: Home) -> Self {
        let file = read(&home).unwrap_or_default();
        let run = || ["heirloom", "run"].map(OsString::from);
        let matches = command_with(&file).try_get_matches_from(run());
        // What stands in the environment or the file may be wrong; then the defaults are shown.
        let matches = matches.or_else(|_| Cli::command().try_get_matches_from(run()));
        matches.map_or_else(|_| Self::empty(home.clone()), |matches| Self::new(home.clone(), &matches))
    }

    fn empty(home: Home) -> Self {
        let known = known();
        let in_force = known.iter().map(|known| (known.name.clone(), (known.default.clone(), Origin::Default)));
        let in_force = Mutex::new(in_force.collect());
        Self { home, known, in_force, writing: Mutex::default() }
    }

    fn in_force(&self) -> MutexGuard<'_, BTreeMap<String, (String, Origin)>> {
        // A panic while it was held cannot leave it half changed: every change is one insert.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Setting> {
        let file = read(&self.home).unwrap_or_default();
        let mut all: Vec<Setting> = self.known.iter().map(|known| self.setting(known, &file)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn one(&self, name: &str) -> Result<Setting, CommandError> {
        let name = tidy(name);
        let file = read(&self.home).unwrap_or_default();
        self.known
            .iter()
            .find(|known| known.name == name)
            .map(|known| self.setting(known, &file))
            .ok_or_else(|| unknown(&name))
    }

    /// What is granted to torrents now.
    ///
    /// # Errors
    /// When the environment or the file says something else than a limit, which is said when a node is started.
    pub fn sharing(&self) -> Result<Sharing, CommandError> {
        let value =
            |name: &str| self.in_force().get(name).map_or_else(|| "none".to_owned(), |(value, _)| value.clone());
        cli::sharing(&value("upload-limit"), &value("download-limit"), &value("seed-ratio"), &value("seed-budget"))
    }

    /// Which resolution is liked best, as it was typed.
    #[must_use]
    pub fn liked(&self) -> String {
        self.in_force().get(LIKED).map_or_else(|| format!("{LINES_LIKED}p"), |(value, _)| value.clone())
    }

    /// The same in lines; 0 where any will do.
    #[must_use]
    pub fn lines_liked(&self) -> u32 {
        lines_liked(&self.liked()).unwrap_or(LINES_LIKED)
    }

    fn setting(&self, known: &Known, file: &File) -> Setting {
        let in_force = self.in_force().get(&known.name).cloned();
        let (value, origin) = in_force.unwrap_or_else(|| (known.default.clone(), Origin::Default));
        let next = file.of(&known.name).unwrap_or(&known.default);
        // A flag or a variable wins over the file at the next start too, as far as anybody can know.
        let is_next = matches!(origin, Origin::Default | Origin::File) && next != value;
        let shown = |value: &str| if known.name == HOLDS_A_PASSWORD { proxy_shown(value) } else { value.to_owned() };
        Setting {
            name: known.name.clone(),
            value: shown(&value),
            origin,
            default: known.default.clone(),
            env: known.env.clone(),
            about: known.about.clone(),
            is_live: LIVE.contains(&known.name.as_str()),
            is_switch: known.is_switch,
            next: is_next.then(|| shown(next)),
        }
    }

    /// Changes the file; without a value the setting is the default again.
    ///
    /// # Errors
    /// One sentence that says what is wrong with the name or value, or why the file cannot be written.
    pub fn set(&self, name: &str, value: Option<&str>) -> Result<Setting, CommandError> {
        let name = tidy(name);
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = read(&self.home)?;
        let known = self.known.iter().find(|known| known.name == name);
        // What an older or newer version wrote may be taken out.
        if known.is_none() && !(value.is_none() && file.of(&name).is_some()) {
            return Err(unknown(&name));
        }
        let value = value.map(|value| value.trim().to_owned());
        if let (Some(value), Some(known)) = (&value, known) {
            check(known, value)?;
        }
        file.set(&name, value.clone());
        whole(&file, value.is_some())?;
        self.home.keep_settings(&file.to_text())?;
        let Some(known) = known else { return Err(unknown(&name)) };
        let is_free =
            self.in_force().get(&name).is_none_or(|(_, origin)| matches!(origin, Origin::Default | Origin::File));
        if is_free && LIVE.contains(&known.name.as_str()) {
            let now = value.map_or_else(|| (known.default.clone(), Origin::Default), |value| (value, Origin::File));
            self.in_force().insert(name, now);
        }
        Ok(self.setting(known, &file))
    }

    /// Where the file lies.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.home.settings_file()
    }
}

/// The command line with what the file says in the place of its own defaults.
///
/// # Errors
/// Which line of the file is wrong, and how to mend it.
pub fn command(home: &Home) -> Result<Command, CommandError> {
    let file = read(home)?;
    let (known, path) = (known(), home.settings_file());
    for (name, value) in file.settings() {
        let Some(known) = known.iter().find(|known| known.name == name) else {
            let message = format!(
                "{}: there is no setting {name}: take it out with `heirloom config unset {name}`",
                path.display()
            );
            return Err(CommandError::bad_input("bad_config", message));
        };
        check(known, value).map_err(|error| in_file(&path, &error))?;
    }
    whole(&file, true).map_err(|error| in_file(&path, &error))?;
    Ok(command_with(&file))
}

fn in_file(path: &std::path::Path, error: &CommandError) -> CommandError {
    let message = format!("{}: {}; mend it with `heirloom config set`", path.display(), error.message);
    CommandError::bad_input("bad_config", message)
}

fn read(home: &Home) -> Result<File, CommandError> {
    let (text, path) = (home.settings()?, home.settings_file());
    if text.len() > file::BYTES_MAX {
        let message = format!("{} is longer than {} bytes: no list of settings is", path.display(), file::BYTES_MAX);
        return Err(CommandError::bad_input("bad_config", message));
    }
    File::parse(&text).map_err(|error| CommandError::bad_input("bad_config", format!("{}: {error}", path.display())))
}

fn tidy(name: &str) -> String {
    name.trim().trim_start_matches("--").replace('_', "-").to_ascii_lowercase()
}

fn unknown(name: &str) -> CommandError {
    let name: String = name.chars().take(40).collect();
    CommandError::bad_input("unknown_setting", format!("there is no setting {name:?}: `heirloom config` lists them"))
}

/// The flags that are settings.
fn known() -> Vec<Known> {
    let command = Cli::command();
    let of_run = command.find_subcommand("run").cloned().unwrap_or_default();
    let of = |arg: &Arg, is_global: bool| {
        let name = arg.get_long()?;
        if NO_SETTINGS.contains(&name) {
            return None;
        }
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
        let default = defaults.collect::<Vec<_>>().join(",");
        Some(Known {
            id: arg.get_id().to_string(),
            name: name.to_owned(),
            env: arg.get_env().map(|env| env.to_string_lossy().into_owned()).unwrap_or_default(),
            default: if is_switch { "false".into() } else { default },
            about: arg.get_help().map(ToString::to_string).unwrap_or_default(),
            is_switch,
            is_global,
        })
    };
    let global = command.get_arguments().filter_map(|arg| of(arg, true));
    global.chain(of_run.get_arguments().filter_map(|arg| of(arg, false))).collect()
}

/// What a setting is in this process, and who says so.
fn in_force(known: &Known, matches: &ArgMatches, file: &File) -> (String, Origin) {
    let raw = matches.try_get_raw(&known.id).ok().flatten();
    let value = raw.map(|all| all.map(|one| one.to_string_lossy().into_owned()).collect::<Vec<_>>().join(","));
    let origin = match matches.value_source(&known.id) {
        Some(ValueSource::CommandLine) => Origin::Flag,
        Some(ValueSource::EnvVariable) => Origin::Env,
        _ if file.of(&known.name).is_some() => Origin::File,
        _ => Origin::Default,
    };
    let is_given = known.is_switch && origin == Origin::Flag;
    (if is_given { "true".into() } else { value.unwrap_or_else(|| known.default.clone()) }, origin)
}

fn command_with(file: &File) -> Command {
    let known = known();
    let mut command = Cli::command();
    for (name, value) in file.settings() {
        let Some(known) = known.iter().find(|known| known.name == name) else { continue };
        // A command line lives as long as its process, and is made once or twice in it.
        let values: Vec<&'static str> =
            value.split(',').map(|value| &*Box::leak(value.trim().to_owned().into_boxed_str())).collect();
        let id: &'static str = Box::leak(known.id.clone().into_boxed_str());
        command = if known.is_global {
            command.mut_arg(id, |arg| arg.default_values(values))
        } else {
            command.mut_subcommand("run", |run| run.mut_arg(id, |arg| arg.default_values(values)))
        };
    }
    command
}

/// Whether a value is one that the flag takes.
fn check(known: &Known, value: &str) -> Result<(), CommandError> {
    let bad = |message: String| CommandError::bad_input("bad_setting", message);
    if value.len() > 4096 || value.chars().any(char::is_control) || value.contains(['"', '\\']) {
        return Err(bad(format!("a value of {} is one short line without quotes", known.name)));
    }
    if known.is_switch {
        return match value {
            "true" | "false" => Ok(()),
            other => Err(bad(format!(
                "{} {:?}: write true or false",
                known.name,
                other.chars().take(40).collect::<String>()
            ))),
        };
    }
    if value.is_empty() {
        return Err(bad(format!("{} needs a value; `heirloom config unset {0}` takes it back", known.name)));
    }
    parsed(&[(known, value)]).map(|_| ())
}

/// Whether what the file says holds together.
fn whole(file: &File, is_new: bool) -> Result<(), CommandError> {
    let known = known();
    let given: Vec<(&Known, &str)> = file
        .settings()
        .filter_map(|(name, value)| known.iter().find(|known| known.name == name).map(|known| (known, value)))
        .filter(|(known, _)| !known.is_switch)
        .collect();
    match parsed(&given) {
        // Taking something out of a file that is wrong elsewhere is how it is mended.
        Err(_) if !is_new => Ok(()),
        result => result,
    }
}

/// Reads values as the flags that they are, and asks whoever uses them.
fn parsed(values: &[(&Known, &str)]) -> Result<(), CommandError> {
    let flags = values.iter().map(|(known, value)| OsString::from(format!("--{}={value}", known.name)));
    let arguments = ["heirloom", "run"].map(OsString::from).into_iter().chain(flags);
    let bad = |message: String| CommandError::bad_input("bad_setting", message);
    let matches = Cli::command().try_get_matches_from(arguments).map_err(|error| {
        let text = error.to_string();
        let line = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        bad(line.trim_start_matches("error: ").to_owned())
    })?;
    cli::check(&matches).map_err(|error| match error.fault {
        Fault::BadInput => error,
        _ => bad(error.message),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::find(Some(folder.path().to_owned())).expect("home");
        (folder, home)
    }

    #[test]
    fn what_nobody_said_is_the_default_of_the_flag() {
        let (_folder, home) = home();
        let desk = Desk::of(home);
        let quota = desk.one("disk-quota").expect("a setting");
        assert_eq!(
            (quota.value.as_str(), quota.origin, quota.env.as_str()),
            ("2GiB", Origin::Default, "HEIRLOOM_DISK_QUOTA")
        );
        assert!(desk.all().len() > 30 && desk.all().iter().all(|one| !one.about.is_empty() && !one.env.is_empty()));
        assert_eq!(desk.one("no-dht").expect("a setting").value, "false");
        assert_eq!(desk.one("--Disk_Quota").expect("as people write it").name, "disk-quota");
        for name in ["home", "json", "open", "nonsense", ""] {
            assert_eq!(desk.one(name).expect_err(name).code, "unknown_setting");
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_says_so() {
        let (_folder, home) = home();
        Desk::of(home.clone()).set("disk-quota", Some("3GiB")).expect("set");
        Desk::of(home.clone()).set("no-dht", Some("true")).expect("set");
        let arguments = ["heirloom", "--disk-quota", "4GiB", "run"];
        let matches = command(&home).expect("good").try_get_matches_from(arguments).expect("parsed");
        let desk = Desk::new(home.clone(), &matches);
        let found = |name: &str| desk.one(name).map(|one| (one.value, one.origin)).expect("a setting");
        assert_eq!(found("disk-quota"), ("4GiB".into(), Origin::Flag));
        assert_eq!(found("no-dht"), ("true".into(), Origin::File));
        let matches = command(&home).expect("good").try_get_matches_from(["heirloom", "status"]).expect("parsed");
        assert_eq!(matches.get_one::<String>("disk_quota").map(String::as_str), Some("3GiB"), "every verb heeds it");
    }

    #[test]
    fn the_password_of_a_proxy_is_kept_and_not_shown() {
        let (_folder, home) = home();
        let proxy = "socks5://bob:hunter2@127.0.0.1:1080";
        let set = Desk::of(home.clone()).set("proxy", Some(proxy)).expect("set");
        assert_eq!(set.next.as_deref(), Some("socks5://bob:…@127.0.0.1:1080"));
        let now = Desk::of(home.clone()).one("proxy").expect("a setting");
        assert_eq!(now.value, "socks5://bob:…@127.0.0.1:1080");
        let error = Desk::of(home.clone()).set("proxy", Some(&now.value)).expect_err("what is shown is no password");
        assert!(!error.message.contains("bob"), "{error}");
        assert!(home.settings().expect("read").contains("hunter2"), "the node needs it");
    }

    #[test]
    fn what_counts_from_the_next_start_is_told() {
        let (_folder, home) = home();
        let desk = Desk::of(home);
        let quota = desk.set("disk-quota", Some("3GiB")).expect("set");
        assert_eq!((quota.value.as_str(), quota.next.as_deref()), ("2GiB", Some("3GiB")));
        let limit = desk.set("upload-limit", Some("1MB")).expect("set");
        assert_eq!((limit.value.as_str(), limit.origin, limit.next), ("1MB", Origin::File, None));
        let limit = desk.set("upload-limit", None).expect("unset");
        assert_eq!((limit.value.as_str(), limit.origin), ("none", Origin::Default));
    }

    #[test]
    fn which_resolution_is_liked_is_a_setting_that_counts_at_once() {
        let (_folder, home) = home();
        let desk = Desk::of(home.clone());
        assert_eq!((desk.liked().as_str(), desk.lines_liked()), ("1080p", 1080));
        desk.set("resolution", Some("720p")).expect("set");
        assert_eq!((desk.liked().as_str(), desk.lines_liked()), ("720p", 720));
        assert_eq!(Desk::of(home).lines_liked(), 720, "also for commands without a node");
        desk.set("resolution", Some("any")).expect("set");
        assert_eq!(desk.lines_liked(), 0);
        desk.set("resolution", None).expect("unset");
        assert_eq!(desk.lines_liked(), LINES_LIKED);
    }

    #[test]
    fn a_wrong_value_is_one_sentence_and_changes_nothing() {
        let (_folder, home) = home();
        let desk = Desk::of(home.clone());
        for (name, value) in [
            ("disk-quota", "2G"),
            ("disk-quota", ""),
            ("strangers-quota", "3GiB"),
            ("http", "localhost"),
            ("dht-queries", "0"),
            ("no-dht", "perhaps"),
            ("trusted-score", "7"),
            ("seed-as", "nobody"),
            ("upload-limit", "1B"),
            ("seed-ratio", "-1"),
            ("resolution", "large"),
            ("p2p", "nowhere"),
            ("friend", "z6Mkx"),
            ("disk-quota", "2GiB\"\nno-dht = true"),
        ] {
            let error = desk.set(name, Some(value)).expect_err(value);
            assert_eq!(error.fault, Fault::BadInput, "{name} {value}");
            assert!(!error.message.contains('\n') && !error.message.is_empty(), "{name}: {}", error.message);
        }
        assert_eq!(home.settings().expect("read"), "", "nothing was written");
    }

    #[test]
    fn a_damaged_file_is_said_and_can_be_mended() {
        let (_folder, home) = home();
        home.keep_settings("disk-quota = \"2G\"\nfrom-the-future = 7\n").expect("written");
        assert!(command(&home).expect_err("wrong").message.contains("disk-quota"));
        let desk = Desk::of(home.clone());
        let _ = desk.set("disk-quota", None);
        assert!(command(&home).expect_err("wrong").message.contains("from-the-future"));
        let _ = desk.set("from-the-future", None);
        assert!(command(&home).is_ok(), "{:?}", home.settings());
    }
}
