//! Fourth act: asking why, and judging.

use super::answers::{ledger, number, releases, short, text};
use super::downloading::check_content;
use super::finding::check_order;
use super::material::{self, CLIP, FILM};
use super::say::grouped;
use super::story::{ARRIVAL_MAX, Story};
use super::wait::wait_for;
use super::world::people;
use anyhow::{Result, ensure};
use serde_json::Value;

impl Story {
    pub(super) async fn scores_are_explained(&mut self) -> Result<String> {
        let film = self.film()?;
        let newcomer = self.world.node(people::NEWCOMER)?;
        let curator = &self.world.node(people::CURATOR)?.key;
        let of_key = newcomer.cli.run(&["why", curator]).await?.ok()?;
        check_why(&of_key)?;
        let of_release = newcomer.cli.run(&["why", &film]).await?.ok()?;
        check_why(&of_release)?;
        Ok(format!(
            "the curator is {} by the follow and {} bytes: {}",
            text(&of_key, "band")?,
            grouped(CLIP.len() as u64),
            text(&of_key, "arithmetic")?
        ))
    }

    pub(super) async fn newcomer_attests(&mut self) -> Result<String> {
        let curator = self.world.node(people::CURATOR)?.key.clone();
        let seq = self.attest(&curator, "high", "has what it says, and stays to seed").await?;
        Ok(format!("a signed attestation with sequence number {seq}"))
    }

    /// The newcomer signs an attestation. Its sequence number is higher than any before.
    pub(super) async fn attest(&mut self, subject: &str, level: &str, reason: &str) -> Result<u64> {
        let newcomer = self.world.node(people::NEWCOMER)?;
        let signed = newcomer.cli.run(&["attest", subject, "--level", level, "--reason", reason]).await?.ok()?;
        let seq = number(&signed, "seq")?;
        ensure!(self.last_seq < Some(seq), "sequence number {seq} does not go on from {:?}", self.last_seq);
        self.last_seq = Some(seq);
        Ok(seq)
    }

    pub(super) async fn fake_is_fetched(&mut self) -> Result<String> {
        let fake = self.fake()?;
        let (newcomer, spammer) = (self.world.node(people::NEWCOMER)?, self.world.node(people::SPAMMER)?);
        let got = newcomer.cli.run(&["get", &fake, "--anyway", "--wait"]).await?.ok()?;
        check_content(&got, &material::fake())?;
        let rows = ledger(&newcomer.cli.run(&["ledger"]).await?.ok()?)?;
        let booked: u64 = rows.iter().filter(|row| row.key.as_ref() == Some(&spammer.key)).map(|row| row.bytes).sum();
        ensure!(booked == CLIP.len() as u64, "{booked} bytes are booked to the spammer: {rows:?}");
        Ok(format!("the spammer uploads gladly: {} bytes, booked to key …{}", grouped(booked), short(&spammer.key)))
    }

    pub(super) async fn fake_is_judged(&mut self) -> Result<String> {
        let (film, fake) = (self.film()?, self.fake()?);
        let newcomer = self.world.node(people::NEWCOMER)?;
        let spammer = self.world.node(people::SPAMMER)?.key.clone();
        let signed = newcomer.cli.run(&["verdict", &fake, "fake", "--note", "noise, not a film"]).await?.ok()?;
        let seq = number(&signed, "seq")?;
        let shown = wait_for("the fake to be distrusted", ARRIVAL_MAX, async || {
            let shown = releases(&newcomer.cli.quietly(&["show", FILM]).await?.ok()?)?;
            let is_out = shown.iter().any(|r| r.infohash == fake && r.band == "distrusted");
            Ok(if is_out { Ok(shown) } else { Err(super::answers::in_words(&shown)) })
        })
        .await?;
        check_order(&shown, &film, &fake)?;
        let rows = ledger(&newcomer.cli.run(&["ledger"]).await?.ok()?)?;
        ensure!(rows.iter().all(|row| row.key.as_ref() != Some(&spammer)), "the spammer's bytes still count: {rows:?}");
        let refused = newcomer.cli.run(&["get", &fake]).await?.exits(4)?;
        let message = refused["error"]["message"].as_str().unwrap_or("without a word").to_owned();
        self.last_seq = self.last_seq.max(Some(seq));
        Ok(format!("{}; its bytes count for nobody; `get` refuses: {message}", super::answers::in_words(&shown)))
    }
}

/// The reasons hold the follow and the bytes that were received.
fn check_why(why: &Value) -> Result<()> {
    let because = why["because"].as_array().map(Vec::as_slice).unwrap_or_default();
    let reasons = format!("{} {}", why["because"], why["arithmetic"]);
    ensure!(
        because.iter().any(|reason| reason["kind"] == "follow") || reasons.contains("follow"),
        "no follow in {why}"
    );
    ensure!(reasons.contains(&CLIP.len().to_string()), "the {} bytes are not in {why}", CLIP.len());
    Ok(())
}
