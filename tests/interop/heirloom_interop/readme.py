"""What proto/README.md says, in Python: envelopes, heads, frames of sync and their filter. Written from that page and
`heirloom.proto`, not from Heirloom's code."""

import hashlib
import os
import time

import nacl.bindings
import nacl.exceptions
import nacl.signing

from . import wire

KINDS = {"profile": 1, "attestation": 2, "verdict": 6, "head": 7}
FRAME_BYTES_MAX = 32 * 1024
NAMES_MAX = 128


def uint(number, value):
    """A varint field; left out when it is 0."""
    return varint_of(number << 3) + varint_of(value) if value else b""


def lump(number, value):
    """A field of bytes, text or a message; left out when it is empty."""
    return varint_of(number << 3 | 2) + varint_of(len(value)) + value if value else b""


def varint_of(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def one(fields, number, default=b""):
    """The value of a field that comes once at most."""
    values = [value for found, value in fields if found == number]
    assert len(values) <= 1, f"field {number} comes {len(values)} times"
    return values[0] if values else default


class Statement:
    """An envelope, decoded; `check` says whether its signature holds."""

    def __init__(self, envelope):
        fields = wire.protobuf_fields(envelope)
        self.envelope = envelope
        self.author, self.kind = one(fields, 1), one(fields, 2, 0)
        self.body, self.signature = one(fields, 3), one(fields, 4)
        # Canonical: encoding what was decoded gives the same bytes.
        assert envelope == envelope_of(self.author, self.kind, self.body, self.signature), "not canonical"
        self.fields = wire.protobuf_fields(self.body)
        header = wire.protobuf_fields(one(self.fields, 1))
        self.generation, self.seq = one(header, 1, 0), one(header, 2, 0)
        self.created_ms, self.expires_ms = one(header, 3, 0), one(header, 4, 0)

    @property
    def order(self):
        return self.generation, self.seq

    @property
    def id(self):
        return hashlib.sha256(self.author + preimage(self.kind, self.body)).digest()

    def is_signed(self, kind=None):
        """Whether the signature holds, for this kind or another."""
        try:
            nacl.signing.VerifyKey(self.author).verify(preimage(kind or self.kind, self.body), self.signature)
        except nacl.exceptions.BadSignatureError:
            return False
        return True


def envelope_of(author, kind, body, signature):
    return lump(1, author) + uint(2, kind) + lump(3, body) + lump(4, signature)


def preimage(kind, body):
    return b"\0heirloom/1" + kind.to_bytes(4, "big") + len(body).to_bytes(4, "big") + body


def now_ms():
    return int(time.time() * 1000)


def sign(key, kind, fields, seq=None, days=7):
    """An envelope by a `nacl.signing.SigningKey`: a header, then the encoded fields of the body."""
    created = now_ms()
    header = uint(2, seq or created) + uint(3, created) + uint(4, created + days * 86_400_000)
    body = lump(1, header) + fields
    return envelope_of(bytes(key.verify_key), kind, body, key.sign(preimage(kind, body)).signature)


def verdict(key, infohash, opinion, note=""):
    """Opinions: 1 good, 2 fake, …"""
    return sign(key, KINDS["verdict"], lump(2, infohash) + uint(3, opinion) + lump(4, note.encode()))


def attestation(key, subject, level, reason=""):
    """In all scopes; `level` is a zigzag varint."""
    fields = lump(2, subject) + uint(4, level * 2 if level >= 0 else -level * 2 - 1) + lump(5, reason.encode())
    return sign(key, KINDS["attestation"], fields)


def head(key, ids):
    """Of a log with these store ids."""
    return sign(key, KINDS["head"], uint(2, len(ids)) + lump(3, root(ids)))


def root(ids):
    return hashlib.sha256(b"".join(sorted(ids))).digest()


def counts(head_statement):
    """(live count, live root) of a head."""
    return one(head_statement.fields, 2, 0), one(head_statement.fields, 3)


def statement_file(envelopes):
    """Statements to hand on without a network."""
    lengths = b"".join(len(envelope).to_bytes(4, "big") + envelope for envelope in envelopes)
    return b"heirloom/1 statements\n" + lengths + bytes(4) + len(envelopes).to_bytes(8, "big")


class Session:
    """The frames of one session of sync, as the asker writes and reads them."""

    def __init__(self, keys, salt=None, filter_bytes=64):
        self.salt = salt or os.urandom(16)
        bits = bytearray(filter_bytes)
        for key in keys:
            digest = hashlib.sha256(b"heirloom/sync/1 filter" + self.salt + key).digest()
            for at in (0, 4, 8, 12, 16):
                bit = int.from_bytes(digest[at : at + 4], "big") % (len(bits) * 8)
                bits[bit // 8] |= 1 << bit % 8
        self.filter = bytes(bits)

    def item(self, statement):
        """(timestamp, id) under which a statement is reconciled."""
        return statement.created_ms, hashlib.sha256(b"heirloom/sync/1 id" + self.salt + statement.id).digest()

    def open(self, message):
        return lump(1, lump(1, self.salt) + lump(2, self.filter) + lump(3, message))

    def round(self, message):
        return lump(2, lump(1, self.salt) + lump(2, message))

    def names(self, ids):
        assert 1 <= len(ids) <= NAMES_MAX
        return lump(3, lump(1, self.salt) + b"".join(lump(2, name) for name in ids))

    def fetch(self, author, order):
        return lump(4, lump(1, author) + uint(2, order[0]) + uint(3, order[1]))

    def message_in(self, response):
        """The reconciliation's message of an answer to `open` or `round`."""
        answer = wire.protobuf_fields(one(wire.protobuf_fields(response), 1, None))
        assert one(answer, 1) == self.salt, "of another session"
        return one(answer, 2)


def statements_in(response):
    """(statements, is_end, is_whole) of an answer to `names` or `fetch`."""
    page = wire.protobuf_fields(one(wire.protobuf_fields(response), 2, None))
    found = [Statement(value) for number, value in page if number == 1]
    assert all(statement.is_signed() for statement in found), "a signature does not hold"
    return found, bool(one(page, 2, 0)), bool(one(page, 3, 0))


def refusal_in(response):
    """The reason of a refusal, or nothing."""
    refused = one(wire.protobuf_fields(response), 3, None)
    return None if refused is None else one(wire.protobuf_fields(refused), 1, 0)


class Introduction:
    """One exchange of `/heirloom/identity/1`, as the asker makes it: `me` is shown to the holders of some keys."""

    BOX_BYTES = 32 + 8 + 64 + 16

    def __init__(self, me, to, asker, answerer):
        self.me, self.ends = me, hashlib.sha256(asker).digest() + hashlib.sha256(answerer).digest()
        self.ephemeral = nacl.signing.SigningKey.generate()
        self.boxes = [self._box(key) for key in to]
        while len(self.boxes) not in (16, 32, 64, 128):
            self.boxes.append(os.urandom(self.BOX_BYTES))

    def _signed(self, role, to, at):
        asked = bytes(self.ephemeral.verify_key)
        return b"\0heirloom/1/identity" + bytes([role]) + asked + self.ends + to + at

    @staticmethod
    def _cipher_key(mine, other, ephemeral, to):
        shared = nacl.bindings.crypto_scalarmult(
            bytes(mine.to_curve25519_private_key()),
            nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(other),
        )
        return hashlib.sha256(b"heirloom/1/identity box" + shared + ephemeral + to).digest()

    def _box(self, to):
        at = now_ms().to_bytes(8, "big")
        plain = bytes(self.me.verify_key) + at + self.me.sign(self._signed(1, to, at)).signature
        key = self._cipher_key(self.ephemeral, to, bytes(self.ephemeral.verify_key), to)
        return nacl.bindings.crypto_aead_chacha20poly1305_ietf_encrypt(plain, b"", bytes(12), key)

    def frame(self):
        return lump(1, bytes(self.ephemeral.verify_key)) + b"".join(lump(2, box) for box in sorted(self.boxes))

    def open(self, answer):
        """The key that the answer proves, if it proves one to me."""
        fields = wire.protobuf_fields(answer)
        ephemeral, sealed, to = one(fields, 1), one(fields, 2), bytes(self.me.verify_key)
        assert len(ephemeral) == 32 and len(sealed) == self.BOX_BYTES, (len(ephemeral), len(sealed))
        try:
            plain = nacl.bindings.crypto_aead_chacha20poly1305_ietf_decrypt(
                sealed, b"", bytes(12), self._cipher_key(self.me, ephemeral, ephemeral, to)
            )
        except nacl.exceptions.CryptoError:
            return None
        key, at, signature = plain[:32], plain[32:40], plain[40:]
        nacl.signing.VerifyKey(key).verify(self._signed(2, to, at), signature)
        return key
