//! The same for the decoders of the program itself: torrents, magnet links, requests of the API, pictures.

use heirloom::artwork::{Effort, SHOWN_SIDE_MAX, shown};
use heirloom::http::{Request, parse};
use heirloom::torrent::{Magnet, Metainfo};

/// A torrent: bencoding, its limits, and the paths that it names.
pub fn metainfo(data: &[u8]) {
    if let Ok(meta) = Metainfo::parse(data) {
        assert!(meta.piece_bytes > 0 && !meta.files.is_empty());
        for file in &meta.files {
            let path: std::path::PathBuf = file.path.iter().collect();
            let is_safe = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            assert!(is_safe, "{path:?} leads out of the folder");
        }
    }
}

/// A magnet link.
pub fn magnet(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(magnet) = Magnet::parse(&text) {
        let again = Magnet::parse(&magnet.to_string()).expect("what is shown is read");
        assert_eq!(again.to_string(), magnet.to_string());
    }
}

/// A request of the API, as JSON; whoever sends it has the token, but a web page may have written it.
pub fn request(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<Request>(data) {
        let _ = parse(request);
    }
}

/// A frame of a peer that gives a picture, and the picture in it: what is shown is small, and a picture again.
pub fn artwork(data: &[u8]) {
    use heirloom_proto::artwork::{Request, Response};
    if let Ok(request) = Request::decode(data) {
        assert_eq!(request.encode(), data);
    }
    let picture = match Response::decode(data) {
        Ok(response) => {
            assert_eq!(response.encode(), data);
            match response {
                Response::Present(picture) => picture,
                Response::Absent => return,
            }
        }
        // Most changes of a frame are better spent on the picture.
        Err(_) => data.to_vec(),
    };
    if let Ok(small) = shown(&picture, Effort::new(&|| std::time::Duration::ZERO)) {
        let (width, height) = jpeg_size(&small).expect("what is shown is JPEG");
        assert!(width.max(height) <= SHOWN_SIDE_MAX && width.min(height) > 0, "{width} x {height}");
    }
}

/// Width and height, as the frame header of a JPEG says.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let (mark, length) = (bytes.get(at..at + 2)?, bytes.get(at + 2..at + 4)?);
        if matches!(mark, [0xff, 0xc0..=0xc3]) {
            let number = |from: usize| Some(u32::from(u16::from_be_bytes(bytes.get(from..from + 2)?.try_into().ok()?)));
            return Some((number(at + 7)?, number(at + 5)?));
        }
        at += 2 + usize::from(u16::from_be_bytes(length.try_into().ok()?));
    }
}
