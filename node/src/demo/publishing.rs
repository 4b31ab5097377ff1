//! First act: the curator and the spammer publish.

use super::answers::{in_words, number, releases, short, text};
use super::material::{self, CLIP, CLIP_NAME, FILM, Made};
use super::say::grouped;
use super::story::{ARRIVAL_MAX, Story};
use super::wait::wait_for;
use super::world::{DHT_NODES, people};
use anyhow::{Result, ensure};
use serde_json::Value;

/// Its name tells of a better picture, as such names do.
const FAKE_NAME: &str = "big-buck-bunny-5s.1080p.mp4";

impl Story {
    pub(super) async fn curator_publishes(&mut self) -> Result<String> {
        let curator = self.world.add(people::CURATOR, Vec::new()).await?;
        curator.cli.run(&["id", "set", "--name", "Open Film Garden"]).await?.ok()?;
        let file = material::write(&curator.file(CLIP_NAME), CLIP)?;
        let published = self.publish_film(people::CURATOR, &file.display().to_string()).await?;
        let stored_on = published["dht"]["stored_on"].as_u64().unwrap_or(0);
        ensure!(stored_on > 0, "the listing stands on no DHT node: {published}");
        ensure!(published["seeding"] == true, "the curator does not seed it: {published}");
        let (infohash, size) = (text(&published, "infohash")?.to_owned(), number(&published, "size")?);
        ensure!(size == CLIP.len() as u64, "the torrent has {size} bytes, the clip {}", CLIP.len());
        self.film = Some(infohash.clone());
        Ok(format!(
            "{} bytes became infohash {}, seeded under the curator's name; its listing stands on {stored_on} of {DHT_NODES} DHT nodes",
            grouped(size),
            short(&infohash)
        ))
    }

    pub(super) async fn spammer_publishes(&mut self) -> Result<String> {
        let newcomer = self.world.node(people::NEWCOMER)?;
        wait_for("the newcomer to meet the spammer", ARRIVAL_MAX, async || {
            let status = newcomer.cli.quietly(&["status"]).await?.ok()?;
            Ok(if status["peers"].as_u64() > Some(0) { Ok(()) } else { Err("it has no peers".to_owned()) })
        })
        .await?;
        let spammer = self.world.node(people::SPAMMER)?;
        let file = material::write(&spammer.file(FAKE_NAME), &material::fake())?;
        let published = self.publish_film(people::SPAMMER, &file.display().to_string()).await?;
        let fake = text(&published, "infohash")?.to_owned();
        self.fake = Some(fake.clone());

        let newcomer = self.world.node(people::NEWCOMER)?;
        let arrived = wait_for("the fake to reach the newcomer by gossip", ARRIVAL_MAX, async || {
            let shown = releases(&newcomer.cli.quietly(&["show", FILM]).await?.value)?;
            let found = shown.iter().find(|release| release.infohash == fake).cloned();
            Ok(found.ok_or_else(|| format!("it is shown {}", in_words(&shown))))
        })
        .await?;
        ensure!(arrived.band == "unknown", "the newcomer puts a stranger's release into band {}", arrived.band);
        Ok(format!(
            "{} bytes of noise became infohash {}; the newcomer has heard of it by {}, in band {}",
            grouped(CLIP.len() as u64),
            short(&fake),
            arrived.source,
            arrived.band
        ))
    }

    async fn publish_film(&self, who: &str, path: &str) -> Result<Value> {
        let about = ["--title", "Big Buck Bunny", "--year", "2008", "--kind", "film", "--licence", "CC-BY-3.0"];
        let mut args = vec!["publish", path, "--work", FILM];
        args.extend(about);
        self.world.node(who)?.cli.run(&args).await?.ok()
    }

    /// The curator publishes a file that is made on the spot, and tells its infohash.
    pub(super) async fn publish_made(&self, made: &Made) -> Result<String> {
        let curator = self.world.node(people::CURATOR)?;
        let path = material::write(&curator.file(made.name), &made.content())?.display().to_string();
        let about =
            ["--work", made.work, "--title", made.title, "--year", "2026", "--kind", "other", "--licence", "CC0-1.0"];
        let mut args = vec!["publish", path.as_str()];
        args.extend(about);
        let published = curator.cli.run(&args).await?.ok()?;
        ensure!(published["dht"]["stored_on"].as_u64() > Some(0), "its listing stands on no DHT node: {published}");
        Ok(text(&published, "infohash")?.to_owned())
    }
}
