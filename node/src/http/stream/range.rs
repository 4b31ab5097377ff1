//! What part of a file a player asks for (RFC 9110 §14).
//!
//! One rule: one range of bytes that the file has is answered with 206. Whatever else stands behind `bytes=` is answered
//! with 416 and the size: beyond the end, reversed, several, not a number. Another unit is as if nothing was said.

/// Bytes from the first to the last, both counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Span {
    /// How many.
    pub(super) fn bytes(self) -> u64 {
        self.last - self.first + 1
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The whole file.
    Whole,
    /// A part of it.
    Part(Span),
    /// Something that it does not have.
    Nothing,
}

/// Reads `Range` headers for a file of `size` bytes. More than one header is as if nothing was good.
pub(super) fn wanted<'a>(mut headers: impl Iterator<Item = &'a [u8]>, size: u64) -> Wanted {
    let Some(header) = headers.next() else { return Wanted::Whole };
    let Some((unit, ranges)) = std::str::from_utf8(header).ok().and_then(|text| text.split_once('=')) else {
        return Wanted::Nothing;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let span = if headers.next().is_none() { span(ranges.trim(), size) } else { None };
    span.map_or(Wanted::Nothing, Wanted::Part)
}

fn span(text: &str, size: u64) -> Option<Span> {
    let (first, last) = text.split_once('-')?;
    let end = size.checked_sub(1)?;
    let span = match (first.trim(), last.trim()) {
        ("", last) => {
            let bytes = number(last).filter(|bytes| *bytes > 0)?;
            Span { first: size.saturating_sub(bytes), last: end }
        }
        (first, "") => Span { first: number(first)?, last: end },
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return None;
            }
            Span { first, last: last.min(end) }
        }
    };
    (span.first <= end).then_some(span)
}

/// Digits only: `parse` would take a sign. What does not fit into 64 bits lies beyond every end.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, size: u64) -> Wanted {
        wanted(std::iter::once(text.as_bytes()), size)
    }

    fn part(first: u64, last: u64) -> Wanted {
        Wanted::Part(Span { first, last })
    }

    #[test]
    fn one_range_that_is_there_is_given() {
        assert_eq!(wanted(std::iter::empty(), 100), Wanted::Whole);
        for (text, span) in [
            ("bytes=0-", (0, 99)),
            ("bytes=0-0", (0, 0)),
            ("bytes=40-49", (40, 49)),
            ("bytes=99-", (99, 99)),
            ("bytes=40-4000", (40, 99)),
            ("bytes=-10", (90, 99)),
            ("bytes=-4000", (0, 99)),
            ("Bytes = 1 - 2", (1, 2)),
            ("bytes=1-99999999999999999999999999", (1, 99)),
        ] {
            assert_eq!(of(text, 100), part(span.0, span.1), "{text}");
        }
        assert_eq!(of("lines=1-2", 100), Wanted::Whole, "another unit is ignored");
    }

    #[test]
    fn everything_else_is_refused_with_one_answer() {
        for text in [
            "bytes=100-",
            "bytes=100-200",
            "bytes=9-5",
            "bytes=-0",
            "bytes=-",
            "bytes=",
            "bytes",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=--1",
            "bytes=0-1,5-6",
            "bytes=0-1,",
            "bytes=99999999999999999999-",
            "",
        ] {
            assert_eq!(of(text, 100), Wanted::Nothing, "{text}");
        }
        let two = [b"bytes=0-1".as_slice(), b"bytes=0-1".as_slice()];
        assert_eq!(wanted(two.into_iter(), 100), Wanted::Nothing);
        assert_eq!(of("bytes=0-", 0), Wanted::Nothing, "an empty file has no bytes");
    }

    proptest::proptest! {
        #[test]
        fn no_text_leads_out_of_the_file(text in "(bytes=)?[0-9, -]{0,40}", size in 0..u64::MAX) {
            if let Wanted::Part(span) = of(&text, size) {
                proptest::prop_assert!(span.first <= span.last && span.last < size);
            }
        }
    }
}
