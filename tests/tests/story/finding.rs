//! A newcomer among strangers: what is found, in which band, and by whom.

use crate::support::{ARRIVAL, Bed, TRUSTED, bytes_of, number, release, text, wait_for};

const FILM: &str = "imdb:tt1727587";
const ABOUT: [&str; 8] = ["--title", "Sintel", "--year", "2010", "--kind", "film", "--licence", "CC-BY-3.0"];

#[test]
fn three_spammers_never_get_above_the_curator() {
    let bed = Bed::new();
    let curator = bed.node("curator");
    let spammers: Vec<_> = ["eve", "mallory", "trudy"].iter().map(|name| bed.node(name)).collect();
    let peers: Vec<_> = spammers.iter().collect();
    let newcomer = bed.node_with("newcomer", &peers);
    newcomer.wait_for_peers(3);

    let before = newcomer.cli.run(&["show", FILM]);
    assert!(matches!(before.code, 0 | 3), "{before:?}");
    assert_eq!(before.last_value()["releases"].as_array().map_or(0, Vec::len), 0, "nobody has said anything yet");

    let clip = bed.file("sintel.mkv", &bytes_of(300_000, 1));
    let published = curator.publish(&clip, FILM, &ABOUT);
    assert!(number(&published["dht"], "stored_on") > 0, "{published}");
    let real = text(&published, "infohash").to_owned();
    let fakes: Vec<String> = spammers
        .iter()
        .zip(2..)
        .map(|(spammer, seed)| {
            let fake = bed.file(format!("{seed}/Sintel.2160p.mkv"), &bytes_of(300_000, seed));
            text(&spammer.publish(&fake, FILM, &ABOUT), "infohash").to_owned()
        })
        .collect();
    // They praise themselves and each other as loudly as they can.
    for spammer in &spammers {
        for other in &spammers {
            if spammer.key != other.key {
                spammer.cli.ok(&["attest", &other.key, "--level", "full", "--reason", "only the best"]);
            }
        }
        for fake in &fakes {
            spammer.cli.ok(&["verdict", fake, "good"]);
        }
        spammer.cli.ok(&["verdict", &real, "fake"]);
    }
    for fake in &fakes {
        newcomer.wait_for_band(FILM, fake, "unknown");
    }
    assert_eq!(newcomer.cli.run(&["get", FILM, "--wait"]).code, 4, "nobody trusted lists it yet");

    newcomer.follow_by_post(&curator);
    let shown = newcomer.wait_for_trusted(FILM, &real);
    let order: Vec<&str> =
        shown["releases"].as_array().expect("a list").iter().map(|release| text(release, "infohash")).collect();
    assert_eq!(order.first(), Some(&real.as_str()), "the curator's release is first: {shown}");
    for fake in &fakes {
        assert_ne!(release(&shown, fake).map(|fake| &fake["band"]), Some(&TRUSTED.into()), "{shown}");
    }
    let listed_by = &release(&shown, &real).expect("shown")["listed_by"];
    assert_eq!(listed_by[0]["key"], curator.key.as_str(), "{shown}");

    let got = newcomer.cli.ok(&["get", FILM, "--wait"]);
    assert_eq!(text(&got, "infohash"), real, "`get` of a work takes the trusted release");
}

#[test]
fn a_release_is_found_by_search_and_by_every_form_of_its_id() {
    let bed = Bed::new();
    let curator = bed.node("curator");
    let newcomer = bed.node("newcomer");
    let clip = bed.file("tears.bin", &bytes_of(70_000, 9));
    let about = ["--title", "Tears of Steel", "--year", "2012", "--kind", "film", "--licence", "CC-BY-3.0"];
    let infohash = text(&curator.publish(&clip, "IMDB:2285752", &about), "infohash").to_owned();
    newcomer.follow_by_post(&curator);
    for form in ["imdb:tt2285752", "https://www.imdb.com/title/tt2285752/?ref_=x", "imdb:2285752"] {
        let shown = newcomer.wait_for_trusted(form, &infohash);
        assert_eq!(shown["work"], "imdb:tt2285752", "{shown}");
        assert_eq!(shown["title"], "Tears of Steel", "{shown}");
        assert_eq!(number(&shown, "year"), 2012);
    }
    let found = wait_for("a search to find it", ARRIVAL, || {
        let found = newcomer.cli.ok(&["search", "tears steel"]);
        if found[0]["work"] == "imdb:tt2285752" { Ok(found) } else { Err(found.to_string()) }
    });
    assert_eq!(found[0]["band"], TRUSTED);
    assert_eq!(found[0]["best"]["infohash"], infohash.as_str());
}

#[test]
fn a_follow_is_previewed_before_anything_changes() {
    let bed = Bed::new();
    let curator = bed.node("curator");
    let newcomer = bed.node("newcomer");
    let preview = newcomer.cli.run(&["follow", &curator.key]).value(4);
    assert!(preview.to_string().contains(&curator.key), "the preview says who: {preview}");
    assert_eq!(newcomer.cli.ok(&["follow"]).as_array().map(Vec::len), Some(0), "nothing changed without --yes");

    let several = format!("{} and {}", curator.key, newcomer.key);
    let listed = newcomer.cli.run_with(&["follow", "-", "--yes"], &several).last_value();
    assert!(listed.to_string().contains(&curator.key), "several keys are listed: {listed}");
    assert_eq!(newcomer.cli.ok(&["follow"]).as_array().map(Vec::len), Some(0), "several need --all");

    newcomer.follow_by_post(&curator);
    let follows = newcomer.cli.ok(&["follow"]);
    assert_eq!(follows[0]["key"], curator.key.as_str(), "{follows}");
    newcomer.cli.ok(&["unfollow", &curator.key]);
    assert_eq!(newcomer.cli.ok(&["follow"]).as_array().map(Vec::len), Some(0), "and it is taken back");
}
