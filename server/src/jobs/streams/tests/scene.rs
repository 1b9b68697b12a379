//! A stream, its transmitter, and what is known of it.

use std::{
    cell::{Cell, RefCell},
    net::TcpListener,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App as Actix, HttpRequest, HttpResponse, HttpServer, http::StatusCode, http::header, web,
};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use delegation::{
    ports::{Described, Stream, StreamId, StreamStatus, Streams},
    refusal::Fault,
    signal::{NotTaken, SignalRefusal},
};
use keys::{Algorithm, SigningKey};
use policy::Timestamp;
use serde_json::{Value, json};
use testkit::{
    transmitter::{Emission, Faults, Transmitter as Fake, TransmitterSettings},
    wire::{Answer, Request},
};
use upstream::{
    connection::CacheTimes,
    http::{Outbound, OutboundSettings, Reach},
    transmitter::Transmitter,
};
use uuid::Uuid;

use super::super::turn::{Change, Memory, Turn};

pub const START: i64 = 1_800_000_000;
pub const ENDPOINT: &str = "https://actas.example/signals/corp/streams/okta";
pub const SESSION_REVOKED: &str =
    "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// What happens to events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    All,
    Nothing,
    /// Our store is ill.
    StoreIll,
    /// Of all but the first.
    KeysIll,
}

type Aftermath = Box<dyn Fn(&Fake)>;

pub struct Scene {
    pub fake: Arc<Fake>,
    pub transmitter: Arc<Transmitter>,
    pub streams: Known,
    pub memory: Memory,
    pub taking: Cell<Taking>,
    /// `jti` of every event that took effect.
    pub taken: RefCell<Vec<String>>,
    /// How many were known already.
    pub duplicates: Cell<usize>,
    /// Done when an event was taken, before that is said to anybody.
    pub after_taking: RefCell<Aftermath>,
    pub now: Arc<AtomicI64>,
    pub holder: Uuid,
    issuer: String,
}

impl Scene {
    pub fn pushed() -> Self {
        Self::declared(&json!({}))
    }

    pub fn polled() -> Self {
        Self::declared(&json!({ "delivery": "poll" }))
    }

    pub fn declared(change: &Value) -> Self {
        let now = Arc::new(AtomicI64::new(START));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}/t1", listener.local_addr().unwrap());
        let settings = TransmitterSettings {
            issuer: issuer.clone(),
            bearer: "managing".to_owned(),
            allows_several: false,
            min_verification_interval: Some(10),
            inactivity_timeout: None,
        };
        let count = AtomicUsize::new(0);
        let fresh = Box::new(move || format!("id-{:04}", count.fetch_add(1, Ordering::SeqCst)));
        let key = Arc::new(SigningKey::generate(Algorithm::Es256).unwrap());
        let fake = Arc::new(Fake::new(settings, key, fresh));
        let served = (Arc::clone(&fake), Arc::clone(&now));
        let app = move || {
            let data = web::Data::new(served.clone());
            Actix::new().app_data(data).default_service(web::to(handle))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap();
        actix_web::rt::spawn(server.run());
        Self {
            transmitter: transmitter(&issuer, change),
            fake,
            streams: Known::default(),
            memory: Memory::default(),
            taking: Cell::new(Taking::All),
            taken: RefCell::default(),
            duplicates: Cell::default(),
            after_taking: RefCell::new(Box::new(|_| ())),
            now,
            holder: Uuid::from_u128(1),
            issuer,
        }
    }

    /// Declared anew.
    pub fn redeclare(&mut self, change: &Value) {
        self.transmitter = transmitter(&self.issuer, change);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub async fn turn(&mut self) -> Option<Change> {
        self.try_turn().await.unwrap()
    }

    pub async fn try_turn(&mut self) -> Result<Option<Change>, Fault> {
        let mut memory = std::mem::take(&mut self.memory);
        let count = self.now().0 - START;
        let result = Turn {
            streams: &self.streams,
            stream: &id(),
            transmitter: &self.transmitter,
            endpoint: ENDPOINT,
            take: &async |set: String| self.take(&set).await,
            fresh: &move || format!("state-{count}"),
            holder: self.holder,
            now: self.now(),
        }
        .run(&mut memory)
        .await;
        self.memory = memory;
        result
    }

    /// Takes what was pushed meanwhile.
    pub async fn hear(&self) {
        for push in self.fake.pushes() {
            assert_eq!(push.url, ENDPOINT);
            self.take(&push.body).await.unwrap();
        }
    }

    /// As delegation does, as far as it matters here.
    async fn take(&self, set: &str) -> Result<(), NotTaken> {
        let claims = set.split('.').nth(1).unwrap();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let verification = &claims["events"][VERIFICATION];
        if verification.is_object() {
            let state = verification["state"].as_str();
            let said_at = Timestamp(claims["iat"].as_i64().unwrap());
            let met = self.streams.verified(&id(), state, said_at).await.unwrap();
            return if met { Ok(()) } else { Err(SignalRefusal::State.into()) };
        }
        match self.taking.get() {
            Taking::All => {}
            Taking::Nothing => return Err(SignalRefusal::Audience.into()),
            Taking::StoreIll => return Err(Fault::Store("ill".to_owned()).into()),
            Taking::KeysIll if self.taken.borrow().is_empty() => {}
            Taking::KeysIll => {
                return Err(Fault::IdentityProvider {
                    connection: "corp".to_owned(),
                    detail: "no keys".to_owned(),
                    retry_after: None,
                }
                .into());
            }
        }
        let jti = claims["jti"].as_str().unwrap().to_owned();
        if self.taken.borrow().contains(&jti) {
            self.duplicates.set(self.duplicates.get() + 1);
        } else {
            self.taken.borrow_mut().push(jti);
        }
        (self.after_taking.borrow())(&self.fake);
        Ok(())
    }

    /// Somebody's session was revoked; its `jti`.
    pub fn revoke(&self) -> String {
        let alice = json!({ "format": "iss_sub", "iss": self.issuer, "sub": "alice" });
        let emission = Emission::of(SESSION_REVOKED, json!({}), alice);
        self.fake.emit(&emission, self.now().0).unwrap().remove(0)
    }

    pub fn misbehave(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults = Faults::default();
        change(&mut faults);
        self.fake.misbehave(faults);
    }

    pub fn calls(&self) -> Vec<String> {
        self.fake.seen().calls
    }

    pub fn known(&self) -> Stream {
        self.streams.lock().stream.clone()
    }
}

pub fn id() -> StreamId {
    StreamId { connection: "corp".to_owned(), stream: "okta".to_owned() }
}

fn transmitter(issuer: &str, change: &Value) -> Arc<Transmitter> {
    let mut declared =
        json!({ "id": "okta", "issuer": issuer, "access": { "bearer": "managing" } });
    declared.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let outbound = OutboundSettings {
        reach: Reach::Anywhere,
        deadline: Duration::from_secs(30),
        ..OutboundSettings::default()
    };
    let (settings, outbound) =
        (serde_json::from_value(declared).unwrap(), Outbound::new(outbound).unwrap());
    // Metadata is asked for anew each time: tests change it.
    let (zero, hour) = (Duration::ZERO, Duration::from_hours(1));
    let times =
        CacheTimes { metadata: zero, keys: hour, after_failure: zero, after_unknown_kid: zero };
    Transmitter::new("corp", settings, outbound, times).unwrap()
}

async fn handle(
    served: web::Data<(Arc<Fake>, Arc<AtomicI64>)>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let asked = Request {
        method: request.method().as_str(),
        path: request.path(),
        query: request.query_string(),
        authorization: authorization.and_then(|value| value.to_str().ok()),
        body: &body,
    };
    let (fake, now) = served.get_ref();
    let Answer::Reply(reply) = fake.handle(&asked, now.load(Ordering::SeqCst)) else {
        return HttpResponse::BadGateway().finish();
    };
    let mut response = HttpResponse::build(StatusCode::from_u16(reply.status).unwrap());
    for header in reply.headers {
        response.insert_header(header);
    }
    response.body(reply.body)
}

/// What is known of the stream, kept here.
#[derive(Debug, Default)]
pub struct Known(Mutex<Kept>);

#[derive(Debug, Default)]
pub struct Kept {
    pub stream: Stream,
    pub lease: Option<(Uuid, Timestamp)>,
    pub is_ill: bool,
    /// How often anything was written.
    pub writes: usize,
}

impl Known {
    pub fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    fn write<T>(&self, write: impl FnOnce(&mut Kept) -> T) -> Result<T, Fault> {
        let mut kept = self.lock();
        kept.writes += 1;
        if kept.is_ill { Err(Fault::Store("ill".to_owned())) } else { Ok(write(&mut kept)) }
    }
}

#[async_trait]
impl Streams for Known {
    async fn find(&self, _: &StreamId) -> Result<Stream, Fault> {
        let kept = self.lock();
        if kept.is_ill { Err(Fault::Store("ill".to_owned())) } else { Ok(kept.stream.clone()) }
    }

    async fn all(&self) -> Result<Vec<(StreamId, Stream)>, Fault> {
        Ok(vec![(id(), self.find(&id()).await?)])
    }

    async fn lease(
        &self,
        _: &StreamId,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Fault> {
        self.write(|kept| {
            let free = kept.lease.is_none_or(|(other, until)| other == holder || until <= now);
            if free {
                kept.lease = Some((holder, until));
            }
            free
        })
    }

    async fn describe(&self, _: &StreamId, described: &Described) -> Result<(), Fault> {
        self.write(|kept| kept.stream.described = Some(described.clone()))
    }

    async fn challenge(&self, _: &StreamId, state: &str, at: Timestamp) -> Result<(), Fault> {
        self.write(|kept| kept.stream.challenge = Some((state.to_owned(), at)))
    }

    async fn verified(
        &self,
        _: &StreamId,
        state: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, Fault> {
        self.write(|kept| {
            let stream = &mut kept.stream;
            let asked = stream.challenge.as_ref().map(|(asked, _)| asked.as_str());
            let met = state.is_none() || state == asked;
            if met {
                stream.heard_at = stream.heard_at.max(Some(at));
            }
            met
        })
    }

    async fn set_status(&self, _: &StreamId, status: StreamStatus) -> Result<(), Fault> {
        self.write(|kept| kept.stream.status = status)
    }

    async fn set_error(&self, _: &StreamId, error: Option<&str>) -> Result<(), Fault> {
        self.write(|kept| kept.stream.error = error.map(str::to_owned))
    }
}
