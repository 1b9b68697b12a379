//! What a client signs: an assertion of who it is, or a proof that it has a key. A test changes one
//! member of it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde_json::{Map, Value, json};

use crate::{Key, key::fresh, now};

/// A JWT under construction, signed when its text is asked for.
#[derive(Clone, Debug)]
#[must_use]
pub struct Statement {
    key: Key,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    payload: Option<Vec<u8>>,
}

impl Statement {
    /// Of these members, two JSON objects.
    pub fn new(key: &Key, header: &Value, claims: &Value) -> Self {
        let members = |object: &Value| object.as_object().expect("a JSON object").clone();
        Self { key: key.clone(), header: members(header), claims: members(claims), payload: None }
    }

    /// A client says who it is (RFC 7523 §3, rfc7523bis): to this audience, once, within a minute.
    pub fn of_client(client_id: &str, key: &Key, audience: &str) -> Self {
        let header = json!({
            "typ": "client-authentication+jwt", "alg": key.algorithm(), "kid": key.kid(),
        });
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": audience, "jti": fresh(),
            "iat": now(), "exp": now() + 60,
        });
        Self::new(key, &header, &claims)
    }

    /// Another value for one claim; `null` leaves the claim out.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        put(&mut self.claims, name, value.into());
        self
    }

    /// Another value for one header parameter; `null` leaves it out.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        put(&mut self.header, name, value.into());
        self
    }

    /// The payload as octets, signed as they stand: repeated members, other encodings, anything.
    pub fn payload(mut self, octets: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(octets.into());
        self
    }

    /// Signed with another key; the header stays.
    pub fn signed_by(mut self, key: &Key) -> Self {
        self.key = key.clone();
        self
    }

    /// Signed anew, under a new id.
    pub fn again(self) -> Self {
        self.claim("jti", fresh())
    }

    /// What it says, if it were text of its own.
    #[must_use]
    pub fn claims_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }

    /// The compact JWS, signed as its `alg` says, as far as the key can; unsigned for `none`.
    #[must_use]
    pub fn text(&self) -> String {
        let header = Value::Object(self.header.clone()).to_string();
        let payload = self.payload.clone().unwrap_or_else(|| self.claims_text().into_bytes());
        let input = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode(payload));
        let algorithm = self.header.get("alg").and_then(Value::as_str).unwrap_or_default();
        let signature = match algorithm {
            "none" => Vec::new(),
            algorithm => self.key.sign(algorithm, input.as_bytes()),
        };
        format!("{input}.{}", BASE64URL.encode(signature))
    }
}

fn put(members: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}
