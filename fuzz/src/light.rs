//! What each target does with arbitrary bytes: the decoders of proto, the doors of the core, the arithmetic of graph.
//!
//! A target must not panic, must not read one content in two forms, and must leave whoever reads as well as before. Bytes that
//! are refused are a good end. Both the fuzzer and `node/tests/corpus.rs` run these.

use ed25519_dalek::{Signer as _, SigningKey};
use heirloom_core::command::{Command, Reply};
use heirloom_core::io::{
    DhtEvent, DhtOrder, ExchangeId, Input, MessageId, Now, OrderId, Output, Peer, RequestId, SyncEvent, SyncOrder,
};
use heirloom_core::release_name::{self, Expected, NAME_BYTES_MAX, RANGE_MAX};
use heirloom_core::store::{Batch, Durability, Store, Table};
use heirloom_core::{Config, MemoryStore, Service, TrustSettings};
use heirloom_graph::{
    Epoch, Evidence, FollowLevel, NodeId, Opinion, Params, ReleaseId, ReleaseVote, Root, RootPolicy, Scores,
    TrustGraph, Values,
};
use heirloom_proto::body::{Level, Scope};
use heirloom_proto::dht::{self, Item};
use heirloom_proto::signed_text::{find_blocks, to_block};
use heirloom_proto::statement_file::Reader;
use heirloom_proto::sync::{Request, Response};
use heirloom_proto::text::{Contact, find_contacts};
use heirloom_proto::{Body, Key, Kind, SecretKey, Sha256, Statement, Timestamp, Verified, WorkId, statement};
use std::collections::BTreeMap;
use std::time::Duration;

/// 2026-10-01T09:00:00Z.
pub(super) const START: u64 = 1_790_845_200_000;
/// Steps of one input: enough to get somewhere, few enough to stay fast.
pub(super) const STEPS_MAX: usize = 48;

/// Takes an input apart.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn word(&mut self) -> u64 {
        let mut word = [0; 8];
        let taken = self.take(8);
        word[..taken.len()].copy_from_slice(taken);
        u64::from_be_bytes(word)
    }

    /// Bytes behind a length of two.
    pub(super) fn chunk(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()) << 8 | usize::from(self.byte());
        self.take(length)
    }
}

pub(super) fn seed(number: u8) -> [u8; 32] {
    Sha256::of(&[number]).0
}

fn secret(number: u8) -> SigningKey {
    SigningKey::from_bytes(&seed(number))
}

pub(super) fn key(number: u8) -> Key {
    SecretKey::from_seed(&seed(number)).public()
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut written = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        written.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    written.push(length as u8);
    written.extend(bytes);
    written
}

/// Any bytes as the body of an envelope that is signed as it should be.
pub fn envelope(by: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(b"heirloom/1");
    message.extend(u32::from(kind).to_be_bytes());
    message.extend((body.len() as u32).to_be_bytes());
    message.extend(body);
    let secret = secret(by);
    let signature = secret.sign(&message).to_bytes();
    let author = secret.verifying_key().to_bytes();
    // What is zero or empty is not written.
    let kind = if kind == 0 { Vec::new() } else { vec![2 << 3, kind] };
    let body = if body.is_empty() { Vec::new() } else { field(3, body) };
    [field(1, &author), kind, body, field(4, &signature)].concat()
}

fn holds(bytes: &[u8], statement: &Verified<Statement>) {
    assert_eq!(statement.bytes(), bytes, "the original bytes are kept");
    let stored = Verified::<Statement>::from_store(&statement.to_store()).expect("what was verified is read again");
    assert_eq!(&stored, statement, "and is the same");
    assert_eq!(statement::check_structure(bytes), Ok(statement.kind()));
}

/// An envelope from anybody.
pub fn statement(data: &[u8]) {
    let structure = statement::check_structure(data);
    match heirloom_proto::verify(data) {
        Ok(statement) => holds(data, &statement),
        Err(error) => drop(error.to_string()),
    }
    // Bytes for the store that somebody changed are damaged, not a statement.
    if let Ok(stored) = Verified::<Statement>::from_store(data) {
        assert_eq!(&stored.to_store(), data);
    }
    assert!(data.len() <= 8192 || structure.is_err(), "longer than anything may be");
}

/// The body of each kind, by the first byte, signed as it should be.
pub fn body(data: &[u8]) {
    let mut bytes = Bytes(data);
    let kind = bytes.byte() % 12 + 1;
    let body = bytes.0;
    let envelope = envelope(1, kind, body);
    let verified = heirloom_proto::verify(&envelope);
    let Some(kind) = Kind::from_number(u32::from(kind)) else {
        assert!(verified.is_err_and(|error| !error.blames_relayer()), "an unknown kind blames nobody");
        return;
    };
    if let Ok((header, decoded)) = Body::decode(kind, body) {
        assert_eq!(decoded.encode(&header), body, "one form only");
        assert_eq!(decoded.kind(), kind);
        let _ = (decoded.slot(), header.is_expired(Timestamp(START)));
    }
    if let Ok(statement) = verified {
        holds(&envelope, &statement);
    }
}

/// A frame of sync, as question and as answer.
pub fn sync_frame(data: &[u8]) {
    if let Ok(request) = Request::decode(data) {
        assert_eq!(request.encode(), data, "one form only");
    }
    if let Ok(response) = Response::decode(data) {
        assert_eq!(response.encode(), data, "one form only");
    }
}

/// An item of the DHT: as it comes, and with any value under a signature that holds.
pub fn dht_item(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (by, seq) = (bytes.byte() % 4, bytes.word() as i64);
    let mut salt = bytes.chunk().to_vec();
    let mut given = [0; 64];
    let work: WorkId = "imdb:tt1254207".parse().expect("a work id");
    match bytes.byte() % 4 {
        0 => salt = dht::HEAD_SALT.to_vec(),
        1 => salt = dht::work_salt(&work).to_vec(),
        2 => given[..bytes.0.len().min(64)].copy_from_slice(&bytes.0[..bytes.0.len().min(64)]),
        _ => {}
    }
    let value = bytes.0.to_vec();
    let mut signed = Vec::new();
    if !salt.is_empty() {
        signed.extend(format!("4:salt{}:", salt.len()).into_bytes());
        signed.extend(&salt);
    }
    signed.extend(format!("3:seqi{seq}e1:v{}:", value.len()).into_bytes());
    signed.extend(&value);
    let secret = secret(by);
    let signature = secret.sign(&signed).to_bytes();
    let key = secret.verifying_key().to_bytes();
    let forged = Item { key, salt: salt.clone(), seq, value: value.clone(), signature: given };
    assert!(forged.verify().is_err(), "a signature out of thin air");
    if let Ok(item) = (Item { key, salt, seq, value, signature }).verify() {
        if let Ok(head) = dht::read_head(&item) {
            assert_eq!(head.kind(), Kind::Head);
            assert_eq!(head.author(), &item.author());
        }
        if let Ok(entry) = dht::read_work(&item, &work) {
            assert!(entry.statements.iter().all(|listing| *listing.author() == item.author()));
        }
    }
}

/// A statement file, in one piece and in many.
pub fn statement_file(data: &[u8]) {
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut reader, mut envelopes) = (Reader::new(), Vec::new());
        for piece in pieces {
            reader.push(piece);
            loop {
                match reader.next_envelope() {
                    Ok(Some(envelope)) => envelopes.push(envelope),
                    Ok(None) => break,
                    Err(error) => return (envelopes, Err(error.to_string())),
                }
            }
        }
        let end = reader.finish().map_err(|error| error.to_string());
        (envelopes, end)
    };
    let whole = read(&mut std::iter::once(data));
    let size = usize::from(data.first().copied().unwrap_or(0)) % 13 + 1;
    assert_eq!(read(&mut data.chunks(size)), whole, "pieces change nothing");
    if let (envelopes, Ok(count)) = whole {
        assert_eq!(envelopes.len() as u64, count);
    }
}

/// What people paste: keys, links, cards, signed text, and what stands around them.
pub fn text(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(key) = text.parse::<Key>() {
        for form in [key.to_string(), key.to_multibase(), key.to_pkarr()] {
            assert_eq!(form.parse(), Ok(key), "what is shown is read");
        }
    }
    if let Ok(contact) = Contact::from_link(&text) {
        assert_eq!(Contact::from_link(&contact.to_link()).as_ref(), Ok(&contact), "what is shown is read");
    }
    for contact in find_contacts(&text).unwrap_or_default() {
        assert_eq!(Contact::from_link(&contact.to_link()).as_ref(), Ok(&contact), "what is found can be said");
        let found = find_contacts(&contact.to_card()).expect("a card holds a contact");
        assert_eq!(found, [contact], "and so can its card");
    }
    for statement in find_blocks(&text).map(|(found, _)| found).unwrap_or_default() {
        let again = to_block(&statement).map(|block| find_blocks(&block));
        assert_eq!(again, Ok(Ok((vec![statement], "\n".into()))), "what was read can be handed on");
    }
}

/// Names of works.
pub fn work_id(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(id) = text.parse::<WorkId>() {
        assert_eq!(id.as_str().parse::<WorkId>().as_ref(), Ok(&id), "normalising twice changes nothing");
        assert!(id.as_str().len() <= 67 && !id.as_str().chars().any(char::is_whitespace), "{id:?}");
        for pasted in [format!(" {id}\n"), format!("<{text}>"), format!("“{text}”"), id.as_str().to_uppercase()] {
            assert_eq!(pasted.parse().as_ref(), Ok(&id), "{pasted:?}");
        }
    }
    let year = data.first().map_or(0, |byte| 1900 + u32::from(*byte));
    let title = WorkId::of_title(&text, year, "film");
    assert_eq!(title.as_str().parse::<WorkId>().as_ref(), Ok(&title));
}

/// A core with clocks that go where they are put.
pub(super) struct Core {
    pub(super) service: Service<MemoryStore>,
    pub(super) now: Now,
    asks: Vec<OrderId>,
    gets: Vec<OrderId>,
    pub(super) requests: u64,
}

impl Core {
    pub(super) fn open(store: MemoryStore) -> Self {
        let config = Config {
            secret: SecretKey::from_seed(&seed(0)),
            next_key_hash: Sha256([1; 32]),
            generation: 0,
            seed: [2; 32],
            trust: TrustSettings::default(),
            budgets: heirloom_core::Budgets::default(),
        };
        let service = Service::open(config, store).expect("a store in memory opens");
        let now = Now { mono: Duration::ZERO, wall: Timestamp(START) };
        Self { service, now, asks: Vec::new(), gets: Vec::new(), requests: 0 }
    }

    pub(super) fn feed(&mut self, input: Input) -> Vec<Output> {
        self.service.handle(self.now, input);
        self.service.commit().expect("a store in memory holds");
        let outputs: Vec<Output> = std::iter::from_fn(|| self.service.poll_output()).collect();
        for output in &outputs {
            match output {
                Output::SyncFrame(SyncOrder::Ask { order, bytes, .. }) => {
                    assert!(Request::decode(bytes).is_ok(), "what it asks is a question");
                    self.asks.push(*order);
                }
                Output::SyncFrame(SyncOrder::Answer { bytes, .. }) => {
                    assert!(Response::decode(bytes).is_ok(), "what it answers is an answer");
                }
                Output::Dht(DhtOrder::Get { order, .. }) => self.gets.push(*order),
                Output::Publish { bytes, .. } => drop(heirloom_proto::verify(bytes).expect("what it says holds")),
                _ => {}
            }
        }
        outputs
    }

    fn ask(&mut self, command: Command) -> Option<Reply> {
        self.requests += 1;
        let request = RequestId(self.requests);
        let outputs = self.feed(Input::Command { request, command: Box::new(command) });
        outputs.into_iter().find_map(|output| match output {
            Output::Reply { request: to, result } if to == request => result.ok().map(|reply| *reply),
            _ => None,
        })
    }

    pub(super) fn follow(&mut self, key: Key) {
        let level = Level::new(75).expect("a level");
        self.ask(Command::Follow { key, level, scope: Scope::All, alias: String::new(), preview: false });
    }

    /// What it says of itself must go on, whatever came before.
    pub(super) fn is_well(&mut self) {
        assert!(self.ask(Command::Status).is_some(), "it answers");
        let attested = self.ask(Command::Attest {
            subject: key(200),
            level: Level::new(50).expect("a level"),
            scope: Scope::All,
            reason: String::new(),
            lifetime: None,
            private: false,
        });
        let _ = attested;
        let (before, exported) = (self.statements(), self.ask(Command::Export));
        assert!(matches!(exported, Some(Reply::Statements(_))), "it exports");
        assert!(self.ask(Command::Reindex).is_some(), "it rebuilds");
        assert_eq!(self.statements(), before, "rebuilding changes nothing");
    }

    fn statements(&mut self) -> Option<(usize, usize)> {
        match self.ask(Command::Status)? {
            Reply::Status(status) => Some((status.statements, status.keys_known)),
            _ => None,
        }
    }
}

/// A clock that goes on, stands or leaps; the wall clock may go back.
fn leap(core: &mut Core, bytes: &mut Bytes<'_>) {
    let (forward, wall) = (bytes.byte(), bytes.word());
    core.now.mono += Duration::from_millis(1 << (forward % 40));
    core.now.wall = match forward / 64 {
        0 => Timestamp(core.now.wall.0.saturating_add(1 << (forward % 40))),
        1 => Timestamp(START + wall % 100_000_000_000),
        2 => Timestamp(START - wall % 100_000_000_000),
        _ => Timestamp(wall),
    };
}

/// Both roles of sync: questions and answers of peers in any order, with time in between.
pub fn sync_roles(data: &[u8]) {
    let mut core = Core::open(MemoryStore::default());
    core.feed(Input::Started { dht: false, torrents: false });
    core.follow(key(1));
    let mut bytes = Bytes(data);
    for step in 0..STEPS_MAX as u64 {
        if bytes.0.is_empty() {
            break;
        }
        let op = bytes.byte();
        let peer = Peer(u64::from(op >> 4) % 3);
        let input = match op % 8 {
            0 => Input::PeerUp(peer),
            1 => Input::PeerDown(peer),
            2 | 3 => {
                Input::SyncFrame(SyncEvent::Asked { peer, exchange: ExchangeId(step), bytes: bytes.chunk().to_vec() })
            }
            4 | 5 => {
                let order = core.asks.last().copied().unwrap_or(OrderId(step));
                Input::SyncFrame(SyncEvent::Answered { order, bytes: bytes.chunk().to_vec() })
            }
            6 => {
                let order = core.asks.last().copied().unwrap_or(OrderId(step));
                Input::SyncFrame(SyncEvent::Failed { order, is_unsupported: op & 64 != 0 })
            }
            _ => {
                // Sync's own times alone: a wall clock that leaps is another target's.
                core.now.mono += Duration::from_millis(1 << (bytes.byte() % 24));
                Input::Wake
            }
        };
        core.feed(input);
    }
    core.is_well();
}

/// Gossip: messages by several keys, signed or not, while the clocks leap: admission, quotas, buckets, floors.
pub fn gossip(data: &[u8]) {
    let mut core = Core::open(MemoryStore::default());
    core.feed(Input::Started { dht: true, torrents: false });
    core.follow(key(1));
    let mut bytes = Bytes(data);
    let mut heard: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    for step in 0..STEPS_MAX as u64 {
        if bytes.0.is_empty() {
            break;
        }
        let op = bytes.byte();
        let envelope = match op % 4 {
            0 => {
                leap(&mut core, &mut bytes);
                core.feed(Input::Wake);
                continue;
            }
            1 => bytes.chunk().to_vec(),
            // What an item of the DHT brings goes through the same door.
            2 if op & 64 != 0 => {
                let order = core.gets.last().copied().unwrap_or(OrderId(step));
                let value = bytes.chunk().to_vec();
                let item =
                    Item { key: *key(1).as_bytes(), salt: dht::HEAD_SALT.to_vec(), seq: 1, value, signature: [0; 64] };
                core.feed(Input::Dht(DhtEvent::Found { order, item }));
                continue;
            }
            _ => {
                let kind = bytes.byte() % 13;
                envelope((op >> 3) % 4, kind, bytes.chunk())
            }
        };
        let outputs = core.feed(Input::Gossip { message: MessageId(step), from: None, bytes: envelope.clone() });
        let admission = outputs.iter().find_map(|output| match output {
            Output::Admission { message, admission } if message.0 == step => Some(*admission),
            _ => None,
        });
        use heirloom_core::io::Admission::{Accept, Reject};
        match admission.expect("every message is answered") {
            Accept => *heard.entry(envelope).or_default() += 1,
            Reject => assert!(heirloom_proto::verify(&envelope).is_err_and(|error| error.blames_relayer())),
            heirloom_core::io::Admission::Ignore => {}
        }
    }
    core.is_well();
}

/// A store whose rows somebody changed: it opens, answers and goes on.
pub fn store(data: &[u8]) {
    let mut core = Core::open(MemoryStore::default());
    core.follow(key(1));
    for number in 0..3 {
        core.ask(Command::Verdict {
            infohash: heirloom_proto::Infohash([number; 20]),
            opinion: heirloom_proto::body::Opinion::Good,
            note: String::new(),
            private: number == 2,
        });
    }
    let mut store = core.service.into_store();
    let mut bytes = Bytes(data);
    let mut batch = Batch::default();
    for _ in 0..STEPS_MAX {
        if bytes.0.is_empty() {
            break;
        }
        let table = Table::ALL[usize::from(bytes.byte()) % Table::ALL.len()];
        let mut rows = Vec::new();
        let _ = store.scan(table, b"", &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            std::ops::ControlFlow::Continue(())
        });
        let op = bytes.byte();
        let row = rows.get(usize::from(op >> 3)).cloned();
        let change = match (op % 8, row) {
            (0 | 1, _) | (_, None) => (bytes.chunk().to_vec(), Some(bytes.chunk().to_vec())),
            (2, Some((key, _))) => (key, None),
            (3, Some((key, _))) => (key, Some(bytes.chunk().to_vec())),
            (4, Some((key, mut value))) => {
                value.truncate(usize::from(bytes.byte()));
                (key, Some(value))
            }
            (5, Some((mut key, value))) => {
                key.extend(bytes.take(1));
                (key, Some(value))
            }
            (_, Some((key, mut value))) => {
                let at = usize::from(bytes.byte());
                let flip = bytes.byte();
                if let Some(byte) = value.get_mut(at) {
                    *byte ^= flip;
                }
                (key, Some(value))
            }
        };
        batch.put(table, &change.0, change.1.as_deref());
    }
    store.write(&batch, Durability::Disk).expect("a store in memory holds");
    let mut core = Core::open(store);
    core.feed(Input::Started { dht: false, torrents: false });
    core.feed(Input::Gossip { message: MessageId(1), from: None, bytes: envelope(1, 6, b"") });
    assert!(core.ask(Command::Status).is_some(), "it answers");
    core.ask(Command::Trust { scope: Scope::Catalogue, limit: 10 });
    core.ask(Command::Export);
    core.ask(Command::Reindex);
}

/// A small web of trust: sums are finite and in range, and neither order nor way changes them.
pub fn trust_graph(data: &[u8]) {
    const SCOPES: [heirloom_graph::Scope; 4] = [
        heirloom_graph::Scope::All,
        heirloom_graph::Scope::Catalogue,
        heirloom_graph::Scope::Metadata,
        heirloom_graph::Scope::Seed,
    ];
    const LEVELS: [f64; 6] = [1.0, 0.75, 0.5, 0.25, 0.0, -1.0];
    let node = |number: u8| NodeId([number % 16; 32]);
    let epoch = Epoch::of(START);
    let params = Params::strict();
    let (mut graph, mut followed) = (TrustGraph::new(), None::<Scores>);
    graph.set_root(Root::me(node(0))).expect("an empty graph");
    let mut bytes = Bytes(data);
    let mut statements = Vec::new();
    for step in 0..STEPS_MAX as u64 * 4 {
        if bytes.0.is_empty() {
            break;
        }
        let (op, from, to, what) = (bytes.byte(), bytes.byte(), bytes.byte(), bytes.byte());
        let time_ms = START - (u64::from(what) << (what % 32));
        match op % 8 {
            0 => drop(graph.set_root(Root::follow(node(to), FollowLevel::High))),
            1 => drop(graph.remove_root(&node(to), heirloom_graph::Scope::All)),
            2..=4 => {
                let level = LEVELS[usize::from(what) % 6];
                let (issuer, subject, scope) = (node(from), node(to), SCOPES[usize::from(op >> 3) % 4]);
                let statement = heirloom_graph::Statement { issuer, subject, scope, level, time_ms, expires_ms: None };
                // One time each, so that order alone cannot decide.
                let statement = heirloom_graph::Statement { time_ms: statement.time_ms - step, ..statement };
                if graph.add_statement(statement).is_ok() {
                    statements.push(statement);
                }
            }
            5 => graph.add_evidence(Evidence {
                receiver: node(from),
                subject: node(to),
                scope: heirloom_graph::Scope::Catalogue,
                day_bytes: vec![heirloom_graph::DayBytes {
                    time_ms,
                    bytes: u64::from(what) << (op % 56),
                    release: Some(ReleaseId([to % 4; 20])),
                }],
            }),
            6 => graph.add_vote(ReleaseVote {
                voter: node(from),
                release: ReleaseId([to % 4; 20]),
                opinion: [Opinion::Listing, Opinion::Good, Opinion::Fake, Opinion::Poor][usize::from(what) % 4],
                time_ms,
                expires_ms: None,
            }),
            _ => graph.zero(node(to | 1)),
        }
        if let Some(scores) = &mut followed
            && op & 64 != 0
        {
            scores.update(&graph, epoch);
        } else if followed.is_none() && op & 128 != 0 {
            followed = Some(Scores::compute(&graph, heirloom_graph::Scope::Catalogue, epoch, &params));
        }
    }
    let scores = Scores::compute(&graph, heirloom_graph::Scope::Catalogue, epoch, &params);
    let scored = scores.on(&graph);
    let mut reach = 0.0;
    for (key, score) in scored.keys() {
        let all = [score.score, score.support, score.support_all, score.mean_level, score.power_for, score.reach];
        assert!(all.iter().all(|value| value.is_finite()), "{key:?} {score:?}");
        assert!((-1.0..=1.0).contains(&score.score) && (0.0..=1.0).contains(&score.reach), "{key:?} {score:?}");
        reach += score.reach;
    }
    assert!(reach <= 1.0 + 1e-9, "the flow is conserved: {reach}");
    for (release, score, listing) in scored.releases() {
        assert!((-1.0..=1.0).contains(&score.score) && listing.score.is_finite(), "{release:?} {score:?}");
    }
    if let Some(mut followed) = followed {
        followed.update(&graph, epoch);
        let followed = followed.on(&graph);
        for (key, score) in scored.keys() {
            let other = followed.key(&key);
            assert!((score.score - other.score).abs() < 1e-6, "{key:?}: {score:?} is not {other:?}");
        }
    }
}

/// Names of releases: read within bounds whatever they are, the same at each reading.
pub fn release_name(data: &[u8]) {
    let name = String::from_utf8_lossy(data);
    for expected in [Expected::Anything, Expected::Film, Expected::Episodes] {
        let read = release_name::read_as(&name, expected);
        assert!(read.title.len() <= NAME_BYTES_MAX && read.group.len() <= NAME_BYTES_MAX, "{read:?}");
        assert!(read.resolution.len() <= 16 && (read.date.is_empty() || read.date.len() == 10), "{read:?}");
        for numbers in [&read.seasons, &read.episodes] {
            assert!(
                numbers.len() <= RANGE_MAX as usize + 1 && numbers.iter().all(|number| *number <= 9999),
                "{read:?}"
            );
        }
        assert_eq!(release_name::read_as(&name, expected), read, "the same name reads the same");
    }
}

/// Something that a key says in a web of [`trust_laws`]: an attestation of another key, bytes received from it, a vote.
fn tell(graph: &mut TrustGraph, fact: &[u8]) {
    let [op, from, to, what] = [0, 1, 2, 3].map(|at| fact.get(at).copied().unwrap_or(0));
    let (from, to, time_ms) = (law_key(from), law_key(to), START - u64::from(what) * 86_500_000);
    let opinions = [Opinion::Listing, Opinion::Good, Opinion::Fake, Opinion::Poor];
    let release = ReleaseId([what % 4; 20]);
    match op % 8 {
        0..=5 => {
            let scope = if op & 8 == 0 { heirloom_graph::Scope::All } else { heirloom_graph::Scope::Catalogue };
            let level = f64::from(i32::from(op >> 4) * 10 - 50) / 100.0;
            let said = heirloom_graph::Statement { issuer: from, subject: to, scope, level, time_ms, expires_ms: None };
            graph.add_statement(said).expect("in range");
        }
        6 => graph.add_evidence(Evidence {
            receiver: from,
            subject: to,
            scope: heirloom_graph::Scope::Catalogue,
            day_bytes: vec![heirloom_graph::DayBytes { time_ms, bytes: 1 << (op >> 4 << 1), release: Some(release) }],
        }),
        _ => {
            let opinion = opinions[usize::from(op >> 4) % 4];
            graph.add_vote(ReleaseVote { voter: from, release, opinion, time_ms, expires_ms: None });
        }
    }
}

fn law_key(number: u8) -> NodeId {
    NodeId([number % 16; 32])
}

fn law_graph<'a>(facts: impl Iterator<Item = &'a [u8]>, follows: u8) -> TrustGraph {
    let mut graph = TrustGraph::new();
    facts.for_each(|fact| tell(&mut graph, fact));
    graph.set_root(Root::me(law_key(0))).expect("an empty graph");
    for follow in 1..=follows {
        graph.set_root(Root::follow(law_key(follow), FollowLevel::High)).expect("a few roots");
    }
    graph
}

/// Laws of small webs, as `graph/tests/properties.rs` states them: order changes no bit (P9), one more distrust never raises
/// its subject (P11), gates only ever lower reach (P12).
pub fn trust_laws(data: &[u8]) {
    // The scores are sums of at most some hundred terms of at most 1.
    const SLACK: f64 = 1e-9;
    let mut bytes = Bytes(data);
    let (follows, by, of) = (bytes.byte() % 4, bytes.byte() % 16, bytes.byte() % 16);
    // Not a root: one that I distrust is a root no more, which changes everybody's reach.
    let of = of.max(follows + 1);
    let by = if by == of { 0 } else { by };
    let facts: Vec<&[u8]> = bytes.0.chunks(4).take(4 * STEPS_MAX).collect();
    let scored = |graph: &TrustGraph, params: &Params| {
        Scores::compute(graph, heirloom_graph::Scope::Catalogue, Epoch::of(START), params)
    };
    let strict = *Params::strict().values();

    let all = |graph: &TrustGraph| -> Vec<[u64; 6]> {
        let scores = scored(graph, &Params::strict());
        let on = scores.on(graph);
        let numbers = (0..16).map(|number| on.key(&law_key(number)));
        let numbers =
            numbers.chain((0..4).flat_map(|n| [on.release(&ReleaseId([n; 20])), on.listing(&ReleaseId([n; 20]))]));
        let bits = |score: heirloom_graph::Score| {
            let heirloom_graph::Score { score, support, support_all, power_for, power_against, reach, .. } = score;
            [score, support, support_all, power_for, power_against, reach].map(f64::to_bits)
        };
        numbers.map(bits).collect()
    };
    let (graph, turned) = (law_graph(facts.iter().copied(), follows), law_graph(facts.iter().rev().copied(), follows));
    assert_eq!(all(&graph), all(&turned), "P9");

    let plain = Values { rounds: 1, agreement_gain: 0.0, distruster_penalty: 0.0, ..strict };
    let plain = Params::new(plain).expect("in range");
    let is_news = |fact: &&&[u8]| {
        let at = |at: usize| fact.get(at).copied().unwrap_or(0);
        at(0) % 8 == 7 || (at(1) % 16, at(2) % 16) != (by, of)
    };
    let mut graph = law_graph(facts.iter().filter(is_news).copied(), follows);
    let before = scored(&graph, &plain).on(&graph).key(&law_key(of)).score;
    let (issuer, subject, scope) = (law_key(by), law_key(of), heirloom_graph::Scope::All);
    let distrust = heirloom_graph::Statement { issuer, subject, scope, level: -1.0, time_ms: START, expires_ms: None };
    graph.add_statement(distrust).expect("in range");
    let after = scored(&graph, &plain).on(&graph).key(&law_key(of)).score;
    assert!(after <= before + SLACK, "P11: {before} -> {after}");

    // Equal roots: a root that distrusts a follow would end it, and free its share.
    let rounds = |rounds| {
        let values = Values { rounds, reach_epsilon: 1e-18, ..strict };
        Params::new(values).expect("in range").with_root_policy(RootPolicy::Equal)
    };
    let (open, gated) = (scored(&graph, &rounds(1)), scored(&graph, &rounds(2)));
    for (id, score) in gated.on(&graph).keys() {
        assert!(score.reach <= open.on(&graph).key(&id).reach + SLACK, "P12: {id:?}");
    }
}
