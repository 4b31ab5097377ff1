//! Reads the dependencies of a crate out of its `Cargo.toml`, as text. It knows no rule.

/// Kinds of dependency, as the tables of a manifest name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Normal,
    Dev,
    Build,
}

/// The direct dependencies of a manifest, by the name of their package.
pub fn dependencies(manifest: &str) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    let mut table = None;
    for line in manifest.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = None;
            // `dependencies`, `target.'cfg(unix)'.dependencies`, and the long form `dependencies.NAME`.
            for (word, kind) in
                [("dev-dependencies", Kind::Dev), ("build-dependencies", Kind::Build), ("dependencies", Kind::Normal)]
            {
                if header == word || header.ends_with(&format!(".{word}")) {
                    table = Some(kind);
                } else if let Some((before, name)) = header.rsplit_once(&format!("{word}."))
                    && (before.is_empty() || before.ends_with('.'))
                {
                    found.push((kind, name.trim_matches('"').to_owned()));
                } else {
                    continue;
                }
                break;
            }
        } else if let (Some(kind), Some((key, value))) = (table, line.split_once('=')) {
            let name = key.trim().split('.').next().unwrap_or_default().trim_matches('"');
            let renamed = value.split_once("package").and_then(|(_, rest)| rest.split('"').nth(1));
            found.push((kind, renamed.unwrap_or(name).to_owned()));
        }
    }
    found
}
