//! Answers in the shape of RFC 6749 §5.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use delegation::refusal::{Guidance, OAuthError};
use serde::Serialize;

/// RFC 6749 §5.2, and `reason` for programs (see the README's table).
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(flatten)]
    guidance: Guidance,
}

/// An error without further guidance.
pub(super) fn error(status: u16, error: &str, error_description: &str) -> HttpResponse {
    let guidance = Guidance::default();
    render(status, &ErrorBody { error, error_description, reason: None, guidance })
}

/// RFC 6749 §3.2: "The client MUST use the HTTP "POST" method"; RFC 7662 §2.1 and RFC 7009 §2.1 say the same.
pub(super) async fn not_post() -> HttpResponse {
    let mut response = error(405, "invalid_request", "this endpoint takes POST only");
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    response
}

pub(super) fn refused(error: OAuthError, guidance: Guidance) -> HttpResponse {
    let OAuthError { code, description, reason } = error;
    let body = ErrorBody { error: code, error_description: description, reason, guidance };
    if error.code != "invalid_client" {
        return render(400, &body);
    }
    // RFC 6749 §5.2: 401, and the scheme that could have been used.
    let mut response = render(401, &body);
    let challenge = header::HeaderValue::from_static("Basic realm=\"actas\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// Unknown is 503, never yes. What is ill is ours to know.
pub(super) fn unavailable(retry_after: Option<u64>) -> HttpResponse {
    let mut response = render(
        503,
        &ErrorBody {
            error: "temporarily_unavailable",
            error_description: "the state of the user or the service cannot be told now, try again",
            reason: Some("unavailable"),
            guidance: Guidance::default(),
        },
    );
    let seconds = header::HeaderValue::from(retry_after.unwrap_or(1));
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

/// RFC 6585 §4: too much was asked. Nothing was decided, so it may be asked again.
pub(super) fn slow_down(retry_after: u64) -> HttpResponse {
    let mut response = render(
        429,
        &ErrorBody {
            error: "temporarily_unavailable",
            error_description: "too many requests, slow down",
            reason: Some("too_many"),
            guidance: Guidance::default(),
        },
    );
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(retry_after));
    response
}

/// RFC 6749 §5.1: `Cache-Control: no-store` and `Pragma: no-cache` on whatever is said here.
pub(super) fn render(status: u16, body: &impl Serialize) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"))
        .json(body)
}
