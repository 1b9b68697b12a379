//! `{issuer}/signals/{connection}/…`: what identity providers say on their own.
//!
//! | path | file | who calls |
//! |---|---|---|
//! | `…/streams/{stream}` | [`push`] | a transmitter of security events (RFC 8935) |
//! | `…/logout` | [`logout`] | an OIDC provider (Back-Channel Logout 1.0) |
//! | `…/revocation` | [`revocation`] | Okta's Universal Logout, and whoever else asks like it |
//! | `…/scim/v2/…` | [`scim`] | a SCIM client (RFC 7644) |
//!
//! A signal is acknowledged after it took effect. One that is refused is counted and logged, and
//! leaves no row: whoever sends rubbish fills no table.

mod body;
mod logout;
mod push;
mod revocation;
mod scim;

use std::{future::Future, net::IpAddr, sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::{
    org::{Connection, Org},
    refusal::Fault,
    signal::{Arrival, NotTaken, SignalRefusal, Source, Taken},
};
use keys::TokenFault;
use serde_json::{Value, json};

use super::{gate::turned_away, nothing_here, org, peer::Peer};
use crate::{
    app::App,
    clock,
    limits::{Claim, Claimed},
};

/// A transmitter waits no longer, and sends again.
const SLOWEST_ANSWER: Duration = Duration::from_secs(10);

/// Mounts the endpoints below `issuer`.
pub(super) fn routes(config: &mut web::ServiceConfig, issuer: &str) {
    let base = format!("{issuer}/signals/{{connection}}");
    config
        .route(&format!("{base}/streams/{{stream}}"), web::post().to(push::post))
        .route(&format!("{base}/logout"), web::post().to(logout::post))
        .route(&format!("{base}/revocation"), web::post().to(revocation::post))
        .service(
            web::resource(format!("{base}/scim/v2/Users"))
                .route(web::get().to(scim::search))
                .route(web::post().to(scim::create)),
        )
        .service(
            web::resource(format!("{base}/scim/v2/Users/{{id}}"))
                .route(web::get().to(scim::get))
                .route(web::put().to(scim::replace))
                .route(web::patch().to(scim::patch))
                .route(web::delete().to(scim::delete)),
        )
        .route(
            &format!("{base}/scim/v2/ServiceProviderConfig"),
            web::get().to(scim::service_provider),
        );
}

/// One request of a provider, as far as HTTP goes.
struct Call {
    app: web::Data<App>,
    org: Arc<Org>,
    /// The id of a connection of that organization.
    connection: String,
    authorization: Option<String>,
    address: IpAddr,
    arrival: Arrival,
}

impl Call {
    /// # Errors
    ///
    /// The answer when the path names no connection of an organization, or when whoever signals has failed
    /// too often to prove who it is.
    async fn of(
        app: &web::Data<App>,
        request: &HttpRequest,
        source: Source,
    ) -> Result<Self, HttpResponse> {
        let Some((org, connection)) = named(app, request) else { return Err(nothing_here().await) };
        let (id, address) = (clock::id(), Peer::address(request, &app.proxy));
        let arrival = Arrival {
            id,
            now: clock::now(),
            request_id: id.to_string(),
            client_address: Some(address.to_string()),
            source,
        };
        let authorization = authorization(request);
        let call = Self { app: app.clone(), org, connection, authorization, address, arrival };
        match app.limits.may_try(call.claim()) {
            Ok(()) => Ok(call),
            Err(too_much) => Err(turned_away(app, &call.org, too_much)),
        }
    }

    fn connection(&self) -> Result<&Connection, NotTaken> {
        let connection = self.org.connection(&self.connection);
        connection.ok_or(NotTaken::Refused(delegation::signal::SignalRefusal::NoReceiver))
    }

    /// Runs `taking` to its end, or until nobody waits any more, then counts and logs how it ended.
    async fn settle<T>(
        &self,
        taking: impl Future<Output = Result<T, NotTaken>>,
        taken: impl FnOnce(&T) -> &Taken,
    ) -> Result<T, NotTaken> {
        let result = tokio::time::timeout(SLOWEST_ANSWER, taking).await;
        let result = result.unwrap_or_else(|_| Err(Fault::Late.into()));
        self.record(result.as_ref().map(taken));
        result
    }

    fn claim(&self) -> Claim<'_> {
        let of = Claimed::Provider(&self.connection);
        Claim { address: self.address, org: &self.org.id, of }
    }

    fn record(&self, result: Result<&Taken, &NotTaken>) {
        if let Err(NotTaken::Refused(refusal)) = result
            && is_of_a_stranger(*refusal)
            && self.app.limits.failed(self.claim())
        {
            let (org, connection) = (self.org.id.as_str(), self.connection.as_str());
            let address = self.address;
            tracing::warn!(org, connection, %address, "signals fail so often that they are not tried");
        }
        let (org, connection) = (self.org.id.as_str(), self.connection.as_str());
        let (source, request_id) = (self.arrival.source.code(), self.arrival.request_id.as_str());
        let outcome = match result {
            Ok(taken) => {
                let kinds = taken.kinds.join(" ");
                tracing::info!(org, connection, source, request_id, kinds, "signal taken");
                if let Some(alert) = taken.alert {
                    tracing::warn!(org, connection, source, request_id, kinds, alert, "see to it");
                }
                taken.outcome()
            }
            Err(not_taken) => {
                match not_taken {
                    NotTaken::Refused(refusal) => {
                        tracing::info!(org, connection, source, request_id, %refusal, "refused");
                    }
                    NotTaken::Broken(fault) => {
                        tracing::warn!(org, connection, source, request_id, %fault, "not taken");
                    }
                }
                not_taken.outcome()
            }
        };
        self.app.metrics.signal(org, connection, source, outcome);
    }
}

/// The organization and the id of the connection in the path.
fn named(app: &App, request: &HttpRequest) -> Option<(Arc<Org>, String)> {
    let org = org(app, request)?;
    let connection = org.connection(request.match_info().get("connection")?)?.id.clone();
    Some((org, connection))
}

/// Whether the sender has failed to prove who it is, by a secret or by a signature.
const fn is_of_a_stranger(refusal: SignalRefusal) -> bool {
    match refusal {
        SignalRefusal::Stranger
        | SignalRefusal::Token(TokenFault::UnknownKey | TokenFault::Signature) => true,
        SignalRefusal::Token(_)
        | SignalRefusal::NoReceiver
        | SignalRefusal::Audience
        | SignalRefusal::Shape
        | SignalRefusal::NoEvent
        | SignalRefusal::NoSubject
        | SignalRefusal::Subject
        | SignalRefusal::SubjectFormat
        | SignalRefusal::NotOurs
        | SignalRefusal::OtherStream
        | SignalRefusal::State
        | SignalRefusal::OtherKind => false,
    }
}

/// On its own task: a provider that hangs up does not end what it began.
async fn to_its_end(answer: impl Future<Output = HttpResponse> + 'static) -> HttpResponse {
    actix_web::rt::spawn(answer).await.unwrap_or_else(|panic| {
        tracing::error!(%panic, "an endpoint for signals failed");
        unavailable(None)
    })
}

/// The whole `Authorization` header. Two are none that anybody agreed on.
fn authorization(request: &HttpRequest) -> Option<String> {
    let mut all = request.headers().get_all(header::AUTHORIZATION);
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok().map(str::to_owned),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

/// RFC 6749 §5.2's shape, which Back-Channel Logout 1.0 §2.8 asks for.
fn oauth_error(status: u16, error: &str, description: &str) -> HttpResponse {
    render(status, &json!({ "error": error, "error_description": description }))
}

/// To be sent again.
fn unavailable(fault: Option<&Fault>) -> HttpResponse {
    let description = "the signal cannot be taken now, try again";
    let mut response = oauth_error(503, "temporarily_unavailable", description);
    let seconds = fault.and_then(Fault::retry_after).unwrap_or(1);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    response
}

/// 401, and the scheme that could have been used (RFC 9110 §11.6.1).
fn challenge(mut response: HttpResponse) -> HttpResponse {
    let scheme = header::HeaderValue::from_static("Bearer realm=\"actas\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    response
}

fn render(status: u16, body: &Value) -> HttpResponse {
    use actix_web::http::StatusCode;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    HttpResponse::build(status).insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
