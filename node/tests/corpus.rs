//! Replays what the fuzzer keeps: every file of `fuzz/corpus/<target>/` through its target, and changed copies of it.
//!
//! The changes come from the bytes of the file, so that a run is the same every time. `HEIRLOOM_MUTATIONS` asks for more of
//! them than a test has time for.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "targets take bytes apart on purpose")]

#[path = "../../fuzz/src/heavy.rs"]
mod heavy;
#[path = "../../fuzz/src/light.rs"]
mod light;
#[path = "../../fuzz/src/strangers.rs"]
mod strangers;

use std::path::PathBuf;

type Target = fn(&[u8]);

/// Every target, and how many changed copies of each file a test runs: fewer where each opens a core.
const TARGETS: [(&str, Target, u64); 22] = [
    ("archive", strangers::archive, 20),
    ("artwork", heavy::artwork, 200),
    ("body", light::body, 100),
    ("dht_item", light::dht_item, 100),
    ("gossip", light::gossip, 10),
    ("identity_frame", strangers::identity_frame, 20),
    ("lookup_frame", strangers::lookup_frame, 200),
    ("lookup_roles", strangers::lookup_roles, 10),
    ("magnet", heavy::magnet, 200),
    ("metainfo", heavy::metainfo, 200),
    ("release_name", light::release_name, 200),
    ("request", heavy::request, 200),
    ("statement", light::statement, 200),
    ("statement_file", light::statement_file, 200),
    ("store", light::store, 10),
    ("sync_frame", light::sync_frame, 200),
    ("sync_roles", light::sync_roles, 10),
    ("text", light::text, 100),
    ("trust_graph", light::trust_graph, 40),
    ("trust_laws", light::trust_laws, 40),
    ("work_id", light::work_id, 200),
    ("envelope", |data| drop(heirloom_proto::verify(&light::envelope(1, 5, data))), 20),
];

/// Chance from a seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.word() % end.max(1) as u64).expect("below a length")
    }
}

/// A copy with up to eight changes.
fn changed(bytes: &[u8], others: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    const TELLING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'e', b':', b'/'];
    let mut copy = bytes.to_vec();
    for _ in 0..=chance.below(8) {
        let at = chance.below(copy.len() + 1);
        match chance.below(7) {
            0 if at < copy.len() => copy[at] ^= 1 << chance.below(8),
            1 if at < copy.len() => copy[at] = TELLING[chance.below(8)],
            2 => copy.truncate(at),
            3 => copy.insert(at, TELLING[chance.below(8)]),
            4 if at < copy.len() => drop(copy.remove(at)),
            5 => {
                // A piece of it again, somewhere else.
                let from = chance.below(copy.len() + 1);
                let piece = copy[from..].iter().take(chance.below(64)).copied().collect::<Vec<u8>>();
                copy.splice(at..at, piece);
            }
            _ => {
                let other = &others[chance.below(others.len())];
                let from = chance.below(other.len() + 1);
                copy.truncate(at);
                copy.extend(other[from..].iter().take(4096));
            }
        }
    }
    copy
}

fn replay(name: &str, target: Target, mutations: u64) {
    let folder =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let asked = std::env::var("HEIRLOOM_MUTATIONS").ok().and_then(|many| many.parse().ok());
    let all: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("readable")).collect();
    for (file, bytes) in files.iter().zip(&all) {
        let mut chance = Chance(bytes.iter().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(*byte)));
        target(bytes);
        for _ in 0..asked.unwrap_or(mutations) {
            let copy = changed(bytes, &all, &mut chance);
            let run = std::panic::catch_unwind(|| target(&copy));
            assert!(run.is_ok(), "{name} fails on a changed {}: {}", file.display(), hex(&copy));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

macro_rules! replayed {
    ($($test:ident $name:literal,)*) => {
        $(#[test]
        fn $test() {
            let (name, target, mutations) = TARGETS.into_iter().find(|target| target.0 == $name).expect("a target");
            replay(name, target, mutations);
        })*

        #[test]
        fn every_target_is_replayed_and_has_a_corpus_and_a_program() {
            let replayed = [$($name),*];
            assert!(TARGETS.iter().all(|target| replayed.contains(&target.0)));
            let fuzz = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../fuzz");
            for name in std::fs::read_dir(fuzz.join("corpus")).expect("a folder").map(|entry| entry.expect("an entry")) {
                let name = name.file_name().into_string().expect("text");
                assert!(replayed.contains(&name.as_str()), "nobody replays {name}");
                assert!(fuzz.join("fuzz_targets").join(format!("{name}.rs")).exists(), "no program fuzzes {name}");
            }
        }
    };
}

replayed! {
    pictures_are_shown_small_or_not_at_all "artwork",
    logs_are_one_keys_own_and_ascend "archive",
    bodies_are_read_in_one_form_only "body",
    items_of_the_dht_are_refused_or_hold "dht_item",
    envelopes_of_any_body_are_refused_or_hold "envelope",
    gossip_with_leaping_clocks_leaves_the_core_well "gossip",
    frames_of_identity_prove_what_was_proved_or_nothing "identity_frame",
    lookups_are_read_in_one_form_only "lookup_frame",
    lookups_and_proofs_survive_any_peer "lookup_roles",
    magnet_links_are_refused_or_read_again "magnet",
    torrents_are_refused_or_stay_in_their_folder "metainfo",
    names_of_releases_are_read_within_bounds "release_name",
    requests_are_refused_or_read "request",
    envelopes_are_refused_or_hold "statement",
    statement_files_are_read_alike_in_pieces "statement_file",
    a_store_with_changed_rows_opens "store",
    frames_are_read_in_one_form_only "sync_frame",
    both_roles_of_sync_survive_any_peer "sync_roles",
    pasted_text_is_refused_or_said_again "text",
    small_webs_keep_every_sum_in_range "trust_graph",
    small_webs_keep_the_laws_of_the_metric "trust_laws",
    works_are_normalised_once_and_for_all "work_id",
}
