//! Statements from a file: the owner brings them, but anybody may have made them, so each passes the same door as a
//! stranger's.

use super::Service;
use crate::command::{CommandError, IMPORT_BYTES_MAX, Reply};
use crate::ingest::Refusal;
use crate::io::Now;
use crate::store::{Store, StoreError};
use crate::views::{Imported, Source};
use heirloom_proto::VerifyError;

impl<S: Store> Service<S> {
    /// Takes envelopes in. Rates and the age of a push do not bind them, since nobody pushed; signatures, floors,
    /// quotas and the strangers' pool do: whoever gave the owner the file is not trusted by that.
    ///
    /// Nothing is scored for it but once before a batch that the strangers' pool has no room for: then who is
    /// followed, or vouched for by somebody who is, leaves the pool first, so that only strangers make room.
    pub(super) fn import(
        &mut self,
        now: Now,
        envelopes: &[Vec<u8>],
    ) -> Result<Result<Reply, CommandError>, StoreError> {
        let bytes: usize = envelopes.iter().map(Vec::len).sum();
        if bytes > IMPORT_BYTES_MAX {
            let message = format!("{bytes} bytes of statements are too many at once: send {IMPORT_BYTES_MAX} at most");
            return Ok(Err(CommandError::bad_input("too_much_at_once", message)));
        }
        if !self.ingest.has_room_for_strangers(bytes) {
            self.sort_authors(now);
        }
        let evicted_before = self.evicted();
        let mut done = Imported::default();
        for envelope in envelopes {
            let outcome = match self.verifier.verify(envelope) {
                Err(error) => Err(reason(&error)),
                Ok(statement) => self.take(now, statement, Source::Store)?.map_err(Refusal::counter),
            };
            match outcome {
                Ok(()) => done.imported += 1,
                Err(reason) if reason == Refusal::Known.counter() => done.known += 1,
                Err(reason) => *done.refused.entry(reason).or_default() += 1,
            }
        }
        // Even if all was refused: a standing may have changed.
        self.make_room(now, None)?;
        done.evicted = self.evicted() - evicted_before;
        Ok(Ok(Reply::Imported(done)))
    }

    fn evicted(&self) -> u64 {
        self.ingest.counters.get("evicted").copied().unwrap_or(0)
    }
}

/// Why an envelope was no statement, as a name for scripts.
fn reason(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::TooLong { .. } => "too_long",
        VerifyError::Malformed => "malformed",
        VerifyError::NotCanonical => "not_canonical",
        VerifyError::UnknownKind(_) => "unknown_kind",
        VerifyError::BadAuthor(_) => "bad_author",
        VerifyError::Body(_) => "bad_body",
        VerifyError::BadSignature { .. } => "bad_signature",
    }
}
