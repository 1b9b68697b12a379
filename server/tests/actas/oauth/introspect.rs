//! Introspection: what the ledger says of a token, and to whom.

use serde_json::json;

use crate::{
    database::Kind,
    http::Request,
    overseen::{
        INACTIVE, INTROSPECT, ended, introspected, introspection, is_active, is_error, part,
        replicas, revocation, scene, signed,
    },
    process::eventually,
    scene::{DOCUMENTS, Scene},
};

on_both_databases!(
    the_resource_server_learns_all_of_a_live_token,
    everybody_else_learns_the_same_nothing,
    a_revoked_token_is_not_active_any_more,
);

fn the_resource_server_learns_all_of_a_live_token(kind: Kind) {
    let scene = scene(kind);
    let token = scene.send(&scene.next_hop(&scene.handed())).token();
    let claims = part(&token, 1);
    let told = introspected(&scene.server, &scene, &token);
    assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!("Bearer")));
    for claim in ["iss", "sub", "aud", "client_id", "scope", "exp", "iat", "jti", "act", "org_id"] {
        assert!(!claims[claim].is_null(), "{claim} in {claims}");
        assert_eq!(told[claim], claims[claim], "{claim}");
    }
    assert_eq!(told["act"]["act"]["sub"], "agent:orchestrator");
    assert_eq!((&told["aud"], &told["sub"]), (&json!(DOCUMENTS), &json!("alice")));
}

/// RFC 7662 §2.2: "the authorization server MUST ... [`active` being] `false`"; §4: nothing more.
fn everybody_else_learns_the_same_nothing(kind: Kind) {
    let scene = scene(kind);
    let token = scene.send(&scene.happy()).token();
    let ask = |client: &str, token: &str| {
        let request = Request::post(INTROSPECT, &[("token", token)]);
        scene.send(&request.basic(client, scene.secret(client)))
    };
    for (client, token) in [
        // Meant for somebody else; also when it is the one it was issued to who asks.
        ("mail-api", token.as_str()),
        ("researcher", &token),
        ("orchestrator", &token),
        ("documents-api", "opaque"),
        ("documents-api", &format!("{token}x")),
        ("documents-api", &scene.provider.access_token("alice")),
        ("documents-api", &scene.handed()),
    ] {
        let reply = ask(client, token);
        assert_eq!((reply.status, reply.text()), (200, INACTIVE), "{client}");
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    // An agent learns of what it was handed.
    assert_eq!(ask("researcher", &scene.handed()).json()["active"], true);
}

fn a_revoked_token_is_not_active_any_more(kind: Kind) {
    let scene = scene(kind);
    let handed = scene.handed();
    let token = scene.send(&scene.next_hop(&handed)).token();
    let other = scene.send(&scene.happy()).token();
    assert!(is_active(&scene, &token));
    assert_eq!(scene.send(&revocation(&scene, "orchestrator", &handed)).status, 200);
    let reply = scene.send(&introspection(&scene, &token));
    assert_eq!(reply.text(), INACTIVE);
    assert!(is_active(&scene, &other));
}

/// RFC 7662 §2.1: "the authorization server MUST also require some form of authorization".
#[test]
fn strangers_are_refused_and_learn_nothing() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    let bare = Request::post(INTROSPECT, &[("token", &token)]);
    for stranger in [
        bare.clone(),
        bare.clone().basic("documents-api", "wrong"),
        bare.clone().basic("nobody", "wrong"),
        bare.clone().basic("documents-api", scene.secret("mail-api")),
        bare.clone().bearer(&token),
        bare.clone().bearer(scene.secret("ops")),
        bare.clone().with("client_id", "documents-api"),
    ] {
        let reply = scene.send(&stranger);
        is_error(&reply, 401, "invalid_client");
        assert!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")));
    }
    let post = bare.with("client_id", "documents-api");
    let reply = scene.send(&post.with("client_secret", scene.secret("documents-api")));
    assert_eq!(reply.json()["active"], true);
}

#[test]
fn a_request_that_is_none_is_refused() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    let happy = introspection(&scene, &token);
    is_error(&scene.send(&happy.clone().without("token")), 400, "invalid_request");
    is_error(&scene.send(&happy.clone().body("application/json", "{}")), 400, "invalid_request");
    let reply = scene.send(&Request::get(INTROSPECT));
    is_error(&reply, 405, "invalid_request");
    assert_eq!(reply.header("allow"), Some("POST"));
    is_error(&scene.send(&happy.clone().at("/oauth/introspect")), 404, "not_found");
    // §2.1: a hint is a hint.
    for hint in ["access_token", "refresh_token", "whatever"] {
        let reply = scene.send(&happy.clone().with("token_type_hint", hint));
        assert_eq!(reply.json()["active"], true, "{hint}");
    }
}

/// RFC 9701 §4, §5.
#[test]
fn a_caller_that_asks_for_it_gets_it_signed() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    let media = "application/token-introspection+jwt";
    let ask = |token: &str| {
        let reply = scene.send(&introspection(&scene, token).header("accept", media));
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(media)));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        signed(&scene, reply.text(), "token-introspection+jwt")
    };
    let claims = ask(&token);
    let told = introspected(&scene.server, &scene, &token);
    assert_eq!(claims["token_introspection"], told);
    assert_eq!((&claims["iss"], &claims["aud"]), (&told["iss"], &json!("documents-api")));
    let members: Vec<_> = claims.as_object().unwrap().keys().collect();
    assert_eq!(members, ["iss", "aud", "iat", "token_introspection"]);
    assert_eq!(ask("opaque")["token_introspection"], json!({ "active": false }));
}

#[test]
fn what_one_replica_ended_is_not_active_on_another() {
    let (other, scene) = replicas();
    let token = scene.send(&scene.happy()).token();
    assert_eq!(introspected(&other, &scene, &token)["active"], true);
    assert_eq!(ended(&scene, &json!({ "agent": "orchestrator" })), 1);
    assert_eq!(other.send(&introspection(&scene, &token)).text(), INACTIVE);
}

/// Nobody knows is never "active", and it passes.
#[test]
fn without_its_database_there_is_no_answer() {
    let scene = scene(Kind::Postgres);
    let token = scene.send(&scene.happy()).token();
    let database = scene.site.postgres.as_ref().unwrap();
    database.close();
    let reply = scene.send(&introspection(&scene, &token));
    is_error(&reply, 503, "temporarily_unavailable");
    assert!(reply.header("retry-after").is_some());
    database.open();
    eventually("it answers again", || {
        let reply = scene.send(&introspection(&scene, &token));
        (reply.status == 200).then(|| assert_eq!(reply.json()["active"], true))
    });
}

#[test]
fn a_new_secret_is_good_at_once_and_the_old_one_no_more() {
    let mut scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    let old = introspection(&scene, &token);
    let made = scene.site.apply_with(&scene.org, &["--new-secret", "documents-api"]).secrets;
    scene.secrets.extend(made);
    assert_eq!(scene.send(&introspection(&scene, &token)).json()["active"], true);
    is_error(&scene.send(&old), 401, "invalid_client");
}

#[test]
fn it_is_counted_and_leaves_no_event() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    assert!(is_active(&scene, &token));
    assert!(!is_active(&scene, "opaque"));
    let metrics = scene.server.get("/metrics");
    for line in [
        r#"actas_introspections_total{outcome="active",reason="none"} 1"#,
        r#"actas_introspections_total{outcome="inactive",reason="not_ours"} 1"#,
    ] {
        assert!(metrics.text().contains(line), "{line} in {}", metrics.text());
    }
    assert_eq!(scene.records().len(), 1);
}

/// What discovery says is where it says.
#[test]
fn the_endpoints_are_where_the_metadata_say() {
    let (without, with) = (Scene::on(Kind::Sqlite), scene(Kind::Sqlite));
    let metadata =
        |scene: &Scene| scene.server.get("/.well-known/oauth-authorization-server/o/acme").json();
    let told = metadata(&with);
    for (member, path) in [
        ("introspection_endpoint", "/o/acme/oauth/introspect"),
        ("revocation_endpoint", "/o/acme/oauth/revoke"),
        ("status_list_aggregation_endpoint", "/o/acme/oauth/status-lists"),
    ] {
        assert_eq!(told[member], format!("{}{path}", crate::scene::PUBLIC_URL), "{member}");
    }
    assert_eq!(told["introspection_signing_alg_values_supported"], json!(["ES256"]));
    let methods = json!(["client_secret_basic", "client_secret_post"]);
    assert_eq!(told["introspection_endpoint_auth_methods_supported"], methods);
    assert_eq!(told["revocation_endpoint_auth_methods_supported"], methods);
    assert!(metadata(&without).get("status_list_aggregation_endpoint").is_none());
}
