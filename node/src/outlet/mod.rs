//! The owner's way out: one interface or address, or a proxy, that everything outside this machine goes through, and what is
//! said of it. A process has one, as it has one set of sockets.
//!
//! [`heirloom_outlet`] keeps the sockets to it; this says which it is, notices when it goes, and narrows what a node
//! listens on. What cannot be sent through it is not sent.

mod listening;
mod names;
mod proxy;

pub use listening::Listening;
pub use proxy::{Proxy, shown as proxy_shown};

use heirloom_core::command::{CommandError, Fault};
use heirloom_outlet::{Missing, Pin, Rules, Way};
use std::net::{IpAddr, SocketAddr};
use std::sync::{OnceLock, RwLock};
use std::time::Duration;

/// How often the interface is looked at. Between two looks the kernel lets nothing out by another one; this makes it orderly.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Looks in a row that must find it before the node starts again: a tunnel that comes up may go down once more.
const STEADY_LOOKS: u32 = 2;

/// What the owner chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The interface or address.
    pub way: Option<Way>,
    /// The proxy.
    pub proxy: Option<Proxy>,
}

impl Choice {
    /// As typed.
    ///
    /// # Errors
    /// One sentence that names the flag and what it may be.
    pub fn read(bind: Option<&str>, proxy: Option<&str>) -> Result<Self, CommandError> {
        let bad = |code, message| CommandError::bad_input(code, message);
        let way = bind.map(|text| {
            let shown: String = text.chars().take(40).collect();
            text.parse::<Way>().map_err(|error| bad("bad_bind", format!("--bind {shown:?}: {error}")))
        });
        let proxy =
            proxy.map(|text| text.parse::<Proxy>().map_err(|error| bad("bad_proxy", format!("--proxy: {error}"))));
        Ok(Self { way: way.transpose()?, proxy: proxy.transpose()? })
    }

    /// Whether nothing was chosen.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.way.is_none() && self.proxy.is_none()
    }
}

/// The way out of this process.
#[derive(Debug)]
pub struct Outlet {
    choice: Choice,
    /// Where the proxy is, found once.
    proxy: Option<SocketAddr>,
    /// The interface, as it was when the process began.
    pin: Option<Pin>,
    /// Why nothing goes out, while nothing does.
    gone: RwLock<Option<String>>,
}

/// How it is, for whoever asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The interface or address, as chosen.
    pub bind: Option<String>,
    /// The interface's name.
    pub interface: Option<String>,
    /// The addresses that others see.
    pub addresses: Vec<IpAddr>,
    /// The proxy, without its password.
    pub proxy: Option<String>,
    /// Whether anything can go out.
    pub is_open: bool,
    /// Sockets that were kept to the interface.
    pub pinned: u64,
    /// What was refused, since it would have gone another way.
    pub refused: u64,
    /// All of it in one sentence.
    pub sentence: String,
}

/// Whether there is a name server that may be asked by the outlet.
#[must_use]
pub fn has_name_server() -> bool {
    !names::servers().is_empty()
}

static CURRENT: OnceLock<Outlet> = OnceLock::new();

/// The way out of this process, if its owner chose one.
#[must_use]
pub fn current() -> Option<&'static Outlet> {
    CURRENT.get()
}

/// What to tell whoever looks at anything of this node, while nothing goes out.
#[must_use]
pub fn notice() -> Option<String> {
    current().map(Outlet::state).filter(|state| !state.is_open).map(|state| state.sentence)
}

/// Keeps this process to what its owner chose, from now on. `own` is where a node of this home answers. A `node` needs the
/// interface; other commands go on without it, and reach nothing but this machine.
///
/// # Errors
/// One sentence: the interface is not there, the proxy's name is not found, or this system cannot.
pub fn keep_to(choice: Choice, own: Option<SocketAddr>, is_node: bool) -> Result<(), CommandError> {
    if choice.is_none() {
        return Ok(());
    }
    let unable = |error: &dyn std::fmt::Display| {
        let message = format!(
            "--bind and --proxy work on Linux with the GNU C library only, and here they do not ({error}): leave them out"
        );
        CommandError::bad_input("no_outlet", message)
    };
    let interfaces = heirloom_outlet::interfaces().map_err(|error| unable(&error))?;
    let (pin, missing) = match choice.way.as_ref().map(|way| way.on(&interfaces)) {
        None => (None, None),
        Some(Ok(pin)) => (Some(pin), None),
        Some(Err(missing)) => (None, Some(missing)),
    };
    if let (Some(missing), true) = (&missing, is_node) {
        return Err(not_there(&choice, missing));
    }
    if let Some(pin) = &pin {
        heirloom_outlet::try_pin(pin).map_err(|error| {
            let message = format!(
                "--bind {}: this system does not let a program keep to an interface ({error}): it needs Linux 5.7 or newer",
                pin.name
            );
            CommandError::bad_input("no_outlet", message)
        })?;
    }
    heirloom_outlet::set_resolver(names::resolve);
    let own = own.filter(|own| interfaces.iter().any(|one| one.addresses.contains(&own.ip().to_canonical())));
    let by_address = matches!(choice.way, Some(Way::Address(_)));
    let rules =
        Rules { pin: pin.clone(), by_address, own: own.into_iter().collect(), is_shut: missing.is_some(), proxy: None };
    heirloom_outlet::set(rules.clone()).map_err(|error| unable(&error))?;
    // Behind the interface, so that its name is asked for there.
    let proxy = match &choice.proxy {
        Some(proxy) if missing.is_none() => Some(proxy.find()?),
        // Nobody is there: an address that nothing is at keeps everything else in.
        Some(_) => Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        None => None,
    };
    heirloom_outlet::set(Rules { proxy, ..rules }).map_err(|error| unable(&error))?;
    let gone = RwLock::new(missing.map(|missing| missing.to_string()));
    CURRENT
        .set(Outlet { choice, proxy, pin, gone })
        .map_err(|_| CommandError::new(Fault::Failed, "no_outlet", "the way out of this process was chosen already"))
}

fn not_there(choice: &Choice, missing: &Missing) -> CommandError {
    let way = choice.way.as_ref().map(ToString::to_string).unwrap_or_default();
    let message = format!("--bind {way}: {missing}; name one that is there, or bring it up first");
    CommandError::bad_input("bad_bind", message)
}

impl Outlet {
    /// The proxy, if there is one.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.choice.proxy.as_ref()
    }

    /// The proxy, and where it is.
    #[must_use]
    pub fn proxy_at(&self) -> Option<(SocketAddr, &Proxy)> {
        self.proxy.zip(self.proxy())
    }

    /// The interface.
    #[must_use]
    pub fn pin(&self) -> Option<&Pin> {
        self.pin.as_ref()
    }

    /// Waits until the interface or its address goes, shuts the process, and says why in a sentence. For ever, where there
    /// is none that could go.
    pub async fn gone(&self) -> String {
        let (Some(pin), Some(way)) = (&self.pin, &self.choice.way) else { return std::future::pending().await };
        loop {
            tokio::time::sleep(LOOK_PERIOD).await;
            // A list that cannot be read says nothing about the interface.
            let Ok(interfaces) = heirloom_outlet::interfaces() else { continue };
            if pin.holds(&interfaces) {
                continue;
            }
            heirloom_outlet::shut();
            let why = match way.on(&interfaces) {
                Err(missing) => missing.to_string(),
                Ok(_) => format!("the interface {} has another address", pin.name),
            };
            *self.gone.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(why);
            return self.state().sentence;
        }
    }

    /// Waits until there is one again.
    pub async fn back(&self) {
        let Some(way) = &self.choice.way else { return std::future::pending().await };
        let mut seen = 0;
        while seen < STEADY_LOOKS {
            tokio::time::sleep(LOOK_PERIOD).await;
            let is_there = heirloom_outlet::interfaces().is_ok_and(|interfaces| way.on(&interfaces).is_ok());
            seen = if is_there { seen + 1 } else { 0 };
        }
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> State {
        let gone = self.gone.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let heirloom_outlet::Counts { pinned, refused } = heirloom_outlet::counts();
        let addresses: Vec<IpAddr> = self.pin.iter().flat_map(Pin::addresses).collect();
        let bind = self.choice.way.as_ref().map(ToString::to_string);
        let proxy = self.choice.proxy.as_ref().map(ToString::to_string);
        let sentence = sentence(self.pin.as_ref(), proxy.as_deref(), gone.as_deref());
        let interface = self.pin.as_ref().map(|pin| pin.name.clone());
        State { bind, interface, addresses, proxy, is_open: gone.is_none(), pinned, refused, sentence }
    }
}

fn sentence(pin: Option<&Pin>, proxy: Option<&str>, gone: Option<&str>) -> String {
    if let Some(why) = gone {
        return format!(
            "nothing is sent or received outside this machine, since {why}: the node goes on by itself when it is back"
        );
    }
    let by = pin.map(|pin| {
        let addresses: Vec<String> = pin.addresses().map(|ip| ip.to_string()).collect();
        format!("by {} ({}) alone", pin.name, addresses.join(", "))
    });
    match (by, proxy) {
        (by, Some(proxy)) => format!(
            "everything goes through {proxy}{}; the DHT, QUIC, UDP trackers, the local network and whoever would connect \
             to this node are left out",
            by.map(|by| format!(", and to it {by}")).unwrap_or_default()
        ),
        (Some(by), None) => format!("everything outside this machine goes {by}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_one_sentence_with_its_flag() {
        for text in ["", "wg0/24", "10.2.0.999", "a-name-that-is-too-long", "0.0.0.0"] {
            let error = Choice::read(Some(text), None).expect_err(text);
            assert!(error.message.starts_with("--bind") && !error.message.contains('\n'), "{error}");
            assert_eq!(error.fault, Fault::BadInput);
        }
        for text in ["", "10.2.0.2:1080", "http://10.2.0.2:1080", "socks5://10.2.0.2", "socks4://10.2.0.2:1080"] {
            let error = Choice::read(None, Some(text)).expect_err(text);
            assert!(error.message.starts_with("--proxy") && !error.message.contains('\n'), "{error}");
        }
        assert!(Choice::read(None, None).expect("nothing").is_none());
    }

    #[test]
    fn what_goes_where_is_said_in_one_sentence() {
        let pin = Pin { name: "wg0".into(), index: 3, v4: "10.2.0.2".parse().ok(), v6: None };
        assert_eq!(sentence(Some(&pin), None, None), "everything outside this machine goes by wg0 (10.2.0.2) alone");
        let both = sentence(Some(&pin), Some("socks5://10.2.0.1:1080"), None);
        assert!(
            both.starts_with(
                "everything goes through socks5://10.2.0.1:1080, and to it by wg0 (10.2.0.2) alone; the DHT"
            ),
            "{both}"
        );
        let gone = sentence(Some(&pin), None, Some("the interface wg0 is down"));
        assert!(gone.contains("nothing is sent") && gone.contains("since the interface wg0 is down"), "{gone}");
    }
}
