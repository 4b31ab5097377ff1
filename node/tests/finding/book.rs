//! From a claim to a peer, and back to it after a restart.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use futures::StreamExt as _;
use heirloom::p2p::params;

use super::support::{Node, QUIC, TCP, at};

#[tokio::test]
async fn a_claimed_place_is_tried_over_quic_and_over_tcp() {
    let by_tcp = Node::new(at(&[TCP])).await;
    let by_quic = Node::new(at(&[QUIC])).await;
    let alice = Node::new(at(&[TCP, QUIC])).await;
    alice.hear_of([by_tcp.place(), by_quic.place(), alice.place()]).await;
    alice.until_peers(2).await;
    alice.until("both of the DHT", |seen, _| seen.peers_by.get("dht") == Some(&2)).await;
    by_tcp.until("one inbound", |seen, _| seen.peers_by.get("inbound") == Some(&1)).await;
}

#[tokio::test]
async fn one_port_serves_both_transports_when_any_will_do() {
    let alice = Node::new(at(&[TCP, QUIC])).await;
    let ports: Vec<_> = alice.p2p.listen_addrs().iter().filter_map(heirloom::p2p::place_of).collect();
    assert_eq!(ports.len(), 2);
    assert_eq!(ports[0], ports[1]);
}

#[tokio::test]
async fn hundreds_of_dead_places_do_not_hide_an_honest_one() {
    let bob = Node::new(at(&[TCP, QUIC])).await;
    let alice = Node::new(at(&[TCP, QUIC])).await;
    // Held, so that nobody else gets the port, but refused (TCP) and unanswered (QUIC).
    let dead: Vec<_> = (0..200).map(|_| UdpSocket::bind("127.0.0.2:0").expect("a port")).collect();
    let claims = dead.iter().map(|socket| socket.local_addr().expect("bound"));
    alice.hear_of(claims.chain([bob.place()])).await;
    alice.until_peers(1).await;
    let counters = alice.p2p.counters();
    assert_eq!(counters.dials_wasted, 0, "nobody else's machine was bothered");
}

#[tokio::test]
async fn a_restarted_node_comes_back_to_its_peers_by_itself() {
    for transport in [TCP, QUIC] {
        let bob = Node::new(at(&[transport])).await;
        let alice = Node::new(at(&[transport])).await;
        alice.hear_of([bob.place()]).await;
        alice.until("bob is remembered", |seen, _| seen.remembered == 1).await;
        let alice = alice.restart(at(&[transport])).await;
        alice.until_peers(1).await;
        alice.until("by memory", |seen, _| seen.peers_by.get("remembered") == Some(&1)).await;
    }
}

#[tokio::test]
async fn whoever_was_dialled_comes_back_too() {
    let bob = Node::new(at(&[TCP])).await;
    let mut alice = Node::new(at(&[TCP])).await;
    bob.hear_of([alice.place()]).await;
    alice.up().await;
    // Bob says where he listens; both know the other now.
    alice.until("bob is remembered", |seen, _| seen.remembered == 1).await;
    // Her new port is unknown to bob: only she can come back.
    let alice = alice.restart(at(&[TCP])).await;
    alice.until("bob again", |seen, _| seen.peers_by.get("remembered") == Some(&1)).await;
}

#[tokio::test]
async fn who_does_not_speak_our_protocols_is_dropped_and_left_alone() {
    let mut stranger = libp2p::SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(libp2p::tcp::Config::default(), libp2p::noise::Config::new, libp2p::yamux::Config::default)
        .expect("noise")
        .with_behaviour(|key| {
            libp2p::identify::Behaviour::new(libp2p::identify::Config::new("other/1".into(), key.public()))
        })
        .expect("never fails")
        .build();
    stranger.listen_on(TCP.parse().expect("a multiaddr")).expect("listens");
    let place = loop {
        if let libp2p::swarm::SwarmEvent::NewListenAddr { address, .. } = stranger.select_next_some().await {
            break heirloom::p2p::place_of(&address).expect("a direct address");
        }
    };
    tokio::spawn(async move { while stranger.next().await.is_some() {} });
    let alice = Node::new(at(&[TCP])).await;
    alice.hear_of([place]).await;
    alice.until("dropped", |_, counters| counters.strangers == 1).await;
    alice.until_peers(0).await;
    let dials = alice.p2p.counters().dials;
    alice.hear_of([place]).await;
    // A peer that is reached afterwards shows that the stranger's turn would have come.
    let bob = Node::new(at(&[TCP])).await;
    alice.hear_of([bob.place()]).await;
    alice.until_peers(1).await;
    alice.until("only bob is remembered", |seen, _| seen.remembered == 1).await;
    assert!(alice.p2p.counters().dials <= dials + 2, "bob over QUIC and TCP, and nobody else");
}

#[tokio::test]
async fn the_dht_fills_a_quarter_of_the_places_and_no_more() {
    let mut others = Vec::new();
    for _ in 0..params::DHT_OUTBOUND_MAX + 4 {
        others.push(Node::new(at(&[TCP])).await);
    }
    let alice = Node::new(at(&[TCP])).await;
    alice.hear_of(others.iter().map(Node::place)).await;
    alice.until_peers(params::DHT_OUTBOUND_MAX).await;
    // Ticks pass, seen by the book's other work, and nobody is added.
    let remembered = |seen: &heirloom::p2p::Overview| seen.remembered;
    alice.until("all are met", |seen, _| remembered(seen) >= params::DHT_OUTBOUND_MAX).await;
    assert_eq!(alice.p2p.peers(), params::DHT_OUTBOUND_MAX);
}

#[tokio::test]
async fn two_that_dial_each_other_keep_one_connection() {
    let alice = Node::new(at(&[TCP, QUIC])).await;
    let bob = Node::new(at(&[TCP, QUIC])).await;
    let (at_alice, at_bob) = (alice.place(), bob.place());
    tokio::join!(alice.hear_of([at_bob]), bob.hear_of([at_alice]));
    for node in [&alice, &bob] {
        node.until("one connection", |seen, counters| seen.connections == 1 && counters.dials >= 1).await;
        node.until_peers(1).await;
    }
}

#[tokio::test]
async fn a_service_that_accepts_and_says_nothing_is_no_peer() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let place: SocketAddr = silent.local_addr().expect("bound");
    let alice = Node::new(at(&[TCP])).await;
    alice.hear_of([place]).await;
    alice.until("given up", |_, counters| counters.dials_failed >= 2).await;
    assert_eq!(alice.p2p.peers(), 0);
}
