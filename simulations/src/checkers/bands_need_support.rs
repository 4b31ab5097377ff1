//! What nodes tell their owners: bands follow from score and support, better bands stand first, and a fake is never
//! trusted or vouched by somebody honest.

use super::{Checker, Held, Property, Step};
use heirloom_core::command::Reply;
use heirloom_core::scoring::band_rank;
use heirloom_core::views::{Release, TrustRow};
use heirloom_graph::Band;

const PROPERTY: Property = Property::BandsNeedSupport;
/// Least score of a release or key that is trusted or vouched; the thresholds that every core of a world has.
const SCORE_MIN: f64 = 0.2;
/// Least declared support of what is trusted.
const TRUSTED_SUPPORT_MIN: f64 = 0.5;
/// Least declared support of what is vouched.
const VOUCHED_SUPPORT_MIN: f64 = 0.1;
/// Thresholds are compared with sums of floats.
const EPSILON: f64 = 1e-9;

#[derive(Debug)]
pub(crate) struct BandsNeedSupport;

impl Checker for BandsNeedSupport {
    fn step(&mut self, step: &Step<'_>) -> Held {
        for reply in step.replies() {
            match reply {
                Reply::Work(work) => {
                    is_in_order(step, &work.releases)?;
                    fakes_stay_below(step, &work.releases)?;
                    work.releases.iter().try_for_each(has_support)?;
                }
                Reply::Works(found) => {
                    for best in found.iter().filter_map(|found| found.best.as_ref()) {
                        fakes_stay_below(step, std::slice::from_ref(best))?;
                        has_support(best)?;
                    }
                }
                Reply::Trust(rows) => rows.iter().try_for_each(keys_need_support)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Nothing distrusted or unknown stands above something trusted.
fn is_in_order(step: &Step<'_>, releases: &[Release]) -> Held {
    match releases.windows(2).find(|pair| band_rank(pair[0].band) > band_rank(pair[1].band)) {
        Some(pair) => PROPERTY.broken(format!("n{} shows {:?} above {:?}", step.node, pair[0].band, pair[1].band)),
        None => Ok(()),
    }
}

fn fakes_stay_below(step: &Step<'_>, releases: &[Release]) -> Held {
    // Whoever lists fakes trusts themselves, and so does who was told to by a curator gone bad.
    if step.truth.is_faker(step.node) {
        return Ok(());
    }
    let is_admitted = |release: &&Release| band_rank(release.band) <= band_rank(Band::Vouched);
    match releases.iter().filter(is_admitted).find(|release| step.truth.is_fake(&release.infohash)) {
        Some(fake) => PROPERTY.broken(format!("n{} shows the fake {} as {}", step.node, fake.infohash, fake.band)),
        None => Ok(()),
    }
}

/// The score ranks, the support admits: no score makes anything trusted by itself.
fn has_support(release: &Release) -> Held {
    let least = match release.band {
        Band::Trusted => TRUSTED_SUPPORT_MIN,
        Band::Vouched => VOUCHED_SUPPORT_MIN,
        _ => return Ok(()),
    };
    if release.score >= SCORE_MIN - EPSILON && release.support >= least - EPSILON {
        Ok(())
    } else {
        PROPERTY.broken(format!(
            "{} is {} with score {} and support {}",
            release.infohash, release.band, release.score, release.support
        ))
    }
}

fn keys_need_support(row: &TrustRow) -> Held {
    // My own key and my follows stand at distance 0 and 1 by my own decision.
    let is_root = row.distance.is_some_and(|hops| hops <= 1);
    let least = match row.band {
        Band::Trusted if !is_root => TRUSTED_SUPPORT_MIN,
        Band::Vouched => VOUCHED_SUPPORT_MIN,
        _ => return Ok(()),
    };
    if row.score >= SCORE_MIN - EPSILON && row.support >= least - EPSILON {
        Ok(())
    } else {
        PROPERTY.broken(format!("{} is {} with score {} and support {}", row.key, row.band, row.score, row.support))
    }
}
