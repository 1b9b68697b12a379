//! The bytes of a signal: bounded in size and in time, and of a type that was expected.

use std::time::Duration;

use actix_web::{HttpRequest, http::header, web};
use delegation::signal::SignalRefusal;
use futures_util::StreamExt;

/// A SET has 16 KiB at most; a SCIM user with all its attributes less than this.
const LARGEST_BODY: usize = 64 * 1024;
/// `actix-web` times out slow headers, not slow bodies.
const SLOWEST_BODY: Duration = Duration::from_secs(10);

/// The body, when it is one of `media`.
pub(super) async fn read(
    request: &HttpRequest,
    mut payload: web::Payload,
    media: &[&str],
) -> Result<Vec<u8>, SignalRefusal> {
    let expected = media_type(request)
        .is_some_and(|given| media.iter().any(|one| one.eq_ignore_ascii_case(&given)));
    let mut body = Vec::new();
    let all = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| SignalRefusal::Shape)?;
            if LARGEST_BODY < body.len() + chunk.len() {
                return Err(SignalRefusal::Shape);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(SLOWEST_BODY, all).await.unwrap_or(Err(SignalRefusal::Shape))?;
    // After reading: an unread body would cost the provider its connection.
    if expected { Ok(body) } else { Err(SignalRefusal::Shape) }
}

/// The one content type, without its parameters. Nothing is ever inflated here.
fn media_type(request: &HttpRequest) -> Option<String> {
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return None;
    }
    let mut given = request.headers().get_all(header::CONTENT_TYPE);
    let (Some(given), None) = (given.next(), given.next()) else { return None };
    let media = given.to_str().ok()?.split(';').next()?;
    Some(media.trim().to_owned())
}
