//! Ending what the owner no longer wants fetched or seeded. What was received stays in the ledger: it was given, whatever
//! becomes of it here.

use super::Service;
use crate::command::{CommandError, Fault, Reply};
use crate::io::{Output, TorrentOrder};
use crate::store::Store;
use crate::views::Cancelled;
use heirloom_proto::Infohash;

impl<S: Store> Service<S> {
    /// Forgets a torrent, and has the engine stop it.
    pub(super) fn cancel(&mut self, infohash: &Infohash, delete: bool) -> Result<Reply, CommandError> {
        let infohash = *infohash;
        if self.archives.has(&infohash) {
            return Err(super::archive::no_release(&infohash));
        }
        let Some(torrent) = self.torrents.of(&infohash) else {
            let message = format!("{infohash} is neither downloaded nor seeded here");
            return Err(CommandError::not_found("unknown_download", message));
        };
        if torrent.is_named {
            let message = format!("you publish {infohash}: take its listing back with `heirloom retract {infohash}`");
            return Err(CommandError::new(Fault::Refused, "published", message));
        }
        let was_complete = torrent.is_complete;
        // Whole works are what people keep: a slip of the finger must not cost one.
        if was_complete && delete {
            let message = format!("{infohash} is complete: cancel it without --delete, then delete its files yourself");
            return Err(CommandError::new(Fault::Refused, "complete", message));
        }
        self.torrents.remove(&infohash, &mut self.ground);
        let order = if delete { TorrentOrder::Delete { infohash } } else { TorrentOrder::Stop { infohash } };
        self.held.push(Output::Torrent(order));
        Ok(Reply::Cancelled(Cancelled { infohash, was_complete, is_deleted: delete }))
    }
}
