//! What a torrent file says, checked before anything acts on it.

use std::collections::BTreeSet;

use librqbit_core::torrent_metainfo::TorrentMetaV1Info;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::Infohash;
use super::bencode::Dict;
use super::errors::{MetainfoError, UnsafePath};
use super::{paths, safe_names};

/// Largest info dictionary accepted. The library would take 32 MiB from a peer; 20,000 files with long names fit in 8.
pub const INFO_BYTES_MAX: usize = 8 << 20;

/// Largest torrent file accepted: the info dictionary, the piece layers that hybrid torrents (BEP 52) have outside of it,
/// trackers and comments. As much as `security.md` §6 lets a browser send.
pub const TORRENT_BYTES_MAX: usize = 4 * INFO_BYTES_MAX;

/// Most files in a torrent: each costs a file handle while it is downloaded.
pub const FILES_MAX: usize = 20_000;

/// Largest content accepted.
pub const CONTENT_BYTES_MAX: u64 = 10 << 40;

/// Smallest piece: one block of the wire protocol.
pub const PIECE_BYTES_MIN: u64 = 16 << 10;

/// Largest piece: what must be fetched before any of it can be checked.
pub const PIECE_BYTES_MAX: u64 = 64 << 20;

/// Most pieces: their state is kept in memory, and their hashes alone are 20 MiB then.
pub const PIECES_MAX: u64 = 1 << 20;

/// Most trackers read from one torrent.
pub const TRACKERS_MAX: usize = 20;

/// A file of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its index in the torrent.
    pub index: usize,
    /// Its path below the torrent's folder; for a torrent of one file, its name alone.
    pub path: Vec<String>,
    /// The same as it is called on disk: safe on every system, and no other file's.
    pub place: Vec<String>,
    /// Its size.
    pub bytes: u64,
    /// Whether it only fills up a piece (BEP 47) and is never written.
    pub padding: bool,
}

/// A checked torrent: sizes are within limits, piece hashes complete, and each file has a safe name on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metainfo {
    /// SHA-1 of the info dictionary.
    pub infohash: Infohash,
    /// SHA-256 of exactly the same bytes: what a listing signs.
    pub info_sha256: [u8; 32],
    /// The torrent's name: its file, or its folder.
    pub name: String,
    /// What its file or folder is called on disk: safe on every system.
    pub place: String,
    /// Whether its content is one file, not a folder.
    pub single_file: bool,
    /// Size of the content.
    pub total_bytes: u64,
    /// Size of a piece.
    pub piece_bytes: u32,
    /// Its files, in the torrent's order.
    pub files: Vec<File>,
    /// Whether its peers may come from its own trackers only (BEP 27).
    pub private: bool,
    /// Trackers that it names.
    pub trackers: Vec<String>,
    /// Web seeds that it names (`url-list`, BEP 19).
    pub web_seeds: Vec<String>,
    /// The key that it names (`x.heirloom`, outside the info dictionary): a hint of whom to ask, never evidence.
    pub key: Option<String>,
    /// The bytes of the info dictionary.
    pub info: Vec<u8>,
    /// The bytes of the torrent file.
    pub torrent: Vec<u8>,
}

impl Metainfo {
    /// Reads a torrent file.
    ///
    /// # Errors
    /// Says in one sentence what is wrong with the bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetainfoError> {
        if bytes.len() > TORRENT_BYTES_MAX {
            return Err(MetainfoError::TooLarge { bytes: bytes.len(), limit: TORRENT_BYTES_MAX });
        }
        let outer = Dict::read(bytes)?;
        let Some(info_bytes) = outer.get("info") else { return malformed("it has no \"info\"") };
        if info_bytes.len() > INFO_BYTES_MAX {
            return Err(MetainfoError::TooLarge { bytes: info_bytes.len(), limit: INFO_BYTES_MAX });
        }
        let info = Dict::read(info_bytes)?;
        let piece_bytes = check_numbers(&info)?;
        let mut meta = decode(bytes, info_bytes)?;
        meta.piece_bytes = piece_bytes;
        meta.key = outer.text("x.heirloom").and_then(|key| String::from_utf8(key.to_vec()).ok());
        meta.web_seeds = web_seeds_of(&outer);
        meta.settle_places();
        Ok(meta)
    }

    /// A torrent file of the same info dictionary with nothing else in it: no trackers, no comments.
    ///
    /// The sessions get this one, so that a torrent cannot tell the named session to call a third party.
    pub(super) fn bare_torrent(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.info.len() + 8);
        out.extend_from_slice(b"d4:info");
        out.extend_from_slice(&self.info);
        out.push(b'e');
        out
    }

    /// A file's path on disk from the folder that the torrent is put into, by components: the torrent's own folder first.
    pub(super) fn path_of<'a>(&'a self, file: &'a File) -> Vec<&'a str> {
        let mut parts: Vec<&str> = Vec::with_capacity(file.place.len() + 1);
        if !self.single_file {
            parts.push(&self.place);
        }
        parts.extend(file.place.iter().map(String::as_str));
        parts
    }

    /// Files whose names on disk are not those in the torrent; all of them, where the torrent's own folder has another.
    pub fn renamed(&self) -> usize {
        let is_moved = !self.single_file && self.place != self.name;
        let is_renamed = |file: &&File| !file.padding && (is_moved || file.place != file.path);
        self.files.iter().filter(is_renamed).count()
    }

    /// Refuses names that are not safe on every system. For what is published here: what others made gets safe places.
    pub(super) fn check_names(&self) -> Result<(), MetainfoError> {
        let mut seen = paths::Collisions::default();
        paths::check(&[&self.name])?;
        // Padding is never written, and its names repeat.
        for file in self.files.iter().filter(|file| !file.padding) {
            let root = (!self.single_file).then_some(&self.name);
            let path: Vec<&String> = root.into_iter().chain(&file.path).collect();
            paths::check(&path)?;
            seen.insert(&path)?;
        }
        Ok(())
    }

    fn settle_places(&mut self) {
        let (place, places) = safe_names::of(&self.name, self.single_file, &self.files);
        self.place = place;
        for (file, place) in self.files.iter_mut().zip(places) {
            file.place = place;
        }
    }
}

fn malformed<T>(what: impl Into<String>) -> Result<T, MetainfoError> {
    Err(MetainfoError::Malformed { what: what.into() })
}

/// Checks the numbers of an info dictionary and gives its piece length.
fn check_numbers(info: &Dict<'_>) -> Result<u32, MetainfoError> {
    let Some(pieces) = info.text("pieces") else {
        if info.get("file tree").is_some() {
            return Err(MetainfoError::Version2Only);
        }
        return malformed("it has no piece hashes");
    };
    let Some(piece_bytes) = info.number("piece length") else { return malformed("it has no piece length") };
    if !piece_bytes.is_power_of_two() || !(PIECE_BYTES_MIN..=PIECE_BYTES_MAX).contains(&piece_bytes) {
        return Err(MetainfoError::PieceLength { bytes: piece_bytes });
    }
    let total = match (info.get("length"), info.dicts("files")?) {
        (Some(_), None) => info.number("length"),
        (None, Some(files)) if files.len() > FILES_MAX => {
            return Err(MetainfoError::TooManyFiles { files: files.len(), limit: FILES_MAX });
        }
        (None, Some(files)) => files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.number("length")?)),
        _ => return malformed("it has neither a size nor a list of files, or both"),
    };
    let Some(total) = total else { return malformed("a file has no size") };
    if total == 0 || total > CONTENT_BYTES_MAX {
        return Err(MetainfoError::ContentSize { bytes: total, limit: CONTENT_BYTES_MAX });
    }
    let expected = total.div_ceil(piece_bytes);
    if expected > PIECES_MAX {
        return malformed(format!("it has {expected} pieces, more than {PIECES_MAX}"));
    }
    let found = pieces.len() as u64;
    if found != expected * 20 {
        return Err(MetainfoError::PieceCount { found: found / 20, expected });
    }
    u32::try_from(piece_bytes).or(Err(MetainfoError::PieceLength { bytes: piece_bytes }))
}

/// Has the library decode the torrent, so that names are exactly those that it will write.
fn decode(bytes: &[u8], info_bytes: &[u8]) -> Result<Metainfo, MetainfoError> {
    let parsed =
        librqbit::torrent_from_bytes(bytes).map_err(|error| MetainfoError::Malformed { what: error.to_string() })?;
    let trackers = trackers_of(parsed.iter_announce().map(|tracker| tracker.as_ref()));
    let single_file = parsed.info.data.length.is_some();
    let private = parsed.info.data.private;
    refuse_unreadable_names(&parsed.info.data)?;
    let valid = parsed.info.data.validate().map_err(|error| MetainfoError::Malformed { what: error.to_string() })?;
    let infohash: Infohash = Sha1::digest(info_bytes).into();
    let mut files = Vec::new();
    for (index, file) in valid.iter_file_details().enumerate() {
        let attributes = file.attrs();
        if attributes.symlink || file.symlink_path.is_some() {
            return Err(MetainfoError::Symlink { index });
        }
        let path = file.filename.to_vec();
        files.push(File { index, path, place: Vec::new(), bytes: file.len, padding: attributes.padding });
    }
    let name = match (valid.name(), single_file) {
        (Some(name), _) => name.into_owned(),
        (None, true) => files.first().and_then(|file| file.path.first().cloned()).unwrap_or_default(),
        (None, false) => data_encoding::HEXLOWER.encode(&infohash),
    };
    Ok(Metainfo {
        infohash,
        info_sha256: Sha256::digest(info_bytes).into(),
        name,
        place: String::new(),
        single_file,
        total_bytes: valid.lengths().total_length(),
        piece_bytes: valid.lengths().default_piece_length(),
        files,
        private,
        trackers,
        web_seeds: Vec::new(),
        key: None,
        info: info_bytes.to_vec(),
        torrent: bytes.to_vec(),
    })
}

/// The library takes no torrent in which a part of a file's path is `..` or holds a separator, or in which two files have
/// the same path: these are refused here, with the name.
fn refuse_unreadable_names<B: AsRef<[u8]>>(info: &TorrentMetaV1Info<B>) -> Result<(), MetainfoError> {
    let refuse = |path: &[&[u8]], reason| {
        let parts: Vec<_> = path.iter().map(|part| String::from_utf8_lossy(part)).collect();
        Err(MetainfoError::UnsafePath(UnsafePath::new(&parts, reason)))
    };
    let check = |path: &[&[u8]]| match path
        .iter()
        .find(|part| **part == b".." || part.contains(&b'/') || part.contains(&b'\\'))
    {
        Some(part) if *part == b".." => refuse(path, "it climbs out of its folder"),
        Some(_) => refuse(path, "a part of it holds a path separator"),
        None => Ok(()),
    };
    let mut seen = BTreeSet::new();
    match (&info.files, &info.name) {
        (None, Some(name)) => check(&[name.as_ref()])?,
        (None, None) => {}
        (Some(files), _) => {
            let is_padding = |attributes: &Option<B>| attributes.as_ref().is_some_and(|a| a.as_ref().contains(&b'p'));
            for file in files {
                let path: Vec<&[u8]> = file.path.iter().map(AsRef::as_ref).collect();
                check(&path)?;
                if !is_padding(&file.attr) && !seen.insert(path.clone()) {
                    return refuse(&path, "another file has the same name");
                }
            }
        }
    }
    Ok(())
}

/// The trackers among some texts, each once, and not too many.
fn trackers_of<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        let Ok(text) = std::str::from_utf8(text) else { continue };
        if found.len() < TRACKERS_MAX && !text.is_empty() && !found.iter().any(|known| known == text) {
            found.push(text.to_owned());
        }
    }
    found
}

/// The web seeds of a torrent: one text or a list of them, by BEP 19.
fn web_seeds_of(outer: &Dict<'_>) -> Vec<String> {
    trackers_of(outer.texts("url-list").into_iter())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::bencode::{put_number, put_text};
    use super::*;

    /// A torrent by hand: `files` as path and size (one with an empty path: a torrent of a single file).
    pub(in super::super) struct Forged<'a> {
        pub name: &'a str,
        pub files: Vec<(Vec<&'a str>, u64, &'a str)>,
        pub piece_bytes: u64,
        pub pieces: Option<u64>,
    }

    impl<'a> Forged<'a> {
        pub fn folder(name: &'a str, files: &[&[&'a str]]) -> Self {
            let files = files.iter().map(|path| (path.to_vec(), 1000, "")).collect();
            Self { name, files, piece_bytes: 16384, pieces: None }
        }

        pub fn file(name: &'a str, bytes: u64) -> Self {
            Self { name, files: vec![(vec![], bytes, "")], piece_bytes: 16384, pieces: None }
        }

        pub fn info(&self) -> Vec<u8> {
            let mut info = vec![b'd'];
            let total: u64 = self.files.iter().fold(0, |sum, file| sum.wrapping_add(file.1));
            if let [(path, bytes, attributes)] = &self.files[..]
                && path.is_empty()
            {
                if !attributes.is_empty() {
                    put_text(&mut info, "attr");
                    put_text(&mut info, attributes);
                }
                put_text(&mut info, "length");
                put_number(&mut info, *bytes);
            } else {
                put_text(&mut info, "files");
                info.push(b'l');
                for (path, bytes, attributes) in &self.files {
                    info.push(b'd');
                    if !attributes.is_empty() {
                        put_text(&mut info, "attr");
                        put_text(&mut info, attributes);
                    }
                    put_text(&mut info, "length");
                    put_number(&mut info, *bytes);
                    put_text(&mut info, "path");
                    info.push(b'l');
                    path.iter().for_each(|part| put_text(&mut info, part));
                    info.extend_from_slice(b"ee");
                }
                info.push(b'e');
            }
            put_text(&mut info, "name");
            put_text(&mut info, self.name);
            put_text(&mut info, "piece length");
            put_number(&mut info, self.piece_bytes);
            put_text(&mut info, "pieces");
            let pieces = self.pieces.unwrap_or_else(|| total.div_ceil(self.piece_bytes.max(1)));
            put_text(&mut info, vec![7; usize::try_from(pieces).unwrap() * 20]);
            info.push(b'e');
            info
        }

        pub fn torrent(&self) -> Vec<u8> {
            [&b"d8:announce18:http://t.example/a4:info"[..], &self.info(), b"e"].concat()
        }
    }

    fn refusal(forged: &Forged<'_>) -> MetainfoError {
        Metainfo::parse(&forged.torrent()).unwrap_err()
    }

    #[test]
    fn a_torrent_tells_its_hashes_names_and_sizes() {
        let forged = Forged::folder("Show", &[&["S01", "e1.mkv"], &["S01", "e2.mkv"]]);
        let meta = Metainfo::parse(&forged.torrent()).unwrap();
        assert_eq!(meta.infohash, <[u8; 20]>::from(Sha1::digest(forged.info())));
        assert_eq!(meta.info_sha256, <[u8; 32]>::from(Sha256::digest(forged.info())));
        assert_eq!((meta.name.as_str(), meta.single_file, meta.total_bytes), ("Show", false, 2000));
        assert_eq!(meta.files[1].path, ["S01", "e2.mkv"]);
        assert_eq!(meta.path_of(&meta.files[0]), ["Show", "S01", "e1.mkv"]);
        assert_eq!(meta.trackers, ["http://t.example/a"]);
        assert_eq!(meta.key, None);
        let bare = Metainfo::parse(&meta.bare_torrent()).unwrap();
        assert_eq!((bare.infohash, bare.trackers), (meta.infohash, vec![]));
    }

    #[test]
    fn a_key_stands_beside_the_info_dictionary() {
        let info = Forged::file("clip.mp4", 5).info();
        let torrent = [&b"d4:info"[..], &info, b"10:x.heirloom12:did:key:z6Mke"].concat();
        let meta = Metainfo::parse(&torrent).unwrap();
        assert_eq!(meta.key.as_deref(), Some("did:key:z6Mk"));
        assert_eq!(meta.path_of(&meta.files[0]), ["clip.mp4"]);
        assert_eq!(meta.web_seeds, Vec::<String>::new());
    }

    #[test]
    fn web_seeds_are_one_or_a_list() {
        let info = Forged::file("clip.mp4", 5).info();
        let read = |list: &[u8]| {
            let torrent = [&b"d4:info"[..], &info, b"8:url-list", list, b"e"].concat();
            Metainfo::parse(&torrent).unwrap().web_seeds
        };
        assert_eq!(read(b"10:http://a/b"), ["http://a/b"]);
        assert_eq!(read(b"l10:http://a/b10:http://a/c10:http://a/be"), ["http://a/b", "http://a/c"]);
        assert_eq!(read(b"0:"), Vec::<String>::new());
        assert_eq!(read(b"li5ee"), Vec::<String>::new());
    }

    #[test]
    fn damaged_torrents_are_refused_with_one_sentence() {
        let good = Forged::file("clip.mp4", 40_000).torrent();
        assert!(Metainfo::parse(&good).is_ok());
        for end in 0..good.len() {
            let refusal = Metainfo::parse(&good[..end]).unwrap_err().to_string();
            assert!(!refusal.contains('\n') && refusal.contains("damaged"), "{refusal}");
        }
        for bytes in [&b"de"[..], b"d4:infoi1ee", b"d4:infodee", b"<!DOCTYPE html><html></html>", &[0; 100]] {
            let refusal = Metainfo::parse(bytes).unwrap_err().to_string();
            assert!(refusal.contains("not a torrent"), "{refusal}");
        }
        // No byte changed anywhere may make it panic.
        for at in 0..good.len() {
            for byte in [0, b'0', b'9', b':', b'd', b'e', b'i', b'l', 0xff] {
                let mut changed = good.clone();
                changed[at] = byte;
                let _ = Metainfo::parse(&changed);
            }
        }
    }

    #[test]
    fn limits_hold() {
        let one = |piece_bytes, pieces| Forged { piece_bytes, pieces, ..Forged::file("a", 40_000) };
        for piece_bytes in [0, 1, 8192, 16385, 128 << 20, u64::MAX] {
            let refused = refusal(&one(piece_bytes, Some(3)));
            assert_eq!(refused, MetainfoError::PieceLength { bytes: piece_bytes });
        }
        assert_eq!(refusal(&one(16384, Some(2))), MetainfoError::PieceCount { found: 2, expected: 3 });
        assert_eq!(refusal(&one(16384, Some(4))), MetainfoError::PieceCount { found: 4, expected: 3 });
        let size = |bytes| Forged { pieces: Some(1), ..Forged::file("a", bytes) };
        for bytes in [0, CONTENT_BYTES_MAX + 1] {
            assert!(matches!(refusal(&size(bytes)), MetainfoError::ContentSize { .. }));
        }
        let huge = Forged {
            files: vec![(vec!["a"], u64::MAX, ""), (vec!["b"], 2, "")],
            pieces: Some(1),
            ..Forged::file("a", 0)
        };
        assert!(matches!(refusal(&huge), MetainfoError::Malformed { .. }));
        let path = ["a"];
        let many: Vec<&[&str]> = vec![&path[..]; FILES_MAX + 1];
        assert!(matches!(refusal(&Forged::folder("f", &many)), MetainfoError::TooManyFiles { .. }));
        let v2 = b"d4:infod9:file treede12:meta versioni2e4:name1:a12:piece lengthi16384eee";
        assert_eq!(Metainfo::parse(v2).unwrap_err(), MetainfoError::Version2Only);
    }

    #[test]
    fn unsafe_names_get_safe_places() {
        let hostile = [&["C:evil.txt"][..], &["CON"], &["a."], &["a\u{202E}b"], &["."], &["Film.mkv"], &["FILM.MKV"]];
        let meta = Metainfo::parse(&Forged::folder("x: ", &hostile).torrent()).unwrap();
        let places: Vec<String> = meta.files.iter().map(|file| meta.path_of(file).join("/")).collect();
        let safe = ["x_/C_evil.txt", "x_/_CON", "x_/a", "x_/a_b", "x_/_", "x_/Film.mkv", "x_/FILM~6.MKV"];
        assert_eq!(places, safe);
        assert_eq!(meta.files[6].path, ["FILM.MKV"], "what the torrent calls it is known still");
        assert_eq!((meta.name.as_str(), meta.renamed()), ("x: ", 7));
        for (name, place) in [("..", "_"), ("CON", "_CON"), ("a:b", "a_b"), ("x ", "x"), ("../../etc", ".._.._etc")] {
            let meta = Metainfo::parse(&Forged::folder(name, &[&["a"]]).torrent()).unwrap();
            assert_eq!((meta.place.as_str(), meta.path_of(&meta.files[0])), (place, vec![place, "a"]));
        }
        let single = Metainfo::parse(&Forged::file("nul.mkv", 5).torrent()).unwrap();
        assert_eq!((single.place.as_str(), single.path_of(&single.files[0])), ("_nul.mkv", vec!["_nul.mkv"]));
        let plain = Metainfo::parse(&Forged::folder("Show", &[&["S01", "e1.mkv"]]).torrent()).unwrap();
        assert_eq!((plain.renamed(), &plain.files[0].place), (0, &plain.files[0].path));
    }

    #[test]
    fn names_that_the_library_does_not_take_and_links_are_refused() {
        for (path, reason) in [
            (&["..", "evil"][..], "it climbs out of its folder"),
            (&["a/b"], "a part of it holds a path separator"),
            (&["a", "..\\b"], "a part of it holds a path separator"),
        ] {
            let refused = refusal(&Forged::folder("f", &[path]));
            assert!(matches!(&refused, MetainfoError::UnsafePath(why) if why.reason == reason), "{path:?}: {refused}");
        }
        assert!(matches!(refusal(&Forged::folder("f", &[&[""]])), MetainfoError::Malformed { .. }));
        for name in ["..", "a/b"] {
            assert!(matches!(refusal(&Forged::file(name, 5)), MetainfoError::UnsafePath(_)), "{name}");
        }
        let twins = refusal(&Forged::folder("f", &[&["Film.mkv"], &["Film.mkv"]]));
        assert!(matches!(twins, MetainfoError::UnsafePath(_)), "{twins}");
        let mut link = Forged::folder("f", &[&["a"], &["b"]]);
        link.files[1].2 = "l";
        assert_eq!(refusal(&link), MetainfoError::Symlink { index: 1 });
        let mut padded = Forged::folder("f", &[&["a"], &[".pad", "1"], &["b"], &[".pad", "1"]]);
        padded.files[1].2 = "p";
        padded.files[3].2 = "p";
        assert!(Metainfo::parse(&padded.torrent()).unwrap().files[3].padding);
    }
}
