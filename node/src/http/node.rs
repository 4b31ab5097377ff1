//! Answers requests by a running node.

use super::answer::{download_json, found_json, publishing_json, reindexed_json, to_json};
use super::clients::{handed_state_json, handing_off_json};
use super::config;
use super::curator::{card_json, contact_of, verified_list};
use super::health::{doctor_json, status_json};
use super::request::{Request, SeedItem, parse, wish};
use super::seeding::Seeding;
use crate::driver::Node;
use heirloom_core::command::{Command, CommandError, Fault, Reply};
use heirloom_core::views::{LedgerBy, LedgerRow};
use heirloom_proto::Infohash;
use serde_json::{Value, json};

/// Answers a request of the CLI or of a program.
///
/// # Errors
/// One sentence that says what to do.
pub async fn answer_request(node: &Node, request: Request) -> Result<Value, CommandError> {
    match request.liking(&node.desk().liked()) {
        request @ (Request::Config { .. } | Request::ConfigSet { .. }) => config::answer(node, request).await,
        Request::Download { infohash } => download(node, &infohash).await,
        request @ Request::Get { .. } => get(node, request).await,
        request @ Request::HandOff { .. } => hand_off(node, request).await,
        request @ Request::HandedOff { .. } => handed_off(node, request).await,
        Request::Publishing => Ok(publishing_json(&node.downloads().publishing().all())),
        Request::PublishCancel { job } => {
            node.downloads().publishing().cancel(job)?;
            Ok(json!({ "job": job, "cancelled": true }))
        }
        request @ Request::Show { .. } => {
            let mut shown = command(node, request).await?;
            tell_swarms(node, shown["releases"].as_array_mut().into_iter().flatten());
            Ok(shown)
        }
        Request::Seed { items } => seed(node, items).await,
        Request::CuratorCard => {
            let id = to_json(&*node.command(Command::Identity).await?, node.wire_name());
            Ok(card_json(&contact_of(&id)?))
        }
        Request::ListVerify { text } => Ok(verified_list(&text).0),
        Request::Doctor { quick } => match *node.command(Command::Status).await? {
            Reply::Status(status) => {
                let is_public = node.desk().one("nat").is_ok_and(|setting| setting.value == "public");
                Ok(doctor_json(&status.usage, &node.health().await, is_public, &node.checked(quick).await))
            }
            other => Ok(to_json(&other, node.wire_name())),
        },
        Request::Status => match *node.command(Command::Status).await? {
            Reply::Status(status) => Ok(status_json(&status, node.key(), &node.health().await)),
            other => Ok(to_json(&other, node.wire_name())),
        },
        request @ Request::Search { .. } => match wish(&request)? {
            Some(wish) => {
                let mut found = found_json(&node.search(wish).await?);
                let rows = found.as_array_mut().into_iter().flatten();
                tell_swarms(node, rows.filter_map(|row| row.get_mut("best")));
                Ok(found)
            }
            None => Err(CommandError::bad_input("bad_request", "this is no search")),
        },
        Request::Reindex => match *node.command(Command::Reindex).await? {
            Reply::Reindexed(done) => Ok(reindexed_json(&done, node.rebuild_search().await?)),
            other => Ok(to_json(&other, node.wire_name())),
        },
        mut request => {
            if let Request::Publish { artwork: Some(artwork), .. } = &mut request {
                *artwork = node.add_artwork(artwork.clone()).await?.to_string();
            }
            command(node, request).await
        }
    }
}

/// A request that is one command of the core's.
async fn command(node: &Node, request: Request) -> Result<Value, CommandError> {
    // A hundred thousand keys are seconds of work, which must keep no other request waiting.
    let parsed = tokio::task::spawn_blocking(move || parse(request)).await;
    let parsed = parsed.map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))?;
    let Some(command) = parsed? else {
        return Err(CommandError::bad_input("bad_request", "this verb takes no such request"));
    };
    let reply = node.command(command).await?;
    Ok(to_json(&reply, node.wire_name()))
}

/// Adds how a release is shared, as far as this node knows it: nobody is asked for it. Of what is here whole this node is
/// a seed; how many of its peers are seeds too, they tell nobody.
fn tell_swarms<'a>(node: &Node, releases: impl Iterator<Item = &'a mut Value>) {
    let Some(engine) = &node.networks().engine else { return };
    for release in releases {
        let infohash = release["infohash"].as_str().and_then(|text| text.parse::<Infohash>().ok());
        let Some(progress) = infohash.and_then(|infohash| engine.progress(infohash.0)) else { continue };
        let seeds = progress.finished.then_some(1);
        release["swarm"] = json!({ "seeds": seeds, "peers": progress.peers });
    }
}

/// Begins a download. One that is complete, but whose files are gone, begins anew.
async fn get(node: &Node, request: Request) -> Result<Value, CommandError> {
    let Some(command) = parse(request)? else {
        return Err(CommandError::bad_input("bad_request", "this verb takes no such request"));
    };
    let mut reply = node.command(command.clone()).await?;
    if let Reply::Getting(getting) = &*reply
        && node.downloads().forget_if_lost(getting.infohash).await
    {
        reply = node.command(command).await?;
    }
    Ok(to_json(&reply, node.wire_name()))
}

/// Chooses a release for another client, with its torrent file where that is kept here.
async fn hand_off(node: &Node, request: Request) -> Result<Value, CommandError> {
    let Some(command) = parse(request)? else {
        return Err(CommandError::bad_input("bad_request", "this verb takes no such request"));
    };
    match *node.command(command).await? {
        Reply::HandingOff(to) => {
            let home = node.home().clone();
            let read = tokio::task::spawn_blocking(move || handing_off_json(&home, &to)).await;
            read.map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))?
        }
        other => Ok(to_json(&other, node.wire_name())),
    }
}

/// Remembers what a client was given, and asks it how far it is.
async fn handed_off(node: &Node, request: Request) -> Result<Value, CommandError> {
    let Some(command) = parse(request)? else {
        return Err(CommandError::bad_input("bad_request", "this verb takes no such request"));
    };
    let client = if let Command::HandedOff { client, .. } = &command { Some(*client) } else { None };
    let reply = node.command(command).await?;
    if let Some(client) = client {
        node.watch().ring(client);
    }
    Ok(to_json(&reply, node.wire_name()))
}

/// Seeds what was listed and is here.
async fn seed(node: &Node, items: Vec<SeedItem>) -> Result<Value, CommandError> {
    let home = node.home().clone();
    let read = tokio::task::spawn_blocking(move || Seeding::of(&home, &items)).await;
    let mut seeding = read.map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))??;
    seeding.retry(|infohash| node.downloads().has_failed(infohash));
    match *node.command(seeding.command.clone()).await? {
        Reply::Seeded(seeded) => Ok(seeding.answer(&seeded)),
        other => Ok(to_json(&other, node.wire_name())),
    }
}

async fn download(node: &Node, infohash: &str) -> Result<Value, CommandError> {
    let infohash: Infohash = infohash
        .parse()
        .map_err(|error: heirloom_proto::ids::IdError| CommandError::bad_input("bad_infohash", error.to_string()))?;
    let download = match node.downloads().state_of(infohash) {
        Ok(download) => download,
        Err(error) => {
            // Somebody else may fetch it.
            let handed = node.watch().handed().into_iter().find(|state| state.infohash == infohash);
            return handed.as_ref().map(handed_state_json).ok_or(error);
        }
    };
    let from = match *node.command(Command::Ledger { by: LedgerBy::Release }).await? {
        Reply::Ledger(rows) => {
            let is_it = |row: &LedgerRow| row.infohash == Some(infohash) && !row.source.is_weak();
            rows.into_iter().filter(is_it).collect()
        }
        _ => Vec::new(),
    };
    Ok(download_json(&download, &from))
}
