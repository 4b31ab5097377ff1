//! A network of its own: rooms that only know what they are wired to. Each room is a network namespace, all of them in
//! one user namespace, so no root is needed and nothing is left behind when the processes that hold them end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::process::Process;

const READY_MAX: Duration = Duration::from_secs(10);
/// Holds a namespace open for longer than any test runs.
const HOLD: &str = "ip link set lo up && echo ready && exec sleep 3600";

/// The building. Rooms are gone when it is dropped.
pub struct Lab {
    rooms: Vec<Room>,
    wires: usize,
    folder: PathBuf,
}

/// A room of it.
struct Room {
    holder: Process,
}

/// Names a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomId(usize);

/// The room that is there from the start, for bridges.
pub const HALL: RoomId = RoomId(0);

impl Lab {
    /// An empty building with its hall; nothing where the system gives its users none.
    pub fn new(folder: &Path) -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "sh", "-c", HOLD]);
        let hall = hold(command, folder)?;
        let lab = Self { rooms: vec![Room { holder: hall }], wires: 0, folder: folder.to_owned() };
        // Bridges are what everything hangs on.
        lab.can(HALL, "ip link add probe type bridge && ip link del probe").then_some(lab)
    }

    /// One more room, wired to nothing.
    pub fn room(&mut self) -> RoomId {
        let mut words = self.inside(HALL);
        words.extend(["unshare", "--net", "sh", "-c", HOLD].map(str::to_owned));
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        let holder = hold(command, &self.folder).expect("a network namespace, like the first");
        self.rooms.push(Room { holder });
        RoomId(self.rooms.len() - 1)
    }

    /// What to put before a command to run it in a room.
    pub fn inside(&self, room: RoomId) -> Vec<String> {
        let target = self.rooms[room.0].holder.id().to_string();
        ["nsenter", "--preserve-credentials", "--user", "--net", "--target", &target, "--"].map(str::to_owned).to_vec()
    }

    /// Runs a shell script in a room, and says whether it went well.
    pub fn can(&self, room: RoomId, script: &str) -> bool {
        self.sh(room, script).is_ok()
    }

    /// Runs a shell script in a room.
    #[track_caller]
    pub fn run(&self, room: RoomId, script: &str) {
        if let Err(error) = self.sh(room, script) {
            panic!("{script}: {error}");
        }
    }

    fn sh(&self, room: RoomId, script: &str) -> Result<String, String> {
        let words = self.inside(room);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["sh", "-c", script]).stdin(Stdio::null());
        let done = command.output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// Bytes that left a room by one of its wires, as the kernel counts them.
    #[track_caller]
    pub fn sent(&self, room: RoomId, wire: &str) -> u64 {
        let counted = self.sh(room, "cat /proc/net/dev").unwrap_or_else(|error| panic!("{error}"));
        let row = counted.lines().find_map(|line| line.trim().strip_prefix(wire)?.strip_prefix(':'));
        let sent = row.and_then(|row| row.split_whitespace().nth(8)).and_then(|sent| sent.parse().ok());
        sent.unwrap_or_else(|| panic!("no {wire} in {counted}"))
    }

    /// A switch in the hall.
    pub fn bridge(&self, name: &str) {
        self.run(HALL, &format!("ip link add {name} type bridge && ip link set {name} up"));
    }

    /// Plugs a room into a switch, with this address there (with its prefix length).
    pub fn plug(&mut self, room: RoomId, bridge: &str, address: &str) -> String {
        self.wires += 1;
        let (here, there) = (format!("a{}", self.wires), format!("b{}", self.wires));
        let pid = self.rooms[room.0].holder.id();
        self.run(HALL, &format!("ip link add {here} type veth peer name {there} && ip link set {there} netns {pid}"));
        self.run(HALL, &format!("ip link set {here} master {bridge} && ip link set {here} up"));
        // An address of IPv6 is otherwise tentative for a second or two, and cannot be bound.
        let how = if address.contains(':') { "nodad" } else { "" };
        self.run(room, &format!("ip addr add {address} dev {there} {how} && ip link set {there} up"));
        there
    }
}

fn hold(command: Command, folder: &Path) -> Option<Process> {
    let holder = Process::try_start(command, &folder.join("lab.log"))?;
    holder.line(READY_MAX).filter(|line| line == "ready")?;
    Some(holder)
}
