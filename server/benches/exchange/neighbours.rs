//! Who else is on the machine: an identity provider that answers at once, and an echo.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use actix_web::{
    App, HttpResponse, HttpServer,
    http::header,
    web::{self, Bytes, Data, ServiceConfig},
};
use keys::{Algorithm, Signer, SigningKey};
use serde_json::json;

use crate::Outcome;

/// What introspection answers.
pub(crate) const ACTIVE: &str = r#"{"active":true}"#;
pub(crate) const INTROSPECT: &str = "/introspect";

/// An identity provider whose introspection costs no more than HTTP does: fixed documents, and every
/// token is active.
#[derive(Debug)]
pub(crate) struct Idp {
    pub address: SocketAddr,
    pub issuer: String,
    pub key: SigningKey,
    /// Some providers sign so.
    pub rsa: SigningKey,
    asked: Arc<AtomicU64>,
    /// Milliseconds before introspection answers.
    takes: Arc<AtomicU64>,
}

impl Idp {
    pub(crate) fn start(key: SigningKey) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let issuer = format!("http://{address}");
        let rsa = SigningKey::generate(Algorithm::Rs256)?;
        let (asked, takes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let discovery = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "introspection_endpoint": format!("{issuer}{INTROSPECT}"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        });
        let documents = [
            ("/.well-known/openid-configuration", discovery.to_string()),
            ("/jwks", json!({ "keys": [key.public_jwk(), rsa.public_jwk()] }).to_string()),
        ];
        let state = Data::new((Arc::clone(&asked), Arc::clone(&takes)));
        serve(listener, Some(1), move |config| {
            for (path, document) in documents.clone() {
                let document = Bytes::from(document);
                let answer = move || std::future::ready(say(document.clone()));
                config.route(path, web::get().to(answer));
            }
            config.app_data(state.clone()).route(INTROSPECT, web::post().to(introspect));
        })?;
        Ok(Self { address, issuer, key, rsa, asked, takes })
    }

    /// How often introspection was asked for.
    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// From now on introspection answers after so long: as providers across a network do.
    pub(crate) fn take(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.takes.store(milliseconds, Ordering::Relaxed);
    }
}

async fn introspect(state: Data<(Arc<AtomicU64>, Arc<AtomicU64>)>, _form: Bytes) -> HttpResponse {
    let (asked, takes) = state.get_ref();
    asked.fetch_add(1, Ordering::Relaxed);
    match takes.load(Ordering::Relaxed) {
        0 => {}
        milliseconds => actix_web::rt::time::sleep(Duration::from_millis(milliseconds)).await,
    }
    say(Bytes::from_static(ACTIVE.as_bytes()))
}

fn say(json: Bytes) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(json)
}

/// The least a server of this framework can do with a form: read it and send it back.
#[derive(Debug)]
pub(crate) struct Echo {
    pub address: SocketAddr,
}

impl Echo {
    pub(crate) fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        // As many workers as the product has: one per processor.
        serve(listener, None, |config| {
            config.route("/", web::post().to(|form: Bytes| std::future::ready(say(form))));
        })?;
        Ok(Self { address })
    }
}

/// Serves from a thread of its own for as long as this process lives.
fn serve(
    listener: TcpListener,
    workers: Option<usize>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Outcome<()> {
    let (started, start) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || App::new().configure(&routes)).disable_signals();
            let server = match workers {
                Some(workers) => server.workers(workers),
                None => server,
            };
            let listening = server.listen(listener);
            let running = listening.map(HttpServer::run);
            // The bench has failed already if it no longer listens.
            let Ok(()) = started.send(running.as_ref().map(drop).map_err(ToString::to_string))
            else {
                return;
            };
            if let Ok(running) = running
                && let Err(error) = running.await
            {
                eprintln!("a neighbour stopped: {error}");
            }
        });
    });
    Ok(start.recv()??)
}
