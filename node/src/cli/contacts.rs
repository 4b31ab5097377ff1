//! From whatever people paste to the keys in it.

use heirloom_core::command::CommandError;
use heirloom_proto::Key;
use heirloom_proto::key::KeyError;
use heirloom_proto::text::{CARD_BEGIN, Contact, ContactError, LINK_SCHEME, TEXT_BYTES_MAX, find_contacts};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// How long a web page may take.
const PAGE_WAIT: Duration = Duration::from_secs(15);
/// Redirects followed.
const REDIRECTS_MAX: usize = 3;

fn bad(error: &dyn std::fmt::Display) -> CommandError {
    CommandError::bad_input("bad_contact", error.to_string())
}

/// Keys, links, cards, files, pages, or `-` for standard input.
///
/// # Errors
/// One sentence that says what is wrong with it.
pub async fn resolve(what: &str) -> Result<Vec<Contact>, CommandError> {
    let what = what.trim();
    if what == "-" {
        return in_text(&read_all(&mut std::io::stdin().lock())?);
    }
    if what.starts_with(LINK_SCHEME) {
        return Contact::from_link(what).map(|contact| vec![contact]).map_err(|error| bad(&error));
    }
    if what.starts_with("http://") || what.starts_with("https://") {
        return on_page(what).await;
    }
    match what.parse::<Key>() {
        Ok(key) => return Ok(vec![Contact { key, name: String::new(), url: String::new() }]),
        Err(KeyError::NotAKey { .. }) => {}
        Err(error) => return Err(bad(&error)),
    }
    let path = Path::new(what);
    if path.is_file() {
        let mut file = std::fs::File::open(path).map_err(|error| bad(&format!("cannot read {what}: {error}")))?;
        return in_text(&read_all(&mut file)?);
    }
    if what.contains(CARD_BEGIN) || what.contains("did:key:") {
        return in_text(what);
    }
    Err(bad(&format!(
        "{what:?} is not a key, a heirloom: link, a file or a web address: copy the curator's card or link whole"
    )))
}

fn read_all(from: &mut dyn std::io::Read) -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(TEXT_BYTES_MAX).unwrap_or(u64::MAX);
    from.take(limit).read_to_end(&mut bytes).map_err(|error| bad(&format!("cannot read the text: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// In plain text, in HTML, or in a `heirloom.json`.
fn in_text(text: &str) -> Result<Vec<Contact>, CommandError> {
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
        && let Some(link) = value["uri"].as_str()
    {
        return Contact::from_link(link).map(|contact| vec![contact]).map_err(|error| bad(&error));
    }
    let first = find_contacts(text);
    if first.is_ok() || !text.contains('<') {
        return first.map_err(|error| bad(&error));
    }
    match find_contacts(&without_tags(text)) {
        Err(ContactError::NothingFound) => first.map_err(|error| bad(&error)),
        found => found.map_err(|error| bad(&error)),
    }
}

/// A page's text: tags are spaces, the usual entities are letters.
fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => {
                is_tag = true;
                text.push(' ');
            }
            '>' if is_tag => is_tag = false,
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
        .iter()
        .fold(text, |text, (entity, letter)| text.replace(entity, letter))
}

/// On a blog page: in its text, behind its `<link rel="alternate" type="application/heirloom+json">`, or in the site's
/// `/.well-known/heirloom.json`.
async fn on_page(url: &str) -> Result<Vec<Contact>, CommandError> {
    let client = reqwest::Client::builder()
        .timeout(PAGE_WAIT)
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS_MAX))
        .build()
        .map_err(|error| bad(&error))?;
    let base = reqwest::Url::parse(url).map_err(|error| bad(&format!("{url:?} is not a web address: {error}")))?;
    let page = fetch(&client, base.clone()).await?;
    let first = in_text(&page);
    if first.is_ok() {
        return first;
    }
    let alternate = alternate_link(&page).and_then(|link| base.join(&link).ok());
    for next in alternate.into_iter().chain(base.join("/.well-known/heirloom.json").ok()) {
        if let Ok(text) = fetch(&client, next).await
            && let Ok(found) = in_text(&text)
        {
            return Ok(found);
        }
    }
    first
}

async fn fetch(client: &reqwest::Client, url: reqwest::Url) -> Result<String, CommandError> {
    let failed = |error: reqwest::Error| bad(&format!("cannot read the page: {}", error.without_url()));
    let mut response = client.get(url).send().await.map_err(failed)?.error_for_status().map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT_BYTES_MAX {
            bytes.truncate(TEXT_BYTES_MAX);
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn alternate_link(page: &str) -> Option<String> {
    page.split("<link").skip(1).find_map(|tag| {
        let tag = tag.split('>').next()?;
        let is_ours = tag.contains("application/heirloom+json");
        let href = tag.split("href=").nth(1)?.trim_start_matches(['"', '\'']);
        is_ours.then(|| href.split(['"', '\'', ' ']).next().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Contact {
        let key = heirloom_proto::SecretKey::from_seed(&[1; 32]).public();
        Contact { key, name: "Alice & Co".into(), url: String::new() }
    }

    #[test]
    fn cards_in_pages_are_found() {
        let card = alice().to_card().replace('&', "&amp;").replace('\n', "<br>\n");
        assert_eq!(in_text(&format!("<p>Hi</p><pre>{card}</pre>")).expect("found"), vec![alice()]);
        let link = alice().to_link().replace('&', "&amp;");
        assert_eq!(in_text(&format!("<a href=\"{link}\">follow me</a>")).expect("found"), vec![alice()]);
        let json = serde_json::json!({ "uri": alice().to_link() }).to_string();
        assert_eq!(in_text(&json).expect("found"), vec![alice()]);
    }

    #[test]
    fn the_alternate_link_is_found() {
        let page = r#"<link rel="stylesheet" href="x.css"><link rel="alternate" type="application/heirloom+json" href="/h.json">"#;
        assert_eq!(alternate_link(page), Some("/h.json".into()));
    }
}
