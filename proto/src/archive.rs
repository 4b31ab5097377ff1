//! Archives: a key's whole live log as one file in a torrent, which its head names.
//!
//! The file is a [statement file](crate::statement_file) with nothing in it but live public statements of that key, heads
//! left out, each once, in ascending order of (generation, seq). So equal logs give equal files, and whoever holds the log
//! can make the file anew. The torrent holds that one file, under [`file_name`]; or that and, under [`pictures_name`], the
//! pictures that its work records name, in a folder [`folder_name`]. Its infohash and the SHA-256 of the file of statements
//! are in the head.
//!
//! What it must not know: files, torrents, and whether a statement is wanted. [`Log`] says what may stand in an archive;
//! [`crate::statement_file::Reader`] takes it apart.

use crate::artwork::ARTWORK_BYTES_MAX;
use crate::{Key, Kind, Statement, Verified, VerifyError, statement};

/// Longest archive in bytes: what a node keeps of one followed key. Of a longer log it holds the beginning.
pub const ARCHIVE_BYTES_MAX: u64 = 64 << 20;

/// The only name that the file of a key's archive may have.
#[must_use]
pub fn file_name(author: &Key) -> String {
    format!("{}.statements", author.to_multibase())
}

/// The only name that the folder of an archive with pictures may have.
#[must_use]
pub fn folder_name(author: &Key) -> String {
    author.to_multibase()
}

/// The only name that the file of pictures beside the statements may have.
#[must_use]
pub fn pictures_name(author: &Key) -> String {
    format!("{}.pictures", author.to_multibase())
}

/// What a file of pictures begins with.
pub const PICTURES_MAGIC: &[u8] = b"heirloom/1 pictures\n";
/// Most pictures of one archive: as many as a node keeps without looking at them.
pub const PICTURES_MAX: usize = 1_000;

/// A picture in a file of pictures: its length (u32, big-endian) and its bytes; `None` if it is empty or too long.
#[must_use]
pub fn picture_record(picture: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(picture.len()).ok()?.to_be_bytes();
    picture_length(length)?;
    Some([&length, picture].concat())
}

/// The length of a picture by what stands before it; `None` if no picture may have it.
#[must_use]
pub fn picture_length(bytes: [u8; 4]) -> Option<usize> {
    let length = usize::try_from(u32::from_be_bytes(bytes)).ok()?;
    (1..=ARTWORK_BYTES_MAX).contains(&length).then_some(length)
}

/// What must not stand in an archive. Its author made it so: no other copy of it is any better.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ArchiveError {
    /// Bytes that are no statement, or not canonical, or not signed by whom they say.
    #[error("an envelope in it does not hold")]
    Invalid,
    /// A statement of another key.
    #[error("a statement in it is of another key")]
    Foreign,
    /// A head: it names the archive, so it cannot be in it.
    #[error("there is a head in it")]
    Head,
    /// Not above the one before.
    #[error("its statements are not in ascending order")]
    NotAscending,
}

/// The log of one key as it is read, statement by statement.
#[derive(Clone, Debug)]
pub struct Log {
    author: Key,
    last: (u32, u64),
}

impl Log {
    /// Of that key, at the beginning.
    #[must_use]
    pub fn of(author: Key) -> Self {
        Self { author, last: (0, 0) }
    }

    /// Number of the last statement that was read: generation and seq.
    #[must_use]
    pub fn last(&self) -> (u32, u64) {
        self.last
    }

    /// The next statement; `None` for one of a kind that this version does not know.
    ///
    /// # Errors
    /// [`ArchiveError`]; what came before stands for itself.
    pub fn take(&mut self, envelope: &[u8]) -> Result<Option<Verified<Statement>>, ArchiveError> {
        let statement = match statement::verify(envelope) {
            Ok(statement) => statement,
            Err(VerifyError::UnknownKind(_)) => return Ok(None),
            Err(_) => return Err(ArchiveError::Invalid),
        };
        if *statement.author() != self.author {
            return Err(ArchiveError::Foreign);
        }
        if statement.kind() == Kind::Head {
            return Err(ArchiveError::Head);
        }
        let order = statement.header().order();
        if order <= self.last {
            return Err(ArchiveError::NotAscending);
        }
        self.last = order;
        Ok(Some(statement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{Head, Opinion, Verdict};
    use crate::{Body, Header, Infohash, SecretKey, Sha256, Timestamp};

    fn says(name: u8, seq: u64, body: &Body) -> Vec<u8> {
        let header = Header { generation: 0, seq, created: Timestamp(1), expires: Some(Timestamp(1000)) };
        let secret = SecretKey::from_seed(&[name; 32]);
        Statement::sign(&secret, &header, body).expect("within its limits").bytes().to_vec()
    }

    fn verdict() -> Body {
        Body::Verdict(Verdict { infohash: Infohash([1; 20]), opinion: Opinion::Good, note: String::new() })
    }

    #[test]
    fn a_log_is_one_keys_own_and_ascends() {
        let alice = SecretKey::from_seed(&[1; 32]).public();
        let mut log = Log::of(alice);
        assert!(log.take(&says(1, 5, &verdict())).expect("taken").is_some());
        assert_eq!(log.take(&says(1, 5, &verdict())), Err(ArchiveError::NotAscending), "each once");
        assert_eq!(log.take(&says(1, 4, &verdict())), Err(ArchiveError::NotAscending));
        assert_eq!(log.take(&says(2, 6, &verdict())), Err(ArchiveError::Foreign));
        let head = Body::Head(Head { live_count: 1, live_root: Sha256([7; 32]), archive: None });
        assert_eq!(log.take(&says(1, 6, &head)), Err(ArchiveError::Head));
        let mut forged = says(1, 6, &verdict());
        *forged.last_mut().expect("not empty") ^= 1;
        assert_eq!(log.take(&forged), Err(ArchiveError::Invalid));
        assert_eq!(log.take(b"no envelope"), Err(ArchiveError::Invalid));
        assert_eq!(log.last(), (0, 5), "what is refused moves nothing");
        assert!(log.take(&says(1, 6, &verdict())).expect("taken").is_some());
    }

    #[test]
    fn a_picture_stands_behind_its_length() {
        assert_eq!(picture_record(b"jpeg").expect("short"), [0, 0, 0, 4, b'j', b'p', b'e', b'g']);
        assert_eq!(picture_length([0, 0, 0, 4]), Some(4));
        for (length, is_one) in [(0, false), (1, true), (ARTWORK_BYTES_MAX, true), (ARTWORK_BYTES_MAX + 1, false)] {
            let bytes = u32::try_from(length).expect("short").to_be_bytes();
            assert_eq!(picture_length(bytes).is_some(), is_one, "{length}");
            assert_eq!(picture_record(&vec![0; length]).is_some(), is_one, "{length}");
        }
        assert_eq!(picture_length([0xff; 4]), None);
    }

    #[test]
    fn the_name_of_an_archive_is_its_authors() {
        let alice = SecretKey::from_seed(&[1; 32]).public();
        let name = file_name(&alice);
        assert!(name.starts_with("z6Mk") && name.ends_with(".statements"), "{name}");
        for name in [name, folder_name(&alice), pictures_name(&alice)] {
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'), "safe on every system: {name}");
        }
    }
}
