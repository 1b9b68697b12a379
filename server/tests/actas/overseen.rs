//! The happy scene with somebody who looks: a resource server that asks about tokens, and operators.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    database::Kind,
    http::{Reply, Request},
    process::Server,
    scene::{Scene, changed},
    signals::with_reader,
};

pub const INTROSPECT: &str = "/o/acme/oauth/introspect";
pub const REVOKE: &str = "/o/acme/oauth/revoke";
pub const STATUS_LISTS: &str = "/o/acme/oauth/status-lists";
/// What is said of a token that is of no use, whatever the reason.
pub const INACTIVE: &str = r#"{"active":false}"#;

const RESOURCE: &str = "[[resources]]\nid = \"https://documents.example\"\n";
const OVERSEEN: &str = "[[resources]]\nid = \"https://documents.example\"\n\
                        client_id = \"documents-api\"\nstatus_list = true\n";
const MORE: &str = r#"
[[resources]]
id = "https://mail.example"
client_id = "mail-api"
scope = "documents:read"

[[operators]]
id = "ops"
powers = ["audit", "revoke", "keys"]

[[operators]]
id = "auditor"
powers = ["audit"]

[[operators]]
id = "incident"
powers = ["revoke"]
"#;

/// The organization's file with them.
pub fn overseen(org: &str) -> String {
    changed(&with_reader(org), RESOURCE, OVERSEEN) + MORE
}

pub fn scene(kind: Kind) -> Scene {
    Scene::declared(kind, |_, org| overseen(&org))
}

/// Two replicas; the first is the scene's.
pub fn replicas() -> (Server, Scene) {
    let scene = scene(Kind::Postgres);
    let other = scene.site.serve();
    (other, scene)
}

/// What `server` tells the documents' resource server of a token.
#[track_caller]
pub fn introspected(server: &Server, scene: &Scene, token: &str) -> Value {
    let reply = server.send(&introspection(scene, token));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[track_caller]
pub fn is_active(scene: &Scene, token: &str) -> bool {
    introspected(&scene.server, scene, token)["active"].as_bool().unwrap()
}

/// The question of the documents' resource server.
pub fn introspection(scene: &Scene, token: &str) -> Request {
    Request::post(INTROSPECT, &[("token", token)])
        .basic("documents-api", scene.secret("documents-api"))
}

/// A client's wish that its token ends.
pub fn revocation(scene: &Scene, client: &str, token: &str) -> Request {
    Request::post(REVOKE, &[("token", token)]).basic(client, scene.secret(client))
}

/// What `operator` sends to the admin API, or asks of it.
pub fn post(scene: &Scene, operator: &str, path: &str, body: &Value) -> Request {
    Request::of("POST", &format!("/o/acme/admin/{path}")).bearer(scene.secret(operator)).json(body)
}

pub fn get(scene: &Scene, operator: &str, path: &str) -> Request {
    Request::get(&format!("/o/acme/admin/{path}")).bearer(scene.secret(operator))
}

/// What `ops` ended, by the first replica.
#[track_caller]
pub fn ended(scene: &Scene, what: &Value) -> u64 {
    let reply = scene.send(&post(scene, "ops", "revocations", what));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let body = reply.json();
    assert!(body["action"].is_string(), "{body}");
    body["ended"].as_u64().unwrap()
}

#[track_caller]
pub fn restored(scene: &Scene, what: &Value) {
    let reply = scene.send(&post(scene, "ops", "restorations", what));
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// Header or payload of a compact JWS, unverified.
pub fn part(token: &str, index: usize) -> Value {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap();
    serde_json::from_slice(&part).unwrap()
}

/// The claims of a signed answer of this kind. `keys` has read it back with the published key; here it
/// is enough that the key is published.
#[track_caller]
pub fn signed(scene: &Scene, token: &str, typ: &str) -> Value {
    let header = part(token, 0);
    assert_eq!(header["typ"], typ);
    let jwks = scene.server.get("/o/acme/oauth/jwks").json();
    let kids = jwks["keys"].as_array().unwrap().iter().map(|key| &key["kid"]);
    assert!(kids.collect::<Vec<_>>().contains(&&header["kid"]), "{header} {jwks}");
    part(token, 1)
}

/// An answer with `reply`'s status and `error`.
#[track_caller]
pub fn is_error(reply: &Reply, status: u16, error: &str) {
    assert_eq!((reply.status, reply.json()["error"].clone()), (status, json!(error)));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}
