//! OPML, as feed readers write it: whom its outlines name. What it includes from elsewhere is not fetched.
//!
//! What it must not know: who is followed, and what following would change.

use quick_xml::XmlVersion;
use quick_xml::events::Event;
use quick_xml::reader::Reader;
use std::fmt::Write as _;

/// Deepest nesting of outlines: folders of a reader are two or three deep.
const DEPTH_MAX: usize = 64;
/// Most outlines that are read: ten times what a long list of subscriptions has.
const OUTLINES_MAX: usize = 10_000;

/// Whether a text is OPML.
pub(super) fn is_opml(text: &str) -> bool {
    let start: String = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).chars().take(4_000).collect();
    let lower = start.to_ascii_lowercase();
    (lower.starts_with("<?xml") || lower.starts_with("<opml")) && lower.contains("<opml")
}

/// What its outlines say, one value a line, without the escapes of XML: keys and links stand there as in any text. What is
/// damaged ends it; what stood before counts.
pub(super) fn text_of(text: &str) -> String {
    let mut reader = Reader::from_str(text);
    let (mut out, mut depth, mut outlines) = (String::new(), 0_usize, 0_usize);
    loop {
        let (start, is_open) = match reader.read_event() {
            Ok(Event::Start(start)) => (start, true),
            Ok(Event::Empty(start)) => (start, false),
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Ok(Event::Eof) | Err(_) => return out,
            Ok(_) => continue,
        };
        depth += usize::from(is_open);
        let name = start.local_name();
        if depth > DEPTH_MAX || outlines >= OUTLINES_MAX {
            return out;
        }
        if !name.as_ref().eq_ignore_ascii_case(b"outline") {
            continue;
        }
        outlines += 1;
        let values: Vec<(Vec<u8>, String)> = start
            .attributes()
            .filter_map(Result::ok)
            .filter_map(|attribute| {
                let name = attribute.key.local_name().as_ref().to_ascii_lowercase();
                Some((name, attribute.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned()))
            })
            .collect();
        // The link knows the name too; the bare key is read where there is no link.
        let is = |wanted: &'static str| values.iter().find(|(name, _)| name == wanted.as_bytes());
        let link = [is("xmlurl"), is("htmlurl"), is("url")]
            .into_iter()
            .flatten()
            .find(|(_, value)| value.starts_with("heirloom:"));
        if let Some((_, value)) = link.or_else(|| is("key")) {
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outlines_are_read_however_they_are_written() {
        let key = "did:key:z6MkExample";
        let text = format!(
            "\u{feff}<?xml version=\"1.0\"?>\n<OPML version='2.0' xmlns:heirloom='x'><body><outline text='Folder'>\
             <outline TEXT='A' xmlURL='heirloom:{key}?name=A%20B&amp;x=1'/>\
             <outline text='B' type='link' url='https://elsewhere.example/more.opml'/>\
             <outline text='C' xmlUrl='https://feeds.example/rss' heirloom:key='{key}'/></outline></body></OPML>"
        );
        assert!(is_opml(&text) && !is_opml("<rss><opml/></rss>") && !is_opml("about <opml>"));
        assert_eq!(text_of(&text), format!("heirloom:{key}?name=A%20B&x=1\n{key}\n"));
    }

    #[test]
    fn damaged_and_endless_ones_end() {
        assert_eq!(text_of("<opml><body><outline key='a'/><outline"), "a\n");
        assert_eq!(text_of(&format!("<opml>{}<outline key='a'/>", "<outline>".repeat(DEPTH_MAX))), "");
        let long = format!("<opml>{}</opml>", "<outline key='a'/>".repeat(OUTLINES_MAX + 5));
        assert_eq!(text_of(&long).lines().count(), OUTLINES_MAX);
    }
}
