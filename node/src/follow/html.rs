//! What a page says: the text that a reader sees, the links that lead to curators, and the page's own `<link>`.

use heirloom_proto::text::is_link;
use html5gum::{StartTag, Token, Tokenizer};

/// A page, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Text that is shown, then each address that leads to a curator on a line of its own.
    pub text: String,
    /// Where its `<link rel="alternate" type="application/heirloom+json">` leads, in order.
    pub alternates: Vec<String>,
}

/// Most alternate links of a page that are read: a page has one, or one in each language.
const ALTERNATES_MAX: usize = 3;

/// Elements whose text is not shown.
const HIDDEN: [&[u8]; 4] = [b"script", b"style", b"template", b"title"];
/// Elements that stand inside a word.
const INSIDE_WORDS: [&[u8]; 10] = [b"wbr", b"b", b"i", b"u", b"em", b"strong", b"span", b"code", b"font", b"mark"];

/// Whether a text is a whole page, and not text in which a `<` happens to stand.
pub fn is_page(text: &str) -> bool {
    let start: String = text.trim_start_matches('\u{feff}').trim_start().chars().take(14).collect();
    let start = start.to_ascii_lowercase();
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| start.starts_with(tag))
}

/// Reads a page.
pub fn text_of(source: &str) -> Page {
    let mut page = Page::default();
    let mut links = String::new();
    // How many of each hiding element are open: counted, not stacked, so that a page of nothing else is read as fast.
    let mut open = [0_u32; HIDDEN.len()];
    for token in Tokenizer::new(source) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                if !INSIDE_WORDS.contains(&&**tag.name) {
                    page.text.push('\n');
                }
                if let Some(at) = hides(&tag.name) {
                    open[at] = open[at].saturating_add(1);
                }
                if let Some(address) = curators_address(&tag) {
                    links.push_str(&address);
                    links.push('\n');
                }
                if page.alternates.len() < ALTERNATES_MAX
                    && let Some(address) = alternate(&tag)
                {
                    page.alternates.push(address);
                }
            }
            Token::EndTag(tag) => {
                if !INSIDE_WORDS.contains(&&**tag.name) {
                    page.text.push('\n');
                }
                if let Some(at) = hides(&tag.name) {
                    open[at] = open[at].saturating_sub(1);
                }
            }
            Token::String(text) if open == [0; HIDDEN.len()] => page.text.push_str(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    page.text.push('\n');
    page.text.push_str(&links);
    page
}

/// Which of [`HIDDEN`] an element is.
fn hides(name: &[u8]) -> Option<usize> {
    HIDDEN.iter().position(|hidden| *hidden == name)
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    let value = tag.attributes.iter().find(|(key, _)| ***key == *name)?.1;
    Some(String::from_utf8_lossy(value).trim().to_owned())
}

/// Where an `<a>` leads, if it leads to a curator.
fn curators_address(tag: &StartTag<()>) -> Option<String> {
    let address = if **tag.name == *b"a" { attribute(tag, b"href") } else { None }?;
    (is_link(&address) || address.starts_with("did:key:")).then_some(address)
}

fn alternate(tag: &StartTag<()>) -> Option<String> {
    if **tag.name != *b"link" {
        return None;
    }
    let relation = attribute(tag, b"rel")?.to_ascii_lowercase();
    let kind = attribute(tag, b"type")?.to_ascii_lowercase();
    let is_ours = relation.split_whitespace().any(|word| word == "alternate")
        && kind.split(';').next().map(str::trim) == Some("application/heirloom+json");
    if is_ours { attribute(tag, b"href") } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternate_links_are_found_in_any_order_of_their_attributes() {
        let page = text_of(
            "<!doctype html><head><link rel=stylesheet href=x.css>\
             <LINK HREF='/h.json?a=1&amp;b=2' TYPE=\"Application/Heirloom+JSON; charset=utf-8\" rel='me Alternate'>\
             <!-- <link rel=alternate type=application/heirloom+json href=/no.json> -->\
             <link rel=alternate type=application/rss+xml href=/feed>",
        );
        assert_eq!(page.alternates, ["/h.json?a=1&b=2"]);
    }

    #[test]
    fn any_bytes_are_read_and_hidden_elements_end_where_they_end() {
        assert_eq!(text_of("<template>a<template>b</template>c</template>d</title>e").text.trim(), "d\ne");
        // A stack of these would be searched from end to end for each.
        let many = format!("{}{}x", "<template>".repeat(100_000), "</title>".repeat(100_000));
        assert_eq!(text_of(&many).text.trim(), "");
        for odd in ["<", "<a href", "<!--", "&#x110000;&#0;", "<script>", "</", "<a href=heirloom:\u{0}>"] {
            text_of(odd);
        }
    }

    #[test]
    fn a_page_is_known_by_its_beginning() {
        for text in ["<!DOCTYPE html>x", "\u{feff}\n <HTML lang=en>", "<body>"] {
            assert!(is_page(text), "{text}");
        }
        for text in ["", "did:key:z6Mk <html>", "a < b", "<did:key:z6Mk>"] {
            assert!(!is_page(text), "{text}");
        }
    }
}
