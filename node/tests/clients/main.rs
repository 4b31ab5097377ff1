//! Clients of the owner as they may be met: another version, another program, one that wants a password, one that lies.

mod fake;
mod sessions;
