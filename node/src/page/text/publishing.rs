//! The words about publishing, and about what is read before it.

pub(in crate::page) const PUBLISH_NEW: &str = "Publish something";
pub(in crate::page) const PUBLISH_HINT: &str = "Name a file, folder or torrent on the machine where the node runs. Nothing is signed before you looked at the details.";
pub(in crate::page) const PATH_LABEL: &str = "File, folder or .torrent";
pub(in crate::page) const PATH_EXAMPLE: &str = "/home/you/films/film.mp4";
pub(in crate::page) const CHECK: &str = "Look at it";
pub(in crate::page) const DROP_TORRENT: &str = "…or drop a .torrent file here, to list it without seeding:";
pub(in crate::page) const TORRENT_TOO_LARGE: &str = "A torrent file has at most 32 MiB, and this one is larger.";
pub(in crate::page) const NAME_ITS_PATH: &str =
    "A browser does not tell where a file lies: to seed it, name its path above. Only .torrent files are dropped here.";
pub(in crate::page) const NOT_A_TORRENT: &str = "This is not a torrent file.";
pub(in crate::page) const PATH_NOT_WHOLE: &str = "Give the whole path, from the root folder on.";
pub(in crate::page) const MY_LISTINGS: &str = "Your listings";
pub(in crate::page) const WHICH_WORK: &str = "Which work is it?";
pub(in crate::page) const NO_OUTSIDE_ID: &str = "None of these: it is called by its title below";
pub(in crate::page) const OTHER_ID: &str = "Another id";
pub(in crate::page) const TITLE: &str = "Title";
pub(in crate::page) const KIND: &str = "Kind";
pub(in crate::page) const SEASON: &str = "Season";
pub(in crate::page) const EPISODE: &str = "Episode";
pub(in crate::page) const RESOLUTION: &str = "Resolution";
pub(in crate::page) const LANGUAGES: &str = "Languages";
pub(in crate::page) const SHARE_ONLY: &str = "Publish only what may be shared. A licence tells others that it may.";
pub(in crate::page) const SIGN_AND_SEED: &str = "Sign and seed";
pub(in crate::page) const SIGN_LISTING: &str = "Sign the listing";
pub(in crate::page) const WHICH_EPISODES: &str = "Which file is which episode";
pub(in crate::page) const WHICH_EPISODES_HINT: &str =
    "Read from their names, where these say it. Write another as S01E02; what is left empty stays as it is read.";

pub(in crate::page) fn episode_of(path: &str) -> String {
    format!("Episode of {path}")
}

pub(in crate::page) const PUBLISH_ASK: &str = "This makes a torrent of it, seeds it under your key, and publishes a signed listing. Others can see that it comes from you.";
pub(in crate::page) const LIST_ASK: &str =
    "This publishes a signed listing of this torrent. Others can see that it comes from you.";
pub(in crate::page) const LISTED_NOT_SEEDED: &str =
    "It is listed, not seeded: this node has the torrent, not its content.";

pub(in crate::page) fn no_such_file(path: &str) -> String {
    format!("{path} does not exist on the machine where the node runs.")
}

pub(in crate::page) fn bad_torrent(why: &str) -> String {
    format!("This torrent cannot be listed: {why}.")
}

pub(in crate::page) fn too_many_files(max: usize) -> String {
    format!("This folder holds more than {max} files: name the one that holds the release.")
}

pub(in crate::page) fn files(count: usize) -> String {
    if count == 1 { "1 file".into() } else { format!("{count} files") }
}

pub(in crate::page) const READING_NOW: &str = "Being read";
pub(in crate::page) const READING_HINT: &str =
    "All of it is read once, and signed after that. It goes on when you leave this page.";
pub(in crate::page) const READ_SPOKEN: &str = "Nothing is being read any longer";

pub(in crate::page) fn read_of(source: &str) -> String {
    format!("Read of {source}")
}

pub(in crate::page) fn read_so_far(bytes: &str, total: &str) -> String {
    format!("{bytes} of {total}")
}
