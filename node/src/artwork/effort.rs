//! How much processor time a picture may take, looked at while it is read.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};
use std::time::Duration;

/// Most processor time for one picture (`security.md` §7). A picture within the other limits takes a tenth of it.
pub const DECODING_MAX: Duration = Duration::from_millis(500);

/// Bytes that are handed to a decoder between two looks at the time: of 512 KiB there are 128 such pieces.
const PIECE_BYTES: usize = 4 << 10;

/// Tells how much processor time was spent so far.
#[derive(Clone, Copy)]
pub struct Effort<'a>(&'a dyn Fn() -> Duration);

impl<'a> Effort<'a> {
    /// By something that counts from the beginning of the work.
    pub fn new(spent: &'a dyn Fn() -> Duration) -> Self {
        Self(spent)
    }

    /// Whether no more may be spent.
    pub fn is_spent(self) -> bool {
        (self.0)() > DECODING_MAX
    }
}

/// Bytes that are given in pieces, and no further once the time is spent: so a decoder that reads as it goes comes to an end.
pub struct Metered<'a> {
    bytes: Cursor<&'a [u8]>,
    effort: Effort<'a>,
}

impl<'a> Metered<'a> {
    /// From the first byte on.
    pub fn new(bytes: &'a [u8], effort: Effort<'a>) -> Self {
        Self { bytes: Cursor::new(bytes), effort }
    }
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let count = piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&piece[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Metered<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let at = self.bytes.position();
        // At the edge of each piece, so that bytes which are read one by one cost no look each.
        if at.is_multiple_of(PIECE_BYTES as u64) && self.effort.is_spent() {
            return Err(io::Error::other("it takes too long"));
        }
        let rest = self.bytes.fill_buf()?;
        let to_edge = PIECE_BYTES - usize::try_from(at % PIECE_BYTES as u64).unwrap_or(0);
        Ok(&rest[..rest.len().min(to_edge)])
    }

    fn consume(&mut self, count: usize) {
        self.bytes.consume(count);
    }
}

impl Seek for Metered<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn all_bytes_are_given_while_there_is_time_and_none_after() {
        let bytes: Vec<u8> = (0..50_000_u32).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
        let looks = Cell::new(0_u32);
        let spent = || {
            looks.set(looks.get() + 1);
            Duration::ZERO
        };
        let mut all = Vec::new();
        Metered::new(&bytes, Effort::new(&spent)).read_to_end(&mut all).expect("in time");
        assert_eq!(all, bytes);
        assert!((12..40).contains(&looks.get()), "{} looks", looks.get());

        let late = Cell::new(Duration::ZERO);
        let slow = || {
            late.set(late.get() + DECODING_MAX / 4);
            late.get()
        };
        let mut some = Vec::new();
        Metered::new(&bytes, Effort::new(&slow)).read_to_end(&mut some).expect_err("too late");
        assert_eq!(some.len(), 4 * PIECE_BYTES, "what was given before is all that there is");
    }
}
