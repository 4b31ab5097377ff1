//! The same for the decoders of the program itself: torrents, magnet links, requests of the API.

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
