//! Why a statement may be gone from a disk: it was replaced, beaten in a conflict, taken back, withdrawn, or it expired.

use super::{Broken, Property};
use crate::disk::Disk;
use crate::truth::Truth;
use heirloom_core::ground::{Ground, Place};
use heirloom_proto::body::Retraction;
use heirloom_proto::dht::{read_work, work_salt};
use heirloom_proto::{Body, Header, Key, Kind, Statement, StatementId, Timestamp, WorkId};

/// What of a statement says whether it may be gone.
///
/// COST: 136 bytes. The whole statement took three quarters of a kilobyte, and a late joiner's run looks at four million.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) id: StatementId,
    pub(super) header: Header,
    place: Place,
    /// The work of a listing.
    listed: Option<Box<WorkId>>,
}

impl Said {
    pub(super) fn of(statement: &Statement) -> Self {
        let listed = match statement.body() {
            Body::Listing(listing) => Some(Box::new(listing.work.clone())),
            _ => None,
        };
        let header = *statement.header();
        Self { id: statement.id(), header, place: Place::of(statement), listed }
    }

    pub(super) fn author(&self) -> &Key {
        &self.place.author
    }

    pub(super) fn kind(&self) -> Kind {
        self.place.kind
    }
}

/// Whether a statement is on a disk, or gone for a good reason.
pub(super) fn is_settled(
    property: Property,
    ground: &Ground<Disk>,
    said: &Said,
    wall: Timestamp,
    truth: &Truth,
) -> Result<bool, Broken> {
    let unreadable = |error: heirloom_core::store::StoreError| property.unreadable(error);
    if ground.place_by_id(&said.id).map_err(unreadable)?.is_some() || said.header.is_expired(wall) {
        return Ok(true);
    }
    let floor = ground.floor(&said.place).map_err(unreadable)?;
    let is_replaced = floor.is_some_and(|floor| floor > said.header.order());
    let rival = ground.place_by_sequence(said.author(), said.header.order()).map_err(unreadable)?;
    let target = Body::Retraction(Retraction { target: said.id });
    let retraction = Place { author: *said.author(), kind: Kind::Retraction, slot: target.slot() };
    let is_taken_back = ground.statement(&retraction).map_err(unreadable)?.is_some();
    Ok(is_replaced || rival.is_some() || is_taken_back || is_withdrawn(said, truth))
}

/// Whether the author of a listing has since put an item of the work without it.
fn is_withdrawn(said: &Said, truth: &Truth) -> bool {
    let Some(work) = said.listed.as_deref() else { return false };
    let (key, salt) = (*said.author().as_bytes(), work_salt(work).to_vec());
    let since = i64::try_from(said.header.seq).unwrap_or(i64::MAX);
    truth.items.range((key, salt.clone(), since)..=(key, salt, i64::MAX)).any(|(_, item)| {
        let entry = read_work(item, work);
        entry.is_ok_and(|entry| entry.statements.iter().all(|other| other.id() != said.id))
    })
}
