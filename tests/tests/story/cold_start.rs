//! The cold start: from a pasted key, a list or a page to somebody who is followed, and the starter catalogue.

use std::time::Duration;

use heirloom_proto::SecretKey;
use heirloom_proto::body::{CuratorEntry, CuratorList};
use heirloom_proto::text::Contact;
use heirloom_proto::{Body, Header, Key, Statement, Timestamp, signed_text};
use serde_json::Value;

use crate::support::{Bed, Cli, Page, Site, TAKES_STARTER, text};

/// The contract says 5 s; a busy machine gets twice that.
const STOP_MAX: Duration = Duration::from_secs(10);

fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn contact(number: u8, name: &str) -> Contact {
    Contact { key: secret(number).public(), name: name.into(), url: String::new() }
}

/// Exit 4 without a word of `--yes`: the preview, and nothing else.
#[track_caller]
fn previewed(cli: &Cli, what: &str) -> Value {
    cli.run(&["follow", what]).value(4)
}

#[track_caller]
fn assert_leads_to(cli: &Cli, what: &str, key: Key, name: &str) {
    let shown = previewed(cli, what);
    assert_eq!((text(&shown, "key"), text(&shown, "name")), (key.to_string().as_str(), name), "{what}");
}

/// Refused with this exit and one sentence that mentions something.
#[track_caller]
fn assert_refused(cli: &Cli, args: &[&str], code: i32, mentions: &str) {
    let refused = cli.run(args).value(code);
    let said = text(&refused["error"], "message");
    assert!(said.contains(mentions), "{args:?}: {said:?} does not mention {mentions:?}");
    assert!(said.lines().count() == 1 && said.len() < 400, "{said:?}");
}

#[track_caller]
fn assert_follows(cli: &Cli, keys: &[Key]) {
    let follows = cli.ok(&["follow"]);
    let mut found: Vec<&str> = follows.as_array().expect("a list").iter().map(|follow| text(follow, "key")).collect();
    let mut wanted: Vec<String> = keys.iter().map(Key::to_string).collect();
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
}

#[test]
fn a_key_is_taken_in_every_form_and_hex_only_alone() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let bob = contact(1, "");
    let hex: String = bob.key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let forms = [bob.key.to_string(), bob.key.to_multibase(), bob.key.to_pkarr(), hex.clone(), bob.to_link()];
    for form in &forms {
        assert_leads_to(&alice, form, bob.key, "");
    }
    for form in forms.iter().filter(|form| **form != hex) {
        let piped = alice.run_with(&["follow", "-"], &format!("{form}\n")).value(4);
        assert_eq!(text(&piped, "key"), bob.key.to_string(), "{form}");
    }
    let piped = alice.run_with(&["follow", "-"], &hex).value(2);
    assert!(text(&piped["error"], "message").contains("no Heirloom card"), "{piped}");
    assert_follows(&alice, &[]);
}

#[test]
fn a_forum_post_with_noise_around_it_leads_to_its_author_alone() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let bob = contact(1, "Bob's films");
    let quoted: String = bob.to_card().lines().map(|line| format!("> {line}  \r\n")).collect();
    let post = format!(
        "RE: good films?\r\nsha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 clip.mkv\r\n\
         magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Sintel\r\nBTC: bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq\r\n\
         peer /ip4/192.0.2.1/tcp/4001/p2p/12D3KooWQYV9dGMFoRzNStwpXztXaBUjtPqi6aU76ZgUriHhKust\r\n{quoted}\r\n-- \r\ncheers"
    );
    let shown = alice.run_with(&["follow", "-"], &post).value(4);
    assert_eq!(text(&shown, "name"), "Bob's films");
    for field in ["keys_gaining_voice", "works_gained", "works_hidden"] {
        assert!(shown["preview"][field].is_u64(), "{shown}");
    }
    assert_follows(&alice, &[]);
    let followed = alice.run_with(&["follow", "-", "--yes"], &post).value(0);
    assert_eq!(text(&followed, "key"), bob.key.to_string());
    assert_follows(&alice, &[bob.key]);

    let typo = post.replace("Bob's", "Rob's");
    let refused = alice.run_with(&["follow", "-", "--yes"], &typo).value(2);
    assert!(text(&refused["error"], "message").contains("checksum"), "{refused}");
}

#[test]
fn several_keys_are_listed_with_a_preview_of_each_and_taken_only_together() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    alice.ok(&["follow", &contact(9, "Blender Films").to_link(), "--yes"]);
    let (bob, twin, eve) = (contact(1, "BIender FiIms"), contact(2, "Вlender films"), contact(3, "Eve"));
    let post = format!("{}\nand {}\nand {} or {}", bob.to_card(), twin.to_link(), eve.key, contact(1, "").key);
    let listed = alice.run_with(&["follow", "-", "--yes"], &post).value(4);
    let rows = listed.as_array().expect("a list");
    let keys: Vec<&str> = rows.iter().map(|row| text(row, "key")).collect();
    assert_eq!(keys, [bob.key, twin.key, eve.key].map(|key| key.to_string()));
    assert!(rows.iter().all(|row| row["preview"]["keys_gaining_voice"].is_u64()), "{listed}");
    for row in &rows[..2] {
        assert_eq!(text(row, "confusable_name"), "Blender Films", "{row}");
    }
    assert!(rows[2]["confusable_with"].is_null());
    assert_follows(&alice, &[secret(9).public()]);
    let said = alice.run_for_people_with(&["follow", "-"], &post);
    assert_eq!(said.code, 4);
    assert!(said.stdout.contains("Careful") && said.stderr.contains("--all"), "{said:?}");

    let preview = alice.run_with(&["follow", "-", "--all"], &post).value(4);
    assert_eq!(preview.as_array().map(Vec::len), Some(3), "--all alone changes nothing");
    let taken = alice.run_with(&["follow", "-", "--all", "--yes"], &post).value(0);
    assert_eq!(taken.as_array().map(Vec::len), Some(3));
    assert_follows(&alice, &[secret(9).public(), bob.key, twin.key, eve.key]);
    let alias = alice.run_with(&["follow", "-", "--all", "--yes", "--alias", "x"], &post).value(2);
    assert!(text(&alias["error"], "message").contains("alias"), "{alias}");
}

#[test]
fn a_local_page_leads_to_whom_it_names() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let (bob, carol) = (contact(1, "Bob & Co"), contact(2, "Carol"));
    let card = bob.to_card().replace('&', "&amp;").replace('\n', "<br>\n");
    let well_known = |contact: &Contact| {
        let json =
            serde_json::json!({ "key": contact.key.to_string(), "name": contact.name, "uri": contact.to_link() });
        Page::Is("application/json", json.to_string())
    };

    let site = Site::start();
    let hidden = secret(8).public();
    let page = site.html("/card", &format!("<!-- {hidden} --><script>'{hidden}'</script><p>Hi</p><pre>{card}</pre>"));
    assert_leads_to(&alice, &page, bob.key, "Bob & Co");
    let link = bob.to_link().replace('&', "&amp;");
    let page = site.html("/link", &format!("<a href=\"{link}\">heirloom:z6Mk…</a>"));
    assert_leads_to(&alice, &page, bob.key, "Bob & Co");
    let page = site.html(
        "/bare",
        &format!("mine is <code>{}<wbr>{}</code>.", &carol.key.to_string()[..30], &carol.key.to_string()[30..]),
    );
    assert_leads_to(&alice, &page, carol.key, "");
    let head = "<link rel=\"alternate\" type=\"application/heirloom+json\" href=\"/me.json\">";
    site.page("/me.json", well_known(&bob));
    let page = site.html("/alternate", head);
    assert_leads_to(&alice, &page, bob.key, "Bob & Co");
    let left_over = head.replace("/me.json", "/gone.json");
    let page = site.html("/left-over", &format!("{left_over}<a href=\"{link}\">me</a>"));
    assert_leads_to(&alice, &page, bob.key, "Bob & Co");
    assert_refused(&alice, &["follow", &site.html("/left-over-alone", &left_over)], 3, "gone.json");
    // As WordPress sets five hyphens: the card keeps its name and its checksum.
    let page = site.html("/blog", &format!("<p>{}</p>", card.replace("-----", "&#8212;&#8211;")));
    assert_leads_to(&alice, &page, bob.key, "Bob & Co");
    let hop = site.page("/hop", Page::LeadsTo("/hop2".into()));
    site.page("/hop2", Page::LeadsTo(site.url("/card")));
    assert_leads_to(&alice, &hop, bob.key, "Bob & Co");
    assert_refused(&alice, &["follow", &site.html("/nobody", "<p>nobody</p>")], 2, "no Heirloom card");

    // The site's own file, also where its first page is missing.
    site.page("/.well-known/heirloom.json", well_known(&carol));
    assert_leads_to(&alice, &site.url("/nobody"), carol.key, "Carol");
    assert_leads_to(&alice, &site.url("/"), carol.key, "Carol");
    let rows = previewed(&alice, &site.url("/card"));
    let found: Vec<&str> = rows.as_array().expect("both").iter().map(|row| text(row, "found")).collect();
    assert_eq!(found, ["well-known", "text"], "whose site it is, and whom the page names");

    site.asked();
    alice.ok(&["follow"]);
    alice.run(&["follow", &carol.to_link()]).value(4);
    assert_eq!(site.asked(), Vec::<String>::new(), "nothing is fetched that was not given");
    let followed = alice.ok(&["follow", &site.url("/"), "--yes"]);
    assert_eq!(text(&followed, "key"), carol.key.to_string());
}

#[test]
fn bad_pages_are_refused_in_one_sentence_and_lead_nowhere_else() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let (site, other) = (Site::start(), Site::start());
    let bob = contact(1, "Bob");
    let inside = other.html("/", &bob.to_link());
    let cases: Vec<(String, i32, &str)> = vec![
        (site.page("/endless", Page::Endless), 2, "longer than"),
        (site.page("/announced", Page::Announces(1 << 40)), 2, "longer than"),
        (site.page("/huge", Page::Is("text/html", "x".repeat(5 << 20))), 2, "longer than"),
        (site.page("/picture", Page::Is("image/png", bob.to_link())), 2, "image/png"),
        (site.page("/noise", Page::Is("application/octet-stream", format!("\0{}", bob.to_link()))), 2, "not a page"),
        (site.page("/loop", Page::LeadsTo("/loop".into())), 2, "led on more than 3"),
        (site.page("/file", Page::LeadsTo("file:///etc/passwd".into())), 2, "only http"),
        (site.page("/inside", Page::LeadsTo(inside)), 4, "inside a network"),
        (site.page("/metadata", Page::LeadsTo("http://169.254.169.254/latest".into())), 4, "inside a network"),
        (site.page("/router", Page::LeadsTo("http://[::ffff:192.168.0.1]/".into())), 4, "inside a network"),
        (
            site.html("/alternate", "<link rel=alternate type=application/heirloom+json href=http://127.0.0.2:1/>"),
            4,
            "inside a network",
        ),
        (site.url("/gone"), 3, "there is no page"),
        (site.html("/typo", &bob.to_link().replace("Bob", "Rob")), 2, "checksum"),
        (site.url("/").replace("http://", "http://me:secret@"), 2, "name or password"),
        ("http://127.0.0.1:1/".into(), 1, "cannot read"),
        ("http://".into(), 2, "not a web address"),
        ("http://169.254.169.254/".into(), 4, "inside a network"),
    ];
    for (url, code, mentions) in &cases {
        assert_refused(&alice, &["follow", url, "--yes"], *code, mentions);
    }
    assert_eq!(other.asked(), Vec::<String>::new(), "no page leads to another server here");
    assert_follows(&alice, &[]);
}

#[test]
fn a_page_that_never_comes_is_given_up() {
    let bed = Bed::without_dht();
    let site = Site::start();
    let url = site.page("/silent", Page::Silent);
    assert_refused(&bed.home("alice"), &["follow", &url, "--yes"], 1, "took longer than");
}

#[test]
fn a_list_is_made_handed_on_and_followed_and_a_changed_one_is_refused() {
    let bed = Bed::without_dht();
    let (alice, bob) = (bed.home("alice"), bed.home("bob"));
    let (carol, dave) = (contact(1, "Carol"), contact(2, "Dave"));
    let note = format!("{}=old films", carol.key);
    let made = alice.ok(&["list", "make", "--name", "Friends", &note, &dave.to_link()]);
    let by = alice.ok(&["id"])["key"].clone();
    let signed = text(&made, "text").to_owned();
    let file = bed.file("friends.txt", format!("My friends:\n\n{signed}").as_bytes());
    let file = file.to_str().expect("text");

    let checked = bob.ok(&["list", "verify", file]);
    assert_eq!((&checked["valid"], &checked["by"], &checked["name"]), (&Value::Bool(true), &by, &"Friends".into()));
    let entries: Vec<(&str, &str, &str)> = checked["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| (text(entry, "key"), text(entry, "name"), text(entry, "note")))
        .collect();
    let (c, d) = (carol.key.to_string(), dave.key.to_string());
    assert_eq!(entries, [(c.as_str(), "", "old films"), (d.as_str(), "Dave", "")]);
    let site = Site::start();
    let url = site.page("/friends.txt", Page::Is("application/octet-stream", signed.clone()));
    assert_eq!(bob.ok(&["list", "show", &url])["entries"], checked["entries"]);
    for from in [file, &url] {
        let rows = bob.run(&["follow", from]).value(4);
        assert_eq!(rows.as_array().map(Vec::len), Some(2));
        assert_eq!(rows[0]["list"]["by"], by, "who recommends them is shown");
    }
    bob.ok(&["follow", file, "--all", "--yes"]);
    assert_follows(&bob, &[carol.key, dave.key]);

    let (unsigned, _) = signed.split_once("signed:").expect("signed");
    let mut other = signed.clone().into_bytes();
    let letter = signed.find("signed:").expect("signed") + 100;
    other[letter] = if other[letter] == b'A' { b'B' } else { b'A' };
    let expired = {
        let list = CuratorList {
            name: "Old".into(),
            entries: vec![CuratorEntry { key: carol.key, name: "Carol".into(), note: String::new() }],
        };
        let header = Header { generation: 0, seq: 1, created: Timestamp(1000), expires: Some(Timestamp(2000)) };
        let signed = Statement::sign(&secret(5), &header, &Body::CuratorList(list)).expect("signed");
        signed_text::to_block(&signed).expect("a form")
    };
    let bad = [
        ("changed", signed.replace("Dave", "Mallory"), "changed"),
        ("unsigned", format!("{unsigned}{}", signed_text::END), "no signature"),
        ("cut", unsigned.to_owned(), "cut off"),
        ("forged", String::from_utf8(other).expect("ascii"), ""),
        ("expired", expired, "expired"),
        ("empty", "nothing".to_owned(), "no signed list"),
    ];
    for (name, content, reason) in bad {
        let file = bed.file(name, content.as_bytes());
        let file = file.to_str().expect("text");
        let checked = alice.run(&["list", "verify", file]).value(2);
        assert_eq!(checked["valid"], false, "{name}");
        assert!(text(&checked, "reason").contains(reason), "{name}: {checked}");
        alice.run(&["list", "show", file]).value(2);
        alice.run(&["follow", file, "--all", "--yes"]).value(2);
    }
    assert_follows(&alice, &[]);
    assert_refused(&alice, &["list", "verify", "/nowhere/list"], 2, "does not exist");
    let packs = alice.ok(&["list", "show"]);
    assert!(packs.as_array().is_some_and(|packs| packs.len() >= 2), "{packs}");
    assert!(text(&previewed(&alice, "pack:open-films"), "key").starts_with("did:key:"));
}

#[test]
fn a_fresh_node_answers_from_the_starter_catalogue_until_it_is_dropped() {
    let bed = Bed::without_dht();
    let flags = [TAKES_STARTER, "--offline"];
    let mut alice = bed.node_that("alice", &flags);
    assert_eq!(text(&alice.ready()["starter"], "state"), "taken");
    let said = alice.said();
    let told: Vec<&str> = said.lines().filter(|line| line.contains("starter catalogue")).collect();
    assert_eq!(told.len(), 1, "said once, in one line: {said}");
    assert!(told[0].contains("unfollow starter"), "{}", told[0]);
    let found = alice.cli.ok(&["search", "sintel"]);
    assert_eq!(text(&found[0], "work"), "imdb:tt1727587", "{found}");
    assert_eq!((&found[0]["band"], &found[0]["best"]["starter"]), (&"trusted".into(), &Value::Bool(true)));
    assert_eq!(text(&found[0]["best"], "licence"), "CC-BY-3.0");
    assert_eq!(alice.cli.ok(&["status"])["starter"]["state"], "followed");
    let follows = alice.cli.ok(&["follow"]);
    assert_eq!((&follows[0]["name"], &follows[0]["gives_voice"]), (&"starter".into(), &Value::Bool(false)));

    let net: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).chain(["--no-dht".to_owned()]).collect();
    assert!(alice.stop(STOP_MAX).success());
    alice.start_again(&net);
    assert_eq!(text(&alice.ready()["starter"], "state"), "followed", "said at first run only");
    alice.cli.ok(&["unfollow", "starter"]);
    alice.cli.run(&["unfollow", "starter"]).value(3);
    assert_ne!(alice.cli.ok(&["search", "sintel"])[0]["band"], "trusted");
    alice.kill();
    alice.start_again(&net);
    assert_eq!(text(&alice.ready()["starter"], "state"), "dropped");
    assert_eq!(alice.cli.ok(&["follow"]).as_array().map(Vec::len), Some(0), "it stays dropped");
    assert_eq!(alice.cli.ok(&["status"])["starter"]["state"], "dropped");
    assert_eq!(alice.cli.ok(&["follow", "starter"])["state"], "taken", "unless it is asked for");
    assert_eq!(alice.cli.ok(&["search", "sintel"])[0]["band"], "trusted");

    let bob = bed.node_that("bob", &["--offline"]);
    assert!(bob.ready()["starter"].is_null());
    assert_eq!(bob.cli.ok(&["search", "sintel"]).as_array().map(Vec::len), Some(0), "--no-starter never takes it");
    assert!(bob.cli.ok(&["status"])["starter"].is_null());
}

#[test]
fn a_home_that_never_ran_answers_from_the_starter_catalogue_unless_it_may_not() {
    let bed = Bed::without_dht();
    let alice = bed.home("alice");
    let first = alice.run(&["search", "sintel"]);
    let found = first.value(0);
    assert_eq!(text(&found[0], "work"), "imdb:tt1727587", "{found}");
    assert_eq!((&found[0]["band"], &found[0]["best"]["starter"]), (&"trusted".into(), &Value::Bool(true)));
    assert!(first.stderr.contains("unfollow starter"), "{}", first.stderr);
    let second = alice.run(&["show", "imdb:tt1727587"]);
    assert_eq!(text(&second.value(0), "title"), "Sintel");
    assert!(!second.stderr.contains("starter"), "said once: {}", second.stderr);
    alice.ok(&["unfollow", "starter"]);
    assert_ne!(alice.ok(&["search", "sintel"])[0]["band"], "trusted", "it stays dropped");

    let bob = bed.home("bob");
    assert_eq!(bob.ok(&["search", "sintel", "--no-starter"]).as_array().map(Vec::len), Some(0));
    for yes in ["1", "true", "yes", "on"] {
        let found = bob.with_variable("HEIRLOOM_NO_STARTER", yes).ok(&["search", "sintel"]);
        assert_eq!(found.as_array().map(Vec::len), Some(0), "{yes}");
    }
    assert_eq!(bob.with_variable("HEIRLOOM_NO_STARTER", "maybe").run(&["search", "sintel"]).code, 2);
    let one = bob.with_variable("HEIRLOOM_NO_STARTER", "no").run_for_people(&["search", "sintel"]);
    assert!(one.stdout.contains("(2 releases, from the starter catalogue)"), "{}", one.stdout);
}
