//! Out of a season pack: the episode that was asked for, alone.

use crate::support::{Bed, bytes_of, is_same_file, number, text};

#[test]
fn an_episode_comes_alone_out_of_a_season_then_the_rest_of_it() {
    let bed = Bed::new();
    let (curator, newcomer) = (bed.node("curator"), bed.node("newcomer"));
    newcomer.follow_by_post(&curator);
    let files =
        [("01 - Seeds.mkv", 300_001), ("02 - Rain.mkv", 90_001), ("Specials/01 - Fair.mkv", 50_000), ("a.txt", 9)];
    for (seed, (name, len)) in (30..).zip(files) {
        bed.file(std::path::Path::new("Garden Town").join(name), &bytes_of(len, seed));
    }
    let work = "tmdb:tv/70";
    let about =
        ["--title", "Garden Town", "--year", "1998", "--kind", "series", "--licence", "CC-BY-4.0", "--season", "2"];
    let published = curator.publish(&bed.path("files/Garden Town"), work, &about);
    let episodes: Vec<&str> =
        published["files"].as_array().expect("files").iter().filter_map(|file| file["episode"].as_str()).collect();
    assert_eq!(episodes, ["S02E01", "S02E02", "S00E01"], "{published}");
    newcomer.wait_for_trusted(work, text(&published, "infohash"));

    for (asked, says) in [("s02e07", "nobody lists S02E07"), ("2024-05-01", "nobody lists 2024-05-01")] {
        let error = newcomer.cli.run(&["get", work, asked, "--wait"]).value(3);
        assert!(text(&error["error"], "message").contains(says), "{error}");
    }
    let error = newcomer.cli.run(&["get", work, "pilot"]).value(2);
    assert_eq!(error["error"]["code"], "bad_episode", "{error}");

    let got = newcomer.cli.ok(&["get", work, "--season", "2", "--episode", "2", "--wait"]);
    assert_eq!((text(&got, "episode"), number(&got, "bytes")), ("S02E02", 90_001), "{got}");
    assert!(is_same_file(text(&got, "file"), &bytes_of(90_001, 31)), "{got}");
    let folder = std::path::Path::new(text(&got, "path"));
    let names: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("entry").file_name()).collect();
    assert_eq!(names, ["02 - Rain.mkv"], "only that file is there");
    let verified = number(&got, "verified_bytes");
    assert!((90_001..300_000).contains(&verified), "whole pieces of that file: {got}");
    assert_eq!(number(&got["from"][0], "verified_bytes"), verified, "all of the curator");

    let got = newcomer.cli.ok(&["get", work, "s00e01", "--wait"]);
    assert!(is_same_file(text(&got, "file"), &bytes_of(50_000, 32)), "{got}");
    let got = newcomer.cli.ok(&["get", work, "s02", "--wait"]);
    assert_eq!((text(&got, "episode"), number(&got, "bytes")), ("S02", 440_002), "{got}");
    let got = newcomer.cli.ok(&["get", work, "--wait"]);
    let size: usize = files.iter().map(|(_, len)| len).sum();
    assert_eq!(
        (number(&got, "bytes"), number(&got, "verified_bytes")),
        (size as u64, size as u64),
        "each byte once: {got}"
    );
}
