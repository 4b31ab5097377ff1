//! What a file is said to be to a player: by its name and by its first bytes, and only if the two agree.
//!
//! A name alone is the lister's word. What does not agree is `application/octet-stream`, which no browser shows as a page.

/// Bytes that are looked at.
pub(super) const LOOKED_AT: usize = 1024;
/// What nothing is known of.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// How a file begins.
#[derive(Clone, Copy)]
enum Begins {
    /// With an ISO base media box (ISO 14496-12), or one of QuickTime's.
    Boxes,
    /// With EBML, and this document type.
    Ebml(&'static [u8]),
    /// With RIFF, and this form.
    Riff(&'static [u8]),
    /// With one of these.
    With(&'static [&'static [u8]]),
    /// With a packet of a transport stream, 188 or 192 bytes after another.
    Packets,
    /// With a frame of MPEG audio, or its tag.
    MpegAudio,
    /// As text does.
    Text,
}

/// Endings, media type, beginning.
const KINDS: [(&[&str], &str, Begins); 26] = [
    (&["mp4", "m4v"], "video/mp4", Begins::Boxes),
    (&["mov", "qt"], "video/quicktime", Begins::Boxes),
    (&["3gp"], "video/3gpp", Begins::Boxes),
    (&["m4a", "m4b"], "audio/mp4", Begins::Boxes),
    (&["mkv", "mk3d"], "video/x-matroska", Begins::Ebml(b"matroska")),
    (&["mka"], "audio/x-matroska", Begins::Ebml(b"matroska")),
    (&["webm"], "video/webm", Begins::Ebml(b"webm")),
    (&["avi", "divx"], "video/x-msvideo", Begins::Riff(b"AVI ")),
    (&["wav"], "audio/wav", Begins::Riff(b"WAVE")),
    (&["ogv", "ogm"], "video/ogg", Begins::With(&[b"OggS"])),
    (&["ogg", "oga", "opus", "spx"], "audio/ogg", Begins::With(&[b"OggS"])),
    (&["ts", "m2ts", "mts"], "video/mp2t", Begins::Packets),
    (&["mpg", "mpeg", "vob"], "video/mpeg", Begins::With(&[b"\0\0\x01\xba", b"\0\0\x01\xb3"])),
    (&["flv"], "video/x-flv", Begins::With(&[b"FLV\x01"])),
    (&["wmv"], "video/x-ms-wmv", Begins::With(&[b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"])),
    (&["asf"], "video/x-ms-asf", Begins::With(&[b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"])),
    (&["wma"], "audio/x-ms-wma", Begins::With(&[b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"])),
    (&["mp3"], "audio/mpeg", Begins::MpegAudio),
    (&["aac"], "audio/aac", Begins::MpegAudio),
    (&["flac"], "audio/flac", Begins::With(&[b"fLaC"])),
    (&["ac3"], "audio/ac3", Begins::With(&[b"\x0b\x77"])),
    (&["aif", "aiff"], "audio/aiff", Begins::With(&[b"FORM"])),
    (&["vtt"], "text/vtt; charset=utf-8", Begins::With(&[b"WEBVTT", b"\xef\xbb\xbfWEBVTT"])),
    (&["srt"], "application/x-subrip", Begins::Text),
    (&["ass", "ssa"], "text/x-ssa", Begins::Text),
    (&["sub"], "text/x-microdvd", Begins::Text),
];

/// The ending of a name in lower case.
fn ending(name: &str) -> String {
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

/// The media type by the name alone, for choosing a file; `None` for what no player shows.
pub(in crate::http) fn by_name(name: &str) -> Option<&'static str> {
    let ending = ending(name);
    KINDS.iter().find(|(endings, ..)| endings.contains(&ending.as_str())).map(|(_, kind, _)| *kind)
}

/// Whether a file can be shown beside a film.
pub(in crate::http) fn is_subtitle(name: &str) -> bool {
    matches!(ending(name).as_str(), "srt" | "vtt" | "ass" | "ssa")
}

/// The media type of a file of this name that begins so.
pub(super) fn of(name: &str, head: &[u8]) -> &'static str {
    let ending = ending(name);
    let found = KINDS.iter().find(|(endings, ..)| endings.contains(&ending.as_str()));
    found.filter(|(.., begins)| agrees(*begins, head)).map_or(UNKNOWN, |(_, kind, _)| *kind)
}

fn agrees(begins: Begins, head: &[u8]) -> bool {
    match begins {
        Begins::Boxes => {
            let name = head.get(4..8).unwrap_or_default();
            [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"].iter().any(|known| name == *known)
        }
        Begins::Ebml(document) => {
            let has_it = |window: &[u8]| window == document;
            // The document type stands within the first header, which is short.
            let near = &head[..head.len().min(64)];
            head.starts_with(b"\x1a\x45\xdf\xa3") && near.windows(document.len()).any(has_it)
        }
        Begins::Riff(form) => head.starts_with(b"RIFF") && head.get(8..12) == Some(form),
        Begins::With(all) => all.iter().any(|start| head.starts_with(start)),
        Begins::Packets => {
            let at = |index: usize| head.get(index) == Some(&0x47);
            (at(0) && at(188)) || (at(4) && at(196))
        }
        Begins::MpegAudio => {
            // Eleven bits of ones are the word that frames begin with.
            let is_frame = matches!(head, [0xff, second, ..] if second & 0xe0 == 0xe0);
            is_frame || head.starts_with(b"ID3")
        }
        Begins::Text => {
            let is_marked = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
            let is_control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c);
            is_marked || !head.iter().any(is_control)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_beginning_must_agree() {
        let mut packets = vec![0; 400];
        (packets[0], packets[188]) = (0x47, 0x47);
        let webm = b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webmB\x87";
        let mkv = b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x23B\x82\x88matroska";
        let good: [(&str, &[u8], &str); 14] = [
            ("Film.MP4", b"\0\0\0\x20ftypisom", "video/mp4"),
            ("a.mkv", mkv, "video/x-matroska"),
            ("a.webm", webm, "video/webm"),
            ("a.avi", b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo"),
            ("a.ogv", b"OggS\0", "video/ogg"),
            ("a.ts", &packets, "video/mp2t"),
            ("a.mpg", b"\0\0\x01\xba\x44", "video/mpeg"),
            ("a.mp3", b"ID3\x04", "audio/mpeg"),
            ("a.mp3", b"\xff\xfb\x90", "audio/mpeg"),
            ("a.flac", b"fLaC", "audio/flac"),
            ("a.wav", b"RIFF\0\0\0\0WAVE", "audio/wav"),
            ("a.vtt", b"WEBVTT\n", "text/vtt; charset=utf-8"),
            ("a.srt", b"1\r\n00:00:01,000 --> 00:00:02,000\r\n", "application/x-subrip"),
            ("a.mov", b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        ];
        for (name, head, kind) in good {
            assert_eq!(of(name, head), kind, "{name}");
        }
        let bad: [(&str, &[u8]); 11] = [
            ("a.mp4", b"<!doctype html><script>"),
            ("a.mp4", b"MZ\x90\0"),
            ("a.mp4", b""),
            ("a.webm", mkv),
            ("a.mkv", webm),
            ("a.html", b"<!doctype html>"),
            ("a.svg", b"<svg"),
            ("a", b"\0\0\0\x20ftypisom"),
            ("a.mp4.exe", b"\0\0\0\x20ftypisom"),
            ("a.srt", b"MZ\x90\0\x03"),
            ("a.vtt", b"<html>"),
        ];
        for (name, head) in bad {
            assert_eq!(of(name, head), UNKNOWN, "{name}");
        }
    }
}
