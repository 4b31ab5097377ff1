//! Settings over restarts, and downloads that end before they are complete.

use serde_json::{Value, json};

use crate::support::{Bed, bytes_of, number, text};

#[test]
fn a_setting_lasts_and_says_where_it_comes_from() {
    let bed = Bed::without_dht();
    let home = bed.home("alice");
    let get = |name: &str| home.ok(&["config", "get", name]);
    assert_eq!((&get("disk-quota")["value"], &get("disk-quota")["from"]), (&json!("2GiB"), &json!("default")));
    home.ok(&["config", "set", "disk-quota", "3GiB"]);
    home.ok(&["seed", "--ratio", "1.5"]);
    assert_eq!((&get("disk-quota")["value"], &get("disk-quota")["from"]), (&json!("3GiB"), &json!("file")));
    let env = home.with_variable("HEIRLOOM_DISK_QUOTA", "4GiB").ok(&["config", "get", "disk-quota"]);
    assert_eq!((&env["value"], &env["from"]), (&json!("4GiB"), &json!("env")));

    let mut alice = bed.node("alice");
    assert_eq!(number(&alice.cli.ok(&["status"])["budgets"]["disk"], "limit"), 3 << 30);
    let quota = alice.cli.ok(&["config", "set", "disk-quota", "5GiB"]);
    assert_eq!((&quota["value"], &quota["next"]), (&json!("3GiB"), &json!("5GiB")), "from the next start");
    let limit = alice.cli.ok(&["config", "set", "upload-limit", "2MB"]);
    assert_eq!((&limit["value"], &limit["next"]), (&json!("2MB"), &Value::Null), "at once");
    assert_eq!(alice.cli.ok(&["config", "get", "http"])["from"], "flag");
    alice.kill();
    alice.start_again(&bed.net(&[]));
    let all = alice.cli.ok(&["config"]);
    let value = |name: &str| {
        let row = all.as_array().expect("rows").iter().find(|row| row["name"] == name).expect("a row");
        text(row, "value").to_owned()
    };
    assert_eq!([value("disk-quota"), value("upload-limit"), value("seed-ratio")], ["5GiB", "2MB", "1.5"]);
}

#[test]
fn a_wrong_setting_is_one_sentence_and_a_damaged_file_can_be_mended() {
    let bed = Bed::without_dht();
    let home = bed.home("alice");
    for (name, value) in [("disk-quota", "2G"), ("nonsense", "1"), ("http", "nowhere"), ("seed-ratio", "much")] {
        let error = home.run(&["config", "set", name, value]).value(2);
        assert!(!text(&error["error"], "message").contains('\n'), "{error}");
    }
    let path = home.ok(&["config", "path"]);
    let path = text(&path, "path");
    assert!(!std::path::Path::new(path).exists(), "nothing was written");
    std::fs::write(path, "# mine\ndisk-quota = \"2G\"\n").expect("written");
    let error = home.run(&["status"]).value(2);
    assert!(text(&error["error"], "message").contains("config.toml"), "{error}");
    home.ok(&["config", "set", "disk-quota", "2GB"]);
    home.ok(&["status"]);
    assert_eq!(std::fs::read_to_string(path).expect("read"), "# mine\ndisk-quota = \"2GB\"\n");
}

#[test]
fn a_cancelled_download_is_gone_for_good_and_what_i_publish_stays() {
    let bed = Bed::without_dht();
    let mut alice = bed.node("alice");
    let nobodys = "cd".repeat(20);
    alice.cli.ok(&["get", &nobodys, "--anyway"]);
    let done = alice.cli.ok(&["cancel", &nobodys, "--delete"]);
    assert_eq!(done, json!({ "infohash": nobodys, "was_complete": false, "deleted": true }));
    assert_eq!(alice.cli.run(&["cancel", &nobodys]).value(3)["error"]["code"], "unknown_download");
    alice.cli.run(&["cancel", "nonsense"]).value(2);
    let published =
        alice.publish(&bed.file("mine.mp4", &bytes_of(70_000, 3)), "hl:", &["--title", "Mine", "--year", "2024"]);
    let mine = text(&published, "infohash");
    assert_eq!(alice.cli.run(&["cancel", mine]).value(4)["error"]["code"], "published");
    alice.kill();
    alice.start_again(&bed.net(&[]));
    alice.cli.run(&["cancel", &nobodys]).value(3);
}
