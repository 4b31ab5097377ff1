//! The file of settings: one `name = value` a line, as a TOML reader would read it too. Comments and order are the owner's,
//! and stay when a line is changed.

use std::collections::BTreeMap;

/// Longest file that is read, in bytes: every setting with a page of comments.
pub(super) const BYTES_MAX: usize = 64 << 10;

/// Its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct File(Vec<Line>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// A comment, or nothing.
    Other(String),
    /// A setting.
    Setting { name: String, value: String },
}

impl File {
    /// Reads it.
    ///
    /// # Errors
    /// Which line is wrong, and what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        let mut seen = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with('#') {
                lines.push(Line::Other(line.to_owned()));
                continue;
            }
            let wrong = || format!("line {number} is no setting: write it as name = \"value\"");
            let (name, value) = bare.split_once('=').ok_or_else(wrong)?;
            let name = name.trim().replace('_', "-");
            if let Some(first) = seen.insert(name.clone(), number) {
                return Err(format!("line {number} says {name} again: it stands in line {first} already"));
            }
            lines.push(Line::Setting { name, value: unquoted(value.trim()).ok_or_else(wrong)? });
        }
        Ok(Self(lines))
    }

    /// As it is written.
    pub(super) fn to_text(&self) -> String {
        let line = |line: &Line| match line {
            Line::Other(text) => format!("{text}\n"),
            Line::Setting { name, value } if value == "true" || value == "false" => format!("{name} = {value}\n"),
            Line::Setting { name, value } => format!("{name} = \"{value}\"\n"),
        };
        self.0.iter().map(line).collect()
    }

    /// What is set.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|line| match line {
            Line::Setting { name, value } => Some((name.as_str(), value.as_str())),
            Line::Other(_) => None,
        })
    }

    /// What one is set to.
    pub(super) fn of(&self, name: &str) -> Option<&str> {
        self.settings().find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Sets one, in its place or at the end; without a value its line goes.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        let at = self.0.iter().position(|line| matches!(line, Line::Setting { name: known, .. } if known == name));
        match (at, value) {
            (Some(at), Some(value)) => self.0[at] = Line::Setting { name: name.to_owned(), value },
            (Some(at), None) => {
                self.0.remove(at);
            }
            (None, Some(value)) => self.0.push(Line::Setting { name: name.to_owned(), value }),
            (None, None) => {}
        }
    }
}

/// A value, in quotes or bare; what follows a bare one after `#` is a comment. No setting needs a quote or a backslash
/// inside, so none is read.
fn unquoted(text: &str) -> Option<String> {
    let value = match text.strip_prefix('"') {
        Some(rest) => {
            let (value, after) = rest.split_once('"')?;
            let after = after.trim();
            (after.is_empty() || after.starts_with('#')).then_some(value)?
        }
        None => text.split('#').next().unwrap_or_default().trim(),
    };
    (!value.contains(['"', '\\']) && !value.chars().any(char::is_control)).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_order_stay() {
        let text = "# mine\n\ndisk-quota = \"3GiB\"\nno-dht = true\n";
        let mut file = File::parse(text).expect("a file");
        assert_eq!(file.to_text(), text);
        file.set("disk-quota", Some("4GiB".into()));
        file.set("seed-ratio", Some("2".into()));
        file.set("no-dht", None);
        file.set("nothing", None);
        assert_eq!(file.to_text(), "# mine\n\ndisk-quota = \"4GiB\"\nseed-ratio = \"2\"\n");
        assert_eq!((file.of("seed-ratio"), file.of("no-dht")), (Some("2"), None));
    }

    #[test]
    fn people_write_it_in_several_ways() {
        let file = File::parse("disk_quota=3GiB # much\n  seed-ratio =  \"1.5\"  # fair\n").expect("a file");
        assert_eq!(file.settings().collect::<Vec<_>>(), [("disk-quota", "3GiB"), ("seed-ratio", "1.5")]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, said) in [
            ("# a\nquota\n", "line 2"),
            ("a = \"b\n", "line 1"),
            ("a = \"b\" c\n", "line 1"),
            ("a = 1\na = 2\n", "line 2 says a again"),
            ("a = b\\c\n", "line 1"),
            ("[section]\n", "line 1"),
        ] {
            let error = File::parse(text).expect_err(text);
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
