//! The bytes of a request: bounded in size and in time.

use std::time::Duration;

use actix_web::{HttpRequest, http::header, web};
use delegation::form::Malformed;
use futures_util::StreamExt;

/// Three tokens of 16 KiB, and the rest of a form.
const LARGEST_BODY: usize = 64 * 1024;
/// `actix-web` times out slow headers, not slow bodies.
const SLOWEST_BODY: Duration = Duration::from_secs(10);
/// Of a request that is refused anyway.
const SLOWEST_PASSED_OVER: Duration = Duration::from_millis(100);

/// The one `Authorization` header, when there is one.
pub(super) fn authorization(request: &HttpRequest) -> Result<Option<String>, Malformed> {
    let mut all = request.headers().get_all(header::AUTHORIZATION);
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        // Unreadable bytes are credentials that fail, not credentials that are absent.
        (Some(one), None) => Ok(Some(one.to_str().unwrap_or("unreadable").to_owned())),
        (Some(_), Some(_)) => Err(Malformed::TwoWaysToAuthenticate),
    }
}

/// RFC 6749 §3.2, App. B: a form, and nothing else is one.
pub(super) async fn form(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Vec<u8>, Malformed> {
    read(request, payload, "application/x-www-form-urlencoded").await
}

/// Reads what was sent and forgets it: an unread body would cost the client its connection, and us the
/// next one, which is more than the answer.
pub(super) async fn pass_over(mut payload: web::Payload) {
    let mut left = LARGEST_BODY;
    let all = async {
        while let Some(Ok(chunk)) = payload.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                return;
            }
        }
    };
    // Whoever is slower is not waited for.
    let _ = tokio::time::timeout(SLOWEST_PASSED_OVER, all).await;
}

/// A body of one media type, in UTF-8 as it is: nothing is ever inflated here.
pub(super) async fn read(
    request: &HttpRequest,
    mut payload: web::Payload,
    media: &str,
) -> Result<Vec<u8>, Malformed> {
    let is_expected = is_of(request, media);
    let mut body = Vec::new();
    let all = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Malformed::Unread)?;
            if LARGEST_BODY < body.len() + chunk.len() {
                return Err(Malformed::BodyTooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    match tokio::time::timeout(SLOWEST_BODY, all).await {
        Ok(read) => read?,
        Err(_) => return Err(Malformed::Unread),
    }
    // After reading: an unread body would cost the client its connection.
    if is_expected { Ok(body) } else { Err(Malformed::ContentType) }
}

fn is_of(request: &HttpRequest, expected: &str) -> bool {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    let mut given = request.headers().get_all(header::CONTENT_TYPE);
    let (Some(given), None) = (given.next(), given.next()) else { return false };
    let Ok(given) = given.to_str() else { return false };
    let mut parts = given.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    // Only UTF-8 is decoded, so no other charset may be claimed.
    let is_utf8 = |parameter: &str| {
        let parameter = parameter.to_ascii_lowercase().replace('"', "");
        parameter.is_empty() || parameter == "charset=utf-8"
    };
    media.eq_ignore_ascii_case(expected) && parts.all(is_utf8)
}
