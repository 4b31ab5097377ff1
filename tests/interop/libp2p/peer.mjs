// A libp2p node of other people's making that takes part in Heirloom's gossip, and understands what it hears from
// proto/README.md alone: `node peer.mjs MULTIADDR TOPIC`. One JSON object a line: connected, then each statement.

import { createHash, createPublicKey, verify } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const [address, topic] = process.argv.slice(2)
const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')

// "Envelope": four protobuf fields, of which `kind` is a varint and the others are bytes.
function fieldsOf (bytes) {
  const fields = new Map()
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('cut short')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    if (tag % 8 === 0) {
      fields.set(tag >> 3, varint())
    } else if (tag % 8 === 2) {
      const length = Number(varint())
      if (at + length > bytes.length) throw new Error('cut short')
      fields.set(tag >> 3, bytes.subarray(at, at + length))
      at += length
    } else {
      throw new Error(`wire type ${tag % 8}`)
    }
  }
  return fields
}

// "What is signed": 0x00, "heirloom/1", kind and length as big-endian u32, body.
function preimageOf (kind, body) {
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32BE(kind, 0)
  numbers.writeUInt32BE(body.length, 4)
  return Buffer.concat([Buffer.from([0]), Buffer.from('heirloom/1'), numbers, body])
}

// A raw Ed25519 key as Node takes it: RFC 8410's fixed header before the 32 bytes.
const keyOf = (raw) =>
  createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]), format: 'der', type: 'spki' })

function read (bytes) {
  const envelope = fieldsOf(bytes)
  const [author, kind, body, signature] = [envelope.get(1), Number(envelope.get(2)), envelope.get(3), envelope.get(4)]
  const preimage = preimageOf(kind, body)
  const header = fieldsOf(fieldsOf(body).get(1))
  return {
    author: Buffer.from(author).toString('hex'),
    kind,
    body: Buffer.from(body).toString('hex'),
    seq: Number(header.get(2)),
    created_ms: Number(header.get(3)),
    id: createHash('sha256').update(author).update(preimage).digest('hex'),
    valid: verify(null, preimage, keyOf(author), signature),
    // The same signature under another kind must not hold.
    valid_as_another_kind: verify(null, preimageOf(kind + 1, body), keyOf(author), signature)
  }
}

const node = await createLibp2p({
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    ping: ping(),
    pubsub: gossipsub({ globalSignaturePolicy: 'StrictNoSign', allowPublishToZeroTopicPeers: true })
  }
})
const { pubsub } = node.services
pubsub.addEventListener('message', ({ detail }) => say({ event: 'statement', topic: detail.topic, ...read(detail.data) }))
node.addEventListener('peer:identify', ({ detail }) =>
  say({ event: 'identified', protocol: detail.protocolVersion, protocols: detail.protocols, agent: detail.agentVersion }))
node.addEventListener('peer:disconnect', () => say({ event: 'disconnected' }))
pubsub.subscribe(topic)
const connection = await node.dial(multiaddr(address))
say({ event: 'connected', peer: connection.remotePeer.toString(), ping_ms: await node.services.ping.ping(connection.remotePeer) })
const timer = setInterval(() => {
  if (pubsub.getSubscribers(topic).length > 0) {
    clearInterval(timer)
    say({ event: 'subscribed' })
  }
}, 50)
process.on('SIGTERM', () => node.stop().then(() => process.exit(0)))
