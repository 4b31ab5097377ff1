//! Asks the running node of a home, or opens the store when none runs.

use crate::doctor::{self, Check};
use crate::driver::{self, Health, Offline, Settings};
use crate::home::{Home, Lock, Running};
use crate::http::{
    Request, Seeding, check_json, config_of, found_json, handing_off_json, parse, reindexed_json, status_json, to_json,
    wish,
};
use crate::settings::Desk;
use heirloom_core::command::{CommandError, Fault, Reply};
use heirloom_core::views::Starter;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a starting or stopping node is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a node that has not answered yet is asked whether it is still there.
const LOOK: Duration = Duration::from_secs(10);
/// Longest answer; `show --wait` may take an hour.
const ANSWER_MAX: Duration = Duration::from_secs(3700);

/// Where requests go.
pub struct Client {
    home: Home,
    settings: Settings,
    http: reqwest::Client,
}

/// Who answers: the running node of the home, or its store, held by this process until the door is dropped.
pub enum Door<'a> {
    /// A node.
    Node { client: &'a Client, running: Running },
    /// The store, opened with the first request that needs it. Fields are dropped in this order: the store is closed before the home is given back.
    Store { home: Home, settings: Settings, offline: Option<Box<Offline>>, lock: Arc<Lock> },
}

impl Client {
    /// For a home, with the settings that its store is opened with when no node runs.
    pub fn new(home: Home, settings: Settings) -> Self {
        // No proxy: the node is on this machine, and the token is nobody else's business.
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build().unwrap_or_default();
        Self { home, settings, http }
    }

    /// Asks once.
    ///
    /// # Errors
    /// What the node answers, or why it cannot be asked.
    pub async fn request(&self, request: Request) -> Result<Value, CommandError> {
        self.open().await?.request(request).await
    }

    /// Finds out who answers; for several requests in a row.
    ///
    /// # Errors
    /// When another process has the home and does not answer.
    pub async fn open(&self) -> Result<Door<'_>, CommandError> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(lock) = self.home.lock()? {
                let (home, settings, lock) = (self.home.clone(), self.settings, Arc::new(lock));
                return Ok(Door::Store { home, settings, offline: None, lock });
            }
            // Somebody has the home: a node, or another command for a moment.
            if let Some(running) = self.home.running()
                && tokio::net::TcpStream::connect(&running.http).await.is_ok()
            {
                return Ok(Door::Node { client: self, running });
            }
            if Instant::now() >= give_up {
                let message = format!(
                    "another process uses {} and does not answer: stop it and try again",
                    self.home.root().display()
                );
                return Err(CommandError::new(Fault::Failed, "home_in_use", message));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn ask(&self, running: &Running, request: &Request) -> Result<Value, CommandError> {
        let broken = |error: &dyn std::fmt::Display| {
            CommandError::new(Fault::Failed, "api", format!("the node's answer was cut off: {error}"))
        };
        let mut body = serde_json::to_value(request).map_err(|error| broken(&error))?;
        let verb = body.as_object_mut().and_then(|fields| fields.remove("verb"));
        let verb = verb.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let url = format!("http://{}/api/v1/{verb}", running.http);
        let token = self.home.token()?;
        let sent = self.http.post(url).bearer_auth(token.as_str()).json(&body).send();
        let mut sent = std::pin::pin!(sent);
        let response = loop {
            tokio::select! {
                sent = &mut sent => break sent.map_err(|_| gone(running))?,
                // What takes long is waited for, but not at the door of a process that is stuck.
                () = tokio::time::sleep(LOOK) => if !self.answers(running).await {
                    return Err(gone(running));
                }
            }
        };
        let is_good = response.status().is_success();
        let value: Value = response.json().await.map_err(|error| broken(&error))?;
        if is_good { Ok(value) } else { Err(to_error(&value)) }
    }
}

impl Client {
    /// Whether a node says anything at all, if only that it is busy.
    async fn answers(&self, running: &Running) -> bool {
        self.http.get(format!("http://{}/health", running.http)).timeout(PATIENCE).send().await.is_ok()
    }
}

/// What to do about a node that was asked and will not answer.
fn gone(running: &Running) -> CommandError {
    let message = format!(
        "the node (process {}) does not answer any longer: end it if it is still there, and start it again with `heirloom run`",
        running.pid
    );
    CommandError::new(Fault::Failed, "api", message)
}

impl Door<'_> {
    /// Follows the starter catalogue, unless it was dropped; `None` where a node answers, which has done so itself.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub async fn take_starter(&mut self) -> Result<Option<Starter>, CommandError> {
        if matches!(self, Self::Node { .. }) {
            return Ok(None);
        }
        let command = crate::starter::take(false)?;
        match self.in_store(move |home, settings, offline| opened(home, settings, offline)?.command(command)).await? {
            Reply::Starter(starter) => Ok(Some(starter)),
            _ => Ok(None),
        }
    }

    /// Asks.
    ///
    /// # Errors
    /// What the node or the core answers.
    pub async fn request(&mut self, request: Request) -> Result<Value, CommandError> {
        if let Self::Node { client, running } = self {
            return client.ask(running, &request).await;
        }
        self.in_store(move |home, settings, offline| from_store(home, settings, offline, request)).await
    }

    /// Works with the store of the home, off the runtime's threads. Never called where a node answers.
    async fn in_store<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Home, Settings, &mut Option<Box<Offline>>) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let Self::Store { home, settings, offline, lock } = self else {
            return Err(CommandError::new(Fault::Failed, "failed", "a node has the store"));
        };
        let (home, settings, lock, taken) = (home.clone(), *settings, Arc::clone(lock), offline.take());
        let work = tokio::task::spawn_blocking(move || {
            let mut offline = taken;
            let answer = work(&home, settings, &mut offline);
            // Held until the store is done with, even if nobody waits for the answer any longer.
            drop(lock);
            (offline, answer)
        });
        let failed = |error: tokio::task::JoinError| CommandError::new(Fault::Failed, "failed", error.to_string());
        let (opened, answer) = work.await.map_err(failed)?;
        *offline = opened;
        answer
    }
}

/// The store of a home whose lock is held, opening it if it is not.
fn opened<'a>(
    home: &Home,
    settings: Settings,
    offline: &'a mut Option<Box<Offline>>,
) -> Result<&'a mut Offline, CommandError> {
    Ok(match offline {
        Some(offline) => offline,
        None => offline.insert(Box::new(Offline::open(home, settings)?)),
    })
}

/// Answers from the store of a home whose lock is held, opening it if it is not.
fn from_store(
    home: &Home,
    settings: Settings,
    offline: &mut Option<Box<Offline>>,
    request: Request,
) -> Result<Value, CommandError> {
    if matches!(request, Request::Config { .. } | Request::ConfigSet { .. }) {
        let answer = config_of(&Desk::of(home.clone()), &request)?;
        // No process is under way that has an older value: what is said now is what counts.
        return Ok(match request {
            Request::ConfigSet { name, .. } => {
                config_of(&Desk::of(home.clone()), &Request::Config { name: Some(name) }).unwrap_or(answer)
            }
            _ => answer,
        }
        .unwrap_or(Value::Null));
    }
    if let Request::Seed { items } = &request {
        // A node that starts later seeds them.
        let seeding = Seeding::of(home, items)?;
        return match opened(home, settings, offline)?.command(seeding.command.clone())? {
            Reply::Seeded(seeded) => Ok(seeding.answer(&seeded)),
            _ => Err(CommandError::needs_node("this")),
        };
    }
    if matches!(request, Request::Doctor { .. }) {
        return Ok(unattended(home, opened(home, settings, offline).map(drop)));
    }
    let request = request.liking(&Desk::of(home.clone()).liked());
    let wish = wish(&request)?;
    let command = parse(request)?;
    if wish.is_none() && command.is_none() {
        return Err(CommandError::needs_node("this"));
    }
    let offline = opened(home, settings, offline)?;
    if let Some(wish) = wish {
        return Ok(found_json(&offline.search(&wish)?));
    }
    let Some(command) = command else { return Err(CommandError::needs_node("this")) };
    let reply = offline.command(command)?;
    Ok(match &reply {
        Reply::HandingOff(to) => return handing_off_json(home, to),
        Reply::Reindexed(done) => reindexed_json(done, offline.rebuild_search()),
        // Nobody was asked: silence would look like an answer.
        Reply::Work(work) if work.releases.is_empty() && work.title.is_empty() => {
            return Err(CommandError::needs_node("looking up a work that is not here"));
        }
        Reply::Status(status) => status_json(status, &offline.key(), &Health::of(home)),
        reply => to_json(reply, &driver::wire_name(&offline.key())),
    })
}

/// What `doctor` says of a home that no node runs in.
fn unattended(home: &Home, store: Result<(), CommandError>) -> Value {
    let desk = Desk::of(home.clone());
    let fix =
        "restore the folder from a backup, or set it aside and let the node begin anew with `heirloom id restore`";
    let (is_readable, detail) = match store {
        Ok(()) => (true, "it opens".to_owned()),
        Err(error) => (false, error.message),
    };
    let fix_node = "start it with `heirloom run`: the network is tried by a node";
    let mut checks = vec![Check::new("node", false, "none runs with this folder", fix_node).gently()];
    checks.push(Check::new("store", is_readable, detail, fix));
    checks.extend(doctor::of_home(home, doctor::clock::Heard::default()));
    checks.push(doctor::of_ports(|name| desk.one(name).ok().map(|setting| setting.value)));
    checks.iter().map(check_json).collect()
}

fn to_error(value: &Value) -> CommandError {
    let field = |name: &str| value["error"][name].as_str().unwrap_or("unknown").to_owned();
    let fault = match value["error"]["exit"].as_u64() {
        Some(2) => Fault::BadInput,
        Some(3) => Fault::NotFound,
        Some(4) => Fault::Refused,
        _ => Fault::Failed,
    };
    // Codes are constants of the core; one that came over HTTP lives as long as this short process.
    CommandError::new(fault, Box::leak(field("code").into_boxed_str()), field("message"))
}
