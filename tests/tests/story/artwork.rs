//! Pictures of works: a curator publishes one with a film, a follower gets it from a peer, as its own node encoded it anew.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use heirloom_proto::Sha256;

use crate::support::{ARRIVAL, Bed, Node, bytes_of, number, text, wait_for};

const FILM: &str = "imdb:tt1254207";
const ABOUT: [&str; 8] = ["--title", "A Film", "--year", "2008", "--kind", "film", "--licence", "CC0-1.0"];

/// A picture of 24 × 36 pixels that the fuzzer keeps too, behind the mark of its frame.
fn poster(format: &str) -> Vec<u8> {
    let path = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"))
        .join("../fuzz/corpus/artwork")
        .join(format);
    std::fs::read(path).expect("the corpus is there").split_off(1)
}

/// Status, content type and body of what the API answers to a GET with the node's token.
fn fetched(node: &Node, path: &str) -> (u16, String, Vec<u8>) {
    let address = text(node.ready(), "http").to_owned();
    let token = std::fs::read_to_string(text(node.ready(), "api_token_file")).expect("the token is there");
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    write!(request, "Authorization: Bearer {}\r\n\r\n", token.trim()).expect("text grows");
    let mut stream = TcpStream::connect(&address).expect("the API listens");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).expect("a head is text").to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (status, kind.to_owned(), body)
}

fn artwork_of(node: &Node, digest: &str) -> (u16, String, Vec<u8>) {
    fetched(node, &format!("/api/v1/artwork/{digest}"))
}

#[test]
fn a_follower_gets_the_picture_that_a_curator_published() {
    let bed = Bed::without_dht();
    let curator = bed.node("curator");
    // It hears of the film by gossip.
    let stranger = bed.node_with("stranger", &[&curator]);
    stranger.wait_for_peers(1);
    let picture = bed.file("poster.png", &poster("png"));
    let digest = Sha256::of(&poster("png")).to_string();
    let film = bed.file("film.mkv", &bytes_of(100_000, 1));
    let picture = picture.to_str().expect("test paths are text");
    curator.publish(&film, FILM, &[ABOUT.as_slice(), &["--artwork", picture]].concat());
    assert_eq!(curator.cli.ok(&["show", FILM])["artwork"], digest.as_str());
    let (status, kind, own) = artwork_of(&curator, &digest);
    assert_eq!((status, kind.as_str(), own.get(..2)), (200, "image/jpeg", Some(&[0xff, 0xd8][..])));

    let follower = bed.node_with("follower", &[&curator]);
    follower.cli.ok(&["follow", &curator.key, "--yes"]);
    let got = wait_for("the picture", ARRIVAL, || {
        let (status, kind, body) = artwork_of(&follower, &digest);
        if status == 200 { Ok((kind, body)) } else { Err(follower.cli.ok(&["status"]).to_string()) }
    });
    assert_eq!(got, ("image/jpeg".to_owned(), own), "encoded anew, and not as it came");
    let shown = follower.cli.ok(&["show", FILM]);
    assert_eq!(shown["artwork"], digest.as_str(), "{shown}");
    assert!(text(&shown, "placeholder_colour").starts_with('#'), "{shown}");
    // It is given on: the follower has it for others.
    assert!(number(&curator.cli.ok(&["status"])["counters"], "artwork_given") >= 1);

    // Whoever trusts nobody asks for no picture, even when somebody looks.
    assert_eq!(artwork_of(&stranger, &digest).0, 404);
    wait_for("the stranger to know of the film", ARRIVAL, || {
        let shown = stranger.cli.ok(&["show", FILM]);
        if shown["releases"].as_array().is_some_and(|all| !all.is_empty()) { Ok(()) } else { Err(shown.to_string()) }
    });
    assert_eq!(artwork_of(&stranger, &digest).0, 404);
    assert_eq!(stranger.cli.ok(&["status"])["counters"]["artwork_got"], serde_json::Value::Null);
}

#[test]
fn what_is_no_picture_is_refused_with_one_sentence() {
    let bed = Bed::without_dht();
    let curator = bed.node("curator");
    let film = bed.file("film.mkv", &bytes_of(50_000, 2));
    let publish = |picture: &Path| {
        let (film, picture) = (film.to_str().expect("text"), picture.to_str().expect("text"));
        curator.cli.run(&[&["publish", film, "--work", FILM], ABOUT.as_slice(), &["--artwork", picture]].concat())
    };
    let large = bed.file("large.png", &[poster("png"), vec![0; 600 << 10]].concat());
    let cases: [(PathBuf, &str); 5] = [
        (bed.file("drawing.png", &poster("drawing.svg")), "neither JPEG nor PNG nor WebP"),
        (bed.file("bomb.png", &poster("bomb.png")), "damaged"),
        (bed.file("half.png", &poster("png")[..100]), "damaged"),
        (large, "bytes"),
        (bed.path("nothing.png"), "there is no such file"),
    ];
    for (picture, reason) in cases {
        let answer = publish(&picture);
        let error = answer.value(2)["error"].clone();
        assert_eq!(error["code"], "bad_artwork", "{error}");
        assert!(text(&error, "message").contains(reason), "{error}");
    }
    assert_eq!(curator.cli.ok(&["status"])["works"], 0, "nothing was published");
    assert_eq!(fetched(&curator, "/api/v1/artwork/abc").0, 400);
    assert_eq!(artwork_of(&curator, &"0".repeat(64)).0, 404);
}
