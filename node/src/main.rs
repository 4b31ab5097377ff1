//! The program: logs to stderr, then the command line.

use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    // A library's troubles with strangers are no news to the user; `RUST_LOG` shows them.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("error,heirloom=warn,mainline=off,libp2p_gossipsub=error"));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_terminal)
        // It would say on stderr that stderr cannot be written, and panic: a log on a full disk must not kill the core.
        .log_internal_errors(false)
        .init();
    Box::pin(heirloom::cli::main(std::env::args_os())).await
}
