//! Magnet links (BEP 9), of which we read the v1 infohash, the name, the trackers, the peers and the key.

use std::fmt::Write as _;
use std::net::SocketAddr;

use data_encoding::{BASE32_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};

use super::Infohash;
use super::errors::MagnetError;
use super::metainfo::TRACKERS_MAX;

/// Longest link read: ten times what the longest lists of trackers in the wild make.
const LINK_BYTES_MAX: usize = 64 << 10;

/// Most peers and most keys read from one link.
const HINTS_MAX: usize = 20;

/// A parsed magnet link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Magnet {
    /// The v1 infohash.
    pub infohash: Infohash,
    /// The name to show until the metadata is here (`dn`).
    pub name: Option<String>,
    /// Trackers (`tr`).
    pub trackers: Vec<String>,
    /// Web seeds (`ws`).
    pub web_seeds: Vec<String>,
    /// Peers to ask first (`x.pe`), those given by address.
    pub peers: Vec<SocketAddr>,
    /// Keys to ask (`x.heirloom=did:key:…`): a hint, never evidence.
    pub keys: Vec<String>,
}

impl Magnet {
    /// Reads a magnet link.
    ///
    /// # Errors
    /// When there is no v1 infohash in it, or the text is no magnet link.
    pub fn parse(text: &str) -> Result<Self, MagnetError> {
        let text = text.trim();
        if text.len() > LINK_BYTES_MAX {
            return Err(MagnetError::TooLong { bytes: text.len(), limit: LINK_BYTES_MAX });
        }
        let scheme = text.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("magnet:?"));
        let Some(query) = scheme.and(text.get(8..)) else { return Err(MagnetError::NotMagnet) };
        let mut infohash = None;
        let mut magnet =
            Self { infohash: [0; 20], name: None, trackers: vec![], web_seeds: vec![], peers: vec![], keys: vec![] };
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            if value.is_empty() {
                continue;
            }
            match numberless(&key.to_ascii_lowercase()) {
                "xt" => {
                    if let Some(found) = read_topic(&value)?
                        && *infohash.get_or_insert(found) != found
                    {
                        return Err(MagnetError::Ambiguous);
                    }
                }
                "dn" => magnet.name = Some(value),
                "tr" => push_new(&mut magnet.trackers, value, TRACKERS_MAX),
                "ws" => push_new(&mut magnet.web_seeds, value, HINTS_MAX),
                "x.pe" => {
                    if let Ok(peer) = value.parse() {
                        push_new(&mut magnet.peers, peer, HINTS_MAX);
                    }
                }
                "x.heirloom" => push_new(&mut magnet.keys, value, HINTS_MAX),
                _ => {}
            }
        }
        magnet.infohash = infohash.ok_or(MagnetError::NoInfohash)?;
        Ok(magnet)
    }
}

/// As a link again, with everything that [`Magnet::parse`] reads.
impl std::fmt::Display for Magnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "magnet:?xt=urn:btih:{}", HEXLOWER.encode(&self.infohash))?;
        let names = self.name.iter().map(|name| ("dn", name.clone()));
        let trackers = self.trackers.iter().map(|tracker| ("tr", tracker.clone()));
        let peers = self.peers.iter().map(|peer| ("x.pe", peer.to_string()));
        let keys = self.keys.iter().map(|key| ("x.heirloom", key.clone()));
        let web_seeds = self.web_seeds.iter().map(|address| ("ws", address.clone()));
        for (key, value) in names.chain(trackers).chain(web_seeds).chain(peers).chain(keys) {
            write!(f, "&{key}={}", encode(&value))?;
        }
        Ok(())
    }
}

/// `tr.1` and `tr` are the same parameter: some clients number what repeats.
fn numberless(key: &str) -> &str {
    match key.rsplit_once('.') {
        Some((name, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => key,
    }
}

/// The infohash in a topic; `None` for topics of other networks and for v2 hashes.
fn read_topic(topic: &str) -> Result<Option<Infohash>, MagnetError> {
    let prefix = "urn:btih:";
    let Some(digits) =
        topic.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix)).and(topic.get(prefix.len()..))
    else {
        return Ok(None);
    };
    let bytes = match digits.len() {
        40 => HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok(),
        32 => BASE32_NOPAD.decode(digits.to_ascii_uppercase().as_bytes()).ok(),
        _ => None,
    };
    let infohash = bytes.and_then(|bytes| Infohash::try_from(bytes).ok());
    let text = || digits.chars().take(80).collect();
    infohash.map(Some).ok_or_else(|| MagnetError::BadInfohash { text: text() })
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, value: T, limit: usize) {
    if list.len() < limit && !list.contains(&value) {
        list.push(value);
    }
}

/// Undoes percent encoding; `+` is a space, as web forms write it.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3);
        match (bytes[at], digits.and_then(|digits| HEXLOWER_PERMISSIVE.decode(digits).ok())) {
            (b'%', Some(decoded)) => {
                out.extend_from_slice(&decoded);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes all but what RFC 3986 calls unreserved, and the colon, which keys and addresses are full of.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "cab507494d02ebb1178b38f2e9d7be299c86b862";

    fn infohash() -> Infohash {
        HEXLOWER.decode(HEX.as_bytes()).unwrap().try_into().unwrap()
    }

    #[test]
    fn all_that_a_link_says_is_read() {
        let magnet = Magnet::parse(&format!(
            " magnet:?xt=urn:btih:{HEX}&dn=Sintel+%282010%29%20%C3%A9&tr=udp%3A%2F%2Ft.example%3A1337&tr.1=http://a/b\
             &tr=udp%3A%2F%2Ft.example%3A1337&x.pe=127.0.0.2:7344&x.pe=host.example:1&x.heirloom=did:key:z6MkA&ws=http://w/&as=x\n"
        ))
        .unwrap();
        assert_eq!(magnet.infohash, infohash());
        assert_eq!(magnet.name.as_deref(), Some("Sintel (2010) é"));
        assert_eq!(magnet.trackers, ["udp://t.example:1337", "http://a/b"]);
        assert_eq!(magnet.web_seeds, ["http://w/"]);
        assert_eq!(magnet.peers, ["127.0.0.2:7344".parse().unwrap()]);
        assert_eq!(magnet.keys, ["did:key:z6MkA"]);
        assert_eq!(Magnet::parse(&magnet.to_string()), Ok(magnet));
    }

    #[test]
    fn infohashes_come_in_many_spellings() {
        let base32 = BASE32_NOPAD.encode(&infohash());
        for digits in [HEX.to_owned(), HEX.to_uppercase(), base32.clone(), base32.to_lowercase()] {
            let magnet = Magnet::parse(&format!("MAGNET:?XT=URN:BTIH:{digits}")).unwrap();
            assert_eq!(magnet.infohash, infohash(), "{digits}");
        }
        let hybrid = format!("magnet:?xt.1=urn:btmh:1220{}&xt.2=urn:btih:{HEX}", "ab".repeat(32));
        assert_eq!(Magnet::parse(&hybrid).unwrap().infohash, infohash());
    }

    #[test]
    fn other_texts_are_refused() {
        let other = "f".repeat(40);
        for (text, wanted) in [
            ("", MagnetError::NotMagnet),
            ("http://example.org/?xt=urn:btih:", MagnetError::NotMagnet),
            ("magnet:?dn=film", MagnetError::NoInfohash),
            ("magnet:?xt=urn:sha1:abc", MagnetError::NoInfohash),
            ("magnet:?xt=urn:btih:abc", MagnetError::BadInfohash { text: "abc".into() }),
            (&format!("magnet:?xt=urn:btih:{HEX}&xt=urn:btih:{other}"), MagnetError::Ambiguous),
        ] {
            assert_eq!(Magnet::parse(text), Err(wanted), "{text}");
        }
        let long = format!("magnet:?xt=urn:btih:{HEX}&dn={}", "x".repeat(LINK_BYTES_MAX));
        assert!(matches!(Magnet::parse(&long), Err(MagnetError::TooLong { .. })));
        let odd = Magnet::parse(&format!("magnet:?xt=urn:btih:{HEX}&dn=50%&tr=%zz%f&&=&é=%C3")).unwrap();
        assert_eq!(odd.name.as_deref(), Some("50%"));
    }
}
