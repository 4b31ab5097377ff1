//! Rows that would become one work, though they say that other people made them. What it must not know: where rows come from.

use super::Sink;
use crate::http::Row;
use heirloom_proto::WorkId;
use std::collections::HashMap;
use std::path::Path;

/// Passes rows on, but those of a namesake: an id made of title, year and kind is that of two films as soon as two have these.
pub(super) struct Apart<'a> {
    inner: &'a mut dyn Sink,
    /// Who directed what has an id that was made, by the id. As many as rows are taken.
    directors: HashMap<String, Vec<String>>,
}

impl<'a> Apart<'a> {
    pub(super) fn new(inner: &'a mut dyn Sink) -> Self {
        Self { inner, directors: HashMap::new() }
    }

    /// Why this is another work than the one before it of that id.
    fn refusal(&mut self, row: &Row) -> Option<String> {
        let record = row.record.as_ref()?;
        let [id] = &record.ids[..] else { return None };
        if *id != WorkId::of_title(&record.title, record.year.unwrap_or(0), &record.kind).as_str() {
            return None;
        }
        let of_it = record.people.iter().filter(|(_, role)| role == "director").map(|(name, _)| name.clone());
        let of_it: Vec<String> = of_it.collect();
        let first = of_it.first()?.clone();
        let before = self.directors.entry(id.clone()).or_default();
        // One of them in common, and it is one work of which the rows name not everybody.
        let is_same = |name: &String| before.iter().any(|other| other.to_lowercase() == name.to_lowercase());
        if before.is_empty() || of_it.iter().any(is_same) {
            before.extend(of_it);
            return None;
        }
        Some(format!(
            "another row has this title, year and kind, by {}: write hl:{first} in the column work to tell the two apart",
            before[0]
        ))
    }
}

impl Sink for Apart<'_> {
    fn row(&mut self, item: String, row: Result<Row, String>) -> bool {
        let row = row.and_then(|row| self.refusal(&row).map_or(Ok(row), Err));
        self.inner.row(item, row)
    }

    fn content(&mut self, item: &str, torrent: &Path, content: &Path) {
        self.inner.content(item, torrent, content);
    }

    fn note(&mut self, note: String) {
        self.inner.note(note);
    }
}

#[cfg(test)]
mod tests {
    use crate::import::{Format, Sink, read};

    #[derive(Default)]
    struct Taken {
        ids: Vec<String>,
        refused: Vec<String>,
    }

    impl Sink for Taken {
        fn row(&mut self, item: String, row: Result<crate::http::Row, String>) -> bool {
            match row {
                Ok(row) => self.ids.extend(row.record.expect("a work").ids),
                Err(why) => self.refused.push(format!("{item}: {why}")),
            }
            true
        }

        fn note(&mut self, note: String) {
            panic!("{note}");
        }
    }

    fn taken(table: &str) -> Taken {
        let mut taken = Taken::default();
        read(Format::Csv, &mut table.as_bytes(), &mut taken).expect("a table");
        taken
    }

    #[test]
    fn namesakes_by_other_people_are_refused_until_they_are_told_apart() {
        let table =
            "work,title,year,director\n,Solaris,2020,Ada\n,solaris,2020,Ben\n,Solaris,2020,ada;Cleo\n,Solaris,2020,\n";
        let first = taken(table);
        assert_eq!(first.ids.len(), 3, "a release more of the first, and one that says nobody");
        assert!(first.ids.iter().all(|id| *id == first.ids[0]));
        let [why] = &first.refused[..] else { panic!("{:?}", first.refused) };
        assert!(why.contains("by Ada") && why.contains("write hl:Ben in the column work"), "{why}");

        let second = taken(&table.replace("\n,solaris", "\nhl:Ben,solaris"));
        assert_eq!((second.ids.len(), second.refused.len()), (4, 0));
        assert_ne!(second.ids[0], second.ids[1]);
        assert_eq!(second.ids[0], first.ids[0], "who needed no telling apart keeps the id");
    }

    #[test]
    fn works_with_ids_of_their_own_are_never_namesakes() {
        let table =
            "work,title,year,director\ntt0000001,Solaris,2020,Ada\ntt0000002,Solaris,2020,Ben\n,Solaris,2021,Ben\n";
        assert_eq!(taken(table).refused, [] as [&str; 0]);
    }
}
