//! What a request says, read from its bytes by the letter of the RFCs and by nobody's code but this.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{
    whole::{pairs, unescaped},
    wire::dechunked,
};

/// A request as it arrives.
#[derive(Debug)]
pub struct Sent {
    pub method: String,
    /// Decoded, without query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Sent {
    /// `None` for what is no single well-framed request.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let text: String = bytes[..head].iter().copied().map(char::from).collect();
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?);
        let path = path_of(target)?;
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':')?;
            headers.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
        }
        let mut sent = Self { method, path, headers, body: Vec::new() };
        let behind = &bytes[head + 4..];
        let (length, chunks) = (sent.all("content-length"), sent.all("transfer-encoding"));
        sent.body = match (length.as_slice(), chunks.as_slice()) {
            ([], []) => Vec::new(),
            ([length], []) => behind.get(..length.parse().ok()?)?.to_vec(),
            ([], [chunked]) if chunked.eq_ignore_ascii_case("chunked") => dechunked(behind)?.0,
            _ => return None,
        };
        Some(sent)
    }

    pub fn all(&self, name: &str) -> Vec<String> {
        let found = self.headers.iter().filter(|(given, _)| given == name);
        found.map(|(_, value)| value.clone()).collect()
    }

    /// The header of this name, if there is one.
    ///
    /// # Errors
    ///
    /// There are several.
    pub fn one(&self, name: &str) -> Result<Option<String>, String> {
        match self.all(name).as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.clone())),
            _ => Err(format!("several `{name}` headers")),
        }
    }

    /// The parameters, each with all of its values that are not empty (RFC 6749 §3.2).
    pub fn form(&self) -> Option<BTreeMap<String, Vec<String>>> {
        let mut form: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs(&self.body)?.into_iter().filter(|(_, value)| !value.is_empty()) {
            form.entry(name).or_default().push(value);
        }
        Some(form)
    }
}

/// RFC 9112 §3.2: in absolute form, the path is behind the authority.
fn path_of(target: &str) -> Option<String> {
    let path = match target.split_once("://") {
        Some((_, behind)) => behind.get(behind.find('/')?..)?,
        None => target,
    };
    let path = path.split(['?', '#']).next()?;
    unescaped(&path.replace('+', "%2B"))
}

/// A compact JWS, read without leniency.
#[derive(Debug)]
pub struct Token {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
}

impl Token {
    /// `None` for anything but three parts of base64url, of which two are objects without repeated
    /// members.
    pub fn read(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, claims, signature] = parts.as_slice() else { return None };
        BASE64URL.decode(signature).ok()?;
        let object = |part: &str| match strict(&BASE64URL.decode(part).ok()?)? {
            Value::Object(members) => Some(members),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => None,
        };
        Some(Self { header: object(header)?, claims: object(claims)? })
    }

    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    pub fn seconds(&self, claim: &str) -> Option<i64> {
        self.claims.get(claim).and_then(Value::as_i64)
    }

    pub fn typ(&self) -> String {
        let typ = self.header.get("typ").and_then(Value::as_str).unwrap_or_default();
        let typ = typ.to_ascii_lowercase();
        typ.strip_prefix("application/").unwrap_or(&typ).to_owned()
    }

    /// Whether it is for one of these, and names its audience as RFC 7519 §4.1.3 wants it.
    pub fn is_for(&self, audiences: &[&str]) -> bool {
        match self.claims.get("aud") {
            Some(Value::String(one)) => audiences.contains(&one.as_str()),
            Some(Value::Array(all)) => {
                all.iter().all(Value::is_string)
                    && all.iter().filter_map(Value::as_str).any(|one| audiences.contains(&one))
            }
            _ => false,
        }
    }
}

/// JSON without repeated members, at any depth.
pub fn strict(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Strict>(bytes).ok().map(|strict| strict.0)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Members).map(Strict)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(one)) = from.next_element()? {
            all.push(one);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Strict(value))) = from.next_entry::<String, Strict>()? {
            if members.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a member appears twice"));
            }
        }
        Ok(Value::Object(members))
    }
}
