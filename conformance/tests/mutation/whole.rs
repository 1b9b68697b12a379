//! A whole request as it goes over the wire, and may be bent.

use conformance::{form::Request, http};
use serde_json::Value;

/// Under construction; every part of it can be what no HTTP client would send.
#[derive(Clone, Debug)]
pub struct Whole {
    pub method: String,
    pub path: Vec<u8>,
    pub version: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Body,
    pub framing: Framing,
    /// What comes after the request on the same connection.
    pub behind: Vec<u8>,
    /// Tokens, secrets and assertions as they were before anything was bent: nothing may repeat them.
    pub confidential: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Body {
    Form(Vec<(String, String)>),
    Json(Value),
    Octets(Vec<u8>),
}

/// How the end of the body is told.
#[derive(Clone, Debug)]
pub enum Framing {
    Length,
    Chunked,
    /// By these header lines, true or not; the body follows as it is.
    Told(Vec<String>),
}

/// Parameters and headers whose values nobody may repeat.
const CONFIDENTIAL: [&str; 9] = [
    "subject_token",
    "actor_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "token",
    "logout_token",
    "authorization",
    "dpop",
];
/// Less than this of a value tells nothing.
const TELLING: usize = 24;

impl Whole {
    /// The request as it should be, under this id.
    pub fn new(request: &Request, id: &str) -> Self {
        let after_scheme = request.url.find("://").map_or(0, |at| at + 3);
        let path = request.url[after_scheme..]
            .find('/')
            .map_or("/", |at| request.url.get(after_scheme + at..).unwrap());
        let host = &request.url[after_scheme..request.url.len() - path.len()];
        let mut headers = vec![("Host".to_owned(), host.into())];
        headers.extend(
            request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())),
        );
        headers.push(("X-Request-Id".to_owned(), id.into()));
        headers.push(("Connection".to_owned(), b"close".to_vec()));
        let media = request.headers.iter().find(|(name, _)| name == "content-type");
        let body = match media.map(|(_, media)| media.as_str()) {
            Some("application/x-www-form-urlencoded") => Body::Form(pairs(&request.body).unwrap()),
            Some("application/json") => Body::Json(serde_json::from_slice(&request.body).unwrap()),
            _ => Body::Octets(request.body.clone()),
        };
        let whole = Self {
            method: request.method.clone(),
            path: path.into(),
            version: "HTTP/1.1".to_owned(),
            headers,
            body,
            framing: Framing::Length,
            behind: Vec::new(),
            confidential: Vec::new(),
        };
        Self { confidential: whole.tells(), ..whole }
    }

    /// The ends of all that is confidential in it.
    fn tells(&self) -> Vec<String> {
        let named = |name: &str| CONFIDENTIAL.contains(&name.to_ascii_lowercase().as_str());
        let headers = self.headers.iter().filter(|(name, _)| named(name));
        let headers = headers.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        let body = match &self.body {
            Body::Form(pairs) => pairs
                .iter()
                .filter(|(name, _)| named(name))
                .map(|(_, value)| value.clone())
                .collect(),
            Body::Octets(octets) if !octets.is_empty() => {
                vec![String::from_utf8_lossy(octets).into_owned()]
            }
            Body::Json(_) | Body::Octets(_) => Vec::new(),
        };
        let all: Vec<String> = headers.chain(body).collect();
        let end = |text: &String| text.get(text.len().checked_sub(TELLING)?..).map(str::to_owned);
        all.iter().filter_map(end).collect()
    }

    /// Another value for a header, once.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    pub fn form(&mut self) -> Option<&mut Vec<(String, String)>> {
        match &mut self.body {
            Body::Form(pairs) => Some(pairs),
            Body::Json(_) | Body::Octets(_) => None,
        }
    }

    /// The body as it would be sent, without its framing.
    pub fn octets(&self) -> Vec<u8> {
        match &self.body {
            Body::Form(pairs) => http::form(pairs).into_bytes(),
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Octets(octets) => octets.clone(),
        }
    }

    /// Every byte that is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let body = self.octets();
        let mut bytes = format!("{} ", self.method).into_bytes();
        bytes.extend_from_slice(&self.path);
        bytes.extend_from_slice(format!(" {}\r\n", self.version).as_bytes());
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: ").as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        let (lines, body) = match &self.framing {
            Framing::Length if body.is_empty() && self.method != "POST" => (Vec::new(), body),
            Framing::Length => (vec![format!("Content-Length: {}", body.len())], body),
            Framing::Chunked => (vec!["Transfer-Encoding: chunked".to_owned()], chunked(&body)),
            Framing::Told(lines) => (lines.clone(), body),
        };
        for line in lines {
            bytes.extend_from_slice(format!("{line}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&self.behind);
        bytes
    }
}

/// RFC 9112 §7.1.
pub fn chunked(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(97) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

/// A form as the RFCs read it (RFC 6749 appendix B); `None` when it is none.
pub fn pairs(body: &[u8]) -> Option<Vec<(String, String)>> {
    let body = std::str::from_utf8(body).ok()?;
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((unescaped(name)?, unescaped(value)?))
    };
    body.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

/// Percent-decoded; `None` when that is no text.
pub fn unescaped(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}
