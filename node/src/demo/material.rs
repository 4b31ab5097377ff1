//! What is published in the story: a real film clip, a fake of it, and bytes made on the spot.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Five seconds of *Big Buck Bunny*, © 2008 Blender Foundation, CC-BY 3.0.
pub const CLIP: &[u8] = include_bytes!("../../assets/big-buck-bunny-5s.mp4");
/// Its name.
pub const CLIP_NAME: &str = "big-buck-bunny-5s.mp4";
/// The film that it is of.
pub const FILM: &str = "imdb:tt1254207";

/// A work of our own: 24 MiB, so that two seeders have time to share the task.
pub const PATTERN: Made = Made {
    name: "test-pattern.bin",
    title: "Test pattern",
    bytes: 24 << 20,
    seed: 2,
    work: "hl:1111111111111111111111111111111111111111111111111111111111111111",
};
/// A work of our own whose seeder is not there at first.
pub const LATE: Made = Made {
    name: "late-riser.bin",
    title: "Late riser",
    bytes: 3 << 20,
    seed: 3,
    work: "hl:2222222222222222222222222222222222222222222222222222222222222222",
};

/// A work that is made here.
pub struct Made {
    /// File name.
    pub name: &'static str,
    /// Title.
    pub title: &'static str,
    /// Size.
    pub bytes: usize,
    /// What makes it differ from others.
    pub seed: u64,
    /// Work id.
    pub work: &'static str,
}

impl Made {
    /// Its bytes, the same each time.
    pub fn content(&self) -> Vec<u8> {
        noise(self.bytes, self.seed)
    }
}

/// Bytes of no meaning and the size of the clip.
pub fn fake() -> Vec<u8> {
    noise(CLIP.len(), 1)
}

/// Bytes that nobody can compress, the same for the same seed (splitmix64).
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut noise: Vec<u8> =
        std::iter::repeat_with(|| word().to_le_bytes()).take(bytes.div_ceil(8)).flatten().collect();
    noise.truncate(bytes);
    noise
}

/// Writes a file for somebody to publish.
pub fn write(path: &Path, content: &[u8]) -> Result<PathBuf> {
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_owned())
}

/// What a forum makes of a card: quoted, among other words.
pub fn forum_post(card: &str) -> String {
    let quoted: String = card.lines().map(|line| format!("> > {line}\n")).collect();
    format!(
        "Re: where do you get open films?\n\n\
         > anybody know a source that is not half fakes?\n\n\
         I have followed this one for two years and had not one dud:\n\n{quoted}\n\
         Copy the whole post, it finds the card by itself. Have fun!\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_the_same_for_the_same_seed_only() {
        assert_eq!(noise(1001, 5), noise(1001, 5));
        assert_eq!(noise(1001, 5).len(), 1001);
        assert_ne!(noise(1001, 5), noise(1001, 6));
        assert_eq!(fake().len(), CLIP.len());
    }
}
