//! A fake identity provider, healthy unless a test changes one thing.

use std::{sync::Arc, time::Duration};

use delegation::{
    ports::{Hints, IdentityProvider, Inconclusive, Question},
    refusal::Fault,
};
use policy::{Session, Standing};
use secrecy::SecretString;
use serde_json::{Value, json};
use upstream::{
    connection::{CacheTimes, Connection, ConnectionSettings},
    connectors::introspection,
    http::{Outbound, OutboundSettings, Reach},
    settings::CheckSettings,
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

pub const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
pub const SECRET: &str = "s%cret +&";
pub const LONG: Duration = Duration::from_hours(1);

pub struct Provider {
    pub server: MockServer,
}

impl Provider {
    /// Publishes metadata and one key, `one`; does not introspect yet.
    pub async fn start() -> Self {
        let provider = Self { server: MockServer::start().await };
        let metadata = metadata(&provider.server.uri());
        provider.serve("/.well-known/openid-configuration", ok(&metadata)).await;
        provider
    }

    /// Healthy but for what it answers at its introspection endpoint.
    pub async fn saying(introspection: ResponseTemplate) -> Self {
        let provider = Self::start().await;
        provider.serve("/introspect", introspection).await;
        provider
    }

    /// Healthy but for its key set.
    pub async fn publishing(jwks: ResponseTemplate) -> Self {
        let provider = Self::start().await;
        provider.serve("/jwks", jwks).await;
        provider
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

    pub fn connection(&self) -> Arc<dyn IdentityProvider> {
        connection(&self.server.uri(), times(LONG), development())
    }
}

pub fn connection(
    issuer: &str,
    times: CacheTimes,
    outbound: OutboundSettings,
) -> Arc<dyn IdentityProvider> {
    let settings = ConnectionSettings {
        id: "corporate".to_owned(),
        issuer: issuer.to_owned(),
        client_id: "actas:one".to_owned(),
        client_secret: SecretString::from(SECRET),
        checks: vec![CheckSettings::Introspection(introspection::Settings::default())],
        replicas: 1,
        times,
    };
    Connection::new(settings, Outbound::new(outbound).unwrap()).unwrap()
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

/// Loopback is allowed; the deadline is far, so that a slow machine does not fail tests.
pub fn development() -> OutboundSettings {
    OutboundSettings {
        reach: Reach::Anywhere,
        deadline: Duration::from_secs(30),
        max_body: 64 * 1024,
        ..OutboundSettings::default()
    }
}

pub fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "jwks_uri": format!("{issuer}/jwks"),
        "introspection_endpoint": format!("{issuer}/introspect"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

/// A key set; the key material is RFC 7638's kind of example, the names are the test's.
pub fn jwks(kids: &[&str]) -> Value {
    let key = |kid: &&str| {
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        })
    };
    json!({ "keys": kids.iter().map(key).collect::<Vec<_>>() })
}

pub fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub fn active() -> ResponseTemplate {
    ok(&json!({ "active": true, "sub": "alice" }))
}

pub fn question() -> Question {
    Question {
        token: Some(SecretString::from(TOKEN)),
        user: "alice".to_owned(),
        hints: Hints::default(),
        is_client: false,
        epoch: 0,
        max_age: Duration::ZERO,
        purpose: None,
    }
}

pub fn live() -> Standing {
    Standing { session: Session::Live, ..Standing::default() }
}

pub fn ended() -> Standing {
    Standing { session: Session::Ended, ..Standing::default() }
}

/// Both ways in which a connection fails.
pub trait Failure: std::fmt::Debug {
    fn fault(self) -> Fault;
}

impl Failure for Fault {
    fn fault(self) -> Fault {
        self
    }
}

impl Failure for Inconclusive {
    fn fault(self) -> Fault {
        self.fault
    }
}

/// What a fault says, having made sure that it names the connection and keeps secrets.
pub fn detail<T: std::fmt::Debug>(result: Result<T, impl Failure>) -> String {
    let fault = result.unwrap_err().fault();
    for text in [fault.to_string(), format!("{fault:?}")] {
        assert!(!text.contains("eyJ") && !text.contains("c2lnbmF0dXJl"), "a token in: {text}");
        assert!(!text.contains("cret"), "a secret in: {text}");
    }
    let Fault::IdentityProvider { connection, detail, .. } = fault else {
        panic!("not the provider's fault: {fault}")
    };
    assert_eq!(connection, "corporate");
    detail
}
