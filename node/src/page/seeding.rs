//! Proof of seed as the owner sees it: what is seeded and fetched, and who uploaded how much to them, over time.

use super::format::{HUES, bytes, day, person, said};
use super::handed::{self, Elsewhere};
use super::layout::{Frame, Here, empty, page};
use super::work::progress;
use super::{Query, Reading, Trouble, cancel, paging, settings, text};
use crate::driver::Download;
use crate::settings::Setting;
use crate::torrent::Taker;
use axum::extract::State;
use heirloom_core::ledger::key_on_wire;
use heirloom_core::views::{LedgerBy, LedgerRow, Usage};
use heirloom_proto::time::DAY_MS;
use heirloom_proto::{Infohash, Key};
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Days of the plot: four weeks, as long as receipts speak of.
const DAYS: u64 = 28;
/// Size of the plot in its own units.
const PLOT: (u64, u64) = (840, 220);
/// Keys that have a colour of their own in the plot; the rest share one.
const KEYS_PLOTTED: usize = 8;
/// Those who take of a torrent that are named beside it; the others are counted.
const TAKERS_NAMED: usize = 3;
/// Which parts of its lists are asked for.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    /// Page of the torrents.
    torrents: usize,
    /// Page of the ledger.
    ledger: usize,
}

/// What the page of seeding shows.
pub(super) struct Seeding {
    pub downloads: Vec<Download>,
    /// Who takes of those on this page, most first.
    pub takers: BTreeMap<Infohash, Vec<Party>>,
    pub handed: Vec<Elsewhere>,
    pub rows: Vec<LedgerRow>,
    pub days: Vec<LedgerRow>,
    pub usage: Usage,
    pub today: u64,
    pub settings: Vec<Setting>,
    pub asked: Asked,
}

pub(super) async fn show(State(reading): State<Reading>, Query(asked): Query<Asked>) -> Result<Markup, Trouble> {
    let mut downloads: Vec<Download> = reading.downloads().into_values().collect();
    // What is under way first, then by name.
    downloads.sort_by(|a, b| (a.took.is_some(), &a.name).cmp(&(b.took.is_some(), &b.name)));
    let takers = takers(&reading, paging::part(&downloads, asked.torrents).0).await?;
    let seeding = Seeding {
        downloads,
        takers,
        handed: reading.handed(),
        rows: reading.ledger(LedgerBy::Key).await?,
        // The plot is of checked bytes; what other clients count stands in the table.
        days: reading.ledger(LedgerBy::Day).await?.into_iter().filter(|row| !row.source.is_weak()).collect(),
        usage: reading.status().await?.usage,
        today: crate::follow::now().0 / DAY_MS,
        settings: reading.settings(),
        asked,
    };
    Ok(page(&Frame::new(text::SEEDING, Here::Seeding), &render(&seeding)))
}

/// Those who took something, by the key that their program shows, else by address.
async fn takers(reading: &Reading, shown: &[Download]) -> Result<BTreeMap<Infohash, Vec<Party>>, Trouble> {
    let Some(engine) = reading.node().networks().engine.as_ref() else { return Ok(BTreeMap::new()) };
    let found: Vec<(Infohash, Vec<Taker>)> =
        shown.iter().map(|download| (download.infohash, engine.takers(download.infohash.0))).collect();
    let key_of = |taker: &Taker| taker.client_name.as_deref().and_then(key_on_wire);
    let keys = found.iter().flat_map(|(_, takers)| takers.iter().filter_map(key_of)).collect();
    let names = reading.called(keys).await?;
    let party = |taker: Taker| {
        let key = key_of(&taker);
        let name = key.and_then(|key| names.get(&key).cloned());
        (key, if key.is_some() { name.unwrap_or_default() } else { taker.address.to_string() })
    };
    let named = found.into_iter().map(|(infohash, takers)| {
        let mut parties: Vec<Party> = Vec::new();
        for taker in takers {
            let party = party(taker);
            if !parties.contains(&party) {
                parties.push(party);
            }
        }
        (infohash, parties)
    });
    Ok(named.collect())
}

/// The first of them, and how many more there are.
fn for_whom(parties: &[Party]) -> Markup {
    html! {
        @for (at, (key, name)) in parties.iter().take(TAKERS_NAMED).enumerate() {
            @if at > 0 { ", " }
            @if let Some(key) = key { (person(key, name)) } @else { code { (name) } }
        }
        @if parties.len() > TAKERS_NAMED { (text::and_more(parties.len() - TAKERS_NAMED)) }
        @if parties.is_empty() { span .faint { "–" } }
    }
}

pub(super) fn render(seeding: &Seeding) -> Markup {
    let received: u64 = seeding.rows.iter().map(|row| row.verified_bytes).sum();
    let given: u64 = seeding.downloads.iter().map(|download| download.uploaded).sum();
    let complete = seeding.downloads.iter().filter(|download| download.state == "seeding").count();
    let usage = &seeding.usage;
    let (downloads, at) = paging::part(&seeding.downloads, seeding.asked.torrents);
    let (rows, row) = paging::part(&seeding.rows, seeding.asked.ledger);
    html! {
        h1 { (text::SEEDING) }
        dl .figures {
            div { dt { (text::RECEIVED) } dd { (bytes(received)) } }
            div { dt { (text::GIVEN) } dd { (bytes(given)) } }
            div { dt { (text::SEEDED_NOW) } dd { (complete) } }
            div { dt { (text::DISK_OF_CATALOGUE) } dd { (bytes(usage.store_bytes + usage.index_bytes)) span .faint { " / " (bytes(usage.budgets.store_bytes)) } } }
        }
        section aria-labelledby="torrents" {
            h2 #torrents { (text::TORRENTS) }
            @if seeding.downloads.is_empty() { (empty(text::SEEDS_NOTHING, &html! { (text::SEEDS_NOTHING_ADVICE) })) } @else {
                div .scroll {
                    table {
                        thead { tr { th scope="col" { (text::NAME_COLUMN) } th scope="col" { (text::STATE) } th .number scope="col" { (text::SIZE) } th .number scope="col" { (text::GIVEN) } th .number scope="col" { (text::UP_RATE) } th scope="col" { (text::FOR_WHOM) } th scope="col" { span .hidden { (text::END) } } } }
                        tbody {
                            @for download in downloads {
                                tr {
                                    td { a href={ "/play/" (download.infohash) "/0" } { (said(download.name.as_deref().unwrap_or(&download.infohash.to_string()))) } }
                                    td { (progress(download)) }
                                    td .number { (bytes(download.total)) }
                                    td .number { (bytes(download.uploaded)) }
                                    td .number { (bytes(download.up_rate)) "/s" }
                                    td { (for_whom(seeding.takers.get(&download.infohash).map(Vec::as_slice).unwrap_or_default())) }
                                    td { (cancel::buttons(download)) }
                                }
                            }
                        }
                    }
                }
            }
        }
        (paging::links(at, seeding.downloads.len(), |page| format!("/seeding?torrents={page}&ledger={row}#torrents")))
        (handed::render(&seeding.handed))
        section aria-labelledby="limits" {
            h2 #limits { (text::LIMITS) }
            p .faint { (text::LIMITS_HINT) }
            (settings::limits(&seeding.settings))
        }
        section aria-labelledby="ledger" {
            h2 #ledger { (text::LEDGER) }
            p .faint { (text::LEDGER_HINT) }
            @if seeding.rows.is_empty() { (empty(text::LEDGER_EMPTY, &html! { (text::LEDGER_EMPTY_ADVICE) })) } @else {
                (plot(&seeding.days, seeding.today))
                (table(rows))
                (paging::links(row, seeding.rows.len(), |page| format!("/seeding?torrents={at}&ledger={page}#ledger")))
            }
        }
    }
}

fn table(rows: &[LedgerRow]) -> Markup {
    html! {
        div .scroll {
            table {
                thead { tr { th scope="col" { (text::WHO) } th scope="col" { (text::ADDRESS) } th .number scope="col" { (text::BYTES) } th .number scope="col" { (text::RELEASES) } th scope="col" { (text::FIRST) } th scope="col" { (text::LAST) } } }
                tbody {
                    @for row in rows {
                        tr {
                            td { @if let Some(key) = &row.key { (person(key, &row.name)) } @else { span .faint { (text::NO_KEY) } } }
                            td { code { (row.address) } }
                            td .number { (bytes(row.verified_bytes)) @if row.source.is_weak() { " " span .faint { (text::as_counted_by(row.source.name())) } } }
                            td .number { (row.releases) }
                            td { (day(row.first_seen)) }
                            td { (day(row.last_seen)) }
                        }
                    }
                }
            }
        }
    }
}

/// Somebody: a key and what it is called here, or an address.
pub(super) type Party = (Option<Key>, String);

/// Who a part of a bar stands for; `None`: everybody else.
type Share = Option<Party>;

/// Bytes by day, as bars of one part a key.
fn plot(days: &[LedgerRow], today: u64) -> Markup {
    let first = today.saturating_sub(DAYS - 1);
    let mut sums: BTreeMap<Party, u64> = BTreeMap::new();
    let recent = || days.iter().filter(|row| (first..=today).contains(&(row.first_seen.0 / DAY_MS)));
    let named = |row: &LedgerRow| (row.key, if row.key.is_some() { row.name.clone() } else { row.address.to_string() });
    for row in recent() {
        *sums.entry(named(row)).or_default() += row.verified_bytes;
    }
    let mut largest: Vec<(Party, u64)> = sums.into_iter().collect();
    largest.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    let has_rest = largest.len() > KEYS_PLOTTED;
    largest.truncate(KEYS_PLOTTED);
    let mut parties: Vec<Share> = largest.into_iter().map(|(party, _)| Some(party)).collect();
    if has_rest {
        parties.push(None);
    }
    let mut bars: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for row in recent() {
        let party = named(row);
        let at = parties.iter().position(|known| known.as_ref() == Some(&party)).unwrap_or(KEYS_PLOTTED);
        let bar = bars.entry(row.first_seen.0 / DAY_MS).or_insert_with(|| vec![0; parties.len()]);
        if let Some(part) = bar.get_mut(at) {
            *part += row.verified_bytes;
        }
    }
    let top = bars.values().map(|bar| bar.iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let scaled = |count: u64| u64::try_from(u128::from(count) * u128::from(PLOT.1 - 50) / u128::from(top)).unwrap_or(0);
    let step = PLOT.0 / DAYS;
    html! {
        figure .plot {
            svg viewBox={ "0 0 " (PLOT.0) " " (PLOT.1) } role="img" aria-labelledby="plot-title" {
                title #plot-title { (text::plot_title(DAYS, &bytes(top))) }
                text .axis x="4" y="14" { (bytes(top)) }
                line .axis x1="0" y1=(PLOT.1 - 24) x2=(PLOT.0) y2=(PLOT.1 - 24) {}
                @for (at, bar) in &bars {
                    @let left = (at - first) * step + 3;
                    @for (number, part) in bar.iter().enumerate() {
                        @let below: u64 = bar[..number].iter().copied().map(scaled).sum();
                        // A day on which something came is to be seen, however little it was.
                        @let height = if *part > 0 { scaled(*part).max(2) } else { 0 };
                        rect class={ "bar " (colour(&parties[number], number)) } x=(left) y=(PLOT.1 - 25 - below - height) width=(step - 6) height=(height) rx="2" {
                            title { (day(heirloom_proto::Timestamp(at * DAY_MS))) ": " (bytes(*part)) }
                        }
                    }
                }
                @for back in [DAYS - 1, DAYS / 2, 0] {
                    text .axis x=((DAYS - 1 - back) * step + step / 2) y=(PLOT.1 - 6) text-anchor=(if back == 0 { "end" } else if back == DAYS - 1 { "start" } else { "middle" }) {
                        (day(heirloom_proto::Timestamp((today - back.min(today)) * DAY_MS)))
                    }
                }
            }
            figcaption {
                ul .legend {
                    @for (number, party) in parties.iter().enumerate() {
                        li { span class={ "swatch " (colour(party, number)) } aria-hidden="true" {} " "
                            @match party {
                                Some((Some(key), name)) => { (person(key, name)) }
                                Some((None, address)) => { (said(address)) }
                                None => { (text::EVERYBODY_ELSE) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Two in one plot never share a colour.
fn colour(party: &Share, number: usize) -> String {
    if party.is_none() { "hue-rest".into() } else { format!("hue-{}", (number * 5) % HUES as usize) }
}
