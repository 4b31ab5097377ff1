//! Results of a query in the forms in which Wikidata's page hands them out beside the full one: a flat list of objects, and tables.
//! Each becomes what the full form holds, variables by their names.

use serde_json::{Map, Value, json};

/// Whether the beginning of a file is of results as a flat list or a table, and not a list or table of one's own: items are
/// named by their addresses, and their labels stand beside them.
pub fn is_flat(start: &str) -> bool {
    let has_items = start.contains("wikidata.org/entity/Q") || start.contains("wikidata.org\\/entity\\/Q");
    let first = start.lines().next().unwrap_or_default();
    let has_labels = if start.starts_with(['[', '{']) {
        start.contains("Label\"")
    } else {
        first.split([',', '\t']).any(|name| name.trim().trim_matches('"').ends_with("Label"))
    };
    has_items && has_labels
}

/// A value in the full form.
fn binding(text: &str) -> Value {
    let text = text.trim();
    // The verbose table writes values as SPARQL does: <address>, "label"@en, "1968"^^<type>.
    if let Some(address) = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
        return json!({ "type": "uri", "value": address });
    }
    if let Some((label, behind)) = text.strip_prefix('"').and_then(|text| text.rsplit_once('"')) {
        let label = label.replace("\\\"", "\"");
        return match behind.strip_prefix('@') {
            Some(language) => json!({ "type": "literal", "value": label, "xml:lang": language }),
            None => json!({ "type": "literal", "value": label }),
        };
    }
    let kind = if text.starts_with("http://") || text.starts_with("https://") { "uri" } else { "literal" };
    json!({ "type": kind, "value": text })
}

/// The results of a flat list.
pub fn of_list(all: &[Value]) -> Vec<Value> {
    let of_row = |row: &Value| -> Value {
        let variables = row.as_object().into_iter().flatten();
        let named = variables.filter_map(|(name, value)| {
            let text = value.as_str().map(str::to_owned).or_else(|| value.is_number().then(|| value.to_string()))?;
            Some((name.clone(), json!({ "type": binding(&text)["type"], "value": text })))
        });
        Value::Object(named.collect::<Map<_, _>>())
    };
    all.iter().map(of_row).collect()
}

/// The results of a table.
///
/// # Errors
/// Why it is none.
pub fn of_table(text: &str) -> Result<Vec<Value>, String> {
    let header = text.lines().next().unwrap_or_default();
    let is_tabbed = header.contains('\t');
    let mut rows: Vec<Vec<String>> = if is_tabbed {
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    } else {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let rows: Result<Vec<_>, _> =
            reader.records().map(|row| row.map(|row| row.iter().map(str::to_owned).collect())).collect();
        rows.map_err(|error| error.to_string())?
    };
    if rows.len() < 2 {
        return Err("it has no rows".into());
    }
    let names: Vec<String> = rows.remove(0).iter().map(|name| name.trim().trim_start_matches('?').to_owned()).collect();
    let of_row = |row: &Vec<String>| {
        let named = names.iter().zip(row).filter(|(name, text)| !name.is_empty() && !text.is_empty());
        Value::Object(named.map(|(name, text)| (name.clone(), binding(text))).collect::<Map<_, _>>())
    };
    Ok(rows.iter().filter(|row| row.iter().any(|text| !text.is_empty())).map(of_row).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{kept, why};
    use super::super::{Format, guess};

    const CSV: &str = "item,itemLabel,imdb,date\r\n\
        http://www.wikidata.org/entity/Q47103,\"Night, of the Living Dead\",tt0063350,1968-10-01T00:00:00Z\r\n\
        http://www.wikidata.org/entity/Q151599,Nosferatu,tt0013442,1922-03-04T00:00:00Z\r\n";
    const TSV: &str = "item\titemLabel\timdb\tdate\n\
        http://www.wikidata.org/entity/Q47103\tNight, of the Living Dead\ttt0063350\t1968-10-01T00:00:00Z\n\
        http://www.wikidata.org/entity/Q151599\tNosferatu\ttt0013442\t1922-03-04T00:00:00Z\n";
    const VERBOSE: &str = "?item\t?itemLabel\t?imdb\t?date\n\
        <http://www.wikidata.org/entity/Q47103>\t\"Night, of the Living Dead\"@en\t\"tt0063350\"\t\"1968-10-01T00:00:00Z\"^^<http://www.w3.org/2001/XMLSchema#dateTime>\n\
        <http://www.wikidata.org/entity/Q151599>\t\"Nosferatu\"@de\t\"tt0013442\"\t\"1922-03-04T00:00:00Z\"^^<http://www.w3.org/2001/XMLSchema#dateTime>\n";
    const LIST: &str = r#"[{"item":"http://www.wikidata.org/entity/Q47103","itemLabel":"Night, of the Living Dead","imdb":"tt0063350","date":"1968-10-01T00:00:00Z"},
        {"item":"http://www.wikidata.org/entity/Q151599","itemLabel":"Nosferatu","imdb":"tt0013442","date":"1922-03-04T00:00:00Z"}]"#;

    #[test]
    fn every_form_that_the_query_page_hands_out_is_read() {
        for text in [CSV, TSV, VERBOSE, LIST] {
            assert_eq!(guess(text.as_bytes()), Some(Format::Wikidata), "{text}");
            let kept = kept(Format::Wikidata, text.as_bytes());
            let works: Vec<_> = kept.rows.iter().filter_map(|row| row.record.as_ref()).collect();
            let said: Vec<_> = works.iter().map(|work| (work.title.as_str(), work.year)).collect();
            assert_eq!(
                said,
                [("Night, of the Living Dead", Some(1968)), ("Nosferatu", Some(1922))],
                "{:?}",
                kept.skipped
            );
            assert_eq!(works[0].ids, ["wikidata:Q47103", "imdb:tt0063350"], "{text}");
        }
    }

    #[test]
    fn tables_and_lists_of_ones_own_are_not_taken_for_results() {
        let table = "work,title,year\nhttp://www.wikidata.org/entity/Q47103,Night,1968\n";
        assert_eq!(guess(table.as_bytes()), Some(Format::Csv));
        let list = r#"[{"wikidata":"http://www.wikidata.org/entity/Q47103","title":"Night"}]"#;
        assert_eq!(guess(list.as_bytes()), Some(Format::Json));
    }

    #[test]
    fn a_row_without_an_item_is_told() {
        let text = format!("{CSV},Nobody,,\r\n");
        let kept = kept(Format::Wikidata, text.as_bytes());
        assert_eq!(kept.rows.len(), 2);
        assert!(why(&kept, "result 3").contains("names no item"));
    }
}
