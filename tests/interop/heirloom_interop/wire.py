"""The few wire formats that the checks need, written from their specifications and not from Heirloom's code."""

import hashlib

import nacl.exceptions
import nacl.signing

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def key_of_did(did):
    """The 32 bytes of a `did:key:z6Mk…` (multibase base58btc, multicodec ed25519-pub)."""
    text = did.removeprefix("did:key:")
    assert text.startswith("z6Mk"), f"not an Ed25519 did:key: {did}"
    number = 0
    for letter in text[1:]:
        number = number * 58 + BASE58.index(letter)
    raw = number.to_bytes(34, "big")
    assert raw[:2] == b"\xed\x01", f"not an Ed25519 multicodec: {did}"
    return raw[2:]


def did_of_key(raw):
    """`did:key:z6Mk…` of 32 bytes."""
    number, text = int.from_bytes(b"\xed\x01" + raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "did:key:z" + text


def expanded_secret(seed):
    """The 64-byte form of an Ed25519 secret that libtorrent wants: SHA-512 of the seed, clamped."""
    digest = bytearray(hashlib.sha512(seed).digest())
    digest[0] &= 248
    digest[31] &= 63
    digest[31] |= 64
    return bytes(digest)


def public_key(seed):
    """The public key of a seed."""
    return bytes(nacl.signing.SigningKey(seed).verify_key)


def work_salt(work):
    """The salt of the item that holds a key's listings of a work."""
    return hashlib.sha256(work.encode()).digest()


def bep44_signed_bytes(salt, seq, value):
    """What the signature of a mutable item covers (BEP44), `value` being a byte string."""
    salted = b"4:salt%d:%s" % (len(salt), salt) if salt else b""
    return salted + b"3:seqi%de1:v%d:%s" % (seq, len(value), value)


def is_signed(key, salt, seq, value, signature):
    """Whether the signature of a mutable item holds."""
    try:
        nacl.signing.VerifyKey(key).verify(bep44_signed_bytes(salt, seq, value), signature)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def varint(data, at):
    """A protobuf varint: its value and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("varint too long")


def protobuf_fields(data):
    """The fields of a protobuf message as (number, value); raises ValueError when it is none."""
    fields, at = [], 0
    try:
        while at < len(data):
            tag, at = varint(data, at)
            number, kind = tag >> 3, tag & 7
            if number == 0:
                raise ValueError("field number 0")
            if kind == 0:
                value, at = varint(data, at)
            elif kind == 2:
                length, at = varint(data, at)
                value, at = data[at : at + length], at + length
                if len(value) != length:
                    raise ValueError("field cut short")
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
                value, at = data[at : at + length], at + length
            else:
                raise ValueError(f"wire type {kind}")
            fields.append((number, value))
    except IndexError as cut:
        raise ValueError("message cut short") from cut
    return fields


def all_bytes_in(data):
    """Every bytes field of a protobuf message, at any depth."""
    found = []
    for _, value in protobuf_fields(data):
        if isinstance(value, bytes):
            found.append(value)
            try:
                found.extend(all_bytes_in(value))
            except ValueError:
                pass
    return found
