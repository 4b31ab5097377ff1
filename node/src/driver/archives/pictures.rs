//! The pictures of an archive: which they are, how they are written beside the statements, and read again. What they show is
//! for whoever decodes them.

use super::Parts;
use crate::artwork::Files;
use heirloom_proto::archive::{PICTURES_MAGIC, PICTURES_MAX, file_name, folder_name, picture_length, picture_record};
use heirloom_proto::{Body, Key, Sha256, statement};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Pictures that the records of a log name, in its order.
#[derive(Default)]
pub(super) struct Named(Vec<Sha256>);

impl Named {
    /// Reads the next part of the log.
    pub(super) fn read(&mut self, envelopes: &[Vec<u8>]) {
        for envelope in envelopes {
            if let Ok(statement) = statement::verify(envelope)
                && let Body::Work(work) = statement.body()
            {
                self.0.extend(work.artwork);
            }
        }
    }

    /// Those that the newest records name, each once, the newest first.
    pub(super) fn newest(&self) -> Vec<Sha256> {
        let mut seen = BTreeSet::new();
        self.0.iter().rev().filter(|digest| seen.insert(**digest)).take(PICTURES_MAX).copied().collect()
    }
}

/// The content of an archive in its folder: its file, or the folder in which that lies beside its pictures.
pub(super) fn content_of(folder: &Path, author: &Key) -> PathBuf {
    let inner = folder.join(folder_name(author));
    if inner.is_dir() { inner } else { folder.join(file_name(author)) }
}

/// Writes those of the pictures that are here into a file, while there is room; says how many bytes it has. Without any there
/// is none.
pub(super) fn write(path: &Path, named: &[Sha256], files: &Files, room: u64) -> io::Result<u64> {
    let mut file: Option<io::BufWriter<fs::File>> = None;
    let mut bytes = PICTURES_MAGIC.len() as u64;
    for record in named.iter().filter_map(|digest| picture_record(&files.bytes_of(digest)?)) {
        if bytes + record.len() as u64 > room {
            break;
        }
        let file = match &mut file {
            Some(file) => file,
            None => {
                let mut new = io::BufWriter::new(fs::File::create(path)?);
                new.write_all(PICTURES_MAGIC)?;
                file.insert(new)
            }
        };
        file.write_all(&record)?;
        bytes += record.len() as u64;
    }
    let Some(file) = file else { return Ok(0) };
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    Ok(bytes)
}

/// A file of pictures that is being read, beside the statements that name them.
pub(super) struct Pictures {
    file: io::BufReader<fs::File>,
    /// Those that are named and have not been read.
    wanted: BTreeSet<Sha256>,
}

impl Pictures {
    /// Opens it, and reads which pictures the statements name.
    ///
    /// # Errors
    /// The disk's, or that it is no such file.
    pub(super) fn open(statements: &Path, pictures: &Path) -> io::Result<Self> {
        let mut file = io::BufReader::new(fs::File::open(pictures)?);
        let mut magic = vec![0; PICTURES_MAGIC.len()];
        file.read_exact(&mut magic)?;
        if magic != PICTURES_MAGIC {
            return Err(io::Error::other("no file of pictures"));
        }
        let (mut parts, mut named) = (Parts::open(statements)?, Named::default());
        loop {
            let (envelopes, is_end) = parts.next().map_err(|_| io::Error::other("its statements are damaged"))?;
            named.read(&envelopes);
            if is_end {
                return Ok(Self { file, wanted: named.newest().into_iter().collect() });
            }
        }
    }

    /// The next picture that the statements name, told by its own digest; `None` at the end.
    ///
    /// # Errors
    /// The disk's, or a length that no picture has.
    pub(super) fn next(&mut self) -> io::Result<Option<(Sha256, Vec<u8>)>> {
        while !self.wanted.is_empty() {
            let mut length = [0; 4];
            match self.file.read_exact(&mut length) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                read => read?,
            }
            let length = picture_length(length).ok_or_else(|| io::Error::other("a picture of no possible length"))?;
            let mut picture = vec![0; length];
            self.file.read_exact(&mut picture)?;
            let digest = Sha256::of(&picture);
            if self.wanted.remove(&digest) {
                return Ok(Some((digest, picture)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;
    use heirloom_proto::body::{Work, WorkKind};
    use heirloom_proto::{Header, SecretKey, Statement, Timestamp};

    fn picture(number: u8) -> Vec<u8> {
        vec![number; 1000 + usize::from(number)]
    }

    fn record(number: u8, artwork: u8) -> Vec<u8> {
        let id = format!("imdb:tt{:07}", u32::from(number) + 1).parse().expect("a work id");
        let work = Work::new(id, format!("Film {number}"), Some(2000), WorkKind::Film);
        let body = Body::Work(Work { artwork: Some(Sha256::of(&picture(artwork))), ..work });
        let (created, expires) = (Timestamp(1), Some(Timestamp(1000)));
        let header = Header { generation: 0, seq: u64::from(number) + 1, created, expires };
        let secret = SecretKey::from_seed(&[1; 32]);
        Statement::sign(&secret, &header, &body).expect("within its limits").bytes().to_vec()
    }

    #[test]
    fn pictures_are_read_as_they_were_written_and_only_those_that_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let (statements, file) = (folder.path().join("statements"), folder.path().join("pictures"));
        let log: Vec<Vec<u8>> = [(0, 7), (1, 8), (2, 7), (3, 9)].map(|(number, art)| record(number, art)).to_vec();
        let mut writer = Writer::new(&statements).expect("made");
        writer.append(&log).expect("written");
        writer.finish().expect("finished");
        let mut named = Named::default();
        named.read(&log);
        let of = |number| Sha256::of(&picture(number));
        assert_eq!(named.newest(), [of(9), of(7), of(8)], "the newest record first, each once");

        let files = Files::new(folder.path().join("artwork"), 1 << 20);
        assert_eq!(write(&file, &named.newest(), &files, 1 << 20).expect("no picture is here"), 0);
        assert!(!file.exists());
        for number in [7, 9] {
            files.keep(&of(number), &picture(number), b"small", true).expect("kept");
        }
        let bytes = write(&file, &named.newest(), &files, 1 << 20).expect("written");
        assert_eq!(bytes, fs::metadata(&file).expect("there").len());
        let all = |file: &Path| {
            let mut pictures = Pictures::open(&statements, file).expect("opened");
            std::iter::from_fn(|| pictures.next().transpose()).collect::<io::Result<Vec<_>>>()
        };
        let found: Vec<Sha256> = all(&file).expect("read").into_iter().map(|(digest, _)| digest).collect();
        assert_eq!(found, [of(9), of(7)]);
        // There is room for one.
        assert!(write(&file, &named.newest(), &files, 1_500).expect("written") < 1_500);
        assert_eq!(all(&file).expect("read"), [(of(9), picture(9))]);
        // What nobody names, or comes twice, is passed over; what is cut off ends it.
        let bytes =
            [PICTURES_MAGIC, &picture_record(b"other").expect("short"), &picture_record(&picture(7)).expect("short")];
        let twice = [bytes.concat(), picture_record(&picture(7)).expect("short")].concat();
        fs::write(&file, &twice).expect("written");
        assert_eq!(all(&file).expect("read"), [(of(7), picture(7))]);
        fs::write(&file, &bytes.concat()[..bytes.concat().len() - 1]).expect("written");
        assert!(all(&file).is_err());
        fs::write(&file, [PICTURES_MAGIC, &[0xff; 4]].concat()).expect("written");
        assert!(all(&file).is_err(), "nothing is reserved for a length that no picture has");
        fs::write(&file, b"anything else than pictures").expect("written");
        assert!(Pictures::open(&statements, &file).is_err());
    }
}
