//! Third act: downloads, and to whom their bytes are booked.

use super::answers::{Row, ledger, number, only, releases, short, text};
use super::material::{CLIP, FILM, LATE, Made, PATTERN};
use super::say::grouped;
use super::story::{ARRIVAL_MAX, Story};
use super::wait::wait_for;
use super::world::people;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::time::Duration;

/// How long a download runs before its seeder appears.
const LATE_BY: Duration = Duration::from_secs(4);
/// Guests until one is served by both seeders: either may be done before the other one's handshake is.
const GUESTS_MAX: usize = 4;

impl Story {
    pub(super) async fn newcomer_downloads(&mut self) -> Result<String> {
        self.film()?;
        let newcomer = self.world.node(people::NEWCOMER)?;
        let got = newcomer.cli.run(&["get", FILM, "--wait"]).await?.ok()?;
        let path = check_content(&got, CLIP)?;
        let seconds = got["seconds"].as_f64().unwrap_or_default();
        Ok(format!("{} bytes, equal to the original, in {seconds:.2} s, at {path}", grouped(CLIP.len() as u64)))
    }

    pub(super) async fn bytes_are_booked(&mut self) -> Result<String> {
        let curator = self.world.node(people::CURATOR)?;
        let row = only(ledger(&self.world.node(people::NEWCOMER)?.cli.run(&["ledger"]).await?.ok()?)?)?;
        let wanted = Row { key: Some(curator.key.clone()), address: Some(curator.ip()), bytes: CLIP.len() as u64 };
        ensure!(row == wanted, "the ledger says {row:?} instead of {wanted:?}");
        Ok(format!("exactly {} bytes, to key …{} at {}", grouped(row.bytes), short(&curator.key), curator.ip()))
    }

    pub(super) async fn guest_downloads(&mut self) -> Result<String> {
        let release = self.publish_made(&PATTERN).await?;
        self.pattern = Some(release.clone());
        let newcomer = self.world.node(people::NEWCOMER)?;
        self.wait_for_listing(people::NEWCOMER, &PATTERN, &release).await?;
        check_content(&newcomer.cli.run(&["get", &release, "--wait"]).await?.ok()?, &PATTERN.content())?;
        let mut shares = Vec::new();
        for number in 1..=GUESTS_MAX {
            let guest = format!("guest-{number}");
            shares = self.guest_gets(&guest, &release).await?;
            if shares.len() > 1 {
                break;
            }
        }
        let (named, nameless): (Vec<&Row>, Vec<&Row>) = shares.iter().partition(|row| row.key.is_some());
        ensure!(!named.is_empty() && !nameless.is_empty(), "only one seeder served {GUESTS_MAX} guests: {shares:?}");
        let sum = |rows: &[&Row]| rows.iter().map(|row| row.bytes).sum::<u64>();
        Ok(format!(
            "{} bytes = {} from the curator by name + {} from the newcomer's address without a name",
            grouped(PATTERN.bytes as u64),
            grouped(sum(&named)),
            grouped(sum(&nameless))
        ))
    }

    /// A guest with a fresh home follows the curator and downloads the long file. Its bookings add up to the size.
    async fn guest_gets(&mut self, guest: &str, release: &str) -> Result<Vec<Row>> {
        self.world.add(guest, Vec::new()).await?;
        self.follow_by_link(guest).await?;
        self.wait_for_listing(guest, &PATTERN, release).await?;
        let (curator, newcomer) = (self.world.node(people::CURATOR)?, self.world.node(people::NEWCOMER)?);
        let guest = self.world.node(guest)?;
        check_content(&guest.cli.run(&["get", release, "--wait"]).await?.ok()?, &PATTERN.content())?;
        let rows = ledger(&guest.cli.run(&["ledger"]).await?.ok()?)?;
        let sum: u64 = rows.iter().map(|row| row.bytes).sum();
        ensure!(sum == PATTERN.bytes as u64, "bookings add up to {sum} instead of {}: {rows:?}", PATTERN.bytes);
        for row in &rows {
            let by_name = row.key.as_ref() == Some(&curator.key) && row.address == Some(curator.ip());
            let by_address = row.key.is_none() && row.address == Some(newcomer.ip());
            ensure!(by_name || by_address, "bytes were booked to somebody else: {row:?}");
        }
        Ok(rows)
    }

    pub(super) async fn seeder_comes_late(&mut self) -> Result<String> {
        let release = self.publish_made(&LATE).await?;
        self.wait_for_listing(people::NEWCOMER, &LATE, &release).await?;
        self.world.kill(people::CURATOR).await?;
        let newcomer = self.world.node(people::NEWCOMER)?;
        let mut getting = newcomer.cli.begin(&["get", &release, "--wait"])?;
        // This wait is the story itself: a download without anybody to download from.
        tokio::time::sleep(LATE_BY).await;
        ensure!(getting.is_at_work()?, "the download ended without a seeder: {:?}", getting.answer().await?);
        self.world.restart(people::CURATOR, Vec::new()).await?;
        let got = getting.answer().await?.ok()?;
        check_content(&got, &LATE.content())?;
        let from = got["from"].as_array().map(Vec::as_slice).unwrap_or_default();
        let curator = self.world.node(people::CURATOR)?;
        let booked: u64 = from
            .iter()
            .filter(|row| row["key"] == curator.key.as_str())
            .filter_map(|row| row["verified_bytes"].as_u64())
            .sum();
        ensure!(booked == LATE.bytes as u64, "{booked} of {} bytes were booked to the curator: {got}", LATE.bytes);
        Ok(format!(
            "the curator was away for the first {} s and came back; {} bytes, all booked to it",
            LATE_BY.as_secs(),
            grouped(booked)
        ))
    }

    /// Follows the curator by the link that `curator card` prints.
    pub(super) async fn follow_by_link(&self, who: &str) -> Result<()> {
        let uri = self.world.node(people::CURATOR)?.cli.quietly(&["id"]).await?.ok()?;
        let followed = self.world.node(who)?.cli.run(&["follow", text(&uri, "uri")?, "--yes"]).await?.ok()?;
        ensure!(followed["key"] == uri["key"], "it follows {followed}, not {uri}");
        Ok(())
    }

    /// Until a follower of the curator sees this release as trusted. Returns where the listing came from.
    pub(super) async fn wait_for_listing(&self, who: &str, made: &Made, release: &str) -> Result<String> {
        self.wait_for_trusted(who, made.work, release).await
    }

    /// Until `who` sees this release of a work as trusted. Returns where the listing came from.
    pub(super) async fn wait_for_trusted(&self, who: &str, work: &str, release: &str) -> Result<String> {
        let cli = &self.world.node(who)?.cli;
        wait_for(&format!("the {who} to find the listing"), ARRIVAL_MAX, async || {
            let shown = releases(&cli.quietly(&["show", work, "--wait", "10"]).await?.value)?;
            let found = shown.iter().find(|shown| shown.infohash == release && shown.band == "trusted");
            let source = found.map(|found| found.source.clone());
            Ok(source.ok_or_else(|| format!("it is shown {}", super::answers::in_words(&shown))))
        })
        .await
    }
}

/// The downloaded file holds these bytes, and every one of them was booked. Returns its path.
pub fn check_content(got: &Value, wanted: &[u8]) -> Result<String> {
    let path = text(got, "path")?;
    let content = std::fs::read(path).with_context(|| format!("cannot read the download {path}"))?;
    ensure!(content == wanted, "{path} has {} bytes and differs from the original", content.len());
    let verified = number(got, "verified_bytes")?;
    ensure!(verified == wanted.len() as u64, "{verified} of {} bytes were checked and booked", wanted.len());
    Ok(path.to_owned())
}
