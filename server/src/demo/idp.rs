//! The development identity provider on a socket.

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App as Actix, HttpRequest, HttpResponse, HttpServer, dev::Server, http::StatusCode,
    http::header, web,
};
use keys::SigningKey;
use testkit::{
    idp::{Client, DevIdp, DevIdpSettings, User},
    wire::{Answer, Reply, Request},
};

use super::stage::{DOCUMENTS, IDP_APP, IDP_INTROSPECTOR, REDIRECT_URI, USERS};
use crate::clock;

/// Longer than anybody waits for an answer.
const SLOW: Duration = Duration::from_secs(30);
/// Tests order tokens of a megabyte, to see them refused.
const LARGEST_ORDER: usize = 4 << 20;

pub(super) fn server(
    listener: TcpListener,
    issuer: &str,
    key: SigningKey,
) -> std::io::Result<Server> {
    let client = |(id, secret): (&str, &str)| Client { id: id.into(), secret: secret.into() };
    let user = |(sub, password): (&str, &str)| User { sub: sub.into(), password: password.into() };
    let settings = DevIdpSettings {
        issuer: issuer.to_owned(),
        app: client(IDP_APP),
        redirect_uri: REDIRECT_URI.to_owned(),
        introspector: client(IDP_INTROSPECTOR),
        users: USERS.map(user).to_vec(),
        audience: vec![DOCUMENTS.to_owned()],
        token_lifetime: Duration::from_mins(10),
    };
    let idp = DevIdp::new(settings, Arc::new(key), Box::new(unguessable));
    let idp = web::Data::new(idp);
    let app = move || {
        Actix::new()
            .app_data(idp.clone())
            .app_data(web::PayloadConfig::new(LARGEST_ORDER))
            .default_service(web::to(handle))
    };
    Ok(HttpServer::new(app).workers(1).disable_signals().listen(listener)?.run())
}

async fn handle(idp: web::Data<DevIdp>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let asked = Request {
        method: request.method().as_str(),
        path: request.path(),
        query: request.query_string(),
        authorization: authorization.and_then(|value| value.to_str().ok()),
        body: &body,
    };
    match idp.handle(&asked, clock::now().0) {
        Answer::Reply(reply) => render(reply),
        Answer::Slow(reply) => {
            tokio::time::sleep(SLOW).await;
            render(reply)
        }
        // A body that ends in an error before it begins: the connection is cut.
        Answer::Down => HttpResponse::Ok().streaming(futures_util::stream::once(async {
            Err::<web::Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        })),
    }
}

fn render(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for header in reply.headers {
        response.insert_header(header);
    }
    response.body(reply.body)
}

/// A client secret of ours is 256 random bits, which is what a code needs to be.
fn unguessable() -> String {
    let made = keys::DataKey::generate().and_then(|key| key.new_client_secret());
    made.map_or_else(|_| clock::id().to_string(), |(secret, _)| secret.replacen("acs_", "", 1))
}
