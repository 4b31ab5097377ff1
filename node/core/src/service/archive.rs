//! Archives: made of the own log, fetched of those that are followed, read, seeded on, and given up.

use super::Service;
use crate::archives::{
    AGE_MAX, ARCHIVE_AT, ARCHIVE_UNTIL, CHANGED_PART, FETCHES_MAX, FIND_MAX, Fetch, GRACE, KEPT_BYTES_MAX, KEPT_MAX,
    Kept, LEAD, MISSING_MIN, MISSING_PART, PART_BYTES_MAX, PERIOD, QUIET, QUIET_WAIT_MAX, SLOWEST, STEP_MAX, State,
    TRANSFER_SPARE, WAIT_MAX, WAITING_MAX, Waiting, Write,
};
use crate::command::{CommandError, Fault};
use crate::ground::Stored;
use crate::ingest::Standing;
use crate::io::{ArchiveEvent, ArchiveFault, ArchiveOrder, Now, OrderId, Output};
use crate::store::{Store, StoreError};
use crate::sync::Order;
use crate::views::{self, ArchiveState, Source};
use heirloom_proto::archive::{ARCHIVE_BYTES_MAX, ArchiveError, Log};
use heirloom_proto::body::Head;
use heirloom_proto::statement_file::{MAGIC, end, record_bytes};
use heirloom_proto::{Body, Infohash, Key, Kind, Sha256};
use std::time::Duration;

/// Places of a log that are looked up at once.
const PLACES_AT_ONCE: usize = 256;

impl<S: Store> Service<S> {
    /// Whether archives travel: without a DHT nobody would find one.
    fn has_archives(&self) -> bool {
        self.has_torrents && self.replication.has_dht
    }

    fn order_archive(&mut self, order: ArchiveOrder) {
        self.held.push(Output::Archive(order));
    }

    /// The adapters listen: what was seeded is seeded again, what was begun is gone on with.
    pub(super) fn start_archives(&mut self, now: Now) -> Result<(), StoreError> {
        if !self.has_torrents {
            return Ok(());
        }
        let me = self.identity.key();
        let all: Vec<(Key, Infohash, Kept)> =
            self.archives.all().map(|(author, infohash, kept)| (author, infohash, *kept)).collect();
        let has_file = |kept: &Kept| kept.state != State::Refused;
        let keep = all.iter().filter(|(_, _, kept)| has_file(kept)).map(|(_, infohash, _)| *infohash).collect();
        self.order_archive(ArchiveOrder::Tidy { keep });
        for (author, infohash, kept) in all {
            match kept.state {
                State::Seeded | State::Superseded => {
                    self.order_archive(ArchiveOrder::Seed { infohash, author, named: author == me });
                }
                State::Begun if self.has_archives() && self.standing(&author) == Standing::Followed => {
                    self.begin_fetch(now, author, infohash, kept.sha256, Some(now.mono + LEAD));
                }
                State::Begun => self.drop_archive(&author, &infohash),
                State::Refused => {}
            }
        }
        self.archives.look.extend(self.curation.all().keys().copied());
        Ok(())
    }

    /// What time brings about here.
    pub(super) fn archive_tick(&mut self, now: Now) -> Result<(), StoreError> {
        for author in std::mem::take(&mut self.archives.look) {
            self.consider_archive(now, author)?;
        }
        if self.archives.let_go(now.mono) {
            self.sync.hasten(now.mono);
        }
        let late: Vec<OrderId> =
            self.archives.fetches.iter().filter(|(_, fetch)| fetch.by <= now.mono).map(|(order, _)| *order).collect();
        for order in late {
            self.give_up_fetch(now, order, "archive_late");
        }
        let waited: Vec<Key> =
            self.archives.waiting.iter().filter(|(_, one)| one.by <= now.mono).map(|(author, _)| *author).collect();
        for author in waited {
            self.archives.waiting.remove(&author);
            self.archives.rest(author, now.mono);
            self.ingest.count("archive_late");
            self.sync.hasten(now.mono);
        }
        if self.archives.write.as_ref().is_some_and(|write| write.by <= now.mono) {
            self.write_failed(now);
        }
        if self.archives.write.is_none() && self.archives.due.is_some_and(|at| at <= now.mono) {
            self.archives.due = None;
            self.archives.due_since = None;
            let until = (self.identity.generation(), self.identity.last_seq());
            self.begin_write(now, self.identity.key(), until, None);
        }
        Ok(())
    }

    /// Ends what its time is over for; hourly.
    pub(super) fn archive_sweep(&mut self, now: Now) -> Result<(), StoreError> {
        let me = self.identity.key();
        let all: Vec<(Key, Infohash, Kept)> =
            self.archives.all().map(|(author, infohash, kept)| (author, infohash, *kept)).collect();
        for (author, infohash, kept) in all {
            let is_over = kept.state == State::Superseded && now.wall.since(kept.since) >= GRACE;
            if is_over || (author != me && self.standing(&author) != Standing::Followed) {
                self.drop_archive(&author, &infohash);
            }
        }
        self.archives.look.extend(self.curation.all().keys().copied());
        let own = self.ground.statements_of(&me)?;
        self.plan_own_archive(now, &own);
        Ok(())
    }

    /// A follow ended: so does what was done with its archives.
    pub(super) fn leave_archives(&mut self, now: Now, author: &Key) {
        let all: Vec<Infohash> = self.archives.of(author).map(|(infohash, _)| infohash).collect();
        for infohash in all {
            self.drop_archive(author, &infohash);
        }
        self.archives.leave(author);
        self.begin_waiting(now);
    }

    /// Stops it, deletes its file, and forgets it.
    fn drop_archive(&mut self, author: &Key, infohash: &Infohash) {
        let Some(kept) = self.archives.get(author, infohash) else { return };
        if kept.state != State::Refused {
            self.order_archive(ArchiveOrder::Drop { infohash: *infohash });
        }
        self.archives.fetches.retain(|_, fetch| (fetch.author, fetch.infohash) != (*author, *infohash));
        self.archives.forget(author, infohash, &mut self.ground);
    }

    /// What the head of a key no longer names is seeded only for those who are fetching it, or forgotten.
    fn supersede(&mut self, now: Now, author: Key, named: Option<Infohash>) {
        let others: Vec<(Infohash, Kept)> =
            self.archives.of(&author).filter(|(infohash, _)| Some(*infohash) != named).collect();
        for (infohash, kept) in others {
            match kept.state {
                State::Seeded => {
                    let kept = Kept { state: State::Superseded, since: now.wall, ..kept };
                    self.archives.set(author, infohash, kept, &mut self.ground);
                }
                State::Refused => self.drop_archive(&author, &infohash),
                // What was begun is finished: it is still signed, and sync brings the rest.
                State::Begun | State::Superseded => {}
            }
        }
    }

    // ---- the own one

    /// The archive that the owner's head names.
    pub(super) fn own_archive(&self) -> Option<(Infohash, Sha256)> {
        self.archives.current(&self.identity.key()).map(|(infohash, kept)| (infohash, kept.sha256))
    }

    /// Decides whether and when an archive of the own log is made. Called whenever that log changed, and hourly.
    pub(super) fn plan_own_archive(&mut self, now: Now, own: &[Stored]) {
        let me = self.identity.key();
        let public = own.iter().filter(|s| !s.is_private && Head::counts(s.statement.kind()));
        let numbers: Vec<Order> = public.map(|stored| stored.statement.header().order()).collect();
        let current = self.archives.current(&me);
        if let Some((infohash, kept)) = current
            && numbers.len() < ARCHIVE_UNTIL
        {
            let kept = Kept { state: State::Superseded, since: now.wall, ..kept };
            self.archives.set(me, infohash, kept, &mut self.ground);
            self.is_head_due = true;
        }
        let wait = if numbers.len() <= ARCHIVE_AT || !self.has_archives() {
            None
        } else {
            match current {
                None => Some(Duration::ZERO),
                Some((_, kept)) => due_after(&numbers, &kept).map(|age| age.saturating_sub(now.wall.since(kept.since))),
            }
        };
        let Some(wait) = wait else {
            (self.archives.due, self.archives.due_since) = (None, None);
            return;
        };
        let since = *self.archives.due_since.get_or_insert(now.mono);
        let quiet = (now.mono + QUIET).min(since + QUIET_WAIT_MAX);
        self.archives.due = Some(quiet.max(now.mono + wait).max(self.archives.not_before));
    }

    fn begin_write(&mut self, now: Now, author: Key, until: Order, expected: Option<(Infohash, Sha256)>) {
        let order = self.replication.next_order();
        let bytes = (MAGIC.len() + end(0).len()) as u64;
        let by = now.mono + STEP_MAX;
        self.archives.write = Some(Write { order, author, expected, last: (0, 0), until, statements: 0, bytes, by });
        self.order_archive(ArchiveOrder::Write { order, author });
    }

    /// The next part of a file that is being written: of what is live now, so that nothing is copied beforehand.
    fn append(&mut self, now: Now, order: OrderId) -> Result<(), StoreError> {
        let Some(mut write) = self.archives.write.take_if(|write| write.order == order) else { return Ok(()) };
        let (mut envelopes, mut part_bytes, mut is_end) = (Vec::new(), 0, false);
        while !is_end && part_bytes < PART_BYTES_MAX {
            let places = self.ground.places_after(&write.author, write.last, PLACES_AT_ONCE)?;
            is_end = places.len() < PLACES_AT_ONCE;
            for (number, place) in places {
                if number > write.until {
                    is_end = true;
                    break;
                }
                let stored = self.ground.statement(&place)?;
                let is_public = |stored: &Stored| {
                    let statement = &stored.statement;
                    !stored.is_private && Head::counts(statement.kind()) && !statement.header().is_expired(now.wall)
                };
                let Some(stored) = stored.filter(is_public) else {
                    write.last = number;
                    continue;
                };
                let envelope = stored.statement.bytes();
                let bytes = record_bytes(envelope) as u64;
                if write.bytes + bytes > ARCHIVE_BYTES_MAX {
                    // The beginning of a longer log: sync goes on where it ends.
                    is_end = true;
                    break;
                }
                if part_bytes + envelope.len() > PART_BYTES_MAX {
                    part_bytes = PART_BYTES_MAX;
                    is_end = false;
                    break;
                }
                write.last = number;
                write.bytes += bytes;
                write.statements += 1;
                part_bytes += envelope.len();
                envelopes.push(envelope.to_vec());
            }
        }
        write.by = now.mono + STEP_MAX;
        self.archives.write = Some(write);
        self.order_archive(ArchiveOrder::Append { order, envelopes, is_end });
        Ok(())
    }

    fn written(&mut self, now: Now, order: OrderId, infohash: Infohash, sha256: Sha256, bytes: u64) {
        let Some(write) = self.archives.write.take_if(|write| write.order == order) else {
            // Given up meanwhile, unless it is a file that is kept anyway.
            if !self.archives.has(&infohash) {
                self.order_archive(ArchiveOrder::Drop { infohash });
            }
            return;
        };
        let Write { author, expected, statements, last, .. } = write;
        let look_later = std::mem::take(&mut self.archives.look_later);
        self.archives.look.extend(look_later);
        let kept = Kept { state: State::Seeded, sha256, bytes, statements, last, since: now.wall };
        let me = self.identity.key();
        if author != me {
            self.archives.rest(author, now.mono);
        } else {
            self.ingest.count("archive_written");
            self.archives.set(me, infohash, kept, &mut self.ground);
            self.supersede(now, me, Some(infohash));
            self.order_archive(ArchiveOrder::Seed { infohash, author, named: true });
            self.is_head_due = true;
            return;
        }
        let is_it = expected == Some((infohash, sha256));
        if is_it && self.standing(&author) == Standing::Followed && self.make_archive_room(&author, bytes) {
            self.ingest.count("archive_remade");
            self.archives.set(author, infohash, kept, &mut self.ground);
            self.order_archive(ArchiveOrder::Seed { infohash, author, named: false });
            return;
        }
        // Something was said since it was made, or there is no room: others have it.
        self.ingest.count("archive_not_remade");
        if let Some((infohash, _)) = expected {
            self.archives.unmade.insert(author, infohash);
        }
        if self.archives.get(&author, &infohash).is_none() {
            self.order_archive(ArchiveOrder::Drop { infohash });
        }
    }

    fn write_failed(&mut self, now: Now) {
        let Some(write) = self.archives.write.take() else { return };
        self.ingest.count("archive_not_written");
        let look_later = std::mem::take(&mut self.archives.look_later);
        self.archives.look.extend(look_later);
        match write.expected {
            None => {
                self.archives.not_before = now.mono + PERIOD;
                self.archives.due = Some(self.archives.not_before);
            }
            Some((infohash, _)) => {
                self.archives.unmade.insert(write.author, infohash);
            }
        }
    }

    // ---- those of others

    fn head_of(&self, author: &Key) -> Result<Option<(Order, Head)>, StoreError> {
        let heads = self.ground.statements_of_kind(author, Kind::Head)?;
        Ok(heads.into_iter().find_map(|stored| match stored.statement.body() {
            Body::Head(head) => Some((stored.statement.header().order(), head.clone())),
            _ => None,
        }))
    }

    /// Looks at the head of a key, and what it means for its archives: whether one is fetched, or made anew.
    pub(super) fn consider_archive(&mut self, now: Now, author: Key) -> Result<(), StoreError> {
        if !self.has_archives() || author == self.identity.key() || self.standing(&author) != Standing::Followed {
            return Ok(());
        }
        let Some((order, head)) = self.head_of(&author)? else { return Ok(()) };
        self.supersede(now, author, head.archive.map(|(infohash, _)| infohash));
        let Some((infohash, sha256)) = head.archive else { return Ok(()) };
        match self.archives.get(&author, &infohash).copied() {
            Some(kept) if kept.state == State::Superseded && kept.sha256 == sha256 => {
                // Its author went back to it.
                let kept = Kept { state: State::Seeded, since: now.wall, ..kept };
                self.archives.set(author, infohash, kept, &mut self.ground);
                return Ok(());
            }
            // What was begun and is not under way was given up in an earlier life; what was refused may have been right
            // but for the SHA-256 that an earlier head gave.
            Some(kept) if kept.state == State::Begun || kept.state == State::Refused && kept.sha256 != sha256 => {}
            None => {}
            Some(_) => return Ok(()),
        }
        if self.sync.is_whole(&author, order) {
            self.leave_unfound(now, &author);
        }
        if self.archives.is_busy_with(&author) {
            return Ok(());
        }
        if self.torrents.of(&infohash).is_some() {
            // A head must not turn a release that is here into an archive: its bytes would count for nobody.
            self.ingest.count("archive_not_own");
            self.refuse(now, author, infohash, sha256);
            return Ok(());
        }
        if self.archives.all().any(|(of, one, kept)| of != author && one == infohash && kept.state != State::Refused) {
            // One of the two lies, and which of them shows when the file is here: till then sync does it.
            self.ingest.count("archive_not_own");
            return Ok(());
        }
        let may_fetch = self.archives.may_fetch(&author, now.mono);
        if self.sync.is_whole(&author, order) {
            if may_fetch && self.archives.unmade.get(&author) != Some(&infohash) {
                if self.archives.write.is_some() {
                    self.archives.look_later.insert(author);
                } else {
                    self.begin_write(now, author, order, Some((infohash, sha256)));
                }
            }
            return Ok(());
        }
        let missing = head.live_count.saturating_sub(self.ingest.log_len(&author) as u64);
        let is_worth_it = missing >= MISSING_MIN && missing.saturating_mul(MISSING_PART) >= head.live_count;
        let is_under_way = self.sync.asking.values().any(|asking| asking.fetching.is_some_and(|f| f.author == author));
        if is_worth_it && !is_under_way && may_fetch {
            let lead = Some(now.mono + LEAD);
            if self.archives.fetches.len() < FETCHES_MAX {
                self.begin_fetch(now, author, infohash, sha256, lead);
            } else if self.archives.waiting.len() < WAITING_MAX {
                let by = now.mono + WAIT_MAX;
                self.archives.waiting.insert(author, Waiting { infohash, sha256, lead, by });
            }
        }
        Ok(())
    }

    fn begin_fetch(&mut self, now: Now, author: Key, infohash: Infohash, sha256: Sha256, lead: Option<Duration>) {
        let kept = Kept { state: State::Begun, sha256, bytes: 0, statements: 0, last: (0, 0), since: now.wall };
        self.archives.set(author, infohash, kept, &mut self.ground);
        let order = self.replication.next_order();
        let (by, log) = (now.mono + FIND_MAX, Log::of(author));
        let fetch = Fetch { author, infohash, sha256, is_reading: false, lead, by, bytes: 0, log, statements: 0 };
        self.archives.fetches.insert(order, fetch);
        self.order_archive(ArchiveOrder::Fetch { order, author, infohash });
    }

    /// Sync was done before anybody was found who has the archive of that key: it can be made anew of what is here.
    fn leave_unfound(&mut self, now: Now, author: &Key) {
        self.archives.waiting.remove(author);
        let is_unfound = |fetch: &Fetch| fetch.author == *author && !fetch.is_found();
        let unfound = self.archives.fetches.values().find(|fetch| is_unfound(fetch)).map(|fetch| fetch.infohash);
        if let Some(infohash) = unfound {
            self.ingest.count("archive_overtaken");
            self.drop_archive(author, &infohash);
            self.begin_waiting(now);
        }
    }

    /// Places are free: those that waited come next.
    fn begin_waiting(&mut self, now: Now) {
        while self.archives.fetches.len() < FETCHES_MAX {
            let next = self.archives.waiting.iter().min_by_key(|(_, waiting)| waiting.by);
            let Some((author, Waiting { infohash, sha256, lead, .. })) = next.map(|(author, one)| (*author, *one))
            else {
                return;
            };
            self.archives.waiting.remove(&author);
            self.begin_fetch(now, author, infohash, sha256, lead);
        }
    }

    pub(super) fn archive_event(&mut self, now: Now, event: ArchiveEvent) -> Result<(), StoreError> {
        match event {
            ArchiveEvent::Wants { order } => self.append(now, order)?,
            ArchiveEvent::Written { order, infohash, sha256, bytes } => {
                self.written(now, order, infohash, sha256, bytes);
            }
            ArchiveEvent::NotWritten { order } => {
                if self.archives.write.as_ref().is_some_and(|write| write.order == order) {
                    self.write_failed(now);
                }
            }
            ArchiveEvent::Begun { order, bytes } => self.fetch_begun(now, order, bytes),
            ArchiveEvent::Fetched { order, sha256, bytes } => self.fetched(now, order, sha256, bytes),
            ArchiveEvent::Part { order, envelopes, is_end } => self.read_part(now, order, &envelopes, is_end)?,
            ArchiveEvent::NotFetched { order, fault } => match fault {
                ArchiveFault::NotAnArchive => self.refuse_fetch(now, order, "archive_not_one"),
                ArchiveFault::Damaged => self.refuse_fetch(now, order, "archive_damaged"),
                ArchiveFault::Failed => self.give_up_fetch(now, order, "archive_failed"),
            },
            ArchiveEvent::Lost { infohash } => self.lost(&infohash),
        }
        Ok(())
    }

    fn fetch_begun(&mut self, now: Now, order: OrderId, bytes: u64) {
        if bytes > ARCHIVE_BYTES_MAX {
            return self.refuse_fetch(now, order, "archive_not_one");
        }
        if let Some(fetch) = self.archives.fetches.get_mut(&order) {
            fetch.bytes = bytes;
            fetch.by = now.mono + TRANSFER_SPARE + Duration::from_secs(bytes / SLOWEST);
        }
    }

    fn fetched(&mut self, now: Now, order: OrderId, sha256: Sha256, bytes: u64) {
        let Some(fetch) = self.archives.fetches.get_mut(&order) else { return };
        if fetch.sha256 != sha256 || bytes > ARCHIVE_BYTES_MAX {
            return self.refuse_fetch(now, order, "archive_wrong_hash");
        }
        fetch.bytes = bytes;
        fetch.is_reading = true;
        fetch.by = now.mono + STEP_MAX;
        self.order_archive(ArchiveOrder::Read { order });
    }

    /// Takes a part of an archive in: each statement like any other, and only its author's.
    fn read_part(&mut self, now: Now, order: OrderId, envelopes: &[Vec<u8>], is_end: bool) -> Result<(), StoreError> {
        let Some(mut fetch) = self.archives.fetches.get(&order).cloned() else { return Ok(()) };
        for envelope in envelopes {
            match fetch.log.take(envelope) {
                Ok(Some(statement)) => {
                    let _ = self.take(now, statement, Source::Archive)?;
                    fetch.statements += 1;
                    self.ingest.count("archive_statements");
                }
                Ok(None) => self.ingest.count("unknown_kind"),
                Err(error) => {
                    self.refuse_fetch(now, order, counter(error));
                    return Ok(());
                }
            }
        }
        fetch.by = now.mono + STEP_MAX;
        self.archives.fetches.insert(order, fetch);
        if is_end {
            return self.end_fetch(now, order);
        }
        self.order_archive(ArchiveOrder::Read { order });
        Ok(())
    }

    /// All of it was taken in: seeded on, and sync brings what was said since.
    fn end_fetch(&mut self, now: Now, order: OrderId) -> Result<(), StoreError> {
        let Some(Fetch { author, infohash, sha256, bytes, log, statements, .. }) = self.archives.fetches.remove(&order)
        else {
            return Ok(());
        };
        self.ingest.count("archive_fetched");
        self.ingest.count_many("archive_bytes", bytes);
        self.archives.rest(author, now.mono);
        self.pulled_up_to(&author, log.last())?;
        if self.make_archive_room(&author, bytes) {
            let last = log.last();
            let kept = Kept { state: State::Seeded, sha256, bytes, statements, last, since: now.wall };
            self.archives.set(author, infohash, kept, &mut self.ground);
        } else {
            self.archives.unmade.insert(author, infohash);
            self.drop_archive(&author, &infohash);
        }
        // Another may be named meanwhile.
        self.archives.look.insert(author);
        if !self.is_whole(&author)? {
            self.sync.hasten(now.mono);
        }
        self.begin_waiting(now);
        Ok(())
    }

    /// It is not what an archive must be, and no other copy would be: sync does it, until the head names another.
    fn refuse_fetch(&mut self, now: Now, order: OrderId, counter: &'static str) {
        let Some(fetch) = self.archives.fetches.remove(&order) else { return };
        self.ingest.count(counter);
        self.refusals.note(now.wall, counter, Some(fetch.author));
        self.order_archive(ArchiveOrder::Drop { infohash: fetch.infohash });
        self.refuse(now, fetch.author, fetch.infohash, fetch.sha256);
        self.archives.rest(fetch.author, now.mono);
        self.sync.hasten(now.mono);
        self.begin_waiting(now);
    }

    fn refuse(&mut self, now: Now, author: Key, infohash: Infohash, sha256: Sha256) {
        self.ingest.count("archive_refused");
        let kept = Kept { state: State::Refused, sha256, bytes: 0, statements: 0, last: (0, 0), since: now.wall };
        self.archives.set(author, infohash, kept, &mut self.ground);
    }

    /// Nobody brought it in time, or something failed here: sync does it.
    fn give_up_fetch(&mut self, now: Now, order: OrderId, counter: &'static str) {
        let Some(fetch) = self.archives.fetches.get(&order).cloned() else { return };
        self.ingest.count(counter);
        self.drop_archive(&fetch.author, &fetch.infohash);
        self.archives.rest(fetch.author, now.mono);
        self.sync.hasten(now.mono);
        self.begin_waiting(now);
    }

    /// A file is gone from the disk: the owner's is made anew, and so is another's if its log is here.
    fn lost(&mut self, infohash: &Infohash) {
        let authors: Vec<Key> =
            self.archives.all().filter(|(_, one, _)| one == infohash).map(|(author, ..)| author).collect();
        for author in authors {
            self.ingest.count("archive_lost");
            self.drop_archive(&author, infohash);
            if author == self.identity.key() {
                self.is_head_due = true;
            } else {
                self.archives.look.insert(author);
            }
        }
    }

    /// Makes room for an archive of another, at the cost of what was superseded and of whom I follow less. Says whether
    /// there is.
    fn make_archive_room(&mut self, author: &Key, bytes: u64) -> bool {
        let me = self.identity.key();
        let level = |key: &Key| self.curation.of(key).map_or(0, |follow| follow.level.number());
        let mine = level(author);
        let mut kept: Vec<(bool, _, heirloom_proto::Timestamp, Key, Infohash, u64)> = self
            .archives
            .all()
            .filter(|(of, _, kept)| *of != me && matches!(kept.state, State::Seeded | State::Superseded))
            .map(|(of, infohash, kept)| (kept.state == State::Seeded, level(&of), kept.since, of, infohash, kept.bytes))
            .collect();
        kept.sort();
        let (mut count, mut sum) = (kept.len(), kept.iter().map(|one| one.5).sum::<u64>());
        let mut gone = Vec::new();
        for (is_current, level, _, of, infohash, size) in kept {
            if count < KEPT_MAX && sum + bytes <= KEPT_BYTES_MAX {
                break;
            }
            if is_current && level >= mine {
                return false;
            }
            gone.push((of, infohash));
            count -= 1;
            sum -= size;
        }
        for (of, infohash) in gone {
            self.ingest.count("archive_evicted");
            self.archives.unmade.insert(of, infohash);
            self.drop_archive(&of, &infohash);
        }
        true
    }

    /// For readers: the own one first.
    pub(super) fn archive_rows(&self) -> Vec<views::Archive> {
        let me = self.identity.key();
        let row = |author: Key, infohash, state, bytes, statements, since| views::Archive {
            author,
            name: self.name_of(&author).unwrap_or_default(),
            is_own: author == me,
            infohash,
            state,
            bytes,
            statements,
            since,
        };
        let mut rows = Vec::new();
        if let Some(write) = &self.archives.write {
            rows.push(row(write.author, None, ArchiveState::Writing, write.bytes, write.statements, None));
        }
        for (author, infohash, kept) in self.archives.all() {
            let (mut bytes, mut statements) = (kept.bytes, kept.statements);
            let state = match kept.state {
                State::Begun => {
                    let fetch = self.archives.fetches.values().find(|f| f.author == author && f.infohash == infohash);
                    (bytes, statements) = fetch.map_or((0, 0), |fetch| (fetch.bytes, fetch.statements));
                    if fetch.is_some_and(|fetch| fetch.is_reading) {
                        ArchiveState::Reading
                    } else {
                        ArchiveState::Fetching
                    }
                }
                State::Seeded => ArchiveState::Seeding,
                State::Superseded => ArchiveState::Superseded,
                State::Refused => ArchiveState::Refused,
            };
            rows.push(row(author, Some(infohash), state, bytes, statements, Some(kept.since)));
        }
        for (author, waiting) in &self.archives.waiting {
            rows.push(row(*author, Some(waiting.infohash), ArchiveState::Waiting, 0, 0, None));
        }
        rows.sort_by_key(|row| (!row.is_own, row.author, row.state, row.infohash));
        rows
    }
}

/// At which age an archive gives way to a new one of the log as it is now; `None` if nothing has changed.
fn due_after(numbers: &[Order], archive: &Kept) -> Option<Duration> {
    let count = |some: usize| u64::try_from(some).unwrap_or(u64::MAX);
    let new = numbers.iter().filter(|number| **number > archive.last).count();
    let gone = archive.statements.saturating_sub(count(numbers.len() - new));
    let changed = count(new) + gone;
    match changed {
        0 => None,
        _ if changed.saturating_mul(CHANGED_PART) >= archive.statements => Some(PERIOD),
        _ => Some(AGE_MAX),
    }
}

/// What those are told who take an archive for a release.
pub(super) fn no_release(infohash: &Infohash) -> CommandError {
    let message =
        format!("{infohash} is the archive of a key's statements, which this node cares for by itself: name a release");
    CommandError::new(Fault::Refused, "not_a_release", message)
}

fn counter(error: ArchiveError) -> &'static str {
    match error {
        ArchiveError::Invalid => "archive_invalid",
        ArchiveError::Foreign => "archive_foreign",
        ArchiveError::Head => "archive_head",
        ArchiveError::NotAscending => "archive_not_ascending",
    }
}
