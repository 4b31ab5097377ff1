//! Reading what clients answer: any JSON at all may come, and what is no figure is none.

use serde_json::Value;

/// Longest client name that is read: ours has some 65 characters.
const NAME_CHARS_MAX: usize = 120;

/// A number of bytes. What is below zero is a client's way of saying that it does not know.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value.as_u64() {
        Some(number) => Some(number),
        None if value.as_i64().is_some() => Some(0),
        None => value.as_f64().filter(|number| number.is_finite()).map(whole),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as casts of floats saturate, which is meant"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

/// The same of a field, or none.
pub(super) fn field(value: &Value, name: &str) -> Option<u64> {
    number(value.get(name)?)
}

/// The same, zero where it is missing.
pub(super) fn or_zero(value: &Value, name: &str) -> u64 {
    field(value, name).unwrap_or(0)
}

/// The name of a client, cut to a length that no honest one has.
pub(super) fn client_name(value: &Value) -> Option<String> {
    let name = value.as_str()?.trim();
    (!name.is_empty()).then(|| name.chars().take(NAME_CHARS_MAX).collect())
}

/// Text that is not empty, tidied for people.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = super::shown(value.as_str()?.trim());
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_stands_for_a_number_is_one_or_none() {
        for (value, wanted) in [
            (json!(5), Some(5)),
            (json!(-1), Some(0)),
            (json!(1.9e3), Some(1900)),
            (json!(1e300), Some(u64::MAX)),
            (json!(-3.5), Some(0)),
            (json!(u64::MAX), Some(u64::MAX)),
            (json!("5"), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(number(&value), wanted, "{value}");
        }
    }

    #[test]
    fn names_are_cut_and_empty_ones_are_none() {
        assert_eq!(client_name(&json!(" ")), None);
        assert_eq!(client_name(&json!(7)), None);
        assert_eq!(client_name(&json!("x".repeat(10_000))).map(|name| name.len()), Some(NAME_CHARS_MAX));
    }
}
