//! `export --strm DIR`: the shelf as files that Kodi and Jellyfin play. What was written before and is not on the shelf any
//! more is removed; nothing else in the folder is touched.

use super::Outcome;
use super::client::Client;
use crate::http::Request;
use heirloom_core::command::{CommandError, Fault};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path};

/// The list of what was written, in the folder.
const WRITTEN: &str = ".heirloom-strm";

/// Writes the files.
///
/// # Errors
/// What the node answers, or why a file cannot be written.
pub(super) async fn export(client: &Client, folder: &Path) -> Result<Outcome, CommandError> {
    let answer = client.request(Request::Strm).await?;
    let rows = answer["files"].as_array().map(Vec::as_slice).unwrap_or_default();
    let files: Vec<(&str, &str)> =
        rows.iter().filter_map(|row| Some((row["path"].as_str()?, row["url"].as_str()?))).collect();
    let (written, removed) = write(folder, &files).map_err(|error| {
        CommandError::new(Fault::Failed, "io", format!("cannot write into {}: {error}", folder.display()))
    })?;
    let folder = folder.display().to_string();
    Ok(Outcome::Answer(json!({ "folder": folder, "files": files.len(), "written": written, "removed": removed })))
}

/// Whether a path stays below the folder that it is joined to.
fn is_below(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

fn write(folder: &Path, files: &[(&str, &str)]) -> io::Result<(usize, usize)> {
    fs::create_dir_all(folder)?;
    let list = folder.join(WRITTEN);
    let before = fs::read_to_string(&list).unwrap_or_default();
    let now: BTreeSet<&str> = files.iter().map(|(path, _)| *path).filter(|path| is_below(path)).collect();
    // Noted before they are written: what is begun and broken off is known the next time.
    let noted: BTreeSet<&str> = before.lines().chain(now.iter().copied()).collect();
    fs::write(&list, noted.into_iter().map(|path| format!("{path}\n")).collect::<String>())?;
    let mut written = 0;
    for (path, url) in files.iter().filter(|(path, _)| is_below(path)) {
        let (path, text) = (folder.join(path), format!("{url}\n"));
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            continue;
        }
        if let Some(above) = path.parent() {
            fs::create_dir_all(above)?;
        }
        fs::write(&path, text)?;
        written += 1;
    }
    let mut removed = 0;
    for old in before.lines().filter(|old| !now.contains(old) && is_below(old) && old.ends_with(".strm")) {
        let path = folder.join(old);
        removed += usize::from(fs::remove_file(&path).is_ok());
        // Folders that became empty go too; others refuse.
        let above = path.ancestors().skip(1).take_while(|above| *above != folder);
        above.for_each(|above| drop(fs::remove_dir(above)));
    }
    fs::write(&list, now.into_iter().map(|path| format!("{path}\n")).collect::<String>())?;
    Ok((written, removed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_the_shelf_goes_and_what_is_others_stays() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |path: &str| folder.path().join(path);
        let first = [("Movies/A (2000)/A (2000).strm", "http://a"), ("Shows/B/Season 01/B S01E01.strm", "http://b")];
        assert_eq!(write(folder.path(), &first).expect("written"), (2, 0));
        assert_eq!(fs::read_to_string(at(first[0].0)).expect("file"), "http://a\n");
        assert_eq!(write(folder.path(), &first).expect("written"), (0, 0), "nothing changed");
        fs::write(at("Movies/A (2000)/poster.jpg"), "mine").expect("written");
        let second = [("Shows/B/Season 01/B S01E01.strm", "http://b2")];
        assert_eq!(write(folder.path(), &second).expect("written"), (1, 1));
        assert!(!at(first[0].0).exists() && at("Movies/A (2000)/poster.jpg").exists());
        assert_eq!(write(folder.path(), &[]).expect("written"), (0, 1));
        assert!(!at("Shows").exists(), "empty folders go");
        let other = tempfile::tempdir().expect("another folder");
        let outside = other.path().join("out.strm").display().to_string();
        for path in ["../out.strm", outside.as_str(), ""] {
            assert_eq!(write(folder.path(), &[(path, "x")]).expect("written"), (0, 0), "{path}");
        }
        assert!(fs::read_dir(other.path()).expect("the other folder").next().is_none(), "nothing is written elsewhere");
        fs::write(at(WRITTEN), "../victim.strm\n").expect("written");
        let victim = folder.path().parent().expect("above").join("victim.strm");
        fs::write(&victim, "mine").expect("written");
        assert_eq!(write(folder.path(), &[]).expect("written"), (0, 0));
        assert!(victim.exists(), "a list that somebody wrote into leads nowhere");
        fs::remove_file(victim).expect("removed");
    }
}
