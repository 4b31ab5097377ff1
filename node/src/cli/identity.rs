//! `id rotate` and `id restore`: words on standard input, a new key in the home, and what the core says of it.

use crate::driver;
use crate::home::{Home, Lock};
use crate::http::to_json;
use heirloom_core::TrustSettings;
use heirloom_core::command::{Command, CommandError, Fault};
use heirloom_proto::{Key, Timestamp};
use serde_json::Value;
use std::io::{IsTerminal as _, Read as _};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// Longest input that is read: 24 words have less than 250 bytes.
const WORDS_BYTES_MAX: u64 = 4096;

/// Goes over to the next key.
///
/// # Errors
/// When a node runs, the words are wrong, or the home cannot be written.
pub fn rotate(home: &Home) -> Result<Value, CommandError> {
    let lock = alone(home)?;
    let words = read_words()?;
    // An earlier rotation that was cut off is said before its key is left, too.
    driver::once(home, TrustSettings::default(), Command::Identity)?;
    home.rotate(&words)?;
    who_am_i(home, lock)
}

/// Makes the identity of the words.
///
/// # Errors
/// When there is an identity, a node runs, the words are wrong, or the home cannot be written.
pub fn restore(home: &Home, generation: u32, lost: Option<String>) -> Result<Value, CommandError> {
    let lost: Option<Key> = lost
        .map(|text| text.parse().map_err(|error| CommandError::bad_input("bad_key", format!("--lost: {error}"))))
        .transpose()?;
    let lock = alone(home)?;
    let words = read_words()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = Timestamp(u64::try_from(now).unwrap_or(u64::MAX));
    home.restore(&words, generation, lost.map(|lost| (lost, now)))?;
    who_am_i(home, lock)
}

/// Says the rotation if there is one, and who this home is now.
fn who_am_i(home: &Home, _lock: Lock) -> Result<Value, CommandError> {
    let (reply, key) = driver::once(home, TrustSettings::default(), Command::Identity)?;
    tracing::info!(key = %key, "new key; `heirloom id backup` shows the 24 words of the one after it");
    Ok(to_json(&reply, &driver::wire_name(&key)))
}

fn alone(home: &Home) -> Result<Lock, CommandError> {
    home.lock()?.ok_or_else(|| {
        let message = format!("a node runs in {}: stop it, do this, and start it again", home.root().display());
        CommandError::new(Fault::Failed, "home_in_use", message)
    })
}

fn read_words() -> Result<Zeroizing<String>, CommandError> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("The 24 recovery words, then Ctrl-D:");
    }
    let mut words = Zeroizing::new(String::new());
    input
        .lock()
        .take(WORDS_BYTES_MAX)
        .read_to_string(&mut words)
        .map_err(|error| CommandError::bad_input("bad_words", format!("cannot read the words: {error}")))?;
    Ok(words)
}
