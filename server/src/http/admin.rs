//! `{issuer}/admin/…`: what operators do, and look at, without the command line.
//!
//! | path | file | power |
//! |---|---|---|
//! | `POST …/revocations` | [`revocations`] | `revoke` |
//! | `POST …/restorations` | [`restorations`] | `revoke` |
//! | `GET …/audit`, `GET …/audit/head` | [`audit`] | `audit` |
//! | `GET …/exports` | [`exports`] | `audit` |
//! | `GET …/keys`, `POST …/keys/rotations` | [`keys`] | `keys` |
//!
//! An operator is known by the bearer token `actas apply` made (RFC 6750). Who is refused leaves an
//! event in the audit trail; who looks leaves none.

pub(super) mod audit;
mod exports;
mod keys;
mod restorations;
pub(super) mod revocations;

use std::{fmt::Display, sync::Arc, time::Duration};

use ::keys::Object;
use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::{
    event::{Event, Outcome, noted},
    form::Malformed,
    operator::{Authorized, OperatorFault, Power, authorize},
    org::Org,
    refusal::Fault,
};

use super::{
    call::{AND_NO_MORE, Call, to_its_end},
    gate::turned_away,
    nothing_here, org,
    reply::{error, unavailable},
};
use crate::{
    app::App,
    limits::{Claim, Claimed},
};

/// A cascade of a hundred thousand delegations takes seconds. Who waits no longer may ask again: what
/// was begun goes on.
const SLOWEST_ANSWER: Duration = Duration::from_mins(1);

/// Mounts the endpoints below `issuer`.
pub(super) fn routes(config: &mut web::ServiceConfig, issuer: &str) {
    let base = format!("{issuer}/admin");
    config
        .route(&format!("{base}/revocations"), web::post().to(revocations::post))
        .route(&format!("{base}/restorations"), web::post().to(restorations::post))
        .route(&format!("{base}/audit"), web::get().to(audit::get))
        .route(&format!("{base}/audit/head"), web::get().to(audit::head))
        .route(&format!("{base}/exports"), web::get().to(exports::get))
        .route(&format!("{base}/keys"), web::get().to(keys::get))
        .route(&format!("{base}/keys/rotations"), web::post().to(keys::rotate));
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Revoke,
    Restore,
    Audit,
    Exports,
    Keys,
    Rotate,
}

impl Operation {
    const fn code(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::Restore => "restore",
            Self::Audit => "audit",
            Self::Exports => "exports",
            Self::Keys => "keys",
            Self::Rotate => "rotate",
        }
    }

    const fn power(self) -> Power {
        match self {
            Self::Revoke | Self::Restore => Power::Revoke,
            Self::Audit | Self::Exports => Power::Audit,
            Self::Keys | Self::Rotate => Power::Keys,
        }
    }
}

/// An operator who may do it, and what it is to be done to.
struct Errand<'a> {
    app: &'a App,
    org: &'a Org,
    call: &'a Call,
    operator: &'a Authorized<'a>,
}

/// Why it was not done.
#[derive(Debug)]
enum Undone {
    /// The request is not one, or names what is not there.
    Refused {
        status: u16,
        error: &'static str,
        description: String,
    },
    Broken(Fault),
}

impl Undone {
    fn refused(status: u16, error: &'static str, why: &dyn Display) -> Self {
        Self::Refused { status, error, description: why.to_string() }
    }

    fn malformed(why: &dyn Display) -> Self {
        Self::refused(400, "invalid_request", why)
    }
}

impl From<Fault> for Undone {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

/// Lets the operator in, if it is one, and does what `act` does, to its end.
async fn run<A>(
    (app, request): (web::Data<App>, HttpRequest),
    call: Call,
    operation: Operation,
    act: A,
) -> HttpResponse
where
    A: AsyncFnOnce(Errand<'_>) -> Result<HttpResponse, Undone> + 'static,
{
    let Some(org) = org(&app, &request) else { return nothing_here().await };
    let request_id = call.event.request_id.clone();
    to_its_end(request_id, async move {
        let (outcome, response) = answer(&app, org, &call, (operation, act)).await;
        app.metrics.ledger.operation(operation.code(), outcome);
        response
    })
    .await
}

async fn answer<A>(
    app: &App,
    org: Arc<Org>,
    call: &Call,
    (operation, act): (Operation, A),
) -> (&'static str, HttpResponse)
where
    A: AsyncFnOnce(Errand<'_>) -> Result<HttpResponse, Undone>,
{
    let (id, of) = (org.id.clone(), Claimed::Operator);
    let claim = Claim { address: call.along.address(), org: &id, of };
    if let Err(too_much) = app.limits.may_try(claim) {
        return ("limited", turned_away(app, &org, too_much));
    }
    let org = match current(app, org).await {
        Ok(org) => org,
        Err(fault) => return broken(&fault, call),
    };
    let authorization = call.authorization.as_ref().ok().and_then(Option::as_deref);
    let operator = match authorize(&org, bearer(authorization), operation.power()) {
        Ok(operator) => operator,
        Err(fault) => {
            let (response, who) = not_let_in(&fault);
            let is_last = who.is_none() && app.limits.failed(claim);
            let more = if is_last { AND_NO_MORE } else { "" };
            let why = (error_of(&fault), format!("{fault}{more}"));
            return refused(&org, call, operation, (who, why, response)).await;
        }
    };
    let errand = Errand { app, org: &org, call, operator: &operator };
    let done = tokio::time::timeout(SLOWEST_ANSWER, act(errand)).await;
    match done.unwrap_or(Err(Undone::Broken(Fault::Late))) {
        Ok(response) => ("done", response),
        Err(Undone::Broken(fault)) => broken(&fault, call),
        Err(Undone::Refused { status, error: code, description }) => {
            let response = error(status, code, &sayable(&description));
            let who = Some(operator.id().to_owned());
            refused(&org, call, operation, (who, (code, description), response)).await
        }
    }
}

/// An operator who was dropped a moment ago is none any more.
async fn current(app: &App, org: Arc<Org>) -> Result<Arc<Org>, Fault> {
    if app.is_stale(&org).await? {
        Ok(app.reload(&org.id, org.revision).await?.unwrap_or(org))
    } else {
        Ok(org)
    }
}

/// The bearer token of an `Authorization` header (RFC 6750 §2.1).
fn bearer(authorization: Option<&str>) -> Option<&str> {
    let (scheme, token) = authorization?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

const fn error_of(fault: &OperatorFault) -> &'static str {
    match fault {
        OperatorFault::Unknown => "invalid_token",
        OperatorFault::Powerless { .. } => "insufficient_scope",
    }
}

/// RFC 6750 §3, §3.1. Also who it was, when that is known.
fn not_let_in(fault: &OperatorFault) -> (HttpResponse, Option<String>) {
    let (mut response, challenge, who) = match fault {
        OperatorFault::Unknown => {
            let response = error(401, error_of(fault), "an operator's bearer token is needed");
            (response, "Bearer realm=\"actas\"", None)
        }
        OperatorFault::Powerless { operator, .. } => {
            let response = error(403, error_of(fault), "this operator may not do that");
            let challenge = "Bearer realm=\"actas\", error=\"insufficient_scope\"";
            (response, challenge, Some(operator.clone()))
        }
    };
    let challenge = header::HeaderValue::from_static(challenge);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    (response, who)
}

type Why = (&'static str, String);

/// Notes that it was refused, then says so.
async fn refused(
    org: &Org,
    call: &Call,
    operation: Operation,
    (operator, (code, why), response): (Option<String>, Why, HttpResponse),
) -> (&'static str, HttpResponse) {
    let (request_id, operation) = (&call.event.request_id, operation.code());
    tracing::info!(org = org.id, request_id, operation, operator, error = code, "refused");
    let event = Event {
        outcome: Outcome::Refused,
        error: Some(code),
        reason: Some("operator"),
        detail: Some(noted(&format!("{operation}: {why}"))),
        operator,
        ..call.event.clone()
    };
    match org.ledger.note(event).await {
        Ok(()) => ("refused", response),
        Err(fault) => broken(&fault, call),
    }
}

fn broken(fault: &Fault, call: &Call) -> (&'static str, HttpResponse) {
    tracing::warn!(request_id = call.event.request_id, %fault, "no answer");
    ("unavailable", unavailable(fault.retry_after()))
}

/// What RFC 6749 §5.2 allows in a description.
fn sayable(text: &str) -> String {
    let legal = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
    text.chars().map(|c| if legal(c) { c } else { '?' }).collect()
}

/// Several would be one call that is half done when the second fails.
fn exactly_one<T>(all: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut given = all.into_iter().flatten();
    let first = given.next()?;
    given.next().is_none().then_some(first)
}

/// The body, as `T`.
fn read<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Undone> {
    let body = call.body.as_deref().map_err(|malformed| {
        if *malformed == Malformed::ContentType {
            Undone::malformed(&"the body must be application/json")
        } else {
            Undone::malformed(malformed)
        }
    })?;
    let read = ::keys::json(body).map_err(|fault| Undone::malformed(&fault));
    read.map(|Object(body)| body)
}
