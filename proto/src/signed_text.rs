//! Statements as text that people can read, compare and paste: the form of `bootstrap-lists/` and of curator lists.
//!
//! ```text
//! -----BEGIN HEIRLOOM STATEMENT-----
//! curator-list 1 of generation 1
//! by: did:key:z6Mk…
//! made: 2026-11-22T12:00:00Z
//! until: 2027-12-27T12:00:00Z
//! name: Open films
//! key: did:key:z6Mk…
//!   name: Alice
//! signed:
//! CiDqSmxj4pxSCr71UHsTLsX5lUd2rr6+eXtuHwCvDiJ5ChAIGg…
//! -----END HEIRLOOM STATEMENT-----
//! ```
//! The last part is the envelope in base 64, and the only one that is believed. What stands above it is written out of the
//! envelope, all of it, and a block whose text says anything else is refused: so who reads the text, or a diff of it, has
//! read what was signed. Where lines break, and how often a forum has quoted them, does not matter.
//!
//! What it must not know: files, clocks, and whether a statement is wanted.

use crate::body::{CuratorList, File, Listing, Profile, Work};
use crate::limits::ENVELOPE_BYTES_MAX;
use crate::pasted::{marks, plain_spaces, unquoted as unquoted_line};
use crate::statement::{Statement, Verified, VerifyError, verify};
use crate::{Body, Kind};
use data_encoding::BASE64;

/// First line of a block.
pub const BEGIN: &str = "-----BEGIN HEIRLOOM STATEMENT-----";
/// Last line of a block.
pub const END: &str = "-----END HEIRLOOM STATEMENT-----";
/// What those lines say between their dashes, which some blogs set anew.
const BEGIN_WORDS: &str = "BEGIN HEIRLOOM STATEMENT";
const END_WORDS: &str = "END HEIRLOOM STATEMENT";
/// What stands before the envelope. Base 64 has no colon, so the last one in a block is the mark.
const SIGNED: &str = "signed:";
/// Letters of base 64 in a line: what mails and forums leave whole.
const LINE_LETTERS: usize = 76;
/// Most blocks of one text: twice what a starter catalogue of 250 works needs (two statements a work), and checked in a fraction of a second.
pub const BLOCKS_MAX: usize = 1000;

/// Why a block is refused. Get it again from whoever signed it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignedTextError {
    /// There is no last line.
    #[error("this signed text is cut off: copy it from BEGIN to END")]
    CutOff,
    /// There is no envelope in it.
    #[error("this list or statement has no signature: get it whole from whoever made it")]
    NoSignature,
    /// The envelope is not base 64, or too long for one.
    #[error("the signature of this text is damaged: a letter was lost or changed, get it again")]
    Damaged,
    /// The envelope is no statement, or its signature does not hold.
    #[error("this text is refused: {0}; get it again from whoever made it")]
    Refused(VerifyError),
    /// The text is not that of the envelope.
    #[error("this text is not what {author} signed: somebody changed it afterwards; get it again from whoever made it")]
    Changed {
        /// Who signed the envelope.
        author: crate::Key,
    },
    /// A kind that has no form as text.
    #[error("a statement of kind {0} has no form as text")]
    NoForm(&'static str),
    /// More blocks than [`BLOCKS_MAX`].
    #[error("this text holds more than {BLOCKS_MAX} statements: split it")]
    TooMany,
}

/// A statement as a block of text.
///
/// # Errors
/// [`SignedTextError::NoForm`] for kinds that nobody hands out as text.
pub fn to_block(statement: &Verified<Statement>) -> Result<String, SignedTextError> {
    let mut text = format!("{BEGIN}\n{}{SIGNED}\n", readable(statement)?);
    let letters = BASE64.encode(statement.bytes());
    let mut rest = letters.as_str();
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(LINE_LETTERS.min(rest.len()));
        text.push_str(line);
        text.push('\n');
        rest = tail;
    }
    Ok(text + END + "\n")
}

/// Every block of a text, checked, and the text outside of them.
///
/// # Errors
/// [`SignedTextError`] when any block is no good: taking the others would hide that.
pub fn find_blocks(text: &str) -> Result<(Vec<Verified<Statement>>, String), SignedTextError> {
    let text = plain_spaces(text);
    let (mut found, mut outside, mut rest) = (Vec::new(), String::new(), &*text);
    while let Some(begin) = marks(rest, BEGIN_WORDS).next() {
        outside.push_str(&rest[..begin.start]);
        let body = &rest[begin.end..];
        // The last END before the next BEGIN: a name may say END, and then its text holds the mark twice.
        let block = marks(body, BEGIN_WORDS).next().map_or(body, |next| &body[..next.start]);
        let end = marks(block, END_WORDS).last().ok_or(SignedTextError::CutOff)?;
        if found.len() >= BLOCKS_MAX {
            return Err(SignedTextError::TooMany);
        }
        found.push(from_block_body(&block[..end.start])?);
        rest = &body[end.end..];
    }
    outside.push_str(rest);
    Ok((found, outside))
}

/// From what stands between the first and the last line.
fn from_block_body(body: &str) -> Result<Verified<Statement>, SignedTextError> {
    let text = unquoted(body);
    let (readable_part, letters) = text.rsplit_once(SIGNED).ok_or(SignedTextError::NoSignature)?;
    let letters: String = letters.split_whitespace().collect();
    if letters.is_empty() {
        return Err(SignedTextError::NoSignature);
    }
    if letters.len() > ENVELOPE_BYTES_MAX.div_ceil(3) * 4 {
        return Err(SignedTextError::Damaged);
    }
    let bytes = BASE64.decode(letters.as_bytes()).map_err(|_| SignedTextError::Damaged)?;
    let statement = verify(&bytes).map_err(SignedTextError::Refused)?;
    if one_spaced(readable_part) != one_spaced(&unquoted(&readable(&statement)?)) {
        return Err(SignedTextError::Changed { author: *statement.author() });
    }
    Ok(statement)
}

/// Lines without the marks that quoting puts before them.
fn unquoted(text: &str) -> String {
    text.lines().map(unquoted_line).collect::<Vec<_>>().join("\n")
}

fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All that a statement says, line by line.
fn readable(statement: &Statement) -> Result<String, SignedTextError> {
    let header = statement.header();
    let mut lines = Lines(String::new());
    lines.0 = format!("{} {} of generation {}\n", statement.kind().name(), header.seq, header.generation);
    lines.add("by", &statement.author().to_string());
    lines.add("made", &moment(header.created.0));
    if let Some(until) = header.expires {
        lines.add("until", &moment(until.0));
    }
    match statement.body() {
        Body::Profile(profile) => lines.profile(profile),
        Body::Work(work) => lines.work(work),
        Body::Listing(listing) => lines.listing(listing),
        Body::CuratorList(list) => lines.list(list),
        Body::Retraction(retraction) => lines.add("takes back", &retraction.target.to_string()),
        Body::Rotation(rotation) => {
            lines.add("takes over from", &rotation.previous_key.to_string());
            lines.add("hash of the next key", &rotation.next_key_hash.to_string());
            if let Some(since) = rotation.compromised_since {
                lines.add("compromised since", &moment(since.0));
            }
            if let Some(signature) = &rotation.previous_signature {
                lines.add("signature of that key", &data_encoding::HEXLOWER.encode(signature));
            }
        }
        Body::Attestation(_) | Body::Receipt(_) | Body::Verdict(_) | Body::Head(_) | Body::DuplicityProof(_) => {
            return Err(SignedTextError::NoForm(Kind::name(statement.kind())));
        }
    }
    Ok(lines.0)
}

/// With milliseconds, where there are any: they are signed too.
fn moment(ms: u64) -> String {
    let second = crate::Timestamp(ms).to_rfc3339();
    if ms.is_multiple_of(1000) { second } else { format!("{second} and {} ms", ms % 1000) }
}

/// Text in the making.
struct Lines(String);

impl Lines {
    /// One line, if there is something to say. A line break inside the text is written as `\n`, and a backslash twice.
    fn add(&mut self, label: &str, text: &str) {
        if !text.is_empty() {
            let text = text.replace('\\', "\\\\").replace('\n', "\\n");
            self.0.push_str(&format!("{label}: {text}\n"));
        }
    }

    fn number(&mut self, label: &str, number: Option<impl ToString>) {
        self.add(label, &number.map(|number| number.to_string()).unwrap_or_default());
    }

    fn profile(&mut self, profile: &Profile) {
        self.add("name", &profile.name);
        self.add("url", &profile.url);
        self.add("hash of the next key", &profile.next_key_hash.to_string());
    }

    fn list(&mut self, list: &CuratorList) {
        self.add("name", &list.name);
        for entry in &list.entries {
            self.add("key", &entry.key.to_string());
            self.add("  name", &entry.name);
            self.add("  note", &entry.note);
        }
    }

    fn work(&mut self, work: &Work) {
        for id in &work.ids {
            self.add("id", id.as_str());
        }
        self.add("title", &work.title);
        self.add("original title", &work.original_title);
        for title in &work.titles {
            self.add(&format!("title in {}", title.language), &title.title);
        }
        self.number("year", work.year);
        self.add("kind", work.kind.name());
        self.add("overview", &work.overview);
        for genre in &work.genres {
            self.add("genre", genre);
        }
        for language in &work.languages {
            self.add("language", language);
        }
        self.number("minutes", work.runtime_min);
        self.number("sha-256 of its artwork", work.artwork);
        for credit in &work.people {
            self.add("person", &credit.name);
            self.add("  role", &credit.role);
        }
        for episode in &work.episodes {
            self.add("episode", &format!("season {} number {}", episode.season, episode.number));
            self.add("  title", &episode.title);
            self.add("  date", &episode.date);
        }
    }

    fn listing(&mut self, listing: &Listing) {
        // Each by name and none left out, so that a new field cannot be signed unseen.
        let Listing {
            work,
            infohash,
            info_sha256,
            name,
            size,
            files,
            resolution,
            licence,
            languages,
            trackers,
            episode,
            medium,
            video_codec,
            audio_codecs,
            subtitles,
            web_seeds,
        } = listing;
        self.add("work", work.as_str());
        self.add("infohash", &infohash.to_string());
        self.number("sha-256 of its info dictionary", *info_sha256);
        self.add("name", name);
        self.number("bytes", (*size > 0).then_some(*size));
        self.add("resolution", resolution);
        self.add("medium", medium);
        self.add("video codec", video_codec);
        self.add("licence", licence);
        self.episode("", *episode);
        let lists = [
            ("audio codec", audio_codecs),
            ("language", languages),
            ("subtitles", subtitles),
            ("tracker", trackers),
            ("web seed", web_seeds),
        ];
        for (label, texts) in lists {
            texts.iter().for_each(|text| self.add(label, text));
        }
        for File { index, path, size, episode } in files {
            self.add("file", &format!("{index} of {size} bytes: {path}"));
            self.episode("  ", *episode);
        }
    }

    fn episode(&mut self, indent: &str, episode: Option<(u32, u32)>) {
        if let Some((season, number)) = episode {
            self.add(&format!("{indent}episode"), &format!("season {season} number {number}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::testing::{bob, samples, sign};
    use crate::body::{CuratorEntry, WorkKind};
    use crate::{SecretKey, WorkId};

    fn list(name: &str, note: &str) -> Verified<Statement> {
        let entry = CuratorEntry { key: bob().public(), name: "Bob".into(), note: note.into() };
        sign(Body::CuratorList(CuratorList { name: name.into(), entries: vec![entry] })).expect("signed")
    }

    fn block(statement: &Verified<Statement>) -> String {
        to_block(statement).expect("it has a form")
    }

    #[test]
    fn every_kind_that_is_handed_out_comes_back_from_its_text() {
        let mut kinds = 0;
        for body in samples() {
            let statement = sign(body).expect("signed");
            match to_block(&statement) {
                Ok(text) => {
                    kinds += 1;
                    assert_eq!(find_blocks(&text), Ok((vec![statement], "\n".into())), "{text}");
                }
                Err(error) => assert_eq!(error, SignedTextError::NoForm(statement.kind().name())),
            }
        }
        assert!(kinds >= 6, "only {kinds}");
    }

    #[test]
    fn a_list_survives_what_forums_do_to_it() {
        for (name, note) in
            [("Open films", "good"), ("signed: me", "a \\ b\nand c"), (END, "ends early"), ("> a", "| b")]
        {
            let (statement, text) = (list(name, note), block(&list(name, note)));
            let quoted: String = text.lines().map(|line| format!("> | {line}  \r\n")).collect();
            let (spaced, dashed) =
                (text.replace(' ', "\u{a0}"), text.replacen(BEGIN, "—–BEGIN HEIRLOOM STATEMENT—–", 1));
            for mangled in [quoted, spaced, dashed, text.replace('\n', " "), format!("Look:\n{text}\nand say thanks")] {
                assert_eq!(find_blocks(&mangled).expect("found").0, vec![statement.clone()], "{mangled}");
            }
        }
    }

    #[test]
    fn every_changed_letter_is_noticed() {
        let text = block(&list("Open films", "good"));
        let inside = BEGIN.len() + 1..text.len() - END.len() - 2;
        for at in inside {
            let mut changed = text.clone().into_bytes();
            // White space may go anywhere; anything else may not.
            if changed[at].is_ascii_whitespace() {
                continue;
            }
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("ascii");
            assert!(find_blocks(&changed).is_err(), "{changed}");
        }
    }

    #[test]
    fn what_is_missing_or_forged_is_refused_with_the_reason() {
        let good = list("Open films", "good");
        let text = block(&good);
        let (readable, _) = text.split_once(SIGNED).expect("signed");
        let other = block(&list("Closed films", "good"));
        let (_, other_letters) = other.split_once(SIGNED).expect("signed");
        let mut forged = good.bytes().to_vec();
        *forged.last_mut().expect("bytes") ^= 1;
        let author = *good.author();
        let cases = [
            (format!("{readable}{END}"), SignedTextError::NoSignature),
            (format!("{readable}{SIGNED}\n{END}"), SignedTextError::NoSignature),
            (readable.to_owned(), SignedTextError::CutOff),
            (format!("{readable}{SIGNED}{other_letters}"), SignedTextError::Changed { author }),
            (format!("{readable}{SIGNED}\n!!!\n{END}"), SignedTextError::Damaged),
            (
                format!("{readable}{SIGNED}\n{}\n{END}", BASE64.encode(&forged)),
                SignedTextError::Refused(VerifyError::BadSignature { author }),
            ),
        ];
        for (text, error) in cases {
            assert_eq!(find_blocks(&text), Err(error), "{text}");
        }
        let both = format!("{text}{readable}{END}");
        assert_eq!(find_blocks(&both), Err(SignedTextError::NoSignature), "the good one does not hide the bad one");
    }

    #[test]
    fn different_statements_never_share_their_text() {
        let id: WorkId = "imdb:tt1254207".parse().expect("an id");
        let work = |title: &str| Body::Work(Work::new(id.clone(), title.into(), Some(2008), WorkKind::Film));
        let texts: std::collections::BTreeSet<String> = ["a", "a\\n", "a \\", "year: 3"]
            .into_iter()
            .map(|title| readable(&sign(work(title)).expect("signed")).expect("a form"))
            .collect();
        assert_eq!(texts.len(), 4);
        let stranger = SecretKey::from_seed(&[77; 32]).public().to_string();
        assert!(texts.iter().all(|text| !text.contains(&stranger)));
    }
}
