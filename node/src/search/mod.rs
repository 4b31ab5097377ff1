//! Finding works: an index of what keys say of works, derived, local and private.
//!
//! The index gives candidates and how well they fit; the core says who may be seen, and in which order, by the trust of the
//! moment. Where there is no index, because its disk is full or it is still being made, the core looks through everything
//! itself. What it must not know: trust, HTTP, how answers look.

mod index;
mod keeper;
mod schema;
#[cfg(test)]
mod tests;

pub(crate) use keeper::Source;

use heirloom_core::command::{Candidate, Command, CommandError, Filter, Rank, Reply};
use heirloom_core::resolution_distance;
use heirloom_core::views::{Found, Hearing, Release};
use heirloom_core::wording::{Question, RELEVANCE_MAX};
use heirloom_graph::Band;
use heirloom_proto::{Infohash, WorkId};
use index::{Among, Index, Stage, Voices, Writer};
use std::collections::{BTreeMap, BTreeSet};
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
/// Candidates of those who are heard, of whom a few may turn out to be hidden: so many for each row that is asked for, and so
/// many more.
const CANDIDATES_PER_ROW: usize = 4;
const CANDIDATES_MORE: usize = 20;
/// Most candidates of one stage. A crowd of hidden works may be as large before it pushes others out; those who are heard
/// are asked first, and are in another crowd.
const CANDIDATES_MAX: usize = 2_000;
/// Candidates that the core judges at once.
const PAGE: usize = 250;
/// Most rows of one answer.
const ROWS_MAX: usize = 1_000;

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
    /// Lines of the resolution that is liked best.
    pub lines: u32,
}

/// What the index takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Statements in it.
    pub documents: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Whether it holds all that is known.
    pub is_current: bool,
}

type Ask<'a> = &'a mut dyn FnMut(Command) -> Result<Reply, CommandError>;

/// Bytes of the index of a folder; 0 where there is none.
pub(crate) fn bytes_of(folder: &Path) -> u64 {
    index::bytes_of(folder)
}

/// Looks for works; without an index, or when it fails, the core looks through everything.
pub(crate) fn find(index: Option<&Ready>, wish: &Wish, ask: Ask<'_>) -> Result<Vec<Found>, CommandError> {
    let wish = Wish { limit: wish.limit.min(ROWS_MAX), ..wish.clone() };
    if let Some(Ready(index)) = index {
        let mut failed = None;
        // What is read of damaged files can panic.
        let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(index, &wish, ask, &mut failed)));
        match (looked, failed) {
            (Ok(found), None) => return found,
            (_, failed) => warn!(error = failed, "the search index failed: looking through everything instead"),
        }
    }
    scan(&wish, ask)
}

/// An index that can be asked.
pub(crate) struct Ready(Arc<Index>);

fn rows_of(reply: Reply) -> Vec<Found> {
    match reply {
        Reply::Works(rows) => rows,
        _ => Vec::new(),
    }
}

/// By the core alone, and by id.
fn scan(wish: &Wish, ask: Ask<'_>) -> Result<Vec<Found>, CommandError> {
    let question = Question::read(&wish.text);
    if question.is_empty() && !question.is_blank {
        return Ok(Vec::new());
    }
    let mut search = Looking::new(wish, &question);
    search.take_by_id(&question, ask)?;
    let text = question.folded.clone();
    if !text.is_empty() || question.is_blank {
        let command = Command::Search { text, kind: wish.filter.kind, band: wish.band, limit: wish.limit };
        let found = rows_of(ask(command)?);
        let candidate =
            |row: Found| Candidate { work: row.work, author: None, relevance: row.relevance, is_by_release: false };
        search.take(found.into_iter().map(candidate).collect(), ask)?;
    }
    Ok(search.rows())
}

fn by_id(question: &Question) -> Vec<Candidate> {
    let of =
        |work: &WorkId| Candidate { work: work.clone(), author: None, relevance: RELEVANCE_MAX, is_by_release: false };
    question.ids.iter().map(of).collect()
}

/// A search under way.
struct Looking<'a> {
    wish: &'a Wish,
    episode: Option<(u32, u32)>,
    seen: BTreeSet<(WorkId, Option<heirloom_proto::Key>, bool)>,
    rows: Vec<Found>,
}

impl<'a> Looking<'a> {
    fn new(wish: &'a Wish, question: &Question) -> Self {
        Self { wish, episode: question.episode, seen: BTreeSet::new(), rows: Vec::new() }
    }

    /// Has the core judge candidates, until there are enough; says how many rows there are.
    fn take(&mut self, candidates: Vec<Candidate>, ask: Ask<'_>) -> Result<usize, CommandError> {
        let seen = &mut self.seen;
        // What is shown already, and fits no better by this, need not be judged and read again.
        let shown: BTreeMap<&WorkId, u16> = self.rows.iter().map(|row| (&row.work, row.relevance)).collect();
        let is_better = |c: &Candidate| shown.get(&c.work).is_none_or(|relevance| *relevance < c.relevance);
        let is_fresh = |c: &Candidate| seen.insert((c.work.clone(), c.author, c.is_by_release)) && is_better(c);
        let fresh: Vec<Candidate> = candidates.into_iter().filter(is_fresh).collect();
        for page in fresh.chunks(PAGE) {
            self.judge(page.to_vec(), None, ask)?;
            if self.rows.len() >= self.wish.limit {
                break;
            }
        }
        Ok(self.rows.len())
    }

    /// The works that the ids name, or of the release.
    fn take_by_id(&mut self, question: &Question, ask: Ask<'_>) -> Result<(), CommandError> {
        if question.ids.is_empty() && question.infohash.is_none() {
            return Ok(());
        }
        self.judge(by_id(question), question.infohash, ask)
    }

    fn judge(
        &mut self,
        candidates: Vec<Candidate>,
        infohash: Option<Infohash>,
        ask: Ask<'_>,
    ) -> Result<(), CommandError> {
        let rank = Rank {
            candidates,
            infohash,
            filter: self.wish.filter.clone(),
            band: self.wish.band,
            limit: self.wish.limit,
            episode: self.episode,
            lines: self.wish.lines,
        };
        for row in rows_of(ask(Command::Rank(Box::new(rank)))?) {
            match self.rows.iter_mut().find(|known| is_same(known, &row)) {
                Some(known) if known.relevance < row.relevance => *known = row,
                Some(_) => {}
                None => self.rows.push(row),
            }
        }
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.rows.len() >= self.wish.limit
    }

    fn has_trusted(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.band, Band::Trusted | Band::Vouched | Band::Earned))
    }

    fn rows(mut self) -> Vec<Found> {
        let fits = |release: &Release| resolution_distance(&release.resolution, self.wish.lines);
        self.rows.sort_by(|a, b| a.before(b, fits));
        self.rows.truncate(self.wish.limit);
        self.rows
    }
}

/// Whether two rows are of one work: found under two of its ids, they show the same.
fn is_same(a: &Found, b: &Found) -> bool {
    let best = |found: &Found| found.best.as_ref().map(|best| best.infohash);
    a.work == b.work || (best(a).is_some() && best(a) == best(b) && (&a.title, a.year) == (&b.title, b.year))
}

fn look(index: &Index, wish: &Wish, ask: Ask<'_>, failed: &mut Option<String>) -> Result<Vec<Found>, CommandError> {
    let question = Question::read(&wish.text);
    let mut rows = look_for(index, wish, &question, ask, failed)?;
    if rows.is_empty() && failed.is_none() {
        // What looks like an episode may be a title, and what looks like a title the name of a release.
        for other in question.otherwise() {
            rows = look_for(index, wish, &other, ask, failed)?;
            if !rows.is_empty() {
                break;
            }
        }
    }
    Ok(rows)
}

fn look_for(
    index: &Index,
    wish: &Wish,
    question: &Question,
    ask: Ask<'_>,
    failed: &mut Option<String>,
) -> Result<Vec<Found>, CommandError> {
    if question.is_empty() && !question.is_blank {
        return Ok(Vec::new());
    }
    let mut search = Looking::new(wish, question);
    search.take_by_id(question, ask)?;
    // An id that names a work is all that was meant.
    if !search.rows.is_empty() && (question.ids.len() == 1 || question.infohash.is_some()) {
        return Ok(search.rows());
    }
    let hearing: Arc<Hearing> = match ask(Command::Hearing)? {
        Reply::Hearing(hearing) => hearing,
        _ => Arc::default(),
    };
    let voices = Voices::new(&hearing, wish.band == Some(Band::Distrusted));
    let mut ask_stage =
        |search: &mut Looking<'_>, stage: Stage, among: Among, ask: Ask<'_>| -> Result<(), CommandError> {
            let mut limit = wish.limit.saturating_mul(CANDIDATES_PER_ROW).saturating_add(CANDIDATES_MORE);
            loop {
                limit = limit.min(CANDIDATES_MAX);
                match index.candidates(question, stage, &wish.filter, (&voices, among), limit) {
                    Ok(found) => {
                        let is_all = found.len() < limit;
                        search.take(found, ask)?;
                        if is_all || search.has_enough() || limit == CANDIDATES_MAX {
                            return Ok(());
                        }
                    }
                    Err(error) => {
                        *failed = Some(error.to_string());
                        return Ok(());
                    }
                }
                // Hidden ones were in the way: page deeper.
                limit = CANDIDATES_MAX;
            }
        };
    for among in [Among::Heard, Among::Others] {
        for stage in [Stage::Whole, Stage::Words] {
            ask_stage(&mut search, stage, among, ask)?;
        }
    }
    if !search.has_enough() {
        for among in [Among::Heard, Among::Others] {
            ask_stage(&mut search, Stage::Releases, among, ask)?;
        }
    }
    // Slips are forgiven where nothing that is trusted fits as it was typed: strangers must not hide what was meant.
    let is_unknown = !search.rows.is_empty();
    if !search.has_trusted() {
        let before = search.rows.len();
        for stage in [Stage::Slips, Stage::Most] {
            ask_stage(&mut search, stage, Among::Heard, ask)?;
            if search.rows.len() == before && !is_unknown {
                ask_stage(&mut search, stage, Among::Others, ask)?;
            }
            if search.rows.len() > before {
                break;
            }
        }
    }
    Ok(search.rows())
}

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
}

/// The index of a running node. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct Search {
    shared: Arc<Shared>,
    orders: SyncSender<Order>,
}

impl Search {
    /// Starts the thread that keeps the index in a folder.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(folder: PathBuf, source: impl Source + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            folder,
            index: RwLock::new(None),
            // The state at the start is a change.
            wanted: AtomicU64::new(1),
            done: AtomicU64::new(0),
            is_bulk: AtomicBool::new(false),
            moved: (Mutex::new(()), Condvar::new()),
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
    pub(crate) fn changed(&self) {
        self.shared.wanted.fetch_add(1, Ordering::SeqCst);
        self.order(Order::Changed);
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        // Where the queue is full, it ends when the core is gone.
        self.order(Order::Stop);
    }

    /// Throws the index away, makes it anew and says how many statements it holds. Waits for it.
    pub(crate) fn rebuild(&self) -> u64 {
        let wanted = self.shared.wanted.fetch_add(1, Ordering::SeqCst) + 1;
        if self.orders.send(Order::Rebuild).is_ok() {
            self.wait(wanted, None);
        }
        self.index().map_or(0, |found| found.0.documents())
    }

    /// Waits until what was said is in the index, but not long.
    pub(crate) fn catch_up(&self) {
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
    pub(crate) fn index(&self) -> Option<Ready> {
        self.shared.index.read().unwrap_or_else(PoisonError::into_inner).clone().map(Ready)
    }

    /// What it takes.
    pub(crate) fn used(&self) -> Use {
        Use {
            documents: self.index().map_or(0, |found| found.0.documents()),
            bytes: bytes_of(&self.shared.folder),
            is_current: self.is_current(),
        }
    }

    /// Whether it holds all that was changed.
    pub(crate) fn is_current(&self) -> bool {
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
pub(crate) fn open_once(folder: &Path, source: &mut dyn Source, is_rebuilt: bool) -> Option<Ready> {
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
    pub(crate) fn documents(&self) -> u64 {
        self.0.documents()
    }
}
