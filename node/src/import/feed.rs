//! RSS and Atom: of each entry the magnet link or infohash, its Torznab attributes, and the work that they or its title
//! name.

use super::fields::Fields;
use super::{FEED_BYTES_MAX, ImportError, ROWS_MAX, Shown, Sink, torrents};
use crate::http::Row;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use std::io::{BufRead, Read as _};

/// Deepest nesting: a feed has four or five levels.
const DEPTH_MAX: usize = 64;

/// Longest text of an element that is kept, in bytes; of what is longer the beginning counts.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Most attributes of one entry: Torznab knows some forty.
const FACTS_MAX: usize = 200;

/// An entry as it stands in the feed.
#[derive(Debug, Default)]
struct Entry {
    title: String,
    /// Links, addresses of enclosures, ids and text in which a magnet link may stand.
    places: Vec<String>,
    /// Name and value of Torznab's attributes, and of others like them.
    facts: Vec<(String, String)>,
}

/// Reads a feed as far as it is long.
///
/// # Errors
/// [`ImportError`] when it is no feed, or cannot be read.
pub fn read(input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut limited = input.take(FEED_BYTES_MAX as u64);
    let ended = read_limited(&mut limited, sink);
    let is_cut = limited.limit() == 0;
    let count = match ended {
        Ok(Ended::Stopped) => return Ok(()),
        Ok(Ended::Whole(count)) if !is_cut => count,
        Ok(Ended::Whole(count)) => {
            let reason = format!("the feed is longer than {} MiB: what came behind was not read", FEED_BYTES_MAX >> 20);
            sink.row("the rest".into(), Err(reason));
            count
        }
        Ok(Ended::Damaged(count, why)) => {
            let reason = if is_cut {
                format!("the feed is longer than {} MiB: what came behind was not read", FEED_BYTES_MAX >> 20)
            } else {
                format!("the feed is damaged here, what came behind was not read: {}", Shown(&why))
            };
            if count == 0 && !is_cut {
                return Err(ImportError::NotThis(reason));
            }
            sink.row("the rest".into(), Err(reason));
            count
        }
        Err(error) => return Err(error),
    };
    if count == 0 {
        return Err(ImportError::NotThis("this is no RSS or Atom feed: it has no entries".into()));
    }
    Ok(())
}

enum Ended {
    Whole(usize),
    Damaged(usize, String),
    Stopped,
}

fn read_limited(input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<Ended, ImportError> {
    let mut reader = Reader::from_reader(input);
    reader.config_mut().trim_text(false);
    let (mut buffer, mut count) = (Vec::new(), 0);
    let mut entry: Option<Entry> = None;
    // Names of the elements around, below the entry, and the text of the innermost.
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    loop {
        buffer.clear();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(quick_xml::Error::Io(error)) => return Err(std::io::Error::other(error.to_string()).into()),
            Err(error) => return Ok(Ended::Damaged(count, error.to_string())),
        };
        match event {
            Event::Start(start) => {
                let name = local_name(start.name().as_ref());
                text.clear();
                if path.len() >= DEPTH_MAX {
                    return Ok(Ended::Damaged(count, "elements within elements without end".into()));
                }
                if entry.is_none() && matches!(name.as_str(), "item" | "entry") {
                    entry = Some(Entry::default());
                    path.clear();
                } else if let Some(entry) = &mut entry {
                    entry.take_attributes(&name, &start);
                    path.push(name);
                }
            }
            Event::Empty(start) => {
                if let Some(entry) = &mut entry {
                    entry.take_attributes(&local_name(start.name().as_ref()), &start);
                }
            }
            Event::Text(part) => append(&mut text, &part.xml_content(XmlVersion::Implicit1_0).unwrap_or_default()),
            Event::CData(part) => append(&mut text, &part.decode().unwrap_or_default()),
            Event::GeneralRef(name) => {
                let resolved = match name.resolve_char_ref() {
                    Ok(Some(c)) => c.to_string(),
                    _ => {
                        let name = name.decode().unwrap_or_default().into_owned();
                        // An entity of its own making stays what it is: nothing is ever expanded.
                        quick_xml::escape::resolve_xml_entity(&name).map_or(format!("&{name};"), str::to_owned)
                    }
                };
                append(&mut text, &resolved);
            }
            Event::End(end) => {
                let name = local_name(end.name().as_ref());
                match (&mut entry, path.pop()) {
                    (Some(open), Some(name)) => open.take_text(&name, &text),
                    (Some(_), None) if matches!(name.as_str(), "item" | "entry") => {
                        count += 1;
                        let done = entry.take().unwrap_or_default();
                        if count > ROWS_MAX || !sink.row(done.label(count), done.into_row()) {
                            return Ok(Ended::Stopped);
                        }
                    }
                    _ => {}
                }
                text.clear();
            }
            Event::Eof if entry.is_some() => return Ok(Ended::Damaged(count, "it ends within an entry".into())),
            Event::Eof => return Ok(Ended::Whole(count)),
            _ => {}
        }
    }
}

/// The name without its prefix, in lower case.
fn local_name(name: &[u8]) -> String {
    let local = name.rsplit(|byte| *byte == b':').next().unwrap_or(name);
    String::from_utf8_lossy(local).to_ascii_lowercase()
}

fn append(text: &mut String, more: &str) {
    if text.len() + more.len() <= TEXT_BYTES_MAX {
        text.push_str(more);
    }
}

impl Entry {
    fn take_attributes(&mut self, name: &str, start: &BytesStart<'_>) {
        let mut found: Vec<(String, String)> = Vec::new();
        for attribute in start.attributes().flatten().take(FACTS_MAX) {
            let key = local_name(attribute.key.as_ref());
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).unwrap_or_default();
            if value.len() <= TEXT_BYTES_MAX {
                found.push((key, value.into_owned()));
            }
        }
        let of = |wanted: &str| found.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
        match name {
            // `<torznab:attr name="imdb" value="1254207"/>`.
            "attr" => {
                if let (Some(name), Some(value)) = (of("name"), of("value")) {
                    self.add_fact(&name, value);
                }
            }
            "enclosure" | "link" | "content" => {
                let length = of("length").filter(|_| name == "enclosure");
                if let Some(length) = length {
                    self.add_fact("length", length);
                }
                self.places.extend(of("url").or_else(|| of("href")).filter(|_| self.places.len() < FACTS_MAX));
            }
            _ => {}
        }
    }

    fn add_fact(&mut self, name: &str, value: String) {
        if self.facts.len() < FACTS_MAX {
            self.facts.push((name.to_ascii_lowercase(), value));
        }
    }

    fn take_text(&mut self, name: &str, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match name {
            "title" if self.title.is_empty() => text.clone_into(&mut self.title),
            "link" | "guid" | "id" | "comments" | "description" | "summary" | "content" | "encoded"
                if self.places.len() < FACTS_MAX =>
            {
                self.places.push(text.to_owned());
            }
            "infohash" | "info_hash" | "magneturi" | "contentlength" | "size" | "imdb" | "imdbid" | "tvdbid"
            | "tmdbid" | "category" | "season" | "episode" => self.add_fact(name, text.to_owned()),
            _ => {}
        }
    }

    fn label(&self, count: usize) -> String {
        if self.title.is_empty() { format!("entry {count}") } else { format!("entry {count}, {}", Shown(&self.title)) }
    }

    fn fact(&self, names: &[&str]) -> Option<&str> {
        let found = names.iter().find_map(|name| self.facts.iter().find(|(known, _)| known == name));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty() && *value != "0")
    }

    /// A magnet link in whatever names a place; of a text that holds several, the first.
    fn magnet(&self) -> Option<String> {
        let of_facts = self.fact(&["magneturl", "magneturi"]).into_iter();
        of_facts.chain(self.places.iter().map(String::as_str)).find_map(|place| {
            let at = place.find("magnet:?")?;
            let rest = place.get(at..)?;
            let end =
                rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>')).unwrap_or(rest.len());
            // In HTML within the feed the link is escaped once more.
            Some(rest.get(..end)?.replace("&amp;", "&"))
        })
    }

    fn into_row(self) -> Result<Row, String> {
        let magnet = self.magnet();
        let infohash = self.fact(&["infohash", "info_hash"]);
        if magnet.is_none() && infohash.is_none() {
            let torrent = self.places.iter().find(|place| place.contains(".torrent"));
            return Err(match torrent {
                Some(torrent) => {
                    format!("it names a torrent file but no infohash: download {} and import that file", Shown(torrent))
                }
                None => "it has neither a magnet link nor an infohash".into(),
            });
        }
        if self.title.trim().is_empty() {
            return Err("it has no title".into());
        }
        let category = self.fact(&["category"]).and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
        let is_series = (5000..6000).contains(&category);
        let mut fields: Fields = torrents::described(&self.title, is_series);
        match category {
            2000..3000 => fields.set("kind", "film"),
            3000..4000 => fields.set("kind", "album"),
            4000..5000 => fields.set("kind", "software"),
            5000..6000 => fields.set("kind", "series"),
            7000..8000 => fields.set("kind", "book"),
            _ => {}
        }
        let is_series = fields.first("kind") == "series";
        for (names, to) in [(&["imdb", "imdbid"][..], "imdb"), (&["tvdbid"], "tvdb")] {
            if let Some(id) = self.fact(names) {
                fields.add(to, id);
            }
        }
        if let Some(id) = self.fact(&["tmdbid"]) {
            fields.add(
                "tmdb",
                &if id.contains('/') {
                    id.to_owned()
                } else if is_series {
                    format!("tv/{id}")
                } else {
                    format!("movie/{id}")
                },
            );
        }
        if let Some(year) = self.fact(&["year"]) {
            fields.set("year", year);
        }
        if let Some(hash) = infohash {
            fields.add("infohash", hash);
        }
        if let Some(magnet) = &magnet {
            fields.add("magnet", magnet);
        }
        // Of a torrent file's enclosure the length is often that of the torrent file; a smaller one cannot be content.
        let size = self.fact(&["size", "contentlength"]).or_else(|| {
            self.fact(&["length"]).filter(|length| length.parse::<u64>().is_ok_and(|bytes| bytes > 1 << 20))
        });
        if let Some(size) = size {
            fields.add("size", size);
        }
        if let (Some(season), Some(episode)) = (self.fact(&["season"]), self.fact(&["episode"])) {
            fields.add("season", season.trim_start_matches(['S', 's']));
            fields.add("episode", episode.trim_start_matches(['E', 'e']));
        }
        fields.set("name", &self.title);
        fields.into_row()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Kept, kept, why};
    use super::super::{Format, ImportError, read};
    use std::io::BufReader;

    const HASH: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    #[test]
    fn torznab_is_read_with_its_attributes() {
        let feed = format!(
            r#"<?xml version="1.0"?><rss xmlns:torznab="http://torznab.com/schemas/2015/feed"><channel><title>All</title>
            <item><title>Sintel.2010.1080p.WEB.x264-OPEN</title><guid>1</guid>
              <enclosure url="http://t.example/1.torrent" length="129302391" type="application/x-bittorrent"/>
              <torznab:attr name="infohash" value="{HASH}"/><torznab:attr name="imdb" value="1727587"/>
              <torznab:attr name="category" value="2040"/><torznab:attr name="size" value="129302391"/></item>
            <item><title><![CDATA[Garden Town S01E02 & more]]></title>
              <link>magnet:?xt=urn:btih:{HASH}&amp;dn=x&amp;tr=udp://t.example:1</link></item>
            <item><title>No hash</title><link>http://t.example/2.torrent</link></item>
            <item><title>Nothing</title></item>
            <item><torznab:attr name="infohash" value="{HASH}"/></item>
            <item><title>Bad size</title><torznab:attr name="infohash" value="{HASH}"/><size>9223372036854775808</size></item>
            <item><title>Turn &#x202e;round</title><torznab:attr name="infohash" value="{HASH}"/></item>
            </channel></rss>"#
        );
        let kept = kept(Format::Rss, feed.as_bytes());
        assert_eq!(kept.rows.len(), 2, "{:?}", kept.skipped);
        let first = kept.rows[0].record.as_ref().expect("a work");
        assert_eq!((first.ids[0].as_str(), first.title.as_str(), first.year), ("imdb:tt1727587", "Sintel", Some(2010)));
        let release = kept.rows[0].release.as_ref().expect("a release");
        assert_eq!((release.size, release.infohash.as_str()), (129_302_391, HASH));
        assert_eq!(release.name, "Sintel.2010.1080p.WEB.x264-OPEN");
        let second = &kept.rows[1];
        assert_eq!(second.record.as_ref().expect("a work").kind, "series");
        assert_eq!(second.release.as_ref().expect("a release").trackers, ["udp://t.example:1"]);
        assert!(why(&kept, "entry 3, \"No hash\"").contains("http://t.example/2.torrent"));
        assert!(why(&kept, "entry 4, \"Nothing\"").contains("neither a magnet link"));
        assert!(why(&kept, "entry 5").contains("no title"));
        assert!(why(&kept, "entry 6, \"Bad size\"").contains("no size"));
        assert!(kept.skipped[4].1.contains("U+202E"), "{:?}", kept.skipped);
    }

    #[test]
    fn atom_and_the_old_torrent_names_are_read() {
        let feed = format!(
            r#"<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>Sintel 2010</title>
            <link rel="enclosure" href="magnet:?xt=urn:btih:{HASH}&amp;dn=Sintel"/><summary type="html">&lt;b&gt;x</summary></entry>
            <entry><title>Caminandes (2013)</title><torrent xmlns="http://xmlns.ezrss.it/0.1/"><infoHash>{HASH}</infoHash>
            <contentLength>5000000</contentLength></torrent></entry></feed>"#
        );
        let kept = kept(Format::Rss, feed.as_bytes());
        assert_eq!((kept.rows.len(), kept.skipped.len()), (2, 0), "{:?}", kept.skipped);
        assert_eq!(kept.rows[1].release.as_ref().expect("a release").size, 5_000_000);
    }

    #[test]
    fn entities_are_never_expanded() {
        let bomb = format!(
            r#"<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>
            <rss><channel><item><title>Film &b; &x;</title><link>magnet:?xt=urn:btih:{HASH}</link></item></channel></rss>"#
        );
        let kept = kept(Format::Rss, bomb.as_bytes());
        let name = &kept.rows[0].release.as_ref().expect("a release").name;
        assert_eq!(name, "Film &b; &x;");
    }

    /// A feed that gives one entry after the other and never ends.
    struct Endless(Vec<u8>, usize);

    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            for byte in buffer.iter_mut() {
                *byte = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
            Ok(buffer.len())
        }
    }

    #[test]
    fn a_feed_that_never_ends_is_read_so_far() {
        let entry = format!(
            "<item><title>Sintel 2010</title><link>magnet:?xt=urn:btih:{HASH}</link>{}</item>",
            " ".repeat(4000)
        );
        let mut kept = Kept::default();
        let mut input = BufReader::new(Endless(entry.into_bytes(), 0));
        read(Format::Rss, &mut input, &mut kept).expect("read so far");
        assert!(kept.rows.len() > 1000, "{}", kept.rows.len());
        assert!(why(&kept, "the rest").contains("longer than 16 MiB"));
        // Neither does one without an entry, nor one that only opens elements.
        for part in ["<a>", "x", "<rss><!-- "] {
            let mut input = BufReader::new(Endless(part.as_bytes().to_vec(), 0));
            let _ = read(Format::Rss, &mut input, &mut Kept::default());
        }
    }

    #[test]
    fn what_is_cut_off_keeps_what_came_before() {
        let feed = format!(
            "<rss><channel><item><title>Sintel 2010</title><link>magnet:?xt=urn:btih:{HASH}</link></item><item><ti"
        );
        let kept = kept(Format::Rss, feed.as_bytes());
        assert_eq!(kept.rows.len(), 1);
        assert!(why(&kept, "the rest").contains("damaged"));
        for text in ["<rss></rss>", "<a></b>", "not xml"] {
            let refused = read(Format::Rss, &mut text.as_bytes(), &mut Kept::default()).expect_err("no feed");
            assert!(matches!(refused, ImportError::NotThis(_)), "{refused}");
        }
    }
}
