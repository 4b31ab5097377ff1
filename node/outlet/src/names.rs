//! The C library's way from names to addresses, with the rules before it.
//!
//! Its resolver opens sockets inside the library, where nothing can stand before them, and asks servers of the system's
//! choice: a name that is asked there tells the network beside the pinned one what this process does. While there are
//! rules, addresses and `localhost` are read as ever, and names go to the resolver that the program [set](crate::set_resolver).

use crate::{IS_SHUT, RESOLVER, in_force};
use libc::{addrinfo, c_char, c_int};
use std::ffi::{CStr, CString};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

type Function = unsafe extern "C" fn(*const c_char, *const c_char, *const addrinfo, *mut *mut addrinfo) -> c_int;

/// Finds the addresses of a host.
///
/// # Safety
/// As of the C library's `getaddrinfo`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const addrinfo,
    result: *mut *mut addrinfo,
) -> c_int {
    let Some(library) = library() else { return libc::EAI_FAIL };
    let rules = in_force();
    if rules.is_none() || node.is_null() {
        // SAFETY: the caller's arguments, as they are.
        return unsafe { library(node, service, hints, result) };
    }
    // SAFETY: says the caller: null or valid.
    let mut numeric = match unsafe { hints.as_ref() } {
        Some(hints) => *hints,
        // SAFETY: all zeroes are an `addrinfo` that asks for anything.
        None => unsafe { mem::zeroed() },
    };
    numeric.ai_flags |= libc::AI_NUMERICHOST;
    // SAFETY: the caller's arguments, and a local.
    let code = unsafe { library(node, service, &raw const numeric, result) };
    if code != libc::EAI_NONAME {
        return code;
    }
    // SAFETY: a string that ends, says the caller.
    let name = unsafe { CStr::from_ptr(node) };
    let Ok(name) = name.to_str() else { return code };
    let has_proxy = rules.is_some_and(|rules| rules.proxy.is_some());
    for ip in addresses(name, has_proxy) {
        let Ok(text) = CString::new(ip.to_string()) else { continue };
        // SAFETY: a local string, the caller's service and result, and a local.
        if unsafe { library(text.as_ptr(), service, &raw const numeric, result) } == 0 {
            return 0;
        }
    }
    libc::EAI_AGAIN
}

/// The addresses of a name. A proxy is told names, never addresses of them: so nobody is asked here.
fn addresses(name: &str, has_proxy: bool) -> Vec<IpAddr> {
    let bare = name.trim_end_matches('.').to_ascii_lowercase();
    if bare == "localhost" || bare.ends_with(".localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    // An address of IPv6 as it stands in a URL: a library hands it on as if it were a name.
    let inner = bare.strip_prefix('[').and_then(|bare| bare.strip_suffix(']'));
    if let Some(ip) = inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()) {
        return vec![ip.into()];
    }
    match RESOLVER.get() {
        Some(resolve) if !has_proxy && !IS_SHUT.load(Ordering::Relaxed) => resolve(&bare),
        _ => Vec::new(),
    }
}

/// The C library's own function, behind this one.
fn library() -> Option<Function> {
    static FOUND: OnceLock<usize> = OnceLock::new();
    let at = *FOUND.get_or_init(|| {
        // SAFETY: a string that ends; the next definition behind this program's is the library's.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr()) };
        if ptr::eq(found, ptr::null()) { 0 } else { found.expose_provenance() }
    });
    if at == 0 {
        return None;
    }
    let pointer = ptr::with_exposed_provenance::<libc::c_void>(at);
    // SAFETY: the address of the function of that name, which has this type (POSIX.1-2017, getaddrinfo).
    Some(unsafe { mem::transmute::<*const libc::c_void, Function>(pointer) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_written_addresses_need_no_resolver() {
        let here: Vec<IpAddr> = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        for name in ["localhost", "LOCALHOST.", "box.localhost"] {
            assert_eq!(addresses(name, true), here, "{name}");
        }
        assert_eq!(addresses("[2001:db8::1]", true), ["2001:db8::1".parse::<IpAddr>().expect("an address")]);
        for name in ["example.org", "localhost.example.org", "[example.org]", "[::1"] {
            assert_eq!(addresses(name, true), Vec::<IpAddr>::new(), "a proxy is told {name}, and nobody asked");
            assert_eq!(addresses(name, false), Vec::<IpAddr>::new(), "{name}: nobody was named to ask");
        }
    }
}
