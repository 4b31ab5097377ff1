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
        ground.put(Table::Follows, key.as_bytes().to_vec(), Some(to_bytes(&follow)), Durability::Disk);
        self.follows.insert(key, follow);
        true
    }

    /// Stops following; says what was there.
    pub fn remove<S: Store>(&mut self, key: &Key, ground: &mut Ground<S>) -> Option<Follow> {
        let follow = self.follows.remove(key)?;
        ground.put(Table::Follows, key.as_bytes().to_vec(), None, Durability::Disk);
        Some(follow)
    }
}

fn to_bytes(follow: &Follow) -> Vec<u8> {
    let mut bytes = follow.level.number().to_be_bytes().to_vec();
    bytes.push(follow.scope.number());
    bytes.extend_from_slice(&follow.since.0.to_be_bytes());
    put_text(&mut bytes, &follow.alias);
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Follow> {
    let mut fields = Fields(bytes);
    let level = Level::new(i8::from_be_bytes(fields.array()?))?;
    let scope = Scope::from_number(u32::from(fields.u8()?))?;
    let since = Timestamp(fields.u64()?);
    Some(Follow { level, scope, alias: fields.text()?, since })
}

/// A name as the eye reads it: lower case, letters that look alike made one, everything else left out. Two names with
/// the same skeleton are confusable.
#[must_use]
pub fn name_skeleton(name: &str) -> String {
    let alike = |c: char| match c {
        '0' | 'о' | 'ο' => 'o',
        '1' | 'l' | 'і' | 'ı' | '|' => 'i',
        '3' | 'е' => 'e',
        '5' | 'ѕ' => 's',
        'а' | 'α' | '4' | '@' => 'a',
        'р' | 'ρ' => 'p',
        'с' => 'c',
        'х' => 'x',
        'у' => 'y',
        other => other,
    };
    name.to_lowercase().chars().map(alike).filter(|c| c.is_alphanumeric()).collect::<String>().replace("rn", "m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for (a, b) in
            [("Alice", "A1ice"), ("Blender curator", "BIender-Curator"), ("Modern", "Modem"), ("сору", "copy")]
        {
            assert_eq!(name_skeleton(a), name_skeleton(b), "{a} {b}");
        }
        assert_ne!(name_skeleton("Alice"), name_skeleton("Alison"));
    }

    #[test]
    fn a_follow_survives_its_record() {
        let follow = Follow { level: Level::LOW, scope: Scope::Seed, alias: "Ünï".into(), since: Timestamp(5) };
        assert_eq!(from_bytes(&to_bytes(&follow)), Some(follow));
        assert_eq!(from_bytes(&[1, 2, 3]), None);
    }
}
