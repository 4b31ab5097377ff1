//! Routes commands to the topics.

use super::Service;
use crate::command::{Command, CommandError, Fault, Reply, Wanted};
use crate::curation::Follow;
use crate::ground::Stored;
use crate::io::{Now, Output, RequestId, TorrentOrder};
use crate::store::{Store, StoreError};
use crate::torrents::Torrent;
use crate::views;
use heirloom_proto::Infohash;
use heirloom_proto::body::Verdict;

/// Most commands that wait for the sequence number at once; a person types fewer in five seconds.
const HELD_COMMANDS_MAX: usize = 256;

impl<S: Store> Service<S> {
    pub(super) fn command(&mut self, now: Now, request: RequestId, command: Command) -> Result<(), StoreError> {
        if self.recovering.is_some() && Self::signs(&command) {
            if self.held_commands.len() >= HELD_COMMANDS_MAX {
                let busy = CommandError::new(Fault::Failed, "busy", "the node is starting: try again in a few seconds");
                self.reply(request, Err(busy));
            } else {
                self.held_commands.push((request, command));
            }
            return Ok(());
        }
        match command {
            Command::Show { ref work, wait } => {
                let work = work.clone();
                self.look_up(now, request, work, wait, command)
            }
            Command::Get { what: Wanted::Work(ref work), .. } => {
                let work = work.clone();
                if self.choose(now, &Wanted::Work(work.clone()), false)?.is_ok() {
                    return self.answer_from_store(now, request, command);
                }
                self.look_up(now, request, work, None, command)
            }
            Command::Publish(publish) => {
                self.publish(request, publish);
                Ok(())
            }
            command => self.answer_from_store(now, request, command),
        }
    }

    /// Carries a command out with what is known here now.
    pub(super) fn answer_from_store(
        &mut self,
        now: Now,
        request: RequestId,
        command: Command,
    ) -> Result<(), StoreError> {
        let result = match command {
            Command::Identity => Ok(Reply::Identity(self.who_am_i()?)),
            Command::SetProfile { name, url } => self.set_profile(now, name, url)?,
            Command::Follow { key, level, scope, alias, preview } => {
                // Who is followed at depth zero stays so: that a list names the starter catalogue gives its key no more.
                let newest = self.succession.newest(&key);
                let gives_voice = self.curation.of(&newest).is_none_or(|old| old.gives_voice);
                self.follow(now, key, Follow { level, scope, alias, since: now.wall, gives_voice }, preview)?
            }
            Command::Follows => Ok(Reply::Follows(self.follows(now)?)),
            Command::Unfollow { key } => self.unfollow(now, &key)?,
            Command::TakeStarter { key, envelopes, again } => self.take_starter(now, &key, &envelopes, again)?,
            Command::DropStarter => self.drop_starter(now)?,
            Command::MakeList { list, private } => self.make_list(now, list, private)?,
            Command::Attest { subject, level, scope, reason, lifetime, private } => {
                self.attest(now, Self::attestation(subject, level, scope, reason), lifetime, private)?
            }
            Command::Verdict { infohash, opinion, note, private } => {
                self.judge(now, Verdict { infohash, opinion, note }, private)?
            }
            Command::Why { subject, scope } => self.why(now, &subject, scope)?,
            Command::Trust { scope, limit } => Ok(Reply::Trust(self.trust(now, scope, limit)?)),
            Command::Ring { scope, keys } => self.ring(now, scope, &keys)?,
            Command::Link { address, key } => self.link(address, key)?,
            Command::Ledger { by } => Ok(Reply::Ledger(self.ledger_rows(by))),
            Command::Retract { target } => self.retract(now, &target)?,
            Command::Succeed { rotation } => self.succeed(now, *rotation)?,
            Command::Search { text, kind, band, limit } => {
                Ok(Reply::Works(self.search(now, &text, kind, band, limit)?))
            }
            Command::Rank(rank) => Ok(Reply::Works(self.rank(now, *rank)?)),
            Command::Hearing => Ok(Reply::Hearing(self.hearing(now))),
            Command::Show { work, .. } => Ok(Reply::Work(Box::new(self.show(now, &work)?))),
            Command::Get { what, to, anyway } => self.fetch(now, &what, to, anyway)?,
            Command::Status => {
                let stale_follows = self.stale_follows(now)?;
                let starter = self.starter()?;
                Ok(Reply::Status(views::Status { stale_follows, starter, ..self.status(now) }))
            }
            Command::Export => {
                let own = self.ground.statements_of(&self.identity.key())?;
                let to_own = |stored: Stored| views::OwnStatement {
                    bytes: stored.statement.bytes().to_vec(),
                    is_private: stored.is_private,
                };
                Ok(Reply::Statements(own.into_iter().map(to_own).collect()))
            }
            Command::List { entries, is_dry } => self.list_entries(now, entries, is_dry)?,
            Command::Import { envelopes } => self.import(now, &envelopes)?,
            Command::Reindex => Ok(Reply::Reindexed(self.reindex(now)?)),
            Command::Publish(publish) => {
                self.publish(request, publish);
                return Ok(());
            }
        };
        self.reply(request, result);
        Ok(())
    }

    /// Begins to fetch a release, or says why not.
    fn fetch(
        &mut self,
        now: Now,
        what: &Wanted,
        to: Option<String>,
        anyway: bool,
    ) -> Result<Result<Reply, CommandError>, StoreError> {
        if !self.has_torrents {
            return Ok(Err(CommandError::needs_node("downloading")));
        }
        let infohash: Infohash = match self.choose(now, what, anyway)? {
            Ok(infohash) => infohash,
            Err(error) => return Ok(Err(error)),
        };
        if self.archives.has(&infohash) {
            return Ok(Err(super::archive::no_release(&infohash)));
        }
        if let (Some(torrent), Some(to)) = (self.torrents.of(&infohash), &to)
            && torrent.is_complete
            && !torrent.content.starts_with(to.as_str())
        {
            let message = format!("{infohash} is already here, at {}: copy it from there", torrent.content);
            return Ok(Err(CommandError::new(Fault::Refused, "already_here", message)));
        }
        if let Some(torrent) = self.torrents.of(&infohash).filter(|torrent| anyway && !torrent.is_wanted_anyway) {
            let torrent = Torrent { is_wanted_anyway: true, ..torrent.clone() };
            self.torrents.set(infohash, torrent, &mut self.ground);
        }
        if self.torrents.of(&infohash).is_none() {
            let listing = self.listing_of(now, &infohash)?;
            let torrent = Torrent {
                content: to.unwrap_or_default(),
                is_named: false,
                is_complete: false,
                is_wanted_anyway: anyway,
                info_sha256: listing.as_ref().and_then(|listing| listing.info_sha256),
                trackers: listing.map(|listing| listing.trackers).unwrap_or_default(),
                added: now.wall,
            };
            let order = torrent.order(infohash);
            if !self.torrents.set(infohash, torrent, &mut self.ground) {
                let message = "this node keeps as many torrents as it can: remove one first";
                return Ok(Err(CommandError::new(Fault::Failed, "too_many_torrents", message)));
            }
            self.held.push(Output::Torrent(order));
        }
        Ok(Ok(Reply::Getting(views::Getting { infohash })))
    }

    /// Now that it is known what is in a torrent: one that may do harm is fetched no further, unless its owner said so.
    pub(super) fn look_inside(&mut self, now: Now, infohash: Infohash) -> Result<(), StoreError> {
        let may_refuse = |torrent: &Torrent| !torrent.is_complete && !torrent.is_wanted_anyway;
        if !self.torrents.of(&infohash).is_some_and(may_refuse) {
            return Ok(());
        }
        let Some(release) = self.release_of(now, &infohash)? else { return Ok(()) };
        if let Err(error) = Self::refuse_unsafe(&release) {
            self.ingest.count("torrents_unsafe");
            // What was found stays known for as long as the node runs: whoever shows the release sees it.
            let files = self.torrents.files_of(&infohash).map(<[_]>::to_vec).unwrap_or_default();
            self.torrents.remove(&infohash, &mut self.ground);
            self.torrents.tell_files(infohash, files);
            self.held.push(Output::Torrent(TorrentOrder::Refuse { infohash, error }));
        }
        Ok(())
    }
}
