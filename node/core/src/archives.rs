//! Archives: which are made, fetched, kept and refused, and when.
//!
//! A key with many statements has its whole log as a file in a torrent, so that whoever follows it late takes it from
//! many followers at once instead of page by page from one. The owner makes it of the own log. A follower fetches it when
//! much is missing, checks every statement like any other, and seeds it on; a follower that has the log anyway makes the
//! same file anew. It must not know the store's log, nor files: `service/archive.rs` reads the one, the driver the other.

use crate::fields::Fields;
use crate::ground::Ground;
use crate::io::OrderId;
use crate::store::{Durability, Store, StoreError, Table};
use crate::sync::Order;
use heirloom_proto::archive::Log;
use heirloom_proto::{Infohash, Key, Sha256, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Live public statements above which a key makes an archive. Two frames of sync hold as many: below that, looking for a
/// torrent costs more than asking a peer.
pub const ARCHIVE_AT: usize = 256;
/// Below this it makes none any longer; half, so that a log at the edge does not come and go.
pub const ARCHIVE_UNTIL: usize = ARCHIVE_AT / 2;
/// A new archive is due when this part of the old one has changed: then a follower still has seven eighths of the log from it.
pub const CHANGED_PART: u64 = 8;
/// Shortest time between two archives of a key. All followers make or fetch each new one, up to 64 MiB.
pub const PERIOD: Duration = Duration::from_secs(3600);
/// After this a new one is due whatever little has changed: what was taken back leaves the archive too.
pub const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long an owner must have said nothing before an archive is made: who imports a thousand works makes one, not five.
pub const QUIET: Duration = Duration::from_secs(10);
/// How long an archive that is due waits for that quiet at most.
pub const QUIET_WAIT_MAX: Duration = Duration::from_secs(10 * 60);
/// How long an archive that its head no longer names is seeded for those who are fetching it: longer than
/// [`FIND_MAX`] and the longest transfer together.
pub const GRACE: Duration = Duration::from_secs(3600);

/// Statements that must be missing here before an archive is fetched; with fewer, sync is done before a peer is found.
pub const MISSING_MIN: u64 = 128;
/// And this part of the log: an archive is fetched whole, so with less than half missing sync takes fewer bytes.
pub const MISSING_PART: u64 = 2;
/// Archives fetched at once. Each may be 64 MiB on the disk before it is read.
pub const FETCHES_MAX: usize = 4;
/// Archives that wait for that; who follows more large logs at once has the rest by sync.
pub const WAITING_MAX: usize = 32;
/// How long one waits at most before sync takes its log instead.
pub const WAIT_MAX: Duration = Duration::from_secs(120);
/// How long sync leaves a log alone while somebody who has its archive is looked for. The DHT and a handshake take a few
/// seconds; who follows a key whose archive nobody has sees what it lists no later than this.
pub const LEAD: Duration = Duration::from_secs(8);
/// How long somebody who has it is looked for at most, after [`LEAD`] beside sync.
pub const FIND_MAX: Duration = Duration::from_secs(45);
/// Slowest transfer that is waited for, in bytes a second: sync gives no peer more than four times that.
pub const SLOWEST: u64 = 64 << 10;
/// How long a transfer may take beyond what its size takes at that speed.
pub const TRANSFER_SPARE: Duration = Duration::from_secs(30);
/// How long the driver may take for a step on the disk.
pub const STEP_MAX: Duration = Duration::from_secs(300);
/// After one archive of a key none other of it is fetched or made anew for so long: nobody may keep sync waiting, or this
/// disk busy, by naming one after the other. Half of [`PERIOD`], so that an honest owner's next one is never too early.
pub const REST: Duration = Duration::from_secs(1800);

/// Archives of others that are kept and seeded.
pub const KEPT_MAX: usize = 100;
/// Their bytes altogether: eight of the largest. Those that were superseded go first, then those of the lowest follow
/// level, then the oldest; the one that comes gives way itself to what is followed more.
pub const KEPT_BYTES_MAX: u64 = 512 << 20;

/// Envelopes handed to the driver at once, in bytes: few, so that no other input waits long.
pub const PART_BYTES_MAX: usize = 256 << 10;

/// What is remembered of an archive over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What is done with it.
    pub state: State,
    /// SHA-256 of its file.
    pub sha256: Sha256,
    /// Size of its file.
    pub bytes: u64,
    /// Statements in it.
    pub statements: u64,
    /// Number of the last of them.
    pub last: Order,
    /// Since when it is in that state.
    pub since: Timestamp,
}

/// What is done with an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being fetched or read; after a restart it is gone on with.
    Begun,
    /// It is seeded.
    Seeded,
    /// The head names another; seeded for [`GRACE`].
    Superseded,
    /// It is not what the head says. Not asked for again.
    Refused,
}

/// A fetch under way.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Whose.
    pub author: Key,
    /// Its torrent.
    pub infohash: Infohash,
    /// What the head says its file is.
    pub sha256: Sha256,
    /// Its file is here and is being read.
    pub is_reading: bool,
    /// Until when sync waits although nobody was found who has it; `None` once that is over.
    pub lead: Option<Duration>,
    /// When it counts as failed.
    pub by: Duration,
    /// Size of its file, once known.
    pub bytes: u64,
    /// What was read.
    pub log: Log,
    /// Statements that were read.
    pub statements: u64,
}

/// A file that is being written.
#[derive(Clone, Debug)]
pub struct Write {
    /// By which order.
    pub order: OrderId,
    /// Whose log.
    pub author: Key,
    /// What must come out, if it is not the owner's: what the head says.
    pub expected: Option<(Infohash, Sha256)>,
    /// The last statement written.
    pub last: Order,
    /// The last that may be.
    pub until: Order,
    /// Statements written.
    pub statements: u64,
    /// Bytes of the file so far.
    pub bytes: u64,
    /// When it counts as failed.
    pub by: Duration,
}

/// One that waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its torrent.
    pub infohash: Infohash,
    /// Its file.
    pub sha256: Sha256,
    /// Until when sync waits for it; `None` once that is over.
    pub lead: Option<Duration>,
    /// Until when.
    pub by: Duration,
}

impl Fetch {
    /// Whether somebody was found who has it.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.bytes > 0 || self.is_reading
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Archives {
    kept: BTreeMap<(Key, Infohash), Kept>,
    /// Fetches under way.
    pub fetches: BTreeMap<OrderId, Fetch>,
    /// Those that wait, by author.
    pub waiting: BTreeMap<Key, Waiting>,
    /// The file that is being written; one at a time.
    pub write: Option<Write>,
    /// Followed keys whose heads are to be looked at.
    pub look: BTreeSet<Key>,
    /// The same, once no file is being written.
    pub look_later: BTreeSet<Key>,
    /// Keys of which nothing is fetched before a time.
    resting: BTreeMap<Key, Duration>,
    /// What could not be made anew of the log here, or has no room.
    pub unmade: BTreeMap<Key, Infohash>,
    /// When the owner's is to be made.
    pub due: Option<Duration>,
    /// Since when it is due but for the quiet.
    pub due_since: Option<Duration>,
    /// Not before this, after a file could not be written.
    pub not_before: Duration,
}

impl Archives {
    /// Reads what is remembered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(ground: &Ground<S>) -> Result<Self, StoreError> {
        let mut kept = BTreeMap::new();
        for (key, value) in ground.all(Table::Archives, &[])? {
            let place = key.split_at_checked(32).and_then(|(author, infohash)| {
                Some((Key::from_bytes(author.try_into().ok()?).ok()?, Infohash::from_slice(infohash)?))
            });
            if let (Some(place), Some(archive)) = (place, from_bytes(&value)) {
                kept.insert(place, archive);
            }
        }
        Ok(Self { kept, ..Self::default() })
    }

    /// Every one that is remembered.
    pub fn all(&self) -> impl Iterator<Item = (Key, Infohash, &Kept)> {
        self.kept.iter().map(|((author, infohash), kept)| (*author, *infohash, kept))
    }

    /// Those of a key.
    pub fn of(&self, author: &Key) -> impl Iterator<Item = (Infohash, Kept)> + '_ {
        let author = *author;
        let from = (author, Infohash([0; 20]));
        let own = self.kept.range(from..).take_while(move |((of, _), _)| *of == author);
        own.map(|((_, infohash), kept)| (*infohash, *kept))
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, author: &Key, infohash: &Infohash) -> Option<&Kept> {
        self.kept.get(&(*author, *infohash))
    }

    /// Whether a torrent is an archive that this node has to do with: it is no release, and its bytes count for nobody.
    #[must_use]
    pub fn has(&self, infohash: &Infohash) -> bool {
        self.kept.iter().any(|((_, of), kept)| of == infohash && kept.state != State::Refused)
    }

    /// The one of a key that is seeded and not superseded.
    #[must_use]
    pub fn current(&self, author: &Key) -> Option<(Infohash, Kept)> {
        self.of(author).find(|(_, kept)| kept.state == State::Seeded)
    }

    /// Remembers one.
    pub fn set<S: Store>(&mut self, author: Key, infohash: Infohash, kept: Kept, ground: &mut Ground<S>) {
        ground.put(Table::Archives, place(&author, &infohash), Some(to_bytes(&kept)), Durability::Process);
        self.kept.insert((author, infohash), kept);
    }

    /// Forgets one.
    pub fn forget<S: Store>(&mut self, author: &Key, infohash: &Infohash, ground: &mut Ground<S>) {
        if self.kept.remove(&(*author, *infohash)).is_some() {
            ground.put(Table::Archives, place(author, infohash), None, Durability::Process);
        }
    }

    /// Whether sync leaves the log of a key alone, because its archive comes first.
    #[must_use]
    pub fn holds(&self, author: &Key) -> bool {
        let is_held = |fetch: &Fetch| fetch.is_found() || fetch.lead.is_some();
        self.waiting.get(author).is_some_and(|waiting| waiting.lead.is_some())
            || self.fetches.values().any(|fetch| fetch.author == *author && is_held(fetch))
    }

    /// Lets go of the logs whose archives took too long to be found. Says whether there were any.
    pub fn let_go(&mut self, mono: Duration) -> bool {
        let leads = self.fetches.values_mut().filter(|fetch| !fetch.is_found()).map(|fetch| &mut fetch.lead);
        let leads = leads.chain(self.waiting.values_mut().map(|waiting| &mut waiting.lead));
        leads.filter_map(|lead| lead.take_if(|until| *until <= mono)).count() > 0
    }

    /// Whether anything is under way about a key.
    #[must_use]
    pub fn is_busy_with(&self, author: &Key) -> bool {
        self.waiting.contains_key(author)
            || self.fetches.values().any(|fetch| fetch.author == *author)
            || self.write.as_ref().is_some_and(|write| write.author == *author)
    }

    /// No archive of that key is looked for until a time.
    pub fn rest(&mut self, author: Key, mono: Duration) {
        self.resting.retain(|_, until| *until > mono);
        self.resting.insert(author, mono + REST);
    }

    /// Whether archives of that key may be looked for.
    #[must_use]
    pub fn may_fetch(&self, author: &Key, mono: Duration) -> bool {
        self.resting.get(author).is_none_or(|until| *until <= mono)
    }

    /// Forgets what is remembered for a key that is no longer followed.
    pub fn leave(&mut self, author: &Key) {
        self.waiting.remove(author);
        self.resting.remove(author);
        self.unmade.remove(author);
        self.look.remove(author);
        self.look_later.remove(author);
    }

    /// The next time at which something is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let sought =
            |fetch: &Fetch| fetch.lead.filter(|_| !fetch.is_found()).map_or(fetch.by, |lead| lead.min(fetch.by));
        let fetches = self.fetches.values().map(sought);
        let waiting = self.waiting.values().map(|waiting| waiting.lead.map_or(waiting.by, |lead| lead.min(waiting.by)));
        let own = self.due.filter(|_| self.write.is_none());
        fetches.chain(waiting).chain(self.write.as_ref().map(|write| write.by)).chain(own).min()
    }
}

fn place(author: &Key, infohash: &Infohash) -> Vec<u8> {
    let mut bytes = author.as_bytes().to_vec();
    bytes.extend_from_slice(&infohash.0);
    bytes
}

fn to_bytes(kept: &Kept) -> Vec<u8> {
    let state = match kept.state {
        State::Begun => 0,
        State::Seeded => 1,
        State::Superseded => 2,
        State::Refused => 3,
    };
    let mut bytes = vec![state];
    bytes.extend_from_slice(&kept.sha256.0);
    for number in [kept.bytes, kept.statements, u64::from(kept.last.0), kept.last.1, kept.since.0] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Kept> {
    let mut fields = Fields(bytes);
    let state = match fields.u8()? {
        0 => State::Begun,
        1 => State::Seeded,
        2 => State::Superseded,
        3 => State::Refused,
        _ => return None,
    };
    let sha256 = Sha256(fields.array()?);
    let (bytes, statements) = (fields.u64()?, fields.u64()?);
    let last = (u32::try_from(fields.u64()?).ok()?, fields.u64()?);
    Some(Kept { state, sha256, bytes, statements, last, since: Timestamp(fields.u64()?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use heirloom_proto::SecretKey;

    #[test]
    fn what_is_remembered_survives_a_restart() {
        let mut ground = Ground::new(MemoryStore::default());
        let mut archives = Archives::open(&ground).expect("open");
        let alice = SecretKey::from_seed(&[1; 32]).public();
        for (number, state) in (1..).zip([State::Begun, State::Seeded, State::Superseded, State::Refused]) {
            let kept =
                Kept { state, sha256: Sha256([9; 32]), bytes: 7, statements: 3, last: (2, 5), since: Timestamp(8) };
            archives.set(alice, Infohash([number; 20]), kept, &mut ground);
        }
        archives.forget(&alice, &Infohash([3; 20]), &mut ground);
        let again = Archives::open(&ground).expect("open");
        assert_eq!(again.kept, archives.kept);
        assert_eq!(again.of(&alice).count(), 3);
        assert_eq!(again.current(&alice).map(|(infohash, _)| infohash), Some(Infohash([2; 20])));
        assert!(again.has(&Infohash([1; 20])) && !again.has(&Infohash([4; 20])), "what was refused may be anything");
    }
}
