//! What stands in the Mainline DHT: BEP44 mutable items that hold heads and the listings of one (key, work).
//!
//! The bencoded value stays within [`VALUE_BYTES_MAX`]; the signature is the authority, not whoever put the item.

use crate::body::Body;
use crate::statement::{from_slim, to_slim};
use crate::{Key, Kind, SecretKey, Sha256, Statement, StatementId, Verified, VerifyError, WorkId, schema, statement};
use prost::Message;

/// Salt of the item that holds a key's head.
pub const HEAD_SALT: &[u8] = b"heirloom";

/// Most bytes of a bencoded value. BEP44 allows 1000; some nodes refuse exactly that, so stay below.
pub const VALUE_BYTES_MAX: usize = 950;

/// Most ids of further statements in a work item: what a reader would fetch elsewhere.
const MORE_IDS_MAX: usize = 8;

/// Salt of the item that holds a key's listings of a work: SHA-256 of the normalised id, 32 bytes (BEP44 allows 64).
#[must_use]
pub fn work_salt(work: &WorkId) -> [u8; 32] {
    Sha256::of(work.as_str().as_bytes()).0
}

/// A BEP44 mutable item. As received it is nobody's; [`Item::verify`] makes it somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Ed25519 public key under which it is stored.
    pub key: [u8; 32],
    /// Salt, at most 64 bytes.
    pub salt: Vec<u8>,
    /// Sequence number; the highest wins.
    pub seq: i64,
    /// The byte string, not bencoded.
    pub value: Vec<u8>,
    /// Signature over salt, seq and value (BEP44).
    pub signature: [u8; 64],
}

/// Why an item from the DHT is ignored.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ItemError {
    /// Longer than an item may be.
    #[error("value of {0} bytes is too long")]
    TooLong(usize),
    /// Not stored under a valid key.
    #[error("not under a valid key")]
    BadKey,
    /// The BEP44 signature does not hold.
    #[error("BEP44 signature does not hold")]
    BadSignature,
    /// Under the wrong salt, or nothing that Heirloom writes.
    #[error("not a Heirloom item of this kind")]
    NotOurs,
    /// A statement inside does not hold.
    #[error("statement inside: {0}")]
    Statement(VerifyError),
}

/// The bytes that BEP44 signs.
fn signable(salt: &[u8], seq: i64, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(value.len() + salt.len() + 48);
    if !salt.is_empty() {
        bytes.extend_from_slice(format!("4:salt{}:", salt.len()).as_bytes());
        bytes.extend_from_slice(salt);
    }
    bytes.extend_from_slice(format!("3:seqi{seq}e1:v{}:", value.len()).as_bytes());
    bytes.extend_from_slice(value);
    bytes
}

fn bencoded_len(value_len: usize) -> usize {
    value_len + value_len.to_string().len() + 1
}

impl Item {
    /// Checks size, key and signature.
    ///
    /// # Errors
    /// [`ItemError::TooLong`], [`ItemError::BadKey`] or [`ItemError::BadSignature`].
    pub fn verify(self) -> Result<Verified<Self>, ItemError> {
        if bencoded_len(self.value.len()) > VALUE_BYTES_MAX || self.salt.len() > 64 {
            return Err(ItemError::TooLong(self.value.len()));
        }
        let key = Key::from_bytes(self.key).map_err(|_| ItemError::BadKey)?;
        if !key.has_signed(&signable(&self.salt, self.seq, &self.value), &self.signature) {
            return Err(ItemError::BadSignature);
        }
        Ok(Verified::new(self))
    }

    fn sign(secret: &SecretKey, salt: &[u8], seq: u64, value: Vec<u8>) -> Verified<Self> {
        // Statement sequence numbers are checked to fit when they are decoded.
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        let signature = secret.sign(&signable(salt, seq, &value));
        Verified::new(Self { key: *secret.public().as_bytes(), salt: salt.to_vec(), seq, value, signature })
    }
}

impl Verified<Item> {
    /// Under whose key it stands.
    ///
    /// # Panics
    /// Never: only items under valid keys are verified.
    #[must_use]
    pub fn author(&self) -> Key {
        // PANIC: `verify` and `sign` admit valid keys only.
        Key::from_bytes(self.key).expect("a verified item stands under a valid key")
    }
}

/// The item of one's own head. Its BEP44 sequence number is the head's.
#[must_use]
pub fn head_item(secret: &SecretKey, head: &Verified<Statement>) -> Verified<Item> {
    Item::sign(secret, HEAD_SALT, head.header().seq, head.bytes().to_vec())
}

/// The head in an item.
///
/// # Errors
/// [`ItemError::NotOurs`] when it is something else or of another key, [`ItemError::Statement`] when it does not hold.
pub fn read_head(item: &Verified<Item>) -> Result<Verified<Statement>, ItemError> {
    if item.salt != HEAD_SALT {
        return Err(ItemError::NotOurs);
    }
    let head = statement::verify(&item.value).map_err(ItemError::Statement)?;
    if head.kind() != Kind::Head || head.author().as_bytes() != &item.key {
        return Err(ItemError::NotOurs);
    }
    Ok(head)
}

/// What a work item holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkEntry {
    /// Listings, the work record and retractions, as signed by the item's key.
    pub statements: Vec<Verified<Statement>>,
    /// Ids of more that did not fit.
    pub more: Vec<StatementId>,
    /// Statements inside that did not hold or did not belong here.
    pub refused: usize,
}

/// The item of one's own statements about a work: those that fit, in the given order, and the ids of the rest.
///
/// `seq` must be higher than that of any earlier item of this work; the newest statement's is.
#[must_use]
pub fn work_item(secret: &SecretKey, work: &WorkId, statements: &[Verified<Statement>], seq: u64) -> Verified<Item> {
    let mut item = schema::WorkItem::default();
    let mut rest = Vec::new();
    for statement in statements {
        item.statements.push(to_slim(statement));
        if bencoded_len(item.encoded_len()) > VALUE_BYTES_MAX {
            item.statements.pop();
            rest.push(statement.id());
        }
    }
    // Statements first, since ids are only hints of where to ask on.
    for id in rest.into_iter().take(MORE_IDS_MAX) {
        item.more.push(id.0.to_vec());
        if bencoded_len(item.encoded_len()) > VALUE_BYTES_MAX {
            item.more.pop();
            break;
        }
    }
    Item::sign(secret, &work_salt(work), seq, item.encode_to_vec())
}

/// The statements in a work item. One that does not hold is left out and counted: the others are still signed.
///
/// # Errors
/// [`ItemError::NotOurs`] when the salt is another work's or the value is none of ours.
pub fn read_work(item: &Verified<Item>, work: &WorkId) -> Result<WorkEntry, ItemError> {
    if item.salt != work_salt(work) {
        return Err(ItemError::NotOurs);
    }
    let wire = schema::WorkItem::decode(item.value.as_slice()).map_err(|_| ItemError::NotOurs)?;
    // A listing may be too long for any item: then there are only ids.
    let is_empty = wire.statements.is_empty() && wire.more.is_empty();
    if wire.encode_to_vec() != item.value || is_empty {
        return Err(ItemError::NotOurs);
    }
    let author = item.author();
    let mut entry = WorkEntry { statements: Vec::new(), more: Vec::new(), refused: 0 };
    for slim in wire.statements {
        match statement::verify(&from_slim(&author, slim)) {
            Ok(statement) if is_about(&statement, work) => entry.statements.push(statement),
            _ => entry.refused += 1,
        }
    }
    entry.more = wire.more.iter().filter_map(|id| StatementId::from_slice(id)).take(MORE_IDS_MAX).collect();
    Ok(entry)
}

/// Whether a statement belongs into the item of a work.
fn is_about(statement: &Statement, work: &WorkId) -> bool {
    match statement.body() {
        // A listing names one id; its work record may tie that id to the one that was asked for.
        Body::Listing(_) | Body::Retraction(_) => true,
        Body::Work(record) => record.ids.contains(work),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{Head, Listing, Work, WorkKind};
    use crate::{Header, Infohash, Timestamp};

    fn alice() -> SecretKey {
        SecretKey::from_seed(&[1; 32])
    }

    fn work() -> WorkId {
        "imdb:tt1254207".parse().expect("id")
    }

    fn header(seq: u64) -> Header {
        Header { generation: 0, seq, created: Timestamp(seq), expires: Some(Timestamp(seq + 1000)) }
    }

    fn listing_body(number: u8) -> Listing {
        Listing {
            info_sha256: Some(Sha256([number; 32])),
            size: 1_055_736,
            resolution: "720p".into(),
            licence: "CC-BY-3.0".into(),
            ..Listing::new(work(), Infohash([number; 20]), format!("Big Buck Bunny {number}"))
        }
    }

    fn listing(number: u8) -> Verified<Statement> {
        Statement::sign(&alice(), &header(u64::from(number) + 1), &Body::Listing(listing_body(number))).expect("signed")
    }

    #[test]
    fn work_item_holds_what_fits_and_names_the_rest() {
        let record = Work::new(work(), "Big Buck Bunny".into(), Some(2008), WorkKind::Film);
        let record = Statement::sign(&alice(), &header(99), &Body::Work(record)).expect("signed");
        let mut all: Vec<_> = (0..6).rev().map(listing).collect();
        all.insert(1, record);
        let item = work_item(&alice(), &work(), &all, 99);
        assert!(bencoded_len(item.value.len()) <= VALUE_BYTES_MAX);
        let read = read_work(&item.clone().into_inner().verify().expect("holds"), &work()).expect("ours");
        assert_eq!(read.refused, 0);
        assert!(read.statements.len() >= 3, "newest listings and the record fit: {}", read.statements.len());
        assert_eq!(read.statements[..2], all[..2]);
        assert!(!read.more.is_empty(), "there is room for an id of what did not fit");
        let left_out: Vec<_> =
            all.iter().map(|s| s.id()).filter(|id| read.statements.iter().all(|s| s.id() != *id)).collect();
        assert!(left_out.starts_with(&read.more), "the newest of the rest are named");
    }

    #[test]
    fn a_listing_too_long_for_an_item_is_still_named() {
        let body = Body::Listing(Listing { trackers: vec!["t".repeat(200); 5], ..listing_body(1) });
        let long = Statement::sign(&alice(), &header(2), &body).expect("signed");
        let read = read_work(&work_item(&alice(), &work(), std::slice::from_ref(&long), 2), &work()).expect("ours");
        assert_eq!((read.statements.len(), read.more, read.refused), (0, vec![long.id()], 0));
        let empty = work_item(&alice(), &work(), &[], 2);
        assert_eq!(read_work(&empty, &work()), Err(ItemError::NotOurs));
    }

    #[test]
    fn damage_other_keys_other_works_and_length_are_refused() {
        let item = work_item(&alice(), &work(), &[listing(1)], 5).into_inner();
        assert!(item.clone().verify().is_ok());
        assert_eq!(Item { seq: 6, ..item.clone() }.verify(), Err(ItemError::BadSignature));
        assert_eq!(Item { salt: vec![0; 32], ..item.clone() }.verify(), Err(ItemError::BadSignature));
        assert_eq!(Item { value: vec![0; 947], ..item.clone() }.verify(), Err(ItemError::TooLong(947)));
        let mut off_curve = [0; 32];
        off_curve[0] = 2;
        assert_eq!(Item { key: off_curve, ..item.clone() }.verify(), Err(ItemError::BadKey));
        let verified = item.verify().expect("holds");
        assert_eq!(read_work(&verified, &"imdb:tt0000001".parse().expect("id")), Err(ItemError::NotOurs));
        assert_eq!(read_head(&verified), Err(ItemError::NotOurs));
    }

    #[test]
    fn a_statement_of_another_key_inside_is_left_out() {
        let mallory = SecretKey::from_seed(&[2; 32]);
        // Mallory puts Alice's listing under Mallory's key: the author is the item's key, so its signature fails.
        let item = work_item(&mallory, &work(), &[listing(1)], 5);
        let read = read_work(&item, &work()).expect("well formed");
        assert!(read.statements.is_empty());
        assert_eq!(read.refused, 1);
    }

    #[test]
    fn head_item_leads_back_to_the_head() {
        let head = Body::Head(Head { live_count: 3, live_root: Sha256([1; 32]), archive: None });
        let head = Statement::sign(&alice(), &header(7), &head).expect("signed");
        let item = head_item(&alice(), &head).into_inner().verify().expect("holds");
        assert_eq!(item.seq, 7);
        assert_eq!(read_head(&item), Ok(head.clone()));
        let under_mallory = Item::sign(&SecretKey::from_seed(&[2; 32]), HEAD_SALT, 7, head.bytes().to_vec());
        assert_eq!(read_head(&under_mallory), Err(ItemError::NotOurs));
    }
}
