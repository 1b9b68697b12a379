//! `…/scim/v2`: SCIM (RFC 7644), as much of it as Okta and Entra need to send deactivations.
//!
//! There is no store of users: what is sent takes effect and is repeated in the answer. A search
//! finds nobody, so a client creates each user once and keeps the id it is given, which says whom it
//! stands for. Groups are not taken.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use delegation::signal::{
    NotTaken, SignalRefusal, Source, Taken,
    scim::{Change, User, authenticate, provision},
};
use serde_json::{Map, Value, json};

use super::{Call, body, challenge, to_its_end};
use crate::{app::App, http::nothing_here};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const MEDIA: [&str; 2] = ["application/scim+json", "application/json"];

/// What is asked about a user: the method and the id in the path.
enum Asked {
    Create,
    Replace(String),
    Patch(String),
    Delete(String),
}

pub(super) async fn create(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    change(app, request, payload, |_| Asked::Create).await
}

pub(super) async fn replace(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    change(app, request, payload, Asked::Replace).await
}

pub(super) async fn patch(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    change(app, request, payload, Asked::Patch).await
}

pub(super) async fn delete(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    change(app, request, payload, Asked::Delete).await
}

/// RFC 7644 §3.4.1
pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let id = id(&request);
    read(app, request, |call| {
        let user = User::of_id(&id);
        render(200, &resource(call, &user, None))
    })
    .await
}

/// RFC 7644 §3.4.2: nobody is ever found.
pub(super) async fn search(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    read(app, request, |_| {
        let found = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": [],
        });
        render(200, &found)
    })
    .await
}

/// RFC 7643 §5
pub(super) async fn service_provider(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    read(app, request, |_| {
        let supported = |supported: bool| json!({ "supported": supported });
        let configuration = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": supported(true),
            "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
            "filter": { "supported": true, "maxResults": 1 },
            "changePassword": supported(false),
            "sort": supported(false),
            "etag": supported(false),
            "authenticationSchemes": [{
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "the token that was agreed on",
                "primary": true,
            }],
        });
        render(200, &configuration)
    })
    .await
}

/// What nobody is affected by: only the caller has to be known.
async fn read(
    app: web::Data<App>,
    request: HttpRequest,
    answer: impl FnOnce(&Call) -> HttpResponse,
) -> HttpResponse {
    let call = match Call::of(&app, &request, Source::Scim).await {
        Ok(call) => call,
        Err(answer) => return answer,
    };
    let known = call.connection().and_then(|connection| {
        let known = authenticate(&call.org, connection, call.authorization.as_deref());
        known.map_err(NotTaken::from)
    });
    match known {
        Ok(()) => answer(&call),
        Err(not_taken) => {
            call.record(Err(&not_taken));
            failed(not_taken).await
        }
    }
}

async fn change(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
    asked: impl FnOnce(String) -> Asked,
) -> HttpResponse {
    let call = match Call::of(&app, &request, Source::Scim).await {
        Ok(call) => call,
        Err(answer) => return answer,
    };
    let asked = asked(id(&request));
    let body = match asked {
        // RFC 7644 §3.6: without a body.
        Asked::Delete(_) => Ok(Vec::new()),
        Asked::Create | Asked::Replace(_) | Asked::Patch(_) => {
            body::read(&request, payload, &MEDIA).await
        }
    };
    to_its_end(async move {
        match call.settle(take(&call, &asked, body), |(_, _, taken)| taken).await {
            Ok((user, sent, _)) => done(&call, &asked, &user, &sent),
            Err(not_taken) => failed(not_taken).await,
        }
    })
    .await
}

async fn take(
    call: &Call,
    asked: &Asked,
    body: Result<Vec<u8>, SignalRefusal>,
) -> Result<(User, Value, Taken), NotTaken> {
    let connection = call.connection()?;
    authenticate(&call.org, connection, call.authorization.as_deref())?;
    let sent = match asked {
        Asked::Delete(_) => Value::Null,
        Asked::Create | Asked::Replace(_) | Asked::Patch(_) => {
            keys::json(&body?).map_err(|_| SignalRefusal::Shape)?
        }
    };
    let change = match asked {
        Asked::Create => Change::Create(&sent),
        Asked::Replace(id) => Change::Replace { id, user: &sent },
        Asked::Patch(id) => Change::Patch { id, patch: &sent },
        Asked::Delete(id) => Change::Delete { id },
    };
    let (user, taken) = provision(&call.org, connection, change, &call.arrival).await?;
    Ok((user, sent, taken))
}

/// RFC 7644 §3.3, §3.5 and §3.6
fn done(call: &Call, asked: &Asked, user: &User, sent: &Value) -> HttpResponse {
    match asked {
        Asked::Create => {
            let mut response = render(201, &resource(call, user, sent.as_object()));
            if let Ok(location) = header::HeaderValue::from_str(&location(call, user)) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Asked::Replace(_) => render(200, &resource(call, user, sent.as_object())),
        Asked::Patch(_) => render(200, &resource(call, user, None)),
        Asked::Delete(_) => HttpResponse::NoContent().finish(),
    }
}

/// A user as it is answered: what was sent, and the id it goes by.
fn resource(call: &Call, user: &User, sent: Option<&Map<String, Value>>) -> Value {
    let mut members = sent.cloned().unwrap_or_default();
    // RFC 7643 §4.1.1: a password "MUST NOT be returned".
    members.retain(|name, _| !name.eq_ignore_ascii_case("password"));
    members.entry("schemas").or_insert_with(|| json!([USER]));
    members.entry("userName").or_insert_with(|| json!(user.user_name));
    for (name, value) in [
        ("externalId", user.external_id.as_ref().map(|id| json!(id))),
        ("active", user.active.map(|active| json!(active))),
    ] {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    }
    members.insert("id".to_owned(), json!(user.id));
    let meta = json!({ "resourceType": "User", "location": location(call, user) });
    members.insert("meta".to_owned(), meta);
    Value::Object(members)
}

fn location(call: &Call, user: &User) -> String {
    format!("{}/signals/{}/scim/v2/Users/{}", call.org.issuer, call.connection, user.id)
}

fn id(request: &HttpRequest) -> String {
    request.match_info().get("id").unwrap_or_default().to_owned()
}

async fn failed(not_taken: NotTaken) -> HttpResponse {
    match not_taken {
        NotTaken::Broken(fault) => {
            let mut response = error(503, None, "the change cannot be taken now, try again");
            let seconds = header::HeaderValue::from(fault.retry_after().unwrap_or(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
        NotTaken::Refused(SignalRefusal::NoReceiver) => nothing_here().await,
        NotTaken::Refused(SignalRefusal::Stranger) => {
            challenge(error(401, None, SignalRefusal::Stranger.description()))
        }
        NotTaken::Refused(refusal) => error(400, Some("invalidSyntax"), refusal.description()),
    }
}

/// RFC 7644 §3.12
fn error(status: u16, scim_type: Option<&str>, detail: &str) -> HttpResponse {
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(),
        "detail": detail,
    });
    if let (Some(members), Some(scim_type)) = (body.as_object_mut(), scim_type) {
        members.insert("scimType".to_owned(), json!(scim_type));
    }
    render(status, &body)
}

fn render(status: u16, body: &Value) -> HttpResponse {
    let mut response = super::render(status, body);
    let media = header::HeaderValue::from_static("application/scim+json");
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}
