//! The C library's functions by which a socket gets a way out, with the rules before them.
//!
//! Each has the name, the arguments and the results of the C library's own, so that whoever links against that gets
//! these. What is refused is refused with a reason that libraries know: they take it for a network that is not there.

use crate::judge::{Act, Verdict, Why, judge};
use crate::place::{self, Place, Written};
use crate::way::Pin;
use crate::{IS_SHUT, PINNED, REFUSED, Rules, in_force};
use libc::{c_int, c_uint, c_void, sockaddr, socklen_t};
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;

/// Which interface a socket is kept to, by number: `SO_BINDTOIFINDEX` of `asm-generic/socket.h`, since Linux 5.0.
///
/// Not by name: an interface that is made anew under its old name may be another one.
const BIND_TO_INDEX: c_int = 62;

/// What the C library's callers find in `errno`.
type Errno = c_int;

/// Connects a socket.
///
/// # Safety
/// As of the C library's `connect`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn connect(socket: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    if let Some(rules) = in_force() {
        // SAFETY: says the caller.
        let place = unsafe { Place::read(address, length) };
        let allowed = act_on(place, |to| Ok(Act::Connect { to, is_stream: is_stream(socket)? }))
            .and_then(|act| act.map_or(Ok(()), |act| leave(rules, socket, act)));
        if let Err(errno) = allowed {
            return refuse(errno);
        }
    }
    // SAFETY: the caller's arguments, as they are.
    unsafe { raw_connect(socket, address, length) }
}

/// Gives a socket an address.
///
/// # Safety
/// As of the C library's `bind`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bind(socket: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    if let Some(rules) = in_force() {
        // SAFETY: says the caller.
        let place = unsafe { Place::read(address, length) };
        let allowed = act_on(place, |at| Ok(Act::Bind { at })).and_then(|act| match act {
            Some(act) => settle(rules, socket, act),
            None => Ok(None),
        });
        match (allowed, place) {
            (Err(errno), _) => return refuse(errno),
            (Ok(Some(source)), Place::Ip(at)) => {
                return match source.take(socket, at.port()) {
                    Ok(()) => 0,
                    Err(errno) => refuse(errno),
                };
            }
            (Ok(_), _) => {}
        }
    }
    // SAFETY: the caller's arguments, as they are.
    unsafe { raw_bind(socket, address, length) }
}

/// Lets others connect.
///
/// # Safety
/// As of the C library's `listen`: none beyond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn listen(socket: c_int, backlog: c_int) -> c_int {
    if let Some(rules) = in_force() {
        let allowed = place::bound(socket)
            .map_err(|error| error.raw_os_error().unwrap_or(libc::EBADF))
            .and_then(|place| act_on(place, |at| Ok(Act::Listen { at })))
            .and_then(|act| match act {
                Some(act) => settle(rules, socket, act),
                None => Ok(None),
            })
            // A socket that was bound everywhere while there were no rules cannot be bound again.
            .and_then(|elsewhere| if elsewhere.is_some() { Err(libc::EADDRNOTAVAIL) } else { Ok(()) });
        if let Err(errno) = allowed {
            return refuse(errno);
        }
    }
    // SAFETY: two numbers.
    int(unsafe { libc::syscall(libc::SYS_listen, socket, backlog) })
}

/// Sends a message, to an address if one is given.
///
/// # Safety
/// As of the C library's `sendto`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendto(
    socket: c_int,
    bytes: *const c_void,
    count: usize,
    flags: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> isize {
    if !address.is_null()
        && let Some(rules) = in_force()
    {
        // SAFETY: says the caller.
        let place = unsafe { Place::read(address, length) };
        if let Err(errno) = may_send(rules, socket, place) {
            return isize::try_from(refuse(errno)).unwrap_or(-1);
        }
    }
    // SAFETY: the caller's arguments, as they are.
    size(unsafe { libc::syscall(libc::SYS_sendto, socket, bytes, count, flags, address, length) })
}

/// Sends a message, to an address if it has one.
///
/// # Safety
/// As of the C library's `sendmsg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmsg(socket: c_int, message: *const libc::msghdr, flags: c_int) -> isize {
    if let Some(rules) = in_force() {
        // SAFETY: says the caller.
        let allowed = unsafe { may_send_message(rules, socket, message) };
        if let Err(errno) = allowed {
            return isize::try_from(refuse(errno)).unwrap_or(-1);
        }
    }
    // SAFETY: the caller's arguments, as they are.
    size(unsafe { libc::syscall(libc::SYS_sendmsg, socket, message, flags) })
}

/// Sends several messages, each to an address if it has one: all of them, or none if one is refused.
///
/// # Safety
/// As of the C library's `sendmmsg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmmsg(socket: c_int, messages: *mut libc::mmsghdr, count: c_uint, flags: c_int) -> c_int {
    if let Some(rules) = in_force() {
        for at in 0..count as usize {
            // SAFETY: one of the caller's `count` messages.
            let message = unsafe { messages.add(at) };
            // SAFETY: a message of the caller's, of which the first field is asked for.
            let message = unsafe { &raw const (*message).msg_hdr };
            // SAFETY: says the caller.
            let allowed = unsafe { may_send_message(rules, socket, message) };
            if let Err(errno) = allowed {
                return refuse(errno);
            }
        }
    }
    // SAFETY: the caller's arguments, as they are.
    int(unsafe { libc::syscall(libc::SYS_sendmmsg, socket, messages, count, flags) })
}

/// Tries whether a socket of this process may be kept to an interface.
pub(crate) fn try_pin(pin: &Pin) -> io::Result<()> {
    let family = if pin.v4.is_some() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: three numbers.
    let socket = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    let kept = keep(socket, pin);
    // SAFETY: the socket that was made above, once.
    unsafe { libc::close(socket) };
    kept.map_err(io::Error::from_raw_os_error)
}

/// What is asked for, if it is about a place of IP; a place of a kind that nobody knows is refused.
fn act_on(place: Place, act: impl FnOnce(SocketAddr) -> Result<Act, Errno>) -> Result<Option<Act>, Errno> {
    match place {
        Place::Ip(place) => act(place).map(Some),
        Place::Local => Ok(None),
        Place::Unknown => Err(libc::EAFNOSUPPORT),
    }
}

/// An address that a socket must have before it is kept to the interface.
#[derive(Clone, Copy)]
struct Source<'a> {
    ip: IpAddr,
    pin: &'a Pin,
}

impl Source<'_> {
    /// Gives it to the socket. The address first: a socket that is kept to the interface then has its address as well.
    fn take(self, socket: c_int, port: u16) -> Result<(), Errno> {
        let written = Written::of(SocketAddr::new(self.ip, port));
        // SAFETY: its own length.
        let result = unsafe { raw_bind(socket, written.pointer(), written.length) };
        if result == 0 { keep(socket, self.pin) } else { Err(last_errno()) }
    }
}

/// Decides, and keeps the socket to the interface where it must be. Some: it must have this address first.
fn settle(rules: &'static Rules, socket: c_int, act: Act) -> Result<Option<Source<'static>>, Errno> {
    match (judge(rules, IS_SHUT.load(Ordering::Relaxed), act), &rules.pin) {
        (Verdict::Pass, _) => Ok(None),
        (Verdict::Pin, Some(pin)) => keep(socket, pin).map(|()| None),
        (Verdict::PinAt(ip), Some(pin)) => Ok(Some(Source { ip, pin })),
        (Verdict::Refuse(Why::Shut), _) => Err(libc::ENETDOWN),
        (Verdict::Refuse(Why::PastProxy | Why::Version), _) => Err(libc::ENETUNREACH),
        (Verdict::Refuse(Why::Elsewhere), _) => Err(libc::EADDRNOTAVAIL),
        // No verdict pins without a pin; if one did, nothing must leave.
        (Verdict::Pin | Verdict::PinAt(_), None) => Err(libc::ENETDOWN),
    }
}

/// Lets something out: decides, and gives the socket what it must have before.
fn leave(rules: &'static Rules, socket: c_int, act: Act) -> Result<(), Errno> {
    let Some(source) = settle(rules, socket, act)? else { return Ok(()) };
    // COST: one system call, about 1 µs of the 7 µs that a datagram takes. Kept to it, it has its address: see above.
    if option(socket, BIND_TO_INDEX)? == index_of(source.pin)? {
        return Ok(());
    }
    match place::bound(socket) {
        Ok(Place::Ip(at)) if at.ip().is_unspecified() && at.port() == 0 => {
            let ip = match (at, source.ip) {
                (SocketAddr::V6(_), IpAddr::V4(ip)) => IpAddr::V6(ip.to_ipv6_mapped()),
                (_, ip) => ip,
            };
            Source { ip, ..source }.take(socket, 0)
        }
        // It was bound before there were rules, and cannot be bound again.
        Ok(Place::Ip(at)) if at.ip().to_canonical() == source.ip.to_canonical() => keep(socket, source.pin),
        _ => Err(libc::EADDRNOTAVAIL),
    }
}

fn may_send(rules: &'static Rules, socket: c_int, place: Place) -> Result<(), Errno> {
    match act_on(place, |to| Ok(Act::Send { to }))? {
        // With TCP Fast Open a message is a connection.
        Some(Act::Send { to }) if rules.proxy.is_some() && is_stream(socket)? => {
            leave(rules, socket, Act::Connect { to, is_stream: true })
        }
        Some(act) => leave(rules, socket, act),
        None => Ok(()),
    }
}

/// The same for a message. A message may also name an interface for itself, which for IPv4 counts for more than the socket's.
///
/// # Safety
/// `message` is as the C library's `sendmsg` takes it.
unsafe fn may_send_message(rules: &'static Rules, socket: c_int, message: *const libc::msghdr) -> Result<(), Errno> {
    // SAFETY: says the caller; where it is null, the kernel says so.
    let Some(header) = (unsafe { message.as_ref() }) else { return Ok(()) };
    if header.msg_name.is_null() {
        return Ok(());
    }
    // SAFETY: says the caller.
    let place = unsafe { Place::read(header.msg_name.cast(), header.msg_namelen) };
    // SAFETY: says the caller.
    let interface = unsafe { interface_of(message) };
    if interface != 0 && rules.pin.as_ref().is_some_and(|pin| interface != pin.index) {
        return Err(libc::ENETUNREACH);
    }
    may_send(rules, socket, place)
}

/// The number of the interface that a message names for itself over IPv4; 0: none.
///
/// # Safety
/// `message` is as the C library's `sendmsg` takes it.
unsafe fn interface_of(message: *const libc::msghdr) -> u32 {
    // SAFETY: says the caller.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: null, or a header within the caller's control messages.
    while let Some(header) = unsafe { next.as_ref() } {
        if header.cmsg_level == libc::IPPROTO_IP && header.cmsg_type == libc::IP_PKTINFO {
            // SAFETY: a header within the caller's control messages.
            let data = unsafe { libc::CMSG_DATA(next) };
            // SAFETY: what follows a header of this type.
            let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
            return u32::try_from(info.ipi_ifindex).unwrap_or(u32::MAX);
        }
        // SAFETY: as above.
        next = unsafe { libc::CMSG_NXTHDR(message, next) };
    }
    0
}

/// Keeps a socket to an interface. One that is kept to another, or to one that is gone, stays useless.
///
/// Since Linux 5.7 this wants no privilege, as long as the socket is not kept to any yet.
fn keep(socket: c_int, pin: &Pin) -> Result<(), Errno> {
    let index = index_of(pin)?;
    match option(socket, BIND_TO_INDEX)? {
        0 => {}
        kept if kept == index => return Ok(()),
        _ => return Err(libc::ENETDOWN),
    }
    let length = socklen_t::try_from(mem::size_of::<c_int>()).unwrap_or_default();
    // SAFETY: the pointer is to a local of that length.
    let result = unsafe {
        libc::setsockopt(socket, libc::SOL_SOCKET, BIND_TO_INDEX, (&raw const index).cast::<c_void>(), length)
    };
    if result != 0 {
        return Err(last_errno());
    }
    PINNED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn index_of(pin: &Pin) -> Result<c_int, Errno> {
    c_int::try_from(pin.index).map_err(|_| libc::ENODEV)
}

fn is_stream(socket: c_int) -> Result<bool, Errno> {
    Ok(option(socket, libc::SO_TYPE)? == libc::SOCK_STREAM)
}

/// A socket's option that is a number.
fn option(socket: c_int, name: c_int) -> Result<c_int, Errno> {
    let mut value: c_int = 0;
    let mut length = socklen_t::try_from(mem::size_of::<c_int>()).unwrap_or_default();
    // SAFETY: both pointers are to locals, and the length is that of the first.
    let result =
        unsafe { libc::getsockopt(socket, libc::SOL_SOCKET, name, (&raw mut value).cast::<c_void>(), &raw mut length) };
    if result == 0 { Ok(value) } else { Err(last_errno()) }
}

fn last_errno() -> Errno {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::ENETDOWN)
}

/// Says no in the C library's way.
fn refuse(errno: Errno) -> c_int {
    REFUSED.fetch_add(1, Ordering::Relaxed);
    // SAFETY: it is this thread's own, and always there.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    unsafe { *place = errno };
    -1
}

/// # Safety
/// As of `connect`.
unsafe fn raw_connect(socket: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: says the caller.
    int(unsafe { libc::syscall(libc::SYS_connect, socket, address, length) })
}

/// # Safety
/// As of `bind`.
unsafe fn raw_bind(socket: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    // SAFETY: says the caller.
    int(unsafe { libc::syscall(libc::SYS_bind, socket, address, length) })
}

/// What a system call answers is 0, a small count, or -1.
fn int(result: libc::c_long) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}

fn size(result: libc::c_long) -> isize {
    isize::try_from(result).unwrap_or(-1)
}
