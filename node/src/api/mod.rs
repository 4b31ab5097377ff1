//! The verbs as data: what the CLI and the HTTP API send, what it means to the core, and the JSON that comes back.

mod answer;
mod request;

pub use answer::{error_json, to_json};
pub use request::{Request, parse};

use heirloom_core::command::Fault;

/// Exit code of a fault, as the CLI contract says.
#[must_use]
pub fn exit_code(fault: Fault) -> u8 {
    match fault {
        Fault::Failed => 1,
        Fault::BadInput => 2,
        Fault::NotFound => 3,
        Fault::Refused => 4,
    }
}

/// HTTP status of a fault.
#[must_use]
pub fn http_status(fault: Fault) -> u16 {
    match fault {
        Fault::Failed => 500,
        Fault::BadInput => 400,
        Fault::NotFound => 404,
        Fault::Refused => 403,
    }
}
