//! What is made into a torrent now, before it can be signed: how far each is, and how to end it.
//!
//! Whoever asked may have gone meanwhile, such as a tab that was closed: what they confirmed goes on, is told here, and
//! takes its row away when it ends, however it ends.

use crate::torrent::Making;
use heirloom_core::command::{CommandError, Fault};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most at once: each reads a disk from end to end, so more of them end no sooner.
pub const PUBLISHING_MAX: usize = 8;

/// Something that is read and hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Names it until it ends.
    pub job: u64,
    /// File or folder.
    pub source: String,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Of so many; 0 while its files are looked for.
    pub total: u64,
}

/// All of them. Clones are handles.
#[derive(Clone, Default)]
pub struct Publishing(Arc<Jobs>);

#[derive(Default)]
struct Jobs {
    rows: Mutex<BTreeMap<u64, (String, Arc<Making>)>>,
    is_over: AtomicBool,
}

/// Its row, which goes with it.
pub(super) struct Row {
    publishing: Publishing,
    job: u64,
    pub(super) making: Arc<Making>,
}

impl Drop for Row {
    fn drop(&mut self) {
        self.publishing.rows().remove(&self.job);
    }
}

impl Publishing {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<u64, (String, Arc<Making>)>> {
        // A panic while it was held cannot leave it half changed: every change is one insert.
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one.
    pub(super) fn begin(&self, job: u64, source: &str) -> Result<Row, CommandError> {
        let mut rows = self.rows();
        if self.0.is_over.load(Ordering::Relaxed) {
            return Err(CommandError::new(Fault::Failed, "cancelled", "the node is stopping: publish it again later"));
        }
        if rows.len() >= PUBLISHING_MAX {
            let message = format!("{PUBLISHING_MAX} publications are being read already: wait for one, or cancel it");
            return Err(CommandError::new(Fault::Failed, "busy", message));
        }
        let making = Arc::new(Making::default());
        rows.insert(job, (source.to_owned(), Arc::clone(&making)));
        drop(rows);
        Ok(Row { publishing: self.clone(), job, making })
    }

    /// Every one, the oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Job> {
        let row = |(job, (source, making)): (&u64, &(String, Arc<Making>))| Job {
            job: *job,
            source: source.clone(),
            bytes: making.bytes(),
            total: making.total(),
        };
        self.rows().iter().map(row).collect()
    }

    /// Has all of them end, and takes no other: the node stops.
    pub(super) fn cancel_all(&self) {
        let rows = self.rows();
        // While nobody begins.
        self.0.is_over.store(true, Ordering::Relaxed);
        rows.values().for_each(|(_, making)| making.cancel());
    }

    /// Has one end; whoever asked for it is told so.
    ///
    /// # Errors
    /// When there is none of this number: it may just have ended.
    pub fn cancel(&self, job: u64) -> Result<(), CommandError> {
        match self.rows().get(&job) {
            Some((_, making)) => {
                making.cancel();
                Ok(())
            }
            None => {
                let message = format!("nothing of the number {job} is being read: it may have ended just now");
                Err(CommandError::not_found("no_such_job", message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_goes_when_its_work_ends() {
        let publishing = Publishing::default();
        let rows: Vec<Row> = (0..8).map(|job| publishing.begin(job, "/films/a.mp4").expect("a place")).collect();
        assert_eq!(publishing.begin(9, "/films/b.mp4").map(|_| ()).expect_err("no place").code, "busy");
        assert_eq!(publishing.all().len(), PUBLISHING_MAX);
        assert_eq!(publishing.all()[3], Job { job: 3, source: "/films/a.mp4".into(), bytes: 0, total: 0 });
        publishing.cancel(3).expect("it is there");
        publishing.cancel_all();
        drop(rows);
        assert_eq!(publishing.begin(9, "/films/b.mp4").map(|_| ()).expect_err("it stops").code, "cancelled");
        assert_eq!(publishing.all(), []);
        assert_eq!(publishing.cancel(3).expect_err("it is gone").code, "no_such_job");
    }
}
