"""Something to transfer: bytes of our own making, so nothing has to be fetched or licensed."""

import hashlib
import random


def clip(path, size, seed):
    """Writes `size` bytes that follow from `seed` alone; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def digest(path):
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_same(left, right):
    """Fails unless both files hold the same bytes."""
    assert left.stat().st_size == right.stat().st_size, f"{left} and {right} differ in size"
    assert digest(left) == digest(right), f"{left} and {right} differ"
