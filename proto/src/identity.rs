//! Proofs of identity between peers, `/heirloom/identity/1`: who I am, told only to whom I name, and readable by nobody
//! else, although I cannot know yet which peer that is.
//!
//! The asker seals its proof for each key that it wants to be known to, in a *box* that only the holder of that key can
//! open. Somebody else sees boxes and learns nothing but how many there are at most: not who asks, nor for whom. Who can
//! open one may answer in the same way. An answer that says nothing looks like one that does.
//!
//! A proof names both ends of the channel by their transport ids, which the channel itself has proved, so nobody can
//! carry it elsewhere. Whether to ask, whom to answer and what to believe is the core's.

use crate::{Key, SecretKey, Sha256, Timestamp, schema};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use prost::Message;

/// Name of the protocol, with the version of its frames.
pub const PROTOCOL: &str = "/heirloom/identity/1";
/// Fewest boxes of an ask: whoever names one key shows no less than whoever names sixteen.
pub const BOXES_MIN: usize = 16;
/// Most boxes, and so most keys that an ask can name: 15 KiB.
pub const BOXES_MAX: usize = 128;
/// Longest frame in bytes: an ask with [`BOXES_MAX`] boxes, each with its tag and length.
pub const FRAME_BYTES_MAX: usize = 16 * 1024;
/// A proof made so long before or after is stale, in milliseconds: as far as clocks may differ elsewhere (10 min).
pub const FRESH_MS: u64 = 10 * 60 * 1000;

/// What is in a box: a key, a time, a signature.
const PLAIN_BYTES: usize = 32 + 8 + 64;
/// A box: that, and the tag of ChaCha20-Poly1305.
const BOX_BYTES: usize = PLAIN_BYTES + 16;
/// Cannot begin a statement's preimage: there a kind and the length of the rest follow on `heirloom/1`, and `/ide` and
/// `ntit` would be kind 795,436,133 with 1.8 GB.
const PREFIX: &[u8] = b"\0heirloom/1/identity";

/// The two ends of a channel, by the ids that the transport has proved, as the bytes of their libp2p peer ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Who opened the stream.
    pub asker: Vec<u8>,
    /// Who answers on it.
    pub answerer: Vec<u8>,
}

/// Whose word a proof is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Asker = 1,
    Answerer = 2,
}

/// What was proved: at the other end is who holds this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key.
    pub key: Key,
    /// When the proof was made, by its maker's clock.
    pub at: Timestamp,
}

impl Proof {
    /// Whether it was made about now.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.0.abs_diff(self.at.0) <= FRESH_MS
    }
}

/// A frame could not be read. Whoever sent it made it, and is to blame.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a frame of {PROTOCOL}")]
pub struct FrameError;

/// An ask, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    ephemeral: Key,
    boxes: Vec<Vec<u8>>,
}

/// An answer, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    ephemeral: Key,
    sealed: Vec<u8>,
}

/// What a signature covers: who speaks, in which exchange, at which ends, to whom and when.
fn preimage(role: Role, asked: &Key, ends: &Ends, to: &Key, at: Timestamp) -> Vec<u8> {
    let mut bytes = PREFIX.to_vec();
    bytes.push(role as u8);
    bytes.extend_from_slice(asked.as_bytes());
    bytes.extend_from_slice(&Sha256::of(&ends.asker).0);
    bytes.extend_from_slice(&Sha256::of(&ends.answerer).0);
    bytes.extend_from_slice(to.as_bytes());
    bytes.extend_from_slice(&at.0.to_be_bytes());
    bytes
}

/// The cipher of a box. Its key serves one box, so its nonce may be constant.
fn cipher(shared: &[u8; 32], ephemeral: &Key, to: &Key) -> ChaCha20Poly1305 {
    let mut bytes = b"heirloom/1/identity box".to_vec();
    bytes.extend_from_slice(shared);
    bytes.extend_from_slice(ephemeral.as_bytes());
    bytes.extend_from_slice(to.as_bytes());
    ChaCha20Poly1305::new(&Sha256::of(&zeroize::Zeroizing::new(bytes)).0.into())
}

/// Whose word is sealed, and in which exchange.
struct Word<'a> {
    role: Role,
    secret: &'a SecretKey,
    asked: &'a Key,
    ends: &'a Ends,
    at: Timestamp,
}

impl Word<'_> {
    fn seal(&self, ephemeral: &SecretKey, to: &Key) -> Vec<u8> {
        let mut plain = self.secret.public().as_bytes().to_vec();
        plain.extend_from_slice(&self.at.0.to_be_bytes());
        plain.extend_from_slice(&self.secret.sign(&preimage(self.role, self.asked, self.ends, to, self.at)));
        let cipher = cipher(&ephemeral.agree(to), &ephemeral.public(), to);
        // It fails for messages of many gigabytes only.
        cipher.encrypt(&Nonce::default(), plain.as_slice()).unwrap_or_default()
    }
}

/// What the box says, if it was sealed for me and its signature holds.
fn open(role: Role, me: &SecretKey, ephemeral: &Key, asked: &Key, ends: &Ends, boxes: &[Vec<u8>]) -> Option<Proof> {
    let to = me.public();
    let cipher = cipher(&me.agree(ephemeral), ephemeral, &to);
    let plain = boxes.iter().find_map(|sealed| cipher.decrypt(&Nonce::default(), sealed.as_slice()).ok())?;
    let (key, rest) = plain.split_at_checked(32)?;
    let (at, signature) = rest.split_at_checked(8)?;
    let key = Key::from_slice(key).ok()?;
    let at = Timestamp(u64::from_be_bytes(at.try_into().ok()?));
    let signature = signature.try_into().ok()?;
    key.has_signed(&preimage(role, asked, ends, &to, at), signature).then_some(Proof { key, at })
}

/// Random bytes in the form of a box.
fn decoy(entropy: &mut impl FnMut() -> [u8; 32]) -> Vec<u8> {
    std::iter::repeat_with(entropy).flatten().take(BOX_BYTES).collect()
}

fn read<M: Message + Default>(bytes: &[u8]) -> Result<M, FrameError> {
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(FrameError);
    }
    let wire = M::decode(bytes).map_err(|_| FrameError)?;
    if wire.encode_to_vec() == bytes { Ok(wire) } else { Err(FrameError) }
}

impl Ask {
    /// An ask that shows `secret`'s key to the holders of `to`, the first [`BOXES_MAX`] of them, and to nobody else.
    /// `entropy` gives 32 unpredictable bytes at each call.
    pub fn new(
        secret: &SecretKey,
        to: &[Key],
        ends: &Ends,
        at: Timestamp,
        entropy: &mut impl FnMut() -> [u8; 32],
    ) -> Self {
        let ephemeral = SecretKey::from_seed(&entropy());
        let asked = ephemeral.public();
        let word = Word { role: Role::Asker, secret, asked: &asked, ends, at };
        let mut boxes: Vec<Vec<u8>> = to.iter().take(BOXES_MAX).map(|key| word.seal(&ephemeral, key)).collect();
        let wanted = boxes.len().next_power_of_two().clamp(BOXES_MIN, BOXES_MAX);
        boxes.resize_with(wanted, || decoy(entropy));
        // By their bytes, which look random: the place of a box says nothing.
        boxes.sort_unstable();
        Self { ephemeral: asked, boxes }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]; blame the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let wire: schema::IdentityAsk = read(bytes)?;
        let (count, is_sorted) = (wire.boxes.len(), wire.boxes.is_sorted());
        let is_well_formed = (BOXES_MIN..=BOXES_MAX).contains(&count)
            && count.is_power_of_two()
            && is_sorted
            && wire.boxes.iter().all(|sealed| sealed.len() == BOX_BYTES);
        let ephemeral = Key::from_slice(&wire.ephemeral).map_err(|_| FrameError)?;
        if is_well_formed { Ok(Self { ephemeral, boxes: wire.boxes }) } else { Err(FrameError) }
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let ephemeral = self.ephemeral.as_bytes().to_vec();
        schema::IdentityAsk { ephemeral, boxes: self.boxes.clone() }.encode_to_vec()
    }

    /// Who asks, if one of the boxes is for me and was made for this channel.
    #[must_use]
    pub fn open(&self, me: &SecretKey, ends: &Ends) -> Option<Proof> {
        open(Role::Asker, me, &self.ephemeral, &self.ephemeral, ends, &self.boxes)
    }
}

impl Answer {
    /// An answer that shows `secret`'s key to the holder of `to`; without one it says nothing, and looks the same.
    pub fn new(
        secret: &SecretKey,
        to: Option<&Key>,
        asked: &Ask,
        ends: &Ends,
        at: Timestamp,
        entropy: &mut impl FnMut() -> [u8; 32],
    ) -> Self {
        let ephemeral = SecretKey::from_seed(&entropy());
        let word = Word { role: Role::Answerer, secret, asked: &asked.ephemeral, ends, at };
        // The same work is done either way, so that the time it takes says nothing either.
        let sealed = word.seal(&ephemeral, to.unwrap_or(&asked.ephemeral));
        let sealed = if to.is_some() { sealed } else { decoy(entropy) };
        Self { ephemeral: ephemeral.public(), sealed }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]; blame the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let wire: schema::IdentityAnswer = read(bytes)?;
        let ephemeral = Key::from_slice(&wire.ephemeral).map_err(|_| FrameError)?;
        if wire.sealed.len() == BOX_BYTES { Ok(Self { ephemeral, sealed: wire.sealed }) } else { Err(FrameError) }
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let ephemeral = self.ephemeral.as_bytes().to_vec();
        schema::IdentityAnswer { ephemeral, sealed: self.sealed.clone() }.encode_to_vec()
    }

    /// Who answered, if it was told to me and belongs to my ask on this channel.
    #[must_use]
    pub fn open(&self, me: &SecretKey, asked: &Ask, ends: &Ends) -> Option<Proof> {
        let sealed = std::slice::from_ref(&self.sealed);
        open(Role::Answerer, me, &self.ephemeral, &asked.ephemeral, ends, sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn secret(number: u8) -> SecretKey {
        SecretKey::from_seed(&[number; 32])
    }

    fn ends(asker: u8, answerer: u8) -> Ends {
        Ends { asker: vec![asker; 38], answerer: vec![answerer; 38] }
    }

    fn entropy() -> impl FnMut() -> [u8; 32] {
        let mut last = Sha256([1; 32]);
        move || {
            last = Sha256::of(&last.0);
            last.0
        }
    }

    fn ask(from: u8, to: &[u8]) -> Ask {
        let to: Vec<Key> = to.iter().map(|number| secret(*number).public()).collect();
        Ask::new(&secret(from), &to, &ends(1, 2), NOW, &mut entropy())
    }

    #[test]
    fn each_end_learns_of_the_other_and_nobody_else_does() {
        let (alice, bob) = (secret(1), secret(2));
        let ask = Ask::decode(&ask(1, &[9, 2, 7]).encode()).expect("as sent");
        let proof = ask.open(&bob, &ends(1, 2)).expect("bob was named");
        assert_eq!((proof.key, proof.at), (alice.public(), NOW));
        for stranger in 3..7 {
            assert_eq!(ask.open(&secret(stranger), &ends(1, 2)), None);
        }
        let answer = Answer::new(&bob, Some(&proof.key), &ask, &ends(1, 2), NOW, &mut entropy());
        let answer = Answer::decode(&answer.encode()).expect("as sent");
        assert_eq!(answer.open(&alice, &ask, &ends(1, 2)).map(|proof| proof.key), Some(bob.public()));
        assert_eq!(answer.open(&secret(3), &ask, &ends(1, 2)), None);
    }

    #[test]
    fn a_proof_holds_at_its_ends_and_in_its_exchange_only() {
        let (alice, bob) = (secret(1), secret(2));
        let asked = ask(1, &[2]);
        // Bob, or somebody who got hold of the frame, shows it to a third or comes back as another peer.
        for other in [ends(1, 3), ends(3, 2), ends(2, 1), ends(2, 3)] {
            assert_eq!(asked.open(&bob, &other), None, "{other:?}");
        }
        let answer = Answer::new(&bob, Some(&alice.public()), &asked, &ends(1, 2), NOW, &mut entropy());
        let mut later = entropy();
        later();
        let again = Ask::new(&alice, &[bob.public()], &ends(1, 2), NOW, &mut later);
        assert_eq!(answer.open(&alice, &again, &ends(1, 2)), None, "an answer to another ask");
        assert_eq!(answer.open(&alice, &asked, &ends(1, 3)), None, "from another peer");
        // Nor is one's word the other's: an answer does not pass for an ask.
        let turned = Ask { ephemeral: answer.ephemeral, boxes: vec![answer.sealed; BOXES_MIN] };
        assert_eq!(turned.open(&alice, &ends(2, 1)), None);
    }

    #[test]
    fn any_changed_byte_is_no_proof() {
        let good = ask(1, &[2]).encode();
        let good_at = |bytes: &[u8]| Ask::decode(bytes).ok().and_then(|ask| ask.open(&secret(2), &ends(1, 2)));
        assert!(good_at(&good).is_some());
        let mine = ask(1, &[2]);
        let (at, _) = mine
            .boxes
            .iter()
            .enumerate()
            .find(|(_, sealed)| {
                Ask { boxes: vec![sealed.to_vec()], ..mine.clone() }.open(&secret(2), &ends(1, 2)).is_some()
            })
            .expect("one is for bob");
        for byte in 0..BOX_BYTES {
            let mut changed = mine.clone();
            changed.boxes[at][byte] ^= 1;
            assert_eq!(changed.open(&secret(2), &ends(1, 2)), None, "byte {byte}");
        }
        for cut in 0..good.len() {
            assert_eq!(Ask::decode(&good[..cut]), Err(FrameError));
        }
    }

    #[test]
    fn stale_proofs_are_seen() {
        let proof = Proof { key: secret(1).public(), at: NOW };
        assert!(proof.is_fresh(NOW) && proof.is_fresh(Timestamp(NOW.0 + FRESH_MS)));
        assert!(proof.is_fresh(Timestamp(NOW.0 - FRESH_MS)));
        assert!(!proof.is_fresh(Timestamp(NOW.0 + FRESH_MS + 1)) && !proof.is_fresh(Timestamp(NOW.0 - FRESH_MS - 1)));
    }

    #[test]
    fn a_frame_shows_no_key_and_about_how_many_are_named() {
        for (named, boxes) in [(0, 16), (1, 16), (16, 16), (17, 32), (100, 128), (200, 128)] {
            let to: Vec<u8> = (0..named).collect();
            let frame = ask(201, &to).encode();
            assert_eq!(Ask::decode(&frame).expect("well formed").boxes.len(), boxes, "{named} named");
            for number in to.into_iter().chain([201]) {
                let key = secret(number).public();
                assert!(!frame.windows(8).any(|part| part == &key.as_bytes()[..8]), "key {number} is in the frame");
            }
        }
        let of = |to: Option<&Key>| {
            let answer = Answer::new(&secret(2), to, &ask(1, &[]), &ends(1, 2), NOW, &mut entropy());
            answer.encode().len()
        };
        assert_eq!(of(None), of(Some(&secret(1).public())), "nothing looks like something");
    }

    #[test]
    fn frames_of_other_forms_are_refused() {
        let good = ask(1, &[2]);
        let with = |change: &dyn Fn(&mut Ask)| {
            let mut other = good.clone();
            change(&mut other);
            Ask::decode(&other.encode())
        };
        assert!(with(&|_| {}).is_ok());
        assert_eq!(with(&|ask| ask.boxes.truncate(15)), Err(FrameError), "an odd number");
        assert_eq!(with(&|ask| ask.boxes.truncate(8)), Err(FrameError), "too few");
        assert_eq!(with(&|ask| ask.boxes = vec![vec![0; BOX_BYTES]; 256]), Err(FrameError), "too many");
        assert_eq!(with(&|ask| ask.boxes.reverse()), Err(FrameError), "not in order");
        assert_eq!(with(&|ask| ask.boxes[15].push(0)), Err(FrameError), "a longer box");
        assert_eq!(Ask::decode(&[]), Err(FrameError));
        assert_eq!(Answer::decode(&[]), Err(FrameError));
        let mut weak = schema::IdentityAnswer { ephemeral: vec![0; 32], sealed: vec![0; BOX_BYTES] };
        assert_eq!(Answer::decode(&weak.encode_to_vec()), Err(FrameError), "a key of small order");
        weak.ephemeral = secret(1).public().as_bytes().to_vec();
        assert!(Answer::decode(&weak.encode_to_vec()).is_ok());
    }

    #[test]
    fn no_proof_can_pass_for_a_statement() {
        let signed = preimage(Role::Asker, &secret(1).public(), &ends(1, 2), &secret(2).public(), NOW);
        let rest = signed.strip_prefix(b"\0heirloom/1").expect("the same world");
        let word = |at: usize| u32::from_be_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]);
        assert!(crate::Kind::ALL.iter().all(|kind| kind.number() != word(0)));
        assert_ne!(usize::try_from(word(4)).expect("fits"), rest.len() - 8, "and its length is another");
    }
}
