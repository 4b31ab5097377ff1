//! What fetching a release showed, where its listings say otherwise: noted, shown, and held against its listers.

use super::Service;
use super::choosing::unsafe_content;
use crate::findings::Finding;
use crate::fitting::Flag;
use crate::ground::Place;
use crate::io::{Now, Output, TorrentOrder};
use crate::store::{Store, StoreError};
use heirloom_proto::body::Listing;
use heirloom_proto::{Body, Infohash, Key, Kind, WorkId};

impl<S: Store> Service<S> {
    /// Notes what was found of a release, and which listings say otherwise.
    pub(super) fn note_finding(
        &mut self,
        now: Now,
        infohash: Infohash,
        counter: &'static str,
        change: impl FnOnce(&mut Finding),
    ) -> Result<(), StoreError> {
        self.findings.note(now.wall, infohash, &mut self.ground, change);
        self.ingest.count(counter);
        let by: Vec<(Key, WorkId)> =
            self.catalogue.listers_of(&infohash).map(|(key, work)| (*key, work.clone())).collect();
        for (author, work) in by {
            let place = Place { author, kind: Kind::Listing, slot: Listing::slot_of(&work, &infohash) };
            if let Some(stored) = self.ground.statement(&place)?
                && let Body::Listing(listing) = stored.statement.body()
            {
                self.findings.listed(&author, listing);
            }
            if self.findings.is_caught(&infohash, &author, &work) {
                self.refusals.note(now.wall, counter, Some(author));
            }
        }
        self.scoring.findings_changed();
        Ok(())
    }

    /// Notes a file that is not what its name says. Unless its owner wants it whatever is in it, the release is fetched no
    /// further, and what is here of it is not seeded.
    pub(super) fn found_disguised(&mut self, now: Now, infohash: Infohash, path: String) -> Result<(), StoreError> {
        let error = unsafe_content(&infohash, &Flag::OtherContent { path: path.clone() });
        self.note_finding(now, infohash, "torrents_disguised", |finding| finding.disguised = Some(path))?;
        if self.torrents.of(&infohash).is_some_and(|torrent| !torrent.is_wanted_anyway) {
            let files = self.torrents.files_of(&infohash).map(<[_]>::to_vec).unwrap_or_default();
            self.torrents.remove(&infohash, &mut self.ground);
            // What is in it stays known for as long as the node runs, for whoever shows it.
            self.torrents.tell_files(infohash, files);
            self.held.push(Output::Torrent(TorrentOrder::Refuse { infohash, error }));
        }
        Ok(())
    }
}
