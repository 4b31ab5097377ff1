//! Reads other people's catalogues: tables, lines of JSON, feeds, Wikidata, folders of torrents. Each becomes rows, one
//! after the other, and of each row that cannot be taken one sentence says why. What it must not know: nodes, networks,
//! where the bytes come from.
//!
//! Everything here may come from a stranger: every reader has a limit of bytes, lines and nesting.

mod columns;
pub(crate) mod encoding;
mod feed;
mod fields;
mod namesakes;
mod objects;
mod results;
mod table;
mod torrents;
mod wikidata;

use crate::http::Row;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Longest file that is read as a whole, in bytes: 64 MiB, some 300,000 rows.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// Longest feed in bytes: 16 MiB, 10,000 entries of a talkative one. A feed that never ends is read so far.
pub const FEED_BYTES_MAX: usize = 16 << 20;

/// Longest line in bytes: an entity of Wikidata with every label and claim has two or three MiB.
pub const LINE_BYTES_MAX: usize = 8 << 20;

/// Why a line is passed over.
const LINE_TOO_LONG: &str = "the line is longer than the 8 MiB that a line may have";

/// Most rows of one import: five times what a key may say and others keep of it.
pub const ROWS_MAX: usize = 100_000;

/// Most bytes of text that is shown of a wrong value.
const SHOWN_CHARS_MAX: usize = 60;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Torrent files, or magnet links by the line.
    Torrent,
    /// A table.
    Csv,
    /// Objects.
    Json,
    /// RSS or Atom.
    Rss,
    /// Results or entities.
    Wikidata,
    /// Signed statements: not read here.
    Statements,
}

/// Who takes rows in as they are read.
pub trait Sink {
    /// A row, or why there is none, by what a person calls it: `line 3`. False: read no further.
    fn row(&mut self, item: String, row: Result<Row, String>) -> bool;

    /// The content of a torrent that was just given as a row: the torrent file, and where its file or folder lies.
    fn content(&mut self, item: &str, torrent: &Path, content: &Path) {
        let _ = (item, torrent, content);
    }

    /// Something about the whole of it.
    fn note(&mut self, note: String);
}

/// Why nothing can be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is not what it should be.
    #[error("{0}")]
    NotThis(String),
}

/// What the beginning of a file says that it is. `None`: nothing known.
#[must_use]
pub fn guess(start: &[u8]) -> Option<Format> {
    // Of another version too: its reader says so.
    if start.starts_with(b"heirloom/") {
        return Some(Format::Statements);
    }
    let is_torrent = start.first() == Some(&b'd') && start.get(1).is_some_and(u8::is_ascii_digit);
    if is_torrent && start.iter().skip(1).take(4).any(|byte| *byte == b':') {
        return Some(Format::Torrent);
    }
    let text = encoding::to_text_lossy(start);
    let text = text.trim_start();
    let lower: String = text.chars().take(1000).collect::<String>().to_ascii_lowercase();
    if lower.starts_with("magnet:") {
        return Some(Format::Torrent);
    }
    if lower.starts_with('<') {
        return (!lower.starts_with("<!doctype html") && !lower.starts_with("<html")).then_some(Format::Rss);
    }
    if text.starts_with(['{', '[']) {
        let has = |word: &str| text.contains(word);
        let is_result = has("\"bindings\"") || (has("\"head\"") && has("\"vars\""));
        let is_flat = results::is_flat(text);
        let is_entity = has("\"entities\"") || (has("\"type\":\"item\"") || has("\"type\": \"item\""));
        return Some(if is_result || is_entity || is_flat { Format::Wikidata } else { Format::Json });
    }
    if results::is_flat(text) {
        return Some(Format::Wikidata);
    }
    table::is_header(text.lines().next().unwrap_or_default()).then_some(Format::Csv)
}

/// What a web server and a name say that a file is, where its content does not. `None`: nothing known.
#[must_use]
pub fn guess_by_name(content_type: &str, name: &str) -> Option<Format> {
    let lower = name.to_ascii_lowercase();
    let ending = lower.rsplit_once('.').map_or("", |(_, ending)| ending);
    match content_type {
        "text/csv" | "text/tab-separated-values" => Some(Format::Csv),
        "application/json" | "application/x-ndjson" | "application/jsonl" | "application/json-seq" => {
            Some(Format::Json)
        }
        "application/rss+xml" | "application/atom+xml" => Some(Format::Rss),
        "application/sparql-results+json" => Some(Format::Wikidata),
        "application/x-bittorrent" => Some(Format::Torrent),
        _ => match ending {
            "csv" | "tsv" => Some(Format::Csv),
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "rss" | "atom" => Some(Format::Rss),
            "torrent" | "magnets" => Some(Format::Torrent),
            _ => None,
        },
    }
}

/// What can be used of a file whose end did not come: of what goes by the line, whole lines. `None`: nothing of it.
#[must_use]
pub fn usable(format: Format, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    match format {
        Format::Rss => return Some(bytes),
        // Half a torrent is none, and of statements nobody knows which end is missing.
        Format::Statements => return None,
        Format::Torrent if bytes.first() == Some(&b'd') => return None,
        Format::Torrent | Format::Csv | Format::Json | Format::Wikidata => {}
    }
    let end = bytes.iter().rposition(|byte| *byte == b'\n')?;
    bytes.truncate(end + 1);
    // A list with an item a line, closed after the last whole one.
    if format == Format::Json && bytes.trim_ascii_start().first() == Some(&b'[') {
        let kept = bytes.trim_ascii_end().strip_suffix(b",").unwrap_or(bytes.trim_ascii_end()).len();
        bytes.truncate(kept);
        bytes.push(b']');
    }
    Some(bytes)
}

/// Reads a file of a format into rows.
///
/// # Errors
/// [`ImportError`] when nothing of it can be read; what is wrong with single rows goes to the sink.
pub fn read(format: Format, input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<(), ImportError> {
    // A table is read as a whole, and guessed at where nothing in it says how it was saved.
    let declared = if format == Format::Csv { None } else { encoding::declared(input.fill_buf()?) };
    let sink: &mut dyn Sink = &mut namesakes::Apart::new(sink);
    match declared {
        Some(encoding) => read_utf8(format, &mut BufReader::new(encoding::Transcoded::new(input, encoding)), sink),
        None => read_utf8(format, input, sink),
    }
}

fn read_utf8(format: Format, input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<(), ImportError> {
    match format {
        Format::Csv => table::read(&whole(input, sink)?, sink),
        Format::Json => objects::read(input, sink),
        Format::Rss => feed::read(input, sink),
        Format::Wikidata => wikidata::read(input, sink),
        Format::Torrent => torrents::read(input, sink),
        Format::Statements => Err(ImportError::NotThis("statements are read elsewhere".into())),
    }
}

/// Reads every torrent file below a folder, or one. Content is looked for beside each, and in the folder `data`.
///
/// # Errors
/// [`ImportError`] when the folder cannot be read.
pub fn read_folder(folder: &Path, data: Option<&Path>, sink: &mut dyn Sink) -> Result<(), ImportError> {
    torrents::read_folder(folder, data, sink)
}

/// All of a file, as far as it may be long.
fn whole(input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    input.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_BYTES_MAX {
        bytes.truncate(FILE_BYTES_MAX);
        let reason = format!("only the first {} MiB were read: split the file", FILE_BYTES_MAX >> 20);
        sink.row("the rest".into(), Err(reason));
    }
    Ok(bytes)
}

/// A line of a file: its bytes without the end, or that it is too long.
enum Line {
    Whole(Vec<u8>),
    TooLong,
    End,
}

/// The next line, of which no more is kept than a line may have.
fn next_line(input: &mut dyn BufRead) -> io::Result<Line> {
    let mut line = Vec::new();
    let read = (&mut *input).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(Line::End);
    }
    if line.len() <= LINE_BYTES_MAX {
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        return Ok(Line::Whole(line));
    }
    // What follows until the end of the line is read and forgotten, piece by piece; of a line without an end so much as
    // a file may have.
    for _ in 0..FILE_BYTES_MAX / LINE_BYTES_MAX {
        line.clear();
        let read = (&mut *input).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
        if read == 0 || line.last() == Some(&b'\n') {
            return Ok(Line::TooLong);
        }
    }
    Ok(Line::TooLong)
}

/// Text of others within a sentence: short, on one line, with nothing in it that turns the line around.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        let start: String = chars.by_ref().take(SHOWN_CHARS_MAX).collect();
        write!(f, "\"{}{}\"", start.escape_debug(), if chars.next().is_some() { "…" } else { "" })
    }
}

#[cfg(test)]
mod testing {
    use super::*;

    /// Keeps everything.
    #[derive(Default)]
    pub struct Kept {
        pub rows: Vec<Row>,
        pub skipped: Vec<(String, String)>,
        pub notes: Vec<String>,
    }

    impl Sink for Kept {
        fn row(&mut self, item: String, row: Result<Row, String>) -> bool {
            match row {
                Ok(row) => self.rows.push(row),
                Err(reason) => {
                    assert!(reason.chars().count() < 400 && !reason.contains(['\n', '\u{202e}']), "{reason}");
                    self.skipped.push((item, reason));
                }
            }
            true
        }

        fn note(&mut self, note: String) {
            self.notes.push(note);
        }
    }

    pub fn kept(format: Format, bytes: &[u8]) -> Kept {
        let mut kept = Kept::default();
        read(format, &mut &*bytes, &mut kept).expect("readable");
        kept
    }

    /// The sentence about one item.
    pub fn why<'a>(kept: &'a Kept, item: &str) -> &'a str {
        let found = kept.skipped.iter().find(|(name, _)| name == item);
        &found.unwrap_or_else(|| panic!("{item} was not skipped: {:?}", kept.skipped)).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_content() {
        let cases: [(&[u8], Option<Format>); 20] = [
            (b"heirloom/1 statements\n", Some(Format::Statements)),
            (b"d8:announce14:http://t/a", Some(Format::Torrent)),
            (b"magnet:?xt=urn:btih:", Some(Format::Torrent)),
            (b"work,title,year\n", Some(Format::Csv)),
            (b"\xef\xbb\xbfTitle;Year;Infohash\r\n", Some(Format::Csv)),
            (b"\xff\xfew\0o\0r\0k\0\t\0t\0i\0t\0l\0e\0\n\0", Some(Format::Csv)),
            (b"sep=;\nwork;title\n", Some(Format::Csv)),
            (b"\n <?xml version='1.0'?><rss/>", Some(Format::Rss)),
            (b"<feed xmlns=\"http://www.w3.org/2005/Atom\">", Some(Format::Rss)),
            (b"<!DOCTYPE html><html>", None),
            (b"<html><body>", None),
            (br#"{"work":"Q4","title":"x"}"#, Some(Format::Json)),
            (br#"[{"work":"Q4"}]"#, Some(Format::Json)),
            (br#"{"head":{"vars":["item"]},"results":{"bindings":[]}}"#, Some(Format::Wikidata)),
            (b"[\n{\"type\":\"item\",\"id\":\"Q4\"},\n", Some(Format::Wikidata)),
            (br#"{"entities":{"Q4":{}}}"#, Some(Format::Wikidata)),
            (b"", None),
            (b"Hello there,\nthis is a letter", None),
            (&[0, 1, 2, 3], None),
            (b"d", None),
        ];
        for (start, format) in cases {
            assert_eq!(guess(start), format, "{}", String::from_utf8_lossy(start));
        }
    }

    #[test]
    fn what_a_server_says_helps_where_the_content_does_not() {
        assert_eq!(guess_by_name("text/csv", "x"), Some(Format::Csv));
        assert_eq!(guess_by_name("application/octet-stream", "Films.CSV"), Some(Format::Csv));
        assert_eq!(guess_by_name("text/plain", "films.jsonl"), Some(Format::Json));
        assert_eq!(guess_by_name("application/rss+xml", ""), Some(Format::Rss));
        assert_eq!(guess_by_name("text/html", "films"), None);
    }

    #[test]
    fn of_a_file_that_was_cut_whole_lines_are_used() {
        let cut =
            |format, text: &str| usable(format, text.as_bytes().to_vec()).map(|b| String::from_utf8(b).expect("text"));
        assert_eq!(cut(Format::Csv, "work,title\nQ4,A film\nQ5,Anoth").as_deref(), Some("work,title\nQ4,A film\n"));
        assert_eq!(cut(Format::Csv, "work,tit"), None);
        assert_eq!(cut(Format::Json, "[\n{\"work\":1},\n{\"wo").as_deref(), Some("[\n{\"work\":1}]"));
        assert_eq!(cut(Format::Torrent, "magnet:?a\nmagnet:?b").as_deref(), Some("magnet:?a\n"));
        assert_eq!(cut(Format::Torrent, "d8:announce\n"), None);
        assert_eq!(cut(Format::Statements, "heirloom/1\n"), None);
    }

    #[test]
    fn each_format_is_read_in_the_encoding_that_it_was_saved_in() {
        let objects = "{\"title\":\"Amélie\",\"year\":2001}\n{\"title\":\"Délicatessen\",\"year\":1991}\n";
        let utf16: Vec<u8> = format!("\u{feff}{objects}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let kept = testing::kept(Format::Json, &utf16);
        assert_eq!((kept.rows.len(), kept.skipped.len()), (2, 0), "{:?}", kept.skipped);
        let hash = "a1".repeat(20);
        let feed = format!(
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><rss><channel><item><title>Amélie 2001</title><link>magnet:?xt=urn:btih:{hash}</link></item></channel></rss>"
        );
        let latin: Vec<u8> = feed.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        let kept = testing::kept(Format::Rss, &latin);
        assert_eq!(kept.rows[0].release.as_ref().expect("a release").name, "Amélie 2001");
        let broken = b"{\"title\":\"Am\xe9lie\"}\n{\"title\":\"Sintel\"}\n";
        let kept = testing::kept(Format::Json, broken);
        assert_eq!(kept.rows.len(), 1);
        assert!(testing::why(&kept, "line 1").contains("not UTF-8"), "{:?}", kept.skipped);
    }

    #[test]
    fn a_line_that_never_ends_is_passed_over() {
        let mut long = vec![b'x'; LINE_BYTES_MAX + 5];
        long.extend_from_slice(b"\nshort\r\n");
        let mut input = &long[..];
        assert!(matches!(next_line(&mut input).expect("read"), Line::TooLong));
        assert!(matches!(next_line(&mut input).expect("read"), Line::Whole(line) if line == b"short"));
        assert!(matches!(next_line(&mut input).expect("read"), Line::End));
        let mut endless = io::BufReader::new(io::repeat(b'x'));
        assert!(matches!(next_line(&mut endless).expect("read"), Line::TooLong));
    }
}
