//! `apps` as text for people: what to paste where.

use serde_json::Value;
use std::fmt::Write as _;

/// Programs, and the places of what they take in the answer.
const PROGRAMS: [(&str, &str); 10] = [
    ("Stremio, on this machine (open it, or paste it into its search for add-ons)", "/stremio/install"),
    ("Stremio, in a browser", "/stremio/manifest"),
    ("Sonarr, Radarr, Prowlarr, as a Torznab indexer", "/torznab/url"),
    ("  with the API key", "/torznab/apikey"),
    ("  with what you trust yourself alone", "/torznab/trusted"),
    ("  with what nobody vouches for, too", "/torznab/all"),
    ("feed readers and clients that read RSS (add &q=… for a search)", "/rss"),
    ("qBittorrent, as a search plugin", "/qbittorrent"),
    ("feed readers, all curators that you follow at once (OPML)", "/opml"),
    ("Prometheus", "/metrics"),
];

/// The answer as text.
pub(super) fn as_text(value: &Value) -> String {
    let mut out = String::new();
    let named = value["also_at"].as_array().map(Vec::as_slice).unwrap_or_default();
    for place in std::iter::once(value).chain(named) {
        for (program, at) in PROGRAMS {
            let address = place.pointer(at).and_then(Value::as_str).unwrap_or_default();
            let _ = writeln!(out, "{program}:\n    {address}");
        }
        out.push('\n');
    }
    out.push_str(
        "These addresses hold keys: whoever has one can read your catalogue. `heirloom apps --renew` replaces them.\n",
    );
    out
}
