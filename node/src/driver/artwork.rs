//! Orders about pictures: questions put to peers, what they answer checked, decoded and kept, and files given to others.
//!
//! Decoding is the work of one at a time, where nobody waits: a picture may take half a second and 64 MiB.

use super::{Event, meter};
use crate::artwork::{Effort, Files, KEPT_BYTES_MAX, PictureError, shown};
use crate::home::Home;
use crate::p2p::{self, P2p, PeerId};
use heirloom_core::artwork::Outcome;
use heirloom_core::command::CommandError;
use heirloom_core::io::{ArtworkEvent, ExchangeId, Input, OrderId};
use heirloom_proto::Sha256;
use heirloom_proto::artwork::{ARTWORK_BYTES_MAX, Request, Response};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, mpsc};
use tracing::{debug, warn};

/// Answers with a picture that are read and sent at once: four megabytes. One more is told that there is none.
const GIVEN_AT_ONCE: usize = 8;

/// The pictures of this node. Clones are handles.
#[derive(Clone)]
pub(super) struct Artwork {
    files: Files,
    p2p: Option<Arc<P2p>>,
    events: mpsc::Sender<Event>,
    /// What is asked for, by order: as many as the core has under way.
    asked: Arc<Mutex<BTreeMap<OrderId, Sha256>>>,
    decoding: Arc<Semaphore>,
    giving: Arc<Semaphore>,
    /// What the disk said of the last picture that was to be kept, where it took none.
    trouble: Arc<Mutex<Option<String>>>,
}

impl Artwork {
    pub(super) fn new(home: &Home, p2p: Option<Arc<P2p>>, events: mpsc::Sender<Event>) -> Self {
        let files = Files::new(home.artwork(), KEPT_BYTES_MAX);
        let (decoding, giving) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(GIVEN_AT_ONCE)));
        Self { files, p2p, events, asked: Arc::default(), decoding, giving, trouble: Arc::default() }
    }

    async fn tell(&self, event: ArtworkEvent) {
        // The core is gone only when the process ends.
        let _ = self.events.send(Event::Input(Input::Artwork(event))).await;
    }

    /// Tells the core what is here, at the start.
    pub(super) async fn start(&self) {
        let files = self.files.clone();
        if let Ok(digests) = tokio::task::spawn_blocking(move || files.all()).await {
            self.tell(ArtworkEvent::Here { digests }).await;
        }
    }

    /// Asks a peer. Says whether the question was put.
    pub(super) fn ask(&self, order: OrderId, peer: PeerId, digest: Sha256) -> bool {
        let Some(p2p) = &self.p2p else { return false };
        let bytes = Request(digest).encode();
        let is_put = p2p.try_send(p2p::Command::ArtworkAsk { ask: order.0, peer, bytes }).is_ok();
        if is_put {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(order, digest);
        }
        is_put
    }

    /// A peer answered, or did not (`None`; whether it speaks no such protocol).
    pub(super) fn ended(&self, order: OrderId, answer: Result<Vec<u8>, bool>) {
        let Some(digest) = self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&order) else { return };
        let artwork = self.clone();
        tokio::spawn(async move {
            let outcome = match answer {
                Err(is_unsupported) => Outcome::Failed(is_unsupported),
                Ok(bytes) => artwork.take(digest, bytes).await,
            };
            artwork.tell(ArtworkEvent::Ended { order, outcome }).await;
        });
    }

    /// Checks, decodes and keeps what a peer sent for a digest.
    async fn take(&self, digest: Sha256, frame: Vec<u8>) -> Outcome {
        let bytes = match Response::decode(&frame) {
            Ok(Response::Present(bytes)) => bytes,
            Ok(Response::Absent) => return Outcome::Absent,
            Err(_) => return Outcome::Wrong,
        };
        drop(frame);
        if Sha256::of(&bytes) != digest {
            return Outcome::Wrong;
        }
        match self.keep(digest, bytes, false).await {
            Ok(()) => Outcome::Got,
            Err(Refused::Picture(error)) => {
                debug!(%digest, %error, "no picture is shown for a work");
                Outcome::Unreadable
            }
            Err(Refused::Disk(error)) => {
                warn!("a picture was not kept: {error}");
                Outcome::Failed(false)
            }
        }
    }

    /// Decodes a picture, and keeps it in both forms.
    async fn keep(&self, digest: Sha256, bytes: Vec<u8>, is_own: bool) -> Result<(), Refused> {
        let failed = |error: &dyn std::fmt::Display| Refused::Disk(error.to_string());
        let place = Arc::clone(&self.decoding).acquire_owned().await.map_err(|error| failed(&error))?;
        let files = self.files.clone();
        let kept = tokio::task::spawn_blocking(move || {
            let _place = place;
            let small = shown(&bytes, Effort::new(&meter::on_this_thread())).map_err(Refused::Picture)?;
            files.keep(&digest, &bytes, &small, is_own).map_err(|error| Refused::Disk(error.to_string()))
        });
        let kept = kept.await.map_err(|error| failed(&error))?;
        // What is no picture says nothing of the disk. The next that fits ends the trouble: those that did not are asked for again.
        if !matches!(kept, Err(Refused::Picture(_))) {
            let trouble = kept.as_ref().err().map(ToString::to_string);
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        }
        let gone = kept?;
        if !gone.is_empty() {
            self.tell(ArtworkEvent::Gone { digests: gone }).await;
        }
        Ok(())
    }

    /// Why the last picture could not be kept on the disk; `None` when it was.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The pictures on disk.
    pub(super) fn files(&self) -> Files {
        self.files.clone()
    }

    /// Takes a picture in that came otherwise than by asking for it: its digest is right, and a record names it.
    pub(super) async fn take_in(&self, digest: Sha256, bytes: Vec<u8>) {
        let files = self.files.clone();
        let is_here = tokio::task::spawn_blocking(move || files.bytes_of(&digest).is_some()).await;
        if is_here.is_ok_and(|is_here| is_here) {
            return;
        }
        match self.keep(digest, bytes, false).await {
            Ok(()) => self.tell(ArtworkEvent::Here { digests: vec![digest] }).await,
            Err(Refused::Picture(error)) => debug!(%digest, %error, "no picture is shown for a work"),
            Err(Refused::Disk(error)) => warn!("a picture was not kept: {error}"),
        }
    }

    /// Answers a peer.
    pub(super) fn answer(&self, exchange: ExchangeId, digest: Option<Sha256>) {
        let Some(p2p) = self.p2p.clone() else { return };
        let place = digest.and_then(|_| Arc::clone(&self.giving).try_acquire_owned().ok());
        let files = self.files.clone();
        tokio::spawn(async move {
            let picture = match (digest, &place) {
                (Some(digest), Some(_)) => tokio::task::spawn_blocking(move || files.bytes_of(&digest)).await.ok(),
                _ => None,
            };
            let bytes = picture.flatten().map_or(Response::Absent, Response::Present).encode();
            // An error says that the node is stopping.
            let _ = p2p.send(p2p::Command::ArtworkAnswer { exchange: exchange.0, bytes }).await;
        });
    }

    /// Takes a picture of the owner's in: the digest under which a record may name it.
    pub(super) async fn add(&self, path: String) -> Result<Sha256, CommandError> {
        let shown_path = path.clone();
        let bad = |message: String| CommandError::bad_input("bad_artwork", format!("{shown_path}: {message}"));
        let read = tokio::task::spawn_blocking(move || read_file(Path::new(&path))).await;
        let bytes = read.map_err(|error| bad(error.to_string()))?.map_err(|error| bad(error.to_string()))?;
        let digest = Sha256::of(&bytes);
        self.keep(digest, bytes, true).await.map_err(|refused| match refused {
            Refused::Picture(error) => bad(error.to_string()),
            Refused::Disk(error) => bad(format!("it could not be kept: {error}")),
        })?;
        self.tell(ArtworkEvent::Here { digests: vec![digest] }).await;
        Ok(digest)
    }

    /// A picture as it is shown (JPEG). One that is not here is looked for, if a trusted key names it.
    pub(super) async fn shown(&self, digest: Sha256) -> Option<Vec<u8>> {
        let files = self.files.clone();
        let shown = tokio::task::spawn_blocking(move || files.shown_of(&digest)).await.ok().flatten();
        if shown.is_none() {
            self.tell(ArtworkEvent::Looked { digest }).await;
        }
        shown
    }
}

/// Why a picture is not kept.
enum Refused {
    Picture(PictureError),
    Disk(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Picture(error) => error.fmt(f),
            Self::Disk(error) => f.write_str(error),
        }
    }
}

/// A file, but no more of it than a picture may have and a byte.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(ARTWORK_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_disk_that_takes_no_picture_is_told_of_until_it_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::find(Some(folder.path().join("home"))).expect("a home");
        let (events, _heard) = mpsc::channel(8);
        let artwork = Artwork::new(&home, None, events);
        let mut picture = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(8, 8).write_to(&mut picture, image::ImageFormat::Png).expect("encoded");
        let bytes = picture.into_inner();
        let digest = Sha256::of(&bytes);
        // A file where the folder has to be: the disk takes nothing there.
        std::fs::create_dir_all(home.artwork().parent().expect("in the home")).expect("made");
        std::fs::write(home.artwork(), b"in the way").expect("written");
        let refused = artwork.keep(digest, bytes.clone(), false).await;
        assert!(matches!(refused, Err(Refused::Disk(_))));
        assert!(artwork.trouble().is_some());
        assert!(matches!(artwork.keep(digest, b"GIF89a".to_vec(), false).await, Err(Refused::Picture(_))));
        assert!(artwork.trouble().is_some(), "what is no picture says nothing of the disk");

        std::fs::remove_file(home.artwork()).expect("removed");
        assert!(artwork.keep(digest, bytes, false).await.is_ok());
        assert_eq!(artwork.trouble(), None);
    }
}
