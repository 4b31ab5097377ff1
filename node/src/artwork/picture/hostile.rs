//! Pictures made to cost as much as the limits let through, and to say other than they are: each is refused, or done within
//! the processor time that a picture may take. Processor time is counted, never the clock on the wall.

use super::*;
use std::io::Cursor;
use std::time::Duration;

/// Most that any of these may take. A decoder of JPEG cannot be stopped, and other work on the same processor slows caches: twice
/// [`DECODING_MAX`] leaves room for that, and still tells a bound from none.
const TAKEN_MAX: Duration = Duration::from_millis(1000);

/// Processor time of this thread.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).expect("never below zero");
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// What becomes of it, within the time.
fn tried(name: &str, bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    assert!(bytes.len() <= ARTWORK_BYTES_MAX, "{name}: {} bytes are refused by their number", bytes.len());
    let began = cpu();
    let spent = || cpu().saturating_sub(began);
    let ended = shown(bytes, Effort::new(&spent));
    let took = spent();
    println!("{name}: {} bytes, {} ms, {:?}", bytes.len(), took.as_millis(), ended.as_ref().map(Vec::len));
    assert!(took <= TAKEN_MAX, "{name} took {took:?}");
    ended
}

fn segment(mark: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("short").to_be_bytes();
    [&[0xff, mark][..], &length, data].concat()
}

/// The frame of a JPEG: of a sort, these pixels, and components of one byte without being thinned out.
fn frame(sort: u8, width: u16, height: u16, components: u8) -> Vec<u8> {
    let mut data = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[components]].concat();
    (1..=components).for_each(|id| data.extend([id, 0x11, 0]));
    segment(sort, &data)
}

/// Codes of one bit: 0 says that nothing differs, or that a block ends; in passes, 0xe0 says that 16,384 blocks have ended, or more.
fn tables(ac: u8) -> Vec<u8> {
    let one_code = |class: u8, value: u8| {
        let mut counts = [0; 16];
        counts[0] = 1;
        [&[class][..], &counts, &[value]].concat()
    };
    let quantised = [&[0][..], &[1; 64]].concat();
    [segment(0xdb, &quantised), segment(0xc4, &one_code(0x00, 0)), segment(0xc4, &one_code(0x10, ac))].concat()
}

/// The head of a pass over components: which coefficients, and which bit of them.
fn pass(components: u8, spectrum: [u8; 3]) -> Vec<u8> {
    let mut data = vec![components];
    (1..=components).for_each(|id| data.extend([id, 0x00]));
    data.extend(spectrum);
    segment(0xda, &data)
}

/// A JPEG in one pass whose blocks take two bits each, all of it as flat as can be.
fn flat(width: u16, height: u16, components: u8) -> Vec<u8> {
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8) * usize::from(components);
    let data = vec![0; blocks * 2 / 8 + 1];
    [&[0xff, 0xd8][..], &frame(0xc0, width, height, components), &tables(0), &pass(components, [0, 63, 0]), &data]
        .concat()
        .into_iter()
        .chain([0xff, 0xd9])
        .collect()
}

/// A progressive JPEG: a pass over all components, then passes that say that no block has anything more.
fn progressive(width: u16, height: u16, components: u8, passes: usize) -> Vec<u8> {
    let blocks = usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8);
    let mut all = [&[0xff, 0xd8][..], &frame(0xc2, width, height, components), &tables(0xe0)].concat();
    all.extend(pass(components, [0, 0, 0]));
    all.extend(vec![0; blocks * usize::from(components) / 8 + 1]);
    for _ in 1..passes {
        all.extend(segment(0xda, &[1, 1, 0x00, 1, 63, 0]));
        // Each code of one bit is followed by fourteen bits of how many blocks more than 16,384 it is for.
        let codes = blocks.div_ceil(1 << 14);
        all.extend(vec![0; codes * 15 / 8 + 1]);
    }
    all.extend([0xff, 0xd9]);
    all
}

#[test]
fn the_dearest_jpegs_that_the_limits_let_through_stay_within_the_time() {
    for (width, height, components) in [(4000, 4000, 1), (4000, 4000, 3), (4096, 3900, 3)] {
        let out = tried("one pass", &flat(width, height, components));
        assert!(matches!(out, Ok(_) | Err(PictureError::TooSlow)), "{out:?}");
    }
    // As many pixels as may be walked over together, in few passes over many and in many passes over few.
    for (side, components, passes) in [(2700, 1, 8), (2400, 3, 10), (1220, 3, PASSES_MAX), (1220, 1, PASSES_MAX)] {
        let bytes = progressive(side, side, components, passes);
        let pixels = u64::from(side) * u64::from(side);
        assert!(pixels * passes as u64 <= WALKED_MAX, "{side} {passes} is refused before");
        let out = tried("passes", &bytes);
        assert!(!matches!(out, Err(PictureError::TooCostly { .. } | PictureError::TooLarge { .. })), "{out:?}");
    }
}

#[test]
fn a_jpeg_of_more_passes_or_pixels_than_that_is_refused_unread() {
    for (side, passes) in [(1230, PASSES_MAX), (2800, 8), (3000, 1000), (4000, 4), (64, PASSES_MAX + 1)] {
        let refused = tried("too many passes", &progressive(side, side, 1, passes.min(4000)));
        assert!(matches!(refused, Err(PictureError::TooCostly { .. })), "{side} {passes}: {refused:?}");
    }
    // Passes that are marks alone: thousands fit where no data follows them.
    let mut marks = progressive(1000, 1000, 1, 1);
    marks.truncate(marks.len() - 2);
    while marks.len() + 12 < ARTWORK_BYTES_MAX {
        marks.extend(segment(0xda, &[1, 1, 0x00, 1, 63, 0]));
    }
    assert!(matches!(tried("marks", &marks), Err(PictureError::TooCostly { .. })));
}

#[test]
fn a_jpeg_that_lies_about_its_size_is_no_larger_than_its_first_word() {
    // A small frame and then a large one: whichever the decoder believes has passed the limits.
    let small = flat(64, 64, 3);
    for (width, height) in [(65_535, 65_535), (60_000, 8), (4000, 4000)] {
        let large = frame(0xc0, width, height, 3);
        for lying in [
            [&small[..2], &frame(0xc0, 64, 64, 3), &large, &small[2..]].concat(),
            [&small[..2], &large, &small[2..]].concat(),
            [&small[..small.len() - 2], &large, &small[2..]].concat(),
        ] {
            if let Ok(out) = tried("two frames", &lying) {
                let read = image::load_from_memory(&out).expect("what is shown is read");
                assert!(read.width() <= SHOWN_SIDE_MAX && read.height() <= SHOWN_SIDE_MAX);
            }
        }
        let alone = [&[0xff, 0xd8][..], &large, &tables(0), &pass(3, [0, 63, 0]), &[0xff, 0xd9]].concat();
        let ended = tried("no data", &alone);
        let is_large = width > 4096;
        assert!(
            !is_large || matches!(ended, Err(PictureError::TooLarge { .. } | PictureError::Damaged(_))),
            "{ended:?}"
        );
    }
    for (width, height) in [(0, 64), (64, 0), (0, 0)] {
        let nothing = tried("no pixels", &[&[0xff, 0xd8][..], &frame(0xc0, width, height, 1), &small[21..]].concat());
        assert!(nothing.is_err(), "{width} x {height}");
    }
}

/// As much as fits of the densest that the form knows: zeros, by 258 for thirteen bits.
fn zeros(bytes_max: usize) -> Vec<u8> {
    let mut out = vec![0x78, 0x9c];
    let (mut held, mut count) = (0_u32, 0);
    let mut push = |bits: u32, length: u32, out: &mut Vec<u8>| {
        // Codes begin with their highest bit.
        let turned = bits.reverse_bits() >> (32 - length);
        held |= turned << count;
        count += length;
        while count >= 8 {
            out.push(u8::try_from(held & 0xff).expect("a byte"));
            held >>= 8;
            count -= 8;
        }
    };
    // One block, the last, of fixed codes; a zero; then "258 bytes as those one before".
    push(0b1, 1, &mut out);
    push(0b10, 2, &mut out);
    push(0b0011_0000, 8, &mut out);
    while out.len() + 8 < bytes_max {
        push(0b1100_0101, 8, &mut out);
        push(0b0_0000, 5, &mut out);
    }
    push(0, 7, &mut out);
    push(0, 7, &mut out);
    out
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named: Vec<u8> = [kind.as_slice(), data].concat();
    let sum = named.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    });
    let length = u32::try_from(data.len()).expect("short").to_be_bytes();
    [length.as_slice(), &named, &(!sum).to_be_bytes()].concat()
}

/// A PNG of these pixels, bits of a channel, sort of colour and order of rows.
fn png(width: u32, height: u32, [bits, colour, order]: [u8; 3], before: &[u8], data: &[u8]) -> Vec<u8> {
    let header = [width.to_be_bytes().as_slice(), &height.to_be_bytes(), &[bits, colour, 0, 0, order]].concat();
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunk(b"IHDR", &header), before, &chunk(b"IDAT", data), &chunk(b"IEND", &[])]
        .concat()
}

#[test]
fn a_png_that_unpacks_to_very_much_stays_within_the_time() {
    let room = ARTWORK_BYTES_MAX - 1000;
    // Eighty megabytes of rows out of half a one: the picture ends long before them.
    let bomb = zeros(room);
    for (width, height, form) in [
        (1, 1, [8, 0, 0]),
        (4000, 4000, [8, 0, 0]),
        (4000, 4000, [8, 2, 0]),
        (4000, 4000, [8, 2, 1]),
        (2800, 2900, [16, 6, 0]),
        (2800, 2900, [16, 6, 1]),
        (4000, 4000, [1, 0, 1]),
    ] {
        let ended = tried("rows", &png(width, height, form, &[], &bomb));
        assert!(!matches!(ended, Err(PictureError::TooLarge { .. } | PictureError::Format)), "{form:?}: {ended:?}");
    }
    // The same in what stands beside the picture: a colour profile, and a text.
    let row = zeros(64);
    for (kind, start) in [(b"iCCP", &b"profile\0\0"[..]), (b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\x01\0\0\0")]
    {
        let beside = chunk(kind, &[start, &zeros(room - 500)].concat());
        let _ = tried("beside", &png(8, 8, [8, 0, 0], &beside, &row));
    }
    // Tens of thousands of chunks of nothing.
    let none: Vec<u8> = chunk(b"teXt", &[]).repeat((room - 200) / 12);
    let _ = tried("chunks", &png(8, 8, [8, 0, 0], &none, &row));
}

#[test]
fn the_dearest_webp_that_the_limits_let_through_stays_within_the_time() {
    for (width, height) in [(3000, 2700), (4096, 2000)] {
        let picture = RgbImage::from_pixel(width, height, Rgb([9, 40, 90]));
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, ImageFormat::WebP).expect("encoded");
        let whole = out.into_inner();
        let ended = tried("without losses", &whole);
        assert!(matches!(ended, Ok(_) | Err(PictureError::TooSlow | PictureError::TooCostly { .. })), "{ended:?}");
        // Its own header claims more than its data holds, and less.
        let at = 9 + whole.windows(4).position(|four| four == b"VP8L").expect("without losses");
        for (claimed, high) in [(4096_u32, 2000_u32), (16_383, 16_383), (1, 1), (3000, 1)] {
            let mut lying = whole.clone();
            lying[at..at + 4].copy_from_slice(&((claimed - 1) | ((high - 1) << 14)).to_le_bytes());
            let ended = tried("a header that lies", &lying);
            let is_large = claimed > 4096;
            assert!(
                !is_large || matches!(ended, Err(PictureError::TooLarge { .. } | PictureError::Damaged(_))),
                "{ended:?}"
            );
        }
    }
}
