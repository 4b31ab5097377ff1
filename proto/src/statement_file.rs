//! Statement files: signed statements of anybody, one after the other, for handing on by other ways than the network.
//!
//! ```text
//! "heirloom/1 statements\n"                      22 bytes: what it is, and the version of the wire
//! length: u32 BE, 1 to ENVELOPE_BYTES_MAX        again and again
//! envelope                                       as it is signed, stored and gossiped
//! 0: u32 BE                                      the end
//! count: u64 BE                                  how many envelopes came before
//! ```
//! There is no checksum: every envelope is signed by its author, and the count shows what is missing. Order does not
//! matter. Whoever reads one treats each envelope like one from a stranger.
//!
//! What it must not know: files, sockets, and whether a statement is wanted. [`Reader`] is pushed bytes in pieces of
//! any size and holds no more than it was pushed and one envelope.

use crate::limits::ENVELOPE_BYTES_MAX;

/// What a statement file begins with.
pub const MAGIC: &[u8] = b"heirloom/1 statements\n";
/// What statement files of every version begin with.
const FAMILY: &[u8] = b"heirloom/";

/// Bytes of a length.
const LENGTH_BYTES: usize = 4;
/// Bytes of the count at the end.
const COUNT_BYTES: usize = 8;

/// Why a statement file cannot be read on. What was read before holds: each envelope stands for itself.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FileError {
    /// It begins with something else. Name another file.
    #[error("this is not a statement file: it does not begin with \"heirloom/1 statements\"")]
    NotAStatementFile,
    /// It is of another version, or holds something else. Install a newer Heirloom.
    #[error("this file is of another version of Heirloom: install a newer one")]
    OtherVersion,
    /// A length is impossible: the file is damaged from here on. Get it again.
    #[error(
        "the file is damaged at byte {at}: a statement of {length} bytes cannot be, {ENVELOPE_BYTES_MAX} are the most; get it again"
    )]
    BadLength {
        /// Where, in bytes from the beginning.
        at: u64,
        /// What stands there.
        length: u32,
    },
    /// It ends before its end mark. Get it again.
    #[error("the file is cut off after {count} statements: get it again")]
    CutOff {
        /// Whole envelopes before that.
        count: u64,
    },
    /// Its end mark counts other than there were. Get it again.
    #[error("the file is damaged: it counts {said} statements and holds {found}; get it again")]
    WrongCount {
        /// What it says.
        said: u64,
        /// What there was.
        found: u64,
    },
    /// Something follows the end mark. Two files cannot be put together; name them one by one.
    #[error("something follows the end of the file at byte {at}: import files one by one")]
    Trailing {
        /// Where, in bytes from the beginning.
        at: u64,
    },
}

/// An envelope as it stands in a file; `None` when it is empty or longer than any envelope may be.
#[must_use]
pub fn record(envelope: &[u8]) -> Option<Vec<u8>> {
    if envelope.is_empty() || envelope.len() > ENVELOPE_BYTES_MAX {
        return None;
    }
    let mut bytes = u32::try_from(envelope.len()).ok()?.to_be_bytes().to_vec();
    bytes.extend_from_slice(envelope);
    Some(bytes)
}

/// Bytes that an envelope takes in a file.
#[must_use]
pub fn record_bytes(envelope: &[u8]) -> usize {
    LENGTH_BYTES + envelope.len()
}

/// The end mark after this many envelopes.
#[must_use]
pub fn end(count: u64) -> Vec<u8> {
    let mut bytes = vec![0; LENGTH_BYTES];
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    Magic,
    Record,
    Count,
    Nothing,
}

/// Takes a statement file apart as it comes.
#[derive(Clone, Debug)]
pub struct Reader {
    expects: Expects,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were taken out.
    taken: usize,
    /// Where `buffer` begins in the file.
    offset: u64,
    count: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// At the beginning of a file.
    #[must_use]
    pub fn new() -> Self {
        Self { expects: Expects::Magic, buffer: Vec::new(), taken: 0, offset: 0, count: 0 }
    }

    /// The next bytes of the file. Call [`Reader::next_envelope`] until it gives `None` before pushing more, or they
    /// pile up.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.offset += self.taken as u64;
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Whole envelopes so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The next whole envelope; `None`: push more, or ask [`Reader::finish`] when there is no more. Whether it is
    /// signed as it should be is not checked here.
    ///
    /// # Errors
    /// [`FileError`]; it is the same from then on.
    pub fn next_envelope(&mut self) -> Result<Option<Vec<u8>>, FileError> {
        loop {
            let at = self.offset + self.taken as u64;
            let rest = &self.buffer[self.taken..];
            match self.expects {
                Expects::Magic => {
                    let there = &rest[..rest.len().min(MAGIC.len())];
                    if !MAGIC.starts_with(there) {
                        let is_kin = there.starts_with(FAMILY);
                        return Err(if is_kin { FileError::OtherVersion } else { FileError::NotAStatementFile });
                    }
                    if there.len() < MAGIC.len() {
                        return Ok(None);
                    }
                    self.taken += MAGIC.len();
                    self.expects = Expects::Record;
                }
                Expects::Record => {
                    let Some((length, rest)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
                    let length = u32::from_be_bytes(*length);
                    if length == 0 {
                        self.taken += LENGTH_BYTES;
                        self.expects = Expects::Count;
                        continue;
                    }
                    let fits = usize::try_from(length).ok().filter(|length| *length <= ENVELOPE_BYTES_MAX);
                    let Some(wanted) = fits else { return Err(FileError::BadLength { at, length }) };
                    let Some(envelope) = rest.get(..wanted) else { return Ok(None) };
                    let envelope = envelope.to_vec();
                    self.taken += LENGTH_BYTES + wanted;
                    self.count += 1;
                    return Ok(Some(envelope));
                }
                Expects::Count => {
                    let Some(said) = rest.first_chunk::<COUNT_BYTES>() else { return Ok(None) };
                    let said = u64::from_be_bytes(*said);
                    if said != self.count {
                        return Err(FileError::WrongCount { said, found: self.count });
                    }
                    self.taken += COUNT_BYTES;
                    self.expects = Expects::Nothing;
                }
                Expects::Nothing => {
                    return if rest.is_empty() { Ok(None) } else { Err(FileError::Trailing { at }) };
                }
            }
        }
    }

    /// Whether the file was whole, once all of it was pushed and read; gives the number of its envelopes.
    ///
    /// # Errors
    /// [`FileError::CutOff`] without an end mark, [`FileError::NotAStatementFile`] when there was not even a beginning.
    pub fn finish(&self) -> Result<u64, FileError> {
        match self.expects {
            Expects::Nothing => Ok(self.count),
            Expects::Magic => Err(FileError::NotAStatementFile),
            Expects::Record | Expects::Count => Err(FileError::CutOff { count: self.count }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(envelopes: &[&[u8]]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        envelopes.iter().for_each(|envelope| bytes.extend(record(envelope).expect("short enough")));
        bytes.extend(end(envelopes.len() as u64));
        bytes
    }

    /// What comes out of a file that is pushed in pieces, and how it ends.
    fn read(bytes: &[u8], piece: usize) -> (Vec<Vec<u8>>, Result<u64, FileError>) {
        let (mut reader, mut found) = (Reader::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            reader.push(piece);
            loop {
                match reader.next_envelope() {
                    Ok(Some(envelope)) => found.push(envelope),
                    Ok(None) => break,
                    Err(error) => return (found, Err(error)),
                }
            }
            assert!(reader.buffer.len() - reader.taken <= ENVELOPE_BYTES_MAX + LENGTH_BYTES, "no more than it needs");
        }
        let end = reader.finish();
        (found, end)
    }

    #[test]
    fn what_was_written_is_read_in_pieces_of_any_size() {
        let longest = vec![7; ENVELOPE_BYTES_MAX];
        let whole = file(&[b"one", &longest, b"three"]);
        for piece in [1, 2, 3, 5, 23, 4096, whole.len()] {
            let (found, end) = read(&whole, piece);
            assert_eq!((found.len(), end), (3, Ok(3)), "in pieces of {piece}");
            assert_eq!((found[0].as_slice(), found[1].as_slice()), (b"one".as_slice(), longest.as_slice()));
        }
        assert_eq!(read(&file(&[]), 7), (Vec::new(), Ok(0)));
        assert_eq!((record(&[]), record(&[0; ENVELOPE_BYTES_MAX + 1])), (None, None));
    }

    #[test]
    fn a_file_cut_off_anywhere_says_so_and_gives_what_was_whole() {
        let whole = file(&[b"one", b"two"]);
        for cut in 0..whole.len() {
            let (found, end) = read(&whole[..cut], 16);
            let expected = usize::from(cut >= MAGIC.len() + 7) + usize::from(cut >= MAGIC.len() + 14);
            assert_eq!(found.len(), expected, "cut at {cut}");
            let error = end.expect_err("cut off");
            let count = found.len() as u64;
            let is_known = cut >= MAGIC.len();
            assert_eq!(error, if is_known { FileError::CutOff { count } } else { FileError::NotAStatementFile });
        }
    }

    #[test]
    fn damage_is_named() {
        let error = |bytes: &[u8]| read(bytes, 64).1.expect_err("damaged");
        assert_eq!(error(b"did:key:z6Mk"), FileError::NotAStatementFile);
        assert_eq!(error(b"heirloom/2 statements\n"), FileError::OtherVersion);
        let mut long = MAGIC.to_vec();
        long.extend_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(error(&long), FileError::BadLength { at: 22, length: u32::MAX });
        let mut wrong = file(&[b"one"]);
        *wrong.last_mut().expect("not empty") = 9;
        assert_eq!(error(&wrong), FileError::WrongCount { said: 9, found: 1 });
        let twice = [file(&[b"one"]), file(&[b"two"])].concat();
        assert_eq!(error(&twice), FileError::Trailing { at: 22 + 7 + 12 });
    }
}
