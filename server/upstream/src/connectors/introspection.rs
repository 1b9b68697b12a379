//! What a provider says of a token now (RFC 7662 §2.2).

pub(crate) mod described;

use std::{collections::HashSet, fmt, sync::Arc};

use async_trait::async_trait;
use delegation::ports::{Introspected, Question};
use policy::{Scope, Session, SignIn, Standing, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use serde_json::Value;

use crate::{
    budget::Budget,
    check::{About, Check, Told},
    connectors::Context,
    fault::UpstreamFault,
    http::call::{Auth, Call},
    provider::Provider,
};

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The published limit per minute; none: as much as there is to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
}

/// Asks at the endpoint the provider's metadata names, as the connection's own client.
#[derive(Debug)]
pub(crate) struct Introspection {
    provider: Arc<Provider>,
    budget: Arc<Budget>,
}

impl Introspection {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Self {
        let budget = context.budget(settings.rate_limit);
        Self { provider: Arc::clone(&context.provider), budget }
    }
}

#[async_trait]
impl Check for Introspection {
    fn kind(&self) -> &'static str {
        "introspection"
    }

    fn about(&self) -> About {
        About::Token
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let token = question.token.as_ref().ok_or(UpstreamFault::NoToken)?;
        standing(&self.fetch(token).await?, &self.provider.issuer, &question.user)
    }
}

impl Introspection {
    /// What the provider says of a token that only it can read; none when it is not active.
    pub(crate) async fn describe(
        &self,
        token: &SecretString,
    ) -> Result<Option<Introspected>, UpstreamFault> {
        described::described(&self.fetch(token).await?, &self.provider.issuer)
    }

    /// The answer about `token`, unread.
    ///
    /// No `token_type_hint`: the token may be of either kind, and the hint only speeds up the
    /// provider's search.
    async fn fetch(&self, token: &SecretString) -> Result<Vec<u8>, UpstreamFault> {
        let endpoint = &self.provider.metadata().await?.introspection_endpoint;
        let endpoint = endpoint.as_ref().ok_or_else(|| {
            UpstreamFault::Metadata("there is no `introspection_endpoint`".to_owned())
        })?;
        let form = vec![("token", token.expose_secret().to_owned())];
        let call = Call::post_form(endpoint.clone(), form)
            .auth(Auth::Basic(self.provider.credentials.clone()));
        let reply = self.budget.spend(self.provider.outbound.call(call)).await?;
        match reply.status {
            200 if reply.is_json => {}
            200 => return Err(UpstreamFault::ContentType),
            401 => return Err(UpstreamFault::OurCredentials),
            status => return Err(UpstreamFault::Status(status)),
        }
        Ok(reply.body)
    }
}

/// Reads an introspection answer about a token of `user`, issued by `issuer`.
///
/// Anything but a plain yes or a plain no is no answer: an `active` that is not a boolean, members
/// that appear twice, or a token that is said to be somebody else's (firecrawl#3973 took
/// `"active": "false"` for a yes). What is wrong is never quoted: a confused provider may have
/// repeated the token.
pub(crate) fn standing(body: &[u8], issuer: &str, user: &str) -> Result<Told, UpstreamFault> {
    let answer: Members = keys::json(body).map_err(|_| {
        UpstreamFault::Introspection("it is not a JSON object whose members appear once")
    })?;
    match answer.active {
        None => return Err(UpstreamFault::Introspection("there is no `active`")),
        Some(Value::Bool(false)) => {
            let standing = Standing { session: Session::Ended, ..Standing::default() };
            return Ok(standing.into());
        }
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
    // RFC 9470 §6.2: some providers tell when and how the user signed in.
    let acr = answer.acr.and_then(|acr| acr.as_str().map(str::to_owned));
    let at = answer.auth_time.and_then(|at| at.as_i64()).map(Timestamp);
    let sign_in = SignIn { at, acr, amr: Vec::new() };
    let standing = Standing { session: Session::Live, sign_in, ..Standing::default() };
    Ok(Told { scope, ..standing.into() })
}

/// The members we look at, of an object in which none appears twice.
#[derive(Default)]
struct Members {
    active: Option<Value>,
    sub: Option<Value>,
    iss: Option<Value>,
    scope: Option<Value>,
    acr: Option<Value>,
    auth_time: Option<Value>,
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
                "acr" => members.acr = Some(object.next_value()?),
                "auth_time" => members.auth_time = Some(object.next_value()?),
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

    fn of(body: &str) -> Result<Session, UpstreamFault> {
        standing(body.as_bytes(), "https://idp.example", "alice").map(|told| told.standing.session)
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
            assert!(matches!(of(body), Ok(Session::Live)), "{body}");
        }
    }

    #[test]
    fn inactive_is_gone() {
        assert!(matches!(of(r#"{"active":false}"#), Ok(Session::Ended)));
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
