use super::*;
use crate::observed::{Source, Swarm};
use heirloom_proto::{Infohash, SecretKey};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

fn me() -> Key {
    SecretKey::from_seed(&[9; 32]).public()
}

fn alice() -> Key {
    SecretKey::from_seed(&[1; 32]).public()
}

fn at(seconds: u64) -> Timestamp {
    Timestamp(1_000_000 + seconds * 1000)
}

fn peer(last: u8, figure: Figure) -> Source {
    let address = SocketAddr::from(([10, 0, 0, last], 6881));
    Source { address, client_name: None, is_web_seed: false, figure }
}

fn named(last: u8, key: &Key, figure: Figure) -> Source {
    Source { client_name: Some(format!("heirloom/0.1.0 {}", key.to_multibase())), ..peer(last, figure) }
}

fn swarm(verified: u64, downloaded: u64, sources: Vec<Source>) -> Swarm {
    Swarm { infohash: Infohash([1; 20]), size: 100 * MIB, verified, downloaded, wasted: 0, sources }
}

/// What each address was booked, over all keys.
fn by_address(booked: &[(Claimant, u64)]) -> BTreeMap<String, u64> {
    booked.iter().map(|((address, _), bytes)| (address.to_string(), *bytes)).collect()
}

fn sum(booked: &[(Claimant, u64)]) -> u64 {
    booked.iter().map(|(_, bytes)| bytes).sum()
}

use Figure::{Connection, Rate};

#[test]
fn totals_of_connections_are_booked_once() {
    let mut tally = Tally::default();
    let first =
        swarm(30 * MIB, 30 * MIB, vec![peer(1, Connection(20 * MIB)), named(2, &alice(), Connection(10 * MIB))]);
    let booked = tally.look(at(0), &first, &me());
    let wanted =
        [((IpAddr::from([10, 0, 0, 1]), None), 20 * MIB), ((IpAddr::from([10, 0, 0, 2]), Some(alice())), 10 * MIB)];
    assert_eq!(booked, wanted);
    assert_eq!(tally.look(at(1), &first, &me()), [], "the same figures again");
    let more = swarm(35 * MIB, 35 * MIB, vec![peer(1, Connection(25 * MIB)), named(2, &alice(), Connection(10 * MIB))]);
    assert_eq!(by_address(&tally.look(at(2), &more, &me())), [("10.0.0.1".to_owned(), 5 * MIB)].into());
}

#[test]
fn a_lower_total_is_another_connection() {
    let mut tally = Tally::default();
    tally.look(at(0), &swarm(20 * MIB, 20 * MIB, vec![peer(1, Connection(20 * MIB))]), &me());
    let again = tally.look(at(5), &swarm(23 * MIB, 23 * MIB, vec![peer(1, Connection(3 * MIB))]), &me());
    assert_eq!(sum(&again), 3 * MIB, "it came again with less");
    tally.look(at(6), &swarm(23 * MIB, 23 * MIB, vec![]), &me());
    let after = tally.look(at(9), &swarm(27 * MIB, 27 * MIB, vec![peer(1, Connection(4 * MIB))]), &me());
    assert_eq!(sum(&after), 4 * MIB, "it was away for a look, and came again with more");
}

#[test]
fn what_failed_its_check_is_booked_to_nobody() {
    let mut tally = Tally::default();
    let sources = vec![peer(1, Connection(40 * MIB)), peer(2, Connection(40 * MIB))];
    let looked = Swarm { wasted: 40 * MIB, ..swarm(60 * MIB, 80 * MIB, sources) };
    assert_eq!(by_address(&tally.look(at(0), &looked, &me())).values().collect::<Vec<_>>(), [&(20 * MIB), &(20 * MIB)]);
}

#[test]
fn what_lay_on_the_disk_or_came_from_others_before_is_booked_to_nobody() {
    let mut tally = Tally::default();
    let from_disk = swarm(90 * MIB, 10 * MIB, vec![peer(1, Connection(5 * MIB))]);
    assert_eq!(sum(&tally.look(at(0), &from_disk, &me())), 5 * MIB);
    let mut tally = Tally::default();
    let half_verified = swarm(10 * MIB, 20 * MIB, vec![peer(1, Connection(10 * MIB))]);
    assert_eq!(sum(&tally.look(at(0), &half_verified, &me())), 5 * MIB, "others sent the other half");
}

#[test]
fn web_seeds_this_node_and_impossible_addresses_are_booked_nothing_and_claim_their_part() {
    let mut tally = Tally::default();
    let web = Source { is_web_seed: true, ..named(1, &alice(), Connection(10 * MIB)) };
    let own = named(2, &me(), Connection(10 * MIB));
    let nowhere = Source { address: SocketAddr::from(([0, 0, 0, 0], 1)), ..peer(3, Connection(10 * MIB)) };
    let sources = vec![web, own, nowhere, peer(4, Connection(10 * MIB))];
    let booked = tally.look(at(0), &swarm(20 * MIB, 40 * MIB, sources), &me());
    assert_eq!(by_address(&booked), [("10.0.0.4".to_owned(), 5 * MIB)].into());
}

#[test]
fn bytes_on_their_way_are_booked_when_their_piece_is_checked() {
    let mut tally = Tally::default();
    let sources = |total| vec![peer(1, Connection(total))];
    assert_eq!(sum(&tally.look(at(0), &swarm(0, 3 * MIB, sources(3 * MIB)), &me())), 0);
    assert_eq!(sum(&tally.look(at(1), &swarm(4 * MIB, 5 * MIB, sources(5 * MIB)), &me())), 4 * MIB);
    assert_eq!(sum(&tally.look(at(2), &swarm(5 * MIB, 5 * MIB, vec![]), &me())), MIB, "also when its sender has gone");
}

#[test]
fn rates_split_what_came_and_say_nothing_over_a_long_time() {
    let mut tally = Tally::default();
    let rates = |a, b| vec![peer(1, Rate(a)), peer(2, Rate(b))];
    assert_eq!(
        sum(&tally.look(at(0), &swarm(50 * MIB, 50 * MIB, rates(1, 1)), &me())),
        0,
        "the first look only begins"
    );
    let booked = tally.look(at(10), &swarm(58 * MIB, 58 * MIB, rates(30, 10)), &me());
    assert_eq!(by_address(&booked), [("10.0.0.1".to_owned(), 6 * MIB), ("10.0.0.2".to_owned(), 2 * MIB)].into());
    assert_eq!(sum(&tally.look(at(10), &swarm(58 * MIB, 58 * MIB, rates(30, 10)), &me())), 0);
    let late = at(10 + RATES_HOLD.as_secs() + 1);
    assert_eq!(sum(&tally.look(late, &swarm(70 * MIB, 70 * MIB, rates(1, 1)), &me())), 0, "others may have sent that");
    let later = at(20 + RATES_HOLD.as_secs() + 1);
    let web = Source { is_web_seed: true, ..peer(3, Rate(30)) };
    let beside_web = vec![peer(1, Rate(10)), web];
    assert_eq!(sum(&tally.look(later, &swarm(74 * MIB, 74 * MIB, beside_web), &me())), MIB);
}

#[test]
fn a_torrent_that_was_added_anew_is_not_booked_again() {
    let mut tally = Tally::default();
    let whole = |total| swarm(100 * MIB, 100 * MIB, vec![peer(1, Connection(total))]);
    assert_eq!(sum(&tally.look(at(0), &whole(100 * MIB), &me())), 100 * MIB);
    for (second, done) in [(1, 0), (2, 10), (3, 60), (4, 100)] {
        let again = swarm(done * MIB, done * MIB, vec![peer(1, Connection(done * MIB))]);
        assert_eq!(sum(&tally.look(at(second), &again, &me())), 0, "{done} MiB");
    }
}

#[test]
fn a_tally_survives_its_record() {
    let mut tally = Tally::default();
    let six = Source { address: "[2001:db8::1]:51413".parse().expect("an address"), ..peer(1, Connection(7)) };
    tally.look(at(3), &swarm(5, 70, vec![six, named(2, &alice(), Connection(60))]), &me());
    assert!(!tally.claims.is_empty() && !tally.connections.is_empty());
    assert_eq!(Tally::from_bytes(&tally.to_bytes()), Some(tally));
    assert_eq!(Tally::from_bytes(&[1, 2, 3]), None);
}

#[test]
fn claims_stay_within_their_limits() {
    let mut tally = Tally::default();
    for round in 0..3_u8 {
        let count = u16::try_from(CLAIMS_MAX).expect("two bytes hold it");
        let sources = (0..count).map(|number| {
            let [high, low] = number.to_be_bytes();
            let address = SocketAddr::from(([10, round, high, low], 1));
            Source { address, ..peer(1, Connection(u64::MAX / 2)) }
        });
        tally.look(at(u64::from(round)), &swarm(0, u64::MAX, sources.collect()), &me());
        assert!(tally.claims.len() <= CLAIMS_MAX);
        assert!(tally.claimed() <= u128::from(CLAIMED_BYTES_MAX));
    }
}

fn figure() -> impl Strategy<Value = u64> {
    prop_oneof![0..1000_u64, 0..200 * MIB, Just(u64::MAX), any::<u64>()]
}

fn any_source() -> impl Strategy<Value = Source> {
    (0..6_u8, figure(), any::<bool>(), 0..8_u8, 0..3_u8).prop_map(|(last, bytes, is_rate, web, name)| {
        let figure = if is_rate { Rate(bytes) } else { Connection(bytes) };
        let source = match name {
            0 => peer(last, figure),
            1 => named(last, &alice(), figure),
            _ => named(last, &me(), figure),
        };
        Source { is_web_seed: web == 0, ..source }
    })
}

fn any_swarm() -> impl Strategy<Value = Swarm> {
    (figure(), figure(), figure(), figure(), prop::collection::vec(any_source(), 0..8)).prop_map(
        |(size, verified, downloaded, wasted, sources)| Swarm {
            infohash: Infohash([1; 20]),
            size,
            verified,
            downloaded,
            wasted,
            sources,
        },
    )
}

proptest! {
    /// Whatever a client says, in whatever order, and over restarts of this node.
    #[test]
    fn no_looks_book_more_than_was_verified_nor_to_this_node(
        looks in prop::collection::vec((0..100_u64, any_swarm()), 1..20)
    ) {
        let mut tally = Tally::default();
        let (mut second, mut booked, mut verified_max) = (0, 0_u128, 0);
        for (step, swarm) in looks {
            second += step;
            tally = Tally::from_bytes(&tally.to_bytes()).expect("its own record");
            for ((_, key), bytes) in tally.look(at(second), &swarm, &me()) {
                booked += u128::from(bytes);
                prop_assert!(key != Some(me()) && bytes > 0);
            }
            verified_max = verified_max.max(swarm.verified.min(swarm.size));
            prop_assert!(booked <= u128::from(verified_max), "{booked} of {verified_max}");
        }
    }

    /// A client that counts rightly: the same look twice books nothing more, and no peer gets more than it sent.
    #[test]
    fn an_honest_download_books_to_no_peer_more_than_it_sent(
        steps in prop::collection::vec((0..4_usize, 1..8 * MIB, any::<bool>()), 1..30)
    ) {
        let mut tally = Tally::default();
        let (mut sent, mut connection, mut booked) = ([0_u64; 4], [0_u64; 4], BTreeMap::<IpAddr, u64>::new());
        for (second, (who, bytes, reconnects)) in (0..).zip(steps) {
            if reconnects {
                connection[who] = 0;
            }
            sent[who] += bytes;
            connection[who] += bytes;
            let all: u64 = sent.iter().sum();
            let sources = (0_u8..).zip(connection).map(|(last, total)| peer(last, Connection(total))).collect();
            // Four bytes in five are of pieces that were checked.
            let looked = Swarm { size: u64::MAX, ..swarm(all / 5 * 4, all, sources) };
            let first = tally.look(at(second), &looked, &me());
            prop_assert!(tally.look(at(second), &looked, &me()).is_empty());
            for ((address, _), bytes) in first {
                *booked.entry(address).or_default() += bytes;
            }
        }
        for (last, sent) in (0_u8..).zip(sent) {
            prop_assert!(booked.get(&IpAddr::from([10, 0, 0, last])).is_none_or(|bytes| *bytes <= sent));
        }
    }
}
