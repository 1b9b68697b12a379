//! `…/logout`: OIDC Back-Channel Logout 1.0 §2.5 to §2.8.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::{
    form::Form,
    signal::{NotTaken, SignalRefusal, Source, Taken, logout},
};

use super::{Call, body, oauth_error, to_its_end, unavailable};
use crate::{app::App, http::nothing_here};

pub(super) async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let call = match Call::of(&app, &request, Source::Logout).await {
        Ok(call) => call,
        Err(answer) => return answer,
    };
    let form = body::read(&request, payload, &["application/x-www-form-urlencoded"]).await;
    to_its_end(async move {
        match call.settle(take(&call, form), |taken| taken).await {
            Ok(_) => HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).finish(),
            Err(NotTaken::Refused(SignalRefusal::NoReceiver)) => nothing_here().await,
            Err(NotTaken::Refused(refusal)) => {
                oauth_error(400, "invalid_request", refusal.description())
            }
            Err(NotTaken::Broken(fault)) => unavailable(Some(&fault)),
        }
    })
    .await
}

async fn take(call: &Call, form: Result<Vec<u8>, SignalRefusal>) -> Result<Taken, NotTaken> {
    let form = Form::parse(&form?).map_err(|_| SignalRefusal::Shape)?;
    logout::log_out(&call.org, call.connection()?, &form, &call.arrival).await
}
