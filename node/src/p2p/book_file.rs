//! The file of remembered peers: one line each, read once at start, replaced as a whole.
//!
//! `127.0.0.1:7341 quic dht 1764000000 anchor 12D3Koo…`: place, what worked, how learned, Unix seconds when last met,
//! whether it is dialled first (`anchor` or `friend`), transport id. It is a cache: what cannot be read is left out.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::Path,
};

use super::{
    book::{Learned, Met, Via},
    params,
};

const HEADER: &str = "heirloom peers 1";

/// What the file holds; nothing when there is none, or one of another program.
pub(super) fn read(path: &Path) -> Vec<Met> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(params::BOOK_BYTES_MAX).read_to_string(&mut text));
    match read {
        Ok(_) => parse(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "remembered peers cannot be read");
            Vec::new()
        }
    }
}

/// Replaces the file so that a crash or a power cut leaves the old or the new one. Blocks for the disk.
pub(super) fn write(path: &Path, met: &[Met]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // Whom this node met is nobody else's business, whatever the folder allows.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(print(met).as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn parse(text: &str) -> Vec<Met> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Vec::new();
    }
    lines.filter_map(line).take(params::MET_MAX).collect()
}

fn line(line: &str) -> Option<Met> {
    let mut words = line.split(' ');
    let mut next = || words.next();
    let place = next()?.parse().ok()?;
    let via = match next()? {
        "quic" => Some(Via::Quic),
        "tcp" => Some(Via::Tcp),
        "-" => None,
        _ => return None,
    };
    let learned = match next()? {
        "configured" => Learned::Configured,
        "local" => Learned::LocalNetwork,
        "dht" => Learned::Dht,
        "hello" => Learned::Hello,
        _ => return None,
    };
    let met_s = next()?.parse().ok()?;
    let mark = next()?;
    let (anchor, friend) = (mark == "anchor", mark == "friend");
    let peer = match next()? {
        "-" => None,
        id => Some(id.parse().ok()?),
    };
    next().is_none().then_some(Met { place, via, learned, met_s, anchor, friend, peer })
}

fn print(met: &[Met]) -> String {
    let mut text = format!("{HEADER}\n");
    for Met { place, via, learned, met_s, anchor, friend, peer } in met {
        let via = match via {
            Some(Via::Quic) => "quic",
            Some(Via::Tcp) => "tcp",
            None => "-",
        };
        let learned = learned.word();
        // A friend is dialled before an anchor, so one mark is enough.
        let mark = if *friend {
            "friend"
        } else if *anchor {
            "anchor"
        } else {
            "-"
        };
        let peer = peer.map_or("-".to_owned(), |peer| peer.to_string());
        text.push_str(&format!("{place} {via} {learned} {met_s} {mark} {peer}\n"));
    }
    text
}

impl Learned {
    /// The word for it in the file and in `status`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::LocalNetwork => "local",
            Self::Dht => "dht",
            Self::Hello => "hello",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::PeerId;

    fn some() -> Vec<Met> {
        let met = |place: &str, via, learned, anchor, peer: Option<PeerId>| {
            let place = place.parse().expect("a place");
            Met { place, via, learned, met_s: 1_764_000_000, anchor, friend: peer.is_none() && !anchor, peer }
        };
        vec![
            met("127.0.0.1:7341", Some(Via::Quic), Learned::Dht, true, Some(PeerId::random())),
            met("[2001:db8::1]:7341", Some(Via::Tcp), Learned::Configured, false, None),
            met("203.0.113.9:4000", None, Learned::Hello, false, Some(PeerId::random())),
            met("192.168.1.9:4000", Some(Via::Quic), Learned::LocalNetwork, false, Some(PeerId::random())),
        ]
    }

    #[test]
    fn changed_bytes_are_left_out_and_harm_nothing() {
        let good = print(&some());
        for at in 0..good.len() {
            for change in [b' ', b'\n', b'0', b'9', b':', b'-', b'[', 0, 0x7f] {
                let mut bytes = good.clone().into_bytes();
                bytes[at] = change;
                let text = String::from_utf8(bytes).expect("still text");
                let read = parse(&text);
                assert!(read.len() <= some().len() + 1, "a line more than was split at most");
                // What was read is written in one form, and read again alike.
                assert_eq!(parse(&print(&read)), read, "byte {at} as {change}");
            }
            parse(&good[..at]);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let some = some();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("peers");
        assert_eq!(read(&path), [], "no file");
        write(&path, &some).expect("written");
        assert_eq!(read(&path), some);
        write(&path, &some[..1]).expect("replaced");
        assert_eq!(read(&path), some[..1]);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left lying about");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_whom_this_node_met() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("peers");
        write(&path, &some()).expect("written");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn damage_loses_only_what_is_damaged() {
        let some = some();
        let good = print(&some);
        let torn = &good[..good.len() - 10];
        assert_eq!(parse(torn), some[..3]);
        assert_eq!(parse(&good.replace("quic dht", "pigeon dht")), some[1..]);
        assert_eq!(parse("something else\n"), []);
        assert_eq!(parse(&good.replace("peers 1", "peers 2")), [], "a newer version's");
        assert_eq!(parse(""), []);
        let many = format!("{HEADER}\n{}", "127.0.0.1:7341 - dht 1 - -\n".repeat(params::MET_MAX + 5));
        assert_eq!(parse(&many).len(), params::MET_MAX);
    }
}
