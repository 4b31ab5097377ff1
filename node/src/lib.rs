
pub mod torrent;
