//! Fixed-size identifiers: of statements, of gossip messages, of torrents.

use sha2::Digest as _;
use std::fmt;
use std::str::FromStr;

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// From a slice of exactly the right length.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

fixed_bytes!(
    /// Store id of a statement: SHA-256(author ‖ signed preimage). The signature is left out, so that one statement has
    /// one id however often its author signs it again.
    StatementId, 32
);
fixed_bytes!(
    /// Gossip message id: SHA-256 of the whole envelope, signature included, so that a forged copy sent first cannot
    /// censor the real one.
    GossipId, 32
);
fixed_bytes!(
    /// A SHA-256 digest of something else than a statement.
    Sha256, 32
);
fixed_bytes!(
    /// BitTorrent v1 infohash: SHA-1 of the info dictionary (BEP 3).
    Infohash, 20
);

impl Sha256 {
    /// Digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

/// Why text is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    /// Not hexadecimal digits of the right count. Copy the whole id.
    #[error("{text:?} is not {digits} hexadecimal digits")]
    NotHex {
        /// What was given.
        text: String,
        /// How many digits belong there.
        digits: usize,
    },
}

impl FromStr for Infohash {
    type Err = IdError;

    /// 40 hexadecimal digits in either case, as clients show them.
    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_hex(text).map(Self)
    }
}

impl FromStr for Sha256 {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_hex(text).map(Self)
    }
}

impl FromStr for StatementId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_hex(text).map(Self)
    }
}

fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.trim().as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| IdError::NotHex { text: text.chars().take(80).collect(), digits: N * 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infohash_reads_both_cases_and_refuses_the_rest() {
        let hash: Infohash = "DD8255ECDC7CA55FB0BBF81323D87062DB1F6D1C".parse().expect("upper case");
        assert_eq!(hash.to_string(), "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c");
        assert!("dd8255".parse::<Infohash>().is_err());
        assert!("zz8255ecdc7ca55fb0bbf81323d87062db1f6d1c".parse::<Infohash>().is_err());
    }
}
