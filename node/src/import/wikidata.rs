//! Wikidata: the JSON of a query (SPARQL 1.1 results), or entities, one a line as in the dumps or together as the API
//! gives them. They say what works are; releases they know none.

use super::encoding::to_text_lossy;
use super::fields::{self, line, overview};
use super::{FILE_BYTES_MAX, ImportError, LINE_TOO_LONG, Line, ROWS_MAX, Shown, Sink, next_line, results};
use crate::http::{Record, Row};
use heirloom_proto::WorkId;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

/// What something is an instance of (P31), by the kind that it is here. The classes that films, series and the rest have
/// most often; of others an external id tells.
const CLASSES: &[(&str, &[u64])] = &[
    (
        "film",
        &[
            11_424, 24_862, 202_866, 29_168_811, 506_240, 226_730, 93_204, 24_869, 20_667_187, 17_517_379, 20_650_540,
            52_162_262, 336_144, 645_928, 18_011_172, 20_442_589, 1_361_932,
        ],
    ),
    ("series", &[5_398_426, 1_259_759, 581_714, 117_467_246, 526_877, 15_416, 63_952_888, 7_724_161, 21_188_110]),
    ("episode", &[21_191_270, 1_983_062, 50_062_923]),
    ("album", &[482_994, 208_569, 169_930, 222_910]),
    ("book", &[571, 7_725_634, 47_461_344, 8_261, 3_331_189, 277_759]),
    ("software", &[7_397, 341, 9_143, 7_889, 131_212, 166_142, 1_639_024]),
];

/// Most titles of one work that are taken: what the wire has room for.
pub const TITLES_MAX: usize = 40;

/// Bytes that titles in other languages may take together, so that a record fits with an overview.
pub const TITLES_BYTES_MAX: usize = 1500;

/// Languages whose label is the title, first the most widely read.
const TITLE_LANGUAGES: &[&str] = &["en", "mul", "en-gb", "en-us", "de", "fr", "es", "it", "nl", "pt"];

/// Reads results or entities.
///
/// # Errors
/// [`ImportError`] when it is neither, or cannot be read.
pub fn read(input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let first = loop {
        match next_line(input)? {
            Line::End => return Err(ImportError::NotThis("this is no export of Wikidata: it is empty".into())),
            Line::Whole(line) if line.trim_ascii().is_empty() => {}
            Line::Whole(line) => break line,
            Line::TooLong => return Err(ImportError::NotThis(LINE_TOO_LONG.into())),
        }
    };
    let start = to_text_lossy(&first);
    let start = start.trim();
    let is_entity_line = start == "["
        || start.trim_end_matches(',').ends_with('}')
            && start.contains("\"id\"")
            && !start.contains("\"entities\"")
            && !start.contains("\"bindings\"");
    if is_entity_line {
        return read_lines(first, input, sink);
    }
    let mut text = first;
    text.push(b'\n');
    input.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        let message = format!("more than {} MiB: ask the query for fewer works at once", FILE_BYTES_MAX >> 20);
        return Err(ImportError::NotThis(message));
    }
    let text = to_text_lossy(&text);
    if !text.trim_start().starts_with(['{', '[']) {
        let bindings = results::of_table(&text)
            .map_err(|why| ImportError::NotThis(format!("this is no export of Wikidata: {why}")))?;
        read_bindings(&bindings, sink);
        return Ok(());
    }
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| ImportError::NotThis(format!("this is no export of Wikidata: {error}")))?;
    if let Some(bindings) = value.pointer("/results/bindings").and_then(Value::as_array) {
        read_bindings(bindings, sink);
    } else if let Some(entities) = value["entities"].as_object() {
        for (id, entity) in entities.iter().take(ROWS_MAX) {
            if !sink.row(Shown(id).to_string().trim_matches('"').to_owned(), of_entity(entity)) {
                break;
            }
        }
    } else if let Some(all) = value.as_array()
        && all.iter().any(|one| one.get("claims").is_none() && one.get("id").is_none())
    {
        read_bindings(&results::of_list(all), sink);
    } else if let Some(all) = value.as_array() {
        for (at, entity) in all.iter().enumerate().take(ROWS_MAX) {
            if !sink.row(format!("item {}", at + 1), of_entity(entity)) {
                break;
            }
        }
    } else {
        let message = "this is no export of Wikidata: it has neither results of a query nor entities";
        return Err(ImportError::NotThis(message.into()));
    }
    Ok(())
}

fn read_lines(first: Vec<u8>, input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let (mut number, mut rows, mut line) = (1_u64, 0, Line::Whole(first));
    loop {
        let item = format!("line {number}");
        let row = match line {
            Line::End => return Ok(()),
            Line::TooLong => Some(Err(LINE_TOO_LONG.into())),
            Line::Whole(bytes) => {
                let text = to_text_lossy(&bytes);
                let text = text.trim().trim_end_matches(',');
                let parsed =
                    || serde_json::from_str::<Value>(text).map_err(|_| format!("{} is no entity", Shown(text)));
                (!matches!(text, "" | "[" | "]")).then(|| parsed().and_then(|value| of_entity(&value)))
            }
        };
        if let Some(row) = row {
            rows += 1;
            if rows > ROWS_MAX {
                sink.row(item, Err(format!("more than {ROWS_MAX} entities: the rest was not read")));
                return Ok(());
            }
            if !sink.row(item, row) {
                return Ok(());
            }
        }
        line = next_line(input)?;
        number += 1;
    }
}

/// What is gathered of a work.
#[derive(Default)]
struct Gathered {
    ids: Vec<String>,
    labels: Vec<(String, String)>,
    original_title: String,
    original_language: String,
    year: Option<u32>,
    kind: Option<&'static str>,
    overview: String,
    runtime_min: Option<u32>,
    languages: Vec<String>,
    people: Vec<(String, String)>,
    genres: Vec<String>,
}

impl Gathered {
    fn add_id(&mut self, id: &str) {
        // An id that is none is left out: who exported it did not write it.
        if let Ok(id) = id.parse::<WorkId>()
            && !self.ids.contains(&id.to_string())
            && self.ids.len() < 16
        {
            self.ids.push(id.to_string());
        }
    }

    fn add_label(&mut self, language: &str, label: &str) -> Result<(), String> {
        let (language, label) = (line("language", language, 35)?, line("label", label, 300)?);
        if !label.is_empty() && !self.labels.contains(&(language.clone(), label.clone())) {
            self.labels.push((language, label));
        }
        Ok(())
    }

    fn into_row(mut self) -> Result<Row, String> {
        if self.ids.is_empty() {
            return Err("it has no id".into());
        }
        let rank = |language: &str| TITLE_LANGUAGES.iter().position(|known| *known == language).unwrap_or(usize::MAX);
        self.labels.sort_by(|a, b| rank(&a.0).cmp(&rank(&b.0)).then(a.cmp(b)));
        let own = self
            .labels
            .iter()
            .find(|(language, _)| *language == self.original_language)
            .map(|(_, label)| label.clone());
        let title = match self.labels.first() {
            Some((_, label)) => label.clone(),
            None if !self.original_title.is_empty() => self.original_title.clone(),
            None => return Err("it has no label in any language, so it has no title".into()),
        };
        let original_title = if self.original_title.is_empty() { own.unwrap_or_default() } else { self.original_title };
        let kind = match (self.kind, &self.ids) {
            (Some(kind), _) => kind,
            (None, ids) if ids.iter().any(|id| id.starts_with("tmdb:tv/") || id.starts_with("tvdb:")) => "series",
            (None, ids) if ids.iter().any(|id| id.starts_with("imdb:") || id.starts_with("tmdb:")) => "film",
            (None, _) => {
                return Err("it is neither a film nor a series nor any other kind of work that is known".into());
            }
        };
        let mut bytes = 0;
        let mut titles = Vec::new();
        for (language, label) in self.labels {
            bytes += language.len() + label.len() + 6;
            if bytes > TITLES_BYTES_MAX || titles.len() >= TITLES_MAX {
                break;
            }
            // Most languages take a title as it is: then it says nothing more.
            if label != title && !titles.iter().any(|(_, known)| *known == label) {
                titles.push((language, label));
            }
        }
        let record = Record {
            ids: self.ids,
            original_title: if original_title == title { String::new() } else { original_title },
            title,
            year: self.year,
            kind: kind.to_owned(),
            overview: self.overview,
            genres: self.genres,
            languages: self.languages,
            runtime_min: self.runtime_min,
            titles,
            people: self.people,
            episodes: Vec::new(),
        };
        Ok(Row { record: Some(record), is_further: false, release: None })
    }
}

/// The values that an entity's property has: those of the best rank first.
fn claims<'a>(entity: &'a Value, property: &str) -> Vec<&'a Value> {
    let all = entity["claims"][property].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut found: Vec<&Value> = all.iter().filter(|claim| claim["rank"] != "deprecated").take(200).collect();
    found.sort_by_key(|claim| claim["rank"] != "preferred");
    found.into_iter().map(|claim| &claim["mainsnak"]["datavalue"]["value"]).collect()
}

fn number_of(value: &Value) -> Option<u64> {
    let id = value["id"].as_str().and_then(|id| id.strip_prefix('Q')).and_then(|id| id.parse().ok());
    id.or_else(|| value["numeric-id"].as_u64())
}

fn of_entity(entity: &Value) -> Result<Row, String> {
    let Some(id) = entity["id"].as_str().filter(|id| id.starts_with('Q')) else {
        return Err("it is no item of Wikidata: it has no id such as Q4".into());
    };
    let mut all = Gathered::default();
    all.add_id(&format!("wikidata:{id}"));
    let texts = |property: &str| -> Vec<String> {
        claims(entity, property).into_iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    for (property, before) in
        [("P345", "imdb:"), ("P4947", "tmdb:movie/"), ("P4983", "tmdb:tv/"), ("P4835", "tvdb:"), ("P436", "mbid:")]
    {
        for text in texts(property) {
            all.add_id(&format!("{before}{text}"));
        }
    }
    for (language, label) in entity["labels"].as_object().into_iter().flatten() {
        all.add_label(language, label["value"].as_str().unwrap_or_default())?;
    }
    if let Some(title) = claims(entity, "P1476").first() {
        all.original_title = line("title", title["text"].as_str().unwrap_or_default(), 300)?;
        all.original_language = title["language"].as_str().unwrap_or_default().chars().take(35).collect();
    }
    // The first showing: the earliest of several.
    let years = claims(entity, "P577").into_iter().chain(claims(entity, "P580"));
    all.year = years.filter_map(|value| year_of(value["time"].as_str()?)).min();
    let classes: Vec<u64> = claims(entity, "P31").into_iter().filter_map(number_of).collect();
    all.kind =
        CLASSES.iter().find(|(_, known)| classes.iter().any(|class| known.contains(class))).map(|(kind, _)| *kind);
    let described = ["en", "mul", "de", "fr", "es"].iter().find_map(|l| entity["descriptions"][l]["value"].as_str());
    all.overview = overview(described.unwrap_or_default());
    let minutes = claims(entity, "P2047").into_iter().find_map(|value| {
        // In minutes, by its unit.
        let is_minutes = value["unit"].as_str().is_some_and(|unit| unit.ends_with("/Q7727"));
        value["amount"].as_str().filter(|_| is_minutes)?.trim_start_matches('+').split('.').next()?.parse::<u32>().ok()
    });
    all.runtime_min = minutes.filter(|minutes| (1..=100_000).contains(minutes));
    all.into_row()
}

/// The year of `+2008-05-30T00:00:00Z`.
fn year_of(text: &str) -> Option<u32> {
    let digits = text.trim_start_matches('+');
    if text.starts_with('-') {
        return None;
    }
    digits.split(['-', 'T']).next()?.parse().ok().filter(|year| (1..=9999).contains(year))
}

/// Results of a query: every row of one item says something of it, as joins give them.
fn read_bindings(bindings: &[Value], sink: &mut dyn Sink) {
    let mut order: Vec<String> = Vec::new();
    let mut by_item: BTreeMap<String, (usize, Result<Gathered, String>)> = BTreeMap::new();
    for (at, binding) in bindings.iter().enumerate() {
        let Some(variables) = binding.as_object() else { continue };
        let uri = |value: &Value| {
            let text = value["value"].as_str()?;
            let id = text.rsplit('/').next()?;
            let is_item = text.contains("wikidata.org/entity/Q") && id.get(1..)?.bytes().all(|b| b.is_ascii_digit());
            is_item.then(|| id.to_owned())
        };
        // The item is the first variable that is one and that has a usual name, else the first at all.
        let usual = ["item", "film", "movie", "work", "series", "show", "album", "book"];
        let item = usual
            .iter()
            .find_map(|name| variables.get(*name).and_then(uri))
            .or_else(|| variables.values().find_map(uri));
        let Some(item) = item else {
            sink.row(format!("result {}", at + 1), Err("it names no item of Wikidata: select the item too".into()));
            continue;
        };
        if !by_item.contains_key(&item) {
            if order.len() >= ROWS_MAX {
                continue;
            }
            order.push(item.clone());
        }
        let (_, gathered) = by_item.entry(item.clone()).or_insert_with(|| {
            let mut fresh = Gathered::default();
            fresh.add_id(&format!("wikidata:{item}"));
            (at + 1, Ok(fresh))
        });
        let added = match gathered {
            Ok(all) => add_binding(all, variables, &item),
            Err(_) => Ok(()),
        };
        if let Err(reason) = added {
            *gathered = Err(reason);
        }
    }
    for item in order {
        let Some((_, gathered)) = by_item.remove(&item) else { continue };
        let row = gathered.and_then(|mut all| {
            // A query that asks for films names no class.
            all.kind = all.kind.or(Some("film").filter(|_| all.ids.len() == 1));
            all.into_row()
        });
        if !sink.row(item, row) {
            return;
        }
    }
}

fn add_binding(all: &mut Gathered, variables: &serde_json::Map<String, Value>, item: &str) -> Result<(), String> {
    for (name, value) in variables {
        let Some(text) = value["value"].as_str().map(str::trim).filter(|text| !text.is_empty()) else { continue };
        let lower = name.to_ascii_lowercase();
        let language = value["xml:lang"].as_str().unwrap_or_default();
        // Without a label the service gives the number instead.
        let is_number =
            text == item || (text.starts_with('Q') && text.len() > 1 && text[1..].bytes().all(|b| b.is_ascii_digit()));
        match lower.as_str() {
            _ if lower.contains("imdb") => all.add_id(&format!("imdb:{text}")),
            _ if lower.contains("tmdb") || lower.contains("moviedb") => {
                let is_tv = lower.contains("tv") || lower.contains("series");
                let has_kind = text.contains('/');
                all.add_id(&if has_kind {
                    format!("tmdb:{text}")
                } else {
                    format!("tmdb:{}/{text}", if is_tv { "tv" } else { "movie" })
                });
            }
            _ if lower.contains("tvdb") => all.add_id(&format!("tvdb:{text}")),
            "originaltitle" | "original_title" | "nativelabel" => all.original_title = line("title", text, 300)?,
            "kind" | "type" => {
                let known = CLASSES.iter().map(|(kind, _)| *kind).find(|kind| *kind == text.to_lowercase());
                let class = text.rsplit('/').next().and_then(|id| id.strip_prefix('Q')?.parse::<u64>().ok());
                let by_class = class.and_then(|class| CLASSES.iter().find(|(_, all)| all.contains(&class)));
                all.kind = all.kind.or(known).or(by_class.map(|(kind, _)| *kind));
            }
            _ if lower.contains("date") || lower.contains("year") => {
                let year = if text.starts_with(['+', '-']) { year_of(text) } else { fields::year(text)? };
                all.year = [all.year, year].into_iter().flatten().min();
            }
            _ if lower.ends_with("description") => all.overview = overview(text),
            _ if lower.contains("director") && !is_number && !text.contains("://") => {
                add_person(all, text, "director")?;
            }
            _ if (lower.contains("cast") || lower.contains("actor")) && !is_number && !text.contains("://") => {
                add_person(all, text, "actor")?;
            }
            _ if lower.contains("genre") && !is_number && !text.contains("://") => {
                let genre = line("genre", text, 40)?;
                if all.genres.len() < 16 && !all.genres.contains(&genre) {
                    all.genres.push(genre);
                }
            }
            _ if (lower.ends_with("label") || lower == "title") && !is_number => {
                let of_name = lower.strip_suffix("label").unwrap_or_default();
                let is_items =
                    ["item", "film", "movie", "work", "series", "show", "album", "book", ""].contains(&of_name);
                if is_items || !language.is_empty() {
                    all.add_label(language, text)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn add_person(all: &mut Gathered, name: &str, role: &str) -> Result<(), String> {
    let person = (line("name", name, 100)?, role.to_owned());
    if all.people.len() < 12 && !all.people.contains(&person) {
        all.people.push(person);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Kept, kept, why};
    use super::super::{Format, ImportError, read};
    use serde_json::json;

    fn sintel() -> serde_json::Value {
        let text = |value: &str| json!([{"rank": "normal", "mainsnak": {"datavalue": {"value": value}}}]);
        json!({
            "type": "item", "id": "Q1201341",
            "labels": {"en": {"language": "en", "value": "Sintel"}, "ja": {"value": "シンテル"}, "fr": {"value": "Sintel"}},
            "descriptions": {"en": {"value": "2010 open film"}},
            "claims": {
                "P31": [{"rank": "normal", "mainsnak": {"datavalue": {"value": {"id": "Q24862"}}}}],
                "P345": text("tt1727587"), "P4947": text("45745"),
                "P577": [{"rank": "normal", "mainsnak": {"datavalue": {"value": {"time": "+2010-09-27T00:00:00Z"}}}},
                         {"rank": "deprecated", "mainsnak": {"datavalue": {"value": {"time": "+1900-00-00T00:00:00Z"}}}}],
                "P2047": [{"rank": "normal", "mainsnak": {"datavalue": {"value": {"amount": "+15", "unit": "http://www.wikidata.org/entity/Q7727"}}}}],
            },
        })
    }

    #[test]
    fn entities_are_read_as_dumps_and_the_interface_give_them() {
        let dump = format!("[\n{},\n{{\"id\":\"Q5\",\"claims\":{{}}}},\nhello\n{{\"type\":\"item\"}}\n]\n", sintel());
        let together = json!({"entities": {"Q1201341": sintel()}}).to_string();
        let list = format!("[{}]", sintel());
        for (text, skipped) in [(dump, 3), (together, 0), (list, 0), (sintel().to_string(), 0)] {
            let kept = kept(Format::Wikidata, text.as_bytes());
            assert_eq!((kept.rows.len(), kept.skipped.len()), (1, skipped), "{:?}", kept.skipped);
            let record = kept.rows[0].record.as_ref().expect("a work");
            assert_eq!(record.ids, ["wikidata:Q1201341", "imdb:tt1727587", "tmdb:movie/45745"]);
            assert_eq!((record.title.as_str(), record.year, record.kind.as_str()), ("Sintel", Some(2010), "film"));
            assert_eq!(record.titles, [("ja".to_owned(), "シンテル".to_owned())]);
            assert_eq!((record.overview.as_str(), record.runtime_min), ("2010 open film", Some(15)));
        }
    }

    #[test]
    fn rows_of_a_query_about_one_item_are_one_work() {
        let row = |lang: &str, label: &str, director: &str| {
            json!({
                "item": {"type": "uri", "value": "http://www.wikidata.org/entity/Q1201341"},
                "itemLabel": {"type": "literal", "xml:lang": lang, "value": label},
                "imdb": {"type": "literal", "value": "tt1727587"},
                "tmdbId": {"type": "literal", "value": "45745"},
                "publicationDate": {"type": "literal", "value": "2010-09-27T00:00:00Z"},
                "directorLabel": {"type": "literal", "value": director},
            })
        };
        let absurd = json!({"film": {"value": "http://www.wikidata.org/entity/Q2"}, "filmLabel": {"value": "Late"}, "year": {"value": "99999"}});
        let text = json!({"head": {"vars": ["item"]}, "results": {"bindings": [
            row("en", "Sintel", "Colin Levy"), row("ja", "シンテル", "Colin Levy"), absurd, {"x": {"value": "y"}},
        ]}});
        let kept = kept(Format::Wikidata, text.to_string().as_bytes());
        assert_eq!((kept.rows.len(), kept.skipped.len()), (1, 2), "{:?}", kept.skipped);
        let record = kept.rows[0].record.as_ref().expect("a work");
        assert_eq!(record.ids, ["wikidata:Q1201341", "imdb:tt1727587", "tmdb:movie/45745"]);
        assert_eq!((record.title.as_str(), record.year), ("Sintel", Some(2010)));
        assert_eq!(record.people, [("Colin Levy".to_owned(), "director".to_owned())]);
        assert_eq!(record.titles.len(), 1);
        assert!(why(&kept, "Q2").contains("99999"));
        assert!(why(&kept, "result 4").contains("no item"));
    }

    #[test]
    fn hostile_labels_and_no_export_are_told() {
        let mut hostile = sintel();
        hostile["labels"]["en"]["value"] = json!("a\u{202e}b");
        let kept = kept(Format::Wikidata, json!({"entities": {"Q1": hostile}}).to_string().as_bytes());
        assert!(why(&kept, "Q1").contains("U+202E"));
        for text in ["", "{}", "{\"entities\":", "5"] {
            let refused = read(Format::Wikidata, &mut text.as_bytes(), &mut Kept::default()).expect_err("none");
            assert!(matches!(refused, ImportError::NotThis(_)), "{refused}");
        }
    }
}
