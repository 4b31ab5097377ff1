//! The crate `meritrank`: random walks from one key, with distrust. As published it prints every walk and checks
//! itself at length, so it runs in a process of its own whose output nobody reads, and which is ended if it takes too
//! long. What it says here, it says on its error stream.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ::meritrank::{MeritRank, MyGraph, Node, NodeId};

use crate::clock::timed;
use crate::table;
use crate::web::Web;

const NAME: &str = "meritrank 0.4.0";
/// First argument of the process that only runs this rival; the number of keys follows.
pub const FLAG: &str = "--meritrank";
/// The number that its own documentation uses is 1,000; ten times as many tell distant keys apart at all.
const WALKS: usize = 10_000;

/// Kinds of figures: a whole scoring, or a step that is none.
const WHOLE: &str = "whole";
const STEP: &str = "step";

/// Has another process of this program measure it, and writes down what comes back within `limit`.
pub fn run(web: &Web, limit: Duration, ours: Duration) {
    let child = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.args([FLAG, &web.keys.to_string()]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn()
    });
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return table::absent(NAME, &error.to_string()),
    };
    let (send, receive) = mpsc::channel();
    let stderr = child.stderr.take();
    let reader = thread::spawn(move || {
        for line in stderr.into_iter().flat_map(|stream| BufReader::new(stream).lines()).map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let end = Instant::now() + limit;
    let mut last_words = None;
    loop {
        match receive.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                let mut fields = line.splitn(3, '\t');
                let seconds = fields.next().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs_f64);
                match (seconds, fields.next(), fields.next()) {
                    (Some(time), Some(WHOLE), Some(what)) => table::whole(NAME, what, time.into(), ours),
                    (Some(time), Some(_), Some(what)) => table::apart(NAME, what, time),
                    _ => last_words = Some(line),
                }
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                table::absent(NAME, &format!("the next step did not end within {} s of all", limit.as_secs()));
                break;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    // An error here means that it has ended already.
    let _ = child.kill();
    if child.wait().is_ok_and(|status| status.code().is_some_and(|code| code != 0)) {
        table::absent(NAME, &format!("ended itself: {}", last_words.unwrap_or_default()));
    }
    drop(receive);
    // The stream is closed, so the thread has ended or is about to.
    let _ = reader.join();
}

fn node(key: u32) -> NodeId {
    NodeId::UInt(key as usize + 1)
}

fn report(kind: &str, what: &str, time: Duration) {
    eprintln!("{}\t{kind}\t{what}", time.as_secs_f64());
}

/// What the process of its own does. Distrust is an edge of negative weight; my follows are my edges.
pub fn measure(keys: u32) {
    let web = Web::new(keys);
    let mut graph = MyGraph::new();
    for key in 0..keys {
        graph.add_node(Node::new(node(key)));
    }
    for said in web.said.iter().filter(|said| said.issuer != web.me) {
        graph.add_edge(node(said.issuer), node(said.subject), f64::from(said.percent) / 100.0);
    }
    for follow in &web.follows {
        graph.add_edge(node(web.me), node(*follow), 1.0);
    }
    let mut rank = MeritRank::new(graph).expect("no key speaks of itself");
    let (time, result) = timed(|| rank.calculate(node(web.me), WALKS));
    result.expect("my own key exists");
    report(WHOLE, &format!("{WALKS} walks from my key, graph not included"), time);
    // It answers at once where nothing changes, and my own edges are not those of the web.
    let others = web.said.iter().find(|said| said.percent == 100 && said.issuer != web.me);
    let said = others.expect("somebody trusts somebody fully");
    // One change only: it takes longer than all walks.
    let (time, ()) = timed(|| rank.add_edge(node(said.issuer), node(said.subject), 0.75));
    report(STEP, "one changed level", time);
    let (time, ranks) = timed(|| rank.get_ranks(node(web.me), None));
    report(STEP, &format!("reading the ranks of {} keys", ranks.map_or(0, |ranks| ranks.len())), time);
}
