//! Protobuf and signatures by hand, so that tests can build what the crate refuses to build. It must not use the
//! crate's own encoder: a mistake in that would hide here.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::cast_possible_truncation, reason = "tests write bytes on purpose, and small numbers")]

use ed25519_dalek::{Signer as _, SigningKey};
use heirloom_proto::dht::Item;
use sha2::Digest as _;

/// One field of a message: number, wire type, and its varint or the bytes behind its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub number: u64,
    pub wire_type: u8,
    pub payload: Vec<u8>,
}

/// A varint in its shortest form.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The same number in one byte more.
fn padded(mut varint: Vec<u8>) -> Vec<u8> {
    *varint.last_mut().expect("a varint has a byte") |= 0x80;
    varint.push(0);
    varint
}

fn take_varint(bytes: &mut &[u8]) -> Vec<u8> {
    let len = bytes.iter().position(|b| b & 0x80 == 0).expect("a varint ends") + 1;
    let (varint, rest) = bytes.split_at(len);
    *bytes = rest;
    varint.to_vec()
}

fn number_of(varint: &[u8]) -> u64 {
    varint.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
}

/// The fields of a message that this crate wrote.
pub fn split(mut bytes: &[u8]) -> Vec<Field> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = number_of(&take_varint(&mut bytes));
        let wire_type = (tag & 7) as u8;
        let payload = match wire_type {
            0 => take_varint(&mut bytes),
            2 => {
                let len = number_of(&take_varint(&mut bytes)) as usize;
                let (payload, rest) = bytes.split_at(len);
                bytes = rest;
                payload.to_vec()
            }
            other => panic!("no field of ours has wire type {other}"),
        };
        fields.push(Field { number: tag >> 3, wire_type, payload });
    }
    fields
}

impl Field {
    pub fn bytes(number: u64, payload: &[u8]) -> Self {
        Self { number, wire_type: 2, payload: payload.to_vec() }
    }

    pub fn number(number: u64, value: u64) -> Self {
        Self { number, wire_type: 0, payload: varint(value) }
    }

    fn tag(&self) -> Vec<u8> {
        varint(self.number << 3 | u64::from(self.wire_type))
    }

    fn len(&self) -> Vec<u8> {
        if self.wire_type == 2 { varint(self.payload.len() as u64) } else { Vec::new() }
    }

    fn write(&self) -> Vec<u8> {
        [self.tag(), self.len(), self.payload.clone()].concat()
    }
}

/// The message of these fields, in the given order.
pub fn join(fields: &[Field]) -> Vec<u8> {
    fields.iter().flat_map(Field::write).collect()
}

/// Shape of a message: which fields are repeated, and which are messages and of what shape.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub repeated: &'static [u64],
    pub nested: &'static [u64],
}

/// A message without repeated fields or messages.
pub const FLAT: Shape = Shape { repeated: &[], nested: &[] };

/// The same content in other bytes, each with what was done to it. Not one of them is canonical.
pub fn odd_forms(message: &[u8], shape: Shape) -> Vec<(String, Vec<u8>)> {
    let fields = split(message);
    let with = |at: usize, bytes: Vec<u8>| [join(&fields[..at]), bytes, join(&fields[at + 1..])].concat();
    let mut odd = vec![
        ("an unknown number".to_owned(), [message, &Field::number(100, 1).write()].concat()),
        ("unknown bytes".to_owned(), [message, &Field::bytes(100, b"x").write()].concat()),
        ("an unknown number of 0".to_owned(), [message, &Field::number(99, 0).write()].concat()),
        ("a zero byte behind".to_owned(), [message, &[0]].concat()),
        ("half a tag behind".to_owned(), [message, &[0x80]].concat()),
    ];
    for (at, field) in fields.iter().enumerate() {
        let name = |what: &str| format!("field {} {what}", field.number);
        odd.push((
            name("with a long tag"),
            with(at, [padded(field.tag()), field.len(), field.payload.clone()].concat()),
        ));
        if field.wire_type == 2 {
            odd.push((
                name("with a long length"),
                with(at, [field.tag(), padded(field.len()), field.payload.clone()].concat()),
            ));
        } else if field.payload.len() < 10 {
            odd.push((name("with a long value"), with(at, [field.tag(), padded(field.payload.clone())].concat())));
        }
        if !shape.repeated.contains(&field.number) {
            odd.push((name("twice"), with(at, [field.write(), field.write()].concat())));
        }
        if let Some(next) = fields.get(at + 1)
            && next.number != field.number
        {
            let mut swapped = fields.clone();
            swapped.swap(at, at + 1);
            odd.push((name("behind the next"), join(&swapped)));
        }
        if shape.nested.contains(&field.number) {
            for (what, payload) in odd_forms(&field.payload, FLAT) {
                odd.push((name(&format!("holding {what}")), with(at, Field { payload, ..field.clone() }.write())));
            }
        }
    }
    for number in (1..=13).filter(|n| !shape.repeated.contains(n) && fields.iter().all(|f| f.number != *n)) {
        for default in [Field::number(number, 0), Field::bytes(number, b"")] {
            let mut written = fields.clone();
            written.insert(fields.iter().take_while(|f| f.number < number).count(), default.clone());
            odd.push((format!("field {number} written although it is its default"), join(&written)));
        }
    }
    odd
}

/// What a statement's signature covers (DESIGN §5), from its definition.
pub fn preimage(kind: u32, body: &[u8]) -> Vec<u8> {
    [b"\0heirloom/1".as_slice(), &kind.to_be_bytes(), &(body.len() as u32).to_be_bytes(), body].concat()
}

/// An envelope around any body, with a genuine signature.
pub fn seal(seed: &[u8; 32], kind: u32, body: &[u8]) -> Vec<u8> {
    let secret = SigningKey::from_bytes(seed);
    let signature = secret.sign(&preimage(kind, body)).to_bytes();
    envelope(&secret.verifying_key().to_bytes(), kind, body, &signature)
}

/// A canonical envelope of any parts: defaults are not written.
pub fn envelope(author: &[u8], kind: u32, body: &[u8], signature: &[u8]) -> Vec<u8> {
    let parts =
        [Field::bytes(1, author), Field::number(2, kind.into()), Field::bytes(3, body), Field::bytes(4, signature)];
    parts.iter().filter(|part| !matches!(part.payload.as_slice(), [] | [0])).flat_map(Field::write).collect()
}

/// A BEP44 item around any value, with a genuine signature.
pub fn item(seed: &[u8; 32], salt: &[u8], seq: i64, value: &[u8]) -> Item {
    let secret = SigningKey::from_bytes(seed);
    let mut signed = Vec::new();
    if !salt.is_empty() {
        signed.extend_from_slice(format!("4:salt{}:", salt.len()).as_bytes());
        signed.extend_from_slice(salt);
    }
    signed.extend_from_slice(format!("3:seqi{seq}e1:v{}:", value.len()).as_bytes());
    signed.extend_from_slice(value);
    let signature = secret.sign(&signed).to_bytes();
    Item { key: secret.verifying_key().to_bytes(), salt: salt.to_vec(), seq, value: value.to_vec(), signature }
}

/// SHA-256, from its own crate.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    sha2::Sha256::digest(parts.concat()).into()
}
