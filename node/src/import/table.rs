//! Tables: a header, then a row a line, separated by commas, semicolons or tabs.

use super::columns::{Column, known_name};
use super::encoding::{UNREAD, guessed, to_utf8};
use super::fields::Fields;
use super::{ImportError, ROWS_MAX, Shown, Sink};
use std::collections::BTreeSet;

/// Most lines that one row may have. An overview has a few; more, and a quotation mark was never closed.
const ROW_LINES_MAX: u64 = 100;

/// Most rows that are taken up again behind a quotation mark that was never closed: each time the rest is read anew.
const REPAIRS_MAX: usize = 100;

/// Names of columns that are shown when they are left out.
const IGNORED_SHOWN_MAX: usize = 10;

/// The separator by which most names of columns are known, and how many.
fn separator(header: &str) -> (u8, usize) {
    let count = |separator: char| header.split(separator).filter(|name| known_name(name).is_some()).count();
    let all = [(b',', count(',')), (b';', count(';')), (b'\t', count('\t')), (b'|', count('|'))];
    // The first of equals.
    all.into_iter().rev().max_by_key(|(_, count)| *count).unwrap_or((b',', 0))
}

/// `sep=;`, by which spreadsheets tell each other.
fn is_hint(line: &str) -> bool {
    line.trim().to_ascii_lowercase().starts_with("sep=") && line.trim().len() == 5
}

/// Whether a line is the header of a table that can be read.
pub fn is_header(line: &str) -> bool {
    let (by, _) = separator(line);
    let names: Vec<&'static str> = line.split(char::from(by)).filter_map(known_name).collect();
    is_hint(line) || names.contains(&"work") || names.contains(&"title") && names.len() >= 2
}

/// Reads a table.
///
/// # Errors
/// [`ImportError::NotThis`] when the header names neither works nor titles.
pub fn read(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), ImportError> {
    let (bytes, encoding) = to_utf8(bytes);
    if let Some(encoding) = encoding {
        sink.note(guessed(encoding));
    }
    let mut from = 0;
    let mut lines_before = 0;
    let header = loop {
        let end = bytes[from..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| from + at + 1);
        let line = String::from_utf8_lossy(&bytes[from..end]).into_owned();
        let is_end = end == bytes.len();
        from = end;
        lines_before += 1;
        if is_end || !(line.trim().is_empty() || is_hint(&line)) {
            break line;
        }
    };
    let (by, _) = separator(&header);
    let columns = columns(&header, by, sink)?;
    let mut rows = 0;
    let mut repairs = 0;
    loop {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(by).from_reader(&bytes[from..]);
        let mut record = csv::ByteRecord::new();
        let stray = loop {
            let start = reader.position().clone();
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                // Reading from memory does not fail, and rows may have any length.
                Err(error) => return Err(ImportError::NotThis(error.to_string())),
            }
            let begins = record.position().unwrap_or(&start).clone();
            // Empty lines before a row are passed over, and belong to no row.
            let at = from + usize::try_from(begins.byte()).unwrap_or(usize::MAX);
            let ahead = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
            let empty = ahead.filter(|byte| **byte == b'\n').count() as u64;
            let line = lines_before + begins.line() + empty;
            let item = format!("line {line}");
            let lines = reader.position().line().saturating_sub(begins.line() + empty);
            let end = from + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            // The reader takes the end of the file, or the next row's mark, for the missing one.
            let is_misquoted =
                (lines > 1 || end >= bytes.len()) && is_misquoted(bytes.get(at..end).unwrap_or_default(), by);
            if (lines > ROW_LINES_MAX || is_misquoted) && repairs < REPAIRS_MAX {
                let within = if is_misquoted { String::new() } else { format!(" within {ROW_LINES_MAX} lines") };
                sink.row(
                    item,
                    Err(format!(
                        "a quotation mark is opened and not closed{within}: close it; what follows was read without it"
                    )),
                );
                break begins;
            }
            if record.iter().all(|field| field.trim_ascii().is_empty()) {
                continue;
            }
            rows += 1;
            if rows > ROWS_MAX {
                sink.row(item, Err(format!("more than {ROWS_MAX} rows: split the file, the rest was not read")));
                return Ok(());
            }
            if !sink.row(item, row(&record, &columns)) {
                return Ok(());
            }
        };
        repairs += 1;
        let at = from + usize::try_from(stray.byte()).unwrap_or(usize::MAX);
        lines_before += stray.line();
        from = bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end + 1);
    }
}

/// Whether a row ends inside quotation marks, or a value of several lines goes on behind the mark that closes it: then that is
/// the mark which opens a value of another row.
fn is_misquoted(row: &[u8], by: u8) -> bool {
    let (mut is_open, mut begins_value, mut has_lines, mut is_closed) = (false, true, false, false);
    for byte in row {
        // A mark that is doubled closes and opens again. In a value that began without one it means itself.
        match byte {
            b'"' if is_open || begins_value => {
                is_closed = is_open;
                (is_open, begins_value) = (!is_open, is_open);
            }
            b'\n' if is_open => has_lines = true,
            _ if is_open => {}
            byte => {
                begins_value = *byte == by || matches!(byte, b'\n' | b'\r');
                if is_closed && has_lines && !begins_value && *byte != b' ' {
                    return true;
                }
                if begins_value {
                    (has_lines, is_closed) = (false, false);
                }
            }
        }
    }
    is_open
}

/// What each column holds; `None`: nothing that is known here.
fn columns(header: &str, by: u8, sink: &mut dyn Sink) -> Result<Vec<Option<Column>>, ImportError> {
    let names: Vec<&str> = header.trim_end().split(char::from(by)).collect();
    let columns: Vec<Option<Column>> = names.iter().map(|name| Column::of(name)).collect();
    let has = |wanted: &str| columns.iter().flatten().any(|column| column.name == wanted);
    if !["work", "title", "imdb", "tmdb", "tvdb", "wikidata", "also"].into_iter().any(has) {
        return Err(ImportError::NotThis(missing(&names, &columns)));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns.iter().flatten().find(|column| !seen.insert(*column)) {
        let name = twice.name;
        sink.note(format!("two columns are read as \"{name}\": values of both count"));
    }
    let ignored: Vec<String> = names
        .iter()
        .zip(&columns)
        .filter(|(name, column)| column.is_none() && !name.trim().is_empty())
        .map(|(name, _)| Shown(name.trim()).to_string())
        .collect();
    if !ignored.is_empty() {
        let shown: Vec<String> = ignored.iter().take(IGNORED_SHOWN_MAX).cloned().collect();
        let more = if ignored.len() > IGNORED_SHOWN_MAX { " and others" } else { "" };
        sink.note(format!("columns that are not known were left out: {}{more}", shown.join(", ")));
    }
    Ok(columns)
}

/// Which columns a header lacks, and which it has.
fn missing(names: &[&str], columns: &[Option<Column>]) -> String {
    let named = names.iter().zip(columns).filter(|(name, _)| !name.trim().is_empty());
    let (known, other): (Vec<_>, Vec<_>) = named.partition(|(_, column)| column.is_some());
    let list = |some: &[(&&str, &Option<Column>)]| {
        let shown: Vec<String> =
            some.iter().take(IGNORED_SHOWN_MAX).map(|(name, _)| Shown(name.trim()).to_string()).collect();
        let more = if some.len() > IGNORED_SHOWN_MAX { " and others" } else { "" };
        format!("{}{more}", shown.join(", "))
    };
    let found = match (known.is_empty(), other.is_empty()) {
        (true, true) => "it is empty".to_owned(),
        (true, false) => format!("it has {}, of which none is known", list(&other)),
        (false, true) => format!("it has {}", list(&known)),
        (false, false) => format!("it has {}, and {}, which are not known", list(&known), list(&other)),
    };
    format!(
        "the first line names no column \"work\" or \"title\": {found}; a table begins with a line such as work,title,year,kind,licence,infohash"
    )
}

fn row(record: &csv::ByteRecord, columns: &[Option<Column>]) -> Result<crate::http::Row, String> {
    let surplus = record.iter().skip(columns.len()).any(|field| !field.trim_ascii().is_empty());
    if surplus {
        let (has, wants) = (record.len(), columns.len());
        return Err(format!(
            "it has {has} columns, the header {wants}: put values that hold the separator in quotation marks"
        ));
    }
    let mut fields = Fields::default();
    for (bytes, column) in record.iter().zip(columns) {
        let Some(column) = column else { continue };
        let name = column.name;
        let text = std::str::from_utf8(bytes)
            .map_err(|_| format!("the {name} is not UTF-8: save the file in that encoding"))?;
        if text.contains(UNREAD) {
            return Err(format!(
                "the {name} holds U+FFFD, where a letter was lost when the file was saved: write it anew"
            ));
        }
        if text.contains('\0') {
            return Err(format!("the {name} holds U+0000, a character that hides or turns text: remove it"));
        }
        fields.add_to(column, text);
    }
    fields.into_row()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kept, why};
    use super::super::{Format, ImportError, testing::Kept};
    use super::*;

    const OPEN: &str = "work,also,title,year,kind,licence,holder,infohash,trackers,web_seed\n\
        imdb:tt1727587,tmdb:movie/45745,Sintel,2010,film,CC-BY-3.0,Blender Foundation,08ada5a7a6183aae1e09d831df6748d566095a10,udp://tracker.opentrackr.org:1337,https://webtorrent.io/torrents/\n";

    #[test]
    fn a_table_of_open_works_is_read_whole() {
        let kept = kept(Format::Csv, OPEN.as_bytes());
        assert_eq!((kept.rows.len(), kept.skipped.len(), kept.notes.len()), (1, 0, 0));
        let row = &kept.rows[0];
        let (record, release) = (row.record.as_ref().expect("a work"), row.release.as_ref().expect("a release"));
        assert_eq!(record.ids, ["imdb:tt1727587", "tmdb:movie/45745"]);
        assert_eq!(record.people, [("Blender Foundation".to_owned(), "rights holder".to_owned())]);
        assert_eq!((release.licence.as_str(), release.name.as_str()), ("CC-BY-3.0", "Sintel (2010)"));
        assert_eq!(release.trackers, ["udp://tracker.opentrackr.org:1337"]);
        assert_eq!(release.web_seeds, ["https://webtorrent.io/torrents/"]);
    }

    #[test]
    fn separators_marks_and_encodings_of_spreadsheets_are_read() {
        let utf16: Vec<u8> = "\u{feff}Title\tYear\nAmélie\t2001\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}title;year\nAmélie;2001\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [
            "\u{feff}year;title\r\n2001;Amélie\r\n".as_bytes(),
            "title\tyear\nAmélie\t2001".as_bytes(),
            "sep=;\ntitle;year\n\n\"Amélie\";\"2001\"\n".as_bytes(),
            "Title , Year\n Ame\u{301}lie , 2001 \n;;\n".as_bytes(),
            &utf16,
            &big,
        ] {
            let kept = kept(Format::Csv, bytes);
            let record =
                kept.rows.first().and_then(|row| row.record.clone()).unwrap_or_else(|| panic!("{:?}", kept.skipped));
            assert_eq!((record.title.as_str(), record.year), ("Amélie", Some(2001)));
        }
    }

    #[test]
    fn bad_rows_are_told_by_line_and_keep_none_back() {
        let text = "work,title,year,extra\n\
            Q1,Good,2001,x\n\
            nonsense,Bad,2001,x\n\
            Q2,\"two\nlines\",2002,x\n\
            Q3,Late,99999,x\n\
            \n\
            Q4,Many,2004,x,y,z\n\
            Q5,Short\n";
        let mut bytes = text.as_bytes().to_vec();
        bytes.extend_from_slice("Q8,Délicatessen,1991\n".as_bytes());
        bytes.extend_from_slice(b"Q6,Am\xe9lie,2001,\xff\nQ7,Last,2007,\xff\n");
        let kept = kept(Format::Csv, &bytes);
        let titles: Vec<&str> = kept.rows.iter().filter_map(|row| Some(row.record.as_ref()?.title.as_str())).collect();
        assert_eq!(titles, ["Good", "two lines", "Short", "Délicatessen", "Last"]);
        assert!(why(&kept, "line 3").contains("no scheme"));
        assert!(why(&kept, "line 6").contains("99999"));
        assert!(why(&kept, "line 8").contains("6 columns"));
        assert!(why(&kept, "line 11").contains("not UTF-8"));
        assert_eq!(kept.notes, ["columns that are not known were left out: \"extra\""]);
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_costs_its_row_alone() {
        let mut text = "work,title\nQ1,First\nQ2,\"Second\n".to_owned();
        for number in 3..500 {
            text.push_str(&format!("Q{number},Film {number}\n"));
        }
        let kept = kept(Format::Csv, text.as_bytes());
        assert_eq!((kept.rows.len(), kept.skipped.len()), (498, 1));
        assert!(why(&kept, "line 3").contains("quotation mark"));
        let last = kept.rows.last().and_then(|row| row.record.clone()).expect("a work");
        assert_eq!(last.title, "Film 499");
    }

    #[test]
    fn a_quotation_mark_that_is_open_at_the_end_of_a_short_table_is_told() {
        let rows = "Q3,Third\nQ4,\"Fourth \"\"IV\"\"\"\n";
        for (text, bad) in [
            (format!("work,title\nQ2,\"Second\n{rows}"), "line 2"),
            ("work,title\nQ2,\"Second\nQ3,Third\n\"Q4\",\"Fourth \"\"IV\"\"\"\n".to_owned(), "line 2"),
            (format!("work,title\n{rows}Q2,\"Second"), "line 4"),
            (format!("work,title\n{rows}Q2,\"Second \"\"\n"), "line 4"),
        ] {
            let kept = kept(Format::Csv, text.as_bytes());
            let titles: Vec<_> = kept.rows.iter().filter_map(|row| Some(row.record.as_ref()?.title.as_str())).collect();
            assert_eq!(titles, ["Third", "Fourth \"IV\""], "{text}: {:?}", kept.skipped);
            assert!(why(&kept, bad).contains("quotation mark"), "{:?}", kept.skipped);
        }
        let inches = kept(Format::Csv, b"work,title\nQ2,Vinyl 12\"\nQ3,\"Third\"");
        assert_eq!((inches.rows.len(), inches.skipped.len()), (2, 0), "{:?}", inches.skipped);
    }

    #[test]
    fn lines_are_counted_on_behind_a_repair() {
        let mut text = "work,title\nQ2,\"Second\n".to_owned();
        for number in 3..300 {
            text.push_str(&format!("Q{number},Film {number}\n"));
        }
        text.push_str("nonsense,x\n");
        let kept = kept(Format::Csv, text.as_bytes());
        assert!(why(&kept, "line 2").contains("quotation mark"));
        assert!(why(&kept, "line 300").contains("no scheme"), "{:?}", kept.skipped);
    }

    #[test]
    fn older_encodings_are_read_and_lost_letters_are_told() {
        let kept_latin = kept(Format::Csv, b"title;year\nAm\xe9lie Poulain et les \xe9l\xe8ves;2001\n");
        let record = kept_latin.rows[0].record.clone().expect("a work");
        assert_eq!(record.title, "Amélie Poulain et les élèves");
        assert!(kept_latin.notes[0].contains("windows-1252") && kept_latin.notes[0].contains("UTF-8"));
        let lost = kept(Format::Csv, "title,year\nAm\u{fffd}lie,2001\nSintel,2010\n".as_bytes());
        assert!(why(&lost, "line 2").contains("U+FFFD"), "{:?}", lost.skipped);
        assert_eq!(lost.rows.len(), 1);
    }

    #[test]
    fn a_header_without_what_is_needed_says_what_it_has() {
        let refused = |text: &str| read(text.as_bytes(), &mut Kept::default()).expect_err("no table").to_string();
        let mixed = refused("year,colour,licence\n2001,red,CC0\n");
        for part in ["\"work\" or \"title\"", "it has \"year\", \"licence\"", "\"colour\", which are not known"] {
            assert!(mixed.contains(part), "{mixed}");
        }
        assert!(refused("a,b\n1,2\n").contains("it has \"a\", \"b\", of which none is known"));
        assert!(refused("").contains("it is empty"));
        let long = refused(&"column,".repeat(5_000));
        assert!(long.len() < 600 && long.contains("and others"), "{long}");
    }

    #[test]
    fn what_is_no_table_is_refused_with_one_sentence() {
        for text in ["", "hello\nworld\n", "a,b,c\n1,2,3\n"] {
            let refused = read(text.as_bytes(), &mut Kept::default()).expect_err("no table");
            assert!(matches!(refused, ImportError::NotThis(_)) && !refused.to_string().contains('\n'), "{refused}");
        }
    }
}
