//! `export --statements FILE` and `import FILE`: statements out of and into this node by file.

use super::Outcome;
use super::client::Client;
use crate::http::Request;
use data_encoding::BASE64;
use heirloom_core::command::{CommandError, Fault, IMPORT_BYTES_MAX};
use heirloom_proto::statement_file::{FileError, MAGIC, Reader, end, record};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::path::Path;

/// Bytes read at once.
const PIECE_BYTES: usize = 64 << 10;
/// Most envelopes in one request, so that tiny ones do not make it longer than a request may be.
const BATCH_MAX: usize = 8192;

fn bad(code: &'static str, message: String) -> CommandError {
    CommandError::bad_input(code, message)
}

/// Writes the public statements of this node to a file, over what was there.
///
/// # Errors
/// What the node answers, or why the file cannot be written.
pub async fn export(client: &Client, path: &Path) -> Result<Outcome, CommandError> {
    let all = client.request(Request::Export).await?;
    let rows = all.as_array().map(Vec::as_slice).unwrap_or_default();
    let (private, public): (Vec<&Value>, Vec<&Value>) = rows.iter().partition(|row| row["private"] == true);
    let records = public.iter().filter_map(|row| record(&BASE64.decode(row["envelope"].as_str()?.as_bytes()).ok()?));
    let written = write_whole(path, records)
        .map_err(|error| CommandError::new(Fault::Failed, "io", format!("cannot write {}: {error}", path.display())))?;
    // What never leaves this node must not leave it by a file that is handed on.
    let answer =
        json!({ "file": path.display().to_string(), "statements": written, "private_left_out": private.len() });
    Ok(Outcome::Answer(answer))
}

/// All or nothing, so that a full disk leaves no half of a file.
fn write_whole(path: &Path, records: impl Iterator<Item = Vec<u8>>) -> io::Result<u64> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = io::BufWriter::new(tempfile::NamedTempFile::new_in(folder)?);
    file.write_all(MAGIC)?;
    let mut count = 0;
    for record in records {
        file.write_all(&record)?;
        count += 1;
    }
    file.write_all(&end(count))?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(count)
}

/// What became of a file so far.
#[derive(Default)]
struct Sum {
    imported: u64,
    known: u64,
    evicted: u64,
    refused: BTreeMap<String, u64>,
}

impl Sum {
    fn add(&mut self, answer: &Value) {
        let number = |name: &str| answer[name].as_u64().unwrap_or(0);
        self.imported += number("imported");
        self.known += number("known");
        self.evicted += number("evicted");
        for refused in answer["refused"].as_array().into_iter().flatten() {
            let reason = refused["reason"].as_str().unwrap_or("unknown").to_owned();
            *self.refused.entry(reason).or_default() += refused["count"].as_u64().unwrap_or(0);
        }
    }

    fn to_json(&self) -> Value {
        let refused: Vec<Value> =
            self.refused.iter().map(|(reason, count)| json!({ "reason": reason, "count": count })).collect();
        json!({ "imported": self.imported, "known": self.known, "evicted": self.evicted, "refused": refused })
    }
}

/// Takes the statements of a file in, which a person calls `shown`. Where it is damaged, what came before stays.
///
/// # Errors
/// What the node answers, or why the file cannot be read.
pub async fn import(client: &Client, mut source: Box<dyn Read + Send>, shown: &str) -> Result<Outcome, CommandError> {
    let mut door = client.open().await?;
    let (mut reader, mut batch, mut sum) = (Reader::new(), Batch::default(), Sum::default());
    let mut piece = vec![0; PIECE_BYTES];
    let damage: Option<FileError> = 'file: loop {
        let read = match source.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(bad("unreadable", format!("cannot read {shown}: {error}"))),
        };
        if read == 0 {
            break reader.finish().err();
        }
        reader.push(&piece[..read]);
        loop {
            match reader.next_envelope() {
                Ok(None) => break,
                Err(error) => break 'file Some(error),
                Ok(Some(envelope)) => {
                    if !batch.has_room_for(&envelope) {
                        sum.add(&door.request(batch.take()).await?);
                    }
                    batch.add(&envelope);
                }
            }
        }
    };
    if !batch.envelopes.is_empty() {
        sum.add(&door.request(batch.take()).await?);
    }
    let Some(damage) = damage else { return Ok(Outcome::Answer(sum.to_json())) };
    let error = bad("bad_statement_file", format!("{shown}: {damage}"));
    if reader.count() == 0 {
        return Err(error);
    }
    let mut answer = sum.to_json();
    answer["error"] = json!({ "code": error.code, "message": error.message });
    Ok(Outcome::Declined(answer, error))
}

/// Envelopes on their way to the node.
#[derive(Default)]
struct Batch {
    envelopes: Vec<String>,
    bytes: usize,
}

impl Batch {
    fn has_room_for(&self, envelope: &[u8]) -> bool {
        self.envelopes.len() < BATCH_MAX && self.bytes + envelope.len() <= IMPORT_BYTES_MAX
    }

    fn add(&mut self, envelope: &[u8]) {
        self.bytes += envelope.len();
        self.envelopes.push(BASE64.encode(envelope));
    }

    fn take(&mut self) -> Request {
        self.bytes = 0;
        Request::Import { envelopes: std::mem::take(&mut self.envelopes) }
    }
}
