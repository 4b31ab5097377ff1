//! Why a score is what it is: the graph's explanation, with names, the bytes received, and whom the owner silenced.

use super::Service;
use crate::command::{CommandError, Reply, Subject};
use crate::ground::Place;
use crate::io::Now;
use crate::scoring::node;
use crate::store::{Store, StoreError};
use crate::views::{self, LedgerBy};
use crate::why::to_why;
use heirloom_graph::Band;
use heirloom_proto::body::{Attestation, Level, Opinion, Scope, Verdict};
use heirloom_proto::{Body, Infohash, Key, Kind};
use std::collections::BTreeSet;

/// Why the word of a key that is distrusted does not count.
const DISTRUSTED: &str = "distrusted, so its word has no power";

impl<S: Store> Service<S> {
    /// Explains, with the bytes received beside the votes.
    pub(super) fn why(
        &mut self,
        now: Now,
        subject: &Subject,
        scope: Scope,
    ) -> Result<Result<Reply, CommandError>, StoreError> {
        self.refresh_scoring(now.wall);
        let why = match subject {
            Subject::Key(key) => self.why_key(now, key, scope)?,
            Subject::Release(infohash) => self.why_release(now, infohash)?,
            Subject::Work(work) => match self.show(now, work)?.releases.first() {
                Some(release) => {
                    let infohash = release.infohash;
                    self.why_release(now, &infohash)?
                }
                None => {
                    return Ok(Err(CommandError::not_found(
                        "unknown_work",
                        format!("no release of {work} is known here: try `heirloom show {work}` first"),
                    )));
                }
            },
        };
        Ok(Ok(Reply::Why(Box::new(why))))
    }

    fn why_key(&mut self, now: Now, key: &Key, scope: Scope) -> Result<views::Why, StoreError> {
        let explained = self.scoring.explain_key(now.wall, scope, key);
        let mut why = to_why(key.to_string(), (scope, self.trust.preset), &explained, |key| self.label_of(key));
        why.head = self.head_age(now, key)?;
        let speakers = self.known_speakers_about(key, scope)?;
        self.name_distrusted_first(now, scope, &speakers, &mut why);
        let received = self.ledger.bytes_by_key(&self.bad_releases()).get(key).copied().unwrap_or(0);
        if received > 0 && !why.because.iter().any(|because| because.kind == "evidence") {
            let me = self.identity.key();
            let seeding = self.scoring.explain_key(now.wall, Scope::Seed, key);
            let weight = seeding
                .because
                .iter()
                .find_map(|reason| match reason.kind {
                    heirloom_graph::ReasonKind::Bytes { weight, .. } => Some(weight),
                    _ => None,
                })
                .unwrap_or(0.0);
            let note = format!(
                "{received} hash-checked bytes received from this key count {weight:.6} in scope seed; in scope catalogue \
                 they count for releases that it listed, once kept for 7 days or judged good"
            );
            why.because.push(bytes_beside(vec![me], note));
        }
        if received > 0 {
            why.arithmetic.push_str(&format!("; received from this key: {received} hash-checked bytes"));
        }
        let weak = self.ledger.observed().bytes_of(key, &self.bad_releases());
        if weak > 0 {
            let note = format!(
                "{weak} bytes received from this key by another client of yours, as that client counts them: weak evidence, of \
                 which a quarter counts, in scope seed alone"
            );
            why.because.push(views::Because { kind: "weak_evidence", ..bytes_beside(vec![self.identity.key()], note) });
        }
        let caught = self.findings.caught_of(key);
        if caught > 0 {
            let releases = if caught == 1 { "release that it lists was" } else { "releases that it lists were" };
            let held = if self.scoring.is_held_against(key) { ", which is held against it" } else { "" };
            why.arithmetic.push_str(&format!("; {caught} {releases} not what it signed, as fetching showed{held}"));
        }
        let judged = self.catalogue.judged(&[Opinion::Fake, Opinion::Malware]);
        let judged = judged.iter().any(|infohash| self.catalogue.is_listed_by(infohash, key));
        if judged && self.scoring.is_held_against(key) {
            why.arithmetic.push_str("; releases that it listed and you judged fake are held against it");
        }
        Ok(why)
    }

    fn why_release(&mut self, now: Now, infohash: &Infohash) -> Result<views::Why, StoreError> {
        let explained = self.scoring.explain_release(now.wall, infohash);
        let told = (Scope::Catalogue, self.trust.preset);
        let mut why = to_why(infohash.to_string(), told, &explained, |key| self.label_of(key));
        self.add_words(infohash, &mut why)?;
        let voters = self.catalogue.listers_of(infohash).map(|(key, _)| *key);
        let voters = voters.chain(self.catalogue.verdicts_of(infohash).map(|(key, _)| *key));
        let speakers: BTreeSet<Key> = voters.filter(|key| self.is_known_to_owner(key)).collect();
        self.name_distrusted_first(now, Scope::Catalogue, &speakers, &mut why);
        let bad = self.bad_releases();
        if self.catalogue.judged(&[Opinion::Fake, Opinion::Malware]).contains(infohash) {
            why.arithmetic.push_str("; you judged it bad, so bytes of it count for nobody");
        } else if bad.contains(infohash) {
            why.arithmetic.push_str("; it holds something else than it says, so bytes of it count for nobody");
        }
        let rows = self.ledger.rows(LedgerBy::Release, &bad, |key| self.name_of(key).unwrap_or_default());
        for row in rows.into_iter().filter(|row| row.infohash == Some(*infohash)) {
            let from = row.key.map_or_else(|| "no key".to_owned(), |key| self.label_of(&key));
            let note =
                format!("{} hash-checked bytes of it received from {} ({from})", row.verified_bytes, row.address);
            let path = row.key.into_iter().collect();
            why.because.push(bytes_beside(path, note));
        }
        let weak = self.ledger.observed().rows(LedgerBy::Release, &bad, |_| String::new());
        for row in weak.into_iter().filter(|row| row.infohash == Some(*infohash)) {
            let from = row.key.map_or_else(|| "no key".to_owned(), |key| self.label_of(&key));
            let (bytes, address, client) = (row.verified_bytes, row.address, row.source.name());
            let note = format!(
                "{bytes} bytes of it received by {client} from {address} ({from}), as it counts them: weak evidence"
            );
            let beside = bytes_beside(row.key.into_iter().collect(), note);
            why.because.push(views::Because { kind: "weak_evidence", ..beside });
        }
        Ok(why)
    }

    /// Adds to each verdict what its author said of it: why, and how they know.
    fn add_words(&self, infohash: &Infohash, why: &mut views::Why) -> Result<(), StoreError> {
        let any = Verdict { infohash: *infohash, opinion: Opinion::Good, note: String::new() };
        let slot = Body::Verdict(any).slot();
        for because in why.because.iter_mut().filter(|because| because.kind == "verdict") {
            let Some(author) = because.path.last().copied() else { continue };
            let stored = self.ground.statement(&Place { author, kind: Kind::Verdict, slot })?;
            let words = stored.as_ref().and_then(|stored| match stored.statement.body() {
                Body::Verdict(verdict) if !verdict.note.is_empty() => Some(&verdict.note),
                _ => None,
            });
            if let Some(words) = words {
                because.note.push_str(&format!(": {words:?}"));
            }
        }
        Ok(())
    }

    fn is_known_to_owner(&self, key: &Key) -> bool {
        self.curation.of(key).is_some() || self.scoring.has_own_word(key)
    }

    /// Keys that the owner follows or spoke of, and that say something of this one.
    fn known_speakers_about(&self, subject: &Key, scope: Scope) -> Result<BTreeSet<Key>, StoreError> {
        let slots = [Scope::All, scope].map(|scope| {
            Body::Attestation(Attestation { subject: *subject, scope, level: Level::NONE, reason: String::new() })
                .slot()
        });
        let known = self.curation.all().keys().copied().chain(self.scoring.own_words());
        let mut speakers = BTreeSet::new();
        for author in known {
            for slot in slots {
                if self.ground.statement(&Place { author, kind: Kind::Attestation, slot })?.is_some() {
                    speakers.insert(author);
                }
            }
        }
        Ok(speakers)
    }

    /// Puts those whom the owner knows and who are distrusted before the strangers, of whom a ring has many.
    fn name_distrusted_first(&mut self, now: Now, scope: Scope, speakers: &BTreeSet<Key>, why: &mut views::Why) {
        let scores = self.scoring.scores(now.wall, crate::scoring::scope(scope));
        for speaker in speakers.iter().filter(|key| scores.key(&node(key)).band == Band::Distrusted) {
            if why.because.iter().any(|because| because.path.last() == Some(speaker)) {
                continue;
            }
            let listed = why.ignored.len();
            why.ignored.retain(|(key, _)| key != speaker);
            if why.ignored.len() == listed {
                why.ignored_more = why.ignored_more.saturating_sub(1);
            }
            why.ignored.insert(0, (*speaker, DISTRUSTED.to_owned()));
        }
    }
}

/// Bytes that are told beside the votes: they are in none of the sums.
fn bytes_beside(path: Vec<Key>, note: String) -> views::Because {
    views::Because { path, weight: 0.0, share: 0.0, is_against: false, kind: "evidence", note }
}
