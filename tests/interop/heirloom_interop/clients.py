"""qBittorrent and Transmission without a screen, each in a profile and at an address of its own."""

import base64
import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from . import lt, wait
from .process import Child

START_SECONDS = 60


class QBittorrent(Child):
    """qbittorrent-nox with its Web API, without a password from loopback."""

    def __init__(self, folder, ip):
        self.ip, self.port, self._web = ip, lt.free_port(ip), lt.free_port(ip)
        self._peer = None
        config = folder / "qBittorrent" / "config"
        config.mkdir(parents=True)
        (config / "qBittorrent.conf").write_text(
            "[LegalNotice]\nAccepted=true\n"
            "[Preferences]\n"
            f"WebUI\\Address={ip}\nWebUI\\Port={self._web}\nWebUI\\LocalHostAuth=false\n"
            "WebUI\\AuthSubnetWhitelistEnabled=true\nWebUI\\AuthSubnetWhitelist=127.0.0.0/8\n"
            "[BitTorrent]\n"
            f"Session\\Port={self.port}\nSession\\Interface=lo\nSession\\InterfaceName=lo\n"
            f"Session\\InterfaceAddress={ip}\nSession\\BTProtocol=TCP\n"
            "Session\\DHTEnabled=false\nSession\\LSDEnabled=false\nSession\\PeXEnabled=false\n"
            "Session\\MultiConnectionsPerIp=true\n"
            "[Network]\nPortForwardingEnabled=false\n"
        )
        super().__init__(["qbittorrent-nox", f"--profile={folder}"], folder / "qb.log", stdout=subprocess.DEVNULL)
        wait.until(self._answers, START_SECONDS, "qBittorrent to answer", 0.3)

    def _answers(self):
        assert self.is_running(), f"qBittorrent ended:\n{self.tail()}"
        try:
            return self._call("app/version")
        except (urllib.error.URLError, ConnectionError):
            return None

    def _call(self, method, form=None):
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        url = f"http://{self.ip}:{self._web}/api/v2/{method}"
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=10) as answer:
            return answer.read().decode()

    def download(self, infohash, folder, peer):
        """Begins to download from one peer."""
        self._call("torrents/add", {"urls": f"magnet:?xt=urn:btih:{infohash}", "savepath": folder})
        self._peer = peer

    def _knows_peer(self, infohash):
        """Names the peer again. A torrent that was just added is not known yet, and one that has just learned what it
        holds is unknown for a moment and forgets a peer it has not dialled yet; nobody else here would name it again."""
        self._call("torrents/addPeers", {"hashes": infohash, "peers": f"{self._peer[0]}:{self._peer[1]}"})

    def clients_seen_until_done(self, infohash, seconds):
        """Waits for a download; returns {"ip:port": client name} of every peer that was connected meanwhile."""
        clients = {}

        def look():
            try:
                peers = json.loads(self._call(f"sync/torrentPeers?hash={infohash}&rid=0")).get("peers", {})
                clients.update({address: peer["client"] for address, peer in peers.items() if peer.get("client")})
                torrents = json.loads(self._call(f"torrents/info?hashes={infohash}"))
                if torrents and torrents[0]["progress"] == 1:
                    return True
                if not peers:
                    self._knows_peer(infohash)
            except urllib.error.HTTPError as refused:
                if refused.code not in (400, 404, 409):
                    raise
            return False

        wait.until(look, seconds, "qBittorrent's download to end", 0.1)
        return clients


class Transmission(Child):
    """transmission-daemon with its RPC."""

    def __init__(self, folder, ip):
        folder.mkdir(parents=True)
        self.ip, self.port, self._rpc, self._session_id = ip, lt.free_port(ip), lt.free_port(ip), ""
        settings = {
            "rpc-bind-address": ip,
            "rpc-port": self._rpc,
            "rpc-whitelist": "127.*.*.*",
            "bind-address-ipv4": ip,
            "peer-port": self.port,
            "dht-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "utp-enabled": False,
            "port-forwarding-enabled": False,
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        super().__init__(
            ["transmission-daemon", "--foreground", "--config-dir", str(folder)],
            folder / "transmission.log",
            stdout=subprocess.DEVNULL,
        )
        wait.until(self._answers, START_SECONDS, "Transmission to answer", 0.3)

    def _answers(self):
        assert self.is_running(), f"Transmission ended:\n{self.tail()}"
        try:
            return self._call("session-get")
        except (urllib.error.URLError, ConnectionError):
            return None

    def _call(self, method, **arguments):
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        for _ in range(2):
            request = urllib.request.Request(
                f"http://{self.ip}:{self._rpc}/transmission/rpc", body, {"X-Transmission-Session-Id": self._session_id}
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    reply = json.load(answer)
                    assert reply["result"] == "success", reply
                    return reply
            except urllib.error.HTTPError as refused:
                if refused.code != 409:
                    raise
                self._session_id = refused.headers["X-Transmission-Session-Id"]
        raise AssertionError("Transmission refuses its own session id")

    def seed(self, torrent, folder):
        """Checks what lies in `folder`, and seeds it to whoever connects: it dials no loopback address itself."""
        metainfo = base64.b64encode(torrent.read_bytes()).decode()
        self._call("torrent-add", metainfo=metainfo, **{"download-dir": str(folder)})

        def is_seeding():
            torrents = self._call("torrent-get", fields=["percentDone", "status"])["arguments"]["torrents"]
            # 6: seeding, after the check of what is there.
            return [(each["percentDone"], each["status"]) for each in torrents] == [(1, 6)]

        wait.until(is_seeding, START_SECONDS, "Transmission to seed", 0.3)
