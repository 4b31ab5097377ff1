//! Every verb of the command line has its endpoint, and asks there while a node runs; what has none says why.
//!
//! The command line is run in this process, against a listener that stands where a node would: it writes down what is
//! asked of it, and refuses everything. So nothing here rests on a list alone.

use super::support::Stub;
use clap::CommandFactory as _;
use heirloom::cli::Cli;
use heirloom::http::routes;
use std::collections::BTreeSet;
use std::ffi::OsString;

/// A key, an infohash and a work, as they are typed.
const KEY: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
const HASH: &str = "abababababababababababababababababababab";
const WORK: &str = "imdb:tt1254207";

/// How a verb is carried out.
#[derive(Clone, Copy, Debug)]
enum By {
    /// By this endpoint, which is asked first when these words follow the verb.
    Endpoint(&'static str, &'static [&'static str]),
    /// By this endpoint, after another program was asked; a test of its own shows that.
    After(&'static str),
    /// By this process alone, for this reason.
    Itself(&'static str),
}

use By::{After, Endpoint, Itself};

/// Why no endpoint reads or takes the words of an identity, or its key.
const SECRETS: &str = "whoever has the secret key or the words is the owner for ever, where a token or a cookie can be \
                       replaced: they pass between the owner's terminal and the owner's files alone";

/// Each verb, by its words. `{file}` is a small file, `{list}` a table to import, `{folder}` an empty folder.
const VERBS: &[(&str, By)] = &[
    ("run", Itself("it is the node")),
    ("demo", Itself("it starts nodes of its own")),
    ("testnet", Itself("it starts a DHT of its own")),
    ("completions", Itself("it prints what this program knows of itself")),
    ("id", Endpoint("id", &[])),
    ("id set", Endpoint("id-set", &["--name", "Alice"])),
    ("id backup", Itself(SECRETS)),
    ("id rotate", Itself(SECRETS)),
    ("id restore", Itself(SECRETS)),
    ("follow", Endpoint("follow", &[KEY, "--yes"])),
    ("unfollow", Endpoint("unfollow", &[KEY])),
    ("attest", Endpoint("attest", &[KEY, "--level", "high"])),
    ("verdict", Endpoint("verdict", &[HASH, "good"])),
    ("why", Endpoint("why", &[HASH])),
    ("trust", Endpoint("trust", &[])),
    ("ledger", Endpoint("ledger", &[])),
    ("ledger link", Endpoint("ledger-link", &["192.0.2.1", KEY])),
    ("ledger unlink", Endpoint("ledger-link", &["192.0.2.1"])),
    ("ledger import", After("ledger-import")),
    ("publish", Endpoint("publish", &["{file}", "--work", WORK])),
    ("retract", Endpoint("retract", &[HASH])),
    ("search", Endpoint("search", &["bunny"])),
    ("show", Endpoint("show", &[WORK])),
    ("get", Endpoint("get", &[WORK])),
    ("cancel", Endpoint("cancel", &[HASH])),
    ("seed", Endpoint("config-set", &["--budget", "1GB"])),
    ("config", Endpoint("config", &[])),
    ("config show", Endpoint("config", &["disk-quota"])),
    ("config set", Endpoint("config-set", &["disk-quota", "3GB"])),
    ("config unset", Endpoint("config-set", &["disk-quota"])),
    ("config path", Itself("a path is the same whether a node runs or not; `config` tells it as well")),
    ("open", Endpoint("open", &["--print"])),
    ("apps", Endpoint("apps", &[])),
    ("play", Endpoint("play", &[WORK, "--print"])),
    ("status", Endpoint("status", &[])),
    ("doctor", Endpoint("doctor", &[])),
    ("curator card", Endpoint("id", &[])),
    ("list show", Itself("it reads a file or a page of others, and tells the node nothing of it")),
    ("list make", Endpoint("list-make", &["--name", "Friends", KEY])),
    ("list verify", Itself("a signature holds or not, whoever looks; the endpoint list-verify is for programs")),
    ("export", Endpoint("export", &["--statements"])),
    ("import", Endpoint("list", &["{list}"])),
    ("reindex", Endpoint("reindex", &[])),
];

/// The same verb with other words, which lead to another endpoint.
const OTHER_WORDS: &[(&str, &str, &[&str])] = &[
    ("follow", "follows", &[]),
    ("follow", "take-starter", &["starter"]),
    ("trust", "ring", &["--ring", "{keys}"]),
    ("export", "strm", &["--strm", "{folder}"]),
];

/// Endpoints that stand behind no verb of their own, and for whom they are.
const FOR_PROGRAMS: &[(&str, &str)] = &[
    ("about", "the page of a key"),
    ("curator-card", "the card with its forms at once; `curator card` makes one of them of `id`"),
    ("download", "`get --wait` asks it again and again, and who waits for a download"),
    ("hand-off", "`get --client`, once the other client has answered"),
    ("handed", "what `get --client` handed on"),
    ("handed-files", "`get --client` of an episode, once the other client knows the files"),
    ("handed-off", "the second half of `get --client`"),
    ("import", "statements, which `import` sends when it is given a file of them"),
    ("ledger-import", "`ledger import`, once the other client has answered"),
    ("list-verify", "programs that were given a list"),
    ("look-into", "the third part of `get --client`"),
    ("publish-cancel", "`publish`, when it is interrupted"),
    ("publishing", "`publish`, which says how far it is while it waits"),
    ("seed", "`import` of torrents whose content lies beside them"),
    ("sign-out", "the end of a browser's session"),
];

/// What `cli.md`, the contract that scripts rely on, names.
const CONTRACT: &str = "run demo id follow unfollow attest verdict trust publish retract search show get play why ledger \
                        status doctor list curator config export import reindex seed completions";

/// Every verb that the program takes, with those below it.
fn every_verb() -> BTreeSet<String> {
    fn under(command: &clap::Command, name: &str, all: &mut BTreeSet<String>) {
        let below: Vec<_> = command.get_subcommands().filter(|verb| verb.get_name() != "help").collect();
        if !name.is_empty() && (below.is_empty() || !command.is_subcommand_required_set()) {
            all.insert(name.to_owned());
        }
        for verb in below {
            under(verb, format!("{name} {}", verb.get_name()).trim_start(), all);
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut all = BTreeSet::new();
    under(&command, "", &mut all);
    all
}

/// The verbs that are served: `POST /api/v1/<verb>`.
fn endpoints() -> BTreeSet<String> {
    let posts = routes().listed().iter().filter(|(method, _)| *method == "POST").cloned().collect::<Vec<_>>();
    let verbs = posts.into_iter().filter_map(|(_, path)| path.strip_prefix("/api/v1/").map(str::to_owned));
    verbs.filter(|verb| !verb.contains('{')).collect()
}

#[test]
fn no_verb_and_no_endpoint_is_forgotten() {
    let listed: BTreeSet<String> = VERBS.iter().map(|(verb, _)| (*verb).to_owned()).collect();
    assert_eq!(every_verb(), listed, "a new verb needs its endpoint, or a reason here");
    for verb in CONTRACT.split_whitespace() {
        let is_there = listed.iter().any(|known| known.split(' ').next() == Some(verb));
        assert!(is_there, "{verb} is promised to scripts");
    }
    let served = endpoints();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    for (verb, by) in VERBS {
        match by {
            Endpoint(endpoint, _) | After(endpoint) => {
                assert!(served.contains(*endpoint), "{verb}: no POST /api/v1/{endpoint}");
                reached.insert((*endpoint).to_owned());
            }
            Itself(reason) => assert!(reason.len() > 10, "{verb} has a reason"),
        }
    }
    reached.extend(OTHER_WORDS.iter().map(|(_, endpoint, _)| (*endpoint).to_owned()));
    reached.extend(FOR_PROGRAMS.iter().map(|(endpoint, _)| (*endpoint).to_owned()));
    assert_eq!(served, reached, "an endpoint without a verb says here for whom it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_asks_the_node_that_runs() {
    let stub = Stub::start().await;
    let folder = stub.folder.path().to_owned();
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    };
    let file = write("film.mp4", "a film");
    let list = write(
        "list.csv",
        "title,year,kind,infohash\nBig Buck Bunny,2008,film,abababababababababababababababababababab\n",
    );
    let keys = write("keys.txt", KEY);
    let (home, new) = (stub.home().display().to_string(), folder.join("strm").display().to_string());
    let given = |word: &&str| match *word {
        "{file}" => file.clone(),
        "{list}" => list.clone(),
        "{keys}" => keys.clone(),
        "{folder}" => new.clone(),
        word => word.to_owned(),
    };
    let first = VERBS.iter().filter_map(|(verb, by)| match by {
        Endpoint(endpoint, words) => Some((*verb, *endpoint, *words)),
        _ => None,
    });
    for (verb, endpoint, words) in first.chain(OTHER_WORDS.iter().copied()) {
        let line = ["heirloom", "--home", &home, "--json"].into_iter().map(str::to_owned);
        let line = line.chain(verb.split(' ').map(str::to_owned)).chain(words.iter().map(given));
        let line: Vec<OsString> = line.map(OsString::from).collect();
        let code = Box::pin(heirloom::cli::main(line.clone().into_iter())).await;
        let asked = stub.asked();
        assert_eq!(asked.first(), Some(&format!("POST /api/v1/{endpoint}")), "{line:?} ended with {code:?}: {asked:?}");
    }
}

/// The ones that handle secrets ask nobody, whether they succeed or not.
#[test]
fn no_endpoint_is_named_like_a_secret() {
    for endpoint in endpoints() {
        for word in ["backup", "rotate", "restore", "key", "words", "secret"] {
            assert!(!endpoint.contains(word), "{endpoint}");
        }
    }
}
