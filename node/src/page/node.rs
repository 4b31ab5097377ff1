//! The node itself: is it well, whom does it know, what does it cost, what did it refuse, how is it set.

use super::format::{bytes, percent, person, readable, said};
use super::layout::{Frame, Here, page};
use super::{Reading, Trouble, settings, text};
use crate::http::{Request, answer_request};
use crate::settings::Setting;
use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;

pub(super) async fn show(State(reading): State<Reading>) -> Result<Markup, Trouble> {
    // What programs are told and what people are shown is the same.
    let status = answer_request(reading.node(), Request::Status).await?;
    let doctor = answer_request(reading.node(), Request::Doctor { quick: true }).await?;
    Ok(page(&Frame::new(text::NODE, Here::Node), &render(&status, &doctor, &reading.settings())))
}

pub(super) fn render(status: &Value, doctor: &Value, all: &[Setting]) -> Markup {
    let count = |name: &str| status[name].as_u64().unwrap_or(0);
    html! {
        h1 { (text::NODE) }
        p { a href="/apps" { (text::APPS) } }
        dl .figures {
            div { dt { (text::PEERS) } dd data-live="peers" { (count("peers")) } }
            div { dt { (text::DHT_NODES) } dd { (plain(&status["dht"]["nodes"])) } }
            div { dt { (text::WORKS) } dd data-live="works" { (count("works")) } }
            div { dt { (text::RELEASES) } dd data-live="releases" { (count("releases")) } }
            div { dt { (text::STATEMENTS) } dd data-live="statements" { (count("statements")) } }
            div { dt { (text::UP_FOR) } dd { (text::span_of(count("uptime_s"))) } }
        }
        section aria-labelledby="doctor" {
            h2 #doctor { (text::DOCTOR) }
            ul .checks {
                @for check in doctor.as_array().into_iter().flatten() {
                    @let (ok, known) = (check["ok"] == true, check["state"] != "unknown");
                    @let (mark, label) = match (ok, known) {
                        (false, _) => ("!", text::AMISS),
                        (true, false) => ("?", text::NOT_KNOWN),
                        (true, true) => ("✓", text::WELL),
                    };
                    li .good[ok && known] .bad[!ok] {
                        span .mark aria-label=(label) role="img" { (mark) }
                        strong { (text::check(check["check"].as_str().unwrap_or_default())) }
                        span .grow { (said(&readable(check["detail"].as_str().unwrap_or_default(), bytes))) }
                        @if let Some(fix) = check["fix"].as_str() { p { (said(fix)) } }
                    }
                }
            }
        }
        section aria-labelledby="budgets" {
            h2 #budgets { (text::BUDGETS) }
            ul .plain.budgets { @for name in ["disk", "memory", "bandwidth", "dht", "cpu"] { (budget(name, &status["budgets"][name])) } }
        }
        section aria-labelledby="network" {
            h2 #network { (text::NETWORK) }
            (table(&[
                (text::PEERS_BY, &status["p2p"]["peers_by"]),
                (text::LISTENING, &status["p2p"]["listening"]),
                (text::SEEN_AS, &status["p2p"]["external"]),
                (text::NAT, &status["p2p"]["nat"]),
                (text::REMEMBERED, &status["p2p"]["remembered"]),
                (text::DHT, &status["dht"]),
                (text::RENDEZVOUS, &status["p2p"]["rendezvous"]),
            ]))
        }
        section aria-labelledby="refusals" {
            h2 #refusals { (text::REFUSALS) }
            p .faint { (text::REFUSALS_HINT) }
            (refusals(&status["refusals"]))
            details { summary { (text::COUNTS) } (counters(&status["counters"])) }
        }
        section aria-labelledby="settings" {
            h2 #settings { (text::SETTINGS) }
            p .faint { (text::SETTINGS_HINT) }
            (table(&[(text::TRUST, &status["trust"]), (text::MY_KEY, &status["key"])]))
            form data-verb="sign-out" data-then="/" data-confirm=(text::SIGN_OUT_ASK) { button .quiet type="submit" { (text::SIGN_OUT) } }
            details { summary { (text::ALL_SETTINGS) " " span .faint { (all.len()) } } (settings::all(all)) }
        }
    }
}

fn budget(name: &str, budget: &Value) -> Markup {
    let (used, limit) = (budget["used"].as_f64().unwrap_or(0.0), budget["limit"].as_f64().unwrap_or(0.0));
    // Bytes, but of processors, where it is percent.
    let shown = |value: f64| if name == "cpu" { format!("{value:.1} %") } else { bytes(whole(value)) };
    html! {
        @if limit > 0.0 {
            li {
                div .row { strong .grow { (text::budget(name)) } span { (shown(used)) " / " (shown(limit)) } }
                progress max="100" value=(percent(whole(used * 1000.0), whole(limit * 1000.0))) aria-label=(text::budget(name)) {}
                @if budget["short"] == true { p .notice { (text::IS_SHORT) } }
            }
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "made positive first; beyond 2⁵³ nobody looks"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

fn table(rows: &[(&str, &Value)]) -> Markup {
    html! {
        div .scroll {
            table {
                tbody {
                    @for (name, value) in rows.iter().filter(|(_, value)| !value.is_null()) { tr { th scope="row" { (name) } td { (plain(value)) } } }
                }
            }
        }
    }
}

/// The log of refusals, newest first.
fn refusals(all: &Value) -> Markup {
    let rows: Vec<&Value> = all.as_array().into_iter().flatten().collect();
    let word = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    html! {
        @if rows.is_empty() { p .faint { (text::REFUSED_NOTHING) } } @else {
            div .scroll {
                table {
                    thead { tr { @for name in text::REFUSAL_COLUMNS { th scope="col" { (name) } } } }
                    tbody {
                        @for row in rows {
                            @let at = word(row, "at");
                            tr {
                                td { time datetime=(at) { (at.chars().take(16).collect::<String>().replace('T', " ")) } }
                                td { (said(&word(row, "reason").replace('_', " "))) }
                                td {
                                    @match row["key"].as_str().and_then(|key| key.parse().ok()) {
                                        Some(key) => { (person(&key, &word(row, "name"))) }
                                        None => { span .faint { (text::SOMEBODY) } }
                                    }
                                }
                                td .number { (plain(&row["times"])) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn counters(all: &Value) -> Markup {
    let counted = |(_, value): &(&String, &Value)| value.as_u64().is_some_and(|count| count > 0);
    let rows: Vec<(&String, &Value)> = all.as_object().into_iter().flatten().filter(counted).collect();
    html! {
        @if rows.is_empty() { p .faint { (text::REFUSED_NOTHING) } } @else {
            div .scroll { table { tbody { @for (name, value) in rows { tr { th scope="row" { (said(&name.replace('_', " "))) } td .number { (plain(value)) } } } } } }
        }
    }
}

/// A value of JSON as people read it.
fn plain(value: &Value) -> Markup {
    html! {
        @match value {
            Value::Null => { "–" }
            Value::Bool(is) => { (if *is { text::YES } else { text::NO }) }
            Value::String(words) => { (said(words)) }
            Value::Number(number) => { (number) }
            Value::Array(all) => { @if all.is_empty() { "–" } @for (at, one) in all.iter().take(50).enumerate() { @if at > 0 { br; } (plain(one)) } }
            Value::Object(fields) => {
                @if fields.is_empty() { "–" }
                @for (at, (name, one)) in fields.iter().take(50).enumerate() { @if at > 0 { " · " } span .faint { (said(&name.replace('_', " "))) } " " (plain(one)) }
            }
        }
    }
}
