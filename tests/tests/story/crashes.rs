//! kill -9 at any moment: what was acknowledged is there, and no sequence number is used twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{Bed, Chance, Cli, Node, TRUSTED, bytes_of, is_same_file, number, release, text};

const FILM: &str = "imdb:tt7000020";
const ABOUT: [&str; 8] = ["--title", "Kept", "--year", "2022", "--kind", "film", "--licence", "CC0-1.0"];
const KILLS: usize = 10;
/// Commands at once.
const WRITERS: usize = 4;
/// Clips that each of them has to publish in a round.
const CLIPS_EACH: usize = 4;

/// Statements of a node by sequence number. Fails when two share one.
fn exported(node: &Node) -> BTreeMap<u64, String> {
    let statements = node.cli.ok(&["export", "--statements"]);
    let statements = statements.as_array().expect("export prints a list");
    let mut by_seq = BTreeMap::new();
    for statement in statements {
        let before = by_seq.insert(number(statement, "seq"), text(statement, "id").to_owned());
        assert_eq!(before, None, "two statements share a sequence number: {statement}");
    }
    by_seq
}

/// Publishes or judges until the node is killed. Returns what was acknowledged: the id of each statement, and its
/// sequence number where the answer says it.
fn write_until_killed(
    cli: &Cli,
    clips: &[PathBuf],
    mut chance: Chance,
    stop: &AtomicBool,
) -> Vec<(String, Option<u64>)> {
    let mut acknowledged = Vec::new();
    let mut clips = clips.iter();
    while !stop.load(Ordering::Relaxed) {
        let answer = match clips.next().filter(|_| chance.below(3) == 0) {
            Some(clip) => {
                let mut args = vec!["publish", clip.to_str().expect("text"), "--work", FILM];
                args.extend(ABOUT);
                cli.run(&args)
            }
            None => cli.run(&["verdict", &chance.infohash(), "good"]),
        };
        if answer.code != 0 {
            // The kill was faster. Whether this one was written is open; that it was acknowledged is not.
            continue;
        }
        let value = answer.last_value();
        let id = value["id"].as_str().or(value["statement"].as_str());
        acknowledged.push((id.expect("an id").to_owned(), value["seq"].as_u64()));
    }
    acknowledged
}

#[test]
fn kills_at_random_moments_lose_no_acknowledged_statement() {
    let bed = Bed::without_dht();
    let mut chance = Chance::of_this_run();
    let mut node = bed.node("alice");
    let mut seen: BTreeMap<u64, String> = BTreeMap::new();
    let mut acknowledged: Vec<(String, Option<u64>)> = Vec::new();
    for round in 0..KILLS {
        let clips: Vec<PathBuf> = (0..(WRITERS * CLIPS_EACH) as u64)
            .map(|clip| {
                bed.file(format!("{round}/clip {clip}.mp4"), &bytes_of(20_000, 100 + round as u64 * 100 + clip))
            })
            .collect();
        let stop = AtomicBool::new(false);
        let (cli, moment) = (node.cli.clone(), Duration::from_millis(200 + chance.below(1500)));
        let chances: Vec<Chance> = clips.iter().map(|_| Chance::new(chance.word())).collect();
        std::thread::scope(|scope| {
            let (cli, stop) = (&cli, &stop);
            // Several at once, so that a kill meets commands at different stages.
            let writers: Vec<_> = clips
                .chunks(CLIPS_EACH)
                .zip(chances)
                .map(|(clips, chance)| scope.spawn(move || write_until_killed(cli, clips, chance, stop)))
                .collect();
            // A random moment is what is tested, so this is no wait for a condition.
            std::thread::sleep(moment);
            node.kill();
            stop.store(true, Ordering::Relaxed);
            acknowledged.extend(writers.into_iter().flat_map(|writer| writer.join().expect("the writer ends")));
        });
        node.start_again(&bed.net(&[]));
        let now = exported(&node);
        for (seq, id) in &now {
            let before = seen.insert(*seq, id.clone());
            assert!(before.is_none_or(|before| before == *id), "sequence number {seq} was used twice");
        }
        for (id, seq) in &acknowledged {
            let at = now.iter().find(|(_, known)| *known == id).map(|(seq, _)| *seq);
            let at = at.unwrap_or_else(|| panic!("round {round}: {id} was acknowledged and is gone"));
            assert!(seq.is_none_or(|seq| seq == at), "{id} has sequence number {at}, not {seq:?}");
        }
        let highest = now.keys().next_back().copied().unwrap_or(0);
        let signed = node.cli.ok(&["verdict", &chance.infohash(), "poor"]);
        assert!(number(&signed, "seq") > highest, "sequence numbers go on: {signed} after {highest}");
        acknowledged.push((text(&signed, "id").to_owned(), signed["seq"].as_u64()));
    }
    println!("{KILLS} kills, {} statements acknowledged, none lost", acknowledged.len());
    assert!(acknowledged.len() > 2 * KILLS, "the kills came before there was anything to lose");
}

/// Without stopping cleanly, and on a DHT that has never heard of anybody.
#[test]
fn everything_is_there_after_everybody_was_killed() {
    let mut bed = Bed::new();
    let (mut curator, mut mallory) = (bed.node("curator"), bed.node("mallory"));
    let mut newcomer = bed.node_with("newcomer", &[&mallory]);
    newcomer.wait_for_peers(1);
    let content = bytes_of(700_000, 70);
    let film = curator.publish(&bed.file("kept.mp4", &content), FILM, &ABOUT);
    let fake = mallory.publish(&bed.file("kept.HD.mp4", &bytes_of(700_000, 71)), FILM, &ABOUT);
    let (film, fake) = (text(&film, "infohash").to_owned(), text(&fake, "infohash").to_owned());
    newcomer.follow_by_post(&curator);
    newcomer.wait_for_trusted(FILM, &film);
    newcomer.wait_for_band(FILM, &fake, "unknown");
    newcomer.cli.ok(&["get", &film, "--wait"]);
    newcomer.cli.ok(&["attest", &curator.key, "--level", "high", "--reason", "kept"]);
    newcomer.cli.ok(&["verdict", &fake, "fake"]);
    let (ledger, statements) = (newcomer.cli.ok(&["ledger"]), exported(&newcomer));

    for node in [&mut curator, &mut mallory, &mut newcomer] {
        node.kill();
    }
    bed.fresh_dht();
    curator.start_again(&bed.net(&[]));
    mallory.start_again(&bed.net(&[]));
    newcomer.start_again(&bed.net(&[&mallory]));

    let shown = newcomer.cli.ok(&["show", FILM]);
    assert_eq!(release(&shown, &film).expect("shown")["band"], TRUSTED, "{shown}");
    assert_eq!(release(&shown, &fake).expect("shown")["band"], "distrusted", "{shown}");
    assert_eq!(newcomer.cli.ok(&["ledger"]), ledger, "the ledger is as it was");
    let after = exported(&newcomer);
    let highest = *statements.keys().next_back().expect("statements");
    // A head that is signed again takes the place of the one before.
    let lost: Vec<_> = statements.iter().filter(|(seq, id)| after.get(seq) != Some(id)).collect();
    assert!(lost.len() <= 1, "statements are gone: {lost:?}");
    let signed = newcomer.cli.ok(&["attest", &curator.key, "--level", "full", "--reason", "still there"]);
    assert!(number(&signed, "seq") > highest, "{signed} after {highest}");

    // Put again: the new DHT has it, and somebody new finds it there.
    let stranger = bed.node("stranger");
    stranger.follow_by_post(&curator);
    let shown = stranger.wait_for_trusted(FILM, &film);
    assert_eq!(release(&shown, &film).expect("shown")["source"], "dht", "{shown}");
    // Seeded again, by both who had it: first without the newcomer, then without the curator.
    newcomer.kill();
    let got = stranger.cli.ok(&["get", &film, "--wait"]);
    assert!(is_same_file(text(&got, "path"), &content), "the curator seeds again");
    stranger_gets_from_a_seeder_by_itself(&bed, &mut newcomer, &mut curator, stranger, &film, &content);
}

fn stranger_gets_from_a_seeder_by_itself(
    bed: &Bed,
    newcomer: &mut Node,
    curator: &mut Node,
    first: Node,
    film: &str,
    content: &[u8],
) {
    let last = bed.node("last");
    last.follow_by_post(curator);
    last.wait_for_trusted(FILM, film);
    newcomer.start_again(&bed.net(&[]));
    curator.kill();
    drop(first);
    let got = last.cli.ok(&["get", film, "--wait"]);
    assert!(is_same_file(text(&got, "path"), content), "the newcomer seeds again");
    assert_eq!(got["from"][0]["address"], newcomer.ip.as_str(), "{got}");
    assert!(got["from"][0]["key"].is_null(), "without a name, since it is not its own: {got}");
}
