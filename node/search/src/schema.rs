//! What the index holds of a statement, and how that is read back.

use heirloom_core::command::{Candidate, Filter};
use heirloom_core::ground::Stored;
use heirloom_core::release_name;
use heirloom_core::wording::{Chunk, Question, Text, folded, grams, is_dense, relevance, title_text, words};
use heirloom_proto::body::{Listing, Work};
use heirloom_proto::{Body, Key, StatementId, WorkId};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use tantivy::TantivyDocument;
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions, Value as _,
};

/// Letters of which the beginnings of a word are kept: who types stops about there. Longer beginnings are looked up in the
/// dictionary, where few words share one.
pub(super) const PREFIX_LETTERS: usize = 4;

/// The fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// First half of the statement's id.
    pub id: Field,
    /// Words of the title and the original title.
    pub title: Field,
    /// Words of titles in other languages, people, genres.
    pub beside: Field,
    /// Beginnings of the words of all titles.
    pub prefix: Field,
    /// Each title whole.
    pub whole: Field,
    /// Words of the name of a release.
    pub release: Field,
    /// Year.
    pub year: Field,
    /// Kind, genres, languages, year, by which is filtered.
    pub facet: Field,
    /// First eight bytes of the author's key.
    pub author: Field,
    /// Of a listing: the number that stands for its work.
    pub work: Field,
    /// What is read back: see [`Entry`].
    pub entry: Field,
}

/// Names of the fields that are read for every match.
pub(super) const AUTHOR: &str = "author";
pub(super) const WORK: &str = "work";

impl Fields {
    pub(super) fn new() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let text = |tokenizer: &str, norms: bool| {
            let indexing = TextFieldIndexing::default()
                .set_tokenizer(tokenizer)
                .set_fieldnorms(norms)
                .set_index_option(IndexRecordOption::Basic);
            TextOptions::default().set_indexing_options(indexing)
        };
        let fields = Self {
            id: schema.add_bytes_field("id", BytesOptions::default().set_indexed()),
            // A short title that holds a word is more likely meant than a long one.
            title: schema.add_text_field("title", text("whitespace", true)),
            beside: schema.add_text_field("beside", text("whitespace", false)),
            prefix: schema.add_text_field("prefix", text("whitespace", false)),
            whole: schema.add_text_field("whole", text("raw", false)),
            release: schema.add_text_field("release", text("whitespace", false)),
            year: schema.add_text_field("year", text("raw", false)),
            facet: schema.add_text_field("facet", text("raw", false)),
            author: schema.add_u64_field(AUTHOR, NumericOptions::default().set_fast()),
            work: schema.add_u64_field(WORK, NumericOptions::default().set_fast()),
            entry: schema.add_bytes_field("entry", BytesOptions::default().set_stored()),
        };
        (schema.build(), fields)
    }

    /// What the index holds of a statement; `None` if it is neither a record nor a listing.
    pub(super) fn document(&self, stored: &Stored) -> Option<TantivyDocument> {
        let author = *stored.statement.author();
        let mut document = match stored.statement.body() {
            Body::Work(record) => self.record(record, author),
            Body::Listing(listing) => self.listing(listing, author),
            _ => return None,
        };
        document.add_bytes(self.id, half(&stored.statement.id()));
        document.add_u64(self.author, author_number(&author));
        Some(document)
    }

    fn record(&self, record: &Work, author: Key) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        let own = [record.title.as_str(), record.original_title.as_str()];
        let others = record.titles.iter().map(|title| title.title.as_str());
        let titles: Vec<&str> = own.into_iter().chain(others).filter(|title| !title.is_empty()).collect();
        let chunks_of_own: Vec<Chunk> = own.into_iter().flat_map(words).collect();
        let chunks: Vec<Chunk> = titles.iter().flat_map(|title| words(title)).collect();
        let names: Vec<&str> = record
            .people
            .iter()
            .map(|person| person.name.as_str())
            .chain(record.genres.iter().map(String::as_str))
            .collect();
        let beside: Vec<Chunk> = names.iter().flat_map(|name| words(name)).collect();
        document.add_text(self.title, line(&chunks_of_own));
        let others: Vec<Chunk> = chunks.iter().skip(chunks_of_own.len()).chain(&beside).cloned().collect();
        document.add_text(self.beside, line(&others));
        document.add_text(self.prefix, prefixes(&chunks));
        for title in titles.iter().map(|title| folded(title)).collect::<BTreeSet<_>>() {
            document.add_text(self.whole, title);
        }
        document.add_text(self.facet, facet("kind", record.kind.name()));
        for genre in &record.genres {
            document.add_text(self.facet, facet("genre", &folded(genre)));
        }
        for language in &record.languages {
            document.add_text(self.facet, facet("language", primary(language)));
        }
        if let Some(year) = record.year {
            document.add_text(self.year, year.to_string());
        }
        let text = Text {
            titles: titles.iter().map(|title| title_text(title)).collect(),
            beside: names.iter().map(|name| title_text(name).replace('\t', " ")).collect::<Vec<_>>().join(" "),
            year: record.year,
            is_by_release: false,
        };
        document.add_bytes(self.entry, &Entry { author, work: record.id().clone(), text }.to_bytes());
        document
    }

    fn listing(&self, listing: &Listing, author: Key) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        let read = release_name::read(&listing.name);
        let title = if read.title.is_empty() { listing.name.as_str() } else { read.title.as_str() };
        document.add_text(self.release, line(&words(title)));
        if let Some(year) = read.year {
            document.add_text(self.year, year.to_string());
        }
        for language in &listing.languages {
            document.add_text(self.facet, facet("language", primary(language)));
        }
        for licence in beginnings_of(&listing.licence) {
            document.add_text(self.facet, facet("licence", licence));
        }
        document.add_u64(self.work, work_number(&listing.work));
        let text =
            Text { titles: vec![title_text(title)], beside: String::new(), year: read.year, is_by_release: true };
        document.add_bytes(self.entry, &Entry { author, work: listing.work.clone(), text }.to_bytes());
        document
    }
}

/// The half of an id under which a statement is found again: 128 bits, so that nobody finds two of one half.
pub(super) fn half(id: &StatementId) -> &[u8] {
    id.0.get(..16).unwrap_or_default()
}

/// The number that stands for an author. Two authors of one number would only be asked for together.
pub(super) fn author_number(author: &Key) -> u64 {
    author.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The number that stands for a work among those of one author, who could only confuse their own.
fn work_number(work: &WorkId) -> u64 {
    Sha256::digest(work.as_str()).first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// `en` of `en-GB`.
fn primary(language: &str) -> &str {
    language.split('-').next().unwrap_or_default()
}

fn facet(name: &str, value: &str) -> String {
    format!("{name}:{}", value.to_ascii_lowercase())
}

/// A licence, and what it is one of: `CC`, `CC-BY` and `CC-BY-3.0`.
fn beginnings_of(licence: &str) -> impl Iterator<Item = &str> {
    let ends = licence.match_indices('-').map(|(at, _)| at).chain([licence.len()]);
    ends.filter(|end| *end > 0).map(|end| &licence[..end])
}

/// What a filter asks of a listing.
pub(super) fn facets_of_listing(filter: &Filter) -> Vec<String> {
    let language = filter.language.as_ref().map(|language| facet("language", primary(language)));
    let licence = filter.licence.as_ref().map(|licence| facet("licence", licence));
    language.into_iter().chain(licence).collect()
}

/// What a filter asks of a record: each line one of several. Licences stand in listings.
pub(super) fn facets(filter: &Filter) -> Vec<String> {
    let kind = filter.kind.map(|kind| facet("kind", kind.name()));
    let genre = filter.genre.as_ref().map(|genre| facet("genre", &folded(genre)));
    let language = filter.language.as_ref().map(|language| facet("language", primary(language)));
    kind.into_iter().chain(genre).chain(language).collect()
}

fn line(chunks: &[Chunk]) -> String {
    let forms = chunks.iter().flat_map(Chunk::forms).flat_map(grams);
    forms.collect::<Vec<_>>().join(" ")
}

fn prefixes(chunks: &[Chunk]) -> String {
    let mut all = BTreeSet::new();
    for form in chunks.iter().flat_map(Chunk::forms).filter(|form| !form.chars().next().is_some_and(is_dense)) {
        for letters in 1..=PREFIX_LETTERS {
            if let Some((end, _)) = form.char_indices().nth(letters) {
                all.extend(form.get(..end));
            }
        }
    }
    all.into_iter().collect::<Vec<_>>().join(" ")
}

/// What is read back of a statement: who says it, of which work, and its folded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub author: Key,
    pub work: WorkId,
    pub text: Text,
}

impl Entry {
    /// The key, then lines: by release or not, work, year, beside, titles. Folded text has no line breaks.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.author.as_bytes().to_vec();
        let year = self.text.year.map(|year| year.to_string()).unwrap_or_default();
        let sort = if self.text.is_by_release { "release" } else { "record" };
        let head = [sort, self.work.as_str(), &year, &self.text.beside];
        let lines: Vec<&str> = head.into_iter().chain(self.text.titles.iter().map(String::as_str)).collect();
        bytes.extend_from_slice(lines.join("\n").as_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (author, rest) = bytes.split_first_chunk()?;
        let mut lines = std::str::from_utf8(rest).ok()?.split('\n');
        let is_by_release = lines.next()? == "release";
        let work = lines.next()?.parse().ok()?;
        let year = lines.next()?.parse().ok();
        let beside = lines.next()?.to_owned();
        let titles = lines.map(str::to_owned).collect();
        let text = Text { titles, beside, year, is_by_release };
        // COST: no check that the key is one, which takes as long as all the rest: it was one when its statement was verified,
        // and a key that damage made of it is nobody's.
        Some(Self { author: Key::known(*author), work, text })
    }

    /// Of a document of the index.
    pub(super) fn of(document: &TantivyDocument, fields: &Fields) -> Option<Self> {
        Self::from_bytes(document.get_first(fields.entry)?.as_bytes()?)
    }

    /// How well it fits, if at all.
    pub(super) fn candidate(self, question: &Question) -> Option<Candidate> {
        // Nothing was typed: everything fits alike.
        let relevance = if question.words.is_empty() { 1 } else { relevance(question, &self.text) };
        let is_by_release = self.text.is_by_release;
        (relevance > 0).then_some(Candidate { work: self.work, author: Some(self.author), relevance, is_by_release })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::SecretKey;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let entry = Entry {
            author: SecretKey::from_seed(&[1; 32]).public(),
            work: "imdb:tt1727587".parse().expect("id"),
            text: Text {
                titles: vec![title_text("Spider-Man: No"), title_text("千尋")],
                beside: folded("Colin Levy"),
                year: Some(2010),
                is_by_release: false,
            },
        };
        assert_eq!(Entry::from_bytes(&entry.to_bytes()), Some(entry.clone()));
        let bare = Entry { text: Text { is_by_release: true, ..Text::default() }, ..entry };
        assert_eq!(Entry::from_bytes(&bare.to_bytes()), Some(bare));
        assert_eq!(Entry::from_bytes(b"short"), None);
    }
}
