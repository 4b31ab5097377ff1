"""The asker's half of negentropy, protocol version 1 (github.com/hoytech/negentropy), from its description.

A message is the byte 0x61 and ranges. A range ends at a bound (a timestamp, as distance from the last one plus one or 0
for infinity, and the first bytes of an id) and says of its items nothing (mode 0), their fingerprint (1) or their ids (2).
Numbers are in base 128, highest digit first."""

import hashlib

VERSION = b"\x61"
SKIP, FINGERPRINT, IDS = 0, 1, 2
INFINITY = (float("inf"), b"")
BUCKETS = 16


def number(value):
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def fingerprint(items):
    total = sum(int.from_bytes(name, "little") for _, name in items) % (1 << 256)
    return hashlib.sha256(total.to_bytes(32, "little") + number(len(items))).digest()[:16]


class Reader:
    def __init__(self, data):
        self.data, self.at, self.timestamp = data, 0, 0

    def take(self, length):
        taken = self.data[self.at : self.at + length]
        assert len(taken) == length, "cut short"
        self.at += length
        return taken

    def number(self):
        value = 0
        while True:
            byte = self.take(1)[0]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value

    def bound(self):
        distance = self.number()
        self.timestamp = INFINITY[0] if distance == 0 else self.timestamp + distance - 1
        return self.timestamp, self.take(self.number())


class Writer:
    def __init__(self):
        self.out, self.timestamp, self.skipped = bytearray(VERSION), 0, None

    def bound(self, bound):
        timestamp, prefix = bound
        distance = 0 if timestamp == INFINITY[0] else timestamp - self.timestamp + 1
        self.timestamp = timestamp
        return number(distance) + number(len(prefix)) + prefix

    def range(self, upper, mode, payload=b""):
        # Neighbours about which nothing is said are one range, and the last is left out.
        if mode == SKIP:
            self.skipped = upper
            return
        if self.skipped is not None:
            self.out += self.bound(self.skipped) + number(SKIP)
            self.skipped = None
        self.out += self.bound(upper) + number(mode) + payload


class Asker:
    """Finds what only the other side has (`need`) and what only this one has (`have`)."""

    def __init__(self, items):
        self.items, self.need, self.have = sorted(items), set(), set()

    def _say(self, writer, items, upper):
        """Tells of all items below a bound: by their ids when they are few, else by fingerprints of equal parts."""
        if len(items) < 2 * BUCKETS:
            writer.range(upper, IDS, number(len(items)) + b"".join(name for _, name in items))
            return
        parts = [items[len(items) * part // BUCKETS : len(items) * (part + 1) // BUCKETS] for part in range(BUCKETS)]
        for part, following in zip(parts, [*parts[1:], None]):
            writer.range(self._between(part[-1], following[0]) if following else upper, FINGERPRINT, fingerprint(part))

    @staticmethod
    def _between(last, following):
        """The shortest bound that parts two items."""
        if last[0] != following[0]:
            return following[0], b""
        same = next(at for at in range(32) if last[1][at] != following[1][at])
        return following[0], following[1][: same + 1]

    def first(self):
        writer = Writer()
        self._say(writer, self.items, INFINITY)
        return bytes(writer.out)

    def next(self, message):
        """The answer to a message; nothing when all is found."""
        reader, writer, lower = Reader(message), Writer(), (0, b"")
        assert reader.take(1) == VERSION, message[:1]
        while reader.at < len(message):
            upper, mode = reader.bound(), reader.number()
            mine = [item for item in self.items if lower <= item < upper]
            if mode == SKIP:
                writer.range(upper, SKIP)
            elif mode == FINGERPRINT:
                if reader.take(16) == fingerprint(mine):
                    writer.range(upper, SKIP)
                else:
                    self._say(writer, mine, upper)
            elif mode == IDS:
                theirs = {reader.take(32) for _ in range(reader.number())}
                self.need |= theirs - {name for _, name in mine}
                self.have |= {name for _, name in mine} - theirs
                writer.range(upper, SKIP)
            else:
                raise AssertionError(f"mode {mode}")
            lower = upper
        return bytes(writer.out) if len(writer.out) > 1 else None
