"""Gossip and sync with libp2p nodes that are not ours, which understand Heirloom by `proto/README.md`."""

import nacl.signing

from . import libp2p, negentropy, readme, wait, wire

VERDICTS = "/heirloom/1/verdict/0"
ATTESTATIONS = "/heirloom/1/attestation/0"
SYNC = "/heirloom/sync/1"
IDENTITY = "/heirloom/identity/1"


def counters(node):
    """Sums of what libp2p did since the start."""
    return node.cli("status")["p2p"]["counters"]


def test_a_js_libp2p_node_hears_a_statement_and_checks_its_signature(t):
    curator = t.node("curator", "127.0.5.1").start((), "--no-dht")
    peer = t.closing(libp2p.JsPeer(t.folder / "js", curator.ready["p2p"][0], VERDICTS))
    identified = peer.wait_for("identified")
    assert identified["protocol"] == "/heirloom/1", identified
    assert "/meshsub/1.1.0" in identified["protocols"], identified
    peer.wait_for("connected")
    peer.wait_for("subscribed")
    wait.until(lambda: curator.cli("status")["peers"] == 1, 30, "the js node to count as a peer")

    infohash = "ab" * 20
    said = curator.cli("verdict", infohash, "good", "--note", "très bien")
    heard = peer.wait_for("statement")
    assert heard["topic"] == VERDICTS and heard["kind"] == 6, heard
    assert heard["valid"] and not heard["valid_as_another_kind"], heard
    assert heard["author"] == wire.key_of_did(curator.key()).hex(), heard
    assert (heard["id"], heard["seq"]) == (said["id"], said["seq"]), (heard, said)
    body = bytes.fromhex(heard["body"])
    assert bytes.fromhex(infohash) in body and "très bien".encode() in body, heard
    assert curator.cli("status")["peers"] == 1, "a node of another make is not sent away"


def test_a_py_libp2p_node_hears_says_and_is_refused_as_the_document_says(t):
    curator = t.node("curator", "127.0.5.2").start((), "--no-dht")
    peer = t.closing(libp2p.PyPeer(t.folder / "py", curator.ready["p2p"][0], VERDICTS, ATTESTATIONS))
    identified = peer.wait_for("identified")
    assert identified["protocol"] == "/heirloom/1", identified
    assert {"/meshsub/1.1.0", "/ipfs/ping/1.0.0", SYNC} <= set(identified["protocols"]), identified
    peer.wait_for("pinged")
    peer.wait_for("subscribed")
    wait.until(lambda: curator.cli("status")["peers"] == 1, 30, "the Python node to count as a peer")

    # It hears.
    infohash = b"\xab" * 20
    said = curator.cli("verdict", infohash.hex(), "good", "--note", "très bien")
    message = peer.wait_for("message")
    heard = readme.Statement(bytes.fromhex(message["data"]))
    assert message["topic"] == VERDICTS and message["bare"], message
    assert heard.is_signed() and not heard.is_signed(readme.KINDS["profile"])
    assert heard.kind == readme.KINDS["verdict"] and heard.author == wire.key_of_did(curator.key())
    assert (heard.id.hex(), heard.seq) == (said["id"], said["seq"])
    assert readme.one(heard.fields, 2) == infohash and readme.one(heard.fields, 4).decode() == "très bien"

    # It says: an author whom the curator follows vouches for another.
    author, friend = nacl.signing.SigningKey.generate(), nacl.signing.SigningKey.generate()
    did, other = (wire.did_of_key(bytes(key.verify_key)) for key in (author, friend))
    curator.cli("follow", did, "--level", "high", "--yes")
    peer.publish(ATTESTATIONS, readme.attestation(author, bytes(friend.verify_key), 75, "from Python"))
    wait.until(lambda: counters(curator)["accepted"] == 1, 30, "the statement to be admitted")
    trusted = {row["key"]: row for row in curator.cli("trust")}
    assert trusted[other]["score"] > 0, trusted
    assert any(did in because["path"] for because in curator.cli("why", other)["because"]), "its author is the reason"

    # It says the same again, an old statement and one of an unknown kind: nobody's fault.
    opinion = readme.verdict(author, infohash, 1)
    peer.publish(VERDICTS, opinion)
    wait.until(lambda: counters(curator)["accepted"] == 2, 30, "the verdict to be admitted")
    before = counters(curator)
    peer.publish(VERDICTS, readme.sign(author, 200, b""))
    wait.until(lambda: counters(curator)["ignored"] == before["ignored"] + 1, 30, "the unknown kind to be ignored")
    assert (counters(curator)["rejected"], counters(curator)["malformed"]) == (0, 0), counters(curator)

    # And junk: a forged signature, a wrong topic, no envelope. Each is refused and counted; the sixth ends the connection.
    forged = bytearray(readme.verdict(friend, infohash, 2))
    forged[-1] ^= 1
    peer.publish(VERDICTS, bytes(forged))
    wait.until(lambda: counters(curator)["rejected"] == 1, 30, "the forgery to be refused")
    peer.publish(ATTESTATIONS, opinion[:-1] + bytes([opinion[-1] ^ 1]))
    wait.until(lambda: counters(curator)["malformed"] == 1, 30, "a kind on another's topic to be refused")
    for number in range(8):
        peer.publish(VERDICTS, b"junk %d" % number)
    peer.wait_for("disconnected")
    after = counters(curator)
    assert after["malformed"] >= 4 and after["graylisted"] == 1, after
    assert len(curator.cli("trust")) == len(trusted), "junk changes nothing"


def forms_of(key):
    """What a key looks like on a wire."""
    did = wire.did_of_key(key)
    return [key, key.hex().encode(), did.removeprefix("did:key:").encode()]


def test_a_node_shows_who_it_is_to_its_friend_and_to_no_other_program(t):
    friend, stranger = nacl.signing.SigningKey.generate(), nacl.signing.SigningKey.generate()
    node = t.node("node", "127.0.5.4")
    node.start((), "--no-dht", "--friend", wire.did_of_key(bytes(friend.verify_key)))
    key = wire.key_of_did(node.key())
    peer = t.closing(libp2p.PyPeer(t.folder / "py", node.ready["p2p"][0], VERDICTS))
    connected = peer.wait_for("connected")
    identified = peer.wait_for("identified")
    peer.wait_for("subscribed")
    ends = bytes.fromhex(connected["me"]), bytes.fromhex(connected["peer"])

    def ask(me, ends=ends, to=(key,)):
        introduction = readme.Introduction(me, to, *ends)
        answer = peer.ask(IDENTITY, introduction.frame())
        assert not any(form in answer for form in forms_of(key)), "sealed, for whomever it is"
        return introduction.open(answer)

    # Nothing in what it says to everybody tells whose node it is.
    raw = bytes.fromhex(identified["raw"])
    assert raw and not any(form in raw for form in forms_of(key)), identified
    # A stranger who knows the key learns neither whether this is its node nor whom it calls friend.
    assert ask(stranger) is None
    proved = wait.until(lambda: node.cli("status")["p2p"]["proved"], 30, "the proof")
    assert [(row["key"], row["friend"]) for row in proved] == [(wire.did_of_key(bytes(stranger.verify_key)), False)]
    # The friend, at another peer's ends, is nobody; at its own it learns.
    assert ask(friend, ends=(ends[0], ends[0])) is None
    assert ask(friend, to=(bytes(stranger.verify_key),)) is None, "it was not meant"
    assert ask(friend) == key
    proved = node.cli("status")["p2p"]["proved"]
    assert [(row["key"], row["friend"]) for row in proved] == [(wire.did_of_key(bytes(friend.verify_key)), True)]
    # Asking on and on is refused.
    assert any(peer.ask(IDENTITY, readme.Introduction(stranger, [], *ends).frame()) is None for _ in range(6))
    assert counters(node)["identity_refused"] > 0


def reconcile(peer, session, items):
    """An asker that knows which ids only the other side has."""
    asker = negentropy.Asker(items)
    message, frame, rounds = asker.first(), session.open, 0
    while message:
        answer = peer.ask(SYNC, frame(message))
        assert answer is not None and readme.refusal_in(answer) is None, answer
        message, frame, rounds = asker.next(session.message_in(answer)), session.round, rounds + 1
        assert rounds < 64
    return asker


def named(peer, session, ids):
    """The statements behind ids."""
    found = []
    ids = sorted(ids)
    while ids:
        page, is_end, _ = readme.statements_in(peer.ask(SYNC, session.names(ids[: readme.NAMES_MAX])))
        found += page
        got = {session.item(statement)[1] for statement in page}
        assert got and got <= set(ids)
        ids = [name for name in ids if name not in got] if not is_end else ids[readme.NAMES_MAX :]
    return found


def test_a_py_libp2p_node_fetches_a_log_by_sync_and_finds_it_whole(t):
    curator = t.node("curator", "127.0.5.3").start((), "--no-dht")
    key = wire.key_of_did(curator.key())
    curator.cli("id", "set", "--name", "Alice")
    said = {curator.cli("verdict", f"{number:040x}", "good", "--note", "n" * 200)["id"] for number in range(1, 161)}
    peer = t.closing(libp2p.PyPeer(t.folder / "py", curator.ready["p2p"][0], VERDICTS))
    peer.wait_for("subscribed")

    def head_of(author):
        session = readme.Session([author])
        asker = reconcile(peer, session, [])
        heads = named(peer, session, asker.need) if asker.need else []
        return next((s for s in heads if s.author == author and s.kind == readme.KINDS["head"]), None)

    def log_of(author):
        log, after, pages = [], (0, 0), 0
        while True:
            page, is_end, is_whole = readme.statements_in(peer.ask(SYNC, readme.Session([]).fetch(author, after)))
            assert all(statement.author == author for statement in page)
            orders = [after, *(statement.order for statement in page)]
            assert orders == sorted(set(orders)), "ascending, and beyond what was asked"
            log, after, pages = log + page, orders[-1], pages + 1
            if is_end:
                return log, is_whole, pages
            assert page, "only the last page may be empty"

    # A head counts the log as of its creation; one that counts the last verdict comes within moments.
    head = wait.until(lambda: (h := head_of(key)) and readme.counts(h)[0] >= len(said) and h, 30, "a head", every=1)
    log, is_whole, pages = log_of(key)
    live = {s.id for s in log if s.order < head.order and s.kind != readme.KINDS["head"]}
    assert is_whole and pages > 1, (is_whole, pages)
    assert readme.counts(head) == (len(live), readme.root(live)), (readme.counts(head), len(live))
    assert said <= {statement.hex() for statement in live}
    assert {s.kind for s in log} >= {readme.KINDS["verdict"], readme.KINDS["profile"]}

    # Who has the head already is told nothing; who asks about nobody learns nothing.
    session = readme.Session([key])
    assert not reconcile(peer, session, [session.item(head)]).need
    assert not reconcile(peer, readme.Session([b"\7" * 32]), []).need

    # Enough heads for fingerprints: sixty authors come in by file, and Python misses three and has two more.
    authors = [nacl.signing.SigningKey.generate() for _ in range(62)]
    heads = [readme.Statement(readme.head(author, [])) for author in authors]
    file = t.folder / "sixty.statements"
    file.write_bytes(readme.statement_file([head.envelope for head in heads[:60]]))
    taken = curator.cli("import", file)
    assert taken["imported"] == 60, taken
    session = readme.Session([head.author for head in heads], filter_bytes=128)
    items = [session.item(head) for head in heads]
    assert len(negentropy.Asker(items[3:]).first()) < 16 * 57, "fingerprints, not ids"
    asker = reconcile(peer, session, items[3:])
    extra = asker.need - {name for _, name in items[:3]}
    assert asker.need >= {name for _, name in items[:3]} and len(extra) <= 1, "the curator's own may match by chance"
    assert asker.have == {name for _, name in items[60:]}, len(asker.have)
    assert {s.id for s in named(peer, session, asker.need)} >= {head.id for head in heads[:3]}

    # What the document forbids is refused, and costs points.
    refused = peer.ask(SYNC, readme.lump(9, b"nothing known"))
    assert refused is None or readme.refusal_in(refused) == 3, refused
    unknown = peer.ask(SYNC, readme.Session([]).names([b"\1" * 32]))
    assert readme.refusal_in(unknown) == 2, unknown
    assert peer.ask(SYNC, b"\0" * (readme.FRAME_BYTES_MAX + 1)) is None, "too long"
