//! The words about what is read before it is published.

pub(in crate::page) const READING_NOW: &str = "Being read";
pub(in crate::page) const READING_HINT: &str =
    "All of it is read once, and signed after that. It goes on when you leave this page.";
pub(in crate::page) const READ_SPOKEN: &str = "Nothing is being read any longer";

pub(in crate::page) fn read_of(source: &str) -> String {
    format!("Read of {source}")
}

pub(in crate::page) fn read_so_far(bytes: &str, total: &str) -> String {
    format!("{bytes} of {total}")
}
