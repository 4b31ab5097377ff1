//! Browsers of the owner: a link that works once becomes a cookie.
//!
//! `heirloom run` prints such a link when it is ready, `heirloom open` makes another. `GET /?once=…` takes it, sets an
//! HttpOnly, SameSite=Strict cookie and leads to `/`, so that the secret leaves the address bar. From then on the cookie
//! does what the bearer token does, with one more condition: a change must come with an own `Origin`, or with
//! `Sec-Fetch-Site` saying `same-origin` or `none` (`security.md` §6.4). Browsers send both by themselves.
//!
//! Links live in memory, cookies in a file of the node's folder, both as SHA-256 of what was given out. Cookies are not
//! told apart by port, so the port is in the cookie's name: several nodes on one machine do not disturb each other.
//!
//! # The seam for pages
//! Whatever is served is a [`super::Routes`], merged in `http::routes()`. A module adds its own by a function
//! `pub fn routes() -> Routes` and one line there; its handlers take `State<Shared>` (with [`super::Server::node`] to ask the
//! node) and, where it matters who asks, [`Session`]. All of it lies under the same guard: Host, origin, failures, then
//! token or cookie, then JSON for changes; and a test walks every route that is listed. Responses get the headers of
//! `super::guard` unless they bring their own, such as `Cache-Control` of an asset. Who comes to a page without a cookie is
//! answered by `signed_out`.

use super::problem::problem;
use crate::home::{self, Home};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use data_encoding::HEXLOWER;
use heirloom_core::command::{CommandError, Fault};
use heirloom_core::io::Now;
use heirloom_proto::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::warn;

/// How long a link waits to be opened: long enough to copy it from a terminal to a browser.
pub const LINK_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How long a browser stays: a month, then a new link is asked for.
const COOKIE_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Links that wait at once. The oldest makes room.
const LINKS_MAX: usize = 16;
/// Browsers that stay at once: those of one household. The oldest makes room.
const COOKIES_MAX: usize = 32;

/// SHA-256 of a secret. To look one up tells nothing by the time it takes.
pub(super) type Hidden = [u8; 32];

pub(super) fn hide(secret: &str) -> Hidden {
    Sha256::digest(secret.as_bytes()).into()
}

/// A new secret of 256 bits.
pub(super) fn secret() -> Result<String, CommandError> {
    let bytes = home::random::<32>().map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))?;
    Ok(HEXLOWER.encode(&bytes))
}

/// How somebody showed that they may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// The token of the node's folder: the command line, or a program of the owner's.
    Token,
    /// The cookie of a browser.
    Browser,
    /// The address of one stream, in a player.
    Ticket,
    /// The key that other programs of the owner's have. It only reads.
    App,
    /// Nobody in particular: an answer that tells nothing of the owner.
    Anybody,
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        // The guard put it there, or did not let the request through.
        parts.extensions.get::<Self>().copied().ok_or_else(unauthorized)
    }
}

/// What a program is told that has no token.
pub(super) fn unauthorized() -> Response {
    let message = "send the token of the node's api-token file: Authorization: Bearer …; \
                   or open the page with the link of `heirloom open`";
    problem(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// What a person is told who comes to a page without a cookie, or with a link that works no more.
pub(super) fn signed_out(message: &str) -> Response {
    crate::page::signed_out(message)
}

/// What a request brought of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Wrong,
    Right,
}

#[derive(Default)]
struct Table {
    /// When each link ends, by the clock of the process.
    links: BTreeMap<Hidden, Duration>,
    /// When each cookie ends, by the calendar: a node that restarts knows its browsers again.
    cookies: BTreeMap<Hidden, Timestamp>,
}

/// Links and cookies of a node.
pub(super) struct Sessions {
    table: Mutex<Table>,
    home: Home,
    cookie: String,
}

impl Sessions {
    /// Those that the node's folder remembers.
    pub(super) fn open(home: Home, port: u16) -> Self {
        let cookies = home.sessions().lines().filter_map(read_line).take(COOKIES_MAX).collect();
        let table = Mutex::new(Table { links: BTreeMap::new(), cookies });
        Self { table, home, cookie: format!("heirloom-{port}") }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic while it was held cannot leave it half changed: every change is one insert or removal.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A secret that can be exchanged once.
    pub(super) fn new_link(&self, now: Now) -> Result<String, CommandError> {
        let secret = secret()?;
        let mut table = self.table();
        table.links.retain(|_, end| *end > now.mono);
        make_room(&mut table.links, LINKS_MAX);
        table.links.insert(hide(&secret), now.mono + LINK_LIFETIME);
        Ok(secret)
    }

    /// Takes a link, and gives the `Set-Cookie` of the browser that brought it; `None` when there is no such link.
    pub(super) fn exchange(&self, link: &str, now: Now) -> Result<Option<HeaderValue>, CommandError> {
        let cookie = secret()?;
        let mut table = self.table();
        let is_good = table.links.remove(&hide(link)).is_some_and(|end| end > now.mono);
        if !is_good {
            return Ok(None);
        }
        table.cookies.retain(|_, end| *end > now.wall);
        make_room(&mut table.cookies, COOKIES_MAX);
        let lifetime_ms = u64::try_from(COOKIE_LIFETIME.as_millis()).unwrap_or(u64::MAX);
        table.cookies.insert(hide(&cookie), Timestamp(now.wall.0.saturating_add(lifetime_ms)));
        self.keep(&table);
        Ok(self.set_cookie(&cookie, COOKIE_LIFETIME))
    }

    /// Whether a request brings a cookie of this node, and a good one.
    pub(super) fn shown(&self, headers: &HeaderMap, now: Now) -> Shown {
        let given: Vec<Hidden> = self.given(headers).collect();
        let table = self.table();
        match &given[..] {
            [] => Shown::Nothing,
            all if all.iter().any(|one| table.cookies.get(one).is_some_and(|end| *end > now.wall)) => Shown::Right,
            _ => Shown::Wrong,
        }
    }

    /// Ends the session of a browser: the `Set-Cookie` that takes its cookie away.
    pub(super) fn end(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let given: Vec<Hidden> = self.given(headers).collect();
        let mut table = self.table();
        table.cookies.retain(|cookie, _| !given.contains(cookie));
        self.keep(&table);
        self.no_cookie()
    }

    /// The `Set-Cookie` that takes a cookie away that is worth nothing any more.
    pub(super) fn no_cookie(&self) -> Option<HeaderValue> {
        self.set_cookie("", Duration::ZERO)
    }

    fn set_cookie(&self, value: &str, lifetime: Duration) -> Option<HeaderValue> {
        // Not `Secure`: the node speaks plain HTTP on loopback, and not every browser takes such a cookie there.
        let text =
            format!("{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", self.cookie, lifetime.as_secs());
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Every cookie of this node's name in a request. A browser sends one; more are looked at all the same.
    fn given<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = Hidden> + 'a {
        let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(';')).filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == self.cookie).then(|| hide(value))
        })
    }

    fn keep(&self, table: &Table) {
        let line = |(cookie, end): (&Hidden, &Timestamp)| format!("{} {}\n", HEXLOWER.encode(cookie), end.0);
        if let Err(error) = self.home.keep_sessions(&table.cookies.iter().map(line).collect::<String>()) {
            warn!(%error, "sessions of browsers not kept: after a restart they need a new link");
        }
    }
}

/// Forgets what ends first, so that one more fits in.
fn make_room<T: Copy + Ord>(table: &mut BTreeMap<Hidden, T>, most: usize) {
    while table.len() >= most {
        let Some(first) = table.iter().min_by_key(|(_, end)| **end).map(|(secret, _)| *secret) else { return };
        table.remove(&first);
    }
}

fn read_line(line: &str) -> Option<(Hidden, Timestamp)> {
    let (cookie, end) = line.split_once(' ')?;
    let cookie = HEXLOWER.decode(cookie.as_bytes()).ok()?.try_into().ok()?;
    Some((cookie, Timestamp(end.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(seconds: u64) -> Now {
        Now { mono: Duration::from_secs(seconds), wall: Timestamp(1_700_000_000_000 + seconds * 1000) }
    }

    fn new_home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::find(Some(folder.path().to_owned())).expect("home");
        home.prepare().expect("folders");
        (folder, home)
    }

    fn with_cookie(set_cookie: &HeaderValue) -> HeaderMap {
        let text = set_cookie.to_str().expect("text");
        let pair = text.split(';').next().expect("a pair");
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(&format!("theme=dark; {pair}")).expect("header"));
        headers
    }

    #[test]
    fn a_link_works_once_and_its_cookie_until_it_is_ended() {
        let (_folder, home) = new_home();
        let sessions = Sessions::open(home.clone(), 7340);
        let link = sessions.new_link(now(0)).expect("link");
        let cookie = sessions.exchange(&link, now(1)).expect("random").expect("a cookie");
        for part in ["heirloom-7340=", "HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(cookie.to_str().expect("text").contains(part), "{part}");
        }
        assert_eq!(sessions.exchange(&link, now(2)).expect("random"), None, "it was used");
        assert_eq!(sessions.shown(&with_cookie(&cookie), now(3)), Shown::Right);
        assert_eq!(sessions.shown(&HeaderMap::new(), now(3)), Shown::Nothing);

        let again = Sessions::open(home.clone(), 7340);
        assert_eq!(again.shown(&with_cookie(&cookie), now(4)), Shown::Right, "a node that restarts knows it");
        let month = COOKIE_LIFETIME.as_secs();
        assert_eq!(again.shown(&with_cookie(&cookie), now(month + 2)), Shown::Wrong, "it ends");
        assert_eq!(Sessions::open(home, 7341).shown(&with_cookie(&cookie), now(4)), Shown::Nothing, "another node's");
        again.end(&with_cookie(&cookie));
        assert_eq!(again.shown(&with_cookie(&cookie), now(5)), Shown::Wrong);
    }

    #[test]
    fn a_link_that_waited_too_long_is_none() {
        let (_folder, home) = new_home();
        let sessions = Sessions::open(home, 7340);
        let link = sessions.new_link(now(0)).expect("link");
        assert_eq!(sessions.exchange(&link, now(LINK_LIFETIME.as_secs())).expect("random"), None);
        assert_eq!(sessions.exchange("", now(0)).expect("random"), None);
    }

    #[test]
    fn the_newest_links_and_browsers_stay() {
        let (_folder, home) = new_home();
        let sessions = Sessions::open(home.clone(), 7340);
        let links: Vec<String> = (0..40).map(|second| sessions.new_link(now(second)).expect("link")).collect();
        assert_eq!(sessions.exchange(&links[0], now(41)).expect("random"), None, "it made room");
        assert!(sessions.exchange(&links[39], now(41)).expect("random").is_some());
        for second in 42..100 {
            let link = sessions.new_link(now(second)).expect("link");
            sessions.exchange(&link, now(second)).expect("random").expect("a cookie");
        }
        assert_eq!(home.sessions().lines().count(), COOKIES_MAX);
    }

    #[test]
    fn a_file_that_somebody_wrote_into_is_read_as_far_as_it_is_good() {
        let (_folder, home) = new_home();
        let good = format!("{} 1800000000000", "ab".repeat(32));
        home.keep_sessions(&format!("nonsense\n{good}\nab 12\n{} x\n", "cd".repeat(32))).expect("written");
        assert_eq!(Sessions::open(home, 7340).table().cookies.len(), 1);
    }
}
