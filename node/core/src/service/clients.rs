//! The owner's other clients: what their figures are worth, and what is handed to them to fetch.

use super::Service;
use super::choosing::{as_listed, not_inside, unlisted};
use crate::command::{Choice, CommandError, Reply, Wanted};
use crate::fitting::Pick;
use crate::handed::Handed;
use crate::io::Now;
use crate::observed::{Client, Looked, PEERS_MAX, SWARMS_MAX, Swarm, TALLIES_MAX};
use crate::store::{Store, StoreError};
use crate::views;
use heirloom_proto::Infohash;

type Outcome = Result<Result<Reply, CommandError>, StoreError>;

/// Longest address of a client that is remembered: a host, a port and a path.
const URL_BYTES_MAX: usize = 300;

impl<S: Store> Service<S> {
    /// Books one look at a client, or says what it would come to.
    pub(super) fn observe(&mut self, now: Now, client: Client, swarms: &[Swarm], is_dry: bool) -> Outcome {
        if swarms.len() > SWARMS_MAX {
            let message = format!("{} torrents are too many at once: send {SWARMS_MAX} at most", swarms.len());
            return Ok(Err(CommandError::bad_input("too_much_at_once", message)));
        }
        let me = self.identity.key();
        let mut seen = views::Observation { client, is_dry, booked: Vec::new(), skipped: Vec::new() };
        for swarm in swarms {
            let infohash = swarm.infohash;
            if self.archives.has(&infohash) {
                seen.skipped.push((infohash, "it is an archive of statements, and no release".into()));
                continue;
            }
            let looked = if is_dry {
                self.ledger.observed().foresee(now.wall, client, swarm, &me)
            } else {
                self.ledger.observe(now, client, swarm, &me, &mut self.ground)
            };
            match looked {
                Looked::Booked(all) => {
                    seen.booked.extend(all.into_iter().map(|((address, key), bytes)| views::Observed {
                        infohash,
                        address,
                        key,
                        name: key.as_ref().and_then(|key| self.name_of(key).ok()).unwrap_or_default(),
                        bytes,
                    }));
                }
                Looked::TooManyPeers => {
                    seen.skipped.push((infohash, format!("it has more than {PEERS_MAX} peers, which no client keeps")));
                }
                Looked::TooManyTorrents => {
                    seen.skipped.push((infohash, format!("{TALLIES_MAX} torrents of clients are known already")));
                }
            }
        }
        if !is_dry && !seen.booked.is_empty() {
            self.scoring.ledger_changed();
        }
        Ok(Ok(Reply::Observed(Box::new(seen))))
    }

    /// What a client is to be given, by the rules of `get`.
    pub(super) fn hand_off(&mut self, now: Now, what: &Wanted, choice: &Choice, anyway: bool) -> Outcome {
        let chosen = match self.choose(now, what, choice, anyway)? {
            Ok(chosen) => chosen,
            Err(error) => return Ok(Err(error)),
        };
        let infohash = chosen.infohash;
        if self.archives.has(&infohash) {
            return Ok(Err(super::archive::no_release(&infohash)));
        }
        // Here a part of a pack can be left out; a client would take all of it.
        if !anyway
            && let Some(release) = self.release_of(now, &infohash)?
            && let Err(refusal) = Self::refuse_unsafe(&release)
        {
            return Ok(Err(refusal));
        }
        let listing = chosen.listing;
        Ok(Ok(Reply::HandingOff(Box::new(views::HandingOff {
            infohash,
            name: listing.as_ref().map(|listing| listing.name.clone()).unwrap_or_default(),
            info_sha256: listing.as_ref().and_then(|listing| listing.info_sha256),
            size: listing.as_ref().map_or(0, |listing| listing.size),
            trackers: listing.as_ref().map(|listing| listing.trackers.clone()).unwrap_or_default(),
            web_seeds: listing.map(|listing| listing.web_seeds).unwrap_or_default(),
        }))))
    }

    /// The files of a release that are what is wanted of it, as its client lists them.
    pub(super) fn handed_files(
        &mut self,
        now: Now,
        infohash: Infohash,
        pick: &Pick,
        files: &[(String, u64)],
    ) -> Outcome {
        let listing = self.listing_of(now, &infohash)?.unwrap_or_else(|| unlisted(infohash));
        let known = self.episodes_of(now, &listing.work)?;
        let found = pick.files(&listing.name, listing.episode, &as_listed(&listing, files), &known);
        if found.is_empty() {
            return Ok(Err(not_inside(&infohash, pick)));
        }
        Ok(Ok(Reply::HandedFiles(found)))
    }

    /// Remembers that a client has it.
    pub(super) fn handed_off(
        &mut self,
        now: Now,
        infohash: Infohash,
        client: Client,
        url: String,
        anyway: bool,
    ) -> Outcome {
        if url.len() > URL_BYTES_MAX {
            let message = format!("the address of {} is longer than {URL_BYTES_MAX} bytes", client.title());
            return Ok(Err(CommandError::bad_input("bad_client_url", message)));
        }
        let name = self.listing_of(now, &infohash)?.map(|listing| listing.name).unwrap_or_default();
        let handed = Handed {
            client,
            url,
            name,
            is_wanted_anyway: anyway,
            is_looked_into: false,
            refused: String::new(),
            added: now.wall,
        };
        self.handed.set(infohash, handed, &mut self.ground);
        Ok(Ok(self.handed_rows()))
    }

    /// All that was handed off.
    pub(super) fn handed_rows(&self) -> Reply {
        Reply::Handed(self.handed.all().iter().map(|(infohash, handed)| (*infohash, handed.clone())).collect())
    }

    /// Now that a client knows what is in a torrent: one that may do harm is to be stopped there, unless its owner said so.
    pub(super) fn look_into_handed(&mut self, now: Now, infohash: Infohash, files: Vec<(String, u64)>) -> Outcome {
        let Some(handed) = self.handed.all().get(&infohash).cloned() else {
            let message = format!("{infohash} was handed to no client");
            return Ok(Err(CommandError::not_found("unknown_download", message)));
        };
        if !handed.is_wanted_anyway && handed.refused.is_empty() {
            self.torrents.tell_files(infohash, files);
            let refused = match self.release_of(now, &infohash)? {
                Some(release) => Self::refuse_unsafe(&release).err().map(|error| error.message),
                None => None,
            };
            if refused.is_some() {
                self.ingest.count("torrents_unsafe");
            }
            let refused = refused.unwrap_or_default();
            self.handed.set(infohash, Handed { is_looked_into: true, refused, ..handed }, &mut self.ground);
        } else if !handed.is_looked_into {
            self.handed.set(infohash, Handed { is_looked_into: true, ..handed }, &mut self.ground);
        }
        Ok(Ok(self.handed_rows()))
    }
}
