//! The scores of a day as this node tells them: bytes rank, but they admit nobody and condemn nobody.
//!
//! In the metric an edge of bytes carries reach, so whoever uploaded enough gets a voice, and a listing by that voice is
//! a declared vote. Bandwidth can be bought. So the support that admits, and the verdict of distrust, are those of the
//! same graph without any bytes: 4 GB buy the band *earned*, and neither a vouched listing nor a slander.

use heirloom_graph::{Band, Epoch, NodeId, ReleaseId, Score, Scores};

/// Scores in one scope on one day.
#[derive(Debug)]
pub struct DayScores {
    /// With everything that counts.
    all: Scores,
    /// Without bytes; `None` where there are none, and then both are the same.
    declared: Option<Scores>,
}

impl DayScores {
    /// Of one graph, with its bytes and without.
    #[must_use]
    pub fn new(all: Scores, declared: Option<Scores>) -> Self {
        Self { all, declared }
    }

    /// The day.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.all.epoch()
    }

    /// The scores with everything that counts, for what explains or audits them.
    #[must_use]
    pub fn all(&self) -> &Scores {
        &self.all
    }

    /// Trust in a key.
    #[must_use]
    pub fn key(&self, key: &NodeId) -> Score {
        self.told(self.all.key(key), |scores| scores.key(key))
    }

    /// Confidence in what is listed under a release.
    #[must_use]
    pub fn listing(&self, release: &ReleaseId) -> Score {
        self.told(self.all.listing(release), |scores| scores.listing(release))
    }

    /// Every key with its score, in key order.
    pub fn keys(&self) -> impl Iterator<Item = (NodeId, Score)> + '_ {
        self.all.keys().map(|(id, score)| (id, self.told(score, |scores| scores.key(&id))))
    }

    fn told(&self, score: Score, of: impl FnOnce(&Scores) -> Score) -> Score {
        let Some(scores) = &self.declared else { return score };
        let declared = of(scores);
        let thresholds = self.all.params().thresholds().values();
        let admitted = if declared.support >= thresholds.trusted_support {
            Band::Trusted
        } else if declared.support >= thresholds.vouched_support {
            Band::Vouched
        } else {
            Band::Earned
        };
        let band = match score.band {
            // What the word of a root decides needs no support.
            Band::Trusted | Band::Vouched if declared.band <= score.band => score.band,
            Band::Trusted | Band::Vouched => admitted.max(score.band),
            Band::Distrusted if declared.band != Band::Distrusted => Band::Unknown,
            band => band,
        };
        Score { band, support: score.support.min(declared.support), ..score }
    }
}
