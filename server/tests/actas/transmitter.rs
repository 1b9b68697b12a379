//! The fake transmitter of security events on a socket of this process.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, OnceLock},
};

use keys::{Algorithm, SigningKey};
use serde_json::{Value, json};
use server::clock;
use testkit::{
    transmitter::{Faults, Seen, Transmitter as Fake, TransmitterSettings},
    wire::{Answer, Request as Asked},
};
use url::Url;

use crate::{http::Request, listener::Listener};

pub const BEARER: &str = "the-stream-bearer";

/// It answers until the process ends.
pub struct Transmitter {
    fake: Arc<Fake>,
    /// The server that is pushed to, wherever it listens.
    to: Arc<Mutex<Option<SocketAddr>>>,
    /// Of events that are only asked for, and sent by the test itself.
    by_hand: OnceLock<String>,
    pub issuer: String,
}

impl Transmitter {
    pub fn start() -> Self {
        let listener = Listener::bind();
        let issuer = listener.url.clone();
        let settings = TransmitterSettings {
            issuer: issuer.clone(),
            bearer: BEARER.to_owned(),
            allows_several: true,
            min_verification_interval: None,
            inactivity_timeout: None,
        };
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let fresh = Box::new(|| clock::id().to_string());
        let fake = Arc::new(Fake::new(settings, Arc::new(key), fresh));
        let to = Arc::<Mutex<_>>::default();
        let (answering, towards) = (Arc::clone(&fake), Arc::clone(&to));
        listener.answer(move |request| {
            let answer = answering.handle(request, clock::now().0);
            // Before it answers: so does Keycloak. Not under the lock: it will be asked for its keys.
            let to = *towards.lock().unwrap();
            deliver(&answering, to);
            answer
        });
        Self { fake, to, by_hand: OnceLock::new(), issuer }
    }

    /// From now on it pushes to this server, also what has waited.
    pub fn push_to(&self, server: SocketAddr) {
        *self.to.lock().unwrap() = Some(server);
        self.deliver();
    }

    /// A SET, whether an honest transmitter would make it or not (see `testkit::transmitter::Emission`).
    pub fn set(&self, emission: &Value) -> String {
        let stream = self.by_hand.get_or_init(|| self.stream_by_hand());
        let mut emission = emission.clone();
        emission["stream"] = json!(stream);
        let emission = serde_json::from_value(emission).unwrap();
        self.fake.emit(&emission, clock::now().0).unwrap();
        let [push] = self.fake.pushes().try_into().unwrap();
        push.body
    }

    fn stream_by_hand(&self) -> String {
        let delivery =
            json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": "http://nowhere.example" });
        let body = json!({ "events_requested": [], "delivery": delivery }).to_string();
        let request = Asked {
            method: "POST",
            path: "/stream",
            query: "",
            authorization: Some(&format!("Bearer {BEARER}")),
            body: body.as_bytes(),
        };
        let Answer::Reply(made) = self.fake.handle(&request, clock::now().0) else {
            panic!("a stream is made");
        };
        let made: Value = serde_json::from_str(&made.body).unwrap();
        made["stream_id"].as_str().unwrap().to_owned()
    }

    /// Transmits an event to every stream that asked for it. Returns its ids.
    pub fn emit(&self, emission: &Value) -> Vec<String> {
        let emission = serde_json::from_value(emission.clone()).unwrap();
        let ids = self.fake.emit(&emission, clock::now().0).unwrap();
        self.deliver();
        ids
    }

    /// An administrator over there changes the status of the one stream.
    pub fn set_status(&self, status: &str) {
        let [stream] = self.fake.streams().try_into().unwrap();
        let stream = stream["stream_id"].as_str().unwrap();
        assert!(self.fake.set_status(stream, status, clock::now().0).unwrap());
        self.deliver();
    }

    fn deliver(&self) {
        let to = *self.to.lock().unwrap();
        deliver(&self.fake, to);
    }

    pub fn streams(&self) -> Vec<Value> {
        self.fake.streams()
    }

    pub fn misbehave(&self, faults: Faults) {
        self.fake.misbehave(faults);
    }

    pub fn seen(&self) -> Seen {
        self.fake.seen()
    }
}

/// RFC 8935 §2.1. Issuers are built on the public URL, which is not where the server listens.
fn deliver(fake: &Fake, to: Option<SocketAddr>) {
    let Some(to) = to else { return };
    for push in fake.pushes() {
        let url: Url = push.url.parse().unwrap();
        let request = Request::of("POST", url.path());
        let mut request = request.body("application/secevent+jwt", &push.body);
        if let Some(authorization) = &push.authorization {
            request = request.header("authorization", authorization);
        }
        let reply = TcpStream::connect(to).and_then(|stream| request.send_over(stream));
        if !reply.is_ok_and(|reply| reply.status == 202) {
            fake.push_again(&push);
        }
    }
}
