//! `heirloom demo`: the whole story on this machine alone, told by real programs.
//!
//! A small Mainline DHT runs inside this process; every node is a process of its own, started from this same
//! executable with a fresh home and a loopback address, and driven only by the commands that a user would type. The demo
//! must not know how a node works inside: whatever it claims, it has read from a command's answer.

mod answers;
mod cli;
mod downloading;
mod finding;
mod judging;
mod material;
mod node;
mod publishing;
mod report;
mod returning;
mod say;
mod story;
mod wait;
mod world;

use anyhow::{Context, Result};
use report::Report;
use say::Say;
use std::process::ExitCode;
use story::Story;
use tokio::signal::unix::{Signal, SignalKind, signal};
use world::{World, people};

/// How the demo runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Port of the newcomer's web address; `None`: any free one.
    pub port: Option<u16>,
    /// End when the story is told, instead of leaving two nodes up.
    pub exit: bool,
    /// One JSON summary on stdout; what happens meanwhile goes to stderr.
    pub json: bool,
}

/// Tells the story. Success only if every step of it held.
///
/// All processes that it started are killed and its folder is removed when it ends, however it ends. Only when a step
/// failed and nobody asked for `exit`, the folder stays, for a look at the nodes' logs.
pub async fn run(options: Options) -> ExitCode {
    let say = Say::new(options.json);
    match tell(options, say).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say.error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn tell(options: Options, say: Say) -> Result<bool> {
    let mut stop = Stop::new()?;
    let mut report = Report::new(say);
    let mut story = Story::new(World::new(say, options.port)?);
    say.line("Heirloom: the whole story, on this machine alone. Nothing leaves it.");
    say.line(&format!("Every node has a folder of its own in {}", story.world.folder().display()));
    // Nothing of a dropped future runs on: what it started is killed below, with the rest.
    let is_told = tokio::select! {
        () = Box::pin(story.tell(&mut report)) => true,
        () = stop.wanted() => false,
    };
    let is_ok = is_told && report.is_ok();
    if is_told {
        let open = if options.exit { None } else { story.left_open().await };
        if open.is_some() {
            story.world.stop_all_but(&[people::CURATOR, people::NEWCOMER]).await;
        } else {
            story.world.stop_all().await;
        }
        report.end(open.as_ref());
        if open.is_some() {
            stop.wanted().await;
        }
    } else {
        say.error("it was stopped before the end");
    }
    story.world.stop_all().await;
    if !is_ok && !options.exit && is_told {
        say.line(&format!("What the nodes said is kept in {}", story.world.keep_folder().display()));
    }
    Ok(is_ok)
}

/// Ctrl-C, or a polite kill.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for Ctrl-C");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn wanted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
