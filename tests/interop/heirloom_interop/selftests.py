"""The harness against itself, without Heirloom: when one of these fails, the others prove nothing."""

from . import aria2, content, lt, wait, wire

KIB = 1024


def test_libtorrent_nodes_store_and_find_an_item(t):
    network = t.network(1)
    seed, salt = bytes(range(32)), b"heirloom"
    assert network.nodes[2].put(seed, b"value", salt) > 0
    value, seq, signature = network.nodes[5].get(wire.public_key(seed), salt)
    assert value == b"value"
    assert wire.is_signed(wire.public_key(seed), salt, seq, value, signature)
    assert not wire.is_signed(wire.public_key(seed), salt, seq + 1, value, signature)


def test_libtorrent_nodes_find_an_announced_peer(t):
    network = t.network(1)
    network.nodes[2].announce("11" * 20, 4711)
    network.nodes[6].finds_peer("11" * 20, ("127.0.1.3", 4711))


def test_libtorrent_downloads_from_libtorrent_through_the_dht(t):
    network = t.network(1)
    clip = content.clip(t.folder / "source" / "clip.mp4", 512 * KIB, 1)
    info, infohash, _ = lt.make_torrent(clip)
    seeder = t.session("127.0.2.1", network.bootstrap(), user_agent="interop-seeder/1", handshake_client_version="interop-seeder/1")
    seeder.seed(info, clip.parent)
    downloader = t.session("127.0.2.2", network.bootstrap())
    handle = downloader.download(infohash, t.folder / "copy")
    clients = downloader.clients_seen_until_done(handle, 90)
    assert clients[seeder.address()] == "interop-seeder/1", clients
    content.assert_same(clip, t.folder / "copy" / "clip.mp4")


def test_aria2_downloads_from_libtorrent_through_the_dht(t):
    network = t.network(1)
    clip = content.clip(t.folder / "source" / "clip.mp4", 512 * KIB, 2)
    info, infohash, _ = lt.make_torrent(clip)
    t.session("127.0.2.1", network.bootstrap()).seed(info, clip.parent)
    child = t.closing(aria2.download(t.folder / "copy", "127.0.2.2", infohash, network.bootstrap()[0]))
    wait.until(lambda: not child.is_running(), 120, "aria2's download to end")
    content.assert_same(clip, t.folder / "copy" / "clip.mp4")


def test_libtorrent_downloads_from_aria2(t):
    clip = content.clip(t.folder / "source" / "clip.mp4", 512 * KIB, 3)
    _, infohash, encoded = lt.make_torrent(clip)
    torrent = t.folder / "clip.torrent"
    torrent.write_bytes(encoded)
    child = t.closing(aria2.seed(clip.parent, "127.0.2.1", torrent))
    downloader = t.session("127.0.2.2", dht=False)
    handle = downloader.download(infohash, t.folder / "copy", [(child.ip, child.port)])
    downloader.clients_seen_until_done(handle, 60)
    content.assert_same(clip, t.folder / "copy" / "clip.mp4")


def test_the_protobuf_reader_finds_nested_bytes_and_refuses_what_is_none(_):
    inner = b"\x0a\x03abc\x10\x96\x01"
    outer = b"\x12" + bytes([len(inner)]) + inner
    assert b"abc" in wire.all_bytes_in(outer)
    for broken in (b"\x0a\x05ab", b"\x00\x01", b"\x0b", b"\xff"):
        try:
            wire.protobuf_fields(broken)
        except ValueError:
            continue
        raise AssertionError(f"{broken!r} was taken for a message")


def test_a_did_key_is_read(_):
    key = wire.key_of_did("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
    assert key.hex() == "2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6"
