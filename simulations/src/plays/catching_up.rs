//! Somebody who comes late, with peers that lie: [`CatchUp`].

use super::{Play, float, share};
use crate::catching_up::CatchUp;
use crate::dice::Dice;
use crate::faults::Faults;
use crate::report::Outcome;
use crate::settings::{Figure, Parameter, Settings, figure, number};
use crate::world::Failure;

/// The play.
pub static PLAY: Play = Play {
    name: "catching_up",
    about: "curators speak, hours pass, somebody joins among liars and must get all of it from two honest peers",
    parameters: &PARAMETERS,
    figures: &FIGURES,
    check: |_| Ok(()),
    run,
};

static PARAMETERS: [Parameter; 5] = [
    number("curators", 3, (1, 100), "people who speak"),
    number("statements", 20, (2, 190), "what each of them says"),
    number("readers", 3, (2, 100), "honest people who follow them; two are peers of the late one"),
    number("liars", 2, (0, 100), "peers of the late one that lie, each in its own way"),
    number("stormy", 0, (0, 1), "bad weather drawn from the seed while they speak and while the late one catches up"),
];

static FIGURES: [Figure; 6] = [
    figure("whole_after_s", "s", "from the late one's start until every log was whole"),
    figure("pulled", "", "statements that it pulled"),
    figure("sync_bytes", "B", "its sync, both ways, frames and all"),
    figure("bytes_per_statement", "B", "of it for each statement of curators that it came to hold"),
    figure("omissions_seen", "", "omissions that it noticed"),
    figure("crashes", "", "processes that ended against their will"),
];

fn run(settings: &Settings) -> Result<Outcome, Failure> {
    let mut dice = Dice::of(settings.seed ^ 0xca7c_4095);
    let mut weather = Faults::draw(&mut dice);
    // Sessions of a few frames must have a chance to end; gossip alone is told the worst in `cold_start`.
    weather.loss = weather.loss.min(150);
    let run = CatchUp {
        seed: settings.seed,
        curators: settings.count("curators"),
        statements: settings.count("statements"),
        readers: settings.count("readers"),
        liars: settings.count("liars"),
        weather: (settings.get("stormy") == 1).then_some(weather),
        keeps_trace: settings.keeps_trace,
        breaks: settings.breaks,
    };
    let (caught, world) = run.run_world()?;
    let held = (settings.get("statements") + 2) * settings.get("curators");
    Ok(Outcome::of(&world)
        .with("whole_after_s", caught.took.as_secs_f64())
        .with("pulled", float(caught.pulled))
        .with("sync_bytes", float(caught.bytes))
        .with("bytes_per_statement", share(caught.bytes, held))
        .with("omissions_seen", float(caught.omitted))
        .with("crashes", float(caught.crashes)))
}
