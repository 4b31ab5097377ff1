//! Feeds for feed readers and clients that fetch by RSS: what is newest, of a query, of a curator, down to a band. And the
//! curators that are followed, as OPML.

use super::feed::Feed;
use super::pages::ENTRIES_MAX;
use super::polls::{self, Told};
use super::reading::{Asked, Entry};
use super::xml::Xml;
use super::{category, door};
use crate::http::{Routes, Server, Shared, refused};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use heirloom_core::command::{Command, CommandError, Reply};
use heirloom_graph::Band;
use heirloom_proto::Key;
use heirloom_proto::body::WorkKind;
use heirloom_proto::text::Contact;
use std::collections::BTreeSet;

/// Entries of a feed, when nothing is said; at most there are [`ENTRIES_MAX`].
const ENTRIES: usize = 100;
/// Namespace of the key of a curator in OPML, which other programs pass over.
const OPML_SPACE: &str = "https://heirloom.invalid/opml";

pub(super) fn routes() -> Routes {
    Routes::new().get("/rss", rss).get("/opml", opml)
}

/// What a feed is asked for. What is not known is passed over: readers add parameters of their own.
struct Wanted {
    asked: Asked,
    categories: Option<BTreeSet<u32>>,
    limit: usize,
    /// What distinguishes this feed from others, for its title.
    title: Vec<String>,
}

fn bad(message: String) -> CommandError {
    CommandError::bad_input("bad_request", message)
}

impl Wanted {
    fn read(pairs: &[(String, String)]) -> Result<Self, CommandError> {
        let mut wanted =
            Self { asked: Asked::within(Band::Vouched), categories: None, limit: ENTRIES, title: Vec::new() };
        for (name, value) in pairs {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match name.to_ascii_lowercase().as_str() {
                "q" => {
                    wanted.asked.words = value.to_owned();
                    wanted.title.push(value.to_owned());
                }
                "band" | "min_trust" => {
                    wanted.asked.band = band(value)?;
                    wanted.title.push(value.to_owned());
                }
                "by" | "curator" => {
                    let key: Key = value.parse().map_err(|error: heirloom_proto::key::KeyError| {
                        CommandError::bad_input("bad_key", error.to_string())
                    })?;
                    wanted.asked.by = Some(key);
                }
                "kind" => {
                    let kind = value.parse::<WorkKind>().map_err(|error| bad(error.to_string()))?;
                    wanted.asked.kinds = BTreeSet::from([kind]);
                    wanted.title.push(value.to_owned());
                }
                "genre" => wanted.asked.genre = Some(value.to_owned()),
                "cat" => {
                    let numbers = value.split(',').map(|number| number.trim().parse::<u32>());
                    let numbers: Result<Vec<u32>, _> = numbers.collect();
                    let numbers = numbers.map_err(|_| bad(format!("{value:?} are no categories: write 2000,5000")))?;
                    wanted.categories = Some(category::known(&numbers));
                }
                "limit" => {
                    let limit =
                        value.parse::<usize>().map_err(|_| bad(format!("{value:?} is no number of entries")))?;
                    wanted.limit = limit.min(ENTRIES_MAX);
                }
                _ => {}
            }
        }
        // A curator is asked for by name: what they list is told, whoever else vouches for it.
        let has_band = pairs.iter().any(|(name, _)| matches!(name.to_ascii_lowercase().as_str(), "band" | "min_trust"));
        if wanted.asked.by.is_some() && !has_band {
            wanted.asked.band = Band::Unknown;
        }
        Ok(wanted)
    }
}

/// The worst band of a feed. What is distrusted is in none.
fn band(text: &str) -> Result<Band, CommandError> {
    match text.to_ascii_lowercase().as_str() {
        "trusted" => Ok(Band::Trusted),
        "vouched" => Ok(Band::Vouched),
        "earned" => Ok(Band::Earned),
        "unknown" | "all" => Ok(Band::Unknown),
        _ => Err(CommandError::bad_input(
            "bad_band",
            format!("{text:?} is not a band: use trusted, vouched, earned, unknown or all"),
        )),
    }
}

async fn rss(State(server): State<Shared>, headers: HeaderMap, uri: Uri) -> Response {
    let base = door::base(&server, &headers);
    let told = entries(&server, &headers, &uri);
    match polls::answer(&server, &headers, &["rss", &base, &uri.to_string()], told).await {
        Ok(response) => response,
        Err(error) => refused(&error),
    }
}

async fn entries(server: &Server, headers: &HeaderMap, uri: &Uri) -> Result<Told, CommandError> {
    let mut wanted = Wanted::read(&door::pairs(uri))?;
    let categories = wanted.categories.clone();
    let keeps = |entry: &Entry| {
        let of = || category::of(&entry.work, entry.release());
        categories.as_ref().is_none_or(|categories| category::is_wanted(&of(), categories))
    };
    // Of words all is looked at: what was found best is told from the newest on.
    let span = if wanted.asked.words.is_empty() { wanted.limit } else { ENTRIES_MAX };
    let beside = format!("{categories:?}");
    let pages = &server.apps.pages;
    let mut found = pages.page(server.node(), &wanted.asked, (&beside, &keeps), 0..span).await?.entries;
    // A feed is read from the newest on, whatever was searched for.
    found.sort_by_key(|entry| std::cmp::Reverse(entry.release().listed_at));
    found.truncate(wanted.limit);
    if let Some(by) = wanted.asked.by {
        let lists = |entry: &Entry| entry.release().listed_by.iter().find(|(key, ..)| *key == by).cloned();
        let name = found.iter().find_map(lists).map(|(_, name, _)| name).filter(|name| !name.is_empty());
        wanted.title.insert(0, name.unwrap_or_else(|| by.to_multibase()));
    }
    wanted.title.insert(0, "Heirloom".to_owned());
    let keys = server.apps.keys.now();
    let base = door::base(server, headers);
    let feed = Feed {
        title: wanted.title.join(": "),
        address: format!("{base}/rss"),
        base: &base,
        key: &keys.api,
        page: None,
        engine: server.node().networks().engine.as_ref(),
    };
    let releases = found.iter().map(|entry| entry.release().infohash).collect();
    let is_searched = !wanted.asked.words.is_empty();
    let (kind, body) = ("application/rss+xml; charset=utf-8", feed.to_xml(&found));
    Ok(Told { kind, body, releases, may_keep: true, is_searched })
}

/// `GET /opml`: whom the owner follows. Of each the link by which to follow them, so that the file may be given to others:
/// it holds no key of this node. With `?feeds=1` the feed of each on this node instead, for the owner's own reader.
async fn opml(State(server): State<Shared>, headers: HeaderMap, uri: Uri) -> Response {
    let has_feeds = door::pairs(&uri).iter().any(|(name, value)| name == "feeds" && value == "1");
    let base = door::base(&server, &headers);
    match polls::answer(&server, &headers, &["opml", &base, &uri.to_string()], curators(&server, &base, has_feeds))
        .await
    {
        Ok(response) => response,
        Err(error) => refused(&error),
    }
}

async fn curators(server: &Server, base: &str, has_feeds: bool) -> Result<Told, CommandError> {
    let follows = match *server.node().command(Command::Follows).await? {
        Reply::Follows(all) => all,
        _ => Vec::new(),
    };
    let keys = server.apps.keys.now();
    let mut xml = Xml::new();
    xml.open("opml", &[("version", "2.0"), ("xmlns:heirloom", OPML_SPACE)]);
    xml.open("head", &[]);
    xml.text("title", "Curators");
    xml.close("head");
    xml.open("body", &[]);
    // The starter catalogue comes with the program: it is nobody's choice.
    for follow in follows.iter().filter(|follow| follow.gives_voice) {
        let (key, name) = (follow.key.to_string(), &follow.name);
        let feed = if has_feeds {
            format!("{base}/rss?by={key}&apikey={}", *keys.api)
        } else {
            Contact { key: follow.key, name: name.clone(), url: String::new() }.to_link()
        };
        let text = if name.is_empty() { &key } else { name };
        let facts =
            [("text", text.as_str()), ("title", text), ("type", "rss"), ("xmlUrl", &feed), ("heirloom:key", &key)];
        xml.empty("outline", &facts);
    }
    xml.close("body");
    xml.close("opml");
    let body = xml.finish();
    let kind = "text/x-opml; charset=utf-8";
    Ok(Told { kind, body, releases: Vec::new(), may_keep: true, is_searched: false })
}
