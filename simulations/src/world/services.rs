//! What the world does for a core that orders something of the DHT, of the torrent sessions or of archives.

use super::{Event, NodeId, World};
use crate::dht::PutOutcome;
use crate::swarm::Progress;
use heirloom_core::command::{CommandError, Fault};
use heirloom_core::io::{ArchiveOrder, DhtEvent, Input, OrderId, TorrentEvent, TorrentOrder};
use heirloom_proto::Infohash;
use heirloom_proto::dht::Item;
use std::time::Duration;

/// How long a whole DHT query takes beside the latency of its messages.
const QUERY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long one piece takes.
const PIECE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(400));
/// How often a fetch without seeders looks for some.
const LOOK_FOR_SEEDERS: Duration = Duration::from_secs(3);

impl World {
    pub(super) fn answer(&mut self, node: NodeId, life: u32, after: Duration, input: Input) {
        self.at(after, Event::Arrive(node, life, Box::new(input)));
    }

    pub(super) fn put(&mut self, node: NodeId, life: u32, order: OrderId, item: &Item) {
        let outcome = self.dht.put(self.now, item, &self.faults, &mut self.dice);
        let after = self.dice.between(QUERY) + self.dice.between(self.faults.latency);
        if self.dice.happens(self.faults.silence) {
            return;
        }
        let event = match outcome {
            PutOutcome::Stored(nodes) => DhtEvent::Stored { order, nodes },
            PutOutcome::NotStored { newer_exists } => DhtEvent::NotStored { order, newer_exists },
        };
        self.answer(node, life, after, Input::Dht(event));
    }

    pub(super) fn get(&mut self, node: NodeId, life: u32, order: OrderId, key: [u8; 32], salt: &[u8]) {
        let found = self.dht.get(self.now, key, salt, &self.faults, &mut self.dice);
        let newest = found.iter().map(|item| item.seq).max();
        let copies = Some(found.iter().filter(|item| Some(item.seq) == newest).count());
        let mut last = self.dice.between(QUERY);
        for item in found {
            let after = self.dice.between(QUERY) + self.dice.between(self.faults.latency);
            last = last.max(after);
            self.answer(node, life, after, Input::Dht(DhtEvent::Found { order, item }));
        }
        if !self.dice.happens(self.faults.silence) {
            self.answer(node, life, last, Input::Dht(DhtEvent::Done { order, copies }));
        }
    }

    pub(super) fn torrent(&mut self, node: NodeId, order: TorrentOrder) {
        let life = self.nodes[node].life;
        match order {
            TorrentOrder::Prepare { order, source, .. } => {
                let event = match self.swarm.prepare(node, &source) {
                    Some(metainfo) => TorrentEvent::Prepared { order, metainfo, content: Some(source) },
                    None => {
                        let message = format!("{source} does not exist");
                        let error = CommandError::new(Fault::NotFound, "no_such_file", message);
                        TorrentEvent::NotPrepared { order, error }
                    }
                };
                let after = self.dice.between(PIECE);
                self.answer(node, life, after, Input::Torrent(event));
            }
            TorrentOrder::Seed { infohash, named, .. } => {
                let name = named.then(|| self.nodes[node].key());
                self.swarm.join(node, infohash, name);
            }
            TorrentOrder::Stop { infohash }
            | TorrentOrder::Delete { infohash }
            | TorrentOrder::Refuse { infohash, .. } => self.swarm.leave(node, infohash),
            TorrentOrder::Fetch { infohash, .. } => {
                self.swarm.join(node, infohash, None);
                let after = self.dice.between(PIECE);
                self.at(after, Event::Piece { node, life, infohash });
            }
        }
    }

    pub(super) fn archive(&mut self, node: NodeId, order: ArchiveOrder) {
        let life = self.nodes[node].life;
        let events = self.shelf.carry_out(node, order);
        if events.is_empty() {
            return;
        }
        let after = self.dice.between(PIECE);
        for event in events {
            self.answer(node, life, after, Input::Archive(event));
        }
    }

    pub(super) fn piece(&mut self, node: NodeId, infohash: Infohash) {
        let life = self.nodes[node].life;
        match self.swarm.advance(node, infohash, &mut self.dice) {
            Progress::Stopped => {}
            Progress::NoSeeder => self.at(LOOK_FOR_SEEDERS, Event::Piece { node, life, infohash }),
            Progress::Complete => {
                let content = format!("/downloads/{infohash}");
                self.deliver(node, Input::Torrent(TorrentEvent::Finished { infohash, content }));
            }
            Progress::Piece(piece, shares) => {
                let after = self.dice.between(PIECE);
                self.at(after, Event::Piece { node, life, infohash });
                self.deliver(node, Input::Torrent(TorrentEvent::Received { infohash, piece, shares }));
            }
        }
    }
}
