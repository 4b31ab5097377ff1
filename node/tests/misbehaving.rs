//! Peers that keep to no rule, over real sockets against a whole node: each gets a typed refusal that is counted, and what
//! an honest peer says goes on arriving. Conditions with a deadline, no wall time asserted.

#[allow(dead_code, reason = "the bench of meshes uses the rest")]
mod outsider;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heirloom::driver::{Node, Options, SeedAs, Settings};
use heirloom::home::Home;
use heirloom::p2p::{Counters, Multiaddr};
use heirloom_core::Reply;
use heirloom_core::command::Command;
use heirloom_proto::body::{Level, Opinion, Scope, Verdict, Work, WorkKind};
use heirloom_proto::{Body, Header, Infohash, SecretKey, Sha256, Statement, Timestamp};
use outsider::{Answers, Manners, Order, Outsider, Seen, not_canonical, oversized, signed, wrongly_signed};

const TOPIC: &str = "/heirloom/1/verdict/0";
/// Long enough for a busy machine; a test that passes never waits for it.
const DEADLINE: Duration = Duration::from_secs(180);
const MINUTE_MS: u64 = 60_000;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Timestamp(u64::try_from(since.as_millis()).expect("before the end of time"))
}

fn release(text: &str) -> Infohash {
    Infohash(Sha256::of(text.as_bytes()).0[..20].try_into().expect("twenty bytes"))
}

fn secret(name: &str) -> SecretKey {
    SecretKey::from_seed(&Sha256::of(name.as_bytes()).0)
}

fn verdict(text: &str) -> Body {
    Body::Verdict(Verdict { infohash: release(text), opinion: Opinion::Good, note: String::new() })
}

/// A fresh verdict by somebody that nobody knows.
fn junk(text: &str) -> Vec<u8> {
    signed(&secret(text), 1, now(), &verdict(text))
}

/// A statement of a kind that no version has yet; nothing in it can be checked.
fn of_unknown_kind(text: &str) -> Vec<u8> {
    let mut envelope = junk(text);
    // The kind stands behind the author, and has a tag of one byte.
    assert_eq!(envelope[34..36], [0x10, 6]);
    envelope[35] = 99;
    envelope
}

/// A whole node in this process, offline but for libp2p and BitTorrent on loopback.
struct Person {
    node: Node,
    said: u32,
    _home: tempfile::TempDir,
}

impl Person {
    async fn start(name: &str, peers: Vec<Multiaddr>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::find(Some(folder.path().join(name))).expect("a home");
        home.prepare().expect("its folders");
        let any = "127.0.0.1:0";
        let options = Options {
            p2p: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("an address")],
            peers,
            mdns: false,
            nat: Some(heirloom::p2p::Nat::Private),
            bt: any.parse().expect("an address"),
            bt_named: any.parse().expect("an address"),
            dht: any.parse().expect("an address"),
            bootstrap: None,
            no_dht: true,
            offline: false,
            downloads: folder.path().join("downloads"),
            seed_as: SeedAs::Published,
            looks_up: false,
            meets: false,
            friends: std::collections::BTreeSet::new(),
            settings: Settings::default(),
            clients: heirloom::clients::Settings::default(),
        };
        let node = Box::pin(Node::start(home, options)).await.expect("the node starts");
        Self { node, said: 0, _home: folder }
    }

    fn address(&self) -> Multiaddr {
        self.node.networks().p2p.as_ref().expect("libp2p").listen_addrs().first().expect("listening").clone()
    }

    fn counters(&self) -> Counters {
        self.node.networks().p2p.as_ref().expect("libp2p").counters()
    }

    /// One of the core's counters.
    async fn count(&self, counter: &str) -> u64 {
        match *self.node.command(Command::Status).await.expect("it answers") {
            Reply::Status(status) => status.counters.get(counter).copied().unwrap_or(0),
            other => panic!("{other:?}"),
        }
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let poll = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let met = tokio::time::timeout(DEADLINE, poll).await;
        assert!(met.is_ok(), "not {what}: {:?}", self.counters());
    }

    async fn says_something(&mut self) {
        self.said += 1;
        let infohash = release(&format!("honest {}", self.said));
        let say = Command::Verdict { infohash, opinion: Opinion::Good, note: String::new(), private: false };
        self.node.command(say).await.expect("said");
    }
}

/// A core whose runtime ends under it panics: the node ends first.
impl Drop for Person {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.node.stop()));
    }
}

/// Alice, whom it is done to; Bob, who is honest; and Mallory, connected with Alice.
struct Stage {
    alice: Person,
    bob: Person,
    mallory: Outsider,
}

impl Stage {
    async fn with(manners: Manners) -> Self {
        let alice = Person::start("alice", Vec::new()).await;
        let bob = Person::start("bob", vec![alice.address()]).await;
        let mut mallory = Outsider::start(manners, &[alice.address()]);
        loop {
            match mallory.seen.recv().await.expect("it runs") {
                Seen::Listens(_, topic) if topic == TOPIC => break,
                _ => {}
            }
        }
        alice.until("two peers", async || alice.node.health().await.peers == 2).await;
        Self { alice, bob, mallory }
    }

    async fn new() -> Self {
        Self::with(Manners::of_ours(&[TOPIC])).await
    }

    async fn mallory_says(&self, bytes: Vec<u8>) {
        self.mallory.say(TOPIC, bytes).await;
    }

    /// What Bob says still arrives.
    async fn honest_traffic_goes_on(&mut self) {
        let before = self.alice.count("accepted").await;
        self.bob.says_something().await;
        let alice = &self.alice;
        alice.until("what bob says", async || alice.count("accepted").await > before).await;
    }

    /// Waits until Mallory lost the connection.
    async fn mallory_is_cut_off(&mut self) {
        let gone = async { while !matches!(self.mallory.seen.recv().await, Some(Seen::Down(_)) | None) {} };
        assert!(tokio::time::timeout(DEADLINE, gone).await.is_ok(), "still connected: {:?}", self.alice.counters());
    }
}

/// Sends one message at a time until so many are counted, and then until six have cut the sender off.
async fn is_malformed(spoil: fn(Vec<u8>) -> Vec<u8>) {
    let mut stage = Stage::new().await;
    for number in 0..6 {
        stage.mallory_says(spoil(junk(&format!("malformed {number}")))).await;
        let alice = &stage.alice;
        alice.until("a malformed message", async || alice.counters().malformed > number).await;
    }
    stage.mallory_is_cut_off().await;
    assert_eq!(stage.alice.counters().graylisted, 1);
    assert_eq!(stage.alice.counters().received, 0, "nothing of it was remembered");
    stage.honest_traffic_goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_messages_are_refused_and_cut_the_sender_off() {
    is_malformed(|mut envelope| {
        envelope.truncate(envelope.len() - 1);
        envelope
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_messages_are_refused_and_cut_the_sender_off() {
    is_malformed(oversized).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_not_canonical_are_refused_and_cut_the_sender_off() {
    is_malformed(not_canonical).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_signatures_are_refused_and_cut_the_sender_off() {
    let mut stage = Stage::new().await;
    for number in 0..6 {
        stage.mallory_says(wrongly_signed(junk(&format!("forged {number}")))).await;
        let alice = &stage.alice;
        alice.until("a wrong signature", async || alice.count("gossip_invalid").await > number).await;
    }
    stage.mallory_is_cut_off().await;
    assert_eq!((stage.alice.counters().rejected, stage.alice.counters().graylisted), (6, 1));
    stage.honest_traffic_goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_cannot_know_is_ignored_and_counted_and_blames_nobody() {
    let mut stage = Stage::new().await;
    let at = |text: &str, seq: u64, created: u64, expires: u64| {
        let header = Header { generation: 0, seq, created: Timestamp(created), expires: Some(Timestamp(expires)) };
        Statement::sign(&secret(text), &header, &verdict(text)).expect("signed").bytes().to_vec()
    };
    let now = now().0;
    let day = 24 * 60 * MINUTE_MS;
    // The newer one first: the older one must not come back.
    stage.mallory_says(at("same", 5, now, now + day)).await;
    let alice = &stage.alice;
    alice.until("the newer one", async || alice.count("accepted").await >= 1).await;
    let cases: [(&str, Vec<u8>); 5] = [
        ("future", at("future", 1, now + 60 * MINUTE_MS, now + day)),
        ("expired", at("expired", 1, now - 30 * MINUTE_MS, now - MINUTE_MS)),
        ("too_old_to_push", at("old", 1, now - 61 * MINUTE_MS, now + day)),
        ("rolled_back", at("same", 3, now, now + day)),
        ("unknown_kind", of_unknown_kind("unknown kind")),
    ];
    for (counter, bytes) in cases {
        stage.mallory_says(bytes).await;
        alice.until(counter, async || alice.count(counter).await == 1).await;
    }
    alice.until("five ignored", async || alice.counters().ignored == 5).await;
    assert_eq!((alice.counters().rejected, alice.counters().malformed, alice.counters().graylisted), (0, 0, 0));
    assert_eq!(alice.node.health().await.peers, 2, "nobody was cut off");
    stage.honest_traffic_goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_refused_and_cuts_the_sender_off() {
    let mut stage = Stage::new().await;
    let alice = &stage.alice;
    let flood = async {
        for number in 0.. {
            stage.mallory_says(of_unknown_kind(&format!("flood {number}"))).await;
            if number % 20 == 19 {
                // Some 1,000 a second, twenty at a time, so that the sender's own queue drops little.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if alice.counters().floods > 0 {
                return;
            }
        }
    };
    assert!(tokio::time::timeout(DEADLINE, flood).await.is_ok(), "no flood: {:?}", alice.counters());
    assert!(alice.counters().rate_limited > 0);
    stage.mallory_is_cut_off().await;
    stage.honest_traffic_goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_of_another_version_is_not_asked_again() {
    let manners = Manners { protocol: "/heirloom/99".into(), sync: "/heirloom/sync/99", ..Manners::of_ours(&[TOPIC]) };
    let mut stage = Stage::with(manners).await;
    let alice = &stage.alice;
    alice.until("an unsupported protocol", async || alice.count("sync_unsupported").await == 1).await;
    stage.honest_traffic_goes_on().await;
    assert_eq!(stage.alice.counters().graylisted, 0, "who speaks another version has done nothing wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_peer_is_given_up_and_blamed_for_nothing() {
    let mut stage = Stage::new().await;
    let alice = &stage.alice;
    alice.until("an answer that does not come", async || alice.count("sync_unanswered").await >= 1).await;
    assert!(alice.counters().sync_failed >= 1);
    assert_eq!(alice.counters().graylisted, 0);
    stage.honest_traffic_goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_stops_reading_loses_its_place() {
    let mut stage = Stage::new().await;
    stage.mallory.orders.send(Order::Freeze).await.expect("it runs");
    // Its pings are not answered; what is queued for it meanwhile is bounded.
    stage.honest_traffic_goes_on().await;
    let alice = &stage.alice;
    alice.until("one peer", async || alice.node.health().await.peers == 1).await;
    assert_eq!(alice.counters().graylisted, 0, "a connection that died is no fault");
    stage.honest_traffic_goes_on().await;
}

/// Answers every question of sync with this.
async fn answers(frame: Vec<u8>, counter: &str) {
    let manners = Manners { answers: Answers::Always(frame), ..Manners::of_ours(&[TOPIC]) };
    let mut stage = Stage::with(manners).await;
    let alice = &stage.alice;
    alice.until(counter, async || alice.count(counter).await >= 1).await;
    stage.honest_traffic_goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_frame_is_blamed() {
    answers(b"nonsense".to_vec(), "sync_malformed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_another_question_is_blamed() {
    let response = heirloom_proto::sync::Response::Round {
        salt: heirloom_proto::sync::Salt([9; 16]),
        message: vec![0x61, 0, 0, 2, 0],
    };
    answers(response.encode(), "sync_nonsense").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_longer_than_a_frame_is_not_read() {
    let frame = vec![0; heirloom_proto::sync::FRAME_BYTES_MAX + 1];
    answers(frame, "sync_unanswered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_over_the_rate_or_without_sense_are_refused() {
    let mut stage = Stage::new().await;
    let peer = stage.alice.node.networks().p2p.as_ref().expect("libp2p").peer_id();
    let ask = |frame: Vec<u8>| stage.mallory.orders.send(Order::Ask { peer, frame });
    ask(b"nonsense".to_vec()).await.expect("it runs");
    let alice = &stage.alice;
    alice.until("a frame that is none", async || alice.count("sync_malformed").await == 1).await;
    for number in 0..600_u64 {
        let frame = heirloom_proto::sync::Request::Fetch { author: secret("nobody").public(), after: (0, number) };
        ask(frame.encode()).await.expect("it runs");
        if number % 8 == 7 {
            // As many streams as a connection may have at once.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    alice.until("questions over the rate", async || alice.counters().sync_refused > 0).await;
    stage.honest_traffic_goes_on().await;
}

/// Has Alice want a picture that only Mallory answers for, with this frame, until something is counted.
async fn gives_for_a_picture(digest: Sha256, frame: Vec<u8>, counter: &str) {
    let sync = heirloom_proto::artwork::PROTOCOL;
    let manners = Manners { sync, answers: Answers::Always(frame), ..Manners::of_ours(&[TOPIC]) };
    let mut stage = Stage::with(manners).await;
    let curator = secret("curator");
    let work = "imdb:tt1254207".parse().expect("a work id");
    let record = Work::new(work, "A Film".into(), Some(2008), WorkKind::Film);
    let record = Body::Work(Work { artwork: Some(digest), ..record });
    let follow = Command::Follow {
        key: curator.public(),
        level: Level::HIGH,
        scope: Scope::All,
        alias: String::new(),
        preview: false,
    };
    let alice = &stage.alice;
    alice.node.command(follow).await.expect("followed");
    let envelopes = vec![signed(&curator, 1, now(), &record)];
    alice.node.command(Command::Import { envelopes }).await.expect("taken in");
    alice.until(counter, async || alice.count(counter).await == 1).await;
    assert_eq!(alice.node.artwork(digest).await, None, "nothing of it is shown");
    assert_eq!(alice.count("artwork_got").await, 0);
    stage.honest_traffic_goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_for_a_picture_are_blamed_and_not_kept() {
    let frame = heirloom_proto::artwork::Response::Present(b"something else".to_vec()).encode();
    gives_for_a_picture(Sha256::of(b"a picture"), frame, "artwork_wrong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drawing_for_a_picture_is_not_kept() {
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#.to_vec();
    let digest = Sha256::of(&svg);
    gives_for_a_picture(digest, heirloom_proto::artwork::Response::Present(svg).encode(), "artwork_unreadable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_for_pictures_over_the_rate_or_without_sense_are_refused() {
    let sync = heirloom_proto::artwork::PROTOCOL;
    let mut stage = Stage::with(Manners { sync, ..Manners::of_ours(&[TOPIC]) }).await;
    let peer = stage.alice.node.networks().p2p.as_ref().expect("libp2p").peer_id();
    let ask = |frame: Vec<u8>| stage.mallory.orders.send(Order::Ask { peer, frame });
    ask(b"nonsense".to_vec()).await.expect("it runs");
    let alice = &stage.alice;
    alice.until("a frame that is none", async || alice.count("artwork_malformed").await == 1).await;
    for number in 0..200_u64 {
        let frame = heirloom_proto::artwork::Request(Sha256::of(&number.to_be_bytes())).encode();
        ask(frame).await.expect("it runs");
        if number % 4 == 3 {
            // As many streams as a connection may have at once.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    alice.until("questions over the rate", async || alice.counters().artwork_refused > 0).await;
    assert_eq!(alice.count("artwork_given").await, 0);
    stage.honest_traffic_goes_on().await;
}
