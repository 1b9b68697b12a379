//! An actix application with a guarded handler.

use std::time::{SystemTime, UNIX_EPOCH};

use actas_verifier::{
    PeerCertificate,
    actix::{Delegated, Needs, configure},
};
use actix_web::{
    App, HttpMessage, HttpResponse,
    body::to_bytes,
    dev::{Service, ServiceResponse},
    http::header,
    test::{TestRequest, init_service},
    web,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::scene::{Proof, Scene, set};

struct Write;
impl Needs for Write {
    const SCOPES: &'static [&'static str] = &["documents:write"];
}

async fn documents(who: Delegated<Write>) -> HttpResponse {
    HttpResponse::Ok().body(who.to_string())
}

async fn sent(scene: &Scene, request: TestRequest) -> (u16, Vec<String>, String) {
    let app = App::new()
        .configure(configure(&scene.verifier))
        .route("/documents/7", web::get().to(documents));
    let app = init_service(app).await;
    let response: ServiceResponse = app.call(request.to_request()).await.unwrap();
    let lines = response.headers().get_all(header::WWW_AUTHENTICATE);
    let lines = lines.map(|line| line.to_str().unwrap().to_owned()).collect();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body()).await.unwrap();
    (status, lines, String::from_utf8_lossy(&body).into_owned())
}

fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the application reads the clock too")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// The good token as of now, with one more thing changed.
fn token(scene: &Scene, name: &str, value: Value) -> String {
    let claims = set(scene.claims(), "iat", json!(now()));
    let claims = set(set(claims, "exp", json!(now() + 300)), name, value);
    keys::sign(&*crate::scene::ISSUERS, "at+jwt", &claims).unwrap()
}

fn get(authorization: &str) -> TestRequest {
    TestRequest::get().uri("/documents/7?a=b").insert_header(("Authorization", authorization))
}

#[actix_web::test]
async fn calls_the_handler_for_those_who_may() {
    let scene = Scene::new().await;
    let token = token(&scene, "sub", json!("alice"));
    let (status, _, body) = sent(&scene, get(&format!("Bearer {token}"))).await;
    assert_eq!(body, "agent:researcher, asked by agent:orchestrator, acts for alice");
    assert_eq!(status, 200);
}

#[actix_web::test]
async fn answers_everybody_else_with_a_challenge() {
    let scene = Scene::new().await;
    let (status, lines, body) = sent(&scene, TestRequest::get().uri("/documents/7")).await;
    assert_eq!((status, lines.len()), (401, 2), "{body}");
    assert!(lines[0].starts_with(r#"Bearer scope="documents:write", resource_metadata="https://"#));
    let little = token(&scene, "scope", json!("documents:read"));
    let (status, lines, body) = sent(&scene, get(&format!("Bearer {little}"))).await;
    assert_eq!(status, 403, "{body}");
    assert!(lines[0].starts_with(r#"Bearer error="insufficient_scope""#), "{lines:?}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["error"], "insufficient_scope");
}

#[actix_web::test]
async fn sees_two_headers_where_there_are_two() {
    let scene = Scene::new().await;
    let token = token(&scene, "sub", json!("alice"));
    let twice =
        get(&format!("Bearer {token}")).append_header(("Authorization", format!("Bearer {token}")));
    assert_eq!(sent(&scene, twice).await.0, 400);
}

/// `htu` is of the published origin, whatever `Host` and the proxies' headers say (RFC 9449 §4.3).
#[actix_web::test]
async fn takes_a_proof_for_the_published_address() {
    let scene = Scene::new().await;
    let token = token(&scene, "cnf", json!({ "jkt": keys::Signer::kid(&*crate::scene::AGENTS) }));
    let proof = |htu: &str, id: &str| {
        let proof = Proof::of(&token).claim("iat", json!(now())).claim("jti", json!(id));
        proof.claim("htu", json!(htu)).signed()
    };
    let call = |proof: &str| {
        get(&format!("DPoP {token}"))
            .insert_header(("DPoP", proof))
            .insert_header(("Host", "evil.example"))
            .insert_header(("X-Forwarded-Host", "evil.example"))
    };
    let good = proof("https://documents.example/documents/7", "1");
    let (status, lines, _) = sent(&scene, call(&good)).await;
    assert_eq!(status, 200, "{lines:?}");
    let evil = proof("https://evil.example/documents/7", "2");
    let (status, lines, _) = sent(&scene, call(&evil)).await;
    assert_eq!(status, 401);
    assert!(lines[0].starts_with(r#"DPoP error="invalid_dpop_proof""#), "{lines:?}");
    let fresh = proof("https://documents.example/documents/7", "3");
    let twice = call(&fresh).append_header(("dpop", fresh.as_str()));
    assert_eq!(sent(&scene, twice).await.0, 401);
    assert_eq!(sent(&scene, call(&fresh)).await.0, 200);
}

/// RFC 8705 §3.
#[actix_web::test]
async fn sees_the_certificate_that_somebody_has_put_there() {
    let scene = Scene::new().await;
    let thumbprint = URL_SAFE_NO_PAD.encode(keys::sha256(b"a certificate"));
    let token = token(&scene, "cnf", json!({ "x5t#S256": thumbprint }));
    for (der, status) in [(b"a certificate".as_slice(), 200), (b"another one", 401)] {
        let app = App::new()
            .configure(configure(&scene.verifier))
            .route("/documents/7", web::get().to(documents));
        let app = init_service(app).await;
        let request = get(&format!("Bearer {token}")).to_request();
        request.extensions_mut().insert(PeerCertificate::from_der(der));
        let response: ServiceResponse = app.call(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
    }
}

/// RFC 9728 §3.2.
#[actix_web::test]
async fn serves_its_metadata() {
    let scene = Scene::new().await;
    let asked = TestRequest::get().uri("/.well-known/oauth-protected-resource");
    let (status, _, body) = sent(&scene, asked).await;
    assert_eq!(status, 200);
    let metadata: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(metadata["authorization_servers"], json!([scene.issuer()]));
}

/// Who forgot to configure it lets nobody in.
#[actix_web::test]
async fn without_a_verifier_nobody_is_let_in() {
    let scene = Scene::new().await;
    let token = token(&scene, "sub", json!("alice"));
    let app = init_service(App::new().route("/documents/7", web::get().to(documents))).await;
    let request = get(&format!("Bearer {token}")).to_request();
    let response: ServiceResponse = app.call(request).await.unwrap();
    assert_eq!(response.status().as_u16(), 500);
}
