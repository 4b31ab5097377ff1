//! Every verb, option and setting on one page, made from the definitions that the program reads its command line by.

use super::args::Cli;
use clap::{Arg, ArgAction, Command, CommandFactory};
use std::fmt::Write;

/// The head of the page.
const HEAD: &str = "# Every verb, option and setting\n\n\
    Made from the program's own definitions, by `cargo run -p heirloom --example manual -- --reference`; a test compares them.\n\n\
    A setting with a name in the column *environment* can be given either way: the option wins over the variable, and the\n\
    variable over the default.\n";

/// The reference page, in Markdown: the options that every verb takes, then each verb with its own.
#[must_use]
pub fn reference() -> String {
    let mut command = Cli::command();
    command.build();
    let mut page = HEAD.to_owned();
    section(&mut page, &command, command.get_name(), &|argument| !argument.is_hide_set());
    verbs(&mut page, &command, command.get_name());
    page
}

fn verbs(page: &mut String, command: &Command, name: &str) {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        let name = format!("{name} {}", verb.get_name());
        // What every verb takes stands at the top, once.
        section(page, verb, &name, &|argument| !argument.is_global_set() && !argument.is_hide_set());
        verbs(page, verb, &name);
    }
}

fn section(page: &mut String, command: &Command, name: &str, is_told: &dyn Fn(&Arg) -> bool) {
    let mut usage = command.clone();
    let usage = usage.render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).trim();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    // Writing into a string does not fail.
    let _ = write!(page, "\n## {name}\n\n{about}.\n\n```text\n{usage}\n```\n");
    let is_built_in = |argument: &Arg| matches!(argument.get_id().as_str(), "help" | "version");
    let told: Vec<&Arg> =
        command.get_arguments().filter(|argument| is_told(argument) && !is_built_in(argument)).collect();
    if told.is_empty() {
        return;
    }
    page.push_str("\n| option | what it is | default | environment |\n|---|---|---|---|\n");
    for argument in told {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            cell(&spelling(argument)),
            what(argument),
            code(&default(argument)),
            code(&argument.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()),
        );
    }
}

/// As it is typed: `--to DIR`, `--wait`, `KEY…`.
fn spelling(argument: &Arg) -> String {
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let id = argument.get_id().as_str().to_uppercase();
    let names = argument
        .get_value_names()
        .map_or_else(|| id.clone(), |names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    let many = if matches!(argument.get_action(), ArgAction::Append) { "…" } else { "" };
    match (argument.get_long(), takes_value) {
        (Some(long), true) => format!("--{long} {names}{many}"),
        (Some(long), false) => format!("--{long}"),
        (None, _) => format!("{names}{many}"),
    }
}

fn what(argument: &Arg) -> String {
    let mut text = cell(&argument.get_help().map(ToString::to_string).unwrap_or_default());
    let choices: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) && !choices.is_empty() {
        let _ = write!(text, " ({})", choices.join(", "));
    }
    text
}

fn default(argument: &Arg) -> String {
    // Of a switch it is that it is off, which nobody needs to be told.
    if !matches!(argument.get_action(), ArgAction::Set | ArgAction::Append) {
        return String::new();
    }
    let values = argument.get_default_values().iter();
    values.map(|value| value.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Text within one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", cell(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every verb has its section, and an option its row, with its environment variable.
    #[test]
    fn all_verbs_and_options_are_told() {
        let page = reference();
        let mut command = Cli::command();
        command.build();
        for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set()) {
            assert!(page.contains(&format!("\n## heirloom {}\n", verb.get_name())), "{}", verb.get_name());
            for argument in verb.get_arguments().filter(|argument| !argument.is_global_set()) {
                if let Some(long) = argument.get_long().filter(|long| !matches!(*long, "help" | "version")) {
                    assert!(page.contains(&format!("| `--{long}")), "{} --{long}", verb.get_name());
                }
            }
        }
        assert!(page.contains("`HEIRLOOM_HOME`"));
        assert!(
            page.lines()
                .filter(|line| line.starts_with("| "))
                .all(|line| line.replace("\\|", "").matches('|').count() == 5)
        );
    }

    /// `HEIRLOOM_UPDATE=1` writes it.
    #[test]
    fn the_page_in_the_repository_is_current() {
        let path = std::path::PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
            .join("../docs/reference.md");
        if std::env::var_os("HEIRLOOM_UPDATE").is_some() {
            std::fs::write(&path, reference()).expect("docs/reference.md");
        }
        let written = std::fs::read_to_string(&path).expect("docs/reference.md");
        assert!(
            written == reference(),
            "docs/reference.md is not what the program takes: HEIRLOOM_UPDATE=1 cargo test -p heirloom --lib reference"
        );
    }
}
