//! Bencode (BEP 3), as little of it as the engine needs: a bounded look over foreign bytes, and a writer for our own.
//!
//! The library decodes torrents too, but it does not say where in the file something is wrong, takes trailing bytes,
//! and divides by a piece length of zero. So foreign bytes pass here first.

use std::ops::Range;

use super::errors::MetainfoError;

/// Deepest nesting accepted. A torrent needs six levels; libtorrent stops at 100.
const DEPTH_MAX: usize = 32;

/// Most values accepted in one torrent: 20,000 files of up to 24 values each, rounded up.
const VALUES_MAX: usize = 500_000;

/// Most keys accepted in a dictionary that is read. Known extensions together have about forty.
const KEYS_MAX: usize = 256;

/// Where the values of a dictionary's keys are in the bytes.
#[derive(Debug)]
pub(super) struct Dict<'a> {
    entries: Vec<(&'a [u8], Range<usize>)>,
    bytes: &'a [u8],
}

impl<'a> Dict<'a> {
    /// Reads `bytes` as exactly one dictionary and checks everything inside it for form.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, MetainfoError> {
        let mut scanner = Scanner { bytes, at: 0, values: 0 };
        if bytes.first() != Some(&b'd') {
            return scanner.damaged("no dictionary");
        }
        scanner.at = 1;
        let mut entries: Vec<(&[u8], Range<usize>)> = Vec::new();
        while scanner.peek()? != b'e' {
            let key = scanner.text()?;
            let start = scanner.at;
            scanner.value(1)?;
            if entries.len() >= KEYS_MAX {
                return scanner.damaged("too many keys");
            }
            // The first of two equal keys would be read here and the last one elsewhere: refuse both.
            if entries.iter().any(|(known, _)| *known == key) {
                return scanner.damaged("a key that comes twice");
            }
            entries.push((key, start..scanner.at));
        }
        scanner.at += 1;
        if scanner.at != bytes.len() {
            return scanner.damaged("bytes behind the end");
        }
        Ok(Self { entries, bytes })
    }

    /// The encoded value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.entries.iter().find(|(known, _)| *known == key.as_bytes()).map(|(_, at)| &self.bytes[at.clone()])
    }

    /// The value of a key, if it is a byte string.
    pub(super) fn text(&self, key: &str) -> Option<&'a [u8]> {
        let bytes = self.get(key)?;
        Scanner { bytes, at: 0, values: 0 }.text().ok()
    }

    /// The byte strings that a key holds: one, or a list of nothing else.
    pub(super) fn texts(&self, key: &str) -> Vec<&'a [u8]> {
        let Some(bytes) = self.get(key) else { return Vec::new() };
        let mut scanner = Scanner { bytes, at: 0, values: 0 };
        if bytes.first() != Some(&b'l') {
            return scanner.text().into_iter().collect();
        }
        scanner.at = 1;
        std::iter::from_fn(|| scanner.text().ok()).collect()
    }

    /// The value of a key, if it is a number that is not negative.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let bytes = self.get(key)?;
        let digits = bytes.strip_prefix(b"i")?.strip_suffix(b"e")?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// The dictionaries in the list that a key holds.
    pub(super) fn dicts(&self, key: &str) -> Result<Option<Vec<Self>>, MetainfoError> {
        let Some(bytes) = self.get(key) else { return Ok(None) };
        let mut scanner = Scanner { bytes, at: 1, values: 0 };
        if bytes.first() != Some(&b'l') {
            return scanner.damaged("no list");
        }
        let mut found = Vec::new();
        while scanner.peek()? != b'e' {
            let start = scanner.at;
            scanner.value(1)?;
            found.push(Dict::read(&bytes[start..scanner.at])?);
        }
        Ok(Some(found))
    }
}

/// Walks over encoded values. Invariant: `at <= bytes.len()`.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    values: usize,
}

impl<'a> Scanner<'a> {
    fn damaged<T>(&self, what: &'static str) -> Result<T, MetainfoError> {
        Err(MetainfoError::Damaged { what, offset: self.at })
    }

    fn peek(&self) -> Result<u8, MetainfoError> {
        match self.bytes.get(self.at) {
            Some(byte) => Ok(*byte),
            None => self.damaged("it ends too early"),
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), MetainfoError> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return self.damaged("too many values");
        }
        if depth > DEPTH_MAX {
            return self.damaged("nested too deeply");
        }
        match self.peek()? {
            b'0'..=b'9' => self.text().map(|_| ()),
            b'i' => self.integer(),
            b'l' => {
                self.at += 1;
                while self.peek()? != b'e' {
                    self.value(depth + 1)?;
                }
                self.at += 1;
                Ok(())
            }
            b'd' => {
                self.at += 1;
                while self.peek()? != b'e' {
                    self.text()?;
                    self.value(depth + 1)?;
                }
                self.at += 1;
                Ok(())
            }
            _ => self.damaged("no bencoded value"),
        }
    }

    fn integer(&mut self) -> Result<(), MetainfoError> {
        let rest = &self.bytes[self.at + 1..];
        let digits = rest.strip_prefix(b"-").unwrap_or(rest);
        let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count > 20 || digits.get(count) != Some(&b'e') {
            return self.damaged("a bad number");
        }
        self.at += 1 + (rest.len() - digits.len()) + count + 1;
        Ok(())
    }

    fn text(&mut self) -> Result<&'a [u8], MetainfoError> {
        let rest = &self.bytes[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count > 10 || rest.get(count) != Some(&b':') {
            return self.damaged("a bad text");
        }
        let length = std::str::from_utf8(&rest[..count]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let start = count + 1;
        let text = length.and_then(|length| rest.get(start..start.checked_add(length)?));
        let Some(text) = text else { return self.damaged("a text that goes beyond the end") };
        self.at += start + text.len();
        Ok(text)
    }
}

/// Appends a byte string.
pub(super) fn put_text(out: &mut Vec<u8>, text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    out.extend_from_slice(text.len().to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(text);
}

/// Appends a number.
pub(super) fn put_number(out: &mut Vec<u8>, number: u64) {
    out.push(b'i');
    out.extend_from_slice(number.to_string().as_bytes());
    out.push(b'e');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_key() {
        let dict = Dict::read(b"d3:bari-7e3:fooi42e4:listld1:ai1eee4:name5:helloe").unwrap();
        assert_eq!(dict.get("bar"), Some(&b"i-7e"[..]));
        assert_eq!((dict.number("foo"), dict.number("bar"), dict.number("name")), (Some(42), None, None));
        assert_eq!(dict.text("name"), Some(&b"hello"[..]));
        assert_eq!(dict.dicts("list").unwrap().unwrap()[0].number("a"), Some(1));
        assert!(dict.get("none").is_none());
    }

    #[test]
    fn damage_is_named_with_its_place() {
        let deep = [vec![b'd', b'1', b':', b'a'], vec![b'l'; 100], vec![b'e'; 101]].concat();
        let many = [&b"d1:al"[..], &b"i0e".repeat(VALUES_MAX + 1), b"ee"].concat();
        for (bytes, what) in [
            (&b""[..], "no dictionary"),
            (b"<html>", "no dictionary"),
            (b"d", "it ends too early"),
            (b"d3:fo", "a text that goes beyond the end"),
            (b"d99999999999:a", "a bad text"),
            (b"d4294967295:a", "a text that goes beyond the end"),
            (b"d1:ax", "no bencoded value"),
            (b"d1:ai--1ee", "a bad number"),
            (b"d1:aiee", "a bad number"),
            (b"d1:ai1", "a bad number"),
            (b"d1:ai1e1:ai2ee", "a key that comes twice"),
            (b"d1:ai1eeX", "bytes behind the end"),
            (&deep, "nested too deeply"),
            (&many, "too many values"),
        ] {
            match Dict::read(bytes) {
                Err(MetainfoError::Damaged { what: found, offset }) => {
                    assert_eq!(found, what);
                    assert!(offset <= bytes.len());
                }
                other => panic!("{what}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut out = vec![b'd'];
        put_text(&mut out, "a");
        put_number(&mut out, u64::MAX);
        put_text(&mut out, "b");
        put_text(&mut out, [0xff, 0x00]);
        out.push(b'e');
        let dict = Dict::read(&out).unwrap();
        assert_eq!((dict.number("a"), dict.text("b")), (Some(u64::MAX), Some(&[0xff, 0x00][..])));
    }
}
