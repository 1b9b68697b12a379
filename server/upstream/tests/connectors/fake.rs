//! What the fakes of all providers have in common: the connection that asks them, the question, and
//! a token endpoint for our own tokens.

use std::{sync::Arc, time::Duration};

use delegation::{
    ports::{Hints, IdentityProvider, Question},
    refusal::Fault,
};
use keys::{Algorithm, Expect, PublicKeys, Signer, SigningKey, Typ};
use secrecy::SecretString;
use serde_json::{Value, json};
use upstream::{
    connection::{CacheTimes, Connection, ConnectionSettings},
    http::{Outbound, OutboundSettings, Reach},
    settings::CheckSettings,
};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

/// The user's token.
pub const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
/// Our secret at a provider.
pub const SECRET: &str = "s%cret +&";
/// Our token at a provider's API.
pub const SERVICE_TOKEN: &str = "eyJzZXJ2aWNlIjoxfQ.service-cret";
/// When the user of [`question`] signed in: 2026-11-22T10:00:00Z.
pub const SIGNED_IN_AT: i64 = 1_795_341_600;
pub const LONG: Duration = Duration::from_hours(1);

/// About `user`, who signed in at [`SIGNED_IN_AT`].
pub fn question(user: &str, hints: Hints) -> Question {
    Question {
        token: Some(SecretString::from(TOKEN)),
        user: user.to_owned(),
        hints: Hints { signed_in_at: Some(SIGNED_IN_AT), ..hints },
        is_client: false,
        epoch: 0,
        max_age: Duration::ZERO,
        purpose: None,
    }
}

/// As declared: an object with a `kind`.
pub fn settings(declared: Value) -> CheckSettings {
    serde_json::from_value(declared).unwrap()
}

/// Why a declared check cannot be built, or even read.
pub fn refusal(declared: Value) -> String {
    match serde_json::from_value(declared) {
        Ok(check) => new_connection(vec![check], "https://idp.example", LONG).unwrap_err(),
        Err(error) => error.to_string(),
    }
}

/// Asks `checks`, on loopback. `issuer` only counts for checks that discover their provider.
pub fn connection(
    checks: Vec<CheckSettings>,
    issuer: &str,
    deadline: Duration,
) -> Arc<dyn IdentityProvider> {
    new_connection(checks, issuer, deadline).unwrap()
}

fn new_connection(
    checks: Vec<CheckSettings>,
    issuer: &str,
    deadline: Duration,
) -> Result<Arc<dyn IdentityProvider>, String> {
    let times =
        CacheTimes { metadata: LONG, keys: LONG, after_failure: LONG, after_unknown_kid: LONG };
    let settings = ConnectionSettings {
        id: "corporate".to_owned(),
        issuer: issuer.to_owned(),
        client_id: "actas:one".to_owned(),
        client_secret: SecretString::from(SECRET),
        checks,
        replicas: 1,
        times,
    };
    let outbound =
        OutboundSettings { reach: Reach::Anywhere, deadline, ..OutboundSettings::default() };
    Connection::new(settings, Outbound::new(outbound).unwrap())
}

/// What a fault says, having made sure that it names the connection and keeps secrets.
pub fn detail(fault: &Fault) -> String {
    for text in [fault.to_string(), format!("{fault:?}")] {
        assert!(!text.contains("eyJ") && !text.contains("c2lnbmF0dXJl"), "a token in: {text}");
        assert!(!text.contains("cret"), "a secret in: {text}");
    }
    let Fault::IdentityProvider { connection, detail, .. } = fault else {
        panic!("not the provider's fault: {fault}")
    };
    assert_eq!(connection, "corporate");
    detail.clone()
}

/// What is served at `at` while all is well.
pub async fn serve(server: &MockServer, at: &str, response: ResponseTemplate) {
    Mock::given(path(at)).respond_with(response).with_priority(5).mount(server).await;
}

/// What is served at `at` to whoever shows [`SERVICE_TOKEN`], while all is well.
pub async fn serve_us(server: &MockServer, at: &str, response: ResponseTemplate) {
    let authorization = format!("Bearer {SERVICE_TOKEN}");
    let mock = Mock::given(path(at)).and(header("authorization", authorization.as_str()));
    mock.respond_with(response).with_priority(5).mount(server).await;
}

/// What is served there from now on.
pub async fn change(server: &MockServer, at: &str, response: ResponseTemplate) {
    Mock::given(path(at)).respond_with(response).with_priority(3).mount(server).await;
}

/// What is served there from now on whatever else was, or will be.
pub async fn break_down(server: &MockServer, at: &str, response: ResponseTemplate) {
    Mock::given(path(at)).respond_with(response).with_priority(1).mount(server).await;
}

/// Serves it once, before whatever is served otherwise.
pub async fn serve_once(server: &MockServer, at: &str, response: ResponseTemplate) {
    let mock = Mock::given(path(at)).respond_with(response).up_to_n_times(1).with_priority(1);
    mock.mount(server).await;
}

/// How often `at` was asked.
pub async fn requests(server: &MockServer, at: &str) -> usize {
    received(server, at).await.len()
}

pub async fn received(server: &MockServer, at: &str) -> Vec<Request> {
    let received = server.received_requests().await.unwrap();
    received.into_iter().filter(|request| request.url.path() == at).collect()
}

pub fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// A token endpoint (RFC 6749 §4.4, RFC 7523 §2) at `at`: whoever sends all of `form` gets
/// [`SERVICE_TOKEN`]; a value of `*` stands for any.
pub async fn grant_tokens(server: &MockServer, at: &str, form: &[(&'static str, &str)]) {
    let wanted: Vec<(&str, String)> =
        form.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let respond = move |request: &Request| {
        let sent = sent_form(request);
        let has = |(name, value): &(&str, String)| {
            sent.iter().any(|(sent, text)| sent == name && (value == "*" || text == value))
        };
        if wanted.iter().all(has) { granted() } else { refused("invalid_client") }
    };
    Mock::given(method("POST")).and(path(at)).respond_with(respond).mount(server).await;
}

/// Our credential is refused at the token endpoint `at` from now on, and the token we hold is refused
/// with `response` at `asked`.
pub async fn expire(server: &MockServer, at: &str, asked: &str, response: ResponseTemplate) {
    break_down(server, at, refused("invalid_client")).await;
    change(server, asked, response).await;
}

/// The form a request carries.
pub fn sent_form(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

fn granted() -> ResponseTemplate {
    ok(&json!({ "access_token": SERVICE_TOKEN, "token_type": "Bearer", "expires_in": 3600 }))
}

/// An error of a token endpoint (RFC 6749 §5.2).
pub fn refused(error: &str) -> ResponseTemplate {
    let body = json!({ "error": error, "error_description": "The client secret is invalid." });
    ResponseTemplate::new(401).set_body_json(body)
}

/// A private key in PEM, made anew.
pub fn private_key() -> String {
    rcgen::KeyPair::generate().unwrap().serialize_pem()
}

/// The claims of a JWT of ours that `private_key` signed and `issuer` sent to `audience`, verified as
/// a provider does.
#[expect(clippy::disallowed_methods, reason = "the JWT was made now")]
pub fn verified(jwt: &str, private_key: &str, issuer: &str, audience: &str) -> Value {
    let key = SigningKey::from_pem(private_key, None).unwrap();
    let jwks = json!({ "keys": [key.public_jwk()] }).to_string();
    let jwks = PublicKeys::parse(jwks.as_bytes()).unwrap();
    let expect = Expect {
        typ: &[Typ::Untyped],
        issuer,
        audience: &[audience],
        algorithms: &[Algorithm::Es256],
        leeway: Duration::from_secs(10),
        max_age: Some(Duration::from_mins(10)),
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    keys::verify::<Value>(jwt, &jwks, &expect, now).unwrap().claims().clone()
}

/// The value a form has under `name`.
pub fn value(form: &[(String, String)], name: &str) -> String {
    form.iter().find(|(known, _)| known == name).unwrap().1.clone()
}
