//! Publishing: what is on this machine, or a torrent file, becomes a signed listing of a work. Nothing is signed before its
//! details were looked at.

use super::format::{bytes, files_of, is_playable, percent, said};
use super::key::listings;
use super::layout::{Frame, Here, hidden, hidden_json, page};
use super::shelf::{Asked, KINDS, title_of};
use super::{Query, Reading, Refusal, Trouble, paging, text};
use crate::driver::{Job, torrent_facts};
use crate::http::{Row, Shared, problem, refused};
use crate::import::{self, Format, Sink};
use crate::torrent::{Metainfo, TORRENT_BYTES_MAX};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use data_encoding::BASE64;
use heirloom_core::command::{CommandError, Skip};
use heirloom_core::io;
use heirloom_core::release_name;
use heirloom_core::views::{About, Found};
use maud::{Markup, html};
use serde::Deserialize;
use std::borrow::Cow;
use std::io::Read as _;
use std::path::Path;

/// Longest request that holds a torrent file: in base 64 three bytes are four, and a path may stand beside it.
const UPLOAD_BYTES_MAX: usize = TORRENT_BYTES_MAX.div_ceil(3) * 4 + (8 << 10);
/// Files that are shown of a folder or torrent.
const FILES_SHOWN: usize = 200;
/// Files that are counted in a folder: more is no release.
const FILES_MAX: usize = 20_000;
/// Works that are offered for a name.
const WORKS_OFFERED: usize = 6;
/// Licences that are offered; any other may be typed.
const LICENCES: [&str; 8] =
    ["CC-BY-4.0", "CC-BY-3.0", "CC-BY-SA-4.0", "CC-BY-SA-3.0", "CC-BY-NC-4.0", "CC0-1.0", "CC-PDDC", "GPL-3.0-only"];

/// Which part of the listings is asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Mine {
    /// Page of them.
    mine: usize,
}

pub(super) async fn show(State(reading): State<Reading>, Query(asked): Query<Mine>) -> Result<Markup, Trouble> {
    let skip = Skip { listings: paging::before(asked.mine), ..Skip::default() };
    let about = reading.about(reading.key(), skip).await?;
    let under_way = reading.node().downloads().publishing().all();
    Ok(page(&Frame::new(text::PUBLISH, Here::Publish), &render(&about, &under_way, asked)))
}

/// What is read and hashed now, again and again while it changes.
pub(super) async fn jobs(State(reading): State<Reading>) -> Markup {
    render_jobs(&reading.node().downloads().publishing().all())
}

/// The bars, each with a way to end it. The script puts them in the place of older ones.
pub(super) fn render_jobs(under_way: &[Job]) -> Markup {
    html! {
        div #jobs data-jobs="/publish/jobs" data-t-read=(text::READ_SPOKEN) {
            @if !under_way.is_empty() {
                section .panel aria-labelledby="under-way" {
                    h2 #under-way { (text::READING_NOW) }
                    ul .plain {
                        @for job in under_way {
                            li .row {
                                span .grow { (said(&job.source)) }
                                span .progress {
                                    progress max="100" value=(percent(job.bytes, job.total)) aria-label=(text::read_of(&job.source)) {}
                                    span { (text::read_so_far(&bytes(job.bytes), &bytes(job.total))) }
                                }
                                form data-verb="publish-cancel" {
                                    (hidden_json("job", &job.job.to_string()))
                                    button .quiet id={ "end-" (job.job) } type="submit" { (text::CANCEL) span .hidden { " " (job.source) } }
                                }
                            }
                        }
                    }
                    p .faint { (text::READING_HINT) }
                }
            }
        }
    }
}

pub(super) fn render(mine: &About, under_way: &[Job], asked: Mine) -> Markup {
    html! {
        h1 { (text::PUBLISH) }
        section .panel aria-labelledby="new" {
            h2 #new { (text::PUBLISH_NEW) }
            p .faint { (text::PUBLISH_HINT) }
            form data-preview="/publish/check" data-into="#check" {
                label for="source" { (text::PATH_LABEL) }
                div .row {
                    input #source .grow name="source" placeholder=(text::PATH_EXAMPLE) maxlength="4096" spellcheck="false" required;
                    button type="submit" .main { (text::CHECK) }
                }
            }
            div .dropzone data-drop="/publish/check" data-into="#check" data-t-large=(text::TORRENT_TOO_LARGE) data-t-path=(text::NAME_ITS_PATH) data-bytes-max=(TORRENT_BYTES_MAX) {
                label for="torrent" { (text::DROP_TORRENT) }
                input #torrent type="file" accept=".torrent,application/x-bittorrent";
            }
            div #check aria-live="polite" {}
        }
        (render_jobs(under_way))
        section aria-labelledby="mine" {
            h2 #mine { (text::MY_LISTINGS) " " span .count { (mine.listings.1) } }
            (listings(mine, true))
            (paging::links(asked.mine, mine.listings.1, |page| format!("/publish?mine={page}#mine")))
        }
    }
}

/// What is to be published: a path on this machine, or the content of a torrent file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Given<'a> {
    source: String,
    /// In base 64. Borrowed: it may be most of the memory that an upload takes.
    #[serde(borrow)]
    torrent: Cow<'a, str>,
}

/// What was found there.
pub(super) struct Checked {
    pub source: Source,
    pub name: String,
    pub size: u64,
    pub files: Vec<(String, u64)>,
    pub works: Vec<Found>,
}

pub(super) enum Source {
    /// Made into a torrent, and seeded.
    Path(String),
    /// Listed only.
    Torrent(Box<Row>),
}

/// Looks at it, and changes nothing.
pub(super) async fn check(
    State(server): State<Shared>,
    State(reading): State<Reading>,
    request: Request,
) -> Result<Markup, Refusal> {
    // Its place is kept until it was read.
    let mut upload = server.upload(request, UPLOAD_BYTES_MAX).await?;
    let body = std::mem::take(&mut upload.bytes);
    let read = tokio::task::spawn_blocking(move || read(&body)).await;
    let looked = read.map_err(|_| Refusal::from(refused(&super::unexpected())))??;
    drop(upload);
    Ok(match checked(&reading, looked).await {
        Ok(checked) => render_check(&checked),
        Err(error) => html! { div data-fragment { p .notice.bad role="alert" { (said(&error.message)) } } },
    })
}

async fn checked(reading: &Reading, looked: Result<Looked, CommandError>) -> Result<Checked, CommandError> {
    let (source, name, size, files) = looked?;
    let guessed = release_name::read(&name);
    let asked = Asked { q: guessed.title.clone(), show: "unknown".into(), ..Asked::default() };
    let works = if guessed.title.is_empty() { Vec::new() } else { reading.search(&asked, WORKS_OFFERED).await? };
    Ok(Checked { source, name, size, files, works })
}

type Looked = (Source, String, u64, Vec<(String, u64)>);

/// What is wrong with the request is refused; what is wrong with the thing that it names is said on the page.
fn read(body: &[u8]) -> Result<Result<Looked, CommandError>, Refusal> {
    let given: Given<'_> = serde_json::from_slice(body)?;
    let content = BASE64.decode(given.torrent.as_bytes());
    if content.as_ref().is_ok_and(|content| content.len() > TORRENT_BYTES_MAX) {
        return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, "bad_body", text::TORRENT_TOO_LARGE).into());
    }
    let wrong = |_| CommandError::bad_input("bad_torrent", text::NOT_A_TORRENT);
    Ok(content.map_err(wrong).and_then(|content| look(given.source.trim(), &content)))
}

/// What lies at a path of this machine; or what a torrent file says, if there is one.
fn look(source: &str, content: &[u8]) -> Result<Looked, CommandError> {
    if !content.is_empty() {
        let wrong = || CommandError::bad_input("bad_torrent", text::NOT_A_TORRENT);
        // What else is imported by the line, such as magnet links, is no file of a torrent.
        if content.first() != Some(&b'd') {
            return Err(wrong());
        }
        let mut taken = Taken(None);
        import::read(Format::Torrent, &mut &*content, &mut taken).map_err(|_| wrong())?;
        let row = taken.0.unwrap_or_else(|| Err(text::NOT_A_TORRENT.into()));
        let row = row.map_err(|why| CommandError::bad_input("bad_torrent", text::bad_torrent(&why)))?;
        let facts = torrent_facts(&Metainfo::parse(content).map_err(|_| wrong())?);
        return Ok(looked(Source::Torrent(Box::new(row)), &facts));
    }
    let path = Path::new(source);
    if !path.is_absolute() {
        return Err(CommandError::bad_input("bad_path", text::PATH_NOT_WHOLE));
    }
    let data =
        std::fs::metadata(path).map_err(|_| CommandError::bad_input("no_such_file", text::no_such_file(source)))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if data.is_file() && name.to_ascii_lowercase().ends_with(".torrent") {
        let unreadable = |error: std::io::Error| CommandError::bad_input("unreadable", error.to_string());
        let mut content = Vec::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(TORRENT_BYTES_MAX as u64 + 1).read_to_end(&mut content).map_err(unreadable)?;
        let metainfo =
            Metainfo::parse(&content).map_err(|error| CommandError::bad_input("bad_torrent", error.to_string()))?;
        return Ok(looked(Source::Path(source.to_owned()), &torrent_facts(&metainfo)));
    }
    if data.is_file() {
        return Ok((Source::Path(source.to_owned()), name.clone(), data.len(), vec![(name, data.len())]));
    }
    let mut files = Vec::new();
    walk(path, String::new(), &mut files)?;
    files.sort();
    let size = files.iter().map(|(_, size)| size).sum();
    Ok((Source::Path(source.to_owned()), name, size, files))
}

fn looked(source: Source, facts: &io::Metainfo) -> Looked {
    let files = files_of(facts).map(|(_, path, size)| (path.to_owned(), size)).collect();
    (source, facts.name.clone(), facts.size, files)
}

/// Files of a folder, however deep; links are not followed.
fn walk(folder: &Path, under: String, files: &mut Vec<(String, u64)>) -> Result<(), CommandError> {
    let unreadable =
        |error: std::io::Error| CommandError::bad_input("unreadable", format!("{}: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let data = entry.metadata().map_err(unreadable)?;
        let name = format!("{under}{}", entry.file_name().to_string_lossy());
        if data.is_dir() {
            walk(&entry.path(), format!("{name}/"), files)?;
        } else if data.is_file() {
            files.push((name, data.len()));
        }
        if files.len() > FILES_MAX {
            return Err(CommandError::bad_input("too_many_files", text::too_many_files(FILES_MAX)));
        }
    }
    Ok(())
}

/// The one row of a torrent file.
struct Taken(Option<Result<Row, String>>);

impl Sink for Taken {
    fn row(&mut self, _item: String, row: Result<Row, String>) -> bool {
        self.0.get_or_insert(row);
        false
    }

    fn note(&mut self, _note: String) {}
}

pub(super) fn render_check(checked: &Checked) -> Markup {
    html! {
        div data-fragment {
            h3 { (said(&checked.name)) " " span .faint { (bytes(checked.size)) } }
            details open[checked.files.len() <= 12] {
                summary { (text::files(checked.files.len())) }
                ul .plain.files {
                    @for (path, size) in checked.files.iter().take(FILES_SHOWN) { li .row { span .grow { (said(path)) } span .size { (bytes(*size)) } } }
                }
            }
            @match &checked.source {
                Source::Path(path) => { (publish_form(path, checked)) }
                Source::Torrent(row) => { (list_form(row, checked)) }
            }
        }
    }
}

/// Which work it is: one that is known, another id, or none but its title. `also` names a second place for the answer.
fn work_choice(name: &str, also: Option<&str>, nameless: &str, works: &[Found]) -> Markup {
    html! {
        fieldset {
            legend { (text::WHICH_WORK) }
            @for (at, found) in works.iter().enumerate() {
                label .check {
                    input type="radio" name=(name) data-also=[also] value=(found.work.as_str()) checked[at == 0];
                    span { (said(title_of(&found.title, found.work.as_str()))) @if let Some(year) = found.year { " (" (year) ")" } " " code .faint { (found.work.as_str()) } }
                }
            }
            label .check { input type="radio" name=(name) data-also=[also] value=(nameless) checked[works.is_empty()]; span { (text::NO_OUTSIDE_ID) } }
            label .check { input type="radio" name=(name) data-also=[also] value="" data-other; span { (text::OTHER_ID) } input type="text" data-other-value placeholder="imdb:tt1254207" maxlength="120" aria-label=(text::OTHER_ID); }
        }
    }
}

fn licence_field(name: &str, value: &str) -> Markup {
    html! {
        label { (text::LICENCE) input name=(name) value=(value) list="licences" maxlength="100" placeholder="CC-BY-4.0"; }
        datalist #licences { @for licence in LICENCES { option value=(licence) {} } }
    }
}

fn publish_form(path: &str, checked: &Checked) -> Markup {
    let guessed = release_name::read(&checked.name);
    let is_series = checked.files.len() > 1 && !guessed.seasons.is_empty();
    html! {
        form .panel data-verb="publish" data-then="/publish" data-confirm=(text::PUBLISH_ASK) {
            (hidden("source", path)) (hidden_json("map", "[]"))
            (work_choice("work", None, "hl:", &checked.works))
            div .fields {
                label { (text::TITLE) input name="title" value=(guessed.title) maxlength="200" data-optional; }
                label { (text::YEAR) input name="year" type="number" min="1" max="9999" value=[guessed.year] data-optional; }
                label { (text::KIND) select name="kind" { @for kind in KINDS { option value=(kind) selected[kind == (if is_series { "series" } else { "film" })] { (text::kind(kind)) } } } }
                label { (text::SEASON) input name="season" type="number" min="0" max="9999" data-optional; }
                label { (text::EPISODE) input name="episode" type="number" min="1" max="9999" data-optional; }
                label { (text::RESOLUTION) input name="resolution" value=(guessed.resolution) maxlength="20" placeholder="1080p"; }
                label { (text::LANGUAGES) input name="languages" data-type="list" placeholder="en, de" maxlength="100"; }
                (licence_field("licence", ""))
            }
            (episodes_of(&checked.files))
            label .check { input type="checkbox" name="private"; (text::PRIVATELY) }
            p .faint { (text::SHARE_ONLY) }
            button type="submit" .main { (text::SIGN_AND_SEED) }
        }
    }
}

/// Which file of several is which episode. What is left out is read from its name, as it stands there in grey.
fn episodes_of(files: &[(String, u64)]) -> Markup {
    let films: Vec<&String> = files.iter().map(|(path, _)| path).filter(|path| is_playable(path)).collect();
    let guess = |path: &str| {
        let name = release_name::read(path.rsplit('/').next().unwrap_or(path));
        let season = name.season().or_else(|| release_name::read(path).season());
        season.zip(name.episodes.first().copied()).map(|(season, number)| text::episode(season, number))
    };
    html! {
        @if films.len() > 1 {
            details {
                summary { (text::WHICH_EPISODES) " " span .faint { (films.len()) } }
                p .faint { (text::WHICH_EPISODES_HINT) }
                ul .plain.files {
                    @for path in films.iter().take(FILES_SHOWN) {
                        li .row {
                            span .grow { (said(path)) }
                            input .episode name="map" data-map=(path) placeholder=(guess(path).unwrap_or_default()) aria-label=(text::episode_of(path)) maxlength="12" pattern="[sS][0-9]+[eE][0-9]+";
                        }
                    }
                }
            }
        }
    }
}

/// The same for a row, which says it file by file.
fn listed_episodes(row: &Row) -> Markup {
    let files = row.release.as_ref().map(|release| release.files.as_slice()).unwrap_or_default();
    let films: Vec<_> =
        files.iter().enumerate().filter(|(_, file)| is_playable(&file.path)).take(FILES_SHOWN).collect();
    html! {
        @if films.len() > 1 {
            details {
                summary { (text::WHICH_EPISODES) " " span .faint { (films.len()) } }
                ul .plain.files {
                    @for (at, file) in films {
                        li .row {
                            span .grow { (said(&file.path)) }
                            input .episode name={ "rows.0.release.files." (at) ".episode" } data-type="episode" value=[file.episode.map(|(season, number)| text::episode(season, number))] aria-label=(text::episode_of(&file.path)) maxlength="12" pattern="[sS][0-9]+[eE][0-9]+";
                        }
                    }
                }
            }
        }
    }
}

fn list_form(row: &Row, checked: &Checked) -> Markup {
    let json = serde_json::to_string(row).unwrap_or_default();
    let record = row.record.clone().unwrap_or_default();
    let nameless = record.ids.first().cloned().unwrap_or_default();
    html! {
        form .panel data-verb="list" data-then="/publish" data-confirm=(text::LIST_ASK) {
            (hidden_json("rows.0", &json)) (hidden_json("dry_run", "false"))
            p .notice { (text::LISTED_NOT_SEEDED) }
            (work_choice("rows.0.release.work", Some("rows.0.record.ids.0"), &nameless, &checked.works))
            div .fields {
                label { (text::TITLE) input name="rows.0.record.title" value=(record.title) maxlength="200"; }
                label { (text::YEAR) input name="rows.0.record.year" type="number" min="1" max="9999" value=[record.year] data-optional; }
                (licence_field("rows.0.release.licence", ""))
            }
            (listed_episodes(row))
            button type="submit" .main { (text::SIGN_LISTING) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_file_is_which_episode_can_be_said_of_several() {
        let of = |names: &[&str]| {
            let files = names.iter().map(|name| ((*name).to_owned(), 5)).collect();
            let source = Source::Path("/films/pack".into());
            render_check(&Checked { source, name: "Show.S01".into(), size: 5, files, works: Vec::new() }).0
        };
        let html = of(&["Show.S01E01.mp4", "Show.S01E02.mp4", "Show.S01E02.srt", "odd.mp4"]);
        assert_eq!(html.matches("data-map=").count(), 3, "subtitles are no episodes: {html}");
        assert!(html.contains("data-map=\"Show.S01E02.mp4\" placeholder=\"S01E02\""), "{html}");
        assert!(!of(&["Film.mp4"]).contains("data-map="), "a film is no series");
    }

    #[test]
    fn a_row_of_a_torrent_says_it_file_by_file() {
        let file = |index: u32, episode| crate::http::RowFile { index, path: format!("{index}.mp4"), size: 5, episode };
        let files = vec![file(0, Some((1, 2))), file(1, None)];
        let release = crate::http::Release { files, ..Default::default() };
        let html = listed_episodes(&Row { release: Some(release), ..Row::default() }).0;
        assert!(
            html.contains("name=\"rows.0.release.files.0.episode\" data-type=\"episode\" value=\"S01E02\""),
            "{html}"
        );
        assert!(html.contains("rows.0.release.files.1.episode"), "{html}");
    }
}
