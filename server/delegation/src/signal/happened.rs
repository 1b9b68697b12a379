//! What a security event token says, in our words. Pure: what it asks for is done by [`set`](super::set).

use keys::VerifiedEvent;
use policy::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Affected, Effect, SignalRefusal, Whom,
    arrival::Told,
    events::{Body, Known, Meaning, known},
    subjects::{Home, Subject, overlooked, read},
};
use crate::{event::quoted, names::Names, ports::StreamStatus};

/// What a SET says besides the registered claims (RFC 8417 §2.2, RFC 9493 §4.1).
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    events: Map<String, Value>,
    sub_id: Option<Value>,
    /// When it happened.
    toe: Option<Value>,
}

pub(super) type Set = VerifiedEvent<Claims>;

/// A SET in our words.
pub(super) struct Happened {
    issuer: String,
    id: String,
    /// When it was said, and not later than now: a stream cannot have been heard of in the future.
    pub said_at: Timestamp,
    pub events: Vec<Happening>,
}

/// One of its events in our words.
pub(super) struct Happening {
    code: &'static str,
    pub what: What,
    detail: String,
    subject: Option<String>,
    /// Members of its subject that were not looked at.
    overlooked: Vec<String>,
}

pub(super) enum What {
    Effects(Vec<Affected>),
    /// It has members that had to be understood; nothing is done about it.
    Critical,
    Unknown,
    Verification {
        stream: Option<String>,
        state: Option<String>,
    },
    StreamStatus {
        stream: Option<String>,
        status: StreamStatus,
    },
}

impl Happened {
    pub fn read(set: &Set, home: Home<'_>, now: Timestamp) -> Result<Self, SignalRefusal> {
        let (registered, claims) = (set.registered(), set.claims());
        if claims.events.is_empty() {
            return Err(SignalRefusal::NoEvent);
        }
        let said_at = Timestamp(registered.issued_at).min(now);
        let toe = moment(claims.toe.as_ref()).unwrap_or(said_at).min(now);
        let events = claims.events.iter().map(|(uri, body)| {
            let Some(known) = known(uri) else { return Ok(Happening::unknown(uri)) };
            let body = body.as_object().ok_or(SignalRefusal::Shape)?;
            let subject = claims.sub_id.as_ref().or_else(|| body.get("subject"));
            let at = moment(body.get("event_timestamp")).map_or(toe, |at| at.min(now));
            Happening::read(known, body, (subject, home), at)
        });
        Ok(Self {
            issuer: registered.issuer.clone(),
            id: registered.id.clone(),
            said_at,
            events: events.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a subject has members that were not looked at.
    pub fn overlooks(&self) -> bool {
        self.events.iter().any(|event| !event.overlooked.is_empty())
    }

    /// SSF 1.0 §7.1: an event with a member that is critical, and not understood, is discarded.
    pub fn discard(&mut self, critical: &[String]) {
        for event in &mut self.events {
            if event.overlooked.iter().any(|member| critical.contains(member)) {
                event.what = What::Critical;
                event.detail.push_str(", discarded: a critical member is not understood");
            }
        }
    }

    pub fn kinds(&self) -> Vec<&'static str> {
        self.events.iter().map(|event| event.code).collect()
    }

    /// Whether anything is done about any of it.
    pub fn is_of_use(&self) -> bool {
        self.events.iter().any(|event| match &event.what {
            What::Effects(effects) => !effects.is_empty(),
            What::Verification { .. } | What::StreamStatus { .. } => true,
            What::Critical | What::Unknown => false,
        })
    }

    pub fn alert(&self) -> Option<&'static str> {
        self.events.iter().find_map(Happening::alert)
    }

    /// Everything but verifications, of which there is one every few minutes.
    pub fn told(self) -> Option<Told> {
        let events = self.events.into_iter();
        let mut events =
            events.filter(|event| !matches!(event.what, What::Verification { .. })).peekable();
        let reason = events.peek()?.code;
        let mut told = Told { issuer: self.issuer, id: self.id, reason, ..Told::default() };
        let mut details = Vec::new();
        for event in events {
            details.push(event.detail);
            told.subject = told.subject.or(event.subject);
            match event.what {
                What::Effects(effects) => told.effects.extend(effects),
                What::Critical
                | What::Unknown
                | What::StreamStatus { .. }
                | What::Verification { .. } => {}
            }
        }
        told.detail = details.join("; ");
        Some(told)
    }
}

impl Happening {
    fn unknown(uri: &str) -> Self {
        let detail = format!("unknown event {}", quoted(uri));
        let what = What::Unknown;
        Self { code: "unknown_event", what, detail, subject: None, overlooked: Vec::new() }
    }

    fn read(
        known: &Known,
        body: &Body,
        (subject, home): (Option<&Value>, Home<'_>),
        at: Timestamp,
    ) -> Result<Self, SignalRefusal> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let of_stream = || Some(subject?.get("id")?.as_str()?.to_owned());
        let mut detail = known.code.to_owned();
        let mut sub = None;
        let what = match known.meaning {
            Meaning::Verification => {
                What::Verification { stream: of_stream(), state: text("state") }
            }
            Meaning::StreamStatus => {
                // Keycloak 26 says it as an object of the status endpoint's shape.
                let nested = || body.get("status")?.get("status")?.as_str().map(str::to_owned);
                let status = text("status").or_else(nested).unwrap_or_default();
                let status = StreamStatus::read(&status);
                detail = format!("{detail}: {}", status.code());
                What::StreamStatus { stream: of_stream(), status }
            }
            Meaning::User(effects) => {
                let subject = read(subject.ok_or(SignalRefusal::NoSubject)?, home)?;
                detail = format!("{detail} of {}", name(&subject));
                let whom;
                (whom, sub) = match subject {
                    Subject::Ours { whom, sub } => (Some(whom), sub),
                    Subject::Unclear => (None, None),
                    Subject::Nobody => return Ok(Self::nobody(known, detail)),
                };
                What::Effects(affected(whom, effects(body), at))
            }
        };
        if let Some(reason) = reason(body) {
            detail = format!("{detail} ({})", quoted(&reason));
        }
        let overlooked = subject.map(overlooked).unwrap_or_default();
        let overlooked = overlooked.into_iter().map(str::to_owned).collect();
        Ok(Self { code: known.code, what, detail, subject: sub, overlooked })
    }

    fn nobody(known: &Known, detail: String) -> Self {
        let what = What::Effects(Vec::new());
        Self { code: known.code, what, detail, subject: None, overlooked: Vec::new() }
    }

    fn alert(&self) -> Option<&'static str> {
        match &self.what {
            What::Critical => Some("critical_member"),
            What::Unknown => Some("unknown_event"),
            What::StreamStatus { status, .. } => match status {
                StreamStatus::Enabled => None,
                StreamStatus::Paused => Some("stream_paused"),
                StreamStatus::Disabled => Some("stream_disabled"),
            },
            What::Effects(_) | What::Verification { .. } => None,
        }
    }
}

/// Whose signal it is cannot be told: then no older answer counts, about anybody.
fn affected(whom: Option<Whom>, effects: Vec<Effect>, at: Timestamp) -> Vec<Affected> {
    match whom {
        Some(whom) => {
            let one = |effect| Affected { whom: whom.clone(), effect, at };
            effects.into_iter().map(one).collect()
        }
        None if effects.is_empty() => Vec::new(),
        None => vec![Affected { whom: Whom::Everyone, effect: Effect::Recheck, at }],
    }
}

/// A moment as transmitters write it: seconds, with or without a fraction, or milliseconds.
fn moment(value: Option<&Value>) -> Option<Timestamp> {
    const NO_SECONDS: i64 = 100_000_000_000;
    let number = value?.as_number()?.to_string();
    let whole = number.split_once('.').map_or(number.as_str(), |(whole, _)| whole);
    let moment = whole.parse().ok().filter(|moment| 0 < *moment)?;
    Some(Timestamp(if moment < NO_SECONDS { moment } else { moment / 1000 }))
}

/// What the transmitter says to people (CAEP 1.0 §2): the administrator's text before the user's.
fn reason(body: &Body) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(languages) => {
            let text = languages.get("en").or_else(|| languages.values().next());
            text.and_then(Value::as_str).map(str::to_owned)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    ["reason_admin", "reason", "risk_reason", "reason_user"]
        .iter()
        .find_map(|name| text(body.get(*name)?))
}

/// Whom it is about, for people.
fn name(subject: &Subject) -> String {
    let listed = |names: &Names| quoted(&names.iter().collect::<Vec<_>>().join(" "));
    match subject {
        Subject::Ours { whom, .. } => match whom {
            Whom::User { names, session, device } => {
                let mut text = listed(names);
                for (what, id) in [("session", session), ("device", device)] {
                    if let Some(id) = id {
                        text = format!("{text}, {what} {}", quoted(id));
                    }
                }
                text
            }
            Whom::Session(id) => format!("session {}", quoted(id)),
            Whom::Token(id) | Whom::TokenOf { id, .. } => format!("token {}", quoted(id)),
            Whom::Device(id) => format!("device {}", quoted(id)),
            Whom::Everyone => "everyone".to_owned(),
        },
        Subject::Unclear => "somebody who cannot be told".to_owned(),
        Subject::Nobody => "a user of another issuer".to_owned(),
    }
}
