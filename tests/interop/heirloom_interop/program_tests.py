"""Programs that ask by themselves: FlexGet, the RSS reader of qBittorrent, Stremio's engine, promtool, and players on files of
a library."""

import json
import os
import pathlib
import ssl
import subprocess
import urllib.error
import urllib.request

import libtorrent

from . import own_clients, player_tests, surfaces_tests, tls, wait

SECONDS_MAX = 120
# What one task fetched, the other would pass over.
DISABLED = ["seen", "seen_info_hash"]
EPISODES = ("Pioneer.One.S01E01.720p.WEB-DL.x264-GRP", "Pioneer.One.S01E02.720p.WEB-DL.x264-GRP")


def shelf(t, ip):
    """A node that seeds a film, and lists a film and episodes beside it: (node, what it published)."""
    film = player_tests.make_film(t.folder / "source", index_first=True)
    node, published = surfaces_tests.publisher(t, ip, film)
    rows = ["work,title,year,kind,infohash,name,size,season,episode"]
    rows += [f"imdb:tt1748166,Pioneer One,2010,series,{number:040x},{name},700000000,1,{number}"
             for number, name in enumerate(EPISODES, 1)]
    rows += [f"imdb:tt1727587,Sintel & <Friends>,2010,film,{9:040x},Sintel.2010.2160p.BluRay.x265-GRP,900000000,,"]
    listed = t.folder / "more.csv"
    listed.write_text("\n".join(rows) + "\n")
    assert node.cli("import", listed)["imported"] >= 3
    return node, published


def flexget(t, tasks):
    """Runs tasks; what FlexGet says of them."""
    program = os.environ["HEIRLOOM_INTEROP_FLEXGET"]
    folder = t.folder / "flexget"
    folder.mkdir(exist_ok=True)
    # JSON is YAML.
    (folder / "config.yml").write_text(json.dumps({"tasks": tasks}))
    done = subprocess.run(
        [program, "-c", str(folder / "config.yml"), "--loglevel", "verbose", "execute", "--now"],
        capture_output=True, text=True, timeout=SECONDS_MAX, check=False, env={**os.environ, "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    log = (folder / "flexget.log").read_text(errors="replace") if (folder / "flexget.log").exists() else ""
    assert "ERROR" not in log and "CRITICAL" not in log and "Traceback" not in log, log
    return done.stdout + done.stderr + log


def test_flexget_fetches_what_a_feed_and_an_indexer_list(t):
    node, published = shelf(t, "127.0.7.1")
    place = surfaces_tests.apps(node)
    by_feed, by_indexer = t.folder / "by-feed", t.folder / "by-indexer"
    by_feed.mkdir()
    by_indexer.mkdir()
    torznab = {"url": place["torznab"]["url"], "apikey": place["torznab"]["apikey"]}
    tasks = {
        "feed": {"rss": {"url": place["rss"] + "&q=big+buck+bunny"},
                 "accept_all": True, "disable": DISABLED, "download": str(by_feed)},
        "indexer": {"discover": {"what": [{"mock": [{"title": "Big Buck Bunny", "imdb_id": "tt1254207"}]}],
                                 "from": [{"torznab": {**torznab, "searcher": "movie"}}], "interval": "0 seconds",
                                 "release_estimations": "ignore"},
                    "accept_all": True, "disable": DISABLED, "download": str(by_indexer)},
    }
    said = flexget(t, tasks)
    for folder in (by_feed, by_indexer):
        got = list(folder.iterdir())
        assert len(got) == 1 and got[0].suffix == ".torrent", (folder, got, said)
        info = libtorrent.torrent_info(libtorrent.bdecode(got[0].read_bytes()))
        assert str(info.info_hash()) == published["infohash"], folder


def test_the_rss_reader_of_qbittorrent_lists_items_and_downloads_by_a_rule(t):
    node, published = shelf(t, "127.0.7.2")
    place = surfaces_tests.apps(node)
    client = t.closing(own_clients.OwnQBittorrent(t.folder / "qb", "127.0.7.3"))
    copy = t.folder / "copy"
    client.call("app/setPreferences", {"json": json.dumps({
        "rss_processing_enabled": True, "rss_auto_downloading_enabled": True, "rss_refresh_interval": 1})})
    rule = {"enabled": True, "mustContain": "big buck bunny", "affectedFeeds": [place["rss"]],
            "addPaused": False, "savePath": str(copy), "assignedCategory": "watched"}
    client.call("rss/addFeed", {"url": place["rss"], "path": "Heirloom"})
    client.call("rss/setRule", {"ruleName": "bunny", "ruleDef": json.dumps(rule)})
    client.call("rss/refreshItem", {"itemPath": "Heirloom"})

    def articles():
        feed = json.loads(client.call("rss/items?withData=true"))["Heirloom"]
        # Until it read the feed for the first time it calls that an error.
        return not feed["hasError"] and {article["title"]: article for article in feed["articles"]}

    found = wait.until(articles, SECONDS_MAX, "qBittorrent to list the feed", 0.5)
    assert set(EPISODES) < set(found) and any("Sintel & <Friends>" in title or "Sintel.2010" in title for title in found), found
    [film] = [article for title, article in found.items() if "Big Buck Bunny" in title or "film.mp4" in title]
    assert film["torrentURL"].endswith(f"&apikey={place['torznab']['apikey']}") or ".torrent?" in film["torrentURL"], film
    assert film["date"] and found[EPISODES[0]]["torrentURL"].startswith("magnet:?xt=urn:btih:"), found
    matching = json.loads(client.call("rss/matchingArticles?ruleName=bunny"))
    assert len(matching.get("Heirloom", [])) == 1, matching

    # The rule fetched the torrent file by itself; its content comes from the node.
    row = wait.until(lambda: client.torrent(published["infohash"]), SECONDS_MAX, "the rule to add the torrent", 0.5)
    assert row["category"] == "watched", row
    client.meet(published["infohash"], (node.ip, node.port("bt_named")))
    wait.until(
        lambda: client.torrent(published["infohash"])["progress"] == 1, SECONDS_MAX, "qBittorrent to have the film", 0.5
    )
    [file] = copy.iterdir()
    assert file.stat().st_size == published["size"], file


def test_the_engine_of_stremio_installs_the_add_on_and_finds_what_plays(t):
    node, published = shelf(t, "127.0.7.6")
    manifest = surfaces_tests.apps(node)["stremio"]["manifest"]
    imdb = player_tests.WORK.removeprefix("imdb:")
    place = pathlib.Path(os.environ["HEIRLOOM_INTEROP_STREMIO"])
    command = [os.environ.get("HEIRLOOM_INTEROP_NODE", "node"), place / "core.cjs", manifest, "movie", imdb, "big buck"]
    done = subprocess.run(
        list(map(str, command)), cwd=place, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["installed"]["id"] == "community.heirloom", told["installed"]
    assert {one["name"] for one in told["shelf"]} == {"Big Buck Bunny", "Sintel & <Friends>"}, told["shelf"]
    found = [one["name"] for row in told["rows"] for one in row["content"]["content"]]
    assert found == ["Big Buck Bunny"], told["rows"]
    assert all("127.0.0.1" not in host or host.endswith(":11470") for host in told["elsewhere"]), told["elsewhere"]
    assert (told["meta"]["id"], told["meta"]["name"]) == (imdb, "Big Buck Bunny"), told["meta"]
    by_node, as_torrent = told["streams"]
    assert by_node["description"].startswith("✔ trusted") and published["infohash"] in by_node["url"], by_node
    assert (as_torrent["infoHash"], as_torrent["fileIdx"]) == (published["infohash"], 0), as_torrent
    played = subprocess.run(
        ["mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", "--start=16", "--length=3", by_node["url"]],
        capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
    )
    assert played.returncode == 0 and "Exiting... (End of file)" in played.stdout, played.stdout + played.stderr
    taken = player_tests.vlc_takes(by_node["url"], 16, 18)
    assert {"h264", "aac"} <= set(taken["codecs"]), taken


def test_a_television_reaches_the_add_on_through_a_proxy_with_a_certificate_of_the_owner_s(t):
    proxy = t.closing(tls.Proxy(t.folder / "tls"))
    film = player_tests.make_film(t.folder / "source", index_first=True)
    node = t.node("publisher", "127.0.7.7").start((), "--no-dht", "--apps-url", proxy.url)
    published = node.publish(film, player_tests.WORK, "Big Buck Bunny", 2008)
    host, port = node.ready["http"].split(":")
    proxy.target = (host, int(port))
    [there] = surfaces_tests.apps(node)["also_at"]
    assert there["base"] == proxy.url and there["torznab"]["url"] == f"{proxy.url}/torznab", there
    assert there["stremio"]["install"].startswith(f"stremio://localhost:{proxy.port}/stremio/"), there

    # `doctor` asks as a device would: nobody on this machine vouches for that certificate yet.
    def tls_check(one):
        [found] = [check for check in one.cli("doctor", codes=(0, 1)) if check["check"] == "tls"]
        return found

    doubted = tls_check(node)
    assert doubted["state"] == "amiss" and "certificate" in doubted["detail"] and "renew" in doubted["fix"], doubted

    # Stremio's client trusts the certificate because its machine was told to.
    os.environ["NODE_EXTRA_CA_CERTS"] = str(proxy.certificate)
    imdb = player_tests.WORK.removeprefix("imdb:")
    told = surfaces_tests.ask_addon(
        there["stremio"]["manifest"], ["catalog", "movie", "heirloom", {}], ["stream", "movie", imdb, {}]
    )
    assert told["valid"] and [one["id"] for one in told["answers"][0]["metas"]] == [imdb], told
    by_node = told["answers"][1]["streams"][0]
    assert by_node["url"].startswith(f"{proxy.url}/stremio/"), by_node
    assert "notWebReady" not in by_node["behaviorHints"], "MP4 over TLS plays in a browser"
    trusting = ssl.create_default_context(cafile=proxy.certificate)

    def fetch(path):
        try:
            with urllib.request.urlopen(proxy.url + path, timeout=SECONDS_MAX, context=trusting) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    assert fetch(by_node["url"].removeprefix(proxy.url)) == (200, film.read_bytes())
    key = there["torznab"]["apikey"]
    status, found = fetch(f"/torznab/api?t=movie&imdbid={imdb}&apikey={key}")
    link = f"{proxy.url}/torrent/{published['infohash']}.torrent?apikey={key}"
    assert status == 200 and f'<enclosure url="{link}"' in found.decode(), found
    assert fetch(link.removeprefix(proxy.url))[0] == 200
    # Neither the page nor commands answer there, and nobody else's certificate is believed.
    for path in ("/", "/api/v1/id", "/node"):
        assert fetch(path)[0] == 421, path
    try:
        urllib.request.urlopen(there["stremio"]["manifest"], timeout=SECONDS_MAX)
    except urllib.error.URLError as error:
        assert isinstance(error.reason, ssl.SSLCertVerificationError), error
    else:
        raise AssertionError("a certificate that nobody vouches for was believed")
    # A node on a machine that knows the issuer finds it good, and the other way round: by another name it is not.
    os.environ["SSL_CERT_FILE"] = str(proxy.certificate)
    node.close()
    node.start((), "--no-dht", "--apps-url", proxy.url)
    host, port = node.ready["http"].split(":")
    proxy.target = (host, int(port))
    good = tls_check(node)
    assert good["state"] == "ok" and "leads here; its certificate is good for" in good["detail"], good
    node.close()
    other = proxy.url.replace("localhost", "127.0.0.1")
    node.start((), "--no-dht", "--apps-url", other)
    named = tls_check(node)
    assert named["state"] == "amiss" and "certificate" in named["detail"], named


def test_players_open_the_files_of_a_library(t):
    node, published = shelf(t, "127.0.7.4")
    library = t.folder / "library"
    node.cli("export", "--strm", library)
    [film] = library.glob("Movies/Big Buck Bunny*/*.strm")
    shows = sorted(path.name for path in library.glob("Shows/*/Season 01/*.strm"))
    assert shows == ["Pioneer One S01E01.strm", "Pioneer One S01E02.strm"], shows
    [address] = film.read_text().split()
    assert published["infohash"] in address and address.startswith("http://127.0.0.1:"), address
    played = subprocess.run(
        ["mpv", "--no-config", "--vo=null", "--ao=null", "--untimed", "--start=16", "--length=3", f"--playlist={film}"],
        capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
    )
    assert played.returncode == 0 and "Exiting... (End of file)" in played.stdout, played.stdout + played.stderr
    taken = player_tests.vlc_takes(address, 16, 18)
    assert {"h264", "aac"} <= set(taken["codecs"]) and 1 < taken["seconds"] < 4, taken


def test_promtool_finds_nothing_wrong_with_the_figures(t):
    node, _ = shelf(t, "127.0.7.5")
    status, headers, body = surfaces_tests.fetch(surfaces_tests.apps(node)["metrics"])
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, timeout=SECONDS_MAX, check=False
    )
    assert done.returncode == 0 and not done.stdout + done.stderr, (done.stdout + done.stderr).decode()
    assert b"heirloom_releases 4\n" in body, body.decode()
