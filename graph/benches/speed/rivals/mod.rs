//! Other systems on the same web: each file says what it asks of its rival.

pub mod eigentrust;
pub mod igraph;
pub mod meritrank;
pub mod petgraph;
