//! What a service manager is told: `Type=notify` of systemd. Elsewhere, and without one, nothing.

use std::net::SocketAddr;

/// Everything listens, the page at this address.
pub(super) fn is_ready(page: SocketAddr) {
    tell(Told::Ready(page));
}

/// The node was asked to stop, and does.
pub(super) fn is_stopping() {
    tell(Told::Stopping);
}

enum Told {
    Ready(SocketAddr),
    Stopping,
}

#[cfg(target_os = "linux")]
fn tell(what: Told) {
    use sd_notify::NotifyState;
    let told = match what {
        Told::Ready(page) => {
            let status = format!("the page is at http://{page}/: heirloom open");
            sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)])
        }
        Told::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    };
    if let Err(error) = told {
        // The node is well; only its manager will not know.
        tracing::warn!(%error, "the service manager was not reached");
    }
}

#[cfg(not(target_os = "linux"))]
fn tell(what: Told) {
    match what {
        Told::Ready(_) | Told::Stopping => {}
    }
}
