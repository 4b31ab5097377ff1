//! The laws of the address book.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn place(text: &str) -> SocketAddr {
    text.parse().expect("a place")
}

fn numbered(number: usize) -> SocketAddr {
    let [_, a, b, c] = u32::try_from(number).expect("few").to_be_bytes();
    SocketAddr::from(([100 + a, b, c, 1], 7341))
}

fn met_at(at: &str) -> Met {
    let peer = Some(PeerId::random());
    Met {
        place: place(at),
        via: Some(Via::Tcp),
        learned: Learned::Dht,
        met_s: 1000,
        anchor: false,
        friend: false,
        peer,
    }
}

/// Dials what the book wants and lets `is_alive` answer, for so long; gives the places dialled.
fn run(book: &mut Book, from: Instant, span: Duration, is_alive: impl Fn(SocketAddr) -> bool) -> Vec<SocketAddr> {
    let mut dialled = Vec::new();
    let mut now = from;
    let mut chance = 0;
    while now < from + span {
        chance += 1;
        if let Some(mut dial) = book.next(now, chance, |_| true) {
            dialled.push(dial.place);
            if is_alive(dial.place) {
                book.reached(dial.place, dial.via, PeerId::random(), now);
            } else {
                while let Some(second) = book.failed(dial, now) {
                    dial = second;
                }
            }
        }
        now += SECOND;
    }
    dialled
}

#[test]
fn both_ways_are_tried_and_quic_first() {
    let now = Instant::now();
    let mut book = Book::default();
    assert!(book.claim(place("203.0.113.1:7341"), Learned::Dht, now));
    assert!(!book.claim(place("203.0.113.1:7341"), Learned::Dht, now), "once is enough");
    let first = book.next(now, 0, |_| true).expect("a dial");
    assert_eq!((first.via, first.ways), (Via::Quic, 2));
    assert_eq!(book.next(now, 0, |_| true), None, "one dial at a time");
    let second = book.failed(first, now).expect("the other way");
    assert_eq!(second.via, Via::Tcp);
    assert_eq!(book.failed(second, now), None);
    assert_eq!(book.next(now + params::FRESH_WAIT_MIN - SECOND, 0, |_| true), None);
    assert!(book.next(now + params::FRESH_WAIT_MIN, 0, |_| true).is_some(), "again later");
}

/// A dial to a place that was just claimed.
fn first_dial(book: &mut Book, now: Instant) -> Dial {
    book.claim(place("203.0.113.1:7341"), Learned::Dht, now);
    book.next(now, 0, |_| true).expect("a dial")
}

#[test]
fn the_second_way_is_tried_beside_the_first_once() {
    let now = Instant::now();
    let mut book = Book::default();
    let first = first_dial(&mut book, now);
    let second = book.second(first.place).expect("the other way");
    assert_eq!((second.via, second.ways), (Via::Tcp, 2));
    assert_eq!(book.second(first.place), None, "no third");
    assert_eq!(book.failed(first, now), None, "both were under way");
    assert!(book.is_dialled(first.place), "the other goes on");
    book.reached(second.place, second.via, PeerId::random(), now);
    assert_eq!(book.failed(first, now), None);
    assert!(book.peer_at(first.place).is_some(), "what comes of the first no longer matters");
}

#[test]
fn a_place_has_failed_when_both_ways_have() {
    let now = Instant::now();
    for tcp_fails_first in [true, false] {
        let mut book = Book::default();
        let first = first_dial(&mut book, now);
        let second = book.second(first.place).expect("the other way");
        let order = if tcp_fails_first { [second, first] } else { [first, second] };
        assert_eq!(book.failed(order[0], now), None);
        assert!(book.is_dialled(first.place));
        assert_eq!(book.failed(order[1], now), None);
        assert!(!book.is_dialled(first.place));
        assert_eq!(book.next(now + params::FRESH_WAIT_MIN - SECOND, 0, |_| true), None, "one failure, one wait");
        assert!(book.next(now + params::FRESH_WAIT_MIN, 0, |_| true).is_some());
    }
}

#[test]
fn a_known_way_or_one_that_is_left_has_no_second() {
    let now = Instant::now();
    let mut book = Book::default();
    let first = first_dial(&mut book, now);
    book.failed(first, now).expect("the other way, at once");
    assert_eq!(book.second(first.place), None);
    let mut book = Book::new(false, vec![met_at("203.0.113.1:7341")], now);
    let known = book.next(now, 0, |_| true).expect("a dial");
    assert_eq!((known.ways, book.second(known.place)), (1, None));
}

#[test]
fn a_second_way_that_is_refused_here_leaves_the_first() {
    let now = Instant::now();
    let mut book = Book::default();
    let first = first_dial(&mut book, now);
    let second = book.second(first.place).expect("the other way");
    book.put_back(second.place, now);
    assert!(book.is_dialled(first.place));
    book.put_back(first.place, now);
    assert!(!book.is_dialled(first.place));
}

#[test]
fn both_ways_count_among_the_dials_under_way() {
    let now = Instant::now();
    let mut book = Book::default();
    let mut dials = 0;
    for number in 0.. {
        book.claim(numbered(number * 65536), Learned::Dht, now);
        let Some(dial) = book.next(now, 0, |_| true) else { break };
        dials += 1;
        if book.has_room_to_dial() && book.second(dial.place).is_some() {
            dials += 1;
        }
    }
    assert_eq!(dials, params::BOOK_DIALS_MAX);
}

#[test]
fn the_way_that_worked_is_taken_again() {
    let now = Instant::now();
    let mut book = Book::default();
    book.claim(place("203.0.113.1:7341"), Learned::Dht, now);
    let first = book.next(now, 0, |_| true).expect("a dial");
    let second = book.failed(first, now).expect("the other way");
    let bob = PeerId::random();
    book.reached(second.place, second.via, bob, now);
    book.met(Met { peer: Some(bob), ..met_at("203.0.113.1:7341") }, true, now);
    book.peer_down(bob, now);
    let again = book.next(now + params::MET_WAIT_MIN, 0, |_| true).expect("soon");
    assert_eq!((again.via, again.ways), (Via::Tcp, 1));
    assert_eq!(book.failed(again, now), None, "it was the only way");
    let later = book.next(now + 1000 * SECOND, 0, |_| true).expect("later");
    assert_eq!((later.via, later.ways), (Via::Quic, 2), "and then both are tried again");
}

#[test]
fn strangers_cannot_send_us_to_our_neighbours_or_to_nonsense() {
    let now = Instant::now();
    let mut book = Book::default();
    for text in [
        "127.0.0.1:7341",
        "192.168.1.1:7341",
        "10.0.0.1:7341",
        "169.254.1.1:7341",
        "[::1]:7341",
        "[::ffff:127.0.0.1]:7341",
        "0.0.0.0:7341",
        "224.0.0.1:7341",
        "255.255.255.255:7341",
        "203.0.113.1:0",
        "203.0.113.1:22",
    ] {
        assert!(!book.claim(place(text), Learned::Dht, now), "{text}");
    }
    let mut at_home = Book::new(true, Vec::new(), now);
    assert!(at_home.claim(place("127.0.0.1:7341"), Learned::Dht, now), "a DHT on loopback names loopback");
}

#[test]
fn no_network_fills_the_book() {
    let now = Instant::now();
    let mut book = Book::default();
    let taken = |book: &mut Book, text: String| book.claim(place(&text), Learned::Dht, now);
    assert_eq!((2000..3000).filter(|port| taken(&mut book, format!("203.0.113.1:{port}"))).count(), 2);
    let neighbours = (2..250).filter(|host| taken(&mut book, format!("203.0.113.{host}:7341"))).count();
    assert_eq!(neighbours + 2, params::FRESH_PER_NETWORK_MAX);
    assert!(taken(&mut book, "203.0.114.1:7341".into()));
}

#[test]
fn on_own_ground_a_thousand_places_of_one_machine_are_held_up_to_the_limit() {
    let now = Instant::now();
    let mut book = Book::new(true, Vec::new(), now);
    let held = (2000..4000).filter(|port| book.claim(SocketAddr::from(([127, 0, 0, 1], *port)), Learned::Dht, now));
    assert_eq!(held.count(), params::FRESH_MAX);
    assert!(book.claim(place("127.9.9.9:7341"), Learned::Dht, now), "another machine pushes one of the crowd out");
    assert_eq!(book.counts(), (0, params::FRESH_MAX));
}

#[test]
fn a_full_book_lets_what_failed_go_first() {
    let now = Instant::now();
    let mut book = Book::default();
    (0..params::FRESH_MAX).for_each(|number| assert!(book.claim(numbered(number), Learned::Dht, now)));
    assert!(!book.claim(numbered(params::FRESH_MAX), Learned::Dht, now), "nobody was found wanting yet");
    let dialled = run(&mut book, now, SECOND, |_| false);
    assert!(book.claim(numbered(params::FRESH_MAX), Learned::Dht, now));
    assert!(book.claim(dialled[0], Learned::Dht, now) || book.counts().1 == params::FRESH_MAX);
}

#[test]
fn remembered_peers_are_never_pushed_out_by_claims() {
    let now = Instant::now();
    let mut book = Book::new(false, vec![met_at("198.51.100.1:7341")], now);
    (0..4 * params::FRESH_MAX).for_each(|number| {
        book.claim(numbered(number), Learned::Dht, now);
    });
    assert_eq!(book.counts(), (1, params::FRESH_MAX));
    let first = book.next(now, 7, |_| true).expect("a dial");
    assert_eq!(first.place, place("198.51.100.1:7341"), "and they come first");
}

#[test]
fn one_honest_host_is_found_among_hundreds_of_claims_by_few() {
    let now = Instant::now();
    let honest = place("127.0.0.9:7341");
    let mut book = Book::new(true, Vec::new(), now);
    for attacker in 1..=8_u8 {
        for port in 2000..2060 {
            book.claim(SocketAddr::from(([127, 0, attacker, 1], port)), Learned::Dht, now);
        }
    }
    book.claim(honest, Learned::Dht, now);
    let dialled = run(&mut book, now, Duration::from_secs(60), |at| at == honest);
    let tries = dialled.iter().position(|at| *at == honest).expect("found");
    assert!(tries <= 9, "found after {tries} others: networks take turns");
}

#[test]
fn the_dht_gets_a_quarter_of_the_places() {
    let now = Instant::now();
    let mut book = Book::default();
    for a in 1..60_u8 {
        book.claim(SocketAddr::from(([a, a, 1, 1], 7341)), Learned::Dht, now);
    }
    let dialled = run(&mut book, now, Duration::from_secs(60), |_| true);
    assert_eq!(dialled.len(), params::DHT_OUTBOUND_MAX);
    assert!(!book.is_over_quota());
    assert_eq!(4 * params::DHT_OUTBOUND_MAX, params::OUTBOUND_MAX as usize);
}

#[test]
fn whoever_dials_us_fills_no_more_than_a_quarter_of_our_dials() {
    let now = Instant::now();
    let mut book = Book::default();
    for number in 1..60_u8 {
        let met = Met { learned: Learned::Hello, ..met_at(&format!("{number}.{number}.1.1:7341")) };
        book.met(met, false, now);
    }
    book.claim(place("203.0.113.1:7341"), Learned::Dht, now);
    let dialled = run(&mut book, now, Duration::from_secs(60), |_| true);
    assert_eq!(dialled.len(), params::HELLO_OUTBOUND_MAX + 1);
    assert!(dialled.contains(&place("203.0.113.1:7341")), "and hides nobody");
}

#[test]
fn outbound_peers_are_of_different_networks() {
    let now = Instant::now();
    let mut book = Book::default();
    for text in ["203.0.113.1:7341", "203.0.114.1:7341", "198.51.100.1:7341"] {
        book.claim(place(text), Learned::Dht, now);
    }
    let dialled = run(&mut book, now, Duration::from_secs(30), |_| true);
    assert_eq!(dialled.len(), 2, "one of the two in 203.0.0.0/16: {dialled:?}");

    let mut at_home = Book::new(true, Vec::new(), now);
    for port in 2000..2003 {
        at_home.claim(SocketAddr::from(([127, 0, 0, 1], port)), Learned::Dht, now);
    }
    assert_eq!(run(&mut at_home, now, Duration::from_secs(30), |_| true).len(), 3, "own ground is not limited");
}

#[test]
fn the_budget_is_asked_for_every_dial() {
    let now = Instant::now();
    let mut book = Book::new(true, Vec::new(), now);
    book.claim(place("203.0.113.1:7341"), Learned::Dht, now);
    book.claim(place("127.0.0.1:7341"), Learned::Dht, now);
    let only_home = |ip: IpAddr| ip.is_loopback();
    assert_eq!(book.next(now, 1, only_home).map(|dial| dial.place), Some(place("127.0.0.1:7341")));
    assert_eq!(book.next(now, 1, only_home), None);
}

#[test]
fn who_is_not_one_of_ours_is_left_alone_for_long_and_not_remembered() {
    let now = Instant::now();
    let mut book = Book::new(false, vec![met_at("198.51.100.1:7341")], now);
    let dial = book.next(now, 0, |_| true).expect("a dial");
    let mallory = PeerId::random();
    book.reached(dial.place, dial.via, mallory, now);
    book.useless_peer(mallory, now);
    book.peer_down(mallory, now);
    assert_eq!(book.next(now + params::FRESH_WAIT_MAX - SECOND, 0, |_| true), None);
    assert_eq!(book.to_remember(), []);
    assert!(!book.claim(dial.place, Learned::Dht, now), "saying it again does not help");
    book.forget(now + params::FRESH_WAIT_MAX, 0);
    assert_eq!(book.counts(), (0, 0));
}

#[test]
fn a_connected_peer_is_not_dialled_whoever_dialled() {
    let now = Instant::now();
    let remembered = met_at("198.51.100.1:7341");
    let bob = remembered.peer.expect("known");
    let mut book = Book::new(false, vec![remembered], now);
    book.peer_up(bob, now);
    assert_eq!(book.next(now + 1000 * SECOND, 0, |_| true), None);
    book.peer_down(bob, now + 1000 * SECOND);
    assert!(book.next(now + 1000 * SECOND + params::MET_WAIT_MIN, 0, |_| true).is_some());
}

#[test]
fn the_longest_connected_become_anchors_and_come_back_first() {
    let now = Instant::now();
    let all: Vec<_> = (1..=4).map(|n| met_at(&format!("{n}.51.100.1:7341"))).collect();
    let mut book = Book::new(false, all, now);
    let dialled = run(&mut book, now, Duration::from_secs(4), |_| true);
    let remembered = book.to_remember();
    let anchors: Vec<_> = remembered.iter().filter(|met| met.anchor).map(|met| met.place).collect();
    assert_eq!(anchors.len(), params::ANCHORS);
    assert!(anchors.iter().all(|anchor| dialled[..params::ANCHORS].contains(anchor)), "{anchors:?} {dialled:?}");
    let mut restarted = Book::new(false, remembered, now);
    for _ in 0..params::ANCHORS {
        let first = restarted.next(now, 99, |_| true).expect("a dial");
        assert!(anchors.contains(&first.place));
    }
    assert_eq!(
        restarted.to_remember().iter().filter(|met| met.anchor).count(),
        params::ANCHORS,
        "also before they answer"
    );
}

#[test]
fn memory_is_bounded_by_network_and_in_all() {
    let now = Instant::now();
    let mut book = Book::default();
    for port in 2000..2100 {
        book.met(Met { learned: Learned::Hello, via: None, ..met_at(&format!("203.0.113.1:{port}")) }, false, now);
    }
    assert_eq!(book.counts().0, params::MET_PER_NETWORK_MAX, "whoever dials us often is not remembered often");
    book.met(Met { met_s: 1, ..met_at("198.51.100.1:7341") }, false, now);
    for number in 0..2 * params::MET_MAX {
        let met_s = 2000 + number as u64;
        let met = Met { place: numbered(number), learned: Learned::Hello, via: None, met_s, ..met_at("1.1.1.1:1") };
        book.met(met, false, now);
    }
    assert_eq!(book.counts().0, params::MET_MAX);
    let kept = book.to_remember();
    assert!(kept.iter().any(|met| met.place == place("198.51.100.1:7341")), "whom we dialled stays, however old");
}

#[test]
fn peers_not_met_for_a_month_are_forgotten() {
    let now = Instant::now();
    let mut book = Book::new(false, vec![met_at("198.51.100.1:7341")], now);
    book.forget(now, 1000 + params::MET_KEPT.as_secs() - 1);
    assert_eq!(book.counts(), (1, 0));
    book.forget(now, 1000 + params::MET_KEPT.as_secs());
    assert_eq!(book.counts(), (0, 0));
}

#[test]
fn claims_that_never_held_are_forgotten() {
    let now = Instant::now();
    let mut book = Book::default();
    (0..50).for_each(|number| assert!(book.claim(numbered(number), Learned::Dht, now)));
    let mut at = now;
    while book.counts().1 > 0 {
        assert!(at < now + Duration::from_secs(2 * 24 * 3600), "{:?}", book.counts());
        run(&mut book, at, Duration::from_secs(60), |_| false);
        at += Duration::from_secs(3600);
        book.forget(at, 0);
    }
}

#[test]
fn friends_have_two_places_that_nobody_else_can_fill_and_are_dialled_first() {
    let now = Instant::now();
    let mut remembered: Vec<_> = (1..=30_u8)
        .map(|number| Met { learned: Learned::Configured, ..met_at(&format!("{number}.{number}.1.1:7341")) })
        .collect();
    // From the network of another, and they came to us first: neither keeps a friend out.
    for (number, met) in (100_u8..).zip(&mut remembered[25..]) {
        (met.friend, met.learned) = (true, Learned::Hello);
        met.place = SocketAddr::from(([1, 1, number, 1], 7341));
    }
    let friends: Vec<_> = remembered[25..].iter().map(|met| (met.place, met.peer)).collect();
    let mut book = Book::new(false, remembered, now);
    let mut dialled = Vec::new();
    for second in 0..60 {
        let at = now + second * SECOND;
        let Some(dial) = book.next(at, u64::from(second), |_| true) else { continue };
        let peer = friends.iter().find(|(place, _)| *place == dial.place).and_then(|(_, peer)| *peer);
        dialled.push(dial.place);
        let peer = peer.unwrap_or_else(PeerId::random);
        book.reached(dial.place, dial.via, peer, at);
        if friends.iter().any(|(place, _)| *place == dial.place) {
            book.befriend(peer);
        }
    }
    assert!(friends.iter().all(|(place, _)| dialled[..5].contains(place)), "first of all: {dialled:?}");
    assert_eq!(dialled.len(), params::BOOK_OUTBOUND_MAX + params::FRIENDS_OUTBOUND);
    assert!(!book.is_over_quota());

    // Everybody else may come and go: without friends their places stay free.
    let strangers: Vec<_> = (1..=30_u8)
        .map(|number| Met { learned: Learned::Configured, ..met_at(&format!("{number}.{number}.1.1:7341")) })
        .collect();
    let mut book = Book::new(false, strangers, now);
    assert_eq!(run(&mut book, now, Duration::from_secs(60), |_| true).len(), params::BOOK_OUTBOUND_MAX);
    const { assert!(params::BOOK_OUTBOUND_MAX + params::FRIENDS_OUTBOUND + 1 < params::OUTBOUND_MAX as usize) };
}

#[test]
fn who_no_longer_proves_to_be_a_friend_is_none_in_the_memory() {
    let now = Instant::now();
    let friend = Met { friend: true, ..met_at("203.0.113.1:7341") };
    let peer = friend.peer.expect("an id");
    let mut book = Book::new(false, vec![friend.clone()], now);
    assert!(book.to_remember()[0].friend, "not seen in this run");
    book.reached(friend.place, Via::Tcp, peer, now);
    assert!(!book.to_remember()[0].friend, "seen, and it proved nothing");
    book.befriend(peer);
    assert!(book.to_remember()[0].friend);
    book.peer_down(peer, now);
    assert!(book.to_remember()[0].friend, "gone, and not forgotten");
    book.reached(friend.place, Via::Tcp, PeerId::random(), now);
    assert!(!book.to_remember()[0].friend, "somebody else is there now");
}

#[test]
fn feelers_try_what_there_is_no_place_for_and_take_none() {
    let now = Instant::now();
    let mut book = Book::default();
    for a in 1..60_u8 {
        book.claim(SocketAddr::from(([a, a, 1, 1], 7341)), Learned::Dht, now);
    }
    let dialled = run(&mut book, now, Duration::from_secs(60), |_| true);
    let at = now + Duration::from_secs(60);
    let feeler = book.feeler(at, 1, |_| true).expect("most were never tried");
    assert!(!dialled.contains(&feeler.place));
    assert_eq!(book.feeler(at, 1, |_| false), None, "the budget is asked");
    let peer = PeerId::random();
    book.reached(feeler.place, feeler.via, peer, at);
    assert!(!book.is_over_quota(), "it takes no place");
    book.met(Met { place: feeler.place, peer: Some(peer), ..met_at("1.1.1.1:1") }, true, at);
    book.peer_down(peer, at);
    assert_eq!(book.counts().0, 1, "it is remembered");
    assert!(!book.to_remember()[0].anchor);
    // A claim that failed once is not felt again: its own waits bring it back.
    let mut poor = Book::default();
    poor.claim(place("203.0.113.1:7341"), Learned::Dht, now);
    let mut dial = poor.feeler(now, 1, |_| true).expect("untried");
    while let Some(second) = poor.failed(dial, now) {
        dial = second;
    }
    assert_eq!(poor.feeler(now + params::FRESH_WAIT_MAX, 1, |_| true), None);
}
