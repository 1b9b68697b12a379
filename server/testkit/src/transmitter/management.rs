//! The management API (SSF 1.0 §8.1).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Transmitter,
    set::{Emission, audience, mint},
    state::{ManagementFault, State, Stream},
};
use crate::wire::{Answer, Parameters, Reply, Request};

const PUSH: &str = "urn:ietf:rfc:8935";
const POLL: &str = "urn:ietf:rfc:8936";
/// What `events_supported` says; other events are transmitted all the same when a test says so.
const SUPPORTED: [&str; 5] = [
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
    "https://schemas.openid.net/secevent/caep/event-type/credential-change",
    "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change",
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
    "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
];

#[derive(Deserialize)]
struct Wanted {
    stream_id: Option<String>,
    events_requested: Option<Vec<String>>,
    delivery: Option<Delivery>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Delivery {
    method: String,
    endpoint_url: Option<String>,
    authorization_header: Option<String>,
}

#[derive(Deserialize)]
struct Order {
    stream_id: String,
    status: Option<String>,
    state: Option<String>,
}

impl Transmitter {
    pub(super) fn manage(&self, request: &Request<'_>, path: &str, now: i64) -> Answer {
        if !self.is_authorized(request) {
            return Answer::Reply(Reply::oauth_error(401, "invalid_token"));
        }
        let mut state = self.state();
        state.seen.calls.push(format!("{} {path}", request.method));
        let reply = match state.faults.management {
            ManagementFault::Down => return Answer::Down,
            ManagementFault::Error500 => Reply::oauth_error(500, "server_error"),
            ManagementFault::Throttled => {
                Reply::oauth_error(429, "slow_down").with("retry-after", "7")
            }
            ManagementFault::Forbidden => Reply::oauth_error(403, "access_denied"),
            ManagementFault::Garbage => Reply::raw_json(200, "{".to_owned()),
            ManagementFault::Slow => {
                return Answer::Slow(self.answer(&mut state, request, path, now));
            }
            ManagementFault::None
            | ManagementFault::Accepts
            | ManagementFault::OtherIssuer
            | ManagementFault::Silent => self.answer(&mut state, request, path, now),
        };
        Answer::Reply(reply)
    }

    fn answer(&self, state: &mut State, request: &Request<'_>, path: &str, now: i64) -> Reply {
        let parameters = Parameters::parse(request.query.as_bytes()).unwrap_or_default();
        let named = parameters.value("stream_id");
        match (request.method, path) {
            ("GET", "/stream") => self.read(state, named),
            ("POST", "/stream") => read_body(request, |wanted| self.create(state, wanted)),
            ("PATCH" | "PUT", "/stream") => read_body(request, |wanted| self.change(state, wanted)),
            ("DELETE", "/stream") => match named.and_then(|id| state.streams.remove(id)) {
                Some(_) => empty(204),
                None => unknown(),
            },
            ("GET", "/status") => match named.and_then(|id| state.streams.get(id)) {
                Some(stream) => status(stream),
                None => unknown(),
            },
            ("POST", "/status") => read_body(request, |order: Order| {
                let Some(stream) = state.streams.get_mut(&order.stream_id) else {
                    return unknown();
                };
                stream.status = order.status.unwrap_or_default();
                status(stream)
            }),
            ("POST", "/verification") => {
                read_body(request, |order| self.verify(state, &order, now))
            }
            _ => Reply::oauth_error(405, "method_not_allowed"),
        }
    }

    fn read(&self, state: &State, named: Option<&str>) -> Reply {
        let lies = state.faults.management == ManagementFault::OtherIssuer;
        let described = |stream: &Stream| {
            let mut described = self.describe(stream);
            if let Some(members) = described.as_object_mut().filter(|_| lies) {
                members.insert("iss".to_owned(), json!("https://transmitter.elsewhere.example"));
            }
            described
        };
        let Some(id) = named else {
            let all: Vec<_> = state.streams.values().map(described).collect();
            return Reply::json(200, &json!(all));
        };
        let stream = state.streams.get(id);
        stream.map_or_else(unknown, |stream| Reply::json(200, &described(stream)))
    }

    fn create(&self, state: &mut State, wanted: Wanted) -> Reply {
        if !self.settings.allows_several && !state.streams.is_empty() {
            return Reply::oauth_error(409, "stream_error");
        }
        let id = (self.fresh)();
        let mut stream = Stream {
            id: id.clone(),
            status: "enabled".to_owned(),
            events: Vec::new(),
            description: None,
            endpoint: None,
            authorization: None,
            queue: std::collections::VecDeque::new(),
            last_words: Vec::new(),
            verified_at: None,
        };
        stream.change(wanted);
        let reply = Reply::json(201, &self.describe(&stream));
        state.streams.insert(id, stream);
        reply
    }

    fn change(&self, state: &mut State, wanted: Wanted) -> Reply {
        let id = wanted.stream_id.clone().unwrap_or_default();
        let Some(stream) = state.streams.get_mut(&id) else { return unknown() };
        if state.faults.management == ManagementFault::Accepts {
            return empty(202);
        }
        stream.change(wanted);
        Reply::json(200, &self.describe(stream))
    }

    fn verify(&self, state: &mut State, order: &Order, now: i64) -> Reply {
        let Some(stream) = state.streams.get_mut(&order.stream_id) else { return unknown() };
        let least = self.settings.min_verification_interval.unwrap_or_default();
        let least = i64::try_from(least).unwrap_or(i64::MAX);
        if stream.verified_at.is_some_and(|at| now < at.saturating_add(least)) {
            return Reply::oauth_error(429, "too_many_requests");
        }
        stream.verified_at = Some(now);
        state.seen.state.clone_from(&order.state);
        if state.faults.management == ManagementFault::Silent {
            return empty(204);
        }
        let emission = Emission::verification(stream, order.state.as_deref());
        match mint(self, stream, &emission, now) {
            Ok(queued) => stream.queue.push_back(queued),
            Err(_) => return Reply::oauth_error(500, "server_error"),
        }
        empty(204)
    }

    /// SSF 1.0 §8.1.1.
    pub(super) fn describe(&self, stream: &Stream) -> Value {
        let issuer = &self.settings.issuer;
        let supported = |event: &&String| SUPPORTED.contains(&event.as_str());
        let delivered: Vec<_> = stream.events.iter().filter(supported).collect();
        let delivery = match &stream.endpoint {
            Some(endpoint) => json!({ "method": PUSH, "endpoint_url": endpoint }),
            None => {
                json!({ "method": POLL, "endpoint_url": format!("{issuer}/poll/{}", stream.id) })
            }
        };
        let mut described = json!({
            "stream_id": stream.id,
            "iss": issuer,
            "aud": [audience(stream)],
            "events_supported": SUPPORTED,
            "events_requested": stream.events,
            "events_delivered": delivered,
            "delivery": delivery,
        });
        let mut add = |name: &str, value: Option<Value>| {
            if let (Some(value), Some(members)) = (value, described.as_object_mut()) {
                members.insert(name.to_owned(), value);
            }
        };
        add("description", stream.description.as_ref().map(|text| json!(text)));
        add("min_verification_interval", self.settings.min_verification_interval.map(Value::from));
        add("inactivity_timeout", self.settings.inactivity_timeout.map(Value::from));
        described
    }
}

impl Stream {
    /// What is left out stays as it was.
    fn change(&mut self, wanted: Wanted) {
        if let Some(events) = wanted.events_requested {
            self.events = events;
        }
        if let Some(Delivery { method, endpoint_url, authorization_header }) = wanted.delivery {
            self.endpoint = endpoint_url.filter(|_| method != POLL);
            self.authorization = authorization_header;
        }
        self.description = wanted.description.or(self.description.take());
    }
}

fn status(stream: &Stream) -> Reply {
    Reply::json(200, &json!({ "stream_id": stream.id, "status": stream.status }))
}

fn unknown() -> Reply {
    Reply::oauth_error(404, "stream_not_found")
}

fn empty(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: String::new() }
}

fn read_body<T: serde::de::DeserializeOwned>(
    request: &Request<'_>,
    answer: impl FnOnce(T) -> Reply,
) -> Reply {
    match serde_json::from_slice(request.body) {
        Ok(body) => answer(body),
        Err(_) => Reply::oauth_error(400, "invalid_request"),
    }
}
