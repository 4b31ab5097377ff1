//! Every word of the page, in English. Who translates it changes this file and what is below it. What takes a number or a
//! name is a function, since languages put them in other places.

mod publishing;

use heirloom_graph::Band;

pub(super) const LANGUAGE: &str = "en";
pub(super) const NAME: &str = "Heirloom";

// The frame.
pub(super) const SHELF: &str = "Shelf";
pub(super) const PEOPLE: &str = "People";
pub(super) const SEEDING: &str = "Seeding";
pub(super) const PUBLISH: &str = "Publish";
pub(super) const NODE: &str = "Node";
pub(super) const NAVIGATION: &str = "Main";
pub(super) const SKIP: &str = "Skip to the content";
pub(super) const SEARCH: &str = "Search";
pub(super) const SEARCH_LABEL: &str = "Search films, series and other works";
pub(super) const SEARCH_HINT: &str = "Search";
pub(super) const BUSY: &str = "One moment…";
pub(super) const DONE: &str = "Done.";
pub(super) const UNREACHABLE: &str =
    "The node does not answer. Is it still running? This page goes on when it is back.";
pub(super) const FOUND_SPOKEN: &str = "works found";
pub(super) const COPIED: &str = "Copied.";
pub(super) const NO_SCRIPT: &str = "Reading works without JavaScript. To play, follow, judge or publish, turn it on for this page, or use the heirloom command.";
pub(super) const CANCEL: &str = "Cancel";
pub(super) use publishing::*;
pub(super) const GO_ON: &str = "Go on";
pub(super) const CLOSE: &str = "Close";
pub(super) const BACK_TO_SHELF: &str = "Back to the shelf.";
pub(super) const TROUBLE: &str = "That did not work";
pub(super) const UNEXPECTED: &str = "the node gave an answer that fits no question: please report this";
pub(super) const BAD_ADDRESS: &str = "What stands behind the question mark of this address cannot be read.";
pub(super) const NO_SUCH_PAGE: &str = "There is no page at this address.";
pub(super) const YES: &str = "yes";
pub(super) const NO: &str = "no";

// The shelf.
pub(super) const SEARCH_RESULTS: &str = "What was found";
pub(super) const SEE_ALL: &str = "See all";
pub(super) const OTHER_KINDS: &str = "And more";
pub(super) const EVERYTHING: &str = "Everything";
pub(super) const KINDS_LABEL: &str = "Kinds";
pub(super) const GENRES_LABEL: &str = "Genres";
pub(super) const FILTERS: &str = "More filters";
pub(super) const YEAR: &str = "Year";
pub(super) const SPOKEN_LANGUAGE: &str = "Language";
pub(super) const LICENCE: &str = "Licence";
pub(super) const APPLY: &str = "Apply";
pub(super) const PAGES: &str = "Pages";
pub(super) const PREVIOUS: &str = "← Back";
pub(super) const NEXT: &str = "More →";
pub(super) const NOTHING_TRUSTED: &str = "Nothing you trust yet";
pub(super) const NOTHING_TRUSTED_ADVICE: &str =
    "What you see here comes from people you trust. Follow somebody, and their shelf becomes yours.";
pub(super) const FOLLOW_SOMEBODY: &str = "Follow somebody";
pub(super) const ONLY_STARTER: &str = "These works came with the program. To see more, tell it whom you trust.";
pub(super) const SHOW_TRUSTED: &str = "Trusted and vouched";
pub(super) const SHOW_EARNED: &str = "Earned too";
pub(super) const SHOW_UNKNOWN: &str = "Strangers too";
pub(super) const NOTHING_FOUND: &str = "Nothing found";
pub(super) const NOTHING_FOUND_ADVICE: &str = "Nobody you trust lists this. Try fewer words, or look among strangers.";

pub(super) fn page(number: usize) -> String {
    format!("Page {number}")
}

pub(super) fn show_unknown(count: usize) -> String {
    format!("Look at what strangers list ({count})")
}

/// Kinds, for a single work.
pub(super) fn kind(name: &str) -> &str {
    match name {
        "film" => "Film",
        "series" => "Series",
        "episode" => "Episode",
        "album" => "Album",
        "book" => "Book",
        "software" => "Program",
        _ => "Other",
    }
}

/// Kinds, for many.
pub(super) fn kinds(name: &str) -> &str {
    match name {
        "film" => "Films",
        "series" => "Series",
        "episode" => "Episodes",
        "album" => "Albums",
        "book" => "Books",
        "software" => "Programs",
        _ => "Other works",
    }
}

pub(super) fn band(band: Band) -> &'static str {
    match band {
        Band::Trusted => "Trusted",
        Band::Vouched => "Vouched",
        Band::Earned => "Earned",
        Band::Unknown => "Unknown",
        Band::Distrusted => "Distrusted",
    }
}

pub(super) fn episode(season: u32, number: u32) -> String {
    format!("S{season:02}E{number:02}")
}

// A work.
pub(super) const NO_SUCH_WORK: &str = "This is not the id of a work.";
pub(super) const NO_SUCH_RELEASE: &str = "This is not an infohash.";
pub(super) const BY_STRANGERS: &str = "Nobody you trust describes this work: what you read here, a stranger wrote.";
pub(super) const NO_OVERVIEW: &str = "Nobody wrote yet what it is about.";
pub(super) const EPISODES: &str = "Episodes";
pub(super) const UNTITLED: &str = "Untitled";
pub(super) const RELEASES: &str = "Releases";
pub(super) const RELEASE: &str = "Release";
pub(super) const ASK_NETWORK: &str = "Ask the network again";
pub(super) const ASKING_NETWORK: &str = "Asking the network for more…";
pub(super) const NO_RELEASES: &str = "No release yet";
pub(super) const NO_RELEASES_ADVICE: &str =
    "Nobody who can be reached lists one. Follow more people, or look again later.";
pub(super) const SHOW_THEM: &str = "Show them";
pub(super) const QUALITY_UNKNOWN: &str = "Quality unknown";
pub(super) const SIZE_UNKNOWN: &str = "size unknown";
pub(super) const PLAY: &str = "Play";
pub(super) const DOWNLOAD: &str = "Download";
pub(super) const GET_ANYWAY: &str = "Download anyway";
pub(super) const GET_ANYWAY_ASK: &str =
    "People you trust judged this bad, or it holds something that may harm. Download it anyway?";
pub(super) const LEFT_OUT: &str = "What may harm is left out: the other files are played and downloaded.";
pub(super) const DOWNLOADED: &str = "Downloaded";
pub(super) const WHY: &str = "Why?";
pub(super) const FOUND_GOOD: &str = "Good";
pub(super) const FOUND_FAKE: &str = "Fake";
pub(super) const FOUND_POOR: &str = "Poor";
pub(super) const PRIVATELY: &str = "Keep it to myself";
pub(super) const PRIVATE: &str = "private";
pub(super) const LISTED_BY: &str = "Listed by";
pub(super) const LISTED_BY_YOU: &str = "Listed by you";
pub(super) const LISTED_BY_NOBODY: &str = "Listed by nobody who is known here";
pub(super) const WHO_IS_STARTER: &str = ", the catalogue that came with the program";
pub(super) const WHOM_YOU_FOLLOW: &str = ", whom you follow";
pub(super) const WHOM_YOURS_TRUST: &str = ", whom people you follow trust";
pub(super) const WHO_EARNED: &str = ", who uploaded to you, though nobody you trust vouches for them";
pub(super) const WHO_IS_DISTRUSTED: &str = ": judged bad by you or by people you trust";
pub(super) const WHOM_NOBODY_KNOWS: &str = ", whom nobody you trust knows";
pub(super) const JUDGED: &str = "Judged";

pub(super) fn minutes(count: u32) -> String {
    format!("{count} min")
}

pub(super) fn season(number: u32) -> String {
    if number == 0 { "Specials".into() } else { format!("Season {number}") }
}

pub(super) fn strangers_releases(count: usize) -> String {
    if count == 1 { "1 release by a stranger".into() } else { format!("{count} releases by strangers") }
}

pub(super) fn distrusted_hidden(count: usize) -> String {
    if count == 1 {
        "1 distrusted release is hidden.".into()
    } else {
        format!("{count} distrusted releases are hidden.")
    }
}

pub(super) fn and_others(count: usize) -> String {
    if count == 1 { " and one other".into() } else { format!(" and {count} others") }
}

pub(super) fn received_from_them(bytes: &str) -> String {
    format!("You received {bytes} of checked bytes from those who list it.")
}

pub(super) fn trusted_received(people: usize, bytes: &str) -> String {
    let who = if people == 1 { "1 person you trust".to_owned() } else { format!("{people} people you trust") };
    format!("{who} received {bytes} from them in the last four weeks.")
}

pub(super) fn judged(count: usize, opinion_name: &str) -> String {
    format!("{} by {count}", opinion(opinion_name))
}

pub(super) fn opinion(name: &str) -> &str {
    match name {
        "wrong-work" => "another work",
        name => name,
    }
}

pub(super) fn verdict_ask(name: &str) -> String {
    format!(
        "This signs your judgement “{}” with your key. Unless you keep it to yourself, it is published, and others who trust you go by it.",
        opinion(name)
    )
}

pub(super) fn progress(state: &str, percent: u64, rate: &str, peers: usize) -> String {
    match state {
        "seeding" => "Here, and seeded".into(),
        "resting" => "Here; not seeded, within your limits".into(),
        "resolving" | "starting" => "Looking for somebody who has it…".into(),
        "checking" => format!("Checking, {percent} %"),
        "paused" => format!("Paused at {percent} %"),
        "failed" => "Failed".into(),
        "gone" => "No longer there".into(),
        _ => format!("{percent} %, {rate}/s from {peers}"),
    }
}

// Playing.
pub(super) const CANNOT_PLAY: &str =
    "Your browser cannot play this file. Download it, or open it with a player such as mpv or VLC: heirloom play.";
pub(super) const WAITING_FOR_PEERS: &str = "Waiting for the first bytes…";
pub(super) const BACK_TO_WORK: &str = "← Back to the work";
pub(super) const AFTER_WATCHING: &str = "Was it what it said it is?";

// Why.
pub(super) const SCORE: &str = "Score";
pub(super) const SUPPORT: &str = "Support";
pub(super) const SCOPE: &str = "in";
pub(super) const VOTES: &str = "Votes";
pub(super) const VOTE: &str = "Vote";
pub(super) const PATH: &str = "How it came to you";
pub(super) const WEIGHT: &str = "Weight";
pub(super) const SHARE: &str = "Share";
pub(super) const ARITHMETIC: &str = "The arithmetic";
pub(super) const NOBODY_SPEAKS: &str = "Nobody you trust says anything of it, so it is unrated.";
pub(super) const YOU: &str = "you";
pub(super) const THIS: &str = "this release";
pub(super) const PATHS_TITLE: &str = "Paths of trust from you to this";
pub(super) const PATHS_CAPTION: &str =
    "From you, through people you trust, to this. The thicker a line, the more that vote counts; red speaks against.";

pub(super) fn ignored(count: usize) -> String {
    if count == 1 { "1 voice did not count".into() } else { format!("{count} voices did not count") }
}

pub(super) fn scope(name: &str) -> &str {
    match name {
        "*" => "everything",
        "catalogue" => "listings",
        "metadata" => "descriptions",
        "seed" => "seeding",
        name => name,
    }
}

// People.
pub(super) const ADD_SOMEBODY: &str = "Follow somebody";
pub(super) const ADD_HINT: &str =
    "Paste anything that names them: a link, a card, a key, a forum post, or the address of their page.";
pub(super) const PREVIEW: &str = "Look before you follow";
pub(super) const FOLLOWS: &str = "You follow";
pub(super) const FOLLOWS_NOBODY: &str = "You follow nobody yet";
pub(super) const FOLLOWS_NOBODY_ADVICE: &str = "Paste a friend's or a curator's card above.";
pub(super) const VOICES: &str = "Who gains a voice through them";
pub(super) const VOICES_HINT: &str = "People whom those you follow trust, or who uploaded to you.";
pub(super) const DISTRUSTED: &str = "Distrusted";
pub(super) const DISTRUSTS_NOBODY: &str = "Nobody.";
pub(super) const TAKE_STARTER: &str = "Take the starter catalogue again";
pub(super) const SINCE: &str = "since";
pub(super) const DEPTH_ZERO: &str = "their own listings only";
pub(super) const MOVED_FROM: &str = "moved from";
pub(super) const STALE: &str = "not heard of lately";
pub(super) const UNFOLLOW: &str = "Unfollow";
pub(super) const UNFOLLOW_ASK: &str = "What comes only through them will no longer be trusted. Nothing is published.";
pub(super) const WHO: &str = "Who";
pub(super) const BAND: &str = "Band";
pub(super) const RECEIVED: &str = "Received";
pub(super) const MY_CARD: &str = "Your card";
pub(super) const NO_NAME: &str = "You have no name yet. You need none.";
pub(super) const COPY_LINK: &str = "Copy link";
pub(super) const AS_TEXT: &str = "As text for a post";
pub(super) const CHANGE_NAME: &str = "Change name or page";
pub(super) const NAME_ASK: &str = "This publishes your name and page, signed with your key.";
pub(super) const YOUR_NAME: &str = "Name";
pub(super) const YOUR_PAGE: &str = "Web page";
pub(super) const SAVE: &str = "Save";
pub(super) const MY_PAGE: &str = "Your page, as others see it";
pub(super) const QR_LABEL: &str = "QR code of your link";
pub(super) const NAMELESS: &str = "No name";
pub(super) const ON_LIST: &str = "On the list";
pub(super) const LOOKS_LIKE: &str = "Careful: this name looks like one that you know:";
pub(super) const NO_PREVIEW: &str = "Too many at once to look into all of them.";
pub(super) const CALL_THEM: &str = "Call them";
pub(super) const HOW_MUCH: &str = "How much";
pub(super) const FOR_WHAT: &str = "For what";
pub(super) const FOLLOW: &str = "Follow";

pub(super) fn found_keys(count: usize) -> String {
    if count == 1 { "One key found".into() } else { format!("{count} keys found") }
}

pub(super) fn gains_voice(count: usize) -> String {
    match count {
        0 => "Nobody else gains a voice".into(),
        1 => "1 more person gains a voice".into(),
        count => format!("{count} more people gain a voice"),
    }
}

pub(super) fn gains_works(count: usize) -> String {
    match count {
        0 => "No work appears yet; more may come once their log is here".into(),
        1 => "1 work appears".into(),
        count => format!("{count} works appear"),
    }
}

pub(super) fn hides_works(count: usize) -> String {
    match count {
        0 => "Nothing is hidden".into(),
        1 => "1 work is hidden".into(),
        count => format!("{count} works are hidden"),
    }
}

pub(super) fn level(name: &str) -> &str {
    match name {
        "full" => "Fully",
        "high" => "Much",
        "medium" => "Somewhat",
        "low" => "A little",
        "none" => "No opinion",
        "distrust" => "Distrust",
        name => name,
    }
}

// A key.
pub(super) const NO_SUCH_KEY: &str = "This is not a key.";
pub(super) const THIS_IS_YOU: &str = "This is you";
pub(super) const LISTINGS: &str = "Listings";
pub(super) const LISTS_NOTHING: &str = "Nothing listed";
pub(super) const LISTS_NOTHING_ADVICE: &str = "No listing by this key is known here.";
pub(super) const ATTESTATIONS: &str = "What it says of others";
pub(super) const SAYS_NOTHING: &str = "Nothing that is known here.";
pub(super) const VERDICTS: &str = "Judgements";
pub(super) const JUDGED_NOTHING: &str = "None that are known here.";
pub(super) const WORK: &str = "Work";
pub(super) const SIZE: &str = "Size";
pub(super) const SIGNED: &str = "Signed";
pub(super) const RETRACT: &str = "Take back";
pub(super) const RETRACT_ASK: &str =
    "This publishes that you take your listing back, and stops seeding it. Copies that others made stay with them.";
pub(super) const ATTEST: &str = "Vouch…";
pub(super) const DISTRUST: &str = "Distrust…";
pub(super) const ATTEST_ASK: &str = "This signs with your key how far you trust this one. Unless you keep it to yourself, it is published for half a year.";
pub(super) const DISTRUST_ASK: &str = "This signs with your key that you distrust this one. What comes only through it is hidden. Unless you keep it to yourself, it is published.";
pub(super) const REASON: &str = "Why";
pub(super) const SIGN: &str = "Sign";

// Seeding.
pub(super) const GIVEN: &str = "Given";
pub(super) const SEEDED_NOW: &str = "Seeded now";
pub(super) const DISK_OF_CATALOGUE: &str = "Catalogue on disk";
pub(super) const TORRENTS: &str = "What is here";
pub(super) const ELSEWHERE: &str = "At your other clients";
pub(super) const ELSEWHERE_DONE: &str = "Complete there";
pub(super) const CLIENT: &str = "Client";
pub(super) const SEEDS_NOTHING: &str = "Nothing yet";
pub(super) const SEEDS_NOTHING_ADVICE: &str =
    "What you download is seeded from then on, without your name; what you publish, under it.";
pub(super) const NAME_COLUMN: &str = "Name";
pub(super) const STATE: &str = "State";
pub(super) const UP_RATE: &str = "Up";
pub(super) const FOR_WHOM: &str = "For whom";
pub(super) const LIMITS: &str = "Limits";
pub(super) const LIMITS_HINT: &str = "They count at once. What is seeded takes no part of the budgets on the page of the node: those are of the catalogue.";
pub(super) const END: &str = "End it";
pub(super) const ENDED: &str = "Cancelled";
pub(super) const CANCEL_KEEPING: &str = "Cancel";
pub(super) const CANCEL_ASK: &str =
    "The download ends, and what is here stays: it can go on later. The ledger keeps who gave it to you.";
pub(super) const CANCEL_DELETING: &str = "Cancel and delete";
pub(super) const CANCEL_DELETING_ASK: &str =
    "The download ends, and what of it is here is deleted. The ledger keeps who gave it to you.";
pub(super) const STOP_SEEDING: &str = "Stop seeding";
pub(super) const STOP_SEEDING_ASK: &str = "Others can no longer get it from you. Its files stay.";

pub(super) fn limit(name: &str) -> &str {
    match name {
        "upload-limit" => "Upload, bytes a second",
        "download-limit" => "Download, bytes a second",
        "seed-ratio" => "Ratio",
        "seed-budget" => "Seeded at once, bytes",
        name => name,
    }
}

pub(super) fn limit_hint(name: &str) -> &'static str {
    match name {
        "seed-ratio" => "How often its size is given of a download before it rests. Such as 2, or none.",
        "seed-budget" => "Beyond it those rest of which most was given; files stay. Such as 200GB, or none.",
        _ => "Of all torrents together. Such as 500kB or 2MiB, or none.",
    }
}
pub(super) const LEDGER: &str = "Ledger";
pub(super) const LEDGER_HINT: &str =
    "Who uploaded how many hash-checked bytes to you. It stays on this machine unless you share receipts.";
pub(super) const LEDGER_EMPTY: &str = "Nobody uploaded to you yet";
pub(super) const LEDGER_EMPTY_ADVICE: &str = "Play or download something, and see here from whom it came.";
pub(super) const ADDRESS: &str = "Address";
pub(super) const BYTES: &str = "Checked bytes";
pub(super) const FIRST: &str = "First";
pub(super) const LAST: &str = "Last";
pub(super) const NO_KEY: &str = "no key shown";
pub(super) const EVERYBODY_ELSE: &str = "everybody else";

pub(super) fn as_counted_by(client: &str) -> String {
    format!("as {client} counts it")
}

pub(super) fn and_more(count: usize) -> String {
    format!(" and {count} more")
}

pub(super) fn plot_title(days: u64, top: &str) -> String {
    format!("Checked bytes by day and by key over the last {days} days; most on one day: {top}")
}

// The node.
pub(super) const PEERS: &str = "Peers";
pub(super) const DHT_NODES: &str = "DHT nodes";

// Other programs.
pub(super) const APPS: &str = "Your other programs";
pub(super) const APPS_HINT: &str =
    "Each of these holds a key: whoever has it can read your catalogue. `heirloom apps --renew` replaces them.";
pub(super) const APPS_INSTALL: &str = "Add to Stremio on this machine";
pub(super) const APPS_STREMIO: &str = "Stremio, elsewhere: manifest of the add-on";
pub(super) const APPS_TORZNAB: &str = "Sonarr, Radarr, Prowlarr: Torznab indexer";
pub(super) const APPS_KEY: &str = "with the API key";
pub(super) const APPS_RSS: &str = "Feed readers and clients that read RSS";
pub(super) const APPS_OPML: &str = "Feed readers: all curators that you follow";
pub(super) const APPS_QBITTORRENT: &str = "qBittorrent: search plugin";
pub(super) const APPS_METRICS: &str = "Prometheus";
pub(super) const APPS_TELEVISION: &str = "A television or a phone takes the add-on only by TLS: put a proxy with a certificate before the node, and start it with `--apps-url`.";

pub(super) const WORKS: &str = "Works";
pub(super) const STATEMENTS: &str = "Statements";
pub(super) const UP_FOR: &str = "Up for";
pub(super) const DOCTOR: &str = "Doctor";
pub(super) const WELL: &str = "well";
pub(super) const AMISS: &str = "amiss";
pub(super) const NOT_KNOWN: &str = "not known";
pub(super) const BUDGETS: &str = "Budgets";
pub(super) const IS_SHORT: &str = "Used up: strangers wait.";
pub(super) const NETWORK: &str = "Network";
pub(super) const PEERS_BY: &str = "Peers, by how they were found";
pub(super) const LISTENING: &str = "Listens at";
pub(super) const SEEN_AS: &str = "Seen by others as";
pub(super) const NAT: &str = "Can be dialled";
pub(super) const REMEMBERED: &str = "Peers remembered";
pub(super) const DHT: &str = "DHT";
pub(super) const RENDEZVOUS: &str = "Rendezvous";
pub(super) const REFUSALS: &str = "Refused lately";
pub(super) const REFUSALS_HINT: &str = "What did not get in, newest first. Strangers share a line for each reason.";
pub(super) const REFUSAL_COLUMNS: [&str; 4] = ["When (UTC)", "Why", "Whose", "Times"];
pub(super) const SOMEBODY: &str = "a stranger";
pub(super) const COUNTS: &str = "Everything counted since the start";
pub(super) const REFUSED_NOTHING: &str = "Nothing yet.";
pub(super) const SETTINGS: &str = "Settings";
pub(super) const SETTINGS_HINT: &str = "They are kept in a file of the node's folder. Limits of sharing count at once, everything else from the next start.";
pub(super) const ALL_SETTINGS: &str = "All settings";
pub(super) const SETTING: &str = "Setting";
pub(super) const VALUE: &str = "Value";
pub(super) const FROM: &str = "From";

pub(super) fn origin(name: &str) -> &str {
    match name {
        "default" => "the usual value",
        "file" => "the file of settings",
        "env" => "the environment:",
        "flag" => "a flag",
        name => name,
    }
}

pub(super) fn fixed_by(origin: &str) -> String {
    let who = if origin == "env" { "the environment" } else { "a flag" };
    format!("Given by {who} when the node was started, which wins over the file.")
}

pub(super) fn from_next_start(value: &str) -> String {
    format!("{} from the next start", if value.is_empty() { "The usual value" } else { value })
}

pub(super) const SIGN_OUT: &str = "Sign this browser out";
pub(super) const SIGN_OUT_ASK: &str = "This browser is let in again by a link of heirloom open, on the node's machine.";
pub(super) const SIGNED_OUT: &str = "This shelf is private";
pub(super) const SIGNED_OUT_ADVICE: &str = "The command prints and opens a link that lets this browser in, once. It stays signed in for a month, or until you sign it out.";
pub(super) const NEWS: &str = "Something new has arrived.";
pub(super) const SHOW_NEWS: &str = "Show it";
pub(super) const TRUST: &str = "How trust is measured";
pub(super) const MY_KEY: &str = "Your key";

pub(super) fn budget(name: &str) -> &str {
    match name {
        "disk" => "Disk of the catalogue",
        "memory" => "Memory",
        "bandwidth" => "Traffic with peers, today",
        "dht" => "Traffic with the DHT, today",
        "cpu" => "Processor, for others",
        name => name,
    }
}

pub(super) fn check(name: &str) -> String {
    name.replace('_', " ")
}

pub(super) fn span_of(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

// The first run.
pub(super) const WELCOME: &str = "Welcome";
pub(super) const WELCOME_LEAD: &str = "Heirloom is a catalogue of films, series and other works that nobody owns. What you see in it comes from people you trust.";
pub(super) const STEPS: &str = "Steps";
pub(super) const STEP_NAME: &str = "Name";
pub(super) const STEP_FOLLOW: &str = "People";
pub(super) const STEP_DONE: &str = "Done";
pub(super) const YOUR_NAME_OPTIONAL: &str = "What may others call you? (You may leave this out.)";
pub(super) const NAME_HINT: &str = "A name is published, signed with your key. Without one you can do everything else.";
pub(super) const SAVE_AND_GO_ON: &str = "Save and go on";
pub(super) const WITHOUT_NAME: &str = "Go on without a name";
pub(super) const WHOM_TO_FOLLOW: &str = "Whom do you trust?";
pub(super) const WHOM_LEAD: &str =
    "Follow a pack that came with the program, or paste the card of somebody you know. You can change all of it later.";
pub(super) const LOOK_INTO: &str = "Look into it";
pub(super) const ALL_SET: &str = "All set";
pub(super) const TO_SHELF: &str = "To the shelf";
pub(super) const ALREADY_THERE: &str = "On your shelf already";

pub(super) fn all_set(follows: usize, works: usize) -> String {
    let whom = if follows == 1 { "one shelf".to_owned() } else { format!("{follows} shelves") };
    if works == 0 {
        format!("You follow {whom}. What they list comes in by and by.")
    } else {
        format!("You follow {whom}. Choose something, and it plays while it arrives.")
    }
}
