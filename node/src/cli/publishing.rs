//! `publish`: what is meant, checked before a node is asked; then how far the node is, and an end to it by Ctrl-C.

use super::args::Publish;
use super::client::{Client, Door};
use super::{Outcome, absolute, say, text};
use crate::http::Request;
use heirloom_core::command::{CommandError, Fault};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How often it is asked how far it is. What is read in less says nothing.
const PERIOD: Duration = Duration::from_millis(500);

/// Publishes, and says how far that is.
///
/// # Errors
/// One sentence that says what is wrong with what was typed, or what the node answers; `cancelled` after Ctrl-C.
pub(super) async fn publish(client: &Client, args: Publish) -> Result<Outcome, CommandError> {
    let request = to_request(args)?;
    let Request::Publish { source, .. } = &request else { return Ok(Outcome::Answer(client.request(request).await?)) };
    let source = source.clone();
    let mut door = client.open().await?;
    if matches!(door, Door::Store { .. }) {
        return Ok(Outcome::Answer(door.request(request).await?));
    }
    tokio::select! {
        answer = door.request(request) => answer.map(Outcome::Answer),
        left = watch(client, &source) => Err(left),
    }
}

/// Says how far it is until it is dropped, and has it end when the person says so: the question's own answer tells of
/// that. Ends itself where there is nothing to end, or when the person will not wait.
async fn watch(client: &Client, source: &str) -> CommandError {
    let (mut said, mut is_ending) = (String::new(), false);
    loop {
        let is_over = tokio::select! {
            () = tokio::time::sleep(PERIOD) => false,
            pressed = tokio::signal::ctrl_c() => pressed.is_ok(),
        };
        let job = job_of(client, source).await;
        if is_over {
            let number = job.as_ref().and_then(|job| job["job"].as_u64()).filter(|_| !is_ending);
            let Some(job) = number else {
                let message = "not waited for: `heirloom retract` takes back what the node publishes all the same";
                return CommandError::new(Fault::Failed, "cancelled", message);
            };
            is_ending = true;
            // One that ended just now was signed: the answer says so.
            let _ = client.request(Request::PublishCancel { job }).await;
            continue;
        }
        let Some(job) = job else { continue };
        let line = text::reading(&job);
        if line != said {
            say(&format!("{line}\n"));
            said = line;
        }
    }
}

/// The row of what is read from there.
async fn job_of(client: &Client, source: &str) -> Option<Value> {
    let all = client.request(Request::Publishing).await.ok()?;
    all.as_array()?.iter().rfind(|job| job["source"] == source).cloned()
}

fn to_request(args: Publish) -> Result<Request, CommandError> {
    let is_magnet = args.source.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("magnet:"));
    // The node may run in another folder than this command.
    let source = if is_magnet { args.source } else { checked_source(Path::new(&args.source))? };
    Ok(Request::Publish {
        source,
        work: args.work,
        title: args.title,
        year: args.year,
        kind: args.kind,
        season: args.season,
        episode: args.episode,
        map: args.map,
        licence: args.licence,
        resolution: args.resolution,
        languages: args.language,
        subtitles: args.subtitles,
        medium: args.medium,
        video_codec: args.video_codec,
        audio_codecs: args.audio_codec,
        trackers: args.tracker,
        web_seeds: args.web_seed,
        artwork: args.artwork.as_deref().map(checked_artwork).transpose()?,
        private: args.private,
    })
}

/// A picture that is there, by its whole path: the node may run in another folder than this command.
fn checked_artwork(path: &Path) -> Result<String, CommandError> {
    let bad = |why: String| CommandError::bad_input("bad_artwork", format!("{}: {why}", path.display()));
    let whole = std::fs::canonicalize(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => bad("there is no such file: name a JPEG, PNG or WebP picture".into()),
        _ => bad(error.to_string()),
    })?;
    if !whole.is_file() {
        return Err(bad("is no file: name a JPEG, PNG or WebP picture".into()));
    }
    whole.into_os_string().into_string().map_err(|_| bad("has a name that is not UTF-8: rename it".into()))
}

/// What can be known to be wrong before a node is asked: a missing file, a damaged torrent.
fn checked_source(path: &Path) -> Result<String, CommandError> {
    let bad = |code, message: String| Err(CommandError::bad_input(code, message));
    let shown = path.display();
    let is_torrent = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("torrent"));
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return bad(
                "no_such_file",
                format!("{shown} does not exist: name a file, a folder, a .torrent file or a magnet link"),
            );
        }
        Err(error) => return bad("unreadable", format!("cannot read {shown}: {error}")),
        Ok(data) if is_torrent && data.is_file() => {
            let read = std::fs::read(path);
            let parsed = read
                .map_err(|error| error.to_string())
                .and_then(|bytes| crate::torrent::Metainfo::parse(&bytes).map_err(|error| error.to_string()));
            if let Err(reason) = parsed {
                return bad("bad_torrent", format!("{shown}: {reason}"));
            }
        }
        Ok(_) => {}
    }
    absolute(path)
}
