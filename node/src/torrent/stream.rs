//! A file of a torrent as a seekable stream that counts against the limit of open streams.

use std::io::{Result, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

/// A file of a torrent as a seekable stream; what is not here yet is fetched first.
pub trait Stream: AsyncRead + AsyncSeek + Send + Unpin {}

impl<T: AsyncRead + AsyncSeek + Send + Unpin> Stream for T {}

/// A stream with its place among the open ones, which it gives back when it is dropped.
pub(super) struct Limited<S> {
    inner: S,
    _place: OwnedSemaphorePermit,
}

impl<S> Limited<S> {
    pub(super) fn new(inner: S, place: OwnedSemaphorePermit) -> Self {
        Self { inner, _place: place }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncSeek + Unpin> AsyncSeek for Limited<S> {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> Result<()> {
        Pin::new(&mut self.inner).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<u64>> {
        Pin::new(&mut self.inner).poll_complete(cx)
    }
}
