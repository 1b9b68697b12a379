//! A stream on the wire (SSF 1.0 §8.1.1).

use delegation::ports::{Described, StreamStatus};
use keys::Object;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::metadata::names;
use crate::{
    fault::UpstreamFault,
    settings::{Delivery, SecretText, StreamSettings},
};

/// Longer names are not kept: no transmitter's are, and rows have to stay small.
const LONGEST_NAME: usize = 512;
const MOST_AUDIENCES: usize = 20;
const MOST_EVENTS: usize = 200;

/// What a stream has to be.
pub(super) struct Wanted<'a> {
    pub(super) settings: &'a StreamSettings,
    /// The transmitter's name of the delivery.
    pub(super) method: &'a str,
    /// Where we are pushed to; what also tells our stream from others.
    pub(super) endpoint: &'a str,
    pub(super) events: Vec<&'a str>,
}

impl Wanted<'_> {
    /// The body that makes the stream or, with its id, changes it. Whole, also when it changes:
    /// some transmitters require all of it.
    pub(super) fn body(&self, id: Option<&str>) -> Value {
        let delivery = match (self.settings.delivery, self.authorization()) {
            (Delivery::Push, Some(authorization)) => json!({
                "method": self.method,
                "endpoint_url": self.endpoint,
                "authorization_header": authorization,
            }),
            (Delivery::Push, None) => {
                json!({ "method": self.method, "endpoint_url": self.endpoint })
            }
            // Its `endpoint_url` is the transmitter's to give.
            (Delivery::Poll, _) => json!({ "method": self.method }),
        };
        let mut body = json!({
            "events_requested": self.events,
            "delivery": delivery,
            "description": self.description(),
        });
        if let (Some(id), Some(members)) = (id, body.as_object_mut()) {
            members.insert("stream_id".to_owned(), json!(id));
        }
        body
    }

    fn authorization(&self) -> Option<&str> {
        self.settings.authorization.as_ref().map(|header| header.secret().expose_secret())
    }

    fn description(&self) -> String {
        format!("actas {}", self.endpoint)
    }
}

/// A stream, as its transmitter describes it.
#[derive(Deserialize)]
pub(super) struct Document {
    stream_id: String,
    iss: Option<String>,
    aud: Option<Audience>,
    events_supported: Option<Vec<String>>,
    events_requested: Option<Vec<String>>,
    events_delivered: Option<Vec<String>>,
    delivery: Option<Object<Delivering>>,
    min_verification_interval: Option<u64>,
    inactivity_timeout: Option<u64>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Delivering {
    method: Option<String>,
    endpoint_url: Option<String>,
    authorization_header: Option<SecretText>,
}

impl Document {
    fn delivering(&self) -> Option<&Delivering> {
        self.delivery.as_ref().map(|Object(delivering)| delivering)
    }

    pub(super) fn id(&self) -> &str {
        &self.stream_id
    }

    /// Whether it is the stream we have made, by its id or by what we said when we made it.
    pub(super) fn is_ours(&self, known: Option<&str>, wanted: &Wanted<'_>) -> bool {
        known == Some(&self.stream_id)
            || self.endpoint() == Some(wanted.endpoint)
            || self.description.as_deref() == Some(&wanted.description())
    }

    /// Whether there is nothing to change. `told`: this process has told the transmitter already,
    /// so that what it does not repeat, or adds on its own, is not told again and again.
    pub(super) fn is_as(&self, wanted: &Wanted<'_>, told: bool) -> bool {
        let delivered = match wanted.settings.delivery {
            Delivery::Poll => true,
            Delivery::Push => {
                let repeated = self.delivering().and_then(|it| it.authorization_header.as_ref());
                let header = match (&wanted.settings.authorization, repeated) {
                    (None, _) => true,
                    (Some(ours), Some(theirs)) => ours == theirs || told,
                    (Some(_), None) => told,
                };
                header && self.endpoint() == Some(wanted.endpoint)
            }
        };
        delivered
            && self.delivery() == wanted.settings.delivery
            && self.brings(&wanted.events)
            && (told || self.brings_nothing_but(&wanted.events))
    }

    /// Whether all that was asked for, and can be had, comes.
    fn brings(&self, wanted: &[&str]) -> bool {
        let among = |list: &Option<Vec<String>>, event: &str| {
            list.as_ref().is_some_and(|list| list.iter().any(|one| one == event))
        };
        wanted.iter().all(|event| {
            among(&self.events_requested, event)
                || among(&self.events_delivered, event)
                || (self.events_supported.is_some() && !among(&self.events_supported, event))
        })
    }

    fn brings_nothing_but(&self, wanted: &[&str]) -> bool {
        let requested = self.events_requested.as_ref();
        requested.is_none_or(|list| list.iter().all(|event| wanted.contains(&event.as_str())))
    }

    /// SSF 1.0 §8.1.1: without `delivery` it is polled.
    fn delivery(&self) -> Delivery {
        let method = self.delivering().and_then(|delivery| delivery.method.as_deref());
        let pushes = method.is_some_and(|method| names(Delivery::Push).contains(&method));
        if pushes { Delivery::Push } else { Delivery::Poll }
    }

    fn endpoint(&self) -> Option<&str> {
        self.delivering().and_then(|delivery| delivery.endpoint_url.as_deref())
    }

    /// What its events will name as `aud`, once it is known to be the declared transmitter's, and
    /// for us.
    pub(super) fn audience(&self, settings: &StreamSettings) -> Result<Vec<String>, UpstreamFault> {
        if self.iss.as_ref().is_some_and(|iss| *iss != settings.issuer) {
            return Err(UpstreamFault::Answer("the stream is another issuer's"));
        }
        if !is_name(&self.stream_id) {
            return Err(UpstreamFault::Answer("`stream_id` is none that can be kept"));
        }
        audience(self.aud.as_ref(), &settings.audience)
    }

    /// What is kept of it.
    pub(super) fn described(self, settings: &StreamSettings) -> Result<Described, UpstreamFault> {
        let audience = self.audience(settings)?;
        let poll_endpoint = match (settings.delivery, self.delivery()) {
            (Delivery::Push, _) => None,
            (Delivery::Poll, Delivery::Poll) if self.endpoint().is_some() => {
                self.endpoint().map(str::to_owned)
            }
            (Delivery::Poll, _) => {
                return Err(UpstreamFault::Answer("it does not say where to poll"));
            }
        };
        let mut events_delivered = self.events_delivered.unwrap_or_default();
        events_delivered.retain(|event| is_name(event));
        events_delivered.truncate(MOST_EVENTS);
        Ok(Described {
            id: self.stream_id,
            audience,
            poll_endpoint,
            min_verification_interval: self.min_verification_interval,
            inactivity_timeout: self.inactivity_timeout,
            events_delivered,
        })
    }
}

/// One that was declared must be among what the transmitter says, or else it is somebody else's
/// stream.
fn audience(said: Option<&Audience>, declared: &[String]) -> Result<Vec<String>, UpstreamFault> {
    let said = match said {
        None => Vec::new(),
        Some(Audience::One(one)) => vec![one.clone()],
        Some(Audience::Several(several)) => several.clone(),
    };
    if MOST_AUDIENCES < said.len() || !said.iter().all(|name| is_name(name)) {
        return Err(UpstreamFault::Answer("the stream's `aud` is none that can be kept"));
    }
    match (said.is_empty(), declared.is_empty()) {
        (true, true) => Err(UpstreamFault::Answer("the stream has no `aud`, and none is declared")),
        (true, false) => Ok(declared.to_vec()),
        (false, true) => Ok(said),
        (false, false) if said.iter().any(|name| declared.contains(name)) => Ok(said),
        (false, false) => Err(UpstreamFault::Answer("the stream is for another `aud`")),
    }
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && !text.contains(char::is_control)
}

/// `status` of a status answer: a name or, at Keycloak, an object that has one.
#[derive(Deserialize)]
pub(super) struct Stating {
    status: Option<Value>,
}

impl Stating {
    /// None when it says nothing of it.
    pub(super) fn status(&self) -> Option<StreamStatus> {
        let status = self.status.as_ref()?;
        let name = status.as_str().or_else(|| status.get("status")?.as_str())?;
        Some(StreamStatus::read(name))
    }
}
