//! What the owner lists: one release with its torrent at hand, or many works by the row.
//!
//! What a statement of the owner's said before is kept where a newer one leaves it out, so that publishing a release of a
//! work takes no overview away, and an import by infohash no digest.

use super::Service;
use crate::catalogue::Title;
use crate::command::{CommandError, ENTRIES_MAX, Entry, Publish, Reply};
use crate::fitting::{FileType, file_type, is_extra, read_file};
use crate::ground::{Place, Stored};
use crate::io::{Metainfo, Now};
use crate::replication::{Own, QUERY_GAP, Task};
use crate::store::{Store, StoreError};
use crate::views::{self, Listed, Said};
use heirloom_proto::body::{File, Listing, Work, WorkKind, WorkTitle};
use heirloom_proto::statement::Header;
use heirloom_proto::{Body, StatementId, Timestamp, WorkId};

/// Most files that a listing names which are no episode; a reader finds the others in the torrent.
const PLAIN_FILES_MAX: usize = 20;

/// Most files that a listing names, as the wire has it.
const LISTED_FILES_MAX: usize = 200;

/// Most trackers and web seeds of a listing, and their longest address in bytes, as the wire has it.
const TRACKERS_MAX: usize = 8;
const WEB_SEEDS_MAX: usize = 4;
const ADDRESS_BYTES_MAX: usize = 200;

/// Most ids and other titles of a work, as the wire has it.
const IDS_MAX: usize = 16;
const TITLES_MAX: usize = 40;

/// Files that say season and episode outright, before a release of a work of unknown kind is taken for a season.
const SEASON_FILES_MIN: usize = 2;

impl<S: Store> Service<S> {
    /// Signs the work record, if there is something to say, and the listing.
    pub(super) fn list(
        &mut self,
        now: Now,
        publish: &Publish,
        metainfo: &Metainfo,
    ) -> Result<Result<(StatementId, Vec<views::PublishedFile>), CommandError>, StoreError> {
        let is_file = |path: &String| !path.is_empty();
        let missing = publish
            .map
            .iter()
            .find(|(end, _)| !metainfo.files.iter().any(|(path, _)| is_file(path) && path.ends_with(end.as_str())));
        if let Some((end, _)) = missing {
            return Ok(Err(CommandError::bad_input(
                "no_such_file",
                format!("--map names {end:?}, which is not in the torrent"),
            )));
        }
        let named = self.episodes_by_name(publish, metainfo);
        if let Some(season) = publish.season
            && publish.map.is_empty()
            && named.iter().all(Option::is_none)
            && !read_file("", &metainfo.name).seasons.contains(&season)
        {
            return Ok(Err(CommandError::bad_input(
                "no_episodes",
                format!(
                    "none of its files says by its name which episode of season {season} it is: add --map FILE=S{season:02}E01 and so on"
                ),
            )));
        }
        let files: Vec<views::PublishedFile> = metainfo
            .files
            .iter()
            .zip(named)
            .map(|((path, size), named)| {
                let mapped = publish.map.iter().find(|(end, _)| is_file(path) && path.ends_with(end.as_str()));
                (path.clone(), *size, mapped.map(|(_, episode)| *episode).or(named))
            })
            .collect();
        if let Err(error) = self.say_work(now, publish)? {
            return Ok(Err(error));
        }
        let made = &publish.made;
        let trackers = made.trackers.iter().chain(&metainfo.trackers);
        let web_seeds = made.web_seeds.iter().chain(&metainfo.web_seeds);
        let mut listing = Listing {
            info_sha256: metainfo.info_sha256,
            size: metainfo.size,
            resolution: publish.resolution.clone(),
            licence: publish.licence.clone(),
            languages: publish.languages.clone(),
            trackers: addresses(trackers, TRACKERS_MAX, &["udp://", "http://", "https://"]),
            episode: publish.episode,
            medium: made.medium.clone(),
            video_codec: made.video_codec.clone(),
            audio_codecs: made.audio_codecs.clone(),
            subtitles: made.subtitles.clone(),
            web_seeds: addresses(web_seeds, WEB_SEEDS_MAX, &["http://", "https://"]),
            ..Listing::new(publish.work.clone(), metainfo.infohash, metainfo.name.clone())
        };
        self.fit_files(now, &mut listing, &files);
        Ok(self.say(now, Body::Listing(listing), None, publish.private)?.map(|statement| (statement.id(), files)))
    }

    /// Which file is which episode, by their names, if the release is of a series.
    fn episodes_by_name(&self, publish: &Publish, metainfo: &Metainfo) -> Vec<Option<(u32, u32)>> {
        let read: Vec<Option<((u32, u32), bool)>> = metainfo
            .files
            .iter()
            .map(|(path, _)| {
                if file_type(path) != FileType::Video || is_extra(path) {
                    return None;
                }
                let read = read_file(&metainfo.name, path);
                let number = read.episodes.first().copied().filter(|number| *number > 0)?;
                let season = match read.seasons.as_slice() {
                    [] => publish.season?,
                    _ => read.season()?,
                };
                Some(((season, number), read.is_outright))
            })
            .collect();
        let is_series = |kind: WorkKind| matches!(kind, WorkKind::Series | WorkKind::Episode);
        let me = self.identity.key();
        let mut known = self.catalogue.titles_of(&publish.work);
        let mine: Option<&Title> = known.find(|(place, _)| place.author == me).map(|(_, title)| title);
        let is_season = match (publish.kind, mine) {
            _ if publish.season.is_some() => true,
            (Some(kind), _) => is_series(kind),
            (None, Some(mine)) => is_series(mine.kind),
            (None, None) => read.iter().flatten().filter(|(_, is_outright)| *is_outright).count() >= SEASON_FILES_MIN,
        };
        // One episode was said for the whole release: then its file needs none of its own.
        let may_map = is_season && publish.episode.is_none();
        read.into_iter().map(|file| file.filter(|_| may_map).map(|(episode, _)| episode)).collect()
    }

    /// Puts files into a listing: episodes first, since they are what it is needed for, then the largest, as many as fit.
    fn fit_files(&self, now: Now, listing: &mut Listing, files: &[views::PublishedFile]) {
        let mut wanted: Vec<(usize, &views::PublishedFile)> =
            files.iter().enumerate().filter(|(_, (path, ..))| !path.is_empty()).collect();
        wanted.sort_by_key(|(index, (_, size, episode))| (episode.is_none(), std::cmp::Reverse(*size), *index));
        let episodes = wanted.iter().filter(|(_, (.., episode))| episode.is_some()).count();
        wanted.truncate(episodes.clamp(PLAIN_FILES_MAX, LISTED_FILES_MAX));
        loop {
            listing.files = wanted
                .iter()
                .map(|(index, (path, size, episode))| File {
                    index: u32::try_from(*index).unwrap_or(u32::MAX),
                    path: path.clone(),
                    size: *size,
                    episode: *episode,
                })
                .collect();
            listing.files.sort_by_key(|file| file.index);
            let body = Body::Listing(listing.clone());
            let is_fitting = body.encode(&self.header(now)).len() <= body.kind().limits().body_bytes_max;
            if is_fitting || wanted.pop().is_none() {
                return;
            }
        }
    }

    /// A header like that of the next statement.
    fn header(&self, now: Now) -> Header {
        let seq = (self.identity.last_seq() + 1).max(now.wall.0);
        let expires = Some(Timestamp(now.wall.0.saturating_add(heirloom_proto::limits::LIFETIME_MS_MAX)));
        Header { generation: self.identity.generation(), seq, created: now.wall, expires }
    }

    /// Why a body cannot be signed.
    fn check(&self, now: Now, body: &Body) -> Result<(), String> {
        let bytes = body.encode(&self.header(now));
        let max = body.kind().limits().body_bytes_max;
        if bytes.len() > max {
            return Err(format!("the {} is {} bytes long, more than {max}", body.kind().name(), bytes.len()));
        }
        Body::decode(body.kind(), &bytes).map(|_| ()).map_err(|error| error.to_string())
    }

    fn say_work(&mut self, now: Now, publish: &Publish) -> Result<Result<(), CommandError>, StoreError> {
        if publish.title.is_none() && publish.artwork.is_none() {
            return Ok(Ok(()));
        }
        let old = self.own_record(std::slice::from_ref(&publish.work))?;
        let known = old.as_ref().map(|(old, _)| &old.title);
        let Some(title) = publish.title.as_ref().or(known) else {
            let message = "a picture belongs to a work that you describe: give its --title too";
            return Ok(Err(CommandError::bad_input("no_title", message)));
        };
        let kind = publish.kind.or(old.as_ref().map(|(old, _)| old.kind)).unwrap_or(WorkKind::Film);
        let said =
            Work { artwork: publish.artwork, ..Work::new(publish.work.clone(), title.clone(), publish.year, kind) };
        let record = old.as_ref().map_or(said.clone(), |(old, _)| combined(old, &said, false));
        if old.is_some_and(|(old, is_private)| old == record && (!is_private || publish.private)) {
            return Ok(Ok(()));
        }
        Ok(self.say(now, Body::Work(record), None, publish.private)?.map(|_| ()))
    }

    /// The owner's record that names one of these ids, the first of them first; and whether it is private.
    fn own_record(&self, ids: &[WorkId]) -> Result<Option<(Work, bool)>, StoreError> {
        let me = self.identity.key();
        for id in ids {
            for (_, place) in self.catalogue.records_of(id).into_iter().filter(|(key, _)| *key == me) {
                if let Some(stored) = self.ground.statement(&place)?
                    && let Body::Work(record) = stored.statement.body()
                {
                    return Ok(Some((record.clone(), stored.is_private)));
                }
            }
        }
        Ok(None)
    }

    /// Lists works and releases by the row: each row alone, so that a bad one keeps none back.
    pub(super) fn list_entries(
        &mut self,
        now: Now,
        entries: Vec<Entry>,
        is_dry: bool,
    ) -> Result<Result<Reply, CommandError>, StoreError> {
        if entries.len() > ENTRIES_MAX {
            let message = format!("{} rows are too many at once: send {ENTRIES_MAX} at most", entries.len());
            return Ok(Err(CommandError::bad_input("too_much_at_once", message)));
        }
        let mut listed = Listed::default();
        for entry in entries {
            let row = self.list_entry(now, entry, is_dry, &mut listed)?;
            listed.rows.push(row);
        }
        Ok(Ok(Reply::Listed(listed)))
    }

    fn list_entry(
        &mut self,
        now: Now,
        entry: Entry,
        is_dry: bool,
        listed: &mut Listed,
    ) -> Result<Result<Said, String>, StoreError> {
        let mut wanted = Vec::new();
        if let Some(said) = entry.record {
            let old = self.own_record(&said.ids)?;
            let record = old.as_ref().map_or(said.clone(), |(old, _)| combined(old, &said, entry.is_further));
            if old.as_ref().is_none_or(|(old, _)| *old != record) {
                wanted.push((Body::Work(record), old.is_some_and(|(_, is_private)| is_private)));
            }
        }
        if let Some(said) = entry.listing {
            let place = Place {
                author: self.identity.key(),
                kind: heirloom_proto::Kind::Listing,
                slot: Body::Listing(said.clone()).slot(),
            };
            let old: Option<Stored> = self.ground.statement(&place)?;
            let old = old.as_ref().and_then(|stored| match stored.statement.body() {
                Body::Listing(listing) => Some((listing, stored.is_private)),
                _ => None,
            });
            let listing = old.map_or(said.clone(), |(old, _)| filled_up(old, &said));
            if old.is_none_or(|(old, _)| *old != listing) {
                // An import makes nothing public that its owner kept to themselves.
                wanted.push((Body::Listing(listing), old.is_some_and(|(_, is_private)| is_private)));
            }
        }
        // Before any of it is said: a row is taken whole or not at all.
        for (body, _) in &wanted {
            if let Err(reason) = self.check(now, body) {
                return Ok(Err(reason));
            }
        }
        let said = if wanted.is_empty() { Said::Known } else { Said::New };
        for (body, is_private) in wanted {
            let work = match &body {
                Body::Listing(listing) => Some(listing.work.clone()),
                _ => None,
            };
            if !is_dry && let Err(error) = self.say(now, body, None, is_private)? {
                return Ok(Err(error.message));
            }
            match work {
                None => listed.records += 1,
                Some(work) => {
                    if !is_dry && !is_private {
                        self.put_listed(now, work, listed.listings);
                    }
                    listed.listings += 1;
                }
            }
        }
        Ok(Ok(said))
    }

    /// Puts the item of a work that was listed among many: one after the other, so that the DHT is not flooded.
    fn put_listed(&mut self, now: Now, work: WorkId, before: usize) {
        self.replication.keep_item(work.clone(), self.identity.last_seq());
        self.replication.announce_soon(work.clone(), now.mono);
        let at = now.mono + QUERY_GAP.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX));
        self.replication.schedule(Task::Put(Own::Work(work)), at);
    }
}

/// Addresses that a listing can name, each once.
fn addresses<'a>(all: impl Iterator<Item = &'a String>, max: usize, schemes: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for address in all {
        let is_clean = address.bytes().all(|byte| byte.is_ascii_graphic()) && address.len() <= ADDRESS_BYTES_MAX;
        let lower = address.to_ascii_lowercase();
        let is_known = schemes.iter().any(|scheme| lower.starts_with(scheme));
        if is_clean && is_known && found.len() < max && !found.contains(address) {
            found.push(address.clone());
        }
    }
    found
}

/// A record with what an earlier one of the same work said beside. `is_further`: the earlier one goes first.
fn combined(old: &Work, new: &Work, is_further: bool) -> Work {
    let (first, second) = if is_further { (old, new) } else { (new, old) };
    let text = |one: &String, other: &String| if one.is_empty() { other.clone() } else { one.clone() };
    let mut ids = old.ids.clone();
    ids.extend(new.ids.iter().filter(|id| !old.ids.contains(id)).cloned());
    ids.truncate(IDS_MAX);
    let mut titles: Vec<WorkTitle> = old.titles.clone();
    titles.extend(new.titles.iter().filter(|title| !old.titles.contains(title)).cloned());
    titles.truncate(TITLES_MAX);
    Work {
        ids,
        title: text(&first.title, &second.title),
        year: first.year.or(second.year),
        kind: first.kind,
        overview: text(&first.overview, &second.overview),
        genres: list(&first.genres, &second.genres),
        languages: list(&first.languages, &second.languages),
        runtime_min: first.runtime_min.or(second.runtime_min),
        artwork: first.artwork.or(second.artwork),
        episodes: list(&first.episodes, &second.episodes),
        original_title: text(&first.original_title, &second.original_title),
        titles,
        people: list(&first.people, &second.people),
    }
}

fn list<T: Clone>(one: &[T], other: &[T]) -> Vec<T> {
    if one.is_empty() { other.to_vec() } else { one.to_vec() }
}

/// A listing with what an earlier one of the same release said beside.
fn filled_up(old: &Listing, new: &Listing) -> Listing {
    let text = |one: &String, other: &String| if one.is_empty() { other.clone() } else { one.clone() };
    Listing {
        info_sha256: new.info_sha256.or(old.info_sha256),
        // Who has the torrent knows its name; a row without it has but a title.
        name: if new.info_sha256.is_some() || old.info_sha256.is_none() { new.name.clone() } else { old.name.clone() },
        size: if new.size == 0 { old.size } else { new.size },
        files: list(&new.files, &old.files),
        resolution: text(&new.resolution, &old.resolution),
        licence: text(&new.licence, &old.licence),
        languages: list(&new.languages, &old.languages),
        trackers: list(&new.trackers, &old.trackers),
        episode: new.episode.or(old.episode),
        medium: text(&new.medium, &old.medium),
        video_codec: text(&new.video_codec, &old.video_codec),
        audio_codecs: list(&new.audio_codecs, &old.audio_codecs),
        subtitles: list(&new.subtitles, &old.subtitles),
        web_seeds: list(&new.web_seeds, &old.web_seeds),
        ..Listing::new(new.work.clone(), new.infohash, String::new())
    }
}
