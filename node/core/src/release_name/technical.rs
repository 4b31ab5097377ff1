//! How a release was made: resolution, source, codecs, editions, languages. Tables of what people write, and one reader for
//! each sort. A space in a phrase stands for what people put between words, or for nothing.

use super::facts::{Fact, Strength};
use super::text::Scan;
use Strength::{Sure, Weak};

/// Heights that are named by their number.
const HEIGHTS: [u32; 13] = [240, 288, 360, 368, 480, 540, 576, 720, 900, 1080, 1440, 2160, 4320];

type Phrases = &'static [(&'static str, &'static str, Strength)];

const SOURCES: Phrases = &[
    ("ultra hd blu ray", "Ultra HD Blu-ray", Sure),
    ("ultrahd blu ray", "Ultra HD Blu-ray", Sure),
    ("uhd blu ray rip", "Ultra HD Blu-ray", Sure),
    ("uhd blu ray", "Ultra HD Blu-ray", Sure),
    ("uhd bd rip", "Ultra HD Blu-ray", Sure),
    ("uhd bd", "Ultra HD Blu-ray", Sure),
    ("uhd rip", "Ultra HD Blu-ray", Sure),
    ("bd rip mux", "Blu-ray", Sure),
    ("bd rip", "Blu-ray", Sure),
    ("bd mux", "Blu-ray", Sure),
    ("bd remux", "Blu-ray", Sure),
    ("bd50", "Blu-ray", Sure),
    ("bd25", "Blu-ray", Sure),
    ("bd5", "Blu-ray", Sure),
    ("bd9", "Blu-ray", Sure),
    ("bdr", "Blu-ray", Sure),
    ("bd", "Blu-ray", Weak),
    ("br rip mux", "Blu-ray", Sure),
    ("br rip", "Blu-ray", Sure),
    ("br mux", "Blu-ray", Sure),
    ("blu ray rip", "Blu-ray", Sure),
    ("blu ray mux", "Blu-ray", Sure),
    ("blu ray remux", "Blu-ray", Sure),
    ("blu ray disc", "Blu-ray", Sure),
    ("blu ray", "Blu-ray", Sure),
    ("hd dvd rip", "HD-DVD", Sure),
    ("hd dvd", "HD-DVD", Sure),
    ("dvd rip mux", "DVD", Sure),
    ("dvd rip", "DVD", Sure),
    ("dvd scr", "DVD", Sure),
    ("dvd mux", "DVD", Sure),
    ("dvd r", "DVD", Sure),
    ("dvd9", "DVD", Sure),
    ("dvd5", "DVD", Sure),
    ("dvd10", "DVD", Sure),
    ("dvd", "DVD", Sure),
    ("video ts", "DVD", Sure),
    ("uhd tv rip", "Ultra HDTV", Sure),
    ("uhd tv", "Ultra HDTV", Sure),
    ("ahdtv", "Analog HDTV", Sure),
    ("hdtv rip mux", "HDTV", Sure),
    ("hdtv rip", "HDTV", Sure),
    ("hdtv mux", "HDTV", Sure),
    ("hdtv", "HDTV", Sure),
    ("tv hd", "HDTV", Weak),
    ("hd rip", "HD", Sure),
    ("web dl rip", "Web", Sure),
    ("web dl mux", "Web", Sure),
    ("web dl", "Web", Sure),
    ("web hd", "Web", Sure),
    ("web uhd", "Web", Sure),
    ("web cap rip", "Web", Sure),
    ("web cap", "Web", Sure),
    ("web rip mux", "Web", Sure),
    ("web rip", "Web", Sure),
    ("web mux", "Web", Sure),
    ("dl web", "Web", Sure),
    ("web", "Web", Weak),
    ("vod rip", "Video on Demand", Sure),
    ("vod", "Video on Demand", Weak),
    ("pdtv", "Digital TV", Sure),
    ("dvb rip", "Digital TV", Sure),
    ("dvb", "Digital TV", Sure),
    ("sat rip", "Satellite", Sure),
    ("dsr rip", "Satellite", Sure),
    ("dsr", "Satellite", Sure),
    ("ds rip", "Satellite", Sure),
    ("dth rip", "Satellite", Sure),
    ("dth", "Satellite", Sure),
    ("tv rip", "TV", Sure),
    ("sdtv", "TV", Sure),
    ("ppv rip", "Pay-per-view", Sure),
    ("ppv", "Pay-per-view", Weak),
    ("hd cam rip", "HD Camera", Sure),
    ("hd cam", "HD Camera", Sure),
    ("cam rip", "Camera", Sure),
    ("cam", "Camera", Weak),
    ("hd telesync", "HD Telesync", Sure),
    ("hd ts rip", "HD Telesync", Sure),
    ("hd ts", "HD Telesync", Sure),
    ("telesync rip", "Telesync", Sure),
    ("telesync", "Telesync", Sure),
    ("ts rip", "Telesync", Sure),
    ("ts", "Telesync", Weak),
    ("hd telecine", "HD Telecine", Sure),
    ("hd tc", "HD Telecine", Sure),
    ("telecine", "Telecine", Sure),
    ("tc", "Telecine", Weak),
    ("workprint", "Workprint", Sure),
    ("vhs rip", "VHS", Sure),
    ("vhs", "VHS", Sure),
    ("laserdisc rip", "Laserdisc", Sure),
    ("laserdisc", "Laserdisc", Sure),
    ("ld rip", "Laserdisc", Sure),
];

const VIDEO: Phrases = &[
    ("x 264", "H.264", Sure),
    ("h 264", "H.264", Sure),
    ("mpeg 4 avc", "H.264", Sure),
    ("avchd", "H.264", Sure),
    ("avc", "H.264", Weak),
    ("x 265", "H.265", Sure),
    ("h 265", "H.265", Sure),
    ("hevc10", "H.265", Sure),
    ("hevc", "H.265", Sure),
    ("h 266", "H.266", Sure),
    ("h 263", "H.263", Sure),
    ("xvid hd", "Xvid", Sure),
    ("xvid", "Xvid", Sure),
    ("divx", "DivX", Sure),
    ("dvdivx", "DivX", Sure),
    ("mpeg 2", "MPEG-2", Sure),
    ("h 262", "MPEG-2", Sure),
    ("vc 1", "VC-1", Sure),
    ("vp 9", "VP9", Sure),
    ("vp 8", "VP8", Sure),
    ("vp 7", "VP7", Sure),
    ("av1", "AV1", Sure),
    ("realvideo", "RealVideo", Sure),
    ("rv10", "RealVideo", Sure),
    ("rv20", "RealVideo", Sure),
];

/// Longer forms before those that they begin with.
const AUDIO: Phrases = &[
    ("dolby digital plus", "Dolby Digital Plus", Sure),
    ("dolby digital", "Dolby Digital", Sure),
    ("dolby atmos", "Dolby Atmos", Sure),
    ("dolby true hd", "Dolby TrueHD", Sure),
    ("true hd", "Dolby TrueHD", Sure),
    ("atmos", "Dolby Atmos", Weak),
    ("e ac 3", "Dolby Digital Plus", Sure),
    ("eac3d", "Dolby Digital Plus", Sure),
    ("ddpa", "Dolby Digital Plus", Sure),
    ("ddp", "Dolby Digital Plus", Sure),
    ("dd+", "Dolby Digital Plus", Sure),
    ("ac3d", "Dolby Digital", Sure),
    ("ac 3", "Dolby Digital", Sure),
    ("dd", "Dolby Digital", Weak),
    ("dts hd ma", "DTS-HD", Sure),
    ("dts hd hra", "DTS-HD", Sure),
    ("dts hd", "DTS-HD", Sure),
    ("dts ma", "DTS-HD", Sure),
    ("dts x", "DTS:X", Sure),
    ("dts", "DTS", Sure),
    ("he aac", "AAC", Sure),
    ("aac", "AAC", Sure),
    ("flac", "FLAC", Sure),
    ("opus", "Opus", Weak),
    ("vorbis", "Vorbis", Sure),
    ("lpcm", "LPCM", Sure),
    ("pcm", "PCM", Sure),
    ("mp3", "MP3", Sure),
    ("mp2", "MP2", Sure),
];

const EDITIONS: Phrases = &[
    ("director's cut", "Director's Cut", Weak),
    ("directors cut", "Director's Cut", Weak),
    ("director cut", "Director's Cut", Weak),
    ("dircut", "Director's Cut", Sure),
    ("dc", "Director's Cut", Weak),
    ("extended edition", "Extended", Weak),
    ("extended version", "Extended", Weak),
    ("extended cut", "Extended", Weak),
    ("extended", "Extended", Weak),
    ("theatrical cut", "Theatrical", Weak),
    ("theatrical edition", "Theatrical", Weak),
    ("theatrical", "Theatrical", Weak),
    ("special edition", "Special", Weak),
    ("collector's edition", "Collector", Weak),
    ("collectors edition", "Collector", Weak),
    ("ultimate edition", "Ultimate", Weak),
    ("ultimate cut", "Ultimate", Weak),
    ("final cut", "Final Cut", Weak),
    ("criterion collection", "Criterion", Weak),
    ("criterion", "Criterion", Weak),
    ("remastered", "Remastered", Weak),
    ("restored", "Restored", Weak),
    ("uncut", "Uncut", Weak),
    ("unrated", "Unrated", Weak),
    ("uncensored", "Uncensored", Weak),
    ("imax edition", "IMAX", Weak),
    ("imax", "IMAX", Weak),
    ("limited", "Limited", Weak),
    ("festival", "Festival", Weak),
    ("open matte", "Open Matte", Weak),
];

/// The tag (BCP 47) of a language that is named by a word, such as `German` or `ger`.
pub fn language_tag(word: &str) -> Option<&'static str> {
    let lower = word.trim().to_lowercase();
    // Two letters are a tag themselves, or a word of a release's name alone, such as VO.
    let is_word = lower.chars().count() > 2;
    LANGUAGES.iter().find(|(known, ..)| is_word && *known == lower).map(|(_, tag, _)| *tag)
}

/// Words for languages and their tags (BCP 47).
const LANGUAGES: Phrases = &[
    ("english", "en", Weak),
    ("eng", "en", Weak),
    ("en", "en", Weak),
    ("vo", "en", Weak),
    ("truefrench", "fr", Sure),
    ("french", "fr", Weak),
    ("francais", "fr", Weak),
    ("français", "fr", Weak),
    ("vff", "fr", Sure),
    ("vfq", "fr", Sure),
    ("vfi", "fr", Weak),
    ("vf", "fr", Weak),
    ("fr", "fr", Weak),
    ("german", "de", Weak),
    ("deutsch", "de", Weak),
    ("swissgerman", "gsw", Sure),
    ("ger", "de", Weak),
    ("de", "de", Weak),
    ("italian", "it", Weak),
    ("italiano", "it", Weak),
    ("ita", "it", Weak),
    ("it", "it", Weak),
    ("spanish", "es", Weak),
    ("espanol castellano", "es", Weak),
    ("español castellano", "es", Weak),
    ("espanol", "es", Weak),
    ("español", "es", Weak),
    ("castellano", "es", Weak),
    ("latino", "es-419", Weak),
    ("spa", "es", Weak),
    ("esp", "es", Weak),
    ("es", "es", Weak),
    ("brazilian", "pt-BR", Weak),
    ("pt br", "pt-BR", Weak),
    ("dublado", "pt-BR", Weak),
    ("portuguese", "pt", Weak),
    ("por", "pt", Weak),
    ("pt", "pt", Weak),
    ("russian", "ru", Weak),
    ("rus", "ru", Weak),
    ("ru", "ru", Weak),
    ("japanese", "ja", Weak),
    ("jpn", "ja", Weak),
    ("jap", "ja", Weak),
    ("korean", "ko", Weak),
    ("kor", "ko", Weak),
    ("chinese", "zh", Weak),
    ("mandarin", "zh", Weak),
    ("cantonese", "yue", Weak),
    ("chs", "zh", Weak),
    ("cht", "zh", Weak),
    ("hindi", "hi", Weak),
    ("tamil", "ta", Weak),
    ("telugu", "te", Weak),
    ("dutch", "nl", Weak),
    ("flemish", "nl-BE", Weak),
    ("nl", "nl", Weak),
    ("swedish", "sv", Weak),
    ("swe", "sv", Weak),
    ("norwegian", "no", Weak),
    ("nor", "no", Weak),
    ("danish", "da", Weak),
    ("dan", "da", Weak),
    ("finnish", "fi", Weak),
    ("polish", "pl", Weak),
    ("pl", "pl", Weak),
    ("czech", "cs", Weak),
    ("cz", "cs", Weak),
    ("hungarian", "hu", Weak),
    ("hun", "hu", Weak),
    ("turkish", "tr", Weak),
    ("greek", "el", Weak),
    ("hebrew", "he", Weak),
    ("arabic", "ar", Weak),
    ("ukrainian", "uk", Weak),
    ("ukr", "uk", Weak),
    ("romanian", "ro", Weak),
    ("thai", "th", Weak),
    ("vietnamese", "vi", Weak),
    ("catalan", "ca", Weak),
    ("quebec", "fr-CA", Weak),
    ("multi", "mul", Weak),
    ("dual audio", "mul", Weak),
    ("dual", "mul", Weak),
    ("dl", "mul", Weak),
    ("nordic", "mul", Weak),
];

/// Words that say that there are subtitles.
const SUBTITLES: &[&str] = &[
    "vostfr",
    "vost",
    "subfrench",
    "fastsub",
    "subforced",
    "subtitulado",
    "legendado",
    "legendas",
    "hardsub",
    "softsub",
    "multi subs",
    "multisubs",
    "subbed",
    "subs",
    "sub",
    "nlsubs",
    "swesub",
    "subtitles",
    "hc",
    "korsub",
    "engsub",
    "esubs",
    "esub",
    "msubs",
    "msub",
];

/// Words that end a title and say nothing that is kept, such as services and colour depths.
const OTHERS: &[(&str, Strength)] = &[
    ("hdr10plus", Sure),
    ("hdr10", Sure),
    ("hdr", Weak),
    ("sdr", Weak),
    ("dolby vision", Sure),
    ("dovi", Sure),
    ("dv", Weak),
    ("hlg", Weak),
    ("10 bit", Sure),
    ("8 bit", Sure),
    ("12 bit", Sure),
    ("hi10p", Sure),
    ("hi10", Sure),
    ("hi422p", Sure),
    ("yuv420p10", Sure),
    ("yuv420p", Sure),
    ("remux", Sure),
    ("hybrid", Weak),
    ("readnfo", Sure),
    ("read nfo", Weak),
    ("nfofix", Sure),
    ("dirfix", Sure),
    ("ws", Weak),
    ("fs", Weak),
    ("internal", Weak),
    ("int", Weak),
    ("complete series", Weak),
    ("complete miniseries", Weak),
    ("the complete series", Weak),
    ("complete", Weak),
    ("mini series", Weak),
    ("miniseries", Weak),
    ("dubbed", Weak),
    ("retail", Weak),
    ("stv", Weak),
    ("docu", Weak),
    ("doku", Weak),
    ("subtitle", Weak),
    ("dc", Weak),
    ("3d", Weak),
    ("hsbs", Sure),
    ("h sbs", Sure),
    ("half sbs", Sure),
    ("sbs", Weak),
    ("hou", Weak),
    ("half ou", Sure),
    ("ou", Weak),
    ("uhd", Weak),
    ("full hd", Weak),
    ("fhd", Weak),
    ("hd", Weak),
    ("hq", Weak),
    ("lq", Weak),
    ("oar", Weak),
    ("ntsc", Weak),
    ("pal", Weak),
    ("custom", Weak),
    ("line", Weak),
    ("mic dubbed", Weak),
    ("ld", Weak),
    ("md", Weak),
    ("screener", Weak),
    ("scr", Weak),
    ("r5", Weak),
    ("rc", Weak),
    ("amzn", Sure),
    ("amazon", Weak),
    ("nf", Weak),
    ("netflix", Weak),
    ("hulu", Weak),
    ("dsnp", Sure),
    ("hmax", Sure),
    ("hbo", Weak),
    ("atvp", Sure),
    ("itunes", Weak),
    ("pcok", Sure),
    ("dcu", Weak),
    ("stan", Weak),
    ("crunchyroll", Weak),
    ("ac", Weak),
    ("west feed", Weak),
    ("east feed", Weak),
    ("live", Weak),
    ("final", Weak),
    ("collection", Weak),
    ("trilogy", Weak),
    ("anthology", Weak),
    ("integrale", Weak),
    ("sample", Weak),
    ("preair", Sure),
    ("us", Weak),
    ("uk", Weak),
    ("au", Weak),
    ("nz", Weak),
    ("ca", Weak),
    ("ch", Weak),
    ("mp4", Sure),
    ("mkv", Sure),
    ("avi", Weak),
    ("vr180", Sure),
    ("vr", Weak),
    ("6ch", Sure),
    ("8ch", Sure),
    ("2ch", Sure),
    ("5 1ch", Sure),
    ("7 1", Weak),
    ("5 1", Weak),
    ("bonus", Weak),
    ("extras", Weak),
    ("yify", Weak),
    ("unedited", Weak),
    ("xxx", Weak),
    ("intégrale", Weak),
    ("lintegrale", Weak),
    ("l'integrale", Weak),
    ("coffret", Weak),
    ("convert", Weak),
    ("hfr", Weak),
    ("the complete", Weak),
    ("48fps", Sure),
    ("60fps", Sure),
    ("50fps", Sure),
    ("23 976 fps", Sure),
    ("25fps", Sure),
    ("bt2020", Sure),
    ("bt709", Sure),
    ("bt 2020", Sure),
    ("anamorphic", Weak),
    ("colorized", Weak),
    ("classic", Weak),
    ("ova", Weak),
    ("oav", Weak),
    ("oad", Weak),
    ("ona", Weak),
];

/// Takes a phrase of a table: the longest of those that stand here.
fn longest<T: Copy>(
    scan: Scan<'_>,
    table: &[(&'static str, T)],
    ends: impl Fn(Scan<'_>) -> bool,
) -> Option<(T, usize)> {
    let mut best: Option<(T, usize)> = None;
    let first = scan.peek();
    for (phrase, value) in table {
        if phrase.chars().next() != first {
            continue;
        }
        let mut here = scan;
        if here.phrase(phrase) && ends(here) && best.is_none_or(|(_, end)| here.at > end) {
            best = Some((*value, here.at));
        }
    }
    best
}

fn of(scan: Scan<'_>, table: Phrases, ends: impl Fn(Scan<'_>) -> bool) -> Option<(&'static str, Strength, usize)> {
    let first = scan.peek();
    let mut best: Option<(&'static str, Strength, usize)> = None;
    for (phrase, value, strength) in table {
        let mut here = scan;
        if phrase.chars().next() == first
            && here.phrase(phrase)
            && ends(here)
            && best.is_none_or(|(.., end)| here.at > end)
        {
            best = Some((value, *strength, here.at));
        }
    }
    best
}

/// What stands here of a release's making, how surely, and where it ends.
pub(super) fn read(scan: Scan<'_>, written: &str) -> Option<(Fact, Strength, usize)> {
    if let Some((height, strength, end)) = resolution(scan) {
        return Some((Fact::Resolution(height), strength, end));
    }
    // Codecs are often written onto what stands before them.
    let codec_follows = |at: Scan<'_>| at.is_at_end() || of(at, VIDEO, |end| end.is_at_end()).is_some();
    if let Some((name, strength, end)) = of(scan, SOURCES, codec_follows) {
        return Some((Fact::Source(name), strength, end));
    }
    if let Some((name, strength, end)) = of(scan, VIDEO, |at| at.is_at_end() || of(at, AUDIO, |_| true).is_some()) {
        return Some((Fact::Video(name), strength, end));
    }
    if let Some(found) = audio(scan) {
        return Some(found);
    }
    if let Some((name, strength, end)) = of(scan, EDITIONS, |at| at.is_at_end()) {
        return Some((Fact::Edition(name), strength, end));
    }
    let mended = [("proper", ()), ("repack", ()), ("rerip", ()), ("repack2", ()), ("real proper", ()), ("real", ())];
    if let Some(((), end)) = longest(scan, &mended, |at| at.is_at_end()) {
        return Some((Fact::Proper, Weak, end));
    }
    if let Some((name, strength, end)) = of(scan, LANGUAGES, |at| at.is_at_end()) {
        // Two letters are a word of some language; as capitals they are meant.
        let is_meant = end - scan.at > 2 || written.chars().all(char::is_uppercase);
        if is_meant {
            return Some((Fact::Language(name), strength, end));
        }
    }
    let subtitles = SUBTITLES.iter().filter_map(|phrase| {
        let mut here = scan;
        (here.phrase(phrase) && here.is_at_end()).then_some(here.at)
    });
    if let Some(end) = subtitles.max() {
        return Some((Fact::Subtitles, Weak, end));
    }
    let (strength, end) = longest(scan, OTHERS, |at| at.is_at_end())?;
    let is_country = matches!(scan.rest().get(..end - scan.at), Some("us" | "uk" | "au" | "nz" | "ca" | "ch"));
    (!is_country || written.chars().all(char::is_uppercase)).then_some((Fact::Other, strength, end))
}

/// Sound, with its channels behind it.
fn audio(scan: Scan<'_>) -> Option<(Fact, Strength, usize)> {
    let ends = |at: Scan<'_>| at.is_at_end() || at.peek().is_some_and(|c| c.is_ascii_digit());
    let (name, mut strength, mut end) = of(scan, AUDIO, ends)?;
    let mut here = scan.moved_to(end);
    here.gap(1);
    if here.number(1).is_some() {
        let whole = here.at;
        here.gap(1);
        let has_low = here.take_any(&["0", "1", "2"]);
        if has_low && (here.is_at_end() || of(here, VIDEO, |_| true).is_some()) {
            (end, strength) = (here.at, Sure);
        } else {
            let behind = scan.moved_to(whole);
            // `AAC2`
            if behind.is_at_end() && whole == end + 1 {
                end = whole;
            }
        }
    }
    let after = scan.moved_to(end);
    let may_end = after.is_at_end() || of(after, VIDEO, |_| true).is_some();
    may_end.then_some((Fact::Audio(name), strength, end))
}

/// `1080p`, `720p50`, `1280x720`, `4k`; a bare `1080` is weak.
fn resolution(scan: Scan<'_>) -> Option<(String, Strength, usize)> {
    let mut here = scan;
    if here.take_any(&["4k", "8k"]) && here.is_at_end() {
        let height = if scan.rest().starts_with('4') { "2160p" } else { "4320p" };
        return Some((height.to_owned(), Sure, here.at));
    }
    let mut here = scan;
    let number = here.number(4)?;
    let after_number = here;
    if HEIGHTS.contains(&number) {
        let scanned = if here.take("p") {
            Some('p')
        } else if here.take("i") {
            Some('i')
        } else {
            None
        };
        if let Some(letter) = scanned {
            let after_letter = here;
            // Frames a second, or `1080phd`.
            let _ = here.number(3);
            here.take_any(&["hd", "x"]);
            let end = if here.is_at_end() { here } else { after_letter };
            let glued = end.is_at_end() || of(end, SOURCES, |_| true).is_some() || of(end, VIDEO, |_| true).is_some();
            return glued.then(|| (format!("{number}{letter}"), Sure, end.at));
        }
        if matches!(number, 720 | 1080 | 2160) && here.is_at_end() {
            return Some((format!("{number}p"), Weak, here.at));
        }
    }
    // Width and height.
    let mut here = after_number;
    here.take(" ");
    if number < 100 || !(here.take_any(&["x", "×", "*"])) {
        return None;
    }
    here.take(" ");
    let height = here.number(4).filter(|height| *height >= 100)?;
    let has_end = here.take("p") || here.take("i") || here.is_at_end();
    // Between the squarest and the widest that a screen of that height has.
    let is_usual = number * 3 >= height * 4 - height / 10 && number <= height * 2;
    let name = if HEIGHTS.contains(&height) && is_usual { format!("{height}p") } else { format!("{number}x{height}") };
    has_end.then_some((name, Sure, here.at))
}
