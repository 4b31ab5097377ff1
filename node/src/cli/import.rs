//! `import FILE`: a catalogue of others, row by row, as statements of the owner; or statements of anybody.

use super::args::Format as Wanted;
use super::client::Client;
use super::contents::{self, Content};
use super::{Outcome, say, statements};
use crate::follow;
use crate::http::{Request, Row, SeedItem};
use crate::import::{self, Format, ImportError, Sink};
use heirloom_core::command::{CommandError, Fault};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Cursor, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Rows in one request: each is signed and stored, and synced to disk with the others.
const BATCH_ROWS: usize = 200;
/// Bytes of rows in one request, so that it stays below what a request may be.
const BATCH_BYTES: usize = 512 << 10;
/// Rows that wait between the reader and the node.
const WAITING_MAX: usize = 1_000;
/// Bytes of a file by which its format is told.
const START_BYTES: usize = 4 << 10;
/// Skipped rows that are listed; of more the number is told.
const SKIPPED_MAX: usize = 10_000;
/// Torrents in one request to seed them: each file of their content is looked at.
const SEED_BATCH: usize = 100;
/// Most notes that are listed.
const NOTES_MAX: usize = 1_000;
/// Time between two looks of the progress bar.
const BAR_PERIOD: Duration = Duration::from_millis(100);
/// Letters of the bar.
const BAR_WIDTH: u64 = 30;

fn bad(code: &'static str, message: String) -> CommandError {
    CommandError::bad_input(code, message)
}

/// What the reader says.
enum Said {
    Row(String, Box<Result<Row, String>>),
    Content(String, SeedItem),
    Note(String),
}

/// Hands rows over to the task that asks the node.
struct Channel(mpsc::Sender<Said>);

impl Sink for Channel {
    fn row(&mut self, item: String, row: Result<Row, String>) -> bool {
        self.0.blocking_send(Said::Row(item, Box::new(row))).is_ok()
    }

    fn content(&mut self, item: &str, torrent: &Path, content: &Path) {
        let torrent = std::path::absolute(torrent).ok().and_then(|path| path.to_str().map(str::to_owned));
        // A path that is not Unicode cannot be told, and its content is listed only.
        if let (Some(torrent), Some(content)) = (torrent, content.to_str().map(str::to_owned)) {
            let _ = self.0.blocking_send(Said::Content(item.to_owned(), SeedItem { torrent, content }));
        }
    }

    fn note(&mut self, note: String) {
        // Whoever no longer listens needs no notes.
        let _ = self.0.blocking_send(Said::Note(note));
    }
}

/// Counts what was read, for the progress bar.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Where rows come from.
enum Source {
    Folder(PathBuf),
    Bytes(Format, Box<dyn Read + Send>),
}

/// Takes a catalogue in, or says what would become of it.
///
/// # Errors
/// What the node answers, or why nothing can be read.
pub async fn import(
    client: &Client,
    path: &Path,
    format: Option<Wanted>,
    data: Option<&Path>,
    is_dry: bool,
) -> Result<Outcome, CommandError> {
    if let Some(data) = data.filter(|data| !data.is_dir()) {
        return Err(bad("no_such_file", format!("--data names {}, which is no folder", data.display())));
    }
    let data = data.map(Path::to_owned);
    let read = Arc::new(AtomicU64::new(0));
    let shown = path.display().to_string();
    let mut done = Done::default();
    let address = path.to_str().filter(|text| follow::is_address(text));
    let (source, total) = match address {
        Some(address) => (fetched(address, format, &mut done).await?, None),
        None => open(path, format, &read)?,
    };
    let (format, source) = match source {
        Source::Bytes(Format::Statements, _) if is_dry => {
            return Err(bad("no_dry_run", "statements are taken in as they are: leave out --dry-run".into()));
        }
        Source::Bytes(Format::Statements, bytes) => return statements::import(client, bytes, &shown).await,
        Source::Folder(_) => (Format::Torrent, source),
        Source::Bytes(format, _) => (format, source),
    };
    if data.is_some() && !matches!(source, Source::Folder(_)) {
        return Err(bad(
            "no_torrents",
            "--data names the content of .torrent files: import those, or a folder of them".into(),
        ));
    }
    let (sender, mut said) = mpsc::channel(WAITING_MAX);
    let reading = tokio::task::spawn_blocking(move || {
        let mut sink = Channel(sender);
        match source {
            Source::Folder(folder) => import::read_folder(&folder, data.as_deref(), &mut sink),
            Source::Bytes(format, bytes) => import::read(format, &mut BufReader::new(bytes), &mut sink),
        }
    });
    let mut bar = Bar::new(total, read);
    let mut batch = Batch::default();
    let mut contents: Vec<(String, SeedItem)> = Vec::new();
    let mut door = client.open().await?;
    while let Some(one) = said.recv().await {
        match one {
            Said::Note(note) => done.notes.push(note),
            Said::Content(item, content) => contents.push((item, content)),
            Said::Row(item, row) => match *row {
                Err(reason) => done.skip(item, reason),
                Ok(row) => {
                    batch.add(item, done.place(row));
                    if batch.is_full() {
                        let answer = door.request(batch.request(is_dry)).await?;
                        done.add(&mut batch, &answer);
                    }
                }
            },
        }
        bar.show(&done);
    }
    if !batch.items.is_empty() {
        let answer = door.request(batch.request(is_dry)).await?;
        done.add(&mut batch, &answer);
    }
    if is_dry {
        done.contents = contents.len() as u64;
    } else {
        for some in contents.chunks(SEED_BATCH) {
            let items = some.iter().map(|(_, content)| content.clone()).collect();
            let answer = door.request(Request::Seed { items }).await?;
            done.add_seeds(some, &answer);
        }
        let begun = std::mem::take(&mut done.begun);
        let wrong = contents::compared(&mut door, begun, |left| bar.compare(left)).await;
        done.contents = done.contents.saturating_sub(wrong.len() as u64);
        for (item, reason) in wrong {
            done.note_unseeded(&item, &reason);
        }
    }
    bar.end();
    let ended = reading.await.map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))?;
    let damage = ended.err().map(|error| {
        let code = if matches!(error, ImportError::Io(_)) { "unreadable" } else { "bad_import" };
        bad(code, format!("{shown}: {error}"))
    });
    finish(done, format, is_dry, damage)
}

/// The answer: what came of it, and where all of it was wrong, that the file is.
fn finish(done: Done, format: Format, is_dry: bool, damage: Option<CommandError>) -> Result<Outcome, CommandError> {
    for note in &done.notes {
        say(&format!("heirloom: {note}\n"));
    }
    let is_nothing = done.imported + done.known == 0;
    let mut answer = done.to_json(format, is_dry);
    match damage {
        Some(error) if is_nothing && done.skipped_total == 0 => Err(error),
        Some(error) => {
            answer["error"] = json!({ "code": error.code, "message": error.message });
            Ok(Outcome::Declined(answer, error))
        }
        None if is_nothing && done.skipped_total > 0 => {
            let message =
                format!("nothing was imported: each of {} rows was skipped, see why above", done.skipped_total);
            Ok(Outcome::Declined(answer, bad("all_skipped", message)))
        }
        None => Ok(Outcome::Answer(answer)),
    }
}

/// Opens what the user named, and tells what it is.
fn open(path: &Path, format: Option<Wanted>, read: &Arc<AtomicU64>) -> Result<(Source, Option<u64>), CommandError> {
    let shown = path.display();
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => bad("no_such_file", format!("{shown} does not exist")),
        _ => bad("unreadable", format!("cannot read {shown}: {error}")),
    };
    let mut total = None;
    let bytes: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).map_err(unreadable)?;
        let data = file.metadata().map_err(unreadable)?;
        if data.is_dir() {
            if !matches!(format, None | Some(Wanted::Torrent)) {
                return Err(bad("not_a_file", format!("{shown} is a folder: only torrents are read from folders")));
            }
            return Ok((Source::Folder(path.to_owned()), None));
        }
        let is_torrent = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("torrent"));
        if data.is_file() && is_torrent && matches!(format, None | Some(Wanted::Torrent)) && begins_as_torrent(path) {
            return Ok((Source::Folder(path.to_owned()), None));
        }
        total = data.is_file().then_some(data.len());
        Box::new(file)
    };
    let mut counted = BufReader::new(Counted { inner: bytes, bytes: Arc::clone(read) });
    let start = start_of(&mut counted).map_err(unreadable)?;
    let format = format.map(to_format).or_else(|| import::guess(&start));
    let format = format.ok_or_else(|| unknown_format(&shown.to_string()))?;
    Ok((Source::Bytes(format, Box::new(Cursor::new(start).chain(counted))), total))
}

/// Whether a file holds a torrent, not magnet links.
fn begins_as_torrent(path: &Path) -> bool {
    let mut first = [0];
    File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *b"d"
}

fn to_format(format: Wanted) -> Format {
    match format {
        Wanted::Torrent => Format::Torrent,
        Wanted::Csv => Format::Csv,
        Wanted::Json => Format::Json,
        Wanted::Rss => Format::Rss,
        Wanted::Wikidata => Format::Wikidata,
        Wanted::Statements => Format::Statements,
    }
}

fn unknown_format(shown: &str) -> CommandError {
    let message = format!(
        "{shown} is no statement file, table, JSON, feed, Wikidata export or torrent that can be told by its content: say what it is with --format"
    );
    // The code that scripts know from the time when there were only statement files.
    bad("bad_statement_file", message)
}

/// A file behind a web address that the owner gave. What of it did not come is one item of the report.
async fn fetched(address: &str, format: Option<Wanted>, done: &mut Done) -> Result<Source, CommandError> {
    let file = follow::file_at(address).await?;
    let start = &file.bytes[..file.bytes.len().min(START_BYTES)];
    let guessed = || import::guess(start).or_else(|| import::guess_by_name(&file.kind, &file.name));
    let format = format.map(to_format).or_else(guessed).ok_or_else(|| unknown_format(address))?;
    let Some(cut) = file.cut else { return Ok(Source::Bytes(format, Box::new(Cursor::new(file.bytes)))) };
    match import::usable(format, file.bytes) {
        Some(usable) => {
            done.skip("the rest".into(), cut);
            Ok(Source::Bytes(format, Box::new(Cursor::new(usable))))
        }
        None => Err(bad("cut_off", format!("{address} cannot be imported: {cut}"))),
    }
}

/// The beginning of a file: as much as tells what it is, or all of a shorter one.
fn start_of(input: &mut impl io::BufRead) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    while start.len() < START_BYTES {
        let more = match input.fill_buf() {
            Ok(more) => more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if more.is_empty() {
            break;
        }
        let count = more.len().min(START_BYTES - start.len());
        start.extend_from_slice(&more[..count]);
        input.consume(count);
        // Whoever types line by line is not kept waiting.
        if start.contains(&b'\n') && import::guess(&start).is_some() {
            break;
        }
    }
    Ok(start)
}

/// Rows on their way to the node, with what a person calls them.
#[derive(Default)]
struct Batch {
    items: Vec<String>,
    rows: Vec<Row>,
    bytes: usize,
}

impl Batch {
    fn add(&mut self, item: String, row: Row) {
        self.bytes += serde_json::to_vec(&row).map_or(0, |bytes| bytes.len());
        self.items.push(item);
        self.rows.push(row);
    }

    fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    fn request(&mut self, is_dry: bool) -> Request {
        self.bytes = 0;
        Request::List { rows: std::mem::take(&mut self.rows), dry_run: is_dry }
    }
}

/// What became of a catalogue so far.
#[derive(Default)]
struct Done {
    imported: u64,
    known: u64,
    works: u64,
    releases: u64,
    skipped: Vec<(String, String)>,
    skipped_total: u64,
    notes: Vec<String>,
    /// Torrents whose content is here.
    contents: u64,
    /// Those of them that the node compares with their content.
    begun: Vec<Content>,
    /// Ids of works that an earlier row told about.
    told: BTreeSet<String>,
}

impl Done {
    fn skip(&mut self, item: String, reason: String) {
        self.skipped_total += 1;
        if self.skipped.len() < SKIPPED_MAX {
            self.skipped.push((item, reason));
        }
    }

    /// The first row of a work says what it is; later ones only fill what it left out, so that the same file twice says
    /// the same.
    fn place(&mut self, mut row: Row) -> Row {
        if let Some(record) = &row.record {
            row.is_further = record.ids.iter().any(|id| self.told.contains(id));
            self.told.extend(record.ids.iter().cloned());
        }
        row
    }

    fn add(&mut self, batch: &mut Batch, answer: &Value) {
        let rows = answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        for (item, row) in std::mem::take(&mut batch.items).into_iter().zip(rows) {
            match (row["new"].as_bool(), row["reason"].as_str()) {
                (Some(true), _) => self.imported += 1,
                (Some(false), _) => self.known += 1,
                (None, reason) => self.skip(item, reason.unwrap_or("the node gave no reason").to_owned()),
            }
        }
        self.works += answer["works"].as_u64().unwrap_or(0);
        self.releases += answer["releases"].as_u64().unwrap_or(0);
    }

    fn add_seeds(&mut self, some: &[(String, SeedItem)], answer: &Value) {
        let rows = answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        for ((item, _), row) in some.iter().zip(rows) {
            let is_skipped = self.skipped.iter().any(|(skipped, _)| skipped == item);
            match row["reason"].as_str() {
                None => {
                    self.contents += 1;
                    let infohash = row["infohash"].as_str().map(str::to_owned);
                    self.begun.extend(infohash.map(|infohash| Content { item: item.clone(), infohash }));
                }
                Some(_) if is_skipped => {}
                Some(reason) => self.note_unseeded(item, reason),
            }
        }
    }

    fn note_unseeded(&mut self, item: &str, reason: &str) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(format!("{item} is listed but not seeded: {reason}"));
        }
    }

    fn to_json(&self, format: Format, is_dry: bool) -> Value {
        let skipped: Vec<Value> =
            self.skipped.iter().map(|(item, reason)| json!({ "item": item, "reason": reason })).collect();
        let format = match format {
            Format::Torrent => "torrent",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Rss => "rss",
            Format::Wikidata => "wikidata",
            Format::Statements => "statements",
        };
        json!({
            "imported": self.imported,
            "known": self.known,
            "skipped": skipped,
            "skipped_total": self.skipped_total,
            "works": self.works,
            "releases": self.releases,
            "seeding": self.contents,
            "format": format,
            "dry_run": is_dry,
            "notes": self.notes,
        })
    }
}

/// A line on stderr that says how far it is; on a terminal only.
struct Bar {
    total: Option<u64>,
    read: Arc<AtomicU64>,
    is_shown: bool,
    last: Option<Instant>,
}

impl Bar {
    fn new(total: Option<u64>, read: Arc<AtomicU64>) -> Self {
        Self { total, read, is_shown: io::stderr().is_terminal(), last: None }
    }

    fn show(&mut self, done: &Done) {
        if !self.is_shown || self.last.is_some_and(|last| last.elapsed() < BAR_PERIOD) {
            return;
        }
        self.last = Some(Instant::now());
        say(&format!("\r\x1b[K{}", bar(self.total, self.read.load(Ordering::Relaxed), done)));
    }

    /// How many contents are left to be compared.
    fn compare(&mut self, left: usize) {
        if self.is_shown {
            self.last = Some(Instant::now());
            say(&format!("\r\x1b[Kcomparing contents with their torrents: {left} left"));
        }
    }

    fn end(&self) {
        if self.last.is_some() {
            say("\r\x1b[K");
        }
    }
}

fn bar(total: Option<u64>, read: u64, done: &Done) -> String {
    let counts = format!("{} new, {} known, {} skipped", done.imported, done.known, done.skipped_total);
    let Some(total) = total.filter(|total| *total > 0) else { return counts };
    let read = read.min(total);
    let filled = read * BAR_WIDTH / total;
    let drawn: String = (0..BAR_WIDTH).map(|at| if at < filled { '█' } else { '░' }).collect();
    format!("{drawn} {:>3} %  {counts}", read * 100 / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Record;

    #[test]
    fn later_rows_of_a_work_only_add() {
        let row = |ids: &[&str]| Row {
            record: Some(Record { ids: ids.iter().map(|id| (*id).to_owned()).collect(), ..Record::default() }),
            ..Row::default()
        };
        let mut done = Done::default();
        assert!(!done.place(row(&["imdb:tt0000001", "tmdb:movie/1"])).is_further);
        assert!(done.place(row(&["tmdb:movie/1"])).is_further);
        assert!(!done.place(row(&["tmdb:movie/2"])).is_further);
    }

    #[test]
    fn the_bar_says_how_far_it_is() {
        let done = Done { imported: 3, ..Done::default() };
        let text = bar(Some(200), 100, &done);
        assert!(text.contains(" 50 %  3 new") && text.matches('█').count() == 15, "{text}");
        assert_eq!(bar(None, 5, &done), "3 new, 0 known, 0 skipped");
        assert!(bar(Some(100), 1000, &done).contains("100 %"));
    }
}
