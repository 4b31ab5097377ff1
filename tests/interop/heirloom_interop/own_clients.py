"""qBittorrent and Transmission as the owner's own clients: what tests do with them beside downloading."""

import json
import subprocess

from . import clients, wait
from .process import Child


class OwnQBittorrent(clients.QBittorrent):
    """With what is needed to slow it down, look into it and start it again."""

    def __init__(self, folder, ip):
        self.folder = folder
        super().__init__(folder, ip)

    @property
    def url(self):
        return f"http://{self.ip}:{self._web}"

    def call(self, method, form=None):
        """The body of an answer."""
        return self._call(method, form)

    def start_again(self):
        """Starts it with the profile that it had."""
        Child.__init__(
            self, ["qbittorrent-nox", f"--profile={self.folder}"], self.folder / "qb.log", stdout=subprocess.DEVNULL
        )
        wait.until(self._answers, clients.START_SECONDS, "qBittorrent to answer again", 0.3)

    def torrent(self, infohash):
        """Its row, or None: right after adding it is not known yet."""
        try:
            rows = json.loads(self.call(f"torrents/info?hashes={infohash}"))
        except clients.urllib.error.HTTPError:
            return None
        return rows[0] if rows else None

    def begin(self, infohash, folder, bytes_per_s):
        """Adds a torrent that downloads no faster than that."""
        form = {"urls": f"magnet:?xt=urn:btih:{infohash}", "savepath": folder, "dlLimit": bytes_per_s}
        self.call("torrents/add", form)
        wait.until(lambda: self.torrent(infohash), 60, "qBittorrent to show the torrent", 0.2)

    def limit(self, infohash, bytes_per_s):
        """0 is no limit."""
        self.call("torrents/setDownloadLimit", {"hashes": infohash, "limit": bytes_per_s})

    def meet(self, infohash, peer):
        """Tells it of a peer, once it takes one."""

        def added():
            try:
                self.call("torrents/addPeers", {"hashes": infohash, "peers": f"{peer[0]}:{peer[1]}"})
                return True
            except clients.urllib.error.HTTPError:
                return False

        wait.until(added, 60, "qBittorrent to take a peer", 0.3)

    def verified(self, infohash):
        """An upper bound of the bytes of pieces that it has checked; 0 while it has no metadata."""
        try:
            sums = json.loads(self.call(f"torrents/properties?hash={infohash}"))
        except clients.urllib.error.HTTPError:
            return 0
        return max(0, sums["pieces_have"]) * max(0, sums["piece_size"])


class OwnTransmission(clients.Transmission):
    """With what is needed to look into it."""

    @property
    def url(self):
        return f"http://{self.ip}:{self._rpc}"

    def torrents(self, *fields):
        """All of its torrents."""
        return self._call("torrent-get", fields=list(fields))["arguments"]["torrents"]

    def limit(self, kib_per_s):
        """All that it downloads; None is no limit."""
        limited = kib_per_s is not None
        self._call("session-set", **{"speed-limit-down-enabled": limited, "speed-limit-down": kib_per_s or 0})
