//! Another program in the network, of libp2p's parts alone: it calls itself one of ours and keeps to no rule of ours.
//!
//! It judges nobody, forwards nothing, and says what it is told to: any bytes on any topic, any frame, or nothing.

use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, StreamExt as _};
use heirloom_proto::{Body, Header, SecretKey, Sha256, Statement, Timestamp};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, SwarmBuilder,
    gossipsub::{self, IdentTopic, MessageAuthenticity, ValidationMode},
    identify, noise, ping,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use tokio::sync::mpsc;

/// Longest message that it sends: far more than ours take.
const TRANSMIT_BYTES_MAX: usize = 1 << 20;

/// What it is told to do.
#[derive(Debug)]
pub enum Order {
    /// Send these bytes to whoever listens to this topic.
    Say { topic: String, bytes: Vec<u8> },
    /// Ask a peer by sync, with this frame.
    Ask { peer: PeerId, frame: Vec<u8> },
    /// Connect.
    Dial(Multiaddr),
    /// Read and write nothing any more, and keep every connection.
    Freeze,
}

/// What it sees.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// First connection with a peer.
    Up(PeerId),
    /// A peer listens to a topic.
    Listens(PeerId, String),
    /// Last connection is gone.
    Down(PeerId),
    /// A dial came to nothing.
    NotDialled,
    /// A message.
    Heard(Vec<u8>),
    /// An answer to [`Order::Ask`].
    Answered(Vec<u8>),
    /// None came.
    NotAnswered,
    /// Somebody asked by sync.
    Asked(Vec<u8>),
}

/// How it answers who asks by sync.
#[derive(Clone, Debug)]
pub enum Answers {
    /// Not at all, and the stream stays open.
    Silence,
    /// With this frame, whatever the question.
    Always(Vec<u8>),
}

/// What it calls itself and speaks.
#[derive(Clone, Debug)]
pub struct Manners {
    /// What identify says.
    pub protocol: String,
    /// Name of sync; another version is another name.
    pub sync: &'static str,
    pub topics: Vec<String>,
    pub answers: Answers,
}

impl Manners {
    /// Those of one of ours, as far as names go.
    pub fn of_ours(topics: &[&str]) -> Self {
        Self {
            protocol: "/heirloom/1".into(),
            sync: "/heirloom/sync/1",
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            answers: Answers::Silence,
        }
    }
}

#[derive(NetworkBehaviour)]
struct Speaks {
    gossipsub: gossipsub::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    sync: request_response::Behaviour<Frames>,
}

/// A running one; gone when dropped.
pub struct Outsider {
    pub id: PeerId,
    pub orders: mpsc::Sender<Order>,
    pub seen: mpsc::UnboundedReceiver<Seen>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Outsider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Outsider {
    /// Begins, and dials these.
    pub fn start(manners: Manners, dial: &[Multiaddr]) -> Self {
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
            .expect("a transport")
            .with_behaviour(|key| {
                let config = gossipsub::ConfigBuilder::default()
                    .validation_mode(ValidationMode::None)
                    // By default all anonymous messages have one id.
                    .message_id_fn(|message| Sha256::of(&message.data).0.to_vec().into())
                    // Whoever validates and never says so forwards nothing.
                    .validate_messages()
                    .max_transmit_size(TRANSMIT_BYTES_MAX)
                    .flood_publish(true)
                    .build()
                    .expect("a configuration");
                let mut gossipsub = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).expect("gossip");
                for topic in &manners.topics {
                    gossipsub.subscribe(&IdentTopic::new(topic)).expect("a topic");
                }
                let sync = [(StreamProtocol::new(manners.sync), ProtocolSupport::Full)];
                Speaks {
                    gossipsub,
                    identify: identify::Behaviour::new(identify::Config::new(manners.protocol.clone(), key.public())),
                    ping: ping::Behaviour::default(),
                    sync: request_response::Behaviour::new(sync, request_response::Config::default()),
                }
            })
            .expect("a behaviour")
            .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
            .build();
        let id = *swarm.local_peer_id();
        for address in dial {
            swarm.dial(address.clone()).expect("an address");
        }
        let (orders, mut ordered) = mpsc::channel(1024);
        let (saw, seen) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            // What it holds back; dropping a channel would close its stream.
            let mut unanswered = Vec::new();
            loop {
                tokio::select! {
                    order = ordered.recv() => match order {
                        // An error says that nobody listens.
                        Some(Order::Say { topic, bytes }) => drop(swarm.behaviour_mut().gossipsub.publish(IdentTopic::new(topic), bytes)),
                        Some(Order::Ask { peer, frame }) => drop(swarm.behaviour_mut().sync.send_request(&peer, frame)),
                        Some(Order::Dial(address)) => drop(swarm.dial(address)),
                        Some(Order::Freeze) => std::future::pending().await,
                        None => return,
                    },
                    event = swarm.select_next_some() => {
                        let event = match event {
                            SwarmEvent::ConnectionEstablished { peer_id, num_established, .. } if num_established.get() == 1 => Seen::Up(peer_id),
                            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => Seen::Down(peer_id),
                            SwarmEvent::OutgoingConnectionError { .. } => Seen::NotDialled,
                            SwarmEvent::Behaviour(event) => match on_event(event, &manners.answers, &mut swarm, &mut unanswered) {
                                Some(seen) => seen,
                                None => continue,
                            },
                            _ => continue,
                        };
                        if saw.send(event).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Self { id, orders, seen, task }
    }

    /// Sends bytes by gossip.
    pub async fn say(&self, topic: &str, bytes: Vec<u8>) {
        self.orders.send(Order::Say { topic: topic.to_owned(), bytes }).await.expect("it runs");
    }
}

fn on_event(
    event: SpeaksEvent,
    answers: &Answers,
    swarm: &mut libp2p::Swarm<Speaks>,
    unanswered: &mut Vec<request_response::ResponseChannel<Vec<u8>>>,
) -> Option<Seen> {
    match event {
        SpeaksEvent::Gossipsub(gossipsub::Event::Subscribed { peer_id, topic, .. }) => {
            Some(Seen::Listens(peer_id, topic.into_string()))
        }
        SpeaksEvent::Gossipsub(gossipsub::Event::Message { message, .. }) => Some(Seen::Heard(message.data)),
        SpeaksEvent::Sync(request_response::Event::Message { message, .. }) => match message {
            request_response::Message::Request { request, channel, .. } => {
                match answers {
                    Answers::Silence => unanswered.push(channel),
                    Answers::Always(frame) => drop(swarm.behaviour_mut().sync.send_response(channel, frame.clone())),
                }
                Some(Seen::Asked(request))
            }
            request_response::Message::Response { response, .. } => Some(Seen::Answered(response)),
        },
        SpeaksEvent::Sync(request_response::Event::OutboundFailure { .. }) => Some(Seen::NotAnswered),
        _ => None,
    }
}

/// Frames of sync as `proto/README.md` describes them, of any length.
#[derive(Clone, Copy, Default)]
struct Frames;

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("fits").min(TRANSMIT_BYTES_MAX)];
    io.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, bytes: Vec<u8>) -> std::io::Result<()> {
    io.write_all(&u32::try_from(bytes.len()).expect("fits").to_be_bytes()).await?;
    io.write_all(&bytes).await?;
    io.close().await
}

impl request_response::Codec for Frames {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> std::io::Result<Vec<u8>> {
        read(io).await
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> std::io::Result<Vec<u8>> {
        read(io).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> std::io::Result<()> {
        write(io, bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> std::io::Result<()> {
        write(io, bytes).await
    }
}

/// A statement by a key, signed by hand.
pub fn signed(secret: &SecretKey, seq: u64, created: Timestamp, body: &Body) -> Vec<u8> {
    let lifetime = body.kind().limits().lifetime_ms_default;
    let header = Header { generation: 0, seq, created, expires: Some(Timestamp(created.0 + lifetime)) };
    Statement::sign(secret, &header, body).expect("a body within its limits").bytes().to_vec()
}

/// The same with a signature that does not hold.
pub fn wrongly_signed(mut envelope: Vec<u8>) -> Vec<u8> {
    if let Some(last) = envelope.last_mut() {
        *last ^= 1;
    }
    envelope
}

/// The same with a field that the schema does not know: number 99, a varint, 1.
pub fn not_canonical(mut envelope: Vec<u8>) -> Vec<u8> {
    envelope.extend([0x98, 0x06, 0x01]);
    envelope
}

/// Longer than any envelope may be.
pub fn oversized(mut envelope: Vec<u8>) -> Vec<u8> {
    envelope.resize(heirloom_proto::limits::ENVELOPE_BYTES_MAX + 1, 7);
    envelope
}
