//! Publishers whom readers follow, cheats of every sort among them, and weather: first fine, then whatever a scenario
//! asks for, then fine again. When it has healed, every follower who runs must have everything.

mod cast;

use super::{Play, float, percentile, share};
use crate::checkers::healed::{self, Words};
use crate::faults::Faults;
use crate::people::honest;
use crate::report::{Line, Outcome, Plot};
use crate::settings::{Figure, Parameter, Settings, figure, number};
use crate::world::{Failure, NodeId, World};
use cast::{Cast, Sort};
use heirloom_core::command::{Command, Reply};
use heirloom_proto::Key;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// How long people pause between two turns.
const TURN: Duration = Duration::from_secs(30);
/// How often a healed world is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// What somebody who is online must have heard of by then (`security.md` §10, churn).
const IN_TIME: Duration = Duration::from_secs(600);
/// How often that is looked at.
const SAMPLE: Duration = Duration::from_secs(300);
/// Longest time that anybody's loss lasts; more is no partition but another network.
const HOURS_MAX: u64 = 72;

const FEW: (u64, u64) = (0, 1000);
const SHARE: (u64, u64) = (0, 1000);
const MS: (u64, u64) = (0, 10_000);

/// The play.
pub static PLAY: Play = Play {
    name: "circle",
    about: "publishers, readers, cheats and weather; after healing every follower who runs has everything",
    parameters: &PARAMETERS,
    figures: &FIGURES,
    check,
    run,
};

static PARAMETERS: [Parameter; 39] = [
    number("nodes", 40, (2, 20_000), "nodes with a real core, everybody together"),
    number("links", 5, (1, 20), "peers that each node looks for; about twice as many in all"),
    number("publishers", 4, (1, 1000), "honest people whose word others wait for"),
    number("follows", 3, (1, 100), "publishers that a reader follows"),
    number("statements", 20, (0, 150), "what a publisher says while the weather lasts; gossip takes 200 at once"),
    number("calm_minutes", 5, (0, 600), "fine weather at first, in which a third more is said"),
    number("storm_minutes", 20, (1, 60 * HOURS_MAX), "how long the weather lasts"),
    number("settle_minutes", 90, (1, 600), "how long a healed world may take to settle"),
    number("dht", 1, (0, 1), "whether there is a DHT; it knows no partition"),
    number("demand", 1, (0, 1), "whether nodes pull what peers asked them for in vain"),
    number("free_riders", 0, FEW, "people who seed nothing"),
    number("sybils", 0, FEW, "Sybil rings"),
    number("ring_size", 20, (1, 10_000), "keys of a ring"),
    number("slanderers", 0, FEW, "people who speak ill of publishers"),
    number("spammers", 0, FEW, "people who flood with valid statements of unknown keys"),
    number("spam_per_minute", 60, (1, 6000), "statements of a spammer in a minute"),
    number("forkers", 0, FEW, "people who use a number twice"),
    number("duplicitous", 0, FEW, "people who commit to two next keys"),
    number("bad_curators", 0, FEW, "followed people who list a fake"),
    number("skewed", 0, FEW, "honest people with a wrong clock, every other one ahead"),
    number("skew_hours", 24, (0, 24 * 365), "how wrong"),
    number("withholders", 0, FEW, "people who pass nothing on and leave things out"),
    number("latency_least_ms", 5, MS, "least time that a message takes"),
    number("latency_most_ms", 150, MS, "most time that a message usually takes"),
    number("loss", 0, SHARE, "messages that are lost, of a thousand"),
    number("duplication", 0, SHARE, "messages of gossip that come twice, of a thousand"),
    number("reordering", 0, SHARE, "messages of gossip that are overtaken, of a thousand"),
    number("corruption", 0, SHARE, "messages of gossip with a turned bit, of a thousand"),
    number("replays", 0, SHARE, "floods after which somebody repeats an old message, of a thousand"),
    number("silence", 0, SHARE, "orders to the DHT that are never answered, of a thousand"),
    number("bytes_per_s", 0, (0, 1 << 30), "what a node's line carries either way in a second; 0: anything"),
    number("kills", 0, SHARE, "inputs between whose handling and commit a process dies, of a thousand"),
    number("full_disks", 0, SHARE, "commits that find the disk full, of a thousand"),
    number("crash_period_s", 0, (0, 86_400), "mean time between two crashes of a node; 0: none"),
    number("power_cuts", 500, SHARE, "crashes that take what was not synced, of a thousand"),
    number("partition", 0, (0, 1), "whether the network lies in two halves while the weather lasts"),
    number("session_minutes", 0, (0, 10_000), "mean time for which a reader stays; 0: always"),
    number("away_minutes", 30, (1, 10_000), "mean time for which a reader is away"),
    number("spam_rest", 0, (0, 1), "whether cheats are quiet while the weather is fine at first"),
];

static FIGURES: [Figure; 23] = [
    figure("heard_share", "", "of all that followed keys stand by, what is at followers in the end"),
    figure(
        "in_time_share",
        "",
        "the same while the weather lasts, for what is ten minutes old, at who was there for ten",
    ),
    figure("converge_s", "s", "from healing until every follower had everything and equal states"),
    figure("equal_states", "", "whether equal follows came to equal states: 1 or 0"),
    figure("proofs_share", "", "followers of who contradicted itself that have a proof"),
    figure("delay_p50_s", "s", "from saying to hearing by gossip, the middle"),
    figure("delay_p99_s", "s", "the same, 99 of 100"),
    figure("calm_delay_p99_s", "s", "the same while the weather was fine"),
    figure("delay_ratio", "", "99 of 100 in the weather, by what it was when it was fine"),
    figure("copies", "", "messages of gossip received for each one taken in"),
    figure("bytes_per_node_hour", "B", "gossip and sync of a node, both ways, the mean"),
    figure("sync_share", "", "part of it that is sync"),
    figure("dht_orders_per_node_hour", "", "orders to the DHT by a node"),
    figure("crashes", "", "processes that ended against their will"),
    figure("rolled_back", "", "older statements that were offered and refused"),
    figure("evicted", "", "statements of strangers that were evicted"),
    figure("too_fast", "", "statements refused because their key pushed too fast"),
    figure("strangers_too_fast", "", "statements of unknown keys refused because a peer pushed too many such"),
    figure("conflicts", "", "statements that lost to another one with their number"),
    figure("from_the_future", "", "statements not taken because their time has not come"),
    figure("film_share", "", "of readers who wanted the film, who has it"),
    figure("fakes_hidden", "", "fakes of bad curators that who found them out no longer sees, by all of them"),
    figure("stranger_keys", "", "keys known at a reader, the most at any"),
];

fn check(settings: &Settings) -> Result<(), String> {
    let people = cast::seats(settings);
    let nodes = settings.get("nodes");
    if people > nodes {
        return Err(format!("{people} publishers, cheats and skewed people need more than nodes = {nodes}"));
    }
    if people == nodes {
        return Err(format!("nodes = {nodes} leaves nobody to read: set it to {} at least", people + 1));
    }
    if settings.get("latency_least_ms") > settings.get("latency_most_ms") {
        return Err("latency_least_ms must not be above latency_most_ms".into());
    }
    Ok(())
}

fn weather(settings: &Settings) -> Faults {
    Faults {
        loss: settings.get("loss"),
        duplication: settings.get("duplication"),
        reordering: settings.get("reordering"),
        bytes_per_s: settings.get("bytes_per_s"),
        corruption: settings.get("corruption"),
        replays: settings.get("replays"),
        silence: settings.get("silence"),
        kills_before_commit: settings.get("kills"),
        full_disks: settings.get("full_disks"),
        crash_period: settings.time("crash_period_s"),
        power_cuts: settings.get("power_cuts"),
        is_split: settings.get("partition") == 1,
        ..calm(settings)
    }
}

fn calm(settings: &Settings) -> Faults {
    let latency = (settings.time("latency_least_ms"), settings.time("latency_most_ms"));
    Faults { latency, bytes_per_s: settings.get("bytes_per_s"), ..Faults::NONE }
}

/// What is under way.
struct Run<'a> {
    settings: &'a Settings,
    world: World,
    cast: Cast,
    /// When those who come and go do so next, and since when they are there.
    comings: BTreeMap<NodeId, (Duration, Duration)>,
    /// Share heard in time, by minutes since the beginning.
    heard: Vec<(f64, f64)>,
    in_time: (u64, u64),
    next_sample: Duration,
}

fn run(settings: &Settings) -> Result<Outcome, Failure> {
    let mut run = Run::new(settings);
    run.begin()?;
    run.turns(settings.time("calm_minutes"), settings.get("spam_rest") == 0)?;
    let mut calm_delays = run.world.take_delays();
    let weathered = run.world.now();
    run.come_and_go();
    run.world.set_faults(weather(settings));
    run.turns(settings.time("storm_minutes"), true)?;
    let mut delays = run.world.take_delays();
    let hours = run.world.now().as_secs_f64() / 3600.0;
    let traffic: Vec<_> = (0..run.world.len()).map(|node| run.world.traffic(node)).collect();
    let took = run.heal()?;
    let hidden = run.find_fakes_out()?;
    run.world.audit()?;

    let counters = run.counters()?;
    let counted = |name: &str| counters.get(name).copied().unwrap_or(0.0);
    let (_, heard) = healed::followers_hear(&run.world, &run.words(None), &run.cast.followers);
    let (_, proofs) = healed::proofs_arrive(&run.world, &run.cast.followers);
    let p99 = percentile(&mut delays, 99).as_secs_f64();
    let calm_p99 = percentile(&mut calm_delays, 99).as_secs_f64();
    let per_node_hour = |total: u64| float(total) / float(traffic.len() as u64) / hours.max(1.0 / 60.0);
    let bytes: u64 = traffic.iter().map(crate::network::Traffic::bytes).sum();
    let sync: u64 = traffic.iter().map(|of| of.sync_in + of.sync_out).sum();
    let film = run.film_share();
    let mut outcome = Outcome::of(&run.world)
        .with("heard_share", share(heard.0, heard.1))
        .with("in_time_share", share(run.in_time.0, run.in_time.1))
        .with("converge_s", took.as_secs_f64())
        .with("equal_states", f64::from(healed::equal_state(&run.world, &run.cast.followers).is_ok()))
        .with("proofs_share", share(proofs.0, proofs.1))
        .with("delay_p50_s", percentile(&mut delays, 50).as_secs_f64())
        .with("delay_p99_s", p99)
        .with("calm_delay_p99_s", calm_p99)
        .with("delay_ratio", if calm_p99 > 0.0 { p99 / calm_p99 } else { 1.0 })
        .with("copies", share(traffic.iter().map(|of| of.messages_in).sum(), run.accepted()))
        .with("bytes_per_node_hour", per_node_hour(bytes))
        .with("sync_share", share(sync, bytes))
        .with("dht_orders_per_node_hour", per_node_hour(traffic.iter().map(|of| of.dht_puts + of.dht_gets).sum()))
        .with("crashes", float(run.world.crashes()))
        .with("film_share", film)
        .with("fakes_hidden", hidden);
    for (figure, counter) in [
        ("rolled_back", "rolled_back"),
        ("evicted", "evicted"),
        ("too_fast", "too_fast"),
        ("strangers_too_fast", "stranger_too_fast"),
        ("conflicts", "conflict"),
        ("from_the_future", "future"),
        ("stranger_keys", "most keys"),
    ] {
        outcome = outcome.with(figure, counted(counter));
    }
    outcome.details = json!({ "people": run.cast.counts(), "weather_from_minutes": weathered.as_secs() / 60 });
    let name = "ten minutes old, at who was there for ten".to_owned();
    outcome.plots.push(Plot {
        name: "heard",
        title: "What followers have of what followed keys said".into(),
        x: "minutes",
        y: "share",
        lines: vec![Line { name, points: run.heard }],
    });
    outcome.plots.push(distribution(delays));
    Ok(outcome)
}

/// Plays it, lets it heal for as long as it may, and compares the states of followers alone.
///
/// # Errors
/// [`Failure`] when they differ, or a property broke before.
pub fn states_after(settings: &Settings) -> Result<(), Failure> {
    let mut run = Run::new(settings);
    run.begin()?;
    run.turns(settings.time("storm_minutes"), true)?;
    run.world.boot_all();
    run.world.run_for(settings.time("settle_minutes"))?;
    let held = healed::equal_state(&run.world, &run.cast.followers);
    run.world.check(held);
    run.world.verdict()
}

/// How delays are distributed.
fn distribution(mut delays: Vec<Duration>) -> Plot {
    let points =
        (0..=100).map(|percent| (percentile(&mut delays, percent).as_secs_f64(), float(percent as u64) / 100.0));
    let lines = vec![Line { name: "heard by gossip".into(), points: points.collect() }];
    Plot { name: "delay", title: "From saying to hearing".into(), x: "seconds", y: "share", lines }
}

impl<'a> Run<'a> {
    fn new(settings: &'a Settings) -> Self {
        let mut world =
            World::linked(settings.seed, settings.count("nodes"), settings.count("links"), 0, settings.keeps_trace);
        if settings.get("dht") == 0 {
            world.without_dht();
        }
        if settings.get("demand") == 0 {
            world.without_demand();
        }
        world.set_faults(calm(settings));
        let cast = Cast::new(settings, &mut world);
        let (comings, heard) = (BTreeMap::new(), Vec::new());
        Self { settings, world, cast, comings, heard, in_time: (0, 0), next_sample: Duration::ZERO }
    }

    fn begin(&mut self) -> Result<(), Failure> {
        for node in 0..self.world.len() {
            let after = self.world.dice().between((Duration::ZERO, 2 * SECOND));
            self.world.boot_in(node, after);
        }
        self.world.run_for(10 * SECOND)?;
        for (_, person) in &mut self.cast.people {
            person.begin(&mut self.world)?;
        }
        if let Some(mutation) = self.settings.breaks {
            // A reader breaks, or whoever the property is about.
            let node = self.cast.to_break(mutation);
            self.world.mutate(node, mutation);
        }
        self.next_sample = self.world.now() + SAMPLE;
        Ok(())
    }

    /// People take turns for a while.
    fn turns(&mut self, span: Duration, cheats_act: bool) -> Result<(), Failure> {
        let end = self.world.now() + span;
        while self.world.now() < end {
            let next = (self.world.now() + TURN).min(end);
            for (sort, person) in &mut self.cast.people {
                if cheats_act || *sort == Sort::Honest {
                    person.act(&mut self.world)?;
                }
            }
            self.switch();
            let now = self.world.now();
            self.world.run_for(next.saturating_sub(now))?;
            if self.world.now() >= self.next_sample {
                self.next_sample += SAMPLE;
                self.sample();
                self.world.check_disks()?;
            }
        }
        Ok(())
    }

    /// From now on readers come and go.
    fn come_and_go(&mut self) {
        let session = self.settings.time("session_minutes");
        if session.is_zero() {
            return;
        }
        for node in self.cast.readers.clone() {
            let after = self.world.dice().between((Duration::ZERO, session * 2));
            self.comings.insert(node, (self.world.now() + after, Duration::ZERO));
        }
    }

    fn switch(&mut self) {
        let (session, away) = (self.settings.time("session_minutes"), self.settings.time("away_minutes"));
        let now = self.world.now();
        for (node, (next, since)) in self.comings.iter_mut().filter(|(_, (next, _))| *next <= now) {
            let is_up = self.world.is_up(*node);
            if is_up {
                self.world.kill(*node, false);
            } else {
                self.world.boot_in(*node, Duration::ZERO);
                *since = now;
            }
            let mean = if is_up { away } else { session };
            *next = now + self.world.dice().between((Duration::ZERO, mean * 2));
        }
    }

    /// What publishers stand by; what they have said before a time.
    fn words(&self, before: Option<Duration>) -> Words {
        let is_old = |id: &heirloom_proto::StatementId| {
            before.is_none_or(|before| self.world.truth().signed_at(id).is_some_and(|at| at <= before))
        };
        let mut words: Words = BTreeMap::new();
        for node in &self.cast.publishers {
            let key = self.world.key(*node);
            let log = healed::log(&self.world, *node, &key).into_iter().filter(is_old).collect();
            words.insert(key, log);
        }
        if before.is_none() {
            for (key, stands_by) in self.cast.forkers() {
                // A forker speaks to some of its peers alone. What only reached those who pass nothing on, nobody can hear.
                let heard: healed::Log = (0..self.world.len())
                    .filter(|node| !self.world.is_liar(*node))
                    .flat_map(|node| healed::log(&self.world, node, &key))
                    .collect();
                words.insert(key, stands_by.intersection(&heard).copied().collect());
            }
        }
        words
    }

    fn sample(&mut self) {
        let now = self.world.now();
        let words = self.words(Some(now.saturating_sub(IN_TIME)));
        let was_there = |node: &NodeId| self.comings.get(node).is_none_or(|(_, since)| *since + IN_TIME <= now);
        let there: Vec<(NodeId, Key)> =
            self.cast.followers.iter().filter(|(node, _)| was_there(node)).copied().collect();
        let (_, (heard, all)) = healed::followers_hear(&self.world, &words, &there);
        self.in_time = (self.in_time.0 + heard, self.in_time.1 + all);
        self.heard.push((now.as_secs_f64() / 60.0, share(heard, all)));
    }

    /// The weather ends, everybody is there; how long until all have everything.
    fn heal(&mut self) -> Result<Duration, Failure> {
        self.comings.clear();
        self.world.set_faults(calm(self.settings));
        self.world.boot_all();
        let began = self.world.now();
        self.world.run_for(10 * SECOND)?;
        self.cast.settle(&mut self.world);
        let end = began + self.settings.time("settle_minutes");
        loop {
            let words = self.words(None);
            let (heard, _) = healed::followers_hear(&self.world, &words, &self.cast.followers);
            let (proofs, _) = healed::proofs_arrive(&self.world, &self.cast.followers);
            let healed = proofs.and(heard);
            let healed = healed.and_then(|()| healed::equal_state(&self.world, &self.cast.followers));
            if healed.is_ok() {
                self.heard.push((self.world.now().as_secs_f64() / 60.0, 1.0));
                return Ok(self.world.now().saturating_sub(began));
            }
            if self.world.now() > end {
                self.world.check(healed);
                self.world.verdict()?;
            }
            self.world.run_for(LOOK)?;
        }
    }

    /// Every bad curator is found out by a reader.
    fn find_fakes_out(&mut self) -> Result<f64, Failure> {
        let (mut hidden, mut all) = (0, 0);
        let Some(reader) = self.cast.readers.first().copied() else { return Ok(1.0) };
        for curator in &self.cast.bad_curators {
            all += 1;
            hidden += u64::from(curator.found_out_by(&mut self.world, reader)?);
        }
        Ok(share(hidden, all))
    }

    /// Counters of all nodes added up, and the most keys that any reader knows.
    fn counters(&mut self) -> Result<BTreeMap<&'static str, f64>, Failure> {
        let mut sums: BTreeMap<&'static str, f64> = BTreeMap::new();
        for node in 0..self.world.len() {
            if let Some(Ok(Reply::Status(status))) = self.world.ask(node, Command::Status, Duration::ZERO)? {
                for (name, count) in status.counters {
                    *sums.entry(name).or_default() += float(count);
                }
                let most = sums.entry("most keys").or_default();
                *most = most.max(float(status.keys_known as u64));
            }
        }
        Ok(sums)
    }

    fn accepted(&self) -> u64 {
        self.world.truth().accepted.values().map(|of| of.len() as u64).sum()
    }

    fn film_share(&self) -> f64 {
        let wanted = self.cast.wanting.iter().filter(|node| self.world.is_up(**node));
        let (have, all) = wanted.fold((0, 0), |(have, all), node| {
            (have + u64::from(self.world.is_seeding(*node, &honest::good())), all + 1)
        });
        share(have, all)
    }
}
