//! The command line: text to requests, answers to text or JSON, and the exit codes that scripts rely on.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a command line is for")]

mod apps;
mod args;
mod budget_args;
mod card;
mod client;
mod client_args;
mod clients;
mod config;
mod contents;
mod following;
mod identity;
mod import;
mod lists;
mod numbers;
mod open;
mod outlet_args;
mod play;
mod publishing;
mod reference;
mod ring;
mod run;
mod service;
mod sharing_args;
mod statements;
mod strm;
mod text;
mod trust_args;
mod verb_args;
mod why;

pub use args::Cli;
pub use config::{check, sharing};
pub use reference::reference;

use crate::demo;
use crate::home::Home;
use crate::http::{Request, error_json, exit_code};
use crate::outlet;
use args::{By, CuratorVerb, IdVerb, LedgerVerb, Verb};
use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _};
use client::Client;
use heirloom_core::command::{CommandError, Fault};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How often `get --wait` looks.
const PROGRESS_PERIOD: Duration = Duration::from_millis(150);

/// What a verb came to.
enum Outcome {
    /// Print it.
    Answer(Value),
    /// Print it, and exit with this fault: the question was answered, the thing was not done.
    Declined(Value, CommandError),
    /// Print this text as it is.
    Text(String),
    /// Everything was printed already; exit with this.
    Exit(ExitCode),
}

/// Runs the command line and says how to exit.
pub async fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let parsed = Cli::command().try_get_matches_from(&arguments);
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage(&error, &arguments),
    };
    let (json, name) = (cli.json, cli.verb.name());
    let (cli, matches) = match config::with_settings(cli, matches, &arguments) {
        Ok(parsed) => parsed,
        Err(error) => return fail(&error, json),
    };
    match Box::pin(carry_out(cli, &matches)).await {
        Ok(Outcome::Answer(value)) => {
            print_value(name, &value, json);
            ExitCode::SUCCESS
        }
        Ok(Outcome::Declined(value, error)) => {
            print_value(name, &value, json);
            say(&format!("heirloom: {error}\n"));
            ExitCode::from(exit_code(error.fault))
        }
        Ok(Outcome::Text(text)) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Ok(Outcome::Exit(code)) => code,
        Err(error) => fail(&error, json),
    }
}

fn fail(error: &CommandError, json: bool) -> ExitCode {
    if json {
        let mut value = error_json(error);
        if let Some(inner) = value.pointer_mut("/error").and_then(Value::as_object_mut) {
            inner.remove("exit");
        }
        print(&format!("{value}\n"));
    }
    say(&format!("heirloom: {error}\n"));
    ExitCode::from(exit_code(error.fault))
}

/// Help and version go to stdout with exit 0; everything else is bad usage, exit 2.
fn usage(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        print(&error.to_string());
        return ExitCode::SUCCESS;
    }
    let is_json = arguments.iter().any(|argument| argument == "--json");
    // What is wrong with one value is said by itself; how a verb is used, only to who misread that.
    if is_json || matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return fail(&CommandError::bad_input("usage", one_sentence(error)), is_json);
    }
    say(&error.to_string());
    ExitCode::from(2)
}

/// What is wrong with the arguments, without how they are used.
fn one_sentence(error: &clap::Error) -> String {
    let rendered = error.to_string();
    let lines: Vec<&str> = rendered.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

/// Says something beside the result. Where stderr is a file on a full disk, the exit code still tells.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Prints, and does not mind a reader that went away.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn print_value(verb: &str, value: &Value, json: bool) {
    if json { print(&format!("{value}\n")) } else { print(&text::render(verb, value)) }
}

impl Verb {
    fn name(&self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Demo(_) => "demo",
            Self::Id { .. } => "id",
            Self::Follow(_) => "follow",
            Self::Unfollow { .. } => "unfollow",
            Self::Attest(_) => "attest",
            Self::Verdict { .. } => "verdict",
            Self::Why { .. } => "why",
            Self::Trust { ring: Some(_), .. } => "ring",
            Self::Trust { .. } => "trust",
            Self::Ledger { verb: Some(LedgerVerb::Import { .. }), .. } => "ledger-import",
            Self::Ledger { .. } => "ledger",
            Self::Publish(_) => "publish",
            Self::Retract { .. } => "retract",
            Self::Search { .. } => "search",
            Self::Show { .. } => "show",
            Self::Get { .. } => "get",
            Self::Cancel { .. } => "cancel",
            Self::Seed { .. } | Self::Config { .. } => "config",
            Self::Status => "status",
            Self::Doctor => "doctor",
            Self::Curator { .. } => "curator",
            Self::List { verb: args::ListVerb::Make { .. } } => "list-make",
            Self::List { .. } => "list",
            Self::Export { .. } => "export",
            Self::Import { .. } => "import",
            Self::Open { .. } => "open",
            Self::Apps { .. } => "apps",
            Self::Play(_) => "play",
            Self::Reindex => "reindex",
            Self::Completions { .. } => "completions",
            Self::Testnet { .. } => "testnet",
        }
    }
}

async fn carry_out(cli: Cli, matches: &ArgMatches) -> Result<Outcome, CommandError> {
    let json = cli.json;
    match cli.verb {
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "heirloom", &mut script);
            return Ok(Outcome::Text(String::from_utf8_lossy(&script).into_owned()));
        }
        Verb::Demo(args) => {
            let options = demo::Options { port: args.port, exit: args.exit, json };
            return Ok(Outcome::Exit(demo::run(options).await));
        }
        Verb::Testnet { nodes, at } => return run::testnet(at, nodes).await,
        _ => {}
    }
    let settings = cli.budgets.settings(&cli.trust)?;
    let home = Home::find(cli.home)?;
    home.prepare()?;
    let own = home.running().and_then(|running| running.http.parse().ok());
    outlet::keep_to(cli.outlet.choice()?, own, matches!(cli.verb, Verb::Run(_)))?;
    let client = Client::new(home.clone(), settings);
    match cli.verb {
        Verb::Run(args) => Box::pin(run::run(home, settings, *args, matches)).await,
        Verb::Config { verb } => config::config(&client, home, verb, json).await,
        Verb::Seed { budget, ratio } => config::seed(&client, budget, ratio).await,
        Verb::Open { link, print } => open::open(&client, link.as_deref(), print).await,
        Verb::Play(args) => play::play(&client, args, json).await,
        Verb::Follow(args) => following::follow(&client, args, json).await,
        Verb::Publish(args) => publishing::publish(&client, *args).await,
        Verb::List { verb } => lists::list(&client, verb, json).await,
        Verb::Get { what, of, to, wait, anyway, client: Some(program), paused, at } => {
            let getting = clients::Getting { what, of: &of, to, wait, anyway, paused };
            clients::hand_off(&client, program, &at, getting).await
        }
        Verb::Get { what, of, to, wait, anyway, .. } => get(&client, what, &of, to, wait, anyway).await,
        Verb::Ledger { verb: Some(LedgerVerb::Import { client: program, at, seconds, dry_run }), .. } => {
            clients::import(&client, program, &at, seconds, dry_run).await
        }
        Verb::Trust { ring: Some(file), scope, .. } => {
            Ok(Outcome::Answer(client.request(ring::request(&file, scope)?).await?))
        }
        Verb::Import { file, format, dry_run, data } => {
            import::import(&client, &file, format, data.as_deref(), dry_run).await
        }
        Verb::Export { strm: Some(folder), .. } => strm::export(&client, &folder).await,
        Verb::Export { statements: Some(Some(file)), .. } => statements::export(&client, &file).await,
        Verb::Doctor => Ok(examined(client.request(Request::Doctor { quick: false }).await?)),
        Verb::Why { subject, scope, dot } => {
            let answer = client.request(Request::Why { subject, scope }).await?;
            Ok(match (dot, json) {
                (true, true) => Outcome::Answer(json!({ "dot": why::as_dot(&answer) })),
                (true, false) => Outcome::Text(why::as_dot(&answer)),
                (false, _) => Outcome::Answer(answer),
            })
        }
        Verb::Id { verb: Some(IdVerb::Backup) } => backup(&home),
        Verb::Id { verb: Some(IdVerb::Rotate) } => in_background(move || identity::rotate(&home)).await,
        Verb::Id { verb: Some(IdVerb::Restore { generation, lost }) } => {
            in_background(move || identity::restore(&home, generation, lost)).await
        }
        Verb::Export { key: true, .. } => {
            let identity = home.identity()?;
            let secret = data_encoding::HEXLOWER.encode(&*identity.secret.to_seed());
            Ok(Outcome::Answer(json!({ "key": identity.secret.public().to_string(), "secret": secret })))
        }
        Verb::Curator { verb: CuratorVerb::Card { html, text, qr, well_known } } => {
            let id = client.request(Request::Id).await?;
            let form = card::Form::chosen(html, text, qr, well_known);
            card::card(&id, form).map(|(text, value)| if json { Outcome::Answer(value) } else { Outcome::Text(text) })
        }
        Verb::Search { no_starter: false, .. } | Verb::Show { no_starter: false, .. } if !home.has_run() => {
            let mut door = client.open().await?;
            if let Some(starter) = door.take_starter().await? {
                run::say_starter(&starter);
            }
            Ok(Outcome::Answer(door.request(to_request(cli.verb)?).await?))
        }
        verb => Ok(Outcome::Answer(client.request(to_request(verb)?).await?)),
    }
}

/// What `doctor` found; a failure where a check failed, so that scripts need not read it.
fn examined(checks: Value) -> Outcome {
    let failed = checks.as_array().into_iter().flatten().filter(|check| check["state"] == "amiss");
    let failed: Vec<&str> = failed.filter_map(|check| check["check"].as_str()).collect();
    if failed.is_empty() {
        return Outcome::Answer(checks);
    }
    let message = format!("not as it must be: {}; what to do stands beside each", failed.join(", "));
    Outcome::Declined(checks, CommandError::new(Fault::Failed, "amiss", message))
}

/// Opens a store off the runtime's threads.
async fn in_background(
    work: impl FnOnce() -> Result<Value, CommandError> + Send + 'static,
) -> Result<Outcome, CommandError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))?.map(Outcome::Answer)
}

/// The verbs that are one request.
fn to_request(verb: Verb) -> Result<Request, CommandError> {
    Ok(match verb {
        Verb::Id { verb: Some(IdVerb::Set { name, url }) } => Request::IdSet { name, url },
        Verb::Unfollow { key } => Request::Unfollow { key },
        Verb::Apps { renew } => Request::Apps { renew },
        Verb::Attest(a) => Request::Attest {
            key: a.key,
            level: a.level,
            scope: a.scope,
            reason: a.reason,
            expires: a.expires,
            private: a.private,
        },
        Verb::Verdict { infohash, opinion, note, private } => Request::Verdict { infohash, opinion, note, private },
        Verb::Trust { scope, limit, .. } => Request::Trust { scope, limit },
        Verb::Ledger { verb: Some(LedgerVerb::Link { address, key }), .. } => {
            Request::LedgerLink { address, key: Some(key) }
        }
        Verb::Ledger { verb: Some(LedgerVerb::Unlink { address }), .. } => Request::LedgerLink { address, key: None },
        Verb::Ledger { by, .. } => {
            let by = match by {
                By::Key => "key",
                By::Address => "address",
                By::Release => "release",
            };
            Request::Ledger { by: by.into() }
        }
        Verb::Retract { target } => Request::Retract { target },
        Verb::Cancel { infohash, delete } => Request::Cancel { infohash, delete },
        Verb::Search { text, kind, band, limit, offset, genre, year, language, licence, resolution, no_starter: _ } => {
            let text = text.join(" ");
            Request::Search { text, kind, band, limit, offset, genre, year, language, licence, resolution }
        }
        Verb::Show { work, wait, resolution, no_starter: _ } => Request::Show { work, wait, resolution },
        Verb::Status => Request::Status,
        Verb::Export { .. } => Request::Export,
        Verb::Reindex => Request::Reindex,
        _ => Request::Id,
    })
}

fn absolute(path: &Path) -> Result<String, CommandError> {
    let path = std::path::absolute(path)
        .map_err(|error| CommandError::bad_input("bad_path", format!("{}: {error}", path.display())))?;
    path.to_str().map(str::to_owned).ok_or_else(|| {
        CommandError::bad_input("bad_path", format!("the name {} is not valid Unicode: rename it", path.display()))
    })
}

fn backup(home: &Home) -> Result<Outcome, CommandError> {
    home.identity()?;
    let words = home.recovery_words()?;
    home.forget_recovery_words()?;
    Ok(Outcome::Answer(json!({ "words": words.as_str() })))
}

async fn get(
    client: &Client,
    what: String,
    of: &args::Of,
    to: Option<PathBuf>,
    wait: bool,
    anyway: bool,
) -> Result<Outcome, CommandError> {
    let to = to.as_deref().map(absolute).transpose()?;
    let (episode, resolution) = (of.pick(), of.resolution.clone());
    let mut begun = client.request(Request::Get { what, to, anyway, episode, resolution }).await?;
    let infohash = begun["infohash"].as_str().unwrap_or_default().to_owned();
    let mut last = String::new();
    loop {
        let state = match client.request(Request::Download { infohash: infohash.clone() }).await {
            Ok(state) => state,
            // The order is on its way to the torrent sessions.
            Err(error) if error.code == "unknown_download" && last.is_empty() => {
                json!({ "infohash": infohash, "state": "starting", "finished": false })
            }
            Err(error) => return Err(error),
        };
        if state["finished"] == true {
            // Of a release that nobody said what is in it, this is known only now.
            if begun["episode"].is_null() && !anyway {
                let what = infohash.clone();
                let again = Request::Get { what, to: None, anyway, episode: None, resolution: None };
                begun = client.request(again).await.unwrap_or(begun);
            }
            let answer = json!({
                "infohash": infohash,
                "path": state["path"],
                "bytes": state["bytes"],
                "verified_bytes": state["verified_bytes"],
                "seconds": state["seconds"],
                "from": state["from"],
                "renamed_files": state["renamed_files"],
            });
            return Ok(Outcome::Answer(with_choice(answer, &begun, &state)));
        }
        if !wait {
            return Ok(Outcome::Answer(with_choice(state.clone(), &begun, &state)));
        }
        let line = text::progress(&state);
        if line != last {
            say(&format!("{line}\n"));
            last = line;
        }
        tokio::time::sleep(PROGRESS_PERIOD).await;
    }
}

/// Which episode that is and in which files: the listing says so first, and the torrent then.
fn with_choice(mut answer: Value, begun: &Value, state: &Value) -> Value {
    if let (Some(fields), Some(left_out)) = (answer.as_object_mut(), begun["left_out"].as_array())
        && !left_out.is_empty()
    {
        fields.insert("left_out".into(), json!(left_out));
    }
    let (Some(fields), false) = (answer.as_object_mut(), begun["episode"].is_null()) else { return answer };
    let list = |value: &Value| value["files"].as_array().cloned().unwrap_or_default();
    let (asked, here) = (list(begun), list(state));
    let is_asked = |file: &&Value| asked.iter().any(|one| one["index"] == file["index"]);
    let these: Vec<Value> = here.iter().filter(is_asked).cloned().collect();
    let files = [these, here, asked].into_iter().find(|files| !files.is_empty()).unwrap_or_default();
    let file = if let [one] = &files[..] { one["path"].clone() } else { Value::Null };
    fields.insert("episode".into(), begun["episode"].clone());
    fields.insert("file".into(), file);
    fields.insert("files".into(), Value::Array(files));
    answer
}

/// A resolution as it was typed, if it is one.
pub(crate) fn liked(text: &str) -> Result<String, String> {
    crate::http::lines_liked(text).map(|_| text.to_owned()).map_err(|error| error.message)
}
