//! The verbs below `id`, `list` and `curator` as typed.

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
        #[arg(long, default_value_t = 1, value_name = "N")]
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
