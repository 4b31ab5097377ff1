//! The order of the story. What happens in each step is told by the acts: publishing, finding, downloading, judging,
//! returning.

use super::cli::Answer;
use super::material::FILM;
use super::report::{Open, Report};
use super::world::{DHT_NODES, World, people};
use anyhow::{Context, Result};
use std::time::Duration;

/// Longest wait for something to cross the network.
pub const ARRIVAL_MAX: Duration = Duration::from_secs(60);

/// The story so far.
pub struct Story {
    /// Who is there.
    pub world: World,
    /// Infohash of the curator's clip.
    pub film: Option<String>,
    /// Infohash of the spammer's.
    pub fake: Option<String>,
    /// Infohash of the long file.
    pub pattern: Option<String>,
    /// The highest sequence number that the newcomer was told.
    pub last_seq: Option<u64>,
}

impl Story {
    /// Before it begins.
    pub fn new(world: World) -> Self {
        Self { world, film: None, fake: None, pattern: None, last_seq: None }
    }

    /// All of it.
    pub async fn tell(&mut self, report: &mut Report) {
        self.tell_of_finding(report).await;
        self.tell_of_downloading(report).await;
        self.tell_of_judging(report).await;
        self.tell_of_returning(report).await;
    }

    async fn tell_of_finding(&mut self, report: &mut Report) {
        report.step("dht", &format!("A Mainline DHT of {DHT_NODES} real nodes"), self.start_dht()).await;
        report.step("publish", "A curator publishes a film clip", self.curator_publishes()).await;
        report
            .step("ignorance", "A newcomer knows nobody, and is shown nothing to trust", self.newcomer_arrives())
            .await;
        report.step("spam", "A spammer publishes a fake of the same film", self.spammer_publishes()).await;
        report.step("follow", "The newcomer follows the curator by a pasted forum post", self.newcomer_follows()).await;
        report.step("show", "Now the curator's release is first and trusted", self.curator_is_trusted()).await;
    }

    async fn tell_of_downloading(&mut self, report: &mut Report) {
        report.step("get", "The newcomer downloads it, knowing only the infohash", self.newcomer_downloads()).await;
        report.step("ledger", "Its ledger books the checked bytes to the curator", self.bytes_are_booked()).await;
        report.step("why", "It can be asked why", self.scores_are_explained()).await;
        report.step("two-seeders", "A guest downloads from two: one named, one not", self.guest_downloads()).await;
        report.step("late-seeder", "A download begins before there is a seeder", self.seeder_comes_late()).await;
    }

    async fn tell_of_judging(&mut self, report: &mut Report) {
        report.step("attest", "The newcomer vouches for the curator", self.newcomer_attests()).await;
        report.step("get-fake", "It looks at the fake, which must be asked for twice", self.fake_is_fetched()).await;
        report.step("verdict", "It judges the fake: its bytes count for nobody", self.fake_is_judged()).await;
    }

    async fn tell_of_returning(&mut self, report: &mut Report) {
        report
            .step("kill", "kill -9 for every node, and a new, empty DHT; all come back", self.everybody_is_killed())
            .await;
        report.step("memory", "Nothing was forgotten, no sequence number is used twice", self.nothing_is_lost()).await;
        report
            .step("re-put", "A stranger finds the curator's listing on the new DHT", self.listing_is_put_again())
            .await;
        report.step("re-seed", "And downloads what was seeded before", self.film_is_seeded_again()).await;
    }

    async fn start_dht(&mut self) -> Result<String> {
        let bootstrap = self.world.fresh_dht().await?;
        Ok(format!("{DHT_NODES} nodes know each other; others join by {}", bootstrap.join(" or ")))
    }

    /// Infohash of the curator's clip, if it was published.
    pub fn film(&self) -> Result<String> {
        self.film.clone().context("not tried, since the clip was not published")
    }

    /// Infohash of the fake, if it was published.
    pub fn fake(&self) -> Result<String> {
        self.fake.clone().context("not tried, since the fake was not published")
    }

    /// Whom to leave up at the end, if they are there.
    pub async fn left_open(&self) -> Option<Open> {
        let newcomer = self.world.node(people::NEWCOMER).ok()?;
        let curator = self.world.node(people::CURATOR).ok()?;
        let home = |node: &super::node::Node| node.home().display().to_string();
        let program = self.world.program().display();
        let command = |node, rest: &str| format!("{program} --home {} {rest}", home(node));
        let commands = vec![
            command(newcomer, &format!("show {FILM}")),
            command(newcomer, &format!("why {}", self.film.as_deref().unwrap_or(FILM))),
            command(newcomer, "ledger"),
            command(curator, "curator card"),
            command(newcomer, "open"),
        ];
        // The page can be had later too, by `heirloom open`.
        let link = newcomer.cli.quietly(&["open", "--print"]).await.and_then(Answer::ok).ok();
        let page = link.and_then(|link| link["url"].as_str().map(str::to_owned));
        let homes = [newcomer, curator].iter().map(|node| (node.name().to_owned(), home(node))).collect();
        Some(Open { http: newcomer.http(), page, homes, commands })
    }
}
