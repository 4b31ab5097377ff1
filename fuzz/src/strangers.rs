//! The same for what strangers bring since: frames of lookups and identity, the roles of the core behind them, archives.

use super::light::{Bytes, Core, START, STEPS_MAX, key, seed};
use heirloom_core::MemoryStore;
use heirloom_core::command::Command;
use heirloom_core::io::{
    ExchangeId, IdentityEvent, IdentityOrder, Input, LookupEvent, LookupOrder, OrderId, Output, Peer,
};
use heirloom_proto::archive::Log;
use heirloom_proto::body::{Head, Opinion, Verdict};
use heirloom_proto::identity::{Answer, Ask, Ends, FRAME_BYTES_MAX, Proof};
use heirloom_proto::lookup::{ENVELOPES_MAX, IDS_MAX, Request, Response};
use heirloom_proto::statement_file::{MAGIC, Reader, end, record};
use heirloom_proto::{Body, Header, Infohash, Key, Kind, SecretKey, Sha256, Statement, Timestamp, WorkId};
use std::collections::BTreeSet;
use std::time::Duration;

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&seed(number))
}

/// Bytes that look random, and are the same at every run.
fn entropy(number: u8) -> impl FnMut() -> [u8; 32] {
    let mut last = Sha256([number; 32]);
    move || {
        last = Sha256::of(&last.0);
        last.0
    }
}

fn ends(asker: u8, answerer: u8) -> Ends {
    Ends { asker: vec![asker; 38], answerer: vec![answerer; 38] }
}

/// A frame of a lookup, as question and as answer.
pub fn lookup_frame(data: &[u8]) {
    if let Ok(request) = Request::decode(data) {
        assert_eq!(request.encode(), data, "one form only");
        assert!((1..=IDS_MAX).contains(&request.ids().len()), "{request:?}");
        let again = Request::about(request.ids().iter().cloned());
        assert_eq!(again, Some(request), "what was read can be asked");
    }
    match Response::decode(data) {
        Ok(Response::Statements(envelopes)) => {
            assert!(envelopes.len() <= ENVELOPES_MAX);
            envelopes.iter().for_each(|envelope| drop(heirloom_proto::verify(envelope)));
            assert_eq!(Response::Statements(envelopes).encode(), data, "one form only");
        }
        Ok(refused) => assert_eq!(refused.encode(), data, "one form only"),
        Err(error) => drop(error.to_string()),
    }
}

/// What a changed frame may still prove: what the unchanged one did, or nothing.
fn is_proof_or_nothing(found: Option<Proof>, by: u8) {
    if let Some(proof) = found {
        assert_eq!((proof.key, proof.at), (key(by), Timestamp(START)), "a proof out of thin air");
    }
}

/// A frame of identity, as ask and as answer: as it comes, and good ones that are changed by what the input says.
pub fn identity_frame(data: &[u8]) {
    let (alice, bob) = (secret(1), secret(2));
    let asked = Ask::new(&alice, &[key(3), bob.public()], &ends(1, 2), Timestamp(START), &mut entropy(1));
    if let Ok(ask) = Ask::decode(data) {
        assert_eq!(ask.encode(), data, "one form only");
        is_proof_or_nothing(ask.open(&bob, &ends(1, 2)), 1);
        assert_eq!(ask.open(&secret(9), &ends(1, 2)), None, "a stranger reads nothing");
    }
    if let Ok(answer) = Answer::decode(data) {
        assert_eq!(answer.encode(), data, "one form only");
        is_proof_or_nothing(answer.open(&alice, &asked, &ends(1, 2)), 2);
        assert_eq!(answer.open(&secret(9), &asked, &ends(1, 2)), None, "a stranger reads nothing");
    }
    assert!(data.len() <= FRAME_BYTES_MAX || (Ask::decode(data).is_err() && Answer::decode(data).is_err()));

    let answer = Answer::new(&bob, Some(&alice.public()), &asked, &ends(1, 2), Timestamp(START), &mut entropy(2));
    let changes = |frame: Vec<u8>| {
        let (mut frame, mut bytes) = (frame, Bytes(data));
        while !bytes.0.is_empty() {
            let at = (usize::from(bytes.byte()) << 8 | usize::from(bytes.byte())) % frame.len();
            frame[at] ^= bytes.byte();
        }
        frame
    };
    if let Ok(ask) = Ask::decode(&changes(asked.encode())) {
        is_proof_or_nothing(ask.open(&bob, &ends(1, 2)), 1);
        assert_eq!(ask.open(&bob, &ends(1, 3)), None, "at other ends");
    }
    let frame = changes(answer.encode());
    if let Ok(changed) = Answer::decode(&frame) {
        let is_same = frame == answer.encode();
        let found = changed.open(&alice, &asked, &ends(1, 2));
        assert_eq!(found.map(|proof| proof.key), is_same.then(|| key(2)), "any changed byte is no proof");
    }
}

/// Both roles of lookups and of proofs of identity: a core among peers that ask and answer anything.
pub fn lookup_roles(data: &[u8]) {
    let mut core = Core::open(MemoryStore::default());
    core.service.set_friends([key(1), key(2)].into());
    core.feed(Input::Started { dht: true, torrents: false });
    core.follow(key(1));
    let mut bytes = Bytes(data);
    let mut met = Roles::default();
    for step in 0..STEPS_MAX as u64 {
        if bytes.0.is_empty() {
            break;
        }
        let op = bytes.byte();
        let number = (op >> 4) % 3;
        let (peer, exchange) = (Peer(u64::from(number)), ExchangeId(step));
        let of = |orders: &[OrderId]| orders.last().copied().unwrap_or(OrderId(step));
        let outputs = match op % 13 {
            0 => core.feed(Input::PeerUp(peer)),
            1 => core.feed(Input::PeerDown(peer)),
            2 => {
                let works = ["imdb:tt1254207", "tmdb:movie/10378", "wikidata:Q4"];
                let work: WorkId = works[usize::from(bytes.byte()) % works.len()].parse().expect("a work id");
                core.requests += 1;
                let command = Box::new(Command::Show { work, wait: None, lines: 0 });
                core.feed(Input::Command { request: heirloom_core::io::RequestId(core.requests), command })
            }
            3 => core.feed(Input::Lookup(LookupEvent::Met { order: of(&met.seeks), peer })),
            4 => core.feed(Input::Lookup(LookupEvent::Over { order: of(&met.seeks) })),
            5 => core.feed(Input::Lookup(LookupEvent::Asked { peer, exchange, bytes: bytes.chunk().to_vec() })),
            6 => {
                let order = of(&met.lookups);
                core.feed(Input::Lookup(LookupEvent::Answered { order, bytes: bytes.chunk().to_vec() }))
            }
            7 => core.feed(Input::Lookup(LookupEvent::Failed { order: of(&met.lookups) })),
            8 => core.feed(Input::Identity(IdentityEvent::Met { peer, ends: ends(0, number + 1) })),
            9 => {
                let (ends, bytes) = (ends(number + 1, 0), bytes.chunk().to_vec());
                core.feed(Input::Identity(IdentityEvent::Asked { peer, exchange, ends, bytes }))
            }
            10 => {
                // A good proof, of a friend or of a stranger, made now, long ago or in time to come.
                let (by, ends) = (bytes.byte() % 4, ends(number + 1, 0));
                let at = Timestamp(core.now.wall.0.saturating_add_signed(i64::from(bytes.byte() as i8) * 60_000));
                let ask = Ask::new(&secret(by), &[key(0)], &ends, at, &mut entropy(op)).encode();
                met.proved.insert((peer, key(by)));
                core.feed(Input::Identity(IdentityEvent::Asked { peer, exchange, ends, bytes: ask }))
            }
            11 => {
                let order = of(&met.asks);
                core.feed(Input::Identity(IdentityEvent::Answered { order, bytes: bytes.chunk().to_vec() }))
            }
            _ => {
                // Their own times alone: a wall clock that leaps is another target's.
                core.now.mono += Duration::from_millis(1 << (bytes.byte() % 24));
                core.feed(Input::Wake)
            }
        };
        met.look(&outputs);
    }
    core.is_well();
}

/// What a core among peers asked for, and who gave it a proof.
#[derive(Default)]
struct Roles {
    seeks: Vec<OrderId>,
    lookups: Vec<OrderId>,
    asks: Vec<OrderId>,
    proved: BTreeSet<(Peer, Key)>,
}

impl Roles {
    fn look(&mut self, outputs: &[Output]) {
        for output in outputs {
            match output {
                Output::Lookup(LookupOrder::Seek { order, .. }) => self.seeks.push(*order),
                Output::Lookup(LookupOrder::Ask { order, bytes, .. }) => {
                    assert!(Request::decode(bytes).is_ok(), "what it asks is a question");
                    self.lookups.push(*order);
                }
                Output::Lookup(LookupOrder::Answer { bytes, .. }) => {
                    match Response::decode(bytes).expect("what it answers is an answer") {
                        Response::Statements(said) => assert!(said.is_empty(), "it lists nothing, and tells nothing"),
                        Response::Refused { .. } => {}
                    }
                }
                Output::Identity(IdentityOrder::Ask { order, bytes, .. }) => {
                    assert!(Ask::decode(bytes).is_ok(), "what it asks is an ask");
                    self.asks.push(*order);
                }
                Output::Identity(IdentityOrder::Answer { bytes, .. }) => {
                    assert!(Answer::decode(bytes).is_ok(), "what it answers is an answer");
                }
                Output::Identity(IdentityOrder::Proved { peer, key, .. }) => {
                    assert!(self.proved.contains(&(*peer, *key)), "{peer:?} never proved that it is {key}");
                }
                _ => {}
            }
        }
    }
}

/// The log of one key as an archive: a file as it comes, and one of statements that the input chooses.
pub fn archive(data: &[u8]) {
    read_log(data);
    let mut bytes = Bytes(data);
    let (mut file, mut count) = (MAGIC.to_vec(), 0);
    while !bytes.0.is_empty() && count < STEPS_MAX as u64 {
        let op = bytes.byte();
        let mut envelope = if op % 8 == 0 { bytes.chunk().to_vec() } else { said(op, bytes.byte()) };
        if op % 8 == 1
            && let Some(last) = envelope.last_mut()
        {
            *last ^= 1;
        }
        if let Some(record) = record(&envelope) {
            file.extend(record);
            count += 1;
        }
    }
    file.extend(end(count));
    assert_eq!(read_log(&file), Some(count), "what was written is read");
}

/// A verdict or a head by one of two keys, of some generation and number.
fn said(op: u8, number: u8) -> Vec<u8> {
    let (by, is_head) = (1 + u8::from(op & 0x70 == 0x10), op & 0x70 == 0x20);
    let body = if is_head {
        Body::Head(Head { live_count: 1, live_root: Sha256([7; 32]), archive: None })
    } else {
        Body::Verdict(Verdict { infohash: Infohash([number; 20]), opinion: Opinion::Good, note: String::new() })
    };
    let (generation, seq) = (u32::from(number >> 6), START + u64::from(number & 0x3f));
    let header = Header { generation, seq, created: Timestamp(START), expires: Some(Timestamp(START + 1)) };
    Statement::sign(&secret(by), &header, &body).expect("within its limits").bytes().to_vec()
}

/// Reads a file as the archive of one key; how many envelopes it holds, if it is one.
fn read_log(file: &[u8]) -> Option<u64> {
    let (author, mut reader) = (key(1), Reader::new());
    let (mut log, mut taken, mut count) = (Log::of(author), Vec::new(), 0);
    reader.push(file);
    while let Some(envelope) = reader.next_envelope().ok()? {
        count += 1;
        let before = log.last();
        match log.take(&envelope) {
            Ok(Some(statement)) => {
                assert_eq!((statement.author(), statement.bytes()), (&author, envelope.as_slice()));
                assert!(statement.kind() != Kind::Head && statement.header().order() == log.last());
                taken.push(log.last());
            }
            Ok(None) => assert_eq!(log.last(), before, "what is not known moves nothing"),
            Err(error) => {
                drop(error.to_string());
                assert_eq!(log.last(), before, "what is refused moves nothing");
            }
        }
    }
    assert!(taken.is_sorted_by(|a, b| a < b), "{taken:?}");
    reader.finish().ok().inspect(|said| assert_eq!(*said, count))
}
