//! What a curator hands out: link, block, QR code, HTML, well-known file.

use heirloom_core::command::{CommandError, Fault};
use heirloom_proto::text::Contact;
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
    let field = |name: &str| id[name].as_str().unwrap_or_default();
    let contact = Contact::from_link(field("uri"))
        .map_err(|error| CommandError::new(Fault::Failed, "bad_contact", error.to_string()))?;
    let (link, block) = (contact.to_link(), contact.to_card());
    let name = if contact.name.is_empty() { "me".to_owned() } else { escape(&contact.name) };
    let html = format!("<a href=\"{}\" rel=\"nofollow\">Follow {name} on Heirloom</a>\n", escape(&link));
    let well_known = json!({ "key": contact.key.to_string(), "name": contact.name, "url": contact.url, "uri": link });
    let text = match form {
        Form::Both => format!("{link}\n\n{block}"),
        Form::Text => block.clone(),
        Form::Html => html.clone(),
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
    let value = json!({
        "key": contact.key.to_string(),
        "name": contact.name,
        "url": contact.url,
        "uri": link,
        "card": block,
        "html": html,
        "check": contact.checksum(),
    });
    Ok((text, value))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
