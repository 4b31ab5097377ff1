//! Names to addresses, by the outlet: the system's own resolver opens sockets that nothing can keep to it.
//!
//! Asked are the name servers of the system that are not of this machine itself, since one here (such as systemd-resolved) asks
//! by whatever way it likes. Over UDP alone: the addresses of a host fit into a datagram.

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Where the system's name servers are listed; the second, where the first names only systemd-resolved, which asks those.
const LISTS: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
/// As resolvers of C libraries have it: servers beyond are not asked.
const SERVERS_MAX: usize = 3;
/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_millis(1500);
/// Longest wait for all of them together; whoever asks here waits no longer either.
const TOGETHER_MAX: Duration = Duration::from_secs(5);
/// Largest answer without EDNS (RFC 1035, section 4.2.1), and some more.
const ANSWER_BYTES_MAX: usize = 4096;

/// The addresses of a name, as the system's name servers say, asked by the outlet.
pub(super) fn resolve(name: &str) -> Vec<IpAddr> {
    let pin = super::current().and_then(super::Outlet::pin).cloned();
    let has = |is_v4: bool| pin.as_ref().is_none_or(|pin| if is_v4 { pin.v4.is_some() } else { pin.v6.is_some() });
    let kinds = [(RecordType::A, has(true)), (RecordType::AAAA, has(false))];
    let kinds: Vec<RecordType> = kinds.into_iter().filter(|(_, has)| *has).map(|(kind, _)| kind).collect();
    let until = Instant::now() + TOGETHER_MAX;
    let servers = servers();
    for server in servers.iter().chain(&servers) {
        let mut found = Vec::new();
        let mut is_answered = false;
        for kind in &kinds {
            if Instant::now() >= until {
                return found;
            }
            // A server that cannot be reached, or answers nonsense, is one of several.
            if let Ok(addresses) = ask(*server, name, *kind) {
                found.extend(addresses);
                is_answered = true;
            }
        }
        if is_answered {
            return found;
        }
    }
    Vec::new()
}

/// The name servers that may be asked.
pub(crate) fn servers() -> Vec<SocketAddr> {
    let lists = LISTS.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    lists.map(|text| listed(&text)).find(|servers| !servers.is_empty()).unwrap_or_default()
}

fn listed(text: &str) -> Vec<SocketAddr> {
    let words = text.lines().map(str::split_whitespace);
    let named = words.filter_map(|mut words| if words.next() == Some("nameserver") { words.next() } else { None });
    let ips = named.filter_map(|word| word.parse::<IpAddr>().ok());
    ips.filter(|ip| !ip.to_canonical().is_loopback()).map(|ip| SocketAddr::new(ip, 53)).take(SERVERS_MAX).collect()
}

fn ask(server: SocketAddr, name: &str, kind: RecordType) -> io::Result<Vec<IpAddr>> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let (question, asked) = question(u16::from_be_bytes(id), name, kind)?;
    let everywhere: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    // Connected: what others send is not taken.
    let socket = UdpSocket::bind((everywhere, 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(ANSWER_MAX))?;
    socket.send(&question)?;
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    let length = socket.recv(&mut answer)?;
    read(&answer[..length], &asked)
}

/// A question in bytes, and as it must come back.
fn question(id: u16, name: &str, kind: RecordType) -> io::Result<(Vec<u8>, Message)> {
    let mut name = Name::from_utf8(name).map_err(io::Error::other)?;
    name.set_fqdn(true);
    let mut message = Message::new(id, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name, kind));
    Ok((message.to_vec().map_err(io::Error::other)?, message))
}

/// The addresses in an answer to just that question.
fn read(answer: &[u8], asked: &Message) -> io::Result<Vec<IpAddr>> {
    let message = Message::from_vec(answer).map_err(io::Error::other)?;
    let is_ours = message.metadata.id == asked.metadata.id
        && message.metadata.message_type == MessageType::Response
        && message.queries == asked.queries;
    let is_said = matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
    if !is_ours || !is_said {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // Behind aliases too: the server followed them.
    Ok(message
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::{A, CNAME};

    #[test]
    fn servers_of_this_machine_are_not_asked() {
        let text = "# made by hand\nnameserver 127.0.0.53\nnameserver ::1\noptions edns0\nnameserver 10.2.0.1 \n\
                    nameserver fd00::1\nnameserver nonsense\nnameserver 9.9.9.9\nnameserver 1.1.1.1\n";
        let wanted = ["10.2.0.1:53", "[fd00::1]:53", "9.9.9.9:53"].map(|at| at.parse().expect("an address"));
        assert_eq!(listed(text), wanted);
        assert_eq!(listed("nameserver 127.0.0.53\n"), []);
    }

    #[test]
    fn only_the_answer_to_the_question_is_read() {
        let (bytes, asked) = question(7, "router.example", RecordType::A).expect("a name");
        assert_eq!(Message::from_vec(&bytes).expect("a message").queries, asked.queries);
        let name = asked.queries[0].name.clone();
        let mut answer = Message::new(7, MessageType::Response, OpCode::Query);
        answer.add_query(asked.queries[0].clone());
        let alias = Name::from_ascii("other.example.").expect("a name");
        answer.add_answer(Record::from_rdata(name, 60, RData::CNAME(CNAME(alias.clone()))));
        answer.add_answer(Record::from_rdata(alias, 60, RData::A(A::new(203, 0, 113, 7))));
        let read_of = |message: &Message| read(&message.to_vec().expect("bytes"), &asked).ok();
        assert_eq!(read_of(&answer), Some(vec!["203.0.113.7".parse().expect("an address")]));
        let mut wrong = answer.clone();
        wrong.metadata.id = 8;
        assert_eq!(read_of(&wrong), None, "another id");
        let mut wrong = answer.clone();
        wrong.queries[0].set_query_type(RecordType::AAAA);
        assert_eq!(read_of(&wrong), None, "another question");
        let mut wrong = answer.clone();
        wrong.metadata.response_code = ResponseCode::ServFail;
        assert_eq!(read_of(&wrong), None, "no answer");
        let mut none = answer;
        none.answers.clear();
        none.metadata.response_code = ResponseCode::NXDomain;
        assert_eq!(read_of(&none), Some(Vec::new()), "there is no such name, says who knows");
        assert!(read(&[0; 11], &asked).is_err());
    }
}
