//! The steps of the story, what each proved, and the summary. It must not know what the steps do.

use super::say::Say;
use anyhow::Result;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longest that one step may take, whatever it waits for.
const STEP_MAX: Duration = Duration::from_secs(240);

struct Step {
    name: &'static str,
    is_ok: bool,
    detail: String,
    took: Duration,
}

/// Steps so far.
pub struct Report {
    say: Say,
    steps: Vec<Step>,
    began: Instant,
}

/// The nodes that stay up after the story.
pub struct Open {
    /// The newcomer's web address.
    pub http: String,
    /// A link to its page that works once.
    pub page: Option<String>,
    /// Name and home of each node.
    pub homes: Vec<(String, String)>,
    /// Things to try, as commands.
    pub commands: Vec<String>,
}

impl Report {
    /// No steps yet.
    pub fn new(say: Say) -> Self {
        Self { say, steps: Vec::new(), began: Instant::now() }
    }

    /// Runs a step: prints what is done, waits for it, prints what it proved. A failed step does not end the story, since
    /// the next ones may tell why.
    pub async fn step(&mut self, name: &'static str, title: &str, work: impl Future<Output = Result<String>>) {
        self.say.line(&format!("\n{:>4}  {title}", self.steps.len() + 1));
        let began = Instant::now();
        let outcome = tokio::time::timeout(STEP_MAX, Box::pin(work)).await;
        let took = began.elapsed();
        let (is_ok, detail) = match outcome {
            Ok(Ok(proved)) => (true, proved),
            Ok(Err(error)) => (false, format!("{error:#}")),
            Err(_) => (false, format!("it was not done after {} s", STEP_MAX.as_secs())),
        };
        let mark = if is_ok { "ok" } else { "FAILED" };
        self.say.line(&format!("      {mark}, {:.1} s: {detail}", took.as_secs_f64()));
        self.steps.push(Step { name, is_ok, detail, took });
    }

    /// Whether every step held.
    pub fn is_ok(&self) -> bool {
        !self.steps.is_empty() && self.steps.iter().all(|step| step.is_ok)
    }

    /// The end: the summary, and who is still there to be tried.
    pub fn end(&self, open: Option<&Open>) {
        let held = self.steps.iter().filter(|step| step.is_ok).count();
        let seconds = self.began.elapsed().as_secs_f64();
        self.say.line(&format!("\n{held} of {} steps held, in {seconds:.0} s.", self.steps.len()));
        for step in self.steps.iter().filter(|step| !step.is_ok) {
            self.say.line(&format!("  failed: {}: {}", step.name, step.detail));
        }
        if let Some(open) = open {
            self.say.line("\nTwo nodes stay up until Ctrl-C. In another terminal:");
            for command in &open.commands {
                self.say.line(&format!("  {command}"));
            }
            self.say.line(&format!("The newcomer's web address: {}", open.http));
            if let Some(page) = &open.page {
                self.say.line(&format!("Its page, in a browser, once and within five minutes: {page}"));
            }
        }
        self.say.result(&self.summary(open, seconds));
    }

    fn summary(&self, open: Option<&Open>, seconds: f64) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| {
                let seconds = step.took.as_secs_f64();
                json!({ "name": step.name, "ok": step.is_ok, "detail": step.detail, "seconds": rounded(seconds) })
            })
            .collect();
        let mut summary = json!({ "ok": self.is_ok(), "steps": steps, "seconds": rounded(seconds) });
        if let Some(open) = open {
            let homes: serde_json::Map<String, Value> =
                open.homes.iter().map(|(name, home)| (name.clone(), json!(home))).collect();
            summary["open"] = json!({ "http": open.http, "page": open.page, "homes": homes });
        }
        summary
    }
}

/// To milliseconds: more is noise.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
