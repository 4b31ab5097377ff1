//! What an enemy writes into subtitles, in every form and encoding, as a browser gets it: cues of plain text.

use super::hostile::payloads::{PAYLOADS_MIN, payloads};
use super::support::{Face, Response};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// Longest subtitle file that is read.
const BYTES_MAX: usize = 2 << 20;

/// Seconds as each form writes them.
fn clock(second: usize, sign: char) -> String {
    format!("{:02}:{:02}:{:02}{sign}000", second / 3600, second / 60 % 60, second % 60)
}

fn subrip(lines: &[String]) -> String {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        write!(text, "{}\r\n{} --> {}\r\n{line}\r\n\r\n", at + 1, clock(at, ','), clock(at + 1, ',')).expect("written");
    }
    text
}

fn webvtt(lines: &[String]) -> String {
    let mut text =
        String::from("WEBVTT - <script>alert(1)</script>\n\nSTYLE\n::cue { background: url(//evil.example) }\n\n");
    for (at, line) in lines.iter().enumerate() {
        write!(text, "{line}\n{} --> {} align:start\n{line}\n\n", clock(at, '.'), clock(at + 1, '.')).expect("written");
    }
    text
}

fn script(lines: &[String]) -> String {
    let mut text = String::from(
        "[Script Info]\nTitle: <script>alert(1)</script>\n\n[Events]\nFormat: Layer, Start, End, Style, Text\n",
    );
    for (at, line) in lines.iter().enumerate() {
        let line = line.replace(['\r', '\n'], " ");
        let time = |second| clock(second, '.');
        writeln!(text, "Dialogue: 0,{},{},Default,{{\\an8}}{line}", time(at), time(at + 1)).expect("written");
    }
    text
}

/// Reads WebVTT as its specification does, and looks at each cue: nothing of it is a tag, an entity of one, or a line that
/// begins another block.
fn assert_plain(what: &str, response: &Response) -> usize {
    assert_eq!((response.status, response.header("content-type")), (200, "text/vtt; charset=utf-8"), "{what}");
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    let text = std::str::from_utf8(&response.body).unwrap_or_else(|_| panic!("{what} is not UTF-8"));
    let mut blocks = text.split("\n\n");
    assert_eq!(blocks.next(), Some("WEBVTT"), "{what}");
    let mut cues = 0;
    for block in blocks {
        let mut lines = block.trim_end_matches('\n').split('\n');
        let times = lines.next().unwrap_or_default();
        let (start, end) =
            times.split_once(" --> ").unwrap_or_else(|| panic!("{what}: a block without times: {block:?}"));
        for time in [start, end] {
            let is_clock = time.len() == 12 && time.bytes().all(|byte| byte.is_ascii_digit() || b":.".contains(&byte));
            assert!(is_clock, "{what}: {times:?}");
        }
        for line in lines {
            assert!(!line.contains(['<', '>', '\0', '\u{202e}', '\r']) && !line.is_empty(), "{what}: {line:?}");
            assert!(!line.contains("-->"), "{what}: {line:?}");
            for entity in line.split('&').skip(1) {
                let is_known = ["amp;", "lt;", "gt;"].iter().any(|known| entity.starts_with(known));
                assert!(is_known, "{what}: {line:?}");
            }
            cues += 1;
        }
    }
    cues
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_hostile_subtitles_is_passed_on_in_any_form_or_encoding() {
    let payloads = payloads();
    assert!(payloads.len() >= PAYLOADS_MIN);
    let face = Face::start_with(|options| options.offline = false).await;
    let folder = face.folder.path().join("Film.2008");
    std::fs::create_dir(&folder).expect("folder");
    let write = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).expect("written");
    write("Film.2008.mp4", b"\0\0\0\x20ftypisom and so on");
    let utf16 = |text: &str| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
    };
    let plain = [subrip(&payloads), webvtt(&payloads), script(&payloads)];
    let padded = |bytes: usize| {
        let cue = "00:00:01,000 --> 00:00:02,000\n<script>alert(1)</script>hi\n\n";
        format!("{cue}{}", " ".repeat(bytes - cue.len())).into_bytes()
    };
    // Their order in the torrent is that of their names.
    let files: Vec<(&str, Vec<u8>, bool)> = vec![
        ("a.srt", plain[0].clone().into_bytes(), true),
        ("b.vtt", plain[1].clone().into_bytes(), true),
        ("c.ass", plain[2].clone().into_bytes(), true),
        ("d.ssa", utf16(&plain[2]), true),
        ("e.srt", utf16(&plain[0]), true),
        ("f.srt", encoding_rs::WINDOWS_1252.encode(&plain[0]).0.into_owned(), true),
        ("g.srt", encoding_rs::SHIFT_JIS.encode(&plain[0]).0.into_owned(), true),
        ("h.vtt", [b"\xfd\xfc\n".to_vec(), plain[1].clone().into_bytes()].concat(), true),
        ("i.srt", padded(BYTES_MAX), true),
        ("j.srt", padded(BYTES_MAX + 1), false),
        ("k.srt", vec![0xff; 5000], false),
        ("l.ass", b"[Events]\nDialogue: <script>\n".to_vec(), false),
        ("m.txt", plain[0].clone().into_bytes(), false),
    ];
    for (name, content, _) in &files {
        write(name, content);
    }
    let arguments = json!({
        "source": folder, "work": "imdb:tt1254207", "title": "Film", "year": 2008, "kind": "film", "season": null,
        "episode": null, "map": [], "licence": "", "resolution": "", "languages": [], "private": false,
    });
    let published = face.send(face.verb("publish", &arguments)).await.json();
    let of = |name: &str| {
        let all = published["files"].as_array().unwrap_or_else(|| panic!("files in {published}"));
        let file = all.iter().find(|file| Path::new(file["path"].as_str().unwrap_or_default()).ends_with(name));
        file.unwrap_or_else(|| panic!("{name} in {published}"))["index"].as_u64().expect("an index")
    };
    let infohash = published["infohash"].as_str().expect("an infohash");
    let playing = face.send(face.verb("play", &json!({ "what": "imdb:tt1254207" }))).await.json();
    let shown = playing["subtitles"].as_array().expect("subtitles").len();
    assert_eq!(shown, files.len() - 1, "every one is offered, but no text file: {playing}");
    for (name, _, is_good) in &files {
        let response = face.send(face.ask("GET", &format!("/subtitles/{infohash}/{}.vtt", of(name)))).await;
        if *is_good {
            let least = if *name == "i.srt" { 1 } else { PAYLOADS_MIN / 2 };
            let cues = assert_plain(name, &response);
            assert!(cues >= least, "{name}: {cues} lines are left of what was text");
        } else {
            assert_eq!((response.status, response.code().as_str()), (400, "not_subtitles"), "{name}");
        }
    }
}
