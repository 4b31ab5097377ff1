//! Figures of a client that cannot be true together. What is doubted is left out whole, and said: nothing of it is booked, and
//! what was booked before stays.

use super::Look;
use heirloom_core::observed::{CLAIMED_BYTES_MAX, Figure, Swarm};

/// Figures that may be true; else why they cannot be.
pub(super) fn believed(swarm: Swarm) -> Result<Swarm, String> {
    match contradiction(&swarm) {
        Some(why) => Err(why.to_owned()),
        None => Ok(swarm),
    }
}

impl Look {
    /// In one sentence, if something was doubted.
    pub(super) fn doubts(&self) -> Option<String> {
        let (infohash, why) = self.doubted.first()?;
        let more = match self.doubted.len() - 1 {
            0 => String::new(),
            more => format!(", and those of {more} more neither"),
        };
        Some(format!("the figures of {infohash} are not believed: {why}{more}"))
    }
}

/// Why figures cannot be true. Sums are read before peers, which go on meanwhile: so much may be between the two.
fn contradiction(swarm: &Swarm) -> Option<&'static str> {
    let most = swarm.downloaded.saturating_add(CLAIMED_BYTES_MAX);
    let is_beyond = |figure| matches!(figure, Figure::Connection(bytes) if bytes > most);
    if swarm.wasted > most {
        Some("more was wasted than was downloaded")
    } else if swarm.size > 0 && swarm.verified > swarm.size {
        Some("more was verified than there is")
    } else if swarm.sources.iter().any(|source| is_beyond(source.figure)) {
        Some("one peer sent more than was downloaded in all")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_core::observed::Source;
    use heirloom_proto::Infohash;

    fn swarm(downloaded: u64, wasted: u64, verified: u64, sent: &[u64]) -> Swarm {
        let source = |(port, bytes): (u16, &u64)| Source {
            address: ([10, 0, 0, 1], port).into(),
            client_name: None,
            is_web_seed: false,
            figure: Figure::Connection(*bytes),
        };
        let sources = (1..).zip(sent).map(source).collect();
        Swarm { infohash: Infohash([7; 20]), size: 100, verified, downloaded, wasted, sources }
    }

    #[test]
    fn only_figures_that_cannot_be_are_doubted() {
        let more = CLAIMED_BYTES_MAX + 101;
        for swarm in [swarm(100, 0, 100, &[60, 40]), swarm(100, 0, 100, &[100, 100]), swarm(0, 0, 100, &[])] {
            assert_eq!(believed(swarm.clone()), Ok(swarm));
        }
        for (swarm, part) in [
            (swarm(100, more, 0, &[]), "wasted"),
            (swarm(100, 0, 101, &[]), "verified"),
            (swarm(100, 0, 100, &[10, more]), "one peer"),
            (swarm(100, 0, 100, &[u64::MAX]), "one peer"),
        ] {
            assert!(believed(swarm.clone()).is_err_and(|why| why.contains(part)), "{swarm:?}");
        }
    }

    #[test]
    fn doubts_are_one_sentence() {
        assert_eq!(Look::default().doubts(), None);
        let mut look = Look { doubted: vec![("ab".into(), "it lies".into())], ..Look::default() };
        assert_eq!(look.doubts().as_deref(), Some("the figures of ab are not believed: it lies"));
        look.doubted.extend([("cd".into(), "too".into()), ("ef".into(), "too".into())]);
        assert_eq!(
            look.doubts().as_deref(),
            Some("the figures of ab are not believed: it lies, and those of 2 more neither")
        );
    }
}
