//! Bytes to publish, made on the spot, and chance that can be repeated.

use std::path::{Path, PathBuf};

/// Chance from a seed (splitmix64): the same seed gives the same test.
pub struct Chance(u64);

impl Chance {
    /// From `HEIRLOOM_SEED`, else from the process id; printed, so that a failure can be repeated.
    pub fn of_this_run() -> Self {
        let seed = std::env::var("HEIRLOOM_SEED").ok().and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!("HEIRLOOM_SEED={seed}");
        Self(seed)
    }

    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.word() % end
    }

    /// Forty hexadecimal digits: the infohash of something that nobody has.
    pub fn infohash(&mut self) -> String {
        let digits = format!("{:016x}{:016x}{:016x}", self.word(), self.word(), self.word());
        digits[..40].to_owned()
    }
}

/// Bytes that nobody can compress, the same for the same length and seed.
pub fn bytes_of(len: usize, seed: u64) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    let words = std::iter::repeat_with(|| chance.word().to_le_bytes());
    let mut bytes: Vec<u8> = words.take(len.div_ceil(8)).flatten().collect();
    bytes.truncate(len);
    bytes
}

/// Writes a file, with the folders above it.
pub fn write_file(path: &Path, content: &[u8]) -> PathBuf {
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("can make a folder");
    std::fs::write(path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path.to_owned()
}

/// Whether a file has these bytes.
pub fn is_same_file(path: impl AsRef<Path>, content: &[u8]) -> bool {
    let path = path.as_ref();
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) == content
}

/// What a forum makes of a card.
pub fn card_in_a_post(card: &str) -> String {
    let quoted: String = card.lines().map(|line| format!("> > {line}  \r\n")).collect();
    format!(
        "Grüße! Does anybody know a good curator?\n\n> sure, this one:\n{quoted}\n-- \nsent from my typewriter :)\n"
    )
}
