use super::*;
use serde_json::json;

const HASH: Infohash = Infohash([0xab; 20]);

fn sums() -> Value {
    json!({
        "total_size": 2_500_000, "piece_size": 1_048_576, "pieces_num": 3, "pieces_have": 2,
        "total_downloaded": 2_300_000, "total_wasted": 16_384, "save_path": "/films", "share_ratio": 0.1,
    })
}

fn peers() -> Value {
    json!({
        "rid": 1, "full_update": true, "show_flags": true,
        "peers": {
            "127.0.2.1:42000": {
                "client": "heirloom/0.1.0 z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH", "connection": "BT", "downloaded": 2_200_000,
                "ip": "127.0.2.1", "port": 42000, "peer_id_client": "-rQ9100-", "progress": 1, "uploaded": 0, "dl_speed": 5000,
            },
            "[2001:db8::5]:6881": { "client": "qBittorrent/4.5.2", "connection": "μTP", "downloaded": 100, "ip": "2001:db8::5", "port": 6881 },
            "203.0.113.9:80": { "client": "nginx", "connection": "Web", "downloaded": 40_000, "ip": "203.0.113.9", "port": 80 },
            "abcdef.b32.i2p": { "client": "x", "i2p_dest": "abcdef", "downloaded": 7, "connection": "BT" },
            "10.0.0.1:1": "rubbish",
            "10.0.0.2:1": { "downloaded": -5, "ip": "10.0.0.2", "port": 1, "client": "" },
            "10.0.0.3:1": { "downloaded": "many", "ip": "10.0.0.3", "port": 1 },
            "10.0.0.4:9": { "downloaded": 9, "ip": "10.0.0.4", "port": 99_999 },
        },
    })
}

#[test]
fn a_recorded_answer_is_read_and_rubbish_in_it_is_left_out() {
    let swarm = swarm_of(HASH, &sums(), &peers()).expect("figures");
    assert_eq!((swarm.size, swarm.downloaded, swarm.wasted), (2_500_000, 2_300_000, 16_384));
    // Three pieces are 645,728 bytes longer than the torrent: as if the short one were here.
    assert_eq!(swarm.verified, 2 * 1_048_576 - (3 * 1_048_576 - 2_500_000));
    let mut seen: Vec<_> = swarm
        .sources
        .iter()
        .map(|source| (source.address.to_string(), source.figure, source.is_web_seed, source.client_name.is_some()))
        .collect();
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        seen,
        [
            ("10.0.0.2:1".to_owned(), Figure::Connection(0), false, false),
            ("10.0.0.4:9".to_owned(), Figure::Connection(9), false, false),
            ("127.0.2.1:42000".to_owned(), Figure::Connection(2_200_000), false, true),
            ("203.0.113.9:80".to_owned(), Figure::Connection(40_000), true, true),
            ("[2001:db8::5]:6881".to_owned(), Figure::Connection(100), false, true),
        ]
    );
}

#[test]
fn without_metadata_nothing_is_verified_and_with_all_pieces_all_is() {
    let mut early = sums();
    early["pieces_num"] = json!(-1);
    early["pieces_have"] = json!(-1);
    early["total_size"] = json!(-1);
    early["piece_size"] = json!(-1);
    let swarm = swarm_of(HASH, &early, &json!({ "rid": 1 })).expect("figures");
    assert_eq!((swarm.size, swarm.verified, swarm.sources.len()), (0, 0, 0));
    let mut whole = sums();
    whole["pieces_have"] = json!(3);
    assert_eq!(swarm_of(HASH, &whole, &peers()).expect("figures").verified, 2_500_000);
}

#[test]
fn what_is_no_answer_of_qbittorrent_has_no_figures() {
    for (sums_said, peers_said) in [
        (json!({}), peers()),
        (json!([]), peers()),
        (json!("Ok."), peers()),
        (sums(), json!({ "peers": [1, 2] })),
        (json!({ "total_size": 1, "piece_size": 1, "pieces_have": 1, "pieces_num": 1 }), peers()),
    ] {
        assert!(swarm_of(HASH, &sums_said, &peers_said).is_err(), "{sums_said}");
    }
    let crowd: serde_json::Map<String, Value> =
        (0..=PEERS_MAX).map(|number| (format!("10.0.0.1:{number}"), json!({ "downloaded": 1 }))).collect();
    assert!(swarm_of(HASH, &sums(), &json!({ "peers": crowd })).is_err());
}

#[test]
fn torrents_are_named_by_their_v1_infohash() {
    let v1 = HASH.to_string();
    assert_eq!(names(&json!({ "hash": v1 })), Some((v1.clone(), HASH)), "before 4.4");
    let hybrid = json!({ "hash": "cd".repeat(20), "infohash_v1": v1, "infohash_v2": "ef".repeat(32) });
    assert_eq!(names(&hybrid), Some(("cd".repeat(20), HASH)));
    assert_eq!(names(&json!({ "hash": "cd".repeat(20), "infohash_v1": "" })), None, "v2 alone");
    assert_eq!(names(&json!({ "hash": 5 })), None);
}

#[test]
fn files_keep_their_index_in_the_torrent() {
    let rows = [json!({ "index": 2, "name": "b", "size": 7 }), json!({ "index": 0, "name": "a" }), json!(5)];
    let wanted = vec![("a".to_owned(), 0), (String::new(), 0), ("b".to_owned(), 7)];
    assert_eq!(files_of(&rows), Some(wanted));
    assert_eq!(files_of(&[json!({ "index": u64::MAX, "name": "a" })]), None);
    assert_eq!(files_of(&[json!({ "name": "before 4.2" })]), Some(vec![("before 4.2".to_owned(), 0)]));
}

#[test]
fn progress_is_told_in_our_words() {
    let row = |state: &str, left: u64| {
        progress_of(
            &json!({ "state": state, "size": 100, "amount_left": left, "name": "Film\u{202e}\n", "num_seeds": 2, "num_leechs": 1 }),
        )
    };
    for (said, left, state, is_finished) in [
        ("metaDL", 0, "resolving", false),
        ("downloading", 60, "downloading", false),
        ("stalledUP", 0, "seeding", true),
        ("pausedUP", 0, "seeding", true),
        ("stoppedDL", 60, "paused", false),
        ("someNewWord", 60, "downloading", false),
        ("error", 60, "failed", false),
    ] {
        let progress = row(said, left);
        assert_eq!((progress.state, progress.is_finished), (state, is_finished), "{said}");
    }
    let progress = row("downloading", 60);
    assert_eq!((progress.bytes, progress.total, progress.peers, progress.name.as_deref()), (40, 100, 3, Some("Film")));
}
