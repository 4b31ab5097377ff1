//! The proxy that everything goes through: whether it answers, and lets this node in. It is asked for a way to nowhere, so that
//! nobody beyond it hears of that.

use super::Check;
use crate::outlet::{self, Outlet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio_socks::Error;
use tokio_socks::tcp::Socks5Stream;

/// Longest wait: a proxy beyond a slow tunnel answers within a second or two.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// An address of nobody's, for documentation (RFC 5737).
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);

/// Tries it; `None` without one.
pub(crate) async fn of_proxy() -> Option<Check> {
    let (at, proxy) = outlet::current().and_then(Outlet::proxy_at)?;
    let tried = async {
        match proxy.credentials() {
            Some((user, password)) => Socks5Stream::connect_with_password(at, NOWHERE, user, password).await,
            None => Socks5Stream::connect(at, NOWHERE).await,
        }
    };
    let tried = tokio::time::timeout(ANSWER_MAX, tried).await;
    Some(judge(tried.ok().map(|result| result.map(drop)).as_ref()))
}

/// `None`: no answer in time, which is how many proxies treat a way to nowhere.
fn judge(tried: Option<&Result<(), Error>>) -> Check {
    let fix = "start the proxy, or give its address, name and password anew with `heirloom config set proxy`";
    let amiss = |why: String| Check::new("proxy", false, why, fix);
    match tried {
        Some(Err(error @ (Error::Io(_) | Error::ProxyServerUnreachable))) => {
            amiss(format!("it does not answer: {error}"))
        }
        Some(Err(
            error @ (Error::NoAcceptableAuthMethods | Error::UnknownAuthMethod | Error::PasswordAuthFailure(_)),
        )) => amiss(format!("it does not let this node in: {error}")),
        Some(Err(error @ (Error::InvalidResponseVersion | Error::InvalidReservedByte | Error::UnknownAddressType))) => {
            amiss(format!("what answers is no SOCKS5 proxy: {error}"))
        }
        Some(_) => Check::new("proxy", true, "it answers", fix),
        None => Check::unknown("proxy", "it took longer than five seconds to say that nowhere is not reached"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use std::io;

    #[test]
    fn a_proxy_that_answers_is_well_whatever_it_says_of_nowhere() {
        let of = |result: Result<(), Error>| judge(Some(&result)).verdict;
        // A rule against such addresses is none against others.
        let ruled = Err(Error::ConnectionNotAllowedByRuleset);
        for well in
            [Ok(()), ruled, Err(Error::HostUnreachable), Err(Error::NetworkUnreachable), Err(Error::ConnectionRefused)]
        {
            assert_eq!(of(well), Verdict::Well);
        }
        let refused = || Error::Io(io::Error::from(io::ErrorKind::ConnectionRefused));
        for amiss in
            [refused(), Error::NoAcceptableAuthMethods, Error::PasswordAuthFailure(1), Error::InvalidResponseVersion]
        {
            assert_eq!(of(Err(amiss)), Verdict::Amiss);
        }
        assert_eq!(judge(None).verdict, Verdict::Unknown);
        assert!(judge(Some(&Err(refused()))).detail.starts_with("it does not answer"));
    }
}
