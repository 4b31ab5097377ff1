//! Keys: the public names of people and projects, and the secrets behind them.

use data_encoding::{Encoding, HEXLOWER_PERMISSIVE, Specification};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

/// Multicodec prefix of an Ed25519 public key in `did:key` (varint of 0xed).
const MULTICODEC_ED25519: [u8; 2] = [0xed, 0x01];
/// Protobuf prefix of an Ed25519 key inside a libp2p peer id with the identity hash (libp2p peer-id specification).
const PEER_ID_ED25519: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// Longest base 58 text that is decoded, in bytes: more than twice a `did:key`. The cost of base 58 grows with the square
/// of the length, and a web page could hold a "key" of a megabyte.
const BASE58_BYTES_MAX: usize = 128;

/// z-base-32, as pkarr writes keys.
static ZBASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("ybndrfg8ejkmcpqxot1uwisza345h769");
    // PANIC: the alphabet above is constant and valid.
    spec.encoding().expect("constant alphabet")
});

/// An Ed25519 public key: a point on the curve, not of small order. Made by [`Key::from_bytes`] and parsing,
/// and again from its own bytes by [`Key::known`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

/// Why bytes or text are not a key.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The text decodes to something of another length. Copy the whole key.
    #[error("a key is 32 bytes long, this is {found}: copy the whole key")]
    WrongLength {
        /// Bytes found.
        found: usize,
    },
    /// No Ed25519 key has these bytes: a letter is wrong.
    #[error("this is not a valid Ed25519 key (not on the curve): a letter is wrong, copy it again")]
    NotOnCurve,
    /// A `did:key` of another kind, such as secp256k1.
    #[error("this did:key is not an Ed25519 key: ask for one that begins with z6Mk")]
    OtherKeyType,
    /// No known form of a key.
    #[error("{text:?} is not a key: expected did:key:z6Mk…, z6Mk…, pk:…, 12D3Koo… or 64 hexadecimal digits")]
    NotAKey {
        /// What was given, shortened.
        text: String,
    },
}

impl Key {
    /// From the 32 bytes of RFC 8032.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`] for bytes that are no point, or one of small order (which would verify forged messages).
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        Self::unpack(bytes).map(|(key, _)| key)
    }

    /// As [`Key::from_bytes`], with the point: unpacking it costs a tenth of checking a signature.
    fn unpack(bytes: [u8; 32]) -> Result<(Self, VerifyingKey), KeyError> {
        let point = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotOnCurve)?;
        if point.is_weak() { Err(KeyError::NotOnCurve) } else { Ok((Self(bytes), point)) }
    }

    /// The author of a statement with what checks its signature.
    pub(crate) fn with_check(bytes: &[u8]) -> Result<(Self, SignatureCheck), KeyError> {
        let bytes = bytes.try_into().map_err(|_| KeyError::WrongLength { found: bytes.len() })?;
        Self::unpack(bytes).map(|(key, point)| (key, SignatureCheck(point)))
    }

    /// Bytes that this node took from a [`Key`] before: a name in its graph, a part of a row in its store. Never for bytes
    /// of others: nothing is checked. No signature holds for what turns out to be no key, since [`Key::has_signed`] looks.
    ///
    /// COST: [`Key::from_bytes`] unpacks the point, a tenth of checking a signature, and a store names keys by the million.
    #[must_use]
    pub fn known(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// From a slice.
    ///
    /// # Errors
    /// As [`Key::from_bytes`], and [`KeyError::WrongLength`].
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_bytes(bytes.try_into().map_err(|_| KeyError::WrongLength { found: bytes.len() })?)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The multibase form without `did:key:`, `z6Mk…`, as it is shown on the BitTorrent wire.
    #[must_use]
    pub fn to_multibase(&self) -> String {
        let mut bytes = MULTICODEC_ED25519.to_vec();
        bytes.extend_from_slice(&self.0);
        format!("z{}", bs58::encode(bytes).into_string())
    }

    /// The pkarr form, `pk:…` in z-base-32.
    #[must_use]
    pub fn to_pkarr(&self) -> String {
        format!("pk:{}", ZBASE32.encode(&self.0))
    }

    /// Whether `signature` by this key covers `message`: strict verification (RFC 8032 with canonical encodings and no
    /// small-order points), one rule for everybody.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        Self::unpack(self.0).is_ok_and(|(_, point)| SignatureCheck(point).holds(message, signature))
    }

    fn from_multibase(text: &str) -> Result<Self, KeyError> {
        let body = text.strip_prefix('z').ok_or_else(|| not_a_key(text))?;
        let bytes = base58(body).ok_or_else(|| not_a_key(text))?;
        match bytes.strip_prefix(&MULTICODEC_ED25519) {
            Some(key) => Self::from_slice(key),
            None if bytes.len() > 30 => Err(KeyError::OtherKeyType),
            None => Err(not_a_key(text)),
        }
    }
}

/// The two y of the four points of order eight, as an encoding has them: little-endian, without the sign of x.
const ORDER_8: [[u8; 32]; 2] = [
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// Whether these bytes are the canonical encoding of one of the eight points of small order: ±x with the y of order
/// eight, (±√−1, 0), (0, 1) and (0, −1).
fn is_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    let has_sign = y != *point;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let mut one = [0; 32];
    one[0] = 1;
    y == [0; 32] || ORDER_8.contains(&y) || (!has_sign && (y == one || y == minus_one))
}

/// What checks signatures of one key, which is no point of small order; the only place that does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignatureCheck(VerifyingKey);

impl SignatureCheck {
    /// See [`Key::has_signed`].
    ///
    /// COST: the same answer as `verify_strict` of ed25519-dalek gives, an eighth sooner. That unpacks R to see whether it
    /// has small order. But the plain check holds only if R is, byte for byte, the encoding of a point that it reckons
    /// anyway, so that R is canonical and on the curve; and of those, eight have small order, known by their bytes.
    pub(crate) fn holds(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        !is_small_order(signature.r_bytes()) && self.0.verify(message, &signature).is_ok()
    }
}

fn base58(text: &str) -> Option<Vec<u8>> {
    if text.len() > BASE58_BYTES_MAX { None } else { bs58::decode(text).into_vec().ok() }
}

fn not_a_key(text: &str) -> KeyError {
    KeyError::NotAKey { text: text.chars().take(80).collect() }
}

impl FromStr for Key {
    type Err = KeyError;

    /// `did:key:z6Mk…`, `z6Mk…`, `pk:…` (pkarr), `12D3Koo…` (libp2p) or 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if let Some(multibase) = text.strip_prefix("did:key:") {
            // A did:key may be followed by a fragment that repeats it.
            return Self::from_multibase(multibase.split('#').next().unwrap_or_default());
        }
        if let Some(zbase) = text.strip_prefix("pk:") {
            let bytes = ZBASE32.decode(zbase.to_ascii_lowercase().as_bytes()).map_err(|_| not_a_key(text))?;
            return Self::from_slice(&bytes);
        }
        if text.starts_with("z6Mk") {
            return Self::from_multibase(text);
        }
        if text.starts_with("12D3Koo") {
            let bytes = base58(text).ok_or_else(|| not_a_key(text))?;
            return Self::from_slice(bytes.strip_prefix(&PEER_ID_ED25519).ok_or(KeyError::OtherKeyType)?);
        }
        if text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            let bytes = HEXLOWER_PERMISSIVE
                .decode(text.as_bytes())
                .map_err(|_| KeyError::WrongLength { found: text.len() / 2 })?;
            return Self::from_slice(&bytes);
        }
        Err(not_a_key(text))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "did:key:{}", self.to_multibase())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.to_multibase())
    }
}

/// An Ed25519 secret key. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// From the 32-byte seed of RFC 8032.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The 32-byte seed, for the key file and the recovery words only.
    #[must_use]
    pub fn to_seed(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> Key {
        Key(self.0.verifying_key().to_bytes())
    }

    /// The secret that only the holder of `other` can reckon too: X25519 of the two keys in Montgomery form. Callers hash
    /// it together with both keys.
    pub(crate) fn agree(&self, other: &Key) -> zeroize::Zeroizing<[u8; 32]> {
        let shared = VerifyingKey::from_bytes(&other.0)
            .map_or([0; 32], |key| key.to_montgomery().mul_clamped(self.0.to_scalar_bytes()).to_bytes());
        zeroize::Zeroizing::new(shared)
    }

    /// Signature over `message`. Callers pass domain-separated preimages only.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public().to_multibase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
    use curve25519_dalek::scalar::Scalar;
    use sha2::{Digest, Sha512};

    fn alice() -> Key {
        SecretKey::from_seed(&[7; 32]).public()
    }

    #[test]
    fn every_text_form_leads_back_to_the_key() {
        let key = alice();
        let mut peer_id = PEER_ID_ED25519.to_vec();
        peer_id.extend_from_slice(key.as_bytes());
        let forms = [
            key.to_string(),
            key.to_multibase(),
            key.to_pkarr(),
            bs58::encode(peer_id).into_string(),
            data_encoding::HEXLOWER.encode(key.as_bytes()),
            data_encoding::HEXUPPER.encode(key.as_bytes()),
            format!("  {key}\n"),
            format!("{key}#{}", key.to_multibase()),
        ];
        for form in forms {
            assert_eq!(form.parse::<Key>(), Ok(key), "{form}");
        }
        assert!(key.to_multibase().starts_with("z6Mk"));
    }

    #[test]
    fn wrong_length_not_on_the_curve_and_foreign_keys_are_told_apart() {
        assert_eq!("ab".repeat(31).parse::<Key>(), Err(KeyError::WrongLength { found: 31 }));
        assert!(matches!("hello".parse::<Key>(), Err(KeyError::NotAKey { .. })));
        assert!("zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme".parse::<Key>().is_err());
        assert_eq!(
            "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme".parse::<Key>(),
            Err(KeyError::OtherKeyType)
        );
        // y = 2 is no x-coordinate's point.
        let mut off_curve = [0_u8; 32];
        off_curve[0] = 2;
        assert_eq!(Key::from_bytes(off_curve), Err(KeyError::NotOnCurve));
        // The identity point verifies anything under cofactored rules.
        let mut identity = [0_u8; 32];
        identity[0] = 1;
        assert_eq!(Key::from_bytes(identity), Err(KeyError::NotOnCurve));
    }

    #[test]
    fn endless_text_is_refused_before_it_is_decoded() {
        // Decoding the longest would take minutes: the test would not end in time.
        for len in [BASE58_BYTES_MAX, 1 << 20] {
            let endless = "2".repeat(len);
            for start in ["did:key:z6Mk", "z6Mk", "12D3Koo"] {
                let refused = format!("{start}{endless}").parse::<Key>();
                assert!(matches!(refused, Err(KeyError::NotAKey { .. })), "{start} and {len} more");
            }
        }
    }

    #[test]
    fn signatures_that_only_lax_verifiers_accept_are_refused() {
        // R is the identity and s = H(R, A, M)·a mod L: the equation holds, RFC 8032 leaves the point to the verifier.
        let s = "d4c5323131ff9683cfb3d30197c786c9043f1052d6c2d5293f19d6f36b911104";
        let mut signature = [0; 64];
        signature[0] = 1;
        signature[32..].copy_from_slice(&data_encoding::HEXLOWER.decode(s.as_bytes()).expect("hex"));
        let lax = VerifyingKey::from_bytes(alice().as_bytes()).expect("a key");
        let verdict = ed25519_dalek::Verifier::verify(&lax, b"message", &Signature::from_bytes(&signature));
        assert!(verdict.is_ok(), "the vector must be one on which verifiers disagree");
        assert!(!alice().has_signed(b"message", &signature));
    }

    #[test]
    fn points_of_small_order_are_known_by_their_bytes() {
        for point in EIGHT_TORSION {
            let bytes = point.compress().to_bytes();
            assert!(is_small_order(&bytes), "{bytes:?}");
            assert_eq!(Key::from_bytes(bytes), Err(KeyError::NotOnCurve));
        }
        let x_sign_of_zero = [1, 0xec].map(|low| {
            let mut bytes = if low == 1 { [0; 32] } else { [0xff; 32] };
            (bytes[0], bytes[31]) = (low, bytes[31] | 0x80);
            bytes
        });
        for bytes in x_sign_of_zero.iter().chain([alice().as_bytes()]) {
            assert!(!is_small_order(bytes), "{bytes:?} is no canonical encoding of such a point");
        }
    }

    /// A key that is the sum of a good one and of a point of order eight: with it, an R of small order passes the plain
    /// check as often as eight tries.
    #[test]
    fn every_point_of_small_order_is_refused_as_the_strict_check_of_the_library_does() {
        let a = Scalar::from_bytes_mod_order([5; 32]);
        let mixed = (EdwardsPoint::mul_base(&a) + EIGHT_TORSION[1]).compress().to_bytes();
        let library = VerifyingKey::from_bytes(&mixed).expect("a key");
        let (_, check) = Key::with_check(&mixed).expect("a key that is not of small order");
        for torsion in EIGHT_TORSION {
            let r = torsion.compress().to_bytes();
            let forged = (0_u32..1000).find_map(|message| {
                let message = message.to_be_bytes();
                let k = Scalar::from_bytes_mod_order_wide(&Sha512::digest([&r[..], &mixed, &message].concat()).into());
                let mut signature = [0; 64];
                signature[..32].copy_from_slice(&r);
                signature[32..].copy_from_slice((k * a).as_bytes());
                library.verify(&message, &Signature::from_bytes(&signature)).ok().map(|()| (message, signature))
            });
            let (message, signature) = forged.expect("one message in eight passes the plain check");
            assert!(library.verify_strict(&message, &Signature::from_bytes(&signature)).is_err());
            assert!(!check.holds(&message, &signature), "R {r:?}");
        }
    }

    proptest::proptest! {
        /// One rule for everybody: other readers use the strict check of ed25519-dalek, or what is equal to it.
        #[test]
        fn the_check_and_the_strict_check_of_the_library_agree(
            seed: [u8; 32],
            message: [u8; 8],
            // A byte of the signature and what is done to it; nothing for the value 0.
            at in 0_usize..64,
            change: u8,
            // Which point stands as R, if any: of small order, or such with its y beyond the modulus.
            point in 0_usize..24,
            is_sum: bool,
        ) {
            let secret = SecretKey::from_seed(&seed);
            let mut signature = secret.sign(&message);
            signature[at] ^= change;
            if let Some(torsion) = EIGHT_TORSION.get(point) {
                signature[..32].copy_from_slice(&torsion.compress().to_bytes());
            } else if point == 8 {
                // One as p + 1.
                signature[..32].copy_from_slice(&[[0xee].as_slice(), &[0xff; 30], &[0x7f]].concat());
            }
            let mut key = *secret.public().as_bytes();
            if is_sum {
                let point = CompressedEdwardsY(key).decompress().expect("a point") + EIGHT_TORSION[point % 8];
                key = point.compress().to_bytes();
            }
            let library = VerifyingKey::from_bytes(&key).expect("a key");
            let (_, check) = Key::with_check(&key).expect("a key");
            let expected = library.verify_strict(&message, &Signature::from_bytes(&signature)).is_ok();
            proptest::prop_assert_eq!(check.holds(&message, &signature), expected);
        }
    }

    #[test]
    fn debug_of_a_secret_shows_only_the_public_key() {
        let secret = SecretKey::from_seed(&[9; 32]);
        assert!(!format!("{secret:?}").contains("0909"));
    }
}
