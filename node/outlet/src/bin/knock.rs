//! Tries every way out of a process, under rules: what the tests count the bytes of.
//!
//! `knock RULE… -- TARGET`, where a rule is `pin=WAY`, `proxy=ADDRESS`, or `shut`. It says for each way what became of it.
#![allow(clippy::print_stdout, reason = "its answer")]

use heirloom_outlet::{Rules, Way, interfaces, outside, set};
use std::fmt::Display;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// Longest wait for an answer that never comes: a connection is begun at once, and that is what is counted.
const WAIT: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (given, target) = words.split_at(words.iter().position(|word| word == "--").ok_or("no --")?);
    let target: SocketAddr = target.get(1).ok_or("no target")?.parse()?;
    let mut rules = Rules::default();
    for word in given {
        match word.split_once('=') {
            Some(("pin", way)) => {
                let way: Way = way.parse()?;
                rules.by_address = matches!(way, Way::Address(_));
                rules.pin = Some(way.on(&interfaces()?)?);
            }
            Some(("proxy", at)) => rules.proxy = Some(at.parse()?),
            _ if word == "shut" => rules.is_shut = true,
            _ => return Err(format!("no rule: {word}").into()),
        }
    }
    if !given.is_empty() {
        set(rules)?;
    }
    let everywhere: SocketAddr = if target.is_ipv4() { "0.0.0.0:0".parse()? } else { "[::]:0".parse()? };
    say("tcp", TcpStream::connect_timeout(&target, WAIT).map(|_| ()));
    say("udp", UdpSocket::bind(everywhere).and_then(|socket| socket.send_to(&[7; 900], target)).map(|_| ()));
    let connected = UdpSocket::bind(everywhere).and_then(|socket| {
        socket.connect(target)?;
        socket.send(&[7; 900])
    });
    say("connected", connected.map(|_| ()));
    say("listen", TcpListener::bind(everywhere).map(|_| ()));
    say("door", outside(|| TcpListener::bind(everywhere)).map(|_| ()));
    // What stays on this machine goes on.
    let here = TcpListener::bind("127.0.0.1:0")?;
    say("loopback", TcpStream::connect(here.local_addr()?).map(|_| ()));
    println!("{:?}", heirloom_outlet::counts());
    Ok(())
}

/// A connection that nobody answers was begun.
fn say(what: impl Display, result: io::Result<()>) {
    let became = match result {
        Ok(()) => "out".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => "out".to_owned(),
        Err(error) => format!("refused {:?}", error.kind()),
    };
    println!("{what} {became}");
}
