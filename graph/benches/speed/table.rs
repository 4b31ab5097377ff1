//! The table: one line a figure, written as soon as it is known.

use std::time::Duration;

use crate::clock::{Times, show};

/// A title with an empty line around it, and the head of a table.
pub fn section(title: &str, columns: &[&str]) {
    println!("\n### {title}\n");
    line(columns.iter().map(|column| (*column).to_owned()));
    println!("|{}", "---|".repeat(columns.len()));
}

pub fn line(cells: impl IntoIterator<Item = String>) {
    println!("| {} |", cells.into_iter().collect::<Vec<_>>().join(" | "));
}

/// A whole scoring beside ours: how many times as long its fastest run takes as our fastest.
pub fn whole(who: &str, what: &str, mut times: Times, ours: Duration) {
    let ratio = times.fastest().as_secs_f64() / ours.as_secs_f64();
    let ratio = if ratio < 9.95 { format!("{ratio:.2}") } else { format!("{ratio:.0}") };
    line([who.to_owned(), what.to_owned(), show(times.quantile(0.5)), show(times.fastest()), ratio]);
}

/// A step that is not a whole scoring.
pub fn apart(who: &str, what: &str, time: Duration) {
    line([who.to_owned(), what.to_owned(), show(time), "–".to_owned(), "–".to_owned()]);
}

/// What could not be measured, and why.
pub fn absent(who: &str, why: &str) {
    line([who.to_owned(), why.to_owned(), "–".to_owned(), "–".to_owned(), "–".to_owned()]);
}

/// Many changes.
pub fn changes(what: &str, times: &mut Times, edit: &mut Times) {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| show(times.quantile(part)));
    line([what.to_owned(), times.count().to_string(), p50, p99, max, show(edit.quantile(0.99))]);
}

/// Bytes, in all and for each of `count` things.
pub fn bytes(what: &str, total: usize, count: usize, of: &str) {
    let each = total as f64 / count as f64;
    line([what.to_owned(), format!("{:.1} MB", total as f64 / 1e6), format!("{each:.1} B per {of}")]);
}
