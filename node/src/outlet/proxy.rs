//! A SOCKS5 proxy as its owner names it. Its password is shown to nobody but the proxy.

use heirloom_core::command::{CommandError, Fault};
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;
use zeroize::Zeroizing;

/// Longest name and longest password: RFC 1929 counts them in one byte.
const CREDENTIAL_BYTES_MAX: usize = 255;

/// Signs of a name or password, beside letters and digits: those that are written as they are in an address. The library
/// that fetches torrents takes the others as they are written there.
const SIGNS: &[u8] = b"-._~!$&'()*+,";
/// What is shown in the place of a password.
const HIDDEN: &str = "…";

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    credentials: Option<(String, Zeroizing<String>)>,
}

/// A text that is no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadProxy;

impl fmt::Display for BadProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "write it as socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT, with a name and a password of letters, digits \
             and the signs - . _ ~ ! $ & ' ( ) * + ,",
        )
    }
}

impl std::error::Error for BadProxy {}

impl FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        let rest = text.trim().strip_prefix("socks5://").or_else(|| text.trim().strip_prefix("socks5h://"));
        let rest = rest.ok_or(BadProxy)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let (host, port) = place.rsplit_once(':').ok_or(BadProxy)?;
        let port = port.parse::<u16>().ok().filter(|port| *port != 0).ok_or(BadProxy)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match bare {
            Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                !host.is_empty() && host.len() <= 253 && host.bytes().all(is_sign)
            }
        };
        if !is_host {
            return Err(BadProxy);
        }
        let credentials = credentials.map(|pair| {
            let (user, password) = pair.split_once(':').ok_or(BadProxy)?;
            let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || SIGNS.contains(&byte);
            let fits = |text: &str| (1..=CREDENTIAL_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_sign);
            let both = (user.to_owned(), Zeroizing::new(password.to_owned()));
            if fits(user) && fits(password) { Ok(both) } else { Err(BadProxy) }
        });
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port, credentials: credentials.transpose()? })
    }
}

/// Without the password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.credentials.as_ref().map(|(user, _)| format!("{user}:{HIDDEN}@")).unwrap_or_default();
        write!(f, "socks5://{who}{}:{}", self.bracketed(), self.port)
    }
}

/// Without the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A setting's value as it may be shown: a proxy without its password, and nothing of what is no proxy.
#[must_use]
pub fn shown(value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    value.parse::<Proxy>().map_or_else(|_| "not a proxy".to_owned(), |proxy| proxy.to_string())
}

impl Proxy {
    /// Name and password.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// As libraries take it, with the password and where it was found: names are told to the proxy, and asked of nobody here.
    #[must_use]
    pub fn url(&self, at: SocketAddr) -> Zeroizing<String> {
        let who = self.credentials().map(|(user, password)| format!("{user}:{password}@")).unwrap_or_default();
        Zeroizing::new(format!("socks5h://{who}{at}"))
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// Where it is. Its name is looked up once: what it leads to later counts from the next start.
    ///
    /// # Errors
    /// One sentence that names it.
    pub fn find(&self) -> Result<SocketAddr, CommandError> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let found = found.map(|mut all| all.next());
        let fail = |why: String| {
            let message = format!("the address of the proxy {self} is not found ({why}): give its IP address");
            CommandError::new(Fault::Failed, "proxy_not_found", message)
        };
        found.map_err(|error| fail(error.to_string()))?.ok_or_else(|| fail("it has none".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_with_and_without_a_password() {
        let proxy: Proxy = "socks5://127.0.0.1:9050".parse().expect("good");
        assert_eq!((proxy.credentials(), proxy.to_string().as_str()), (None, "socks5://127.0.0.1:9050"));
        assert_eq!(proxy.find().map_err(|error| error.message), Ok("127.0.0.1:9050".parse().expect("an address")));
        let proxy: Proxy = "socks5h://bob:p-ss.w+rd@[2001:db8::1]:1080/".parse().expect("good");
        assert_eq!(proxy.credentials(), Some(("bob", "p-ss.w+rd")));
        assert_eq!(proxy.find().expect("an address"), "[2001:db8::1]:1080".parse().expect("an address"));
    }

    #[test]
    fn libraries_are_told_where_it_is_and_to_leave_names_to_it() {
        let proxy: Proxy = "socks5://bob:hunter2@proxy.example:1080".parse().expect("good");
        let at = "[2001:db8::1]:1080".parse().expect("an address");
        assert_eq!(proxy.url(at).as_str(), "socks5h://bob:hunter2@[2001:db8::1]:1080");
    }

    #[test]
    fn a_password_is_shown_to_nobody() {
        let text = "socks5://bob:hunter2@proxy.example:1080";
        let proxy: Proxy = text.parse().expect("good");
        for shown in [proxy.to_string(), format!("{proxy:?}"), shown(text)] {
            assert_eq!(shown, "socks5://bob:…@proxy.example:1080");
        }
        assert_eq!(shown("socks://bob:hunter2@proxy"), "not a proxy");
        assert_eq!(shown(""), "");
    }

    #[test]
    fn what_is_no_proxy_is_refused() {
        let long = format!("socks5://{}:x@h:1", "u".repeat(256));
        let wrong = [
            "",
            "socks5://",
            "socks5://h",
            "socks5://h:",
            "socks5://h:0",
            "socks5://h:65536",
            "socks5://:1080",
            "http://h:1080",
            "socks4://h:1080",
            "socks5://bob@h:1080",
            "socks5://bob:@h:1080",
            "socks5://:x@h:1080",
            "socks5://b:%4@h:1080",
            "socks5://b:%zz@h:1080",
            "socks5://[::zz]:1080",
            "socks5://::1:1080",
            "socks5://a b:1080",
            "socks5://h:1080/x",
            "socks5://bob:…@h:1080",
            &long,
        ];
        for text in wrong {
            assert_eq!(text.parse::<Proxy>(), Err(BadProxy), "{text:?}");
        }
    }
}
