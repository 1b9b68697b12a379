//! A fake transmitter, healthy unless a test changes one thing.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use upstream::{
    connection::CacheTimes,
    fault::UpstreamFault,
    http::{Outbound, OutboundSettings, Reach},
    settings::StreamSettings,
    transmitter::Transmitter,
};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

/// Where we are pushed to.
pub const ENDPOINT: &str = "https://actas.example/signals/corp/streams/okta";
/// What the transmitter must push with.
pub const AUTHORIZATION: &str = "Bearer pushed-secret";
/// Our token at the transmitter.
pub const BEARER: &str = "managing-secret";
pub const LONG: Duration = Duration::from_hours(1);

pub struct Fake {
    pub server: MockServer,
}

impl Fake {
    /// Publishes metadata and nothing else.
    pub async fn start() -> Self {
        let fake = Self { server: MockServer::start().await };
        let metadata = fake.metadata();
        fake.serve("GET", "/.well-known/ssf-configuration/t1", ok(&metadata)).await;
        fake
    }

    pub fn issuer(&self) -> String {
        format!("{}/t1", self.server.uri())
    }

    pub fn metadata(&self) -> Value {
        let issuer = self.issuer();
        json!({
            "spec_version": "1_0",
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/jwks"),
            "delivery_methods_supported": ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
            "configuration_endpoint": format!("{issuer}/stream"),
            "status_endpoint": format!("{issuer}/status"),
            "verification_endpoint": format!("{issuer}/verify"),
            "critical_subject_members": ["tenant"],
        })
    }

    /// A stream that is pushed to us, in the shape Keycloak and Okta give it.
    pub fn stream(&self, id: &str) -> Value {
        json!({
            "stream_id": id,
            "iss": self.issuer(),
            "aud": [format!("actas/{id}")],
            "events_supported": ["https://events.example/a", "https://events.example/b"],
            "events_requested": ["https://events.example/a", "https://events.example/z"],
            "events_delivered": ["https://events.example/a"],
            "delivery": {
                "method": "urn:ietf:rfc:8935",
                "endpoint_url": ENDPOINT,
                "authorization_header": AUTHORIZATION,
            },
            "min_verification_interval": 60,
            "inactivity_timeout": 3600,
            "description": "somebody's",
        })
    }

    pub async fn serve(&self, verb: &str, at: &str, response: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(response);
        mock.mount(&self.server).await;
    }

    /// Serves this once, before whatever is served otherwise.
    pub async fn serve_once(&self, verb: &str, at: &str, response: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(response);
        mock.up_to_n_times(1).with_priority(1).mount(&self.server).await;
    }

    /// Every request but those for metadata.
    pub async fn requests(&self) -> Vec<Request> {
        let mut received = self.server.received_requests().await.unwrap();
        received.retain(|request| !request.url.path().starts_with("/.well-known/"));
        received
    }

    /// Method and path of each, with the query.
    pub async fn calls(&self) -> Vec<String> {
        let requests = self.requests().await;
        let text = |request: &Request| {
            let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
            let path = request.url.path().trim_start_matches("/t1");
            format!("{} {path}{query}", request.method)
        };
        requests.iter().map(text).collect()
    }

    /// The body of the last request.
    pub async fn body(&self) -> Value {
        let requests = self.requests().await;
        serde_json::from_slice(&requests.last().unwrap().body).unwrap()
    }

    pub fn transmitter(&self) -> Arc<Transmitter> {
        self.transmitter_with(&json!({}))
    }

    /// Declared with these members changed; null removes.
    pub fn transmitter_with(&self, change: &Value) -> Arc<Transmitter> {
        new(settings(&self.issuer(), change)).unwrap()
    }
}

pub fn settings(issuer: &str, change: &Value) -> StreamSettings {
    let mut declared = json!({
        "id": "okta",
        "issuer": issuer,
        "authorization": AUTHORIZATION,
        "access": { "bearer": BEARER },
        "events": ["https://events.example/a", "https://events.example/z"],
    });
    let members = declared.as_object_mut().unwrap();
    members.extend(change.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    serde_json::from_value(declared).unwrap()
}

pub fn new(settings: StreamSettings) -> Result<Arc<Transmitter>, String> {
    Transmitter::new("corp", settings, Outbound::new(development()).unwrap(), times(LONG))
}

/// Loopback is allowed; the deadline is far, so that a slow machine does not fail tests.
pub fn development() -> OutboundSettings {
    OutboundSettings {
        reach: Reach::Anywhere,
        deadline: Duration::from_secs(30),
        max_body: 64 * 1024,
        ..OutboundSettings::default()
    }
}

/// Nothing is fetched twice within a test, unless it says so by `cool_down`.
pub fn times(cool_down: Duration) -> CacheTimes {
    CacheTimes {
        metadata: LONG,
        keys: LONG,
        after_failure: cool_down,
        after_unknown_kid: cool_down,
    }
}

pub fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

/// What a fault says, having made sure that it keeps secrets.
pub fn text<T: std::fmt::Debug>(result: Result<T, UpstreamFault>) -> String {
    let fault = result.unwrap_err();
    let (text, debug) = (fault.to_string(), format!("{fault:?}"));
    assert!(!text.contains("secret") && !debug.contains("secret"), "a secret in: {debug}");
    text
}
