//! What other programs of the owner's show: an API key, and a secret path for add-ons, which send nothing but an address.
//!
//! Both only read. They are made at the first start, kept in the node's folder (0600), and replaced together.

use crate::home::{self, Home};
use data_encoding::HEXLOWER;
use heirloom_core::command::{CommandError, Fault};
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// Digits of a key: 128 bits, which nobody guesses, and as long as the keys that these programs know.
const DIGITS: usize = 32;

/// The keys.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::http) struct Keys {
    /// `apikey=` of feeds, downloads and figures.
    pub(in crate::http) api: Zeroizing<String>,
    /// The part of the address of the Stremio add-on that only the owner knows.
    pub(in crate::http) path: Zeroizing<String>,
}

impl Keys {
    fn new() -> io::Result<Self> {
        let key = || home::random::<{ DIGITS / 2 }>().map(|bytes| Zeroizing::new(HEXLOWER.encode(&bytes)));
        Ok(Self { api: key()?, path: key()? })
    }

    fn read(text: &str) -> Option<Self> {
        let is_key = |key: &&str| key.len() == DIGITS && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        let of = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(' '));
            lines.filter(|(of, _)| *of == name).map(|(_, key)| key.trim()).find(is_key)
        };
        let own = |key: &str| Zeroizing::new(key.to_owned());
        Some(Self { api: own(of("api")?), path: own(of("path")?) })
    }
}

/// The keys of a node, which its owner may replace while it runs.
pub(in crate::http) struct Kept {
    home: Home,
    now: RwLock<Arc<Keys>>,
}

impl Kept {
    /// Those of the node's folder, made if there are none. Where they cannot be kept they hold until the node stops.
    pub(in crate::http) fn open(home: Home) -> Self {
        let known = Keys::read(&home.app_keys());
        let keys = known.map(Arc::new).or_else(|| replaced(&home).ok());
        // Without randomness there are none: nobody can show the empty one.
        let none = || Arc::new(Keys { api: Zeroizing::default(), path: Zeroizing::default() });
        Self { home, now: RwLock::new(keys.unwrap_or_else(none)) }
    }

    /// The keys that hold now.
    pub(in crate::http) fn now(&self) -> Arc<Keys> {
        // A panic while it was held cannot leave it half changed: it is replaced whole.
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces them: what was plugged in before has to be plugged in again.
    pub(in crate::http) fn renew(&self) -> Result<Arc<Keys>, CommandError> {
        let keys = replaced(&self.home)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keys);
        Ok(keys)
    }
}

fn replaced(home: &Home) -> Result<Arc<Keys>, CommandError> {
    let keys = Keys::new().map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))?;
    let text = Zeroizing::new(format!("api {}\npath {}\n", *keys.api, *keys.path));
    home.keep_app_keys(&text)?;
    Ok(Arc::new(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_and_replaced_together() {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::find(Some(folder.path().to_owned())).expect("home");
        home.prepare().expect("folders");
        let kept = Kept::open(home.clone());
        let first = kept.now();
        assert_eq!((first.api.len(), first.path.len()), (DIGITS, DIGITS));
        assert!(first.api != first.path && Kept::open(home.clone()).now() == first, "a node that restarts knows them");
        let second = kept.renew().expect("keys");
        assert!(second.api != first.api && second.path != first.path && kept.now() == second);
        assert!(Kept::open(home.clone()).now() == second);
        for damaged in ["", "api x\npath y\n", &format!("api {}\n", "ab".repeat(16))] {
            home.keep_app_keys(damaged).expect("written");
            assert_eq!(Kept::open(home.clone()).now().api.len(), DIGITS, "what is damaged is made anew");
        }
    }
}
