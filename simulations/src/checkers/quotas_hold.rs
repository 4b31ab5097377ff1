//! Nobody takes more of a disk than is theirs: live statements of a kind, bytes of a key, bytes of all strangers.

use super::{Checker, Held, Look, Property};
use heirloom_core::ingest::{FOLLOWED_BYTES_MAX, RATED_BYTES_MAX, STRANGERS_BYTES_MAX};
use heirloom_proto::{Key, Kind};
use std::collections::BTreeMap;

const PROPERTY: Property = Property::QuotasHold;

#[derive(Debug)]
pub(crate) struct QuotasHold;

impl Checker for QuotasHold {
    fn look(&mut self, look: &Look<'_>) -> Held {
        let me = look.of.key();
        let mut counts: BTreeMap<(Key, Kind), usize> = BTreeMap::new();
        let mut bytes: BTreeMap<Key, usize> = BTreeMap::new();
        for statement in look.stored.iter().map(|stored| &stored.statement).filter(|said| *said.author() != me) {
            let author = *statement.author();
            *counts.entry((author, statement.kind())).or_default() += 1;
            *bytes.entry(author).or_default() += statement.bytes().len();
        }
        for ((author, kind), count) in counts {
            if count > kind.limits().live_per_key_max {
                return PROPERTY.broken(format!("n{} holds {count} {kind:?} statements of {author}", look.node));
            }
        }
        let mut strangers = 0;
        for (author, bytes) in bytes {
            let is_followed = look.followed.contains(&author);
            let most = if is_followed { FOLLOWED_BYTES_MAX } else { RATED_BYTES_MAX };
            // What was followed or has just been taken over from may have been more.
            if bytes > most && (is_followed || !look.rated.contains(&author)) {
                return PROPERTY.broken(format!("n{} holds {bytes} bytes of {author}", look.node));
            }
            if !is_followed && !look.rated.contains(&author) {
                strangers += bytes;
            }
        }
        // Between two looks at the scores somebody may have become a stranger; the next statement evicts.
        if !look.rated.is_empty() && strangers > STRANGERS_BYTES_MAX + RATED_BYTES_MAX {
            return PROPERTY.broken(format!("n{} holds {strangers} bytes of strangers", look.node));
        }
        Ok(())
    }
}
