//! What a peer named and this node does not keep: a filter matches some keys by chance, and what concerns those would be
//! named again in every session. Remembered here, it counts as held while that peer is asked, and costs nothing.
//!
//! Nothing is decided by it but which names are asked for: a log is judged by ground state alone. Only verified statements
//! about keys that were not asked about come in, and whoever is asked about, since it is followed or rated now, is
//! left out before the session begins. What the peer no longer has is forgotten.

use crate::sync::hosting::Held;
use crate::sync::marks::about;
use crate::sync::{DECLINED_MAX, Marks};
use heirloom_proto::sync::{Filter, Salt};
use heirloom_proto::{Body, Key, Statement, StatementId, Timestamp, Verified};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
struct Shown {
    about: Key,
    created: Timestamp,
    is_head: bool,
}

/// What one peer named in vain, while the salt of its sessions is the same.
#[derive(Debug)]
pub struct Declined {
    salt: Salt,
    shown: BTreeMap<StatementId, Shown>,
    /// When it was used last.
    pub used: Duration,
}

impl Declined {
    /// Nothing yet.
    #[must_use]
    pub fn new(salt: Salt, mono: Duration) -> Self {
        Self { salt, shown: BTreeMap::new(), used: mono }
    }

    /// Remembers a statement about a key that was not asked about. One too many is not remembered.
    pub fn add(&mut self, statement: &Verified<Statement>) {
        let Some(about) = about(statement) else { return };
        if self.shown.len() < DECLINED_MAX {
            let is_head = matches!(statement.body(), Body::Head(_));
            self.shown.insert(statement.id(), Shown { about, created: statement.header().created, is_head });
        }
    }

    /// Makes ready for a session: another salt matches other keys by chance, and what is asked about must be named.
    pub fn prepare(&mut self, filter: &Filter, asked: &[Key], mono: Duration) {
        if self.salt != filter.salt() {
            (self.salt, self.shown) = (filter.salt(), BTreeMap::new());
        }
        self.used = mono;
        let asked: BTreeSet<&Key> = asked.iter().collect();
        self.shown.retain(|_, shown| !asked.contains(&shown.about) && filter.matches(&shown.about));
    }

    /// The peer no longer has these.
    pub fn forget(&mut self, gone: &BTreeSet<StatementId>) {
        self.shown.retain(|id, _| !gone.contains(id));
    }

    /// The salt of its sessions.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// What is not in the store.
    pub(super) fn beyond(&self, marks: &Marks) -> impl Iterator<Item = Held> {
        let shown = self.shown.iter().filter(|(id, _)| marks.get(id).is_none());
        shown.map(|(id, Shown { about, created, is_head })| Held {
            id: *id,
            about: *about,
            created: *created,
            is_head: *is_head,
        })
    }

    /// Keys of which the peer has a head, and when the newest was made: an older one here is no news to it.
    pub(super) fn heads(&self) -> BTreeMap<Key, Timestamp> {
        let mut heads = BTreeMap::new();
        for shown in self.shown.values().filter(|shown| shown.is_head) {
            let newest = heads.entry(shown.about).or_insert(shown.created);
            *newest = shown.created.max(*newest);
        }
        heads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Peer;
    use crate::sync::{Asking, DECLINED_PEERS_MAX, Hosting, Next, SALT_LIFE, Sync};
    use heirloom_proto::body::Head;
    use heirloom_proto::sync::Request;
    use heirloom_proto::{Header, SecretKey, Sha256};

    fn secret(number: usize) -> SecretKey {
        SecretKey::from_seed(&Sha256::of(&number.to_be_bytes()).0)
    }

    fn head(number: usize, seq: u64) -> Verified<Statement> {
        let created = Timestamp(1_790_812_800_000 + seq * 1000 + number as u64);
        let header = Header { generation: 0, seq, created, expires: Some(Timestamp(created.0 + 1000)) };
        let body = Body::Head(Head { live_count: seq, live_root: Sha256([1; 32]), archive: None });
        Statement::sign(&secret(number), &header, &body).expect("a head")
    }

    fn marks(heads: &[Verified<Statement>]) -> Marks {
        let mut marks = Marks::default();
        for statement in heads {
            let received = statement.header().created;
            let source = crate::views::Source::Store;
            marks.add(&crate::ground::Stored { statement: statement.clone(), is_private: false, source, received });
        }
        marks
    }

    /// A filter of that salt in which the keys stand.
    fn filter(salt: Salt, keys: &[Key]) -> Filter {
        let mut filter = Filter::for_keys(salt, keys.len());
        keys.iter().for_each(|key| filter.insert(key.as_bytes()));
        filter
    }

    /// What a session asks to have named of these heads; whatever is not asked about is declined.
    fn session(sync: &mut Sync, there: &[Verified<Statement>], filter: Filter, asked: &[Key]) -> Vec<Key> {
        let peer = Peer(1);
        let mut host = Hosting::new(&marks(there), &filter, Duration::ZERO);
        let mut asking: Asking = sync.open(peer, filter, asked.to_vec(), Duration::ZERO).expect("a session");
        let mut named = Vec::new();
        while let Next::Ask(request) = asking.next_step() {
            match request {
                Request::Open { message, .. } | Request::Round { message, .. } => {
                    let message = host.reconcile(&message, Duration::ZERO).expect("sense");
                    asking.reconcile(&message).expect("sense");
                    sync.declined(peer).expect("open").forget(&std::mem::take(&mut asking.gone));
                }
                Request::Names { ids, .. } => {
                    for id in ids {
                        let id = host.set().statement(&id).expect("offered");
                        let statement = there.iter().find(|head| head.id() == id).expect("held");
                        assert!(asking.named(statement));
                        named.push(*statement.author());
                        if !asked.contains(statement.author()) {
                            sync.declined(peer).expect("open").add(statement);
                        }
                    }
                }
                Request::Fetch { .. } => break,
            }
        }
        named
    }

    #[test]
    fn what_was_named_in_vain_is_named_again_only_when_it_is_new_or_wanted() {
        let mut sync = Sync::new([3; 32]);
        let (wanted, chance) = (secret(1).public(), secret(2).public());
        // The filter matches the second key too, as if by chance.
        let salt = sync.salt(Peer(1), Timestamp(1_790_812_800_000));
        let of = |salt| filter(salt, &[wanted, chance]);
        let mut there = vec![head(2, 1)];
        assert_eq!(session(&mut sync, &there, of(salt), &[wanted]), [chance]);
        assert_eq!(session(&mut sync, &there, of(salt), &[wanted]), []);
        there[0] = head(2, 2);
        assert_eq!(session(&mut sync, &there, of(salt), &[wanted]), [chance], "a newer head");
        assert_eq!(sync.declined(Peer(1)).expect("asked").len(), 1, "it replaced the older one");
        assert_eq!(session(&mut sync, &there, of(salt), &[wanted]), []);
        assert_eq!(session(&mut sync, &there, of(salt), &[wanted, chance]), [chance], "wanted now: it is not held");
        assert!(sync.declined(Peer(1)).expect("asked").is_empty());
        session(&mut sync, &there, of(salt), &[wanted]);
        assert_eq!(session(&mut sync, &there, of(Salt([9; 16])), &[wanted]), [chance], "another salt, other chance");
        there.clear();
        session(&mut sync, &there, of(Salt([9; 16])), &[wanted]);
        assert!(sync.declined(Peer(1)).expect("asked").is_empty(), "what the peer lost is forgotten");
    }

    #[test]
    fn an_older_head_here_gives_way_to_the_one_that_the_peer_has() {
        let mut sync = Sync::new([3; 32]);
        let (wanted, chance) = (secret(1).public(), secret(2).public());
        sync.marks = marks(&[head(2, 1)]);
        let (filter, newer) = (filter(Salt([4; 16]), &[wanted, chance]), head(2, 2));
        assert_eq!(session(&mut sync, std::slice::from_ref(&newer), filter.clone(), &[wanted]), [chance]);
        let asking = sync.open(Peer(1), filter.clone(), vec![wanted], Duration::ZERO).expect("a session");
        let mut host = Hosting::new(&marks(&[newer]), &filter, Duration::ZERO);
        let mut asking = asking;
        let Next::Ask(Request::Open { message, .. }) = asking.next_step() else { panic!("a first message") };
        asking.reconcile(&host.reconcile(&message, Duration::ZERO).expect("sense")).expect("sense");
        assert_eq!((asking.needed(), asking.gone.len()), (0, 0));
        assert_eq!(asking.next_step(), Next::Plan, "one round, no difference");
    }

    #[test]
    fn memory_is_bounded() {
        let mut declined = Declined::new(Salt([1; 16]), Duration::ZERO);
        (0..DECLINED_MAX + 5).for_each(|number| declined.add(&head(number, 1)));
        assert_eq!(declined.len(), DECLINED_MAX);
        declined.prepare(&filter(Salt([1; 16]), &[secret(0).public()]), &[], Duration::ZERO);
        assert!(declined.len() < 10, "what the filter does not match was never asked for: {}", declined.len());
        let mut sync = Sync::new([0; 32]);
        for peer in 0..DECLINED_PEERS_MAX as u64 + 5 {
            let session = sync.open(Peer(peer), filter(Salt([1; 16]), &[]), Vec::new(), Duration::from_secs(peer));
            assert!(session.is_some());
        }
        assert_eq!(sync.declined.len(), DECLINED_PEERS_MAX);
        assert!(sync.declined(Peer(0)).is_none() && sync.declined(Peer(5)).is_some());
    }

    #[test]
    fn salts_are_of_a_peer_and_a_week_and_decoys_of_the_run() {
        let (sync, other) = (Sync::new([1; 32]), Sync::new([2; 32]));
        let week = u64::try_from(SALT_LIFE.as_millis()).expect("a week");
        let at = Timestamp(2900 * week);
        let salt = sync.salt(Peer(1), at);
        assert_eq!(salt, sync.salt(Peer(1), Timestamp(at.0 + week - 1)));
        for another in [sync.salt(Peer(1), Timestamp(at.0 + week)), sync.salt(Peer(2), at), other.salt(Peer(1), at)] {
            assert_ne!(salt, another);
        }
        let keys: Vec<Key> = (0..50).map(|number| secret(number).public()).collect();
        let decoys = sync.decoys(keys.clone(), 8);
        assert_eq!(decoys, sync.decoys(keys.iter().rev().copied().collect(), 8));
        assert_ne!(decoys, other.decoys(keys.clone(), 8));
        let without: Vec<Key> = keys.into_iter().filter(|key| *key != decoys[3]).collect();
        let again = sync.decoys(without, 8);
        assert_eq!(again.iter().filter(|key| decoys.contains(key)).count(), 7, "only the one that left is replaced");
        assert_ne!(sync.nobody(1), sync.nobody(2));
    }
}
