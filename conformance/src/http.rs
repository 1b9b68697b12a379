//! A plain HTTP client: no redirects followed, no status treated as an error, no proxy.

use std::{sync::OnceLock, time::Duration};

use ureq::{Agent, Body, http};

use crate::reply::Reply;

/// Longer than any deadline the server promises; a test that reaches it has found a hang.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than the largest token which the control endpoint is asked for.
const LARGEST_REPLY: u64 = 8 << 20;

/// `GET url` with the given headers.
#[must_use]
pub fn get(url: &str, headers: &[(&str, &str)]) -> Reply {
    send("GET", url, headers, &[])
}

/// `POST url` with a body of the given content type.
#[must_use]
pub fn post(url: &str, content_type: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut all = vec![("content-type", content_type)];
    all.extend_from_slice(headers);
    send("POST", url, &all, body)
}

/// Any method, any headers, any bytes.
#[must_use]
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sent = if method == "GET" {
        agent().run(request.body(()).expect("a request"))
    } else {
        agent().run(request.body(body).expect("a request"))
    };
    let mut response = sent.unwrap_or_else(|e| panic!("{method} {url}: {e}"));
    let body = read(response.body_mut());
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    Reply::new(response.status().as_u16(), headers, body)
}

/// `application/x-www-form-urlencoded` (RFC 6749 appendix B): every byte outside the unreserved set
/// is escaped, so a space travels as `%20`.
#[must_use]
pub fn form(pairs: &[(String, String)]) -> String {
    let one = |(name, value): &(String, String)| format!("{}={}", escape(name), escape(value));
    pairs.iter().map(one).collect::<Vec<_>>().join("&")
}

/// Percent-encodes all but RFC 3986 §2.3 unreserved characters.
#[must_use]
pub fn escape(text: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}

fn read(body: &mut Body) -> Vec<u8> {
    body.with_config().limit(LARGEST_REPLY).read_to_vec().expect("a complete reply")
}

fn agent() -> &'static Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT.get_or_init(|| {
        Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent()
    })
}
