//! Writes what a package brings beside the program: manual pages and completions, made from the command line's definitions.
//!
//! ```sh
//! cargo run -p heirloom --example manual -- DIR           # DIR/man1/*.1, DIR/completions/{bash,zsh,fish}
//! cargo run -p heirloom --example manual -- --reference   # every verb, option and setting as one page, to stdout
//! ```
#![allow(clippy::print_stdout, reason = "the page is what it is asked for")]

use anyhow::{Context, Result, bail};
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use heirloom::cli::Cli;
use std::path::Path;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [one] if one == "--reference" => print!("{}", heirloom::cli::reference()),
        [folder] if !folder.starts_with('-') => write(Path::new(folder)).with_context(|| folder.clone())?,
        _ => bail!("name one folder to write to, or --reference"),
    }
    Ok(())
}

fn write(folder: &Path) -> Result<()> {
    let (pages, completions) = (folder.join("man1"), folder.join("completions"));
    std::fs::create_dir_all(&pages)?;
    std::fs::create_dir_all(&completions)?;
    let mut command = Cli::command();
    let mut told = command.clone().disable_help_subcommand(true);
    told.build();
    clap_mangen::generate_to(briefly(told), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "heirloom", &completions)?;
    }
    Ok(())
}

/// Settings that every verb takes are told on the program's own page alone.
fn briefly(command: Command) -> Command {
    command.mut_subcommands(|verb| {
        let is_setting =
            |argument: &Arg| argument.is_global_set() && !matches!(argument.get_id().as_str(), "home" | "json");
        briefly(verb.mut_args(|argument| if is_setting(&argument) { argument.hide(true) } else { argument }))
    })
}
