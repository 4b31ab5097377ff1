//! Signs what is in `bootstrap-lists/`: the starter catalogue and the packs, out of tables that people edit.
//!
//! ```sh
//! cargo run -p heirloom-proto --example sign_bootstrap -- new SECRET              # once: a project key and its successor
//! cargo run -p heirloom-proto --example sign_bootstrap -- sign SECRET bootstrap-lists
//! cargo run -p heirloom-proto --example sign_bootstrap -- rotate SECRET           # the successor takes over; then sign again
//! ```
//! SECRET is a file outside of the repository with a line `key: HEX`, `next: HEX`, after a rotation `previous: HEX`, and `generation: N`.

#![allow(clippy::print_stdout, reason = "it is a program")]

use heirloom_proto::body::{CuratorEntry, CuratorList, Episode, Listing, Profile, Retraction, Rotation, Work};
use heirloom_proto::signed_text::{find_blocks, to_block};
use heirloom_proto::time::DAY_MS;
use heirloom_proto::{Body, Header, SecretKey, Sha256, Statement, Timestamp, WorkId};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::SystemTime;

/// The longest that a statement may live: a release a year renews it, with a month to spare.
const LIFETIME_MS: u64 = 400 * DAY_MS;
const NAME: &str = "Heirloom starter catalogue";

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A line of a table, by the names of its columns.
type Row = BTreeMap<String, String>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["new", secret] => {
            let keys = Keys { key: random()?, next: random()?, previous: None, generation: 0 };
            keys.write(Path::new(secret), false)
        }
        ["rotate", secret] => {
            let old = Keys::read(Path::new(secret))?;
            let generation = old.generation + 1;
            Keys { key: old.next, next: random()?, previous: Some(old.key), generation }.write(Path::new(secret), true)
        }
        ["sign", secret, folder] => Signer::new(Keys::read(Path::new(secret))?)?.sign(Path::new(folder)),
        _ => Err("use: new SECRET, rotate SECRET, or sign SECRET FOLDER".into()),
    }
}

fn random() -> Outcome<[u8; 32]> {
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    Ok(seed)
}

/// The secret file.
struct Keys {
    key: [u8; 32],
    next: [u8; 32],
    previous: Option<[u8; 32]>,
    generation: u32,
}

impl Keys {
    fn read(path: &Path) -> Outcome<Self> {
        let text = std::fs::read_to_string(path)?;
        let fields: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(": ")).collect();
        let seed = |name: &str| -> Outcome<Option<[u8; 32]>> {
            let Some(hex) = fields.get(name) else { return Ok(None) };
            let bytes = data_encoding::HEXLOWER.decode(hex.trim().as_bytes())?;
            Ok(Some(bytes.try_into().map_err(|_| format!("{name} has not 32 bytes"))?))
        };
        Ok(Self {
            key: seed("key")?.ok_or("no key")?,
            next: seed("next")?.ok_or("no next key")?,
            previous: seed("previous")?,
            generation: fields.get("generation").ok_or("no generation")?.trim().parse()?,
        })
    }

    fn write(&self, path: &Path, over: bool) -> Outcome<()> {
        let hex = |seed: &[u8; 32]| data_encoding::HEXLOWER.encode(seed);
        let mut text = format!("key: {}\nnext: {}\n", hex(&self.key), hex(&self.next));
        if let Some(previous) = &self.previous {
            text.push_str(&format!("previous: {}\n", hex(previous)));
        }
        text.push_str(&format!("generation: {}\n", self.generation));
        // Beside it first: a full disk must not cost the key that was there.
        let new = path.with_extension("new");
        if path.exists() && !over {
            return Err(format!("{} exists: a key is not written over", path.display()).into());
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        println!("{}", SecretKey::from_seed(&self.key).public());
        Ok(())
    }
}

/// Signs with rising numbers.
struct Signer {
    keys: Keys,
    secret: SecretKey,
    seq: u64,
}

impl Signer {
    fn new(keys: Keys) -> Outcome<Self> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(Self { secret: SecretKey::from_seed(&keys.key), keys, seq: u64::try_from(since.as_millis())? })
    }

    fn block(&mut self, body: &Body) -> Outcome<String> {
        self.seq += 1;
        // The beginning of the day: whose clock is hours late takes it too, and the numbers tell which is newer.
        let created = Timestamp(self.seq / DAY_MS * DAY_MS);
        let expires = body.kind().limits().lifetime_ms_max.map(|_| Timestamp(created.0 + LIFETIME_MS));
        let header = Header { generation: self.keys.generation, seq: self.seq, created, expires };
        Ok(to_block(&Statement::sign(&self.secret, &header, body)?)?)
    }

    fn sign(mut self, folder: &Path) -> Outcome<()> {
        let file = folder.join("starter.txt");
        let old = std::fs::read_to_string(&file).unwrap_or_default();
        let next = SecretKey::from_seed(&self.keys.next).public();
        let next_key_hash = Sha256::of(next.as_bytes());
        let mut bodies = Vec::new();
        if let Some(previous) = self.keys.previous {
            let previous = SecretKey::from_seed(&previous);
            bodies.push(Body::Rotation(Rotation::signed_by(&previous, &self.secret.public(), next_key_hash)));
        }
        bodies.push(Body::Profile(Profile { name: NAME.into(), url: String::new(), next_key_hash }));
        bodies.extend(works(&rows(&folder.join("open-works.csv"))?, &rows(&folder.join("episodes.csv"))?)?);
        // What is no longer in the table is taken back, or it would stay with those who have it.
        for gone in find_blocks(&old)?.0 {
            let is_of_key = *gone.author() == self.secret.public();
            let stays = bodies.iter().any(|body| body.kind() == gone.kind() && body.slot() == gone.body().slot());
            match gone.body() {
                Body::Work(_) | Body::Listing(_) if is_of_key && !stays => {
                    bodies.push(Body::Retraction(Retraction { target: gone.id() }));
                }
                Body::Retraction(_) if is_of_key => bodies.push(gone.body().clone()),
                _ => {}
            }
        }
        let mut text = String::from(
            "Heirloom's starter catalogue: works that may be shared. README.md says how to read and check it.\n",
        );
        for body in &bodies {
            text.push('\n');
            text.push_str(&self.block(body)?);
        }
        std::fs::write(&file, text)?;
        println!("{}: {} statements by {}", file.display(), bodies.len(), self.secret.public());
        let mut packs: Vec<_> = std::fs::read_dir(folder.join("packs"))?.collect::<Result<_, _>>()?;
        packs.sort_by_key(std::fs::DirEntry::path);
        for table in packs.into_iter().map(|entry| entry.path()) {
            if table.extension().is_some_and(|end| end == "csv") {
                self.pack(&table)?;
            }
        }
        Ok(())
    }

    fn pack(&mut self, table: &Path) -> Outcome<()> {
        let name = table.file_stem().and_then(|name| name.to_str()).ok_or("a pack needs a name")?.to_owned();
        let entry = |row: Row| -> Outcome<CuratorEntry> {
            let key = if row["key"] == "starter" { self.secret.public() } else { row["key"].parse()? };
            Ok(CuratorEntry { key, name: row["name"].clone(), note: row["note"].clone() })
        };
        let entries = rows(table)?.into_iter().map(entry).collect::<Outcome<Vec<_>>>()?;
        let block = self.block(&Body::CuratorList(CuratorList { name, entries }))?;
        std::fs::write(table.with_extension("txt"), block)?;
        Ok(())
    }
}

/// The record of each work, before the listings of its releases.
fn works(releases: &[Row], episodes: &[Row]) -> Outcome<Vec<Body>> {
    let mut bodies: Vec<Body> = Vec::new();
    for row in releases {
        let (record, listing) = (record(row, episodes)?, listing(row)?);
        let said = bodies.iter().find_map(|body| match body {
            Body::Work(said) if said.id() == record.id() => Some(said),
            _ => None,
        });
        match said {
            Some(said) if *said == record => {}
            Some(_) => return Err(format!("the rows of {} do not agree on the work", record.id()).into()),
            None => bodies.push(Body::Work(record)),
        }
        bodies.push(Body::Listing(listing));
    }
    let unused = episodes.iter().find(|episode| !releases.iter().any(|row| row["work"] == episode["work"]));
    match unused {
        Some(episode) => Err(format!("episodes.csv names {}, which is not in open-works.csv", episode["work"]).into()),
        None => Ok(bodies),
    }
}

/// The id in the table, or else the one made of what people call it.
fn id_of(row: &Row) -> Outcome<WorkId> {
    Ok(match row["work"].as_str() {
        "" => WorkId::of_title(&row["title"], row["year"].parse()?, &row["kind"]),
        id => id.parse()?,
    })
}

fn record(row: &Row, episodes: &[Row]) -> Outcome<Work> {
    let mut record = Work::new(id_of(row)?, row["title"].clone(), Some(row["year"].parse()?), row["kind"].parse()?);
    if !row["also"].is_empty() {
        record.ids.push(row["also"].parse()?);
    }
    for of_it in episodes.iter().filter(|episode| episode["work"] == row["work"]) {
        let (season, number) = (of_it["season"].parse()?, of_it["number"].parse()?);
        record.episodes.push(Episode { season, number, title: of_it["title"].clone(), date: String::new() });
    }
    Ok(record)
}

fn listing(row: &Row) -> Outcome<Listing> {
    let filled = |name: &str| Some(row[name].clone()).filter(|text| !text.is_empty());
    let episode = match row["episode"].split_once('x') {
        Some((season, number)) => Some((season.parse()?, number.parse()?)),
        None => None,
    };
    // What the table does not know of size and files, the torrent says.
    Ok(Listing {
        info_sha256: filled("info_sha256").map(|digits| digits.parse()).transpose()?,
        size: filled("size").map_or(Ok(0), |size| size.parse())?,
        episode,
        licence: row["licence"].clone(),
        trackers: filled("trackers").into_iter().collect(),
        web_seeds: filled("web_seed").into_iter().collect(),
        ..Listing::new(id_of(row)?, row["infohash"].parse()?, row["name"].clone())
    })
}

/// A table with one line of names. No field holds a comma.
fn rows(path: &Path) -> Outcome<Vec<Row>> {
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("an empty table")?.split(',').collect();
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            if fields.len() != names.len() {
                return Err(
                    format!("{}: {line:?} has {} fields, not {}", path.display(), fields.len(), names.len()).into()
                );
            }
            Ok(names.iter().zip(fields).map(|(name, field)| ((*name).to_owned(), field.to_owned())).collect())
        })
        .collect()
}
