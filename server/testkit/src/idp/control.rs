//! Switches for demonstrations and tests.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    DevIdp, Minting,
    state::{IntrospectionFault, JwksFault},
};
use crate::wire::{Parameters, Reply};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disabling {
    disabled: bool,
}

/// What is left out stays as it was.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Misbehaving {
    introspection: Option<IntrospectionFault>,
    jwks: Option<JwksFault>,
}

impl DevIdp {
    /// `path` is below the control endpoint.
    pub(super) fn control(&self, method: &str, path: &str, body: &[u8], now: i64) -> Reply {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (method, segments.as_slice()) {
            ("POST", ["users", sub]) => with(body, |order| self.switch_user(sub, &order)),
            ("POST", ["tokens"]) => with(body, |order| self.mint_to_order(&order, now)),
            ("POST", ["faults"]) => with(body, |order| self.misbehave(&order)),
            ("GET", ["requests"]) => Reply::json(200, &json!(self.state().requests)),
            _ => Reply::oauth_error(404, "not_found"),
        }
    }

    fn switch_user(&self, sub: &str, order: &Disabling) -> Reply {
        if self.disable(sub, order.disabled) {
            Reply::json(200, &json!({ "sub": sub, "disabled": order.disabled }))
        } else {
            Reply::oauth_error(404, "not_found")
        }
    }

    fn mint_to_order(&self, order: &Minting, now: i64) -> Reply {
        match self.mint(order, now) {
            Ok(token) => Reply::json(200, &json!({ "token": token })),
            Err(_) => Reply::oauth_error(500, "server_error"),
        }
    }

    fn misbehave(&self, order: &Misbehaving) -> Reply {
        let faults = &mut self.state().faults;
        faults.introspection = order.introspection.unwrap_or(faults.introspection);
        faults.jwks = order.jwks.unwrap_or(faults.jwks);
        Reply::json(200, &json!(faults))
    }
}

fn with<T: DeserializeOwned>(body: &[u8], act: impl FnOnce(T) -> Reply) -> Reply {
    match order(body) {
        Ok(order) => act(order),
        Err(text) => {
            Reply::json(400, &json!({ "error": "invalid_request", "error_description": text }))
        }
    }
}

/// A JSON object, or a form whose values are JSON or else text.
fn order<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    if body.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(body).map_err(|error| error.to_string());
    }
    let form = Parameters::parse(body).map_err(|_| "a parameter appears more than once")?;
    let member = |(name, text): (String, String)| {
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (name, value)
    };
    let members: Map<String, Value> = form.into_values().map(member).collect();
    serde_json::from_value(Value::Object(members)).map_err(|error| error.to_string())
}
