//! How many lines a picture has, as listings write it, and how near that is to what somebody likes best.

/// Heights that releases come in, in lines.
const RUNGS: [u32; 9] = [240, 360, 480, 576, 720, 1080, 1440, 2160, 4320];

/// How far a resolution is from the one that is liked best: 0 for that one, then a step down, a step up, two down…; what
/// is not known comes last.
#[must_use]
pub fn resolution_distance(resolution: &str, liked: u32) -> u32 {
    lines_distance(lines_of(resolution), liked)
}

/// The same of its lines.
fn lines_distance(lines: Option<u32>, liked: u32) -> u32 {
    if liked == 0 {
        return 0;
    }
    let rung = |lines: u32| RUNGS.iter().position(|rung| *rung >= lines).unwrap_or(RUNGS.len() - 1);
    let Some(lines) = lines else { return u32::MAX - 1 };
    let (have, want) = (rung(lines), rung(liked));
    let steps = u32::try_from(have.abs_diff(want)).unwrap_or(u32::MAX / 4);
    if have > want { steps * 2 } else { (steps * 2).saturating_sub(1) }
}

/// Lines of `1080p`, `720i`, `4K`, `1920x1080`.
#[must_use]
pub fn lines_of(resolution: &str) -> Option<u32> {
    let lower = resolution.trim().to_ascii_lowercase();
    match lower.as_str() {
        "4k" | "uhd" => return Some(2160),
        "8k" => return Some(4320),
        _ => {}
    }
    let tail = lower.rsplit_once('x').map_or(lower.as_str(), |(_, tail)| tail);
    let digits = tail.trim_end_matches(['p', 'i']);
    let is_plain = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if is_plain { digits.parse().ok() } else { None }
}

/// The resolution that a listing says, in two bytes, since it stands beside every lister.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines(u16);

impl Lines {
    /// Nothing is said, though the name of the release may tell.
    const UNSAID: Self = Self(0);
    /// Something is said that is no height.
    const UNKNOWN: Self = Self(u16::MAX);

    /// Of a resolution as listings write it.
    #[must_use]
    pub fn of(resolution: &str) -> Self {
        if resolution.is_empty() {
            return Self::UNSAID;
        }
        lines_of(resolution).and_then(|lines| u16::try_from(lines).ok()).map_or(Self::UNKNOWN, Self)
    }

    /// How far this is from what is liked best; `None`: only the name of the release may tell.
    #[must_use]
    pub fn distance(self, liked: u32) -> Option<u32> {
        match self {
            _ if liked == 0 => Some(0),
            Self::UNSAID => None,
            Self::UNKNOWN => Some(lines_distance(None, liked)),
            Self(lines) => Some(lines_distance(Some(u32::from(lines)), liked)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_resolution_stands_for_it() {
        let said = ["480p", "720p", "1080p", "1920x1080", "2160p", "4K", "8k", "576i", "a lot", "99999p"];
        for resolution in said {
            for liked in [0, 240, 480, 720, 1080, 2160, 5_000] {
                let kept = Lines::of(resolution).distance(liked);
                assert_eq!(kept, Some(resolution_distance(resolution, liked)), "{resolution} {liked}");
            }
        }
        assert_eq!(Lines::of("").distance(1080), None, "its name may tell");
        assert_eq!(Lines::of("").distance(0), Some(0));
    }

    #[test]
    fn what_is_liked_best_comes_first_then_a_step_down_then_a_step_up() {
        let mut all = ["2160p", "480p", "no idea", "1080p", "720p", "1440p"];
        all.sort_by_key(|resolution| resolution_distance(resolution, 1080));
        assert_eq!(all, ["1080p", "720p", "1440p", "2160p", "480p", "no idea"]);
    }
}
