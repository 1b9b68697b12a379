//! A site that publishes documents, and what asks there.

use std::time::Duration;

use delegation::refusal::Fault;
use serde_json::{Value, json};
use upstream::{
    connection::CacheTimes,
    http::{Outbound, OutboundSettings, Reach},
    trust::Reaching,
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

pub const LONG: Duration = Duration::from_hours(1);
pub const WHOSE: &str = "workload issuer `ci`";

pub struct Site {
    pub server: MockServer,
}

impl Site {
    pub async fn start() -> Self {
        Self { server: MockServer::start().await }
    }

    pub async fn serving(at: &str, response: ResponseTemplate) -> Self {
        let site = Self::start().await;
        site.serve(at, response).await;
        site
    }

    pub async fn serve(&self, at: &str, response: ResponseTemplate) {
        Mock::given(path(at)).respond_with(response).mount(&self.server).await;
    }

    /// Serves this once, before whatever is served otherwise.
    pub async fn serve_once(&self, at: &str, response: ResponseTemplate) {
        let mock = Mock::given(path(at)).respond_with(response).up_to_n_times(1).with_priority(1);
        mock.mount(&self.server).await;
    }

    pub async fn requests(&self, at: &str) -> usize {
        let received = self.server.received_requests().await.unwrap();
        received.iter().filter(|request| request.url.path() == at).count()
    }

    pub fn url(&self, at: &str) -> String {
        format!("{}{at}", self.server.uri())
    }
}

/// Nothing is fetched twice within a test.
pub fn reaching() -> Reaching {
    Reaching { outbound: outbound(Reach::Anywhere), times: times(LONG) }
}

pub fn times(cool_down: Duration) -> CacheTimes {
    CacheTimes {
        metadata: LONG,
        keys: LONG,
        after_failure: cool_down,
        after_unknown_kid: cool_down,
    }
}

/// The deadline is far, so that a slow machine does not fail tests.
pub fn outbound(reach: Reach) -> Outbound {
    let settings = OutboundSettings {
        reach,
        deadline: Duration::from_secs(30),
        max_body: 16 * 1024,
        // The machine may have none of its own.
        extra_ca_pem: Some(certificate().into_bytes()),
    };
    Outbound::new(settings).unwrap()
}

/// A certificate (PEM) of nobody who serves anything.
pub fn certificate() -> String {
    rcgen::generate_simple_self_signed(["nobody.example".to_owned()]).unwrap().cert.pem()
}

/// A key set; the key material is RFC 7638's kind of example, the names are the test's.
pub fn jwks(kids: &[&str]) -> Value {
    json!({ "keys": kids.iter().map(|kid| key(kid, "sig")).collect::<Vec<_>>() })
}

pub fn key(kid: &str, purpose: &str) -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "use": purpose, "kid": kid,
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    })
}

pub fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// What a fault says, having made sure that it says whose it is and keeps tokens.
pub fn detail<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    let fault = result.unwrap_err();
    for text in [fault.to_string(), format!("{fault:?}")] {
        assert!(!text.contains("eyJ") && !text.contains("cret"), "a secret in: {text}");
    }
    let Fault::Trusted { whose, detail, .. } = fault else { panic!("another fault: {fault}") };
    assert_eq!(whose, WHOSE);
    detail
}
