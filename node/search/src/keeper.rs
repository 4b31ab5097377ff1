//! Keeps the index as the core says that things are: on a thread of its own, so that neither the core nor a search waits
//! for its disk.

use super::index::{Index, Writer};
use super::schema::half;
use heirloom_core::changes::{Heard, Mark};
use heirloom_core::ground::Stored;
use heirloom_proto::StatementId;
use std::path::Path;
use tantivy::TantivyError;

/// Statements that the core hands over at once: a few milliseconds of its time.
const PAGE: usize = 256;
/// Ids that it hands over at once.
const IDS_PAGE: usize = 4096;
/// Statements after which what was written becomes visible, when there is no end of them.
const COMMIT_EVERY: usize = 20_000;

/// The core, as the index sees it. `None`: it is gone.
pub trait Source {
    /// What came and went since it was last asked.
    fn changes(&mut self, limit: usize) -> Option<Heard>;
    /// Ids beyond one, in order.
    fn ids(&mut self, after: Option<StatementId>, limit: usize) -> Option<Vec<StatementId>>;
    /// Those of these that are live.
    fn statements(&mut self, ids: Vec<StatementId>) -> Option<Vec<Stored>>;
}

/// Why the index is not current.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Its disk or its files.
    #[error(transparent)]
    Index(#[from] TantivyError),
    /// The core is gone.
    #[error("the core has stopped")]
    Gone,
}

/// Opens the index of a folder.
pub(super) fn open(folder: &Path) -> Result<Index, KeepError> {
    Ok(Index::open(folder)?)
}

/// Brings an index up to date, with a writer that is made when there is something to write. `on_bulk` is called when it
/// takes longer.
pub(super) fn catch_up(
    index: &Index,
    writer: &mut Option<Writer>,
    source: &mut dyn Source,
    must_compare: bool,
    on_bulk: &dyn Fn(),
) -> Result<(), KeepError> {
    let mut must_compare = must_compare;
    let mut since_commit = 0;
    loop {
        let heard = source.changes(PAGE).ok_or(KeepError::Gone)?;
        must_compare |= heard.must_compare;
        if !heard.gone.is_empty() || !heard.come.is_empty() {
            let writer = writing(index, writer)?;
            writer.remove(&heard.gone);
            writer.add(&heard.come)?;
            since_commit += heard.gone.len() + heard.come.len();
        }
        if heard.has_more {
            on_bulk();
            if since_commit >= COMMIT_EVERY {
                commit(index, writer, None)?;
                since_commit = 0;
            }
            continue;
        }
        if must_compare {
            must_compare = false;
            if index.mark() != Some(heard.mark) || since_commit > 0 {
                commit(index, writer, None)?;
                compare(index, writer, source, on_bulk)?;
                since_commit = 1;
                continue;
            }
        }
        if since_commit > 0 || index.mark() != Some(heard.mark) {
            commit(index, writer, Some(heard.mark))?;
        }
        return Ok(());
    }
}

fn writing<'a>(index: &Index, writer: &'a mut Option<Writer>) -> Result<&'a mut Writer, KeepError> {
    Ok(match writer {
        Some(writer) => writer,
        None => writer.insert(index.writer()?),
    })
}

fn commit(index: &Index, writer: &mut Option<Writer>, mark: Option<Mark>) -> Result<(), KeepError> {
    writing(index, writer)?.commit(mark)?;
    Ok(index.reload()?)
}

/// Takes out of the index what is not live, and in what is missing. Both sides are in the order of ids, which the core hands
/// over page by page.
fn compare(
    index: &Index,
    writer: &mut Option<Writer>,
    source: &mut dyn Source,
    on_bulk: &dyn Fn(),
) -> Result<(), KeepError> {
    let have = index.ids()?;
    let mut have = have.iter().peekable();
    let (mut after, mut written) = (None, 0);
    loop {
        let page = source.ids(after, IDS_PAGE).ok_or(KeepError::Gone)?;
        let mut missing = Vec::new();
        for id in &page {
            let id_half = half(id);
            while let Some(gone) = have.next_if(|have| have.as_slice() < id_half) {
                writing(index, writer)?.remove_half(gone);
            }
            if have.next_if(|have| have.as_slice() == id_half).is_none() {
                missing.push(*id);
            }
        }
        for ids in missing.chunks(PAGE) {
            let statements = source.statements(ids.to_vec()).ok_or(KeepError::Gone)?;
            writing(index, writer)?.add(&statements)?;
            written += statements.len();
        }
        if page.len() < IDS_PAGE {
            break;
        }
        on_bulk();
        after = page.last().copied();
        if written >= COMMIT_EVERY {
            commit(index, writer, None)?;
            written = 0;
        }
    }
    for gone in have {
        writing(index, writer)?.remove_half(gone);
    }
    Ok(())
}
