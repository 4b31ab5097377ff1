pub mod torrent;
