//! Content that is here already: its torrent files are kept, and the core is told what may be seeded.

use super::request::SeedItem;
use crate::home::Home;
use crate::torrent::{Metainfo, TORRENT_BYTES_MAX};
use heirloom_core::command::{Command, CommandError, ENTRIES_MAX, OwnContent};
use heirloom_proto::{Infohash, Sha256};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::Path;

/// What the core is asked, and of each item where it is in that question, or why it is left out.
pub struct Seeding {
    /// The question.
    pub command: Command,
    items: Vec<Result<usize, String>>,
}

impl Seeding {
    /// Reads the torrent files and keeps them. Blocks.
    ///
    /// # Errors
    /// When there are too many at once.
    pub fn of(home: &Home, items: &[SeedItem]) -> Result<Self, CommandError> {
        if items.len() > ENTRIES_MAX {
            let message = format!("{} torrents are too many at once: send {ENTRIES_MAX} at most", items.len());
            return Err(CommandError::bad_input("too_much_at_once", message));
        }
        let mut listed = Vec::new();
        let items = items.iter().map(|item| {
            listed.push(kept(home, item)?);
            Ok(listed.len() - 1)
        });
        let items = items.collect();
        Ok(Self { command: Command::Seed { listed }, items })
    }

    /// Has those tried anew of which `has_failed` says that what was seeded of them before turned out not to be it.
    pub fn retry(&mut self, has_failed: impl Fn(Infohash) -> bool) {
        if let Command::Seed { listed } = &mut self.command {
            listed.iter_mut().for_each(|own| own.is_retry = has_failed(own.infohash));
        }
    }

    /// The answer, an item each in their order.
    #[must_use]
    pub fn answer(&self, seeded: &[Result<(), String>]) -> Value {
        let infohash = |at: usize| match &self.command {
            Command::Seed { listed } => listed.get(at).map(|own| own.infohash.to_string()),
            _ => None,
        };
        let row = |item: &Result<usize, String>| match item {
            Err(reason) => json!({ "seeding": false, "reason": reason }),
            Ok(at) => match seeded.get(*at) {
                Some(Ok(())) => json!({ "seeding": true, "infohash": infohash(*at) }),
                Some(Err(reason)) => json!({ "seeding": false, "reason": reason }),
                None => json!({ "seeding": false, "reason": "the node gave no answer" }),
            },
        };
        json!({ "rows": self.items.iter().map(row).collect::<Vec<_>>() })
    }
}

/// Keeps the torrent file of an item.
fn kept(home: &Home, item: &SeedItem) -> Result<OwnContent, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", item.torrent);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&item.torrent).map_err(cannot)?;
    file.take(TORRENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    let meta = Metainfo::parse(&bytes).map_err(|error| error.to_string())?;
    if meta.private {
        return Err("it is private: only its own tracker may name its peers".into());
    }
    if !crate::torrent::has_content(&meta, Path::new(&item.content)) {
        return Err(format!("{} is not the content of this torrent", item.content));
    }
    let infohash = Infohash(meta.infohash);
    let path = home.torrents().join(format!("{infohash}.torrent"));
    let beside = path.with_extension("new");
    let written = std::fs::create_dir_all(home.torrents())
        .and_then(|()| std::fs::write(&beside, &bytes))
        .and_then(|()| std::fs::rename(&beside, &path));
    written.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    Ok(OwnContent {
        infohash,
        info_sha256: Some(Sha256(meta.info_sha256)),
        trackers: meta.trackers.into_iter().take(8).collect(),
        content: item.content.clone(),
        is_retry: false,
    })
}
