//! Long lists, a page at a time.

use super::text;
use maud::{Markup, html};

/// Rows of a page: two screens, and quick to send.
pub(super) const ROWS: usize = 50;

/// The rows of a page, and which page it is; the last one, if there are fewer.
pub(super) fn part<T>(all: &[T], page: usize) -> (&[T], usize) {
    let page = page.clamp(1, all.len().div_ceil(ROWS).max(1));
    let from = (page - 1) * ROWS;
    (&all[from..all.len().min(from + ROWS)], page)
}

/// How many rows stand on the pages before this one.
pub(super) fn before(page: usize) -> usize {
    page.saturating_sub(1).saturating_mul(ROWS)
}

/// Where the pages around this one are; nothing where there is only one. `to` makes an address of a number.
pub(super) fn links(page: usize, count: usize, to: impl Fn(usize) -> String) -> Markup {
    let last = count.div_ceil(ROWS);
    // From beyond the end the way leads back to it.
    let page = page.clamp(1, last + 1);
    html! {
        @if last > 1 {
            nav .pages aria-label=(text::PAGES) {
                @if page > 1 { a .button rel="prev" href=(to(page - 1)) { (text::PREVIOUS) } }
                span { (text::page(page)) span .faint { " / " (last) } }
                @if page < last { a .button rel="next" href=(to(page + 1)) { (text::NEXT) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_on_one_page() {
        for count in [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS] {
            let all: Vec<usize> = (0..count).collect();
            let pages = count.div_ceil(ROWS).max(1);
            let seen: Vec<usize> = (1..=pages).flat_map(|page| part(&all, page).0.to_vec()).collect();
            assert_eq!(seen, all);
            assert_eq!(part(&all, usize::MAX).1, pages, "beyond the end is the end");
            assert_eq!(part(&all, 0).1, 1);
        }
        let html = links(2, 3 * ROWS, |page| format!("/x?page={page}")).0;
        assert!(html.contains("/x?page=1") && html.contains("/x?page=3"), "{html}");
        assert!(links(1, ROWS, |_| String::new()).0.is_empty());
        assert!(links(usize::MAX, 3 * ROWS, |page| format!("/x?page={page}")).0.contains("/x?page=3"));
        assert_eq!([0, 1, 2, 3].map(before), [0, 0, ROWS, 2 * ROWS]);
    }
}
