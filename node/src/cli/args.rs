//! The command line as typed.

use super::budget_args::BudgetArgs;
use super::client_args::{AtArgs, ClientsArgs};
use super::config::ConfigVerb;
use super::liked;
use super::numbers::{EPISODE_MAX, LIST_MAX, WAIT_MAX, whole};
use super::outlet_args::OutletArgs;
use super::sharing_args::SharingArgs;
use super::trust_args::TrustArgs;
pub use super::verb_args::{CuratorVerb, IdVerb, LedgerVerb, ListVerb};
use crate::clients::Client;
use crate::http::AppsUrl;
use crate::search::{DEPTH_MAX, ROWS_MAX};
use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A peer-to-peer catalogue: signed listings, personal trust, proof of seed.
#[derive(Debug, Parser)]
#[command(name = "heirloom", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Folder of this node: keys, store, downloads
    #[arg(long, global = true, env = "HEIRLOOM_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// One JSON value on stdout; logs and progress on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Settings of trust
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Budgets
    #[command(flatten)]
    pub budgets: BudgetArgs,
    /// The way out
    #[command(flatten)]
    pub outlet: OutletArgs,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a node until it is stopped
    Run(Box<Run>),
    /// Tell the whole story on this machine: curator, spammer, newcomer, over a DHT of its own
    Demo(Demo),
    /// Show or change who you are
    Id {
        #[command(subcommand)]
        /// What to do
        verb: Option<IdVerb>,
    },
    /// Follow a key, a link, a card, a file, a web page, or pasted text (-); without X list whom you follow
    Follow(Follow),
    /// Stop following a key
    Unfollow {
        /// Key, or starter for the starter catalogue
        key: String,
    },
    /// Sign what you think of a key
    Attest(Attest),
    /// Sign what you found in a release
    Verdict {
        /// Release
        infohash: String,
        /// good, fake, malware, wrong-work, poor or dead
        opinion: String,
        /// In your words
        #[arg(long, default_value = "")]
        note: String,
        /// Keep it to yourself
        #[arg(long)]
        private: bool,
    },
    /// Explain the score of a key, a release or a work
    Why {
        /// Key, infohash or work id
        subject: String,
        /// *, catalogue, metadata or seed
        #[arg(long, default_value = "catalogue")]
        scope: String,
        /// As a Graphviz picture
        #[arg(long)]
        dot: bool,
    },
    /// List keys by trust, best first; or audit a ring of keys
    Trust {
        /// How much could these keys gain together, and what do they have? A file with one key a line, or - for
        /// standard input
        #[arg(long, value_name = "FILE", conflicts_with = "limit")]
        ring: Option<String>,
        /// *, catalogue, metadata or seed
        #[arg(long, default_value = "catalogue")]
        scope: String,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = whole::<usize>(1, LIST_MAX), allow_negative_numbers = true)]
        limit: usize,
    },
    /// Show what you received, hash-checked, and from whom; or link an address to a key that it showed later
    #[command(args_conflicts_with_subcommands = true)]
    Ledger {
        #[command(subcommand)]
        /// What to do
        verb: Option<LedgerVerb>,
        /// How to add up
        #[arg(long, value_enum, default_value_t = By::Key)]
        by: By,
    },
    /// List a release of a work: seed a file or folder, or name a torrent or magnet link
    Publish(Box<Publish>),
    /// Take back a statement of yours, or your listings of a release
    Retract {
        /// Statement id or infohash
        target: String,
    },
    /// Find works by title, people, genre, year, episode (s01e02) or id
    Search {
        /// Words, with slips forgiven; the last may be a beginning
        #[arg(required = true, num_args = 1..)]
        text: Vec<String>,
        /// Genre, such as western
        #[arg(long)]
        genre: Option<String>,
        /// Year or range of years, such as 1968, 1960-1969 or 1960-
        #[arg(long, value_name = "YEARS", allow_hyphen_values = true)]
        year: Option<String>,
        /// Language of the work or of a release, such as en
        #[arg(long)]
        language: Option<String>,
        /// SPDX licence of a release, such as CC-BY or CC-BY-3.0
        #[arg(long, value_name = "SPDX")]
        licence: Option<String>,
        /// Resolution that is liked best, among releases that are trusted alike; or any. The setting of that name is the default
        #[arg(long, env = "HEIRLOOM_RESOLUTION", value_parser = liked)]
        resolution: Option<String>,
        /// film, series, episode, album, book, software or other
        #[arg(long)]
        kind: Option<String>,
        /// trusted, vouched, earned, unknown or all
        #[arg(long)]
        band: Option<String>,
        /// At most so many, and no more than 1000
        #[arg(long, default_value_t = 20, value_parser = whole::<usize>(1, ROWS_MAX as u64), allow_negative_numbers = true)]
        limit: usize,
        /// Leave out so many of the best, to go on where another answer ended; for pages that fit together say it with the
        /// first too (0). No more than 9999
        #[arg(long, value_name = "N", value_parser = whole::<usize>(0, DEPTH_MAX as u64 - 1), allow_negative_numbers = true)]
        offset: Option<usize>,
        /// Do not follow the starter catalogue, where no node has run yet
        #[arg(long, env = "HEIRLOOM_NO_STARTER", value_parser = BoolishValueParser::new())]
        no_starter: bool,
    },
    /// Show a work and its releases, asking the network too
    Show {
        /// Work id, such as imdb:tt1254207
        work: String,
        /// Wait so long for a trusted release to appear
        #[arg(long, value_name = "SECONDS", value_parser = whole::<u64>(0, WAIT_MAX), allow_negative_numbers = true)]
        wait: Option<u64>,
        /// Resolution that is liked best, among releases that are trusted alike; or any. The setting of that name is the default
        #[arg(long, env = "HEIRLOOM_RESOLUTION", value_parser = liked)]
        resolution: Option<String>,
        /// Do not follow the starter catalogue, where no node has run yet
        #[arg(long, env = "HEIRLOOM_NO_STARTER", value_parser = BoolishValueParser::new())]
        no_starter: bool,
    },
    /// Download a release, or the best release of a work; of a series an episode or a season; or have your own client do it
    Get {
        /// Infohash or work id
        what: String,
        #[command(flatten)]
        of: Box<Of>,
        /// Folder to put it in
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
        /// Wait until it is complete
        #[arg(long)]
        wait: bool,
        /// Although it is not trusted
        #[arg(long)]
        anyway: bool,
        /// Have qbittorrent or transmission fetch it, under the category or label heirloom
        #[arg(long, value_name = "CLIENT")]
        client: Option<Client>,
        /// Add it there without beginning
        #[arg(long, requires = "client")]
        paused: bool,
        #[command(flatten)]
        at: Box<AtArgs>,
    },
    /// Neither download nor seed a release any longer; the ledger keeps what was received
    Cancel {
        /// Release
        infohash: String,
        /// Delete what of it is here, if it is not complete
        #[arg(long)]
        delete: bool,
    },
    /// Say how much may be seeded of what you downloaded; without a flag show it
    Seed {
        /// Bytes that are seeded at once, such as 200GB, or none for no limit; files stay
        #[arg(long, value_name = "SIZE")]
        budget: Option<String>,
        /// How often its size is given of each, such as 2, or none for no limit
        #[arg(long, value_name = "R")]
        ratio: Option<String>,
    },
    /// Show and change settings, each with where its value comes from: flag, environment, file or default
    Config {
        #[command(subcommand)]
        /// What to do; left out, all of them are shown
        verb: Option<ConfigVerb>,
    },
    /// Open the running node's page in a browser, by a link that works once
    Open {
        /// Somebody's card, link or key: shown on the page, before anything changes
        #[arg(value_name = "LINK")]
        link: Option<String>,
        /// Only print the link
        #[arg(long)]
        print: bool,
    },
    /// Say what to paste into Stremio, Sonarr, Radarr, Prowlarr, feed readers and other programs of yours
    Apps {
        /// Replace the keys: what was plugged in before has to be plugged in again
        #[arg(long)]
        renew: bool,
    },
    /// Play a release, or the best release of a work, while it arrives
    Play(Play),
    /// Say how the node is
    Status,
    /// Check what a node needs, and say how to mend it
    ///
    /// Ends with 1 if a check failed. A warning is no failure: it passes by itself, or somebody chose it so.
    Doctor,
    /// What a curator hands out
    Curator {
        #[command(subcommand)]
        /// What to do
        verb: CuratorVerb,
    },
    /// Signed lists of curators
    List {
        #[command(subcommand)]
        /// What to do
        verb: ListVerb,
    },
    /// Write out what is yours
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Export {
        /// Every statement that you signed and that still counts; with FILE those that are public, as a statement file
        #[arg(long, group = "what", value_name = "FILE", num_args = 0..=1)]
        #[allow(clippy::option_option, reason = "the form in which clap says: given, with or without a value")]
        statements: Option<Option<PathBuf>>,
        /// The secret key: whoever has it is you
        #[arg(long, group = "what")]
        key: bool,
        /// Films and series as .strm files for Kodi and Jellyfin, which play them through this node; what left the shelf
        /// since the last time is removed
        #[arg(long, group = "what", value_name = "DIR")]
        strm: Option<PathBuf>,
    },
    /// List the works and releases of a file or folder; or take in a statement file
    Import {
        /// CSV, JSON lines, RSS or Atom, a Wikidata export, a .torrent file or a folder of them; a statement file, as
        /// `export --statements FILE` writes it; the web address of one; or - for standard input
        #[arg(value_name = "FILE|DIR|URL")]
        file: PathBuf,
        /// What it is; left out, it is told by its content
        #[arg(long, value_enum)]
        format: Option<Format>,
        /// Only say what would become of it
        #[arg(long)]
        dry_run: bool,
        /// Folder with the content of torrents, if it does not lie beside them: what is there is seeded
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Check every stored statement and derive everything again
    Reindex,
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Run a Mainline DHT of real nodes on loopback, for trying things out
    Testnet {
        /// How many
        #[arg(long, default_value_t = 16, value_parser = whole::<usize>(1, 1000), allow_negative_numbers = true)]
        nodes: usize,
        /// Address of this machine that they are at
        #[arg(long, value_name = "IP", default_value_t = std::net::Ipv4Addr::LOCALHOST)]
        at: std::net::Ipv4Addr,
    },
}

/// What of a release is wanted, and of which sort it should be.
#[derive(Debug, Args)]
pub struct Of {
    /// Only this of a series: s01e02, s01 for a whole season, 2024-05-01, or a number over all seasons
    #[arg(value_name = "EPISODE", conflicts_with_all = ["season", "episode", "date"])]
    pub part: Option<String>,
    /// Season; 0 holds the specials. Without --episode all of it
    #[arg(long, value_name = "N", value_parser = whole::<u32>(0, EPISODE_MAX), allow_negative_numbers = true)]
    pub season: Option<u32>,
    /// Number in the season; without --season counted over all seasons
    #[arg(long, value_name = "M", value_parser = whole::<u32>(1, EPISODE_MAX), allow_negative_numbers = true)]
    pub episode: Option<u32>,
    /// Day of a daily show
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with_all = ["season", "episode"])]
    pub date: Option<String>,
    /// Resolution that is liked best, among releases that are trusted alike; or any. The setting of that name is the default
    #[arg(long, env = "HEIRLOOM_RESOLUTION", value_parser = liked)]
    pub resolution: Option<String>,
}

impl Of {
    /// What is wanted, in one word; `None`: all of the release.
    pub fn pick(&self) -> Option<String> {
        match (self.season, self.episode) {
            (Some(season), Some(episode)) => Some(format!("s{season}e{episode}")),
            (Some(season), None) => Some(format!("s{season}")),
            (None, Some(episode)) => Some(format!("e{episode}")),
            (None, None) => self.part.clone().or_else(|| self.date.clone()),
        }
    }
}

/// What a file to import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// .torrent files, a folder of them, or magnet links by the line
    Torrent,
    /// A table with a header
    Csv,
    /// An object a line, or a list of objects
    Json,
    /// RSS or Atom
    Rss,
    /// The JSON of a query, or entities
    Wikidata,
    /// Signed statements
    Statements,
}

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// HTTP API
    #[arg(long, env = "HEIRLOOM_HTTP", default_value = "127.0.0.1:7340", value_name = "ADDR")]
    pub http: SocketAddr,
    /// Address under which other programs of yours reach this node, such as that of a proxy that speaks TLS, or of a
    /// container; may be given several times
    #[arg(long, env = "HEIRLOOM_APPS_URL", value_delimiter = ',', value_name = "URL")]
    pub apps_url: Vec<AppsUrl>,
    /// libp2p address to listen on; may be given several times
    #[arg(long, env = "HEIRLOOM_P2P", value_delimiter = ',', value_name = "MULTIADDR",
        default_values = ["/ip4/0.0.0.0/udp/7341/quic-v1", "/ip4/0.0.0.0/tcp/7341"])]
    pub p2p: Vec<String>,
    /// BitTorrent, anonymous session
    #[arg(long, env = "HEIRLOOM_BT", default_value = "0.0.0.0:7342", value_name = "ADDR")]
    pub bt: SocketAddr,
    /// BitTorrent, session that shows your key and seeds what you publish
    #[arg(long, env = "HEIRLOOM_BT_NAMED", default_value = "0.0.0.0:7344", value_name = "ADDR")]
    pub bt_named: SocketAddr,
    /// Mainline DHT (IPv4)
    #[arg(long, env = "HEIRLOOM_DHT", default_value = "0.0.0.0:7343", value_name = "ADDR")]
    pub dht: std::net::SocketAddrV4,
    /// DHT node to begin with, instead of the usual ones; may be given several times
    #[arg(long, env = "HEIRLOOM_DHT_BOOTSTRAP", value_delimiter = ',', value_name = "HOST:PORT")]
    pub dht_bootstrap: Vec<String>,
    /// No DHT
    #[arg(long, env = "HEIRLOOM_NO_DHT", value_parser = BoolishValueParser::new())]
    pub no_dht: bool,
    /// libp2p peer to stay connected with; may be given several times
    #[arg(long, env = "HEIRLOOM_PEER", value_delimiter = ',', value_name = "MULTIADDR")]
    pub peer: Vec<String>,
    /// Key to which this node shows who it is, over an encrypted connection and sealed so that nobody else can read it;
    /// may be given up to 128 times. Friends who name each other are dialled first and asked first
    #[arg(long, env = "HEIRLOOM_FRIEND", value_delimiter = ',', value_name = "KEY")]
    pub friend: Vec<String>,
    /// Do not look for peers on the local network
    #[arg(long, env = "HEIRLOOM_NO_MDNS", value_parser = BoolishValueParser::new())]
    pub no_mdns: bool,
    /// Do not meet others by the DHT's rendezvous of the day: nobody learns there that you run a node
    #[arg(long, env = "HEIRLOOM_NO_RENDEZVOUS", value_parser = BoolishValueParser::new())]
    pub no_rendezvous: bool,
    /// Whether other nodes can dial this one; left out, they are asked
    #[arg(long, env = "HEIRLOOM_NAT", value_enum, value_name = "VERDICT")]
    pub nat: Option<Nat>,
    /// Do not follow the starter catalogue
    #[arg(long, env = "HEIRLOOM_NO_STARTER", value_parser = BoolishValueParser::new())]
    pub no_starter: bool,
    /// No network at all but the HTTP API
    #[arg(long, env = "HEIRLOOM_OFFLINE", value_parser = BoolishValueParser::new())]
    pub offline: bool,
    /// What is seeded under your key on the wire
    #[arg(long, env = "HEIRLOOM_SEED_AS", value_enum, default_value_t = SeedAs::Published)]
    pub seed_as: SeedAs,
    /// Do not ask the DHT for works, nor those who announced them there: they learn what you are interested in
    #[arg(long, env = "HEIRLOOM_NO_LOOKUPS", value_parser = BoolishValueParser::new())]
    pub no_lookups: bool,
    /// Open the page in a browser when everything listens
    #[arg(long, env = "HEIRLOOM_OPEN")]
    pub open: bool,
    /// Resolution that is liked best, among releases that are trusted alike, such as 720p; or any
    #[arg(long, env = "HEIRLOOM_RESOLUTION", default_value = "1080p", value_parser = liked)]
    pub resolution: String,
    /// Folder for downloads
    #[arg(long, env = "HEIRLOOM_DIR", value_name = "DOWNLOADS")]
    pub dir: Option<PathBuf>,
    /// Your own clients
    #[command(flatten)]
    pub clients: ClientsArgs,
    /// Limits of sharing
    #[command(flatten)]
    pub sharing: SharingArgs,
}

/// Whether others can dial this node.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Nat {
    /// They can: its libp2p port is open or forwarded. It then carries others as a relay, within limits
    Public,
    /// They cannot: it is not announced, and looks for relays
    Private,
}

/// What is seeded under the owner's key.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SeedAs {
    /// What you published
    Published,
    /// Whatever is complete
    Always,
    /// Nothing
    Never,
}

/// `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// HTTP port of the newcomer's node; any free one when left out
    #[arg(long, value_parser = whole::<u16>(0, 65_535), allow_negative_numbers = true)]
    pub port: Option<u16>,
    /// End with a summary, and with an error if any step did not hold
    #[arg(long)]
    pub exit: bool,
}

/// `play`.
#[derive(Debug, Args)]
pub struct Play {
    /// Infohash or work id
    pub what: String,
    #[command(flatten)]
    /// Which of it
    pub of: Box<Of>,
    /// Index of the file in the release; left out, its largest video
    #[arg(long, value_name = "INDEX", conflicts_with_all = ["part", "season", "episode", "date"],
        value_parser = whole::<usize>(0, 1_000_000), allow_negative_numbers = true)]
    pub file: Option<usize>,
    /// Although it is not trusted
    #[arg(long)]
    pub anyway: bool,
    /// Only print the address, which any player takes; it works for twelve hours after it was last used
    #[arg(long)]
    pub print: bool,
    /// Player to start with the address; left out, mpv or VLC
    #[arg(long, env = "HEIRLOOM_PLAYER", value_name = "PROGRAM")]
    pub player: Option<String>,
}

/// `follow`.
#[derive(Debug, Args)]
pub struct Follow {
    /// Key, link, file with a card or signed list, web page, pack:NAME, starter, or - for pasted text
    pub what: Option<String>,
    /// full, high, medium or low; left out, as before, and for a new key high
    #[arg(long)]
    pub level: Option<String>,
    /// *, catalogue, metadata or seed; left out, as before, and for a new key *
    #[arg(long)]
    pub scope: Option<String>,
    /// What you call them; left out, as before
    #[arg(long)]
    pub alias: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// All, if there are several
    #[arg(long)]
    pub all: bool,
}

/// `attest`.
#[derive(Debug, Args)]
pub struct Attest {
    /// Key
    pub key: String,
    /// full, high, medium, low, none or distrust
    #[arg(long)]
    pub level: String,
    /// *, catalogue, metadata or seed
    #[arg(long, default_value = "*")]
    pub scope: String,
    /// Why
    #[arg(long, default_value = "")]
    pub reason: String,
    /// For how long, such as 180d
    #[arg(long, value_name = "SPAN")]
    pub expires: Option<String>,
    /// Keep it to yourself
    #[arg(long)]
    pub private: bool,
}

/// How to add the ledger up.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum By {
    /// By key and address
    Key,
    /// By address
    Address,
    /// By release, key and address
    Release,
}

/// `publish`.
#[derive(Debug, Args)]
pub struct Publish {
    /// File, folder, torrent file or magnet link
    pub source: String,
    /// Work id, such as imdb:tt1254207; `hl:` makes one of title, year and kind, `hl:WHO MADE IT` tells it from a namesake
    #[arg(long, value_name = "ID")]
    pub work: String,
    /// Title of the work
    #[arg(long)]
    pub title: Option<String>,
    /// Year of the work
    #[arg(long, value_parser = whole::<u32>(1, 9999), allow_negative_numbers = true)]
    pub year: Option<u32>,
    /// film, series, episode, album, book, software or other
    #[arg(long)]
    pub kind: Option<String>,
    /// Season that the release is of; without --episode its files are the episodes
    #[arg(long, value_parser = whole::<u32>(0, EPISODE_MAX), allow_negative_numbers = true)]
    pub season: Option<u32>,
    /// Episode that the release is
    #[arg(long, requires = "season", value_parser = whole::<u32>(1, EPISODE_MAX), allow_negative_numbers = true)]
    pub episode: Option<u32>,
    /// Which file of a season pack is which episode; may be given several times
    #[arg(long, value_name = "FILE=SxxEyy")]
    pub map: Vec<String>,
    /// SPDX licence, such as CC-BY-3.0
    #[arg(long, default_value = "", value_name = "SPDX")]
    pub licence: String,
    /// Such as 1080p
    #[arg(long, default_value = "")]
    pub resolution: String,
    /// Language; may be given several times
    #[arg(long)]
    pub language: Vec<String>,
    /// Language of subtitles; may be given several times
    #[arg(long, value_name = "LANGUAGE")]
    pub subtitles: Vec<String>,
    /// What it was made from, such as Blu-ray or Web
    #[arg(long, alias = "source", default_value = "")]
    pub medium: String,
    /// Such as H.264
    #[arg(long, default_value = "", value_name = "CODEC")]
    pub video_codec: String,
    /// Such as AAC; may be given several times
    #[arg(long, value_name = "CODEC")]
    pub audio_codec: Vec<String>,
    /// Tracker to list beside those of the torrent; may be given several times
    #[arg(long, value_name = "URL")]
    pub tracker: Vec<String>,
    /// Address that serves the files over HTTP; may be given several times
    #[arg(long, value_name = "URL")]
    pub web_seed: Vec<String>,
    /// Picture of the work: JPEG, PNG or WebP, at most 512 KiB and 4096 pixels a side
    #[arg(long, value_name = "FILE")]
    pub artwork: Option<PathBuf>,
    /// Keep it to yourself
    #[arg(long)]
    pub private: bool,
}
