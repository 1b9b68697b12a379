//! `…/revocation`: global token revocation (draft-parecki-oauth-global-token-revocation §3).

use actix_web::{HttpRequest, HttpResponse, web};
use delegation::signal::{NotTaken, SignalRefusal, Source, Taken, revocation};

use super::{Call, body, challenge, oauth_error, to_its_end, unavailable};
use crate::{app::App, http::nothing_here};

pub(super) async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let call = match Call::of(&app, &request, Source::Revocation).await {
        Ok(call) => call,
        Err(answer) => return answer,
    };
    let json = body::read(&request, payload, &["application/json"]).await;
    to_its_end(async move {
        match call.settle(take(&call, json), |taken| taken).await {
            Ok(_) => HttpResponse::NoContent().finish(),
            Err(NotTaken::Refused(refusal)) => refused(refusal).await,
            Err(NotTaken::Broken(fault)) => unavailable(Some(&fault)),
        }
    })
    .await
}

async fn take(call: &Call, json: Result<Vec<u8>, SignalRefusal>) -> Result<Taken, NotTaken> {
    let asked = (call.authorization.as_deref(), &*json?);
    revocation::revoke(&call.org, call.connection()?, asked, &call.arrival).await
}

async fn refused(refusal: SignalRefusal) -> HttpResponse {
    match refusal {
        SignalRefusal::NoReceiver => nothing_here().await,
        SignalRefusal::Stranger => {
            challenge(oauth_error(401, "invalid_token", refusal.description()))
        }
        // "404: the user indicated by the subject identifier was not found".
        SignalRefusal::NotOurs => oauth_error(404, "not_found", "there is no such user here"),
        SignalRefusal::Token(_)
        | SignalRefusal::Audience
        | SignalRefusal::Shape
        | SignalRefusal::NoEvent
        | SignalRefusal::NoSubject
        | SignalRefusal::Subject
        | SignalRefusal::SubjectFormat
        | SignalRefusal::OtherStream
        | SignalRefusal::State
        | SignalRefusal::OtherKind => oauth_error(400, "invalid_request", refusal.description()),
    }
}
