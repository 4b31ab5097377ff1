//! The asking half of a session with one peer: what is being waited for, and what is still to be asked.

use crate::io::OrderId;
use crate::sync::hosting::{FRAME, Nonsense, Set};
use crate::sync::opening::opening;
use crate::sync::{Declined, Marks, Order, REQUESTS_MAX, ROUNDS_MAX, SESSION_BYTES_MAX};
use heirloom_proto::sync::{Filter, NAMES_MAX, OPEN_MESSAGE_BYTES_MAX, Request, Salt};
use heirloom_proto::{Key, Sha256, Statement, StatementId, Verified};
use negentropy::{Id, Negentropy};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// An answer.
    Answer {
        /// To which order.
        order: OrderId,
        /// After this it counts as failed.
        by: Duration,
    },
    /// The time at which the next request may be sent.
    Until(Duration),
}

/// A log that is being fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetching {
    /// Whose.
    pub author: Key,
    /// Beyond which number comes next.
    pub after: Order,
    /// From the very beginning.
    pub is_from_start: bool,
    /// Only to hear whether the peer has it whole.
    pub is_probe: bool,
}

/// A session.
#[derive(Debug)]
pub struct Asking {
    salt: Salt,
    /// Keys asked about, those wanted most first; what concerns others is not taken in.
    pub asked: Vec<Key>,
    set: Set,
    message: Option<Request>,
    need: BTreeSet<Sha256>,
    /// Those of the request under way.
    naming: Vec<Sha256>,
    /// Keys whose head here the peer does not have.
    lacking: BTreeSet<Key>,
    /// What it was thought to have and has no longer.
    pub gone: BTreeSet<StatementId>,
    /// Keys of which the peer showed a head that was not here.
    pub offered: BTreeSet<Key>,
    rounds: u32,
    requests: u32,
    bytes: u64,
    is_planned: bool,
    /// Logs to fetch.
    pub todo: VecDeque<Key>,
    /// The one under way.
    pub fetching: Option<Fetching>,
    /// Rotations and proofs, for when the logs are there.
    pub late: Vec<Verified<Statement>>,
    /// What it waits for.
    pub wait: Wait,
    /// Somebody was followed since it began.
    pub must_repeat: bool,
    /// Bytes of the reconciliation alone, both ways.
    pub reconcile_bytes: u64,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Ask(Request),
    /// Say which logs to fetch: the plan.
    Plan,
    /// Choose where to begin the next of `todo`.
    Begin,
    /// Nothing: it is over.
    Over,
}

impl Asking {
    /// A session about these keys; the filter holds them and decoys. What the peer named in vain before, made ready for
    /// these keys, is not asked for again.
    #[must_use]
    pub fn new(marks: &Marks, declined: &Declined, filter: Filter, asked: Vec<Key>, mono: Duration) -> Option<Self> {
        let set = Set::with(marks, &filter, declined);
        let message = opening(&set.items).ok()?;
        if message.len() > OPEN_MESSAGE_BYTES_MAX {
            return None;
        }
        let reconcile_bytes = message.len() as u64;
        Some(Self {
            salt: filter.salt(),
            asked,
            set,
            message: Some(Request::Open { filter, message }),
            need: BTreeSet::new(),
            naming: Vec::new(),
            lacking: BTreeSet::new(),
            gone: BTreeSet::new(),
            offered: BTreeSet::new(),
            rounds: 1,
            requests: 0,
            bytes: 0,
            is_planned: false,
            todo: VecDeque::new(),
            fetching: None,
            late: Vec::new(),
            wait: Wait::Until(mono),
            must_repeat: false,
            reconcile_bytes,
        })
    }

    /// The salt of the session.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.salt
    }

    /// Counts what came in; says whether it was too much for one session.
    pub fn takes(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        self.bytes > SESSION_BYTES_MAX
    }

    /// What to do next. A request counts as sent.
    pub fn next_step(&mut self) -> Next {
        self.requests += 1;
        if self.requests > REQUESTS_MAX {
            return Next::Over;
        }
        if let Some(message) = self.message.take() {
            return Next::Ask(message);
        }
        if !self.need.is_empty() {
            let ids: Vec<Sha256> = self.need.iter().take(NAMES_MAX).copied().collect();
            self.naming.clone_from(&ids);
            return Next::Ask(Request::Names { salt: self.salt, ids });
        }
        if !self.is_planned {
            self.is_planned = true;
            return Next::Plan;
        }
        match self.fetching {
            Some(Fetching { author, after, .. }) => Next::Ask(Request::Fetch { author, after }),
            None if self.todo.is_empty() => Next::Over,
            None => Next::Begin,
        }
    }

    /// Takes a message of the reconciliation.
    ///
    /// # Errors
    /// [`Nonsense`]; blame the peer.
    pub fn reconcile(&mut self, message: &[u8]) -> Result<(), Nonsense> {
        if self.is_planned || self.rounds > ROUNDS_MAX {
            return Err(Nonsense);
        }
        self.rounds += 1;
        let mut half = Negentropy::borrowed(&self.set.items, FRAME).map_err(|_| Nonsense)?;
        half.set_initiator();
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let next = half.reconcile_with_ids(message, &mut have, &mut need).map_err(|_| Nonsense)?;
        let name = |id: &Id| Sha256(id.to_bytes());
        // An order that does not differ from run to run.
        self.need.extend(need.iter().map(name));
        for held in have.iter().filter_map(|id| self.set.names.get(&name(id))) {
            if self.set.declined.contains(&held.id) {
                self.gone.insert(held.id);
            } else if held.is_head {
                // Who lacks a rotation or a proof may have the log all the same.
                self.lacking.insert(held.about);
            }
        }
        self.reconcile_bytes += message.len() as u64;
        if let Some(message) = next {
            self.reconcile_bytes += message.len() as u64;
            self.message = Some(Request::Round { salt: self.salt, message });
        }
        // What a peer claims to have is no reason to keep without end: the rest comes with the next session.
        if self.need.len() > crate::sync::ITEMS_MAX {
            return Err(Nonsense);
        }
        Ok(())
    }

    /// How many differences are still to be named.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.need.len()
    }

    /// Whether it waits for names, fetches a log, or reconciles.
    #[must_use]
    pub fn is_naming(&self) -> bool {
        !self.is_planned && !self.need.is_empty()
    }

    /// Notes that a statement came; says whether it was asked for by its name.
    pub fn named(&mut self, statement: &Statement) -> bool {
        let name = self.salt.name_of(&statement.id());
        self.naming.contains(&name) && self.need.remove(&name)
    }

    /// The peer has no more of what it was asked to name.
    pub fn give_up_names(&mut self) {
        for name in std::mem::take(&mut self.naming) {
            self.need.remove(&name);
        }
    }

    /// Whether the peer may have the log of a key as far as its head here.
    #[must_use]
    pub fn may_have(&self, key: &Key) -> bool {
        !self.lacking.contains(key) || self.offered.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::Stored;
    use crate::sync::Hosting;
    use crate::views::Source;
    use heirloom_proto::body::{Head, Rotation};
    use heirloom_proto::{Body, Header, SecretKey, Timestamp};

    fn secret(name: u8) -> SecretKey {
        SecretKey::from_seed(&[name; 32])
    }

    fn says(secret: &SecretKey, seq: u64, body: &Body) -> Verified<Statement> {
        let created = Timestamp(1_790_812_800_000 + seq * 1000);
        let is_head = matches!(body, Body::Head(_));
        let expires = is_head.then_some(Timestamp(created.0 + 1000));
        let header = Header { generation: u32::from(!is_head), seq, created, expires };
        Statement::sign(secret, &header, body).expect("within its limits")
    }

    fn head(name: u8, seq: u64) -> Verified<Statement> {
        says(&secret(name), seq, &Body::Head(Head { live_count: seq, live_root: Sha256([1; 32]), archive: None }))
    }

    fn marks(said: &[&Verified<Statement>]) -> Marks {
        let mut marks = Marks::default();
        for statement in said.iter().map(|said| (*said).clone()) {
            let received = statement.header().created;
            marks.add(&Stored { statement, is_private: false, source: Source::Store, received });
        }
        marks
    }

    /// A session about two keys, over what is here and there, until all is named.
    fn session(here: &[&Verified<Statement>], there: &[&Verified<Statement>]) -> Asking {
        let keys = [secret(1).public(), secret(2).public()];
        let mut filter = Filter::for_keys(Salt([7; 16]), keys.len());
        keys.iter().for_each(|key| filter.insert(key.as_bytes()));
        let declined = Declined::new(filter.salt(), Duration::ZERO);
        let mut host = Hosting::new(&marks(there), &filter, Duration::ZERO);
        let mut asking =
            Asking::new(&marks(here), &declined, filter, keys.to_vec(), Duration::ZERO).expect("a first message");
        while let Next::Ask(request) = asking.next_step() {
            match request {
                Request::Open { message, .. } | Request::Round { message, .. } => {
                    asking.reconcile(&host.reconcile(&message, Duration::ZERO).expect("sense")).expect("sense");
                }
                Request::Names { ids, .. } => {
                    for id in ids {
                        let id = host.set().statement(&id).expect("offered");
                        let statement = there.iter().find(|said| said.id() == id).expect("held");
                        assert!(asking.named(statement));
                        asking.offered.insert(*statement.author());
                    }
                }
                Request::Fetch { .. } => panic!("nothing was planned"),
            }
        }
        asking
    }

    #[test]
    fn a_peer_that_lacks_a_head_is_not_asked_for_its_log() {
        let (alice, bob) = (head(1, 3), head(2, 4));
        let has = |there: &[&Verified<Statement>]| {
            let asking = session(&[&alice, &bob], there);
            [1, 2].map(|name| asking.may_have(&secret(name).public()))
        };
        assert_eq!(has(&[&alice, &bob]), [true, true]);
        assert_eq!(has(&[&bob]), [false, true], "one is lacking");
        assert_eq!(has(&[]), [false, false]);
        assert_eq!(has(&[&head(1, 2), &bob]), [true, true], "an older head: it may have more than is here");
        assert_eq!(has(&[&head(1, 9), &bob]), [true, true], "a newer one");
        let nobody_known = session(&[], &[]);
        assert!(nobody_known.may_have(&secret(1).public()), "of whom no head is here, nothing is known");
    }

    #[test]
    fn who_lacks_a_rotation_may_have_the_log_all_the_same() {
        let (old, next) = (secret(1), secret(3));
        let rotation = Rotation::signed_by(&old, &next.public(), Sha256([4; 32]));
        let rotation = says(&next, 5, &Body::Rotation(rotation));
        let alice = head(1, 3);
        assert!(session(&[&alice, &rotation], &[&alice]).may_have(&old.public()));
    }
}
