//! What this node seeds and fetches: a table that outlives restarts, and the orders that come of it.

use crate::fields::{Fields, put_text};
use crate::fitting::Pick;
use crate::ground::Ground;
use crate::io::{Files, TorrentOrder};
use crate::store::{Durability, Store, StoreError, Table};
use heirloom_proto::{Infohash, Sha256, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Most torrents at once; more than a home line serves, and few enough that a restart starts them all.
pub const TORRENTS_MAX: usize = 10_000;

/// Most files of torrents whose names are remembered, of all together: some 30 MiB. Of further torrents nothing is
/// compared with their listings.
pub const FILES_KNOWN_MAX: usize = 200_000;

/// Most episodes of a torrent that wait for its metadata: a person names a few.
pub const PICKS_MAX: usize = 100;

/// What of a torrent its owner wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of it.
    #[default]
    All,
    /// Some of its files.
    Some {
        /// By index.
        files: BTreeSet<u32>,
        /// Episodes whose files are looked for as soon as it is known what is in it.
        picks: Vec<Pick>,
    },
}

impl Selection {
    /// Whether only some of its files are wanted.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        *self != Self::All
    }

    fn to_order(&self) -> Files {
        match self {
            Self::All => Files::All,
            Self::Some { picks, .. } if !picks.is_empty() => Files::Later,
            Self::Some { files, .. } => Files::Only(files.clone()),
        }
    }
}

/// A torrent of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torrent {
    /// Where its content lies or will lie; empty: the usual folder.
    pub content: String,
    /// Seeded under this node's name: its owner published it.
    pub is_named: bool,
    /// All of it that is wanted is here.
    pub is_complete: bool,
    /// What of it is wanted.
    pub selection: Selection,
    /// Its owner wants it whatever is in it.
    pub is_wanted_anyway: bool,
    /// What its info dictionary must hash to, if known.
    pub info_sha256: Option<Sha256>,
    /// Trackers of its listing.
    pub trackers: Vec<String>,
    /// Since when.
    pub added: Timestamp,
}

/// The table.
#[derive(Debug, Default)]
pub struct Torrents {
    all: BTreeMap<Infohash, Torrent>,
    /// What is in them, as far as it was told since the start.
    files: BTreeMap<Infohash, Vec<(String, u64)>>,
    files_known: usize,
}

impl Torrents {
    /// Reads the table.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open<S: Store>(ground: &Ground<S>) -> Result<Self, StoreError> {
        let mut all = BTreeMap::new();
        for (key, value) in ground.all(Table::Torrents, &[])? {
            if let (Some(hash), Some(torrent)) = (Infohash::from_slice(&key), from_bytes(&value)) {
                all.insert(hash, torrent);
            }
        }
        Ok(Self { all, ..Self::default() })
    }

    /// One torrent.
    #[must_use]
    pub fn of(&self, infohash: &Infohash) -> Option<&Torrent> {
        self.all.get(infohash)
    }

    /// Notes a torrent. Says whether there was room.
    pub fn set<S: Store>(&mut self, infohash: Infohash, torrent: Torrent, ground: &mut Ground<S>) -> bool {
        if !self.all.contains_key(&infohash) && self.all.len() >= TORRENTS_MAX {
            return false;
        }
        ground.put(Table::Torrents, infohash.0, Some(to_bytes(&torrent)), Durability::Disk);
        self.all.insert(infohash, torrent);
        true
    }

    /// Notes what is in a torrent, if there is room.
    pub fn tell_files(&mut self, infohash: Infohash, files: Vec<(String, u64)>) {
        self.forget_files(&infohash);
        if self.files_known + files.len() <= FILES_KNOWN_MAX {
            self.files_known += files.len();
            self.files.insert(infohash, files);
        }
    }

    fn forget_files(&mut self, infohash: &Infohash) {
        if let Some(old) = self.files.remove(infohash) {
            self.files_known -= old.len();
        }
    }

    /// Path and size of every file of a torrent, by index, if that is known.
    #[must_use]
    pub fn files_of(&self, infohash: &Infohash) -> Option<&[(String, u64)]> {
        self.files.get(infohash).map(Vec::as_slice)
    }

    /// Forgets a torrent that failed for good.
    pub fn remove<S: Store>(&mut self, infohash: &Infohash, ground: &mut Ground<S>) {
        self.forget_files(infohash);
        if self.all.remove(infohash).is_some() {
            ground.put(Table::Torrents, infohash.0, None, Durability::Disk);
        }
    }

    /// Notes that all of it is here.
    pub fn complete<S: Store>(&mut self, infohash: &Infohash, content: String, ground: &mut Ground<S>) {
        let Some(torrent) = self.all.get(infohash).cloned() else { return };
        // A part is never seeded from where it lies, but continued in the folder that was asked for.
        let content = if torrent.selection.is_partial() { torrent.content.clone() } else { content };
        if !(torrent.is_complete && torrent.content == content) {
            self.set(*infohash, Torrent { is_complete: true, content, ..torrent }, ground);
        }
    }

    /// The orders that start everything again after a restart.
    #[must_use]
    pub fn orders(&self) -> Vec<TorrentOrder> {
        self.all.iter().map(|(infohash, torrent)| torrent.order(*infohash)).collect()
    }
}

impl Torrent {
    /// The order that starts this torrent.
    #[must_use]
    pub fn order(&self, infohash: Infohash) -> TorrentOrder {
        // What is there in part cannot be seeded as a whole: it is continued, which finds nothing left to fetch.
        if self.is_complete && !self.selection.is_partial() {
            TorrentOrder::Seed { infohash, content: self.content.clone(), named: self.is_named }
        } else {
            TorrentOrder::Fetch {
                infohash,
                info_sha256: self.info_sha256,
                trackers: self.trackers.clone(),
                to: (!self.content.is_empty()).then(|| self.content.clone()),
                files: self.selection.to_order(),
                anyway: self.is_wanted_anyway,
            }
        }
    }
}

fn to_bytes(torrent: &Torrent) -> Vec<u8> {
    let flags = u8::from(torrent.is_named)
        | u8::from(torrent.is_complete) << 1
        | u8::from(torrent.info_sha256.is_some()) << 2
        | u8::from(torrent.is_wanted_anyway) << 3
        | u8::from(torrent.selection.is_partial()) << 4;
    let mut bytes = vec![flags];
    bytes.extend_from_slice(&torrent.info_sha256.map_or([0; 32], |digest| digest.0));
    bytes.extend_from_slice(&torrent.added.0.to_be_bytes());
    put_text(&mut bytes, &torrent.content);
    if let Selection::Some { files, picks } = &torrent.selection {
        bytes.extend_from_slice(&u32::try_from(files.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(files.iter().flat_map(|index| index.to_be_bytes()));
        bytes.extend_from_slice(&u32::try_from(picks.len()).unwrap_or(u32::MAX).to_be_bytes());
        picks.iter().for_each(|pick| put_text(&mut bytes, &pick.to_string()));
    }
    for tracker in &torrent.trackers {
        put_text(&mut bytes, tracker);
    }
    bytes
}

fn from_bytes(bytes: &[u8]) -> Option<Torrent> {
    let mut fields = Fields(bytes);
    let flags = fields.u8()?;
    let digest = Sha256(fields.array()?);
    let added = Timestamp(fields.u64()?);
    let content = fields.text()?;
    let selection = if flags & 16 == 0 {
        Selection::All
    } else {
        let files = (0..fields.u32()?).map(|_| fields.u32()).collect::<Option<_>>()?;
        let picks = (0..fields.u32()?).map(|_| fields.text()?.parse().ok()).collect::<Option<_>>()?;
        Selection::Some { files, picks }
    };
    let mut trackers = Vec::new();
    while !fields.0.is_empty() {
        trackers.push(fields.text()?);
    }
    Some(Torrent {
        content,
        is_named: flags & 1 != 0,
        is_complete: flags & 2 != 0,
        is_wanted_anyway: flags & 8 != 0,
        selection,
        info_sha256: (flags & 4 != 0).then_some(digest),
        trackers,
        added,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torrent_survives_its_record() {
        let part = Selection::Some {
            files: [1, 7].into(),
            picks: vec![
                Pick::Episode(0, 2),
                Pick::Season(3),
                Pick::Day("2024-05-01".into()),
                Pick::Absolute(14),
                Pick::File(0),
                Pick::Harmless,
            ],
        };
        for (info_sha256, selection) in [(None, Selection::All), (Some(Sha256([3; 32])), part)] {
            let torrent = Torrent {
                content: "/films/ü".into(),
                is_named: true,
                is_complete: false,
                is_wanted_anyway: info_sha256.is_none(),
                selection,
                info_sha256,
                trackers: vec!["udp://t.example:1337".into(), "http://t.example/announce".into()],
                added: Timestamp(9),
            };
            assert_eq!(from_bytes(&to_bytes(&torrent)), Some(torrent));
        }
    }
}
