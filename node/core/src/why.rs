//! Explanations as plain data for readers.

use crate::settings::Preset;
use crate::views;
use heirloom_graph::{Explanation, IgnoredReason, NodeId, Opinion, Reason, ReasonKind, Ruling};
use heirloom_proto::Key;
use heirloom_proto::body::Scope;

/// An explanation as plain data for readers.
#[must_use]
pub fn to_why(
    subject: String,
    (of, preset): (Scope, Preset),
    explanation: &Explanation,
    name_of: impl Fn(&Key) -> String,
) -> views::Why {
    let because = explanation.because.iter().map(|reason| because(reason, &name_of)).collect();
    let ignored = explanation.ignored.iter().map(|(id, reason)| (key_of(id), ignored_because(reason))).collect();
    let numbers = &explanation.arithmetic;
    let mut arithmetic = numbers.to_string();
    // The graph knows keys by their bytes alone; people know them by name.
    let decider = match numbers.ruling {
        Some(Ruling::FollowWord { by, .. }) => Some(by),
        _ => None,
    };
    for id in numbers.measured.iter().map(|measured| measured.receiver).chain(decider) {
        arithmetic = arithmetic.replace(&id.to_string(), &name_of(&key_of(&id)));
    }
    let by_bytes = explanation.by_bytes;
    if by_bytes > 1e-9 {
        let note = format!("; {by_bytes:.6} of the support comes from whom only bytes gave a voice, and admits nobody");
        arithmetic.push_str(&note);
    }
    views::Why {
        subject,
        scope: of,
        preset,
        score: explanation.score,
        support: explanation.support,
        band: explanation.band,
        because,
        explained: explanation.explained,
        ignored,
        ignored_more: explanation.ignored_more,
        sums: views::Sums {
            praise: numbers.praise,
            against: numbers.against,
            support: numbers.support,
            witness_factor: numbers.witness_factor,
            mean_level: numbers.mean_level,
            evidence_scale: numbers.evidence_scale,
            distrust_weight: numbers.distrust_weight,
            voted: numbers.voted,
            dormancy: numbers.dormancy,
        },
        arithmetic,
        head: None,
    }
}

fn key_of(id: &NodeId) -> Key {
    Key::known(id.0)
}

fn because(reason: &Reason, name_of: &impl Fn(&Key) -> String) -> views::Because {
    let path: Vec<Key> = reason.path.iter().map(key_of).collect();
    let voter = path.last().map(name_of).unwrap_or_default();
    let (says, lists) = if voter == "you" { ("say", "list") } else { ("says", "lists") };
    let (kind, is_against, note) = match reason.kind {
        ReasonKind::Follow { level } => ("follow", false, format!("you follow this key at level {level}")),
        ReasonKind::Statement { level } => ("attestation", level < 0.0, format!("{voter} {says} level {level}")),
        ReasonKind::Bytes { bytes, weight } => {
            ("evidence", false, format!("{bytes:.0} hash-checked bytes received count {weight:.6}"))
        }
        ReasonKind::OwnDistrust { level } => {
            ("attestation", true, format!("this key distrusts {voter} (level {level}), who has power"))
        }
        ReasonKind::Vote(Opinion::Listing) => ("listing", false, format!("{voter} {lists} it")),
        ReasonKind::Vote(opinion) => {
            let is_against = opinion.level_for_listing().is_some_and(|level| level < 0.0);
            ("verdict", is_against, format!("{voter} found it {}", verdict(opinion)))
        }
    };
    views::Because { path, weight: reason.weight, share: reason.share, is_against, kind, note }
}

/// A verdict as people write it.
fn verdict(opinion: Opinion) -> &'static str {
    match opinion {
        Opinion::Listing => "listed",
        Opinion::Good => "good",
        Opinion::Fake => "fake",
        Opinion::Malware => "malware",
        Opinion::WrongWork => "wrong-work",
        Opinion::Poor => "poor",
        Opinion::Dead => "dead",
    }
}

fn ignored_because(reason: &IgnoredReason) -> String {
    match reason {
        IgnoredReason::Duplicity => "proven to have signed two contradicting successions".into(),
        IgnoredReason::AboutItself => "what a key says of itself does not count".into(),
        IgnoredReason::Expired => "expired".into(),
        IgnoredReason::Replaced => "replaced by a newer one".into(),
        IgnoredReason::OtherScope => "about another scope".into(),
        IgnoredReason::SaysNothing => "says nothing either way".into(),
        IgnoredReason::BytesDespiteDistrust => "bytes do not count beside distrust".into(),
        IgnoredReason::OverBudget { factor } => format!("says more than one voice may: counts {factor:.3}"),
        IgnoredReason::NoPower => "nobody whom you trust vouches for it".into(),
    }
}
