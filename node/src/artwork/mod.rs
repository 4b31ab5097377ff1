//! Pictures of works: their files, their decoding under limits, and what stands in for one that is missing.
//!
//! Nothing here knows peers, the core or HTTP. What came from a peer is never served: only what was decoded and encoded
//! anew is.

mod effort;
mod files;
mod picture;
mod placeholder;

pub use effort::{DECODING_MAX, Effort};
pub use files::{Files, KEPT_BYTES_MAX};
pub use picture::{PictureError, SHOWN_SIDE_MAX, shown};
pub use placeholder::placeholder_colour;
