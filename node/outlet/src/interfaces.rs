//! The interfaces of this machine, as the system lists them.

use crate::place::Place;
use crate::way::Interface;
use std::ffi::CStr;
use std::io;
use std::mem;
use std::ptr;

/// Lists them, in the system's order.
pub(crate) fn all() -> io::Result<Vec<Interface>> {
    let mut list: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: the pointer is to a local, which the call sets to a list that is freed below.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut found: Vec<Interface> = Vec::new();
    let mut next = list;
    // SAFETY: the list is linked until null, and is not freed before the loop has ended.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        // SAFETY: a string that ends, and lives as long as the list.
        let c_name = unsafe { CStr::from_ptr(entry.ifa_name) };
        let name = c_name.to_string_lossy();
        let at = match found.iter().position(|one| one.name == name) {
            Some(at) => at,
            None => {
                // SAFETY: the same string.
                let index = unsafe { libc::if_nametoindex(c_name.as_ptr()) };
                let is_up = entry.ifa_flags & libc::IFF_UP as libc::c_uint != 0;
                found.push(Interface { name: name.into_owned(), index, is_up, addresses: Vec::new() });
                found.len() - 1
            }
        };
        // SAFETY: null, or an address of the length that its family has: only those of IP are read beyond the family.
        let place = unsafe { Place::read(entry.ifa_addr, length_of(entry.ifa_addr)) };
        if let Place::Ip(place) = place {
            found[at].addresses.push(place.ip());
        }
    }
    // SAFETY: the list that the call gave, once.
    unsafe { libc::freeifaddrs(list) };
    // An index of 0: it went away while it was being read.
    found.retain(|interface| interface.index != 0);
    Ok(found)
}

/// The length of an address in such a list, by its family.
fn length_of(address: *const libc::sockaddr) -> libc::socklen_t {
    if address.is_null() {
        return 0;
    }
    // SAFETY: not null, so it has a family.
    let family = i32::from(unsafe { (*address).sa_family });
    let length = match family {
        libc::AF_INET => mem::size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => mem::size_of::<libc::sockaddr_in6>(),
        _ => 0,
    };
    libc::socklen_t::try_from(length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn every_machine_has_loopback() {
        let all = all().expect("a list");
        let lo = all.iter().find(|one| one.name == "lo").expect("loopback");
        assert!(lo.index > 0 && lo.is_up && lo.addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)), "{lo:?}");
    }
}
