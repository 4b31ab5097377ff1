//! `play`: the address of a film, and a player for it.

use super::args::Play;
use super::client::Client;
use super::open::begin;
use super::{Outcome, say};
use crate::http::Request;
use heirloom_core::command::{CommandError, Fault};
use serde_json::Value;
use std::process::Command;

/// Players that are looked for, the best at jumping first.
const PLAYERS: [&str; 3] = ["mpv", "vlc", "cvlc"];

/// `play WORK|INFOHASH`.
pub(super) async fn play(client: &Client, args: Play, json: bool) -> Result<Outcome, CommandError> {
    let Play { what, of, file, anyway, print, player } = args;
    let (episode, resolution) = (of.pick(), of.resolution);
    let answer = client.request(Request::Play { what, file, episode, resolution, anyway }).await?;
    if print || json {
        return Ok(Outcome::Answer(answer));
    }
    if let Some(player) = player {
        if !start(&player, &answer) {
            let message = format!("{player} could not be started: name another --player, or use --print");
            return Err(CommandError::new(Fault::Failed, "no_player", message));
        }
    } else if !PLAYERS.iter().any(|player| start(player, &answer)) {
        say(
            "heirloom: neither mpv nor VLC was found: give the address to a player of yours, or name one with --player\n",
        );
    }
    Ok(Outcome::Answer(answer))
}

/// Starts a player. The address is an argument of its own: no shell reads it, nor the name of the film.
fn start(player: &str, answer: &Value) -> bool {
    let mut command = Command::new(player);
    let is_mpv = player.rsplit('/').next() == Some("mpv");
    let subtitles = answer["subtitles"].as_array().map(Vec::as_slice).unwrap_or_default();
    for url in subtitles.iter().filter(|_| is_mpv).filter_map(|one| one["url"].as_str()) {
        command.arg(format!("--sub-file={url}"));
    }
    begin(command.arg(answer["url"].as_str().unwrap_or_default()))
}
