//! The verbs below `id`, `list`, `curator` and `ledger` as typed.

use super::client_args::AtArgs;
use super::numbers::{WAIT_MAX, whole};
use crate::clients::Client;
use clap::Subcommand;

/// `id …`.
#[derive(Debug, Subcommand)]
pub enum IdVerb {
    /// Set your name and address
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
    Set {
        /// Name to show
        #[arg(long, group = "what")]
        name: Option<String>,
        /// Web page
        #[arg(long, group = "what")]
        url: Option<String>,
    },
    /// Print the 24 recovery words, once
    Backup,
    /// Go over to the next key: its 24 recovery words on stdin, while no node runs
    Rotate,
    /// Make the identity of 24 recovery words, given on stdin, on a machine that lost its own; once, not on two machines
    Restore {
        /// How often the key was rotated by then
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole::<u32>(1, 1_000_000),
            allow_negative_numbers = true)]
        generation: u32,
        /// Key that was lost or stolen: take over from it, and let nothing that it says from now on count
        #[arg(long, value_name = "PREVIOUS_KEY")]
        lost: Option<String>,
    },
}

/// `list …`.
#[derive(Debug, Subcommand)]
pub enum ListVerb {
    /// Show who is on a list; without one, the packs that came with this program
    Show {
        /// File, web address, pack:NAME, or - for standard input
        #[arg(value_name = "FILE|URL")]
        from: Option<String>,
    },
    /// Sign a list with your key, and print it as text for a page, a post or a file
    Make {
        /// Name of the list
        #[arg(long, value_name = "N")]
        name: String,
        /// Keys, links, or files with cards; KEY=NOTE says what they are good for
        #[arg(required = true, num_args = 1.., value_name = "KEY")]
        keys: Vec<String>,
        /// Keep it out of the network: only the text leaves this node, when you hand it on
        #[arg(long)]
        private: bool,
    },
    /// Check the signature and text of a list; exit 2 if anything is wrong with it
    Verify {
        /// File, or - for standard input
        file: String,
    },
}

/// `curator …`.
#[derive(Debug, Subcommand)]
pub enum CuratorVerb {
    /// Print your link and card, for a blog or a forum post
    #[command(group = clap::ArgGroup::new("form"))]
    Card {
        /// As HTML
        #[arg(long, group = "form")]
        html: bool,
        /// As the short block only
        #[arg(long, group = "form")]
        text: bool,
        /// As a QR code
        #[arg(long, group = "form")]
        qr: bool,
        /// As /.well-known/heirloom.json
        #[arg(long, group = "form")]
        well_known: bool,
    },
}

/// `ledger …`.
#[derive(Debug, Subcommand)]
pub enum LedgerVerb {
    /// Say that an address that sent something without a name belongs to a key that it showed later; it then counts a little
    Link {
        /// IP address, as `ledger` shows it
        address: String,
        /// Key
        key: String,
    },
    /// Read from whom your own client received, while it runs, and book it as weak evidence
    Import {
        /// qbittorrent or transmission
        #[arg(long, value_name = "CLIENT")]
        client: Client,
        #[command(flatten)]
        at: Box<AtArgs>,
        /// Go on looking for so long; Transmission is watched for 20 s where nothing is said, since it keeps no sums
        #[arg(long = "for", value_name = "SECONDS", value_parser = whole::<u64>(0, WAIT_MAX), allow_negative_numbers = true)]
        seconds: Option<u64>,
        /// Only say what would be booked
        #[arg(long)]
        dry_run: bool,
    },
    /// Take that back
    Unlink {
        /// IP address
        address: String,
    },
}
