//! Places at which somebody announced a work: who is found there is asked, and costs no lasting place.

use std::net::SocketAddr;

use heirloom::p2p::{Command, Event, PeerId, params};

use crate::support::{DEADLINE, Node, QUIC, TCP, at};

const SEEK: u64 = 7;

impl Node {
    async fn seek(&self, places: impl IntoIterator<Item = SocketAddr>) {
        let places: Vec<_> = places.into_iter().collect();
        self.p2p.send(Command::Seek { seek: SEEK, places, is_last: true }).await.expect("running");
    }

    /// The first event that `pick` wants. Others are passed over.
    async fn next<T>(&mut self, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = pick(self.events.recv().await.expect("running")) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(DEADLINE, found).await;
        found.unwrap_or_else(|_| panic!("no {what}; {:?}", self.p2p.counters()))
    }

    async fn sought(&mut self) -> PeerId {
        self.next("peer", |event| match event {
            Event::Sought { seek: SEEK, peer } => Some(peer),
            _ => None,
        })
        .await
    }

    /// Who was found until the seek was over.
    async fn sought_in_all(&mut self) -> Vec<PeerId> {
        let mut found = Vec::new();
        self.next("end", |event| match event {
            Event::Sought { seek: SEEK, peer } => {
                found.push(peer);
                None
            }
            Event::SeekOver { seek: SEEK } => Some(()),
            _ => None,
        })
        .await;
        found
    }

    async fn ask(&self, ask: u64, peer: PeerId, bytes: Vec<u8>) {
        self.p2p.send(Command::LookupAsk { ask, peer, bytes }).await.expect("running");
    }

    async fn asked(&mut self) -> (u64, PeerId, Vec<u8>) {
        self.next("question", |event| match event {
            Event::LookupAsked { exchange, peer, bytes } => Some((exchange, peer, bytes)),
            _ => None,
        })
        .await
    }

    async fn reply(&self, exchange: u64, bytes: Vec<u8>) {
        self.p2p.send(Command::LookupAnswer { exchange, bytes }).await.expect("running");
    }

    async fn answered(&mut self, ask: u64) -> Option<Vec<u8>> {
        self.next("answer", |event| match event {
            Event::LookupAnswered { ask: of, bytes } if of == ask => Some(Some(bytes)),
            Event::LookupFailed { ask: of } if of == ask => Some(None),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn somebody_whom_nobody_knew_is_found_and_asked() {
    for transport in [TCP, QUIC] {
        let (mut alice, mut carol) = (Node::new(at(&[transport])).await, Node::new(at(&[transport])).await);
        alice.seek([carol.place()]).await;
        let peer = alice.sought().await;
        assert_eq!(peer, carol.p2p.peer_id());
        let (question, answer) = (vec![1; params::SYNC_FRAME_BYTES_MAX], vec![2; params::SYNC_FRAME_BYTES_MAX]);
        alice.ask(1, peer, question.clone()).await;
        let (exchange, by, bytes) = carol.asked().await;
        assert_eq!((by, bytes), (alice.p2p.peer_id(), question));
        carol.reply(exchange, answer.clone()).await;
        // The seek may have been over before the answer: nobody else could be found.
        assert_eq!(alice.answered(1).await, Some(answer));
        // Nobody else wanted the place, so she may stay; and is found there at once the next time.
        let dials = alice.p2p.counters().dials;
        alice.seek([carol.place()]).await;
        assert_eq!(alice.sought_in_all().await, [peer]);
        assert_eq!(alice.p2p.counters().dials, dials, "over the connection that there is");
    }
}

#[tokio::test]
async fn who_is_there_by_tcp_alone_is_found_before_quic_has_failed() {
    let (mut alice, carol) = (Node::new(at(&[TCP, QUIC])).await, Node::new(at(&[TCP])).await);
    // Takes what comes over UDP and says nothing, as most walls do.
    let wall = std::net::UdpSocket::bind(carol.place()).expect("nobody listens there");
    alice.seek([carol.place()]).await;
    assert_eq!(alice.sought().await, carol.p2p.peer_id());
    let counters = alice.p2p.counters();
    assert_eq!((counters.dials, counters.dials_failed), (2, 0), "QUIC was tried, and given up for TCP");
    let mut knocks = [0; 2048];
    assert!(wall.recv(&mut knocks).is_ok_and(|bytes| bytes > 0), "QUIC went first");
}

#[tokio::test]
async fn a_seek_that_finds_nobody_is_over() {
    let mut alice = Node::new(at(&[TCP])).await;
    alice.seek([]).await;
    assert!(alice.sought_in_all().await.is_empty(), "nothing was named");
    alice.seek([alice.place()]).await;
    assert!(alice.sought_in_all().await.is_empty(), "she herself announced it");
    // Nothing listens there: below the range from which the system gives free ports.
    alice.seek((2000..2400).map(|port| SocketAddr::from(([127, 0, 0, 1], port)))).await;
    assert!(alice.sought_in_all().await.is_empty());
    let sought = alice.p2p.counters().sought;
    assert!(sought <= u64::try_from(params::SOUGHT_DIALS_MAX).expect("small"), "{sought} places were dialled");
    alice.seek([SocketAddr::from(([127, 0, 0, 1], 22)), SocketAddr::from(([224, 0, 0, 1], 7341))]).await;
    assert!(alice.sought_in_all().await.is_empty());
    assert_eq!(alice.p2p.counters().sought, sought, "services and groups are not dialled");
}

#[tokio::test]
async fn the_right_place_is_found_among_wrong_ones() {
    let (mut alice, carol) = (Node::new(at(&[TCP])).await, Node::new(at(&[TCP])).await);
    let wrong = (2000..).take(params::SOUGHT_DIALS_MAX - 1).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    alice.seek(wrong.chain([carol.place()])).await;
    assert_eq!(alice.sought_in_all().await, [carol.p2p.peer_id()]);
}

#[tokio::test]
async fn who_was_dialled_for_a_question_is_let_go_when_the_places_are_taken() {
    let mut alice = Node::new(at(&[TCP])).await;
    let mut others = Vec::new();
    for _ in 0..params::DHT_OUTBOUND_MAX {
        others.push(Node::new(at(&[TCP])).await);
    }
    alice.hear_of(others.iter().map(Node::place)).await;
    alice.until_peers(params::DHT_OUTBOUND_MAX).await;
    let mut carol = Node::new(at(&[TCP])).await;
    for round in 1..=3 {
        alice.seek([carol.place()]).await;
        let peer = alice.sought().await;
        assert_eq!(peer, carol.p2p.peer_id(), "beyond the quarter for peers out of the DHT");
        alice.ask(round, peer, vec![1]).await;
        let (exchange, ..) = carol.asked().await;
        carol.reply(exchange, vec![2]).await;
        assert_eq!(alice.answered(round).await, Some(vec![2]));
        alice.until_peers(params::DHT_OUTBOUND_MAX).await;
    }
    // Nor does a question that never comes hold the place.
    alice.seek([carol.place()]).await;
    alice.sought().await;
    alice.until_peers(params::DHT_OUTBOUND_MAX).await;
}

#[tokio::test]
async fn frames_that_are_too_long_fail_and_a_flood_is_refused() {
    let (mut alice, mut carol) = (Node::new(at(&[TCP])).await, Node::new(at(&[TCP])).await);
    alice.hear_of([carol.place()]).await;
    alice.until_peers(1).await;
    let peer = carol.p2p.peer_id();
    let too_long = vec![1; params::SYNC_FRAME_BYTES_MAX + 1];
    alice.ask(1, peer, too_long.clone()).await;
    assert_eq!(alice.answered(1).await, None, "the question");
    alice.ask(2, peer, vec![2]).await;
    let (exchange, ..) = carol.asked().await;
    carol.reply(exchange, too_long).await;
    assert_eq!(alice.answered(2).await, None, "the answer");
    alice.ask(3, PeerId::random(), vec![3]).await;
    assert_eq!(alice.answered(3).await, None, "who is not connected is not dialled");
    let mut heard = 0;
    for ask in 4..1000 {
        alice.ask(ask, peer, vec![1]).await;
        let refused = carol.p2p.counters().lookup_refused;
        let exchange = loop {
            tokio::select! {
                (exchange, ..) = carol.asked() => break Some(exchange),
                () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {
                    if carol.p2p.counters().lookup_refused > refused {
                        break None;
                    }
                }
            }
        };
        let Some(exchange) = exchange else { break };
        heard += 1;
        carol.reply(exchange, vec![2]).await;
        alice.answered(ask).await;
    }
    assert!((19..400).contains(&heard), "the burst, and what trickled in meanwhile: {heard}");
}
