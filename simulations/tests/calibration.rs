//! What the simulator says of the scenario that five real nodes play too is what is committed for them.
//! `HEIRLOOM_UPDATE=1` writes it anew.

use heirloom_sim::calibration::outcome;
use std::path::PathBuf;

#[test]
fn the_committed_outcome_is_what_the_simulator_says() {
    let path = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo")).join("calibration.json");
    let said = outcome(1).unwrap_or_else(|failure| panic!("{failure}"));
    if std::env::var_os("HEIRLOOM_UPDATE").is_some() {
        std::fs::write(&path, format!("{said:#}\n")).expect("it can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("calibration.json");
    assert_eq!(committed, format!("{said:#}\n"), "set HEIRLOOM_UPDATE=1 to write it anew");
    for seed in 2..5 {
        assert_eq!(outcome(seed).unwrap_or_else(|failure| panic!("{failure}")), said, "chance decides nothing in it");
    }
}
