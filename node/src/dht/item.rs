//! A mutable item of BEP44 as raw parts, and the translation to and from the crate's.

use mainline::MutableItem;

use super::PutError;

/// Longest value that every node takes: 1000 bytes *bencoded* (BEP44), of which `996:` is four.
pub const VALUE_BYTES_MAX: usize = 996;

/// Longest salt (BEP44).
pub const SALT_BYTES_MAX: usize = 64;

/// A mutable item (BEP44): who signed it, under which salt, and what.
///
/// Nothing here says that the signature holds: an item to be put is the caller's word, and an item that was got is
/// verified by whoever reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The Ed25519 public key that signed it.
    pub key: [u8; 32],
    /// What tells this key's items apart; empty means none.
    pub salt: Vec<u8>,
    /// The higher one replaces the lower one.
    pub seq: i64,
    /// The bytes, without their bencoding.
    pub value: Vec<u8>,
    /// Over the BEP44 form of salt, seq and value.
    pub signature: [u8; 64],
}

impl Item {
    /// Without a salt, signed here.
    #[must_use]
    pub fn signed(secret: &[u8; 32], seq: i64, value: &[u8]) -> Self {
        Self::from_mutable(&MutableItem::new(mainline::SigningKey::from_bytes(secret), value, seq, None))
    }

    /// Refuses here what every node would refuse there, without asking them.
    pub(super) fn fits(&self) -> Result<(), PutError> {
        if self.value.len() > VALUE_BYTES_MAX || self.salt.len() > SALT_BYTES_MAX {
            return Err(PutError::TooLarge { value: self.value.len(), salt: self.salt.len() });
        }
        Ok(())
    }

    pub(super) fn into_mutable(self) -> MutableItem {
        MutableItem::new_signed_unchecked(self.key, self.signature, &self.value, self.seq, salt_of(&self.salt))
    }

    pub(super) fn from_mutable(item: &MutableItem) -> Self {
        Self {
            key: *item.key(),
            salt: item.salt().unwrap_or_default().to_vec(),
            seq: item.seq(),
            value: item.value().to_vec(),
            signature: *item.signature(),
        }
    }

    /// Whether this one replaces `other`: higher `seq`, then greater value.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        (self.seq, &self.value) > (other.seq, &other.value)
    }
}

/// An empty salt is none: the crate would sign and check `4:salt0:`, which no other software does.
pub(super) fn salt_of(salt: &[u8]) -> Option<&[u8]> {
    (!salt.is_empty()).then_some(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(seq: i64, value: &[u8]) -> Item {
        Item { key: [1; 32], salt: Vec::new(), seq, value: value.to_vec(), signature: [2; 64] }
    }

    #[test]
    fn parts_survive_the_crate() {
        let salted = Item { salt: b"heirloom".to_vec(), ..item(7, b"value") };
        assert_eq!(Item::from_mutable(&salted.clone().into_mutable()), salted);
        assert_eq!(Item::from_mutable(&item(7, b"value").into_mutable()), item(7, b"value"));
    }

    #[test]
    fn empty_salt_is_no_salt() {
        assert_eq!(item(1, b"v").into_mutable().salt(), None);
    }

    #[test]
    fn newer_replaces_older_and_ties_go_to_the_greater_value() {
        assert!(item(2, b"a").replaces(&item(1, b"b")));
        assert!(item(1, b"b").replaces(&item(1, b"a")));
        assert!(!item(1, b"a").replaces(&item(1, b"a")));
    }

    #[test]
    fn what_no_node_would_take_is_refused_here() {
        assert_eq!(item(1, &[0; VALUE_BYTES_MAX]).fits(), Ok(()));
        assert_eq!(
            item(1, &[0; VALUE_BYTES_MAX + 1]).fits(),
            Err(PutError::TooLarge { value: VALUE_BYTES_MAX + 1, salt: 0 })
        );
        let long_salt = Item { salt: vec![0; SALT_BYTES_MAX + 1], ..item(1, b"v") };
        assert!(long_salt.fits().is_err());
    }
}
