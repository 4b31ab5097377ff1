"""A py-libp2p node that takes part in Heirloom's gossip and asks by sync: a process of its own.

`python -m heirloom_interop.py_libp2p_peer MULTIADDR TOPIC…` says what happens on stdout, one JSON object a line, and takes
orders on stdin in the same way: `{"do": "publish", "topic", "data"}`, `{"do": "ask", "protocol", "frame"}`. Bytes are hex.
What the bytes mean is known to `readme.py` alone.
"""

import hashlib
import json
import logging
import sys

import multiaddr
import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.host.ping import PingService
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.gossipsub import GossipSub
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service
from libp2p.utils.varint import read_length_prefixed_protobuf

# As proto/README.md names them.
GOSSIPSUB = [TProtocol("/meshsub/1.1.0")]
IDENTIFY = TProtocol("/ipfs/id/1.0.0")
FRAME_BYTES_MAX = 32 * 1024
SECONDS_MAX = 20


class Anonymous(GossipSub):
    """Its check for two messages of one sender and number takes all anonymous messages for one."""

    def _check_equivocation(self, msg):
        return True


def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


async def read_exactly(stream, length):
    read = b""
    while len(read) < length:
        more = await stream.read(length - len(read))
        if not more:
            raise EOFError("the stream ended early")
        read += more
    return read


async def ask(host, peer, protocol, frame):
    """One exchange on a stream of its own: a length and a frame each way."""
    try:
        with trio.fail_after(SECONDS_MAX):
            stream = await host.new_stream(peer, [TProtocol(protocol)])
            await stream.write(len(frame).to_bytes(4, "big") + frame)
            await stream.close_write()
            length = int.from_bytes(await read_exactly(stream, 4), "big")
            assert length <= FRAME_BYTES_MAX, length
            answer = await read_exactly(stream, length)
            await stream.close()
        say("answer", frame=answer.hex())
    except Exception as error:  # whatever it is, the test decides whether it was wanted
        say("no_answer", error=f"{type(error).__name__}: {error}")


async def hear(subscription, topic):
    while True:
        message = await subscription.get()
        bare = not (message.from_id or message.seqno or message.signature or message.key)
        say("message", topic=topic, data=message.data.hex(), bare=bare)


async def identify(host, peer):
    """What the other side says of itself, read from the protocol and not from a cache."""
    stream = await host.new_stream(peer, [IDENTIFY])
    said = Identify.FromString(await read_length_prefixed_protobuf(stream, True))
    await stream.close()
    names = {"protocol": said.protocol_version, "agent": said.agent_version, "protocols": list(said.protocols)}
    say("identified", **names, raw=said.SerializeToString().hex())


async def obey(host, pubsub, peer):
    """Carries out what stdin says, until it ends."""
    stdin = trio.wrap_file(sys.stdin)
    async for line in stdin:
        order = json.loads(line)
        if order["do"] == "ask":
            await ask(host, peer, order["protocol"], bytes.fromhex(order["frame"]))
        elif order["do"] == "publish":
            # Its own `publish` names a sender and a number; Heirloom's form has neither.
            data = bytes.fromhex(order["data"])
            await pubsub.push_msg(pubsub.my_id, rpc_pb2.Message(data=data, topicIDs=[order["topic"]]))
            say("published", id=hashlib.sha256(data).hexdigest())
        else:
            raise ValueError(order)


async def watch(host, peer):
    while peer in host.get_connected_peers():
        await trio.sleep(0.1)
    say("disconnected")


async def main(address, topics):
    host = new_host(key_pair=create_new_key_pair(), muxer_preference="YAMUX")
    mesh = {"degree": 8, "degree_low": 6, "degree_high": 12, "heartbeat_interval": 1}
    # Its own limit of ten messages a second would drop what a busy curator says.
    router = Anonymous(protocols=GOSSIPSUB, **mesh, spam_protection_enabled=False)
    pubsub = Pubsub(host, router, strict_signing=False, msg_id_constructor=lambda m: hashlib.sha256(m.data).digest())
    info = info_from_p2p_addr(multiaddr.Multiaddr(address))
    services = background_trio_service(pubsub), background_trio_service(router)
    async with host.run(listen_addrs=[]), services[0], services[1], trio.open_nursery() as nursery:
        await pubsub.wait_until_ready()
        for topic in topics:
            nursery.start_soon(hear, await pubsub.subscribe(topic), topic)
        await host.connect(info)
        say("connected", peer=info.peer_id.to_bytes().hex(), me=host.get_id().to_bytes().hex())
        await identify(host, info.peer_id)
        await PingService(host).ping(info.peer_id, 1)
        say("pinged")
        nursery.start_soon(watch, host, info.peer_id)
        for topic in topics:
            while info.peer_id not in pubsub.peer_topics.get(topic, ()):
                await trio.sleep(0.05)
        say("subscribed")
        await obey(host, pubsub, info.peer_id)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    trio.run(main, sys.argv[1], sys.argv[2:])
