//! Which file names of a torrent may be written: names that mean the same harmless thing on every system.
//!
//! A name that some system takes for *another* file is written on none: what is downloaded here is seeded to, or copied
//! to, the others. Such a name gets another one ([`safe_names`](super::safe_names)); of what is published it is refused. A
//! name that a system merely cannot write (a `?` on Windows) fails there by itself.

use std::collections::BTreeSet;

use super::errors::UnsafePath;

/// Longest component, in bytes of UTF-8: the limit of ext4, NTFS and APFS.
pub(super) const COMPONENT_BYTES_MAX: usize = 255;

/// Longest path, in bytes: well below every system's limit, so that a download folder fits before it.
const PATH_BYTES_MAX: usize = 1_024;

/// Deepest nesting, counting the torrent's own folder.
const DEPTH_MAX: usize = 16;

/// Checks one path, given by its components, the torrent's folder first.
pub(super) fn check<S: AsRef<str>>(components: &[S]) -> Result<(), UnsafePath> {
    let refuse = |reason| Err(UnsafePath::new(components, reason));
    if components.is_empty() {
        return refuse("it is empty");
    }
    if components.len() > DEPTH_MAX {
        return refuse("it is more than 16 levels deep");
    }
    let bytes: usize = components.iter().map(|component| component.as_ref().len() + 1).sum();
    if bytes > PATH_BYTES_MAX {
        return refuse("it is longer than 1024 bytes");
    }
    for component in components {
        if let Err(reason) = check_component(component.as_ref()) {
            return refuse(reason);
        }
    }
    Ok(())
}

/// Checks one component.
fn check_component(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("a part of it is empty");
    }
    if name == "." || name == ".." {
        return Err("it climbs out of its folder");
    }
    if name.len() > COMPONENT_BYTES_MAX {
        return Err("a part of it is longer than 255 bytes");
    }
    if name.contains(['/', '\\']) {
        return Err("a part of it holds a path separator");
    }
    if name.contains(':') {
        return Err("it holds a colon, which names a drive or stream on Windows");
    }
    if name.chars().any(is_deceiving) {
        return Err("it holds a control or text-direction character");
    }
    if name.ends_with(['.', ' ']) {
        return Err("a part of it ends with a dot or space, which Windows drops");
    }
    if is_device(name) {
        return Err("it is the name of a device on Windows");
    }
    Ok(())
}

/// Control characters, and those that make a name look like another one.
pub(super) fn is_deceiving(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// Whether Windows takes the name for a device, whatever its extension.
pub(super) fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ').to_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    // COM¹, LPT² and LPT³ are devices too.
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    numbered.is_some_and(|rest| {
        let mut chars = rest.chars();
        matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    })
}

/// Watches that no two files of a torrent fall together on a system that ignores case, and that no file is a folder.
#[derive(Default)]
pub(super) struct Collisions {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Collisions {
    /// Takes one file's path in.
    pub(super) fn insert<S: AsRef<str>>(&mut self, components: &[S]) -> Result<(), UnsafePath> {
        let parts: Vec<&str> = components.iter().map(AsRef::as_ref).collect();
        let refuse = |reason| Err(UnsafePath::new(&parts, reason));
        let mut folded = String::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                folded.push('/');
            }
            folded.push_str(&fold(part));
            if index + 1 < parts.len() {
                if self.files.contains(&folded) {
                    return refuse("another file has the name of its folder");
                }
                self.folders.insert(folded.clone());
            }
        }
        if self.folders.contains(&folded) {
            return refuse("a folder has its name");
        }
        if !self.files.insert(folded) {
            return refuse("another file has the same name, apart from case or accents' encoding");
        }
        Ok(())
    }
}

/// A name as file systems that ignore case compare it: canonical composition, then lower case of upper case (which
/// brings together letters like `ſ` and `s`, or `ß` and `SS`).
fn fold(name: &str) -> String {
    let composed: String = unicode_normalization::UnicodeNormalization::nfc(name).collect();
    let folded = composed.to_uppercase().to_lowercase();
    unicode_normalization::UnicodeNormalization::nfc(folded.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass() {
        for path in [
            &["Sintel.mp4"][..],
            &["Big Buck Bunny (2008)", "Subs", "de.srt"],
            &["Les Misérables – l’été", "été.mkv"],
            &["進撃の巨人", "第01話.mkv"],
            &["فيلم", "الحلقة ١.mkv"],
            &[".hidden"],
            &["...and more.txt"],
            &["CONcert.mp4"],
            &["COM10.txt"],
            &["a console.txt"],
            &["name..with...dots.mkv"],
            &["[Group] Film [1080p] {x265} #1 & 'two' 100%.mkv"],
            // Windows refuses these by itself, and elsewhere films are called that.
            &["Who is \"Harry\" <K>?*.mkv"],
        ] {
            assert_eq!(check(path), Ok(()), "{path:?}");
        }
        assert_eq!(check(&["x".repeat(255)]), Ok(()));
        assert_eq!(check(&["d"; 16]), Ok(()));
    }

    #[test]
    fn hostile_names_are_refused() {
        let long = "é".repeat(128);
        for path in [
            &[][..],
            &[""],
            &["a", "", "b"],
            &["."],
            &[".."],
            &["a", "..", "b"],
            &["../etc/passwd"],
            &["/etc/passwd"],
            &["..\\evil"],
            &["C:evil.txt"],
            &["C:\\evil.txt"],
            &["file.txt:stream"],
            &["CON"],
            &["con.mp4"],
            &["Nul .txt"],
            &["aux.tar.gz"],
            &["prn"],
            &["COM1"],
            &["com0.txt"],
            &["LPT9.mkv"],
            &["LPT¹"],
            &["CONIN$"],
            &["film.mp4."],
            &["film.mp4 "],
            &["dir.", "film.mp4"],
            &["null\0byte"],
            &["line\nbreak"],
            &["bell\u{7}"],
            &["c1\u{85}"],
            &["gpj.\u{202E}exe"],
            &["a\u{2066}b"],
            &["a\u{200B}b"],
            &["a\u{FEFF}b"],
            &[long.as_str()],
            &["d"; 17],
        ] {
            assert!(check(path).is_err(), "{path:?} passed");
        }
        let parts = ["x".repeat(250), "y".repeat(250), "z".repeat(250), "w".repeat(250), "v".repeat(100)];
        assert_eq!(check(&parts).unwrap_err().reason, "it is longer than 1024 bytes");
    }

    #[test]
    fn a_refusal_can_be_printed() {
        let refusal = check(&["a\u{1b}[31m\u{202E}b"]).unwrap_err();
        assert_eq!(refusal.path, "a[31mb");
    }

    #[test]
    fn names_that_fall_together_are_refused() {
        for (one, two) in [
            (&["a.txt"][..], &["A.TXT"][..]),
            (&["dir", "a"], &["DIR", "A"]),
            (&["e\u{301}.mkv"], &["é.mkv"]),
            (&["stra\u{df}e"], &["STRASSE"]),
            (&["a"], &["a"]),
            (&["a"], &["A", "b"]),
            (&["A", "b"], &["a"]),
        ] {
            let mut seen = Collisions::default();
            assert_eq!(seen.insert(one), Ok(()));
            assert!(seen.insert(two).is_err(), "{one:?} and {two:?} passed");
        }
        let mut seen = Collisions::default();
        for path in [&["a", "b"][..], &["a", "c"], &["b", "b"], &["ab"]] {
            assert_eq!(seen.insert(path), Ok(()));
        }
    }
}
