//! The development identity provider on a socket of this process, with a gate before its
//! introspection endpoint.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use keys::{Algorithm, SigningKey};
use serde_json::json;
use server::clock;
use testkit::{
    idp::{Client, DevIdp, DevIdpSettings, Kind, Minting, User},
    wire::{Answer, Reply, Request},
};

use crate::{http::read_head, process::PATIENCE, scene::DOCUMENTS};

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
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
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
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (idp, gate) = (Arc::clone(&idp), Arc::clone(&gate));
                // A client that goes away is not the provider's failure.
                thread::spawn(move || drop(answer(&idp, &gate, stream.unwrap())));
            }
        });
        provider
    }

    /// An access token that the orchestrator got when this user signed in.
    pub fn access_token(&self, sub: &str) -> String {
        let minting = Minting {
            sub: sub.to_owned(),
            kind: Kind::AccessToken,
            client_id: "orchestrator".to_owned(),
            audience: Vec::new(),
            scope: None,
            lifetime: 600,
            claims: serde_json::Map::new(),
            header: serde_json::Map::new(),
            payload: None,
        };
        self.idp.mint(&minting, clock::now().0).unwrap()
    }

    pub fn disable(&self, sub: &str) {
        assert!(self.idp.disable(sub, true));
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
        let request = Request {
            method: "GET",
            path: "/control/requests",
            query: "",
            authorization: None,
            body: b"",
        };
        let Answer::Reply(reply) = self.idp.handle(&request, clock::now().0) else {
            panic!("the control endpoint answers");
        };
        let counters: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        assert_ne!(counters["introspection"], json!(null), "{counters}");
        counters["introspection"].as_u64().unwrap()
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

fn answer(idp: &DevIdp, gate: &Gate, mut stream: TcpStream) -> io::Result<()> {
    let (head, mut body) = read_head(&mut stream)?;
    let mut first = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let header = |name: &str| {
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let length: usize = header("content-length").and_then(|l| l.parse().ok()).unwrap_or_default();
    let missing = length.saturating_sub(body.len());
    (&stream).take(u64::try_from(missing).unwrap()).read_to_end(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path == "/introspect" {
        gate.pass();
    }
    let authorization = header("authorization");
    let request = Request { method, path, query, authorization, body: &body };
    match idp.handle(&request, clock::now().0) {
        Answer::Reply(reply) => write(&mut stream, &reply),
        Answer::Slow(_) | Answer::Down => Ok(()),
    }
}

fn write(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {} Said\r\n", reply.status);
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let (length, body) = (reply.body.len(), &reply.body);
    text.push_str(&format!("content-length: {length}\r\nconnection: close\r\n\r\n{body}"));
    stream.write_all(text.as_bytes())
}
