//! TLS, which the node itself does not speak: the proxies before it that its owner named, tried as a device would, and devices
//! that asked without one.

use super::{Check, span};
use futures::future::join_all;
use reqwest::tls::TlsInfo;
use reqwest::{Client, StatusCode, redirect};
use std::error::Error as _;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::warn;

/// Most addresses that are tried: whoever has more names has the same certificate for them.
const PROXIES_MAX: usize = 8;
/// Longest trial of one.
const TRIAL_MAX: Duration = Duration::from_secs(10);
/// A certificate whose time is over to nine tenths should have been renewed: programs that renew do so at two thirds.
const RENEWED_BY: u64 = 10;
/// How long it is remembered that a device asked in vain.
const ASKED_LASTS: Duration = Duration::from_secs(24 * 3600);
/// Shortest time between two lines of the log about that: devices ask again and again.
const SAY_EVERY: Duration = Duration::from_secs(3600);
/// What to do for devices.
const FIX: &str = "put a proxy with a certificate before the node, name its address with `heirloom run --apps-url \
                   https://…`, and give devices the add-on's address from `heirloom apps`";

/// How the trial of a proxy ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trial {
    /// This node answers behind it, and the certificate is good for so many seconds of so many.
    Well { left_s: u64, whole_s: u64 },
    /// Its certificate does not hold; why.
    Certificate(String),
    /// Nobody answered; why.
    Unreached(String),
    /// Something answered that is no node.
    Other(StatusCode),
}

/// Tries every https address of the setting `apps-url`.
pub(crate) async fn of_proxies(urls: &str, is_online: bool) -> Vec<Check> {
    let urls = urls.split(',').map(str::trim).filter(|url| url.starts_with("https://"));
    let urls: Vec<String> = urls.take(PROXIES_MAX).map(|url| url.trim_end_matches('/').to_owned()).collect();
    if urls.is_empty() {
        let why = "no proxy with TLS is named (--apps-url), and programs on this machine need none";
        return vec![Check::unknown("tls", why)];
    }
    if !is_online {
        return vec![Check::unknown("tls", "the node is offline")];
    }
    let trials = join_all(urls.iter().map(|url| trial(url))).await;
    urls.iter().zip(&trials).map(|(url, trial)| judge(url, trial)).collect()
}

async fn trial(url: &str) -> Trial {
    let client = Client::builder()
        .no_proxy()
        .https_only(true)
        .redirect(redirect::Policy::none())
        .timeout(TRIAL_MAX)
        .tls_info(true)
        .build();
    let asked = match client {
        Ok(client) => client.get(format!("{url}/health")).send().await,
        Err(error) => Err(error),
    };
    let mut answer = match asked {
        Ok(answer) => answer,
        Err(error) => return failed(&error),
    };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (status, term) = (answer.status(), answer.extensions().get::<TlsInfo>().and_then(term));
    let said = answer.chunk().await.ok().flatten().unwrap_or_default();
    match term {
        Some((from_s, to_s)) if status == StatusCode::OK && said.starts_with(b"ok") => {
            Trial::Well { left_s: to_s.saturating_sub(now_s), whole_s: to_s.saturating_sub(from_s) }
        }
        _ => Trial::Other(status),
    }
}

/// From when to when the certificate that was shown holds, in seconds since 1970.
fn term(info: &TlsInfo) -> Option<(u64, u64)> {
    let (_, certificate) = x509_parser::parse_x509_certificate(info.peer_certificate()?).ok()?;
    let validity = certificate.validity();
    Some((validity.not_before.timestamp().try_into().ok()?, validity.not_after.timestamp().try_into().ok()?))
}

/// The innermost reason says most.
fn failed(error: &reqwest::Error) -> Trial {
    if error.is_timeout() {
        return Trial::Unreached(format!("no answer within {} s", TRIAL_MAX.as_secs()));
    }
    let mut reason = error.source();
    while let Some(inner) = reason.and_then(|reason| reason.source()) {
        reason = Some(inner);
    }
    let reason = reason.map_or_else(|| error.to_string(), ToString::to_string);
    // TLS names what is wrong with a certificate in its own words: expired, another name, an issuer that is not known.
    if reason.contains("certificate") { Trial::Certificate(reason) } else { Trial::Unreached(reason) }
}

fn judge(url: &str, trial: &Trial) -> Check {
    let renew = format!("renew the certificate of {url}, for that name, from an issuer that devices know");
    match trial {
        Trial::Well { left_s, whole_s } => {
            let detail = format!("{url} leads here; its certificate is good for {}", span(*left_s));
            Check::new("tls", *left_s >= whole_s / RENEWED_BY, detail, renew).gently()
        }
        Trial::Certificate(why) => Check::new("tls", false, format!("{url}: {why}"), renew),
        // Some routers let nobody inside reach their outer address.
        Trial::Unreached(why) => {
            let fix = "start the proxy and see to its name and port; where only this machine cannot reach it, nothing is amiss";
            Check::new("tls", false, format!("{url} was not reached from here: {why}"), fix).gently()
        }
        Trial::Other(StatusCode::MISDIRECTED_REQUEST) => {
            let detail = format!("{url} does not pass the Host header on");
            Check::new("tls", false, detail, "have the proxy pass the Host header on as it came")
        }
        Trial::Other(status) => {
            let detail = format!("{url} leads to something else, which answers {}", status.as_u16());
            Check::new("tls", false, detail, "have the proxy pass requests on to the node's HTTP port")
        }
    }
}

/// How a device asked that needs TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// By TLS, at the port of the node, which speaks none.
    ByTls,
    /// For the add-on without TLS, from another machine.
    InTheClear,
}

/// Devices that asked in vain.
#[derive(Debug, Default)]
pub(crate) struct Unencrypted(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    asked: Option<(Asked, IpAddr, Duration)>,
    said: Option<Duration>,
}

impl Unencrypted {
    /// Notes it, and says it in the log, once an hour. `mono` is the time since the node started.
    pub(crate) fn note(&self, asked: Asked, from: IpAddr, mono: Duration) {
        let mut last = self.last();
        last.asked = Some((asked, from, mono));
        if last.said.is_none_or(|said| mono.saturating_sub(said) >= SAY_EVERY) {
            last.said = Some(mono);
            warn!(%from, "{}: see `heirloom doctor`", sentence(asked, from));
        }
    }

    /// What `doctor` says of it, for a day.
    pub(crate) fn check(&self, mono: Duration) -> Option<Check> {
        let (asked, from, at) = self.last().asked?;
        let ago = mono.saturating_sub(at);
        let detail = format!("{}, {} ago", sentence(asked, from), span(ago.as_secs()));
        (ago <= ASKED_LASTS).then(|| Check::new("devices", false, detail, FIX).gently())
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        // A panic while it was held cannot leave it half changed: both are written whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sentence(asked: Asked, from: IpAddr) -> String {
    match asked {
        Asked::ByTls => format!("a program at {from} asked by TLS, which the node itself does not speak"),
        Asked::InTheClear => {
            format!("a device at {from} asked for the add-on without TLS, as televisions do not take it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    const URL: &str = "https://heirloom.example";
    const DAY_S: u64 = 86_400;

    #[test]
    fn a_certificate_is_renewed_in_time_or_that_is_said() {
        let of = |left_s| judge(URL, &Trial::Well { left_s, whole_s: 90 * DAY_S });
        assert_eq!(of(9 * DAY_S).verdict, Verdict::Well);
        let soon = of(9 * DAY_S - 1);
        assert_eq!(soon.verdict, Verdict::Warning);
        assert!(soon.detail.ends_with("good for 8 days") && soon.fix.contains(URL), "{soon:?}");
    }

    #[test]
    fn what_is_wrong_with_a_proxy_is_told_with_what_to_do() {
        for (trial, verdict, part) in [
            (Trial::Certificate("certificate expired".into()), Verdict::Amiss, "renew"),
            (Trial::Unreached("refused".into()), Verdict::Warning, "start the proxy"),
            (Trial::Other(StatusCode::MISDIRECTED_REQUEST), Verdict::Amiss, "Host header"),
            (Trial::Other(StatusCode::BAD_GATEWAY), Verdict::Amiss, "HTTP port"),
        ] {
            let check = judge(URL, &trial);
            assert_eq!(check.verdict, verdict, "{check:?}");
            assert!(check.fix.contains(part) && check.detail.starts_with(URL), "{check:?}");
        }
    }

    #[tokio::test]
    async fn only_addresses_with_tls_are_tried_and_none_offline() {
        for (urls, is_online) in [("", true), ("http://node:7340", true), (URL, false)] {
            let checks = of_proxies(urls, is_online).await;
            assert_eq!(checks.iter().map(|check| check.verdict).collect::<Vec<_>>(), [Verdict::Unknown], "{urls}");
        }
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
        let checks = of_proxies(&format!("https://{closed}/, http://node:1"), true).await;
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].verdict, Verdict::Warning, "{checks:?}");
    }

    #[tokio::test]
    async fn what_speaks_no_tls_is_no_proxy() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let plain = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt as _;
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").await;
            }
        });
        let trial = trial(&format!("https://{at}")).await;
        assert!(matches!(trial, Trial::Unreached(_)), "{trial:?}");
        plain.abort();
    }

    #[test]
    fn who_asked_in_vain_is_told_for_a_day() {
        let unencrypted = Unencrypted::default();
        let from: IpAddr = "192.168.1.9".parse().expect("an address");
        assert_eq!(unencrypted.check(Duration::ZERO), None);
        unencrypted.note(Asked::ByTls, from, Duration::from_secs(10));
        unencrypted.note(Asked::InTheClear, from, Duration::from_secs(20));
        let check = unencrypted.check(Duration::from_secs(80)).expect("told");
        assert_eq!((check.name, check.verdict), ("devices", Verdict::Warning));
        assert!(check.detail.contains("192.168.1.9") && check.detail.ends_with("60 s ago"), "{}", check.detail);
        assert!(check.fix.contains("--apps-url"));
        assert_eq!(unencrypted.check(Duration::from_secs(21) + ASKED_LASTS), None);
    }
}
