//! Why a statement did not get in.

use crate::io::Admission;

/// Why a statement did not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// Its time is more than ten minutes ahead of this clock.
    #[error("from the future")]
    Future,
    /// It no longer counts.
    #[error("expired")]
    Expired,
    /// Too old to be pushed; sync may still bring it.
    #[error("too old to push")]
    TooOldToPush,
    /// The same statement is here.
    #[error("known")]
    Known,
    /// A newer one stood at its place.
    #[error("rolled back")]
    RolledBack,
    /// Another statement with the same number wins.
    #[error("lost a conflict")]
    LostConflict,
    /// Its author took it back.
    #[error("retracted")]
    Retracted,
    /// Its author has as many as a key may have.
    #[error("over the quota of its author")]
    OverQuota,
    /// The store holds as much as the owner grants, and nothing in it may go before this.
    #[error("no room in the store")]
    NoRoom,
    /// The disk is nearly full: what room is left is for the owner's own words.
    #[error("the disk is nearly full")]
    DiskLow,
    /// The node is short of memory or processor time, and its author is not followed.
    #[error("put off")]
    PutOff,
    /// Its author pushes too fast.
    #[error("pushed too fast")]
    TooFast,
    /// Nobody here knows its author, and who pushed it has pushed as many such as one may.
    #[error("one more stranger than its pusher may push")]
    StrangerTooFast,
    /// Its author's next key took over and says that the old one is compromised.
    #[error("by a compromised key")]
    Compromised,
    /// Its author committed to another next key before, or was left for another key.
    #[error("contradicts an earlier commitment")]
    Contradicts,
    /// As [`Refusal::Contradicts`], and nobody has said so to everybody: whoever hears it next may.
    #[error("evidence of a contradiction")]
    Evidence,
    /// A rotation to a key that the profile of the previous one did not commit to, or whose profile is not known here.
    #[error("not committed to")]
    Uncommitted,
    /// The key that it accuses is convicted here.
    #[error("proven already")]
    Proven,
    /// A receipt about its own author.
    #[error("a receipt about oneself")]
    AboutItself,
    /// A receipt about a week that was not over when it was made.
    #[error("a receipt about a week that was not over")]
    WeekNotOver,
}

impl Refusal {
    /// Whether no more of the same author can come in now: there is no use in asking for the rest.
    #[must_use]
    pub fn is_full(self) -> bool {
        matches!(self, Self::OverQuota | Self::NoRoom | Self::DiskLow | Self::PutOff)
    }

    /// What gossip does with it. Nobody is blamed for what they could not know.
    #[must_use]
    pub fn admission(self) -> Admission {
        if self == Self::Evidence { Admission::Accept } else { Admission::Ignore }
    }

    /// Name of its counter.
    #[must_use]
    pub fn counter(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Expired => "expired",
            Self::TooOldToPush => "too_old_to_push",
            Self::Known => "known",
            Self::RolledBack => "rolled_back",
            Self::LostConflict => "conflict",
            Self::Retracted => "retracted",
            Self::OverQuota => "over_quota",
            Self::NoRoom => "no_room",
            Self::DiskLow => "disk_low",
            Self::PutOff => "put_off",
            Self::TooFast => "too_fast",
            Self::StrangerTooFast => "stranger_too_fast",
            Self::Compromised => "compromised",
            Self::Contradicts | Self::Evidence => "contradicts",
            Self::Uncommitted => "uncommitted",
            Self::Proven => "proven",
            Self::AboutItself => "receipt_about_itself",
            Self::WeekNotOver => "receipt_too_early",
        }
    }
}
