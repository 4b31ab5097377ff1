//! `trust --ring FILE`: a file of keys to a request.

use crate::http::Request;
use heirloom_core::command::{CommandError, RING_KEYS_MAX};
use heirloom_proto::Key;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Longest line in bytes: every form of a key fits, and a remark beside it.
const LINE_BYTES_MAX: u64 = 512;

fn bad(code: &'static str, message: String) -> CommandError {
    CommandError::bad_input(code, message)
}

/// Reads the keys of a file, or of standard input for `-`.
///
/// # Errors
/// One sentence that names the line.
pub fn request(file: &str, scope: String) -> Result<Request, CommandError> {
    let cannot = |error: io::Error| bad("unreadable", format!("cannot read {file}: {error}"));
    let keys = if file == "-" {
        keys(io::stdin().lock(), "standard input", RING_KEYS_MAX)?
    } else {
        keys(BufReader::new(File::open(Path::new(file)).map_err(cannot)?), file, RING_KEYS_MAX)?
    };
    Ok(Request::Ring { scope, keys: keys.iter().map(Key::to_string).collect() })
}

/// One key a line; blank lines, and what follows a `#`, are remarks.
fn keys(mut source: impl BufRead, name: &str, most: usize) -> Result<BTreeSet<Key>, CommandError> {
    let (mut keys, mut line) = (BTreeSet::new(), Vec::new());
    for number in 1_u64.. {
        line.clear();
        let read = source.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.map_err(|error| bad("unreadable", format!("cannot read {name}: {error}")))? == 0 {
            break;
        }
        let wrong = |what: &str| bad("bad_ring", format!("line {number} of {name}: {what}"));
        if line.len() as u64 == LINE_BYTES_MAX && line.last() != Some(&b'\n') {
            return Err(wrong("too long for a key: put one key on each line"));
        }
        let text = std::str::from_utf8(&line).map_err(|_| wrong("not text: put one key on each line"))?;
        let text = text.split('#').next().unwrap_or_default().trim().trim_start_matches('\u{feff}');
        if text.is_empty() {
            continue;
        }
        keys.insert(text.parse::<Key>().map_err(|error| wrong(&error.to_string()))?);
        if keys.len() > most {
            return Err(wrong(&format!("more keys than {most}, the most that are audited at once")));
        }
    }
    if keys.is_empty() {
        return Err(bad("bad_ring", format!("there is no key in {name}: put one on each line")));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        heirloom_proto::SecretKey::from_seed(&[number; 32]).public()
    }

    #[test]
    fn every_form_of_a_key_is_taken_and_remarks_are_not() {
        let hex = data_encoding::HEXLOWER.encode(key(4).as_bytes());
        let text = format!(
            "\u{feff}# my suspects\n\n{}\r\n  {} # the second\n{}\n{hex}\n{}",
            key(1),
            key(2).to_multibase(),
            key(3).to_pkarr(),
            key(1)
        );
        assert_eq!(keys(text.as_bytes(), "list", 4).expect("good"), (1..=4).map(key).collect());
    }

    #[test]
    fn a_bad_line_is_named() {
        for (text, line) in [
            (format!("{}\nalice\n", key(1)), "line 2"),
            (format!("{}{}\n", key(1), key(2)), "line 1"),
            ("\n".repeat(6) + &"z".repeat(9999), "line 7"),
        ] {
            let error = keys(text.as_bytes(), "list", 9).expect_err("refused");
            assert!(error.message.contains(line), "{error}");
        }
        assert!(keys(&b"\xff\n"[..], "list", 9).is_err() && keys(&b"# nobody\n\n"[..], "list", 9).is_err());
        let three: String = (1..=3).map(|number| format!("{}\n", key(number))).collect();
        let error = keys(three.as_bytes(), "list", 2).expect_err("too many");
        assert!(error.message.contains("line 3") && error.message.contains("more keys than 2"), "{error}");
    }
}
