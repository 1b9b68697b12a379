//! What came back, and what is true of every reply, good or bad.

use std::fs;

use serde_json::{Map, Value};

use crate::{INACTIVE, INTROSPECTION_JWT, Jwt, Target};

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A successful token response (RFC 8693 §2.2.1) and the token in it.
#[derive(Clone, Debug)]
pub struct Granted {
    pub body: Map<String, Value>,
    pub token: Jwt,
}

impl Reply {
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self { status, headers, body }
    }

    /// The value of a header, names compared without case; several are joined by a comma.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(present, _)| present.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {self:?}"))
    }

    /// The reply as a success; panics with the refusal when it is none.
    pub fn granted(&self) -> Granted {
        assert_eq!(self.status, 200, "expected a token, got {} {}", self.status, self.text());
        let Value::Object(body) = self.json() else { panic!("not a JSON object: {self:?}") };
        let text = body.get("access_token").and_then(Value::as_str);
        let token = Jwt::read(text.expect("RFC 8693 §2.2.1: access_token REQUIRED, a string"));
        Granted { body, token }
    }

    /// Asserts a refusal with this status and this RFC 6749 §5.2 code.
    pub fn refused(&self, status: u16, code: &str) {
        let got = (self.status, self.code());
        assert_eq!(got, (status, Some(code.to_owned())), "{}", self.text());
    }

    /// RFC 8693 §2.2.2: the refusal of a bad request, subject token or actor token.
    pub fn refused_as_invalid_request(&self) {
        self.refused(400, "invalid_request");
    }

    /// No answer could be had from the identity provider: come again, and take nothing with you.
    pub fn refused_for_now(&self) {
        assert_eq!(self.status, 503, "expected 503, got {} {}", self.status, self.text());
        let retry_after = self.header("retry-after").expect("503 carries Retry-After");
        assert!(retry_after.parse::<u32>().is_ok(), "Retry-After in seconds: {retry_after}");
    }

    /// The `error` member.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get("error")?.as_str()?.to_owned())
    }

    /// What every reply of a token endpoint must satisfy whatever was asked.
    pub fn hold_to_invariants(&self, target: &Target) {
        self.hold_to_what_every_client_is_owed(target);
        assert!(self.has("pragma", "no-cache"), "Pragma: no-cache: {self:?}");
        assert!(self.has("content-type", "application/json"), "a JSON type: {self:?}");
        let Value::Object(body) = self.json() else { panic!("not a JSON object: {self:?}") };
        for member in ["refresh_token", "id_token"] {
            assert!(!body.contains_key(member), "an exchange issues no {member}: {self:?}");
        }
    }

    /// What every reply to a client must satisfy, at any endpoint.
    pub fn hold_to_what_every_client_is_owed(&self, target: &Target) {
        assert!(
            self.status == 200 || (400..500).contains(&self.status) || self.status == 503,
            "a client is answered 200, 4xx or 503: {} {}",
            self.status,
            self.text()
        );
        assert!(self.has("cache-control", "no-store"), "Cache-Control: no-store: {self:?}");
        self.hold_nonce_to_invariants();
        if self.status != 200 {
            assert!(self.has("content-type", "application/json"), "a JSON type: {self:?}");
            let Value::Object(body) = self.json() else { panic!("not a JSON object: {self:?}") };
            self.hold_refusal_to_invariants(&body, target);
        }
        let log = target.log.as_ref().map(|path| fs::read(path).expect("the server's log"));
        let log = String::from_utf8_lossy(log.as_deref().unwrap_or_default()).into_owned();
        for never in target.secrets().chain(["panicked at", "eyJ"]) {
            assert!(!log.contains(never), "`{never}` in the log: {log}");
        }
    }

    /// RFC 9449 §8.1 and §8.2: "NQCHAR = %x21 / %x23-5B / %x5D-7E", and one header at most.
    fn hold_nonce_to_invariants(&self) {
        let named = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("dpop-nonce");
        let nonces: Vec<_> = self.headers.iter().filter(named).collect();
        assert!(nonces.len() <= 1, "more than one DPoP-Nonce: {self:?}");
        let spoken = |c: char| matches!(c, '\x21' | '\x23'..='\x5B' | '\x5D'..='\x7E');
        for (_, nonce) in nonces {
            assert!(!nonce.is_empty() && nonce.chars().all(spoken), "charset of nonce: {self:?}");
        }
    }

    /// RFC 7662 §2.2: `active` is a boolean, and nothing is beside one that is false.
    pub(crate) fn hold_to_introspection(&self) {
        if self.status != 200 || self.has("content-type", INTROSPECTION_JWT) {
            return;
        }
        assert!(self.has("content-type", "application/json"), "a JSON type: {self:?}");
        let active = self.json().get("active").and_then(Value::as_bool);
        let active = active.unwrap_or_else(|| panic!("active REQUIRED, a boolean: {self:?}"));
        assert!(active || self.text() == INACTIVE, "more than `active`: {self:?}");
    }

    /// Whether a header has this among its values, compared without case.
    #[must_use]
    pub fn has(&self, header: &str, wanted: &str) -> bool {
        let values = self.header(header).unwrap_or_default().to_ascii_lowercase();
        values.split([',', ';']).any(|part| part.trim() == wanted)
    }

    fn hold_refusal_to_invariants(&self, body: &Map<String, Value>, target: &Target) {
        // RFC 6749 §5.2.
        let spoken = |c: char| matches!(c, '\x20'..='\x21' | '\x23'..='\x5B' | '\x5D'..='\x7E');
        let code = body.get("error").and_then(Value::as_str).expect("error REQUIRED, a string");
        assert!(!code.is_empty() && code.chars().all(spoken), "charset of error: {self:?}");
        if let Some(description) = body.get("error_description") {
            let text = description.as_str().expect("error_description is a string");
            assert!(text.chars().all(spoken), "charset of error_description: {self:?}");
        }
        assert!(!body.contains_key("access_token"), "a refusal carries no token: {self:?}");
        let said = format!("{:?}{}", self.headers, self.text());
        assert!(!said.contains("eyJ"), "something like a token in a refusal: {said}");
        for secret in target.secrets() {
            assert!(!said.contains(secret), "a secret in a refusal: {said}");
        }
    }
}

impl Granted {
    /// A string member of the token's claims.
    #[must_use]
    pub fn claim(&self, name: &str) -> &str {
        let value = self.token.claims.get(name).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no string `{name}` in {:?}", self.token.claims))
    }

    /// An integer member of the token's claims.
    #[must_use]
    pub fn seconds(&self, name: &str) -> i64 {
        let value = self.token.claims.get(name).and_then(Value::as_i64);
        value.unwrap_or_else(|| panic!("no integer `{name}` in {:?}", self.token.claims))
    }

    /// The scopes of the response, sorted.
    #[must_use]
    pub fn scope(&self) -> Vec<&str> {
        words(self.body.get("scope").and_then(Value::as_str).expect("a scope in the response"))
    }

    /// The actors of the token as (`iss`, `sub`), the current one first; panics when a member of
    /// any `act` is anything else (RFC 8693 §4.1).
    #[must_use]
    pub fn actors(&self) -> Vec<(String, String)> {
        let mut actors = Vec::new();
        let mut next = self.token.claims.get("act");
        while let Some(act) = next {
            let act = act.as_object().expect("RFC 8693 §4.1: act is a JSON object");
            let member = |name: &str| {
                let value = act.get(name).and_then(Value::as_str).expect("act has iss and sub");
                value.to_owned()
            };
            actors.push((member("iss"), member("sub")));
            let known = |name: &String| ["iss", "sub", "act"].contains(&name.as_str());
            assert!(act.keys().all(known), "act identifies an actor and no more: {act:?}");
            next = act.get("act");
        }
        actors
    }
}

/// How an agent is named in `act.sub`.
#[must_use]
pub fn agent(client_id: &str) -> String {
    format!("agent:{client_id}")
}

pub(crate) fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words
}
