//! From the bytes of a request to what it asks for; and the answer, and what is told of it.

use std::hint::black_box;

use base64::{Engine, engine::general_purpose::STANDARD};
use criterion::Criterion;
use delegation::{
    client::Credentials,
    event::{Check, Event, Outcome as What},
    form::Form,
    request::TokenRequest,
};
use keys::{Algorithm, DataKey};
use policy::{Party, Timestamp};
use serde_json::json;
use server::clock;
use url::form_urlencoded::Serializer;

use crate::{
    Outcome,
    tokens::{CLIENT, ISSUER, RESOURCE, Tokens, USER},
};

pub(crate) const FORM: &str = "the form, parsed";
pub(crate) const BASIC: &str = "credentials, read";
pub(crate) const SECRET: &str = "a secret, checked";
pub(crate) const REQUEST: &str = "the request, read";
pub(crate) const EVENT: &str = "the audit event, written";
pub(crate) const ANSWER: &str = "the answer, written";

pub(crate) fn steps(criterion: &mut Criterion, tokens: &Tokens) -> Outcome<()> {
    let subject = tokens.subject(Algorithm::Es256)?;
    let body = body(&subject);
    let form = Form::parse(body.as_bytes())?;
    let key = DataKey::generate()?;
    let (secret, kept) = key.new_client_secret()?;
    let header = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
    Credentials::read(Some(&header), &form)?;
    TokenRequest::parse(&form)?;
    criterion.bench_function(FORM, |step| step.iter(|| Form::parse(black_box(body.as_bytes()))));
    criterion.bench_function(BASIC, |step| {
        step.iter(|| Credentials::read(black_box(Some(&header)), &form));
    });
    criterion.bench_function(SECRET, |step| {
        step.iter(|| key.hash_secret(black_box(&secret)).matches(&kept));
    });
    criterion.bench_function(REQUEST, |step| step.iter(|| TokenRequest::parse(black_box(&form))));
    let event = event();
    criterion.bench_function(EVENT, |step| step.iter(|| black_box(&event).record("bench")));
    let answer = json!({
        "access_token": subject, "token_type": "Bearer", "expires_in": 300, "scope": "documents:read",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    });
    criterion.bench_function(ANSWER, |step| {
        step.iter(|| actix_web::HttpResponse::Ok().json(black_box(&answer)));
    });
    Ok(())
}

fn body(subject: &str) -> String {
    Serializer::new(String::new())
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .append_pair("subject_token", subject)
        .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
        .append_pair("resource", RESOURCE)
        .append_pair("scope", "documents:read")
        .finish()
}

/// As an exchange leaves it.
pub(crate) fn event() -> Event {
    let id = clock::id();
    let text = |text: &str| Some(text.to_owned());
    Event {
        outcome: What::Issued,
        client_address: text("127.0.0.1"),
        client: text(CLIENT),
        authenticated_by: Some("client_secret_basic"),
        grant_type: Some("token_exchange"),
        subject: text(USER),
        connection: text("corp"),
        chain: vec![Party { issuer: ISSUER.to_owned(), id: format!("agent:{CLIENT}") }],
        target: text(RESOURCE),
        scope_requested: text("documents:read"),
        scope_granted: text("documents:read"),
        delegation: Some(id),
        root: Some(id),
        grant: Some(id.to_string()),
        policies: text("actas:default"),
        policy_hash: Some(keys::sha256_hex(b"policies")),
        checks: vec![Check {
            connection: "corp".to_owned(),
            kind: "introspection",
            answer: "good",
            age_ms: 0,
            took_us: 200,
            shared: false,
            mode: "strict",
        }],
        ..Event::draft(id, Timestamp(clock::now().0), id.to_string())
    }
}
