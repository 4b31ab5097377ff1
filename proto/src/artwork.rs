//! The frames of `/heirloom/artwork/1`, in which peers ask each other for pictures by the hash of their bytes.
//!
//! Whom to ask, and what to answer with, is the core's; whether the bytes are a picture is for whoever decodes it.

use crate::Sha256;
use crate::sync::FrameError;

/// Name of the protocol, with the version of its frames.
pub const PROTOCOL: &str = "/heirloom/artwork/1";
/// Most bytes of one picture (`security.md` §7): a poster of a thousand lines, well compressed.
pub const ARTWORK_BYTES_MAX: usize = 512 << 10;
/// Longest request: the digest.
pub const REQUEST_BYTES_MAX: usize = 32;
/// Longest response: a mark and the picture.
pub const RESPONSE_BYTES_MAX: usize = 1 + ARTWORK_BYTES_MAX;

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// What is asked: the picture whose bytes have this digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request(pub Sha256);

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// It is not here, or not for others, or not now.
    Absent,
    /// Its bytes; nothing about them is checked. Invariant: 1 to [`ARTWORK_BYTES_MAX`].
    Present(Vec<u8>),
}

impl Request {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]; blame the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(FrameError::TooLong(bytes.len()));
        }
        bytes.try_into().map(|digest| Self(Sha256(digest))).map_err(|_| FrameError::Malformed)
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.0.0.to_vec()
    }
}

impl Response {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`]; blame the sender.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.len() > RESPONSE_BYTES_MAX {
            return Err(FrameError::TooLong(bytes.len()));
        }
        match bytes.split_first() {
            Some((&ABSENT, [])) => Ok(Self::Absent),
            Some((&PRESENT, picture)) if !picture.is_empty() => Ok(Self::Present(picture.to_vec())),
            _ => Err(FrameError::Malformed),
        }
    }

    /// The frame. A picture of more than [`ARTWORK_BYTES_MAX`] is not sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Present(picture) if (1..=ARTWORK_BYTES_MAX).contains(&picture.len()) => {
                let mut frame = Vec::with_capacity(1 + picture.len());
                frame.push(PRESENT);
                frame.extend_from_slice(picture);
                frame
            }
            _ => vec![ABSENT],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_written_and_in_one_form_only() {
        let request = Request(Sha256::of(b"a picture"));
        assert_eq!(Request::decode(&request.encode()), Ok(request));
        for length in [0, 31, 33, 1000] {
            assert!(Request::decode(&vec![7; length]).is_err(), "{length}");
        }
        for response in [Response::Absent, Response::Present(vec![1]), Response::Present(vec![9; ARTWORK_BYTES_MAX])] {
            assert_eq!(Response::decode(&response.encode()), Ok(response));
        }
        for bad in [&[][..], &[2], &[0, 0], &[1], &vec![1; RESPONSE_BYTES_MAX + 1]] {
            assert!(Response::decode(bad).is_err(), "{}", bad.len());
        }
        assert_eq!(Response::Present(vec![0; ARTWORK_BYTES_MAX + 1]).encode(), Response::Absent.encode());
        assert_eq!(Response::Present(Vec::new()).encode(), Response::Absent.encode());
    }
}
