"""Heirloom's items and announcements, read and written by libtorrent."""

from . import content, wait, wire

WORK = "imdb:tt1254207"
KIB = 1024


def publish_clip(t, curator):
    """Publishes a clip as Big Buck Bunny; what `publish` answered."""
    clip = content.clip(t.folder / "source" / "clip.mp4", 600 * KIB, 11)
    return curator.publish(clip, WORK, "Big Buck Bunny", 2008)


def read_items(reader, key):
    """A curator's head item and its item of the work, as libtorrent sees them: [(salt, value, seq)]."""
    items = []
    for salt in (b"heirloom", wire.work_salt(WORK)):
        value, seq, signature = reader.get(key, salt)
        assert wire.is_signed(key, salt, seq, value, signature), f"bad signature under salt {salt!r}"
        assert len(value) <= 950, f"item of {len(value)} bytes"
        items.append((salt, value, seq))
    return items


def test_libtorrent_reads_what_a_curator_put(t):
    network = t.network(1)
    curator = t.node("curator", "127.0.2.1").start(network.bootstrap())
    published = publish_clip(t, curator)
    infohash, key = published["infohash"], wire.key_of_did(curator.key())
    (_, head, _), (_, listing, _) = read_items(network.nodes[6], key)
    assert key in wire.all_bytes_in(head), "the head does not name its author"
    assert bytes.fromhex(infohash) in wire.all_bytes_in(listing), "the listing does not hold the infohash"
    network.nodes[4].finds_peer(infohash, (curator.ip, curator.port("bt_named")))


def test_a_put_is_acknowledged_by_libtorrent(t):
    network = t.network(1)
    curator = t.node("curator", "127.0.2.1").start(network.bootstrap())
    published = publish_clip(t, curator)
    dht = published["dht"]
    assert dht is None or dht["stored_on"] >= 1, dht
    wait.until(lambda: curator.cli("status")["dht"]["nodes"] >= 1, 30, "status to show DHT nodes")
    assert curator.cli("status")["dht"]["mode"] == "client"


def test_a_newcomer_reads_what_libtorrent_put(t):
    first = t.network(1)
    curator = t.node("curator", "127.0.2.1").start(first.bootstrap())
    infohash = publish_clip(t, curator)["infohash"]
    did, seed = curator.key(), curator.seed()
    items = read_items(first.nodes[3], wire.key_of_did(did))
    curator.close()
    first.close()

    # Another network, which never saw the curator: all that the newcomer can find is what libtorrent signs and puts.
    second = t.network(3)
    assert wire.public_key(seed) == wire.key_of_did(did), "identity.key is not the key that `id` shows"
    for salt, value, _ in items:
        assert second.nodes[2].put(seed, value, salt) > 0

    newcomer = t.node("newcomer", "127.0.2.2").start(second.bootstrap())
    newcomer.cli("follow", did, "--yes")

    def listed():
        shown = newcomer.cli("show", WORK, "--wait", 10, codes=(0, 3))
        return [release for release in shown.get("releases", []) if release["infohash"] == infohash]

    release = wait.until(listed, 90, "the newcomer to show the listing", 0.5)[0]
    assert release["source"] == "dht", release
    assert did in [lister["key"] for lister in release["listed_by"]], release
