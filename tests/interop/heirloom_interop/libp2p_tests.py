"""Gossip with a libp2p node that is not ours, which reads statements by `proto/README.md`."""

from . import libp2p, wait, wire


def test_a_js_libp2p_node_hears_a_statement_and_checks_its_signature(t):
    curator = t.node("curator", "127.0.5.1").start((), "--no-dht")
    topic = "/heirloom/1/verdict/0"
    peer = t.closing(libp2p.Peer(t.folder / "js", curator.ready["p2p"][0], topic))
    identified = peer.wait_for("identified")
    assert identified["protocol"] == "/heirloom/1", identified
    assert "/meshsub/1.1.0" in identified["protocols"], identified
    peer.wait_for("connected")
    peer.wait_for("subscribed")
    wait.until(lambda: curator.cli("status")["peers"] == 1, 30, "the js node to count as a peer")

    infohash = "ab" * 20
    said = curator.cli("verdict", infohash, "good", "--note", "très bien")
    heard = peer.wait_for("statement")
    assert heard["topic"] == topic and heard["kind"] == 6, heard
    assert heard["valid"] and not heard["valid_as_another_kind"], heard
    assert heard["author"] == wire.key_of_did(curator.key()).hex(), heard
    assert (heard["id"], heard["seq"]) == (said["id"], said["seq"]), (heard, said)
    body = bytes.fromhex(heard["body"])
    assert bytes.fromhex(infohash) in body and "très bien".encode() in body, heard
    assert curator.cli("status")["peers"] == 1, "a node of another make is not sent away"
