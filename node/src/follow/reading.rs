//! From the bytes of a page or a file to its text: what packs it, and in which encoding it is.

use crate::import::encoding::to_utf8;
use encoding_rs::{Encoding, UTF_8};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use std::io::Read;

/// Bytes within which a page says in which encoding it is, by the standard of HTML.
const HEAD_BYTES: usize = 1024;

/// Why packed bytes are not read.
#[derive(Debug, PartialEq, Eq)]
pub enum Packed {
    /// In a form that was not asked for and is not known.
    Unknown(String),
    /// They are damaged.
    Damaged,
    /// There are more of them than may be.
    TooLong,
}

/// The bytes of an answer as they were before its server packed them: some pack though nobody asked them to.
///
/// # Errors
/// [`Packed`] when that cannot be undone, or comes to more than `bytes_max`.
pub fn unpacked(bytes: Vec<u8>, coding: &str, bytes_max: usize) -> Result<Vec<u8>, Packed> {
    let read = |from: &mut dyn Read| {
        let mut out = Vec::new();
        // No more than may be, and one to know that there is more: little may be packed of much.
        from.take(bytes_max as u64 + 1).read_to_end(&mut out).map_err(|_| Packed::Damaged)?;
        if out.len() > bytes_max { Err(Packed::TooLong) } else { Ok(out) }
    };
    match coding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(bytes),
        "gzip" | "x-gzip" => read(&mut MultiGzDecoder::new(&bytes[..])),
        "deflate" => read(&mut ZlibDecoder::new(&bytes[..])),
        other => Err(Packed::Unknown(other.chars().take(20).collect())),
    }
}

/// The text of a page or a file; `charset` is what its server says of it.
///
/// What is UTF-8 is read as that, whatever the server says: many say the same of all their pages.
pub fn text_of(bytes: &[u8], charset: Option<&str>) -> String {
    let said = charset.and_then(|name| Encoding::for_label(name.as_bytes())).or_else(|| said_by_page(bytes));
    let said = said.filter(|encoding| {
        *encoding != UTF_8 && (!encoding.is_ascii_compatible() || std::str::from_utf8(bytes).is_err())
    });
    match said {
        Some(encoding) => encoding.decode(bytes).0.into_owned(),
        None => String::from_utf8_lossy(&to_utf8(bytes).0).into_owned(),
    }
}

/// What a page says of itself: `<meta charset="…">`, or the older form with `content="text/html; charset=…"`.
fn said_by_page(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.get(..HEAD_BYTES).unwrap_or(bytes)).to_ascii_lowercase();
    let meta = head.split("<meta").skip(1).find_map(|tag| tag.split('>').next()?.split_once("charset"))?.1;
    let name = meta.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = name.find(|c: char| c.is_whitespace() || "\"'/;>".contains(c)).unwrap_or(name.len());
    // A page of which this much could be read is not in two bytes a letter, whatever it says.
    Encoding::for_label(&name.as_bytes()[..end]).filter(|encoding| encoding.is_ascii_compatible())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::{GzEncoder, ZlibEncoder};

    fn all(mut from: impl Read) -> Vec<u8> {
        let mut out = Vec::new();
        from.read_to_end(&mut out).expect("from memory");
        out
    }

    #[test]
    fn what_a_server_packed_unasked_is_read() {
        let page = b"<html>a page".repeat(20);
        let gzip = all(GzEncoder::new(&page[..], Compression::default()));
        let deflate = all(ZlibEncoder::new(&page[..], Compression::default()));
        for (bytes, coding) in
            [(&gzip, "gzip"), (&gzip, "X-GZIP"), (&deflate, "deflate"), (&page, ""), (&page, "identity")]
        {
            assert_eq!(unpacked(bytes.clone(), coding, 1000), Ok(page.clone()), "{coding}");
        }
        assert_eq!(unpacked(gzip.clone(), "br", 1000), Err(Packed::Unknown("br".into())));
        assert_eq!(unpacked(page, "gzip", 1000), Err(Packed::Damaged));
        assert_eq!(unpacked(gzip[..gzip.len() - 9].to_vec(), "gzip", 1000), Err(Packed::Damaged));
    }

    #[test]
    fn much_that_was_packed_into_little_is_refused() {
        let bomb = all(GzEncoder::new(&vec![b'x'; 10 << 20][..], Compression::best()));
        assert!(bomb.len() < 20_000, "{}", bomb.len());
        assert_eq!(unpacked(bomb, "gzip", 4 << 20), Err(Packed::TooLong));
    }

    #[test]
    fn pages_are_read_in_the_encoding_that_is_said() {
        let text = |name: &str| format!("<!doctype html><meta charset={name}><p>Иван Größe</p>");
        for name in ["windows-1251", "koi8-r"] {
            let page = text(&format!("\"{name}\""));
            let bytes = Encoding::for_label(name.as_bytes()).expect("known").encode(&page).0;
            assert!(text_of(&bytes, Some(name)).contains("Иван"), "{name}, by the server");
            assert!(text_of(&bytes, None).contains("Иван"), "{name}, by the page");
        }
        let old = "<meta http-equiv=Content-Type content=\"text/html; charset=ISO-8859-1\">Größe";
        let latin: Vec<u8> = old.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect();
        assert!(text_of(&latin, None).contains("Größe"));
        assert!(text_of("Größe".as_bytes(), Some("iso-8859-1")).contains("Größe"), "it is UTF-8, whatever is said");
        let wide: Vec<u8> = "Größe".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text_of(&wide, Some("utf-16le")), "Größe");
        assert_eq!(text_of(b"plain", Some("nonsense")), "plain");
        assert!(text_of(text("utf-16").as_bytes(), None).contains("Иван"), "its bytes say otherwise");
    }
}
