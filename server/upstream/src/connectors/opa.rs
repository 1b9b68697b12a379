//! What an Open Policy Agent says of a use (its data API, `POST /v1/data/{path}`).
//!
//! It can know whatever the organization feeds it, and judges one exchange; it may also say which
//! scope it permits. It does not know the user: a connection needs another check that does.
//!
//! `input` is the request `authzen` sends, too. The document at `path` is a boolean, or an object
//! with `allow` and, if it likes, `scopes`. What is undefined is denied, as everywhere in OPA; what
//! is defined but no boolean is no answer.

use async_trait::async_trait;
use delegation::ports::Question;
use policy::{Scope, Standing};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Context,
    authzen::{access, entry, evaluation},
    base, present, segment,
};
use crate::{
    access::Api,
    check::{About, Check, Told},
    fault::UpstreamFault,
    http::call::Call,
    settings::AccessSettings,
};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where `/v1/data` is.
    pub url: String,
    /// Of the document, with slashes: `actas/exchange` for `data.actas.exchange`.
    pub path: String,
    /// Requests per minute; none: as many as there are to make, since it is the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    /// None: it asks nothing of us.
    #[serde(flatten)]
    pub access: AccessSettings,
}

#[derive(Debug)]
pub(crate) struct Opa {
    api: Api,
    /// Whole.
    document: String,
    issuer: String,
}

impl Opa {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let url = base(&settings.url)?;
        let path = settings.path.split('/').map(segment).collect::<Result<Vec<_>, _>>();
        let path = path.map_err(|_| "`path` is no path of a document")?.join("/");
        let budget = context.budget(settings.rate_limit);
        let api = Api::new(&url, context.outbound.clone(), entry(&settings.access)?, budget);
        let document = api.url(&format!("/v1/data/{path}"));
        Ok(Self { api, document, issuer: context.provider.issuer.clone() })
    }
}

#[async_trait]
impl Check for Opa {
    fn kind(&self) -> &'static str {
        "opa"
    }

    fn about(&self) -> About {
        About::Purpose
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let input = evaluation(question, &self.issuer)?;
        let call = Call::post_json(self.document.clone(), json!({ "input": input }));
        let reply = self.api.call(call).await?;
        if reply.status == 403 {
            return Err(UpstreamFault::NotAllowed(
                "it does not let us ask for decisions".to_owned(),
            ));
        }
        told(reply.ok()?)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default, deserialize_with = "present")]
    allow: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Vec<String>>,
}

fn told(answer: Answer) -> Result<Told, UpstreamFault> {
    let document = match answer.result {
        None => Document { allow: None, scopes: None },
        Some(Value::Bool(allow)) => Document { allow: Some(allow), scopes: None },
        Some(document @ Value::Object(_)) => serde_json::from_value(document).map_err(|_| {
            UpstreamFault::Answer("`allow` is not a boolean, or `scopes` not a list of texts")
        })?,
        Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(UpstreamFault::Answer("`result` is neither a boolean nor an object"));
        }
    };
    let permitted = match document.scopes {
        None => None,
        Some(scopes) => Some(
            Scope::parse(&scopes.join(" "))
                .map_err(|_| UpstreamFault::Answer("`scopes` is no scope"))?,
        ),
    };
    let access = access(document.allow.unwrap_or(false));
    Ok(Told { permitted, ..Standing { access, ..Standing::default() }.into() })
}

#[cfg(test)]
mod tests {
    use policy::{Access, Denial};

    use super::*;
    use crate::http::call::Reply;

    fn of(body: &str) -> Result<Told, UpstreamFault> {
        let body = body.as_bytes().to_vec();
        told(Reply { status: 200, etag: None, challenge: None, is_json: true, body }.ok()?)
    }

    #[test]
    fn only_true_is_a_yes() {
        for body in [
            r#"{"result":true}"#,
            r#"{"result":{"allow":true},"decision_id":"1"}"#,
            r#"{"result":{"allow":true,"scopes":["b","a"],"reason":"x"}}"#,
        ] {
            assert_eq!(of(body).unwrap().standing.access, Access::Allowed, "{body}");
        }
    }

    #[test]
    fn what_is_undefined_or_false_is_denied() {
        for body in [
            "{}",
            r#"{"decision_id":"1"}"#,
            r#"{"result":false}"#,
            r#"{"result":{}}"#,
            r#"{"result":{"allow":false,"scopes":["a"]}}"#,
        ] {
            let denied = Access::Denied(Denial::DecisionPoint);
            assert_eq!(of(body).unwrap().standing.access, denied, "{body}");
        }
    }

    #[test]
    fn what_is_no_boolean_is_no_answer() {
        for body in [
            "",
            "[]",
            "null",
            "true",
            r#"{"result":null}"#,
            r#"{"result":"true"}"#,
            r#"{"result":1}"#,
            r#"{"result":[true]}"#,
            r#"{"result":{"allow":"true"}}"#,
            r#"{"result":{"allow":null}}"#,
            r#"{"result":{"allow":true,"scopes":"a"}}"#,
            r#"{"result":{"allow":true,"scopes":null}}"#,
            r#"{"result":{"allow":true,"scopes":[1]}}"#,
            r#"{"result":{"allow":true,"scopes":["ä"]}}"#,
            r#"{"result":false,"result":true}"#,
            r"[true]",
        ] {
            assert!(of(body).is_err(), "{body}");
        }
    }

    #[test]
    fn the_scope_it_permits_is_told() {
        let told = of(r#"{"result":{"allow":true,"scopes":["b","a"]}}"#).unwrap();
        assert_eq!(told.permitted, Scope::parse("a b").ok());
        let told = of(r#"{"result":{"allow":true,"scopes":[]}}"#).unwrap();
        assert!(told.permitted.unwrap().is_empty());
        assert_eq!(of(r#"{"result":true}"#).unwrap().permitted, None);
        // It is not what the token is good for.
        assert_eq!(told.scope, None);
    }
}
