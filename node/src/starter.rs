//! What ships with the program: the starter catalogue and the starter packs, as `bootstrap-lists/` holds them.

use heirloom_core::command::{Command, CommandError, Fault};
use heirloom_proto::signed_text::find_blocks;
use heirloom_proto::{Body, Key, Kind};

/// What it is called on the command line.
pub const NAME: &str = "starter";

/// The starter catalogue, signed.
const CATALOGUE: &str = include_str!("../../bootstrap-lists/starter.txt");

/// The packs: signed lists of curators, by name.
pub const PACKS: [(&str, &str); 2] = [
    ("heirloom-project", include_str!("../../bootstrap-lists/packs/heirloom-project.txt")),
    ("open-films", include_str!("../../bootstrap-lists/packs/open-films.txt")),
];

/// What a pack's name begins with on the command line.
pub const PACK_SCHEME: &str = "pack:";

/// The signed text of a pack.
///
/// # Errors
/// When there is none of that name.
pub fn pack(name: &str) -> Result<&'static str, CommandError> {
    PACKS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(|| {
        let names: Vec<&str> = PACKS.iter().map(|(name, _)| *name).collect();
        CommandError::not_found("no_such_pack", format!("no pack is called {name:?}: there are {}", names.join(", ")))
    })
}

/// The command that takes the starter catalogue.
///
/// # Errors
/// When this program was built with a damaged one.
pub fn take(again: bool) -> Result<Command, CommandError> {
    let broken = |why: String| {
        CommandError::new(
            Fault::Failed,
            "bad_starter",
            format!("the starter catalogue of this program is damaged ({why}): install it again"),
        )
    };
    let (statements, _) = find_blocks(CATALOGUE).map_err(|error| broken(error.to_string()))?;
    let profile = statements.iter().find(|statement| statement.kind() == Kind::Profile);
    let key: Key = *profile.ok_or_else(|| broken("nobody signed it".into()))?.author();
    let envelopes = statements.iter().map(|statement| statement.bytes().to_vec()).collect();
    debug_assert!(
        statements.iter().any(|statement| matches!(statement.body(), Body::Listing(_))),
        "it lists something"
    );
    Ok(Command::TakeStarter { key, envelopes, again })
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_core::command::IMPORT_BYTES_MAX;
    use heirloom_proto::body::{Work, WorkKind};
    use heirloom_proto::{Statement, Verified};
    use std::collections::BTreeSet;

    #[test]
    fn the_catalogue_is_whole_by_one_key_and_holds_open_works_alone() {
        let Command::TakeStarter { key, envelopes, .. } = take(false).expect("it is good") else { panic!("takes") };
        assert!(envelopes.iter().map(Vec::len).sum::<usize>() <= IMPORT_BYTES_MAX);
        let (statements, _) = find_blocks(CATALOGUE).expect("good");
        let listings: Vec<_> = statements
            .iter()
            .filter_map(|statement| match statement.body() {
                Body::Listing(listing) => Some(listing),
                _ => None,
            })
            .collect();
        assert!(statements.iter().all(|statement| *statement.author() == key));
        let table = include_str!("../../bootstrap-lists/open-works.csv");
        assert_eq!(table.lines().count() - 1, listings.len(), "sign it anew after the table was edited");
        for listing in &listings {
            assert!(table.contains(&listing.infohash.to_string()), "{}", listing.name);
            let lets_share = ["CC-", "LicenseRef-CC-", "LicenseRef-Debian"];
            assert!(lets_share.iter().any(|licence| listing.licence.starts_with(licence)), "{}", listing.licence);
        }
        let kinds: BTreeSet<&str> = works(&statements).map(|work| work.kind.name()).collect();
        assert!(["film", "series", "album", "book", "software"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
        for listing in listings {
            assert!(works(&statements).any(|work| work.ids.contains(&listing.work)), "{} has no record", listing.work);
        }
        let series = works(&statements).find(|work| work.kind == WorkKind::Series).expect("a series");
        assert!(series.episodes.len() > 1, "a series shows its episodes");
    }

    fn works(statements: &[Verified<Statement>]) -> impl Iterator<Item = &Work> {
        statements.iter().filter_map(|statement| match statement.body() {
            Body::Work(work) => Some(work),
            _ => None,
        })
    }

    #[test]
    fn every_infohash_was_seen_in_two_places_of_different_owners() {
        // Of a repository the owner, of a package its name, of anything else the host.
        let owner = |source: &str| -> String {
            let parts: Vec<&str> = source.trim_start_matches("https://").split('/').collect();
            if parts[0] == "github.com" { parts[..parts.len().min(2)].join("/") } else { parts[0].to_owned() }
        };
        let evidence = include_str!("../../bootstrap-lists/evidence.csv");
        let (statements, _) = find_blocks(CATALOGUE).expect("good");
        for statement in &statements {
            let Body::Listing(listing) = statement.body() else { continue };
            let infohash = listing.infohash.to_string();
            let owners: BTreeSet<String> = evidence
                .lines()
                .filter_map(|line| line.strip_prefix(&infohash)?.split(',').nth(1).map(owner))
                .collect();
            assert!(owners.len() >= 2, "{}: {owners:?}", listing.name);
        }
    }

    #[test]
    fn every_pack_is_a_signed_list_of_that_name() {
        for (name, text) in PACKS {
            let (statements, _) = find_blocks(text).expect("good");
            let [statement] = &statements[..] else { panic!("one list in {name}") };
            let Body::CuratorList(list) = statement.body() else { panic!("{name} is no list") };
            assert_eq!(list.name, name);
            assert!(!list.entries.is_empty());
        }
        assert!(pack("nobody").is_err());
    }
}
