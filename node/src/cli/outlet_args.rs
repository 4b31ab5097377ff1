//! The way out as typed, and what is wrong with it in one sentence.

use crate::outlet::Choice;
use clap::Args;
use heirloom_core::command::CommandError;

const HEADING: &str = "Way out (every command heeds it; a running node keeps what it was started with)";

/// By which way this program reaches others.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = HEADING)]
pub struct OutletArgs {
    /// Interface, or address of one, that everything outside this machine goes by, such as that of a VPN; when it goes away
    /// nothing is sent until it is back
    #[arg(long, global = true, env = "HEIRLOOM_BIND", value_name = "INTERFACE|ADDRESS", hide_short_help = true)]
    pub bind: Option<String>,
    /// SOCKS5 proxy that everything outside this machine goes through; what cannot, such as the DHT, is turned off
    #[arg(
        long,
        global = true,
        env = "HEIRLOOM_PROXY",
        hide_env_values = true,
        value_name = "socks5://[USER:PASSWORD@]HOST:PORT",
        hide_short_help = true
    )]
    pub proxy: Option<String>,
}

impl OutletArgs {
    /// The way out.
    ///
    /// # Errors
    /// One sentence that names the flag and what it may be.
    pub fn choice(&self) -> Result<Choice, CommandError> {
        Choice::read(self.bind.as_deref(), self.proxy.as_deref())
    }
}
