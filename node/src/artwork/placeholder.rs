//! What is drawn where a work has no picture: its title, on a colour of its own.

use heirloom_proto::{Sha256, WorkId};

/// How light and how colourful a placeholder is, in percent: white text on it is read easily (contrast 4.5 and more).
const LIGHTNESS: u32 = 30;
const SATURATION: u32 = 45;

/// The colour of a work that has no picture, as red, green and blue: the same everywhere, another for another work, and dark
/// enough for white text.
#[must_use]
pub fn placeholder_colour(work: &WorkId) -> (u8, u8, u8) {
    let digest = Sha256::of(work.as_str().as_bytes());
    let hue = (u32::from(digest.0[0]) << 8 | u32::from(digest.0[1])) % 360;
    // From hue, saturation and lightness to red, green and blue (CSS Color 4, section 7), in integers of 1/10,000.
    let chroma = SATURATION * LIGHTNESS.min(100 - LIGHTNESS);
    let channel = |shift: u32| {
        let sector = (shift * 30 + hue) % 360;
        // max(−1, min(k − 3, 9 − k, 1)) with k in sixtieths of a turn, times 30.
        let k = i64::from(sector);
        let slope = (k - 90).min(270 - k).clamp(-30, 30);
        let value = i64::from(LIGHTNESS) * 100 - i64::from(chroma) * slope / 30;
        u8::try_from((value * 255 / 10_000).clamp(0, 255)).unwrap_or(u8::MAX)
    };
    (channel(0), channel(8), channel(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Relative luminance (WCAG 2).
    fn luminance((red, green, blue): (u8, u8, u8)) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    #[test]
    fn a_work_has_one_colour_and_white_text_is_read_on_each() {
        let mut seen = BTreeSet::new();
        for number in 1..2000 {
            let work: WorkId = format!("imdb:tt{number:07}").parse().expect("a work id");
            let colour = placeholder_colour(&work);
            assert_eq!(colour, placeholder_colour(&work));
            let contrast = 1.05 / (luminance(colour) + 0.05);
            assert!(contrast >= 4.5, "{colour:?} has {contrast}");
            seen.insert(colour);
        }
        assert!(seen.len() > 200, "{} colours", seen.len());
    }

    #[test]
    fn the_colours_are_those_of_their_hue() {
        // Every channel lies between the two ends that saturation and lightness allow, and reaches both on a full turn.
        let ends = (42, 111);
        let all: Vec<_> = (1..3000)
            .map(|number| placeholder_colour(&format!("imdb:tt{number:07}").parse().expect("a work id")))
            .collect();
        for pick in [|c: &(u8, u8, u8)| c.0, |c: &(u8, u8, u8)| c.1, |c: &(u8, u8, u8)| c.2] {
            let (least, most) = (all.iter().map(pick).min(), all.iter().map(pick).max());
            assert!(least.is_some_and(|c| c.abs_diff(ends.0) <= 1), "{least:?}");
            assert!(most.is_some_and(|c| c.abs_diff(ends.1) <= 1), "{most:?}");
        }
    }
}
