//! Numbers as typed: within a range, or one sentence that says which.

use std::fmt::Display;

/// Most rows of a list that may be asked for at once.
pub(super) const LIST_MAX: u64 = 100_000;
/// Longest time that a command waits, in seconds: a day.
pub(super) const WAIT_MAX: u64 = 86_400;
/// Highest season and episode; daily shows count their days, and long ones have tens of thousands.
pub(super) const EPISODE_MAX: u64 = 100_000;

/// Reads whole numbers of a range.
pub(super) fn whole<T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.trim().parse::<u64>().ok().filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| wanted("a whole number", least, most))
    }
}

/// Reads numbers that may have a fraction; their range is judged together with the others.
pub(super) fn fraction(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| "write a number, such as 0.25".to_owned())
}

fn wanted(what: &str, least: impl Display, most: impl Display) -> String {
    format!("write {what} from {least} to {most}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::{ArgAction, CommandFactory as _};

    #[test]
    fn what_is_no_number_of_the_range_is_told_the_range() {
        let read = whole::<usize>(1, 1000);
        assert_eq!((read("1"), read("1000"), read(" 20 ")), (Ok(1), Ok(1000), Ok(20)));
        for text in ["0", "1001", "-1", "", "ten", "1.5", "0x10", "99999999999999999999999", "NaN", "１"] {
            assert_eq!(read(text), Err("write a whole number from 1 to 1000".to_owned()), "{text}");
        }
        assert_eq!((fraction("0.25"), fraction("-1")), (Ok(0.25), Ok(-1.0)));
        for text in ["NaN", "inf", "-inf", "1e999", "", "half"] {
            assert!(fraction(text).is_err(), "{text}");
        }
    }

    /// Every option that takes a number reads it here, and takes one with a minus so that it is told what is wrong.
    #[test]
    fn every_number_of_the_command_line_is_refused_with_one_sentence() {
        let mut checked = 0;
        let mut commands = vec![(Cli::command(), Vec::new())];
        while let Some((command, path)) = commands.pop() {
            for below in command.get_subcommands() {
                let path = [path.clone(), vec![below.get_name().to_owned()]].concat();
                commands.push((below.clone(), path));
            }
            for option in command.get_arguments().filter(|option| matches!(option.get_action(), ArgAction::Set)) {
                let Some(name) = option.get_long().filter(|_| is_number(option)) else { continue };
                for value in ["-1.5e", "many", "1e999", "NaN"] {
                    let line = ["heirloom".to_owned()].into_iter().chain(path.clone());
                    let line = line.chain([format!("--{name}={value}")]);
                    let error = Cli::command().try_get_matches_from(line).expect_err(name);
                    assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation, "--{name}={value}: {error}");
                    let said = crate::cli::one_sentence(&error);
                    assert!(said.contains("write a") && !said.contains('\n'), "--{name}={value}: {said}");
                }
                assert!(option.is_allow_negative_numbers_set(), "--{name} -1 is told what is wrong with it");
                checked += 1;
            }
        }
        assert!(checked >= 15, "{checked} numbers were found");
    }

    /// By the type that it is read into.
    fn is_number(option: &clap::Arg) -> bool {
        let of = option.get_value_parser().type_id();
        [
            clap::builder::ValueParser::new(whole::<u16>(0, 0)).type_id(),
            clap::builder::ValueParser::new(whole::<u32>(0, 0)).type_id(),
            clap::builder::ValueParser::new(whole::<u64>(0, 0)).type_id(),
            clap::builder::ValueParser::new(whole::<usize>(0, 0)).type_id(),
            clap::builder::ValueParser::new(fraction).type_id(),
        ]
        .contains(&of)
    }
}
