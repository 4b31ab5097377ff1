"""Names of releases: what Heirloom reads out of them, beside what the cases of guessit expect."""

import os
import pathlib
import subprocess
import sys

COMPARE = pathlib.Path(__file__).resolve().parent.parent / "release_names.py"
# Of the names whose case says something; the least of the five that a listing cannot do without.
SHARE_LEAST = 0.9


def test_names_of_releases_are_read_as_guessit_expects(t):
    reader = pathlib.Path(os.environ["HEIRLOOM_BIN"]).parent / "examples" / "release_names"
    assert os.access(reader, os.X_OK), f"{reader} is missing: cargo build -p heirloom-core --example release_names"
    compare = [sys.executable, COMPARE, reader, "--at-least", str(SHARE_LEAST)]
    done = subprocess.run(compare, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=360)
    print(done.stdout)
    assert done.returncode == 0, "we read something else too often"
