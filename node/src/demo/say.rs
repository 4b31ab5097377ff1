//! What the demo says while it runs: to people on stdout, or beside a machine's JSON on stderr. It must not know the story.

use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Where to say it.
#[derive(Clone, Copy, Debug)]
pub struct Say {
    is_json: bool,
}

impl Say {
    /// With JSON, people read stderr.
    pub fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// A line for people. A reader who went away is no reason to stop.
    pub fn line(self, text: &str) {
        let _ = if self.is_json { writeln!(io::stderr(), "{text}") } else { writeln!(io::stdout(), "{text}") };
    }

    /// The result for machines.
    pub fn result(self, json: &serde_json::Value) {
        if self.is_json {
            let _ = writeln!(io::stdout(), "{json}");
        }
    }

    /// What ended the demo.
    pub fn error(self, text: &str) {
        self.result(&serde_json::json!({ "error": { "code": "demo", "message": text } }));
        let _ = writeln!(io::stderr(), "heirloom: the demo did not come to its end: {text}");
    }

    /// A command as somebody would type it, behind the name of who types it.
    pub fn command(self, who: &str, args: &[&str]) {
        let words: Vec<String> = args.iter().map(|word| quoted(word)).collect();
        self.line(&format!("      {who}$ heirloom {}", words.join(" ")));
    }
}

/// A word as a shell wants it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A number with its thousands apart: 1,055,736.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    digits.chars().enumerate().fold(String::new(), |mut out, (at, digit)| {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        let _ = write!(out, "{digit}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(quoted("imdb:tt1254207"), "imdb:tt1254207");
        assert_eq!(quoted("Big Buck Bunny"), "'Big Buck Bunny'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_055_736), "1,055,736");
    }
}
