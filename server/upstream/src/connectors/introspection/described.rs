//! A token that only its provider can read, as it describes it (RFC 7662 §2.2).

use std::fmt;

use delegation::ports::Introspected;
use policy::{Scope, Timestamp};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::fault::UpstreamFault;

const fn fault(what: &'static str) -> UpstreamFault {
    UpstreamFault::Introspection(what)
}

/// Reads an introspection answer as all there is to know of a token; none when it is not active.
///
/// For a token that says nothing itself the answer stands in for its claims, so it has to say as much:
/// whose it is, and until when. `token_type` and `username` are for people.
pub(crate) fn described(body: &[u8], issuer: &str) -> Result<Option<Introspected>, UpstreamFault> {
    let Members(claims) =
        keys::json(body).map_err(|_| fault("it is not a JSON object whose members appear once"))?;
    match claims.get("active") {
        None => return Err(fault("there is no `active`")),
        Some(Value::Bool(false)) => return Ok(None),
        Some(Value::Bool(true)) => {}
        Some(_) => return Err(fault("`active` is not a boolean")),
    }
    let said_issuer = text(&claims, "iss", "`iss` is not a string")?;
    if said_issuer.as_ref().is_some_and(|said| said != issuer) {
        return Err(fault("`iss` is another issuer"));
    }
    text(&claims, "client_id", "`client_id` is not a string")?;
    let scope = text(&claims, "scope", "`scope` is not a string")?;
    if scope.is_some_and(|scope| Scope::parse(&scope).is_err()) {
        return Err(fault("`scope` is no scope"));
    }
    let expires_at = moment(&claims, "exp", "`exp` is not an integer")?;
    Ok(Some(Introspected {
        issuer: said_issuer,
        subject: text(&claims, "sub", "`sub` is not a string")?
            .ok_or(fault("there is no `sub`"))?,
        audience: audience(claims.get("aud"))?,
        expires_at: expires_at.ok_or(fault("there is no `exp`"))?,
        issued_at: moment(&claims, "iat", "`iat` is not an integer")?,
        claims,
    }))
}

fn text(
    claims: &Map<String, Value>,
    name: &str,
    otherwise: &'static str,
) -> Result<Option<String>, UpstreamFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(fault(otherwise)),
    }
}

fn moment(
    claims: &Map<String, Value>,
    name: &str,
    otherwise: &'static str,
) -> Result<Option<Timestamp>, UpstreamFault> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_i64().map(|at| Some(Timestamp(at))).ok_or(fault(otherwise)),
    }
}

/// RFC 7662 §2.2: "string identifier or list of string identifiers".
fn audience(aud: Option<&Value>) -> Result<Vec<String>, UpstreamFault> {
    let no_string = fault("`aud` is neither a string nor strings");
    match aud {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(several)) => {
            let one = |it: &Value| it.as_str().map(str::to_owned).ok_or(no_string.clone());
            several.iter().map(one).collect()
        }
        Some(_) => Err(no_string),
    }
}

/// An object in which no member appears twice.
struct Members(Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = object.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(de::Error::custom("a member appears more than once"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://idp.example";

    fn whole() -> Value {
        json!({
            "active": true, "iss": ISSUER, "sub": "alice", "aud": "actas", "exp": 200, "iat": 100,
            "client_id": "app", "scope": "b a", "sid": "s-1",
            "token_type": 7, "username": ["nobody reads it"],
        })
    }

    fn of(answer: &Value) -> Result<Option<Introspected>, UpstreamFault> {
        described(answer.to_string().as_bytes(), ISSUER)
    }

    fn with(name: &str, value: Option<Value>) -> Value {
        let mut answer = whole();
        let members = answer.as_object_mut().unwrap();
        match value {
            Some(value) => drop(members.insert(name.to_owned(), value)),
            None => drop(members.remove(name)),
        }
        answer
    }

    #[test]
    fn reads_what_stands_in_for_claims() {
        let told = of(&whole()).unwrap().unwrap();
        assert_eq!(told.subject, "alice");
        assert_eq!((told.expires_at, told.issued_at), (Timestamp(200), Some(Timestamp(100))));
        assert_eq!(
            (told.audience, told.issuer),
            (vec!["actas".to_owned()], Some(ISSUER.to_owned()))
        );
        assert_eq!(
            (&told.claims["sid"], &told.claims["client_id"]),
            (&json!("s-1"), &json!("app"))
        );
    }

    #[test]
    fn what_is_not_active_is_not_described() {
        assert_eq!(of(&json!({ "active": false })), Ok(None));
        assert_eq!(of(&with("active", Some(json!(false)))), Ok(None));
    }

    #[test]
    fn some_of_it_may_be_missing() {
        for name in ["iss", "aud", "iat", "client_id", "scope", "token_type", "username"] {
            assert!(of(&with(name, None)).unwrap().is_some(), "{name}");
        }
        let several = of(&with("aud", Some(json!(["a", "b"])))).unwrap().unwrap();
        assert_eq!(several.audience, ["a", "b"]);
    }

    #[test]
    fn everything_else_is_no_answer() {
        for name in ["active", "sub", "exp"] {
            assert!(of(&with(name, None)).is_err(), "{name}");
        }
        for (name, value) in [
            ("active", json!("true")),
            ("active", json!(1)),
            ("active", json!(null)),
            ("sub", json!(7)),
            ("sub", json!(null)),
            ("sub", json!(["alice"])),
            ("iss", json!("https://idp.example/")),
            ("iss", json!(null)),
            ("exp", json!("200")),
            ("exp", json!(200.5)),
            ("iat", json!("100")),
            ("aud", json!(7)),
            ("aud", json!(["actas", 7])),
            ("client_id", json!(["app"])),
            ("scope", json!(["a"])),
            ("scope", json!("a\"b")),
        ] {
            assert!(of(&with(name, Some(value.clone()))).is_err(), "{name} {value}");
        }
        for body in ["", "null", "[]", r#"{"active":false,"active":true}"#] {
            assert!(described(body.as_bytes(), ISSUER).is_err(), "{body}");
        }
    }
}
