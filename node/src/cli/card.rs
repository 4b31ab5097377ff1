//! What a curator hands out: link, block, QR code, HTML, well-known file.

use crate::http::{card_html, card_json, contact_of};
use heirloom_core::command::CommandError;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::{Value, json};

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Link and block.
    Both,
    /// The block only.
    Text,
    /// A snippet for a page.
    Html,
    /// For a telephone.
    Qr,
    /// `/.well-known/heirloom.json`.
    WellKnown,
}

impl Form {
    /// Of the flags.
    pub fn chosen(html: bool, text: bool, qr: bool, well_known: bool) -> Self {
        match (html, text, qr, well_known) {
            (true, ..) => Self::Html,
            (_, true, ..) => Self::Text,
            (_, _, true, _) => Self::Qr,
            (.., true) => Self::WellKnown,
            _ => Self::Both,
        }
    }
}

/// The card of an `id` answer: as text in that form, and as JSON with all of them.
///
/// # Errors
/// When the link is too long for a QR code.
pub fn card(id: &Value, form: Form) -> Result<(String, Value), CommandError> {
    let contact = contact_of(id)?;
    let (link, block) = (contact.to_link(), contact.to_card());
    let well_known = json!({ "key": contact.key.to_string(), "name": contact.name, "url": contact.url, "uri": link });
    let text = match form {
        Form::Both => format!("{link}\n\n{block}"),
        Form::Text => block,
        Form::Html => card_html(&contact),
        Form::WellKnown => format!("{well_known:#}\n"),
        Form::Qr => {
            let code = QrCode::new(link.as_bytes()).map_err(|error| {
                CommandError::bad_input(
                    "too_long",
                    format!("the link does not fit a QR code ({error}): shorten your name"),
                )
            })?;
            format!("{}\n", code.render::<Dense1x2>().quiet_zone(true).build())
        }
    };
    let value = card_json(&contact);
    Ok((text, value))
}
