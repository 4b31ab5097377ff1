//! What happened since the start, as plain sums. They are for people and tests;
//! nothing in the adapter decides by them.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A snapshot of the sums; read with `P2p::counters`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            /// The sums with their names.
            #[must_use]
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }

        /// The same, as the task counts them.
        #[derive(Default)]
        pub(super) struct Meters { $(pub $name: Meter,)* }

        impl Meters {
            pub fn snapshot(&self) -> Counters {
                Counters { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// Messages that were new and well formed. Each is accepted, ignored or rejected later.
    received,
    /// Verdicts `Accept` that were carried out.
    accepted,
    /// Verdicts `Ignore` that were carried out, those for `dropped` and `rate_limited` included.
    ignored,
    /// Verdicts `Reject` that were carried out.
    rejected,
    /// Verdicts that came when the message had left the cache: nothing was passed on or punished.
    verdicts_late,
    /// Messages dropped because the node was too slow to take events.
    dropped,
    /// Messages over the rate of their peer.
    rate_limited,
    /// Messages that failed the check of form, before anything remembered them.
    malformed,
    /// Own messages sent to at least one peer.
    published,
    /// Own messages that found no subscriber and were kept.
    unsent,
    /// Kept messages that were given up, too old or too many.
    unsent_dropped,
    /// Own messages that had been seen within the time of the duplicate cache.
    duplicates,
    /// Own messages for which every peer's queue was full.
    queues_full,
    /// Own messages that were too large or on a topic that is not ours.
    publish_refused,
    /// Dials begun.
    dials,
    /// Dials that failed.
    dials_failed,
    /// Of these, dials to claimed or remembered places on the machines of others that came to nothing.
    dials_wasted,
    /// Claimed places that were new.
    candidates,
    /// Places at this node as a relay that were given.
    relay_places,
    /// Circuits that this node carried.
    circuits,
    /// Requests to this node as a relay that were refused.
    relay_refused,
    /// Direct connections that were made over a relay's.
    holes_punched,
    /// Connections refused by a limit or a ban.
    refused,
    /// Peers dropped because they did not identify themselves as ours.
    strangers,
    /// Peers of ours that subscribed to nothing in time; the connection was closed, to begin anew.
    mute,
    /// Peers dropped for their score.
    graylisted,
    /// Peers dropped for flooding.
    floods,
    /// Reports that a peer was too slow to take our messages.
    slow_peers,
    /// Sync requests over the rate of their peer, or that the node had no room for.
    sync_refused,
    /// Sync exchanges that failed: timeouts, broken streams, frames too long.
    sync_failed,
    /// Bytes that the transport received, of all protocols.
    bytes_received,
    /// Bytes that it sent.
    bytes_sent,
    /// Questions about works over the rate of their peer, or that the node had no room for.
    lookup_refused,
    /// Exchanges about works that failed.
    lookup_failed,
    /// Places that were dialled because somebody announced a work there.
    sought,
    /// Asks who we are over the rate of their peer, or that the node had no room for.
    identity_refused,
    /// Exchanges about who somebody is that failed; most, since a peer speaks no such protocol.
    identity_failed,
    /// Asks for pictures over the rate of their peer, or that the node had no room for.
    artwork_refused,
    /// Exchanges about pictures that failed.
    artwork_failed,
    /// Short connections to claimed places, to see whether somebody of ours is there.
    feelers,
}

/// One sum. Relaxed: readers want a number, not an order of events.
#[derive(Default)]
pub(super) struct Meter(AtomicU64);

impl Meter {
    pub fn one(&self) {
        self.many(1);
    }

    pub fn many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn set(&self, sum: u64) {
        self.0.store(sum, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
