//! `petgraph::algo::page_rank`: not personalised, unweighted, and quadratic in the keys: for every pair of keys it
//! walks the edges of one of them, in every iteration.

use std::time::Duration;

use ::petgraph::algo::page_rank;
use ::petgraph::graph::DiGraph;

use crate::clock::repeated;
use crate::table;
use crate::web::Web;

const DAMPING: f64 = 0.7;
/// 0.7^20 is below 1e-3: fewer would say little. It has no other way to stop.
const ITERATIONS: usize = 20;

pub fn run(web: &Web, limit: Duration, ours: Duration) {
    let graph = DiGraph::<(), ()>::from_edges(web.trust().map(|(from, to, _)| (from, to)));
    let times = repeated(2, limit, || {
        std::hint::black_box(page_rank(&graph, DAMPING, ITERATIONS));
    });
    table::whole("petgraph 0.8.3", "page_rank, 20 iterations", times, ours);
}
