//! For actix-web: a handler says what it needs, and is not called for less.
//!
//! ```no_run
//! use actas_verifier::{
//!     Verifier,
//!     actix::{self, Delegated, Needs},
//! };
//! use actix_web::{App, HttpServer, web};
//!
//! #[derive(Debug)]
//! struct Read;
//! impl Needs for Read {
//!     const SCOPES: &'static [&'static str] = &["documents:read"];
//! }
//!
//! async fn documents(who: Delegated<Read>) -> String {
//!     format!("{who}, and may read")
//! }
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let verifier = Verifier::builder("https://actas.example.com/o/acme", "https://documents.example.com")
//!         .scopes(&["documents:read", "documents:write"])
//!         .build()?;
//!     let app = move || {
//!         App::new()
//!             .configure(actix::configure(&verifier)) // for `Delegated`, and the metadata
//!             .route("/documents", web::get().to(documents))
//!     };
//!     Ok(HttpServer::new(app).bind("127.0.0.1:8080")?.run().await?)
//! }
//! ```
//!
//! A certificate comes from whoever ends TLS: put a [`PeerCertificate`] into the extensions of the
//! connection (`HttpServer::on_connect`) or of the request (a middleware that reads your proxy's header).

use std::{fmt, future::Future, marker::PhantomData, ops::Deref, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    web,
};

use crate::{Call, Challenge, PeerCertificate, Rejection, Verified, Verifier};

/// What a handler needs of a token.
pub trait Needs: 'static {
    /// All of these.
    const SCOPES: &'static [&'static str];
}

/// A token, whatever its scope.
#[derive(Debug)]
pub struct Anything;

impl Needs for Anything {
    const SCOPES: &'static [&'static str] = &[];
}

/// Who calls, with at least the scopes that `N` needs. Taking it as an argument is the guard: whoever
/// may not, gets a [`Challenge`].
pub struct Delegated<N: Needs = Anything> {
    verified: Verified,
    needs: PhantomData<fn() -> N>,
}

impl<N: Needs> Delegated<N> {
    /// The same, for those who do not care why it was let in.
    pub fn into_inner(self) -> Verified {
        self.verified
    }
}

impl<N: Needs> Deref for Delegated<N> {
    type Target = Verified;

    fn deref(&self) -> &Verified {
        &self.verified
    }
}

impl<N: Needs> fmt::Debug for Delegated<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Delegated").field(&self.verified).finish()
    }
}

impl<N: Needs> fmt::Display for Delegated<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verified.fmt(f)
    }
}

impl<N: Needs> FromRequest for Delegated<N> {
    type Error = Refused;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Refused>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let verified = verified(&request, N::SCOPES).await?;
            Ok(Self { verified, needs: PhantomData })
        })
    }
}

/// The same as the extractor, for a handler that learns only from the request what it needs.
///
/// # Errors
///
/// What to answer.
pub async fn verified(request: &HttpRequest, needed: &[&str]) -> Result<Verified, Refused> {
    let Some(verifier) = request.app_data::<web::Data<Verifier>>() else {
        // Who forgot `configure` lets nobody in.
        return Err(Refused { rejection: None, challenge: None });
    };
    // The origin is ours; RFC 9449 §4.3 leaves the query out.
    let uri = format!("{}{}", verifier.metadata().origin(), request.uri().path());
    let headers = request.headers();
    // What is not ASCII is no token, and counts all the same.
    let mut call = Call::new(request.method().as_str(), &uri);
    for value in headers.get_all(AUTHORIZATION) {
        call = call.authorization(value.to_str().unwrap_or_default());
    }
    for value in headers.get_all("dpop") {
        call = call.proof(value.to_str().unwrap_or_default());
    }
    let from_proxy = request.extensions().get::<PeerCertificate>().cloned();
    let certificate = from_proxy.or_else(|| request.conn_data::<PeerCertificate>().cloned());
    if let Some(certificate) = &certificate {
        call = call.certificate(certificate);
    }
    let allowed = verifier.verify(&call).await.and_then(|verified| verified.allowed(needed));
    allowed.map_err(|rejection| {
        let challenge = verifier.challenge(&rejection, call.scheme(), needed);
        Refused { rejection: Some(rejection), challenge: Some(challenge) }
    })
}

/// A request that was not let through, and the answer to it.
#[derive(Clone, Debug)]
pub struct Refused {
    rejection: Option<Rejection>,
    challenge: Option<Challenge>,
}

impl Refused {
    /// Why, for your log. None when there is no [`Verifier`] in the application.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.rejection.as_ref()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rejection {
            Some(rejection) => rejection.fmt(f),
            None => f.write_str("there is no verifier in this application"),
        }
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        let status = self.challenge.as_ref().map_or(500, |challenge| challenge.status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        let Some(challenge) = &self.challenge else { return response.finish() };
        for line in &challenge.www_authenticate {
            response.append_header((WWW_AUTHENTICATE, line.as_str()));
        }
        if let Some(seconds) = challenge.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.json(challenge.body())
    }
}

/// Puts `verifier` into the application, and its metadata where clients look for it (RFC 9728 §3.1).
pub fn configure(verifier: &Verifier) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let verifier = web::Data::new(verifier.clone());
    move |config| {
        let path = verifier.metadata().path().to_owned();
        config.app_data(verifier).route(&path, web::get().to(metadata));
    }
}

/// RFC 9728 §3.2.
async fn metadata(verifier: web::Data<Verifier>) -> HttpResponse {
    HttpResponse::Ok().json(verifier.metadata())
}
