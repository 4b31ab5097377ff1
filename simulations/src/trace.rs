//! What happened, one line an event: hashed always, kept whole on request, the end of it kept for failures.

use heirloom_proto::Sha256;
use std::collections::VecDeque;
use std::time::Duration;

/// Lines shown when something breaks.
const TAIL_LINES: usize = 40;

/// The trace of a run. Two runs of one seed have one digest.
#[derive(Clone, Debug)]
pub struct Trace {
    digest: Sha256,
    count: u64,
    tail: VecDeque<String>,
    whole: Option<Vec<String>>,
}

impl Trace {
    /// An empty trace; `is_whole`: keep every line, to see where two runs part.
    #[must_use]
    pub fn new(is_whole: bool) -> Self {
        Self { digest: Sha256([0; 32]), count: 0, tail: VecDeque::new(), whole: is_whole.then(Vec::new) }
    }

    /// Notes one line.
    pub fn note(&mut self, at: Duration, line: &str) {
        let line = format!("{:>10.3} {line}", at.as_secs_f64());
        let mut bytes = self.digest.0.to_vec();
        bytes.extend_from_slice(line.as_bytes());
        self.digest = Sha256::of(&bytes);
        self.count += 1;
        if let Some(whole) = &mut self.whole {
            whole.push(line.clone());
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line);
    }

    /// Digest over every line so far.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        self.digest
    }

    /// Lines so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The last lines.
    #[must_use]
    pub fn tail(&self) -> String {
        self.tail.iter().cloned().collect::<Vec<_>>().join("\n")
    }

    /// Every line, if they were kept.
    #[must_use]
    pub fn whole(&self) -> &[String] {
        self.whole.as_deref().unwrap_or_default()
    }
}
