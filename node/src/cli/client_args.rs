//! The owner's own clients as typed: where they answer, as whom to ask, and which are observed. Passwords are never typed
//! as arguments, which every program on the machine can read.

use crate::clients::{Client, Endpoint, Settings};
use clap::Args;
use heirloom_core::command::CommandError;
use std::io::Read as _;
use zeroize::Zeroizing;

/// Longest password that is read.
const PASSWORD_BYTES_MAX: u64 = 1024;

/// Which clients a node looks at.
#[derive(Clone, Debug, Args)]
pub struct ClientsArgs {
    /// Read from whom your own client receives, and book it as weak evidence: qbittorrent or transmission; may be given
    /// for both. Passwords come from HEIRLOOM_QBITTORRENT_PASSWORD and HEIRLOOM_TRANSMISSION_PASSWORD
    #[arg(long, env = "HEIRLOOM_OBSERVE", value_delimiter = ',', value_name = "CLIENT")]
    pub observe: Vec<Client>,
    /// Where qBittorrent's Web UI answers
    #[arg(long, env = "HEIRLOOM_QBITTORRENT_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub qbittorrent_url: String,
    /// Name at qBittorrent
    #[arg(long, env = "HEIRLOOM_QBITTORRENT_USER", value_name = "NAME")]
    pub qbittorrent_user: Option<String>,
    /// Where Transmission's RPC answers
    #[arg(long, env = "HEIRLOOM_TRANSMISSION_URL", default_value = "http://127.0.0.1:9091", value_name = "URL")]
    pub transmission_url: String,
    /// Name at Transmission
    #[arg(long, env = "HEIRLOOM_TRANSMISSION_USER", value_name = "NAME")]
    pub transmission_user: Option<String>,
}

impl ClientsArgs {
    /// The settings.
    ///
    /// # Errors
    /// When an address is none.
    pub fn settings(&self) -> Result<Settings, CommandError> {
        let mut settings = Settings { observed: self.observe.iter().copied().collect(), ..Settings::default() };
        for client in Client::ALL {
            let (url, user) = match client {
                Client::Qbittorrent => (&self.qbittorrent_url, &self.qbittorrent_user),
                Client::Transmission => (&self.transmission_url, &self.transmission_user),
            };
            let password = from_environment(client, "PASSWORD").map(Zeroizing::new);
            let endpoint = Endpoint { client, url: url.clone(), user: user.clone(), password };
            endpoint.checked_url()?;
            settings.endpoints.insert(client, endpoint);
        }
        Ok(settings)
    }
}

/// How to reach the client that a command is about.
#[derive(Clone, Debug, Args)]
pub struct AtArgs {
    /// Where it answers; left out, HEIRLOOM_QBITTORRENT_URL or HEIRLOOM_TRANSMISSION_URL, else its usual port on this machine
    #[arg(long, requires = "client", value_name = "URL")]
    pub url: Option<String>,
    /// Name there; left out, HEIRLOOM_QBITTORRENT_USER or HEIRLOOM_TRANSMISSION_USER. The password comes from
    /// HEIRLOOM_QBITTORRENT_PASSWORD or HEIRLOOM_TRANSMISSION_PASSWORD
    #[arg(long, requires = "client", value_name = "NAME")]
    pub user: Option<String>,
    /// Read the password from standard input instead
    #[arg(long, requires = "client")]
    pub password_stdin: bool,
}

impl AtArgs {
    /// Where to ask.
    ///
    /// # Errors
    /// When the address is none, or the password cannot be read.
    pub fn endpoint(&self, client: Client) -> Result<Endpoint, CommandError> {
        let said = |given: &Option<String>, name| given.clone().or_else(|| from_environment(client, name));
        let password = if self.password_stdin {
            Some(from_stdin()?)
        } else {
            from_environment(client, "PASSWORD").map(Zeroizing::new)
        };
        let url = said(&self.url, "URL").unwrap_or_else(|| Endpoint::usual_url(client).to_owned());
        let endpoint = Endpoint { client, url, user: said(&self.user, "USER"), password };
        endpoint.checked_url()?;
        Ok(endpoint)
    }
}

/// `HEIRLOOM_<CLIENT>_<WHAT>`, unless it is empty.
fn from_environment(client: Client, what: &str) -> Option<String> {
    let name = format!("HEIRLOOM_{}_{what}", client.name().to_ascii_uppercase());
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn from_stdin() -> Result<Zeroizing<String>, CommandError> {
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin().lock().take(PASSWORD_BYTES_MAX).read_to_string(&mut text);
    let line = text.lines().next().unwrap_or_default();
    if read.is_err() || line.is_empty() {
        let message = "there is no password on standard input: give it as one line";
        return Err(CommandError::bad_input("no_password", message));
    }
    Ok(Zeroizing::new(line.to_owned()))
}
