"""Runs the tests: `python -m heirloom_interop [--self] [NAME…]`, each in a process of its own with a time limit."""

import argparse
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from .context import Context

SECONDS_MAX = 420
SELF_MODULES = ("selftests",)
MODULES = (
    "client_tests", "dht_tests", "libp2p_tests", "name_tests", "player_tests", "program_tests", "surfaces_tests",
    "transfer_tests",
)


def tests_in(modules):
    """{name: function} of every test, in the order of the files."""
    found = {}
    for module in modules:
        contents = vars(importlib.import_module(f"{__package__}.{module}"))
        found.update((name, test) for name, test in contents.items() if name.startswith("test_"))
    return found


def run_here(name, folder):
    """Runs one test in this process."""
    with Context(folder) as context:
        tests_in(SELF_MODULES + MODULES)[name](context)


def run_apart(name):
    """Runs one test in a process of its own; whether it passed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="heirloom-interop-") as folder:
        log = pathlib.Path(folder) / "test.log"
        with open(log, "wb") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", __package__, "--one", name, folder], stdout=output, stderr=subprocess.STDOUT
            )
            try:
                code = child.wait(SECONDS_MAX)
            except subprocess.TimeoutExpired:
                # Asked first, so that it can end what it started.
                child.terminate()
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
                code = "time limit"
        seconds = time.monotonic() - began
        passed = code == 0
        print(f"{'ok  ' if passed else 'FAIL'} {name} ({seconds:.1f} s)", flush=True)
        if not passed:
            print(f"     exit: {code}", *log.read_text(errors="replace").splitlines(), sep="\n     ", flush=True)
            for path in sorted(pathlib.Path(folder).glob("*/run.log")):
                tail = path.read_text(errors="replace").splitlines()[-20:]
                print(f"     -- {path.parent.name}'s log", *tail, sep="\n     ", flush=True)
    return passed


def main():
    parser = argparse.ArgumentParser(prog="tests/interop/run")
    parser.add_argument("--self", action="store_true", help="the harness against itself; needs no Heirloom")
    parser.add_argument("--list", action="store_true", help="name the tests and end")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", metavar="NAME", help="parts of names of tests; all when none is given")
    arguments = parser.parse_args()
    if arguments.one:
        import signal

        # A time limit ends this process with SIGTERM: turned into an exception, it still closes what was started.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        run_here(*arguments.one)
        return 0
    names = [
        name
        for name in tests_in(SELF_MODULES if arguments.self else MODULES)
        if not arguments.names or any(part in name for part in arguments.names)
    ]
    if arguments.list:
        print(*names, sep="\n")
        return 0
    binary = os.environ.get("HEIRLOOM_BIN", "")
    if not arguments.self and not os.access(binary, os.X_OK):
        print(f"HEIRLOOM_BIN does not name a program: {binary!r}", file=sys.stderr)
        return 2
    results = [run_apart(name) for name in names]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if names and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
