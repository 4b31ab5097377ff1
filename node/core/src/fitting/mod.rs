//! How a release fits the work that it is listed as: which file is which episode, what its names say that its listing leaves
//! out, and what is wrong with it. Everything here is worked out when somebody reads, from the listing and from names;
//! nothing of it is signed, stored or sent. What it must not know: stores, scores, torrents.

mod choosing;
mod file_type;
mod fill;
mod flags;
mod pack;

pub use choosing::{Holding, Pick, PickError, is_harmless, is_pack};
pub use file_type::{FileType, file_type, is_extra};
pub use fill::{Derived, Filled, FilledFile, filled};
pub use flags::{FLAGS_MAX, Flag, flags};
pub use pack::{Wanted, file_for, read_file};
