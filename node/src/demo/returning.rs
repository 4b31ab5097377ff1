//! Fifth act: everybody is killed, the DHT forgets everything, and all of it is there again.

use super::answers::{in_words, number, releases};
use super::downloading::check_content;
use super::finding::check_order;
use super::material::{CLIP, FILM};
use super::say::grouped;
use super::story::Story;
use super::world::{DHT_NODES, people};
use anyhow::{Result, ensure};

/// Comes last, and knows nothing but the curator's link.
const STRANGER: &str = "stranger";

impl Story {
    pub(super) async fn everybody_is_killed(&mut self) -> Result<String> {
        let mut before = Vec::new();
        let names = self.world.names();
        for name in &names {
            before.push(self.statements(name).await?);
        }
        let killed = self.world.kill_all().await?;
        // Only a DHT that holds nothing shows that what is found there was put again.
        self.world.fresh_dht().await?;
        self.world.restart(people::CURATOR, Vec::new()).await?;
        self.world.restart(people::SPAMMER, Vec::new()).await?;
        let spammer = self.world.node(people::SPAMMER)?.p2p()?;
        self.world.restart(people::NEWCOMER, vec![spammer]).await?;
        for name in names.iter().skip(3) {
            self.world.restart(name, Vec::new()).await?;
        }
        let mut kept = Vec::new();
        for (name, before) in names.iter().zip(before) {
            let after = self.statements(name).await?;
            ensure!(after >= before, "the {name} had {before} statements and has {after}");
            kept.push(format!("{name} {after}"));
        }
        Ok(format!("{killed} nodes killed, {DHT_NODES} new DHT nodes; statements kept: {}", kept.join(", ")))
    }

    pub(super) async fn nothing_is_lost(&mut self) -> Result<String> {
        let (film, fake) = (self.film()?, self.fake()?);
        let newcomer = self.world.node(people::NEWCOMER)?;
        let shown = releases(&newcomer.cli.run(&["show", FILM]).await?.ok()?)?;
        check_order(&shown, &film, &fake)?;
        let is_out = shown.iter().any(|release| release.infohash == fake && release.band == "distrusted");
        ensure!(is_out, "the verdict is forgotten: {}", in_words(&shown));
        let curator = self.world.node(people::CURATOR)?.key.clone();
        let before = self.last_seq;
        let seq = self.attest(&curator, "full", "still there after a crash").await?;
        let before = before.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
        Ok(format!("{}; the next sequence number is {seq}, after {before}", in_words(&shown)))
    }

    pub(super) async fn listing_is_put_again(&mut self) -> Result<String> {
        let film = self.film()?;
        self.world.add(STRANGER, Vec::new()).await?;
        self.follow_by_link(STRANGER).await?;
        let source = self.wait_for_trusted(STRANGER, FILM, &film).await?;
        ensure!(source == "dht", "the listing came by {source}, not from the DHT");
        Ok("the stranger follows the curator's link and finds the release, trusted, on a DHT that was empty".to_owned())
    }

    pub(super) async fn film_is_seeded_again(&mut self) -> Result<String> {
        self.film()?;
        let stranger = self.world.node(STRANGER)?;
        let got = stranger.cli.run(&["get", FILM, "--wait"]).await?.ok()?;
        check_content(&got, CLIP)?;
        let from = got["from"].as_array().map(Vec::as_slice).unwrap_or_default();
        let from: Vec<String> = from
            .iter()
            .filter_map(|row| {
                Some(format!("{} bytes from {}", grouped(row["verified_bytes"].as_u64()?), row["address"].as_str()?))
            })
            .collect();
        Ok(format!("equal to the original: {}", from.join(", ")))
    }

    async fn statements(&self, name: &str) -> Result<u64> {
        number(&self.world.node(name)?.cli.quietly(&["status"]).await?.ok()?, "statements")
    }
}
