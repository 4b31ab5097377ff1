//! Commands without a node: opens the store, answers, closes.

use super::searching::Here;
use super::{Clock, Settings, meter, open_service};
use crate::home::Home;
use crate::search::{self, Wish};
use heirloom_core::AnyService;
use heirloom_core::budgets::Reading;
use heirloom_core::command::{Command, CommandError, Fault, Reply};
use heirloom_core::io::{Input, Output, RequestId};
use heirloom_core::views::Found;
use heirloom_proto::Key;
use std::path::PathBuf;
use std::time::Instant;

/// The store of a home whose lock is held, with its core and no networks.
pub struct Offline {
    service: AnyService,
    clock: Clock,
    key: Key,
    requests: u64,
    /// Where the search index lies.
    folder: PathBuf,
}

impl Offline {
    /// Opens the store. What a rotation left to say is said.
    ///
    /// # Errors
    /// When the store cannot be opened.
    pub fn open(home: &Home, settings: impl Into<Settings>) -> Result<Self, CommandError> {
        let identity = home.identity()?;
        let key = identity.secret.public();
        let succeeds = identity.succeeds.clone();
        let (service, _) = open_service(home, identity, settings)?;
        let mut offline = Self { service, clock: Clock(Instant::now()), key, requests: 0, folder: home.search() };
        let now = offline.clock.now();
        let (free_bytes, disk_bytes) = meter::disk_of(home);
        let index_bytes = search::bytes_of(&home.search());
        let reading =
            Reading { free_bytes, disk_bytes, rss_bytes: meter::own_bytes(), index_bytes, ..Reading::default() };
        offline.service.handle(now, Input::Reading(reading));
        offline.service.handle(now, Input::Started { dht: false, torrents: false });
        if let Some(rotation) = succeeds {
            offline.command(Command::Succeed { rotation: Box::new(rotation) })?;
        }
        Ok(offline)
    }

    /// Whose store it is.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key
    }

    /// Looks for works, with the index of this home, which is brought up to date first.
    ///
    /// # Errors
    /// What the core answers.
    pub fn search(&mut self, wish: &Wish) -> Result<Vec<Found>, CommandError> {
        let index = search::open_once(&self.folder, &mut Here(&mut self.service), false);
        search::find(index.as_ref(), wish, &mut |command| self.command(command))
    }

    /// Throws the search index away and makes it anew: how many statements it holds.
    pub fn rebuild_search(&mut self) -> u64 {
        let index = search::open_once(&self.folder, &mut Here(&mut self.service), true);
        index.map_or(0, |index| index.documents())
    }

    /// Answers a command from the store alone. What it signs is pushed by the node when it runs next.
    ///
    /// # Errors
    /// What the core answers, or that the command needs a node.
    pub fn command(&mut self, command: Command) -> Result<Reply, CommandError> {
        self.requests += 1;
        let request = RequestId(self.requests);
        let halted = |halt: heirloom_core::Halt| CommandError::new(Fault::Failed, "halted", halt.to_string());
        self.service.handle(self.clock.now(), Input::Command { request, command: Box::new(command) });
        self.service.commit().map_err(halted)?;
        let mut answer = None;
        while let Some(output) = self.service.poll_output() {
            if let Output::Reply { request: of, result } = output
                && of == request
            {
                answer = Some(result.map(|reply| *reply));
            }
        }
        answer.unwrap_or_else(|| Err(CommandError::needs_node("this")))
    }
}

/// Answers one command from the store alone, and says whose store it is.
///
/// # Errors
/// As [`Offline::open`] and [`Offline::command`].
pub fn once(home: &Home, settings: impl Into<Settings>, command: Command) -> Result<(Reply, Key), CommandError> {
    let mut offline = Offline::open(home, settings)?;
    let reply = offline.command(command)?;
    Ok((reply, offline.key()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use heirloom_core::TrustSettings;
    use heirloom_core::io::{Admission, MessageId};
    use heirloom_proto::body::{Level, Scope};
    use heirloom_proto::{Kind, statement};

    fn new_home() -> (tempfile::TempDir, Home) {
        let folder = tempfile::tempdir().expect("folder");
        let home = Home::find(Some(folder.path().join("h"))).expect("home");
        home.prepare().expect("prepare");
        (folder, home)
    }

    fn statements(home: &Home) -> Vec<Vec<u8>> {
        match once(home, TrustSettings::default(), Command::Export) {
            Ok((Reply::Statements(all), _)) => all.into_iter().map(|own| own.bytes).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Whether a home takes a statement in that it hears.
    fn hears(home: &Home, bytes: &[u8]) -> bool {
        let (mut service, _) =
            open_service(home, home.identity().expect("identity"), TrustSettings::default()).expect("opened");
        let now = Clock(Instant::now()).now();
        service.handle(now, Input::Gossip { message: MessageId(1), from: None, bytes: bytes.to_vec() });
        service.commit().expect("committed");
        std::iter::from_fn(|| service.poll_output())
            .any(|output| matches!(output, Output::Admission { admission: Admission::Accept, .. }))
    }

    #[test]
    fn a_home_that_rotates_keeps_its_follower_in_another_home() {
        let ((_a, carol), (_b, alice)) = (new_home(), new_home());
        let (_, old) =
            once(&carol, TrustSettings::default(), Command::SetProfile { name: Some("Carol".into()), url: None })
                .expect("a name");
        for bytes in statements(&carol) {
            hears(&alice, &bytes);
        }
        let (level, scope, alias) = (Level::LOW, Scope::Seed, "C.".to_owned());
        once(
            &alice,
            TrustSettings::default(),
            Command::Follow { key: old, level, scope, alias: alias.clone(), preview: false },
        )
        .expect("followed");

        let words = carol.recovery_words().expect("words");
        carol.rotate(&words).expect("rotated");
        let (reply, new) = once(&carol, TrustSettings::default(), Command::Identity).expect("who");
        let Reply::Identity(id) = reply else { panic!("{reply:?}") };
        assert_eq!((id.key, id.name.as_str(), id.generation), (new, "Carol", 1));
        assert_ne!(new, old);
        let said = statements(&carol);
        assert_eq!(said, statements(&carol), "the rotation is said once");

        let rotations: Vec<&Vec<u8>> =
            said.iter().filter(|bytes| statement::verify(bytes).is_ok_and(|s| s.kind() == Kind::Rotation)).collect();
        let [rotation] = rotations[..] else { panic!("one rotation, not {}", rotations.len()) };
        assert!(hears(&alice, rotation));
        match once(&alice, TrustSettings::default(), Command::Follows) {
            Ok((Reply::Follows(all), _)) => {
                let [follow] = &all[..] else { panic!("{all:?}") };
                assert_eq!((follow.key, follow.previous), (new, Some(old)), "also after the store was opened again");
                assert_eq!((follow.level, follow.scope, follow.name.as_str()), (Level::LOW, Scope::Seed, "C."));
            }
            other => panic!("{other:?}"),
        }
    }
}
