//! Text of files in whatever they were saved as: UTF-8, UTF-16 as spreadsheets write it, or an older encoding of one byte a
//! letter.

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;
use std::io::{self, BufRead, Read};

/// What of a file's bytes could not be read, and stands in its place.
pub const UNREAD: char = '\u{fffd}';

/// Bytes by which an older encoding is guessed: a megabyte holds every letter that a catalogue uses.
const GUESSED_BY: usize = 1 << 20;

/// Bytes within which XML says how it was saved.
const HEAD_BYTES: usize = 200;

/// Bytes of text that are made at once.
const STEP_BYTES: usize = 16 << 10;

/// The bytes as UTF-8, and what they were read as if nothing in them says so.
///
/// A mark or a zero says UTF-16. What holds bytes beyond ASCII, and not one letter of UTF-8 among them, is of an older
/// encoding, which is guessed. Everything else stays as it is: single bytes that are wrong are told by their row.
pub fn to_utf8(bytes: &[u8]) -> (Cow<'_, [u8]>, Option<&'static str>) {
    if let Some(text) = marked(bytes) {
        return (text, None);
    }
    if !is_older(bytes) {
        return (Cow::Borrowed(bytes), None);
    }
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes.get(..GUESSED_BY).unwrap_or(bytes), true);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Deny);
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    (Cow::Owned(text.into_owned().into_bytes()), Some(encoding.name()))
}

/// What a mark or a zero says how to read, as UTF-8.
fn marked(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let read = |bytes: &[u8], of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| of([pair[0], pair[1]])).collect();
        Some(Cow::Owned(String::from_utf16_lossy(&units).into_bytes()))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => read(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => read(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => Some(Cow::Borrowed(rest)),
        // Two letters that begin so: one zero at the start is no text at all.
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => read(bytes, u16::from_le_bytes),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => read(bytes, u16::from_be_bytes),
        _ => None,
    }
}

/// Whether there are bytes beyond ASCII, and no letter of UTF-8 beyond it.
fn is_older(bytes: &[u8]) -> bool {
    let mut has_bad = false;
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_ascii() {
            return false;
        }
        has_bad |= !chunk.invalid().is_empty();
    }
    has_bad
}

/// The encoding that the beginning of a file says it has, if it is another than UTF-8: by a mark, by zeros, or in the first
/// line of XML.
pub fn declared(start: &[u8]) -> Option<&'static Encoding> {
    match start {
        [0xff, 0xfe, ..] => return Some(UTF_16LE),
        [0xfe, 0xff, ..] => return Some(UTF_16BE),
        [first, 0, ..] if *first != 0 => return Some(UTF_16LE),
        [0, second, ..] if *second != 0 => return Some(UTF_16BE),
        _ => {}
    }
    let head = start.get(..HEAD_BYTES).unwrap_or(start);
    let head = String::from_utf8_lossy(head.trim_ascii_start()).to_ascii_lowercase();
    let declaration = head.strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let name = value.get(1..)?.split_once(quote)?.0;
    // Whoever writes UTF-16 in a file of single bytes did not save it so.
    Encoding::for_label(name.as_bytes()).filter(|encoding| *encoding != UTF_8 && encoding.is_ascii_compatible())
}

/// Reads text of another encoding as UTF-8, as it comes.
pub struct Transcoded<'a> {
    input: &'a mut dyn BufRead,
    decoder: Decoder,
    text: Vec<u8>,
    at: usize,
    is_done: bool,
}

impl<'a> Transcoded<'a> {
    /// From the beginning, with a mark if there is one.
    pub fn new(input: &'a mut dyn BufRead, encoding: &'static Encoding) -> Self {
        Self { input, decoder: encoding.new_decoder(), text: Vec::new(), at: 0, is_done: false }
    }
}

impl Read for Transcoded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() && !self.is_done {
            self.at = 0;
            self.text.resize(STEP_BYTES, 0);
            let bytes = self.input.fill_buf()?;
            let is_last = bytes.is_empty();
            let (result, read, written, _) = self.decoder.decode_to_utf8(bytes, &mut self.text, is_last);
            self.input.consume(read);
            self.text.truncate(written);
            self.is_done = is_last && result == CoderResult::InputEmpty;
        }
        let left = self.text.get(self.at..).unwrap_or_default();
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

/// The note about a file that was read as something that nothing in it says.
pub fn guessed(encoding: &str) -> String {
    format!("the file is not UTF-8 and was read as {encoding}: if letters are wrong, save it as UTF-8")
}

/// The text of a file's beginning or of a line, as far as a mark says how to read it: a few letters are too little to guess by.
pub fn to_text_lossy(bytes: &[u8]) -> String {
    let text = marked(bytes).unwrap_or(Cow::Borrowed(bytes));
    String::from_utf8_lossy(&text).trim_start_matches('\u{feff}').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> (String, Option<&'static str>) {
        let (utf8, encoding) = to_utf8(bytes);
        (String::from_utf8_lossy(&utf8).into_owned(), encoding)
    }

    #[test]
    fn what_is_marked_is_read_as_it_says() {
        let le: Vec<u8> = "\u{feff}Amélie".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "\u{feff}Amélie".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&le[..], &be, &le[2..], &be[2..], b"\xef\xbb\xbfAm\xc3\xa9lie", "Amélie".as_bytes()] {
            assert_eq!(text(bytes), ("Amélie".to_owned(), None), "{bytes:?}");
        }
        assert_eq!(text(b""), (String::new(), None));
    }

    #[test]
    fn older_encodings_are_guessed_and_named() {
        let french = "title,year\nLe fabuleux destin d'Amélie Poulain,2001\nLa vérité éternelle des élèves,1999\n";
        let latin: Vec<u8> = french.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        assert_eq!(text(&latin), (french.to_owned(), Some("windows-1252")));
        let russian = "название\nБратья Карамазовы и другие рассказы\n";
        let (bytes, encoding, _) = encoding_rs::WINDOWS_1251.encode(russian);
        assert_eq!(text(&bytes), (russian.to_owned(), Some(encoding.name())));
    }

    #[test]
    fn what_declares_another_encoding_is_read_as_it_comes() {
        let xml = "<?xml version=\"1.0\" encoding='ISO-8859-1'?><rss>Amélie</rss>";
        let latin: Vec<u8> = xml.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        let le: Vec<u8> = format!("\u{feff}{xml}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [&latin, &le] {
            // One byte at a time, so that letters come in parts.
            let mut slow = io::BufReader::with_capacity(1, &bytes[..]);
            let encoding = declared(bytes).expect("another encoding");
            let mut text = String::new();
            Transcoded::new(&mut slow, encoding).read_to_string(&mut text).expect("UTF-8");
            assert_eq!(text, xml);
        }
        for plain in ["<?xml version='1.0' encoding='utf-8'?>", "<?xml version='1.0'?>", "<rss/>", "{}", ""] {
            assert_eq!(declared(plain.as_bytes()), None, "{plain}");
        }
        assert_eq!(declared(b"<?xml encoding='utf-16'?>"), None, "its bytes say otherwise");
    }

    #[test]
    fn single_wrong_bytes_of_utf8_stay_for_their_row_to_tell() {
        let mixed = b"Am\xc3\xa9lie\nAm\xe9lie\n";
        assert_eq!(to_utf8(mixed), (Cow::Borrowed(&mixed[..]), None));
    }
}
