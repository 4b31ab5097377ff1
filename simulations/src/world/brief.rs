//! One line of a trace for what comes in and goes out.

use heirloom_core::command::Command;
use heirloom_core::io::{
    ArchiveEvent, ArchiveOrder, DhtEvent, DhtOrder, Input, LookupEvent, LookupOrder, Output, SyncEvent, SyncOrder,
    TorrentEvent,
};
use heirloom_proto::Sha256;

/// The first bytes of a digest, to tell contents apart in a trace.
fn mark(bytes: &[u8]) -> String {
    Sha256::of(bytes).to_string().chars().take(8).collect()
}

pub(super) fn brief_input(input: &Input) -> String {
    match input {
        Input::Wake => "wake".into(),
        Input::Gossip { message, bytes, .. } => format!("gossip {} {}", message.0, mark(bytes)),
        Input::SyncFrame(SyncEvent::Asked { peer, bytes, .. }) => format!("sync asked by n{} {}", peer.0, mark(bytes)),
        Input::SyncFrame(SyncEvent::Answered { order, bytes }) => format!("sync answer {} {}", order.0, mark(bytes)),
        Input::Dht(DhtEvent::Found { order, item }) => {
            format!("dht found {} seq {} {}", order.0, item.seq, mark(&item.value))
        }
        Input::Dht(event) => format!("dht {event:?}"),
        Input::Lookup(LookupEvent::Asked { peer, bytes, .. }) => {
            format!("lookup asked by n{} {}", peer.0, mark(bytes))
        }
        Input::Lookup(LookupEvent::Answered { order, bytes }) => format!("lookup answer {} {}", order.0, mark(bytes)),
        Input::Torrent(TorrentEvent::Received { infohash, piece, shares }) => {
            let shares: Vec<String> =
                shares.iter().map(|share| format!("{} of {}", share.bytes, share.address)).collect();
            format!("torrent {infohash} piece {piece}: {}", shares.join(", "))
        }
        Input::Command { request, command } => match command.as_ref() {
            Command::Import { envelopes } => format!("command {} imports {}", request.0, envelopes.len()),
            Command::Ring { keys, .. } => format!("command {} asks about {} keys", request.0, keys.len()),
            command => format!("command {} {command:?}", request.0),
        },
        Input::Archive(ArchiveEvent::Part { order, envelopes, .. }) => {
            format!("archive part {} {}", order.0, mark(&envelopes.concat()))
        }
        other => format!("{other:?}"),
    }
}

pub(super) fn brief_output(output: &Output) -> String {
    match output {
        Output::Publish { kind, bytes } => format!("publish {kind} {}", mark(bytes)),
        Output::SyncFrame(SyncOrder::Ask { order, peer, bytes }) => {
            format!("sync ask {} n{} {}", order.0, peer.0, mark(bytes))
        }
        Output::SyncFrame(SyncOrder::Answer { bytes, .. }) => format!("sync answers {}", mark(bytes)),
        Output::Lookup(LookupOrder::Ask { order, peer, bytes }) => {
            format!("lookup ask {} n{} {}", order.0, peer.0, mark(bytes))
        }
        Output::Lookup(LookupOrder::Answer { bytes, .. }) => format!("lookup answers {}", mark(bytes)),
        Output::Dht(DhtOrder::Put { order, item }) => {
            format!("dht put {} seq {} {}", order.0, item.seq, mark(&item.value))
        }
        Output::Dht(DhtOrder::Get { order, key, salt }) => {
            format!("dht get {} {} {}", order.0, mark(key), mark(salt))
        }
        Output::Archive(ArchiveOrder::Append { order, envelopes, .. }) => {
            format!("archive append {} {}", order.0, mark(&envelopes.concat()))
        }
        Output::Reply { request, result } => {
            let name = match result {
                Ok(_) => "ok".to_owned(),
                Err(error) => error.code.to_owned(),
            };
            format!("reply {} {name} {}", request.0, mark(format!("{result:?}").as_bytes()))
        }
        other => format!("{other:?}"),
    }
}
