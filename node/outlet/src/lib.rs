//! Keeps every socket of this process to one interface or address, to a proxy, or shut.
//!
//! Libraries bind and connect as they like, and few can be told how. What all of them share is the C library: on Linux
//! this crate defines its functions `connect`, `bind`, `listen`, `sendto`, `sendmsg`, `sendmmsg` and `getaddrinfo` itself. The
//! linker takes a definition in the program before one in a shared library, so whatever in the program asks for a
//! socket's way out asks here first. Where nothing was [`set`], they do what the C library does.
//!
//! What is let through is decided by [`judge()`], a function of the rules and of what is asked, and carried out so that a
//! failure refuses. It must not know torrents, settings or runtimes.
//!
//! What it cannot see: system calls that a library makes without the C library (none here does: io_uring is used by
//! none, and the crate `rustix` for clocks and files only), and what the system does by itself, such as answering a
//! ping.

#[cfg(target_os = "linux")]
mod hooks;
#[cfg(target_os = "linux")]
mod interfaces;
mod judge;
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
mod names;
#[cfg(target_os = "linux")]
mod place;
mod way;

pub use judge::{Act, Verdict, Why, judge};
pub use way::{BadWay, Interface, Missing, Pin, Way};

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// What sockets may do. Loopback, and what does not leave the machine at all, always may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The one interface, and its addresses.
    pub pin: Option<Pin>,
    /// Keeps to that address of the pin, not to its interface alone.
    pub by_address: bool,
    /// The one place outside to which connections may lead, by TCP. Nothing else goes out then.
    pub proxy: Option<SocketAddr>,
    /// Places of this machine under another address than loopback, to which connections may lead unpinned.
    pub own: Vec<SocketAddr>,
    /// The pin is not there: nothing goes out until other rules are set.
    pub is_shut: bool,
}

/// Sums since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sockets that were kept to the interface.
    pub pinned: u64,
    /// What was refused: connections, sockets to listen on, messages.
    pub refused: u64,
}

/// Null until rules are set. What it points to is never freed: a hook may be reading it.
static RULES: AtomicPtr<Rules> = AtomicPtr::new(ptr::null_mut());
/// Beside the rules, so that shutting needs no new ones.
static IS_SHUT: AtomicBool = AtomicBool::new(false);
static PINNED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// Who looks names up while there are rules.
static RESOLVER: OnceLock<Resolver> = OnceLock::new();

/// Looks a name up: its addresses, the best first. It is called on whatever thread asks the C library, and may wait.
pub type Resolver = fn(&str) -> Vec<IpAddr>;

thread_local! {
    /// How deep this thread is in [`outside`].
    static OUTSIDE: Cell<u32> = const { Cell::new(0) };
}

/// Sets the rules of this process, from now on. Sockets that are there already are not touched, so this comes first.
///
/// Each call keeps its rules in memory until the process ends: it is for a handful of calls.
///
/// # Errors
/// Where something would go past the rules: on systems other than Linux, and with another C library than GNU's as a
/// shared one, behind which the real resolver is not found.
pub fn set(rules: Rules) -> io::Result<()> {
    if cfg!(not(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    IS_SHUT.store(rules.is_shut, Ordering::SeqCst);
    RULES.store(Box::into_raw(Box::new(rules)), Ordering::SeqCst);
    Ok(())
}

/// Refuses whatever would leave the machine, until [`set`] is called again.
pub fn shut() {
    IS_SHUT.store(true, Ordering::SeqCst);
}

/// Whether there are rules, and they let nothing out.
#[must_use]
pub fn is_shut() -> bool {
    rules().is_some() && IS_SHUT.load(Ordering::SeqCst)
}

/// The rules, if there are any.
#[must_use]
pub fn rules() -> Option<&'static Rules> {
    let rules = RULES.load(Ordering::Acquire);
    // SAFETY: it is null, or came from a box that is never freed and never written to again.
    unsafe { rules.as_ref() }
}

/// Who looks names up while there are rules; the first call counts. Without one, no name is found then: the C
/// library's own resolver opens sockets that nothing can keep to an interface.
pub fn set_resolver(resolver: Resolver) {
    let _ = RESOLVER.set(resolver);
}

/// Opens sockets that the rules do not bind: those of the owner's own door. Only what `open` does on this thread.
pub fn outside<T>(open: impl FnOnce() -> T) -> T {
    /// Counts down even if `open` panics.
    struct Back;
    impl Drop for Back {
        fn drop(&mut self) {
            OUTSIDE.set(OUTSIDE.get() - 1);
        }
    }
    OUTSIDE.set(OUTSIDE.get() + 1);
    let _back = Back;
    open()
}

/// What was pinned and refused so far.
#[must_use]
pub fn counts() -> Counts {
    Counts { pinned: PINNED.load(Ordering::Relaxed), refused: REFUSED.load(Ordering::Relaxed) }
}

/// The interfaces of this machine, those without an address too.
///
/// # Errors
/// When the system does not tell; on systems other than Linux.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    #[cfg(target_os = "linux")]
    return interfaces::all();
    #[cfg(not(target_os = "linux"))]
    Err(io::ErrorKind::Unsupported.into())
}

/// Tries whether this process may keep a socket to that interface, sending nothing.
///
/// # Errors
/// As the system says: before Linux 5.7 only root may.
pub fn try_pin(pin: &Pin) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return hooks::try_pin(pin);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pin;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The rules that bind this thread at this moment.
#[cfg(target_os = "linux")]
fn in_force() -> Option<&'static Rules> {
    rules().filter(|_| OUTSIDE.get() == 0)
}
