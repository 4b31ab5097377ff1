//! Where other programs of the owner's find this node: what is pasted into them. It holds their keys.

use super::Keys;
use crate::http::Server;
use serde_json::{Value, json};

/// Everything that can be plugged in, as reached under one address.
fn under(base: &str, keys: &Keys) -> Value {
    let (api, path) = (&*keys.api, &*keys.path);
    let host = base.split_once("://").map_or(base, |(_, host)| host);
    json!({
        "base": base,
        "torznab": {
            "url": format!("{base}/torznab"),
            "trusted": format!("{base}/torznab/trusted"),
            "all": format!("{base}/torznab/all"),
            "apikey": api,
        },
        "stremio": {
            "manifest": format!("{base}/stremio/{path}/manifest.json"),
            "install": format!("stremio://{host}/stremio/{path}/manifest.json"),
        },
        "rss": format!("{base}/rss?apikey={api}"),
        "opml": format!("{base}/opml?feeds=1&apikey={api}"),
        "qbittorrent": format!("{base}/qbittorrent/heirloom.py?apikey={api}"),
        "metrics": format!("{base}/metrics?apikey={api}"),
    })
}

/// Under the node's own address, and under those that its owner named.
pub(super) fn all(server: &Server, keys: &Keys) -> Value {
    let mut own = under(&format!("http://{}", server.authority()), keys);
    own["also_at"] = server.apps.urls.iter().map(|url| under(url.as_str(), keys)).collect();
    own
}
