//! From bytes of strangers to a picture that may be shown: told by its first bytes, measured before it is decoded, decoded
//! under limits, made small, and encoded anew.

use super::effort::{DECODING_MAX, Effort, Metered};
use heirloom_proto::artwork::ARTWORK_BYTES_MAX;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

/// Most pixels of a side (`security.md` §7).
const SIDE_MAX: u32 = 4096;
/// Most pixels (`security.md` §7).
const PIXELS_MAX: u64 = 16_000_000;
/// Most bytes that decoding may take (`security.md` §7): the picture itself, and what its decoder keeps beside it.
const DECODED_BYTES_MAX: u64 = 64 << 20;
/// Bytes that the decoder of a JPEG in several passes keeps of each pixel beside the picture: two for each of four channels.
const PASSES_BYTES: u64 = 8;
/// Bytes that the decoder of WebP keeps of each pixel beside the picture: its planes, or the colours before transforms.
const WEBP_BYTES: u64 = 4;
/// Most passes of a JPEG: programs write ten. Each costs a walk over all pixels, and may be a few bytes long.
const PASSES_MAX: usize = 40;
/// Most pixels that the passes of a JPEG walk over together. Its decoder cannot be stopped, so this keeps it within
/// [`DECODING_MAX`].
const WALKED_MAX: u64 = 60_000_000;
/// Longest side of what is shown, in pixels: a poster on a screen of high density.
pub const SHOWN_SIDE_MAX: u32 = 600;
/// Quality of what is shown, of 100.
const QUALITY: u8 = 85;
/// What shows through where a picture is transparent.
const BEHIND: u32 = 255;

/// Why bytes are no picture that is shown.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PictureError {
    /// More bytes than a picture may have. Save it smaller.
    #[error("it has {0} bytes, more than {ARTWORK_BYTES_MAX}: save it with fewer pixels, or of a lower quality")]
    TooLong(usize),
    /// Neither JPEG nor PNG nor WebP.
    #[error("it is neither JPEG nor PNG nor WebP: save it as one of these")]
    Format,
    /// More pixels than a picture may have. Make it smaller.
    #[error("it has {width} x {height} pixels, more than {SIDE_MAX} on a side or {PIXELS_MAX} in all: make it smaller")]
    TooLarge {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// Within the pixels, but its form takes more memory or time than a picture may. Save it in a plainer form.
    #[error(
        "{width} x {height} pixels of this form take too long or too much memory to decode: make it smaller, or save it as a plain JPEG"
    )]
    TooCostly {
        /// Pixels from left to right.
        width: u32,
        /// Pixels from top to bottom.
        height: u32,
    },
    /// Within all of that, and took too much processor time. Save it in a plainer form.
    #[error("it takes longer than {} ms to decode: make it smaller, or save it as a plain JPEG", DECODING_MAX.as_millis())]
    TooSlow,
    /// Cut off, or not what its first bytes say.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// The picture as it may be shown: JPEG, no side longer than [`SHOWN_SIDE_MAX`]. Takes up to half a second of processor time,
/// by `effort`, and 64 MiB, so call it one at a time, where nobody waits.
///
/// # Errors
/// [`PictureError`].
pub fn shown(bytes: &[u8], effort: Effort<'_>) -> Result<Vec<u8>, PictureError> {
    let decoded = decoded(bytes, effort);
    // However it ended: a decoder words a reader's refusal in its own way.
    within(effort)?;
    let picture = small(decoded?);
    within(effort)?;
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, QUALITY).encode_image(&picture).map_err(damaged)?;
    within(effort)?;
    Ok(out)
}

fn within(effort: Effort<'_>) -> Result<(), PictureError> {
    if effort.is_spent() { Err(PictureError::TooSlow) } else { Ok(()) }
}

fn damaged(error: image::ImageError) -> PictureError {
    // Words of a decoder about bytes of a stranger: short, and without what could steer a terminal.
    let text = error.to_string().chars().filter(|c| !c.is_control()).take(120).collect();
    PictureError::Damaged(text)
}

fn decoded(bytes: &[u8], effort: Effort<'_>) -> Result<DynamicImage, PictureError> {
    if bytes.len() > ARTWORK_BYTES_MAX {
        return Err(PictureError::TooLong(bytes.len()));
    }
    let format = image::guess_format(bytes).map_err(|_| PictureError::Format)?;
    if !matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) {
        return Err(PictureError::Format);
    }
    // Before anything is reserved for it.
    let (width, height) = reader(bytes, format, effort).into_dimensions().map_err(damaged)?;
    if width > SIDE_MAX || height > SIDE_MAX || u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(PictureError::TooLarge { width, height });
    }
    let decoder = reader(bytes, format, effort).into_decoder().map_err(damaged)?;
    let pixels = u64::from(width) * u64::from(height);
    let beside = match format {
        ImageFormat::Jpeg => match passes(bytes) {
            0 | 1 => 0,
            walks @ 2..=PASSES_MAX if pixels * walks as u64 <= WALKED_MAX => pixels * PASSES_BYTES,
            _ => u64::MAX,
        },
        ImageFormat::WebP => pixels * WEBP_BYTES,
        _ => 0,
    };
    if decoder.total_bytes().saturating_add(beside) > DECODED_BYTES_MAX {
        return Err(PictureError::TooCostly { width, height });
    }
    DynamicImage::from_decoder(decoder).map_err(damaged)
}

/// Passes over the pixels of a JPEG, by the marks before them; a small picture within its notes counts too.
fn passes(bytes: &[u8]) -> usize {
    bytes.windows(2).filter(|pair| *pair == [0xff, 0xda]).count()
}

fn reader<'a>(bytes: &'a [u8], format: ImageFormat, effort: Effort<'a>) -> ImageReader<Metered<'a>> {
    let mut reader = ImageReader::with_format(Metered::new(bytes, effort), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits);
    reader
}

/// No larger than it is shown, without what is transparent.
fn small(picture: DynamicImage) -> RgbImage {
    let is_large = picture.width().max(picture.height()) > SHOWN_SIDE_MAX;
    let picture = if is_large { picture.thumbnail(SHOWN_SIDE_MAX, SHOWN_SIDE_MAX) } else { picture };
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
        let alpha = u32::from(alpha);
        let over =
            |channel: u8| u8::try_from((u32::from(channel) * alpha + BEHIND * (255 - alpha)) / 255).unwrap_or(u8::MAX);
        Rgb([over(red), over(green), over(blue)])
    })
}

#[cfg(test)]
#[cfg(unix)]
mod hostile;

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;
    use std::cell::Cell;
    use std::io::Cursor;
    use std::time::Duration;

    fn shown(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
        super::shown(bytes, Effort::new(&|| Duration::ZERO))
    }

    fn decoded(bytes: &[u8]) -> Result<DynamicImage, PictureError> {
        super::decoded(bytes, Effort::new(&|| Duration::ZERO))
    }

    fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| {
            Rgb([u8::try_from(x % 256).unwrap_or(0), u8::try_from(y % 256).unwrap_or(0), 90])
        });
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, format).expect("encoded");
        out.into_inner()
    }

    /// A PNG whose header claims these pixels, with nearly no data: eight bits of grey.
    fn bomb(width: u32, height: u32) -> Vec<u8> {
        png(width, height, [8, 0])
    }

    /// The same of any bits of a channel and sort of colour.
    fn png(width: u32, height: u32, [bits, colour]: [u8; 2]) -> Vec<u8> {
        let chunk = |kind: &[u8; 4], data: &[u8]| {
            let named: Vec<u8> = [kind.as_slice(), data].concat();
            let sum = named.iter().fold(u32::MAX, |sum, byte| {
                (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
            });
            let length = u32::try_from(data.len()).expect("short").to_be_bytes();
            [length.as_slice(), &named, &(!sum).to_be_bytes()].concat()
        };
        let header = [width.to_be_bytes().as_slice(), &height.to_be_bytes(), &[bits, colour, 0, 0, 0]].concat();
        [
            b"\x89PNG\r\n\x1a\n".as_slice(),
            &chunk(b"IHDR", &header),
            &chunk(b"IDAT", &[0x78, 0x9c, 0x03, 0, 0, 0, 0, 1]),
            &chunk(b"IEND", &[]),
        ]
        .concat()
    }

    #[test]
    fn each_format_becomes_a_small_jpeg() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let out = shown(&encoded(900, 1350, format)).expect("shown");
            assert!(matches!(image::guess_format(&out), Ok(ImageFormat::Jpeg)), "{format:?}");
            let again = decoded(&out).expect("what is shown is read");
            assert_eq!((again.width(), again.height()), (400, SHOWN_SIDE_MAX), "{format:?}");
        }
        let small = decoded(&shown(&encoded(30, 20, ImageFormat::Png)).expect("shown")).expect("read");
        assert_eq!((small.width(), small.height()), (30, 20), "nothing is blown up");
    }

    #[test]
    fn what_is_transparent_shows_white() {
        let clear = image::RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0]));
        let mut out = Cursor::new(Vec::new());
        clear.write_to(&mut out, ImageFormat::Png).expect("encoded");
        let read = decoded(&shown(&out.into_inner()).expect("shown")).expect("read").into_rgb8();
        assert!(read.get_pixel(4, 4).0.iter().all(|channel| *channel > 250));
    }

    #[test]
    fn a_small_file_that_claims_many_pixels_is_refused_before_it_is_decoded() {
        for (width, height) in [(4097, 1), (1, 100_000), (4096, 4096), (u32::MAX >> 1, u32::MAX >> 1)] {
            let refused = shown(&bomb(width, height)).expect_err("refused");
            let is_told = matches!(refused, PictureError::TooLarge { .. } | PictureError::Damaged(_));
            assert!(is_told, "{width} x {height}: {refused:?}");
        }
        assert_eq!(shown(&bomb(4000, 4001)), Err(PictureError::TooLarge { width: 4000, height: 4001 }));
        // Within the limits, and there is no picture in it.
        assert!(matches!(shown(&bomb(4000, 4000)), Err(PictureError::Damaged(_))));
    }

    #[test]
    fn what_takes_more_memory_or_time_than_a_picture_may_is_refused_before_it_is_decoded() {
        // Sixteen bits a channel with alpha: eight bytes a pixel.
        let deep = |width, height| shown(&png(width, height, [16, 6]));
        assert_eq!(deep(3000, 3000), Err(PictureError::TooCostly { width: 3000, height: 3000 }));
        assert!(
            matches!(deep(2000, 3000), Err(PictureError::Damaged(_))),
            "within the limits, and there is no picture in it"
        );
        // A WebP whose header claims these pixels.
        let mut wide = encoded(8, 8, ImageFormat::WebP);
        let at = 9 + wide.windows(4).position(|four| four == b"VP8L").expect("without losses");
        let sides = (4000_u32 - 1) | ((2500_u32 - 1) << 14);
        wide[at..at + 4].copy_from_slice(&sides.to_le_bytes());
        assert_eq!(shown(&wide), Err(PictureError::TooCostly { width: 4000, height: 2500 }));
        // A JPEG of many passes: the marks of them are enough.
        let plain = encoded(80, 60, ImageFormat::Jpeg);
        assert!(passes(&plain) == 1 && shown(&plain).is_ok());
        let scan = plain.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a pass");
        let bomb = [&plain[..scan], &plain[scan..].repeat(PASSES_MAX + 1)].concat();
        assert_eq!(shown(&bomb), Err(PictureError::TooCostly { width: 80, height: 60 }));
    }

    #[test]
    fn what_takes_too_long_is_given_up_wherever_that_shows() {
        // Each look at the time costs so much that the budget ends in the headers, in the pixels, or after them.
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let bytes = encoded(900, 1350, format);
            let looks = Cell::new(0_u32);
            let counted = || {
                looks.set(looks.get() + 1);
                Duration::ZERO
            };
            assert!(super::shown(&bytes, Effort::new(&counted)).is_ok());
            let all = looks.get();
            assert!(all >= 4, "{format:?}: {all} looks");
            for allowed in [0, 1, all / 2, all - 1] {
                let left = Cell::new(allowed);
                let spent = || {
                    let is_over = left.get() == 0;
                    left.set(left.get().saturating_sub(1));
                    if is_over { DECODING_MAX + Duration::from_nanos(1) } else { DECODING_MAX }
                };
                let ended = super::shown(&bytes, Effort::new(&spent));
                assert_eq!(ended, Err(PictureError::TooSlow), "{format:?} after {allowed} of {all} looks");
            }
        }
    }

    #[test]
    fn of_many_frames_one_is_decoded() {
        // An animation in WebP: each frame is the same small picture, as the container lays them out.
        let still = encoded(8, 8, ImageFormat::WebP);
        let frame = &still[12..];
        let chunk = |name: &[u8; 4], data: &[u8]| {
            let length = u32::try_from(data.len()).expect("short").to_le_bytes();
            let end = if data.len() % 2 == 1 { &[0][..] } else { &[] };
            [name.as_slice(), &length, data, end].concat()
        };
        let extended = chunk(b"VP8X", &[0b10, 0, 0, 0, 7, 0, 0, 7, 0, 0]);
        let animation = chunk(b"ANIM", &[0; 6]);
        let head = [[0; 6].as_slice(), &[7, 0, 0, 7, 0, 0], &[1, 0, 0, 0]].concat();
        let one = chunk(b"ANMF", &[head.as_slice(), frame].concat());
        let file = |frames: usize| {
            let body = [b"WEBP".as_slice(), &extended, &animation, &one.repeat(frames)].concat();
            let length = u32::try_from(body.len()).expect("short").to_le_bytes();
            [b"RIFF".as_slice(), &length, &body].concat()
        };
        let many = file(3_000);
        assert!(many.len() < ARTWORK_BYTES_MAX, "{}", many.len());
        let looks = |bytes: &[u8]| {
            let looks = Cell::new(0_u32);
            let counted = || {
                looks.set(looks.get() + 1);
                Duration::ZERO
            };
            let picture = super::shown(bytes, Effort::new(&counted)).expect("its first frame");
            (looks.get(), picture)
        };
        let ((few_looks, few), (many_looks, many)) = (looks(&file(2)), looks(&many));
        assert_eq!(few, many, "the first frame is what is shown");
        assert!(many_looks < few_looks + 400, "{many_looks}: the others are passed over by their headers at most");
    }

    #[test]
    fn drawings_other_formats_and_what_is_cut_off_are_refused() {
        let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
        assert_eq!(shown(svg), Err(PictureError::Format));
        for other in [&b"GIF89a\x01\0\x01\0\0\0\0;"[..], b"", b"BM", b"%PDF-1.4", b"<html>"] {
            assert_eq!(shown(other), Err(PictureError::Format), "{other:?}");
        }
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let whole = encoded(200, 300, format);
            for cut in [12, 30, whole.len() / 2] {
                // A decoder of JPEG may make do with half a picture: then it is shown, and is one.
                if let Ok(out) = shown(&whole[..cut]) {
                    assert!(decoded(&out).is_ok(), "{format:?} cut at {cut}");
                    assert_eq!(format, ImageFormat::Jpeg, "cut at {cut}");
                }
            }
        }
        assert_eq!(shown(&vec![0; ARTWORK_BYTES_MAX + 1]), Err(PictureError::TooLong(ARTWORK_BYTES_MAX + 1)));
    }
}
