//! JSON: an object a line, or a list of objects, with the names that tables have for their columns.

use super::columns::Column;
use super::encoding::{UNREAD, guessed, to_text_lossy, to_utf8};
use super::fields::Fields;
use super::{FILE_BYTES_MAX, ImportError, LINE_TOO_LONG, Line, ROWS_MAX, Shown, Sink, next_line};
use crate::http::Row;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, Read as _};

/// Why what holds bytes that are no text is left out.
const LOST: &str = "it holds bytes that are not UTF-8, or U+FFFD in their place: save the file in that encoding";

/// Most unknown names that are remembered to be told.
const IGNORED_MAX: usize = 20;

/// Reads objects.
///
/// # Errors
/// [`ImportError`] when a list is damaged, or the file cannot be read.
pub fn read(input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut ignored = BTreeSet::new();
    let (mut number, mut rows) = (0_u64, 0);
    loop {
        let line = match next_line(input)? {
            Line::End => break,
            Line::TooLong => {
                number += 1;
                sink.row(format!("line {number}"), Err(LINE_TOO_LONG.into()));
                continue;
            }
            Line::Whole(line) => line,
        };
        number += 1;
        let text = if number == 1 { to_text_lossy(&line) } else { String::from_utf8_lossy(&line).into_owned() };
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        if rows == 0 && text.starts_with('[') {
            read_list(line, input, sink, &mut ignored)?;
            break;
        }
        let value = serde_json::from_str::<Value>(text.trim_end_matches(','));
        let row = value.map_err(|_| format!("{} is no JSON object", Shown(text))).and_then(|v| row(&v, &mut ignored));
        let row = if text.contains(UNREAD) { Err(LOST.to_owned()) } else { row };
        rows += 1;
        if rows > ROWS_MAX {
            sink.row(format!("line {number}"), Err(format!("more than {ROWS_MAX} rows: the rest was not read")));
            break;
        }
        if !sink.row(format!("line {number}"), row) {
            break;
        }
    }
    if !ignored.is_empty() {
        let shown: Vec<String> = ignored.iter().map(|name| Shown(name).to_string()).collect();
        sink.note(format!("fields that are not known were left out: {}", shown.join(", ")));
    }
    Ok(())
}

/// A file that is one list.
fn read_list(
    mut text: Vec<u8>,
    input: &mut dyn BufRead,
    sink: &mut dyn Sink,
    ignored: &mut BTreeSet<String>,
) -> Result<(), ImportError> {
    text.push(b'\n');
    input.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        let message = format!("a list of more than {} MiB: write an object a line instead", FILE_BYTES_MAX >> 20);
        return Err(ImportError::NotThis(message));
    }
    let (utf8, encoding) = to_utf8(&text);
    if let Some(encoding) = encoding {
        sink.note(guessed(encoding));
    }
    let text = String::from_utf8_lossy(&utf8);
    let start = text.trim();
    let mut rest = start.strip_prefix('[').unwrap_or(start);
    for at in 1.. {
        let value = match next_item(rest) {
            Ok(None) => break,
            Ok(Some((value, behind))) => {
                rest = behind;
                value
            }
            Err(why) if at == 1 => return Err(ImportError::NotThis(format!("this is no list of objects: {why}"))),
            // What stands before is good, and where the next one begins nothing tells.
            Err(why) => {
                let why = format!("the list is damaged here, what came behind was not read: {why}");
                sink.row(format!("item {at}"), Err(why));
                break;
            }
        };
        if at > ROWS_MAX {
            sink.row("the rest".into(), Err(format!("more than {ROWS_MAX} rows: the rest was not read")));
            break;
        }
        let row = row(&value, ignored);
        let row = if value.to_string().contains(UNREAD) { Err(LOST.to_owned()) } else { row };
        if !sink.row(format!("item {at}"), row) {
            break;
        }
    }
    Ok(())
}

/// The next value of a list, and what stands behind it; none at its end. A comma that is missing between two is no harm.
fn next_item(rest: &str) -> Result<Option<(Value, &str)>, String> {
    let rest = rest.trim_start();
    if rest.starts_with(']') {
        return Ok(None);
    }
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let cut_off = || "it is cut off".to_owned();
    // Where it is wrong, the library counts from the beginning of this value.
    let why = |error: serde_json::Error| {
        if error.is_eof() {
            return cut_off();
        }
        let text = error.to_string();
        text.split(" at line ").next().unwrap_or_default().to_owned()
    };
    let value = values.next().ok_or_else(cut_off)?.map_err(why)?;
    let behind = rest.get(values.byte_offset()..).unwrap_or_default().trim_start();
    Ok(Some((value, behind.strip_prefix(',').unwrap_or(behind))))
}

fn row(value: &Value, ignored: &mut BTreeSet<String>) -> Result<Row, String> {
    let Some(object) = value.as_object() else {
        return Err(format!("{} is no JSON object", Shown(&value.to_string())));
    };
    let mut fields = Fields::default();
    for (name, value) in object {
        match (Column::of(name), value) {
            (None, _) if ignored.len() < IGNORED_MAX => {
                ignored.insert(name.clone());
            }
            (None, _) => {}
            // By their language: {"ja": "…"}.
            (Some(Column { name: "titles", .. }), Value::Object(titles)) => {
                for (language, title) in titles {
                    let column = Column::of(&format!("title_{language}"));
                    let column = column.ok_or_else(|| format!("{} is no language of a title", Shown(language)))?;
                    add(&mut fields, &column, title)?;
                }
            }
            (Some(column), value) => add(&mut fields, &column, value)?,
        }
    }
    if fields.is_empty() { Err("it has no field that is known".into()) } else { fields.into_row() }
}

fn add(fields: &mut Fields, column: &Column, value: &Value) -> Result<(), String> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => {
            fields.add_to(column, text);
            Ok(())
        }
        Value::Number(number) => {
            fields.add_to(column, &number.to_string());
            Ok(())
        }
        Value::Array(all) if all.iter().all(|one| one.is_string() || one.is_number()) => {
            all.iter().try_for_each(|one| add(fields, column, one))
        }
        _ => Err(format!("the {} is neither text, a number nor a list of them", column.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kept, why};
    use super::super::{Format, ImportError, testing::Kept};

    #[test]
    fn lines_are_read_one_by_one() {
        let text = "\u{feff}{\"work\":\"Q1\",\"title\":\"One\",\"year\":2001,\"colour\":1}\n\
            {\"title\":\n\
            [1]\n\
            {\"work\":\"Q2\",\"title\":\"Two\",\"genres\":[\"drama\",\"comedy\"],\"languages\":[\"de\",\"en\"]},\n\
            {\"work\":\"Q3\",\"title\":{\"a\":1}}\n\
            {\"work\":\"Q4\",\"title\":\"Four\",\"season\":-1,\"episode\":2}\n\
            {\"work\":\"Q5\",\"title\":\"Five\",\"size\":9223372036854775808,\"infohash\":\"08ada5a7a6183aae1e09d831df6748d566095a10\"}\n\
            {\"colour\":\"red\"}\n\
            \"text\"\n\n\
            {\"work\":\"Q6\",\"title\":\"Six\"}";
        let kept = kept(Format::Json, text.as_bytes());
        let titles: Vec<&str> = kept.rows.iter().filter_map(|row| Some(row.record.as_ref()?.title.as_str())).collect();
        assert_eq!(titles, ["One", "Two", "Six"]);
        assert_eq!(kept.rows[1].record.as_ref().expect("a work").genres, ["drama", "comedy"]);
        for (line, wanted) in [(2, "no JSON object"), (3, "no JSON object"), (5, "title"), (6, "-1"), (7, "no size")] {
            assert!(why(&kept, &format!("line {line}")).contains(wanted), "{:?}", kept.skipped);
        }
        assert_eq!(kept.skipped.len(), 7);
        assert_eq!(kept.notes, ["fields that are not known were left out: \"colour\""]);
    }

    #[test]
    fn a_list_over_many_lines_is_read_too() {
        let kept = kept(
            Format::Json,
            b"[\n {\"work\": \"Q1\",\n  \"title\": \"One\"},\n 5,\n {\"title\": \"Two\", \"year\": \"1999\"}\n]\n",
        );
        assert_eq!(kept.rows.len(), 2);
        assert!(why(&kept, "item 2").contains("no JSON object"));
        for bad in ["[{\"wo", "[", "[}", "[{\"work\" \"Q1\"}]"] {
            let refused = super::read(&mut bad.as_bytes(), &mut Kept::default()).expect_err(bad);
            assert!(matches!(refused, ImportError::NotThis(_)), "{refused}");
        }
        assert!(super::read(&mut &b"[]"[..], &mut Kept::default()).is_ok());
    }

    #[test]
    fn of_a_list_that_is_damaged_what_stands_before_is_taken() {
        let good = "{\"work\": \"Q1\", \"title\": \"One\"}";
        for (list, why_not) in [
            (format!("[{good}, {{\"wo"), "cut off"),
            (format!("[{good},\n"), "cut off"),
            (format!("[{good}"), "cut off"),
            (format!("[{good}, {{\"title\": \"Two\" \"year\": 1999}}, {good}]"), "expected `,`"),
        ] {
            let kept = kept(Format::Json, list.as_bytes());
            assert_eq!(kept.rows.len(), 1, "{list}");
            assert!(why(&kept, "item 2").contains(why_not), "{list}: {:?}", kept.skipped);
        }
        let two = kept(Format::Json, format!("[{good} {{\"title\": \"Two\"}}]").as_bytes());
        assert_eq!((two.rows.len(), two.skipped.len()), (2, 0));
    }

    #[test]
    fn titles_in_other_languages_are_named_by_them() {
        let kept = kept(
            Format::Json,
            "{\"title\":\"A\",\"titles\":{\"ja\":\"い\"},\"title_fr\":\"É\"}\n{\"title\":\"B\",\"titles\":{\"nonsense\":\"x\"}}".as_bytes(),
        );
        let titles = &kept.rows[0].record.as_ref().expect("a work").titles;
        let mut titles: Vec<&str> = titles.iter().map(|(language, _)| language.as_str()).collect();
        titles.sort_unstable();
        assert_eq!(titles, ["fr", "ja"]);
        assert!(why(&kept, "line 2").contains("no language"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("{{\"title\":{}}}", "[".repeat(100_000));
        assert_eq!(kept(Format::Json, deep.as_bytes()).skipped.len(), 1);
    }
}
