//! Bad input: the exit code of the contract, one sentence for people, an error object for scripts, and nothing changes.

use crate::support::{Answer, Bed, Node, bytes_of, text};

/// A key of nobody, and what may go wrong with one.
const KEY: &str = "did:key:z6MkiLMYtq5z2pLeiesS1LmMbjQDUQvzeBvzNvGuK2pJgfvH";
const KEY_NOT_ON_CURVE: &str = "did:key:z6MkoRSao92x3fbwdEXEXqq56nLm3E1NvbteBU4EH9NbrrUV";
const KEY_TOO_SHORT: &str = "did:key:z2DQVrFAwnnY3gGnFRSUR6PHSzdykNHK3Y2MhmF2Rvt3eY2";
const KEY_OF_ANOTHER_KIND: &str = "did:key:zQ3shRHtG9JpDc1YbzRGzAD39xfphob8m1GsMaw2RVwNx1qVB";
const HASH: &str = "abababababababababababababababababababab";
const FILM: &str = "imdb:tt7000040";

/// For people: nothing on stdout, one line on stderr. For scripts: one object on stdout.
#[track_caller]
fn assert_refused(for_people: &Answer, for_scripts: &Answer, code: i32, what: &str) {
    assert_eq!(for_people.code, code, "{what}: {for_people:?}");
    assert_eq!(for_people.stdout, "", "{what}: errors go to stderr");
    let lines: Vec<&str> = for_people.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    assert_eq!(lines.len(), 1, "{what}: one sentence: {:?}", for_people.stderr);
    assert!((10..400).contains(&lines[0].len()), "{what}: {:?}", lines[0]);
    let error = &for_scripts.value(code)["error"];
    let said = text(error, "message");
    assert!(!text(error, "code").is_empty() && !said.is_empty(), "{what}: {error}");
    assert!(lines[0].contains(said), "{what}: people read {:?}, scripts {said:?}", lines[0]);
}

#[track_caller]
fn check(node: &Node, args: &[&str], code: i32) {
    let (for_people, for_scripts) = (node.cli.run_for_people(args), node.cli.run(args));
    assert_refused(&for_people, &for_scripts, code, &args.join(" "));
}

/// The same with a text on standard input.
#[track_caller]
fn check_paste(node: &Node, pasted: &str, code: i32) {
    let args = ["follow", "-", "--yes"];
    let (for_people, for_scripts) = (node.cli.run_for_people_with(&args, pasted), node.cli.run_with(&args, pasted));
    assert_refused(&for_people, &for_scripts, code, pasted);
}

#[test]
fn bad_ids_keys_and_links_are_refused_in_one_sentence() {
    let bed = Bed::without_dht();
    let node = bed.node("alice");
    node.cli.ok(&["id", "set", "--name", "Alice"]);
    let before = node.cli.ok(&["export", "--statements"]);
    let clip = bed.file("clip.mp4", &bytes_of(1000, 90));
    let clip = clip.to_str().expect("text");
    for work in ["1254207", "nosuch:1", "imdb:xyz", "imdb:", "", "https://example.org/title/tt1254207"] {
        check(&node, &["publish", clip, "--work", work], 2);
        check(&node, &["show", work], 2);
    }
    let uri = text(&node.cli.ok(&["id"]), "uri").to_owned();
    let wrong_letter = changed_name(&uri);
    let without_check = uri.split("check=").next().expect("a link").trim_end_matches(['&', '?']).to_owned();
    let cut_key = KEY[..KEY.len() - 3].to_owned();
    let names = [
        &wrong_letter,
        &without_check,
        &cut_key,
        KEY_NOT_ON_CURVE,
        KEY_TOO_SHORT,
        KEY_OF_ANOTHER_KIND,
        "alice",
        "abab",
    ];
    for name in names {
        check(&node, &["follow", name, "--yes"], 2);
    }
    for key in [KEY_NOT_ON_CURVE, KEY_TOO_SHORT, KEY_OF_ANOTHER_KIND, &cut_key, "alice"] {
        check(&node, &["attest", key, "--level", "high"], 2);
        check(&node, &["unfollow", key], 2);
        check(&node, &["why", key], 2);
    }
    for hash in ["abab", "not a hash", &HASH[1..], "zz".repeat(20).as_str()] {
        check(&node, &["verdict", hash, "fake"], 2);
        check(&node, &["get", hash], 2);
        check(&node, &["retract", hash], 2);
    }
    assert_eq!(node.cli.ok(&["export", "--statements"]), before, "nothing was signed");
    assert_eq!(node.cli.ok(&["follow"]).as_array().map(Vec::len), Some(0), "nobody is followed");
}

/// The link with another name, so that its checksum no longer holds.
fn changed_name(uri: &str) -> String {
    assert!(uri.contains("name=Alice"), "the link names its owner: {uri}");
    uri.replace("name=Alice", "name=Alica")
}

#[test]
fn damaged_pastes_are_refused_in_one_sentence() {
    let bed = Bed::without_dht();
    let node = bed.node("alice");
    let curator = bed.node("curator");
    curator.cli.ok(&["id", "set", "--name", "Curator"]);
    let card = curator.cli.run_for_people(&["curator", "card", "--text"]).stdout;
    let end = "-----END HEIRLOOM CARD-----";
    assert!(card.contains(end), "{card}");
    check_paste(&node, "nothing of that kind here", 2);
    check_paste(&node, "", 2);
    check_paste(&node, &card.replace("Curator", "Curatrix"), 2);
    check_paste(&node, &card.replace(end, ""), 2);
    let unchecked: String = card.lines().filter(|line| !line.starts_with("Check")).map(|l| format!("{l}\n")).collect();
    check_paste(&node, &unchecked, 2);
    assert_eq!(node.cli.ok(&["follow"]).as_array().map(Vec::len), Some(0), "nobody is followed");
    assert_eq!(node.cli.run_with(&["follow", "-", "--yes"], &card).code, 0, "the whole card is taken");
}

#[test]
fn damaged_and_missing_files_are_refused_in_one_sentence() {
    let bed = Bed::without_dht();
    let node = bed.node("alice");
    let nowhere = bed.path("no such file.mp4");
    let files = [
        bed.file(
            "cut.torrent",
            b"d8:announce18:http://example.org4:infod6:lengthi1000e4:name5:a.mp412:piece lengthi16384e",
        ),
        bed.file("noise.torrent", &bytes_of(5000, 91)),
        bed.file("empty.torrent", b""),
        bed.file("climbing.torrent", &climbing_torrent()),
        bed.file("empty.mp4", b""),
        nowhere,
    ];
    for file in &files {
        check(&node, &["publish", file.to_str().expect("text"), "--work", FILM], 2);
    }
    check(&node, &["publish", "magnet:?dn=nothing", "--work", FILM], 2);
    check(&node, &["publish", "magnet:?xt=urn:btih:abc", "--work", FILM], 2);
    let shown = node.cli.run(&["show", FILM]);
    assert_eq!(shown.last_value()["releases"].as_array().map_or(0, Vec::len), 0, "nothing was listed");
}

/// A torrent whose file would land outside its folder.
fn climbing_torrent() -> Vec<u8> {
    let mut torrent =
        b"d4:infod5:filesld6:lengthi10e4:pathl2:..6:passwdeee4:name3:etc12:piece lengthi16384e6:pieces20:".to_vec();
    torrent.extend_from_slice(&[7; 20]);
    torrent.extend_from_slice(b"ee");
    torrent
}

#[test]
fn what_is_not_there_is_not_found() {
    let bed = Bed::without_dht();
    let node = bed.node("alice");
    check(&node, &["get", "imdb:tt7999999"], 3);
    check(&node, &["why", "imdb:tt7999999"], 3);
    check(&node, &["retract", HASH], 3);
    check(&node, &["unfollow", KEY], 3);
}

#[test]
fn usage_errors_are_bad_input() {
    let bed = Bed::without_dht();
    let node = bed.node("alice");
    let cases: [&[&str]; 8] = [
        &["attest", KEY],
        &["attest", KEY, "--level", "enormous"],
        &["verdict", HASH],
        &["verdict", HASH, "splendid"],
        &["publish"],
        &["frobnicate"],
        &["show", FILM, "--no-such-flag"],
        &["ledger", "--by", "moon"],
    ];
    for args in cases {
        assert_eq!(node.cli.run_for_people(args).code, 2, "{args:?}");
        let error = &node.cli.run(args).value(2)["error"];
        assert!(!text(error, "message").is_empty() && !text(error, "code").is_empty(), "{args:?}: {error}");
    }
}
