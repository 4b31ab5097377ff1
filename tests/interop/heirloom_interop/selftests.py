"""The harness against itself, without Heirloom: when one of these fails, the others prove nothing."""

import sys

from . import aria2, clients, content, heirloom, lt, wait, wire

KIB = 1024

# What a Heirloom that keeps to the contract prints, as far as the harness reads it.
STAND_IN = """
import json, os, signal, sys
home, rest = sys.argv[2], sys.argv[4:]
assert sys.argv[1] == "--home" and sys.argv[3] == "--json" and os.environ["HEIRLOOM_HOME"] == home
if rest[0] == "run":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("no JSON", flush=True)
    print(json.dumps({"event": "ready", "dht": "127.0.2.1:4711", "bt_named": "127.0.2.1:4712"}), flush=True)
    signal.pause()
elif rest[0] == "get":
    print(json.dumps({"progress": 0.5}))
    print(json.dumps({"infohash": rest[1], "bytes": 1}))
elif rest[0] == "ledger":
    print(json.dumps([{"address": "127.0.0.9"}], indent=2))
else:
    print(json.dumps({"error": {"code": "not-found", "message": "nothing"}}))
    sys.exit(3)
"""


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
    seeder = t.session("127.0.2.1", network.bootstrap(), handshake_client_version="interop-seeder/1")
    seeder.seed(info, clip.parent)
    downloader = t.session("127.0.2.2", network.bootstrap())
    handle = downloader.download(infohash, t.folder / "copy", bytes_per_s=256 * KIB)
    clients = downloader.clients_seen_until_done(handle, 90)
    assert set(clients) == {seeder.ip} and "interop-seeder/1" in clients[seeder.ip], clients
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


def test_qbittorrent_downloads_from_libtorrent(t):
    clip = content.clip(t.folder / "source" / "clip.mp4", 512 * KIB, 4)
    info, infohash, _ = lt.make_torrent(clip)
    seeder = t.session("127.0.2.1", dht=False, handshake_client_version="interop-seeder/1")
    seeder.seed(info, clip.parent)
    client = t.closing(clients.QBittorrent(t.folder / "qb", "127.0.2.2"))
    client.download(infohash, t.folder / "copy", seeder.address())
    seen = client.clients_seen_until_done(infohash, 60)
    content.assert_same(clip, t.folder / "copy" / "clip.mp4")
    assert set(seen.values()) <= {"interop-seeder/1"}, seen


def test_libtorrent_downloads_from_transmission(t):
    clip = content.clip(t.folder / "source" / "clip.mp4", 512 * KIB, 5)
    _, infohash, encoded = lt.make_torrent(clip)
    torrent = t.folder / "clip.torrent"
    torrent.write_bytes(encoded)
    client = t.closing(clients.Transmission(t.folder / "tr", "127.0.2.1"))
    client.seed(torrent, clip.parent)
    downloader = t.session("127.0.2.2", dht=False)
    handle = downloader.download(infohash, t.folder / "copy", [(client.ip, client.port)])
    downloader.clients_seen_until_done(handle, 60)
    content.assert_same(clip, t.folder / "copy" / "clip.mp4")


def test_a_node_is_run_commanded_and_ended(t):
    program = t.folder / "stand-in"
    program.write_text(f"#!{sys.executable}\n{STAND_IN}")
    program.chmod(0o755)
    node = t.closing(heirloom.Node(str(program), t.folder, "alice", "127.0.2.1")).start([("127.0.1.1", 1)])
    assert node.port("bt_named") == 4712
    assert node.get("11" * 20, t.folder) == {"infohash": "11" * 20, "bytes": 1}, "the last line is the result"
    assert node.ledger("address") == [{"address": "127.0.0.9"}], "one value over several lines"
    assert node.cli("show", "x", codes=(0, 3))["error"]["code"] == "not-found"
    try:
        node.cli("show", "x")
        raise RuntimeError("a refused command passed")
    except heirloom.CommandFailed as failed:
        assert "not-found" in str(failed)
    process = node._child.process
    node.close()
    assert process.returncode == 0, "it ends by SIGTERM"


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
