//! `config`, `seed`, and what a command line must be beside well-formed.

use super::Outcome;
use super::args::{Cli, Verb};
use super::client::Client;
use super::run::{check_bootstrap, friends, listen_on, peers};
use crate::driver::Sharing;
use crate::home::Home;
use crate::http::Request;
use crate::settings::{self, Desk};
use clap::{ArgMatches, FromArgMatches as _, Subcommand};
use heirloom_core::command::CommandError;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fmt::Write as _;

/// `config …`.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Show all settings, or one
    #[command(visible_aliases = ["list", "get"])]
    Show {
        /// Its name, such as disk-quota
        name: Option<String>,
    },
    /// Write a setting into the file of settings
    Set {
        /// Its name, such as disk-quota
        name: String,
        /// Its value, as the flag of that name takes it; true or false for a flag without one
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Take a setting out of the file again
    Unset {
        /// Its name
        name: String,
    },
    /// Print where the file of settings lies
    Path,
}

/// Carries it out.
pub async fn config(
    client: &Client,
    home: Home,
    verb: Option<ConfigVerb>,
    json: bool,
) -> Result<Outcome, CommandError> {
    let request = match verb {
        Some(ConfigVerb::Path) => {
            let path = Desk::of(home).path();
            let text = format!("{}\n", path.display());
            return Ok(if json { Outcome::Answer(json!({ "path": path })) } else { Outcome::Text(text) });
        }
        None => Request::Config { name: None },
        Some(ConfigVerb::Show { name }) => Request::Config { name },
        Some(ConfigVerb::Set { name, value }) => Request::ConfigSet { name, value: Some(value) },
        Some(ConfigVerb::Unset { name }) => Request::ConfigSet { name, value: None },
    };
    client.request(request).await.map(Outcome::Answer)
}

/// Carries `seed` out: two settings under the name that people look for.
pub async fn seed(client: &Client, budget: Option<String>, ratio: Option<String>) -> Result<Outcome, CommandError> {
    // Both or neither.
    let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    sharing("none", "none", &said(&ratio), &said(&budget))?;
    let mut door = client.open().await?;
    let mut rows = Vec::new();
    for (name, value) in [("seed-budget", budget), ("seed-ratio", ratio)] {
        let request = match value {
            Some(value) => Request::ConfigSet { name: name.into(), value: Some(value) },
            None => Request::Config { name: Some(name.into()) },
        };
        rows.push(door.request(request).await?);
    }
    Ok(Outcome::Answer(Value::Array(rows)))
}

/// A command line with what the file of settings says, where nothing else is said.
///
/// # Errors
/// What is wrong with the file, and how to mend it.
pub(super) fn with_settings(
    cli: Cli,
    matches: ArgMatches,
    arguments: &[OsString],
) -> Result<(Cli, ArgMatches), CommandError> {
    // These have no home, or mend the file.
    if matches!(
        cli.verb,
        Verb::Completions { .. } | Verb::Demo(_) | Verb::Testnet { .. } | Verb::Config { .. } | Verb::Seed { .. }
    ) {
        return Ok((cli, matches));
    }
    let home = Home::find(cli.home.clone())?;
    if home.settings()?.is_empty() {
        return Ok((cli, matches));
    }
    let usage = |error: &clap::Error| CommandError::bad_input("usage", error.to_string());
    let matches = settings::command(&home)?.try_get_matches_from(arguments).map_err(|error| usage(&error))?;
    Ok((Cli::from_arg_matches(&matches).map_err(|error| usage(&error))?, matches))
}

/// Whether what a command line says can be carried out.
///
/// # Errors
/// One sentence that names the flag and what it may be.
pub fn check(matches: &ArgMatches) -> Result<(), CommandError> {
    let cli = Cli::from_arg_matches(matches).map_err(|error| CommandError::bad_input("usage", error.to_string()))?;
    cli.budgets.settings(&cli.trust)?;
    cli.outlet.choice()?;
    if let Verb::Run(run) = &cli.verb {
        check_bootstrap(&run.dht_bootstrap)?;
        listen_on(&run.p2p)?;
        peers(&run.peer)?;
        friends(&run.friend)?;
        run.sharing.sharing()?;
    }
    Ok(())
}

/// The limits of sharing from their values: upload, download, ratio, budget.
///
/// # Errors
/// One sentence that names the flag and what it may be.
pub fn sharing(up: &str, down: &str, ratio: &str, budget: &str) -> Result<Sharing, CommandError> {
    super::sharing_args::read(up, down, ratio, budget)
}

/// Settings as text: one a line, or one with all that is known of it.
pub fn render(value: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    if let Some(rows) = value.as_array() {
        for row in rows {
            let shown = if row["value"] == "" { "-".to_owned() } else { text(&row["value"]) };
            let _ = write!(out, "{:<24} {shown:<24} {}", text(&row["name"]), text(&row["from"]));
            if let Some(next) = row["next"].as_str() {
                let _ = write!(out, " ({} after the next start)", if next.is_empty() { "-" } else { next });
            }
            out.push('\n');
        }
        return out;
    }
    let _ = writeln!(out, "{} = {} ({})", text(&value["name"]), text(&value["value"]), text(&value["from"]));
    let _ = writeln!(out, "{}", text(&value["about"]));
    let _ = writeln!(out, "default: {}; environment: {}", text(&value["default"]), text(&value["env"]));
    if let Some(next) = value["next"].as_str() {
        let _ = writeln!(out, "{} after the next start of the node", if next.is_empty() { "-" } else { next });
    }
    out
}
