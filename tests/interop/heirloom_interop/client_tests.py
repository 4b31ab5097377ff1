"""The owner's own clients: what they received is weak evidence, and they fetch what they are handed."""

import concurrent.futures
import json
import pathlib

import libtorrent

from . import content, lt, own_clients, wait

WORK = "imdb:tt1254207"
KIB = 1024
MIB = 1024 * KIB
SIZE = 12 * MIB + 4711
# A minute and a half for all of it: long enough to be seen under way on a busy machine.
SLOWLY = 128 * KIB
# Nothing comes to an end at this rate, and the peers stay.
HARDLY = KIB


def curator_with_film(t, seed):
    """A curator that seeds a film under its name, in no DHT: (node, film, infohash)."""
    film = content.clip(t.folder / "source" / "film.mp4", SIZE, seed)
    curator = t.node("curator", "127.0.3.1").start((), "--no-dht")
    return curator, film, curator.publish(film, WORK, "Big Buck Bunny", 2008)["infohash"]


def seeder_of(curator):
    """Where it seeds under its name."""
    return (curator.ip, curator.port("bt_named"))


def weak_rows(node, client):
    """What the ledger has of a client; every line says that it is weak."""
    rows = [row for row in node.ledger("key") if row["source"] == client]
    assert all(row["weak"] for row in rows), rows
    return rows


def booked(node, client):
    """Bytes in all."""
    return sum(row["verified_bytes"] for row in weak_rows(node, client))


def imported(node, client, *more, seconds=120):
    """`ledger import` of a client: its answer."""
    name = "qbittorrent" if isinstance(client, own_clients.OwnQBittorrent) else "transmission"
    return node.cli("ledger", "import", "--client", name, "--url", client.url, *more, seconds=seconds)


def reader_of(t, curator, *more, run=True):
    """A node, running or not, that follows the curator and has what it said."""
    reader = t.node("reader", "127.0.3.2")
    said = t.folder / "said.statements"
    curator.cli("export", "--statements", said)
    # What others say is not taken in on a disk that is nearly full, as that of a test machine may be.
    taken = reader.cli("import", said, "--disk-reserve", "64MiB")
    assert taken["imported"] > 0, taken
    reader.cli("follow", curator.key(), "--yes")
    return reader.start((), "--no-dht", *more) if run else reader


def test_what_qbittorrent_received_is_booked_to_the_seeder_and_once(t):
    curator, film, infohash = curator_with_film(t, 41)
    client = t.closing(own_clients.OwnQBittorrent(t.folder / "qb", "127.0.3.4"))
    client.begin(infohash, t.folder / "copy", SLOWLY)
    client.meet(infohash, seeder_of(curator))
    reader = t.node("reader", "127.0.3.2")
    wait.until(lambda: client.verified(infohash) >= MIB, 180, "qBittorrent to have some of it", 0.1)
    client.limit(infohash, HARDLY)

    foreseen = imported(reader, client, "--dry-run")
    assert foreseen["dry_run"] and foreseen["bytes"] > 0, foreseen
    assert reader.ledger("key") == [], "a dry run wrote something"
    first = imported(reader, client)
    assert 0 < first["bytes"] <= client.verified(infohash), first
    assert {row["key"] for row in first["booked"]} == {curator.key()}, first
    imported(reader, client)
    assert booked(reader, "qbittorrent") <= client.verified(infohash)

    client.limit(infohash, 0)
    wait.until(lambda: client.torrent(infohash)["progress"] == 1, 180, "qBittorrent to have all of it", 0.2)
    content.assert_same(film, t.folder / "copy" / "film.mp4")
    imported(reader, client)
    rows = weak_rows(reader, "qbittorrent")
    assert first["bytes"] <= booked(reader, "qbittorrent") <= SIZE, rows
    assert {(row["key"], row["address"]) for row in rows} == {(curator.key(), curator.ip)}, rows
    assert imported(reader, client)["bytes"] == 0
    why = reader.cli("why", curator.key(), "--scope", "seed")
    assert any(because["kind"] == "weak_evidence" for because in why["because"]), why


def test_a_node_observes_qbittorrent_over_its_restart(t):
    curator, film, infohash = curator_with_film(t, 42)
    client = t.closing(own_clients.OwnQBittorrent(t.folder / "qb", "127.0.3.4"))
    reader = t.node("reader", "127.0.3.2")
    reader.start((), "--no-dht", "--observe", "qbittorrent", "--qbittorrent-url", client.url)

    def state():
        (row,) = reader.cli("status")["clients"]
        return row

    client.begin(infohash, t.folder / "copy", SLOWLY)
    client.meet(infohash, seeder_of(curator))
    wait.until(lambda: booked(reader, "qbittorrent") > 0, 180, "something to be booked", 0.5)
    client.limit(infohash, HARDLY)
    before = state()
    assert before["observed"] and before["state"] == "ok" and before["version"].startswith("v"), before
    client.close()
    down = wait.until(lambda: state()["state"] == "down" and state(), 180, "the node to miss qBittorrent", 0.5)
    assert "qBittorrent does not answer" in down["trouble"] and down["retry_s"] > 0, down
    so_far = booked(reader, "qbittorrent")

    client.start_again()
    wait.until(lambda: client.torrent(infohash), 60, "qBittorrent to know its torrent again", 0.2)
    wait.until(lambda: state()["state"] == "ok", 180, "the node to find it again", 0.5)
    client.limit(infohash, SLOWLY // 2)
    client.meet(infohash, seeder_of(curator))
    wait.until(lambda: booked(reader, "qbittorrent") > so_far, 180, "more to be booked after the restart", 0.5)
    client.limit(infohash, 0)
    wait.until(lambda: client.torrent(infohash)["progress"] == 1, 180, "qBittorrent to have all of it", 0.2)
    content.assert_same(film, t.folder / "copy" / "film.mp4")
    wait.until(lambda: state()["state"] == "ok", 120, "the node to go on", 0.5)
    rows = weak_rows(reader, "qbittorrent")
    assert so_far < booked(reader, "qbittorrent") <= SIZE, rows
    assert {row["key"] for row in rows} == {curator.key()}, rows


def test_qbittorrent_fetches_what_it_is_handed(t):
    curator, film, infohash = curator_with_film(t, 43)
    client = t.closing(own_clients.OwnQBittorrent(t.folder / "qb", "127.0.3.4"))
    reader = reader_of(t, curator)
    at = ("--client", "qbittorrent", "--url", client.url)
    given = reader.cli("get", WORK, *at, "--to", t.folder / "copy")
    assert given["infohash"] == infohash and given["new"] and not given["finished"], given
    row = client.torrent(infohash)
    assert row["category"] == "heirloom" and row["name"] == "film.mp4", row
    assert not reader.cli("get", WORK, *at, "--to", t.folder / "copy")["new"], "it was added twice"
    (state,) = reader.cli("status")["handed_off"]
    assert (state["infohash"], state["client"], state["finished"]) == (infohash, "qbittorrent", False), state
    client.meet(infohash, seeder_of(curator))
    done = reader.cli("get", WORK, *at, "--wait", seconds=240)
    assert done["finished"] and done["total"] == SIZE, done
    content.assert_same(film, pathlib.Path(done["path"]))

    def finished():
        (state,) = reader.cli("status")["handed_off"]
        return state["finished"]

    wait.until(finished, 120, "the node to see it done", 0.5)
    reader.cli("verdict", infohash, "malware", "--private")
    refused = reader.cli("get", infohash, *at, codes=(4,))
    assert refused["error"]["code"] == "distrusted", refused


def test_transmission_fetches_what_it_is_handed_and_its_seeder_is_booked(t):
    curator, film, infohash = curator_with_film(t, 44)
    reader = reader_of(t, curator, run=False)
    client = t.closing(own_clients.OwnTransmission(t.folder / "tr", "127.0.3.4"))
    client.limit(SLOWLY // KIB)
    folder = t.folder / "copy"
    given = reader.cli("get", WORK, "--client", "transmission", "--url", client.url, "--to", folder)
    assert given["infohash"] == infohash and given["new"], given
    (row,) = client.torrents("labels", "downloadDir")
    assert row == {"labels": ["heirloom"], "downloadDir": str(folder)}, row

    # It dials no loopback address, so that a seeder has to dial it: libtorrent does when it is told to.
    kept = (curator.home / "torrents" / f"{infohash}.torrent").read_bytes()
    info = libtorrent.torrent_info(libtorrent.bdecode(kept))
    seeder = t.session("127.0.3.5", dht=False)
    handle = seeder.seed(info, film.parent)

    def has_begun():
        handle.connect_peer((client.ip, client.port))
        return client.torrents("haveValid")[0]["haveValid"] > 0

    wait.until(has_begun, 120, "Transmission to have some of it", 1)
    seen = imported(reader, client, "--for", "20", seconds=180)
    assert seen["looks"] >= 2, seen
    client.limit(None)
    wait.until(lambda: client.torrents("leftUntilDone")[0]["leftUntilDone"] == 0, 240, "Transmission to be done", 0.5)
    content.assert_same(film, folder / "film.mp4")
    rows = weak_rows(reader, "transmission")
    assert 0 < seen["bytes"] == booked(reader, "transmission") <= SIZE, (seen, rows)
    assert {row["address"] for row in rows} == {seeder.ip}, rows
    imported(reader, client, "--for", "6")
    assert seen["bytes"] <= booked(reader, "transmission") <= SIZE, "booked again"


def test_a_client_that_is_none_or_down_is_told_in_one_sentence(t):
    reader = t.node("reader", "127.0.3.2")
    port = lt.free_port("127.0.3.4")
    nobody = f"http://127.0.3.4:{port}"
    # An episode of an infohash that nobody listed is a thing to ask for: what is wrong is the client, which is told first.
    for client in ("qbittorrent", "transmission"):
        for asked in (("ledger", "import"), ("get", "0" * 40), ("get", "0" * 40, "s01e02")):
            said = reader.cli(*asked, "--client", client, "--url", nobody, codes=(1,))
            assert said["error"]["code"] == "client_down" and nobody in said["error"]["message"], said
    for arguments in (
        ("ledger", "import"),
        ("ledger", "import", "--client", "napster"),
        ("ledger", "import", "--client", "qbittorrent", "--url", "nas:8080"),
        ("ledger", "import", "--client", "qbittorrent", "--url", "http://me:secret@nas/"),
        ("get", "0" * 40, "--url", nobody),
        ("get", "0" * 40, "s01e02", "--client", "qbittorrent", "--url", nobody, "--paused"),
        ("get", "0" * 40, "--client", "qbittorrent", "--url", "nas:8080"),
    ):
        said = reader.cli(*arguments, codes=(2,))
        assert "secret" not in said["error"]["message"], said
    other = t.closing(own_clients.OwnTransmission(t.folder / "tr", "127.0.3.4"))
    said = reader.cli("ledger", "import", "--client", "qbittorrent", "--url", other.url, codes=(1,))
    assert said["error"]["code"] in ("client_answer", "client_refuses"), said
    assert reader.ledger("key") == []


def test_of_a_season_a_client_fetches_the_episode_that_was_asked_for(t):
    season = t.folder / "source" / "Pioneer.One.S01.720p"
    paths = [content.clip(season / f"Pioneer.One.S01E0{number}.720p.mkv", 3 * MIB + number, 50 + number) for number in (1, 2, 3)]
    curator = t.node("curator", "127.0.3.1").start((), "--no-dht")
    series = "imdb:tt1748166"
    published = curator.cli(
        *("publish", season, "--work", series, "--title", "Pioneer One", "--year", 2010, "--kind", "series")
    )
    infohash = published["infohash"]
    client = t.closing(own_clients.OwnQBittorrent(t.folder / "qb", "127.0.3.4"))
    reader = reader_of(t, curator)
    at = ("--client", "qbittorrent", "--url", client.url)
    refused = reader.cli("get", series, "s01e02", *at, "--paused", codes=(2,))
    assert refused["error"]["code"] == "paused_episode", refused

    # A magnet link: what is in it is known once a seeder told.
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(reader.cli, "get", series, "s01e02", *at, "--to", t.folder / "copy", "--wait", seconds=300)
        wait.until(lambda: asked.done() or client.torrent(infohash), 120, "qBittorrent to be asked", 0.2)
        client.meet(infohash, seeder_of(curator))
        done = asked.result()
    assert done["finished"] and done["infohash"] == infohash, done
    assert [(file["index"], file["path"]) for file in done["files"]] == [(1, paths[1].name)], done
    rows = json.loads(client.call(f"torrents/files?hash={infohash}"))
    assert [row["priority"] > 0 for row in rows] == [False, True, False], rows
    content.assert_same(paths[1], t.folder / "copy" / season.name / paths[1].name)
    # Another episode of it beside the first, which stays.
    more = reader.cli("get", series, "s01e03", *at, "--wait", seconds=300)
    assert not more["new"] and [file["index"] for file in more["files"]] == [2], more
    rows = json.loads(client.call(f"torrents/files?hash={infohash}"))
    assert [row["priority"] > 0 for row in rows] == [False, True, True], rows

    # A torrent file, which the curator keeps: its files are known at once.
    other = t.closing(own_clients.OwnTransmission(t.folder / "tr", "127.0.3.6"))
    given = curator.cli("get", series, "s01e01", "--client", "transmission", "--url", other.url, "--to", t.folder / "tr")
    assert [file["index"] for file in given["files"]] == [0], given
    (row,) = other.torrents("fileStats")
    assert [stats["wanted"] for stats in row["fileStats"]] == [True, False, False], row
    unknown = reader.cli("get", series, "s09e09", *at, codes=(3,))
    assert unknown["error"]["code"] == "unknown_episode", unknown
