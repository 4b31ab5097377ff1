//! What readers get: plain structs, made at the moment of asking.

use crate::budgets::Budgets;
use crate::fitting::{Filled, Flag};
use crate::observed::Client;
use crate::refusals::Refused;
use crate::scoring::band_rank;
use crate::settings::{Preset, TrustSettings};
use heirloom_graph::Band;
use heirloom_proto::body::{Credit, Episode, Level, Opinion, Scope, WorkKind, WorkTitle};
use heirloom_proto::limits::HEAD_FRESH_MS;
use heirloom_proto::{Infohash, Key, Sha256, Statement, StatementId, Timestamp, Verified, WorkId};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// A small snapshot that is always at hand, without asking.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The owner's key.
    pub me: Key,
    /// Scores of keys by scope `catalogue`, best first, at most 1000.
    pub keys: Vec<(Key, f64, Band)>,
    /// Counters.
    pub status: Status,
}

/// Who the owner is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Key.
    pub key: Key,
    /// Name, or empty.
    pub name: String,
    /// Address, or empty.
    pub url: String,
    /// How often it was rotated.
    pub generation: u32,
}

/// What following a key changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// Keys that would gain power to vote.
    pub keys_gaining_voice: usize,
    /// Works that would get a trusted or vouched release.
    pub works_gained: usize,
    /// Works whose last shown release would be distrusted.
    pub works_hidden: usize,
}

/// The answer to `follow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Whom.
    pub key: Key,
    /// What they are called here.
    pub name: String,
    /// How much.
    pub level: Level,
    /// For what.
    pub scope: Scope,
    /// Whether those whom it trusts gain a voice.
    pub gives_voice: bool,
    /// What changes.
    pub preview: Preview,
    /// A followed key whose name looks the same, and that name.
    pub confusable_with: Option<(Key, String)>,
}

/// How this node stands to the starter catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starter {
    /// Its key.
    pub key: Key,
    /// Whether it is followed.
    pub state: StarterState,
    /// Releases that it lists here.
    pub releases: usize,
}

/// Whether the starter catalogue is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StarterState {
    /// Since just now.
    Taken,
    /// Since earlier.
    Followed,
    /// The owner dropped it: it is not taken again.
    Dropped,
}

impl StarterState {
    /// Name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Followed => "followed",
            Self::Dropped => "dropped",
        }
    }
}

/// A list that was just signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedList {
    /// The list.
    pub statement: Verified<Statement>,
    /// Whether it leaves this node by the network.
    pub published: bool,
}

/// How old the newest head of a key is that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadAge {
    /// When it was made.
    pub made: Timestamp,
    /// How long ago that was.
    pub age: Duration,
}

impl HeadAge {
    /// Whether its author should have renewed it: they are away, or somebody keeps what is newer from us.
    #[must_use]
    pub fn is_stale(self) -> bool {
        self.age.as_millis() > u128::from(HEAD_FRESH_MS)
    }
}

/// A follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Whom.
    pub key: Key,
    /// What they are called here.
    pub name: String,
    /// How much.
    pub level: Level,
    /// For what.
    pub scope: Scope,
    /// Since when.
    pub since: Timestamp,
    /// Whether those whom it trusts gain a voice.
    pub gives_voice: bool,
    /// The key that it took over from.
    pub previous: Option<Key>,
    /// When its head was made, and whether all that the head counts is here; `None` as long as no head is.
    pub log: Option<(Timestamp, bool)>,
    /// How old that head is.
    pub head: Option<HeadAge>,
}

/// The answer to whatever signs a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Store id.
    pub id: StatementId,
    /// Sequence number.
    pub seq: u64,
    /// Whether it leaves this node.
    pub published: bool,
}

/// How a score came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// Of whom or what, as text.
    pub subject: String,
    /// In which scope.
    pub scope: Scope,
    /// With which numbers of the metric.
    pub preset: Preset,
    /// −1…1.
    pub score: f64,
    /// Declared support C°.
    pub support: f64,
    /// Band.
    pub band: Band,
    /// The votes that make it.
    pub because: Vec<Because>,
    /// Sum of their shares, 0…1; what is missing to 1 is many small voices.
    pub explained: f64,
    /// What was ignored, and why.
    pub ignored: Vec<(Key, String)>,
    /// How many more were ignored than are listed.
    pub ignored_more: usize,
    /// The numbers of the formula, unrounded.
    pub sums: Sums,
    /// The formula with its numbers.
    pub arithmetic: String,
    /// Of a key: how old its head is, if one is here.
    pub head: Option<HeadAge>,
}

/// Most statements of each kind that are told of a key at once; the counts are of all.
pub const SAID_MAX: usize = 200;

/// What a key says, as far as it is known here: newest first, at most [`SAID_MAX`] of each kind.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// Key.
    pub key: Key,
    /// What it is called here.
    pub name: String,
    /// Its page, or empty.
    pub url: String,
    /// Whether it is the owner's.
    pub is_me: bool,
    /// Whom it lists, and how many listings there are.
    pub listings: (Vec<ListingRow>, usize),
    /// What it says of other keys, and how often it does.
    pub attestations: (Vec<AttestationRow>, usize),
    /// Its judgements, and how many there are.
    pub verdicts: (Vec<VerdictRow>, usize),
}

/// A listing, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingRow {
    /// Work.
    pub work: WorkId,
    /// Its title, or empty.
    pub title: String,
    /// Release.
    pub infohash: Infohash,
    /// Name of the release.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// When it was signed.
    pub made: Timestamp,
    /// Whether it never leaves this node.
    pub is_private: bool,
}

/// An attestation, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttestationRow {
    /// About whom.
    pub subject: Key,
    /// What they are called here.
    pub name: String,
    /// How much.
    pub level: Level,
    /// For what.
    pub scope: Scope,
    /// In its author's words.
    pub reason: String,
    /// When it was signed.
    pub made: Timestamp,
    /// Whether it never leaves this node.
    pub is_private: bool,
}

/// A verdict, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictRow {
    /// On what.
    pub infohash: Infohash,
    /// What was found.
    pub opinion: Opinion,
    /// In its author's words.
    pub note: String,
    /// When it was signed.
    pub made: Timestamp,
}

/// What a score is computed of: s = (L C − λ B) e / (e² + k²) with e = C + λ B, times what silence leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sums {
    /// A: votes for, each times its level.
    pub praise: f64,
    /// B: votes against.
    pub against: f64,
    /// C: votes for.
    pub support: f64,
    /// The two-witness discount, inside A and C.
    pub witness_factor: f64,
    /// L.
    pub mean_level: f64,
    /// k.
    pub evidence_scale: f64,
    /// λ.
    pub distrust_weight: f64,
    /// s, before silence and the word of a root.
    pub voted: f64,
    /// What the subject's silence leaves of it.
    pub dormancy: f64,
}

/// One reason of a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Because {
    /// From me to the voter.
    pub path: Vec<Key>,
    /// Its weight in C, or in B where it is against; of a follow its level, which decides and is in no sum.
    pub weight: f64,
    /// Its part of A + λ B, 0…1.
    pub share: f64,
    /// Whether it speaks against.
    pub is_against: bool,
    /// `follow`, `attestation`, `evidence`, `listing` or `verdict`.
    pub kind: &'static str,
    /// For people.
    pub note: String,
}

/// A key with its score.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustRow {
    /// Key.
    pub key: Key,
    /// What it is called here.
    pub name: String,
    /// −1…1.
    pub score: f64,
    /// Declared support.
    pub support: f64,
    /// Band.
    pub band: Band,
    /// Hops from me.
    pub distance: Option<u32>,
    /// Hash-checked bytes received of it.
    pub verified_bytes: u64,
    /// How old its head is, if one is here.
    pub head: Option<HeadAge>,
}

/// Most rows of a part of the circle at once.
pub const CIRCLE_ROWS_MAX: usize = 1_000;

/// Most keys whose names are told at once: an explanation names fewer.
pub const NAMES_MAX: usize = 1_000;

/// A page of those who have a voice, or of those who are distrusted.
#[derive(Clone, Debug, PartialEq)]
pub struct Circle {
    /// The page.
    pub rows: Vec<TrustRow>,
    /// How many there are in all.
    pub all: usize,
}

/// What a ring of keys has, and the most it can gain.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// In which scope.
    pub scope: Scope,
    /// How trust is measured and told.
    pub trust: TrustSettings,
    /// Different keys that were asked about.
    pub keys: usize,
    /// How many of them anything is known of here.
    pub known: usize,
    /// Votes of keys outside that trust one of them and have power, those that let most in first; at most
    /// [`ATTACK_EDGES_MAX`].
    pub attack_edges: Vec<AttackEdge>,
    /// How many there are.
    pub attack_edges_total: usize,
    /// φ: flow of trust that enters, 0…1.
    pub entering_flow: f64,
    /// Sum of the votes for these keys.
    pub votes: f64,
    /// The most that this sum can become, whatever these keys say.
    pub votes_max: f64,
    /// How many stand in each band.
    pub in_band: BTreeMap<Band, usize>,
    /// Most of them that can be trusted.
    pub trusted_max: u64,
    /// Most of them that can be vouched or better.
    pub vouched_max: u64,
}

/// Most listers of a release that are named. A crowd of fakes may list one; whom I trust comes first.
pub const LISTERS_SHOWN_MAX: usize = 50;

/// Most attack edges that are listed; the sums hold all of them. A reader looks at the first few.
pub const ATTACK_EDGES_MAX: usize = 1_000;

/// A key outside a ring that trusts one inside.
#[derive(Clone, Debug, PartialEq)]
pub struct AttackEdge {
    /// Who.
    pub issuer: Key,
    /// What they are called here.
    pub name: String,
    /// Whom.
    pub subject: Key,
    /// How much was declared, 0…1; 0 where there are only hash-checked bytes.
    pub level: f64,
    /// Flow of trust that enters by it.
    pub flow: f64,
    /// The most that this vote itself counts.
    pub votes_max: f64,
}

/// What became of statements from a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Taken in.
    pub imported: u64,
    /// Here before.
    pub known: u64,
    /// Strangers' statements that had to go to make room: any stranger's, this file's included.
    pub evicted: u64,
    /// Not taken in, by reason.
    pub refused: BTreeMap<&'static str, u64>,
}

/// A statement of the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnStatement {
    /// Its envelope.
    pub bytes: Vec<u8>,
    /// Whether it never leaves this node.
    pub is_private: bool,
}

/// How to add up the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LedgerBy {
    /// By key and address.
    #[default]
    Key,
    /// By address.
    Address,
    /// By release, key and address.
    Release,
    /// By UTC day and key.
    Day,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// The key that was shown on the wire, or none.
    pub key: Option<Key>,
    /// What it is called here.
    pub name: String,
    /// Where the bytes came from.
    pub address: IpAddr,
    /// The release, when added up by release.
    pub infohash: Option<Infohash>,
    /// Hash-checked bytes.
    pub verified_bytes: u64,
    /// Of how many releases.
    pub releases: usize,
    /// First piece.
    pub first_seen: Timestamp,
    /// Last piece.
    pub last_seen: Timestamp,
    /// Without a key: the one that the owner says the address belongs to.
    pub linked: Option<Key>,
    /// Without a key or a link: keys that the address showed later.
    pub offered: Vec<Key>,
    /// Who counted.
    pub source: Origin,
}

/// Who counted the bytes of a line of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// This node, which checked every hash.
    #[default]
    Measured,
    /// Another client of the owner, by its own figures: weak evidence.
    Client(Client),
}

impl Origin {
    /// Name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Client(client) => client.name(),
        }
    }

    /// Whether it counts for less.
    #[must_use]
    pub fn is_weak(self) -> bool {
        self != Self::Measured
    }
}

/// What one look at another client came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which client.
    pub client: Client,
    /// Nothing was written.
    pub is_dry: bool,
    /// What was new.
    pub booked: Vec<Observed>,
    /// Torrents that were left out, and why.
    pub skipped: Vec<(Infohash, String)>,
}

/// What a look says of one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Of which release.
    pub infohash: Infohash,
    /// Where the bytes came from.
    pub address: IpAddr,
    /// The key that was shown there, or none.
    pub key: Option<Key>,
    /// What it is called here.
    pub name: String,
    /// Bytes, as the client counts them and verified in sum.
    pub bytes: u64,
}

/// What another client is to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandingOff {
    /// Release.
    pub infohash: Infohash,
    /// Its name, if it is listed.
    pub name: String,
    /// What its info dictionary must hash to, if known.
    pub info_sha256: Option<Sha256>,
    /// Size in bytes as listed; 0 when unknown.
    pub size: u64,
    /// Trackers of its listing.
    pub trackers: Vec<String>,
    /// Web seeds of its listing.
    pub web_seeds: Vec<String>,
}

/// A file of a published torrent: path, size in bytes, season and episode.
pub type PublishedFile = (String, u64, Option<(u32, u32)>);

/// The answer to `publish`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Work.
    pub work: WorkId,
    /// Release.
    pub infohash: Infohash,
    /// Name of the torrent.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Path, size and episode of each file, by index.
    pub files: Vec<PublishedFile>,
    /// Whether this node seeds it.
    pub seeding: bool,
    /// Store id of the listing.
    pub statement: StatementId,
    /// On how many DHT nodes its item stands; `None` when private or offline.
    pub stored_on: Option<usize>,
    /// Somebody else who describes a work of this id, where the id is made of its title, year and kind: it may be another one.
    pub shared_with: Option<Key>,
}

/// What became of the rows of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// By row: whether something new was said, or why nothing can be.
    pub rows: Vec<Result<Said, String>>,
    /// Work records signed.
    pub records: usize,
    /// Listings signed.
    pub listings: usize,
}

/// What was said for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Something new.
    New,
    /// All of it was said before.
    Known,
}

/// A work that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Work.
    pub work: WorkId,
    /// Title.
    pub title: String,
    /// Year.
    pub year: Option<u32>,
    /// Kind.
    pub kind: WorkKind,
    /// Score of the best release.
    pub score: f64,
    /// Band of the best release.
    pub band: Band,
    /// Releases that are not distrusted.
    pub releases: usize,
    /// The best of them.
    pub best: Option<Release>,
    /// How well it fits what was looked for, 0…1000.
    pub relevance: u16,
    /// The episode that was looked for, if this work has it.
    pub episode: Option<Episode>,
    /// Genres.
    pub genres: Vec<String>,
    /// SHA-256 of the artwork's bytes.
    pub artwork: Option<Sha256>,
}

impl Found {
    /// The order in which works are shown: by band, then by relevance × score, then by what is liked best, which `fits`
    /// says of the best releases (less is better).
    #[must_use]
    pub fn before(&self, other: &Self, fits: impl Fn(&Release) -> u32) -> Ordering {
        let fit = |found: &Self| found.best.as_ref().map_or(u32::MAX, &fits);
        let here = |found: &Self| found.best.as_ref().map_or(0, |best| best.received_by_me);
        band_rank(self.band)
            .cmp(&band_rank(other.band))
            .then(worth(other.relevance, other.score).total_cmp(&worth(self.relevance, self.score)))
            .then_with(|| fit(self).cmp(&fit(other)))
            .then_with(|| here(other).cmp(&here(self)))
            .then_with(|| self.work.cmp(&other.work))
    }
}

/// Part of the relevance that counts without any score, so that works without one are ordered by it.
const WORTH_UNRATED: f64 = 0.1;

/// Relevance × score: where a work stands within its band.
#[must_use]
pub fn worth(relevance: u16, score: f64) -> f64 {
    f64::from(relevance) * (WORTH_UNRATED + (1.0 - WORTH_UNRATED) * score.max(0.0))
}

/// Who is heard when works are looked for: an index asks for what they say first, so that no crowd of others can hide it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hearing {
    /// The owner, and whose records or listings may be shown above the unknown.
    pub heard: BTreeSet<Key>,
    /// Whose words are shown to nobody who does not ask for them.
    pub distrusted: BTreeSet<Key>,
    /// Nobody else said anything of a work.
    pub is_everybody: bool,
}

/// A work with its releases.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// The id that was asked for.
    pub work: WorkId,
    /// Every id that it is known by.
    pub ids: Vec<WorkId>,
    /// Title, or empty.
    pub title: String,
    /// Year.
    pub year: Option<u32>,
    /// Kind.
    pub kind: WorkKind,
    /// Overview, or empty.
    pub overview: String,
    /// Genres.
    pub genres: Vec<String>,
    /// Languages (BCP 47).
    pub languages: Vec<String>,
    /// Runtime in minutes.
    pub runtime_min: Option<u32>,
    /// SHA-256 of the artwork's bytes.
    pub artwork: Option<Sha256>,
    /// Episodes, by season and number.
    pub episodes: Vec<Episode>,
    /// Title in its own language, or empty.
    pub original_title: String,
    /// Titles in other languages.
    pub titles: Vec<WorkTitle>,
    /// Who made it.
    pub people: Vec<Credit>,
    /// Nobody whom I trust has a record of it: what it is, a stranger says.
    pub is_by_strangers: bool,
    /// Best first.
    pub releases: Vec<Release>,
}

/// A release as listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Infohash.
    pub infohash: Infohash,
    /// Name.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Resolution, or empty; `details` says whether it was read from a name.
    pub resolution: String,
    /// How it was made and what it holds, with what its listing leaves out read from names, and which fields those are.
    pub details: Filled,
    /// What is wrong with it, the worst first.
    pub flags: Vec<Flag>,
    /// Whether what may do harm in it can be left out: several videos lie beside that. `get` takes the others.
    pub is_pack: bool,
    /// Licence, or empty.
    pub licence: String,
    /// Trackers, as the listing has them.
    pub trackers: Vec<String>,
    /// Web seeds, as the listing has them.
    pub web_seeds: Vec<String>,
    /// −1…1.
    pub score: f64,
    /// Declared support.
    pub support: f64,
    /// Band.
    pub band: Band,
    /// Whether I, or a key that I follow, speak for it; such a release stands first in its band.
    pub is_at_first_hand: bool,
    /// Who lists it: key, name, score; best first, whom I follow before others.
    pub listed_by: Vec<(Key, String, f64)>,
    /// How many keys list it; at most [`LISTERS_SHOWN_MAX`] of them are named.
    pub listers: usize,
    /// Verdicts by opinion.
    pub verdicts: BTreeMap<Opinion, usize>,
    /// When it was listed last by somebody who is trusted or vouched for; where nobody is, by anybody.
    pub listed_at: Timestamp,
    /// How the best listing came here.
    pub source: Source,
    /// Whether that listing is the starter catalogue's.
    pub is_from_starter: bool,
    /// Hash-checked bytes that I received from its listers.
    pub received_by_me: u64,
    /// What people whom I trust received from its listers in the last four weeks, by their receipts.
    pub received_by_trusted: crate::receipts::Received,
    /// Those of its named listers whom I follow.
    pub followed: BTreeSet<Key>,
}

impl Release {
    /// Whether fetching it may do harm, as far as its listing says.
    #[must_use]
    pub fn is_unsafe(&self) -> bool {
        self.flags.iter().any(Flag::is_unsafe)
    }

    /// Whether `get` refuses it, unless its owner says otherwise.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.band == Band::Distrusted || (self.is_unsafe() && !self.is_pack)
    }

    /// Whether a file of such a path may be fetched and played alone.
    #[must_use]
    pub fn lets_play(&self, path: &str) -> bool {
        !self.is_refused() && (!self.is_unsafe() || crate::fitting::is_harmless(path))
    }
}

/// How a statement came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Made here, or here since before the question was asked.
    Store,
    /// From the DHT.
    Dht,
    /// Pushed by gossip.
    Gossip,
    /// Pulled from a peer.
    Sync,
    /// From the archive of its author.
    Archive,
}

impl Source {
    /// Name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Dht => "dht",
            Self::Gossip => "gossip",
            Self::Sync => "sync",
            Self::Archive => "archive",
        }
    }
}

/// The answer to `get`: it has begun, or was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Getting {
    /// Release.
    pub infohash: Infohash,
    /// What of it was asked for, in the words of [`Pick`](crate::fitting::Pick), as seasons and numbers where the work
    /// says them.
    pub pick: Option<String>,
    /// The files that hold it, as far as its listing or its torrent says by now: index, path, size in bytes.
    pub files: Vec<(u32, String, u64)>,
    /// Files of a pack that are not fetched, since they may do harm.
    pub left_out: Vec<String>,
}

/// A torrent that is neither fetched nor seeded any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// Release.
    pub infohash: Infohash,
    /// All of it was here.
    pub was_complete: bool,
    /// What of it is here is deleted.
    pub is_deleted: bool,
}

/// What is used of the budgets, as far as core knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// What the owner grants.
    pub budgets: Budgets,
    /// Bytes on disk of all statements, their rows and floors, about.
    pub store_bytes: u64,
    /// Bytes on disk of the search index, as far as they count.
    pub index_bytes: u64,
    /// Keys that share the strangers' pool.
    pub strangers: usize,
    /// Bytes of their statements.
    pub strangers_bytes: usize,
    /// Keys that are kept for their score, or for what binds them to followed keys.
    pub rated: usize,
    /// Floors of all keys.
    pub floors: usize,
    /// Floors of keys without standing.
    pub loose_floors: usize,
    /// Bytes over libp2p this UTC day.
    pub traffic_today: u64,
    /// Processor time of work that others brought, since the start.
    pub work_done: Duration,
    /// What is short: `disk`, `bandwidth_low`, `bandwidth`, `memory`, `memory_hard`, `cpu`.
    pub shortages: Vec<&'static str>,
}

/// How the node is, as far as core knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Live statements.
    pub statements: usize,
    /// Keys with live statements.
    pub keys_known: usize,
    /// Works with a listing or record.
    pub works: usize,
    /// Releases with a listing.
    pub releases: usize,
    /// How trust is measured and told.
    pub trust: TrustSettings,
    /// What is used of the budgets.
    pub usage: Usage,
    /// What was refused or ignored, by reason, and how often scores were computed.
    pub counters: BTreeMap<&'static str, u64>,
    /// What was refused lately, newest first: with the name of its author, where it is known here.
    pub refusals: Vec<(Refused, Option<String>)>,
    /// Follows whose heads are stale, the longest first: key, what it is called here, how old.
    pub stale_follows: Vec<(Key, String, HeadAge)>,
    /// Archives that are made, fetched and seeded.
    pub archives: Vec<Archive>,
    /// The starter catalogue; `None` as long as it was never taken, and in the snapshot that is always at hand.
    pub starter: Option<Starter>,
}

/// An archive of a key, as far as this node has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// Whose log it is.
    pub author: Key,
    /// What they are called here.
    pub name: String,
    /// Whether it is the owner's.
    pub is_own: bool,
    /// Its torrent; `None` while it is being made.
    pub infohash: Option<Infohash>,
    /// What is done with it.
    pub state: ArchiveState,
    /// Its size in bytes; 0 as long as that is not known.
    pub bytes: u64,
    /// Statements in it, as far as it was read or written.
    pub statements: u64,
    /// Since when, if it is kept.
    pub since: Option<Timestamp>,
}

/// What is done with an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArchiveState {
    /// It is being made of the log here.
    Writing,
    /// Others are fetched first.
    Waiting,
    /// It is looked for, or comes in.
    Fetching,
    /// It is here, and its statements are taken in.
    Reading,
    /// It is seeded.
    Seeding,
    /// Its author's head names another; it is seeded for a while yet, for those who are fetching it.
    Superseded,
    /// It is not what its author's head says, and is not asked for again.
    Refused,
}

impl ArchiveState {
    /// Name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Writing => "writing",
            Self::Waiting => "waiting",
            Self::Fetching => "fetching",
            Self::Reading => "reading",
            Self::Seeding => "seeding",
            Self::Superseded => "superseded",
            Self::Refused => "refused",
        }
    }
}

/// The answer to `reindex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// Statements whose checksum and content hold.
    pub good: usize,
    /// Statements that were damaged and left out.
    pub damaged: usize,
}
