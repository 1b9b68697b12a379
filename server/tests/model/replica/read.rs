//! What an answer says, in the model's words.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use delegation::{issue::Issued, refusal::Refusal};
use serde_json::Value;
use uuid::Uuid;

use crate::{cast, cast::name_of, heard};

/// What a token says, and its id.
pub(super) fn read(issued: &Issued) -> (Uuid, heard::Issued) {
    let part = issued.access_token().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let text = |name: &str| claims[name].as_str().unwrap().to_owned();
    let mut chain = Vec::new();
    let mut act = &claims["act"];
    while let Some(actor) = act["sub"].as_str() {
        chain.push(actor.strip_prefix("agent:").unwrap_or(actor).to_owned());
        act = &act["act"];
    }
    let issuer = text("iss");
    let org = issuer.rsplit('/').next().unwrap();
    let issued = heard::Issued {
        org: [name_of(&text("org_id")), name_of(org)],
        sub: text("sub"),
        agent: text("client_id"),
        target: text("aud"),
        words: cast::words(&text("scope")),
        chain,
        expires_at: claims["exp"].as_i64().unwrap(),
    };
    (Uuid::parse_str(&text("jti")).unwrap(), issued)
}

/// A short name of why, for the report.
pub(super) fn reason(refusal: &Refusal) -> String {
    if let Refusal::Policy(refusal) = refusal {
        refusal.reason.code().to_owned()
    } else {
        refusal.to_string()
    }
}
