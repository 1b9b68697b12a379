//! What the provider says of its tokens (RFC 7662), honestly or not, and how they end (RFC 7009).

use serde_json::json;

use super::{DevIdp, client, state::IntrospectionFault};
use crate::wire::{Answer, Parameters, Repeated, Reply};

/// More than anybody should read.
const OVERSIZE: usize = 8 * 1024 * 1024;

impl DevIdp {
    pub(super) fn introspect(&self, authorization: Option<&str>, form: &[u8], now: i64) -> Answer {
        let fault = {
            let mut state = self.state();
            state.requests.introspection += 1;
            state.faults.introspection
        };
        let honest = || self.introspection(authorization, form, now);
        let lie = |body: &str| Reply::raw_json(200, body.to_owned());
        Answer::Reply(match fault {
            IntrospectionFault::None => honest(),
            IntrospectionFault::Down => return Answer::Down,
            IntrospectionFault::Slow => return Answer::Slow(honest()),
            IntrospectionFault::Garbage => lie("<html>]]{{{"),
            IntrospectionFault::StringTrue => lie(r#"{"active":"true"}"#),
            IntrospectionFault::MissingActive => lie(r#"{"token_type":"Bearer"}"#),
            IntrospectionFault::Empty => lie(""),
            IntrospectionFault::Redirect => {
                Reply::redirect(307, &format!("{}/elsewhere", self.settings.issuer))
            }
            IntrospectionFault::Oversize => {
                Reply::json(200, &json!({ "active": true, "padding": "x".repeat(OVERSIZE) }))
            }
            IntrospectionFault::Error500 => Reply::oauth_error(500, "server_error"),
            IntrospectionFault::Throttled => {
                Reply::oauth_error(429, "slow_down").with("retry-after", "1")
            }
        })
    }

    /// The caller first: an answer of any kind is only for actas (RFC 7662 §2.1).
    fn introspection(&self, authorization: Option<&str>, form: &[u8], now: i64) -> Reply {
        if let Err(refusal) = client::authenticate(authorization, &self.settings.introspector) {
            return refusal;
        }
        let Some(token) = token_of(form) else {
            return Reply::oauth_error(400, "invalid_request");
        };
        match self.state().describe(&token, now) {
            Some(description) => Reply::json(200, description),
            None => Reply::json(200, &json!({ "active": false })),
        }
    }

    /// `POST /revoke`, by the application.
    pub(super) fn revoke(&self, authorization: Option<&str>, form: &[u8]) -> Reply {
        if let Err(refusal) = client::authenticate(authorization, &self.settings.app) {
            return refusal;
        }
        let Some(token) = token_of(form) else {
            return Reply::oauth_error(400, "invalid_request");
        };
        self.state().revoke(&token);
        // RFC 7009 §2.2: also for a token that was never ours.
        Reply::json(200, &json!({}))
    }
}

fn token_of(form: &[u8]) -> Option<[u8; 32]> {
    let form = Parameters::parse(form).map_err(|Repeated| ()).ok()?;
    form.value("token").map(|token| keys::sha256(token.as_bytes()))
}
