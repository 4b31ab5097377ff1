//! What people type, read into what it means: years, resolutions, subjects, durations.

use data_encoding::BASE64;
use heirloom_core::command::{Command, CommandError, Subject, Target, Wanted};
use heirloom_core::views::LedgerBy;
use heirloom_graph::Band;
use heirloom_proto::key::KeyError;
use heirloom_proto::{Infohash, Key, StatementId, WorkId};
use std::str::FromStr;
use std::time::Duration;

pub(crate) fn lines(text: &str) -> Result<u32, CommandError> {
    let bad = || {
        let message = format!("{text:?} is not a resolution: write it as 1080p, 720p or 2160p, or any");
        CommandError::bad_input("bad_resolution", message)
    };
    if text == "any" { Ok(0) } else { heirloom_core::lines_of(text).ok_or_else(bad) }
}

/// `1968`, `1960-1969`, `1960-`, `-1969`.
pub(super) fn years(text: &str) -> Result<(u32, u32), CommandError> {
    let bad = || {
        let message = format!("{text:?} is not a year or range of years: write it as 1968, 1960-1969, 1960- or -1969");
        CommandError::bad_input("bad_year", message)
    };
    let year = |text: &str, open: u32| match text.trim() {
        "" => Ok(open),
        text => text.parse().ok().filter(|year| (1..=9999).contains(year)).ok_or_else(bad),
    };
    let (first, last) = match text.split_once(['-', '–']) {
        Some((first, last)) if !(first.trim().is_empty() && last.trim().is_empty()) => {
            (year(first, 1)?, year(last, 9999)?)
        }
        Some(_) => return Err(bad()),
        None => (year(text, 0)?, year(text, 0)?),
    };
    if first <= last && first > 0 { Ok((first, last)) } else { Err(bad()) }
}

/// Text in the form that statements are signed in: people type accents in several.
pub(super) fn nfc(text: String) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    text.nfc().collect()
}

pub(super) fn read<T: FromStr<Err: std::fmt::Display>>(code: &'static str, text: &str) -> Result<T, CommandError> {
    text.parse().map_err(|error: T::Err| CommandError::bad_input(code, error.to_string()))
}

/// `180d`, `12h`, `30m`, `10s`, `52w`.
pub(super) fn duration(text: &str) -> Result<Duration, CommandError> {
    let bad =
        || CommandError::bad_input("bad_time", format!("{text:?} is not a time span: write it as 180d, 12h or 52w"));
    let text = text.trim();
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(bad()),
    };
    let count: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| bad())?;
    let seconds = count.checked_mul(seconds).filter(|seconds| *seconds > 0).ok_or_else(bad)?;
    Ok(Duration::from_secs(seconds))
}

pub(super) fn is_infohash_like(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

pub(super) fn why_subject(text: &str) -> Result<Subject, CommandError> {
    let text = text.trim();
    if is_infohash_like(text) {
        return read::<Infohash>("bad_infohash", text).map(Subject::Release);
    }
    let is_meant_as_key = ["did:key:", "z6Mk", "pk:", "12D3Koo"].iter().any(|start| text.starts_with(start));
    match text.parse::<Key>() {
        Ok(key) => return Ok(Subject::Key(key)),
        Err(KeyError::NotAKey { .. }) if !is_meant_as_key => {}
        Err(error) => return Err(CommandError::bad_input("bad_key", error.to_string())),
    }
    text.parse::<WorkId>().map(Subject::Work).map_err(|error| {
        let what = "neither a key, nor 40 hexadecimal digits of an infohash, nor the id of a work";
        CommandError::bad_input("bad_subject", format!("{text:?} is {what} ({error})"))
    })
}

pub(super) fn wanted(text: &str) -> Result<Wanted, CommandError> {
    if is_infohash_like(text.trim()) {
        return read::<Infohash>("bad_infohash", text).map(Wanted::Release);
    }
    text.parse::<WorkId>().map(Wanted::Work).map_err(|error| {
        let what = "neither 40 hexadecimal digits of an infohash nor the id of a work";
        CommandError::bad_input("bad_work", format!("{text:?} is {what} ({error})"))
    })
}

pub(super) fn retract_target(text: &str) -> Result<Target, CommandError> {
    if is_infohash_like(text.trim()) {
        return read::<Infohash>("bad_infohash", text).map(Target::Release);
    }
    read::<StatementId>("bad_id", text).map(Target::Statement).map_err(|_| {
        let what = "neither the 64 hexadecimal digits of a statement's id nor the 40 of an infohash";
        CommandError::bad_input("bad_id", format!("{text:?} is {what}"))
    })
}

pub(super) fn ledger_by(text: &str) -> Result<LedgerBy, CommandError> {
    match text {
        "key" => Ok(LedgerBy::Key),
        "address" => Ok(LedgerBy::Address),
        "release" => Ok(LedgerBy::Release),
        "day" => Ok(LedgerBy::Day),
        _ => Err(CommandError::bad_input(
            "bad_by",
            format!("{text:?} is not a way to add up: use key, address or release"),
        )),
    }
}

pub(super) fn worst_band(text: &str) -> Result<Band, CommandError> {
    match text {
        "trusted" => Ok(Band::Trusted),
        "vouched" => Ok(Band::Vouched),
        "earned" => Ok(Band::Earned),
        "unknown" => Ok(Band::Unknown),
        "all" => Ok(Band::Distrusted),
        _ => Err(CommandError::bad_input(
            "bad_band",
            format!("{text:?} is not a band: use trusted, vouched, earned, unknown or all"),
        )),
    }
}

/// Keys by number, so that the wrong one can be found.
pub(super) fn ring(scope: &str, keys: &[String]) -> Result<Command, CommandError> {
    let scope = read("bad_scope", scope)?;
    let parse = |(at, text): (usize, &String)| {
        let wrong = |error: KeyError| CommandError::bad_input("bad_ring", format!("key {}: {error}", at + 1));
        text.trim().parse::<Key>().map_err(wrong)
    };
    Ok(Command::Ring { scope, keys: keys.iter().enumerate().map(parse).collect::<Result<_, _>>()? })
}

pub(super) fn decoded(envelopes: &[String]) -> Result<Vec<Vec<u8>>, CommandError> {
    let wrong = |at: usize| CommandError::bad_input("bad_envelope", format!("envelope {} is not in base 64", at + 1));
    let decode = |(at, text): (usize, &String)| BASE64.decode(text.as_bytes()).map_err(|_| wrong(at));
    envelopes.iter().enumerate().map(decode).collect()
}

/// `FILE=S01E02`; the file may be given by the end of its path.
pub(super) fn mapping(text: &str) -> Result<(String, (u32, u32)), CommandError> {
    let bad = || CommandError::bad_input("bad_map", format!("{text:?} is not a mapping: write it as FILE=S01E02"));
    let (file, episode) = text.rsplit_once('=').ok_or_else(bad)?;
    let lower = episode.to_ascii_lowercase();
    let (season, number) = lower.strip_prefix('s').and_then(|rest| rest.split_once('e')).ok_or_else(bad)?;
    let season = season.parse().map_err(|_| bad())?;
    let number = number.parse().ok().filter(|n| *n > 0).ok_or_else(bad)?;
    if file.is_empty() { Err(bad()) } else { Ok((nfc(file.to_owned()), (season, number))) }
}

/// Refuses what is no address of its kind: a listing that silently left it out would surprise.
pub(super) fn check_addresses(all: &[String], what: &str, schemes: &[&str]) -> Result<(), CommandError> {
    let is_good = |address: &&String| {
        let lower = address.to_ascii_lowercase();
        address.len() <= 200
            && address.bytes().all(|byte| byte.is_ascii_graphic())
            && schemes.iter().any(|scheme| lower.starts_with(scheme))
    };
    match all.iter().find(|address| !is_good(address)) {
        None => Ok(()),
        Some(address) => {
            let shown: String = address.chars().take(80).collect();
            let message = format!(
                "{shown:?} is not the address of a {what}: it begins with {} and has at most 200 letters",
                schemes.join(" or ")
            );
            Err(CommandError::bad_input("bad_address", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_mappings_are_read_or_refused() {
        assert_eq!(duration("180d").expect("days"), Duration::from_secs(180 * 86_400));
        assert_eq!(duration("52w").expect("weeks"), Duration::from_secs(52 * 7 * 86_400));
        for text in ["", "d", "0d", "180", "-1d", "9999999999999999999d", "1y", "1ü"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(mapping("a b=c.mkv=s01E02").expect("map"), ("a b=c.mkv".into(), (1, 2)));
        for text in ["x", "=S01E01", "x=S01", "x=S01E00", "x=SE"] {
            assert!(mapping(text).is_err(), "{text}");
        }
    }

    #[test]
    fn years_and_resolutions_are_read_or_refused() {
        for (text, range) in
            [("1968", (1968, 1968)), ("1960-1969", (1960, 1969)), ("1960-", (1960, 9999)), ("-1969", (1, 1969))]
        {
            assert_eq!(years(text).expect(text), range, "{text}");
        }
        for text in ["", "-", "x", "1969-1960", "99999", "0", "1960-1970-1980", "-1e3"] {
            assert_eq!(years(text).expect_err(text).code, "bad_year", "{text}");
        }
        assert_eq!(
            (lines("720p").expect("lines"), lines("4K").expect("lines"), lines("any").expect("any")),
            (720, 2160, 0)
        );
        assert_eq!(lines("big").expect_err("no resolution").code, "bad_resolution");
    }

    #[test]
    fn why_tells_keys_releases_and_works_apart() {
        let hash = "dd8255ecdc7ca55fb0bbf81323d87062db1f6d1c";
        assert!(matches!(why_subject(hash), Ok(Subject::Release(_))));
        assert!(matches!(why_subject("imdb:tt1254207"), Ok(Subject::Work(_))));
        let key = heirloom_proto::SecretKey::from_seed(&[1; 32]).public();
        assert!(matches!(why_subject(&key.to_multibase()), Ok(Subject::Key(_))));
        assert_eq!(why_subject("did:key:z6Mkx").expect_err("bad").code, "bad_key");
        assert_eq!(why_subject("hello").expect_err("bad").code, "bad_subject");
    }
}
