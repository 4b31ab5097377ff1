//! Heirloom's trust graph: attestations, evidence, votes and roots in; scores, bands and explanations out.
//!
//! The metric is Bounded-Flow Voting. *Reach* (who may speak, and how loudly) is a conserved, leaky flow from my
//! roots over edges of trust, so a ring of fake keys gets only what crosses the edges that real people gave it.
//! *Opinion* is one signed vote per statement, weighted by capped reach and limited by a budget. Distrust only ever
//! reduces flow. The score ranks, the declared support admits.
//!
//! This crate has no clock, no store, no randomness and does no IO. Equal inputs in any order give equal scores bit
//! for bit, on every machine: sums are exact ([`Scores::compute`]), powers of two come from `libm`.
//!
//! ```
//! use heirloom_graph::{Band, Epoch, FollowLevel, NodeId, Opinion, Params, ReleaseId, ReleaseVote};
//! use heirloom_graph::{Root, Scope, Scores, TrustGraph};
//!
//! let (me, curator) = (NodeId([1; 32]), NodeId([2; 32]));
//! let release = ReleaseId([7; 20]);
//! let mut graph = TrustGraph::new();
//! graph.set_root(Root::me(me))?;
//! graph.set_root(Root::follow(curator, FollowLevel::High))?;
//! let opinion = Opinion::Listing;
//! graph.add_vote(ReleaseVote { voter: curator, release, opinion, time_ms: 0, expires_ms: None });
//!
//! let scores = Scores::compute(&graph, Scope::Catalogue, Epoch::of(0), &Params::strict());
//! assert_eq!(scores.on(&graph).release(&release).band, Band::Trusted);
//! # Ok::<(), heirloom_graph::InputError>(())
//! ```

#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::float_cmp, reason = "scores are exact: what is compared is compared bit for bit"))]
#![warn(clippy::disallowed_methods, clippy::disallowed_types, clippy::iter_over_hash_type)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index of a key fits 32 bits (2^32 keys need 120 GB), and floats are clamped before they are cast"
)]

mod arithmetic;
mod ballots;
mod band;
mod changes;
mod circle;
mod edge;
mod epoch;
mod evidence;
mod exact;
mod explain;
mod fixed;
mod formula;
mod hearing;
mod ids;
mod ignored;
mod input;
mod journal;
mod names;
mod params;
mod paths;
mod pool;
mod power;
mod ratings;
mod reach;
mod releases;
mod ring;
mod ruling;
mod scored;
mod scores;
mod seats;
mod tally;
mod trust_graph;
mod visit;
mod voting;

pub use arithmetic::{Arithmetic, Measured};
pub use band::{Band, ThresholdError, ThresholdValues, Thresholds};
pub use epoch::Epoch;
pub use explain::{EXPLAINED_MIN, Explanation, IGNORED_MAX, Reason, ReasonKind, Subject};
pub use ids::{NodeId, ReleaseId};
pub use ignored::IgnoredReason;
pub use input::{DayBytes, Evidence, FollowLevel, InputError, Opinion, ReleaseVote, Root, RootKind, Scope, Statement};
pub use params::{Params, ParamsError, RootPolicy, Values};
pub use ring::{AttackEdge, Ring};
pub use ruling::Ruling;
pub use scored::{Score, Scored};
pub use scores::Scores;
pub use trust_graph::TrustGraph;
pub use visit::Neighbors;
