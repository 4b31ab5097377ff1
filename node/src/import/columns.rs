//! What people call the columns of a table and the fields of an object.

/// Names of values, and others under which people write them.
const NAMES: &[(&str, &[&str])] = &[
    ("work", &["id", "work_id", "workid"]),
    ("also", &["ids", "also_ids", "other_ids", "same_as"]),
    ("imdb", &["imdb_id", "imdbid"]),
    ("tmdb", &["tmdb_id", "tmdbid"]),
    ("tvdb", &["tvdb_id", "tvdbid"]),
    ("wikidata", &["wikidata_id", "qid"]),
    ("title", &[]),
    ("original_title", &["originaltitle"]),
    ("titles", &["other_titles"]),
    ("year", &["date", "released", "release_date"]),
    ("kind", &["type", "category"]),
    ("overview", &["description", "plot", "summary"]),
    ("genres", &["genre"]),
    ("runtime", &["runtime_min", "minutes"]),
    ("holder", &["rights_holder"]),
    ("director", &["directors", "directed_by"]),
    ("writer", &["writers", "author", "authors", "screenwriter", "written_by"]),
    ("cast", &["actors", "actor", "starring", "stars"]),
    ("licence", &["license"]),
    ("infohash", &["info_hash", "hash", "btih"]),
    ("magnet", &["magnet_link", "magneturl", "magneturi", "magnet_uri"]),
    ("name", &["release", "release_name", "torrent_name", "file_name"]),
    ("size", &["bytes", "size_bytes"]),
    ("resolution", &["quality"]),
    ("medium", &["source"]),
    ("video_codec", &["codec"]),
    ("audio_codecs", &["audio_codec", "audio"]),
    ("languages", &["language", "lang"]),
    ("subtitles", &["subtitle", "subtitle_languages", "subs"]),
    ("trackers", &["tracker"]),
    ("web_seed", &["web_seeds", "webseed", "webseeds"]),
    ("season", &[]),
    ("episode", &[]),
];

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// Which value.
    pub name: &'static str,
    /// Of titles, in which language, if the column says so.
    pub language: Option<String>,
}

impl Column {
    /// What a column of that name holds, if it is known: `title`, `IMDb ID`, or `title_ja` for titles in Japanese.
    pub fn of(text: &str) -> Option<Self> {
        if let Some(name) = known_name(text) {
            return Some(Self { name, language: None });
        }
        let plain = plain(text);
        let language = plain.strip_prefix("title")?.trim_start_matches(['_', ':', '@', '(', '[']);
        let language = language.trim_end_matches([')', ']']).replace('_', "-");
        let (code, region) = language.split_once('-').unwrap_or((&language, ""));
        // A column "title_id" holds ids, and not Indonesian.
        let is_language = code.len() == 2
            && code != "id"
            && code.bytes().all(|letter| letter.is_ascii_lowercase())
            && region.len() <= 8
            && region.bytes().all(|letter| letter.is_ascii_alphanumeric());
        is_language.then_some(Self { name: "titles", language: Some(language) })
    }
}

/// A name as it is compared.
fn plain(text: &str) -> String {
    let lower = text.trim().trim_matches('"').to_lowercase();
    lower.chars().map(|c| if matches!(c, ' ' | '-' | '.') { '_' } else { c }).collect()
}

/// The name of a value as people write it, if it is one.
pub fn known_name(text: &str) -> Option<&'static str> {
    let plain = plain(text);
    let is_it = |(name, others): &&(&'static str, &[&str])| *name == plain || others.contains(&plain.as_str());
    NAMES.iter().find(is_it).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_people_write_them() {
        for (text, name) in [
            ("Work", "work"),
            (" IMDb ID ", "imdb"),
            ("info-hash", "infohash"),
            ("License", "licence"),
            ("web seeds", "web_seed"),
            ("\"Title\"", "title"),
            ("Actors", "cast"),
            ("Writer", "writer"),
        ] {
            assert_eq!(known_name(text), Some(name), "{text}");
            assert_eq!(Column::of(text), Some(Column { name, language: None }), "{text}");
        }
        assert_eq!(known_name("colour"), None);
    }

    #[test]
    fn columns_of_titles_name_their_language() {
        for (text, language) in [
            ("title_ja", "ja"),
            ("Title (FR)", "fr"),
            ("title:pt-BR", "pt-br"),
            ("title@de", "de"),
            ("title zh_Hant", "zh-hant"),
        ] {
            let column = Column::of(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((column.name, column.language.as_deref()), ("titles", Some(language)), "{text}");
        }
        for other in ["title_id", "title_url", "title_", "title_length", "titlecase", "title_1", "subtitle_ja"] {
            assert_eq!(Column::of(other), None, "{other}");
        }
    }
}
