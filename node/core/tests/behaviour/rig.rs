//! People with real cores, a shelf that plays the DHT, and words to drive, elapse and look.

use heirloom_core::command::{Command, CommandError, IMPORT_BYTES_MAX, Publish, Reply, Subject, Target};
use heirloom_core::io::{
    Admission, ArchiveOrder, DhtEvent, DhtOrder, Input, LookupEvent, LookupOrder, MessageId, Metainfo, Now, OrderId,
    Output, Peer, RequestId, Share, TorrentEvent, TorrentOrder,
};
use heirloom_core::{Budgets, Config, Halt, MemoryStore, Service, TrustSettings, views};
use heirloom_graph::Band;
use heirloom_proto::body::{Attestation, Level, Listing, Opinion, Scope, Verdict, WorkKind};
use heirloom_proto::dht::Item;
use heirloom_proto::{
    Body, Header, Infohash, Key, Kind, SecretKey, Sha256, Statement, StatementId, Timestamp, Verified, WorkId,
    statement,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// 2026-10-01T09:00:00Z: some morning, so that an hour or two stays within a UTC day.
pub const START: Timestamp = Timestamp(1_790_845_200_000);

/// The work of most tests.
pub fn bunny() -> WorkId {
    "imdb:tt1254207".parse().expect("a work id")
}

/// Another one.
pub fn sintel() -> WorkId {
    "imdb:tt1727587".parse().expect("a work id")
}

/// A release by number.
pub fn release(number: u8) -> Infohash {
    Infohash([number; 20])
}

/// What a torrent of that number holds.
pub fn metainfo(number: u8) -> Metainfo {
    Metainfo {
        infohash: release(number),
        info_sha256: Some(Sha256([number; 32])),
        name: format!("release {number}"),
        size: 1000,
        files: vec![("film.mp4".into(), 1000)],
        trackers: Vec::new(),
        web_seeds: Vec::new(),
    }
}

/// A wish to publish.
pub fn publish(work: WorkId) -> Publish {
    Publish {
        source: "film.mp4".into(),
        work,
        title: Some("Big Buck Bunny".into()),
        year: Some(2008),
        kind: Some(WorkKind::Film),
        episode: None,
        season: None,
        map: Vec::new(),
        licence: "CC-BY-3.0".into(),
        resolution: String::new(),
        languages: Vec::new(),
        made: Box::default(),
        artwork: None,
        private: false,
    }
}

/// A listing of a release.
pub fn listing(work: WorkId, number: u8) -> Body {
    let Metainfo { infohash, info_sha256, name, size, trackers, .. } = metainfo(number);
    Body::Listing(Listing {
        info_sha256,
        size,
        licence: "CC-BY-3.0".into(),
        trackers,
        ..Listing::new(work, infohash, name)
    })
}

/// An attestation.
pub fn attestation(subject: Key, level: Level) -> Body {
    Body::Attestation(Attestation { subject, scope: Scope::All, level, reason: String::new() })
}

/// A verdict.
pub fn verdict(number: u8, opinion: Opinion) -> Body {
    Body::Verdict(Verdict { infohash: release(number), opinion, note: String::new() })
}

/// A key that signs by hand: whatever number and time it likes.
pub struct Signer {
    pub secret: SecretKey,
}

pub fn signer(name: &str) -> Signer {
    Signer { secret: SecretKey::from_seed(&Sha256::of(name.as_bytes()).0) }
}

impl Signer {
    pub fn key(&self) -> Key {
        self.secret.public()
    }

    /// Signs with this number, made at this time, for the usual life of its kind.
    pub fn says(&self, seq: u64, created: Timestamp, body: &Body) -> Verified<Statement> {
        let expires = (body.kind().limits().lifetime_ms_default > 0)
            .then(|| Timestamp(created.0 + body.kind().limits().lifetime_ms_default));
        self.says_until(seq, created, expires, body)
    }

    pub fn says_until(
        &self,
        seq: u64,
        created: Timestamp,
        expires: Option<Timestamp>,
        body: &Body,
    ) -> Verified<Statement> {
        let header = Header { generation: 0, seq, created, expires };
        Statement::sign(&self.secret, &header, body).expect("a body within its limits")
    }
}

/// One person with a node.
pub struct Person {
    pub name: String,
    service: Option<Service<MemoryStore>>,
    pub mono: Duration,
    pub wall: Timestamp,
    /// Everything that left and was not looked at.
    pub outbox: VecDeque<Output>,
    requests: u64,
    budgets: Budgets,
    trust: TrustSettings,
}

fn config_of(name: &str) -> Config {
    Config {
        secret: signer(name).secret,
        next_key_hash: next_key_hash(name),
        generation: 0,
        seed: Sha256::of(format!("chance of {name}").as_bytes()).0,
        trust: TrustSettings::default(),
        budgets: Budgets::default(),
    }
}

/// What the first profile of a person commits to.
pub fn next_key_hash(name: &str) -> Sha256 {
    Sha256::of(format!("next key of {name}").as_bytes())
}

/// A person whose node has neither DHT nor torrents yet.
pub fn offline(name: &str) -> Person {
    Person {
        name: name.into(),
        service: Some(Service::open(config_of(name), MemoryStore::default()).expect("opened")),
        mono: Duration::ZERO,
        wall: START,
        outbox: VecDeque::new(),
        requests: 0,
        budgets: Budgets::default(),
        trust: TrustSettings::default(),
    }
}

/// A person whose node has torrents but no DHT: nothing waits for an answer.
pub fn person(name: &str) -> Person {
    let mut person = offline(name);
    person.feed(Input::Started { dht: false, torrents: true });
    person
}

/// A person whose node measures trust in another way, with torrents and no DHT.
pub fn person_with(name: &str, trust: TrustSettings) -> Person {
    let mut person = offline(name);
    let config = Config { trust, ..config_of(name) };
    person.trust = trust;
    person.service = Some(Service::open(config, MemoryStore::default()).expect("opened"));
    person.feed(Input::Started { dht: false, torrents: true });
    person
}

/// A person whose node may cost so much, with torrents and no DHT.
pub fn person_within(name: &str, budgets: Budgets) -> Person {
    let mut person = offline(name);
    let config = Config { budgets, ..config_of(name) };
    person.budgets = budgets;
    person.service = Some(Service::open(config, MemoryStore::default()).expect("opened"));
    person.feed(Input::Started { dht: false, torrents: true });
    person
}

/// A person with everything, and an empty DHT that has answered.
pub fn online(name: &str) -> Person {
    let mut person = offline(name);
    person.start();
    person.settle(&mut Shelf::default());
    // To tidy up stays on this machine.
    person.archive_orders();
    person
}

impl Person {
    pub fn key(&self) -> Key {
        signer(&self.name).key()
    }

    pub fn now(&self) -> Now {
        Now { mono: self.mono, wall: self.wall }
    }

    pub fn service(&mut self) -> &mut Service<MemoryStore> {
        self.service.as_mut().expect("the node runs")
    }

    /// Starts with all networks.
    pub fn start(&mut self) {
        self.feed(Input::Started { dht: true, torrents: true });
    }

    /// Takes an input in, commits, and keeps what leaves.
    pub fn feed(&mut self, input: Input) {
        self.try_feed(input).expect("the store holds");
    }

    pub fn try_feed(&mut self, input: Input) -> Result<(), Halt> {
        let now = self.now();
        let service = self.service.as_mut().expect("the node runs");
        service.handle(now, input);
        assert_eq!(service.poll_output(), None, "nothing leaves before the commit");
        service.commit()?;
        while let Some(output) = service.poll_output() {
            self.outbox.push_back(output);
        }
        Ok(())
    }

    /// Lets time pass, waking the node whenever it asked for it.
    pub fn elapse(&mut self, span: Duration) {
        let end = self.mono + span;
        let mut idle = 0;
        loop {
            let next = self.service().next_wakeup().unwrap_or(end).max(self.mono);
            idle = if next == self.mono { idle + 1 } else { 0 };
            assert!(idle < 20, "{} asks to be woken again and again at {:?}", self.name, self.mono);
            if next > end {
                break;
            }
            self.leap(next - self.mono);
            self.feed(Input::Wake);
            if next == end && self.service().next_wakeup().is_none_or(|next| next > end) {
                break;
            }
        }
        self.leap(end - self.mono);
    }

    /// Moves the clocks on; the node does not notice.
    pub fn leap(&mut self, span: Duration) {
        self.mono += span;
        self.wall = self.wall.plus(span);
    }

    /// Asks for something that may take its time.
    pub fn begin(&mut self, command: Command) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.feed(Input::Command { request, command: Box::new(command) });
        request
    }

    /// The answer, if it has come.
    pub fn reply(&mut self, to: RequestId) -> Option<Result<Reply, CommandError>> {
        let at = self.outbox.iter().position(|o| matches!(o, Output::Reply { request, .. } if *request == to))?;
        match self.outbox.remove(at) {
            Some(Output::Reply { result, .. }) => Some(result.map(|reply| *reply)),
            _ => None,
        }
    }

    /// Asks for something that is answered at once.
    #[track_caller]
    pub fn ask(&mut self, command: Command) -> Result<Reply, CommandError> {
        let request = self.begin(command);
        self.reply(request).expect("an answer at once")
    }

    #[track_caller]
    pub fn must(&mut self, command: Command) -> Reply {
        self.ask(command).expect("the command succeeds")
    }

    /// Hears bytes by gossip.
    pub fn hear(&mut self, bytes: &[u8]) -> Admission {
        self.hear_from(None, bytes)
    }

    /// Hears bytes that a peer pushed.
    pub fn hear_from(&mut self, from: Option<Peer>, bytes: &[u8]) -> Admission {
        let message = MessageId(7);
        self.feed(Input::Gossip { message, from, bytes: bytes.to_vec() });
        let is_it = |output: &Output| matches!(output, Output::Admission { message: of, .. } if *of == message);
        match self.outbox.iter().rposition(is_it).and_then(|at| self.outbox.remove(at)) {
            Some(Output::Admission { admission, .. }) => admission,
            other => panic!("no admission but {other:?}"),
        }
    }

    #[track_caller]
    pub fn accept(&mut self, statement: &Verified<Statement>) {
        assert_eq!(self.hear(statement.bytes()), Admission::Accept, "{:?}", self.counters());
    }

    #[track_caller]
    pub fn ignore(&mut self, statement: &Verified<Statement>, counter: &str) {
        let before = self.count(counter);
        assert_eq!(self.hear(statement.bytes()), Admission::Ignore);
        assert_eq!(self.count(counter), before + 1, "counted as {counter}: {:?}", self.counters());
    }

    pub fn counters(&mut self) -> BTreeMap<&'static str, u64> {
        self.status().counters
    }

    pub fn count(&mut self, counter: &str) -> u64 {
        self.counters().get(counter).copied().unwrap_or(0)
    }

    pub fn status(&mut self) -> views::Status {
        match self.must(Command::Status) {
            Reply::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    // ---- wishes

    pub fn follow(&mut self, key: Key, level: Level) -> views::Followed {
        let scope = Scope::All;
        match self.must(Command::Follow { key, level, scope, alias: String::new(), preview: false }) {
            Reply::Followed(followed) => followed,
            other => panic!("{other:?}"),
        }
    }

    pub fn attest(&mut self, subject: Key, level: Level) -> views::Signed {
        self.signed(Command::Attest {
            subject,
            level,
            scope: Scope::All,
            reason: String::new(),
            lifetime: None,
            private: false,
        })
    }

    pub fn judge(&mut self, number: u8, opinion: Opinion) -> views::Signed {
        let (infohash, note) = (release(number), String::new());
        self.signed(Command::Verdict { infohash, opinion, note, private: false })
    }

    pub fn retract(&mut self, target: Target) -> views::Signed {
        self.signed(Command::Retract { target })
    }

    pub fn signed(&mut self, command: Command) -> views::Signed {
        match self.must(command) {
            Reply::Signed(signed) => signed,
            other => panic!("{other:?}"),
        }
    }

    /// Publishes a release: the torrent is prepared at once.
    pub fn list(&mut self, work: WorkId, number: u8) -> RequestId {
        self.list_with(publish(work), number)
    }

    pub fn list_with(&mut self, publish: Publish, number: u8) -> RequestId {
        let request = self.begin(Command::Publish(publish));
        let order = self.take_prepare().expect("an order to prepare");
        let (metainfo, content) = (metainfo(number), Some("film.mp4".to_owned()));
        self.feed(Input::Torrent(TorrentEvent::Prepared { order, metainfo, content }));
        request
    }

    pub fn show(&mut self, work: WorkId) -> views::Work {
        match self.must(Command::Show { work, wait: None, lines: 0 }) {
            Reply::Work(work) => *work,
            other => panic!("{other:?}"),
        }
    }

    /// Shows a work, with a DHT that answers.
    pub fn show_with(&mut self, work: WorkId, shelf: &mut Shelf) -> views::Work {
        let request = self.begin(Command::Show { work, wait: None, lines: 0 });
        self.settle(shelf);
        match self.reply(request).expect("an answer").expect("shown") {
            Reply::Work(work) => *work,
            other => panic!("{other:?}"),
        }
    }

    pub fn band_of(&mut self, number: u8) -> Band {
        let shown = self.show(bunny());
        shown.releases.iter().find(|r| r.infohash == release(number)).map_or(Band::Unknown, |r| r.band)
    }

    pub fn trust_of(&mut self, key: Key) -> Option<views::TrustRow> {
        match self.must(Command::Trust { scope: Scope::Catalogue, limit: 1000 }) {
            Reply::Trust(rows) => rows.into_iter().find(|row| row.key == key),
            other => panic!("{other:?}"),
        }
    }

    pub fn why(&mut self, subject: Subject) -> views::Why {
        match self.must(Command::Why { subject, scope: Scope::Catalogue }) {
            Reply::Why(why) => *why,
            other => panic!("{other:?}"),
        }
    }

    pub fn audit(&mut self, keys: &BTreeSet<Key>) -> views::Ring {
        match self.must(Command::Ring { scope: Scope::Catalogue, keys: keys.clone() }) {
            Reply::Ring(ring) => *ring,
            other => panic!("{other:?}"),
        }
    }

    /// Takes statements in as from a file, in batches.
    pub fn import(&mut self, statements: &[Verified<Statement>]) -> views::Imported {
        let envelopes: Vec<Vec<u8>> = statements.iter().map(|statement| statement.bytes().to_vec()).collect();
        self.import_bytes(&envelopes)
    }

    pub fn import_bytes(&mut self, envelopes: &[Vec<u8>]) -> views::Imported {
        let mut sum = views::Imported::default();
        let mut rest = envelopes;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |envelope: &&Vec<u8>| {
                bytes += envelope.len();
                bytes <= IMPORT_BYTES_MAX
            };
            let (batch, later) = rest.split_at(rest.iter().take_while(fits).count());
            rest = later;
            let done = match self.must(Command::Import { envelopes: batch.to_vec() }) {
                Reply::Imported(done) => done,
                other => panic!("{other:?}"),
            };
            sum.imported += done.imported;
            sum.known += done.known;
            sum.evicted += done.evicted;
            done.refused.into_iter().for_each(|(reason, count)| *sum.refused.entry(reason).or_default() += count);
        }
        sum
    }

    pub fn ledger(&mut self, by: views::LedgerBy) -> Vec<views::LedgerRow> {
        match self.must(Command::Ledger { by }) {
            Reply::Ledger(rows) => rows,
            other => panic!("{other:?}"),
        }
    }

    /// Receives one piece of a release from an address that shows a key or none.
    pub fn receive(&mut self, number: u8, piece: u32, from: Option<Key>, bytes: u64) {
        let wire_name = from.map(|key| format!("heirloom/0.1.0 {}", key.to_multibase()));
        let shares = vec![Share { address: [10, 0, 0, 9].into(), wire_name, bytes }];
        self.feed(Input::Torrent(TorrentEvent::Received { infohash: release(number), piece, shares }));
    }

    // ---- looks into the outbox

    /// Statements pushed since the last look.
    pub fn pushed(&mut self) -> Vec<Verified<Statement>> {
        let mut pushed = Vec::new();
        self.outbox.retain(|output| match output {
            Output::Publish { bytes, kind } => {
                let statement = statement::verify(bytes).expect("what leaves holds");
                assert_eq!(statement.kind().name(), *kind);
                pushed.push(statement);
                false
            }
            _ => true,
        });
        pushed
    }

    pub fn pushed_of(&mut self, kind: Kind) -> Vec<Verified<Statement>> {
        self.pushed().into_iter().filter(|statement| statement.kind() == kind).collect()
    }

    /// Puts ordered since the last look.
    pub fn puts(&mut self) -> Vec<(OrderId, Item)> {
        let mut puts = Vec::new();
        self.outbox.retain(|output| match output {
            Output::Dht(DhtOrder::Put { order, item }) => {
                puts.push((*order, item.clone()));
                false
            }
            _ => true,
        });
        puts
    }

    /// Gets ordered since the last look.
    pub fn gets(&mut self) -> Vec<(OrderId, [u8; 32], Vec<u8>)> {
        let mut gets = Vec::new();
        self.outbox.retain(|output| match output {
            Output::Dht(DhtOrder::Get { order, key, salt }) => {
                gets.push((*order, *key, salt.clone()));
                false
            }
            _ => true,
        });
        gets
    }

    /// Torrent orders since the last look.
    pub fn torrent_orders(&mut self) -> Vec<TorrentOrder> {
        let mut orders = Vec::new();
        self.outbox.retain(|output| match output {
            Output::Torrent(order) => {
                orders.push(order.clone());
                false
            }
            _ => true,
        });
        orders
    }

    /// Orders about archives since the last look.
    pub fn archive_orders(&mut self) -> Vec<ArchiveOrder> {
        let mut orders = Vec::new();
        self.outbox.retain(|output| match output {
            Output::Archive(order) => {
                orders.push(order.clone());
                false
            }
            _ => true,
        });
        orders
    }

    fn take_prepare(&mut self) -> Option<OrderId> {
        self.torrent_orders().into_iter().find_map(|order| match order {
            TorrentOrder::Prepare { order, .. } => Some(order),
            _ => None,
        })
    }

    pub fn found(&mut self, order: OrderId, item: &Item) {
        self.feed(Input::Dht(DhtEvent::Found { order, item: item.clone() }));
    }

    /// A get ends; few nodes had anything.
    pub fn done(&mut self, order: OrderId) {
        self.counted(order, Some(0));
    }

    /// A get ends, with so many copies of the newest item.
    pub fn counted(&mut self, order: OrderId, copies: Option<usize>) {
        self.feed(Input::Dht(DhtEvent::Done { order, copies }));
    }

    /// Works whose announcement was ordered since the last look.
    pub fn announces(&mut self) -> Vec<(OrderId, WorkId)> {
        let mut announces = Vec::new();
        self.outbox.retain(|output| match output {
            Output::Dht(DhtOrder::Announce { order, work }) => {
                announces.push((*order, work.clone()));
                false
            }
            _ => true,
        });
        announces
    }

    /// Orders to find strangers who list a work, since the last look.
    pub fn seeks(&mut self) -> Vec<(OrderId, WorkId)> {
        let mut seeks = Vec::new();
        self.outbox.retain(|output| match output {
            Output::Lookup(LookupOrder::Seek { order, work }) => {
                seeks.push((*order, work.clone()));
                false
            }
            _ => true,
        });
        seeks
    }

    /// No stranger is found.
    pub fn nobody_found(&mut self) {
        for (order, _) in self.seeks() {
            self.feed(Input::Lookup(LookupEvent::Over { order }));
        }
    }

    /// Answers every order to the DHT from a shelf, until none is left.
    pub fn settle(&mut self, shelf: &mut Shelf) {
        for _ in 0..100 {
            self.feed(Input::Wake);
            self.nobody_found();
            for (order, _) in self.announces() {
                self.feed(Input::Dht(DhtEvent::Announced { order, is_taken: true }));
            }
            let (puts, gets) = (self.puts(), self.gets());
            if puts.is_empty() && gets.is_empty() && self.service().next_wakeup().is_none_or(|next| next > self.mono) {
                return;
            }
            for (order, item) in puts {
                shelf.items.insert((item.key, item.salt.clone()), item);
                self.feed(Input::Dht(DhtEvent::Stored { order, nodes: 8 }));
            }
            for (order, key, salt) in gets {
                let item = shelf.items.get(&(key, salt));
                if let Some(item) = item {
                    self.found(order, item);
                }
                self.counted(order, Some(item.map_or(0, |_| shelf.copies)));
            }
        }
        panic!("the DHT does not come to rest");
    }

    /// Lets time pass with a DHT that answers.
    pub fn live(&mut self, span: Duration, shelf: &mut Shelf) {
        let end = self.mono + span;
        while self.mono < end {
            self.settle(shelf);
            let next = self.service().next_wakeup().unwrap_or(end).clamp(self.mono, end);
            self.leap(next - self.mono);
        }
        self.settle(shelf);
    }

    // ---- crashes

    /// Kills the process: what was not committed is lost, and the clock since start begins again.
    pub fn kill(&mut self) -> MemoryStore {
        self.mono = Duration::ZERO;
        self.outbox.clear();
        self.service.take().expect("the node runs").into_store()
    }

    /// The same person, clocks and all, whose store was opened under the key of another name.
    pub fn taken_over(self, service: Service<MemoryStore>, name: &str) -> Self {
        let mut person = Self { name: name.into(), service: Some(service), ..self };
        person.feed(Input::Started { dht: false, torrents: true });
        person
    }

    pub fn reopen(&mut self, store: MemoryStore) {
        let config = Config { budgets: self.budgets, trust: self.trust, ..config_of(&self.name) };
        self.service = Some(Service::open(config, store).expect("opened again"));
    }

    /// Kills and opens again, without networks.
    pub fn restart(&mut self) {
        let store = self.kill();
        self.reopen(store);
    }
}

/// The DHT as one shelf.
#[derive(Default)]
pub struct Shelf {
    pub items: BTreeMap<([u8; 32], Vec<u8>), Item>,
    /// Nodes that have each of them.
    pub copies: usize,
}

/// A target by id.
pub fn by_id(id: StatementId) -> Target {
    Target::Statement(id)
}
