//! Bodies of requests: forms, and forms that hold a file.

use super::LABEL;
use reqwest::Url;

/// Type of [`encoded`].
pub(super) const ENCODED: &str = "application/x-www-form-urlencoded";
/// Divides the parts of [`multipart`]; no bencoded torrent holds it but by intent, and then only its owner is harmed.
const BOUNDARY: &str = "heirloom-7b1e0c5f-part";

/// Fields as `a=1&b=2`, percent-encoded.
pub(super) fn encoded(fields: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse("http://localhost/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

/// Fields and a torrent file, with the type that says how they are divided.
pub(super) fn multipart(fields: &[(&str, &str)], torrent: &[u8]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"torrents\"; filename=\"{LABEL}.torrent\"\r\n\
         Content-Type: application/x-bittorrent\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(torrent);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_field_holds_stays_in_it() {
        assert_eq!(encoded(&[("urls", "magnet:?a=b&c=ü"), ("x", "1 2")]), "urls=magnet%3A%3Fa%3Db%26c%3D%C3%BC&x=1+2");
        let (kind, body) = multipart(&[("category", LABEL)], b"d4:infodee");
        assert!(kind.contains(BOUNDARY));
        let body = String::from_utf8(body).expect("text");
        assert_eq!(body.matches(BOUNDARY).count(), 3);
        assert!(body.contains("\r\n\r\nd4:infodee\r\n--"));
    }
}
