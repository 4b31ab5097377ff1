//! Somebody who announces what is not there: raw KRPC (BEP 5) from plain sockets, many names for one machine.
//!
//! Written from the specification, without the program's code and without a DHT library.

use std::collections::BTreeSet;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use super::Chance;

/// How long an answer on loopback may take; a lost datagram costs one storing node of many.
const ANSWER: Duration = Duration::from_millis(500);

/// Announces `ports` at `ip` under `key`, each by a DHT node of another name, at every node that `bootstrap` leads to.
/// Gives how many announcements were acknowledged.
pub fn announce_junk(bootstrap: &[String], key: [u8; 20], ip: &str, ports: impl Iterator<Item = u16> + Clone) -> usize {
    let socket = UdpSocket::bind((ip, 0)).expect("an address of loopback");
    socket.set_read_timeout(Some(ANSWER)).expect("a limit");
    let mut chance = Chance::new(u64::from(socket.local_addr().expect("bound").port()));
    let mut known: BTreeSet<SocketAddrV4> = bootstrap.iter().filter_map(|node| node.parse().ok()).collect();
    let mut asked = BTreeSet::new();
    let mut taken = 0;
    while let Some(node) = known.iter().find(|node| !asked.contains(*node)).copied() {
        asked.insert(node);
        let question = message("get_peers", &id(&mut chance), &[(b"info_hash", &key)], None);
        let Some(answer) = ask(&socket, node, &question) else { continue };
        known.extend(nodes_in(&answer));
        let Some(token) = text_after(&answer, b"5:token") else { continue };
        for port in ports.clone() {
            let fields: [(&[u8], &[u8]); 2] = [(b"info_hash", &key), (b"token", token)];
            let announce = message("announce_peer", &id(&mut chance), &fields, Some(port));
            taken += usize::from(ask(&socket, node, &announce).is_some_and(|answer| is_answer(&answer)));
        }
    }
    taken
}

fn id(chance: &mut Chance) -> [u8; 20] {
    let mut id = [0; 20];
    id.iter_mut().for_each(|byte| *byte = chance.word().to_be_bytes()[0]);
    id
}

/// A query in bencoding; keys in order.
fn message(verb: &str, id: &[u8; 20], fields: &[(&[u8], &[u8])], port: Option<u16>) -> Vec<u8> {
    let mut bytes = b"d1:ad2:id20:".to_vec();
    bytes.extend(id);
    let mut text = |key: &[u8], value: &[u8]| {
        for part in [key, value] {
            bytes.extend(part.len().to_string().as_bytes());
            bytes.push(b':');
            bytes.extend(part);
        }
    };
    text(fields[0].0, fields[0].1);
    if let Some(port) = port {
        bytes.extend(format!("4:porti{port}e").as_bytes());
    }
    for (key, value) in &fields[1..] {
        bytes.extend(format!("{}:", key.len()).as_bytes());
        bytes.extend(*key);
        bytes.extend(format!("{}:", value.len()).as_bytes());
        bytes.extend(*value);
    }
    bytes.extend(format!("e1:q{}:{verb}1:t4:junk1:y1:qe", verb.len()).as_bytes());
    bytes
}

fn ask(socket: &UdpSocket, node: SocketAddrV4, question: &[u8]) -> Option<Vec<u8>> {
    socket.send_to(question, node).ok()?;
    let mut buffer = [0; 4096];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).ok()?;
        if from == SocketAddr::V4(node) {
            return Some(buffer[..len].to_vec());
        }
    }
}

fn is_answer(answer: &[u8]) -> bool {
    answer.windows(6).any(|window| window == b"1:y1:r")
}

/// The byte string behind a key.
fn text_after<'a>(answer: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = answer.windows(key.len()).position(|window| window == key)? + key.len();
    let colon = at + answer[at..].iter().position(|byte| *byte == b':')?;
    let len: usize = std::str::from_utf8(&answer[at..colon]).ok()?.parse().ok()?;
    answer.get(colon + 1..colon + 1 + len)
}

fn nodes_in(answer: &[u8]) -> Vec<SocketAddrV4> {
    let nodes = text_after(answer, b"5:nodes").unwrap_or_default();
    let address = |node: &[u8]| {
        let ip = [node[20], node[21], node[22], node[23]];
        SocketAddrV4::new(ip.into(), u16::from_be_bytes([node[24], node[25]]))
    };
    nodes.chunks_exact(26).map(address).collect()
}
