//! XML that any parser takes, whatever titles hold.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// A document that is being written. Writing into memory cannot fail.
pub(super) struct Xml(Writer<Vec<u8>>);

impl Xml {
    pub(super) fn new() -> Self {
        let mut xml = Self(Writer::new(Vec::new()));
        xml.put(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        xml
    }

    fn put(&mut self, event: Event<'_>) {
        // Into memory.
        let _ = self.0.write_event(event);
    }

    fn start<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
        let mut start = BytesStart::new(name);
        for (name, value) in attributes {
            start.push_attribute((*name, clean(value).as_str()));
        }
        start
    }

    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.put(Event::Start(Self::start(name, attributes)));
    }

    pub(super) fn close(&mut self, name: &str) {
        self.put(Event::End(BytesEnd::new(name)));
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.put(Event::Empty(Self::start(name, attributes)));
    }

    /// An element of text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.text_with(name, &[], text);
    }

    pub(super) fn text_with(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        self.put(Event::Text(BytesText::new(&clean(text))));
        self.close(name);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0.into_inner()
    }
}

/// Text without what XML 1.0 cannot hold (its production 2, `Char`), and without what turns the text around it.
pub(super) fn clean(text: &str) -> String {
    let is_legal = |c: char| {
        let is_char = matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
        is_char && !matches!(c, '\u{7f}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|c| is_legal(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quick_xml::Reader;

    #[test]
    fn whatever_a_title_holds_can_be_read_again() {
        for title in [
            "a\0b\u{1}\u{b}\u{1f}\u{7f}\u{85}",
            "</title><script>&amp;\"'",
            "]]> <![CDATA[ <!-- --> <?x?>",
            "\u{202e}gpj.exe\u{2066}\u{fffe}\u{ffff}",
            "ünïcode 🎬",
        ] {
            let mut xml = Xml::new();
            xml.open("item", &[("name", title)]);
            xml.text("title", title);
            xml.close("item");
            let text = String::from_utf8(xml.finish()).expect("UTF-8");
            let mut reader = Reader::from_str(&text);
            let (mut said, mut inside) = (String::new(), Vec::new());
            loop {
                match reader.read_event().expect("well-formed") {
                    Event::Eof => break,
                    Event::Start(start) => inside.push(start.name().as_ref().to_vec()),
                    Event::Text(text) => said.push_str(&text.decode().expect("text")),
                    Event::GeneralRef(name) => said.push_str(&format!("&{};", name.decode().expect("name"))),
                    _ => {}
                }
            }
            assert_eq!(inside, [b"item".to_vec(), b"title".to_vec()], "{text}");
            let said = quick_xml::escape::unescape(&said).expect("escaped").into_owned();
            assert_eq!(said, clean(title));
        }
    }
}
