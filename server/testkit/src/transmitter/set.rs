//! Security event tokens (RFC 8417), also ones no honest transmitter would make.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::SignFault;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Transmitter,
    state::{Queued, Stream},
};

const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const STREAM_UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// What to transmit. Members of `claims` and `header` replace what would be there; null removes.
/// With `alg` replaced by `none` there is no signature.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emission {
    /// Event types, each with its members.
    pub events: Map<String, Value>,
    /// `sub_id`
    #[serde(default)]
    pub subject: Option<Value>,
    #[serde(default)]
    pub claims: Map<String, Value>,
    #[serde(default)]
    pub header: Map<String, Value>,
    /// Only to this stream, whether it asked for it or not.
    #[serde(default)]
    pub stream: Option<String>,
}

impl Emission {
    /// One event.
    #[must_use]
    pub fn of(event: &str, members: Value, subject: Value) -> Self {
        let events = Map::from_iter([(event.to_owned(), members)]);
        Self { events, subject: Some(subject), ..Self::default() }
    }

    pub(super) fn verification(stream: &Stream, state: Option<&str>) -> Self {
        let members = state.map_or_else(|| json!({}), |state| json!({ "state": state }));
        Self::of(VERIFICATION, members, about(stream))
    }

    pub(super) fn stream_updated(stream: &Stream, status: &str) -> Self {
        Self::of(STREAM_UPDATED, json!({ "status": status }), about(stream))
    }
}

fn about(stream: &Stream) -> Value {
    json!({ "format": "opaque", "id": stream.id })
}

/// The `aud` of a stream's events.
pub(super) fn audience(stream: &Stream) -> String {
    format!("receiver/{}", stream.id)
}

pub(super) fn mint(
    transmitter: &Transmitter,
    stream: &Stream,
    emission: &Emission,
    now: i64,
) -> Result<Queued, SignFault> {
    let jti = (transmitter.fresh)();
    let mut claims = Map::from_iter([
        ("iss".to_owned(), json!(transmitter.settings.issuer)),
        ("jti".to_owned(), json!(jti)),
        ("iat".to_owned(), json!(now)),
        ("aud".to_owned(), json!(audience(stream))),
        ("events".to_owned(), json!(emission.events)),
    ]);
    if let Some(subject) = &emission.subject {
        claims.insert("sub_id".to_owned(), subject.clone());
    }
    replace(&mut claims, &emission.claims);
    let signer = transmitter.signer.as_ref();
    let mut header = Map::from_iter([
        ("typ".to_owned(), json!("secevent+jwt")),
        ("alg".to_owned(), json!(signer.algorithm().name())),
        ("kid".to_owned(), json!(signer.kid())),
    ]);
    replace(&mut header, &emission.header);
    // By hand: `keys::sign` refuses to make what nobody should read, and that is what this is for.
    let input = format!("{}.{}", encode(&header), encode(&claims));
    let unsigned = header.get("alg").is_some_and(|alg| alg == "none");
    let signature = if unsigned { Vec::new() } else { signer.sign(input.as_bytes())? };
    Ok(Queued { jti, set: format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)) })
}

fn replace(members: &mut Map<String, Value>, by: &Map<String, Value>) {
    for (name, value) in by {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
}

fn encode(members: &Map<String, Value>) -> String {
    URL_SAFE_NO_PAD.encode(json!(members).to_string())
}
