//! Which release `get` means, and which of its files: the best that does no harm, and of a series what was asked for.
//!
//! A listing says which file is which episode, but only the torrent itself is believed: files are chosen once its metadata
//! is here, and nothing is written before.

use super::Service;
use crate::command::{Choice, CommandError, Fault, Reply, Wanted};
use crate::fitting::{FileType, Flag, Holding, Pick, file_type, is_harmless, is_pack};
use crate::io::{Now, Output, TorrentOrder};
use crate::merging;
use crate::scoring::{band_rank, listing_score};
use crate::store::{Store, StoreError};
use crate::torrents::{PICKS_MAX, Selection, Torrent};
use crate::views;
use heirloom_graph::Band;
use heirloom_proto::body::{Episode, File, Listing};
use heirloom_proto::{Infohash, WorkId};
use std::collections::BTreeSet;

/// Most files that an answer names; a season has fewer.
const FILES_NAMED_MAX: usize = 200;

/// A release that was chosen.
pub(super) struct Chosen {
    pub(super) infohash: Infohash,
    /// What is known of the episodes of its work.
    known: Vec<Episode>,
    /// Its best listing, if there is one.
    pub(super) listing: Option<Listing>,
    /// Whether it is a pack in which something may do harm, which is left out.
    is_partly_harmful: bool,
}

impl<S: Store> Service<S> {
    /// Refuses a release that holds what may do harm, unless that can be left out: in a pack, of which all else is wanted, an
    /// episode, a season or one file that does none. Says whether something is left out.
    fn refuse_or_leave_out(&self, release: &views::Release, picks: &[Pick]) -> Result<bool, CommandError> {
        let Err(refusal) = Self::refuse_unsafe(release) else { return Ok(false) };
        // Who wants one file wants that very one: it is only left out with all that is asked for.
        // Of what is not what it says nothing is believed.
        if release.flags.iter().any(|flag| matches!(flag, Flag::OtherContent { .. } | Flag::OtherInfo)) {
            return Err(refusal);
        }
        let is_sound = |pick: &Pick| match pick {
            Pick::File(index) => self.path_of(release, *index).is_some_and(|path| is_harmless(&path)),
            _ => true,
        };
        if release.is_pack && picks.iter().all(is_sound) { Ok(true) } else { Err(refusal) }
    }

    /// Whether several videos lie in a release, by its torrent where that was seen.
    pub(super) fn is_pack(&self, listing: &Listing) -> bool {
        match self.torrents.files_of(&listing.infohash) {
            Some(files) => is_pack(files.iter().map(|(path, _)| path.as_str())),
            None => is_pack(listing.files.iter().map(|file| file.path.as_str())),
        }
    }

    /// The path of a file by its index: as its torrent has it, where that was seen, else as it is listed.
    fn path_of(&self, release: &views::Release, index: u32) -> Option<String> {
        if let Some(files) = self.torrents.files_of(&release.infohash) {
            return usize::try_from(index).ok().and_then(|at| files.get(at)).map(|(path, _)| path.clone());
        }
        release.details.files.iter().find(|file| file.index == index).map(|file| file.path.clone())
    }

    /// Refuses a release that holds what may do harm.
    pub(super) fn refuse_unsafe(release: &views::Release) -> Result<(), CommandError> {
        // What no --anyway overrides is told first.
        if release.flags.contains(&Flag::OtherInfo) {
            let message = format!("{} is not fetched: {}; look for another release", release.infohash, Flag::OtherInfo);
            return Err(CommandError::new(Fault::Refused, "info_mismatch", message));
        }
        let Some(flag) = release.flags.iter().find(|flag| flag.is_unsafe()) else { return Ok(()) };
        Err(unsafe_content(&release.infohash, flag))
    }

    /// Which release `get` means, or why it may not be fetched.
    pub(super) fn choose(
        &mut self,
        now: Now,
        what: &Wanted,
        choice: &Choice,
        anyway: bool,
    ) -> Result<Result<Chosen, CommandError>, StoreError> {
        match what {
            Wanted::Release(infohash) => self.choose_release(now, infohash, choice, anyway),
            Wanted::Work(work) => self.choose_of_work(now, work, choice, anyway),
        }
    }

    fn choose_release(
        &mut self,
        now: Now,
        infohash: &Infohash,
        choice: &Choice,
        anyway: bool,
    ) -> Result<Result<Chosen, CommandError>, StoreError> {
        let score = listing_score(self.catalogue_scores(now.wall), infohash);
        if score.band == Band::Distrusted && !anyway {
            return Ok(Err(CommandError::new(
                Fault::Refused,
                "distrusted",
                format!("{infohash} is distrusted: see `heirloom why {infohash}`, or add --anyway"),
            )));
        }
        let mut is_partly_harmful = false;
        if !anyway && let Some(release) = self.release_of(now, infohash)? {
            is_partly_harmful = match self.refuse_or_leave_out(&release, choice.pick.as_slice()) {
                Ok(is_so) => is_so,
                Err(refusal) => return Ok(Err(refusal)),
            };
        }
        let listing = self.listing_of(now, infohash)?;
        let known = match &listing {
            Some(listing) => self.episodes_of(now, &listing.work)?,
            None => Vec::new(),
        };
        Ok(Ok(Chosen { infohash: *infohash, known, listing, is_partly_harmful }))
    }

    fn choose_of_work(
        &mut self,
        now: Now,
        work: &WorkId,
        choice: &Choice,
        anyway: bool,
    ) -> Result<Result<Chosen, CommandError>, StoreError> {
        let shown = self.show_liked(now, work, choice.lines)?;
        let (known, mut releases) = (shown.episodes, shown.releases);
        if releases.is_empty() {
            return Ok(Err(CommandError::not_found(
                "unknown_work",
                format!("no release of {work} was found: follow a curator who lists it, or try again later"),
            )));
        }
        if let Some(pick) = &choice.pick {
            releases = self.holding(now, releases, pick, &known)?;
            if releases.is_empty() {
                return Ok(Err(not_listed(work, pick, &known)));
            }
        }
        // The best that does no harm, else the best of all, which is refused.
        let is_choice =
            |release: &&views::Release| !release.is_unsafe() && band_rank(release.band) <= band_rank(Band::Vouched);
        let Some(best) = releases.iter().find(is_choice).or_else(|| releases.first()) else {
            return Ok(Err(CommandError::not_found("unknown_work", format!("no release of {work} was found"))));
        };
        if band_rank(best.band) > band_rank(Band::Vouched) && !anyway {
            return Ok(Err(CommandError::new(
                Fault::Refused,
                "untrusted",
                format!(
                    "nobody whom you trust lists {work}: follow a curator who does, name a release by its infohash, or add --anyway"
                ),
            )));
        }
        let is_partly_harmful = match self.refuse_or_leave_out(best, choice.pick.as_slice()) {
            _ if anyway => false,
            Ok(is_so) => is_so,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let infohash = best.infohash;
        Ok(Ok(Chosen { infohash, known, listing: self.listing_of(now, &infohash)?, is_partly_harmful }))
    }

    /// Those of the releases that hold an episode or season, in their order; within a band those first that say so by file.
    fn holding(
        &mut self,
        now: Now,
        releases: Vec<views::Release>,
        pick: &Pick,
        known: &[Episode],
    ) -> Result<Vec<views::Release>, StoreError> {
        let mut found: Vec<(u8, bool, views::Release)> = Vec::new();
        for release in releases {
            let Some(listing) = self.listing_of(now, &release.infohash)? else { continue };
            let holding = match self.actual_files(&listing) {
                // Whoever has seen the torrent need not believe names.
                Some(files) if pick.files(&listing.name, listing.episode, &files, known).is_empty() => Holding::No,
                _ => pick.held_by(&listing, known),
            };
            if holding != Holding::No {
                found.push((band_rank(release.band), holding == Holding::ByName, release));
            }
        }
        found.sort_by_key(|(band, is_by_name, _)| (*band, *is_by_name));
        Ok(found.into_iter().map(|(.., release)| release).collect())
    }

    /// What is known of the episodes of a work.
    pub(super) fn episodes_of(&mut self, now: Now, work: &WorkId) -> Result<Vec<Episode>, StoreError> {
        let ids = self.ids_of(now, work)?;
        let (records, _) = self.records_of(now, &ids)?;
        Ok(merging::merged(&records).episodes)
    }

    /// The files of a torrent as it was seen, with the episodes that a listing says they are. A listing that names another
    /// file under an index says nothing of it.
    fn actual_files(&self, listing: &Listing) -> Option<Vec<File>> {
        self.torrents.files_of(&listing.infohash).map(|files| as_listed(listing, files))
    }

    /// Begins to fetch a release, or says why not.
    pub(super) fn fetch(
        &mut self,
        now: Now,
        what: &Wanted,
        to: Option<String>,
        choice: &Choice,
        anyway: bool,
    ) -> Result<Result<Reply, CommandError>, StoreError> {
        if !self.has_torrents {
            return Ok(Err(CommandError::needs_node("downloading")));
        }
        let chosen = match self.choose(now, what, choice, anyway)? {
            Ok(chosen) => chosen,
            Err(error) => return Ok(Err(error)),
        };
        let infohash = chosen.infohash;
        if self.archives.has(&infohash) {
            return Ok(Err(super::archive::no_release(&infohash)));
        }
        let old = self.torrents.of(&infohash).cloned();
        if let (Some(torrent), Some(to)) = (&old, &to)
            && torrent.is_complete
            && !torrent.content.starts_with(to.as_str())
        {
            let place = if torrent.content.is_empty() { "in the usual folder" } else { &torrent.content };
            let message = format!("{infohash} is already here, at {place}: copy it from there");
            return Ok(Err(CommandError::new(Fault::Refused, "already_here", message)));
        }
        let pick = choice.pick.clone().or_else(|| chosen.is_partly_harmful.then_some(Pick::Harmless));
        let selection = match self.selection(&chosen, pick.as_ref(), old.as_ref().map(|old| &old.selection)) {
            Ok(selection) => selection,
            Err(error) => return Ok(Err(error)),
        };
        let getting = self.getting(&chosen, choice.pick.as_ref());
        let is_other = old.as_ref().is_none_or(|old| old.selection != selection);
        // Then nobody looks into it any longer.
        let is_newly_anyway = anyway && old.as_ref().is_some_and(|old| !old.is_wanted_anyway && !old.is_complete);
        let torrent = match old {
            Some(old) if !is_other && (old.is_wanted_anyway || !anyway) => return Ok(Ok(getting)),
            Some(old) => Torrent {
                is_wanted_anyway: old.is_wanted_anyway || anyway,
                is_complete: old.is_complete && !is_other,
                selection,
                ..old
            },
            None => Torrent {
                content: to.unwrap_or_default(),
                is_named: false,
                is_complete: false,
                selection,
                is_wanted_anyway: anyway,
                info_sha256: chosen.listing.as_ref().and_then(|listing| listing.info_sha256),
                trackers: chosen.listing.map(|listing| listing.trackers).unwrap_or_default(),
                added: now.wall,
            },
        };
        let order = torrent.order(infohash);
        if !self.torrents.set(infohash, torrent, &mut self.ground) {
            let message = "this node keeps as many torrents as it can: remove one first";
            return Ok(Err(CommandError::new(Fault::Failed, "too_many_torrents", message)));
        }
        if is_other || is_newly_anyway {
            self.held.push(Output::Torrent(order));
        }
        Ok(Ok(getting))
    }

    /// What of a torrent is to be fetched when this is asked for beside what was asked for before.
    fn selection(
        &self,
        chosen: &Chosen,
        pick: Option<&Pick>,
        old: Option<&Selection>,
    ) -> Result<Selection, CommandError> {
        let Some(pick) = pick else { return Ok(Selection::All) };
        let (mut files, mut picks) = match old {
            // All of it is wanted already.
            Some(Selection::All) => return Ok(Selection::All),
            Some(Selection::Some { files, picks }) => (files.clone(), picks.clone()),
            None => (BTreeSet::new(), Vec::new()),
        };
        let seen = chosen.listing.clone().unwrap_or_else(|| unlisted(chosen.infohash));
        match self.actual_files(&seen) {
            Some(actual) => {
                let found = pick.files(&seen.name, seen.episode, &actual, &chosen.known);
                if found.is_empty() {
                    return Err(not_inside(&chosen.infohash, pick));
                }
                files.extend(found);
                if files.len() == actual.len() {
                    return Ok(Selection::All);
                }
            }
            None if picks.contains(pick) => {}
            None if picks.len() >= PICKS_MAX => {
                let message = format!("{PICKS_MAX} episodes of {} wait already: fetch all of it", chosen.infohash);
                return Err(CommandError::new(Fault::Refused, "too_many_episodes", message));
            }
            None => picks.push(pick.clone()),
        }
        Ok(Selection::Some { files, picks })
    }

    /// The answer: what of a release was asked for, and which files that is, as far as that is known.
    fn getting(&self, chosen: &Chosen, pick: Option<&Pick>) -> Reply {
        let infohash = chosen.infohash;
        let listing = chosen.listing.clone().unwrap_or_else(|| unlisted(infohash));
        let files = self.actual_files(&listing).unwrap_or_else(|| listing.files.clone());
        let may_harm = |file: &&File| file_type(&file.path) == FileType::Unsafe;
        let left_out = files.iter().filter(|_| chosen.is_partly_harmful).filter(may_harm).take(FILES_NAMED_MAX);
        let left_out = left_out.map(|file| file.path.clone()).collect();
        let Some(pick) = pick else {
            return Reply::Getting(views::Getting { infohash, pick: None, files: Vec::new(), left_out });
        };
        let found = pick.files(&listing.name, listing.episode, &files, &chosen.known);
        let named = files.into_iter().filter(|file| found.contains(&file.index)).take(FILES_NAMED_MAX);
        let files = named.map(|file| (file.index, file.path, file.size)).collect();
        Reply::Getting(views::Getting { infohash, pick: Some(place_of(pick, &chosen.known)), files, left_out })
    }

    /// Now that it is known what is in a torrent: chooses the files of the episodes that were asked for.
    pub(super) fn pick_files(&mut self, now: Now, infohash: Infohash) -> Result<(), StoreError> {
        let Some(torrent) = self.torrents.of(&infohash).cloned() else { return Ok(()) };
        let Selection::Some { mut files, picks } = torrent.selection.clone() else { return Ok(()) };
        if picks.is_empty() {
            return Ok(());
        }
        let listing = self.listing_of(now, &infohash)?.unwrap_or_else(|| unlisted(infohash));
        let known = self.episodes_of(now, &listing.work)?;
        let Some(actual) = self.actual_files(&listing) else {
            let message = format!(
                "the torrents of this node hold too many files to tell which of {infohash} is which: \
                 `heirloom get {infohash}` fetches all of it"
            );
            self.torrents.remove(&infohash, &mut self.ground);
            let error = CommandError::new(Fault::Failed, "too_many_files", message);
            self.held.push(Output::Torrent(TorrentOrder::Refuse { infohash, error }));
            return Ok(());
        };
        let (mut missing, actual_count) = (None, actual.len());
        for pick in picks {
            let found = pick.files(&listing.name, listing.episode, &actual, &known);
            if found.is_empty() {
                missing.get_or_insert(pick);
            }
            files.extend(found);
        }
        if files.is_empty() {
            let Some(pick) = missing else { return Ok(()) };
            self.torrents.remove(&infohash, &mut self.ground);
            self.torrents.tell_files(infohash, actual.into_iter().map(|file| (file.path, file.size)).collect());
            self.held.push(Output::Torrent(TorrentOrder::Refuse { infohash, error: not_inside(&infohash, &pick) }));
            return Ok(());
        }
        let is_all = files.len() == actual_count;
        let selection = if is_all { Selection::All } else { Selection::Some { files, picks: Vec::new() } };
        let torrent = Torrent { selection, ..torrent };
        self.held.push(Output::Torrent(torrent.order(infohash)));
        self.torrents.set(infohash, torrent, &mut self.ground);
        Ok(())
    }

    /// Now that it is known what is in a torrent: one that may do harm is fetched no further, unless its owner said so; of a
    /// pack, what may do harm is not.
    pub(super) fn look_inside(&mut self, now: Now, infohash: Infohash) -> Result<(), StoreError> {
        let Some(torrent) = self.torrents.of(&infohash).cloned() else { return Ok(()) };
        if torrent.is_complete || torrent.is_wanted_anyway {
            return Ok(());
        }
        let Some(release) = self.release_of(now, &infohash)? else { return Ok(()) };
        let picks = match &torrent.selection {
            Selection::All => &[][..],
            Selection::Some { picks, .. } => picks,
        };
        let checked = self.refuse_or_leave_out(&release, picks);
        if checked == Ok(true) && torrent.selection == Selection::All {
            self.ingest.count("torrents_partly_unsafe");
            let selection = Selection::Some { files: BTreeSet::new(), picks: vec![Pick::Harmless] };
            self.torrents.set(infohash, Torrent { selection, ..torrent }, &mut self.ground);
        }
        if let Err(error) = checked {
            self.ingest.count("torrents_unsafe");
            // What was found stays known for as long as the node runs: whoever shows the release sees it.
            let files = self.torrents.files_of(&infohash).map(<[_]>::to_vec).unwrap_or_default();
            self.torrents.remove(&infohash, &mut self.ground);
            self.torrents.tell_files(infohash, files);
            self.held.push(Output::Torrent(TorrentOrder::Refuse { infohash, error }));
        }
        Ok(())
    }
}

/// Refuses what may do harm.
pub(super) fn unsafe_content(infohash: &Infohash, flag: &Flag) -> CommandError {
    let message = format!("{infohash} is not fetched: {flag}; add --anyway if you know it");
    CommandError::new(Fault::Refused, "unsafe", message)
}

/// What nobody lists: its files' names say all.
pub(super) fn unlisted(infohash: Infohash) -> Listing {
    Listing::new(WorkId::of_title("", 0, ""), infohash, String::new())
}

/// What was asked for, as season and number where its work says them.
fn place_of(pick: &Pick, known: &[Episode]) -> String {
    match pick.wanted(known) {
        Some(wanted) if wanted.number > 0 => Pick::Episode(wanted.season, wanted.number).to_string(),
        _ => pick.to_string(),
    }
}

fn not_listed(work: &WorkId, pick: &Pick, known: &[Episode]) -> CommandError {
    let message = match pick {
        Pick::Season(_) => format!(
            "no release of {work} holds all of {pick}: see `heirloom show {work}`, or ask for one episode, such as {pick}E01"
        ),
        _ => {
            let place = place_of(pick, known);
            let also = if place == pick.to_string() { String::new() } else { format!(" ({place})") };
            format!("nobody lists {pick}{also} of {work}: see `heirloom show {work}` for what there is")
        }
    };
    CommandError::not_found("unknown_episode", message)
}

/// Paths and sizes as the files of a torrent, with the episodes that its listing says they are.
pub(super) fn as_listed(listing: &Listing, files: &[(String, u64)]) -> Vec<File> {
    let to_file = |(index, (path, size)): (u32, &(String, u64))| {
        let said = listing.files.iter().find(|file| file.index == index && file.path == *path);
        File { index, path: path.clone(), size: *size, episode: said.and_then(|file| file.episode) }
    };
    (0..).zip(files).map(to_file).collect()
}

pub(super) fn not_inside(infohash: &Infohash, pick: &Pick) -> CommandError {
    let message = format!(
        "no file of {infohash} is {pick}, as far as their names and the listing say: `heirloom get {infohash}` fetches all of it"
    );
    CommandError::not_found("unknown_episode", message)
}
