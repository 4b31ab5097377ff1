"""What a test is given: a folder, the program under test, and addresses; and the order in which all is put away."""

import contextlib
import os
import pathlib

from . import heirloom, lt


class Context:
    """Everything that one test starts, closed in reverse order when it ends."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return self._stack.__exit__(*error)

    def closing(self, thing):
        """Has `thing` closed at the end."""
        self._stack.callback(thing.close)
        return thing

    def network(self, third_octet):
        """A DHT of eight libtorrent sessions at 127.0.`third_octet`.1 to .8."""
        return self.closing(lt.Network(third_octet))

    def session(self, ip, bootstrap=(), **settings):
        """A libtorrent session."""
        return self.closing(lt.Session(ip, bootstrap, **settings))

    def node(self, name, ip):
        """A Heirloom home, not yet running."""
        return self.closing(heirloom.Node(os.environ["HEIRLOOM_BIN"], self.folder, name, ip))
