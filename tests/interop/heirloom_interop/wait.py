"""Waiting for a condition, with a deadline: tests never sleep for a guess."""

import time


class TimedOut(AssertionError):
    """A condition did not come true in time; the message says which."""


def until(condition, seconds, what, every=0.05):
    """Calls `condition` until it gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimedOut(f"not within {seconds} s: {what}")
        time.sleep(every)
