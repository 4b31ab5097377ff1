//! What reconciling costs: the two halves of a session over many real heads, and their bytes counted.

use heirloom_core::ground::Stored;
use heirloom_core::sync::{Asking, Declined, Hosting, Marks, Next};
use heirloom_core::views::Source;
use heirloom_proto::body::Head;
use heirloom_proto::sync::{Filter, Request, Salt};
use heirloom_proto::{Body, Header, Key, SecretKey, Sha256, Statement, Timestamp};
use std::time::Duration;

/// What it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Heads that the asker lacked and found.
    pub differences: usize,
    /// Bytes of all messages of the reconciliation, both ways.
    pub bytes: u64,
    /// Messages to the answerer.
    pub rounds: u32,
}

/// Reconciles `total` heads of which the asker lacks `missing`: the newest ones, as after a night, or scattered ones.
///
/// # Panics
/// When the halves do not come to an end, or do not find exactly what is missing.
#[must_use]
pub fn reconcile(total: usize, missing: usize, is_clustered: bool) -> Cost {
    let (mut here, mut there, mut keys) = (Marks::default(), Marks::default(), Vec::<Key>::new());
    for number in 0..total {
        let secret = SecretKey::from_seed(&Sha256::of(&number.to_be_bytes()).0);
        keys.push(secret.public());
        let created = Timestamp(1_790_812_800_000 + 60_000 * number as u64);
        let expires = Some(Timestamp(created.0 + 1000));
        let header = Header { generation: 0, seq: created.0, created, expires };
        let head = Body::Head(Head { live_count: 1, live_root: Sha256([1; 32]), archive: None });
        let statement = Statement::sign(&secret, &header, &head).expect("a head");
        let stored = Stored { statement, is_private: false, source: Source::Store, received: created };
        there.add(&stored);
        let is_missing =
            if is_clustered { number >= total - missing } else { (number + 1) % (total / missing).max(1) == 0 };
        if !is_missing {
            here.add(&stored);
        }
    }
    let mut filter = Filter::for_keys(Salt([7; 16]), keys.len());
    keys.iter().for_each(|key| filter.insert(key.as_bytes()));
    let declined = Declined::new(filter.salt(), Duration::ZERO);
    let mut asking = Asking::new(&here, &declined, filter, keys, Duration::ZERO).expect("a first message");
    let mut hosting: Option<Hosting> = None;
    let mut rounds = 0;
    while let Next::Ask(request) = asking.next_step() {
        rounds += 1;
        let message = match request {
            Request::Open { filter, message } => {
                hosting.insert(Hosting::new(&there, &filter, Duration::ZERO)).reconcile(&message, Duration::ZERO)
            }
            Request::Round { message, .. } => hosting.as_mut().expect("opened").reconcile(&message, Duration::ZERO),
            Request::Names { .. } | Request::Fetch { .. } => break,
        };
        asking.reconcile(&message.expect("an answer")).expect("sense");
    }
    let differences = asking.needed();
    assert_eq!(differences, there.len() - here.len(), "all that is missing is found, and nothing else");
    Cost { differences, bytes: asking.reconcile_bytes, rounds: rounds - 1 }
}
