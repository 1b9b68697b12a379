//! `{issuer}/oauth/introspect` (RFC 7662), and its signed answers (RFC 9701).
//!
//! Leaves no event in the audit trail: a resource server may ask at every request, and nothing is
//! decided here. It is counted instead.

use std::{sync::Arc, time::Instant};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, Accept, Header as _},
    web,
};
use delegation::{
    client::{Caller, Credentials, authenticate_caller},
    form::{Form, Malformed},
    introspect::{Introspection, IntrospectionRequest, introspect, signed},
    org::Org,
    refusal::{Failure, Guidance, Refusal, oauth_error},
};

use super::{
    call::{Call, to_its_end},
    current, nothing_here, org,
    reply::{refused, render, unavailable},
};
use crate::{app::App, clock};

/// RFC 9701 §5.
const SIGNED: &str = "application/token-introspection+jwt";

pub(super) async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let Some(org) = org(&app, &request) else { return nothing_here().await };
    let is_signed = wants_signed(&request);
    let call = Call::form(&request, payload).await;
    to_its_end(call.event.request_id.clone(), answer(app, org, (call, is_signed))).await
}

/// RFC 9701 §4: the caller asks by `Accept`. Of both forms, the one it prefers.
fn wants_signed(request: &HttpRequest) -> bool {
    let Ok(Accept(accepted)) = Accept::parse(request) else { return false };
    let quality = |media: &str| {
        let of = accepted.iter().filter(|one| one.item.essence_str().eq_ignore_ascii_case(media));
        of.map(|one| one.quality).max()
    };
    let signed = quality(SIGNED).filter(|quality| header::Quality::ZERO < *quality);
    signed.is_some_and(|signed| quality("application/json").is_none_or(|json| json <= signed))
}

/// What is said, in the form that was asked for.
enum Said {
    Plain(Introspection),
    Signed(Introspection, String),
}

impl Said {
    fn introspection(&self) -> &Introspection {
        match self {
            Self::Plain(introspection) | Self::Signed(introspection, _) => introspection,
        }
    }
}

async fn answer(
    app: web::Data<App>,
    org: Arc<Org>,
    (call, is_signed): (Call, bool),
) -> HttpResponse {
    let began = Instant::now();
    let decide = async |org: &Org| decide(org, &call, is_signed).await;
    let may_be_old = |said: &Said| match said.introspection() {
        Introspection::Active(_) => false,
        Introspection::Inactive(why) => why.may_be_of_the_past(),
    };
    let (org, result) = current::decide(&app, org, decide, may_be_old).await;
    let (org, request_id) = (org.id.as_str(), call.event.request_id.as_str());
    let (outcome, reason, response) = match result {
        Ok(said) => {
            let (outcome, reason) = match said.introspection() {
                Introspection::Active(_) => ("active", "none"),
                Introspection::Inactive(why) => ("inactive", why.code()),
            };
            tracing::debug!(org, request_id, outcome, reason, "introspected");
            (outcome, reason, said.render())
        }
        Err(Failure::Refused(refusal)) => {
            let error = oauth_error(&refusal);
            tracing::info!(org, request_id, %refusal, "introspection refused");
            ("refused", error.code, refused(error, Guidance::default()))
        }
        Err(Failure::Broken(fault)) => {
            tracing::warn!(org, request_id, %fault, "no introspection");
            ("unavailable", fault.code(), unavailable(fault.retry_after()))
        }
    };
    app.metrics.ledger.introspection(outcome, reason, began.elapsed().as_secs_f64());
    response
}

/// Form, caller, request, flow: the first that fails ends it.
async fn decide(org: &Org, call: &Call, is_signed: bool) -> Result<Said, Failure> {
    let refused = |malformed: &Malformed| Refusal::Request(*malformed);
    let form = Form::parse(call.body.as_deref().map_err(refused)?).map_err(Refusal::Request)?;
    let authorization = call.authorization.as_ref().map_err(refused)?;
    let credentials =
        Credentials::read(authorization.as_deref(), &form).map_err(Refusal::Request)?;
    let caller: Caller = authenticate_caller(org, &credentials).map_err(Refusal::Client)?;
    let request = IntrospectionRequest::parse(&form).map_err(Refusal::Request)?;
    let now = clock::now();
    let introspection = introspect(org, &caller, &request, now).await?;
    Ok(if is_signed {
        let token = signed(org, &caller, &introspection, now).await?;
        Said::Signed(introspection, token)
    } else {
        Said::Plain(introspection)
    })
}

impl Said {
    fn render(self) -> HttpResponse {
        match self {
            Self::Plain(introspection) => render(200, &introspection),
            Self::Signed(_, token) => HttpResponse::Ok()
                .insert_header((header::CACHE_CONTROL, "no-store"))
                .insert_header((header::PRAGMA, "no-cache"))
                .insert_header((header::CONTENT_TYPE, SIGNED))
                .body(token),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use delegation::introspect::SIGNED_TYP;

    use super::*;

    #[test]
    fn signs_for_whom_asks_for_it() {
        assert_eq!(SIGNED, format!("application/{SIGNED_TYP}"));
        let wants = |accept: &str| {
            let request = TestRequest::default().insert_header((header::ACCEPT, accept));
            wants_signed(&request.to_http_request())
        };
        for accept in [
            SIGNED,
            "application/json;q=0.9, application/token-introspection+jwt",
            "Application/Token-Introspection+JWT",
            "application/json, application/token-introspection+jwt",
        ] {
            assert!(wants(accept), "{accept}");
        }
        for accept in [
            "application/json",
            "*/*",
            "application/token-introspection+jwt;q=0",
            "application/json, application/token-introspection+jwt;q=0.5",
            "",
            "rubbish",
        ] {
            assert!(!wants(accept), "{accept}");
        }
    }
}
