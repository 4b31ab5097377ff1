//! The rules of ARCHITECTURE.md that a reader of the sources can check: who may depend on whom, and what the pure
//! crates may not name. It reads `Cargo.toml`, `Cargo.lock` and the sources as text and must stay that light: `std`
//! only, so that it runs in the lane without C++.
//!
//! Each rule is a function from text to complaints. [`tree`] holds them against this tree, [`made_up`] shows that each
//! can fail.

mod manifest;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use manifest::{Kind, dependencies};
use source::{code_of, has_word, sources, without_tests};

/// One crate of the workspace and what it may use.
struct Rule {
    name: &'static str,
    /// Its folder, from the root of the workspace.
    folder: &'static str,
    /// Crates of this workspace that it may depend on, in any kind of dependency.
    may_use: &'static [&'static str],
    /// Pure: no IO, no clock, no randomness of its own, no order that differs from run to run.
    is_pure: bool,
    /// Light: nothing below it compiles C++ or brings an async runtime.
    is_light: bool,
}

/// The table of ARCHITECTURE.md. A new crate is a new line here first.
const RULES: [Rule; 8] = [
    Rule { name: "heirloom-proto", folder: "proto", may_use: &[], is_pure: true, is_light: true },
    Rule { name: "heirloom-graph", folder: "graph", may_use: &["heirloom-proto"], is_pure: true, is_light: true },
    Rule {
        name: "heirloom-core",
        folder: "node/core",
        may_use: &["heirloom-proto", "heirloom-graph"],
        is_pure: true,
        is_light: true,
    },
    Rule { name: "heirloom-outlet", folder: "node/outlet", may_use: &[], is_pure: false, is_light: true },
    Rule {
        name: "heirloom-search",
        folder: "node/search",
        may_use: &["heirloom-proto", "heirloom-graph", "heirloom-core"],
        is_pure: false,
        is_light: false,
    },
    Rule {
        name: "heirloom",
        folder: "node",
        may_use: &["heirloom-proto", "heirloom-graph", "heirloom-core", "heirloom-outlet", "heirloom-search"],
        is_pure: false,
        is_light: false,
    },
    Rule {
        name: "heirloom-sim",
        folder: "simulations",
        may_use: &["heirloom-proto", "heirloom-graph", "heirloom-core"],
        is_pure: false,
        is_light: true,
    },
    // End to end means real processes: the tests start the program, they do not link it.
    Rule {
        name: "heirloom-tests",
        folder: "tests",
        may_use: &["heirloom-proto", "heirloom-graph", "heirloom-core"],
        is_pure: false,
        is_light: false,
    },
];

/// What a pure crate may not depend on directly: runtimes, sockets, stores, JSON, chance from the system.
const IMPURE: [&str; 14] = [
    "axum",
    "getrandom",
    "libp2p",
    "librqbit",
    "mainline",
    "mio",
    "rand",
    "reqwest",
    "rocksdb",
    "serde_json",
    "socket2",
    "tantivy",
    "tokio",
    "tokio-util",
];

/// All that core may use from outside, each with the reason. One more is one more line here, and in ARCHITECTURE.md.
const CORE_MAY_USE: [(&str, &str); 7] = [
    ("negentropy", "set reconciliation, as other implementations speak it: 1,800 lines, no dependencies, no unsafe"),
    ("proptest", "laws, in tests only"),
    ("rand_chacha", "chance from a seed that was handed in"),
    ("rand_core", "its interface"),
    ("thiserror", "errors in one line"),
    ("unicode-normalization", "words without their accents; proto has it already"),
    ("unicode-security", "which names look alike (UTS #39): tables of Unicode, no unsafe"),
];

/// What a light crate may not reach through any chain of dependencies.
const HEAVY: [&str; 9] =
    ["async-io", "aws-lc-sys", "libp2p", "librocksdb-sys", "librqbit", "mainline", "mio", "socket2", "tokio"];

/// Words that no source of a pure crate may hold outside its tests, each with the reason that a reader is given.
const IMPURE_WORDS: [(&str, &str); 18] = [
    ("SystemTime", "time is an argument"),
    ("Instant::now", "time is an argument"),
    ("std::time::Instant", "time is an argument"),
    ("UNIX_EPOCH", "time is an argument"),
    ("HashMap", "its order differs from run to run: BTreeMap"),
    ("HashSet", "its order differs from run to run: BTreeSet"),
    ("RandomState", "its seed differs from run to run"),
    ("OsRng", "chance is an argument"),
    ("SysRng", "chance is an argument"),
    ("thread_rng", "chance is an argument"),
    ("getrandom", "chance is an argument"),
    ("std::fs", "no IO"),
    ("std::env", "no IO"),
    ("std::process", "no IO"),
    ("std::thread", "one thread, driven from outside"),
    ("TcpStream", "no IO"),
    ("TcpListener", "no IO"),
    ("UdpSocket", "no IO"),
];

/// The words by which the simulator would read a real clock.
const CLOCK_WORDS: [(&str, &str); 2] =
    [("SystemTime::now", "simulated time only"), ("Instant::now", "simulated time only")];

/// The modules of the node that speak JSON: where the outside meets Heirloom.
const JSON_MODULES: [&str; 7] = ["cli", "clients", "demo", "follow", "http", "import", "page"];

/// Dependencies of a crate that the table does not allow.
fn check_manifest(rule: &Rule, manifest: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (kind, name) in dependencies(manifest) {
        let in_workspace = RULES.iter().any(|other| other.name == name);
        if in_workspace && !rule.may_use.contains(&name.as_str()) {
            complaints.push(format!("{} may not depend on {name}", rule.name));
        }
        if rule.is_pure && kind != Kind::Dev && IMPURE.contains(&name.as_str()) {
            complaints.push(format!("{} is pure and may not depend on {name}", rule.name));
        }
        let is_named = CORE_MAY_USE.iter().any(|(allowed, _)| *allowed == name);
        if rule.name == "heirloom-core" && !in_workspace && !is_named && !IMPURE.contains(&name.as_str()) {
            complaints.push(format!("{name} is new in {}: say why in CORE_MAY_USE", rule.name));
        }
        // Tests of light crates may build a schema. In the heavy lane even a test's protox would widen the features of
        // bindgen's `regex`, and cargo would then compile RocksDB a second time.
        let is_prost = name.starts_with("prost") || name.starts_with("protox");
        if is_prost && rule.name != "heirloom-proto" && (kind != Kind::Dev || !rule.is_light) {
            complaints.push(format!("only heirloom-proto knows prost, but {} depends on {name}", rule.name));
        }
    }
    complaints
}

/// Members of the workspace manifest that the table does not know, and the reverse.
fn check_members(manifest: &str) -> Vec<String> {
    let members: BTreeSet<&str> = manifest
        .split_once("members = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list.split('"').skip(1).step_by(2).collect())
        .unwrap_or_default();
    let known: BTreeSet<&str> = RULES.iter().map(|rule| rule.folder).collect();
    members
        .symmetric_difference(&known)
        .map(|folder| format!("{folder} is not in both the workspace and the table"))
        .collect()
}

/// Heavy packages that a crate reaches through the lock file, with the chain that leads there.
fn check_reach(rule: &Rule, lock: &str) -> Vec<String> {
    if !rule.is_light {
        return Vec::new();
    }
    // Several versions of one package become one node: that can only lengthen what is reached, never hide it.
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let Some(name) = package.split("name = \"").nth(1).and_then(|rest| rest.split('"').next()) else {
            continue;
        };
        let list = package.split_once("dependencies = [").and_then(|(_, rest)| rest.split_once(']'));
        let names = list.map(|(list, _)| list.split('"').skip(1).step_by(2)).into_iter().flatten();
        edges.entry(name).or_default().extend(names.filter_map(|entry| entry.split(' ').next()));
    }
    let mut came_from = BTreeMap::from([(rule.name, rule.name)]);
    let mut queue = vec![rule.name];
    while let Some(name) = queue.pop() {
        for next in edges.get(name).into_iter().flatten() {
            if !came_from.contains_key(next) {
                came_from.insert(next, name);
                queue.push(next);
            }
        }
    }
    let chain = |end: &str| {
        let (mut at, mut chain) = (end, end.to_owned());
        while at != rule.name {
            at = came_from[at];
            chain = format!("{at} → {chain}");
        }
        chain
    };
    let reached = HEAVY.iter().filter(|heavy| came_from.contains_key(*heavy));
    reached.map(|heavy| format!("{} must stay light: {}", rule.name, chain(heavy))).collect()
}

/// Whether a crate takes the lints of the workspace, unsafe code among them.
fn heeds_workspace_lints(manifest: &str) -> bool {
    let section = manifest.split_once("\n[lints]\n").map(|(_, rest)| rest.split("\n[").next().unwrap_or_default());
    section.is_some_and(|section| section.lines().any(|line| line.trim() == "workspace = true"))
}

/// Words that a source file of this crate may not hold. `path` is relative to the crate's `src`.
fn check_source(rule: &Rule, path: &Path, source: &str) -> Vec<String> {
    let code = without_tests(&code_of(source));
    let mut complaints = Vec::new();
    let mut complain = |word: &str, reason: &str| {
        if has_word(&code, word) {
            complaints.push(format!("{}/src/{}: `{word}`: {reason}", rule.folder, path.display()));
        }
    };
    if rule.name != "heirloom-proto" {
        complain("prost", "only heirloom-proto knows prost");
    }
    if rule.is_pure {
        for (word, reason) in IMPURE_WORDS {
            complain(word, reason);
        }
        complain("serde_json", "JSON is for the surfaces");
    }
    if rule.name == "heirloom-sim" {
        for (word, reason) in CLOCK_WORDS {
            complain(word, reason);
        }
    }
    let module = path.iter().next().map(|first| first.to_string_lossy().trim_end_matches(".rs").to_owned());
    if rule.name == "heirloom" && !module.is_some_and(|module| JSON_MODULES.contains(&module.as_str())) {
        complain("serde_json", "JSON is for the surfaces: cli, demo, follow, http, import, page");
    }
    complaints
}

mod tree {
    use super::*;

    /// Asked at run time: a build folder may be shared by clones, and then a test is compiled in one and run in another.
    fn root() -> PathBuf {
        let tests = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
        tests.parent().expect("the tests are a folder of the workspace").to_owned()
    }

    fn read(path: impl AsRef<Path>) -> String {
        let path = root().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    #[track_caller]
    fn assert_none(complaints: &[String]) {
        assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
    }

    #[test]
    fn every_crate_depends_only_on_what_the_table_allows() {
        assert_none(&check_members(&read("Cargo.toml")));
        let manifest = |rule: &Rule| read(Path::new(rule.folder).join("Cargo.toml"));
        assert_none(&RULES.iter().flat_map(|rule| check_manifest(rule, &manifest(rule))).collect::<Vec<_>>());
    }

    #[test]
    fn light_crates_reach_no_runtime_and_no_cpp() {
        let lock = read("Cargo.lock");
        assert_none(&RULES.iter().flat_map(|rule| check_reach(rule, &lock)).collect::<Vec<_>>());
    }

    #[test]
    fn only_the_outlet_may_hold_unsafe_code() {
        let root_forbids = read("Cargo.toml").contains("unsafe_code = \"forbid\"");
        assert!(root_forbids, "the workspace forbids unsafe code");
        let own = RULES.iter().filter(|rule| !heeds_workspace_lints(&read(Path::new(rule.folder).join("Cargo.toml"))));
        assert_eq!(own.map(|rule| rule.name).collect::<Vec<_>>(), ["heirloom-outlet"]);
    }

    #[test]
    fn sources_keep_to_the_rules_of_their_crate() {
        let mut complaints = Vec::new();
        for rule in &RULES {
            let src = root().join(rule.folder).join("src");
            for path in sources(&src) {
                let inner = path.strip_prefix(&src).expect("found below src");
                complaints.extend(check_source(rule, inner, &read(&path)));
            }
        }
        assert_none(&complaints);
    }
}

mod made_up {
    use super::*;

    fn rule(name: &str) -> &'static Rule {
        RULES.iter().find(|rule| rule.name == name).expect("a crate of the table")
    }

    fn manifest_complaints(name: &str, manifest: &str) -> usize {
        check_manifest(rule(name), manifest).len()
    }

    fn source_complaints(name: &str, path: &str, source: &str) -> usize {
        check_source(rule(name), Path::new(path), source).len()
    }

    #[test]
    fn each_way_to_write_a_dependency_is_read() {
        let manifest = r#"
            [package]
            name = "mallory"
            [dependencies]
            alice.workspace = true
            bob = "1" # tokio = "1"
            carol = { version = "1", package = "dave" }
            [target.'cfg(unix)'.dependencies]
            erin = { path = "../erin" }
            [dependencies.frank]
            version = "1"
            [target.'cfg(unix)'.dev-dependencies.grace]
            [dev-dependencies]
            heidi = "1"
            [build-dependencies]
            ivan = "1"
            [features]
            judy = []
        "#;
        let found: Vec<(Kind, String)> = dependencies(manifest);
        let names = |kind| found.iter().filter(|(k, _)| *k == kind).map(|(_, name)| name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(Kind::Normal), ["alice", "bob", "dave", "erin", "frank"]);
        assert_eq!(names(Kind::Dev), ["grace", "heidi"]);
        assert_eq!(names(Kind::Build), ["ivan"]);
    }

    #[test]
    fn a_dependency_against_the_direction_is_seen() {
        let on = |name: &str| format!("[dependencies]\n{name}.workspace = true\n");
        assert_eq!(manifest_complaints("heirloom-proto", &on("heirloom-graph")), 1);
        assert_eq!(manifest_complaints("heirloom-graph", &on("heirloom-core")), 1);
        assert_eq!(manifest_complaints("heirloom-graph", &on("heirloom-proto")), 0);
        assert_eq!(manifest_complaints("heirloom-core", &on("heirloom")), 1);
        assert_eq!(manifest_complaints("heirloom-sim", &on("heirloom")), 1);
        assert_eq!(manifest_complaints("heirloom-sim", "[dev-dependencies]\nheirloom = { path = \"../node\" }\n"), 1);
        assert_eq!(manifest_complaints("heirloom-tests", &on("heirloom")), 1);
        assert_eq!(manifest_complaints("heirloom", &on("heirloom-core")), 0);
    }

    #[test]
    fn a_crate_with_lints_of_its_own_is_seen() {
        assert!(heeds_workspace_lints("[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n\n[lib]\n"));
        assert!(!heeds_workspace_lints("[package]\nname = \"a\"\n\n[lints.rust]\nunsafe_code = \"allow\"\n"));
        assert!(!heeds_workspace_lints("[package]\n\n[lints]\n# workspace = true\n\n[x]\nworkspace = true\n"));
    }

    #[test]
    fn a_runtime_in_a_pure_crate_is_seen() {
        for name in IMPURE {
            assert_eq!(manifest_complaints("heirloom-core", &format!("[dependencies]\n{name} = \"1\"\n")), 1, "{name}");
        }
        assert_eq!(manifest_complaints("heirloom", "[dependencies]\ntokio.workspace = true\n"), 0);
    }

    #[test]
    fn a_new_dependency_of_core_needs_a_reason() {
        let on = |name: &str| format!("[dependencies]\n{name} = \"1\"\n");
        assert_eq!(manifest_complaints("heirloom-core", &on("left-pad")), 1);
        assert_eq!(manifest_complaints("heirloom-core", &on("negentropy")), 0);
    }

    #[test]
    fn prost_outside_proto_is_seen() {
        assert_eq!(manifest_complaints("heirloom-proto", "[dependencies]\nprost.workspace = true\n"), 0);
        assert_eq!(manifest_complaints("heirloom-graph", "[dependencies]\nprost.workspace = true\n"), 1);
        assert_eq!(manifest_complaints("heirloom", "[dependencies]\nprost-types = \"1\"\n"), 1);
        assert_eq!(manifest_complaints("heirloom", "[dev-dependencies]\nprotox = \"1\"\n"), 1);
        assert_eq!(source_complaints("heirloom-core", "ingest.rs", "use prost::Message;"), 1);
        assert_eq!(source_complaints("heirloom", "main.rs", "let x = ::prost::Message::encode(y);"), 1);
        assert_eq!(source_complaints("heirloom-proto", "lib.rs", "use prost::Message;"), 0);
    }

    #[test]
    fn a_new_crate_must_be_put_into_the_table() {
        let known: Vec<String> = RULES.iter().map(|rule| format!("{:?}", rule.folder)).collect();
        assert_eq!(check_members(&format!("members = [{}]", known.join(", "))), [""; 0]);
        assert_eq!(check_members(&format!("members = [{}, \"extra\"]", known.join(", "))).len(), 1);
        assert_eq!(check_members(&format!("members = [{}]", known[1..].join(", "))).len(), 1);
    }

    #[test]
    fn a_heavy_package_at_the_end_of_a_chain_is_seen() {
        let lock = r#"
            [[package]]
            name = "heirloom-core"
            dependencies = [ "alice 1.0.0", "bob" ]
            [[package]]
            name = "alice"
            dependencies = [ "tokio 1.54.0" ]
            [[package]]
            name = "bob"
        "#;
        let complaints = check_reach(rule("heirloom-core"), lock);
        assert_eq!(complaints, ["heirloom-core must stay light: heirloom-core → alice → tokio"]);
        assert_eq!(check_reach(rule("heirloom-graph"), lock), [""; 0]);
    }

    #[test]
    fn each_impure_word_is_seen_in_each_pure_crate() {
        for name in ["heirloom-proto", "heirloom-graph", "heirloom-core"] {
            for (word, _) in IMPURE_WORDS {
                assert!(source_complaints(name, "a/b.rs", &format!("fn f() {{ {word}(); }}")) > 0, "{word}");
            }
        }
        assert_eq!(source_complaints("heirloom-core", "lib.rs", "fn f(now: Now) -> Duration { now.wall }"), 0);
        assert_eq!(source_complaints("heirloom", "driver.rs", "let now = SystemTime::now();"), 0);
        assert_eq!(source_complaints("heirloom-sim", "world.rs", "let now = std::time::Instant::now();"), 1);
    }

    #[test]
    fn json_is_seen_outside_the_surfaces() {
        let source = "fn f() { serde_json::to_string(&1); }";
        assert_eq!(source_complaints("heirloom-core", "lib.rs", source), 1);
        assert_eq!(source_complaints("heirloom", "driver.rs", source), 1);
        assert_eq!(source_complaints("heirloom", "store/rocks.rs", source), 1);
        assert_eq!(source_complaints("heirloom", "http/api.rs", source), 0);
        assert_eq!(source_complaints("heirloom", "cli.rs", source), 0);
        assert_eq!(source_complaints("heirloom-sim", "report.rs", source), 0);
    }

    #[test]
    fn only_code_is_searched() {
        let silent = [
            "// HashMap\n//! HashMap\n/* HashMap /* HashMap */ HashMap */",
            "const A: &str = \"a \\\" HashMap\";",
            "const A: &str = r#\"a \" HashMap\"#;",
            "#[cfg(test)]\nmod tests { fn f() { let x = '{'; HashMap::new(); } }",
            "#[cfg(test)]\nuse std::collections::HashMap;",
        ];
        for source in silent {
            assert_eq!(source_complaints("heirloom-core", "lib.rs", source), 0, "{source}");
        }
        let heard = [
            "/* a /* b */ c */ HashMap",
            "const A: &str = \"a \\\\\"; HashMap",
            "const A: &str = r\"\\\"; HashMap",
            "fn f<'a>(x: &'a str) { let c = '\"'; HashMap::new(); let d = '\"'; }",
            "#[cfg(test)]\nmod tests { fn f() {} }\nfn g() { HashMap::new(); }",
            "#[cfg(test)]\nmod tests;\nfn g() { HashMap::new(); }",
        ];
        for source in heard {
            assert_eq!(source_complaints("heirloom-core", "lib.rs", source), 1, "{source}");
        }
    }
}
