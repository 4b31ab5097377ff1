//! What stands in the DHT and when it is put again; which lookups are under way.
//!
//! Items fade in about two hours. The owner looks at the head every hour and at each work item every 90 minutes, and puts
//! it again when few nodes still have it, and before two hours are over in any case. Whoever follows a key looks at what
//! it read of that key as often, and puts it again only when few have it: a thousand followers cost the network a thousand
//! looks and a few puts. Everything is jittered, so that nodes do not march in step.

use crate::command::Command;
use crate::io::{OrderId, RequestId};
use crate::seeking::SeekId;
use heirloom_proto::dht::{HEAD_SALT, Item, work_salt};
use heirloom_proto::{Key, Sha256, WorkId};
use rand_core::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most work items that one key keeps in the DHT: the cost of a curator (`security.md` §1.7); everything else is in its
/// archive.
pub const WORK_ITEMS_MAX: usize = 100;
/// Most items of others that this node keeps putting.
pub const CARRIED_MAX: usize = 128;
/// Time between a put of the head and a look whether it is still there.
pub const HEAD_PERIOD: Duration = Duration::from_secs(60 * 60);
/// Time between a put of a work item and a look whether it is still there; of followers, between two looks.
pub const WORK_PERIOD: Duration = Duration::from_secs(90 * 60);
/// Nodes that have an item when it need not be put again: more than this (`security.md` §4). A put reaches some twenty.
pub const COPIES_ENOUGH: usize = 8;
/// How long the owner may leave an own item to the nodes that have it. They may forget it two hours after the last put,
/// and nobody can see when that was: so what was put so long ago is put again without a look.
pub const PUT_LASTS: Duration = Duration::from_secs(100 * 60);
/// What is left to chance of the time until then; with [`PUT_LASTS`] less than two hours.
const PUT_SPREAD: Duration = Duration::from_secs(10 * 60);
/// Time between two announcements of a work: nodes of the DHT forget after 30 to 45 minutes.
pub const ANNOUNCE_PERIOD: Duration = Duration::from_secs(27 * 60 + 30);
/// Least time between two announcements on the average. One costs some 60 requests and 20 kB, so [`WORK_ITEMS_MAX`] works
/// cost 2.5 requests a second and 70 MB a day, and come round every 40 minutes.
pub const ANNOUNCE_SHARE: Duration = Duration::from_secs(24);
/// Time between two of the many announcements that a start or an import brings: 6 requests a second of the budget of 20.
pub const ANNOUNCE_GAP: Duration = Duration::from_secs(10);
/// First wait after an announcement that was not taken; doubles up to [`ANNOUNCE_PERIOD`].
pub const ANNOUNCE_RETRY: Duration = Duration::from_secs(15);
/// Time between two looks at the head of a follow.
pub const FOLLOW_PERIOD: Duration = Duration::from_secs(60 * 60);
/// First wait after a failed put; doubles up to [`RETRY_MAX`].
pub const RETRY_FIRST: Duration = Duration::from_secs(2);
/// Longest wait after a failed put.
pub const RETRY_MAX: Duration = Duration::from_secs(300);
/// How long a first publish waits for the DHT to say which sequence number it has seen last.
pub const RECOVERY_WAIT: Duration = Duration::from_secs(5);
/// How long an order to the DHT may take before it counts as failed.
pub const ORDER_MAX: Duration = Duration::from_secs(60);
/// How long a lookup takes at most when the user does not say.
pub const LOOKUP_WAIT: Duration = Duration::from_secs(6);
/// Time between two rounds of a lookup that may wait.
pub const LOOKUP_PERIOD: Duration = Duration::from_secs(2);
/// Curators besides the follows whom a lookup asks: the best-scored ones (DESIGN §8).
pub const ASKED_CURATORS_MAX: usize = 32;
/// Follows whom one lookup asks at most, best first; the budget is 20 queries a second.
pub const ASKED_FOLLOWS_MAX: usize = 200;
/// Time between two of the many looks and puts that a start brings: 20 queries a second.
pub const QUERY_GAP: Duration = Duration::from_millis(50);
/// Age at which the owner renews a head that says nothing new: readers call it stale after
/// [`heirloom_proto::limits::HEAD_FRESH_MS`], and a node may be off for days.
pub const HEAD_RENEWAL: Duration = Duration::from_secs(24 * 3600);
/// Lookups under way at once; one more is refused, since each may ask hundreds.
pub const LOOKUPS_MAX: usize = 64;

/// Something of ours that stands in the DHT.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Own {
    /// The head.
    Head,
    /// The listings of a work.
    Work(WorkId),
}

impl Own {
    /// Salt of its item.
    #[must_use]
    pub fn salt(&self) -> Vec<u8> {
        match self {
            Self::Head => HEAD_SALT.to_vec(),
            Self::Work(work) => work_salt(work).to_vec(),
        }
    }
}

/// Something to do at some time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Put one of our own items.
    Put(Own),
    /// Look whether a work item of a follow must be put again.
    Carry([u8; 32], Vec<u8>),
    /// Look at the head of a follow.
    Watch(Key),
    /// Announce a work that the owner lists.
    Announce(WorkId),
}

/// What an order was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Finding the sequence number that the DHT saw last.
    Recover,
    /// Finding the number above which one of our own items must rise.
    Rise(Own),
    /// Counting the nodes that have one of our own items.
    Count(Own),
    /// Putting one of our own items.
    Put(Own),
    /// Counting the nodes that have a work item of a follow.
    CountCarried([u8; 32], Vec<u8>),
    /// Putting an item of a follow again.
    Carry([u8; 32], Vec<u8>),
    /// Announcing a work.
    Announce(WorkId),
    /// Reading the head of a follow.
    Watch(Key),
    /// Reading a work item for a lookup.
    Look {
        /// Whose lookup.
        lookup: RequestId,
        /// Which work.
        work: WorkId,
    },
}

/// A lookup under way.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// What to do with the result.
    pub then: Command,
    /// Which work.
    pub work: WorkId,
    /// Answer at this time, whatever came.
    pub deadline: Duration,
    /// Ask again until then if nothing trusted came.
    pub is_patient: bool,
    /// Orders that are not done.
    pub pending: BTreeSet<OrderId>,
    /// When the next round begins, if this one is over.
    pub next_round: Option<Duration>,
    /// What was last asked of strangers for it.
    pub seek: Option<SeekId>,
    /// When it no longer waits for them.
    pub strangers_by: Duration,
}

impl Lookup {
    /// When something is due for it.
    fn next_due(&self) -> Duration {
        let waits_for_strangers = self.pending.is_empty() && self.next_round.is_none();
        let next = if waits_for_strangers { Some(self.strangers_by) } else { self.next_round };
        next.map_or(self.deadline, |next| next.min(self.deadline))
    }
}

/// A publish whose item is on its way.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Who waits.
    pub request: RequestId,
    /// What was published, to be completed.
    pub published: crate::views::Published,
    /// Orders up to this one were made without it, so their success is not its.
    pub after: OrderId,
    /// Answer at this time even if no node has acknowledged.
    pub deadline: Duration,
}

/// Where an item stands: key and salt.
type Spot = ([u8; 32], Vec<u8>);

/// An order that is not answered.
#[derive(Debug)]
struct UnderWay {
    purpose: Purpose,
    spot: Spot,
    by: Duration,
    /// The highest sequence number that it found.
    seen: Option<i64>,
}

/// An own item that was put, and held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// When.
    pub at: Duration,
    /// Its sequence number.
    pub seq: i64,
    /// SHA-256 of its value.
    pub value: Sha256,
}

/// The schedule.
#[derive(Debug, Default)]
pub struct Replication {
    /// Whether there is a DHT.
    pub has_dht: bool,
    last_order: u64,
    due: BTreeMap<Task, Duration>,
    /// The same by time. COST: what is due is asked with every input, and each follow and work has a task.
    by_time: BTreeSet<(Duration, Task)>,
    failures: BTreeMap<Own, u32>,
    /// The last put of each own item: an answer to an earlier one says nothing about what stands there now.
    newest_put: BTreeMap<Own, OrderId>,
    /// What was last put of each own item, by order and, once it held, for good.
    putting: BTreeMap<OrderId, (i64, Sha256)>,
    held: BTreeMap<Own, Held>,
    /// Works whose items are kept in the DHT, with the newest number said about each.
    items: BTreeMap<WorkId, u64>,
    /// When the next announcement of a work that was not announced before may leave.
    next_announce: Duration,
    /// Announcements in a row that were not taken.
    unannounced: BTreeMap<WorkId, u32>,
    under_way: BTreeMap<OrderId, UnderWay>,
    /// Work items of follows, as read lately.
    carried: BTreeMap<Spot, Item>,
    /// Head items of follows.
    heads: BTreeMap<[u8; 32], Item>,
    /// Lookups by who asked.
    pub lookups: BTreeMap<RequestId, Lookup>,
    /// Publishes that wait for their item.
    pub waiting: BTreeMap<Own, Vec<Waiting>>,
}

impl Replication {
    /// A new order for a purpose, about the item under a key and salt.
    pub fn order(&mut self, mono: Duration, purpose: Purpose, key: [u8; 32], salt: Vec<u8>) -> OrderId {
        let order = self.next_order();
        if let Purpose::Put(own) = &purpose {
            self.newest_put.insert(own.clone(), order);
        }
        self.under_way.insert(order, UnderWay { purpose, spot: (key, salt), by: mono + ORDER_MAX, seen: None });
        order
    }

    /// A new order to put an item.
    pub fn order_put(&mut self, mono: Duration, purpose: Purpose, item: &Item) -> OrderId {
        let is_own = matches!(purpose, Purpose::Put(_));
        let order = self.order(mono, purpose, item.key, item.salt.clone());
        if is_own {
            self.putting.insert(order, (item.seq, Sha256::of(&item.value)));
        }
        order
    }

    /// Notes the sequence number of an item that an order found.
    pub fn note_seen(&mut self, order: OrderId, seq: i64) {
        if let Some(order) = self.under_way.get_mut(&order) {
            order.seen = order.seen.max(Some(seq));
        }
    }

    /// The highest sequence number that an order has found so far.
    #[must_use]
    pub fn seen(&self, order: OrderId) -> Option<i64> {
        self.under_way.get(&order).and_then(|order| order.seen)
    }

    /// A number for an order that is not the DHT's.
    pub fn next_order(&mut self) -> OrderId {
        self.last_order += 1;
        OrderId(self.last_order)
    }

    /// The newest order.
    #[must_use]
    pub fn last_order(&self) -> OrderId {
        OrderId(self.last_order)
    }

    /// What an order was for, while it is under way.
    #[must_use]
    pub fn purpose(&self, order: OrderId) -> Option<&Purpose> {
        self.under_way.get(&order).map(|order| &order.purpose)
    }

    /// Whether an order is about the item under that key and salt.
    #[must_use]
    pub fn is_about(&self, order: OrderId, key: &[u8; 32], salt: &[u8]) -> bool {
        self.under_way.get(&order).is_some_and(|order| order.spot.0 == *key && order.spot.1 == salt)
    }

    /// Ends an order.
    pub fn finish(&mut self, order: OrderId) -> Option<Purpose> {
        self.putting.remove(&order);
        self.under_way.remove(&order).map(|order| order.purpose)
    }

    /// Whether an order was the last put of an own item.
    #[must_use]
    pub fn is_newest_put(&self, own: &Own, order: OrderId) -> bool {
        self.newest_put.get(own) == Some(&order)
    }

    /// Orders that took too long, ended.
    pub fn overdue(&mut self, mono: Duration) -> Vec<(OrderId, Purpose)> {
        // Later orders have later ends.
        let late: Vec<OrderId> =
            self.under_way.iter().take_while(|(_, order)| order.by <= mono).map(|(id, _)| *id).collect();
        late.into_iter().filter_map(|id| self.finish(id).map(|purpose| (id, purpose))).collect()
    }

    /// Keeps the item of a work in the DHT from now on; `seq` is the newest number said about it. Over
    /// [`WORK_ITEMS_MAX`] the item about which nothing was said for longest fades.
    pub fn keep_item(&mut self, work: WorkId, seq: u64) {
        let newest = self.items.entry(work).or_default();
        *newest = (*newest).max(seq);
        while self.items.len() > WORK_ITEMS_MAX {
            let Some(oldest) = self.items.iter().min_by_key(|(_, seq)| **seq).map(|(work, _)| work.clone()) else {
                return;
            };
            self.items.remove(&oldest);
            let own = Own::Work(oldest);
            self.failures.remove(&own);
            self.newest_put.remove(&own);
            self.held.remove(&own);
            if let Own::Work(work) = &own {
                self.unannounced.remove(work);
                self.cancel(&Task::Announce(work.clone()));
            }
            self.cancel(&Task::Put(own));
        }
    }

    /// Whether an own item is kept in the DHT.
    #[must_use]
    pub fn is_kept(&self, own: &Own) -> bool {
        match own {
            Own::Head => true,
            Own::Work(work) => self.items.contains_key(work),
        }
    }

    /// Schedules a task, at the earlier of its times if it is scheduled already.
    pub fn schedule(&mut self, task: Task, at: Duration) {
        if self.due.get(&task).is_none_or(|due| at < *due) {
            self.set_due(task, at);
        }
    }

    fn set_due(&mut self, task: Task, at: Duration) {
        self.cancel(&task);
        self.due.insert(task.clone(), at);
        self.by_time.insert((at, task));
    }

    /// Schedules a task a period from now, give or take a twelfth.
    pub fn schedule_after(&mut self, task: Task, mono: Duration, period: Duration, rng: &mut impl Rng) {
        let spread = period.as_millis() / 6;
        let jitter = u64::try_from(u128::from(rng.next_u64()) % spread.max(1)).unwrap_or(0);
        let period = period - period / 12 + Duration::from_millis(jitter);
        self.set_due(task, mono + period);
    }

    /// Takes a task off the schedule.
    pub fn cancel(&mut self, task: &Task) {
        if let Some((task, at)) = self.due.remove_entry(task) {
            self.by_time.remove(&(at, task));
        }
    }

    /// Tasks whose time has come, taken off the schedule.
    pub fn take_due(&mut self, mono: Duration) -> Vec<Task> {
        let mut due = Vec::new();
        while self.by_time.first().is_some_and(|(at, _)| *at <= mono) {
            due.extend(self.by_time.pop_first().map(|(_, task)| task));
        }
        for task in &due {
            self.due.remove(task);
        }
        // The head before works, whichever was due first.
        due.sort_unstable();
        due
    }

    /// The next time at which something is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        // Without a DHT nothing is put or watched, however long it is due.
        let tasks = self.by_time.first().map(|(at, _)| *at).filter(|_| self.has_dht).into_iter();
        let orders = self.under_way.first_key_value().map(|(_, order)| order.by).into_iter();
        let lookups = self.lookups.values().map(Lookup::next_due);
        let waiting = self.waiting.values().flatten().map(|waiting| waiting.deadline);
        tasks.chain(orders).chain(lookups).chain(waiting).min()
    }

    /// Notes a failed put, and when to try again.
    pub fn retry(&mut self, own: &Own, mono: Duration) {
        // What stands there is not as it should be: the next try is a put without a look.
        self.held.remove(own);
        if !self.is_kept(own) {
            return;
        }
        let failures = self.failures.entry(own.clone()).or_default();
        *failures = failures.saturating_add(1);
        let wait = RETRY_FIRST.saturating_mul(1 << (*failures - 1).min(10)).min(RETRY_MAX);
        self.schedule(Task::Put(own.clone()), mono + wait);
    }

    /// What an order puts, while it is under way.
    #[must_use]
    pub fn put_by(&self, order: OrderId) -> Option<(i64, Sha256)> {
        self.putting.get(&order).copied()
    }

    /// Notes a put that held; `what` is what [`Self::put_by`] said of it.
    pub fn note_held(&mut self, own: &Own, what: Option<(i64, Sha256)>, mono: Duration, rng: &mut impl Rng) {
        self.failures.remove(own);
        if !self.is_kept(own) {
            return;
        }
        if let Some((seq, value)) = what {
            self.held.insert(own.clone(), Held { at: mono, seq, value });
        }
        let period = if *own == Own::Head { HEAD_PERIOD } else { WORK_PERIOD };
        self.schedule_after(Task::Put(own.clone()), mono, period, rng);
    }

    /// The last put of an own item that held.
    #[must_use]
    pub fn held(&self, own: &Own) -> Option<Held> {
        self.held.get(own).copied()
    }

    /// Leaves an own item to the nodes that have it, until its last put is so old that they may forget it.
    pub fn leave(&mut self, own: &Own, held: Held, rng: &mut impl Rng) {
        let spread = u64::try_from(PUT_SPREAD.as_millis()).unwrap_or(u64::MAX);
        let at = held.at + PUT_LASTS + Duration::from_millis(rng.next_u64() % spread);
        self.schedule(Task::Put(own.clone()), at);
    }

    /// Schedules the announcement of a work that was listed just now: at once, or [`ANNOUNCE_GAP`] after the one before.
    pub fn announce_soon(&mut self, work: WorkId, mono: Duration) {
        let last = mono + ANNOUNCE_GAP.saturating_mul(u32::try_from(WORK_ITEMS_MAX).unwrap_or(u32::MAX));
        let at = self.next_announce.clamp(mono, last);
        self.next_announce = at + ANNOUNCE_GAP;
        self.schedule(Task::Announce(work), at);
    }

    /// Notes what became of an announcement, and schedules the next.
    pub fn announced(&mut self, work: &WorkId, is_taken: bool, mono: Duration, rng: &mut impl Rng) {
        if !self.items.contains_key(work) {
            self.unannounced.remove(work);
            return;
        }
        let share = ANNOUNCE_SHARE.saturating_mul(u32::try_from(self.items.len()).unwrap_or(u32::MAX));
        let period = ANNOUNCE_PERIOD.max(share);
        let wait = if is_taken {
            self.unannounced.remove(work);
            period
        } else {
            let failures = self.unannounced.entry(work.clone()).or_default();
            *failures = failures.saturating_add(1);
            ANNOUNCE_RETRY.saturating_mul(1 << (*failures - 1).min(10)).min(period)
        };
        self.schedule_after(Task::Announce(work.clone()), mono, wait, rng);
    }

    /// Keeps the head item of a follow to put it again. Says whether it is newer than the one there was. Follows are few.
    pub fn carry_head(&mut self, item: Item) -> bool {
        let is_newer = self.heads.get(&item.key).is_none_or(|known| known.seq < item.seq);
        if is_newer {
            self.heads.insert(item.key, item);
        }
        is_newer
    }

    /// The newest head item of a follow.
    #[must_use]
    pub fn carried_head(&self, key: &[u8; 32]) -> Option<&Item> {
        self.heads.get(key)
    }

    /// Stops carrying the head of a key.
    pub fn drop_head(&mut self, key: &[u8; 32]) {
        self.heads.remove(key);
    }

    /// Keeps a work item of a follow to put it again. Over the limit the item with the lowest sequence number goes.
    pub fn carry(&mut self, item: Item, mono: Duration, rng: &mut impl Rng) {
        let place = (item.key, item.salt.clone());
        if self.carried.get(&place).is_some_and(|known| known.seq >= item.seq) {
            return;
        }
        let task = Task::Carry(place.0, place.1.clone());
        self.carried.insert(place, item);
        if self.carried.len() > CARRIED_MAX {
            let oldest = self.carried.iter().min_by_key(|(_, item)| item.seq).map(|(place, _)| place.clone());
            if let Some(oldest) = oldest {
                self.cancel(&Task::Carry(oldest.0, oldest.1.clone()));
                self.carried.remove(&oldest);
            }
        }
        self.schedule_after(task, mono, WORK_PERIOD, rng);
    }

    /// Stops carrying an item: somebody holds a newer one.
    pub fn drop_carried(&mut self, key: &[u8; 32], salt: &[u8]) {
        let spot = (*key, salt.to_vec());
        self.carried.remove(&spot);
        self.cancel(&Task::Carry(spot.0, spot.1));
    }

    /// Stops carrying the work items of a key: it took something back, and one of them may still hold it.
    pub fn drop_works_of(&mut self, key: &[u8; 32]) {
        let salts: Vec<Vec<u8>> =
            self.carried.keys().filter(|(author, _)| author == key).map(|(_, salt)| salt.clone()).collect();
        for salt in salts {
            self.drop_carried(key, &salt);
        }
    }

    /// An item that is carried.
    #[must_use]
    pub fn carried(&self, key: &[u8; 32], salt: &[u8]) -> Option<&Item> {
        self.carried.get(&(*key, salt.to_vec()))
    }
}
