//! A feed of releases: RSS 2.0 with the attributes of Torznab, which feed readers pass over, and the older ones of ezRSS.

use super::category;
use super::reading::Entry;
use super::xml::Xml;
use crate::http::answer::magnet;
use crate::torrent::Engine;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use heirloom_core::views::{Release, Work};
use heirloom_core::wording::folded;
use heirloom_proto::Timestamp;
use heirloom_proto::body::WorkKind;
use serde_json::{Value, json};

/// Namespace of Torznab's attributes. Another one shows as missing infohashes and seeders.
const TORZNAB: &str = "http://torznab.com/schemas/2015/feed";
/// Namespace of the response's counts.
const NEWZNAB: &str = "http://www.newznab.com/DTD/2010/feeds/attributes/";
/// Namespace of ezRSS's elements, which older clients read.
const EZRSS: &str = "http://xmlns.ezrss.it/0.1/";
const ATOM: &str = "http://www.w3.org/2005/Atom";
/// Media type of a torrent file.
pub(super) const TORRENT: &str = "application/x-bittorrent";
/// Media type of an enclosure that is a magnet link.
const MAGNET: &str = "application/x-bittorrent;x-scheme-handler/magnet";

/// A feed, beside its entries.
pub(super) struct Feed<'a> {
    pub(super) title: String,
    /// How links begin.
    pub(super) base: &'a str,
    /// The address of the feed, without its key.
    pub(super) address: String,
    /// The key that links bring.
    pub(super) key: &'a str,
    /// Where this page begins, and how many entries there are in all; `None` where there are no pages.
    pub(super) page: Option<(usize, usize)>,
    /// What is fetched and seeded here.
    pub(super) engine: Option<&'a Engine>,
}

/// Where a release is to be had, and how many seed it that were counted.
struct Links {
    torrent: String,
    magnet: String,
    has_torrent: bool,
    /// This node's own, and those it is connected to.
    swarm: Option<(u64, u64)>,
}

impl Feed<'_> {
    fn links(&self, release: &Release) -> Links {
        let torrent = format!("{}/torrent/{}.torrent?apikey={}", self.base, release.infohash, self.key);
        let known = self.engine.filter(|engine| engine.metainfo(release.infohash.0).is_some());
        let swarm = known.and_then(|engine| engine.progress(release.infohash.0)).filter(|progress| progress.finished);
        let swarm = swarm.map(|progress| (1, 1 + u64::try_from(progress.peers).unwrap_or(u64::MAX - 1)));
        Links { torrent, magnet: magnet(release), has_torrent: known.is_some(), swarm }
    }

    fn work_page(&self, work: &Work) -> String {
        format!("{}/work/{}", self.base, work.work)
    }

    /// As RSS.
    pub(super) fn to_xml(&self, entries: &[Entry]) -> Vec<u8> {
        let mut xml = Xml::new();
        let spaces = [
            ("version", "2.0"),
            ("xmlns:atom", ATOM),
            ("xmlns:newznab", NEWZNAB),
            ("xmlns:torrent", EZRSS),
            ("xmlns:torznab", TORZNAB),
        ];
        xml.open("rss", &spaces);
        xml.open("channel", &[]);
        xml.text("title", &self.title);
        xml.text("description", "Releases by whom you trust");
        xml.text("link", &format!("{}/", self.base));
        xml.empty("atom:link", &[("href", &self.address), ("rel", "self"), ("type", "application/rss+xml")]);
        if let Some(newest) = entries.iter().map(|entry| entry.release().listed_at).max() {
            xml.text("pubDate", &mail_date(newest));
        }
        if let Some((offset, total)) = self.page {
            xml.empty("newznab:response", &[("offset", &offset.to_string()), ("total", &total.to_string())]);
        }
        for entry in entries {
            self.item(&mut xml, entry);
        }
        xml.close("channel");
        xml.close("rss");
        xml.finish()
    }

    fn item(&self, xml: &mut Xml, entry: &Entry) {
        let (work, release) = (&*entry.work, entry.release());
        let links = self.links(release);
        let size = release.size.to_string();
        let (address, kind) = if links.has_torrent { (&links.torrent, TORRENT) } else { (&links.magnet, MAGNET) };
        xml.open("item", &[]);
        xml.text("title", &title(work, release));
        xml.text_with("guid", &[("isPermaLink", "false")], &format!("urn:btih:{}", release.infohash));
        xml.text("link", address);
        xml.text("comments", &self.work_page(work));
        xml.text("pubDate", &mail_date(release.listed_at));
        if release.size > 0 {
            xml.text("size", &size);
        }
        xml.text("description", &sentence(release));
        for id in category::of(work, release) {
            xml.text("category", &id.to_string());
        }
        xml.empty("enclosure", &[("url", address), ("length", &size), ("type", kind)]);
        xml.text("torrent:infoHash", &release.infohash.to_string());
        xml.text("torrent:magnetURI", &links.magnet);
        if release.size > 0 {
            xml.text("torrent:contentLength", &size);
        }
        if let Some((seeds, _)) = links.swarm {
            xml.text("torrent:seeds", &seeds.to_string());
        }
        for (name, value) in self.facts(work, release, &links) {
            xml.empty("torznab:attr", &[("name", name), ("value", &value)]);
        }
        xml.close("item");
    }

    /// What Torznab's attributes say. What is not known is left out.
    fn facts(&self, work: &Work, release: &Release, links: &Links) -> Vec<(&'static str, String)> {
        let mut all: Vec<(&'static str, String)> = Vec::new();
        let details = &release.details;
        all.extend(category::of(work, release).into_iter().map(|id| ("category", id.to_string())));
        if release.size > 0 {
            all.push(("size", release.size.to_string()));
        }
        all.push(("infohash", release.infohash.to_string()));
        all.push(("magneturl", links.magnet.clone()));
        if let Some((seeds, peers)) = links.swarm {
            all.push(("seeders", seeds.to_string()));
            all.push(("peers", peers.to_string()));
        }
        if !details.files.is_empty() {
            all.push(("files", details.files.len().to_string()));
        }
        for id in &work.ids {
            let text = id.as_str();
            if let Some(digits) = text.strip_prefix("imdb:tt") {
                all.push(("imdb", digits.to_owned()));
                all.push(("imdbid", format!("tt{digits}")));
            } else if let Some(number) = text.strip_prefix("tmdb:movie/").or_else(|| text.strip_prefix("tmdb:tv/")) {
                all.push(("tmdbid", number.to_owned()));
            } else if let Some(number) = text.strip_prefix("tvdb:") {
                all.push(("tvdbid", number.to_owned()));
            }
        }
        let season = details.episode.map(|(season, _)| season);
        let only = if let [one] = details.seasons[..] { Some(one) } else { None };
        all.extend(season.or(only).map(|season| ("season", season.to_string())));
        all.extend(details.episode.map(|(_, number)| ("episode", number.to_string())));
        all.extend(work.year.map(|year| ("year", year.to_string())));
        let texts = [("resolution", &release.resolution), ("video", &details.video_codec), ("team", &details.group)];
        all.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.clone())));
        let named =
            |name: &'static str, list: &[String]| list.iter().map(move |one| (name, one.clone())).collect::<Vec<_>>();
        all.extend(named("audio", &details.audio_codecs));
        all.extend(named("language", &details.languages));
        all.extend(named("subs", &details.subtitles));
        all.extend(named("genre", &work.genres));
        all.push(("tag", release.band.to_string()));
        all.extend(
            release
                .listed_by
                .first()
                .map(|(key, name, _)| ("poster", if name.is_empty() { key.to_string() } else { name.clone() })),
        );
        all.push(("downloadvolumefactor", "0".to_owned()));
        all.push(("uploadvolumefactor", "1".to_owned()));
        all
    }

    /// The same as JSON, in the form that Newznab gives its XML.
    pub(super) fn to_json(&self, entries: &[Entry]) -> Value {
        let item = |entry: &Entry| {
            let (work, release) = (&*entry.work, entry.release());
            let links = self.links(release);
            let address = if links.has_torrent { &links.torrent } else { &links.magnet };
            let kind = if links.has_torrent { TORRENT } else { MAGNET };
            let facts = self.facts(work, release, &links);
            let attr = |(name, value): (&str, String)| json!({ "@attributes": { "name": name, "value": value } });
            json!({
                "title": title(work, release),
                "guid": format!("urn:btih:{}", release.infohash),
                "link": address,
                "comments": self.work_page(work),
                "pubDate": mail_date(release.listed_at),
                "category": category::of(work, release).first().map(u32::to_string),
                "description": sentence(release),
                "enclosure": { "@attributes": { "url": address, "length": release.size.to_string(), "type": kind } },
                "attr": facts.into_iter().map(attr).collect::<Vec<_>>(),
            })
        };
        let (offset, total) = self.page.unwrap_or((0, entries.len()));
        json!({
            "@attributes": { "version": "2.0" },
            "channel": {
                "title": self.title,
                "link": format!("{}/", self.base),
                "response": { "@attributes": { "offset": offset.to_string(), "total": total.to_string() } },
                "item": entries.iter().map(item).collect::<Vec<_>>(),
            },
        })
    }
}

/// Who stands behind a release, in one sentence.
pub(super) fn sentence(release: &Release) -> String {
    let lister = release
        .listed_by
        .first()
        .map_or_else(String::new, |(key, name, _)| if name.is_empty() { key.to_string() } else { name.clone() });
    let others = release.listers.saturating_sub(1);
    let more = if others > 0 { format!(" and {others} more") } else { String::new() };
    let licence = if release.licence.is_empty() { String::new() } else { format!(", {}", release.licence) };
    format!("{}: listed by {lister}{more}{licence}", release.band)
}

/// The name of a release as programs read it: its own, or, where that does not name its work, the work's before it.
pub(super) fn title(work: &Work, release: &Release) -> String {
    let name = folded(&release.name);
    let words = folded(&work.title);
    if words.is_empty() || words.split(' ').all(|word| name.contains(word)) {
        return release.name.clone();
    }
    let mut title = work.title.clone();
    let episode = release.details.episode.map(|(season, number)| format!("S{season:02}E{number:02}"));
    let season = release.details.seasons.first().map(|season| format!("S{season:02}"));
    let year = work.year.filter(|_| work.kind == WorkKind::Film).map(|year| year.to_string());
    let resolution = Some(release.resolution.clone()).filter(|text| !text.is_empty());
    for part in [year, episode.or(season), resolution].into_iter().flatten() {
        title.push(' ');
        title.push_str(&part);
    }
    format!("{title} ({})", release.name)
}

/// A time as RFC 822 has it with four digits of year, such as `Mon, 23 Nov 2026 06:10:00 +0000`.
pub(super) fn mail_date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // The first day of Unix time was a Thursday.
    let weekday = DAYS[usize::try_from(at.0 / 86_400_000 % 7).unwrap_or(0)];
    let text = at.to_rfc3339();
    let (date, time) = text.split_once('T').unwrap_or((&text, "00:00:00Z"));
    let mut parts = date.splitn(3, '-');
    let year = parts.next().unwrap_or("1970");
    let month = parts.next().and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    let day = parts.next().unwrap_or("01");
    let month = MONTHS[month.saturating_sub(1).min(11)];
    format!("{weekday}, {day} {month} {year} {} +0000", time.trim_end_matches('Z'))
}

/// A document of XML as an answer.
pub(super) fn answer(status: StatusCode, kind: &'static str, xml: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind))], xml).into_response()
}

/// An error as Torznab has it. The status says the same, for those who look at that.
pub(super) fn error(status: StatusCode, code: u32, description: &str) -> Response {
    let mut xml = Xml::new();
    xml.empty("error", &[("code", &code.to_string()), ("description", description)]);
    answer(status, "application/xml; charset=utf-8", xml.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_mail_has_them() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_827_696, "Tue, 29 Feb 2000 12:34:56 +0000"),
            (1_795_414_200, "Mon, 23 Nov 2026 06:10:00 +0000"),
        ] {
            assert_eq!(mail_date(Timestamp(seconds * 1000)), text);
        }
    }
}
