//! The door of the core: what comes in, what goes out. Closed enums; long work leaves as an order with an id and comes
//! back as an input with the same id.

use crate::command::{Command, CommandError, Reply};
use heirloom_proto::dht::Item;
use heirloom_proto::identity::Ends;
use heirloom_proto::{Infohash, Key, Sha256, Timestamp, WorkId};
use std::net::IpAddr;
use std::time::Duration;

/// The time of an input. Only the driver reads clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since the process started; never goes back.
    pub mono: Duration,
    /// By the wall clock; may jump.
    pub wall: Timestamp,
}

/// Names an order and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrderId(pub u64);

/// Names a command and its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Names a gossip message that waits for its admission. Only the adapter knows what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId(pub u64);

/// Names a peer. Only the adapter knows who is behind it; one that comes back keeps its number while it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer(pub u64);

/// Names a question of a peer that waits for its answer. Only the adapter knows what is behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExchangeId(pub u64);

/// What core says of an incoming message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Good and new: pass it on.
    Accept,
    /// Not wanted here, nobody's fault: do not pass it on.
    Ignore,
    /// Whoever passed it on must have known that it is wrong.
    Reject,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The time of `next_wakeup` has come.
    Wake,
    /// The adapters listen: orders may leave from now on. Which networks there are.
    Started {
        /// Whether there is a DHT.
        dht: bool,
        /// Whether there are torrent sessions.
        torrents: bool,
    },
    /// A gossip message.
    Gossip {
        /// To name it in the admission.
        message: MessageId,
        /// Who pushed it, if a peer did: each may push little by keys that nobody here knows.
        from: Option<Peer>,
        /// The envelope.
        bytes: Vec<u8>,
    },
    /// A peer is connected that may be asked.
    PeerUp(Peer),
    /// A peer is gone.
    PeerDown(Peer),
    /// A frame of sync, or what became of one.
    SyncFrame(SyncEvent),
    /// Something about looking a work up among strangers.
    Lookup(LookupEvent),
    /// Something about who peers are.
    Identity(IdentityEvent),
    /// Something about a DHT order.
    Dht(DhtEvent),
    /// Something about a torrent.
    Torrent(TorrentEvent),
    /// What the node uses of its budgets.
    Reading(crate::budgets::Reading),
    /// How much processor time an input from the network took, for which peer if one is to be named.
    Worked {
        /// Who brought the work.
        peer: Option<Peer>,
        /// Processor time.
        cpu: Duration,
    },
    /// Something about an archive.
    Archive(ArchiveEvent),
    /// Something about pictures of works.
    Artwork(ArtworkEvent),
    /// The user wants something.
    Command {
        /// To name it in the reply.
        request: RequestId,
        /// What.
        command: Box<Command>,
    },
}

/// What comes of sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncEvent {
    /// A peer asks. Answered by [`SyncOrder::Answer`] in the same batch.
    Asked {
        /// Who.
        peer: Peer,
        /// To name it in the answer.
        exchange: ExchangeId,
        /// A request; nothing about it is checked.
        bytes: Vec<u8>,
    },
    /// A peer answered.
    Answered {
        /// Which order.
        order: OrderId,
        /// A response; nothing about it is checked.
        bytes: Vec<u8>,
    },
    /// A peer did not answer: too slow, gone, or it speaks no such protocol.
    Failed {
        /// Which order.
        order: OrderId,
        /// It does not speak this version: there is no use in asking again soon.
        is_unsupported: bool,
    },
}

/// What comes of proofs of identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityEvent {
    /// A peer is connected, over a channel with these ends, this node being the asker.
    Met {
        /// Who.
        peer: Peer,
        /// The ends.
        ends: Ends,
    },
    /// A peer asks, maybe showing who it is. Answered by [`IdentityOrder::Answer`] in the same batch.
    Asked {
        /// Who.
        peer: Peer,
        /// To name it in the answer.
        exchange: ExchangeId,
        /// The ends of the channel, this node being the answerer.
        ends: Ends,
        /// The frame; nothing about it is checked.
        bytes: Vec<u8>,
    },
    /// A peer answered.
    Answered {
        /// Which order.
        order: OrderId,
        /// The frame; nothing about it is checked.
        bytes: Vec<u8>,
    },
    /// A peer did not answer: too slow, gone, or it speaks no such protocol.
    Failed {
        /// Which order.
        order: OrderId,
    },
}

/// What comes of looking works up among strangers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupEvent {
    /// A peer is connected that stands where somebody announced the work.
    Met {
        /// Of which [`LookupOrder::Seek`].
        order: OrderId,
        /// Who.
        peer: Peer,
    },
    /// A seek ended: nobody else will be met by it.
    Over {
        /// Which.
        order: OrderId,
    },
    /// A peer asks. Answered by [`LookupOrder::Answer`] in the same batch.
    Asked {
        /// Who.
        peer: Peer,
        /// To name it in the answer.
        exchange: ExchangeId,
        /// A request; nothing about it is checked.
        bytes: Vec<u8>,
    },
    /// A peer answered.
    Answered {
        /// Which [`LookupOrder::Ask`].
        order: OrderId,
        /// A response; nothing about it is checked.
        bytes: Vec<u8>,
    },
    /// A peer did not answer.
    Failed {
        /// Which [`LookupOrder::Ask`].
        order: OrderId,
    },
}

/// Answers of the DHT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DhtEvent {
    /// A put ended; on how many nodes the item now stands.
    Stored {
        /// Of which order.
        order: OrderId,
        /// Nodes that acknowledged.
        nodes: usize,
    },
    /// A put failed.
    NotStored {
        /// Of which order.
        order: OrderId,
        /// Whether somebody holds a newer item of ours: our sequence number must rise above it.
        newer_exists: bool,
    },
    /// A get found an item, as it came from the network: nothing about it is checked.
    Found {
        /// Of which order.
        order: OrderId,
        /// The item.
        item: Item,
    },
    /// A get ended.
    Done {
        /// Of which order.
        order: OrderId,
        /// How many nodes gave the item with the highest sequence number of all; `None` when nobody could be asked.
        copies: Option<usize>,
    },
    /// An announcement ended.
    Announced {
        /// Of which order.
        order: OrderId,
        /// Whether the DHT took it. Not, too, while nobody could reach this node.
        is_taken: bool,
    },
}

/// One peer's part of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Where the bytes came from.
    pub address: IpAddr,
    /// The BEP10 client name that the peer showed at that moment.
    pub wire_name: Option<String>,
    /// Hash-checked bytes.
    pub bytes: u64,
}

/// A torrent's content as its metadata says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metainfo {
    /// BitTorrent v1 infohash.
    pub infohash: Infohash,
    /// SHA-256 of the exact info dictionary; `None` when only a magnet is known.
    pub info_sha256: Option<Sha256>,
    /// Name.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Paths (with `/`) and sizes, by index; an empty path is padding (BEP 47), no file.
    pub files: Vec<(String, u64)>,
    /// Trackers.
    pub trackers: Vec<String>,
    /// Web seeds (BEP 19).
    pub web_seeds: Vec<String>,
}

/// What happened in the torrent sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TorrentEvent {
    /// A torrent was made or read.
    Prepared {
        /// Of which order.
        order: OrderId,
        /// What is in it.
        metainfo: Metainfo,
        /// Where the content lies; `None` when only the torrent or magnet was given.
        content: Option<String>,
    },
    /// It could not be.
    NotPrepared {
        /// Of which order.
        order: OrderId,
        /// Why, for the user.
        error: CommandError,
    },
    /// Its metadata is here: paths and sizes of all its files, by index, as in [`Metainfo`].
    Metadata {
        /// Of which torrent.
        infohash: Infohash,
        /// Its files.
        files: Vec<(String, u64)>,
    },
    /// Its info dictionary is not the one that was signed. That it failed is said besides.
    OtherInfo {
        /// Of which torrent.
        infohash: Infohash,
        /// SHA-256 of the one that peers gave.
        found: Sha256,
    },
    /// A file of it that is named like a video begins like something else that may do harm.
    Disguised {
        /// Of which torrent.
        infohash: Infohash,
        /// Path of the file.
        path: String,
    },
    /// A piece passed its hash check.
    Received {
        /// Of which torrent.
        infohash: Infohash,
        /// Piece index.
        piece: u32,
        /// Who sent it; the sum is the piece's size.
        shares: Vec<Share>,
    },
    /// All wanted pieces are there.
    Finished {
        /// Of which torrent.
        infohash: Infohash,
        /// Where the content lies.
        content: String,
    },
    /// The torrent was refused or failed for good.
    Failed {
        /// Of which torrent.
        infohash: Infohash,
        /// Why, for the user.
        error: CommandError,
    },
}

/// What comes of archives. Only a few parts of one are on their way at any time: each is sent when it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveEvent {
    /// A file that is being written takes more. Answered by [`ArchiveOrder::Append`].
    Wants {
        /// Of which order.
        order: OrderId,
    },
    /// A file was written, and a torrent made of it.
    Written {
        /// By which order.
        order: OrderId,
        /// Its torrent.
        infohash: Infohash,
        /// SHA-256 of the file.
        sha256: Sha256,
        /// Size of the file.
        bytes: u64,
    },
    /// It could not be: no space is left.
    NotWritten {
        /// By which order.
        order: OrderId,
    },
    /// Somebody has its metadata, and that is the metadata of an archive.
    Begun {
        /// Of which order.
        order: OrderId,
        /// Size of the file.
        bytes: u64,
    },
    /// All of it is here. Its parts come when they are asked for.
    Fetched {
        /// By which order.
        order: OrderId,
        /// SHA-256 of the file.
        sha256: Sha256,
        /// Size of the file.
        bytes: u64,
    },
    /// The next part, as [`ArchiveOrder::Read`] asked.
    Part {
        /// Of which order.
        order: OrderId,
        /// Envelopes; nothing about them is checked.
        envelopes: Vec<Vec<u8>>,
        /// It was the last, and the file is whole.
        is_end: bool,
    },
    /// It could not be fetched or read.
    NotFetched {
        /// Of which order.
        order: OrderId,
        /// Why.
        fault: ArchiveFault,
    },
    /// A file that should be seeded is not there any more, or was changed.
    Lost {
        /// Of which torrent.
        infohash: Infohash,
    },
}

/// What comes of pictures of works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtworkEvent {
    /// Pictures are here: at the start all of them, later what the owner adds.
    Here {
        /// SHA-256 of their bytes.
        digests: Vec<Sha256>,
    },
    /// Pictures went for want of room.
    Gone {
        /// SHA-256 of their bytes.
        digests: Vec<Sha256>,
    },
    /// The owner looks at one that is not here.
    Looked {
        /// SHA-256 of its bytes.
        digest: Sha256,
    },
    /// A peer asks. Answered by [`ArtworkOrder::Answer`] in the same batch.
    Asked {
        /// Who.
        peer: Peer,
        /// To name it in the answer.
        exchange: ExchangeId,
        /// A request; nothing about it is checked.
        bytes: Vec<u8>,
    },
    /// A question ended.
    Ended {
        /// Which [`ArtworkOrder::Ask`].
        order: OrderId,
        /// How.
        outcome: crate::artwork::Outcome,
    },
}

/// What is done about pictures of works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtworkOrder {
    /// Ask a peer for the picture with this digest, check and keep it. Answered by [`ArtworkEvent::Ended`].
    Ask {
        /// To name it in the answer.
        order: OrderId,
        /// Whom.
        peer: Peer,
        /// SHA-256 of its bytes.
        digest: Sha256,
    },
    /// Answer a peer: with the picture of this digest, or that there is none for it.
    Answer {
        /// What it asked.
        exchange: ExchangeId,
        /// SHA-256 of its bytes.
        digest: Option<Sha256>,
    },
    /// A peer sent what it must have known to be wrong.
    Blame {
        /// Whom.
        peer: Peer,
    },
}

/// Why an archive was not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFault {
    /// The torrent is not one small file of the name that its author's archive has. Nothing was written.
    NotAnArchive,
    /// The file is not in the form of an archive, or cut off.
    Damaged,
    /// Something here failed: the disk is full, say.
    Failed,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Push a statement to the topic of its kind.
    Publish {
        /// Name of the kind.
        kind: &'static str,
        /// The envelope.
        bytes: Vec<u8>,
    },
    /// What becomes of a gossip message.
    Admission {
        /// Which.
        message: MessageId,
        /// What.
        admission: Admission,
    },
    /// A frame of sync to send, or what to think of a peer.
    SyncFrame(SyncOrder),
    /// Something to do to look a work up among strangers, or to answer one.
    Lookup(LookupOrder),
    /// A proof of identity to send, or what one came to.
    Identity(IdentityOrder),
    /// An order to the DHT.
    Dht(DhtOrder),
    /// An order to the torrent sessions.
    Torrent(TorrentOrder),
    /// An order about an archive.
    Archive(ArchiveOrder),
    /// An order about pictures of works.
    Artwork(ArtworkOrder),
    /// The answer to a command.
    Reply {
        /// Which.
        request: RequestId,
        /// The answer.
        result: Result<Box<Reply>, CommandError>,
    },
}

/// What sync sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncOrder {
    /// Ask a peer. Answered by [`SyncEvent::Answered`] or [`SyncEvent::Failed`].
    Ask {
        /// To name it in the answer.
        order: OrderId,
        /// Whom.
        peer: Peer,
        /// The request.
        bytes: Vec<u8>,
    },
    /// Answer a peer.
    Answer {
        /// What it asked.
        exchange: ExchangeId,
        /// The response.
        bytes: Vec<u8>,
    },
    /// A peer sent what it must have known to be wrong: bytes that are not canonical, a bad signature, or what was not
    /// asked for.
    Blame {
        /// Whom.
        peer: Peer,
    },
}

/// What proofs of identity send and come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityOrder {
    /// Ask a peer. Answered by [`IdentityEvent::Answered`] or [`IdentityEvent::Failed`].
    Ask {
        /// To name it in the answer.
        order: OrderId,
        /// Whom.
        peer: Peer,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Answer a peer.
    Answer {
        /// What it asked.
        exchange: ExchangeId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A peer proved who it is, or is worth something else since. It holds while the peer is connected.
    Proved {
        /// Which peer.
        peer: Peer,
        /// Its key.
        key: Key,
        /// Whether the owner named it as a friend.
        is_friend: bool,
        /// What the core grants its standing, in points (`security.md` §4, P5).
        favour: u32,
    },
}

/// What looking works up among strangers sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupOrder {
    /// Find those who announced a work in the DHT, and connect with some. Answered by any number of
    /// [`LookupEvent::Met`], then [`LookupEvent::Over`].
    Seek {
        /// To name it in the answers.
        order: OrderId,
        /// Which work.
        work: WorkId,
    },
    /// Ask a peer. Answered by [`LookupEvent::Answered`] or [`LookupEvent::Failed`].
    Ask {
        /// To name it in the answer.
        order: OrderId,
        /// Whom.
        peer: Peer,
        /// The request.
        bytes: Vec<u8>,
    },
    /// Answer a peer.
    Answer {
        /// What it asked.
        exchange: ExchangeId,
        /// The response.
        bytes: Vec<u8>,
    },
    /// A peer sent what it must have known to be wrong.
    Blame {
        /// Whom.
        peer: Peer,
    },
}

/// Orders to the DHT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DhtOrder {
    /// Store an item. Answered by `Stored` or `NotStored`.
    Put {
        /// To name it in the answer.
        order: OrderId,
        /// The item, signed.
        item: Item,
    },
    /// Find the items under a key and salt. Answered by any number of `Found`, then `Done`.
    Get {
        /// To name it in the answer.
        order: OrderId,
        /// The key.
        key: [u8; 32],
        /// The salt.
        salt: Vec<u8>,
    },
    /// Say that whoever looks a work up may ask this node. Answered by `Announced`.
    Announce {
        /// To name it in the answer.
        order: OrderId,
        /// Which work.
        work: WorkId,
    },
}

/// Which files of a torrent are fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Files {
    /// All of them.
    #[default]
    All,
    /// That is said once it is known what is in it: only its metadata is fetched, and nothing is written.
    Later,
    /// Those with these indices.
    Only(std::collections::BTreeSet<u32>),
}

/// Orders to the torrent sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TorrentOrder {
    /// Make a torrent of a path, or read a torrent file or magnet link. Answered by `Prepared` or `NotPrepared`.
    Prepare {
        /// To name it in the answer.
        order: OrderId,
        /// What the user gave.
        source: String,
        /// Trackers that a torrent made here names.
        trackers: Vec<String>,
        /// Web seeds that it names (BEP 19).
        web_seeds: Vec<String>,
    },
    /// Seed content that is already here.
    Seed {
        /// Which torrent; its metadata was kept when it was prepared or fetched.
        infohash: Infohash,
        /// Where the content lies.
        content: String,
        /// Under this node's name.
        named: bool,
    },
    /// Fetch a torrent, and seed it on.
    Fetch {
        /// Which torrent.
        infohash: Infohash,
        /// What its info dictionary must hash to.
        info_sha256: Option<Sha256>,
        /// Trackers that its listing names.
        trackers: Vec<String>,
        /// Folder to put it in; `None` for the usual one.
        to: Option<String>,
        /// What of it. Another answer than before begins it anew, and keeps what is on disk.
        files: Files,
        /// Whatever is in it: else a file that is not what its name says ends it.
        anyway: bool,
    },
    /// Stop fetching a torrent, and tell whoever asks for it why.
    Refuse {
        /// Which torrent.
        infohash: Infohash,
        /// Why.
        error: CommandError,
    },
    /// Neither fetch nor seed a torrent any longer; its files stay.
    Stop {
        /// Which torrent.
        infohash: Infohash,
    },
    /// The same for one that is not complete, and delete what of it is here.
    Delete {
        /// Which torrent.
        infohash: Infohash,
    },
}

/// Orders about archives. Where their files lie is the driver's own business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveOrder {
    /// Delete what an earlier life left behind: every archive but these.
    Tidy {
        /// Torrents to keep.
        keep: Vec<Infohash>,
    },
    /// Begin a file. Answered by `Wants`, after the last part by `Written`, or by `NotWritten`.
    Write {
        /// To name it in the answers.
        order: OrderId,
        /// Whose log it will hold.
        author: Key,
    },
    /// The next part of a file.
    Append {
        /// Of which order.
        order: OrderId,
        /// Envelopes.
        envelopes: Vec<Vec<u8>>,
        /// It is the last.
        is_end: bool,
    },
    /// Fetch an archive, under no name, and seed it on. Answered by `Begun`, then `Fetched`, or by `NotFetched`.
    Fetch {
        /// To name it in the answers.
        order: OrderId,
        /// Whose.
        author: Key,
        /// Its torrent. One file of the name that the author's archive has, and no larger than an archive may be; anything
        /// else is refused before anything is written. None of its bytes count as proof of seed.
        infohash: Infohash,
    },
    /// The next part of a file that was fetched. Answered by `Part` or `NotFetched`.
    Read {
        /// By which order.
        order: OrderId,
    },
    /// Seed an archive that is here.
    Seed {
        /// Its torrent.
        infohash: Infohash,
        /// Whose.
        author: Key,
        /// Under this node's name: it is the owner's.
        named: bool,
    },
    /// Neither fetch nor seed an archive any longer, and delete its file.
    Drop {
        /// Its torrent.
        infohash: Infohash,
    },
}
