//! A newcomer who knows nobody, among curators and spammers: [`Story`].

use super::{Play, float};
use crate::dice::Dice;
use crate::faults::Faults;
use crate::report::Outcome;
use crate::settings::{Figure, Parameter, Settings, figure, number};
use crate::story::Story;
use crate::world::Failure;

/// The play.
pub static PLAY: Play = Play {
    name: "cold_start",
    about: "a newcomer follows a curator, finds, fetches and judges; the curator leaves for good",
    parameters: &PARAMETERS,
    figures: &FIGURES,
    check: |_| Ok(()),
    run,
};

static PARAMETERS: [Parameter; 8] = [
    number("nodes", 12, (2, 500), "people: the curator, the newcomer, then spammers and readers"),
    number("spammers", 300, (0, 1000), "of the others, who lists fakes and slanders, of a thousand"),
    number("hostile_dht", 4, (0, 24), "nodes of the DHT, of 24, that may lie"),
    number("stormy", 0, (0, 1), "bad weather drawn from the seed at first"),
    number("storm_minutes", 10, (1, 600), "how long it lasts"),
    number("newcomer_late", 1, (0, 1), "whether the newcomer's node first starts when all is old"),
    number("late_seeder", 0, (0, 1), "whether everybody else is off when the newcomer begins to fetch"),
    number("everybody_off_hours", 0, (0, 48), "how long everybody is off in between: items fade in two hours"),
];

static FIGURES: [Figure; 3] = [
    figure("first_trusted_s", "s", "from following to the first trusted release"),
    figure("crashes", "", "processes that ended against their will"),
    figure("events", "", "lines of the trace"),
];

fn run(settings: &Settings) -> Result<Outcome, Failure> {
    // Another stream than the world's own, which begins with the same seed.
    let mut dice = Dice::of(settings.seed ^ 0x0570_71e5);
    let is_stormy = settings.get("stormy") == 1;
    let story = Story {
        nodes: settings.count("nodes"),
        spammers: settings.get("spammers"),
        hostile_dht: settings.count("hostile_dht"),
        weather: is_stormy.then(|| Faults::draw(&mut dice)),
        storm: settings.time("storm_minutes"),
        is_late_seeder: settings.get("late_seeder") == 1,
        is_newcomer_late: settings.get("newcomer_late") == 1,
        everybody_off: settings.time("everybody_off_hours"),
        keeps_trace: settings.keeps_trace,
        breaks: settings.breaks,
        ..Story::calm(settings.seed)
    };
    let (summary, world) = story.run_world()?;
    Ok(Outcome::of(&world)
        .with("first_trusted_s", summary.first_trusted.as_secs_f64())
        .with("crashes", float(summary.crashes))
        .with("events", float(summary.events)))
}
