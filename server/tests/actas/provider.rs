//! The development identity provider on a socket of this process, with a gate before its
//! introspection endpoint.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use keys::{Algorithm, SigningKey};
use serde_json::{Map, Value, json};
use server::clock;
use testkit::{
    idp::{Client, DevIdp, DevIdpSettings, Kind, Minting, User},
    wire::{Answer, Request},
};

use crate::{listener::Listener, process::PATIENCE, scene::DOCUMENTS};

pub const INTROSPECTION_SECRET: &str = "the-introspection-secret";

/// Users `alice` and `bob`. It answers until the process ends.
pub struct Provider {
    idp: Arc<DevIdp>,
    gate: Arc<Gate>,
    pub issuer: String,
}

/// Closed, it lets nobody through; somebody can see how many wait.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    waiting: usize,
}

impl Provider {
    pub fn start() -> Self {
        let listener = Listener::bind();
        let issuer = listener.url.clone();
        let client = |id: &str, secret: &str| Client { id: id.into(), secret: secret.into() };
        let user = |sub: &str| User { sub: sub.into(), password: "unused".into() };
        let settings = DevIdpSettings {
            issuer: issuer.clone(),
            app: client("app", "unused"),
            redirect_uri: "http://127.0.0.1/unused".into(),
            introspector: client("actas", INTROSPECTION_SECRET),
            users: vec![user("alice"), user("bob")],
            audience: vec![DOCUMENTS.into()],
            token_lifetime: Duration::from_mins(10),
        };
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let fresh = Box::new(|| clock::id().to_string());
        let idp = Arc::new(DevIdp::new(settings, Arc::new(key), fresh));
        let provider = Self { idp, gate: Arc::default(), issuer };
        let (idp, gate) = (Arc::clone(&provider.idp), Arc::clone(&provider.gate));
        listener.answer(move |request| {
            if request.path == "/introspect" {
                gate.pass();
            }
            idp.handle(request, clock::now().0)
        });
        provider
    }

    /// An access token that the orchestrator got when this user signed in.
    pub fn access_token(&self, sub: &str) -> String {
        self.access_token_with(sub, &json!({}))
    }

    /// The same with these claims.
    pub fn access_token_with(&self, sub: &str, claims: &Value) -> String {
        self.mint(sub, claims, &json!({}))
    }

    /// An access token of a sign-in so many seconds from now; before it when that is negative.
    pub fn signed_in(&self, sub: &str, seconds: i64) -> String {
        self.access_token_with(sub, &json!({ "auth_time": clock::now().0 + seconds }))
    }

    /// Whatever is asked for, under the provider's signature; null removes.
    pub fn mint(&self, sub: &str, claims: &Value, header: &Value) -> String {
        let members = |value: &Value| -> Map<String, Value> { value.as_object().unwrap().clone() };
        let minting = Minting {
            sub: sub.to_owned(),
            kind: Kind::AccessToken,
            client_id: "orchestrator".to_owned(),
            audience: Vec::new(),
            scope: None,
            lifetime: 600,
            claims: members(claims),
            header: members(header),
            payload: None,
        };
        self.idp.mint(&minting, clock::now().0).unwrap()
    }

    pub fn disable(&self, sub: &str) {
        assert!(self.idp.disable(sub, true));
    }

    pub fn enable(&self, sub: &str) {
        assert!(self.idp.disable(sub, false));
    }

    /// From now on introspection misbehaves like this (see `testkit::idp`).
    pub fn introspection_is(&self, fault: &str) {
        self.control("POST", "/control/faults", &json!({ "introspection": fault }));
    }

    /// From now on introspection waits.
    pub fn hold_introspection(&self) {
        self.gate.state.lock().unwrap().closed = true;
    }

    /// Blocks until somebody waits for an answer.
    pub fn is_being_asked(&self) {
        let state = self.gate.state.lock().unwrap();
        let nobody = |state: &mut State| state.waiting == 0;
        let waited = self.gate.changed.wait_timeout_while(state, PATIENCE, nobody).unwrap();
        assert!(!waited.1.timed_out(), "nobody asked the identity provider");
    }

    pub fn release_introspection(&self) {
        self.gate.state.lock().unwrap().closed = false;
        self.gate.changed.notify_all();
    }

    /// How often introspection was asked.
    pub fn questions(&self) -> u64 {
        let counters = self.control("GET", "/control/requests", &Value::Null);
        counters["introspection"].as_u64().unwrap()
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let request =
            Request { method, path, query: "", authorization: None, body: body.as_bytes() };
        let Answer::Reply(reply) = self.idp.handle(&request, clock::now().0) else {
            panic!("the control endpoint answers");
        };
        assert_eq!(reply.status, 200, "{}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.changed.notify_all();
        let mut state = self.changed.wait_while(state, |state| state.closed).unwrap();
        state.waiting -= 1;
    }
}
