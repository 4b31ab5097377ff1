//! Errors as others' programs read them: `application/problem+json` (RFC 9457), with the CLI's codes inside.

use super::answer::error_json;
use super::exit_code;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use heirloom_core::command::{CommandError, Fault};
use serde_json::{Value, json};

/// Media type of every refusal.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// The status that says the same as a fault does to a script.
#[must_use]
pub fn status_of(fault: Fault) -> StatusCode {
    match fault {
        Fault::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        Fault::BadInput => StatusCode::BAD_REQUEST,
        Fault::NotFound => StatusCode::NOT_FOUND,
        Fault::Refused => StatusCode::FORBIDDEN,
    }
}

/// The body of a refusal: `type`, `title`, `status`, `detail` as the RFC has them, `code` and `exit` as the CLI has
/// them, and the CLI's own `error` object.
fn body(status: StatusCode, error: &CommandError) -> Value {
    let mut value = error_json(error);
    if let Some(fields) = value.as_object_mut() {
        // No page explains the codes one by one: the sentence in `detail` says what to do.
        fields.insert("type".into(), json!("about:blank"));
        fields.insert("title".into(), json!(status.canonical_reason().unwrap_or("Error")));
        fields.insert("status".into(), json!(status.as_u16()));
        fields.insert("detail".into(), json!(error.message));
        fields.insert("code".into(), json!(error.code));
        fields.insert("exit".into(), json!(exit_code(error.fault)));
    }
    value
}

/// A refusal with a status of its own.
#[must_use]
pub fn problem(status: StatusCode, code: &'static str, message: impl Into<String>) -> Response {
    let fault = match status {
        StatusCode::NOT_FOUND => Fault::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => Fault::Refused,
        status if status.is_client_error() => Fault::BadInput,
        _ => Fault::Failed,
    };
    with_status(status, &CommandError::new(fault, code, message))
}

/// What a command answered instead of an answer.
#[must_use]
pub fn refused(error: &CommandError) -> Response {
    let status = match error.code {
        // The node is well, and the same request may do in a moment.
        "busy" | "too_many_streams" | "not_ready" => StatusCode::SERVICE_UNAVAILABLE,
        // The owner changed their mind.
        "cancelled" => StatusCode::CONFLICT,
        _ => status_of(error.fault),
    };
    with_status(status, error)
}

fn with_status(status: StatusCode, error: &CommandError) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    (status, [kind], body(status, error).to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_what_the_rfc_and_the_command_line_want() {
        let error = CommandError::new(Fault::Refused, "distrusted", "get it with --anyway");
        let value = body(StatusCode::FORBIDDEN, &error);
        assert_eq!(
            value,
            json!({
                "type": "about:blank", "title": "Forbidden", "status": 403, "detail": "get it with --anyway",
                "code": "distrusted", "exit": 4,
                "error": { "code": "distrusted", "message": "get it with --anyway", "exit": 4 },
            })
        );
        let response = refused(&error);
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
    }
}
