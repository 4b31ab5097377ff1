//! What a statement must stand up to before it gets in: time, floors, conflicts, retractions.

use super::{Refusal, Standing, Tally};
use crate::ground::{Ground, Place, Stored};
use crate::io::Now;
use crate::store::{Store, StoreError};
use crate::views::Source;
use heirloom_proto::limits::{FUTURE_MS_MAX, LIFETIME_MS_MAX, PUSH_AGE_MS_MAX};
use heirloom_proto::{Body, Kind, Sha256, Statement, Timestamp, Verified};

/// Whether a statement is of no more use to anybody: expired, but for a head. A head that its author did not renew still
/// leads to all that the author said, so it is kept, served and put again for [`LIFETIME_MS_MAX`] whatever end it names.
#[must_use]
pub fn is_gone(statement: &Statement, now: Timestamp) -> bool {
    let header = statement.header();
    match statement.kind() {
        Kind::Head => now.0.saturating_sub(header.created.0) >= LIFETIME_MS_MAX,
        _ => header.is_expired(now),
    }
}

pub(super) fn check_time(now: Now, new: &Stored, standing: Standing) -> Result<(), Refusal> {
    let header = new.statement.header();
    if standing != Standing::Own && header.created.0 > now.wall.0.saturating_add(FUTURE_MS_MAX) {
        return Err(Refusal::Future);
    }
    if is_gone(&new.statement, now.wall) {
        return Err(Refusal::Expired);
    }
    if new.source == Source::Gossip && now.wall.0.saturating_sub(header.created.0) > PUSH_AGE_MS_MAX {
        return Err(Refusal::TooOldToPush);
    }
    Ok(())
}

pub(super) fn check_receipt(new: &Statement) -> Result<(), Refusal> {
    match new.body() {
        Body::Receipt(receipt) => crate::receipts::check(new.author(), new.header(), receipt),
        _ => Ok(()),
    }
}

/// Whether a kind cannot be taken back: what a key committed to, its rotation and what is proven. Else a thief could
/// remove a commitment and make another.
#[must_use]
pub fn stands_for_good(kind: Kind) -> bool {
    matches!(kind, Kind::Profile | Kind::Rotation | Kind::DuplicityProof)
}

/// What wins a conflict before ids are compared, for the same reason: no thief pushes a commitment out by signing
/// something else with its number.
fn rank(statement: &Statement) -> u8 {
    match statement.kind() {
        Kind::Profile => 0,
        Kind::Rotation => 1,
        _ => 2,
    }
}

/// Floors, conflicts and retractions. `Ok(Ok((losers, is_first)))`: statements that lose a conflict against the new one,
/// and whether nothing ever stood at its place. What is live of its author says what need not be looked for.
pub(super) fn check_place<S: Store>(
    ground: &Ground<S>,
    place: &Place,
    new: &Verified<Statement>,
    tally: &Tally,
) -> Result<Result<(Vec<Stored>, bool), Refusal>, StoreError> {
    let order = new.header().order();
    let mut losers = Vec::new();
    // The same number at another place: the lower id wins everywhere, whatever came first; but see [`rank`].
    if order <= tally.top
        && let Some(other) = ground.place_by_sequence(&place.author, order)?
        && let Some(stored) = ground.statement(&other)?
    {
        if stored.statement.id() == new.id() {
            return Ok(Err(Refusal::Known));
        }
        if (rank(&stored.statement), stored.statement.id()) < (rank(new), new.id()) {
            return Ok(Err(Refusal::LostConflict));
        }
        losers.push(stored);
    }
    let floor = ground.floor_row(place)?;
    if let Some(floor) = &floor {
        let is_winner_of_conflict = floor.order == order && losers.iter().any(|l| Place::of(&l.statement) == *place);
        // What went for want of room may come back; what is older may not.
        let may_stand = is_winner_of_conflict || floor.evicted_ms.is_some();
        if order < floor.order || (order == floor.order && !may_stand) {
            let live = ground.statement(place)?;
            let is_known = live.is_some_and(|stored| stored.statement.id() == new.id());
            return Ok(Err(if is_known { Refusal::Known } else { Refusal::RolledBack }));
        }
    }
    if tally.count(Kind::Retraction) > 0 && !stands_for_good(place.kind) {
        let retraction = Body::Retraction(heirloom_proto::body::Retraction { target: new.id() });
        let by_author = Place { author: place.author, kind: Kind::Retraction, slot: retraction.slot() };
        if ground.statement(&by_author)?.is_some() {
            return Ok(Err(Refusal::Retracted));
        }
    }
    losers.retain(|loser| Place::of(&loser.statement) != *place);
    Ok(Ok((losers, floor.is_none())))
}

/// Slot helper for the floor of a DHT item, which is no statement: key ‖ 0 ‖ SHA-256 of the salt.
#[must_use]
pub fn item_floor_key(key: &[u8; 32], salt: &[u8]) -> Vec<u8> {
    let mut bytes = key.to_vec();
    bytes.push(0);
    bytes.extend_from_slice(&Sha256::of(salt).0);
    bytes
}
