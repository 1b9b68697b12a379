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
    client::Credentials,
    form::{Form, Malformed},
    introspect::{Introspection, IntrospectionRequest, introspect, signed},
    org::Org,
    refusal::{Failure, Guidance, Refusal, oauth_error},
};

use super::{
    body,
    call::{Call, to_its_end},
    current, gate, nothing_here, org,
    reply::{refused, render, slow_down, unavailable},
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
    if let Some(slow_down) = gate::turns_away_at_once(&app, &org, &request) {
        body::pass_over(payload).await;
        return slow_down;
    }
    let call = Call::form(&app, &request, payload).await;
    let request_id = call.event.request_id.clone();
    let room = (app.clone(), Arc::clone(&org));
    to_its_end(request_id, gate::run(room, Box::pin(answer(app, org, (call, is_signed))))).await
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
    let decide = async |org: &Org| decide((org, &app), &call, is_signed).await;
    let may_be_old = |said: &Said| match said.introspection() {
        Introspection::Active(_) => false,
        Introspection::Inactive(why) => why.may_be_of_the_past(),
    };
    let (org, result) = current::decide(&app, org, decide, may_be_old).await;
    let (org, request_id) = (org.id.as_str(), call.event.request_id.as_str());
    if let Err(failure) = &result
        && call.along.has_failed((org, &app.limits), failure)
    {
        let address = call.along.address();
        tracing::warn!(org, request_id, %address, "introspections fail so often that they are not tried");
    }
    let (outcome, reason, response) = match result {
        Ok(said) => {
            let (outcome, reason) = match said.introspection() {
                Introspection::Active(_) => ("active", "none"),
                Introspection::Inactive(why) => ("inactive", why.code()),
            };
            tracing::debug!(org, request_id, outcome, reason, "introspected");
            (outcome, reason, said.render())
        }
        Err(Failure::Refused(Refusal::TooMany { by, retry_after })) => {
            app.metrics.limited(org, by.code());
            ("limited", by.code(), slow_down(retry_after))
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
async fn decide((org, app): (&Org, &App), call: &Call, is_signed: bool) -> Result<Said, Failure> {
    let refused = |malformed: &Malformed| Refusal::Request(*malformed);
    let form = Form::parse(call.body.as_deref().map_err(refused)?).map_err(Refusal::Request)?;
    let authorization = call.authorization.as_ref().map_err(refused)?;
    let now = clock::now();
    let credentials =
        Credentials::read(authorization.as_deref(), &form).map_err(Refusal::Request)?;
    let caller = call.along.caller((org, &app.limits), credentials, now).await?;
    let caller = caller.spend(org, call.event.id).await?;
    let request = IntrospectionRequest::parse(&form).map_err(Refusal::Request)?;
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
