//! `…/streams/{stream}`: security events, pushed (RFC 8935).

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::{
    ports::StreamId,
    signal::{NotTaken, SignalRefusal, Source, Taken, set},
};
use serde_json::json;

use super::{Call, body, challenge, render, to_its_end, unavailable};
use crate::{app::App, http::nothing_here};

pub(super) async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let stream = request.match_info().get("stream").map(str::to_owned);
    let call = match Call::of(&app, &request, Source::Push).await {
        Ok(call) => call,
        Err(answer) => return answer,
    };
    let Some(stream) = stream else { return nothing_here().await };
    let set = body::read(&request, payload, &["application/secevent+jwt"]).await;
    to_its_end(async move {
        let taking = take(&call, stream, set);
        match call.settle(taking, |taken| taken).await {
            // RFC 8935 §2.2: 202, and an empty body.
            Ok(_) => HttpResponse::Accepted().finish(),
            Err(NotTaken::Refused(refusal)) => refused(refusal).await,
            Err(NotTaken::Broken(fault)) => unavailable(Some(&fault)),
        }
    })
    .await
}

async fn take(
    call: &Call,
    stream: String,
    set: Result<Vec<u8>, SignalRefusal>,
) -> Result<Taken, NotTaken> {
    let connection = call.connection()?;
    let stream = StreamId { connection: connection.id.clone(), stream };
    let set = set.and_then(|set| String::from_utf8(set).map_err(|_| SignalRefusal::Shape))?;
    let pushed = (call.authorization.as_deref(), set.trim());
    set::pushed(&call.org, connection, &stream, pushed, &call.arrival).await
}

/// RFC 8935 §2.3 and §2.4
async fn refused(refusal: SignalRefusal) -> HttpResponse {
    let status = match refusal {
        SignalRefusal::NoReceiver => return nothing_here().await,
        SignalRefusal::Stranger => 401,
        SignalRefusal::Token(_)
        | SignalRefusal::Audience
        | SignalRefusal::Shape
        | SignalRefusal::NoEvent
        | SignalRefusal::NoSubject
        | SignalRefusal::Subject
        | SignalRefusal::SubjectFormat
        | SignalRefusal::NotOurs
        | SignalRefusal::OtherStream
        | SignalRefusal::State
        | SignalRefusal::OtherKind => 400,
    };
    let body = json!({ "err": refusal.err(), "description": refusal.description() });
    let mut response = render(status, &body);
    let language = header::HeaderValue::from_static("en");
    response.headers_mut().insert(header::CONTENT_LANGUAGE, language);
    if status == 401 { challenge(response) } else { response }
}
