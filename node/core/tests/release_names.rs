//! Laws of reading names: any text is read without harm, and what is written in the usual way is read back.

use heirloom_core::release_name::{Expected, NAME_BYTES_MAX, RANGE_MAX, read, read_as};
use proptest::prelude::*;

/// Pieces that names are made of, so that chance meets the rules.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z]{1,8}",
        "[0-9]{1,20}",
        "[sStT][0-9]{1,6}[eExX][0-9]{1,6}",
        "[0-9]{1,4}x[0-9]{1,4}",
        "(19|20)[0-9]{2}",
        prop::sample::select(vec![
            "1080p",
            "720",
            "web",
            "dl",
            "x264",
            "h",
            "265",
            "season",
            "episode",
            "第",
            "季",
            "dts",
            "hd",
            "5.1",
            "www.",
            ".com",
            "french",
            "US",
            "сезон",
            "part",
            "of",
            "proper",
            "\u{202e}",
            "\u{0}",
            "é",
            "ß",
            "İ",
            "  ",
        ])
        .prop_map(str::to_owned),
        "[-._ /\\\\\\[\\](){}+&~]{1,3}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_within_bounds(name in prop_oneof![
        any::<String>(),
        prop::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(piece(), 0..400).prop_map(|pieces| pieces.join(".")),
    ]) {
        for expected in [Expected::Anything, Expected::Film, Expected::Episodes] {
            let read = read_as(&name, expected);
            prop_assert!(read.title.len() <= NAME_BYTES_MAX);
            prop_assert!(read.group.len() <= NAME_BYTES_MAX && read.resolution.len() <= 16);
            prop_assert!(read.seasons.len() <= RANGE_MAX as usize + 1);
            prop_assert!(read.episodes.len() <= RANGE_MAX as usize + 1);
            prop_assert!(read.seasons.iter().chain(&read.episodes).all(|number| *number <= 9999));
            prop_assert_eq!(read_as(&name, expected), read, "the same name reads the same");
        }
    }

    #[test]
    fn what_is_written_in_the_usual_way_is_read_back(
        words in prop::collection::vec("[B-DF-HJ-NP-Z][b-df-hj-np-z]{3,7}q", 1..4),
        season in 0_u32..60,
        episode in 1_u32..400,
        height in prop::sample::select(vec!["480p", "720p", "1080p", "2160p"]),
        separator in prop::sample::select(vec![".", " ", "_"]),
        year in prop::option::of(1900_u32..2039),
    ) {
        let title = words.join(" ");
        let mut parts = words;
        parts.extend(year.map(|year| year.to_string()));
        parts.push(format!("S{season:02}E{episode:02}"));
        parts.extend([height.to_owned(), "HDTV".to_owned(), "x264-HEIR.mkv".to_owned()]);
        let name = parts.join(separator);
        let read = read(&name);
        prop_assert_eq!(&read.title, &title, "{}", name);
        prop_assert_eq!(read.year, year);
        prop_assert_eq!((&*read.seasons, &*read.episodes), (&[season][..], &[episode][..]));
        prop_assert_eq!((read.resolution.as_str(), read.source, read.video_codec), (height, "HDTV", "H.264"));
        prop_assert_eq!((read.group.as_str(), read.container), ("HEIR", "mkv"));
    }
}
