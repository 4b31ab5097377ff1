//! Asks the running node of a home, or opens the store when none runs.

use crate::driver::{self, Health};
use crate::home::{Home, Running};
use crate::http::{Request, parse, status_json, to_json};
use heirloom_core::command::{CommandError, Fault, Reply};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long a starting or stopping node is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer; `show --wait` may take an hour.
const ANSWER_MAX: Duration = Duration::from_secs(3700);

/// Where requests go.
pub struct Client {
    home: Home,
    http: reqwest::Client,
}

impl Client {
    /// For a home.
    pub fn new(home: Home) -> Self {
        // No proxy: the node is on this machine, and the token is nobody else's business.
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).build().unwrap_or_default();
        Self { home, http }
    }

    /// Asks.
    ///
    /// # Errors
    /// What the node answers, or why it cannot be asked.
    pub async fn request(&self, request: Request) -> Result<Value, CommandError> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(lock) = self.home.lock()? {
                let home = self.home.clone();
                let answer = tokio::task::spawn_blocking(move || {
                    let answer = from_store(&home, request);
                    drop(lock);
                    answer
                });
                return answer.await.map_err(|error| CommandError::new(Fault::Failed, "failed", error.to_string()))?;
            }
            // Somebody has the home: a node, or another command for a moment.
            if let Some(running) = self.home.running()
                && let Some(answer) = self.ask(&running, &request).await?
            {
                return answer;
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

    /// `None` when nobody listens there (yet, or any longer).
    async fn ask(
        &self,
        running: &Running,
        request: &Request,
    ) -> Result<Option<Result<Value, CommandError>>, CommandError> {
        let broken = |error: &dyn std::fmt::Display| {
            CommandError::new(Fault::Failed, "api", format!("the node's answer was cut off: {error}"))
        };
        let mut body = serde_json::to_value(request).map_err(|error| broken(&error))?;
        let verb = body.as_object_mut().and_then(|fields| fields.remove("verb"));
        let verb = verb.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let url = format!("http://{}/api/v1/{verb}", running.http);
        let token = self.home.token()?;
        let sent = self.http.post(url).bearer_auth(token.as_str()).json(&body).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Ok(None),
            Err(error) => return Err(broken(&error)),
        };
        let is_good = response.status().is_success();
        let value: Value = response.json().await.map_err(|error| broken(&error))?;
        Ok(Some(if is_good { Ok(value) } else { Err(to_error(&value)) }))
    }
}

/// Answers from the store of a home whose lock is held.
fn from_store(home: &Home, request: Request) -> Result<Value, CommandError> {
    let Some(command) = parse(request)? else { return Err(CommandError::needs_node("this")) };
    let (reply, key) = driver::once(home, command)?;
    Ok(match &reply {
        // Nobody was asked: silence would look like an answer.
        Reply::Work(work) if work.releases.is_empty() => {
            return Err(CommandError::needs_node("looking up a work that is not here"));
        }
        Reply::Status(status) => status_json(status, &key, &Health::of(home)),
        reply => to_json(reply, &driver::wire_name(&key)),
    })
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
