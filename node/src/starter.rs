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
        assert!(listings.len() >= 4);
        assert!(listings.iter().all(|listing| listing.licence.starts_with("CC-")), "every licence lets it be shared");
        assert!(statements.iter().all(|statement| *statement.author() == key));
        let table = include_str!("../../bootstrap-lists/open-works.csv");
        assert_eq!(table.lines().count() - 1, listings.len(), "sign it anew after the table was edited");
        for listing in listings {
            assert!(table.contains(&listing.infohash.to_string()), "{}", listing.name);
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
