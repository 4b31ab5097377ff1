//! The page: what the node shows to the person who owns it, in a browser.
//!
//! It is rendered here, from the same views that every other surface reads; a small script makes it quicker, and sends what
//! changes something to the API. It decides nothing, knows no key's secret, and names no other host. All of its words are in
//! `text`; whatever others wrote is escaped by `maud`, in text and in attributes.

mod apps;
mod asked;
mod assets;
mod cancel;
#[cfg(test)]
mod contrast;
mod first_run;
mod format;
mod handed;
mod key;
mod layout;
mod node;
mod paging;
mod people;
mod player;
mod publish;
mod seeding;
mod settings;
mod shelf;
#[cfg(test)]
mod tests;
mod text;
mod why;
mod work;

pub(crate) use format::{bytes, encoded, readable};

use asked::{Path, Query, Refusal, Sent};

use crate::driver::{Download, Node};
use crate::http::{Request, Routes, Shared, parse, wish};
use crate::settings::Setting;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use heirloom_core::command::{CirclePart, Command, CommandError, Fault, Reply, Skip};
use heirloom_core::views;
use heirloom_proto::{Infohash, Key, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The pages, under the guard of [`crate::http::session`] like every route.
#[must_use]
pub fn routes() -> Routes {
    Routes::new()
        .get("/", first_run::front_door)
        .get("/welcome", first_run::show)
        .get("/work/{*id}", work::show)
        .get("/play/{infohash}/{file}", player::show)
        .get("/why/{subject}", why::show)
        .get("/people", people::show)
        .post("/people/preview", people::preview)
        .get("/key/{key}", key::show)
        .get("/seeding", seeding::show)
        .get("/progress", cancel::bars)
        .get("/publish", publish::show)
        .post("/publish/check", publish::check)
        .get("/publish/jobs", publish::jobs)
        .get("/node", node::show)
        .get("/apps", apps::show)
        .get("/assets/{version}/{name}", assets::asset)
}

/// A page for whoever asks for an address where there is none.
#[must_use]
pub fn missing() -> Response {
    Trouble::missing(text::NO_SUCH_PAGE).into_response()
}

/// A page for whoever comes without a cookie. Neither style nor script: those are for whoever has one.
#[must_use]
pub fn signed_out(message: &str) -> Response {
    (StatusCode::UNAUTHORIZED, layout::bare(message)).into_response()
}

/// Why there is no page.
struct Trouble(StatusCode, String);

impl Trouble {
    fn missing(message: &str) -> Self {
        Self(StatusCode::NOT_FOUND, message.to_owned())
    }
}

impl From<CommandError> for Trouble {
    fn from(error: CommandError) -> Self {
        let status = match error.fault {
            Fault::BadInput => StatusCode::BAD_REQUEST,
            Fault::NotFound => StatusCode::NOT_FOUND,
            Fault::Refused => StatusCode::FORBIDDEN,
            Fault::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, error.message)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        (self.0, layout::trouble(&self.1)).into_response()
    }
}

/// An answer of another kind than its question: a bug.
fn unexpected() -> CommandError {
    CommandError::new(Fault::Failed, "failed", text::UNEXPECTED)
}

/// Asks the node what a page shows, each by the question that the other surfaces ask.
#[derive(Clone)]
struct Reading(Node);

impl FromRef<Shared> for Reading {
    fn from_ref(server: &Shared) -> Self {
        Self(server.node().clone())
    }
}

macro_rules! ask {
    ($node:expr, $command:expr, $reply:path) => {
        match *$node.command($command).await? {
            $reply(view) => Ok(view),
            _ => Err(unexpected()),
        }
    };
}

impl Reading {
    fn node(&self) -> &Node {
        &self.0
    }

    fn key(&self) -> Key {
        *self.0.key()
    }

    fn settings(&self) -> Vec<Setting> {
        self.0.desk().all()
    }

    fn is_online(&self) -> bool {
        self.0.networks().dht.is_some()
    }

    async fn identity(&self) -> Result<views::Identity, CommandError> {
        ask!(self.0, Command::Identity, Reply::Identity)
    }

    async fn follows(&self) -> Result<Vec<views::Follow>, CommandError> {
        ask!(self.0, Command::Follows, Reply::Follows)
    }

    async fn status(&self) -> Result<views::Status, CommandError> {
        ask!(self.0, Command::Status, Reply::Status)
    }

    /// A page of those who have a voice, or of those who are distrusted.
    async fn circle(&self, part: CirclePart, page: usize) -> Result<views::Circle, CommandError> {
        let of = |page| Command::Circle { part, skip: paging::before(page), limit: paging::ROWS };
        let circle: Result<views::Circle, CommandError> = ask!(self.0, of(page), Reply::Circle);
        match circle {
            // From beyond the end to the last page.
            Ok(circle) if circle.rows.is_empty() && circle.all > 0 => {
                ask!(self.0, of(circle.all.div_ceil(paging::ROWS)), Reply::Circle)
            }
            circle => circle,
        }
    }

    async fn ledger(&self, by: views::LedgerBy) -> Result<Vec<views::LedgerRow>, CommandError> {
        ask!(self.0, Command::Ledger { by }, Reply::Ledger)
    }

    async fn about(&self, key: Key, skip: Skip) -> Result<views::About, CommandError> {
        ask!(self.0, Command::About { key, skip }, Reply::About).map(|about| *about)
    }

    async fn work(&self, work: WorkId, wait: Option<Duration>) -> Result<views::Work, CommandError> {
        ask!(self.0, Command::Show { work, wait, lines: self.0.desk().lines_liked() }, Reply::Work).map(|work| *work)
    }

    /// The work that a release is of, if it is listed here.
    async fn work_of(&self, infohash: Infohash) -> Result<Option<views::Work>, CommandError> {
        let asked = shelf::Asked { q: infohash.to_string(), show: "all".into(), ..shelf::Asked::default() };
        let Some(found) = self.search(&asked, 1).await?.into_iter().next() else { return Ok(None) };
        self.work(found.work, Some(Duration::ZERO)).await.map(Some)
    }

    async fn why(&self, subject: &str, scope: &str) -> Result<views::Why, CommandError> {
        let request = Request::Why { subject: subject.to_owned(), scope: scope.to_owned() };
        let Some(command) = parse(request)? else { return Err(unexpected()) };
        ask!(self.0, command, Reply::Why).map(|why| *why)
    }

    /// What the keys of an explanation are called here.
    async fn names(&self, why: &views::Why) -> Result<why::Names, CommandError> {
        let voters = why.because.iter().flat_map(|because| because.path.iter().copied());
        let keys = voters.chain(why.ignored.iter().map(|(key, _)| *key)).chain(why.subject.parse());
        self.called(keys.collect()).await
    }

    /// What keys are called here.
    async fn called(&self, keys: BTreeSet<Key>) -> Result<why::Names, CommandError> {
        ask!(self.0, Command::Names { keys }, Reply::Names)
    }

    async fn search(&self, asked: &shelf::Asked, limit: usize) -> Result<Vec<views::Found>, CommandError> {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let band = if asked.show.is_empty() { "vouched" } else { &asked.show };
        let request = Request::Search {
            text: asked.q.clone(),
            kind: given(&asked.kind),
            band: Some(band.to_owned()),
            limit,
            offset: None,
            genre: given(&asked.genre),
            year: given(&asked.year),
            language: given(&asked.language),
            licence: given(&asked.licence),
            resolution: Some(self.0.desk().liked()),
        };
        match wish(&request)? {
            Some(wish) => self.0.search(wish).await,
            None => Err(unexpected()),
        }
    }

    fn downloads(&self) -> BTreeMap<Infohash, Download> {
        {
            // One that failed says so by its state.
            let failed = |infohash| Download { infohash, state: "failed", ..Download::default() };
            let all = self.0.downloads().all().into_iter();
            all.map(|(infohash, state)| (infohash, state.unwrap_or_else(|_| failed(infohash)))).collect()
        }
    }
}
