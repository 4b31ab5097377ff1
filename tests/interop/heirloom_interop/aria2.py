"""aria2 as a downloader and a seeder, at a loopback address of its own."""

import subprocess

from . import lt
from .process import Child


class Aria2(Child):
    """One aria2 process for one torrent or magnet link."""

    def __init__(self, folder, ip, what, *more):
        folder.mkdir(parents=True, exist_ok=True)
        self.ip, self.port = ip, lt.free_port(ip)
        command = [
            *("aria2c", "--no-conf=true", f"--dir={folder}", f"--interface={ip}", f"--bt-external-ip={ip}"),
            *(f"--listen-port={self.port}", "--disable-ipv6=true", "--bt-enable-lpd=false"),
            *("--enable-peer-exchange=false", "--peer-id-prefix=-A2XX00-", "--peer-agent=interop/1"),
            *("--console-log-level=notice", "--summary-interval=0", "--file-allocation=none"),
            *more,
            str(what),
        ]
        log = folder / "aria2.log"
        super().__init__(command, log, stdout=subprocess.DEVNULL)


def download(folder, ip, infohash, entry):
    """Begins to download by infohash, with a DHT node to begin from."""
    dht = [
        *("--enable-dht=true", f"--dht-listen-port={lt.free_port(ip)}"),
        *(f"--dht-entry-point={entry[0]}:{entry[1]}", f"--dht-file-path={folder / 'dht.dat'}"),
    ]
    return Aria2(folder, ip, f"magnet:?xt=urn:btih:{infohash}", *dht, "--seed-time=0")


def seed(folder, ip, torrent):
    """Checks what lies in `folder` and seeds it until it is closed; whoever wants it must be told where."""
    return Aria2(folder, ip, torrent, "--enable-dht=false", "--check-integrity=true", "--seed-ratio=0.0")
