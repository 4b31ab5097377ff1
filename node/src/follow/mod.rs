//! From whatever people paste to the keys in it: keys, links, cards, signed lists, files, pages.
//!
//! What it must not know: whom the owner follows, and what following would change.

mod html;
mod opml;
mod page;
pub(crate) mod reach;
mod reading;

pub use page::{WebFile, file_at, is_address};

use heirloom_core::command::CommandError;
use heirloom_proto::key::KeyError;
use heirloom_proto::signed_text::{self, BEGIN, find_blocks};
use heirloom_proto::text::{
    CARD_BEGIN, Contact, ContactError, FOUND_MAX, LINK_SCHEME, TEXT_BYTES_MAX, find_contacts, is_link,
};
use heirloom_proto::{Body, Key, Statement, Timestamp, Verified};
use std::io::Read as _;
use std::path::Path;
use std::time::SystemTime;

/// Somebody who might be followed, and where they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    /// Key, name, page.
    pub contact: Contact,
    /// What a list says they are good for, or empty.
    pub note: String,
    /// The signed list on which they stand.
    pub list: Option<ListedBy>,
    /// Where it was.
    pub found: Found,
}

/// Who signed a list, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBy {
    /// Key that signed it.
    pub key: Key,
    /// Name of the list.
    pub name: String,
}

/// Where a key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was given.
    Given,
    /// In a text, or on a page.
    Text,
    /// Behind the `<link rel="alternate">` of a page.
    Alternate,
    /// In the `/.well-known/heirloom.json` of a site.
    WellKnown,
}

impl Found {
    /// Name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Text => "text",
            Self::Alternate => "alternate",
            Self::WellKnown => "well-known",
        }
    }
}

impl From<Contact> for Lead {
    fn from(contact: Contact) -> Self {
        Self { contact, note: String::new(), list: None, found: Found::Text }
    }
}

fn bad(error: &dyn std::fmt::Display) -> CommandError {
    CommandError::bad_input("bad_contact", error.to_string())
}

/// Keys, links, cards, lists, files, pages, or `-` for standard input.
///
/// # Errors
/// One sentence that says what is wrong with it.
pub async fn resolve(what: &str) -> Result<Vec<Lead>, CommandError> {
    let what = what.trim();
    if let Some(found) = as_key_or_link(what)? {
        return Ok(vec![Lead { found: Found::Given, ..found.into() }]);
    }
    if page::is_address(what) {
        return page::leads_on(what).await;
    }
    if what == "-" || Path::new(what).is_file() {
        let text = read(what)?;
        // A key alone in a file or a pipe. Bare hexadecimal digits are a key only where they are the argument.
        let alone = text.trim();
        if !is_hex(alone)
            && let Some(found) = as_key_or_link(alone)?
        {
            return Ok(vec![Lead { found: Found::Given, ..found.into() }]);
        }
        return in_text(&text, now());
    }
    if [CARD_BEGIN, BEGIN, "did:key:", LINK_SCHEME].iter().any(|start| what.contains(start)) {
        return in_text(what, now());
    }
    Err(bad(&format!(
        "{what:?} is not a key, a heirloom: link, a file or a web address: copy the curator's card or link whole"
    )))
}

/// The same of text that was pasted into a page: it is never taken as the name of a file, nor as standard input.
///
/// # Errors
/// One sentence that says what is wrong with it.
pub async fn pasted(what: &str) -> Result<Vec<Lead>, CommandError> {
    let what = what.trim();
    if what.len() > TEXT_BYTES_MAX {
        return Err(bad(&"this text is too long: paste the part that holds the card or link"));
    }
    if let Some(found) = as_key_or_link(what)? {
        return Ok(vec![Lead { found: Found::Given, ..found.into() }]);
    }
    let is_one_word = !what.contains(char::is_whitespace);
    if is_one_word && page::is_address(what) {
        return page::leads_on(what).await;
    }
    in_text(what, now())
}

/// The text of a file, of a page, or of standard input (`-`).
///
/// # Errors
/// One sentence that says why it cannot be read.
pub async fn text_of(what: &str) -> Result<String, CommandError> {
    let what = what.trim();
    if page::is_address(what) { page::text_of(what).await } else { read(what) }
}

/// A key or link that is the whole text; `None` if it does not look like one.
fn as_key_or_link(text: &str) -> Result<Option<Contact>, CommandError> {
    if text.contains(char::is_whitespace) {
        return Ok(None);
    }
    if is_link(text) {
        // What a forum put into it is taken out again, as in a longer text.
        let found = Contact::from_link(text).or_else(|error| match find_contacts(text).as_deref() {
            Ok([alone]) => Ok(alone.clone()),
            _ => Err(error),
        });
        return found.map(Some).map_err(|error| bad(&error));
    }
    match text.parse::<Key>() {
        Ok(key) => Ok(Some(Contact { key, name: String::new(), url: String::new() })),
        Err(KeyError::NotAKey { .. }) => Ok(None),
        // A file may be called anything.
        Err(_) if Path::new(text).is_file() => Ok(None),
        Err(error) => Err(bad(&error)),
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|letter| letter.is_ascii_hexdigit())
}

fn read(what: &str) -> Result<String, CommandError> {
    let read = |from: &mut dyn std::io::Read| -> Result<Vec<u8>, std::io::Error> {
        let mut bytes = Vec::new();
        from.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = if what == "-" {
        read(&mut std::io::stdin().lock()).map_err(|error| bad(&format!("cannot read the text: {error}")))?
    } else {
        let opened = std::fs::File::open(what).and_then(|mut file| read(&mut file));
        opened.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                CommandError::bad_input("no_such_file", format!("{what} does not exist: name a file or a web address"))
            }
            _ => CommandError::bad_input("unreadable", format!("cannot read {what}: {error}")),
        })?
    };
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(bad(&format!(
            "this text is longer than {} MiB: give the part that holds the card or link",
            TEXT_BYTES_MAX >> 20
        )));
    }
    Ok(reading::text_of(&bytes, None))
}

/// The clock, for lists that have expired.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// In plain text, in the source of a page, or in a `heirloom.json`.
fn in_text(text: &str, now: Timestamp) -> Result<Vec<Lead>, CommandError> {
    if let Some(found) = in_json(text) {
        return found.map(|contact| vec![contact.into()]);
    }
    if opml::is_opml(text) {
        return in_plain(&opml::text_of(text), now);
    }
    if html::is_page(text) {
        return in_plain(&html::text_of(text).text, now);
    }
    let first = in_plain(text, now);
    if first.is_ok() || !text.contains('<') {
        return first;
    }
    // A piece of a page. What it says as text holds, unless that is nothing.
    in_plain(&html::text_of(text).text, now).or(first)
}

/// Signed lists first: what they hold is cut out, so that the keys inside are not found again as bare ones.
fn in_plain(text: &str, now: Timestamp) -> Result<Vec<Lead>, CommandError> {
    let (statements, outside) = find_blocks(text).map_err(|error| bad(&error))?;
    let mut found: Vec<Lead> = Vec::new();
    for statement in &statements {
        merge(&mut found, leads_of(statement, now)?);
    }
    match find_contacts(&outside) {
        Ok(contacts) => merge(&mut found, contacts.into_iter().map(Lead::from).collect()),
        // Beside a signed list there need be nothing else; damaged cards stay damaged.
        Err(ContactError::NothingFound) if !found.is_empty() => {}
        Err(error) => return Err(bad(&error)),
    }
    Ok(found)
}

/// Whom a signed statement leads to: a list to those on it, anything else to its author.
fn leads_of(statement: &Verified<Statement>, now: Timestamp) -> Result<Vec<Lead>, CommandError> {
    let author = *statement.author();
    refuse_expired(statement, now)?;
    Ok(match statement.body() {
        Body::CuratorList(list) => {
            let listed_by = ListedBy { key: author, name: list.name.clone() };
            let to_lead = |entry: &heirloom_proto::body::CuratorEntry| Lead {
                contact: Contact { key: entry.key, name: entry.name.clone(), url: String::new() },
                note: entry.note.clone(),
                list: Some(listed_by.clone()),
                found: Found::Text,
            };
            list.entries.iter().map(to_lead).collect()
        }
        Body::Profile(profile) => {
            vec![Contact { key: author, name: profile.name.clone(), url: profile.url.clone() }.into()]
        }
        _ => vec![Contact { key: author, name: String::new(), url: String::new() }.into()],
    })
}

/// Whether a signed text still counts.
///
/// # Errors
/// When it has expired.
pub fn refuse_expired(statement: &Statement, now: Timestamp) -> Result<(), CommandError> {
    match statement.header().expires {
        Some(at) if at <= now => Err(bad(&format!(
            "this signed text expired on {}: get a newer one from whoever made it",
            &at.to_rfc3339()[..10]
        ))),
        _ => Ok(()),
    }
}

/// A `heirloom.json`, as `curator card --well-known` prints it; `None` if the text is none.
fn in_json(text: &str) -> Option<Result<Contact, CommandError>> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let (key, link) = (value["key"].as_str(), value["uri"].as_str());
    let found = match (key, link) {
        (None, None) => return None,
        (_, Some(link)) => Contact::from_link(link).map_err(|error| bad(&error)),
        (Some(key), None) => {
            let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            let to_contact = |key| Contact { key, name: field("name"), url: field("url") };
            // Through a link and back: its names pass the same checks.
            key.parse::<Key>()
                .map_err(|error| bad(&error))
                .and_then(|key| Contact::from_link(&to_contact(key).to_link()).map_err(|error| bad(&error)))
        }
    };
    Some(found.and_then(|contact| match key.map(str::parse::<Key>) {
        Some(Ok(key)) if key != contact.key => {
            Err(bad(&"this heirloom.json names two keys, one in \"key\" and another in \"uri\": ask its owner"))
        }
        Some(Err(error)) => Err(bad(&format!("the key in this heirloom.json is damaged: {error}"))),
        _ => Ok(contact),
    }))
}

/// Adds leads, each key once: who was found with a name stays so.
fn merge(all: &mut Vec<Lead>, more: Vec<Lead>) {
    for lead in more {
        match all.iter().position(|known| known.contact.key == lead.contact.key) {
            Some(at) if all[at].contact.name.is_empty() && all[at].contact.url.is_empty() => {
                all[at].contact = lead.contact;
            }
            None if all.len() < FOUND_MAX => all.push(lead),
            _ => {}
        }
    }
}

/// Every statement of a signed text.
///
/// # Errors
/// Why one of them is refused, or that there is none.
pub fn statements_in(text: &str) -> Result<Vec<Verified<Statement>>, CommandError> {
    let from = |text: &str| find_blocks(text).map(|(statements, _)| statements);
    let found = if html::is_page(text) {
        from(&html::text_of(text).text)
    } else {
        from(text).or_else(|error: signed_text::SignedTextError| {
            if text.contains('<') { from(&html::text_of(text).text).map_err(|_| error) } else { Err(error) }
        })
    };
    let found = found.map_err(|error| CommandError::bad_input("bad_signed_text", error.to_string()))?;
    if found.is_empty() {
        let message = format!("there is no signed list in this text: it begins with {BEGIN}");
        return Err(CommandError::bad_input("no_signed_text", message));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_proto::body::{CuratorEntry, CuratorList};
    use heirloom_proto::{Header, SecretKey};

    fn secret(number: u8) -> SecretKey {
        SecretKey::from_seed(&[number; 32])
    }

    fn alice() -> Contact {
        Contact { key: secret(1).public(), name: "Alice & Co".into(), url: String::new() }
    }

    fn found(text: &str) -> Result<Vec<Contact>, String> {
        let leads = in_text(text, Timestamp(1000)).map_err(|error| error.message)?;
        Ok(leads.into_iter().map(|lead| lead.contact).collect())
    }

    fn list(expires: u64) -> String {
        let entry = |number: u8, name: &str| CuratorEntry {
            key: secret(number).public(),
            name: name.into(),
            note: "good".into(),
        };
        let list =
            CuratorList { name: "Films <open> & free".into(), entries: vec![entry(2, "Bob"), entry(3, "Carol")] };
        let header = Header { generation: 0, seq: 1, created: Timestamp(1), expires: Some(Timestamp(expires)) };
        let signed = Statement::sign(&secret(1), &header, &Body::CuratorList(list)).expect("signed");
        signed_text::to_block(&signed).expect("a form")
    }

    #[test]
    fn cards_in_pages_are_found() {
        let card = alice().to_card().replace('&', "&amp;").replace('\n', "<br>\n");
        let link = alice().to_link().replace('&', "&amp;");
        let json = serde_json::json!({ "uri": alice().to_link() }).to_string();
        for text in [
            format!("<p>Hi</p><pre>{card}</pre>"),
            format!("<!DOCTYPE html><html><body><div>{card}</div></body></html>"),
            format!("<a href=\"{link}\">follow me</a>"),
            format!("<html><a href=\"{link}\">heirloom:z6Mkab…</a>"),
            json,
        ] {
            assert_eq!(found(&text), Ok(vec![alice()]), "{text}");
        }
    }

    #[test]
    fn a_link_alone_is_read_like_one_in_a_text() {
        let link = alice().to_link();
        let (head, tail) = link.split_at(30);
        for text in [link.clone(), format!("{head}\u{200c}{tail}"), link.replace('&', "&#x26;").replace('=', "&#x3d;")]
        {
            let found = as_key_or_link(&text).map_err(|error| error.message);
            assert_eq!(found, Ok(Some(alice())), "{text}");
        }
        let wrong = as_key_or_link(&link.replace("Alice", "Alica")).expect_err("changed");
        assert!(wrong.message.contains("checksum"), "{}", wrong.message);
    }

    #[test]
    fn what_a_page_does_not_show_is_not_found() {
        let (hidden, shown) = (secret(9).public(), secret(1).public());
        let page = format!(
            "<html><!-- {hidden} --><script>var a = '{hidden} <p>';</script><style>{hidden}</style>\
             <p title='{hidden}'>{}<wbr>{}</p></html>",
            &shown.to_string()[..20],
            &shown.to_string()[20..]
        );
        let contacts = found(&page).expect("one key");
        assert_eq!(contacts.iter().map(|contact| contact.key).collect::<Vec<_>>(), [shown]);
    }

    #[test]
    fn a_signed_list_leads_to_those_on_it_and_says_who_signed() {
        let leads = in_text(&format!("See:\n{}", list(2000)), Timestamp(1000)).expect("a list");
        let names: Vec<&str> = leads.iter().map(|lead| lead.contact.name.as_str()).collect();
        assert_eq!(names, ["Bob", "Carol"]);
        let by = ListedBy { key: secret(1).public(), name: "Films <open> & free".into() };
        assert_eq!((leads[0].list.clone(), leads[0].note.as_str()), (Some(by), "good"));
        let page = format!("<html><pre>{}</pre>", list(2000).replace('&', "&amp;").replace('<', "&lt;"));
        assert_eq!(found(&page).expect("a list").len(), 2);

        let text = list(2000);
        let changed = text.replace("Carol", "Karol");
        assert!(found(&changed).is_err_and(|error| error.contains("changed")), "whoever changes a name is found out");
        let (unsigned, _) = text.split_once("signed:").expect("signed");
        let unsigned = format!("{unsigned}{}", signed_text::END);
        assert!(found(&unsigned).is_err_and(|error| error.contains("no signature")));
        assert!(found(&list(1000)).is_err_and(|error| error.contains("expired")));
    }

    #[test]
    fn a_well_known_file_that_contradicts_itself_is_refused() {
        let bob = secret(2).public().to_string();
        let two = serde_json::json!({ "key": bob, "uri": alice().to_link() }).to_string();
        assert!(found(&two).is_err_and(|error| error.contains("two keys")));
        let bare = serde_json::json!({ "key": bob, "name": "Bob" }).to_string();
        assert_eq!(found(&bare).expect("a key")[0].name, "Bob");
        let hostile = serde_json::json!({ "key": bob, "name": "Bob\u{202e}" }).to_string();
        assert!(found(&hostile).is_err());
        assert!(found("{\"name\": \"nobody\"}").is_err());
    }
}
