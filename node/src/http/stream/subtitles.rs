//! Subtitles of a torrent as WebVTT that a browser may show: plain text and times, made anew from what was understood.
//!
//! Subtitle files are anybody's, and markup in them has taken over players (Check Point, 2017). So nothing of the file is
//! passed through: cues are read, tags are dropped, what is left is escaped.

use std::fmt::Write as _;

/// Longest subtitle file in bytes: a long film in a wordy language takes a tenth.
pub(super) const FILE_BYTES_MAX: u64 = 2 << 20;
/// Most cues: one a second for eleven hours.
const CUES_MAX: usize = 40_000;
/// Longest text of a cue in bytes: a screen full.
const CUE_BYTES_MAX: usize = 2000;

/// A SubRip, WebVTT or SubStation Alpha file as WebVTT; `None` when no cue was understood.
pub(super) fn to_vtt(bytes: &[u8]) -> Option<String> {
    let text = decode(bytes);
    let mut vtt = String::from("WEBVTT\n");
    let mut cues = 0;
    // A browser shows cues in the order of their times, whatever the order of the file.
    for Cue { start, end, said } in script(&text) {
        let _ = write!(vtt, "\n{} --> {}\n{said}\n", clock(start), clock(end));
        cues += 1;
    }
    let mut lines = text.lines().map(str::trim_end).peekable();
    while let Some(line) = lines.next() {
        let Some((start, end)) = times(line) else { continue };
        let mut said = String::new();
        // A cue ends with an empty line, or where the next one's times follow.
        while let Some(line) = lines.next_if(|line| !line.trim().is_empty() && times(line).is_none()) {
            let plain = plain(line);
            if !plain.is_empty() && said.len() + plain.len() <= CUE_BYTES_MAX {
                if !said.is_empty() {
                    said.push('\n');
                }
                said.push_str(&plain);
            }
        }
        if start < end && !said.is_empty() {
            // Writing to a text cannot fail.
            let _ = write!(vtt, "\n{} --> {}\n{said}\n", clock(start), clock(end));
            cues += 1;
        }
        if cues >= CUES_MAX {
            break;
        }
    }
    (cues > 0).then_some(vtt)
}

/// A line that is shown for a while.
struct Cue {
    start: u64,
    end: u64,
    said: String,
}

/// The lines of a SubStation Alpha script (`.ssa`, `.ass`), in the order of the file; none of any other text. Which of the
/// fields between commas is which, a script says itself before them.
fn script(text: &str) -> Vec<Cue> {
    let mut cues = Vec::new();
    let mut places: Option<(usize, usize, usize)> = None;
    let mut is_events = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_events = line.eq_ignore_ascii_case("[Events]");
        }
        let Some((what, rest)) = line.split_once(':').filter(|_| is_events) else { continue };
        if what.eq_ignore_ascii_case("Format") {
            let fields: Vec<&str> = rest.split(',').map(str::trim).collect();
            let place = |name: &str| fields.iter().position(|field| field.eq_ignore_ascii_case(name));
            // Text is the last one: it alone may hold commas.
            let last = place("Text").filter(|at| at + 1 == fields.len());
            places = place("Start").zip(place("End")).zip(last).map(|((start, end), text)| (start, end, text));
        } else if what.eq_ignore_ascii_case("Dialogue")
            && let Some((start, end, last)) = places
        {
            let fields: Vec<&str> = rest.splitn(last + 1, ',').collect();
            let at = |place: usize| fields.get(place).and_then(|field| time(field.trim()));
            let (Some(start), Some(end), Some(said)) = (at(start), at(end), fields.get(last)) else { continue };
            let lines = said.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", "\u{a0}");
            let lines: Vec<String> = lines.lines().map(plain).filter(|line| !line.is_empty()).collect();
            let said = lines.join("\n");
            if start < end && !said.is_empty() && said.len() <= CUE_BYTES_MAX {
                cues.push(Cue { start, end, said });
            }
        }
        if cues.len() == CUES_MAX {
            break;
        }
    }
    cues
}

/// The text of a file in whatever encoding it is: UTF-8, UTF-16 by its mark or its zeros, else by the letters in it.
fn decode(bytes: &[u8]) -> String {
    use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
    let encoding = if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        encoding
    } else if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) {
        encoding_rs::UTF_8
    } else {
        let zeros = |odd: usize| bytes.iter().skip(odd).step_by(2).take(512).filter(|byte| **byte == 0).count();
        match (zeros(0), zeros(1)) {
            (even, odd) if odd > 64.min(bytes.len() / 8) && odd > even => UTF_16LE,
            (even, odd) if even > 64.min(bytes.len() / 8) && even > odd => UTF_16BE,
            _ => {
                let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
                detector.feed(bytes, true);
                detector.guess(None, chardetng::Utf8Detection::Deny)
            }
        }
    };
    encoding.decode(bytes).0.into_owned()
}

/// The times of a line such as `00:01:02,345 --> 00:01:04,000 X1:40`, in milliseconds.
fn times(line: &str) -> Option<(u64, u64)> {
    let (start, rest) = line.split_once("-->")?;
    let end = rest.split_whitespace().next()?;
    Some((time(start.trim())?, time(end)?))
}

/// `[HH:]MM:SS[,.]mmm`.
fn time(text: &str) -> Option<u64> {
    let (whole, thousandths) = text.split_once([',', '.'])?;
    let number = |text: &str| {
        let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().ok()).flatten()
    };
    let mut seconds = 0;
    let parts: Vec<&str> = whole.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    for part in parts {
        seconds = seconds * 60 + number(part)?;
    }
    // Some write two digits: hundredths.
    let padded = format!("{thousandths:0<3}");
    Some(seconds * 1000 + number(&padded).filter(|_| padded.len() == 3)?)
}

fn clock(ms: u64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A line without tags and without what turns or hides text, escaped.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = unescape(line);
    // Twice: what is left of `<<b>b>` must not be a tag again.
    for _ in 0..2 {
        rest = without(&without(&rest, '<', '>'), '{', '}');
    }
    for letter in rest.trim().chars() {
        match letter {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            letter if letter.is_control() => {}
            letter => plain.push(letter),
        }
    }
    plain
}

/// The few entities that WebVTT has, and people write in SubRip too.
fn unescape(line: &str) -> String {
    let mut text = line.to_owned();
    for (entity, letter) in
        [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\u{a0}"), ("&lrm;", ""), ("&rlm;", ""), ("&amp;", "&")]
    {
        text = text.replace(entity, letter);
    }
    text
}

/// Without what stands between two signs. An opening sign alone, as in `1 < 2`, stays.
fn without(text: &str, open: char, close: char) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(open) {
        let inside = &rest[at + open.len_utf8()..];
        let is_tag =
            open != '<' || inside.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '<'));
        let is_time = open == '<' && inside.starts_with(|c: char| c.is_ascii_digit());
        let Some(end) = inside.find(close).filter(|_| is_tag || is_time) else {
            kept.push_str(&rest[..at + open.len_utf8()]);
            rest = inside;
            continue;
        };
        kept.push_str(&rest[..at]);
        rest = &inside[end + close.len_utf8()..];
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const SRT: &str = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Grüße</i> & {\\an8}mehr\r\nzweite Zeile\r\n\r\n\
                       2\r\n01:02:03,45 --> 01:02:04,000 X1:40 X2:600\r\n1 < 2 and 3 > 2\r\n";
    const VTT: &str = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nGrüße &amp; mehr\nzweite Zeile\n\n\
                       01:02:03.450 --> 01:02:04.000\n1 &lt; 2 and 3 &gt; 2\n";

    #[test]
    fn subrip_becomes_webvtt_in_every_encoding() {
        assert_eq!(to_vtt(SRT.as_bytes()).as_deref(), Some(VTT));
        assert_eq!(to_vtt(VTT.as_bytes()).as_deref(), Some(VTT), "WebVTT stays what it is");
        let marked: Vec<u8> = [b"\xef\xbb\xbf", SRT.as_bytes()].concat();
        assert_eq!(to_vtt(&marked).as_deref(), Some(VTT));
        for mark in [true, false] {
            let units = SRT.encode_utf16();
            let little: Vec<u8> =
                mark.then_some(0xfeff).into_iter().chain(units.clone()).flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = mark.then_some(0xfeff).into_iter().chain(units).flat_map(u16::to_be_bytes).collect();
            assert_eq!(to_vtt(&little).as_deref(), Some(VTT), "little, marked: {mark}");
            assert_eq!(to_vtt(&big).as_deref(), Some(VTT), "big, marked: {mark}");
        }
        let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(SRT);
        assert_eq!(to_vtt(&latin).as_deref(), Some(VTT));
    }

    #[test]
    fn nothing_of_a_hostile_file_is_passed_on() {
        for line in [
            "<script>alert(1)</script>",
            "<<b>script>alert(1)<</b>/script>",
            "<img src=x onerror=alert(1)>",
            "<c.evil><00:00:01.000><ruby>x</ruby>",
            "&lt;script&gt;alert(1)",
            "<script",
            "{\\p1}m 0 0 l 1 1{\\p0}",
            "\u{202e}txt.exe",
        ] {
            let vtt = to_vtt(format!("00:00:01,000 --> 00:00:02,000\n{line}\nlast\n").as_bytes()).expect("a cue");
            let body = vtt.split_once("00:00:02.000\n").expect("its text").1;
            assert!(!body.contains(['<', '>', '{', '\u{202e}']), "{line}: {body}");
            assert!(body.contains("last"), "{line}: {body}");
        }
        let styled = "WEBVTT\n\nSTYLE\n::cue { background: url(http://evil.example) }\n\nNOTE x\n\nid\n00:01.000 --> 00:02.000 line:0\nhi\n";
        assert_eq!(to_vtt(styled.as_bytes()).as_deref(), Some("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nhi\n"));
    }

    #[test]
    fn a_script_becomes_webvtt() {
        let script = "[Script Info]\nTitle: x\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\r\n\
                      Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r\n\
                      Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not shown\r\n\
                      Dialogue: 0,0:00:01.50,0:00:02.50,Default,,0,0,0,,{\\i1}Hello{\\i0}, you\\N<script>x</script>\r\n\
                      Dialogue: 0,0:00:09.00,0:00:08.00,Default,,0,0,0,,backwards\r\n\
                      Dialogue: 0,0:00:03.00\r\n\
                      Dialogue: 0,1:00:03.00,1:00:04.00,Default,,0,0,0,,two\\hwords\r\n";
        let vtt =
            "WEBVTT\n\n00:00:01.500 --> 00:00:02.500\nHello, you\nx\n\n01:00:03.000 --> 01:00:04.000\ntwo\u{a0}words\n";
        assert_eq!(to_vtt(script.as_bytes()).as_deref(), Some(vtt));
        for broken in [
            "[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,x\n",
            "[Events]\nFormat: Text, Start, End\nDialogue: x,0:00:01.00,0:00:02.00\n",
            "Format: Start, End, Text\nDialogue: 0:00:01.00,0:00:02.00,outside\n",
        ] {
            assert_eq!(to_vtt(broken.as_bytes()), None, "{broken}");
        }
    }

    #[test]
    fn what_holds_no_cue_is_none() {
        for bytes in
            [&b""[..], b"hello", b"00:00:05,000 --> 00:00:01,000\nbackwards\n", &[0xff; 300], b"1:2 --> 3:4\nx"]
        {
            assert_eq!(to_vtt(bytes), None);
        }
    }

    #[test]
    fn a_flood_of_cues_is_cut() {
        let many = "00:00:01,000 --> 00:00:02,000\na\n\n".repeat(CUES_MAX + 10);
        assert_eq!(to_vtt(many.as_bytes()).expect("cues").matches("-->").count(), CUES_MAX);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_stumble(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            if let Some(vtt) = to_vtt(&bytes) {
                proptest::prop_assert!(vtt.starts_with("WEBVTT\n"));
            }
        }
    }
}
