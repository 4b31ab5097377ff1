//! The task that owns the swarm: takes commands, tells events, keeps time.
//!
//! It only routes. Each decision it carries out is made in a file of its own (`rate`,
//! `standing`, `redial`, `unsent`, `gate`, `sink`) or by the core.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::transport::ListenerId,
    gossipsub::{self, MessageAcceptance, MessageId, PublishError, TopicHash},
    swarm::{
        ConnectionId, DialError, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, sleep_until, timeout},
};

use super::{
    Admission, Command, Event, MessageRef, Shared,
    behaviour::{Behaviour, Gossipsub},
    exchange::{Pending, Protocol},
    finding::Finding,
    lookup::Seeks,
    params,
    peers::Peers,
    rate::Admit,
    reach::{self, Reach},
    redial::{self, Origin, Redial, Target},
    sink::Sink,
    start,
    traffic::Traffic,
    unsent::{Kept, Unsent},
};

/// See the module.
pub(super) struct Worker {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) sink: Sink,
    pub(super) shared: Arc<Shared>,
    pub(super) listening: watch::Sender<Vec<Multiaddr>>,
    pub(super) listeners: Vec<ListenerId>,
    pub(super) topics: BTreeSet<String>,
    pub(super) peers: Peers,
    pub(super) redial: Redial,
    pub(super) finding: Finding,
    pub(super) reach: Reach,
    /// Dials under way; those of `redial` with their target. Bounded by the limit of pending connections.
    pub(super) dials: BTreeMap<ConnectionId, Option<Target>>,
    /// Exchanges of sync that wait for an answer.
    pub(super) sync: Pending,
    /// The same of lookups.
    pub(super) lookup: Pending,
    /// The same of proofs of identity.
    pub(super) identity: Pending,
    /// The same of pictures.
    pub(super) artwork: Pending,
    pub(super) seeks: Seeks,
    max_message_bytes: usize,
    unsent: Unsent,
    traffic: Traffic,
    ticked: Instant,
}

impl Worker {
    pub fn new(
        swarm: Swarm<Behaviour>,
        sink: Sink,
        (shared, listening, finding, reach, traffic): (
            Arc<Shared>,
            watch::Sender<Vec<Multiaddr>>,
            Finding,
            Reach,
            Traffic,
        ),
        topics: Vec<String>,
        max_message_bytes: usize,
        now: Instant,
    ) -> Self {
        Self {
            swarm,
            sink,
            shared,
            listening,
            listeners: Vec::new(),
            topics: topics.into_iter().collect(),
            peers: Peers::default(),
            redial: Redial::default(),
            finding,
            reach,
            dials: BTreeMap::new(),
            sync: Pending::default(),
            lookup: Pending::default(),
            identity: Pending::default(),
            artwork: Pending::default(),
            seeks: Seeks::default(),
            max_message_bytes,
            unsent: Unsent::default(),
            traffic,
            ticked: now,
        }
    }

    /// Waits until every listener, bound already, has said which address it got.
    pub async fn await_listening(&mut self, listeners: Vec<ListenerId>) {
        let mut silent = listeners.clone();
        self.listeners = listeners;
        let all = async {
            while !silent.is_empty() {
                let event = self.swarm.select_next_some().await;
                if let SwarmEvent::NewListenAddr { listener_id, .. } = &event {
                    silent.retain(|listener| listener != listener_id);
                }
                self.on_swarm(event, Instant::now());
            }
        };
        if timeout(params::LISTEN_WITHIN, all).await.is_err() {
            tracing::warn!("bound, but no interface has an address yet");
        }
    }

    /// Runs until the handle or the receiver of events is dropped.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let tick = self.ticked + params::TICK;
            let due = [self.redial.next_due(), self.finding.next_second()].into_iter().flatten().min();
            let wake = due.map_or(tick, |due| due.min(tick));
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm(event, Instant::now()),
                command = commands.recv() => match command {
                    Some(Command::Stop) | None => break,
                    Some(command) => self.on_command(command, Instant::now()),
                },
                served = self.sink.serve() => if served.is_err() { break },
                () = sleep_until(wake.into()) => self.on_time(Instant::now()),
            }
        }
        drop(commands);
        // The swarm moves into it, which is large.
        Box::pin(self.close()).await;
    }

    fn on_command(&mut self, command: Command, now: Instant) {
        match command {
            Command::Publish { topic, bytes } => self.publish(Kept { topic, bytes, since: now }, now),
            Command::Verdict { message, peer, admission } => self.verdict(message, peer, admission, now),
            Command::Dial(address) => self.dial(address, None, now),
            Command::Candidates(places) => self.on_candidates(places, now),
            Command::Penalise { peer, points } => {
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.standing.penalise(points);
                }
                self.judge(peer, now);
            }
            Command::Favour { peer, points } => {
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.standing.set_favour(points);
                }
                self.judge(peer, now);
            }
            Command::Hear(topics) => self.hear(&topics),
            Command::SyncAsk { ask, peer, bytes } => self.put_question(Protocol::Sync, ask, peer, bytes),
            Command::SyncAnswer { exchange, bytes } => self.put_answer(Protocol::Sync, exchange, bytes),
            Command::LookupAsk { ask, peer, bytes } => self.put_question(Protocol::Lookup, ask, peer, bytes),
            Command::LookupAnswer { exchange, bytes } => self.put_answer(Protocol::Lookup, exchange, bytes),
            Command::Seek { seek, places, is_last } => self.on_seek(seek, places, is_last, now),
            Command::IdentityAsk { ask, peer, bytes } => self.put_question(Protocol::Identity, ask, peer, bytes),
            Command::IdentityAnswer { exchange, bytes } => self.put_answer(Protocol::Identity, exchange, bytes),
            Command::ArtworkAsk { ask, peer, bytes } => self.put_question(Protocol::Artwork, ask, peer, bytes),
            Command::ArtworkAnswer { exchange, bytes } => self.put_answer(Protocol::Artwork, exchange, bytes),
            Command::Friend { peer } => self.on_friend(peer),
            Command::Ban { peer } => self.ban(peer, now),
            // Taken by the loop.
            Command::Stop => {}
        }
    }

    fn on_time(&mut self, now: Instant) {
        for due in self.redial.take_due(now) {
            match due.peer {
                Some(peer) if self.swarm.is_connected(&peer) => self.redial.peer_up(peer, now),
                _ => self.dial(due.address, Some(due.target), now),
            }
        }
        self.dial_second_ways(now);
        let passed = now.saturating_duration_since(self.ticked);
        if passed < params::TICK {
            return;
        }
        self.ticked = now;
        if let Some((received, sent)) = self.traffic.look(now) {
            self.shared.counters.bytes_received.set(received);
            self.shared.counters.bytes_sent.set(sent);
        }
        for peer in self.peers.silent(now) {
            self.drop_stranger(peer, now);
        }
        for peer in self.peers.mute(now) {
            self.shared.counters.mute.one();
            self.hang_up(peer);
        }
        self.find(now);
        self.seek(now);
        self.let_go(now);
        self.seek_relay(now);
        self.show();
        self.peers.pass(passed, now);
        let connected: Vec<_> = self.peers.connected().map(|(peer, _)| peer).collect();
        for peer in connected {
            self.judge(peer, now);
        }
        self.swarm.behaviour_mut().gate.expire(now);
        self.shared.counters.unsent_dropped.many(self.unsent.expire(now));
    }

    /// Adds a peer to keep; it is dialled at the next wake.
    pub fn keep_dialling(&mut self, address: Multiaddr, origin: Origin, now: Instant) {
        self.redial.add(address, origin, now);
    }

    fn dial(&mut self, address: Multiaddr, target: Option<Target>, now: Instant) {
        let options = match redial::id_of(&address) {
            Some(peer) => DialOpts::peer_id(peer)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(vec![address])
                .build(),
            None => DialOpts::unknown_peer_id().address(address).build(),
        };
        let connection = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => {
                self.shared.counters.dials.one();
                self.dials.insert(connection, target);
            }
            Err(error) => self.dial_failed(target, &error, now),
        }
    }

    pub(super) fn dial_failed(&mut self, target: Option<Target>, error: &DialError, now: Instant) {
        match error {
            // Somebody else is at it, or it is connected: the next look will tell.
            DialError::DialPeerConditionFalse(_) => {
                target.into_iter().for_each(|target| self.redial.wait(target, now));
                return;
            }
            DialError::Denied { .. } => self.shared.counters.refused.one(),
            DialError::WrongPeerId { .. } => {
                target.into_iter().for_each(|target| self.redial.forget_id(target));
            }
            _ => {}
        }
        tracing::debug!(%error, "dial failed");
        self.shared.counters.dials_failed.one();
        target.into_iter().for_each(|target| self.redial.failed(target, now, chance()));
    }

    /// Joins these topics and leaves all others. What is published goes to their subscribers, joined or not.
    fn hear(&mut self, topics: &[String]) {
        tracing::info!(of = topics.len(), "topics joined or left");
        let gossipsub: &mut Gossipsub = &mut self.swarm.behaviour_mut().gossipsub;
        for name in &self.topics {
            let topic = gossipsub::IdentTopic::new(name);
            if !topics.contains(name) {
                gossipsub.unsubscribe(&topic);
            } else if let Err(error) = gossipsub.subscribe(&topic) {
                tracing::warn!(%error, %topic, "topic not joined");
            }
        }
    }

    fn publish(&mut self, kept: Kept, now: Instant) {
        let counters = &self.shared.counters;
        // Peers would hold either against us.
        if !self.topics.contains(&kept.topic) || kept.bytes.len() > self.max_message_bytes {
            tracing::warn!(topic = %kept.topic, bytes = kept.bytes.len(), "not published: foreign topic or too large");
            return counters.publish_refused.one();
        }
        match self.swarm.behaviour_mut().gossipsub.publish(TopicHash::from_raw(&kept.topic), kept.bytes.clone()) {
            Ok(_) => counters.published.one(),
            Err(PublishError::NoPeersSubscribedToTopic) => {
                counters.unsent.one();
                counters.unsent_dropped.many(self.unsent.keep(kept, now));
            }
            Err(PublishError::Duplicate) => counters.duplicates.one(),
            // It is in the cache and is told of by IHAVE for some heartbeats.
            Err(PublishError::AllQueuesFull(_)) => counters.queues_full.one(),
            Err(error) => {
                tracing::warn!(%error, topic = %kept.topic, bytes = kept.bytes.len(), "not published");
                counters.publish_refused.one();
            }
        }
    }

    fn verdict(&mut self, message: MessageRef, peer: PeerId, admission: Admission, now: Instant) {
        let counters = &self.shared.counters;
        let (acceptance, meter) = match admission {
            Admission::Accept => (MessageAcceptance::Accept, &counters.accepted),
            Admission::Ignore => (MessageAcceptance::Ignore, &counters.ignored),
            Admission::Reject => (MessageAcceptance::Reject, &counters.rejected),
        };
        let id = MessageId::from(message.0.to_vec());
        if self.swarm.behaviour_mut().gossipsub.report_message_validation_result(&id, &peer, acceptance) {
            meter.one();
        } else {
            counters.verdicts_late.one();
        }
        if admission == Admission::Reject {
            self.judge(peer, now);
        }
    }

    /// Something new and well formed arrived: within the peer's rate it goes to the core.
    fn on_gossip(&mut self, peer: PeerId, id: &MessageId, message: gossipsub::Message, now: Instant) {
        self.shared.counters.received.one();
        // PANIC: never, `tuning::message_id` makes 32 bytes; an id of another length names nothing.
        let Ok(digest) = <[u8; 32]>::try_from(id.0.as_slice()) else {
            return;
        };
        let reference = MessageRef(digest);
        let banned = self.swarm.behaviour().gate.is_banned(&peer, now);
        let admit = match self.peers.get_mut(&peer) {
            Some(known) if !banned => known.rate.admit(now, message.data.len()),
            _ => Admit::Over { blame: false },
        };
        if admit == Admit::Pass {
            let topic = message.topic.into_string();
            if !self.sink.offer(Event::Gossip { message: reference, peer, topic, bytes: message.data }) {
                self.shared.counters.dropped.one();
                self.verdict(reference, peer, Admission::Ignore, now);
            }
            return;
        }
        self.shared.counters.rate_limited.one();
        self.verdict(reference, peer, Admission::Ignore, now);
        match admit {
            Admit::Over { blame: true } => {
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.standing.penalise(params::OVER_RATE_POINTS);
                }
                self.judge(peer, now);
            }
            Admit::Flood => self.drop_flooder(peer, now),
            Admit::Pass | Admit::Over { blame: false } => {}
        }
    }

    pub(super) fn on_gossipsub(&mut self, event: gossipsub::Event, now: Instant) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                self.on_gossip(propagation_source, &message_id, message, now);
            }
            gossipsub::Event::Subscribed { peer_id, topic, .. } => {
                // The filter lets through only topics of ours.
                self.peers.subscribed(&peer_id);
                let topic = topic.into_string();
                for kept in self.unsent.take(&topic, now) {
                    self.publish(kept, now);
                }
                // Peers can say this as often as they like, so it may be dropped.
                self.sink.offer(Event::Subscribed { peer: peer_id, topic });
            }
            gossipsub::Event::Unsubscribed { .. } => {}
            gossipsub::Event::GossipsubNotSupported { peer_id } => self.drop_stranger(peer_id, now),
            gossipsub::Event::SlowPeer { peer_id, .. } => {
                tracing::debug!(peer = %peer_id, "too slow to take our messages");
                self.shared.counters.slow_peers.one();
            }
        }
    }

    /// Gives gossipsub the standing of a peer and drops a peer whose score is beyond hope:
    /// gossipsub reads nothing from it any more, so it would only hold a place.
    pub(super) fn judge(&mut self, peer: PeerId, now: Instant) {
        let Some(standing) = self.peers.get_mut(&peer).map(|known| known.standing.score()) else {
            return;
        };
        let gossipsub: &mut Gossipsub = &mut self.swarm.behaviour_mut().gossipsub;
        gossipsub.set_application_score(&peer, standing);
        let score = gossipsub.peer_score(&peer).unwrap_or_default();
        // Who is banned already may be connected for a moment more, and is not dropped, or counted, again.
        let is_banned = self.swarm.behaviour().gate.is_banned(&peer, now);
        if score < params::GRAYLIST && !is_banned && self.swarm.is_connected(&peer) {
            tracing::info!(%peer, score, "peer dropped for its score");
            self.shared.counters.graylisted.one();
            self.ban(peer, now);
        }
    }

    fn ban(&mut self, peer: PeerId, now: Instant) {
        self.swarm.behaviour_mut().gate.ban_peer(peer, now);
        self.redial.put_off(peer, now + params::BAN);
        self.hang_up(peer);
    }

    fn drop_flooder(&mut self, peer: PeerId, now: Instant) {
        tracing::info!(%peer, "peer dropped for flooding");
        self.shared.counters.floods.one();
        if let Some(ip) = self.peers.get_mut(&peer).and_then(|known| known.ip) {
            self.swarm.behaviour_mut().gate.ban_address(ip, now);
        }
        self.ban(peer, now);
    }

    pub(super) fn drop_stranger(&mut self, peer: PeerId, now: Instant) {
        if !self.peers.turned_away(&peer) {
            return;
        }
        tracing::debug!(%peer, "peer dropped: not one of ours");
        self.shared.counters.strangers.one();
        self.on_stranger(peer, now);
        self.hang_up(peer);
    }

    pub(super) fn hang_up(&mut self, peer: PeerId) {
        // An error says that it is not connected, which is what is wanted.
        let _ = self.swarm.disconnect_peer_id(peer);
    }

    /// Stores how many peers there are where the handle can read it.
    pub(super) fn count_peers(&self) {
        self.show();
        self.shared.peers.store(self.peers.connected().count(), Ordering::Relaxed);
    }

    /// Lets peers know that we go, and waits briefly, so that the ports are free afterwards.
    async fn close(mut self) {
        for listener in std::mem::take(&mut self.listeners) {
            self.swarm.remove_listener(listener);
        }
        let connected: Vec<_> = self.swarm.connected_peers().copied().collect();
        for peer in connected {
            self.hang_up(peer);
        }
        let Self { mut swarm, listening, finding, shared, .. } = self;
        finding.close().await;
        shared.closed.send_replace(true);
        let gone = async move {
            while swarm.network_info().connection_counters().num_connections() > 0 {
                swarm.select_next_some().await;
            }
        };
        // A timeout drops the swarm too, and with it whatever is still open.
        if timeout(params::CLOSE_WITHIN, gone).await.is_err() {
            tracing::debug!("stopped before every connection was closed");
        }
        // A QUIC endpoint keeps its port until its connections have drained, in a task we cannot await.
        let free = async {
            while listening.borrow().iter().any(|address| !reach::is_circuit(address) && !start::is_free(address)) {
                sleep(params::CLOSE_POLL).await;
            }
        };
        if timeout(params::CLOSE_WITHIN, free).await.is_err() {
            tracing::debug!("stopped before every port was free");
        }
    }
}

/// A uniform number for the jitter of dials. The hasher's keys come from the system's
/// randomness; nothing secret depends on it.
pub(super) fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}
