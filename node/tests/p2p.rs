//! The libp2p adapter between real sockets on loopback: two or three nodes in one
//! process, conditions with a deadline, no wall time asserted.

use std::{sync::Arc, time::Duration};

use heirloom::p2p::{
    Admission, Command, Config, Counters, Event, MessageRef, Multiaddr, P2p, PeerId, StartError, Structural, params,
};
use tempfile::TempDir;
use tokio::sync::mpsc::Receiver;

const HEADS: &str = "/heirloom/1/head/0";
const WORKS: &str = "/heirloom/1/work/0";
const TCP: &str = "/ip4/127.0.0.1/tcp/0";
const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
/// Long enough for a busy machine; a test that passes never waits for it.
const DEADLINE: Duration = Duration::from_secs(60);

struct Node {
    p2p: P2p,
    events: Receiver<Event>,
    home: TempDir,
}

fn anything() -> Structural {
    Arc::new(|_, _| true)
}

fn config(home: &TempDir, listen: &[Multiaddr], peers: &[Multiaddr], structural: Structural) -> Config {
    Config {
        listen: listen.to_vec(),
        peers: peers.to_vec(),
        mdns: false,
        proxy: None,
        peers_file: Some(home.path().join("peers")),
        own_ground: true,
        nat: None,
        key_file: home.path().join("transport.key"),
        topics: vec![HEADS.into(), WORKS.into()],
        max_message_bytes: params::MESSAGE_BYTES_MAX,
        memory_bytes_max: params::MEMORY_BYTES_MAX,
        structural,
    }
}

fn addr(text: &str) -> Multiaddr {
    text.parse().expect("a multiaddr")
}

/// A message of `len` bytes that differs from those with other numbers.
fn message(number: usize, len: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(len, 7);
    bytes
}

impl Node {
    async fn new(listen: &str, peers: &[&Self]) -> Self {
        Self::with(listen, peers, anything()).await
    }

    async fn with(listen: &str, peers: &[&Self], structural: Structural) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let peers: Vec<_> = peers.iter().map(|peer| peer.address()).collect();
        let (p2p, events) =
            P2p::start(config(&home, &[addr(listen)], &peers, structural)).await.expect("the node starts");
        Self { p2p, events, home }
    }

    fn address(&self) -> Multiaddr {
        self.p2p.listen_addrs().first().expect("listening").clone()
    }

    fn id(&self) -> PeerId {
        self.p2p.peer_id()
    }

    async fn publish(&self, topic: &str, bytes: &[u8]) {
        let command = Command::Publish { topic: topic.into(), bytes: bytes.to_vec() };
        self.p2p.send(command).await.expect("running");
    }

    async fn answer(&self, message: MessageRef, peer: PeerId, admission: Admission) {
        self.p2p.send(Command::Verdict { message, peer, admission }).await.expect("running");
    }

    /// The first event that `pick` wants. Others are passed over.
    async fn wait<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("running");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(DEADLINE, found).await;
        found.unwrap_or_else(|_| panic!("no {what}; {:?}", self.p2p.counters()))
    }

    async fn gossip(&mut self) -> (MessageRef, PeerId, Vec<u8>) {
        self.wait("gossip", |event| match event {
            Event::Gossip { message, peer, bytes, .. } => Some((message, peer, bytes)),
            _ => None,
        })
        .await
    }

    /// Waits until all of `others` are subscribed to both topics, and passes over all events before.
    async fn meet(&mut self, others: &[PeerId]) {
        let topics_of = |peer: &PeerId| [(*peer, HEADS), (*peer, WORKS)];
        let mut missing: Vec<_> = others.iter().flat_map(topics_of).collect();
        self.wait("subscription", |event| {
            if let Event::Subscribed { peer, topic } = event {
                missing.retain(|other| *other != (peer, topic.as_str()));
            }
            missing.is_empty().then_some(())
        })
        .await;
    }

    /// The next peer that goes down. Other events are passed over.
    async fn down(&mut self) -> PeerId {
        self.wait("peer down", |event| match event {
            Event::PeerDown { peer } => Some(peer),
            _ => None,
        })
        .await
    }

    async fn until(&self, what: &str, met: impl Fn(&Counters) -> bool) -> Counters {
        let poll = async {
            loop {
                let counters = self.p2p.counters();
                if met(&counters) {
                    return counters;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let counters = tokio::time::timeout(DEADLINE, poll).await;
        counters.unwrap_or_else(|_| panic!("not: {what}; {:?}", self.p2p.counters()))
    }
}

/// `alice` dials `bob`; both know that the other listens to the heads.
async fn pair(transport: &str, bobs_form: Structural) -> (Node, Node) {
    let mut bob = Node::with(transport, &[], bobs_form).await;
    let mut alice = Node::new(transport, &[&bob]).await;
    alice.meet(&[bob.id()]).await;
    bob.meet(&[alice.id()]).await;
    (alice, bob)
}

#[tokio::test]
async fn a_message_goes_on_only_after_it_was_accepted() {
    let mut alice = Node::new(TCP, &[]).await;
    let mut bob = Node::new(TCP, &[&alice]).await;
    let mut carol = Node::new(TCP, &[&bob]).await;
    alice.meet(&[bob.id()]).await;
    bob.meet(&[alice.id(), carol.id()]).await;
    carol.meet(&[bob.id()]).await;

    alice.publish(HEADS, b"of alice").await;
    let (reference, peer, bytes) = bob.gossip().await;
    assert_eq!((peer, bytes.as_slice()), (alice.id(), b"of alice".as_slice()));

    // Bob's own message overtakes the one he has not judged.
    bob.publish(HEADS, b"of bob").await;
    assert_eq!(carol.gossip().await.2, b"of bob");
    bob.answer(reference, peer, Admission::Accept).await;
    let (_, peer, bytes) = carol.gossip().await;
    assert_eq!((peer, bytes.as_slice()), (bob.id(), b"of alice".as_slice()));
    assert_eq!(bob.p2p.counters().accepted, 1);
    assert_eq!(bob.p2p.peers(), 2);
}

#[tokio::test]
async fn an_ignored_message_goes_nowhere_and_blames_nobody() {
    let mut alice = Node::new(TCP, &[]).await;
    let mut bob = Node::new(TCP, &[&alice]).await;
    let mut carol = Node::new(TCP, &[&bob]).await;
    alice.meet(&[bob.id()]).await;
    bob.meet(&[alice.id(), carol.id()]).await;
    carol.meet(&[bob.id()]).await;

    for number in 0..10 {
        alice.publish(HEADS, &message(number, 50)).await;
        let (reference, peer, _) = bob.gossip().await;
        bob.answer(reference, peer, Admission::Ignore).await;
    }
    bob.until("ten ignored", |counters| counters.ignored == 10).await;
    alice.publish(HEADS, b"good").await;
    let (reference, peer, _) = bob.gossip().await;
    bob.answer(reference, peer, Admission::Accept).await;
    assert_eq!(carol.gossip().await.2, b"good", "the first that carol hears");
    assert_eq!(bob.p2p.counters().graylisted, 0);
}

#[tokio::test]
async fn six_rejects_and_the_sender_is_out() {
    let (mallory, mut bob) = pair(TCP, anything()).await;
    for number in 0..6 {
        mallory.publish(HEADS, &message(number, 50)).await;
        let (reference, peer, _) = bob.gossip().await;
        bob.answer(reference, peer, Admission::Reject).await;
    }
    assert_eq!(bob.down().await, mallory.id());
    let counters = bob.until("a refused return", |counters| counters.refused >= 1).await;
    assert_eq!((counters.rejected, counters.graylisted), (6, 1), "five are not enough");
    assert_eq!(bob.p2p.peers(), 0);
}

#[tokio::test]
async fn a_malformed_message_is_never_seen() {
    let (alice, mut bob) = pair(TCP, Arc::new(|_, bytes| bytes.starts_with(b"ok"))).await;
    alice.publish(HEADS, b"bad").await;
    alice.publish(HEADS, b"ok").await;
    assert_eq!(bob.gossip().await.2, b"ok", "the first that bob hears");
    let counters = bob.p2p.counters();
    assert_eq!((counters.malformed, counters.received), (1, 1));
}

#[tokio::test]
async fn a_copy_on_the_wrong_topic_does_not_censor_the_right_one() {
    let form: Structural = Arc::new(|topic, bytes| (topic == HEADS) == bytes.starts_with(b"head"));
    let mut bob = Node::with(TCP, &[], form).await;
    let mut mallory = Node::new(TCP, &[&bob]).await;
    let mut alice = Node::new(TCP, &[&bob]).await;
    bob.meet(&[mallory.id(), alice.id()]).await;
    mallory.meet(&[bob.id()]).await;
    alice.meet(&[bob.id()]).await;

    mallory.publish(WORKS, b"head of alice").await;
    bob.until("the copy is refused", |counters| counters.malformed == 1).await;
    alice.publish(HEADS, b"head of alice").await;
    assert_eq!(bob.gossip().await.1, alice.id());
}

#[tokio::test]
async fn tcp_alone_and_quic_alone_carry_gossip() {
    for transport in [TCP, QUIC] {
        let (alice, mut bob) = pair(transport, anything()).await;
        alice.publish(HEADS, transport.as_bytes()).await;
        assert_eq!(bob.gossip().await.2, transport.as_bytes());
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    for transport in [TCP, QUIC] {
        let alice = Node::new(transport, &[]).await;
        let taken = without_id(&alice.address());
        let home = tempfile::tempdir().expect("a directory");
        let refused = P2p::start(config(&home, std::slice::from_ref(&taken), &[], anything())).await;
        match refused.map(|_| ()) {
            Err(StartError::PortInUse { address, .. }) => assert_eq!(address, taken),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn nonsense_in_the_configuration_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    for text in ["/dns4/example.org/tcp/7341", "/ip4/127.0.0.1/udp/7341", "/ip4/127.0.0.1/tcp/7341/ws"] {
        let as_listener = config(&home, &[addr(text)], &[], anything());
        let as_peer = config(&home, &[], &[addr(text)], anything());
        for config in [as_listener, as_peer] {
            let refused = P2p::start(config).await.map(|_| ());
            assert!(matches!(&refused, Err(StartError::Address { address }) if *address == addr(text)), "{refused:?}");
        }
    }
    let mut config = config(&home, &[], &[], anything());
    config.max_message_bytes = params::MESSAGE_BYTES_MAX + 1;
    assert!(matches!(P2p::start(config).await, Err(StartError::Parameters(_))));
}

#[tokio::test]
async fn what_was_published_alone_is_sent_to_the_first_peer() {
    let bob = Node::new(QUIC, &[]).await;
    bob.publish(HEADS, b"early").await;
    bob.publish(HEADS, b"early").await;
    bob.until("kept", |counters| counters.unsent == 2).await;
    let mut alice = Node::new(QUIC, &[&bob]).await;
    assert_eq!(alice.gossip().await.2, b"early");
    let counters = bob.until("sent once", |counters| counters.published == 1).await;
    assert_eq!(counters.unsent_dropped, 0);
}

#[tokio::test]
async fn too_large_or_foreign_publishes_are_refused_and_counted() {
    let (alice, mut bob) = pair(TCP, anything()).await;
    alice.publish(HEADS, &message(0, params::MESSAGE_BYTES_MAX + 1)).await;
    alice.publish("/heirloom/1/gossip-about-neighbours/0", b"psst").await;
    alice.publish(HEADS, &message(1, params::MESSAGE_BYTES_MAX)).await;
    assert_eq!(bob.gossip().await.2.len(), params::MESSAGE_BYTES_MAX, "the largest that is allowed arrives");
    assert_eq!(alice.p2p.counters().publish_refused, 2);
}

#[tokio::test]
async fn a_burst_larger_than_the_read_buffer_arrives_whole() {
    for transport in [TCP, QUIC] {
        let (alice, mut bob) = pair(transport, anything()).await;
        let count = params::PEER_QUEUE - 56;
        for number in 0..count {
            alice.publish(HEADS, &message(number, 4000)).await;
        }
        let mut missing: std::collections::BTreeSet<_> = (0..count).map(|number| message(number, 4000)).collect();
        while !missing.is_empty() {
            assert!(missing.remove(&bob.gossip().await.2), "nothing comes twice");
        }
    }
}

#[tokio::test]
async fn more_than_the_rate_is_ignored_and_counted() {
    let (alice, mut bob) = pair(TCP, anything()).await;
    let mut heard = 0;
    for number in 0..1000 {
        alice.publish(HEADS, &message(number, 50)).await;
        if number % 100 == 99 {
            // Half the peer queue at a time, so that the sender drops nothing.
            alice.until("sent", |counters| counters.published + counters.unsent > number as u64).await;
        }
        while let Ok(event) = bob.events.try_recv() {
            heard += u64::from(matches!(event, Event::Gossip { .. }));
        }
    }
    let counters = bob.until("over the rate", |counters| counters.rate_limited > 0).await;
    assert!(heard + counters.dropped + counters.rate_limited <= counters.received);
    assert!(counters.received >= 400, "the burst is allowed");
}

#[tokio::test]
async fn who_floods_is_cut_off_and_stays_out_while_honest_traffic_goes_on() {
    let mut bob = Node::new(TCP, &[]).await;
    let (mut mallory, carol) = (Node::new(TCP, &[&bob]).await, Node::new(TCP, &[&bob]).await);
    bob.meet(&[mallory.id(), carol.id()]).await;
    let (flooder, honest) = (mallory.id(), carol.id());
    let mut number = 0;
    let mut heard = 0_u32;
    let mut honest_sent = 0_u32;
    let flood = async {
        while bob.p2p.counters().floods == 0 {
            for _ in 0..100 {
                number += 1;
                mallory.publish(HEADS, &message(number, 60)).await;
            }
            mallory
                .until("sent", |counters| counters.published + counters.unsent + counters.queues_full >= number as u64)
                .await;
            while mallory.events.try_recv().is_ok() {}
            // One honest message among each hundred of the flood; at that pace Carol is within her rate.
            if honest_sent < 300 {
                honest_sent += 1;
                carol.publish(WORKS, &message(usize::try_from(honest_sent).expect("small"), 70)).await;
            }
            while let Ok(event) = bob.events.try_recv() {
                heard += u32::from(matches!(event, Event::Gossip { peer, .. } if peer == honest));
            }
        }
    };
    tokio::time::timeout(DEADLINE, flood).await.expect("the flood ends");
    while heard < honest_sent {
        let (_, from, _) = bob.gossip().await;
        heard += u32::from(from == honest);
    }
    let counters = bob.p2p.counters();
    assert!(counters.rate_limited > 0 && counters.floods == 1, "{counters:?}");
    // Dialling again is refused, and Carol still gets through.
    let address = bob.address();
    mallory.p2p.send(Command::Dial(address)).await.expect("running");
    bob.until("refused", |after| after.refused > counters.refused).await;
    carol.publish(HEADS, b"still here").await;
    let from = bob
        .wait("Carol", |event| match event {
            Event::Gossip { peer, bytes, .. } if bytes == b"still here" => Some(peer),
            _ => None,
        })
        .await;
    assert!(from == honest && from != flooder);
}

#[tokio::test]
async fn every_byte_of_the_transport_is_counted_both_ways() {
    for transport in [TCP, QUIC] {
        let (alice, mut bob) = pair(transport, anything()).await;
        let before = bob.p2p.counters().bytes_received;
        for number in 0..50 {
            alice.publish(HEADS, &message(number, 4000)).await;
        }
        for _ in 0..50 {
            bob.gossip().await;
        }
        let counted = bob.until("counted", |counters| counters.bytes_received >= before + 200_000).await;
        assert!(counted.bytes_received < before + 300_000, "{transport}: {counted:?}");
        alice.until("counted", |counters| counters.bytes_sent >= 200_000).await;
    }
}

#[tokio::test]
async fn a_node_that_hears_less_still_speaks_and_can_hear_again() {
    let (mut alice, mut bob) = pair(TCP, anything()).await;
    let hear = |topics: &[&str]| Command::Hear(topics.iter().map(|topic| (*topic).to_owned()).collect());
    bob.p2p.send(hear(&[HEADS])).await.expect("running");
    bob.publish(WORKS, b"spoken").await;
    assert_eq!(alice.gossip().await.2, b"spoken");
    // Nobody is left on the topic, so it waits; on the other one it arrives at once.
    alice.publish(WORKS, b"unheard").await;
    alice.until("kept", |counters| counters.unsent == 1).await;
    alice.publish(HEADS, b"heard").await;
    assert_eq!(bob.gossip().await.2, b"heard");
    bob.p2p.send(hear(&[HEADS, WORKS])).await.expect("running");
    assert_eq!(bob.gossip().await.2, b"unheard", "what waited comes when the topic is joined again");
}

#[tokio::test]
async fn above_the_memory_limit_no_connection_is_begun() {
    let home = tempfile::tempdir().expect("a directory");
    let mut full = config(&home, &[addr(TCP)], &[], anything());
    full.memory_bytes_max = 1;
    let (p2p, events) = P2p::start(full).await.expect("the node starts");
    let bob = Node { p2p, events, home };
    let _alice = Node::new(TCP, &[&bob]).await;
    let counters = bob.until("refused", |counters| counters.refused > 0).await;
    assert_eq!((bob.p2p.peers(), counters.received), (0, 0));
}

#[tokio::test]
async fn a_node_that_does_not_listen_loses_gossip_but_not_peers() {
    let (alice, mut bob) = pair(TCP, anything()).await;
    let count = params::EVENTS_QUEUED as u64 + 50;
    for number in 0..params::EVENTS_QUEUED + 50 {
        alice.publish(HEADS, &message(number, 50)).await;
        if number % 100 == 99 {
            bob.until("received", |counters| counters.received > number as u64).await;
        }
    }
    let counters = bob.until("received", |counters| counters.received == count).await;
    assert_eq!(counters.dropped, 50);
    assert_eq!(counters.ignored, 50, "what is dropped is ignored");
    let gone = alice.id();
    alice.p2p.stop().await;
    bob.until("down", |_| bob.p2p.peers() == 0).await;
    let mut heard = 0;
    let down = bob
        .wait("peer down", |event| {
            heard += u64::from(matches!(event, Event::Gossip { .. }));
            match event {
                Event::PeerDown { peer } => Some(peer),
                _ => None,
            }
        })
        .await;
    assert_eq!(down, gone, "it waited its turn");
    assert_eq!(heard + 50, count);
}

/// Bob restarts on his port while alice keeps dialling it; `between` may do something to his files.
async fn restart(transport: &str, between: impl Fn(&TempDir)) -> (PeerId, PeerId) {
    let mut bob = Node::new(transport, &[]).await;
    let mut alice = Node::new(transport, &[&bob]).await;
    let (port, old) = (without_id(&bob.address()), bob.id());
    alice.meet(&[old]).await;
    bob.p2p.stop().await;
    assert_eq!(alice.down().await, old);
    between(&bob.home);
    (bob.p2p, bob.events) =
        P2p::start(config(&bob.home, &[port], &[], anything())).await.expect("the port is free again");
    alice.meet(&[bob.id()]).await;
    (old, bob.id())
}

fn without_id(address: &Multiaddr) -> Multiaddr {
    let mut address = address.clone();
    address.pop();
    address
}

#[tokio::test]
async fn a_peer_that_restarts_is_dialled_again_under_its_old_name() {
    for transport in [TCP, QUIC] {
        let (old, new) = restart(transport, |_| {}).await;
        assert_eq!(old, new, "the transport key is kept");
    }
}

#[tokio::test]
async fn a_peer_with_a_new_transport_key_is_still_found() {
    for transport in [TCP, QUIC] {
        let lose = |home: &TempDir| {
            std::fs::remove_file(home.path().join("transport.key")).expect("there was a key");
        };
        let (old, new) = restart(transport, lose).await;
        assert_ne!(old, new);
    }
}

#[tokio::test]
async fn a_peer_of_another_network_is_dropped() {
    use futures::StreamExt;
    let mut bob = Node::new(TCP, &[]).await;
    let mut stranger = libp2p::SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(libp2p::tcp::Config::default(), libp2p::noise::Config::new, libp2p::yamux::Config::default)
        .expect("noise")
        .with_behaviour(|_| libp2p::ping::Behaviour::default())
        .expect("never fails")
        .build();
    let id = *stranger.local_peer_id();
    stranger.dial(bob.address()).expect("a good address");
    tokio::spawn(async move { while stranger.next().await.is_some() {} });
    assert_eq!(bob.down().await, id);
    assert_eq!(bob.p2p.counters().strangers, 1);
}

#[tokio::test]
async fn penalties_of_the_core_add_up_to_a_ban() {
    let (alice, mut bob) = pair(TCP, anything()).await;
    let peer = alice.id();
    for _ in 0..3 {
        bob.p2p.send(Command::Penalise { peer, points: 1000.0 }).await.expect("running");
    }
    assert_eq!(bob.down().await, peer);
    assert_eq!(bob.p2p.counters().graylisted, 1);
}

#[tokio::test]
async fn a_node_that_drops_its_events_is_gone() {
    let (alice, mut bob) = pair(TCP, anything()).await;
    let id = alice.id();
    drop(alice.events);
    assert_eq!(bob.down().await, id);
    let publish = Command::Publish { topic: HEADS.into(), bytes: b"to nobody".to_vec() };
    while alice.p2p.send(publish.clone()).await.is_ok() {}
}

#[tokio::test]
async fn many_neighbours_on_loopback_are_welcome() {
    let mut bob = Node::new(TCP, &[]).await;
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(Node::new(TCP, &[&bob]).await);
    }
    let ids: Vec<_> = others.iter().map(Node::id).collect();
    bob.meet(&ids).await;
    bob.publish(HEADS, b"to all").await;
    for other in &mut others {
        assert_eq!(other.gossip().await.2, b"to all");
    }
    assert_eq!(bob.p2p.peers(), 8);
}

/// The next question of sync.
async fn asked(node: &mut Node) -> (u64, PeerId, Vec<u8>) {
    node.wait("question", |event| match event {
        Event::SyncAsked { exchange, peer, bytes } => Some((exchange, peer, bytes)),
        _ => None,
    })
    .await
}

/// What became of a question.
async fn answered(node: &mut Node, number: u64) -> Option<Vec<u8>> {
    node.wait("answer", |event| match event {
        Event::SyncAnswered { ask, bytes } if ask == number => Some(Some(bytes)),
        Event::SyncFailed { ask, .. } if ask == number => Some(None),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn sync_carries_a_question_and_its_answer() {
    for transport in [TCP, QUIC] {
        let (mut alice, mut bob) = pair(transport, anything()).await;
        let (question, answer) = (vec![1; params::SYNC_FRAME_BYTES_MAX], vec![2; params::SYNC_FRAME_BYTES_MAX]);
        let ask = Command::SyncAsk { ask: 7, peer: bob.id(), bytes: question.clone() };
        alice.p2p.send(ask).await.expect("running");
        let (exchange, peer, bytes) = asked(&mut bob).await;
        assert_eq!((peer, bytes), (alice.id(), question));
        bob.p2p.send(Command::SyncAnswer { exchange, bytes: answer.clone() }).await.expect("running");
        assert_eq!(answered(&mut alice, 7).await, Some(answer));
    }
}

#[tokio::test]
async fn sync_frames_that_are_too_long_fail_and_harm_nobody_else() {
    let (mut alice, mut bob) = pair(TCP, anything()).await;
    let peer = bob.id();
    let too_long = vec![1; params::SYNC_FRAME_BYTES_MAX + 1];
    alice.p2p.send(Command::SyncAsk { ask: 1, peer, bytes: too_long.clone() }).await.expect("running");
    assert_eq!(answered(&mut alice, 1).await, None, "the question");
    alice.p2p.send(Command::SyncAsk { ask: 2, peer, bytes: vec![2] }).await.expect("running");
    let (exchange, ..) = asked(&mut bob).await;
    bob.p2p.send(Command::SyncAnswer { exchange, bytes: too_long }).await.expect("running");
    assert_eq!(answered(&mut alice, 2).await, None, "the answer");
    alice.publish(HEADS, b"still here").await;
    assert_eq!(bob.gossip().await.2, b"still here");
    let nobody = PeerId::random();
    alice.p2p.send(Command::SyncAsk { ask: 3, peer: nobody, bytes: vec![3] }).await.expect("running");
    assert_eq!(answered(&mut alice, 3).await, None, "who is not connected is not dialled");
}

#[tokio::test]
async fn a_flood_of_sync_questions_is_refused() {
    let (mut alice, mut bob) = pair(TCP, anything()).await;
    let peer = bob.id();
    let mut heard = 0;
    for ask in 0..400 {
        alice.p2p.send(Command::SyncAsk { ask, peer, bytes: vec![1] }).await.expect("running");
        let refused = bob.p2p.counters().sync_refused;
        // Each is heard, refused, or fails here; then comes the next.
        let exchange = bob.until_asked(refused).await;
        if let Some(exchange) = exchange {
            heard += 1;
            bob.p2p.send(Command::SyncAnswer { exchange, bytes: vec![2] }).await.expect("running");
            answered(&mut alice, ask).await;
        } else {
            break;
        }
    }
    assert!((200..400).contains(&heard), "the burst, and what trickled in meanwhile: {heard}");
}

impl Node {
    /// The next question, or nothing once one was refused.
    async fn until_asked(&mut self, refused: u64) -> Option<u64> {
        loop {
            tokio::select! {
                event = self.events.recv() => {
                    if let Event::SyncAsked { exchange, .. } = event.expect("running") {
                        return Some(exchange);
                    }
                }
                () = tokio::time::sleep(Duration::from_millis(5)) => {
                    if self.p2p.counters().sync_refused > refused {
                        return None;
                    }
                }
            }
        }
    }
}
