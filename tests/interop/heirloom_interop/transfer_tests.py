"""Bytes between Heirloom and other clients, and who they are booked to."""

from . import aria2, clients, content, lt, wait

WORK = "imdb:tt1254207"
KIB = 1024
MIB = 1024 * KIB


def curator_with_clip(t, network, size, seed):
    """A running curator that has published a clip: (node, clip, what `publish` answered)."""
    clip = content.clip(t.folder / "source" / "clip.mp4", size, seed)
    curator = t.node("curator", "127.0.2.1").start(network.bootstrap())
    return curator, clip, curator.publish(clip, WORK, "Big Buck Bunny", 2008)


def booked_by_address(node):
    """What the ledger books to each address: {ip: entry}."""
    return {entry["address"]: entry for entry in node.ledger("address") if entry["verified_bytes"]}


def assert_all_booked_to(node, ip, size):
    """Fails unless every byte is booked to that address, and to no key."""
    booked = booked_by_address(node)
    assert list(booked) == [ip], booked
    assert booked[ip]["verified_bytes"] == size, booked
    assert booked[ip]["key"] is None, booked
    assert booked[ip]["source"] == "measured", booked


def get_whole(node, infohash, size, clip):
    """Downloads, and compares what came."""
    result = node.get(infohash, node.home / "got")
    assert result["bytes"] == size and result["verified_bytes"] == size, result
    content.assert_same(clip, only_file_in(node.home / "got"))
    return result


def only_file_in(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert len(files) == 1, files
    return files[0]


def clip_with_torrent(t, seed):
    """A clip that is no whole number of pieces long, and its .torrent file: (clip, infohash, torrent)."""
    clip = content.clip(t.folder / "source" / "clip.mp4", 2 * MIB + 4711, seed)
    _, infohash, encoded = lt.make_torrent(clip)
    torrent = t.folder / "clip.torrent"
    torrent.write_bytes(encoded)
    return clip, infohash, torrent


def announce_for(t, network, seeder, infohash):
    """Announces a seeder that is slow at it or not in the DHT: a session at its address says it for it."""
    announcer = t.session(seeder.ip, network.bootstrap())
    wait.until(lambda: announcer.dht_nodes() >= 3, 60, "the announcer to join", 0.3)
    announcer.announce(infohash, seeder.port)
    network.nodes[3].finds_peer(infohash, (seeder.ip, seeder.port))


def test_libtorrent_downloads_from_a_curator_and_sees_its_name(t):
    network = t.network(1)
    curator, clip, published = curator_with_clip(t, network, 2 * MIB, 21)
    downloader = t.session("127.0.2.2", network.bootstrap())
    handle = downloader.download(published["infohash"], t.folder / "copy", bytes_per_s=MIB)
    clients = downloader.clients_seen_until_done(handle, 120)
    content.assert_same(clip, only_file_in(t.folder / "copy"))
    name = curator.cli("id")["peer_name_on_wire"]
    assert name.startswith("heirloom/"), name
    assert name.endswith(curator.key().removeprefix("did:key:")), name
    assert set(clients) == {curator.ip} and name in clients[curator.ip], clients


def test_a_download_from_libtorrent_is_booked_to_its_address(t):
    network = t.network(1)
    clip = content.clip(t.folder / "source" / "clip.mp4", 2 * MIB + 4711, 22)
    info, infohash, _ = lt.make_torrent(clip)
    seeder = t.session("127.0.2.1", network.bootstrap())
    seeder.seed(info, clip.parent)
    network.nodes[3].finds_peer(infohash, seeder.address())
    reader = t.node("reader", "127.0.2.2").start(network.bootstrap())
    get_whole(reader, infohash, clip.stat().st_size, clip)
    assert_all_booked_to(reader, seeder.ip, clip.stat().st_size)


def test_aria2_downloads_from_a_curator(t):
    network = t.network(1)
    _, clip, published = curator_with_clip(t, network, 2 * MIB, 23)
    child = t.closing(aria2.download(t.folder / "copy", "127.0.2.3", published["infohash"], network.bootstrap()[0]))
    wait.until(lambda: not child.is_running(), 150, "aria2's download to end")
    content.assert_same(clip, t.folder / "copy" / "clip.mp4")


def test_a_download_from_aria2_is_booked_to_its_address(t):
    network = t.network(1)
    clip, infohash, torrent = clip_with_torrent(t, 24)
    seeder = t.closing(aria2.seed(clip.parent, "127.0.2.3", torrent))
    announce_for(t, network, seeder, infohash)
    reader = t.node("reader", "127.0.2.2").start(network.bootstrap())
    get_whole(reader, infohash, clip.stat().st_size, clip)
    assert_all_booked_to(reader, seeder.ip, clip.stat().st_size)


def test_qbittorrent_downloads_from_a_curator_and_sees_its_name(t):
    network = t.network(1)
    # Long enough that it is seen connected: qBittorrent drops a seeder when it is done.
    curator, clip, published = curator_with_clip(t, network, 16 * MIB, 26)
    client = t.closing(clients.QBittorrent(t.folder / "qb", "127.0.2.4"))
    client.download(published["infohash"], t.folder / "copy", (curator.ip, curator.port("bt_named")))
    seen = client.clients_seen_until_done(published["infohash"], 180)
    content.assert_same(clip, t.folder / "copy" / "clip.mp4")
    name = curator.cli("id")["peer_name_on_wire"]
    # Seen or not is a matter of milliseconds; another name would be wrong.
    assert set(seen.values()) <= {name}, seen


def test_a_download_from_transmission_is_booked_to_its_address(t):
    network = t.network(1)
    clip, infohash, torrent = clip_with_torrent(t, 27)
    seeder = t.closing(clients.Transmission(t.folder / "tr", "127.0.2.4"))
    seeder.seed(torrent, clip.parent)
    announce_for(t, network, seeder, infohash)
    reader = t.node("reader", "127.0.2.2").start(network.bootstrap())
    get_whole(reader, infohash, clip.stat().st_size, clip)
    assert_all_booked_to(reader, seeder.ip, clip.stat().st_size)


def test_two_seeders_share_the_bookings(t):
    network = t.network(1)
    size = 48 * MIB + 4711
    curator, clip, published = curator_with_clip(t, network, size, 25)
    infohash = published["infohash"]

    # libtorrent becomes the second seeder by downloading from the first; what it sends later is what counts.
    second = t.session("127.0.2.2", network.bootstrap())
    handle = second.download(infohash, t.folder / "second")
    wait.until(lambda: handle.status().is_seeding, 180, "the second seeder to have it all")
    handle.force_dht_announce()
    for address in (second.address(), (curator.ip, curator.port("bt_named"))):
        network.nodes[3].finds_peer(infohash, address)
    sent_before = handle.status().total_payload_upload

    reader = t.node("reader", "127.0.2.3").start(network.bootstrap())
    get_whole(reader, infohash, size, clip)
    sent = handle.status().total_payload_upload - sent_before

    booked = booked_by_address(reader)
    assert set(booked) <= {curator.ip, second.ip}, booked
    by_ip = {ip: entry["verified_bytes"] for ip, entry in booked.items()}
    ours, theirs = by_ip.get(curator.ip, 0), by_ip.get(second.ip, 0)
    assert ours + theirs == size, by_ip
    assert theirs <= sent, f"booked {theirs} to libtorrent, which sent {sent}"
    assert ours >= size - sent, f"booked {ours} to the curator; libtorrent sent only {sent} of {size}"
    assert ours > 0 and theirs > 0, f"one seeder gave nothing, so nothing was shown: {by_ip}"
    keys = {entry["key"]: entry["verified_bytes"] for entry in reader.ledger("key") if entry["verified_bytes"]}
    assert keys.get(curator.key()) == ours, keys
    assert keys.get(None) == theirs, keys
