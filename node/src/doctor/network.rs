//! Trials in the DHT: an item of nobody's goes out and must come back, and the own head must be there.

use super::{Check, span};
use crate::dht::{Dht, Item};
use crate::home::random;
use futures::StreamExt as _;
use heirloom_proto::Key;
use heirloom_proto::dht::{HEAD_SALT, Item as Signed, read_head};
use std::time::{Duration, Instant};

/// Longest wait for the DHT to be joined: a node that runs has joined long ago.
const JOIN_MAX: Duration = Duration::from_secs(5);
/// Longest trial, beyond what a query may take, see [`crate::dht::QUERY_DEADLINE`]: lines are waited in too.
const TRIAL_MAX: Duration = Duration::from_secs(45);
/// How long ago the last put of the head may be: it is put again within 110 minutes, and nodes forget after two hours.
const PUT_AGE_MAX: Duration = Duration::from_secs(2 * 3600);

/// How the trial with an item of nobody's ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Round {
    /// Taken by so many nodes, and read again.
    Back(usize),
    /// Taken by so many nodes, but nobody gave it back.
    Lost(usize),
    /// Not taken; why.
    NotTaken(String),
}

/// What of the own head was found.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// The newest, and when it was said, in milliseconds since 1970.
    Head { seq: i64, said_ms: u64 },
    /// Nobody has one.
    Nothing,
    /// Something that does not verify.
    Broken(String),
    /// Nobody could be asked; why.
    NotAsked(String),
}

/// Tries both at once, and says what came of it. `put_age` is the time since the own head was last put.
pub(crate) async fn of_dht(dht: Option<&Dht>, key: &Key, put_age: Option<Duration>, now_ms: u64) -> Vec<Check> {
    let Some(dht) = dht else {
        let off = |name| Check::unknown(name, "the DHT is turned off");
        return vec![off("dht_round_trip"), off("own_head"), judge_republish(put_age)];
    };
    let _ = dht.joined(JOIN_MAX).await;
    let late = || "no answer in time".to_owned();
    let (round, found) = tokio::join!(
        tokio::time::timeout(TRIAL_MAX, round_trip(dht)),
        tokio::time::timeout(TRIAL_MAX, own_head(dht, key))
    );
    vec![
        judge_round(&round.unwrap_or_else(|_| Round::NotTaken(late()))),
        judge_head(&found.unwrap_or_else(|_| Found::NotAsked(late())), put_age.is_some(), now_ms),
        judge_republish(put_age),
    ]
}

/// Puts an item under a key made for it alone, so that nobody learns whose it is, and reads it again from the nodes.
async fn round_trip(dht: &Dht) -> Round {
    let made = random::<32>().and_then(|secret| Ok(Item::signed(&secret, 1, &random::<16>()?)));
    let item = match made {
        Ok(item) => item,
        Err(error) => return Round::NotTaken(error.to_string()),
    };
    let (key, salt) = (item.key, item.salt.clone());
    let stored_on = match dht.put(item.clone(), None).await {
        Ok(put) => put.stored_on,
        Err(error) => return Round::NotTaken(error.to_string()),
    };
    let mut answers = dht.get(key, salt);
    while let Some(answer) = answers.next().await {
        if answer == item {
            return Round::Back(stored_on);
        }
    }
    Round::Lost(stored_on)
}

async fn own_head(dht: &Dht, key: &Key) -> Found {
    match dht.get_most_recent(*key.as_bytes(), HEAD_SALT.to_vec()).await {
        Ok(Some(Item { key, salt, seq, value, signature })) => {
            let verified = Signed { key, salt, seq, value, signature }.verify().and_then(|item| read_head(&item));
            match verified {
                Ok(head) => Found::Head { seq, said_ms: head.header().created.0 },
                Err(error) => Found::Broken(error.to_string()),
            }
        }
        Ok(None) => Found::Nothing,
        Err(error) => Found::NotAsked(error.to_string()),
    }
}

fn judge_round(round: &Round) -> Check {
    let fix = "allow UDP out and its answers in, or name a node with --dht-bootstrap";
    let (is_well, detail) = match round {
        Round::Back(nodes) => (true, format!("an item went to {nodes} nodes and came back")),
        Round::Lost(nodes) => (false, format!("{nodes} nodes took an item, and none gave it back")),
        Round::NotTaken(why) => (false, format!("no node took an item: {why}")),
    };
    Check::new("dht_round_trip", is_well, detail, fix)
}

fn judge_head(found: &Found, was_put: bool, now_ms: u64) -> Check {
    let fix = "leave the node running for some minutes: it puts its head again; if it stays so, see dht_round_trip";
    let (is_well, detail) = match found {
        Found::Head { seq, said_ms } => {
            let age = span(now_ms.saturating_sub(*said_ms) / 1000);
            (true, format!("number {seq}, said {age} ago, is in the DHT and verifies"))
        }
        Found::Nothing if !was_put => return Check::unknown("own_head", "nothing of yours was put since the start"),
        Found::Nothing => (false, "it was put, and no node has it".into()),
        Found::Broken(why) => (false, format!("what the DHT has under your key does not verify: {why}")),
        Found::NotAsked(why) => (false, format!("no node could be asked: {why}")),
    };
    Check::new("own_head", is_well, detail, fix)
}

fn judge_republish(put_age: Option<Duration>) -> Check {
    let fix = "see dht_round_trip: the DHT forgets what is not put again within two hours";
    match put_age {
        None => Check::unknown("last_republish", "nothing of yours was put since the start"),
        Some(age) => {
            let detail = format!("your head was put {} ago", span(age.as_secs()));
            Check::new("last_republish", age <= PUT_AGE_MAX, detail, fix)
        }
    }
}

/// A trial that was made moments ago answers whoever asks again: each costs the DHT some hundred requests.
#[derive(Debug, Default)]
pub(crate) struct Trials(tokio::sync::Mutex<Option<(Instant, Vec<Check>)>>);

/// How long a trial answers for those after it: shorter than it takes to mend something.
const TRIAL_LASTS: Duration = Duration::from_secs(10);

impl Trials {
    /// The last answer if it is fresh, else a new one; one trial at a time.
    pub(crate) async fn answer(&self, trial: impl Future<Output = Vec<Check>>) -> Vec<Check> {
        let mut last = self.0.lock().await;
        if let Some((at, checks)) = &*last
            && at.elapsed() < TRIAL_LASTS
        {
            return checks.clone();
        }
        let checks = trial.await;
        *last = Some((Instant::now(), checks.clone()));
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dht::Config;
    use crate::dht::testnet::Testnet;
    use crate::doctor::Verdict;
    use heirloom_proto::SecretKey;
    use std::net::{Ipv4Addr, SocketAddrV4};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_item_comes_back_from_real_nodes_and_from_none_when_they_are_gone() {
        let testnet = Testnet::start(8).await.expect("a network");
        let bind = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let config = |bootstrap| Config { bind, bootstrap: Some(bootstrap), server_mode: false };
        let dht = Dht::start(config(testnet.bootstrap())).await.expect("a node");
        assert!(dht.joined(Duration::from_secs(60)).await, "the network is there");
        let key = SecretKey::from_seed(&[7; 32]).public();
        let checks = of_dht(Some(&dht), &key, None, 0).await;
        assert_eq!((checks[0].name, checks[0].verdict), ("dht_round_trip", Verdict::Well), "{checks:?}");
        assert_eq!((checks[1].name, checks[1].verdict), ("own_head", Verdict::Unknown), "{checks:?}");
        let lonely = Dht::start(config(Vec::new())).await.expect("a node");
        let checks = of_dht(Some(&lonely), &key, None, 0).await;
        assert_eq!(checks[0].verdict, Verdict::Amiss, "{checks:?}");
        lonely.stop().await;
        dht.stop().await;
        testnet.stop().await;
    }

    #[test]
    fn a_head_that_was_put_must_be_found_and_verify() {
        let head = Found::Head { seq: 9, said_ms: 1_000 };
        let well = judge_head(&head, true, 61_000);
        assert_eq!(well.verdict, Verdict::Well);
        assert_eq!(well.detail, "number 9, said 60 s ago, is in the DHT and verifies");
        assert_eq!(judge_head(&Found::Nothing, false, 0).verdict, Verdict::Unknown);
        for amiss in [Found::Nothing, Found::Broken("bad".into()), Found::NotAsked("nobody".into())] {
            assert_eq!(judge_head(&amiss, true, 0).verdict, Verdict::Amiss, "{amiss:?}");
        }
    }

    #[test]
    fn an_item_that_nobody_gives_back_is_no_round_trip() {
        assert_eq!(judge_round(&Round::Back(3)).verdict, Verdict::Well);
        assert_eq!(judge_round(&Round::Lost(3)).verdict, Verdict::Amiss);
        assert_eq!(judge_round(&Round::NotTaken("no".into())).verdict, Verdict::Amiss);
    }

    #[test]
    fn a_put_is_old_after_two_hours() {
        assert_eq!(judge_republish(None).verdict, Verdict::Unknown);
        assert_eq!(judge_republish(Some(Duration::from_secs(7_200))).verdict, Verdict::Well);
        assert_eq!(judge_republish(Some(Duration::from_secs(7_201))).verdict, Verdict::Amiss);
    }

    #[tokio::test]
    async fn who_asks_again_at_once_is_told_the_same() {
        let trials = Trials::default();
        let first = trials.answer(async { vec![Check::unknown("a", "first")] }).await;
        let again = trials.answer(async { vec![Check::unknown("a", "second")] }).await;
        assert_eq!(first, again);
    }
}
