//! Polling for events (RFC 8936).
//!
//! Always with `returnImmediately`: a long poll would outlast the deadline that every outbound call
//! has, would hold a lease for as long as it hangs, and not every transmitter knows it (Keycloak
//! answers at once). Whoever polls comes back after a short while instead.

use std::collections::BTreeMap;

use keys::Object;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Transmitter;
use crate::{fault::UpstreamFault, http::call::Call};

/// What came, and whether there is more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// Each under the `jti` it is acknowledged by. One that is not even text is empty, so that it
    /// is refused where all are judged.
    pub sets: Vec<(String, String)>,
    pub more: bool,
}

/// Why an event was not taken (RFC 8936 §2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFault {
    pub jti: String,
    pub err: &'static str,
    pub description: String,
}

#[derive(Deserialize)]
struct Answer {
    sets: Option<BTreeMap<String, Value>>,
    #[serde(rename = "moreAvailable")]
    more: Option<bool>,
}

impl Answer {
    fn polled(self) -> Polled {
        let text = |(jti, set): (String, Value)| {
            let set = set.as_str().map(str::to_owned).unwrap_or_default();
            (jti, set)
        };
        let sets = self.sets.unwrap_or_default().into_iter().map(text).collect();
        Polled { sets, more: self.more.unwrap_or_default() }
    }
}

/// For [`crate::probe`].
pub(crate) fn polled(body: &[u8]) -> Option<Polled> {
    keys::json(body).ok().map(|Object(answer): Object<Answer>| answer.polled())
}

impl Transmitter {
    /// Tells what became of earlier events and fetches at most `most` new ones.
    ///
    /// What is named in `taken` is not delivered again: it must be stored by now.
    ///
    /// # Errors
    ///
    /// It cannot be asked, or the answer is none. Then what was told may be lost as well; the same
    /// events come again.
    pub async fn poll(
        &self,
        endpoint: &str,
        taken: &[String],
        refused: &[SetFault],
        most: usize,
    ) -> Result<Polled, UpstreamFault> {
        let none = || UpstreamFault::Access("none are declared".to_owned());
        let api = self.polling.as_ref().ok_or_else(none)?;
        let mut body = json!({ "maxEvents": most, "returnImmediately": true });
        if let Some(members) = body.as_object_mut() {
            if !taken.is_empty() {
                members.insert("ack".to_owned(), json!(taken));
            }
            if !refused.is_empty() {
                members.insert("setErrs".to_owned(), faults(refused));
            }
        }
        let answer: Answer = match api.call(Call::post_json(endpoint, body)).await? {
            reply if reply.status == 403 => {
                return Err(UpstreamFault::NotAllowed("to poll".to_owned()));
            }
            reply => reply.ok()?,
        };
        Ok(answer.polled())
    }
}

fn faults(refused: &[SetFault]) -> Value {
    let member = |SetFault { jti, err, description }: &SetFault| {
        (jti.clone(), json!({ "err": err, "description": description }))
    };
    Value::Object(refused.iter().map(member).collect::<Map<_, _>>())
}
