//! Names of our own invention, in the ways that people write them.

use super::{Expected, NAME_BYTES_MAX, RANGE_MAX, ReleaseName, read, read_as};

/// Title, seasons and episodes.
#[track_caller]
fn numbered(name: &str, title: &str, seasons: &[u32], episodes: &[u32]) {
    let read = read(name);
    assert_eq!((read.title.as_str(), &*read.seasons, &*read.episodes), (title, seasons, episodes), "{name}");
}

#[track_caller]
fn film(name: &str, title: &str, year: Option<u32>) {
    let read = read(name);
    assert_eq!((read.title.as_str(), read.year), (title, year), "{name}");
    assert!(read.episodes.is_empty() && read.seasons.is_empty(), "{name}: {read:?}");
}

#[test]
fn films_have_a_title_and_a_year() {
    film("The.Paper.Garden.2011.1080p.BluRay.x264-HEIR", "The Paper Garden", Some(2011));
    film("The Paper Garden (2011) [720p]", "The Paper Garden", Some(2011));
    film("the_paper_garden_2011.mkv", "the paper garden", Some(2011));
    film("Films/The Paper Garden (2011)/the.paper.garden.dvdrip.avi", "The Paper Garden", Some(2011));
    film("The.Paper.Garden.German.DL.1080p.BluRay.x264-HEIR", "The Paper Garden", None);
    film("Paper.Garden,.The.2011.DVDRip.XviD", "The Paper Garden", Some(2011));
    film("Letters.from.R.O.O.T.S.2011.1080p.WEB-DL", "Letters from R.O.O.T.S.", Some(2011));
}

#[test]
fn numbers_of_a_title_are_no_years_and_no_episodes() {
    film("2047.A.Garden.Odyssey.1998.720p.HDTV.x264", "2047 A Garden Odyssey", Some(1998));
    film("1931.2014.1080p.WEB-DL.H264", "1931", Some(2014));
    film("1931.1080p.WEB-DL.H264", "1931", None);
    film("12.Angry.Gardeners.1957.mkv", "12 Angry Gardeners", Some(1957));
    film("Orchard.9.2009.1080p.BluRay", "Orchard 9", Some(2009));
    assert_eq!(read_as("Orchard 13 1080p", Expected::Film).title, "Orchard 13");
}

#[test]
fn weak_words_are_part_of_a_title_where_nothing_technical_stands_beside_them() {
    film("The.French.Gardener.2004.1080p.BluRay.x264-HEIR", "The French Gardener", Some(2004));
    film("A.Real.Final.Cut.of.Hay.2004.DVDRip", "A Real Final Cut of Hay", Some(2004));
    film("Us.and.the.Web.2016.720p.WEB-DL", "Us and the Web", Some(2016));
}

#[test]
fn episodes_are_written_in_many_ways() {
    for name in [
        "Garden.Town.S01E02.720p.HDTV.x264-HEIR.mkv",
        "Garden Town - 1x02 - The Fence.avi",
        "Garden Town [1x02].mkv",
        "garden/Garden.Town.s01.e02.mkv",
        "Garden Town S01 - E02.mkv",
        "Garden Town Season 1 Episode 2 (480p).mp4",
        "Garden.Town.Saison.1.Episode.02.FRENCH.mkv",
        "Garden Town Staffel 1 Folge 2.mkv",
        "Garden Town - Temporada 1 [HDTV][Cap.102]",
        "Garden Town 1 сезон 2 серия.mkv",
        "Garden Town S1E2.mkv",
        "Garden.Town.102.HDTV.XviD.avi",
        "Garden Town/Season 1/02 - The Fence.mkv",
        "Garden.Town.S01.1080p.WEB-DL.x264-HEIR/garden.town.0102.1080p.mkv",
    ] {
        let read = read(name);
        let title = read.title.to_lowercase();
        assert_eq!((title.as_str(), &*read.seasons, &*read.episodes), ("garden town", &[1][..], &[2][..]), "{name}");
    }
}

#[test]
fn one_file_may_hold_several_episodes() {
    numbered("Garden.Town.S01E02E03.mkv", "Garden Town", &[1], &[2, 3]);
    numbered("Garden.Town.S01E02-E05.mkv", "Garden Town", &[1], &[2, 3, 4, 5]);
    numbered("Garden.Town.S01E02-05.720p.mkv", "Garden Town", &[1], &[2, 3, 4, 5]);
    numbered("Garden.Town.S01E02+03.mkv", "Garden Town", &[1], &[2, 3]);
    numbered("Garden Town 1x02x03.mkv", "Garden Town", &[1], &[2, 3]);
    numbered("Garden Town S01E02 - S01E03.mkv", "Garden Town", &[1], &[2, 3]);
    numbered("Garden.Town.S01E09-E08.mkv", "Garden Town", &[1], &[9, 8]);
}

#[test]
fn packs_name_seasons() {
    numbered("Garden.Town.S03.1080p.BluRay.x264-HEIR", "Garden Town", &[3], &[]);
    numbered("Garden Town Season 1-3 Complete DVDRip", "Garden Town", &[1, 2, 3], &[]);
    numbered("Garden.Town.S01-S04.COMPLETE.720p", "Garden Town", &[1, 2, 3, 4], &[]);
    numbered("Garden.Town.The.Complete.Seasons.1.to.3.720p.BluRay", "Garden Town", &[1, 2, 3], &[]);
    numbered("Garden Town 2nd Season 1080p", "Garden Town", &[2], &[]);
}

#[test]
fn specials_are_season_zero() {
    numbered("Garden.Town.S00E03.The.Winter.Fair.mkv", "Garden Town", &[0], &[3]);
    numbered("Garden Town - 0x03 - The Winter Fair.mkv", "Garden Town", &[0], &[3]);
}

#[test]
fn groups_of_translators_count_through_the_series() {
    numbered("[Root-Subs] Niwa no Machi - 07 [720p][1A2B3C4D].mkv", "Niwa no Machi", &[], &[7]);
    numbered("[Root-Subs] Niwa no Machi - 112v2 (1080p).mkv", "Niwa no Machi", &[], &[112]);
    numbered("[Root-Subs] Niwa no Machi - 01-12 [BD 1080p]", "Niwa no Machi", &[], &(1..=12).collect::<Vec<_>>());
    numbered("[Root-Subs] Niwa no Machi S2 - 05 [1080p].mkv", "Niwa no Machi", &[2], &[5]);
    numbered("[Root_Subs]_Niwa_no_Machi_07_(720p).mkv", "Niwa no Machi", &[], &[7]);
    numbered("庭の町 第2期 第05話.mkv", "庭の町", &[2], &[5]);
    assert_eq!(read("[Root-Subs] Niwa no Machi - 07 [720p].mkv").group, "Root-Subs");
}

#[test]
fn daily_shows_have_a_date() {
    for name in [
        "Garden.Tonight.2016.05.09.Guest.Name.720p.WEB.x264-HEIR",
        "Garden Tonight 2016-05-09 720p.mkv",
        "Garden.Tonight.09.05.2016.HDTV.mkv",
        "Garden Tonight - 20160509.mkv",
        "Garden.Tonight.May.9.2016.1080p.mkv",
        "Garden Tonight 9th May 2016.mkv",
    ] {
        let read = read(name);
        assert_eq!(
            (read.title.as_str(), read.date.as_str(), read.year),
            ("Garden Tonight", "2016-05-09", None),
            "{name}"
        );
        assert!(read.episodes.is_empty(), "{name}");
    }
    assert_eq!(read("Garden Tonight 2016-13-40 720p").date, "");
}

#[test]
fn how_it_was_made_is_read() {
    let name = read("Paper.Garden.2011.Directors.Cut.PROPER.2160p.UHD.BluRay.HDR10.x265.DTS-HD.MA.5.1.Atmos-HEIR.mkv");
    let expected = ReleaseName {
        title: "Paper Garden".into(),
        year: Some(2011),
        resolution: "2160p".into(),
        source: "Ultra HD Blu-ray",
        video_codec: "H.265",
        audio_codecs: vec!["DTS-HD", "Dolby Atmos"],
        edition: "Director's Cut",
        mended: 1,
        group: "HEIR".into(),
        container: "mkv",
        ..ReleaseName::default()
    };
    assert_eq!(name, expected);
    let of = |name| {
        let ReleaseName { resolution, source, video_codec, audio_codecs, .. } = read(name);
        (resolution, source, video_codec, audio_codecs)
    };
    assert_eq!(of("A.Garden.2020.WEB-DL.AAC2.0.H.264"), (String::new(), "Web", "H.264", vec!["AAC"]));
    assert_eq!(of("A.Garden.2020.1280x720.HDTV.XviD.MP3"), ("720p".into(), "HDTV", "Xvid", vec!["MP3"]));
    assert_eq!(of("A.Garden.2020.4K.WEBRip.DDP5.1.HEVC"), ("2160p".into(), "Web", "H.265", vec!["Dolby Digital Plus"]));
    assert_eq!(of("A.Garden.2020.576i.DVD.MPEG-2.AC3"), ("576i".into(), "DVD", "MPEG-2", vec!["Dolby Digital"]));
    assert_eq!(of("A.Garden.2020.720x432.CAM"), ("720x432".into(), "Camera", "", vec![]));
}

#[test]
fn languages_and_subtitles_are_read() {
    assert_eq!(read("A.Garden.2020.FRENCH.1080p.WEB-DL").languages, ["fr"]);
    assert_eq!(read("A.Garden.2020.German.DL.1080p.WEB-DL").languages, ["de", "mul"]);
    assert_eq!(read("A.Garden.2020.1080p.ITA.ENG.x264").languages, ["it", "en"]);
    assert!(read("A.Garden.2020.VOSTFR.1080p").has_subtitles);
    assert!(!read("A.Sub.in.the.Garden.2020.1080p").has_subtitles);
}

#[test]
fn a_folder_says_what_a_file_leaves_out() {
    numbered("Garden.Town.S04E05.720p.WEB-DL.H264-HEIR/9b1f0d7c55aa.mkv", "Garden Town", &[4], &[5]);
    let pack = read("Garden.Town.S04.1080p.BluRay.x265-HEIR/Garden.Town.S04E05.mkv");
    assert_eq!((&*pack.seasons, &*pack.episodes, pack.resolution.as_str()), (&[4][..], &[5][..], "1080p"));
    assert_eq!((pack.source, pack.video_codec, pack.group.as_str()), ("Blu-ray", "H.265", "HEIR"));
}

#[test]
fn hostile_names_give_little_and_quickly() {
    let hostile = [
        String::new(),
        ".".repeat(10_000),
        "/".repeat(10_000),
        "[".repeat(10_000),
        "\u{202e}".repeat(3_000),
        "18446744073709551616 ".repeat(500),
        "S01E01-E18446744073709551616".into(),
        "S18446744073709551616E01".into(),
        "S01E".repeat(2_500),
        "1x".repeat(5_000),
        "第".repeat(3_400),
        "第99999999999999999999集".into(),
        "2000.".repeat(2_000),
        "x".repeat(10_000),
        "İ̇ﬀß".repeat(1_000),
    ];
    for name in hostile {
        for expected in [Expected::Anything, Expected::Film, Expected::Episodes] {
            let read = read_as(&name, expected);
            assert!(read.title.len() <= NAME_BYTES_MAX && read.group.len() <= NAME_BYTES_MAX);
            assert!(read.episodes.len() <= RANGE_MAX as usize + 1 && read.seasons.len() <= RANGE_MAX as usize + 1);
        }
    }
    numbered("Garden.S01E0001-E9999.mkv", "Garden", &[1], &[1, 9999]);
}
