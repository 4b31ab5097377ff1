//! What the user can ask for, and the answers. Whoever asks (CLI, HTTP, a test) has already parsed text into these
//! types; whoever answers text or JSON does so outside.

use crate::fitting::Pick;
use crate::observed::{Client, Swarm};
use crate::views;
use heirloom_proto::body::{CuratorList, Level, Listing, Opinion, Rotation, Scope, Work, WorkKind};
use heirloom_proto::{Infohash, Key, Sha256, StatementId, WorkId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most bytes of envelopes in one [`Command::Import`]. 512 KiB: some 2,500 attestations, checked in under half a second,
/// so that a long file keeps nobody else waiting for longer; and in base 64 they fit a request of the API.
pub const IMPORT_BYTES_MAX: usize = 512 << 10;

/// Most entries in one [`Command::List`]: a thousand signatures, some 100 ms, so that nobody else waits for long.
pub const ENTRIES_MAX: usize = 500;

/// Most keys in one [`Command::Ring`]. 250,000: twice the largest ring that the metric was tested with in full, and
/// 16 MiB as text.
pub const RING_KEYS_MAX: usize = 250_000;

/// Most releases in the answer to [`Command::Newest`]: what a feed reader fetches when it looks the first time.
pub const NEWEST_MAX: usize = 1_000;

/// Most works in one [`Command::Shelf`], so that nobody else waits for long.
pub const SHELF_MAX: usize = 50;

/// A wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Who am I?
    Identity,
    /// Set my name and address.
    SetProfile {
        /// New name, if it changes.
        name: Option<String>,
        /// New address, if it changes.
        url: Option<String>,
    },
    /// Say, once, that my key takes over from the one that it followed.
    Succeed {
        /// With the signature of that key, or the time since when it is compromised.
        rotation: Box<Rotation>,
    },
    /// Follow a key, or say what following it would change.
    Follow {
        /// Whom.
        key: Key,
        /// How much; positive.
        level: Level,
        /// For what.
        scope: Scope,
        /// What I call them; empty: what they call themselves.
        alias: String,
        /// Only the preview.
        preview: bool,
    },
    /// The same, for people, who say what they mean and no more: what is left out stays as it is for a key that is
    /// followed, and is the usual for one that is not.
    FollowAs {
        /// Whom.
        key: Key,
        /// What is said of it.
        said: Following,
        /// Only the preview.
        preview: bool,
    },
    /// Whom do I follow?
    Follows,
    /// What does a key say?
    About {
        /// Which.
        key: Key,
        /// What was shown already.
        skip: Skip,
    },
    /// Stop following.
    Unfollow {
        /// Whom.
        key: Key,
    },
    /// Follow the starter catalogue at depth zero, and take in what it says; unless it was dropped once.
    TakeStarter {
        /// Whose it is.
        key: Key,
        /// What it says: envelopes, unchecked; at most [`IMPORT_BYTES_MAX`].
        envelopes: Vec<Vec<u8>>,
        /// Although it was dropped once: the owner asks for it.
        again: bool,
    },
    /// Stop following the starter catalogue, for good.
    DropStarter,
    /// Sign a list of keys for others.
    MakeList {
        /// The list.
        list: CuratorList,
        /// Keep it out of the network; what is made of it by file is the owner's affair.
        private: bool,
    },
    /// Sign an attestation.
    Attest {
        /// About whom.
        subject: Key,
        /// How much.
        level: Level,
        /// For what.
        scope: Scope,
        /// Why.
        reason: String,
        /// For how long; `None`: the usual time.
        lifetime: Option<Duration>,
        /// Keep it to myself.
        private: bool,
    },
    /// Sign a verdict.
    Verdict {
        /// On what.
        infohash: Infohash,
        /// What I found.
        opinion: Opinion,
        /// In my words.
        note: String,
        /// Keep it to myself.
        private: bool,
    },
    /// Explain a score.
    Why {
        /// Of whom or what.
        subject: Subject,
        /// In which scope.
        scope: Scope,
    },
    /// Keys with their scores, best first.
    Trust {
        /// In which scope.
        scope: Scope,
        /// At most so many.
        limit: usize,
    },
    /// Keys that have a voice without being followed, or those that are distrusted: best first, and how many there are.
    Circle {
        /// Which of the two.
        part: CirclePart,
        /// So many are left out at the beginning.
        skip: usize,
        /// At most so many, and no more than [`views::CIRCLE_ROWS_MAX`].
        limit: usize,
    },
    /// What keys are called here; of the first [`views::NAMES_MAX`].
    Names {
        /// Which keys.
        keys: BTreeSet<Key>,
    },
    /// What could these keys gain together, and what do they have?
    Ring {
        /// In which scope.
        scope: Scope,
        /// Which keys.
        keys: BTreeSet<Key>,
    },
    /// What was received.
    Ledger {
        /// How to add up.
        by: views::LedgerBy,
    },
    /// Say that an address of the ledger belongs to a key that it showed, or (without a key) take that back.
    Link {
        /// Which.
        address: std::net::IpAddr,
        /// Whose.
        key: Option<Key>,
    },
    /// Book a look at another client of mine, as weak evidence.
    Observe {
        /// Which.
        client: Client,
        /// Its torrents; at most [`crate::observed::SWARMS_MAX`].
        swarms: Vec<Swarm>,
        /// Only say what it would come to.
        is_dry: bool,
    },
    /// Choose a release for another client to fetch, by the rules of [`Command::Get`].
    HandOff {
        /// Which.
        what: Wanted,
        /// Although it is not trusted.
        anyway: bool,
        /// What of it, and of what sort.
        choice: Choice,
    },
    /// Which files of a release are what is wanted of it, now that a client knows what is in it?
    HandedFiles {
        /// Which release.
        infohash: Infohash,
        /// What of it.
        pick: crate::fitting::Pick,
        /// Path and size of each file.
        files: Vec<(String, u64)>,
    },
    /// Remember that a client has it.
    HandedOff {
        /// Which release.
        infohash: Infohash,
        /// Who fetches it.
        client: Client,
        /// Where that client answers.
        url: String,
        /// Whatever is in it.
        anyway: bool,
    },
    /// What did I hand to other clients?
    Handed,
    /// Look at what is in a release that was handed off, now that its client knows.
    LookInto {
        /// Which release.
        infohash: Infohash,
        /// Path and size of each file.
        files: Vec<(String, u64)>,
    },
    /// List a release of a work.
    Publish(Publish),
    /// List works and releases by the row, synced to disk once; at most [`ENTRIES_MAX`].
    List {
        /// The rows.
        entries: Vec<Entry>,
        /// Only say what would become of them.
        is_dry: bool,
    },
    /// Seed releases that I list, and whose torrent files are kept here; at most [`ENTRIES_MAX`].
    Seed {
        /// Which, and where their content lies.
        listed: Vec<OwnContent>,
    },
    /// Take a statement back.
    Retract {
        /// Which.
        target: Target,
    },
    /// Find works by text.
    Search {
        /// Words.
        text: String,
        /// Only this kind.
        kind: Option<WorkKind>,
        /// Only works with a release of this band or better; `None`: all but the distrusted.
        band: Option<heirloom_graph::Band>,
        /// At most so many.
        limit: usize,
    },
    /// Rank works that an index found.
    Rank(Box<Rank>),
    /// Who is heard when works are looked for?
    Hearing,
    /// Of which state are works and releases shown? The number grows whenever they may be shown otherwise than before.
    Showing,
    /// Which releases were listed last?
    Newest(Newest),
    /// Show works and their releases as they are known here, asking nobody; at most [`SHELF_MAX`].
    Shelf {
        /// Which.
        works: Vec<WorkId>,
        /// Lines of the resolution that is liked best; 0: no matter which.
        lines: u32,
    },
    /// Show a work and its releases, asking the network too.
    Show {
        /// Which.
        work: WorkId,
        /// How long the network may take; `None`: the usual time.
        wait: Option<Duration>,
        /// Lines of the resolution that is liked best; 0: no matter which.
        lines: u32,
    },
    /// Fetch a release.
    Get {
        /// Which.
        what: Wanted,
        /// Folder to put it in; `None`: the usual one.
        to: Option<String>,
        /// Although it is not trusted.
        anyway: bool,
        /// What of it, and of what sort.
        choice: Choice,
    },
    /// Neither fetch nor seed a torrent any longer. The ledger keeps what was received.
    Cancel {
        /// Which.
        infohash: Infohash,
        /// Delete what of it is here, if it is not complete.
        delete: bool,
    },
    /// How is the node?
    Status,
    /// Every statement of mine.
    Export,
    /// Take statements of anybody in, as they stood in a file; at most [`IMPORT_BYTES_MAX`] at once.
    Import {
        /// Envelopes, unchecked.
        envelopes: Vec<Vec<u8>>,
    },
    /// Check every stored statement again and rebuild what is derived.
    Reindex,
}

/// What somebody says of a key as they follow it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Following {
    /// How much, if that is said; usually [`Level::HIGH`].
    pub level: Option<Level>,
    /// For what, if that is said; usually everything.
    pub scope: Option<Scope>,
    /// What I call them, if that is said; empty: what they call themselves.
    pub alias: Option<String>,
    /// What they were called where I found them: how a key is called that is new to me.
    pub found_as: String,
}

/// Which keys of [`Command::Circle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CirclePart {
    /// Those who have a voice here without being followed.
    Heard,
    /// Those who are distrusted.
    Distrusted,
}

/// How many of each kind of what a key says are left out, the newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skip {
    /// Listings.
    pub listings: usize,
    /// Attestations.
    pub attestations: usize,
    /// Judgements.
    pub verdicts: usize,
}

/// What `why` is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A key.
    Key(Key),
    /// A release.
    Release(Infohash),
    /// The best release of a work.
    Work(WorkId),
}

/// What `get` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A release.
    Release(Infohash),
    /// The best release of a work.
    Work(WorkId),
}

/// How a release is chosen, and what of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Only this of a series; `None`: all of the release.
    pub pick: Option<Pick>,
    /// Lines of the resolution that is liked best; 0: no matter which.
    pub lines: u32,
}

/// Works that an index found, and how they are to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rank {
    /// What was found; of one work several times, by what several authors say.
    pub candidates: Vec<Candidate>,
    /// The works of this release too.
    pub infohash: Option<Infohash>,
    /// Only such works.
    pub filter: Filter,
    /// Only works with a release of this band or better; `None`: all but the distrusted.
    pub band: Option<heirloom_graph::Band>,
    /// At most so many.
    pub limit: usize,
    /// Season and number of the episode that is looked for.
    pub episode: Option<(u32, u32)>,
    /// Lines of the resolution that is liked best; 0: no matter which.
    pub lines: u32,
}

/// A work that an index found, by what one author says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub work: WorkId,
    /// Who says what was found; `None`: it is found by its id, whoever says something of it.
    pub author: Option<Key>,
    /// How well it fits, 0…1000.
    pub relevance: u16,
    /// Found by the name of a release, not by a record.
    pub is_by_release: bool,
}

/// Which works are wanted. What is left out excludes nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Kind.
    pub kind: Option<WorkKind>,
    /// Genre, however it is written.
    pub genre: Option<String>,
    /// First and last year.
    pub years: Option<(u32, u32)>,
    /// Language of the work or of a release (BCP 47); `pt` is also `pt-BR`.
    pub language: Option<String>,
    /// Licence of a release (SPDX); `CC-BY` is also `CC-BY-3.0`.
    pub licence: Option<String>,
}

/// Which of the newest releases are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    /// Of works of these kinds; none: of all.
    pub kinds: BTreeSet<WorkKind>,
    /// Only in this band or a better one; `None`: all but the distrusted.
    pub band: Option<heirloom_graph::Band>,
    /// Only what this key lists.
    pub by: Option<Key>,
    /// At most so many, and no more than [`NEWEST_MAX`].
    pub limit: usize,
}

/// What `retract` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A statement.
    Statement(StatementId),
    /// My listings of a release.
    Release(Infohash),
}

/// Everything that a listing needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// A path, a torrent file or a magnet link, as the user gave it.
    pub source: String,
    /// The work.
    pub work: WorkId,
    /// Its title, for a new or changed work record.
    pub title: Option<String>,
    /// Its year.
    pub year: Option<u32>,
    /// What it is.
    pub kind: Option<WorkKind>,
    /// Season and episode, if the release is one.
    pub episode: Option<(u32, u32)>,
    /// The season that its files are of, where their names do not say.
    pub season: Option<u32>,
    /// Files of a season pack: path ends with the text → season and episode.
    pub map: Vec<(String, (u32, u32))>,
    /// SPDX expression.
    pub licence: String,
    /// Such as `1080p`.
    pub resolution: String,
    /// BCP 47.
    pub languages: Vec<String>,
    /// How it was made, and where else it is to be had.
    pub made: Box<Made>,
    /// SHA-256 of the picture of the work.
    pub artwork: Option<Sha256>,
    /// Keep it to myself.
    pub private: bool,
}

/// What a listing may say beside; what is empty is read from names by whoever reads the listing, or from the torrent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Such as `Blu-ray`.
    pub medium: String,
    /// Such as `H.264`.
    pub video_codec: String,
    /// Such as `AAC`.
    pub audio_codecs: Vec<String>,
    /// Languages of subtitles (BCP 47).
    pub subtitles: Vec<String>,
    /// Trackers beside those of the torrent.
    pub trackers: Vec<String>,
    /// Web seeds beside those of the torrent.
    pub web_seeds: Vec<String>,
}

/// A release of the owner's whose content is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnContent {
    /// Which.
    pub infohash: Infohash,
    /// SHA-256 of its info dictionary.
    pub info_sha256: Option<Sha256>,
    /// Trackers of its torrent.
    pub trackers: Vec<String>,
    /// Its file or folder.
    pub content: String,
    /// What was seeded of it before turned out not to be it: this is tried in its place.
    pub is_retry: bool,
}

/// One row of a catalogue that is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the work is; `None`: nothing beside its release.
    pub record: Option<Work>,
    /// An earlier row of the same import said what this work is: this one only fills what is empty.
    pub is_further: bool,
    /// Its release.
    pub listing: Option<Listing>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each carries the view that its command names")]
#[allow(clippy::large_enum_variant, reason = "a reply travels in a box of its own")]
pub enum Reply {
    Identity(views::Identity),
    Followed(views::Followed),
    Follows(Vec<views::Follow>),
    About(Box<views::About>),
    Starter(views::Starter),
    List(views::SignedList),
    Signed(views::Signed),
    Why(Box<views::Why>),
    Trust(Vec<views::TrustRow>),
    Circle(views::Circle),
    Names(BTreeMap<Key, String>),
    Ledger(Vec<views::LedgerRow>),
    Observed(Box<views::Observation>),
    HandingOff(Box<views::HandingOff>),
    HandedFiles(BTreeSet<u32>),
    Handed(Vec<(Infohash, crate::handed::Handed)>),
    Published(Box<views::Published>),
    Listed(views::Listed),
    Seeded(Vec<Result<(), String>>),
    Works(Vec<views::Found>),
    Hearing(std::sync::Arc<views::Hearing>),
    Showing(u64),
    Newest(Vec<(WorkId, Infohash)>),
    Shelf(Vec<views::Work>),
    Work(Box<views::Work>),
    Getting(views::Getting),
    Cancelled(views::Cancelled),
    Status(views::Status),
    Ring(Box<views::Ring>),
    Statements(Vec<views::OwnStatement>),
    Imported(views::Imported),
    Reindexed(views::Reindexed),
}

/// Which exit a refused command takes; the numbers are in the CLI contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Something failed: exit 1.
    Failed,
    /// The input is wrong: exit 2.
    BadInput,
    /// There is no such thing: exit 3.
    NotFound,
    /// Untrusted, blocked or unsafe: exit 4.
    Refused,
}

/// Why a command was not carried out. One sentence that says what to do.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct CommandError {
    /// Which exit.
    pub fault: Fault,
    /// Stable name for scripts, such as `unknown_release`.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl CommandError {
    /// A refusal.
    pub fn new(fault: Fault, code: &'static str, message: impl Into<String>) -> Self {
        Self { fault, code, message: message.into() }
    }

    /// The input is wrong.
    pub fn bad_input(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Fault::BadInput, code, message)
    }

    /// There is no such thing.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Fault::NotFound, code, message)
    }

    /// It needs a network that this process does not have.
    #[must_use]
    pub fn needs_node(what: &str) -> Self {
        Self::new(Fault::Failed, "needs_node", format!("{what} needs a running node: start one with `heirloom run`"))
    }
}
