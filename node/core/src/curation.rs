//! Whom the owner follows. Follows are private and local; publishing one is a separate act (an attestation).

use crate::fields::{Fields, put_text};
use crate::ground::Ground;
use crate::store::{Durability, Store, StoreError, Table};
use heirloom_proto::body::{Level, Scope};
use heirloom_proto::{Key, Timestamp};
use std::collections::BTreeMap;

/// Most follows. More than anybody reads, and few enough that roots stay cheap.
pub const FOLLOWS_MAX: usize = 5_000;

/// A root edge from the owner to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// How much; positive.
    pub level: Level,
    /// For what.
    pub scope: Scope,
    /// What the owner calls them, or empty.
    pub alias: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether those whom it trusts gain a voice. False for the starter catalogue, a follow of depth zero: it vouches for
    /// its own listings, and for nobody.
    pub gives_voice: bool,
}

/// All follows, in memory and in the store.
#[derive(Debug, Default)]
pub struct Curation {
    follows: BTreeMap<Key, Follow>,
}

impl Curation {
    /// Reads the follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(ground: &Ground<S>) -> Result<Self, StoreError> {
        let mut follows = BTreeMap::new();
        for (key, bytes) in ground.all(Table::Follows, &[])? {
            if let (Ok(key), Some(follow)) = (Key::from_slice(&key), from_bytes(&bytes)) {
                follows.insert(key, follow);
            }
        }
        Ok(Self { follows })
    }

    /// Every follow, by key.
    #[must_use]
    pub fn all(&self) -> &BTreeMap<Key, Follow> {
        &self.follows
    }

    /// The follow of a key.
    #[must_use]
    pub fn of(&self, key: &Key) -> Option<&Follow> {
        self.follows.get(key)
    }

    /// Follows a key, or changes how. Says whether there was room.
    pub fn set<S: Store>(&mut self, key: Key, follow: Follow, ground: &mut Ground<S>) -> bool {
        if !self.follows.contains_key(&key) && self.follows.len() >= FOLLOWS_MAX {
            return false;
        }
        ground.put(Table::Follows, key.as_bytes(), Some(to_bytes(&follow)), Durability::Disk);
        self.follows.insert(key, follow);
        true
    }

    /// Stops following; says what was there.
    pub fn remove<S: Store>(&mut self, key: &Key, ground: &mut Ground<S>) -> Option<Follow> {
        let follow = self.follows.remove(key)?;
        ground.put(Table::Follows, key.as_bytes(), None, Durability::Disk);
        Some(follow)
    }
}

fn to_bytes(follow: &Follow) -> Vec<u8> {
    let mut bytes = follow.level.number().to_be_bytes().to_vec();
    bytes.push(follow.scope.number());
    bytes.extend_from_slice(&follow.since.0.to_be_bytes());
    put_text(&mut bytes, &follow.alias);
    bytes.push(u8::from(follow.gives_voice));
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Follow> {
    let mut fields = Fields(bytes);
    let level = Level::new(i8::from_be_bytes(fields.array()?))?;
    let scope = Scope::from_number(u32::from(fields.u8()?))?;
    let since = Timestamp(fields.u64()?);
    let alias = fields.text()?;
    // Records of older versions end here.
    let gives_voice = fields.u8() != Some(0);
    Some(Follow { level, scope, alias, since, gives_voice })
}

/// A name as the eye reads it, in two forms. Two names that share a form are confusable.
///
/// Each is the skeleton of Unicode's TS #39 (letters that look alike made one, across scripts), without case, blanks and
/// signs. One folds case before and one after: lower case hides that `I` looks like `l`, and skeletons keep `I` and `i` apart.
/// Digits that stand for letters (`3`, `4`, `5`) count as those, which the standard leaves out.
#[must_use]
pub fn name_skeletons(name: &str) -> [String; 2] {
    use unicode_security::confusable_detection::skeleton;
    let as_letter = |c: char| match c {
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        other => other,
    };
    let plain =
        |text: &str| -> String { text.to_lowercase().chars().map(as_letter).filter(|c| c.is_alphanumeric()).collect() };
    let before: String = skeleton(&name.to_lowercase()).collect();
    let after: String = skeleton(name).collect();
    [plain(&before), plain(&skeleton(&after.to_lowercase()).collect::<String>())]
}

/// Whether a reader may take one name for the other.
#[must_use]
pub fn are_confusable(a: &str, b: &str) -> bool {
    let (a, b) = (name_skeletons(a), name_skeletons(b));
    a.iter().any(|form| !form.is_empty() && b.contains(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_confusable() {
        let alike = [
            ("Alice", "A1ice"),
            ("Alice", "Аlісе"),
            ("alice", "ALICE"),
            ("Blender curator", "BIender-Curator"),
            ("Modern", "Modem"),
            ("сору", "copy"),
            ("Ünï", "U\u{308}ni\u{308}"),
            ("l33t", "leet"),
            ("open films", "open\u{a0}films\u{200b}"),
            ("ｗｉｄｅ", "wide"),
        ];
        for (a, b) in alike {
            assert!(are_confusable(a, b) && are_confusable(b, a), "{a} {b}");
        }
        for (a, b) in [("Alice", "Alison"), ("", ""), ("!!", "??"), ("日本", "日木"), ("Bob", "Rob")] {
            assert!(!are_confusable(a, b), "{a} {b}");
        }
    }

    #[test]
    fn a_follow_survives_its_record() {
        for gives_voice in [true, false] {
            let follow =
                Follow {
                    level: Level::LOW, scope: Scope::Seed, alias: "Ünï".into(), since: Timestamp(5), gives_voice
                };
            assert_eq!(from_bytes(&to_bytes(&follow)), Some(follow.clone()));
            let mut old = to_bytes(&follow);
            old.pop();
            assert_eq!(from_bytes(&old), Some(Follow { gives_voice: true, ..follow }), "a record of an older version");
        }
        assert_eq!(from_bytes(&[1, 2, 3]), None);
    }
}
