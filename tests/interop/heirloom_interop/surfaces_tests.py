"""The catalogue in other people's programs: Torznab and RSS by their clients, the Stremio add-on by Stremio's own."""

import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree

import feedparser
import torznab

from . import player_tests, wait

SECONDS_MAX = 120


def apps(node):
    """What is to be pasted into which program."""
    return node.cli("apps")


def fetch(url):
    """Status, headers and body; a redirect to a magnet link is told, not followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        with urllib.request.build_opener(Stay).open(url, timeout=SECONDS_MAX) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def publisher(t, ip, film):
    """A node that seeds a film which it listed, and what it published."""
    node = t.node("publisher", ip).start((), "--no-dht")
    return node, node.publish(film, player_tests.WORK, "Big Buck Bunny", 2008)


def test_a_torznab_client_finds_what_is_listed_and_gets_its_torrent(t):
    # Tests run in processes of their own.
    os.environ["RUST_LOG"] = "debug"
    film = player_tests.make_film(t.folder / "source", index_first=True)
    node, published = publisher(t, "127.0.6.1", film)
    place = apps(node)["torznab"]
    client = torznab.Torznab(api_key=place["apikey"])
    # The address as it is pasted, and with what most programs add to it.
    for url in (place["url"], place["url"] + "/api", place["trusted"], place["all"] + "/api"):
        can = client.get_capabilities(url)
        assert can.limits.max == 100, can
        items = client.search_torrent("big buck bunny", url)
        assert len(items) == 1, items
        found = items[0]
        assert found.infohash == published["infohash"], found
        assert found.size == published["size"], found
        assert found.seeders == 1, "this node has all of it, and counts as one"
        assert found.magnet_url.startswith(f"magnet:?xt=urn:btih:{published['infohash']}"), found
    assert client.search_torrent("no such film", place["url"]) == []
    for key, status in (("", 401), ("0" * 32, 401)):
        code, _, body = fetch(f"{place['url']}?t=search&apikey={key}")
        error = xml.etree.ElementTree.fromstring(body)
        assert (code, error.tag, error.get("code")) == (status, "error", "100"), body

    # The torrent file, which another program reads, and downloads by.
    import libtorrent

    status, headers, torrent = fetch(f"{apps(node)['base']}/torrent/{published['infohash']}.torrent?apikey={place['apikey']}")
    assert (status, headers["Content-Type"]) == (200, "application/x-bittorrent"), (status, headers)
    assert str(libtorrent.torrent_info(libtorrent.bdecode(torrent)).info_hash()) == published["infohash"]
    log = (node.home / "run.log").read_text(errors="replace")
    secret = apps(node)["stremio"]["manifest"].split("/")[-2]
    assert "DEBUG" in log and place["apikey"] not in log and secret not in log, "no log holds a key"


def test_feedparser_reads_feeds_and_is_told_when_nothing_changed(t):
    film = player_tests.make_film(t.folder / "source", index_first=True)
    node, published = publisher(t, "127.0.6.2", film)
    feed = feedparser.parse(apps(node)["rss"])
    assert not feed.bozo and feed.status == 200, feed
    [entry] = feed.entries
    assert entry.id == f"urn:btih:{published['infohash']}" and not entry.guidislink, entry
    assert entry.published_parsed, entry
    [enclosure] = entry.enclosures
    assert enclosure["type"] == "application/x-bittorrent" and int(enclosure["length"]) == published["size"], enclosure
    assert entry.torrent_infohash == published["infohash"], entry
    again = feedparser.parse(apps(node)["rss"], etag=feed.etag)
    assert again.status == 304 and not again.entries, again
    assert feedparser.parse(apps(node)["rss"] + "&q=nothing+like+it").entries == []


def test_the_search_plugin_of_qbittorrent_prints_what_is_found(t):
    film = player_tests.make_film(t.folder / "source", index_first=True)
    node, published = publisher(t, "127.0.6.3", film)
    status, _, plugin = fetch(apps(node)["qbittorrent"])
    assert status == 200
    folder = t.folder / "engines"
    folder.mkdir()
    (folder / "heirloom.py").write_bytes(plugin)
    script = "import heirloom; heirloom.heirloom().search('big%20buck+bunny', 'movies')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX, check=True
    )
    [line] = done.stdout.splitlines()
    link, name, size, seeds, leech, engine, page, day = line.split("|")
    assert link.startswith(f"magnet:?xt=urn:btih:{published['infohash']}"), line
    assert size == f"{published['size']} B" and seeds == "1" and engine == apps(node)["base"], line
    nothing = subprocess.run(
        [sys.executable, "-c", script.replace("movies", "music")], cwd=folder, capture_output=True, text=True,
        timeout=SECONDS_MAX, check=True,
    )
    assert nothing.stdout == "", nothing.stdout


def ask_addon(manifest, *questions):
    """What Stremio's client and linter say of an add-on."""
    place = pathlib.Path(os.environ["HEIRLOOM_INTEROP_STREMIO"])
    command = [os.environ.get("HEIRLOOM_INTEROP_NODE", "node"), place / "addon.cjs", manifest, *map(json.dumps, questions)]
    done = subprocess.run(
        list(map(str, command)), cwd=place, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_stremio_s_client_walks_from_the_catalogue_to_the_film_and_mpv_plays_it(t):
    film = player_tests.make_film(t.folder / "source", index_first=True)
    newcomer, infohash = player_tests.newcomer_beside(t, film)
    manifest = apps(newcomer)["stremio"]["manifest"]
    imdb = player_tests.WORK.removeprefix("imdb:")
    told = ask_addon(
        manifest,
        ["catalog", "movie", "heirloom", {}],
        ["catalog", "movie", "heirloom", {"search": "big buck"}],
        ["catalog", "movie", "heirloom", {"skip": 100}],
        ["meta", "movie", imdb, {}],
        ["stream", "movie", imdb, {}],
        ["addon_catalog", "other", "heirloom-curators", {}],
        ["meta", "movie", "tt9999999", {}],
    )
    assert told["valid"] and not told["errors"] and not told["warnings"], told
    shelf, searched, beyond, meta, streams, curators, missing = told["answers"]
    assert [one["id"] for one in shelf["metas"]] == [imdb] == [one["id"] for one in searched["metas"]], told
    assert beyond["metas"] == [] and meta["meta"]["name"] == "Big Buck Bunny", told
    assert len(curators["addons"]) == 1 and "error" in missing, told
    by_node, as_torrent = streams["streams"]
    assert by_node["description"].startswith("✔ trusted"), by_node
    assert (as_torrent["infoHash"], as_torrent["fileIdx"]) == (infohash, 0), as_torrent
    assert f"dht:{infohash}" in as_torrent["sources"], as_torrent

    # As Stremio hands it to a player: nothing of it is here yet.
    played = subprocess.run(
        ["mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", "--start=16", "--length=3", by_node["url"]],
        capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
    )
    assert played.returncode == 0 and "Exiting... (End of file)" in played.stdout, played.stdout + played.stderr
    status, headers, body = fetch(by_node["url"])
    assert (status, headers["Content-Type"], headers["Access-Control-Allow-Origin"]) == (200, "video/mp4", "*")
    assert body == film.read_bytes()
    size = len(body)

    def is_booked():
        return sum(row["verified_bytes"] for row in newcomer.ledger("key")) == size

    wait.until(is_booked, SECONDS_MAX, "every byte to be booked, once", 0.5)
    # Whom it follows, as a file that others can follow by.
    place = apps(newcomer)
    status, _, opml = fetch(f"{place['base']}/opml?apikey={place['torznab']['apikey']}")
    curator = newcomer.cli("follow")[0]["key"]
    shared = t.folder / "curators.opml"
    shared.write_bytes(opml)
    assert status == 200 and curator in opml.decode() and place["torznab"]["apikey"] not in opml.decode(), opml
    other = t.node("other", "127.0.2.3")
    assert other.cli("follow", shared, "--yes")["key"] == curator
    one = ask_addon(curators["addons"][0]["transportUrl"], ["catalog", "movie", "heirloom", {}])
    assert one["valid"] and [film["id"] for film in one["answers"][0]["metas"]] == [imdb], one
