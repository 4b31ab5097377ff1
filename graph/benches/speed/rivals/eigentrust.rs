//! The crate `eigentrust`: power iteration with pre-trusted keys. It takes no distrust, and one call does all.

use std::time::Duration;

use ::eigentrust::{EigenTrustOptions, PreTrust, TrustEdge, eigentrust_with_options};

use crate::clock::repeated;
use crate::table;
use crate::web::Web;

/// The same share as ours stops at every key.
const ALPHA: f64 = 0.3;

/// Its own accuracy (1e-6 over the number of keys), and the number that ours is asked for.
pub fn run(web: &Web, limit: Duration, ours: Duration) {
    let edges: Vec<TrustEdge> =
        web.trust().map(|(from, to, weight)| TrustEdge::new(from as usize, to as usize, weight)).collect();
    let roots = web.follows.iter().chain([&web.me]).map(|key| PreTrust::new(*key as usize, 1.0));
    let roots: Vec<PreTrust> = roots.collect();
    let own = EigenTrustOptions::default().with_alpha(ALPHA);
    for (name, options) in [("its own accuracy", own.clone()), ("1e-8", own.with_epsilon(1e-8))] {
        let mut iterations = 0;
        let times = repeated(2, limit, || {
            let scores = eigentrust_with_options(edges.iter().copied(), roots.iter().copied(), &options);
            iterations = scores.map_or(0, |scores| scores.iterations());
        });
        let what = format!("α .3, {name}: {iterations} iterations, matrix included");
        table::whole("eigentrust 0.2.0", &what, times, ours);
    }
}
