//! Many keys in one hand: they praise each other, list a fake of the film and call the good release malware.

use super::{Person, film, honest::good, torrent};
use crate::hand::Hand;
use crate::world::{Failure, NodeId, World};
use heirloom_proto::Body;
use heirloom_proto::body::{Attestation, Level, Listing, Opinion, Scope, Verdict};

/// A ring of invented keys, behind one node.
#[derive(Debug)]
pub struct SybilRing {
    /// The node that puts them before its peers.
    pub node: NodeId,
    /// The keys.
    pub ring: Vec<Hand>,
    /// What they say at a turn.
    pub words: usize,
}

impl Person for SybilRing {
    fn what(&self) -> &'static str {
        "Sybil ring"
    }

    fn node(&self) -> NodeId {
        self.node
    }

    fn begin(&mut self, world: &mut World) -> Result<(), Failure> {
        world.lay(self.node, "film.mp4", torrent(&format!("fake {}", self.node), 200_000), true);
        Ok(())
    }

    fn act(&mut self, world: &mut World) -> Result<(), Failure> {
        let (peers, wall) = (world.peers_of(self.node), world.wall());
        for _ in 0..self.words {
            let (one, other) = (world.dice().index(self.ring.len()), world.dice().index(self.ring.len()));
            let subject = self.ring[other].key();
            let body = match world.dice().below(3) {
                0 if one != other => {
                    let (scope, level, reason) = (Scope::All, Level::FULL, String::new());
                    Body::Attestation(Attestation { subject, scope, level, reason })
                }
                1 => {
                    let (infohash, opinion) = (good(), Opinion::Malware);
                    Body::Verdict(Verdict { infohash, opinion, note: String::new() })
                }
                _ => Body::Listing(listing(&format!("fake {}", self.node))),
            };
            let said = self.ring[one].says(&body, wall);
            world.inject(self.node, &peers, &said);
        }
        Ok(())
    }
}

/// A listing of the film.
#[must_use]
pub fn listing(name: &str) -> Listing {
    let metainfo = torrent(name, 200_000);
    Listing {
        info_sha256: metainfo.info_sha256,
        size: metainfo.size,
        resolution: "2160p".into(),
        licence: "CC-BY-3.0".into(),
        ..Listing::new(film(), metainfo.infohash, metainfo.name)
    }
}
