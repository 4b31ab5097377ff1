//! The owner's own BitTorrent clients: what they received from whom, and what they fetch for this node.
//!
//! One place for each program's way of speaking ([`qbittorrent`], [`transmission`]), one for the requests themselves
//! (`wire`), one that looks at them regularly ([`watch`]). What a figure is worth is decided in `heirloom_core::observed`;
//! here they are only read, under limits: a client may be down, of another version, or somebody else's program.

mod doubt;
mod form;
pub mod qbittorrent;
mod read;
pub mod transmission;
pub mod watch;
mod wire;

pub use heirloom_core::observed::Client;
pub use watch::{ClientState, HandedState, Watch};

use heirloom_core::command::CommandError;
use heirloom_core::observed::Swarm;
use heirloom_proto::Infohash;
use qbittorrent::Qbittorrent;
use reqwest::Url;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;
use transmission::Transmission;
use zeroize::Zeroizing;

/// How often a client is looked at while something comes in. Transmission says how fast each peer sends, and no sums: those of the
/// last minute at best. And qBittorrent forgets what a peer sent when it leaves.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Label or category of what is handed off.
pub const LABEL: &str = "heirloom";
/// Most files of a torrent that are looked at: as many as this node takes itself.
const FILES_MAX: usize = 20_000;
/// How long an added torrent may take to appear.
const APPEARS_WITHIN: Duration = Duration::from_secs(30);
/// How often that is looked for.
const APPEARS_EVERY: Duration = Duration::from_millis(300);

/// Where a client answers, and as whom to ask.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Which program.
    pub client: Client,
    /// Its address, http or https.
    pub url: String,
    /// User name, if one is asked for.
    pub user: Option<String>,
    /// Password or API key.
    pub password: Option<Zeroizing<String>>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = self.password.as_ref().map(|_| "…");
        let fields = (self.client, &self.url, &self.user, secret);
        f.debug_tuple("Endpoint").field(&fields).finish()
    }
}

impl Endpoint {
    /// Where a client answers when nothing else is said.
    #[must_use]
    pub fn usual_url(client: Client) -> &'static str {
        match client {
            Client::Qbittorrent => "http://127.0.0.1:8080",
            Client::Transmission => "http://127.0.0.1:9091",
        }
    }

    /// A client at its usual address, without a password.
    #[must_use]
    pub fn usual(client: Client) -> Self {
        Self { client, url: Self::usual_url(client).into(), user: None, password: None }
    }

    /// The address, if it is one that can be asked.
    ///
    /// # Errors
    /// One sentence that says what is wrong with it.
    pub fn checked_url(&self) -> Result<Url, CommandError> {
        let bad = |why: &str| {
            // What stands before an @ may be a password.
            let url =
                self.url.rsplit_once('@').map_or_else(|| shown(&self.url), |(_, host)| format!("…@{}", shown(host)));
            let message = format!("{url:?} is no address of {}: {why}", self.client.title());
            CommandError::bad_input("bad_client_url", message)
        };
        let mut url = Url::parse(self.url.trim())
            .map_err(|error| bad(&format!("{error}; write it like {}", Self::usual_url(self.client))))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(bad(&format!("write it like {}", Self::usual_url(self.client))));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("leave name and password out of it, and give them apart"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("leave out what follows ? or #"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(url)
    }

    /// The same without a password, unless it is for that very address.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        if self.url == url {
            self.clone()
        } else {
            Self { url: url.to_owned(), user: None, password: None, ..self.clone() }
        }
    }
}

/// Which clients the owner has, and which of them are observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where they answer; what is not here answers at its usual address.
    pub endpoints: BTreeMap<Client, Endpoint>,
    /// Those whose figures are read regularly. None unless the owner says so.
    pub observed: BTreeSet<Client>,
}

impl Settings {
    /// Where a client answers.
    #[must_use]
    pub fn endpoint(&self, client: Client) -> Endpoint {
        self.endpoints.get(&client).cloned().unwrap_or_else(|| Endpoint::usual(client))
    }
}

/// What one look at a client showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Torrents with figures.
    pub swarms: Vec<Swarm>,
    /// Torrents that were left out: which, and why.
    pub skipped: Vec<(String, String)>,
    /// Torrents that were left out because their figures cannot be true: which, and why.
    pub doubted: Vec<(String, String)>,
}

/// A release for a client to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Which.
    pub infohash: Infohash,
    /// As a link.
    pub magnet: String,
    /// Its torrent file, where it is known.
    pub torrent: Option<Vec<u8>>,
    /// Folder to put it in, as the client sees it; `None`: its usual one.
    pub to: Option<String>,
    /// Not to be begun yet.
    pub is_paused: bool,
}

/// How far a client is with a torrent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Its name, once known.
    pub name: Option<String>,
    /// In a word.
    pub state: &'static str,
    /// All that is wanted of it is there.
    pub is_finished: bool,
    /// Bytes there, as the client says.
    pub bytes: u64,
    /// Size in bytes; 0 until the client knows.
    pub total: u64,
    /// Bytes per second coming in.
    pub down_rate: u64,
    /// Peers connected.
    pub peers: u64,
    /// Where it lies, as the client sees it.
    pub path: Option<String>,
    /// What the client says is wrong.
    pub trouble: Option<String>,
}

/// A client that is spoken to.
pub enum Session {
    /// qBittorrent.
    Qbittorrent(Box<Qbittorrent>),
    /// Transmission.
    Transmission(Box<Transmission>),
}

/// Asks the program that this is.
macro_rules! ask {
    ($self:ident, $session:ident => $asked:expr) => {
        match $self {
            Session::Qbittorrent($session) => $asked.await,
            Session::Transmission($session) => $asked.await,
        }
    };
}

impl Session {
    /// Asks for the version of a client, signing in where that is needed.
    ///
    /// # Errors
    /// One sentence: it does not answer, refuses, or is another program.
    pub async fn open(endpoint: &Endpoint) -> Result<Self, CommandError> {
        Ok(match endpoint.client {
            Client::Qbittorrent => Self::Qbittorrent(Box::new(Qbittorrent::open(endpoint).await?)),
            Client::Transmission => Self::Transmission(Box::new(Transmission::open(endpoint).await?)),
        })
    }

    /// What it says its version is.
    #[must_use]
    pub fn version(&self) -> &str {
        match self {
            Self::Qbittorrent(session) => session.version(),
            Self::Transmission(session) => session.version(),
        }
    }

    /// Reads what came in since the last look.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn look(&mut self) -> Result<Look, CommandError> {
        ask!(self, session => session.look())
    }

    /// How far it is with a torrent; `None`: it has no such torrent.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn progress(&mut self, infohash: &Infohash) -> Result<Option<Progress>, CommandError> {
        ask!(self, session => session.progress(infohash))
    }

    /// Path and size of the files in a torrent, once it knows them.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn files(&mut self, infohash: &Infohash) -> Result<Option<Vec<(String, u64)>>, CommandError> {
        let files = ask!(self, session => session.files(infohash))?;
        Ok(files.map(without_root))
    }

    /// Has it fetch these files of a torrent, by their index; of the others nothing, unless they are to stay as they are.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn select(
        &mut self,
        infohash: &Infohash,
        wanted: &BTreeSet<u32>,
        others: &BTreeSet<u32>,
    ) -> Result<(), CommandError> {
        ask!(self, session => session.select(infohash, wanted, others))
    }

    /// Stops a torrent; what is there stays.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn stop(&mut self, infohash: &Infohash) -> Result<(), CommandError> {
        ask!(self, session => session.stop(infohash))
    }

    /// Adds a torrent, and waits until it is there. `false`: it was there before, and is left as it is.
    ///
    /// # Errors
    /// As [`Session::open`], or why it takes no such torrent.
    pub async fn add(&mut self, offer: &Offer) -> Result<bool, CommandError> {
        if self.progress(&offer.infohash).await?.is_some() {
            return Ok(false);
        }
        ask!(self, session => session.add(offer))?;
        let until = tokio::time::Instant::now() + APPEARS_WITHIN;
        while self.progress(&offer.infohash).await?.is_none() {
            if tokio::time::Instant::now() >= until {
                let (client, seconds) = (self.client().title(), APPEARS_WITHIN.as_secs());
                let message =
                    format!("{client} took {} and does not show it after {seconds} s: look there", offer.infohash);
                return Err(CommandError::new(heirloom_core::command::Fault::Failed, "client_answer", message));
            }
            tokio::time::sleep(APPEARS_EVERY).await;
        }
        Ok(true)
    }

    fn client(&self) -> Client {
        match self {
            Self::Qbittorrent(_) => Client::Qbittorrent,
            Self::Transmission(_) => Client::Transmission,
        }
    }
}

/// Paths as they stand in the torrent: clients put the folder before them that is named after it.
fn without_root(mut files: Vec<(String, u64)>) -> Vec<(String, u64)> {
    let root_of = |path: &str| path.split_once('/').map(|(root, _)| root.to_owned());
    let root = files.iter().find(|(path, _)| !path.is_empty()).and_then(|(path, _)| root_of(path));
    if let Some(root) = root
        && files.iter().all(|(path, _)| path.is_empty() || root_of(path).as_ref() == Some(&root))
    {
        files.iter_mut().filter(|(path, _)| !path.is_empty()).for_each(|(path, _)| drop(path.drain(..=root.len())));
    }
    files
}

/// Text of a stranger or of another program within a line: short, and without what turns or ends it.
fn shown(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    text.chars().filter(|c| !is_hidden(*c)).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_clients() {
        let at = |url: &str| Endpoint { url: url.into(), ..Endpoint::usual(Client::Qbittorrent) }.checked_url();
        for (url, whole) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            (" https://nas.local/qb ", "https://nas.local/qb/"),
            ("http://[::1]:9091/transmission/rpc", "http://[::1]:9091/transmission/rpc/"),
        ] {
            assert_eq!(at(url).expect(url).as_str(), whole);
        }
        for url in
            ["", "nas:8080", "localhost:8080", "file:///etc/passwd", "http://", "http://a:b@nas/", "http://nas/?x=1"]
        {
            assert_eq!(at(url).expect_err(url).code, "bad_client_url");
        }
    }

    #[test]
    fn files_are_told_as_they_stand_in_the_torrent() {
        let told = |paths: &[&str]| {
            let files = paths.iter().map(|path| ((*path).to_owned(), 1)).collect();
            without_root(files).into_iter().map(|(path, _)| path).collect::<Vec<_>>()
        };
        assert_eq!(told(&["film.mp4"]), ["film.mp4"]);
        assert_eq!(told(&["Show/a.mkv", "", "Show/sub/b.mkv"]), ["a.mkv", "", "sub/b.mkv"]);
        assert_eq!(told(&["a.mkv", "Show/b.mkv"]), ["a.mkv", "Show/b.mkv"], "no folder holds them all");
        assert_eq!(told(&["", "ü/ä"]), ["", "ä"]);
    }

    #[test]
    fn a_password_is_shown_nowhere_and_goes_to_its_own_address_only() {
        let endpoint = Endpoint {
            user: Some("me".into()),
            password: Some(Zeroizing::new("secret".into())),
            ..Endpoint::usual(Client::Transmission)
        };
        assert!(!format!("{endpoint:?}").contains("secret"));
        assert_eq!(endpoint.at(&endpoint.url), endpoint);
        let other = endpoint.at("http://10.0.0.1:9091");
        assert_eq!((other.user, other.password), (None, None));
    }
}
