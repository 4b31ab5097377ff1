//! What the owner says: signing, listing, following, judging, taking back.

use super::{Preparing, Service};
use crate::command::{Command, CommandError, Fault, Following, OwnContent, Publish, Reply, Target};
use crate::curation::{Follow, are_confusable};
use crate::ground::{Place, Stored};
use crate::ingest::{Refusal, Standing, stands_for_good};
use crate::io::{Metainfo, Now, Output, RequestId, TorrentOrder};
use crate::replication::{Own, QUERY_GAP, Task, WORK_ITEMS_MAX, Waiting};
use crate::scoring::band_rank;
use crate::store::{Store, StoreError};
use crate::torrents::{Selection, Torrent};
use crate::upkeep::Turn;
use crate::views::{self, Source};
use heirloom_graph::{Band, Scored};
use heirloom_proto::body::{Attestation, CuratorList, Head, Level, Opinion, Profile, Retraction, Scope, Verdict};
use heirloom_proto::limits::PUSH_AGE_MS_MAX;
use heirloom_proto::statement::SignError;
use heirloom_proto::{Body, Infohash, Key, Kind, Statement, StatementId, Verified, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a publish waits for the DHT before it answers without.
const PUBLISH_WAIT: Duration = Duration::from_secs(20);

type Outcome = Result<Result<Reply, CommandError>, StoreError>;

impl<S: Store> Service<S> {
    /// Signs and takes in a statement of the owner. The first of a generation is the profile that commits to the next
    /// key.
    pub(super) fn say(
        &mut self,
        now: Now,
        body: Body,
        lifetime: Option<Duration>,
        is_private: bool,
    ) -> Result<Result<Verified<Statement>, CommandError>, StoreError> {
        // What stays here commits to nothing, and must not tell the network that there is a key.
        if !is_private && body.kind() != Kind::Profile && self.own_profile()?.is_none() {
            let profile =
                Profile { name: String::new(), url: String::new(), next_key_hash: self.identity.next_key_hash() };
            if let Err(error) = self.say_one(now, Body::Profile(profile), None, false)? {
                return Ok(Err(error));
            }
        }
        self.say_one(now, body, lifetime, is_private)
    }

    fn say_one(
        &mut self,
        now: Now,
        body: Body,
        lifetime: Option<Duration>,
        is_private: bool,
    ) -> Result<Result<Verified<Statement>, CommandError>, StoreError> {
        let statement = match self.identity.sign(now, lifetime, &body, &mut self.ground) {
            Ok(statement) => statement,
            Err(SignError::Refused(why)) => {
                return Ok(Err(CommandError::bad_input("not_signable", format!("this cannot be signed: {why}"))));
            }
        };
        let stored = Stored { statement: statement.clone(), is_private, source: Source::Store, received: now.wall };
        let mut changes_public = !is_private;
        let mut unsaid = Vec::new();
        match self.ingest.admit(now, &mut self.ground, stored, Standing::Own)? {
            Err(Refusal::OverQuota) => return Ok(Err(self.own_quota_is_full(statement.kind()))),
            Err(refusal) => {
                return Ok(Err(CommandError::new(Fault::Failed, "refused", format!("not stored: {refusal}"))));
            }
            Ok(accepted) => {
                for old in &accepted.removed {
                    changes_public |= !old.is_private;
                    self.forget_said_first(&Place::of(&old.statement))?;
                    self.underive(old);
                }
                if is_private {
                    unsaid.extend(accepted.removed.iter().filter(|old| !old.is_private).cloned());
                }
                self.derive_from(&accepted.stored);
                self.succeeded(now, &accepted)?;
                self.make_room(now, None)?;
            }
        }
        if !is_private {
            match self.upkeep.turn(now.mono, Place::of(&statement)) {
                Turn::Now => self.push(&statement),
                Turn::Waits => {}
                Turn::Never => self.ingest.count("left_to_sync"),
            }
        }
        self.is_head_due |= changes_public && statement.kind() != Kind::Head;
        for old in unsaid {
            self.unsay(now, &old)?;
        }
        Ok(Ok(statement))
    }

    /// Others would keep no more of one key, so its owner says no more either.
    fn own_quota_is_full(&self, kind: Kind) -> CommandError {
        let limit = kind.limits().live_per_key_max;
        let name = kind.name();
        let message = format!(
            "your key says as much as others keep of one key (at most {limit} of kind {name}, and some bytes in all): \
             `heirloom retract` what you no longer mean, or list the rest under a second key (`--home DIR`)"
        );
        CommandError::new(Fault::Failed, "over_quota", message)
    }

    /// Takes back in public what a private word has replaced: others still count the public one.
    fn unsay(&mut self, now: Now, old: &Stored) -> Result<(), StoreError> {
        let retraction = Body::Retraction(Retraction { target: old.statement.id() });
        // A retraction holds one id, so it always fits its limits.
        let _ = self.say_one(now, retraction, None, false)?;
        if let Body::Listing(listing) = old.statement.body() {
            self.put_work(now, listing.work.clone());
        }
        Ok(())
    }

    pub(super) fn push(&mut self, statement: &Verified<Statement>) {
        if statement.kind() != Kind::Receipt {
            self.held.push(Output::Publish { kind: statement.kind().name(), bytes: statement.bytes().to_vec() });
        }
    }

    pub(super) fn own_profile(&self) -> Result<Option<Profile>, StoreError> {
        self.profile_of(&self.identity.key())
    }

    /// Everything that must stand in the network after a start: the profile, a head if something changed, every item.
    pub(super) fn announce_everything(&mut self, now: Now) -> Result<(), StoreError> {
        let me = self.identity.key();
        let own: Vec<Stored> = self.ground.statements_of(&me)?.into_iter().filter(|s| !s.is_private).collect();
        if own.is_empty() {
            return Ok(());
        }
        // Signed while no node ran, or shortly before the last one died: still fresh enough to be pushed.
        let fresh: Vec<_> = own
            .iter()
            .filter(|s| now.wall.0.saturating_sub(s.statement.header().created.0) <= PUSH_AGE_MS_MAX)
            .cloned()
            .collect();
        self.push_in_turn(now, fresh);
        self.is_head_due |= self.head_would_change(&own);
        self.replication.schedule(Task::Put(Own::Head), now.mono);
        let mut at = now.mono;
        for (work, seq) in self.wanted_works(&own)? {
            at += QUERY_GAP;
            self.replication.keep_item(work.clone(), seq);
            self.replication.schedule(Task::Put(Own::Work(work.clone())), at);
            self.replication.announce_soon(work, now.mono);
        }
        self.renew_rotation(now, Duration::from_millis(PUSH_AGE_MS_MAX))
    }

    /// Works whose items stand in the DHT, with the newest number of their listings: the most wanted are those listed
    /// last.
    fn wanted_works(&self, own: &[Stored]) -> Result<Vec<(WorkId, u64)>, StoreError> {
        let mut newest: BTreeMap<WorkId, u64> = BTreeMap::new();
        for stored in own {
            if let Body::Listing(listing) = stored.statement.body() {
                let said = self.said_first(&Place::of(&stored.statement))?;
                let seq = newest.entry(listing.work.clone()).or_default();
                *seq = (*seq).max(said.unwrap_or(stored.statement.header().seq));
            }
        }
        let mut works: Vec<(WorkId, u64)> = newest.into_iter().collect();
        works.sort_by_key(|(_, seq)| std::cmp::Reverse(*seq));
        works.truncate(WORK_ITEMS_MAX);
        Ok(works)
    }

    /// Puts the item of a work about which the owner just said something.
    fn put_work(&mut self, now: Now, work: WorkId) -> Own {
        self.replication.keep_item(work.clone(), self.identity.last_seq());
        self.replication.announce_soon(work.clone(), now.mono);
        let own = Own::Work(work);
        self.replication.schedule(Task::Put(own.clone()), now.mono);
        own
    }

    /// Asks for a new head even if it says nothing new.
    pub(super) fn renew_head(&mut self) {
        self.is_head_due = true;
        self.must_renew_head = true;
    }

    fn live_set(own: &[Stored]) -> BTreeSet<StatementId> {
        let public = own.iter().filter(|s| !s.is_private && Head::counts(s.statement.kind()));
        public.map(|s| s.statement.id()).collect()
    }

    fn head_would_change(&self, own: &[Stored]) -> bool {
        let (root, archive) = (Head::root_of(&Self::live_set(own)), self.own_archive());
        let says_it = |head: &Head| head.live_root == root && head.archive == archive;
        !own.iter().any(|s| matches!(s.statement.body(), Body::Head(head) if says_it(head)))
    }

    /// Signs a head over everything public, and puts it.
    pub(super) fn sign_head(&mut self, now: Now) -> Result<(), StoreError> {
        self.is_head_due = false;
        self.last_head = Some(now.mono);
        let own = self.ground.statements_of(&self.identity.key())?;
        self.plan_own_archive(now, &own);
        if !self.must_renew_head && !self.head_would_change(&own) {
            return Ok(());
        }
        self.must_renew_head = false;
        let live = Self::live_set(&own);
        let live_count = u64::try_from(live.len()).unwrap_or(u64::MAX);
        let head = Head { live_count, live_root: Head::root_of(&live), archive: self.own_archive() };
        // A head always fits its limits: it holds numbers only.
        if self.say_one(now, Body::Head(head), None, false)?.is_ok() {
            self.replication.schedule(Task::Put(Own::Head), now.mono);
        }
        Ok(())
    }

    pub(super) fn set_profile(&mut self, now: Now, name: Option<String>, url: Option<String>) -> Outcome {
        let old = self.own_profile()?;
        let (old_name, old_url) = old.map(|p| (p.name, p.url)).unwrap_or_default();
        let profile = Profile {
            name: name.unwrap_or(old_name),
            url: url.unwrap_or(old_url),
            next_key_hash: self.identity.next_key_hash(),
        };
        match self.say(now, Body::Profile(profile), None, false)? {
            Ok(_) => Ok(Ok(Reply::Identity(self.who_am_i()?))),
            Err(error) => Ok(Err(error)),
        }
    }

    /// A follow of which some is said, and the rest is as it was: whoever sees a card again has not changed their mind.
    pub(super) fn following(&self, now: Now, key: &Key, said: Following) -> Follow {
        let Following { level, scope, alias, found_as } = said;
        let new = Follow { level: Level::HIGH, scope: Scope::All, alias: found_as, since: now.wall, gives_voice: true };
        let old = self.curation.of(&self.succession.newest(key)).cloned().unwrap_or(new);
        Follow {
            level: level.unwrap_or(old.level),
            scope: scope.unwrap_or(old.scope),
            alias: alias.unwrap_or(old.alias),
            ..old
        }
    }

    pub(super) fn follow(&mut self, now: Now, key: Key, follow: Follow, is_preview: bool) -> Outcome {
        // A card on an old page names a key that was left since.
        let key = self.succession.newest(&key);
        if key == self.identity.key() {
            return Ok(Err(CommandError::bad_input("own_key", "this is your own key: you need not follow yourself")));
        }
        if follow.level.number() <= 0 {
            return Ok(Err(CommandError::bad_input(
                "not_a_follow_level",
                "a follow has level full, high, medium or low; to distrust a key use `heirloom attest KEY --level distrust`",
            )));
        }
        let preview = self.preview(now, &key, &follow)?;
        // Without an alias they are called what they call themselves, whatever they were called here until now.
        let name = match &follow.alias {
            alias if alias.is_empty() => self.profile_of(&key)?.map(|profile| profile.name).unwrap_or_default(),
            alias => alias.clone(),
        };
        let mut confusable_with = None;
        for other in self.curation.all().keys().copied().collect::<Vec<_>>() {
            if other != key && confusable_with.is_none() {
                // By what they are called here, and by what they call themselves: that others know, and take.
                let own = self.profile_of(&other)?.map(|profile| profile.name).unwrap_or_default();
                let names = [self.name_of(&other)?, own];
                confusable_with = names.into_iter().find(|one| are_confusable(one, &name)).map(|one| (other, one));
            }
        }
        let (level, scope, gives_voice) = (follow.level, follow.scope, follow.gives_voice);
        if !is_preview {
            if let Some(old) = self.curation.of(&key).cloned() {
                self.scoring.unfollow(&key, &old);
            }
            if !self.curation.set(key, follow.clone(), &mut self.ground) {
                return Ok(Err(CommandError::new(
                    Fault::Failed,
                    "too_many_follows",
                    "you follow as many keys as a node keeps: unfollow one first",
                )));
            }
            self.scoring.follow(&key, &follow);
            self.sort_authors(now);
            if self.replication.has_dht {
                self.watch(now, key);
            }
            self.archives.look.insert(key);
            self.sync.wanted.remove(&key);
            self.sync.hasten(now.mono);
        }
        Ok(Ok(Reply::Followed(views::Followed { key, name, level, scope, gives_voice, preview, confusable_with })))
    }

    /// What a follow would change, by scoring with and without it.
    fn preview(&mut self, now: Now, key: &Key, follow: &Follow) -> Result<views::Preview, StoreError> {
        self.refresh_scoring(now.wall);
        let (graph, after) = self.scoring.as_if(now.wall, key, follow, self.curation.of(key));
        let after = after.on(&graph);
        let before = self.catalogue_scores(now.wall);
        let has_voice = |score: heirloom_graph::Score| score.power_for > 1e-6;
        let keys_gaining_voice =
            after.keys().filter(|(id, score)| has_voice(*score) && !has_voice(before.key(id))).count();
        let is_shown = |band: Band| band_rank(band) <= band_rank(Band::Vouched);
        let best = |scores: Scored<'_>, hashes: &[Infohash]| {
            hashes.iter().map(|hash| crate::scoring::listing_score(scores, hash).band).min_by_key(|b| band_rank(*b))
        };
        let mut bands_before = Vec::new();
        let works: Vec<Vec<Infohash>> = self
            .catalogue
            .works()
            .into_iter()
            .map(|work| self.catalogue.listings_of(work).into_iter().map(|(hash, _)| hash).collect())
            .collect();
        let before = self.scoring.scores(now.wall, heirloom_graph::Scope::Catalogue);
        for hashes in &works {
            bands_before.push(best(before, hashes));
        }
        let mut preview = views::Preview { keys_gaining_voice, ..views::Preview::default() };
        for (hashes, was) in works.iter().zip(bands_before) {
            let (Some(was), Some(is)) = (was, best(after, hashes)) else { continue };
            preview.works_gained += usize::from(is_shown(is) && !is_shown(was));
            preview.works_hidden += usize::from(is == Band::Distrusted && was != Band::Distrusted);
        }
        Ok(preview)
    }

    pub(super) fn unfollow(&mut self, now: Now, key: &Key) -> Outcome {
        let key = &self.succession.newest(key);
        match self.curation.remove(key, &mut self.ground) {
            None => Ok(Err(CommandError::not_found("not_followed", format!("you do not follow {key}")))),
            Some(follow) => {
                self.scoring.unfollow(key, &follow);
                self.note_dropped_starter(key)?;
                self.sort_authors(now);
                self.replication.cancel(&Task::Watch(*key));
                self.leave_archives(now, key);
                self.drop_head(key);
                Ok(Ok(Reply::Follows(self.follows(now)?)))
            }
        }
    }

    pub(super) fn attest(&mut self, now: Now, body: Attestation, lifetime: Option<Duration>, private: bool) -> Outcome {
        if body.subject == self.identity.key() {
            return Ok(Err(CommandError::bad_input(
                "own_key",
                "nobody counts what a key says of itself: name another key",
            )));
        }
        self.say_signed(now, Body::Attestation(body), lifetime, private)
    }

    /// Signs a list of keys. Entries without a name get the one that the key has here.
    pub(super) fn make_list(&mut self, now: Now, mut list: CuratorList, private: bool) -> Outcome {
        if list.entries.is_empty() {
            return Ok(Err(CommandError::bad_input(
                "empty_list",
                "a list of nobody helps nobody: name the keys to put on it",
            )));
        }
        for entry in &mut list.entries {
            if entry.name.is_empty() {
                entry.name = self.name_of(&entry.key)?;
            }
        }
        Ok(self
            .say(now, Body::CuratorList(list), None, private)?
            .map(|statement| Reply::List(views::SignedList { statement, published: !private })))
    }

    pub(super) fn judge(&mut self, now: Now, verdict: Verdict, private: bool) -> Outcome {
        let (infohash, opinion) = (verdict.infohash, verdict.opinion);
        let said = self.say_signed(now, Body::Verdict(verdict), None, private)?;
        // What is fake is not handed on; its files stay where they are, for the owner to look at.
        let is_bad = matches!(opinion, Opinion::Fake | Opinion::Malware);
        if said.is_ok() && is_bad && self.torrents.of(&infohash).is_some() {
            self.torrents.remove(&infohash, &mut self.ground);
            self.held.push(Output::Torrent(TorrentOrder::Stop { infohash }));
        }
        Ok(said)
    }

    fn say_signed(&mut self, now: Now, body: Body, lifetime: Option<Duration>, private: bool) -> Outcome {
        Ok(self.say(now, body, lifetime, private)?.map(|statement| {
            Reply::Signed(views::Signed { id: statement.id(), seq: statement.header().seq, published: !private })
        }))
    }

    pub(super) fn retract(&mut self, now: Now, target: &Target) -> Outcome {
        let me = self.identity.key();
        let mut targets = Vec::new();
        match target {
            Target::Statement(id) => {
                let place = self.ground.place_by_id(id)?;
                targets.extend(place.filter(|place| place.author == me && !stands_for_good(place.kind)));
            }
            Target::Release(infohash) => {
                for stored in self.ground.statements_of(&me)? {
                    if matches!(stored.statement.body(), Body::Listing(l) if l.infohash == *infohash) {
                        targets.push(Place::of(&stored.statement));
                    }
                }
            }
        }
        if targets.is_empty() {
            return Ok(Err(CommandError::not_found(
                "nothing_to_retract",
                "you have signed no such statement that still counts",
            )));
        }
        let mut last = None;
        for place in targets {
            let Some(stored) = self.ground.statement(&place)? else { continue };
            let listed = match stored.statement.body() {
                Body::Listing(listing) => Some((listing.work.clone(), listing.infohash)),
                _ => None,
            };
            let retraction = Body::Retraction(Retraction { target: stored.statement.id() });
            match self.say_signed(now, retraction, None, stored.is_private)? {
                Ok(reply) => last = Some(reply),
                Err(error) => return Ok(Err(error)),
            }
            if let Some((work, infohash)) = listed {
                self.put_work(now, work);
                self.stop_unlisted(infohash);
            }
        }
        Ok(last.ok_or_else(|| CommandError::not_found("nothing_to_retract", "you have signed no such statement")))
    }

    /// What the owner no longer lists is no longer seeded under the owner's name.
    fn stop_unlisted(&mut self, infohash: Infohash) {
        let is_listed = self.catalogue.is_listed_by(&infohash, &self.identity.key());
        if !is_listed && self.torrents.of(&infohash).is_some_and(|torrent| torrent.is_named) {
            self.torrents.remove(&infohash, &mut self.ground);
            self.held.push(Output::Torrent(TorrentOrder::Stop { infohash }));
        }
    }

    /// Sends the order that makes or reads the torrent; the rest follows when it comes back.
    pub(super) fn publish(&mut self, request: RequestId, publish: Publish) {
        if !self.has_torrents {
            self.reply(request, Err(CommandError::needs_node("publishing")));
            return;
        }
        let order = self.replication.next_order();
        let (trackers, web_seeds) = (publish.made.trackers.clone(), publish.made.web_seeds.clone());
        let source = publish.source.clone();
        self.held.push(Output::Torrent(TorrentOrder::Prepare { order, source, trackers, web_seeds }));
        self.preparing.insert(order, Preparing { request, publish });
    }

    pub(super) fn publish_prepared(
        &mut self,
        now: Now,
        request: RequestId,
        publish: Publish,
        metainfo: Metainfo,
        content: Option<String>,
    ) -> Result<(), StoreError> {
        match self.list(now, &publish, &metainfo)? {
            Err(error) => self.reply(request, Err(error)),
            Ok((statement, files)) => {
                let is_seeding = content.is_some();
                if let Some(content) = content {
                    self.seed(now, &metainfo, content, !publish.private);
                }
                let me = self.identity.key();
                let records =
                    if publish.work.scheme() == "hl" { self.catalogue.records_of(&publish.work) } else { Vec::new() };
                let published = views::Published {
                    shared_with: records.into_iter().map(|(author, _)| author).find(|author| *author != me),
                    work: publish.work.clone(),
                    infohash: metainfo.infohash,
                    name: metainfo.name,
                    size: metainfo.size,
                    files,
                    seeding: is_seeding,
                    statement,
                    stored_on: None,
                };
                if publish.private || !self.replication.has_dht {
                    self.reply(request, Ok(Reply::Published(Box::new(published))));
                } else {
                    let own = self.put_work(now, publish.work);
                    let after = self.replication.last_order();
                    let waiting = Waiting { request, published, after, deadline: now.mono + PUBLISH_WAIT };
                    self.replication.waiting.entry(own).or_default().push(waiting);
                }
            }
        }
        Ok(())
    }

    fn seed(&mut self, now: Now, metainfo: &Metainfo, content: String, is_named: bool) {
        let torrent = Torrent {
            content,
            is_named,
            is_complete: true,
            is_wanted_anyway: true,
            selection: Selection::All,
            info_sha256: metainfo.info_sha256,
            trackers: metainfo.trackers.clone(),
            added: now.wall,
        };
        self.held.push(Output::Torrent(torrent.order(metainfo.infohash)));
        self.torrents.set(metainfo.infohash, torrent, &mut self.ground);
    }

    /// Seeds what the owner lists and has, under their name unless they keep the listing to themselves.
    pub(super) fn seed_listed(&mut self, now: Now, listed: Vec<OwnContent>) -> Outcome {
        let mut mine: BTreeMap<Infohash, bool> = BTreeMap::new();
        for stored in self.ground.statements_of_kind(&self.identity.key(), Kind::Listing)? {
            if let Body::Listing(listing) = stored.statement.body() {
                let is_private = mine.entry(listing.infohash).or_insert(stored.is_private);
                *is_private &= stored.is_private;
            }
        }
        let mut seeded = Vec::new();
        for OwnContent { infohash, info_sha256, trackers, content, is_retry } in listed {
            let is_here = |old: &Torrent| !is_retry && old.is_complete && !old.selection.is_partial();
            seeded.push(match (mine.get(&infohash), self.torrents.of(&infohash)) {
                (None, _) => Err(format!("{infohash} is not listed by you: publish it")),
                (_, Some(old)) if is_here(old) && (old.is_named || old.content == content) => Ok(()),
                (_, Some(old)) if !old.is_complete => {
                    Err(format!("{infohash} is being downloaded: it is seeded when it is complete"))
                }
                (Some(is_private), _) => {
                    let torrent = Torrent {
                        content,
                        is_named: !is_private,
                        is_complete: true,
                        is_wanted_anyway: true,
                        selection: Selection::All,
                        info_sha256,
                        trackers,
                        added: now.wall,
                    };
                    let order = torrent.order(infohash);
                    if self.torrents.set(infohash, torrent, &mut self.ground) {
                        self.held.push(Output::Torrent(order));
                        Ok(())
                    } else {
                        Err("this node keeps as many torrents as it can: remove one first".to_owned())
                    }
                }
            });
        }
        Ok(Ok(Reply::Seeded(seeded)))
    }

    /// Whether a command signs something, and so waits for the sequence number.
    pub(super) fn signs(command: &Command) -> bool {
        matches!(
            command,
            Command::SetProfile { .. }
                | Command::MakeList { .. }
                | Command::Attest { .. }
                | Command::Verdict { .. }
                | Command::Publish(_)
                | Command::List { .. }
                | Command::Retract { .. }
                | Command::Succeed { .. }
        )
    }

    pub(super) fn attestation(subject: Key, level: Level, scope: Scope, reason: String) -> Attestation {
        Attestation { subject, scope, level, reason }
    }
}
