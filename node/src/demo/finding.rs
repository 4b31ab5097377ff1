//! Second act: the newcomer finds nothing, follows, and finds the right one.

use super::answers::{in_words, number, releases, short, text};
use super::material::{FILM, forum_post};
use super::story::{ARRIVAL_MAX, Story};
use super::wait::wait_for;
use super::world::people;
use anyhow::{Context, Result, bail, ensure};

impl Story {
    pub(super) async fn newcomer_arrives(&mut self) -> Result<String> {
        let spammer = self.world.add(people::SPAMMER, Vec::new()).await?.p2p()?;
        // The newcomer's only acquaintance is the spammer: whatever it hears of strangers, it hears from there.
        let newcomer = self.world.add(people::NEWCOMER, vec![spammer]).await?;
        let answer = newcomer.cli.run(&["show", FILM]).await?;
        ensure!(matches!(answer.code, 0 | 3), "show ended with exit code {}: {}", answer.code, answer.stderr);
        let shown = releases(&answer.value)?;
        ensure!(shown.iter().all(|r| r.band == "unknown"), "a node without follows is shown {}", in_words(&shown));
        Ok(format!("a fresh home, no follows: {FILM} has {}", in_words(&shown)))
    }

    pub(super) async fn newcomer_follows(&mut self) -> Result<String> {
        let curator = self.world.node(people::CURATOR)?;
        let card = curator.cli.run(&["curator", "card", "--text"]).await?.ok()?;
        let card = card_text(&card).context("`curator card --text` printed no card")?;
        let newcomer = self.world.node(people::NEWCOMER)?;
        let followed = newcomer.cli.run_with(&["follow", "-", "--yes"], &forum_post(&card)).await?.ok()?;
        let key = text(&followed, "key")?;
        ensure!(key == curator.key, "it follows {key}, not the curator {}", curator.key);
        let name = text(&followed, "name")?;
        let voices = number(&followed["preview"], "keys_gaining_voice")?;
        Ok(format!(
            "found the card among other words, checked its checksum, follows {name:?} ({voices} key gains a voice)"
        ))
    }

    pub(super) async fn curator_is_trusted(&mut self) -> Result<String> {
        let (film, fake) = (self.film()?, self.fake()?);
        let newcomer = self.world.node(people::NEWCOMER)?;
        let first = newcomer.cli.run(&["show", FILM, "--wait", "30"]).await?.ok()?;
        let mut shown = releases(&first)?;
        if shown.first().is_none_or(|release| release.infohash != film) {
            shown = wait_for("the curator's release to be first", ARRIVAL_MAX, async || {
                let shown = releases(&newcomer.cli.quietly(&["show", FILM, "--wait", "10"]).await?.ok()?)?;
                let is_first = shown.first().is_some_and(|release| release.infohash == film);
                Ok(if is_first { Ok(shown) } else { Err(format!("it is shown {}", in_words(&shown))) })
            })
            .await?;
        }
        check_order(&shown, &film, &fake)?;
        let source = shown.first().map(|release| release.source.clone()).unwrap_or_default();
        Ok(format!("{}; the trusted one came by {source}", in_words(&shown)))
    }
}

/// The curator's release is trusted and first; the fake is neither.
pub fn check_order(shown: &[super::answers::Release], film: &str, fake: &str) -> Result<()> {
    let Some(best) = shown.first() else { bail!("no release is shown") };
    ensure!(best.infohash == film, "the first is {}, not the curator's {}", short(&best.infohash), short(film));
    ensure!(best.band == "trusted", "the curator's release is in band {}", best.band);
    let fakes: Vec<_> = shown.iter().filter(|release| release.infohash == fake).collect();
    ensure!(
        fakes.iter().all(|release| matches!(release.band.as_str(), "unknown" | "distrusted")),
        "the fake is shown as {}",
        in_words(shown)
    );
    Ok(())
}

/// The card in the answer: text by itself, or a field of an object.
fn card_text(answer: &serde_json::Value) -> Option<String> {
    let is_card = |text: &&str| text.contains("BEGIN HEIRLOOM CARD");
    let fields = answer.as_object().into_iter().flat_map(|object| object.values());
    let found = std::iter::once(answer).chain(fields).filter_map(serde_json::Value::as_str).find(is_card);
    found.map(str::to_owned)
}
