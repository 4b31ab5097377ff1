//! Finding works: an index of what keys say of works, derived, local and private.
//!
//! The index gives candidates and how well they fit; the core says who may be seen, and in which order, by the trust of the
//! moment. Where there is no index, because its disk is full or it is still being made, the core looks through everything
//! itself. What it must not know: trust, HTTP, how answers look.

mod index;
mod keeper;
mod looking;
mod schema;
#[cfg(test)]
mod tests;

pub use keeper::Source;
pub use looking::find;

use heirloom_core::command::Filter;
use heirloom_graph::Band;
use index::{Index, Writer};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tracing::warn;

/// How long changes are gathered before they are written: several at once cost little more than one.
const GATHERED: Duration = Duration::from_millis(100);
/// How long a writer is kept without work. Then its memory is given back.
const WRITER_IDLE: Duration = Duration::from_secs(5);
/// How long a search waits until what was said before it is in the index, unless there is a lot of it.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);
/// How long the index is left alone after it failed.
const RETRY: Duration = Duration::from_secs(60);
/// Most rows of one answer.
pub const ROWS_MAX: usize = 1_000;
/// Most rows that are looked through for pages: ten full ones. Judging them takes about a second, and who wants what stands
/// behind them has other words.
pub const DEPTH_MAX: usize = 10_000;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// As it was typed.
    pub text: String,
    /// Only such works.
    pub filter: Filter,
    /// Only works with a release of this band or better; `None`: all but the distrusted.
    pub band: Option<Band>,
    /// At most so many.
    pub limit: usize,
    /// Without so many of the best. Whoever says it, if only 0, gets a page of one list: all that fits, up to [`DEPTH_MAX`],
    /// is judged and put in order first. Otherwise the search ends when it has enough.
    pub offset: Option<usize>,
    /// Lines of the resolution that is liked best.
    pub lines: u32,
}

/// What the index takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Statements in it.
    pub documents: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Whether it holds all that is known.
    pub is_current: bool,
    /// Why it cannot be kept, while that is so: searches look through everything meanwhile.
    pub trouble: Option<String>,
}

/// Bytes of the index of a folder; 0 where there is none.
pub fn bytes_of(folder: &Path) -> u64 {
    index::bytes_of(folder)
}

/// An index that can be asked.
pub struct Ready(Arc<Index>);

/// What the keeper's thread is told.
enum Order {
    Changed,
    CatchUp,
    Rebuild,
    Stop,
}

struct Shared {
    folder: PathBuf,
    index: RwLock<Option<Arc<Index>>>,
    /// Changes told, and those of them that are in the index.
    wanted: AtomicU64,
    done: AtomicU64,
    is_bulk: AtomicBool,
    moved: (Mutex<()>, Condvar),
    trouble: Mutex<Option<String>>,
}

/// The index of a running node. Clones are handles to the same one.
#[derive(Clone)]
pub struct Search {
    shared: Arc<Shared>,
    orders: SyncSender<Order>,
}

impl Search {
    /// Starts the thread that keeps the index in a folder.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(folder: PathBuf, source: impl Source + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            folder,
            index: RwLock::new(None),
            // The state at the start is a change.
            wanted: AtomicU64::new(1),
            done: AtomicU64::new(0),
            is_bulk: AtomicBool::new(false),
            moved: (Mutex::new(()), Condvar::new()),
            trouble: Mutex::default(),
        });
        // Orders say that something is to be done, not what: a full queue says it already.
        let (orders, queue) = sync_channel(16);
        let keeper = Arc::clone(&shared);
        std::thread::Builder::new().name("search".into()).spawn(move || keep(&keeper, &queue, source))?;
        let search = Self { shared, orders };
        search.order(Order::CatchUp);
        Ok(search)
    }

    fn order(&self, order: Order) -> bool {
        !matches!(self.orders.try_send(order), Err(TrySendError::Disconnected(_)))
    }

    /// Notes that something changed. Never waits.
    pub fn changed(&self) {
        self.shared.wanted.fetch_add(1, Ordering::SeqCst);
        self.order(Order::Changed);
    }

    /// Ends the thread.
    pub fn stop(&self) {
        // Where the queue is full, it ends when the core is gone.
        self.order(Order::Stop);
    }

    /// Throws the index away, makes it anew and says how many statements it holds. Waits for it.
    pub fn rebuild(&self) -> u64 {
        let wanted = self.shared.wanted.fetch_add(1, Ordering::SeqCst) + 1;
        if self.orders.send(Order::Rebuild).is_ok() {
            self.wait(wanted, None);
        }
        self.index().map_or(0, |found| found.0.documents())
    }

    /// Waits until what was said is in the index, but not long.
    pub fn catch_up(&self) {
        let wanted = self.shared.wanted.load(Ordering::SeqCst);
        if self.shared.done.load(Ordering::SeqCst) < wanted && self.order(Order::CatchUp) {
            self.wait(wanted, Some(CATCH_UP_MAX));
        }
    }

    fn wait(&self, wanted: u64, most: Option<Duration>) {
        let Shared { moved: (lock, moved), done, is_bulk, .. } = &*self.shared;
        let give_up = most.map(|most| Instant::now() + most);
        let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while done.load(Ordering::SeqCst) < wanted {
            let is_over = give_up.is_some_and(|at| Instant::now() >= at || is_bulk.load(Ordering::SeqCst));
            // Its thread holds one more; without it nothing will come.
            if is_over || Arc::strong_count(&self.shared) < 2 {
                return;
            }
            let (next, _) =
                moved.wait_timeout(guard, Duration::from_millis(200)).unwrap_or_else(PoisonError::into_inner);
            guard = next;
        }
    }

    /// The index, once it can be asked.
    pub fn index(&self) -> Option<Ready> {
        self.shared.index.read().unwrap_or_else(PoisonError::into_inner).clone().map(Ready)
    }

    /// What it takes.
    pub fn used(&self) -> Use {
        Use {
            documents: self.index().map_or(0, |found| found.0.documents()),
            bytes: bytes_of(&self.shared.folder),
            is_current: self.is_current(),
            trouble: self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Whether it holds all that was changed.
    pub fn is_current(&self) -> bool {
        self.shared.done.load(Ordering::SeqCst) >= self.shared.wanted.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn set(&self, index: Option<Arc<Index>>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    fn is_done(&self, upto: u64) {
        let _guard = self.moved.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.done.fetch_max(upto, Ordering::SeqCst);
        self.is_bulk.store(false, Ordering::SeqCst);
        self.moved.1.notify_all();
    }

    fn is_long(&self) {
        if !self.is_bulk.swap(true, Ordering::SeqCst) {
            let _guard = self.moved.0.lock().unwrap_or_else(PoisonError::into_inner);
            self.moved.1.notify_all();
        }
    }
}

fn keep(shared: &Shared, queue: &Receiver<Order>, mut source: impl Source) {
    let mut index: Option<Arc<Index>> = None;
    let mut writer: Option<Writer> = None;
    let mut must_compare = true;
    let mut failed: Option<Instant> = None;
    loop {
        let idle = if writer.is_some() { WRITER_IDLE } else { RETRY };
        let first = match queue.recv_timeout(idle) {
            Ok(order) => order,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(Err(error)) = writer.take().map(Writer::close) {
                    warn!("the search index did not close: {error}");
                }
                if failed.is_none() { continue } else { Order::Changed }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let (mut is_stopping, mut is_rebuilt) = (false, false);
        let mut is_hurried = false;
        let mut next = Some(first);
        let until = Instant::now() + GATHERED;
        loop {
            match next.take() {
                None | Some(Order::Changed) => {}
                Some(Order::CatchUp) => is_hurried = true,
                Some(Order::Rebuild) => (is_rebuilt, is_hurried) = (true, true),
                Some(Order::Stop) => (is_stopping, is_hurried) = (true, true),
            }
            // Whoever waits does so for what was said before: more orders are taken, if they are there.
            let wait = if is_hurried { Duration::ZERO } else { until.saturating_duration_since(Instant::now()) };
            match queue.recv_timeout(wait) {
                Ok(order) => next = Some(order),
                Err(_) => break,
            }
        }
        if is_stopping {
            break;
        }
        let upto = shared.wanted.load(Ordering::SeqCst);
        if failed.is_some_and(|at| at.elapsed() < RETRY) && !is_rebuilt {
            shared.is_done(upto);
            continue;
        }
        let folder = &shared.folder;
        let step = || -> Result<(), keeper::KeepError> {
            if is_rebuilt {
                shared.set(None);
                writer = None;
                index = Some(Arc::new(Index::create(folder)?));
                must_compare = true;
            }
            let current = match &index {
                Some(current) => Arc::clone(current),
                None => Arc::clone(index.insert(Arc::new(keeper::open(folder)?))),
            };
            keeper::catch_up(&current, &mut writer, &mut source, must_compare, &|| shared.is_long())?;
            must_compare = false;
            shared.set(Some(current));
            Ok(())
        };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(step));
        let error = match done {
            Ok(Ok(())) => None,
            Ok(Err(keeper::KeepError::Gone)) => break,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("its files are damaged".to_owned()),
        };
        failed = error.as_ref().map(|_| Instant::now());
        shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&error);
        if let Some(error) = error {
            warn!("the search index cannot be kept, searches look through everything until it can: {error}");
            shared.set(None);
            (index, writer, must_compare) = (None, None, true);
        }
        shared.is_done(upto);
    }
    shared.set(None);
    if let Some(Err(error)) = writer.map(Writer::close) {
        warn!("the search index did not close: {error}");
    }
    shared.is_done(u64::MAX);
}

/// The index of a home that no node runs in, brought up to date. `None`: it cannot be had.
pub fn open_once(folder: &Path, source: &mut dyn Source, is_rebuilt: bool) -> Option<Ready> {
    let open = || -> Result<Index, keeper::KeepError> {
        let index = if is_rebuilt { Index::create(folder)? } else { keeper::open(folder)? };
        let mut writer = None;
        keeper::catch_up(&index, &mut writer, source, true, &|| {})?;
        if let Some(writer) = writer {
            writer.close()?;
        }
        Ok(index)
    };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(open)) {
        Ok(Ok(index)) => Some(Ready(Arc::new(index))),
        Ok(Err(error)) => {
            warn!("no search index, looking through everything instead: {error}");
            None
        }
        Err(_) => None,
    }
}

impl Ready {
    /// Statements in it.
    pub fn documents(&self) -> u64 {
        self.0.documents()
    }
}
