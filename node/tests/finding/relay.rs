//! A node that nobody can dial, reached over a relay.

use heirloom::p2p::{Command, Event, Multiaddr, Nat};

use super::support::{HEADS, Node, Plan, TCP, at};

#[tokio::test]
async fn a_node_behind_nat_is_reached_over_a_relay() {
    let relay = Node::new(Plan { nat: Some(Nat::Public), ..at(&[TCP]) }).await;
    // Listens nowhere: nobody can dial her.
    let hidden = Plan { peers: vec![relay.address()], nat: Some(Nat::Private), ..Plan::default() };
    let mut alice = Node::new(hidden).await;
    let circuit: Multiaddr = alice
        .wait("address over the relay", |event| match event {
            Event::Listening(address) if address.to_string().contains("/p2p-circuit") => Some(address),
            _ => None,
        })
        .await;
    alice.until("a place", |seen, _| seen.relays == 1).await;
    relay.until("given", |_, counters| counters.relay_places == 1).await;

    let mut bob = Node::new(Plan { peers: vec![circuit], ..at(&[TCP]) }).await;
    let (peer, address) = bob.up_with(alice.p2p.peer_id()).await;
    assert_eq!(peer, alice.p2p.peer_id());
    assert!(address.to_string().contains("/p2p-circuit"), "{address}");
    relay.until("carried", |_, counters| counters.circuits >= 1).await;
    let bob_id = bob.p2p.peer_id();
    alice
        .wait("bob's subscription", |event| {
            matches!(event, Event::Subscribed { peer, .. } if peer == bob_id).then_some(())
        })
        .await;
    alice.p2p.send(Command::Publish { topic: HEADS.into(), bytes: b"from behind".to_vec() }).await.expect("running");
    let bytes = bob
        .wait("gossip", |event| match event {
            Event::Gossip { bytes, peer, .. } if peer == alice.p2p.peer_id() => Some(bytes),
            _ => None,
        })
        .await;
    assert_eq!(bytes, b"from behind");
}

#[tokio::test]
async fn who_does_not_know_that_it_can_be_reached_carries_nobody() {
    let bob = Node::new(at(&[TCP])).await;
    let plan = Plan { peers: vec![bob.address()], nat: Some(Nat::Private), ..Plan::default() };
    let alice = Node::new(plan).await;
    alice.until("bob has said what he speaks", |seen, _| seen.peers_by.get("configured") == Some(&1)).await;
    alice.until("bob is known", |seen, _| seen.remembered == 1).await;
    assert_eq!(alice.p2p.overview().relays, 0);
    assert_eq!(bob.p2p.counters().relay_places, 0);
}
