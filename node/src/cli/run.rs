//! `run`: a node until it is stopped; and `testnet`.

use super::args::{self, Run};
use super::{Outcome, absolute, open, print, say, service};
use crate::driver::{self, Node};
use crate::home::{Home, Running};
use crate::http;
use crate::outlet;
use crate::settings::Desk;
use crate::{dht, p2p};
use clap::ArgMatches;
use heirloom_core::command::{CommandError, Fault, Reply};
use heirloom_core::views;
use heirloom_proto::Key;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

pub(super) fn check_bootstrap(nodes: &[String]) -> Result<(), CommandError> {
    for node in nodes {
        let is_good = node
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0));
        if !is_good {
            let message = format!("{node:?} is not the address of a DHT node: write it as HOST:PORT");
            return Err(CommandError::bad_input("bad_bootstrap", message));
        }
    }
    Ok(())
}

/// What `--p2p` says.
pub(super) fn listen_on(texts: &[String]) -> Result<Vec<p2p::Multiaddr>, CommandError> {
    multiaddrs("--p2p", texts, p2p::can_listen_on)
}

/// What `--peer` says.
pub(super) fn peers(texts: &[String]) -> Result<Vec<p2p::Multiaddr>, CommandError> {
    multiaddrs("--peer", texts, p2p::can_dial)
}

fn multiaddrs(
    flag: &str,
    texts: &[String],
    is_usable: fn(&p2p::Multiaddr) -> bool,
) -> Result<Vec<p2p::Multiaddr>, CommandError> {
    let refuse = |message: String| CommandError::bad_input("bad_multiaddr", message);
    let parse = |text: &String| {
        let address: p2p::Multiaddr = text.parse().map_err(|_| {
            refuse(format!("{flag}: {text:?} is not a libp2p address: write it as /ip4/127.0.0.1/tcp/7341"))
        })?;
        // Better said now than tried for ever: the build has no DNS and no other transports.
        if is_usable(&address) {
            return Ok(address);
        }
        Err(refuse(format!(
            "{flag}: {text} cannot be used: write it as /ip4/127.0.0.1/tcp/7341 or /ip6/::1/udp/7341/quic-v1, with numbers for names"
        )))
    };
    texts.iter().map(parse).collect()
}

pub(super) fn friends(texts: &[String]) -> Result<BTreeSet<Key>, CommandError> {
    let keys = texts.iter().map(|text| {
        text.parse::<Key>().map_err(|error| CommandError::bad_input("bad_key", format!("--friend: {error}")))
    });
    let keys: BTreeSet<Key> = keys.collect::<Result<_, _>>()?;
    if keys.len() > heirloom_core::proving::FRIENDS_MAX {
        let message = format!("{} friends are more than {}", keys.len(), heirloom_core::proving::FRIENDS_MAX);
        return Err(CommandError::bad_input("too_many_friends", message));
    }
    Ok(keys)
}

pub(super) async fn run(
    home: Home,
    settings: driver::Settings,
    args: Run,
    matches: &ArgMatches,
) -> Result<Outcome, CommandError> {
    let Some(lock) = home.lock()? else {
        let whom = home.running().map(|r| format!(" (process {}, http://{})", r.pid, r.http)).unwrap_or_default();
        let message = format!("a node already runs in {}{whom}: stop it, or use another --home", home.root().display());
        return Err(CommandError::new(Fault::Failed, "home_in_use", message));
    };
    home.clear_running();
    check_bootstrap(&args.dht_bootstrap)?;
    let sharing = args.sharing.sharing()?;
    let listener = http::bind(args.http)?;
    let address = listener
        .local_addr()
        .map_err(|error| CommandError::new(Fault::Failed, "http", format!("{}: {error}", args.http)))?;
    let downloads = args.dir.clone().unwrap_or_else(|| home.downloads());
    let options = driver::Options {
        p2p: listen_on(&args.p2p)?,
        peers: peers(&args.peer)?,
        friends: friends(&args.friend)?,
        mdns: !args.no_mdns,
        nat: args.nat.map(|nat| match nat {
            args::Nat::Public => p2p::Nat::Public,
            args::Nat::Private => p2p::Nat::Private,
        }),
        bt: args.bt,
        bt_named: args.bt_named,
        dht: args.dht,
        bootstrap: (!args.dht_bootstrap.is_empty()).then(|| args.dht_bootstrap.clone()),
        no_dht: args.no_dht,
        offline: args.offline,
        downloads: PathBuf::from(absolute(&downloads)?),
        seed_as: match args.seed_as {
            args::SeedAs::Published => driver::SeedAs::Published,
            args::SeedAs::Always => driver::SeedAs::Always,
            args::SeedAs::Never => driver::SeedAs::Never,
        },
        looks_up: !args.no_lookups,
        settings,
        clients: args.clients.settings()?,
        meets: !args.no_rendezvous,
    };
    let token = home.token()?;
    let node = Box::pin(Node::start(home.clone(), options)).await?;
    node.set_desk(Desk::new(home.clone(), matches));
    node.downloads().set_sharing(sharing);
    home.write_running(&Running { http: address.to_string(), pid: std::process::id() })?;
    let stop = CancellationToken::new();
    let face = http::Server::reached_at(node.clone(), token, address, args.apps_url);
    let server = tokio::spawn(http::serve(listener, Arc::clone(&face), stop.clone()));
    let starter = if args.no_starter { None } else { take_starter(&node).await? };
    print(&format!("{}\n", ready(&node, &home, address, starter.as_ref())?));
    service::is_ready(address);
    open::offer(&face, args.open)?;
    if std::io::stderr().is_terminal() && home.has_recovery_words() {
        show_words(&home)?;
    }
    let end = tokio::select! {
        result = node.ended() => End::Stop(result),
        () = asked_to_stop() => End::Stop(Ok(())),
        () = without_outlet(&node) => End::Again,
    };
    // A service that starts itself again does not stop.
    if matches!(end, End::Stop(_)) {
        service::is_stopping();
    }
    stop.cancel();
    let _ = tokio::time::timeout(Duration::from_secs(4), node.stop()).await;
    server.abort();
    drop(lock);
    match end {
        End::Stop(result) => result.map(|()| Outcome::Exit(ExitCode::SUCCESS)),
        End::Again => Err(start_again()),
    }
}

/// How a node ended.
enum End {
    /// For good.
    Stop(Result<(), CommandError>),
    /// To begin anew: its sockets are those of an interface that is no more.
    Again,
}

/// Waits until the way out goes away, leaves the networks, and waits until it is back.
async fn without_outlet(node: &Node) {
    let Some(outlet) = outlet::current() else { return std::future::pending().await };
    let sentence = outlet.gone().await;
    error!("{sentence}");
    node.leave_networks().await;
    outlet.back().await;
    warn!("the way out is back: the node starts again");
}

/// Puts this program in its own place, in the same process: a service manager sees no end. Returns only if that fails.
fn start_again() -> CommandError {
    use std::os::unix::process::CommandExt as _;
    let error = match std::env::current_exe() {
        // The browser is open already.
        Ok(program) => {
            let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--open");
            std::process::Command::new(program).args(arguments).env_remove("HEIRLOOM_OPEN").exec()
        }
        Err(error) => error,
    };
    let message = format!("the way out is back, but the node could not start itself again ({error}): start it");
    CommandError::new(Fault::Failed, "not_started_again", message)
}

/// Follows the starter catalogue, unless it was dropped once, and says so the first time.
async fn take_starter(node: &Node) -> Result<Option<views::Starter>, CommandError> {
    let Reply::Starter(starter) = *node.command(crate::starter::take(false)?).await? else { return Ok(None) };
    say_starter(&starter);
    Ok(Some(starter))
}

/// Says it the first time; and each time that nothing is left of it, since everything in it ends one day.
pub(super) fn say_starter(starter: &views::Starter) {
    if starter.state == views::StarterState::Dropped {
        return;
    }
    if starter.releases == 0 {
        say(
            "heirloom: what this version's starter catalogue listed has ended: a newer version brings a newer catalogue, \
             and whom you follow is not touched by it\n",
        );
    } else if starter.state == views::StarterState::Taken {
        say(&format!(
            "heirloom: following the starter catalogue ({} release{} of open works, signed by {}), which gives nobody else \
             a voice; drop it with `heirloom unfollow starter`, or run with --no-starter\n",
            starter.releases,
            if starter.releases == 1 { "" } else { "s" },
            starter.key
        ));
    }
}

fn show_words(home: &Home) -> Result<(), CommandError> {
    let words = home.recovery_words()?;
    eprintln!(
        "\nThese 24 words take your name back if this machine is lost or robbed. They are shown once; write them down:\n\n  {}\n",
        words.as_str()
    );
    home.forget_recovery_words()
}

/// The line that says where everything listens.
fn ready(
    node: &Node,
    home: &Home,
    http: std::net::SocketAddr,
    starter: Option<&views::Starter>,
) -> Result<Value, CommandError> {
    let networks = node.networks();
    let (bt, named) = networks.engine.as_ref().map(crate::torrent::Engine::listen_addrs).unzip();
    let p2p: Vec<String> = networks
        .p2p
        .as_ref()
        .map(|p2p| p2p.listen_addrs().iter().map(ToString::to_string).collect())
        .unwrap_or_default();
    Ok(json!({
        "event": "ready",
        "key": home.identity()?.secret.public().to_string(),
        "http": http.to_string(),
        "p2p": p2p,
        "bt": bt.map(|address| address.to_string()),
        "bt_named": named.map(|address| address.to_string()),
        "dht": networks.dht.as_ref().map(|dht| dht.local_addr().to_string()),
        "api_token_file": home.token_file(),
        "starter": starter.map(http::starter_json),
    }))
}

async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

pub(super) async fn testnet(at: std::net::Ipv4Addr, nodes: usize) -> Result<Outcome, CommandError> {
    let failed = |error: std::io::Error| CommandError::new(Fault::Failed, "testnet", error.to_string());
    let testnet = dht::testnet::Testnet::start_on(at, nodes).await.map_err(failed)?;
    print(&format!("{}\n", json!({ "event": "ready", "bootstrap": testnet.bootstrap() })));
    asked_to_stop().await;
    testnet.stop().await;
    Ok(Outcome::Exit(ExitCode::SUCCESS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_never_be_used_are_bad_input_and_name_their_flag() {
        let id = "12D3KooWCaHJJRDjFnB71rABvnKUXSN5Pc4tWW3jb2SqtHHw6mX6";
        let of = |text: &str| vec![text.to_owned()];
        for good in [
            "/ip4/127.0.0.1/tcp/7341",
            "/ip6/::1/udp/7341/quic-v1",
            &format!("/ip4/45.1.0.1/udp/7341/quic-v1/p2p/{id}"),
        ] {
            assert!(peers(&of(good)).is_ok(), "{good}");
        }
        for bad in [
            "127.0.0.1:7341",
            "/dns4/node.example/tcp/7341",
            "/ip4/127.0.0.1/tcp/7341/http",
            "/ip4/127.0.0.1/udp/7341",
            "/memory/1",
            &format!("/p2p/{id}"),
            &format!("/ip4/127.0.0.1/tcp/7341/p2p/{id}/p2p-circuit"),
        ] {
            for (flag, answer) in [("--peer", peers(&of(bad))), ("--p2p", listen_on(&of(bad)))] {
                let error = answer.expect_err(bad);
                let said = error.message.clone();
                assert!(error.fault == Fault::BadInput && said.starts_with(flag) && said.contains("/ip4/"), "{said}");
            }
        }
    }
}
