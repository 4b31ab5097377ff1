//! Routes commands to the topics.

use super::Service;
use crate::command::{Command, CommandError, Fault, Reply, Wanted};
use crate::curation::Follow;
use crate::ground::Stored;
use crate::io::{Now, RequestId};
use crate::store::{Store, StoreError};
use crate::views;
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
            Command::Show { ref work, wait, .. } => {
                let work = work.clone();
                self.look_up(now, request, work, wait, command)
            }
            Command::Get { what: Wanted::Work(ref work), ref choice, .. } => {
                let work = work.clone();
                if self.choose(now, &Wanted::Work(work.clone()), choice, false)?.is_ok() {
                    return self.answer_from_store(now, request, command);
                }
                self.look_up(now, request, work, None, command)
            }
            Command::HandOff { what: Wanted::Work(ref work), ref choice, .. } => {
                let work = work.clone();
                if self.choose(now, &Wanted::Work(work.clone()), choice, false)?.is_ok() {
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
            Command::FollowAs { key, said, preview } => {
                let follow = self.following(now, &key, said);
                self.follow(now, key, follow, preview)?
            }
            Command::Follows => Ok(Reply::Follows(self.follows(now)?)),
            Command::About { key, skip } => Ok(Reply::About(Box::new(self.about(&key, skip)?))),
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
            Command::Circle { part, skip, limit } => Ok(Reply::Circle(self.circle(now, part, skip, limit)?)),
            Command::Names { keys } => Ok(Reply::Names(self.names_of(keys)?)),
            Command::Ring { scope, keys } => self.ring(now, scope, &keys)?,
            Command::Link { address, key } => self.link(address, key)?,
            Command::Ledger { by } => Ok(Reply::Ledger(self.ledger_rows(by))),
            Command::Observe { client, swarms, is_dry } => self.observe(now, client, &swarms, is_dry)?,
            Command::HandOff { what, anyway, choice } => self.hand_off(now, &what, &choice, anyway)?,
            Command::HandedFiles { infohash, pick, files } => self.handed_files(now, infohash, &pick, &files)?,
            Command::HandedOff { infohash, client, url, anyway } => {
                self.handed_off(now, infohash, client, url, anyway)?
            }
            Command::Handed => Ok(self.handed_rows()),
            Command::LookInto { infohash, files } => self.look_into_handed(now, infohash, files)?,
            Command::Seed { listed } => self.seed_listed(now, listed)?,
            Command::Retract { target } => self.retract(now, &target)?,
            Command::Succeed { rotation } => self.succeed(now, *rotation)?,
            Command::Search { text, kind, band, limit } => {
                Ok(Reply::Works(self.search(now, &text, kind, band, limit)?))
            }
            Command::Rank(rank) => Ok(Reply::Works(self.rank(now, *rank)?)),
            Command::Hearing => Ok(Reply::Hearing(self.hearing(now))),
            Command::Showing => Ok(Reply::Showing(self.showing(now))),
            Command::Newest(newest) => Ok(Reply::Newest(self.newest(now, &newest))),
            Command::Shelf { works, lines } => Ok(Reply::Shelf(self.shelf(now, &works, lines)?)),
            Command::Show { work, lines, .. } => Ok(Reply::Work(Box::new(self.show_liked(now, &work, lines)?))),
            Command::Get { what, to, anyway, choice } => self.fetch(now, &what, to, &choice, anyway)?,
            Command::Cancel { infohash, delete } => self.cancel(&infohash, delete),
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
}
