"""A Heirloom node as its users see it: a process, a home, and commands that answer in JSON."""

import json
import os
import subprocess
import threading

from . import wait
from .process import Child

READY_SECONDS = 60
COMMAND_SECONDS = 120


class CommandFailed(AssertionError):
    """A command ended with a code that was not expected."""


class Node:
    """One home at one loopback address; `start` runs it, `cli` commands it."""

    def __init__(self, binary, folder, name, ip):
        self.binary, self.name, self.ip = binary, name, ip
        self.home = folder / name
        self.home.mkdir(parents=True)
        self.ready, self._child = None, None

    def _command(self, *arguments):
        return [self.binary, "--home", str(self.home), "--json", *map(str, arguments)]

    def _environment(self):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEIRLOOM_")}
        return {**kept, "HEIRLOOM_HOME": str(self.home)}

    def start(self, bootstrap=(), *more):
        """Runs the node, joined to a DHT, and returns when it says that it is ready."""
        nodes = [part for ip, port in bootstrap for part in ("--dht-bootstrap", f"{ip}:{port}")]
        any_port = f"{self.ip}:0"
        command = self._command(
            "run",
            *("--http", "127.0.0.1:0"),
            *("--p2p", f"/ip4/{self.ip}/tcp/0"),
            *("--bt", any_port, "--bt-named", any_port, "--dht", any_port),
            *nodes,
            *("--no-mdns", "--no-starter"),
            *("--dir", self.home / "downloads"),
            *more,
        )
        log = self.home / "run.log"
        self._child = Child(command, log, stdout=subprocess.PIPE, env=self._environment())
        threading.Thread(target=self._read_events, args=(self._child.process.stdout,), daemon=True).start()
        wait.until(
            lambda: self.ready or not self._child.is_running(), READY_SECONDS, f"{self.name} to be ready; see {log}"
        )
        assert self.ready, f"{self.name} ended before it was ready:\n{self._child.tail()}"
        return self

    def _read_events(self, stream):
        for line in stream:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and event.get("event") == "ready":
                self.ready = event

    def port(self, which):
        """The port that it got for `bt`, `bt_named` or `dht`."""
        return int(self.ready[which].rsplit(":", 1)[1])

    def cli_lines(self, *arguments, seconds=COMMAND_SECONDS, codes=(0,)):
        """Runs a command; every JSON value that it printed."""
        done = subprocess.run(
            self._command(*arguments),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        if done.returncode not in codes:
            said = " ".join(map(str, arguments))
            raise CommandFailed(f"`{said}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        text = done.stdout.strip()
        try:
            return [json.loads(text)]
        except ValueError:
            return [json.loads(line) for line in text.splitlines() if line.strip()]

    def cli(self, *arguments, **options):
        """Runs a command; the last JSON value that it printed, which is its result."""
        values = self.cli_lines(*arguments, **options)
        assert values, f"`{' '.join(map(str, arguments))}` printed no JSON"
        return values[-1]

    def key(self):
        """Its public name, `did:key:z6Mk…`."""
        return self.cli("id")["key"]

    def seed(self):
        """The secret seed of its identity."""
        return bytes.fromhex((self.home / "identity.key").read_text().split()[0])

    def publish(self, path, work, title, year):
        """Publishes a film of one file, and seeds it under its name."""
        return self.cli(
            *("publish", path, "--work", work, "--title", title, "--year", year),
            *("--kind", "film", "--licence", "CC-BY-3.0"),
        )

    def get(self, infohash, folder, seconds=COMMAND_SECONDS):
        """Downloads by infohash, and waits for the end."""
        return self.cli("get", infohash, "--to", folder, "--wait", seconds=seconds)

    def ledger(self, by):
        """Its private record of what it received."""
        return self.cli("ledger", "--by", by)

    def close(self):
        """Stops the node, if it runs."""
        if self._child:
            self._child.close()
            self._child = self.ready = None
