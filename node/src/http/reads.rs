//! The reads as GET, with arguments in the address: `GET /api/v1/search?text=bunny&limit=5`.
//!
//! They are the verbs of the same name. What is not said has the value that the command line gives it. None changes
//! anything, though `show` asks the network, and a score may be brought up to date.

use super::answer::{downloads_json, listings_json, packs_json};
use super::{Request, Routes, Server, Shared, answer, answer_request, openapi};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use heirloom_core::command::{Command, CommandError, Reply};
use serde_json::{Map, Value, json};

/// Longest address that is read, beside the limit of a request's head.
const ARGUMENTS_MAX: usize = 32;

/// What an argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Number,
}

/// An argument of a read.
pub(super) struct Argument {
    pub(super) name: &'static str,
    pub(super) holds: Holds,
    /// What it is when left out; `None` with [`Argument::is_needed`] for what must be said.
    pub(super) usual: Option<&'static str>,
    pub(super) is_needed: bool,
    pub(super) about: &'static str,
}

/// A read that is a verb.
pub(super) struct Read {
    pub(super) verb: &'static str,
    pub(super) about: &'static str,
    pub(super) arguments: &'static [Argument],
}

const fn needed(name: &'static str, about: &'static str) -> Argument {
    Argument { name, holds: Holds::Text, usual: None, is_needed: true, about }
}

const fn text(name: &'static str, usual: Option<&'static str>, about: &'static str) -> Argument {
    Argument { name, holds: Holds::Text, usual, is_needed: false, about }
}

const fn number(name: &'static str, usual: Option<&'static str>, about: &'static str) -> Argument {
    Argument { name, holds: Holds::Number, usual, is_needed: false, about }
}

const SCOPE: Argument = text("scope", Some("catalogue"), "*, catalogue, metadata or seed");

/// The reads that are verbs.
pub(super) const READS: [Read; 13] = [
    Read { verb: "id", about: "Who the owner is", arguments: &[] },
    Read { verb: "status", about: "How the node is", arguments: &[] },
    Read { verb: "doctor", about: "What the node needs, and how to mend it", arguments: &[] },
    Read {
        verb: "config",
        about: "The settings, each with where its value comes from",
        arguments: &[text("name", None, "Only this one")],
    },
    Read { verb: "publishing", about: "What is read and hashed now, to be published", arguments: &[] },
    Read { verb: "follows", about: "Whom the owner follows", arguments: &[] },
    Read { verb: "export", about: "Every statement of the owner that still counts", arguments: &[] },
    Read {
        verb: "search",
        about: "Works by title, people, genre, year, episode or id",
        arguments: &[
            needed("text", "Words, with slips forgiven; the last may be a beginning"),
            text("kind", None, "film, series, episode, album, book, software or other"),
            text("band", None, "trusted, vouched, earned, unknown or all"),
            number("limit", Some("20"), "At most so many, and no more than 1000"),
            number(
                "offset",
                None,
                "Leave out so many of the best; said with the first page too (0), pages fit together",
            ),
            text("genre", None, "Genre"),
            text("year", None, "Year or range of years, such as 1960-1969"),
            text("language", None, "Language of the work or of a release"),
            text("licence", None, "SPDX licence of a release"),
            text("resolution", None, "Resolution that is liked best, or any; left out, the setting of that name"),
        ],
    },
    Read {
        verb: "show",
        about: "A work and its releases, asking the network too",
        arguments: &[
            needed("work", "Id of the work, such as imdb:tt1254207"),
            number("wait", None, "Wait so many seconds for a trusted release to appear"),
        ],
    },
    Read {
        verb: "why",
        about: "The arithmetic behind a score",
        arguments: &[needed("subject", "Key, infohash or id of a work"), SCOPE],
    },
    Read {
        verb: "trust",
        about: "Keys by trust, best first",
        arguments: &[SCOPE, number("limit", Some("100"), "At most so many")],
    },
    Read {
        verb: "ledger",
        about: "What was received, hash-checked, and from whom",
        arguments: &[text("by", Some("key"), "key, address or release")],
    },
    Read {
        verb: "download",
        about: "How far a download is, and once it is done, from whom it came",
        arguments: &[needed("infohash", "40 hexadecimal digits")],
    },
];

/// The reads.
pub(super) fn routes() -> Routes {
    let mut routes = Routes::new()
        .get("/api/v1/downloads", downloads)
        .get("/api/v1/listings", listings)
        .get("/api/v1/lists", lists)
        .get("/api/v1/openapi.json", document);
    for read in &READS {
        let handler =
            move |State(server): State<Shared>, query: Arguments| async move { get(&server, read, query).await };
        routes = routes.get(&format!("/api/v1/{}", read.verb), handler);
    }
    routes
}

type Arguments = Result<Query<Vec<(String, String)>>, QueryRejection>;

async fn get(server: &Server, read: &Read, arguments: Arguments) -> Response {
    let request = match arguments {
        Ok(Query(pairs)) => request(read, pairs),
        Err(_) => Err(bad("the arguments behind the question mark cannot be read".to_owned())),
    };
    match request {
        Ok(request) => answer(answer_request(&server.node, request).await),
        Err(error) => answer(Err(error)),
    }
}

fn bad(message: String) -> CommandError {
    CommandError::bad_input("bad_request", message)
}

/// The verb's request with the arguments of an address.
fn request(read: &Read, pairs: Vec<(String, String)>) -> Result<Request, CommandError> {
    let mut fields = Map::from_iter([("verb".to_owned(), json!(read.verb))]);
    for (name, value) in pairs.into_iter().take(ARGUMENTS_MAX) {
        let Some(argument) = read.arguments.iter().find(|argument| argument.name == name) else {
            let known: Vec<&str> = read.arguments.iter().map(|argument| argument.name).collect();
            return Err(bad(format!("{} takes no argument {name:?}, only: {}", read.verb, known.join(", "))));
        };
        if fields.insert(name, typed(argument, &value)?).is_some() {
            return Err(bad(format!("the argument {} is given twice", argument.name)));
        }
    }
    for argument in read.arguments.iter().filter(|argument| !argument.is_needed) {
        if let Some(usual) = argument.usual
            && !fields.contains_key(argument.name)
        {
            fields.insert(argument.name.to_owned(), typed(argument, usual)?);
        }
    }
    if let Some(missing) = read.arguments.iter().find(|one| one.is_needed && !fields.contains_key(one.name)) {
        return Err(bad(format!("{} needs the argument {}: {}", read.verb, missing.name, missing.about)));
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| bad(format!("not a request: {error}")))
}

fn typed(argument: &Argument, value: &str) -> Result<Value, CommandError> {
    match argument.holds {
        Holds::Text => Ok(json!(value)),
        Holds::Number => value
            .parse::<u32>()
            .map(|number| json!(number))
            .map_err(|_| bad(format!("the argument {} is a number, not {value:?}", argument.name))),
    }
}

/// `GET /api/v1/downloads`.
async fn downloads(State(server): State<Shared>) -> Response {
    Json(downloads_json(&server.node.downloads().all(), &server.node.watch().handed())).into_response()
}

/// `GET /api/v1/listings`.
async fn listings(State(server): State<Shared>) -> Response {
    answer(match server.node.command(Command::Export).await {
        Ok(reply) => match &*reply {
            Reply::Statements(all) => Ok(listings_json(all)),
            _ => Ok(json!([])),
        },
        Err(error) => Err(error),
    })
}

/// `GET /api/v1/lists`.
async fn lists() -> Response {
    Json(packs_json()).into_response()
}

/// `GET /api/v1/openapi.json`.
async fn document() -> Response {
    Json(openapi::document()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(verb: &str, pairs: &[(&str, &str)]) -> Result<Request, CommandError> {
        let read = READS.iter().find(|read| read.verb == verb).expect("a read");
        request(read, pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_left_out_is_what_the_command_line_takes() {
        let found = read("search", &[("text", "bunny"), ("limit", "5")]).expect("a search");
        let Request::Search { text, limit, resolution, band, .. } = found else { panic!("{found:?}") };
        assert_eq!((text.as_str(), limit, resolution, band), ("bunny", 5, None, None));
        assert_eq!(read("trust", &[]).expect("trust"), Request::Trust { scope: "catalogue".into(), limit: 100 });
    }

    #[test]
    fn every_read_is_a_verb_with_these_arguments() {
        for read in &READS {
            let value = |argument: &Argument| if argument.holds == Holds::Number { "3" } else { "x" };
            let all = read.arguments.iter().map(|argument| (argument.name.to_owned(), value(argument).to_owned()));
            request(read, all.collect()).unwrap_or_else(|error| panic!("{}: {error}", read.verb));
        }
    }

    #[test]
    fn wrong_arguments_are_refused_in_one_sentence() {
        for (verb, pairs) in [
            ("search", vec![]),
            ("search", vec![("text", "a"), ("text", "b")]),
            ("search", vec![("text", "a"), ("limit", "-1")]),
            ("search", vec![("text", "a"), ("limit", "99999999999999999999")]),
            ("status", vec![("verb", "publish")]),
            ("show", vec![("wait", "1")]),
        ] {
            assert_eq!(read(verb, &pairs).expect_err(verb).code, "bad_request", "{pairs:?}");
        }
    }
}
