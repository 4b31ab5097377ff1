//! Pages on the web. One is fetched only because the owner gave its address, and leads no further than its own site.

use super::reach::{is_own_name, is_own_network, is_public};
use super::reading::{Packed, text_of as text_in, unpacked};
use super::{Found, Lead, html, in_json, in_plain, in_text, merge, now};
use crate::outlet;
use heirloom_core::command::{CommandError, Fault};
use heirloom_proto::text::TEXT_BYTES_MAX;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use reqwest::{Client, Proxy, Response, StatusCode, Url};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::Instant;

/// How long everything about one address may take, all redirects and pages together: longer than a slow blog, shorter than patience.
const WAIT: Duration = Duration::from_secs(15);
/// Longest file that is fetched to be imported: what a browser would be used for beyond it.
const FILE_BYTES_MAX: usize = 32 << 20;
/// Redirects followed: to https, to www, and one for good measure.
const REDIRECTS_MAX: usize = 3;
/// Where a site says whose it is.
const WELL_KNOWN: &str = "/.well-known/heirloom.json";

/// Whether a text is meant as a web address, good or bad.
pub fn is_address(text: &str) -> bool {
    text.get(..8).unwrap_or(text).to_ascii_lowercase().starts_with("http") && text.contains("://")
}

/// On a blog page: whom its site or its `<link>` names, and whom its text names.
///
/// # Errors
/// One sentence that says what is wrong with the page, or that it names nobody.
pub async fn leads_on(address: &str) -> Result<Vec<Lead>, CommandError> {
    let visit = Visit::to(address)?;
    let page = match visit.fetch(visit.start.clone()).await {
        // The first page of a site need not exist for the site to have an owner.
        Err(error) if error.fault == Fault::NotFound && visit.start.path() == "/" => {
            return visit.well_known(&visit.start).await.map_err(|_| error);
        }
        page => page?,
    };
    if !html::is_page(&page.text) && !page.is_html {
        return in_text(&page.text, now());
    }
    let read = html::text_of(&page.text);
    let mut all = Vec::new();
    let mut gone = None;
    for link in &read.alternates {
        let url = page.url.join(link).map_err(|_| refused(&page.url, "its link for Heirloom is no web address"))?;
        match visit.fetch(url).await {
            // Left over in the page's frame from another time. It says nothing about whom the page names.
            Err(error) if error.fault == Fault::NotFound => gone = Some(error),
            fetched => merge(&mut all, marked(in_text(&fetched?.text, now())?, Found::Alternate)),
        }
    }
    match visit.well_known(&page.url).await {
        Ok(found) => merge(&mut all, found),
        // Most sites have none. One that is damaged is a warning.
        Err(error) if error.code == "bad_contact" => return Err(error),
        Err(_) => {}
    }
    match in_plain(&read.text, now()) {
        Ok(found) => merge(&mut all, found),
        Err(error) if !error.message.starts_with("no Heirloom card") => return Err(error),
        Err(error) if all.is_empty() => return Err(gone.unwrap_or(error)),
        Err(_) => {}
    }
    Ok(all)
}

/// The text behind an address.
///
/// # Errors
/// One sentence that says why it cannot be had.
pub async fn text_of(address: &str) -> Result<String, CommandError> {
    let visit = Visit::to(address)?;
    Ok(visit.fetch(visit.start.clone()).await?.text)
}

/// A file on the web, as far as it came.
#[derive(Debug)]
pub struct WebFile {
    /// What came of it.
    pub bytes: Vec<u8>,
    /// What its server says that it is, such as `text/csv`, or empty.
    pub kind: String,
    /// The last part of its address.
    pub name: String,
    /// Why the rest did not come, in a sentence; `None`: it is whole.
    pub cut: Option<String>,
}

/// The file behind an address that the owner gave, by the rules for pages. One that is too long, or too slow, is cut.
///
/// # Errors
/// One sentence that says why it cannot be had.
pub async fn file_at(address: &str) -> Result<WebFile, CommandError> {
    let visit = Visit::to(address)?;
    let mut response = visit.response(visit.start.clone()).await?;
    let url = response.url().clone();
    refuse_status(&url, response.status())?;
    let kind = content_type(&response);
    let name = url.path().rsplit('/').next().unwrap_or_default().to_owned();
    let coding = coding(&response);
    let mut file = WebFile { bytes: Vec::new(), kind, name, cut: None };
    loop {
        let came = match tokio::time::timeout_at(visit.until, response.chunk()).await {
            Err(_) => Err(format!("it took longer than {} s", WAIT.as_secs())),
            Ok(Err(error)) => Err(format!("its server broke off: {}", chain(&error))),
            Ok(Ok(chunk)) => Ok(chunk),
        };
        let why = match came {
            Ok(None) => {
                let whole = std::mem::take(&mut file.bytes);
                file.bytes =
                    unpacked(whole, &coding, FILE_BYTES_MAX).map_err(|why| packed(&url, &why, FILE_BYTES_MAX))?;
                return Ok(file);
            }
            Ok(Some(chunk)) if file.bytes.len() + chunk.len() <= FILE_BYTES_MAX => {
                file.bytes.extend_from_slice(&chunk);
                continue;
            }
            Ok(Some(_)) => format!("it is longer than {} MiB", FILE_BYTES_MAX >> 20),
            Err(why) => why,
        };
        // A part of what was packed cannot be unpacked for certain.
        if file.bytes.is_empty() || !coding.is_empty() {
            return Err(unreachable(&url, &why));
        }
        let kib = file.bytes.len().div_ceil(1024);
        file.cut = Some(format!("only the first {kib} KiB were read: {why}; download it, and import the file"));
        return Ok(file);
    }
}

fn marked(leads: Vec<Lead>, found: Found) -> Vec<Lead> {
    leads.into_iter().map(|lead| Lead { found, ..lead }).collect()
}

/// All that is fetched because of one address.
struct Visit {
    /// The address as it was typed.
    start: Url,
    /// When to give up.
    until: Instant,
}

/// What came.
struct Fetched {
    /// Where it was in the end.
    url: Url,
    text: String,
    is_html: bool,
}

impl Visit {
    fn to(address: &str) -> Result<Self, CommandError> {
        let start = Url::parse(address).map_err(|error| {
            CommandError::bad_input("bad_url", format!("{address:?} is not a web address: {error}"))
        })?;
        Ok(Self { start, until: Instant::now() + WAIT })
    }

    async fn well_known(&self, page: &Url) -> Result<Vec<Lead>, CommandError> {
        let url = page.join(WELL_KNOWN).map_err(|_| refused(page, "it has no site"))?;
        let text = self.fetch(url).await?.text;
        // A site that answers everything with its first page has none.
        let found = in_json(&text).ok_or_else(|| refused(page, "it has no heirloom.json"))?;
        Ok(marked(vec![found?.into()], Found::WellKnown))
    }

    /// Fetches a page.
    async fn fetch(&self, url: Url) -> Result<Fetched, CommandError> {
        let response = self.response(url).await?;
        let url = response.url().clone();
        let read = tokio::time::timeout_at(self.until, read(response)).await;
        let (text, is_html) = read.map_err(|_| too_slow(&url))??;
        Ok(Fetched { url, text, is_html })
    }

    /// The answer from an address, through redirects, each of them checked like the first.
    async fn response(&self, mut url: Url) -> Result<Response, CommandError> {
        for _ in 0..=REDIRECTS_MAX {
            let response = tokio::time::timeout_at(self.until, self.ask(&url)).await.map_err(|_| too_slow(&url))??;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let next = location.and_then(|to| url.join(to).ok());
            let next = next.ok_or_else(|| refused(&url, "it leads on to no web address"))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(refused(&url, "it leads from https to a page that anybody on the way can change"));
            }
            url = next;
        }
        Err(refused(&url, &format!("it was led on more than {REDIRECTS_MAX} times")))
    }

    /// One request: to addresses that were resolved and checked here, and to none that a second look-up would give.
    async fn ask(&self, url: &Url) -> Result<Response, CommandError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(url, "only http and https are read"));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(refused(url, "it names no host"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(url, "it holds a name or password: leave those out"));
        }
        let proxy = outlet::current().and_then(outlet::Outlet::proxy_at);
        let addresses = match proxy {
            Some(_) => Self::of_proxy(url, host).map(|()| Vec::new())?,
            None => self.addresses(url, host, port).await?,
        };
        let failed = |error: reqwest::Error| unreachable(url, &chain(&error));
        // No proxy but the one that the owner chose for everything, and no cookies: nobody else is told, and nothing is
        // known of the owner there.
        let client = Client::builder().no_proxy();
        let client = match proxy {
            Some((at, proxy)) => client.proxy(Proxy::all(proxy.url(at).as_str()).map_err(failed)?),
            None => client,
        };
        let client = client
            .redirect(reqwest::redirect::Policy::none())
            .resolve_to_addrs(host, &addresses)
            .user_agent(concat!("heirloom/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(failed)?;
        let accept = "text/html, application/json, text/plain, */*;q=0.1";
        client.get(url.clone()).header(ACCEPT, accept).send().await.map_err(failed)
    }

    /// Through a proxy it is that which looks names up, so only addresses can be refused here, and names that lead into
    /// somebody's own network.
    fn of_proxy(url: &Url, host: &str) -> Result<(), CommandError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let is_refused = match bare.parse::<IpAddr>() {
            Ok(ip) => !is_public(ip),
            Err(_) => is_own_name(host),
        };
        if is_refused {
            let message = format!(
                "{} is refused: {host} is inside a network, and the proxy leads into none of yours",
                shown(url)
            );
            return Err(CommandError::new(Fault::Refused, "private_address", message));
        }
        Ok(())
    }

    async fn addresses(&self, url: &Url, host: &str, port: u16) -> Result<Vec<SocketAddr>, CommandError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::net::lookup_host((bare, port)).await;
        let found: Vec<SocketAddr> = found.map_err(|error| unreachable(url, &error.to_string()))?.collect();
        // What the owner typed may be at home; nothing else that it leads to.
        let is_typed =
            url.host_str() == self.start.host_str() && port == self.start.port_or_known_default().unwrap_or(0);
        let may_be_own = is_typed && is_own_name(host);
        let may = |at: &SocketAddr| is_public(at.ip()) || (may_be_own && is_own_network(at.ip()));
        let allowed: Vec<SocketAddr> = found.into_iter().filter(may).collect();
        if allowed.is_empty() {
            let message = format!(
                "{} is refused: {host} is an address inside a network or of this machine, to which no page may lead; \
                 give that address itself if you mean it",
                shown(url)
            );
            return Err(CommandError::new(Fault::Refused, "private_address", message));
        }
        Ok(allowed)
    }
}

fn refuse_status(url: &Url, status: StatusCode) -> Result<(), CommandError> {
    if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
        return Err(CommandError::not_found(
            "no_such_page",
            format!("there is no page {}: check the address", shown(url)),
        ));
    }
    if status.is_success() { Ok(()) } else { Err(unreachable(url, &format!("it answers {status}"))) }
}

/// What a server says that its answer is, in lower case and without more about it.
fn content_type(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// How a server says that its answer is packed, or empty.
fn coding(response: &Response) -> String {
    let coding = response.headers().get(CONTENT_ENCODING).and_then(|coding| coding.to_str().ok()).unwrap_or_default();
    if coding.eq_ignore_ascii_case("identity") { String::new() } else { coding.to_owned() }
}

/// In which encoding a server says that its answer is.
fn charset(response: &Response) -> Option<String> {
    let kind = response.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let name = kind.split(';').skip(1).find_map(|part| part.trim().strip_prefix("charset=").map(str::to_owned))?;
    Some(name.trim().trim_matches('"').to_owned())
}

fn packed(url: &Url, why: &Packed, bytes_max: usize) -> CommandError {
    let why = match why {
        Packed::Unknown(coding) => format!("its server packed it as {coding:?}, which was not asked for"),
        Packed::Damaged => "what its server packed is damaged".to_owned(),
        Packed::TooLong => format!("unpacked it is longer than {} MiB", bytes_max >> 20),
    };
    refused(url, &format!("{why}: save it with a browser, and give that file"))
}

/// Reads a page, if it is text and not too long.
async fn read(mut response: Response) -> Result<(String, bool), CommandError> {
    let url = response.url().clone();
    refuse_status(&url, response.status())?;
    let kind = content_type(&response);
    // Many servers call a file octet-stream of which they know nothing; whether it is text shows below.
    let is_text = kind.is_empty()
        || kind.starts_with("text/")
        || matches!(kind.as_str(), "application/json" | "application/xml" | "application/octet-stream")
        || kind.ends_with("+json")
        || kind.ends_with("+xml");
    if !is_text {
        return Err(refused(&url, &format!("it is of type {kind}, and not a page or text")));
    }
    let is_html = matches!(kind.as_str(), "text/html" | "application/xhtml+xml");
    let too_long = || {
        refused(
            &url,
            &format!(
                "it is longer than {} MiB: save the part with the card, and follow that file",
                TEXT_BYTES_MAX >> 20
            ),
        )
    };
    if response.content_length().is_some_and(|length| length > TEXT_BYTES_MAX as u64) {
        return Err(too_long());
    }
    let (coding, charset) = (coding(&response), charset(&response));
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&url, &chain(&error)))? {
        if bytes.len() + chunk.len() > TEXT_BYTES_MAX {
            return Err(too_long());
        }
        bytes.extend_from_slice(&chunk);
    }
    let bytes = unpacked(bytes, &coding, TEXT_BYTES_MAX).map_err(|why| packed(&url, &why, TEXT_BYTES_MAX))?;
    let text = text_in(&bytes, charset.as_deref());
    if text.contains('\0') {
        return Err(refused(&url, "it is not a page or text"));
    }
    Ok((text, is_html))
}

/// An address without what may be secret in it, and not longer than a line.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.as_str().chars().take(100).collect()
}

fn refused(url: &Url, why: &str) -> CommandError {
    CommandError::bad_input("bad_page", format!("{} is refused: {why}", shown(url)))
}

fn unreachable(url: &Url, why: &str) -> CommandError {
    CommandError::new(Fault::Failed, "no_page", format!("cannot read {}: {why}", shown(url)))
}

fn too_slow(url: &Url) -> CommandError {
    unreachable(url, &format!("it took longer than {} s", WAIT.as_secs()))
}

/// What an HTTP error is about in the end, without its address.
fn chain(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
