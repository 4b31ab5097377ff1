//! The owner's keys as files: made, rotated, restored from words.
//!
//! One rename of `identity.key` switches to the next key: the file holds the rotation too, which the core says as soon as
//! it runs, once. The key after that is written beside it before, as `next.rotating`, and takes its name afterwards.

use super::{Home, cannot, random, sync_folder, write_private};
use data_encoding::HEXLOWER;
use heirloom_core::command::{CommandError, Fault};
use heirloom_proto::body::Rotation;
use heirloom_proto::{Key, SecretKey, Sha256, Timestamp};
use std::path::PathBuf;
use std::{fs, io};
use zeroize::Zeroizing;

/// The owner's keys as the files hold them.
pub struct Identity {
    /// The key.
    pub secret: SecretKey,
    /// How often it was rotated.
    pub generation: u32,
    /// SHA-256 of the next public key.
    pub next_key_hash: Sha256,
    /// What it took over from another key by.
    pub succeeds: Option<Rotation>,
    /// Made just now.
    pub is_new: bool,
}

impl Home {
    fn identity_file(&self) -> PathBuf {
        self.root.join("identity.key")
    }

    fn next_key_file(&self) -> PathBuf {
        self.root.join("next.key")
    }

    fn rotating_key_file(&self) -> PathBuf {
        self.root.join("next.rotating")
    }

    /// Reads the owner's keys, making them at the first start.
    ///
    /// # Errors
    /// When the files are damaged or cannot be written.
    pub fn identity(&self) -> Result<Identity, CommandError> {
        let path = self.identity_file();
        match fs::read_to_string(&path) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                let identity = read_identity(&text).ok_or_else(|| {
                    CommandError::new(
                        Fault::Failed,
                        "damaged_identity",
                        format!("{} is damaged: restore it from a backup", path.display()),
                    )
                })?;
                self.end_rotation(&identity).map_err(|error| cannot("rename", &self.rotating_key_file(), &error))?;
                Ok(identity)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make_identity(),
            Err(error) => Err(cannot("read", &path, &error)),
        }
    }

    fn make_identity(&self) -> Result<Identity, CommandError> {
        let path = self.identity_file();
        let make = || -> io::Result<Identity> {
            let seed = Zeroizing::new(random::<32>()?);
            let next = Zeroizing::new(random::<32>()?);
            let next_key_hash = hash_of(&SecretKey::from_seed(&next).public());
            // The next key first: an identity without it could never be rotated.
            write_private(&self.next_key_file(), &Zeroizing::new(HEXLOWER.encode(&*next)))?;
            write_private(&path, &identity_text(&seed, 0, &next_key_hash, None))?;
            let secret = SecretKey::from_seed(&seed);
            Ok(Identity { secret, generation: 0, next_key_hash, succeeds: None, is_new: true })
        };
        make().map_err(|error| cannot("write", &path, &error))
    }

    /// Switches to the next key, whose 24 words these are; the words of the one after it are kept until they are shown.
    /// Hold the lock.
    ///
    /// # Errors
    /// When the words are not those of the next key, or the files cannot be written. Then the key is the old one.
    pub fn rotate(&self, words: &str) -> Result<Identity, CommandError> {
        let old = self.identity()?;
        let seed = seed_of(words)?;
        let next = SecretKey::from_seed(&seed).public();
        if hash_of(&next) != old.next_key_hash {
            return Err(CommandError::bad_input(
                "wrong_words",
                "these 24 words do not lead to the next key of this identity: take those of its last backup",
            ));
        }
        let generation = old.generation.saturating_add(1);
        self.switch(&seed, generation, |after| Some(Rotation::signed_by(&old.secret, &next, after)))
    }

    /// Makes the identity of these 24 words, on a machine that has none. With the key that was `lost` and the time, it
    /// takes over from that key. Hold the lock.
    ///
    /// # Errors
    /// When there is an identity, the words are none, or the files cannot be written.
    pub fn restore(
        &self,
        words: &str,
        generation: u32,
        lost: Option<(Key, Timestamp)>,
    ) -> Result<Identity, CommandError> {
        let path = self.identity_file();
        if path.exists() {
            let message = format!("{} exists: restore into another --home, or rotate this key", path.display());
            return Err(CommandError::new(Fault::Failed, "identity_exists", message));
        }
        let seed = seed_of(words)?;
        if lost.is_some_and(|(lost, _)| lost == SecretKey::from_seed(&seed).public()) {
            return Err(CommandError::bad_input(
                "same_key",
                "these words are those of the lost key, not of the next one",
            ));
        }
        self.switch(&seed, generation, |next_key_hash| {
            lost.map(|(previous_key, now)| Rotation {
                previous_key,
                next_key_hash,
                compromised_since: Some(now),
                previous_signature: None,
            })
        })
    }

    /// Writes a new identity with a next key of its own. Whenever it is cut off, `identity.key` is the old or the new
    /// one, and the next key of either is kept.
    fn switch(
        &self,
        seed: &[u8; 32],
        generation: u32,
        rotation: impl FnOnce(Sha256) -> Option<Rotation>,
    ) -> Result<Identity, CommandError> {
        let path = self.identity_file();
        let write = || -> io::Result<()> {
            let after = Zeroizing::new(random::<32>()?);
            let next_key_hash = hash_of(&SecretKey::from_seed(&after).public());
            let text = identity_text(seed, generation, &next_key_hash, rotation(next_key_hash).as_ref());
            write_private(&self.rotating_key_file(), &Zeroizing::new(HEXLOWER.encode(&*after)))?;
            write_private(&path, &text)
        };
        write().map_err(|error| cannot("write", &path, &error))?;
        self.identity()
    }

    /// Gives the key after a rotation its name, if that rotation got as far as the identity.
    fn end_rotation(&self, identity: &Identity) -> io::Result<()> {
        let path = self.rotating_key_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_next = read_seed(&text)
            .is_some_and(|seed| hash_of(&SecretKey::from_seed(&seed).public()) == identity.next_key_hash);
        if !is_next {
            // Of a rotation that was cut off before it switched, or that is under way: the next one writes over it.
            return Ok(());
        }
        match fs::rename(&path, self.next_key_file()) {
            // Another process reads the same identity, and was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Ok(()) => sync_folder(&path),
            Err(error) => Err(error),
        }
    }

    /// The 24 words of the next key, once: after `forget` they are nowhere on this machine.
    ///
    /// # Errors
    /// When they were shown already, or the file cannot be read.
    pub fn recovery_words(&self) -> Result<Zeroizing<String>, CommandError> {
        let path = self.next_key_file();
        let text = fs::read_to_string(&path).map_err(|_| {
            CommandError::not_found("already_shown", "the recovery words were shown before and are no longer kept here")
        })?;
        let text = Zeroizing::new(text);
        let words = read_seed(&text).and_then(|seed| bip39::Mnemonic::from_entropy(&*seed).ok());
        words.map(|words| Zeroizing::new(words.to_string())).ok_or_else(|| {
            CommandError::new(Fault::Failed, "damaged_identity", format!("{} is damaged", path.display()))
        })
    }

    /// Whether the words were never shown.
    #[must_use]
    pub fn has_recovery_words(&self) -> bool {
        self.next_key_file().exists()
    }

    /// Removes the next key after it was shown.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn forget_recovery_words(&self) -> Result<(), CommandError> {
        let path = self.next_key_file();
        fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))
    }
}

fn hash_of(key: &Key) -> Sha256 {
    Sha256::of(key.as_bytes())
}

fn read_seed(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let seed = Zeroizing::new(HEXLOWER.decode(text.trim().as_bytes()).ok()?);
    Some(Zeroizing::new(seed.as_slice().try_into().ok()?))
}

/// The seed behind 24 words, however they are spaced.
fn seed_of(words: &str) -> Result<Zeroizing<[u8; 32]>, CommandError> {
    let words = Zeroizing::new(words.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase());
    let entropy = bip39::Mnemonic::parse(words.as_str()).map(|words| Zeroizing::new(words.to_entropy()));
    entropy.ok().and_then(|entropy| Some(Zeroizing::new(entropy.as_slice().try_into().ok()?))).ok_or_else(|| {
        CommandError::bad_input("bad_words", "these are not 24 recovery words: check each of them, and their order")
    })
}

/// The identity file. The lines of the rotation are there only if there was one.
fn identity_text(seed: &[u8; 32], generation: u32, next: &Sha256, rotation: Option<&Rotation>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!("{}\ngeneration {generation}\nnext {next}\n", HEXLOWER.encode(seed)));
    if let Some(rotation) = rotation {
        text.push_str(&format!("previous {}\n", HEXLOWER.encode(rotation.previous_key.as_bytes())));
        if let Some(signature) = &rotation.previous_signature {
            text.push_str(&format!("handover {}\n", HEXLOWER.encode(signature)));
        }
        if let Some(since) = rotation.compromised_since {
            text.push_str(&format!("compromised {}\n", since.0));
        }
    }
    text
}

fn read_rotation<'a>(lines: impl Iterator<Item = &'a str>, next_key_hash: Sha256) -> Option<Option<Rotation>> {
    let (mut previous, mut compromised_since, mut previous_signature) = (None, None, None);
    for line in lines {
        let (name, value) = line.split_once(' ')?;
        let bytes = || HEXLOWER.decode(value.trim().as_bytes()).ok();
        match name {
            "previous" => previous = Some(Key::from_slice(&bytes()?).ok()?),
            "handover" => previous_signature = Some(bytes()?.try_into().ok()?),
            "compromised" => compromised_since = Some(Timestamp(value.trim().parse().ok()?)),
            _ => return None,
        }
    }
    Some(previous.map(|previous_key| Rotation { previous_key, next_key_hash, compromised_since, previous_signature }))
}

fn read_identity(text: &str) -> Option<Identity> {
    let mut lines = text.lines();
    let seed = read_seed(lines.next()?)?;
    let generation = lines.next()?.strip_prefix("generation ")?.trim().parse().ok()?;
    let next = HEXLOWER.decode(lines.next()?.strip_prefix("next ")?.trim().as_bytes()).ok()?;
    let next_key_hash = Sha256::from_slice(&next)?;
    let succeeds = read_rotation(lines, next_key_hash)?;
    Some(Identity { secret: SecretKey::from_seed(&seed), generation, next_key_hash, succeeds, is_new: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_made_once_and_words_are_shown_once() {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::find(Some(folder.path().join("h"))).expect("home");
        home.prepare().expect("prepare");
        let first = home.identity().expect("identity");
        let again = home.identity().expect("identity");
        assert!(first.is_new && !again.is_new);
        assert_eq!(first.secret.public(), again.secret.public());
        let words = home.recovery_words().expect("words");
        assert_eq!(words.split(' ').count(), 24);
        let seed = bip39::Mnemonic::parse(words.as_str()).expect("bip39").to_entropy();
        let next = SecretKey::from_seed(&seed.try_into().expect("32 bytes")).public();
        assert_eq!(Sha256::of(next.as_bytes()), again.next_key_hash, "the words lead to the committed key");
        home.forget_recovery_words().expect("forget");
        assert!(home.recovery_words().is_err());
    }

    fn new_home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::find(Some(folder.path().join("h"))).expect("home");
        home.prepare().expect("prepare");
        (folder, home)
    }

    /// The words of the next key, as a backup shows them.
    fn backed_up(home: &Home) -> Zeroizing<String> {
        let words = home.recovery_words().expect("words");
        home.forget_recovery_words().expect("forget");
        words
    }

    fn code_of(result: Result<Identity, CommandError>) -> (&'static str, Fault) {
        result.err().map(|error| (error.code, error.fault)).expect("a refusal")
    }

    #[test]
    fn a_rotation_switches_to_the_committed_key_which_the_old_one_signed_over_to() {
        let (_folder, home) = new_home();
        let first = home.identity().expect("identity");
        let words = backed_up(&home);
        // Spaces, line breaks and capitals are as people type them.
        let typed = format!("  {}\n", words.to_uppercase().replace(' ', "\n "));
        let second = home.rotate(&typed).expect("rotated");
        assert_eq!(hash_of(&second.secret.public()), first.next_key_hash, "the committed key");
        assert_eq!(second.generation, 1);
        let rotation = second.succeeds.expect("a rotation");
        assert_eq!(rotation, Rotation::signed_by(&first.secret, &second.secret.public(), second.next_key_hash));
        let again = home.identity().expect("identity");
        assert_eq!((again.secret.public(), again.succeeds), (second.secret.public(), Some(rotation)));
        // And once more, with the words that the first rotation made.
        assert!(home.has_recovery_words(), "the words of the key after it are kept until they are shown");
        let third = home.rotate(&backed_up(&home)).expect("rotated again");
        assert_eq!((hash_of(&third.secret.public()), third.generation), (second.next_key_hash, 2));
    }

    #[test]
    fn wrong_words_change_nothing() {
        let (_folder, home) = new_home();
        let before = home.identity().expect("identity");
        let others = bip39::Mnemonic::from_entropy(&[7; 32]).expect("words").to_string();
        let twelve = bip39::Mnemonic::from_entropy(&[7; 16]).expect("words").to_string();
        assert_eq!(code_of(home.rotate(&others)), ("wrong_words", Fault::BadInput));
        for words in ["", "abandon", &twelve, &others.replacen(' ', " zebra ", 1)] {
            assert_eq!(code_of(home.rotate(words)), ("bad_words", Fault::BadInput), "{words}");
        }
        let after = home.identity().expect("identity");
        assert_eq!((after.secret.public(), after.generation), (before.secret.public(), 0));
        assert_eq!(after.next_key_hash, before.next_key_hash);
        assert!(home.rotate(&backed_up(&home)).is_ok(), "the right ones still hold");
    }

    #[test]
    fn a_rotation_that_was_cut_off_is_ended_or_was_never_begun() {
        let (_folder, home) = new_home();
        let first = home.identity().expect("identity");
        let words = home.recovery_words().expect("words");
        // Cut off before the switch: the key after the next is there, the identity is the old one.
        write_private(&home.rotating_key_file(), &HEXLOWER.encode(&[9; 32])).expect("written");
        assert_eq!(home.identity().expect("identity").secret.public(), first.secret.public());
        assert_eq!(home.recovery_words().expect("words"), words, "the next key is still the committed one");
        let second = home.rotate(&words).expect("rotated");
        // Cut off after the switch: the key after it has not got its name yet, and the old next key stands there.
        fs::rename(home.next_key_file(), home.rotating_key_file()).expect("renamed");
        let stale = HEXLOWER.encode(&*second.secret.to_seed());
        write_private(&home.next_key_file(), &stale).expect("written");
        assert_eq!(home.identity().expect("identity").secret.public(), second.secret.public());
        assert!(!home.rotating_key_file().exists());
        let third = home.rotate(&backed_up(&home)).expect("rotated again");
        assert_eq!(hash_of(&third.secret.public()), second.next_key_hash);
    }

    #[test]
    fn a_lost_machine_is_restored_from_the_words() {
        let (_folder, lost) = new_home();
        let old = lost.identity().expect("identity");
        let words = backed_up(&lost);
        assert_eq!(code_of(lost.restore(&words, 1, None)), ("identity_exists", Fault::Failed));
        let (_folder, home) = new_home();
        assert_eq!(code_of(home.restore("no words", 1, None)), ("bad_words", Fault::BadInput));
        let now = Timestamp(1_790_845_200_000);
        let restored = home.restore(&words, 1, Some((old.secret.public(), now))).expect("restored");
        assert_eq!((hash_of(&restored.secret.public()), restored.generation), (old.next_key_hash, 1));
        let rotation = restored.succeeds.expect("a rotation");
        assert_eq!(rotation.previous_key, old.secret.public());
        assert_eq!((rotation.compromised_since, rotation.previous_signature), (Some(now), None));
        assert_eq!(rotation.next_key_hash, restored.next_key_hash);
        assert!(home.rotate(&backed_up(&home)).is_ok(), "it has a next key of its own");

        let (_folder, plain) = new_home();
        let restored = plain.restore(&words, 4, None).expect("restored");
        assert_eq!((restored.generation, restored.succeeds), (4, None));
        let own = bip39::Mnemonic::from_entropy(&*old.secret.to_seed()).expect("words").to_string();
        let (_folder, other) = new_home();
        let same = other.restore(&own, 1, Some((old.secret.public(), now)));
        assert_eq!(code_of(same), ("same_key", Fault::BadInput));
    }
}
