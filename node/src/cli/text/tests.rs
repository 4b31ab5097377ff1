//! What people read of answers.

use super::*;
use serde_json::json;

#[test]
fn a_stale_head_is_told_with_its_age_wherever_somebody_decides_about_a_key() {
    let key = |is_stale: bool| {
        json!({
            "key": "did:key:z6MkBob", "name": "Bob", "level": "high", "scope": "*", "band": "trusted", "score": 0.5,
            "support": 0.75, "verified_bytes": 0, "head_at": "2026-11-10T00:00:00Z",
            "head_age_s": if is_stale { 12 * 86_400 + 5 } else { 3600 }, "head_is_stale": is_stale,
        })
    };
    let told = "head is stale: last heard of 12 days ago";
    for (verb, value) in [
        ("trust", json!([key(true)])),
        ("follow", json!([key(true)])),
        ("why", key(true)),
        ("status", json!({ "statements": 7, "stale_follows": [key(true)] })),
    ] {
        let text = render(verb, &value);
        assert!(text.contains(told), "{verb}: {text}");
    }
    for (verb, value) in [
        ("trust", json!([key(false)])),
        ("follow", json!([key(false)])),
        ("why", key(false)),
        ("status", json!({ "statements": 7, "stale_follows": [] })),
    ] {
        assert!(!render(verb, &value).contains("stale"), "{verb}");
    }
    let many = json!({ "stale_follows": (0..25).map(|_| key(true)).collect::<Vec<_>>() });
    let text = render("status", &many);
    assert_eq!(text.matches(told).count(), STALE_SHOWN);
    assert!(text.contains("and 15 more"), "{text}");
}

#[test]
fn budgets_are_a_table_that_says_what_is_short() {
    let value = serde_json::json!({ "peers": 3, "budgets": {
        "bandwidth": { "used": 1 << 20, "limit": 200_000_000, "per": "UTC day", "only_follows": true, "short": false },
        "dht": null,
        "disk": { "used": 5 << 30, "limit": 2_u64 << 30, "full": true, "short": false },
        "cpu": { "used": 0.25, "limit": 5.0, "short": false },
    }});
    let text = status(&value);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines[..2], ["peers: 3", "budgets:"]);
    assert!(lines[2].contains("1.0 MiB of  190.7 MiB (UTC day)") && lines[2].contains("only follows"), "{text}");
    assert!(lines[3].contains("disk") && lines[3].contains("at its limit"), "{text}");
    assert!(lines[4].starts_with("cpu") && lines[4].ends_with("0.25 % of     5.00 %"), "{text}");
    assert_eq!(lines.len(), 5, "{text}");
}

#[test]
fn sizes_read_well() {
    for (bytes, shown) in
        [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1_055_736, "1.0 MiB"), (u64::MAX, "16777215.9 TiB")]
    {
        assert_eq!(size(bytes), shown);
    }
}

#[test]
fn one_is_said_as_one_in_the_preview_of_a_follow() {
    let preview = |keys: u64, gained: u64, hidden: u64| {
        let counts = json!({ "keys_gaining_voice": keys, "works_gained": gained, "works_hidden": hidden });
        followed(&json!({ "key": "did:key:z6MkBob", "level": "high", "scope": "*", "preview": counts }))
    };
    let several = "0 keys gain a voice, 2 works gain a trusted release, 3 works are hidden";
    assert!(preview(0, 2, 3).contains(several), "{}", preview(0, 2, 3));
    let one = "1 key gains a voice, 1 work gains a trusted release, 1 work is hidden";
    assert!(preview(1, 1, 1).contains(one), "{}", preview(1, 1, 1));
}
