//! What stands beside the nodes of a test, in rooms that the test itself cannot enter: a SOCKS5 proxy (RFC 1928, with the
//! names and passwords of RFC 1929), a tracker of BitTorrent (BEP 3) that knows one peer, or a name server (RFC 1035) that knows
//! one address.
//!
//! `aside socks AT [NAME PASSWORD]`, `aside tracker AT PEER` or `aside names AT IP`. It prints `ready`, and a line for each that it served.
//! Or a browser: `aside get AT PATH TOKEN` prints what is answered.
#![allow(clippy::print_stdout, reason = "its answer")]

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (at, serve): (&str, Arc<dyn Fn(TcpStream) -> io::Result<String> + Send + Sync>) = match words[..] {
        ["socks", at] => (at, Arc::new(|client| socks(client, None))),
        ["socks", at, name, password] => {
            let pair = (name.to_owned(), password.to_owned());
            (at, Arc::new(move |client| socks(client, Some(&pair))))
        }
        ["tracker", at, peer] => {
            let peer: SocketAddr = peer.parse()?;
            (at, Arc::new(move |client| tracker(client, peer)))
        }
        ["names", at, ip] => return names(at, ip.parse()?),
        ["get", at, path, token] => return get(at, path, token),
        _ => return Err("socks AT [NAME PASSWORD], tracker AT PEER, names AT IP, or get AT PATH TOKEN".into()),
    };
    let listener = TcpListener::bind(at)?;
    println!("ready");
    for client in listener.incoming().flatten() {
        let serve = Arc::clone(&serve);
        // Who goes away in the middle is no matter.
        thread::spawn(move || serve(client).map(|served| println!("{served}")));
    }
    Ok(())
}

/// Says that every name has this address of IPv4, and none of IPv6.
fn names(at: &str, ip: Ipv4Addr) -> Result<(), Box<dyn std::error::Error>> {
    let socket = UdpSocket::bind(at)?;
    println!("ready");
    let mut question = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut question)?;
        // A header of 12 bytes, then one name, its kind and its class.
        let Some(end) = (12..length.saturating_sub(4)).find(|at| question[*at] == 0).map(|at| at + 5) else { continue };
        let is_v4 = question[end - 3] == 1;
        let mut answer = question[..end].to_vec();
        // An answer, as recursion was wanted and is had; one question, so many answers, and nothing else.
        answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
        if is_v4 {
            // The name of the question, an address of the internet, for a minute, of four bytes.
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            answer.extend(ip.octets());
        }
        socket.send_to(&answer, from)?;
        println!("asked from {}", from.ip());
    }
}

/// Prints what an API answers.
fn get(at: &str, path: &str, token: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut server = TcpStream::connect(at)?;
    write!(server, "GET {path} HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n")?;
    io::copy(&mut server, &mut io::stdout())?;
    Ok(())
}

/// Leads one client on, and says where to, before the first byte.
fn socks(mut client: TcpStream, pair: Option<&(String, String)>) -> io::Result<String> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let methods = {
        let [_, count] = read::<2>(&mut client)?;
        read_many(&mut client, count)?
    };
    let method = if pair.is_some() { 2 } else { 0 };
    if !methods.contains(&method) {
        client.write_all(&[5, 0xff])?;
        return Err(bad());
    }
    client.write_all(&[5, method])?;
    if let Some((name, password)) = pair {
        let [_, count] = read::<2>(&mut client)?;
        let given_name = read_many(&mut client, count)?;
        let [count] = read::<1>(&mut client)?;
        let given_password = read_many(&mut client, count)?;
        let is_right = given_name == name.as_bytes() && given_password == password.as_bytes();
        client.write_all(&[1, u8::from(!is_right)])?;
        if !is_right {
            return Err(bad());
        }
    }
    let [_, command, _, kind] = read::<4>(&mut client)?;
    let ip = match kind {
        1 => IpAddr::from(Ipv4Addr::from(read::<4>(&mut client)?)),
        4 => IpAddr::from(Ipv6Addr::from(read::<16>(&mut client)?)),
        _ => return Err(bad()),
    };
    let target = SocketAddr::new(ip, u16::from_be_bytes(read::<2>(&mut client)?));
    let answer = |code| [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    let Some(server) = (command == 1).then(|| TcpStream::connect(target)).and_then(Result::ok) else {
        client.write_all(&answer(5))?;
        return Err(bad());
    };
    client.write_all(&answer(0))?;
    let (back, forth) = ((server.try_clone()?, client.try_clone()?), (client, server));
    for (mut from, mut to) in [back, forth] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
    Ok(format!("to {target}"))
}

/// Tells one client of the peer, whatever it asks for.
fn tracker(mut client: TcpStream, peer: SocketAddr) -> io::Result<String> {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") && asked.len() < 8192 {
        asked.extend(read::<1>(&mut client)?);
    }
    let IpAddr::V4(ip) = peer.ip() else { return Err(io::ErrorKind::Unsupported.into()) };
    let mut body = b"d8:intervali5e5:peers6:".to_vec();
    body.extend(ip.octets());
    body.extend(peer.port().to_be_bytes());
    body.push(b'e');
    write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    client.write_all(&body)?;
    Ok(format!("asked from {}", client.peer_addr()?.ip()))
}

fn read<const COUNT: usize>(from: &mut TcpStream) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_many(from: &mut TcpStream, count: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count.into()];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}
