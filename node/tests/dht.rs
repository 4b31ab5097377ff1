//! The DHT against a network of sixteen real nodes on 127.0.0.1.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use futures::StreamExt;
use heirloom::dht::testnet::Testnet;
use heirloom::dht::{AnnounceError, Config, Dht, GetError, Item, Mode, PutError, StartError, VALUE_BYTES_MAX};
use mainline::{MutableItem, SigningKey};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine; a test that reaches it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const SALT: &[u8] = b"heirloom";

/// One network for all tests of this process.
async fn network() -> &'static Testnet {
    static NETWORK: OnceCell<Testnet> = OnceCell::const_new();
    NETWORK.get_or_init(async || Testnet::start(16).await.expect("sixteen nodes on 127.0.0.1")).await
}

fn any_port() -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)
}

async fn client_of(bootstrap: Vec<String>) -> Dht {
    let config = Config { bind: any_port(), bootstrap: Some(bootstrap), server_mode: false };
    Dht::start(config).await.expect("a free port")
}

async fn client() -> Dht {
    client_of(network().await.bootstrap()).await
}

/// An item signed by the key of that number.
fn item(signer: u8, seq: i64, value: &[u8]) -> Item {
    let signed = MutableItem::new(SigningKey::from_bytes(&[signer; 32]), value, seq, Some(SALT));
    Item { key: *signed.key(), salt: SALT.to_vec(), seq, value: value.to_vec(), signature: *signed.signature() }
}

async fn newest(dht: &Dht, key: [u8; 32]) -> Option<Item> {
    let asking = dht.get_most_recent(key, SALT.to_vec());
    timeout(PATIENCE, asking).await.expect("the query ends").expect("the network is there")
}

#[tokio::test]
async fn an_item_is_stored_on_many_nodes_and_read_by_another() {
    let (alice, bob) = (client().await, client().await);
    let put = alice.put(item(1, 7, b"alice's head"), None).await.expect("stored");
    assert!(put.stored_on >= 10, "stored on {} of 16", put.stored_on);

    let first = bob.get(item(1, 7, b"").key, SALT.to_vec()).next().await.expect("an answer");
    assert_eq!(first, item(1, 7, b"alice's head"));
    assert_eq!(newest(&bob, first.key).await, Some(first));
}

#[tokio::test]
async fn an_unsalted_item_and_the_longest_value_are_stored() {
    let alice = client().await;
    let value = vec![7; VALUE_BYTES_MAX];
    let signed = MutableItem::new(SigningKey::from_bytes(&[2; 32]), &value, 1, None);
    let unsalted = Item { key: *signed.key(), salt: Vec::new(), seq: 1, value, signature: *signed.signature() };
    alice.put(unsalted.clone(), None).await.expect("stored");
    assert_eq!(alice.get_most_recent(unsalted.key, Vec::new()).await, Ok(Some(unsalted.clone())));

    let too_long = Item { value: vec![7; VALUE_BYTES_MAX + 1], ..unsalted };
    assert_eq!(
        alice.put(too_long, None).await,
        Err(PutError::TooLarge { value: VALUE_BYTES_MAX + 1, salt: 0 }),
        "refused before anybody is asked"
    );
}

#[tokio::test]
async fn a_newer_item_replaces_an_older_one_and_never_the_other_way_round() {
    let (alice, bob) = (client().await, client().await);
    alice.put(item(3, 10, b"old"), None).await.expect("stored");
    alice.put(item(3, 11, b"new"), None).await.expect("stored");
    assert_eq!(newest(&bob, item(3, 0, b"").key).await, Some(item(3, 11, b"new")));

    assert_eq!(bob.put(item(3, 10, b"old"), None).await, Err(PutError::NotMostRecent));
    assert_eq!(newest(&bob, item(3, 0, b"").key).await, Some(item(3, 11, b"new")));
}

#[tokio::test]
async fn anybody_may_put_again_what_somebody_signed() {
    let (alice, bob) = (client().await, client().await);
    alice.put(item(4, 5, b"head"), None).await.expect("stored");
    let seen = newest(&bob, item(4, 0, b"").key).await.expect("an item");
    bob.put(seen, None).await.expect("the same item is taken again");
}

#[tokio::test]
async fn cas_replaces_only_the_item_that_was_meant() {
    let (alice, bob) = (client().await, client().await);
    alice.put(item(5, 1, b"one"), None).await.expect("stored");
    assert_eq!(bob.put(item(5, 3, b"three"), Some(2)).await, Err(PutError::CasFailed));
    bob.put(item(5, 3, b"three"), Some(1)).await.expect("over the item with sequence number 1");
    assert_eq!(newest(&alice, item(5, 0, b"").key).await, Some(item(5, 3, b"three")));
}

/// How many nodes gave the item with the highest number.
async fn copies(dht: &Dht, key: [u8; 32]) -> usize {
    let answers: Vec<_> = timeout(PATIENCE, dht.ask(key, SALT.to_vec()).collect()).await.expect("the query ends");
    let items: Vec<Item> = answers.into_iter().map(|answer| answer.expect("the network is there")).collect();
    let newest = items.iter().map(|item| item.seq).max();
    items.iter().filter(|item| Some(item.seq) == newest).count()
}

#[tokio::test]
async fn whoever_reads_to_the_end_has_counted_the_copies() {
    let (alice, bob) = (client().await, client().await);
    assert_eq!(copies(&bob, item(7, 0, b"").key).await, 0);
    let put = alice.put(item(7, 1, b"head"), None).await.expect("stored");
    let counted = copies(&bob, item(7, 0, b"").key).await;
    // A few nodes may answer late or not at all, and none twice.
    assert!(counted > 8 && counted <= put.stored_on, "{counted} copies of {}", put.stored_on);
}

#[tokio::test]
async fn a_question_that_cannot_be_asked_is_no_count() {
    let alone = client_of(vec!["nobody.invalid:6881".to_owned()]).await;
    let answers: Vec<_> = timeout(PATIENCE, alone.ask([9; 32], SALT.to_vec()).collect()).await.expect("it gives up");
    assert_eq!(answers, [Err(GetError::NoNodes)]);
}

#[tokio::test]
async fn a_forged_item_is_stored_nowhere() {
    let mallory = client().await;
    let forged = Item { value: b"forged".to_vec(), ..item(6, 1, b"true") };
    assert_eq!(mallory.put(forged.clone(), None).await, Err(PutError::Timeout));
    assert_eq!(newest(&mallory, forged.key).await, None);
}

#[tokio::test]
async fn an_item_that_nobody_has_ends_the_stream_without_one() {
    let bob = client().await;
    let answers: Vec<_> = timeout(PATIENCE, bob.get([9; 32], SALT.to_vec()).collect()).await.expect("the query ends");
    assert_eq!(answers, []);
    assert_eq!(newest(&bob, [9; 32]).await, None);
}

#[tokio::test]
async fn an_announced_peer_is_found() {
    let (alice, bob) = (client().await, client().await);
    alice.announce([1; 20], 4711).await.expect("announced");
    let found: Vec<_> = timeout(PATIENCE, bob.peers([1; 20]).collect()).await.expect("the query ends");
    let found: BTreeSet<_> = found.into_iter().flatten().collect();
    assert_eq!(found, BTreeSet::from([SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4711)]));

    let nobody: Vec<_> = timeout(PATIENCE, bob.peers([2; 20]).collect()).await.expect("the query ends");
    assert!(nobody.iter().all(Vec::is_empty), "{nobody:?}");
}

#[tokio::test]
async fn asking_for_peers_while_announcing_finds_them_too() {
    // The crate would join the two queries, and the question would hear of no peer.
    let (alice, bob) = (client().await, client().await);
    alice.announce([3; 20], 4711).await.expect("announced");
    let announcing = bob.announce([3; 20], 4712);
    let asking = async {
        tokio::task::yield_now().await;
        bob.peers([3; 20]).collect::<Vec<_>>().await
    };
    let (announced, found) = timeout(PATIENCE, async { tokio::join!(announcing, asking) }).await.expect("both end");
    announced.expect("announced");
    let found: BTreeSet<_> = found.into_iter().flatten().map(|peer| peer.port()).collect();
    assert!(found.contains(&4711), "{found:?}");
}

#[tokio::test]
async fn many_queries_at_once_all_end_with_their_answer() {
    let (alice, bob) = (client().await, client().await);
    // More than may run at once: begun together they would overflow the socket's buffer and lose answers.
    let keys = 100..130;
    for signer in keys.clone() {
        alice.put(item(signer, 1, &[signer]), None).await.expect("stored");
    }
    let asking = keys.map(|signer| {
        let bob = bob.clone();
        async move { (newest(&bob, item(signer, 1, b"").key).await, item(signer, 1, &[signer])) }
    });
    for (found, expected) in futures::future::join_all(asking).await {
        assert_eq!(found, Some(expected));
    }
    assert_eq!(bob.info().await.refused, 0);
}

#[tokio::test]
async fn a_node_that_starts_before_its_bootstrap_nodes_joins_later() {
    let held: Vec<_> = (0..6).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a free port")).collect();
    let addresses: Vec<SocketAddrV4> = held
        .iter()
        .map(|socket| socket.local_addr().expect("bound").to_string().parse().expect("an IPv4 address"))
        .collect();
    let early = client_of(vec![addresses[0].to_string()]).await;
    assert!(!early.joined(Duration::from_secs(3)).await, "nobody is there yet");
    assert!(!early.info().await.bootstrapped);

    // The question is asked before there is anybody, and waits.
    let waiting = tokio::spawn({
        let early = early.clone();
        async move { early.put(item(20, 1, b"early"), None).await }
    });
    drop(held);
    let late = Testnet::start_at(addresses).await.expect("the same ports");
    assert!(early.joined(PATIENCE).await);
    let put = waiting.await.expect("no panic").expect("stored");
    assert!(put.stored_on >= 1);
    assert!(early.info().await.nodes >= 1);
    late.stop().await;
}

#[tokio::test]
async fn names_are_resolved_and_do_not_hold_up_the_start() {
    let port = network().await.addresses()[0].port();
    let named = client_of(vec!["nobody.invalid:6881".to_owned(), format!("localhost:{port}")]).await;
    assert_ne!(named.local_addr().port(), 0, "the port is known at once");
    assert!(named.joined(PATIENCE).await);
    named.put(item(21, 1, b"by name"), None).await.expect("stored");
}

#[tokio::test]
async fn a_node_without_a_network_says_so() {
    let lonely = client_of(vec!["nobody.invalid:6881".to_owned()]).await;
    assert_eq!(lonely.info().await.nodes, 0);
    let (put, got, announced) = tokio::join!(
        lonely.put(item(22, 1, b"lost"), None),
        lonely.get_most_recent([9; 32], Vec::new()),
        lonely.announce([9; 20], 4711),
    );
    assert_eq!(put, Err(PutError::NoNodes));
    assert_eq!(got, Err(GetError::NoNodes));
    assert_eq!(announced, Err(AnnounceError::NoNodes));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let holder = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address: SocketAddrV4 = holder.local_addr().expect("bound").to_string().parse().expect("an IPv4 address");
    for bootstrap in [vec![], vec!["nobody.invalid:6881".to_owned()]] {
        let config = Config { bind: address, bootstrap: Some(bootstrap), server_mode: false };
        let Err(error) = Dht::start(config).await else { panic!("two nodes at one address") };
        assert!(error.to_string().contains(&address.to_string()), "{error}");
        assert!(matches!(error, StartError::Bind { address: named, .. } if named == address));
    }
}

#[tokio::test]
async fn stopping_frees_the_port_and_ends_what_runs() {
    let dht = client().await;
    let address = dht.local_addr();
    assert!(dht.joined(PATIENCE).await);
    let unread = dht.get([9; 32], Vec::new());
    let clone = dht.clone();
    let asking = tokio::spawn(async move { clone.get_most_recent([9; 32], SALT.to_vec()).await });
    tokio::task::yield_now().await;

    let began = Instant::now();
    timeout(PATIENCE, dht.stop()).await.expect("stops");
    UdpSocket::bind(address).expect("the port is free again");
    assert!(began.elapsed() < PATIENCE);
    assert!(asking.await.expect("no panic").is_err_and(|error| error == GetError::Stopped));
    drop(unread);
}

#[tokio::test]
async fn dropping_the_last_handle_frees_the_port() {
    let dht = client().await;
    let address = dht.local_addr();
    drop(dht);
    let freed = async {
        while UdpSocket::bind(address).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, freed).await.expect("the port is free again");
}

#[tokio::test]
async fn a_client_is_a_client_and_a_server_serves() {
    assert_eq!(client().await.info().await.mode, Mode::Client);

    let config = Config { bind: any_port(), bootstrap: Some(Vec::new()), server_mode: true };
    let server = Dht::start(config).await.expect("a free port");
    assert_eq!(server.info().await.mode, Mode::Server);
    let alice = client_of(vec![server.local_addr().to_string()]).await;
    let put = alice.put(item(23, 1, b"with one server"), None).await.expect("stored");
    assert_eq!(put.stored_on, 1);
    assert_eq!(newest(&alice, item(23, 0, b"").key).await, Some(item(23, 1, b"with one server")));
}

#[tokio::test]
async fn a_dropped_network_is_gone() {
    let small = Testnet::start(3).await.expect("three nodes");
    let addresses = small.addresses().to_vec();
    small.stop().await;
    for address in addresses {
        UdpSocket::bind(address).expect("the port is free again");
    }
}
