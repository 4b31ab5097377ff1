"""A js-libp2p node as a process: what it says, line by line."""

import json
import os
import pathlib
import queue
import subprocess
import threading

from .process import Child

SCRIPT = pathlib.Path(__file__).parents[1] / "libp2p" / "peer.mjs"


class Peer:
    """It dials an address and subscribes to a topic; `wait_for` reads what it says."""

    def __init__(self, folder, address, topic):
        # `run` installs the packages there, and puts the script beside them: Node looks for packages beside a script.
        place = pathlib.Path(os.environ["HEIRLOOM_INTEROP_LIBP2P"])
        command = [os.environ.get("HEIRLOOM_INTEROP_NODE", "node"), "--import", place / "polyfill.mjs"]
        command += [place / SCRIPT.name, address, topic]
        folder.mkdir(parents=True)
        self._child = Child([*map(str, command)], folder / "run.log", stdout=subprocess.PIPE, cwd=place)
        self._lines = queue.Queue()
        threading.Thread(target=self._read, args=(self._child.process.stdout,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            self._lines.put(json.loads(line))

    def wait_for(self, event, seconds=60):
        """The next line about this event; others are passed over."""
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                raise AssertionError(f"no {event} within {seconds} s; it logged:\n{self._child.tail()}") from None
            if line["event"] == event:
                return line

    def close(self):
        """Ends it."""
        self._child.close()
