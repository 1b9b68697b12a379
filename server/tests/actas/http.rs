//! One HTTP/1.1 request over one connection, whatever the connection is made of.

use std::io::{self, Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use url::form_urlencoded;

#[derive(Clone, Debug)]
#[must_use]
pub struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    form: Vec<(String, String)>,
    /// Instead of the form.
    body: Option<String>,
}

impl Request {
    pub fn get(path: &str) -> Self {
        Self::of("GET", path)
    }

    pub fn of(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), headers: Vec::new(), form: Vec::new(), body: None }
    }

    pub fn post(path: &str, form: &[(&str, &str)]) -> Self {
        let form = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { method: "POST", form: form.collect(), ..Self::get(path) }
            .header("content-type", "application/x-www-form-urlencoded")
    }

    /// The same with this header, once.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(present, _)| present != name);
        self.and_header(name, value)
    }

    /// The same with this header, besides any of its name.
    pub fn and_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with this body.
    pub fn body(self, content_type: &str, body: &str) -> Self {
        Self { body: Some(body.to_owned()), ..self }.header("content-type", content_type)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", &body.to_string())
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// RFC 6749 §2.3.1. Names and secrets of the tests need no escaping.
    pub fn basic(self, client: &str, secret: &str) -> Self {
        let credentials = STANDARD.encode(format!("{client}:{secret}"));
        self.header("authorization", &format!("Basic {credentials}"))
    }

    /// The same with this parameter set to this value, once.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.form.retain(|(present, _)| present != name);
        self.form.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without this parameter.
    pub fn without(mut self, name: &str) -> Self {
        self.form.retain(|(present, _)| present != name);
        self
    }

    /// The same for another path.
    pub fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub fn send_over(&self, mut stream: impl Read + Write) -> io::Result<Reply> {
        self.write_to(&mut stream)?;
        Reply::read_from(&mut stream)
    }

    pub fn write_to(&self, stream: &mut impl Write) -> io::Result<()> {
        let form = || {
            form_urlencoded::Serializer::new(String::new())
                .extend_pairs(self.form.iter().map(|(name, value)| (name, value)))
                .finish()
        };
        let body = self.body.clone().unwrap_or_else(form);
        let mut text = format!("{} {} HTTP/1.1\r\nhost: actas.example\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = body.len();
        text.push_str(&format!("content-length: {length}\r\nconnection: close\r\n\r\n{body}"));
        stream.write_all(text.as_bytes())?;
        stream.flush()
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    pub fn read_from(stream: &mut impl Read) -> io::Result<Self> {
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (head, mut body) = read_head(stream)?;
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(cut)?;
        let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
        let header = |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        let length = header("content-length").map_or(0, |(_, length)| length.parse().unwrap());
        let missing = u64::try_from(length - body.len()).unwrap();
        if stream.take(missing).read_to_end(&mut body)? < usize::try_from(missing).unwrap() {
            return Err(cut());
        }
        let owned = |(name, value): &(&str, &str)| (name.to_ascii_lowercase(), (*value).to_owned());
        let headers = headers.iter().map(owned).collect();
        Ok(Self { status: status.parse().unwrap(), headers, body })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(at, _)| at == name).map(|(_, value)| value.as_str())
    }

    /// How often it has this header.
    pub fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(at, _)| at == name).count()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {self:?}"))
    }

    /// The token it brings.
    #[track_caller]
    pub fn token(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Its token's claims, as anybody may read them.
    #[track_caller]
    pub fn claims(&self) -> Value {
        let token = self.token();
        let payload = token.split('.').nth(1).unwrap();
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// Status, `error` and `reason` of a refusal.
    #[track_caller]
    pub fn refusal(&self) -> (u16, String, String) {
        assert_ne!(self.status, 200, "a token was issued");
        let body = self.json();
        let member = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (self.status, member("error"), member("reason"))
    }

    /// Asserts a refusal with these.
    #[track_caller]
    pub fn refused(&self, status: u16, error: &str, reason: &str) {
        assert_eq!(self.refusal(), (status, error.to_owned(), reason.to_owned()));
    }
}

/// Everything before the empty line, and what was read of the body by then.
pub fn read_head(stream: &mut impl Read) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&read).into_owned(), body));
        }
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => read.extend_from_slice(&chunk[..length]),
        }
    }
}
