//! Reads names, one a line, and prints what each says: `property=value` fields with tabs between, one line a name. What
//! `tests/interop/release_names.py` compares.
#![allow(clippy::print_stdout, reason = "it is a program")]

use heirloom_core::release_name;
use std::io::{BufRead as _, Write as _};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let name = release_name::read(&line?);
        let texts = |property: &'static str, values: &[&'static str]| {
            values.iter().map(|value| (property, (*value).to_owned())).collect::<Vec<_>>()
        };
        let numbers = |property: &'static str, values: &[u32]| {
            values.iter().map(|value| (property, value.to_string())).collect::<Vec<_>>()
        };
        let mut fields = vec![("title", name.title), ("date", name.date), ("resolution", name.resolution)];
        fields.extend(name.year.map(|year| ("year", year.to_string())));
        fields.extend(numbers("season", &name.seasons));
        fields.extend(numbers("episode", &name.episodes));
        fields.extend(texts("source", &[name.source]));
        fields.extend(texts("video_codec", &[name.video_codec]));
        fields.extend(texts("audio_codec", &name.audio_codecs));
        fields.extend(texts("language", &name.languages));
        fields.extend(texts("edition", &[name.edition]));
        fields.extend(texts("container", &[name.container]));
        fields.push(("group", name.group));
        let said: Vec<String> = fields
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            // A tab within a value would look like the next field.
            .map(|(property, value)| format!("{property}={}", value.replace('\t', " ")))
            .collect();
        writeln!(out, "{}", said.join("\t"))?;
    }
    out.flush()
}
