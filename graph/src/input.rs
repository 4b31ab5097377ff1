//! What the graph is told: plain structs, checked at the door of [`crate::TrustGraph`].

use crate::ids::{NodeId, ReleaseId};

/// What a statement is about. A statement of [`Scope::All`] counts in every scope in which the same issuer said
/// nothing narrower about the same subject; a narrower one replaces it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `*`: every scope.
    All,
    /// Listings and verdicts about releases.
    Catalogue,
    /// Work records.
    Metadata,
    /// Seeding.
    Seed,
}

/// One attestation: `issuer` gives `subject` a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statement {
    /// Who says it.
    pub issuer: NodeId,
    /// About whom. A statement about oneself is kept, and ignored by the metric.
    pub subject: NodeId,
    /// In which scope.
    pub scope: Scope,
    /// Level in -1..=1 (full 1, high .75, medium .5, low .25, none 0, distrust -1).
    pub level: f64,
    /// When it was made, Unix milliseconds. The newest of (issuer, subject, scope) counts; of two with the same
    /// time the lower level does.
    pub time_ms: u64,
    /// When it stops counting, Unix milliseconds; `None` = never. An expired statement is as good as absent.
    pub expires_ms: Option<u64>,
}

/// Hash-checked bytes of one day (or of one receipt).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayBytes {
    /// When they were received, Unix milliseconds.
    pub time_ms: u64,
    /// How many.
    pub bytes: u64,
    /// Of which release: at most [`crate::Values::release_bytes_max`] of each count, the newest first. Receipts
    /// name none (`None`); those of one time are then treated as one release.
    pub release: Option<ReleaseId>,
}

/// Measured proof of seed: `receiver` received bytes from `subject`. Only the receiver's own ledger or receipts
/// belong here: then a lie costs nobody but the liar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who received, and says so.
    pub receiver: NodeId,
    /// Who sent.
    pub subject: NodeId,
    /// Where it counts. Bytes given for several scopes are given once for each; those of [`Scope::All`] count
    /// in each scope, beside the scope's own.
    pub scope: Scope,
    /// The bytes, in any order. Further evidence of the same receiver, subject and scope adds to them.
    pub day_bytes: Vec<DayBytes>,
}

/// How much I trust a key that I follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FollowLevel {
    /// .25: its word alone makes a release vouched, not trusted.
    Low,
    /// .5: its word alone makes a release trusted, just.
    Medium,
    /// .75.
    High,
    /// 1: its word is as good as mine.
    Full,
}

impl FollowLevel {
    /// The level as a number in (0, 1].
    #[must_use]
    pub fn value(self) -> f64 {
        match self {
            Self::Low => 0.25,
            Self::Medium => 0.5,
            Self::High => 0.75,
            Self::Full => 1.0,
        }
    }
}

/// What a root is to me.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// My own key.
    Me,
    /// A key I follow: it votes, and those it trusts gain a voice.
    Follow(FollowLevel),
    /// A follow of depth zero (the starter catalogue): it votes, but gives nobody else a voice. It takes no share
    /// of the reach, since it would pass on none.
    FollowOnly(FollowLevel),
}

/// Where trust begins: my own key, or a key I follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// The key.
    pub key: NodeId,
    /// Mine, or followed, and how.
    pub kind: RootKind,
    /// Where it is a root. As with statements, a narrower one replaces that of [`Scope::All`].
    pub scope: Scope,
}

impl Root {
    /// My own key, a root in every scope.
    #[must_use]
    pub fn me(key: NodeId) -> Self {
        Self { key, kind: RootKind::Me, scope: Scope::All }
    }

    /// A followed key, in every scope.
    #[must_use]
    pub fn follow(key: NodeId, level: FollowLevel) -> Self {
        Self { key, kind: RootKind::Follow(level), scope: Scope::All }
    }

    /// A key followed at depth zero, in every scope: it votes, and gives nobody else a voice.
    #[must_use]
    pub fn follow_only(key: NodeId, level: FollowLevel) -> Self {
        Self { key, kind: RootKind::FollowOnly(level), scope: Scope::All }
    }

    /// The same follow in one scope only.
    #[must_use]
    pub fn in_scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }
}

/// What a key says of a release. Ordered from best to worst: of two verdicts with one time, the worse counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opinion {
    /// It listed the release: level .75.
    Listing,
    /// Verdict good: level 1.
    Good,
    /// Verdict poor (quality): level .25, and no declared support.
    Poor,
    /// Verdict dead: no seeds. Says nothing about trust.
    Dead,
    /// Verdict wrong work: against what the listing claims, not against the torrent.
    WrongWork,
    /// Verdict fake: against.
    Fake,
    /// Verdict malware: against.
    Malware,
}

impl Opinion {
    /// Level of the vote in the torrent itself, in -1..=1; `None` = says nothing about it.
    #[must_use]
    pub fn level(self) -> Option<f64> {
        match self {
            Self::Listing => Some(0.75),
            Self::Good => Some(1.0),
            Self::Poor => Some(0.25),
            Self::Fake | Self::Malware => Some(-1.0),
            Self::WrongWork | Self::Dead => None,
        }
    }

    /// Level of the vote in the listing: as [`Opinion::level`], and wrong work is against.
    #[must_use]
    pub fn level_for_listing(self) -> Option<f64> {
        if self == Self::WrongWork { Some(-1.0) } else { self.level() }
    }
}

/// One key's opinion of one release. A key has one vote per release: its newest verdict, or else its listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseVote {
    /// Who says it.
    pub voter: NodeId,
    /// Of which release.
    pub release: ReleaseId,
    /// What.
    pub opinion: Opinion,
    /// When, Unix milliseconds. Of two verdicts with the same time the worse counts.
    pub time_ms: u64,
    /// When it stops counting, Unix milliseconds; `None` = never.
    pub expires_ms: Option<u64>,
}

/// Why an input was refused. The graph is unchanged.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum InputError {
    /// A level outside -1..=1, or not a number. Whoever decoded it should have refused it.
    #[error("level {level} of {issuer:?} about {subject:?} is not within -1..=1")]
    Level {
        /// Issuer of the statement.
        issuer: NodeId,
        /// Its subject.
        subject: NodeId,
        /// The refused level.
        level: f64,
    },
    /// A second own key. Remove the first root before adding another.
    #[error("{second:?} cannot be my key, {first:?} already is")]
    SecondSelf {
        /// My key so far.
        first: NodeId,
        /// The refused one.
        second: NodeId,
    },
}
