"""libp2p nodes of other makes as processes: what they say, line by line, and what they are told to do."""

import json
import os
import pathlib
import queue
import subprocess
import sys
import threading

from .process import Child

SCRIPT = pathlib.Path(__file__).parents[1] / "libp2p" / "peer.mjs"


class Peer:
    """A process that dials an address; `wait_for` reads what it says."""

    def __init__(self, folder, command, **options):
        folder.mkdir(parents=True)
        self._child = Child(
            [*map(str, command)], folder / "run.log", stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, args=(self._child.process.stdout,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            self._lines.put(json.loads(line))
        self._lines.put({"event": "ended"})

    def wait_for(self, *events, seconds=60):
        """The next line about one of these events; others are passed over."""
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                said = self._child.tail()
                raise AssertionError(f"no {' or '.join(events)} within {seconds} s; it logged:\n{said}") from None
            if line["event"] in events:
                return line
            assert line["event"] != "ended", f"it ended before {' or '.join(events)}; it logged:\n{self._child.tail()}"

    def tell(self, **order):
        """Has it do something."""
        stdin = self._child.process.stdin
        stdin.write(json.dumps(order).encode() + b"\n")
        stdin.flush()

    def close(self):
        """Ends it."""
        self._child.close()


class JsPeer(Peer):
    """js-libp2p, subscribed to one topic."""

    def __init__(self, folder, address, topic):
        # `run` installs the packages there, and puts the script beside them: Node looks for packages beside a script.
        place = pathlib.Path(os.environ["HEIRLOOM_INTEROP_LIBP2P"])
        node = os.environ.get("HEIRLOOM_INTEROP_NODE", "node")
        super().__init__(
            folder, [node, "--import", place / "polyfill.mjs", place / SCRIPT.name, address, topic], cwd=place
        )


class PyPeer(Peer):
    """py-libp2p, subscribed to some topics."""

    def __init__(self, folder, address, *topics):
        super().__init__(folder, [sys.executable, "-m", f"{__package__}.py_libp2p_peer", address, *topics])

    def publish(self, topic, envelope):
        """Pushes an envelope, or what stands for one."""
        self.tell(do="publish", topic=topic, data=envelope.hex())
        self.wait_for("published")

    def ask(self, protocol, frame):
        """The frame that comes back; nothing when none does."""
        self.tell(do="ask", protocol=protocol, frame=frame.hex())
        answer = self.wait_for("answer", "no_answer")
        return bytes.fromhex(answer["frame"]) if answer["event"] == "answer" else None
