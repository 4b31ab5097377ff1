//! The numbers by which Newznab and Torznab sort releases.

use heirloom_core::lines_of;
use heirloom_core::views::{Release, Work};
use heirloom_proto::body::WorkKind;
use std::collections::BTreeSet;

/// A category with those below it.
pub(super) struct Category {
    pub(super) id: u32,
    pub(super) name: &'static str,
    pub(super) below: &'static [(u32, &'static str)],
}

/// The categories that releases are put into, by the names that others map first.
pub(super) const ALL: [Category; 6] = [
    Category {
        id: 2000,
        name: "Movies",
        below: &[
            (2020, "Other"),
            (2030, "SD"),
            (2040, "HD"),
            (2045, "UHD"),
            (2050, "BluRay"),
            (2070, "DVD"),
            (2080, "WEB-DL"),
            (2090, "x265"),
        ],
    },
    Category { id: 3000, name: "Audio", below: &[(3010, "MP3"), (3040, "Lossless"), (3050, "Other")] },
    Category { id: 4000, name: "PC", below: &[(4020, "ISO")] },
    Category {
        id: 5000,
        name: "TV",
        below: &[
            (5010, "WEB-DL"),
            (5030, "SD"),
            (5040, "HD"),
            (5045, "UHD"),
            (5050, "Other"),
            (5070, "Anime"),
            (5080, "Documentary"),
            (5090, "x265"),
        ],
    },
    Category { id: 7000, name: "Books", below: &[(7020, "EBook"), (7030, "Comics")] },
    Category { id: 8000, name: "Other", below: &[] },
];

/// Lines from which on a picture is called HD, and UHD.
const HD_LINES: u32 = 720;
const UHD_LINES: u32 = 2160;

/// What is wanted of the categories that a program names: `None` where it names none, or kinds and numbers; nothing of
/// what nobody knows.
pub(super) fn known(asked: &[u32]) -> BTreeSet<u32> {
    let is_known = |id: &u32| ALL.iter().any(|one| one.id == *id || one.below.iter().any(|(below, _)| below == id));
    asked.iter().copied().filter(is_known).collect()
}

/// The kinds of works that a category holds.
pub(super) fn kinds(id: u32) -> &'static [WorkKind] {
    match id / 1000 {
        2 => &[WorkKind::Film],
        3 => &[WorkKind::Album],
        4 => &[WorkKind::Software],
        5 => &[WorkKind::Series, WorkKind::Episode],
        7 => &[WorkKind::Book],
        _ => &[WorkKind::Other],
    }
}

/// The categories of a release, the main one first.
pub(super) fn of(work: &Work, release: &Release) -> Vec<u32> {
    let details = &release.details;
    let is_of = |genre: &str| work.genres.iter().any(|have| have.eq_ignore_ascii_case(genre));
    let has = |text: &str, part: &str| text.to_ascii_lowercase().contains(part);
    let is_lossless = |codec: &String| ["flac", "alac", "wav", "ape"].iter().any(|name| has(codec, name));
    let lines = lines_of(&release.resolution);
    let mut below = Vec::new();
    let main = match work.kind {
        WorkKind::Film | WorkKind::Series | WorkKind::Episode => {
            let is_film = work.kind == WorkKind::Film;
            let main = if is_film { 2000 } else { 5000 };
            match lines {
                Some(UHD_LINES..) => below.push(main + 45),
                Some(HD_LINES..) => below.push(main + 40),
                Some(_) => below.push(main + 30),
                None => below.push(if is_film { 2020 } else { 5050 }),
            }
            let medium = details.medium.as_str();
            if has(medium, "web") {
                below.push(if is_film { 2080 } else { 5010 });
            } else if is_film && has(medium, "blu") {
                below.push(2050);
            } else if is_film && has(medium, "dvd") {
                below.push(2070);
            }
            if ["265", "hevc"].iter().any(|name| has(&details.video_codec, name)) {
                below.push(main + 90);
            }
            if !is_film {
                below.extend(is_of("anime").then_some(5070));
                below.extend(is_of("documentary").then_some(5080));
            }
            main
        }
        WorkKind::Album => {
            let codecs = &details.audio_codecs;
            let is_mp3 = codecs.iter().any(|codec| has(codec, "mp3"));
            below.push(if codecs.iter().any(is_lossless) { 3040 } else { 3050 - 40 * u32::from(is_mp3) });
            3000
        }
        WorkKind::Software => {
            below.extend(has(&release.name, "iso").then_some(4020));
            4000
        }
        WorkKind::Book => {
            below.push(if is_of("comics") { 7030 } else { 7020 });
            7000
        }
        WorkKind::Other => 8000,
    };
    below.insert(0, main);
    below
}

/// Whether one of these categories is wanted; a main category wants all below it.
pub(super) fn is_wanted(of: &[u32], wanted: &BTreeSet<u32>) -> bool {
    of.iter().any(|id| wanted.contains(id) || wanted.contains(&(id / 1000 * 1000)))
}
