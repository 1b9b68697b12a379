//! What a provider says of a token now (RFC 7662 §2.2).

use std::{collections::HashSet, fmt};

use policy::{Scope, Standing};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use crate::fault::UpstreamFault;

/// Reads an introspection answer about a token of `user`, issued by `issuer`.
///
/// Anything but a plain yes or a plain no is no answer: an `active` that is not a boolean, members
/// that appear twice, or a token that is said to be somebody else's (firecrawl#3973 took
/// `"active": "false"` for a yes). What is wrong is never quoted: a confused provider may have
/// repeated the token.
pub(crate) fn standing(body: &[u8], issuer: &str, user: &str) -> Result<Told, UpstreamFault> {
    let answer: Members = serde_json::from_slice(body).map_err(|_| {
        UpstreamFault::Introspection("it is not a JSON object whose members appear once")
    })?;
    match answer.active {
        None => return Err(UpstreamFault::Introspection("there is no `active`")),
        Some(Value::Bool(false)) => return Ok(Told { standing: Standing::Gone, scope: None }),
        Some(Value::Bool(true)) => {}
        Some(_) => return Err(UpstreamFault::Introspection("`active` is not a boolean")),
    }
    if answer.sub.is_some_and(|sub| sub != user) {
        return Err(UpstreamFault::Introspection("`sub` is another user"));
    }
    if answer.iss.is_some_and(|iss| iss != issuer) {
        return Err(UpstreamFault::Introspection("`iss` is another issuer"));
    }
    let scope = match answer.scope {
        None => None,
        Some(Value::String(text)) => Some(
            Scope::parse(&text).map_err(|_| UpstreamFault::Introspection("`scope` is no scope"))?,
        ),
        Some(_) => return Err(UpstreamFault::Introspection("`scope` is not a string")),
    };
    Ok(Told { standing: Standing::Good, scope })
}

/// The user's standing, and what the token is good for, if the provider says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) standing: Standing,
    pub(crate) scope: Option<Scope>,
}

/// The members we look at, of an object in which none appears twice.
#[derive(Default)]
struct Members {
    active: Option<Value>,
    sub: Option<Value>,
    iss: Option<Value>,
    scope: Option<Value>,
}

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
        let mut seen = HashSet::new();
        let mut members = Members::default();
        while let Some(name) = object.next_key::<String>()? {
            match name.as_str() {
                "active" => members.active = Some(object.next_value()?),
                "sub" => members.sub = Some(object.next_value()?),
                "iss" => members.iss = Some(object.next_value()?),
                "scope" => members.scope = Some(object.next_value()?),
                _ => drop(object.next_value::<IgnoredAny>()?),
            }
            if !seen.insert(name) {
                return Err(de::Error::custom("a member appears more than once"));
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Result<Standing, UpstreamFault> {
        standing(body.as_bytes(), "https://idp.example", "alice").map(|told| told.standing)
    }

    #[test]
    fn the_scope_is_what_the_provider_says_now() {
        let told = standing(br#"{"active":true,"scope":"b a"}"#, "i", "alice").unwrap();
        assert_eq!(told.scope, Scope::parse("a b").ok());
        let told = standing(br#"{"active":true}"#, "i", "alice").unwrap();
        assert_eq!(told.scope, None);
    }

    #[test]
    fn active_is_good() {
        for body in [
            r#"{"active":true}"#,
            r#"{"active":true,"sub":"alice"}"#,
            r#"{"active":true,"iss":"https://idp.example","scope":"a b","x":{"y":[1]}}"#,
        ] {
            assert!(matches!(of(body), Ok(Standing::Good)), "{body}");
        }
    }

    #[test]
    fn inactive_is_gone() {
        assert!(matches!(of(r#"{"active":false}"#), Ok(Standing::Gone)));
    }

    #[test]
    fn everything_else_is_no_answer() {
        for body in [
            "",
            "null",
            "true",
            "[]",
            "{}",
            "garbage",
            r#"{"active":"true"}"#,
            r#"{"active":"false"}"#,
            r#"{"active":1}"#,
            r#"{"active":null}"#,
            r#"{"Active":true}"#,
            r#"{"active":true"#,
            r#"{"active":true} trailing"#,
            r#"{"active":false,"active":true}"#,
            r#"{"active":true,"\u0061ctive":true}"#,
            r#"{"active":true,"x":1,"x":1}"#,
            r#"{"active":true,"sub":"mallory"}"#,
            r#"{"active":true,"sub":"Alice"}"#,
            r#"{"active":true,"sub":null}"#,
            r#"{"active":true,"sub":["alice"]}"#,
            r#"{"active":true,"iss":"https://idp.example/"}"#,
            r#"{"active":true,"iss":null}"#,
            r#"{"active":true,"scope":null}"#,
            r#"{"active":true,"scope":["a"]}"#,
        ] {
            assert!(of(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_deeply_nested_answer_does_no_harm() {
        let deep = format!("{}{}", "[".repeat(99_999), "]".repeat(99_999));
        assert!(of(&format!(r#"{{"active":{deep}}}"#)).is_err());
        assert!(of(&format!(r#"{{"active":true,"sub":{deep}}}"#)).is_err());
        assert!(of(&format!(r#"{{"active":true,"x":{deep}}}"#)).is_ok());
    }
}
