//! The service: takes inputs, lets the topics decide, gives outputs. It routes; it decides nothing itself.
//!
//! Batch, commit, release: outputs that depend on a write are held back until [`Service::commit`] has made it.

mod about;
mod archive;
mod artwork;
mod cancelling;
mod choosing;
mod circle;
mod clients;
mod commands;
mod dht;
mod findings;
mod import;
mod linking;
mod listing;
mod lookup;
mod newest;
mod proving;
mod read;
mod receipts;
mod renewal;
mod ring;
mod room;
pub(crate) mod search;
mod starter;
mod succeed;
mod sweep;
mod sync;
mod sync_answer;
mod why;
mod write;

use crate::archives::Archives;
use crate::artwork::Artwork;
use crate::budgets::{Budgets, Watch};
use crate::catalogue::Catalogue;
use crate::command::{Command, CommandError, Reply};
use crate::curation::Curation;
use crate::findings::Findings;
use crate::ground::Ground;
use crate::handed::HandedOff;
use crate::identity::Identity;
use crate::ingest::{Ingest, Refusal, Standing};
use crate::io::{Admission, Input, MessageId, Now, OrderId, Output, Peer, RequestId, TorrentEvent};
use crate::ledger::Ledger;
use crate::proving::Proving;
use crate::pushers::Pushers;
use crate::refusals::Refusals;
use crate::replication::{QUERY_GAP, Replication, Task};
use crate::scoring::Scoring;
use crate::seeking::Seeking;
use crate::settings::TrustSettings;
use crate::store::{Store, StoreError};
use crate::succession::Succession;
use crate::sync::Sync;
use crate::torrents::Torrents;
use crate::upkeep::Upkeep;
use crate::views::{Source, View};
use heirloom_proto::body::DuplicityProof;
use heirloom_proto::{Infohash, Key, Kind, SecretKey, Sha256, Statement, Timestamp, Verified, Verifier};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use sweep::Sweep;

/// Shortest time between two heads, so that a busy curator does not flood (`limits`: one a minute sustained, ten at once).
const HEAD_GAP: Duration = Duration::from_secs(2);

/// What a service is opened with.
#[derive(Debug)]
pub struct Config {
    /// The owner's key.
    pub secret: SecretKey,
    /// SHA-256 of the key that will follow it.
    pub next_key_hash: Sha256,
    /// How often it was rotated.
    pub generation: u32,
    /// Seed of all chance in the core.
    pub seed: [u8; 32],
    /// How trust is measured and told.
    pub trust: TrustSettings,
    /// What it may cost.
    pub budgets: Budgets,
}

/// Why a service cannot be opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store failed while running: the process must stop, and start again from what was committed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the store failed, so the node stops: {0}")]
pub struct Halt(pub StoreError);

/// A publish whose torrent is being prepared.
#[derive(Debug)]
struct Preparing {
    request: RequestId,
    publish: crate::command::Publish,
}

/// The core of a node.
#[derive(Debug)]
pub struct Service<S> {
    ground: Ground<S>,
    rng: ChaCha8Rng,
    verifier: Verifier,
    identity: Identity,
    curation: Curation,
    ingest: Ingest,
    watch: Watch,
    catalogue: Catalogue,
    trust: TrustSettings,
    scoring: Scoring,
    succession: Succession,
    ledger: Ledger,
    torrents: Torrents,
    handed: HandedOff,
    findings: Findings,
    replication: Replication,
    seeking: Seeking,
    upkeep: Upkeep,
    refusals: Refusals,
    sync: Sync,
    archives: Archives,
    artwork: Artwork,
    proving: Proving,
    pushers: Pushers,
    has_torrents: bool,
    /// Until the DHT said which sequence number it saw last, nothing is signed. Commands that sign wait here.
    recovering: Option<(OrderId, Duration)>,
    held_commands: Vec<(RequestId, Command)>,
    /// Proofs to sign, by accused, that wait like the commands.
    held_proofs: BTreeMap<Key, DuplicityProof>,
    preparing: BTreeMap<OrderId, Preparing>,
    is_head_due: bool,
    /// The next head is signed even if it says nothing new.
    must_renew_head: bool,
    last_head: Option<Duration>,
    sweep: Sweep,
    /// Wait for the commit.
    held: Vec<Output>,
    /// May leave.
    ready: VecDeque<Output>,
    halted: Option<StoreError>,
    view: Option<Arc<View>>,
    /// Who has a voice, and who is distrusted.
    order: Option<Arc<circle::Order>>,
    /// Who is heard, and of which state: scorings computed, and what was live.
    hearing: Option<(search::State, Arc<crate::views::Hearing>)>,
}

impl<S: Store> Service<S> {
    /// Opens the core over a store: reads ground state, derives the rest.
    ///
    /// # Errors
    /// [`OpenError`] when the store fails.
    pub fn open(config: Config, store: S) -> Result<Self, OpenError> {
        let ground = Ground::new(store);
        let identity = Identity::open(config.secret, config.next_key_hash, config.generation, &ground)?;
        let curation = Curation::open(&ground)?;
        let scoring = Scoring::new(identity.key(), &curation, &config.trust);
        let mut service = Self {
            rng: ChaCha8Rng::from_seed(config.seed),
            verifier: Verifier::default(),
            catalogue: Catalogue::new(identity.key()),
            identity,
            ingest: Ingest::new(config.budgets),
            watch: Watch::new(config.budgets, room::traffic_before(&ground)?),
            trust: config.trust,
            scoring,
            succession: Succession::default(),
            ledger: Ledger::open(&ground)?,
            torrents: Torrents::open(&ground)?,
            handed: HandedOff::open(&ground)?,
            findings: Findings::open(&ground)?,
            replication: Replication::default(),
            seeking: Seeking::default(),
            upkeep: Upkeep::default(),
            refusals: Refusals::default(),
            sync: Sync::new(config.seed),
            archives: Archives::open(&ground)?,
            artwork: Artwork::default(),
            proving: Proving::default(),
            pushers: Pushers::default(),
            has_torrents: false,
            recovering: None,
            held_commands: Vec::new(),
            held_proofs: BTreeMap::new(),
            preparing: BTreeMap::new(),
            is_head_due: false,
            must_renew_head: false,
            last_head: None,
            sweep: Sweep::default(),
            held: Vec::new(),
            ready: VecDeque::new(),
            halted: None,
            view: None,
            order: None,
            hearing: None,
            curation,
            ground,
        };
        service.derive()?;
        service.read_carried_heads()?;
        Ok(service)
    }

    /// Derives everything from the live statements. Returns how many there are, and how many records are damaged.
    fn derive(&mut self) -> Result<(usize, usize), StoreError> {
        self.catalogue = self.catalogue.anew();
        self.scoring = Scoring::new(self.identity.key(), &self.curation, &self.trust);
        self.succession = Succession::default();
        self.findings.reset();
        self.ingest.reset();
        self.sync.reset();
        let mut good = 0;
        let damaged = self.ground.each_statement(|stored| {
            good += 1;
            self.ingest.note(&stored);
            self.catalogue.add(&stored);
            self.scoring.add(&stored);
            self.succession.add(&stored);
            self.findings.add(&stored);
            self.sync.add(&stored);
        })?;
        self.derive_floors()?;
        for _ in 0..damaged {
            self.ingest.count("damaged");
        }
        Ok((good, damaged))
    }

    /// Takes one input. Call [`Service::commit`] before reading outputs.
    pub fn handle(&mut self, now: Now, input: Input) {
        if self.halted.is_some() {
            return;
        }
        self.view = None;
        if let Err(error) = self.route(now, input).and_then(|()| self.tick(now)) {
            self.halted = Some(error);
        }
    }

    fn route(&mut self, now: Now, input: Input) -> Result<(), StoreError> {
        match input {
            Input::Wake => Ok(()),
            Input::Started { dht, torrents } => self.started(now, dht, torrents),
            Input::Gossip { message, from, bytes } => self.gossip(now, message, from, &bytes),
            Input::PeerUp(peer) => {
                self.artwork.up(peer, now.mono);
                self.sync.up(peer, now.mono, &mut self.rng);
                Ok(())
            }
            Input::PeerDown(peer) => {
                self.artwork.down(peer);
                self.sync.down(peer);
                self.proving.down(peer);
                Ok(())
            }
            Input::Identity(event) => {
                self.identity_event(now, event);
                Ok(())
            }
            Input::SyncFrame(event) => self.sync_event(now, event),
            Input::Lookup(event) => self.lookup_event(now, event),
            Input::Dht(event) => self.dht(now, event),
            Input::Torrent(event) => self.torrent(now, event),
            Input::Reading(reading) => {
                self.read_meters(now, reading);
                Ok(())
            }
            Input::Worked { peer, cpu } => {
                self.worked(now, peer, cpu);
                Ok(())
            }
            Input::Archive(event) => self.archive_event(now, event),
            Input::Artwork(event) => {
                self.artwork_event(now, event);
                Ok(())
            }
            Input::Command { request, command } => self.command(now, request, *command),
        }
    }

    /// Writes what the inputs since the last commit changed, and releases their outputs.
    ///
    /// # Errors
    /// [`Halt`]: nothing was released; stop the process.
    pub fn commit(&mut self) -> Result<(), Halt> {
        if let Some(error) = &self.halted {
            return Err(Halt(error.clone()));
        }
        if let Err(error) = self.ground.commit() {
            self.halted = Some(error.clone());
            return Err(Halt(error));
        }
        self.ready.extend(self.held.drain(..));
        Ok(())
    }

    /// The next output that may leave. Changes after [`Service::commit`] only.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.ready.pop_front()
    }

    /// When to send [`Input::Wake`] at the latest, since process start.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Duration> {
        let recovery = self.recovering.map(|(_, by)| by);
        // Nothing is signed before the number is known, so until then a head that is due is no reason to wake.
        let may_sign = self.is_head_due && self.recovering.is_none();
        let head = may_sign.then(|| self.last_head.map_or(Duration::ZERO, |at| at + HEAD_GAP));
        let waits = [
            self.replication.next_due(),
            self.seeking.next_due(),
            self.sync.next_due(),
            self.archives.next_due(),
            self.artwork.next_due(),
            self.upkeep_due(),
        ];
        let times = waits.into_iter().chain([recovery, head, Some(self.sweep.next_due())]);
        times.flatten().min()
    }

    fn upkeep_due(&self) -> Option<Duration> {
        // As with the head: nothing is signed before the number is known.
        self.upkeep.next_due().filter(|_| self.recovering.is_none())
    }

    /// Pulls nothing on behalf of others from now on: for a simulation that shows what would be missing without it.
    pub fn pull_nothing_for_others(&mut self) {
        self.sync.wanted.turn_off();
    }

    /// The owner's key.
    #[must_use]
    pub fn key(&self) -> Key {
        self.identity.key()
    }

    /// The store, to be looked at.
    pub fn store(&self) -> &S {
        self.ground.store()
    }

    /// Gives the store back, for the end of a simulated life: what was not committed is lost.
    pub fn into_store(self) -> S {
        self.ground.into_store()
    }

    fn reply(&mut self, request: RequestId, result: Result<Reply, CommandError>) {
        self.held.push(Output::Reply { request, result: result.map(Box::new) });
    }

    /// The adapters listen.
    fn started(&mut self, now: Now, dht: bool, torrents: bool) -> Result<(), StoreError> {
        self.replication.has_dht = dht;
        self.has_torrents = torrents;
        if dht {
            self.start_recovery(now);
            let mut at = now.mono;
            for key in self.curation.all().keys() {
                self.replication.schedule(Task::Watch(*key), at);
                at += QUERY_GAP;
            }
        }
        if torrents {
            let orders = self.torrents.orders();
            self.held.extend(orders.into_iter().map(Output::Torrent));
        }
        self.start_archives(now)?;
        self.sweep_all(now)?;
        self.plan_renewals(now);
        if self.recovering.is_none() {
            self.announce_everything(now)?;
            self.receipts_sweep(now)?;
        }
        Ok(())
    }

    /// What time alone brings about.
    fn tick(&mut self, now: Now) -> Result<(), StoreError> {
        self.sweep_tick(now)?;
        if self.recovering.is_some_and(|(_, by)| by <= now.mono) {
            self.end_recovery(now)?;
        }
        self.dht_tick(now)?;
        self.archive_tick(now)?;
        self.artwork_tick(now)?;
        self.upkeep_tick(now)?;
        self.sync_tick(now)?;
        let may_sign = self.last_head.is_none_or(|at| now.mono >= at + HEAD_GAP);
        if self.is_head_due && may_sign && self.recovering.is_none() {
            self.sign_head(now)?;
        }
        Ok(())
    }

    fn gossip(&mut self, now: Now, message: MessageId, from: Option<Peer>, bytes: &[u8]) -> Result<(), StoreError> {
        let refusal = self.is_put_off(now, bytes).or_else(|| self.is_one_stranger_too_many(now, from, bytes));
        if let Some(refusal) = refusal {
            self.refuse_of(now, refusal, None);
            self.held.push(Output::Admission { message, admission: refusal.admission() });
            return Ok(());
        }
        let admission = match self.verifier.verify(bytes) {
            Err(error) if error.blames_relayer() => {
                self.ingest.count("gossip_invalid");
                self.refusals.note(now.wall, "gossip_invalid", None);
                Admission::Reject
            }
            Err(_) => {
                self.ingest.count("unknown_kind");
                Admission::Ignore
            }
            // Receipts are never pushed: they travel by sync, delayed, so that they do not link a key to an address.
            Ok(statement) if statement.kind() == Kind::Receipt => Admission::Ignore,
            Ok(statement) => match self.take(now, statement, Source::Gossip)? {
                Ok(_) => Admission::Accept,
                Err(refusal) => refusal.admission(),
            },
        };
        self.held.push(Output::Admission { message, admission });
        Ok(())
    }

    /// Takes a verified statement of anybody in, and what follows from it.
    fn take(
        &mut self,
        now: Now,
        statement: Verified<Statement>,
        source: Source,
    ) -> Result<Result<(), Refusal>, StoreError> {
        let mut standing = self.standing(statement.author());
        if standing == Standing::Stranger
            && matches!(statement.body(), heirloom_proto::Body::DuplicityProof(p) if self.is_mine_or_followed(p.accused()))
        {
            // A proof that matters here is for no pool, whoever signed it.
            standing = Standing::Rated;
        }
        if standing == Standing::Own {
            // An own statement from outside: after a restore the network may know more than the disk.
            self.identity.raise(statement.header().seq, &mut self.ground);
        }
        let author = (standing != Standing::Stranger).then(|| *statement.author());
        if let Err(refusal) = self.check_succession(now, &statement)? {
            self.refuse_of(now, refusal, author);
            return Ok(Err(refusal));
        }
        let stored = crate::ground::Stored { statement, is_private: false, source, received: now.wall };
        match self.ingest.admit(now, &mut self.ground, stored, standing)? {
            Ok(accepted) => {
                for old in &accepted.removed {
                    self.underive(old);
                }
                self.derive_from(&accepted.stored);
                self.succeeded(now, &accepted)?;
                self.ingest.count("accepted");
                let statement = &accepted.stored.statement;
                if statement.kind() == Kind::Retraction {
                    self.replication.drop_works_of(statement.author().as_bytes());
                }
                self.is_head_due |= standing == Standing::Own && statement.kind() != Kind::Head;
                let is_kept = matches!(standing, Standing::Followed | Standing::Rated)
                    || self.sync.wanted.has(statement.author());
                if statement.kind() == Kind::Head && standing == Standing::Followed {
                    self.archives.look.insert(*statement.author());
                }
                if statement.kind() == Kind::Head && source != Source::Sync && is_kept {
                    self.sync.doubt(*statement.author(), now.mono);
                }
                // Who got it by sync has peers that were cut off too.
                let learnt = match statement.body() {
                    heirloom_proto::Body::DuplicityProof(proof) if source == Source::Sync => Some(*proof.accused()),
                    _ => None,
                };
                let author = *statement.author();
                if let Some(accused) = learnt {
                    self.repeat_proof(now, &accused)?;
                }
                if self.ingest.must_sort() {
                    self.sort_authors(now);
                }
                self.make_room(now, Some(&author))?;
                Ok(Ok(()))
            }
            Err(refusal) => {
                self.refuse_of(now, refusal, author);
                Ok(Err(refusal))
            }
        }
    }

    /// Counts a refusal, and notes it unless it only says that something is here already.
    fn refuse_of(&mut self, now: Now, refusal: Refusal, author: Option<Key>) {
        self.ingest.count(refusal.counter());
        if refusal != Refusal::Known {
            self.refusals.note(now.wall, refusal.counter(), author);
        }
    }

    /// Takes a new live statement into everything derived.
    fn derive_from(&mut self, new: &crate::ground::Stored) {
        self.catalogue.add(new);
        self.scoring.add(new);
        self.succession.add(new);
        self.findings.add(new);
        self.sync.add(new);
    }

    /// Takes a statement that is no longer live out of everything derived.
    fn underive(&mut self, old: &crate::ground::Stored) {
        self.catalogue.remove(old);
        self.succession.remove(old);
        self.findings.remove(old);
        self.sync.remove(old);
        let still_lists = match old.statement.body() {
            heirloom_proto::Body::Listing(l) => self.catalogue.is_listed_by(&l.infohash, old.statement.author()),
            _ => false,
        };
        self.scoring.remove(old, still_lists);
    }

    fn torrent(&mut self, now: Now, event: TorrentEvent) -> Result<(), StoreError> {
        match event {
            TorrentEvent::Prepared { order, metainfo, content } => {
                if let Some(Preparing { request, publish }) = self.preparing.remove(&order) {
                    if self.archives.has(&metainfo.infohash) {
                        self.reply(request, Err(archive::no_release(&metainfo.infohash)));
                        return Ok(());
                    }
                    self.publish_prepared(now, request, publish, metainfo, content)?;
                }
            }
            TorrentEvent::NotPrepared { order, error } => {
                if let Some(Preparing { request, .. }) = self.preparing.remove(&order) {
                    self.reply(request, Err(error));
                }
            }
            TorrentEvent::Metadata { infohash, files } => {
                self.torrents.tell_files(infohash, files);
                self.look_inside(now, infohash)?;
                self.pick_files(now, infohash)?;
            }
            TorrentEvent::OtherInfo { infohash, found } => {
                self.note_finding(now, infohash, "torrents_other_info", |finding| finding.info_sha256 = Some(found))?;
            }
            TorrentEvent::Disguised { infohash, path } => self.found_disguised(now, infohash, path)?,
            // Nobody is known to be a good seeder of releases by an archive.
            TorrentEvent::Received { infohash, .. } if self.archives.has(&infohash) => {
                self.ingest.count("archive_unbooked");
            }
            TorrentEvent::Received { infohash, piece, shares } => {
                if self.ledger.book(now, infohash, piece, &shares, &mut self.ground)? {
                    self.scoring.ledger_changed();
                }
            }
            TorrentEvent::Finished { infohash, content } => {
                self.torrents.complete(&infohash, content, &mut self.ground);
            }
            TorrentEvent::Failed { infohash, .. } => self.torrents.remove(&infohash, &mut self.ground),
        }
        Ok(())
    }

    /// Releases whose bytes count for nobody: the owner judged them fake or malware, or they were found to hold something else
    /// than they say, and the owner does not call them good.
    fn bad_releases(&self) -> std::collections::BTreeSet<Infohash> {
        use heirloom_proto::body::Opinion::{Fake, Good, Malware};
        let good = self.catalogue.judged(&[Good]);
        let mut bad = self.catalogue.judged(&[Fake, Malware]);
        bad.extend(self.findings.disguised().filter(|infohash| !good.contains(*infohash)));
        bad
    }

    /// Scores of the day in scope `catalogue`, with evidence up to date.
    fn catalogue_scores(&mut self, now: Timestamp) -> heirloom_graph::Scored<'_> {
        self.refresh_scoring(now);
        self.scoring.scores(now, heirloom_graph::Scope::Catalogue)
    }

    fn refresh_scoring(&mut self, now: Timestamp) {
        if !self.scoring.is_stale() {
            return;
        }
        let judged_bad = self.bad_releases();
        let judged_good = self.catalogue.judged(&[heirloom_proto::body::Opinion::Good]);
        let catalogue = &self.catalogue;
        // What is bad is held against its listers as it is, and what the owner calls good against nobody.
        let is_judged = |infohash: &Infohash| judged_bad.contains(infohash) || judged_good.contains(infohash);
        let caught = self.findings.caught().filter(|(infohash, _)| !is_judged(infohash));
        let caught: Vec<heirloom_proto::Key> = caught.flat_map(|(_, keys)| keys).copied().collect();
        let facts = crate::scoring::Facts {
            judged_bad: &judged_bad,
            judged_good: &judged_good,
            is_listed_by: &|hash, key| catalogue.is_listed_by(hash, key),
            listers_of: &|hash| catalogue.listers_of(hash).map(|(key, _)| *key).collect(),
            caught: &caught,
        };
        self.scoring.refresh(now, &self.ledger, &self.curation, &facts);
    }
}
