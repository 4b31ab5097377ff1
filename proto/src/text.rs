//! Forms of a key for people: links and cards with a checksum, and finding them in pasted text.
//!
//! Half of all one-letter typos of a raw key are valid keys of nobody. So what a curator hands out carries a checksum
//! over key, name and address.

use crate::body::identity::{NAME_BYTES_MAX, URL_BYTES_MAX};
use crate::body::{BodyError, clean_line};
use crate::pasted::{is_invisible, marks, plain_entities, plain_spaces, unquoted};
use crate::{Key, Sha256};
use std::str::FromStr;

/// First line of a card.
pub const CARD_BEGIN: &str = "-----BEGIN HEIRLOOM CARD-----";
/// Last line of a card.
pub const CARD_END: &str = "-----END HEIRLOOM CARD-----";
/// What those lines say between their dashes, which some blogs set anew.
const CARD_BEGIN_WORDS: &str = "BEGIN HEIRLOOM CARD";
const CARD_END_WORDS: &str = "END HEIRLOOM CARD";
/// Scheme of a link.
pub const LINK_SCHEME: &str = "heirloom:";

/// What the fields of a card begin with. A starred one holds percent-encoded text, where a forum would change the plain
/// text or it would look like a field itself.
const LABELS: [&str; 6] = ["Name:", "Name*:", "Key:", "Url:", "Url*:", "Check:"];

/// Longest text that is searched for keys, in bytes: a long forum thread, as the source of its page. The rest is not looked at.
pub const TEXT_BYTES_MAX: usize = 4 << 20;
/// Letters from which a damaged `did:key:` is a damaged key, and no example such as `did:key:z6Mk…`; a whole one has 56.
const DAMAGED_KEY_LETTERS_MIN: usize = 40;
/// Lines over which a mail may have broken a link.
const LINK_LINES_MAX: usize = 4;
/// Most keys taken from one text.
pub const FOUND_MAX: usize = 1000;

/// Who is meant: a key and what its owner calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The key.
    pub key: Key,
    /// Name, or empty.
    pub name: String,
    /// Web page, or empty.
    pub url: String,
}

/// Why a link, a card or a text leads to nobody.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ContactError {
    /// A letter was changed or lost on the way.
    #[error("the checksum of this {0} does not hold: a letter was lost or changed, copy it again")]
    Checksum(&'static str),
    /// The checksum is missing.
    #[error("this {0} has no checksum: copy the whole of it")]
    NoChecksum(&'static str),
    /// The key inside is none.
    #[error("the key in this {what} is damaged: {error}")]
    BadKey {
        /// Link or card.
        what: &'static str,
        /// Why.
        error: crate::key::KeyError,
    },
    /// The card has no end, or a field is missing.
    #[error("this card is cut off: copy it from BEGIN to END")]
    CutOff,
    /// The name or the address is no clean line, or too long: no profile could say it, and it may be meant to deceive.
    #[error("this {what} is refused: {error}")]
    BadText {
        /// Link or card.
        what: &'static str,
        /// Why.
        error: BodyError,
    },
    /// The only key in the text is none.
    #[error("the did:key in the text is damaged ({0}): copy it again, or ask for a card, which has a checksum")]
    DamagedKey(crate::key::KeyError),
    /// Nothing in the text.
    #[error("no Heirloom card, link or did:key found in the text: copy the curator's card or link whole")]
    NothingFound,
}

impl Contact {
    /// Eight letters over key, name and address: 40 bits of SHA-256 in base 32.
    #[must_use]
    pub fn checksum(&self) -> String {
        let mut bytes = b"heirloom/1/contact\0".to_vec();
        bytes.extend_from_slice(self.key.as_bytes());
        for text in [&self.name, &self.url] {
            bytes.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        data_encoding::BASE32_NOPAD.encode(&Sha256::of(&bytes).0[..5]).to_lowercase()
    }

    /// `heirloom:z6Mk…?name=…&url=…&check=…`.
    #[must_use]
    pub fn to_link(&self) -> String {
        let mut link = format!("{LINK_SCHEME}{}?", self.key.to_multibase());
        for (field, text) in [("name", &self.name), ("url", &self.url)] {
            if !text.is_empty() {
                link.push_str(&format!("{field}={}&", percent_encode(text)));
            }
        }
        link + "check=" + &self.checksum()
    }

    /// The short block for forum posts and mails.
    #[must_use]
    pub fn to_card(&self) -> String {
        let (name, url) = (card_field("Name", &self.name), card_field("Url", &self.url));
        format!("{CARD_BEGIN}\n{name}Key: {}\n{url}Check: {}\n{CARD_END}\n", self.key, self.checksum())
    }

    /// From a `heirloom:` link.
    ///
    /// # Errors
    /// [`ContactError`] when the key or the checksum does not hold.
    pub fn from_link(link: &str) -> Result<Self, ContactError> {
        let link = link.trim();
        let rest = if is_link(link) { &link[LINK_SCHEME.len()..] } else { return Err(ContactError::NothingFound) };
        let rest = rest.trim_start_matches('/');
        let (key, query) = rest.split_once('?').unwrap_or((rest, ""));
        let key = Key::from_str(key).map_err(|error| ContactError::BadKey { what: "link", error })?;
        let mut contact = Self { key, name: String::new(), url: String::new() };
        let mut check = None;
        for pair in plain_entities(query).split('&') {
            match pair.split_once('=') {
                Some(("name", text)) => contact.name = percent_decode(text),
                Some(("url", text)) => contact.url = percent_decode(text),
                // What stands behind it is of the text around it, such as the `**` of Markdown.
                Some(("check", text)) => {
                    check = text.split(|c: char| !c.is_ascii_alphanumeric()).next().map(str::to_owned);
                }
                _ => {}
            }
        }
        contact.checked("link", check)
    }

    /// The contact, if `check` is its checksum and its text is what a profile may say.
    fn checked(self, what: &'static str, check: Option<String>) -> Result<Self, ContactError> {
        let check = check.ok_or(ContactError::NoChecksum(what))?;
        if check.to_lowercase() != self.checksum() {
            return Err(ContactError::Checksum(what));
        }
        let bad_text = |error| ContactError::BadText { what, error };
        Ok(Self {
            key: self.key,
            name: clean_line(self.name, "name", NAME_BYTES_MAX).map_err(bad_text)?,
            url: clean_line(self.url, "url", URL_BYTES_MAX).map_err(bad_text)?,
        })
    }

    /// From the text between a card's first and last line, however a forum has wrapped or quoted it.
    fn from_card_body(body: &str) -> Result<Self, ContactError> {
        let text = one_spaced(&body.lines().map(unquoted).collect::<Vec<_>>().join(" "));
        let field = |label: &str| {
            let begins_word = |at: &usize| *at == 0 || text.as_bytes()[at - 1] == b' ';
            let start = text.match_indices(label).map(|(at, _)| at).find(begins_word)? + label.len();
            let rest = &text[start..];
            let end = LABELS.iter().filter_map(|next| rest.find(&format!(" {next}"))).min();
            Some(rest[..end.unwrap_or(rest.len())].trim().to_owned())
        };
        let text_of = |plain, starred| {
            let decoded = || field(starred).map(|text| percent_decode(&text.replace(' ', "")));
            field(plain).or_else(decoded).unwrap_or_default()
        };
        let key = field("Key:").ok_or(ContactError::CutOff)?;
        let key = Key::from_str(&key.replace(' ', "")).map_err(|error| ContactError::BadKey { what: "card", error })?;
        let contact = Self { key, name: text_of("Name:", "Name*:"), url: text_of("Url:", "Url*:") };
        contact.checked("card", field("Check:"))
    }
}

/// Everybody whom a pasted text names by card, link or `did:key:`, in order, each once. A card or link wins over the
/// bare key that stands inside it. Other things that look like keys (a hash, an infohash, an address of another network) are none.
///
/// # Errors
/// [`ContactError`] when a card or link is damaged (following the rest would hide that), or nothing is found.
pub fn find_contacts(text: &str) -> Result<Vec<Contact>, ContactError> {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let found = find_in(text);
    // Where long words may break, some forums put letters that nobody sees.
    if found.is_err() && text.contains(is_invisible) {
        find_in(&text.replace(is_invisible, "")).or(found)
    } else {
        found
    }
}

fn find_in(text: &str) -> Result<Vec<Contact>, ContactError> {
    let text = plain_spaces(text);
    let mut found = Found::default();
    let mut rest = &*text;
    // Cards first: they are cut out, so that the did:key inside is not seen as a second find.
    let mut outside = String::new();
    while let Some(begin) = marks(rest, CARD_BEGIN_WORDS).next() {
        outside.push_str(&rest[..begin.start]);
        let body = &rest[begin.end..];
        let end = marks(body, CARD_END_WORDS).next().ok_or(ContactError::CutOff)?;
        found.add(Contact::from_card_body(&body[..end.start])?);
        rest = &body[end.end..];
    }
    outside.push_str(rest);
    let mut damaged = None;
    // Before the split: the semicolon of `&amp;` would end a link.
    let outside = plain_entities(&outside);
    let ends_word = |c: char| c.is_whitespace() || c.is_control() || "<>\"'()[]{}`,;".contains(c);
    let mut words = outside.split(ends_word).filter(|word| !word.is_empty());
    while let Some(whole) = words.next() {
        // As forums show a long link that leads elsewhere. No link of ours has these letters there.
        let is_shortened = whole.contains('…') || key_of(whole).contains("...") || whole.ends_with("...");
        let word = whole.trim_end_matches(['.', '!', '?', ':']);
        if let Some(at) = find_link(word) {
            match Contact::from_link(&word[at..]) {
                Ok(contact) => found.add(contact),
                Err(_) if is_shortened => {}
                Err(error) => match joined(&whole[at..], words.clone()) {
                    Some(contact) => found.add(contact),
                    // Too short for a key: an example, or as forums show a long link, with a space before its dots.
                    None if key_of(&whole[at..]).len() < DAMAGED_KEY_LETTERS_MIN => damaged = damaged.or(Some(error)),
                    None => return Err(error),
                },
            }
            continue;
        }
        for (at, start) in word.match_indices(DID_START) {
            let letters = word[at + start.len()..].find(|c: char| !c.is_ascii_alphanumeric());
            let token = &word[at..letters.map_or(word.len(), |letters| at + start.len() + letters)];
            match token.parse::<Key>() {
                Ok(key) => found.add(Contact { key, name: String::new(), url: String::new() }),
                Err(error) if token.len() >= DAMAGED_KEY_LETTERS_MIN => {
                    damaged = damaged.or(Some(ContactError::DamagedKey(error)));
                }
                Err(_) => {}
            }
        }
    }
    match (found.0, damaged) {
        (found, _) if !found.is_empty() => Ok(found),
        (_, Some(error)) => Err(error),
        _ => Err(ContactError::NothingFound),
    }
}

/// Whether a text begins as a link does, in whatever case: some programs write schemes in capitals.
#[must_use]
pub fn is_link(text: &str) -> bool {
    text.get(..LINK_SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(LINK_SCHEME))
}

/// What stands before the question mark of a link.
fn key_of(link: &str) -> &str {
    link.split('?').next().unwrap_or_default()
}

/// Where a link to a key begins in a word.
fn find_link(word: &str) -> Option<usize> {
    let at = word.match_indices(':').find_map(|(colon, _)| {
        let at = (colon + 1).checked_sub(LINK_SCHEME.len())?;
        word.get(at..).is_some_and(is_link).then_some(at)
    })?;
    word[at + LINK_SCHEME.len()..].trim_start_matches('/').starts_with("z6Mk").then_some(at)
}

/// The link that a mail has broken over lines, of which `start` is the first. Its checksum tells whether it is one.
fn joined<'a>(start: &str, rest: impl Iterator<Item = &'a str>) -> Option<Contact> {
    let mut link = start.to_owned();
    // Some mails begin a quoted line with this.
    for piece in rest.filter(|piece| *piece != "|").take(LINK_LINES_MAX) {
        link.push_str(piece);
        if let Ok(contact) = Contact::from_link(&link) {
            return Some(contact);
        }
    }
    None
}

/// What a `did:key:` of an Ed25519 key begins with.
const DID_START: &str = "did:key:z6Mk";

/// Contacts, each key once.
#[derive(Default)]
struct Found(Vec<Contact>);

impl Found {
    fn add(&mut self, contact: Contact) {
        match self.0.iter().position(|known| known.key == contact.key) {
            Some(at) if self.0[at].name.is_empty() && self.0[at].url.is_empty() => self.0[at] = contact,
            None if self.0.len() < FOUND_MAX => self.0.push(contact),
            _ => {}
        }
    }
}

/// One line of a card; no line for no text.
fn card_field(label: &str, text: &str) -> String {
    let has_label = || text.split(' ').any(|word| LABELS.iter().any(|label| word.starts_with(label)));
    if text.is_empty() {
        String::new()
    } else if one_spaced(text) != text || has_mark(text) || has_label() {
        format!("{label}*: {}\n", percent_encode(text))
    } else {
        format!("{label}: {text}\n")
    }
}

/// Whether a text would be taken for the first or the last line of a card.
fn has_mark(text: &str) -> bool {
    text.contains("-----") || [CARD_BEGIN_WORDS, CARD_END_WORDS].iter().any(|words| text.contains(words))
}

/// The words of a text with one space between them: what is left of it after a forum has wrapped it.
fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        // `from_str_radix` alone would also read "+f".
        let pair = tail.get(..2).filter(|pair| pair.iter().all(u8::is_ascii_hexdigit));
        let hex = pair.and_then(|pair| std::str::from_utf8(pair).ok());
        match (first, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SecretKey;

    fn alice() -> Contact {
        Contact {
            key: SecretKey::from_seed(&[3; 32]).public(),
            name: "Alice, Ünï & Co".into(),
            url: "https://blog.example/a?b=c".into(),
        }
    }

    #[test]
    fn a_question_mark_before_a_cut_off_link_is_no_part_of_it() {
        let long = "a".repeat(200);
        for text in ["who?heirloom:z6Mkabc", &format!("{long}?heirloom:z6Mkabc?n=Bob"), "?heirloom:z6Mk"] {
            assert!(find_contacts(text).is_err(), "{text}");
        }
    }

    #[test]
    fn link_and_card_lead_back_to_the_contact() {
        let alice = alice();
        assert_eq!(Contact::from_link(&alice.to_link()), Ok(alice.clone()));
        assert_eq!(find_contacts(&alice.to_card()), Ok(vec![alice]));
    }

    #[test]
    fn every_changed_letter_of_a_link_is_noticed() {
        let link = alice().to_link();
        for at in LINK_SCHEME.len()..link.len() {
            let mut changed = link.clone().into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("ascii");
            assert_ne!(Contact::from_link(&changed).ok(), Some(alice()), "{changed}");
            assert!(Contact::from_link(&changed).is_err(), "{changed}");
        }
    }

    #[test]
    fn a_card_survives_what_forums_do_to_it() {
        let card = alice().to_card();
        let quoted: String = card.lines().map(|line| format!("> > {line}  \r\n")).collect();
        let one_line = card.replace('\n', " ");
        for mangled in [quoted, one_line, format!("Hello all,\nfollow me: {card} and enjoy did:nothing.")] {
            assert_eq!(find_contacts(&mangled), Ok(vec![alice()]), "{mangled}");
        }
    }

    #[test]
    fn a_card_keeps_its_checksum_where_a_blog_sets_dashes_and_spaces_anew() {
        let card = alice().to_card();
        let texts = [
            card.replace("-----", "—–"),
            card.replace("-----", "–"),
            card.replace(' ', "\u{a0}"),
            card.replace(' ', "\u{202f}").replace("-----", "—–"),
            card.replace("z6Mk", "z6M\u{200c}k"),
            card.replace("Key:", "\u{200f}Key:"),
        ];
        for text in texts {
            assert_eq!(find_contacts(&text), Ok(vec![alice()]), "{text}");
            let changed = text.replace("Alice", "Alica");
            assert!(find_contacts(&changed).is_err(), "{changed}");
        }
    }

    #[test]
    fn a_link_survives_what_forums_and_mails_do_to_it() {
        let link = alice().to_link();
        let (head, tail) = link.split_at(40);
        let (front, check) = link.split_at(link.len() - 4);
        let question = link.find('?').expect("a query") + 1;
        let shown = &link[..20];
        let texts = [
            format!("**{link}**, ~~{link}~~ and ||{link}||"),
            format!("\u{1b}[1m{link}\u{1b}[0m\0"),
            format!("{head}\n{tail}"),
            format!("> see {head}\r\n> {tail}"),
            format!("| {front}\n| {check}"),
            format!("{}\n{}", &link[..question], &link[question..]),
            format!("{}\n{}\n{} and more", &link[..30], &link[30..80], &link[80..]),
            format!("{head}\u{200c}{tail}"),
            link.replacen("heirloom:", "HEIRLOOM:", 1),
            link.replace('&', "&amp;amp;"),
            link.replace('&', "&#x26;").replace('=', "&#61;"),
            format!("{shown} ... eck=abcdefgh\n{link}"),
        ];
        for text in texts {
            assert_eq!(find_contacts(&text), Ok(vec![alice()]), "{text}");
        }
        assert!(matches!(find_contacts(&format!("{shown} ... eck=abc")), Err(ContactError::BadKey { .. })));
        let wrong = format!("{head}\n{}", tail.replace("Alice", "Alica"));
        assert!(find_contacts(&format!("{} {wrong}", SecretKey::from_seed(&[4; 32]).public())).is_err(), "{wrong}");
    }

    #[test]
    fn damaged_cards_are_refused_not_skipped() {
        let card = alice().to_card();
        assert_eq!(find_contacts(&card.replace("Alice", "Alica")), Err(ContactError::Checksum("card")));
        assert_eq!(find_contacts(&card.replace(CARD_END, "")), Err(ContactError::CutOff));
        let unchecked: String = card.lines().filter(|l| !l.starts_with("Check")).map(|l| format!("{l}\n")).collect();
        assert_eq!(find_contacts(&unchecked), Err(ContactError::NoChecksum("card")));
        assert_eq!(find_contacts("nothing here"), Err(ContactError::NothingFound));
    }

    #[test]
    fn a_card_carries_names_that_look_like_cards() {
        let odd = [
            "two  spaces",
            " edges ",
            "Key: mine",
            "a Check: b",
            "MyKey: x",
            "no\u{a0}break",
            CARD_BEGIN,
            "—END HEIRLOOM CARD—",
        ];
        for text in odd {
            let contact = Contact { name: text.into(), url: text.into(), ..alice() };
            let card = contact.to_card();
            assert_eq!(find_contacts(&card), Ok(vec![contact.clone()]), "{card}");
            assert_eq!(find_contacts(&card.replace('\n', " \n> ")), Ok(vec![contact]), "quoted {card}");
        }
        let wrapped = Contact { name: "  ".repeat(20), ..alice() }.to_card().replace("%20%20%20%20", "%20%20 \n%20%20");
        assert_eq!(find_contacts(&wrapped).expect("wrapped")[0].name, "  ".repeat(20));
        assert!(!alice().to_card().contains('*'), "usual names stay readable");
    }

    #[test]
    fn noise_that_looks_like_a_key_is_none() {
        let key = alice().key;
        let peer_id = "12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust";
        let hex = data_encoding::HEXLOWER.encode(key.as_bytes());
        let noise = [
            hex.clone(),
            format!("sha256: {hex}  file.mkv"),
            "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel".to_owned(),
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq".to_owned(),
            "1BoatSLRHtKNngkdXEeobR76b53LETtpyT".to_owned(),
            format!("/ip4/192.0.2.1/tcp/4001/p2p/{peer_id}"),
            key.to_multibase(),
            key.to_pkarr(),
            "written did:key:z6Mk… or heirloom:z6Mk…".to_owned(),
            "heirloom:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK...".to_owned(),
            "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme".to_owned(),
        ];
        for text in &noise {
            assert_eq!(find_contacts(text), Err(ContactError::NothingFound), "{text}");
        }
        let dotted = Contact { name: "a...b".into(), ..alice() };
        assert_eq!(find_contacts(&format!("take {}...", dotted.to_link())), Ok(vec![dotted]));
        let post = format!("{}\nmine: {} (old)\n{}", noise.join("\n"), alice().to_link(), noise.join(" "));
        assert_eq!(find_contacts(&post), Ok(vec![alice()]));
    }

    #[test]
    fn bare_keys_are_found_wherever_they_stand() {
        let key = alice().key;
        let bob = SecretKey::from_seed(&[4; 32]).public();
        let bare = |key| Contact { key, name: String::new(), url: String::new() };
        let broken = key.to_string();
        let (head, tail) = broken.split_at(30);
        for text in [
            format!("a|{key}|b"),
            format!("https://example.org/{key}/feed"),
            format!("{key}#{}", key.to_multibase()),
            format!("{key}:"),
            format!("{head}\u{200b}{tail}"),
            format!("{head}\u{ad}{tail}."),
        ] {
            assert_eq!(find_contacts(&text), Ok(vec![bare(key)]), "{text}");
        }
        assert_eq!(find_contacts(&format!("{key}/{bob}={key}")), Ok(vec![bare(key), bare(bob)]));
        let cut = &key.to_string()[..50];
        assert!(matches!(find_contacts(cut), Err(ContactError::DamagedKey(_))), "a key that lost letters is named");
        assert_eq!(find_contacts(&format!("{cut} {bob}")), Ok(vec![bare(bob)]));
    }

    #[test]
    fn a_link_is_read_from_the_source_of_a_page() {
        for ampersand in ["&amp;", "&#38;", "&#038;"] {
            let link = alice().to_link().replace('&', ampersand);
            assert_eq!(Contact::from_link(&link), Ok(alice()), "{link}");
            assert_eq!(find_contacts(&format!("<a href=\"{link}\">me</a>; bye")), Ok(vec![alice()]), "{link}");
        }
    }

    #[test]
    fn text_that_no_profile_may_say_is_refused() {
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        let unclean = BodyError::UncleanText("name");
        let cases = [
            ("ali\u{202e}ce", unclean.clone()),
            ("ali\u{1b}[2Jce", unclean.clone()),
            ("ali\nce", unclean.clone()),
            ("alic\u{65}\u{301}", unclean),
            (long.as_str(), BodyError::TooLong { field: "name", max: NAME_BYTES_MAX, unit: "bytes" }),
        ];
        for (name, error) in cases {
            let contact = Contact { name: name.into(), ..alice() };
            let refused = |what| ContactError::BadText { what, error: error.clone() };
            assert_eq!(Contact::from_link(&contact.to_link()), Err(refused("link")), "{name:?}");
            assert_eq!(find_contacts(&contact.to_card()), Err(refused("card")), "{name:?}");
        }
    }

    #[test]
    fn percent_signs_are_read_with_two_digits_only() {
        for (encoded, text) in [("a%20b", "a b"), ("a+b", "a b"), ("%+f%", "% f%"), ("%2", "%2"), ("%c3%BC", "ü")] {
            assert_eq!(percent_decode(encoded), text, "{encoded}");
        }
    }

    #[test]
    fn several_keys_are_found_once_each() {
        let bob = SecretKey::from_seed(&[4; 32]).public();
        let text = format!("{} {bob}, and again ({bob}) <a href=\"{}\">me</a>.", alice().to_card(), alice().to_link());
        let found = find_contacts(&text).expect("two");
        assert_eq!(found.iter().map(|c| c.key).collect::<Vec<_>>(), vec![alice().key, bob]);
    }

    #[test]
    fn a_bare_key_does_not_wipe_what_a_link_said() {
        let alice = Contact { name: String::new(), ..alice() };
        for text in [format!("{} {}", alice.to_link(), alice.key), format!("{} {}", alice.key, alice.to_link())] {
            assert_eq!(find_contacts(&text), Ok(vec![alice.clone()]), "{text}");
        }
    }

    #[test]
    fn bare_hex_in_text_is_no_key() {
        assert_eq!(find_contacts(&"ab".repeat(32)), Err(ContactError::NothingFound));
    }
}
