//! Addresses as the C library writes them.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Where a call leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To a place of IP.
    Ip(SocketAddr),
    /// Nowhere beyond the machine: a path, the kernel, or the end of a connection.
    Local,
    /// Who knows.
    Unknown,
}

impl Place {
    /// Reads an address of `length` bytes.
    ///
    /// # Safety
    /// `address` is null, or points to `length` readable bytes.
    pub(crate) unsafe fn read(address: *const libc::sockaddr, length: libc::socklen_t) -> Self {
        let length = usize::try_from(length).unwrap_or_default();
        if address.is_null() || length < mem::size_of::<libc::sa_family_t>() {
            return Self::Unknown;
        }
        // SAFETY: not null, and long enough for the family, says the caller. A program may have put it anywhere.
        let family = unsafe { address.cast::<libc::sa_family_t>().read_unaligned() };
        match i32::from(family) {
            libc::AF_UNIX | libc::AF_NETLINK | libc::AF_UNSPEC => Self::Local,
            libc::AF_INET if length >= mem::size_of::<libc::sockaddr_in>() => {
                // SAFETY: the caller's bytes are that many, as was just compared, and any bytes are a `sockaddr_in`.
                let found = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
                let ip = Ipv4Addr::from(u32::from_be(found.sin_addr.s_addr));
                Self::Ip(SocketAddr::new(IpAddr::V4(ip), u16::from_be(found.sin_port)))
            }
            // The kernel takes one without its last field, the scope, as well. Nobody here writes one.
            libc::AF_INET6 if length >= mem::size_of::<libc::sockaddr_in6>() => {
                // SAFETY: as above, for a `sockaddr_in6`.
                let found = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
                let ip = Ipv6Addr::from(found.sin6_addr.s6_addr);
                let (flow, scope) = (found.sin6_flowinfo, found.sin6_scope_id);
                Self::Ip(SocketAddrV6::new(ip, u16::from_be(found.sin6_port), flow, scope).into())
            }
            _ => Self::Unknown,
        }
    }
}

/// An address in the C library's form, and its length.
pub(crate) struct Written {
    /// The longest of all forms.
    pub(crate) bytes: libc::sockaddr_in6,
    /// How much of it counts.
    pub(crate) length: libc::socklen_t,
}

impl Written {
    /// Writes a place down.
    pub(crate) fn of(place: SocketAddr) -> Self {
        // SAFETY: all zeroes are a `sockaddr_in6`.
        let mut bytes: libc::sockaddr_in6 = unsafe { mem::zeroed() };
        let length = match place {
            SocketAddr::V6(place) => {
                bytes.sin6_family = family(libc::AF_INET6);
                bytes.sin6_port = place.port().to_be();
                bytes.sin6_addr.s6_addr = place.ip().octets();
                bytes.sin6_scope_id = place.scope_id();
                mem::size_of::<libc::sockaddr_in6>()
            }
            SocketAddr::V4(place) => {
                let short = libc::sockaddr_in {
                    sin_family: family(libc::AF_INET),
                    sin_port: place.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from(*place.ip()).to_be() },
                    sin_zero: [0; 8],
                };
                // SAFETY: the short form is no longer than the long one, and needs no stricter alignment.
                unsafe { (&raw mut bytes).cast::<libc::sockaddr_in>().write(short) };
                mem::size_of::<libc::sockaddr_in>()
            }
        };
        Self { bytes, length: libc::socklen_t::try_from(length).unwrap_or_default() }
    }

    /// For a call.
    pub(crate) fn pointer(&self) -> *const libc::sockaddr {
        (&raw const self.bytes).cast()
    }
}

/// A family in the field of an address: all of them are small.
fn family(number: libc::c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(number).unwrap_or_default()
}

/// Where a socket is bound; unspecified, with port 0, where it is not.
pub(crate) fn bound(socket: libc::c_int) -> io::Result<Place> {
    // SAFETY: all zeroes are a `sockaddr_storage`.
    let mut bytes: libc::sockaddr_storage = unsafe { mem::zeroed() };
    let mut length = libc::socklen_t::try_from(mem::size_of::<libc::sockaddr_storage>()).unwrap_or_default();
    // SAFETY: both pointers are to locals, and the length is that of the first.
    let result = unsafe { libc::getsockname(socket, (&raw mut bytes).cast(), &raw mut length) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call wrote `length` bytes, at most as many as there are.
    Ok(unsafe { Place::read((&raw const bytes).cast(), length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["1.2.3.4:5", "[2001:db8::1]:65535", "[fe80::1%3]:9"] {
            let place: SocketAddr = text.parse().expect("an address");
            let written = Written::of(place);
            // SAFETY: its own length.
            assert_eq!(unsafe { Place::read(written.pointer(), written.length) }, Place::Ip(place));
        }
    }

    #[test]
    fn what_is_cut_short_or_of_another_kind_leads_nobody_knows_where() {
        let written = Written::of("1.2.3.4:5".parse().expect("an address"));
        for length in [0, 1, 4, 15] {
            // SAFETY: shorter than what is there.
            assert_eq!(unsafe { Place::read(written.pointer(), length) }, Place::Unknown, "{length}");
        }
        // SAFETY: null is allowed.
        assert_eq!(unsafe { Place::read(std::ptr::null(), 16) }, Place::Unknown);
        for (family, wanted) in
            [(libc::AF_UNIX, Place::Local), (libc::AF_NETLINK, Place::Local), (libc::AF_PACKET, Place::Unknown)]
        {
            let mut odd = Written::of("[::1]:5".parse().expect("an address"));
            odd.bytes.sin6_family = self::family(family);
            // SAFETY: its own length.
            assert_eq!(unsafe { Place::read(odd.pointer(), odd.length) }, wanted, "{family}");
        }
    }
}
