//! Switches for demonstrations and tests.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{Emission, Faults, Transmitter};
use crate::wire::Reply;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stating {
    stream: String,
    status: String,
}

impl Transmitter {
    /// `path` is below the control endpoint.
    pub(super) fn control(&self, method: &str, path: &str, body: &[u8], now: i64) -> Reply {
        match (method, path) {
            ("POST", "/events") => {
                with(body, |emission: Emission| match self.emit(&emission, now) {
                    Ok(ids) => Reply::json(200, &json!({ "jti": ids })),
                    Err(_) => Reply::oauth_error(500, "server_error"),
                })
            }
            ("POST", "/status") => with(body, |Stating { stream, status }| {
                match self.set_status(&stream, &status, now) {
                    Ok(true) => Reply::json(200, &json!({ "stream": stream, "status": status })),
                    Ok(false) => Reply::oauth_error(404, "not_found"),
                    Err(_) => Reply::oauth_error(500, "server_error"),
                }
            }),
            ("POST", "/faults") => with(body, |faults: Faults| {
                self.misbehave(faults);
                Reply::json(200, &json!(faults))
            }),
            ("GET", "/seen") => Reply::json(200, &json!(self.seen())),
            ("GET", "/streams") => Reply::json(200, &json!(self.streams())),
            _ => Reply::oauth_error(404, "not_found"),
        }
    }
}

fn with<T: DeserializeOwned>(body: &[u8], act: impl FnOnce(T) -> Reply) -> Reply {
    match serde_json::from_slice(body) {
        Ok(order) => act(order),
        Err(error) => {
            let text = error.to_string();
            Reply::json(400, &json!({ "error": "invalid_request", "error_description": text }))
        }
    }
}
