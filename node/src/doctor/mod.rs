//! What a node needs, each thing tried rather than believed, and how to mend it in one sentence.
//!
//! [`of_home`] and [`of_ports`] need no running node; [`network`] asks the DHT through one, and [`tls`] the proxy before it.

pub(crate) mod clock;
mod home;
pub(crate) mod network;
mod ports;
mod proxy;
pub(crate) mod tls;

use std::borrow::Cow;

pub(crate) use home::of_home;
pub(crate) use ports::of_ports;
pub(crate) use proxy::of_proxy;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as it must be.
    Well,
    /// It could be better: it passes by itself, or somebody chose it so. No reason for `doctor` to fail.
    Warning,
    /// It is not as it must be: `doctor` ends with 1.
    Amiss,
    /// Nobody can tell. Programs see it as well: there is nothing to mend.
    Unknown,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// Its name, as programs know it.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen.
    pub detail: String,
    /// What to do when it is not well: one sentence.
    pub fix: Cow<'static, str>,
}

impl Check {
    /// Of something that is well or amiss.
    pub(crate) fn new(
        name: &'static str,
        is_well: bool,
        detail: impl Into<String>,
        fix: impl Into<Cow<'static, str>>,
    ) -> Self {
        let verdict = if is_well { Verdict::Well } else { Verdict::Amiss };
        Self { name, verdict, detail: detail.into(), fix: fix.into() }
    }

    /// The same of something that is no failure when it is not well.
    pub(crate) fn gently(self) -> Self {
        let verdict = if self.verdict == Verdict::Amiss { Verdict::Warning } else { self.verdict };
        Self { verdict, ..self }
    }

    /// Of something that nobody can tell.
    pub(crate) fn unknown(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Unknown, detail: format!("unknown: {}", why.into()), fix: "".into() }
    }
}

/// A span of time in words.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_tell_is_said_to_be_unknown() {
        let check = Check::unknown("nat", "nobody tried");
        assert_eq!((check.verdict, check.detail.as_str()), (Verdict::Unknown, "unknown: nobody tried"));
        assert_eq!(Check::new("nat", true, "", "").verdict, Verdict::Well);
        assert_eq!(Check::new("nat", false, "", "").verdict, Verdict::Amiss);
        assert_eq!(Check::new("nat", false, "", "").gently().verdict, Verdict::Warning);
        assert_eq!(Check::new("nat", true, "", "").gently().verdict, Verdict::Well);
    }

    #[test]
    fn spans_are_told_in_the_unit_that_fits() {
        assert_eq!([119, 120, 7_200, 172_800].map(span), ["119 s", "2 min", "2 h", "2 days"]);
    }
}
