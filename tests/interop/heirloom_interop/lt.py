"""libtorrent sessions on loopback: a DHT of them, and seeders and downloaders."""

import socket
import time

import libtorrent

from . import wait

LOCAL_ONLY = {
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    # One machine holds them all: no rule about distinct networks or ids made from addresses can hold here.
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_prefer_verified_node_ids": False,
    "dht_enforce_node_id": False,
    "dht_ignore_dark_internet": False,
    "allow_multiple_connections_per_ip": True,
    # uTP is ten times slower than TCP on loopback, and not what is tested.
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
}

ALERTS = (
    libtorrent.alert_category.dht
    | libtorrent.alert_category.dht_operation
    | libtorrent.alert_category.error
    | libtorrent.alert_category.status
)


def free_port(ip):
    """A port that is free on `ip` for TCP and UDP."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            tcp.bind((ip, 0))
            port = tcp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind((ip, port))
                except OSError:
                    continue
                return port
    raise RuntimeError(f"no free port on {ip}")


class Session:
    """A libtorrent session that listens at one loopback address, and in the DHT unless told otherwise."""

    def __init__(self, ip, bootstrap=(), dht=True, **settings):
        self.ip, self.port = ip, free_port(ip)
        self._kept = []
        self._session = libtorrent.session(
            {
                **LOCAL_ONLY,
                "listen_interfaces": f"{ip}:{self.port}",
                "outgoing_interfaces": ip,
                "enable_dht": dht,
                "dht_bootstrap_nodes": ",".join(f"{ip}:{port}" for ip, port in bootstrap),
                "alert_mask": ALERTS,
                **settings,
            }
        )
        for node in bootstrap:
            self._session.add_dht_node(node)

    def address(self):
        return (self.ip, self.port)

    def alert(self, kind, fits, seconds, what, again=None):
        """Waits for an alert of that kind that fits; `again` repeats the question every second."""
        asked = 0.0

        def look():
            nonlocal asked
            if again and time.monotonic() - asked > 1:
                asked = time.monotonic()
                again()
            self._kept.extend(self._session.pop_alerts())
            for place, alert in enumerate(self._kept):
                if isinstance(alert, kind) and fits(alert):
                    del self._kept[: place + 1]
                    return (alert,)
            # An alert lives only until the next ones are taken, so none may be kept over that.
            self._kept.clear()
            return None

        return wait.until(look, seconds, what)[0]

    # DHT

    def dht_nodes(self):
        """How many nodes its routing table holds."""
        stats = self.alert(
            libtorrent.session_stats_alert, lambda _: True, 10, "session statistics", self._session.post_session_stats
        )
        return stats.values["dht.dht_nodes"]

    def meet(self, address):
        """Tells it of another node of the DHT."""
        if address != self.address():
            self._session.add_dht_node(address)

    def put(self, seed, value, salt):
        """Signs and stores a mutable item; returns on how many nodes."""
        from . import wire

        key = wire.public_key(seed)
        self._session.dht_put_mutable_item(wire.expanded_secret(seed), key, value, salt)
        done = self.alert(
            libtorrent.dht_put_alert, lambda alert: alert.salt == salt and alert.public_key == key, 60, "put to end"
        )
        return done.num_success

    def get(self, key, salt, seconds=60, at_least_seq=0):
        """A mutable item as (value, seq, signature), however often that must be asked."""

        def ask():
            self._session.dht_get_mutable_item(key, salt)

        def fits(alert):
            return bytes(alert.key) == key and alert.salt == salt and alert.item and alert.seq >= at_least_seq

        alert = self.alert(libtorrent.dht_mutable_item_alert, fits, seconds, f"item with salt {salt!r}", ask)
        item = alert.item
        value = item if isinstance(item, bytes) else item["value"]
        return value, alert.seq, bytes(alert.signature)

    def finds_peer(self, infohash, address, seconds=60):
        """Waits until a `get_peers` names that address."""
        target = libtorrent.sha1_hash(bytes.fromhex(infohash))

        def fits(alert):
            return alert.info_hash == target and address in [tuple(peer) for peer in alert.peers()]

        self.alert(
            libtorrent.dht_get_peers_reply_alert,
            fits,
            seconds,
            f"get_peers to name {address}",
            lambda: self._session.dht_get_peers(target),
        )

    def announce(self, infohash, port):
        """Tells the DHT of a peer at this session's address and that port (which need not be its own)."""
        self._session.dht_announce(libtorrent.sha1_hash(bytes.fromhex(infohash)), port, 0)

    # Torrents

    def seed(self, info, folder):
        """Seeds what lies in `folder`."""
        parameters = libtorrent.add_torrent_params()
        parameters.ti, parameters.save_path = info, str(folder)
        parameters.flags |= libtorrent.torrent_flags.seed_mode
        handle = self._session.add_torrent(parameters)
        wait.until(lambda: handle.status().is_seeding, 30, "libtorrent to seed")
        handle.force_dht_announce()
        return handle

    def download(self, infohash, folder, peers=(), bytes_per_s=-1):
        """Begins to download by infohash, from the DHT and from `peers`.

        A peer is gone as soon as it is done: who wants to look at it limits the speed.
        """
        parameters = libtorrent.parse_magnet_uri(f"magnet:?xt=urn:btih:{infohash}")
        parameters.save_path = str(folder)
        handle = self._session.add_torrent(parameters)
        handle.set_download_limit(bytes_per_s)
        for peer in peers:
            handle.connect_peer(peer)
        return handle

    def clients_seen_until_done(self, handle, seconds):
        """Waits for a download; returns {ip: {client names}} of every peer that was connected meanwhile.

        By IP: a peer that dialled us has another port than it listens at. More than one name: until a peer has said
        its own, libtorrent shows one that it guesses from the peer id.
        """
        clients = {}

        def look():
            for peer in handle.get_peer_info():
                name = peer.client.decode(errors="replace") if isinstance(peer.client, bytes) else peer.client
                if name:
                    clients.setdefault(peer.ip[0], set()).add(name)
            return handle.status().is_seeding

        wait.until(look, seconds, "libtorrent's download to end", 0.02)
        return clients

    def close(self):
        """Ends the session without waiting for trackers; once more does nothing."""
        if self._session:
            self._session.pause()
        self._session = None


class Network:
    """A DHT of libtorrent sessions, each at its own loopback address."""

    def __init__(self, third_octet, size=8):
        self.nodes = []
        for number in range(1, size + 1):
            bootstrap = [node.address() for node in self.nodes[:3]]
            self.nodes.append(Session(f"127.0.{third_octet}.{number}", bootstrap))
        wanted = size // 2

        def knows_enough(node):
            if node.dht_nodes() >= wanted:
                return True
            # A first question that was lost is not asked again for minutes.
            for other in self.nodes:
                node.meet(other.address())
            return False

        for node in self.nodes:
            wait.until(lambda: knows_enough(node), 60, f"{wanted} nodes in {node.address()}'s table", 0.3)

    def bootstrap(self):
        """Whom a newcomer asks first."""
        return [node.address() for node in self.nodes[:3]]

    def close(self):
        for node in self.nodes:
            node.close()


def make_torrent(path, piece_bytes=65536):
    """A v1 torrent of one file, as (torrent info, infohash, bencoded torrent)."""
    files = libtorrent.file_storage()
    libtorrent.add_files(files, str(path))
    torrent = libtorrent.create_torrent(files, piece_bytes, libtorrent.create_torrent.v1_only)
    libtorrent.set_piece_hashes(torrent, str(path.parent))
    encoded = libtorrent.bencode(torrent.generate())
    info = libtorrent.torrent_info(libtorrent.bdecode(encoded))
    return info, str(info.info_hash()), encoded
