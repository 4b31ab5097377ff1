//! Who has a voice here, and who is distrusted: a page at a time, of an order that is made once after each change.

use super::Service;
use super::read::trust_row;
use crate::command::CirclePart;
use crate::io::Now;
use crate::scoring::node;
use crate::store::{Store, StoreError};
use crate::views::{self, CIRCLE_ROWS_MAX, NAMES_MAX};
use heirloom_graph::{Band, Scope};
use heirloom_proto::Key;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The keys of both parts, each best first.
#[derive(Debug)]
pub(super) struct Order {
    /// Scorings computed when it was made: whoever is followed, attested or seeds is in there.
    computed: u64,
    heard: Vec<Key>,
    distrusted: Vec<Key>,
}

impl<S: Store> Service<S> {
    /// A page of those who have a voice without being followed, or of those who are distrusted, best first.
    pub(super) fn circle(
        &mut self,
        now: Now,
        part: CirclePart,
        skip: usize,
        limit: usize,
    ) -> Result<views::Circle, StoreError> {
        let order = self.order(now);
        let keys = match part {
            CirclePart::Heard => &order.heard,
            CirclePart::Distrusted => &order.distrusted,
        };
        let page: Vec<Key> = keys.iter().skip(skip).take(limit.min(CIRCLE_ROWS_MAX)).copied().collect();
        let bytes = self.ledger.bytes_by_key(&self.bad_releases());
        let scores = self.scoring.scores(now.wall, Scope::Catalogue);
        let mut rows: Vec<views::TrustRow> = page
            .into_iter()
            .map(|key| trust_row(key, scores.key(&node(&key)), scores.distance(&node(&key)), &bytes))
            .collect();
        self.name_rows(now, &mut rows)?;
        Ok(views::Circle { rows, all: keys.len() })
    }

    /// COST: looks at every key of the graph, once after each change of scores; pages of the same state share it.
    fn order(&mut self, now: Now) -> Arc<Order> {
        self.refresh_scoring(now.wall);
        // Brings them up to date, so that their count tells whether anything changed.
        self.scoring.scores(now.wall, Scope::Catalogue);
        let computed = self.scoring.computed();
        if let Some(order) = self.order.as_ref().filter(|order| order.computed == computed) {
            return Arc::clone(order);
        }
        let me = self.identity.key();
        let scores = self.scoring.scores(now.wall, Scope::Catalogue);
        let (mut heard, mut distrusted) = (Vec::new(), Vec::new());
        for (id, score) in scores.keys() {
            let key = Key::known(id.0);
            match score.band {
                Band::Distrusted => distrusted.push((score.score, key)),
                Band::Trusted | Band::Vouched | Band::Earned if key != me && self.curation.of(&key).is_none() => {
                    heard.push((score.score, key));
                }
                _ => {}
            }
        }
        let sorted = |mut rows: Vec<(f64, Key)>| -> Vec<Key> {
            rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            rows.into_iter().map(|(_, key)| key).collect()
        };
        let order = Arc::new(Order { computed, heard: sorted(heard), distrusted: sorted(distrusted) });
        self.order = Some(Arc::clone(&order));
        order
    }

    /// What keys are called here.
    pub(super) fn names_of(&self, keys: BTreeSet<Key>) -> Result<BTreeMap<Key, String>, StoreError> {
        keys.into_iter().take(NAMES_MAX).map(|key| Ok((key, self.name_of(&key)?))).collect()
    }
}
