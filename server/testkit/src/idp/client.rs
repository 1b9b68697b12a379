//! Who calls: HTTP Basic, form-encoded (RFC 6749 §2.3.1).

use base64::{Engine, engine::general_purpose::STANDARD};
use url::form_urlencoded;

use super::Client;
use crate::wire::Reply;

/// The client behind an `Authorization` header, or the answer that there is none.
///
/// Compares plainly: the secrets of a demo stand in a file beside it.
pub(super) fn authenticate(header: Option<&str>, expected: &Client) -> Result<(), Reply> {
    let presented = header.and_then(basic);
    if presented.is_some_and(|(id, secret)| id == expected.id && secret == expected.secret) {
        Ok(())
    } else {
        let refusal = Reply::oauth_error(401, "invalid_client");
        Err(refusal.with("www-authenticate", "Basic realm=\"development identity provider\""))
    }
}

fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    // As a name without a value; what would end the name stands for itself.
    let name = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(name.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}
