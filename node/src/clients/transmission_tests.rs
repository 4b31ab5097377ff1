use super::*;

const HASH: Infohash = Infohash([0xab; 20]);

fn old() -> Value {
    json!({
        "hashString": HASH.to_string(), "totalSize": 1000, "haveValid": 640, "downloadedEver": 700, "corruptEver": 64,
        "rateDownload": 50, "leftUntilDone": 360, "webseedsSendingToUs": 0,
        "peers": [
            { "address": "127.0.2.1", "port": 42000, "clientName": "heirloom/0.1.0 z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH", "rateToClient": 30, "progress": 1 },
            { "address": "2001:db8::5", "port": 6881, "clientName": "", "rateToClient": 20 },
            { "address": "no address", "port": 1, "rateToClient": 20 },
            { "address": "10.0.0.1", "port": 70000, "rateToClient": 20 },
            { "address": "10.0.0.2", "port": 1 },
            17,
        ],
    })
}

#[test]
fn a_recorded_answer_of_the_old_rpc_is_read() {
    let swarm = swarm_of(HASH, &snake(old())).expect("figures");
    assert_eq!((swarm.size, swarm.verified, swarm.downloaded, swarm.wasted), (1000, 640, 764, 64));
    let seen: Vec<_> = swarm.sources.iter().map(|source| (source.address.to_string(), source.figure)).collect();
    let wanted =
        [("127.0.2.1:42000".to_owned(), Figure::Rate(1800)), ("[2001:db8::5]:6881".to_owned(), Figure::Rate(1200))];
    assert_eq!(seen, wanted);
    assert!(swarm.sources[0].client_name.as_deref().is_some_and(|name| name.starts_with("heirloom/")));
    assert_eq!(swarm.sources[1].client_name, None);
}

#[test]
fn the_sum_of_a_minute_is_a_weight_and_no_sum() {
    let row = json!({
        "hash_string": HASH.to_string(), "total_size": 1000, "have_valid": 640, "downloaded_ever": 700, "rate_download": 10,
        "webseeds_sending_to_us": 1,
        "peers": [{ "address": "10.0.0.1", "port": 1, "client_name": "x", "bytes_to_client": 400, "rate_to_client": 9000 }],
    });
    let swarm = swarm_of(HASH, &snake(row)).expect("figures");
    assert_eq!(swarm.sources[0].figure, Figure::Rate(400));
    assert_eq!((swarm.sources[1].figure, swarm.sources[1].is_web_seed), (Figure::Rate(200), true), "600 in all");
}

#[test]
fn what_is_no_answer_of_transmission_has_no_figures() {
    for row in [
        json!({}),
        json!([]),
        json!({ "total_size": 5 }),
        json!({ "total_size": "5", "have_valid": 1, "downloaded_ever": 1 }),
    ] {
        assert!(swarm_of(HASH, &row).is_err(), "{row}");
    }
    let mut crowd = snake(old());
    crowd["peers"] = json!(vec![json!({ "address": "10.0.0.1", "port": 1, "rate_to_client": 1 }); PEERS_MAX + 1]);
    assert!(swarm_of(HASH, &crowd).is_err());
    crowd["peers"] = json!("many");
    assert!(swarm_of(HASH, &crowd).is_err());
}

#[test]
fn names_go_into_the_old_form_and_come_back() {
    assert_eq!(camel("have_valid"), "haveValid");
    assert_eq!(camel("peers"), "peers");
    let params = json!({ "fields": ["hash_string", "webseeds_sending_to_us"], "download_dir": "/x", "ids": ["a_b"] });
    let wanted = json!({ "fields": ["hashString", "webseedsSendingToUs"], "download-dir": "/x", "ids": ["a_b"] });
    assert_eq!(old_params(&params), wanted);
    let all = json!({ "rpc-version": 17, "haveValid": 1, "have_valid2": 2, "isUTP": [{ "clientName": "aB" }] });
    assert_eq!(
        snake(all),
        json!({ "rpc_version": 17, "have_valid": 1, "have_valid2": 2, "is_utp": [{ "client_name": "aB" }] })
    );
}

#[test]
fn progress_is_told_in_our_words() {
    let row = |status: u64, left: u64, metadata: f64, error: u64| {
        progress_of(&json!({
            "name": "Film", "status": status, "left_until_done": left, "size_when_done": 100, "metadata_percent_complete": metadata,
            "download_dir": "/films/", "error": error, "error_string": "No space left", "peers_connected": 2,
        }))
    };
    for (status, left, metadata, error, state, is_finished) in [
        (4, 0, 0.5, 0, "resolving", false),
        (4, 60, 1.0, 0, "downloading", false),
        (0, 60, 1.0, 0, "paused", false),
        (2, 60, 1.0, 0, "checking", false),
        (6, 0, 1.0, 0, "seeding", true),
        (0, 0, 1.0, 0, "seeding", true),
        (4, 60, 1.0, 3, "failed", false),
        (4, 60, 1.0, 2, "downloading", false),
    ] {
        let progress = row(status, left, metadata, error);
        assert_eq!((progress.state, progress.is_finished), (state, is_finished), "{status} {left} {metadata} {error}");
    }
    let progress = row(4, 60, 1.0, 3);
    assert_eq!((progress.bytes, progress.total, progress.path.as_deref()), (40, 100, Some("/films/Film")));
    assert_eq!(progress.trouble.as_deref(), Some("No space left"));
}
