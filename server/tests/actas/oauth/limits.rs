//! Too much: 429 and `Retry-After`, for whoever asked too much and nobody else, and no row of it.

use std::{io::Write, net::TcpStream, thread};

use serde_json::json;

use crate::{
    database::Kind,
    http::{Reply, Request},
    process::{PATIENCE, eventually},
    scene::{Scene, Site, TOKEN, changed, connected, told},
};

/// One now, and the next in a while that no test waits for.
const ONE: &str = "{ per_second = 1, burst = 1 }";

/// The organization has these limits.
fn limited(limits: &str) -> Scene {
    Scene::declared(Kind::Sqlite, |_, org| {
        changed(&org, "id = \"acme\"\n", &format!("id = \"acme\"\nlimits = {{ {limits} }}\n"))
    })
}

/// The process has these.
fn process(site: &Site, limits: &str) {
    site.configure("[keys]", &format!("[limits]\n{limits}\n\n[keys]"));
}

fn configured(limits: &str) -> Scene {
    Scene::configured(Kind::Sqlite, |site| process(site, limits))
}

#[track_caller]
fn too_many(reply: &Reply) {
    reply.refused(429, "temporarily_unavailable", "too_many");
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(0 < seconds, "{reply:?}");
}

/// Sends some at a time until it is too much, which it must be soon; how many passed.
#[track_caller]
fn flood(scene: &Scene, request: &Request) -> usize {
    let mut passed = 0;
    for _ in 0..20 {
        let replies: Vec<_> = thread::scope(|threads| {
            let sent: Vec<_> = (0..4).map(|_| threads.spawn(|| scene.send(request))).collect();
            sent.into_iter().map(|sent| sent.join().unwrap()).collect()
        });
        let (refused, others): (Vec<_>, Vec<_>) =
            replies.into_iter().partition(|reply| reply.status == 429);
        passed += others.len();
        if !refused.is_empty() {
            refused.iter().for_each(too_many);
            return passed;
        }
    }
    panic!("it is never too much");
}

#[track_caller]
fn counted(scene: &Scene, org: &str, by: &str) {
    let text = scene.server.get("/metrics").text().to_owned();
    let sample = format!("actas_limited_total{{by=\"{by}\",org=\"{org}\"}} ");
    assert!(text.contains(&sample), "{sample} is not in {text}");
}

#[test]
fn an_agent_that_asks_too_much_leaves_the_others_alone() {
    // Two, since alice's token is handed on by the one and used by the other.
    let scene = limited("agent = { per_second = 1, burst = 2 }");
    let handed = scene.handed();
    flood(&scene, &scene.happy());
    scene.send(&scene.next_hop(&handed)).token();
    counted(&scene, "acme", "agent");
}

#[test]
fn a_user_who_asks_too_much_leaves_the_others_alone() {
    let scene = limited(&format!("user = {ONE}"));
    assert!(1 <= flood(&scene, &scene.happy()));
    let bob = scene.provider.access_token("bob");
    scene.send(&scene.first_hop(&bob).with("scope", "documents:read")).token();
    counted(&scene, "acme", "user");
}

#[test]
fn whoever_only_claims_to_be_somebody_uses_nothing_of_theirs_up() {
    let scene = limited(&format!("agent = {ONE}, user = {ONE}"));
    let happy = scene.happy();
    for _ in 0..5 {
        scene.send(&happy.clone().basic("orchestrator", "wrong")).refused(
            401,
            "invalid_client",
            "",
        );
    }
    let forged = format!("{}x", scene.provider.access_token("alice"));
    scene.send(&happy.clone().basic("researcher", scene.secret("researcher"))).refusal();
    scene.send(&scene.next_hop(&forged)).refusal();
    scene.send(&happy).token();
}

#[test]
fn one_organization_floods_and_another_does_not_feel_it() {
    let scene = limited(&format!("organization = {ONE}"));
    let other = scene
        .org
        .replace("id = \"acme\"", "id = \"other\"")
        .replace(&format!("limits = {{ organization = {ONE} }}\n"), "");
    let applied = scene.site.apply(&other);
    scene.server.has_loaded("other", applied.revision);
    flood(&scene, &scene.happy());
    let secret = &applied.secrets["orchestrator"];
    let there = scene.happy().basic("orchestrator", secret).at("/o/other/oauth/token");
    scene.send(&there).token();
    counted(&scene, "acme", "organization");
}

#[test]
fn every_endpoint_of_an_organization_counts() {
    for path in ["token", "introspect", "revoke"] {
        let scene = limited(&format!("organization = {ONE}"));
        let path = format!("/o/acme/oauth/{path}");
        flood(&scene, &Request::post(&path, &[]));
    }
    let scene = limited(&format!("organization = {ONE}"));
    flood(&scene, &Request::get("/o/acme/oauth/status-lists/0"));
    too_many(&scene.server.get("/o/acme/oauth/status-lists"));
}

/// RFC 9112 §9.3: a connection persists. A new one costs more than the refusal.
#[test]
fn whoever_is_told_to_come_again_keeps_the_connection() {
    let scene = limited(&format!("organization = {ONE}"));
    for path in ["token", "introspect", "revoke"] {
        let path = format!("/o/acme/oauth/{path}");
        flood(&scene, &Request::post(&path, &[]));
        let mut stream = TcpStream::connect(scene.server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (ends, body) = ("\r\n", "x=".to_owned() + &"y".repeat(3000));
        let length = body.len();
        for _ in 0..3 {
            let head = format!("POST {path} HTTP/1.1{ends}host: a{ends}content-length: {length}");
            write!(stream, "{head}{ends}{ends}{body}").unwrap();
            let reply = Reply::read_from(&mut stream).unwrap();
            assert_eq!(reply.header("connection"), None, "{reply:?}");
        }
    }
}

#[test]
fn an_address_is_held_whatever_organization_it_asks() {
    let scene = configured(&format!("address = {ONE}"));
    flood(&scene, &scene.happy());
    counted(&scene, "acme", "address");
    // How we are is not for anybody to be kept from.
    assert_eq!(scene.server.get("/healthz").status, 200);
    assert_eq!(scene.server.get("/o/acme/oauth/jwks").status, 200);
}

#[test]
fn behind_a_trusted_proxy_the_address_is_the_clients() {
    let scene = Scene::configured(Kind::Sqlite, |site| {
        process(site, &format!("address = {ONE}"));
        let proxy = "[proxy]\ntrusted = [\"127.0.0.1\"]\nclient_address_header = \"X-Real-IP\"";
        site.configure("[limits]", &format!("{proxy}\n\n[limits]"));
    });
    let from = |address: &str| scene.happy().header("x-real-ip", address);
    flood(&scene, &from("192.0.2.1"));
    scene.send(&from("192.0.2.2")).token();
}

#[test]
fn what_is_too_much_leaves_no_row() {
    let scene = limited("user = { per_second = 1, burst = 1 }");
    let passed = flood(&scene, &scene.happy());
    assert_eq!(told(&scene.records(), &["outcome"]), vec!["issued"; passed]);
}

#[test]
fn one_organization_cannot_have_every_place() {
    let scene = Scene::configured(Kind::Sqlite, |site| {
        site.configure("[keys]", "[upstream]\ndeadline_ms = 10000\n\n[keys]");
    });
    let other = scene.org.replace("id = \"acme\"", "id = \"other\"");
    let revision = scene.site.apply(&other).revision;
    scene.server.has_loaded("other", revision);
    scene.provider.hold_introspection();
    // Each waits for the identity provider, and there are more than an organization has places.
    let happy = scene.happy();
    let waiting: Vec<_> = (0..300)
        .map(|_| {
            let mut stream = TcpStream::connect(scene.server.address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            happy.write_to(&mut stream).unwrap();
            stream
        })
        .collect();
    eventually("an organization has no place left", || {
        let text = scene.server.get("/metrics").text().to_owned();
        text.contains("actas_limited_total{by=\"running\",org=\"acme\"} 44").then_some(())
    });
    too_many(&scene.send(&happy));
    let there = Request::post("/o/other/oauth/token", &[]);
    scene.send(&there).refused(401, "invalid_client", "");
    scene.provider.release_introspection();
    let replies: Vec<_> =
        waiting.into_iter().map(|mut it| Reply::read_from(&mut it).unwrap().status).collect();
    assert_eq!(replies.iter().filter(|status| **status == 429).count(), 44, "{replies:?}");
    scene.send(&happy).token();
}

const GUESSES: &str = "failed_authentications = { per_second = 1, burst = 3 }";

#[test]
fn whoever_guesses_secrets_is_not_tried_any_more_there() {
    let scene = configured(GUESSES);
    let happy = scene.happy();
    let wrong = happy.clone().basic("orchestrator", "wrong");
    assert!(3 <= flood(&scene, &wrong));
    counted(&scene, "acme", "guessing");
    // One event says that there are more to come of which none will.
    let details = told(&scene.records(), &["detail"]);
    let last = details.iter().filter(|detail| detail.contains("none is tried for a while"));
    assert!(1 <= last.count(), "{details:?}");
    // Another client at the same address is not kept out.
    let handing = Request::post(TOKEN, &[("grant_type", "x")]);
    let other = handing.basic("researcher", scene.secret("researcher"));
    scene.send(&other).refused(400, "unsupported_grant_type", "malformed");
}

#[test]
fn a_client_is_not_locked_out_elsewhere() {
    let scene = Scene::configured(Kind::Sqlite, |site| {
        process(site, GUESSES);
        let proxy = "[proxy]\ntrusted = [\"127.0.0.1\"]\nclient_address_header = \"X-Real-IP\"";
        site.configure("[limits]", &format!("{proxy}\n\n[limits]"));
    });
    let happy = scene.happy();
    let there = |request: &Request, address| request.clone().header("x-real-ip", address);
    flood(&scene, &there(&happy.clone().basic("orchestrator", "wrong"), "192.0.2.1"));
    scene.send(&there(&happy, "192.0.2.2")).token();
}

#[test]
fn success_does_not_count_and_forgives_nothing() {
    let scene = configured("failed_authentications = { per_second = 1, burst = 3 }");
    let happy = scene.happy();
    for _ in 0..8 {
        scene.send(&happy).token();
    }
    flood(&scene, &happy.clone().basic("orchestrator", "wrong"));
}

#[test]
fn operators_are_not_guessed_either() {
    let scene = configured(GUESSES);
    let admin = Request::of("GET", "/o/acme/admin/keys").bearer("wrong");
    assert!(3 <= flood(&scene, &admin));
    counted(&scene, "acme", "guessing");
    // Clients are others.
    scene.send(&scene.happy()).token();
}

#[test]
fn what_is_declared_anew_holds_at_once() {
    let mut scene = limited(&format!("organization = {ONE}"));
    flood(&scene, &scene.happy());
    let applied = scene.change(ONE, "{ per_second = 1000, burst = 1000 }");
    scene.server.has_loaded("acme", applied.revision);
    for _ in 0..5 {
        scene.send(&scene.happy()).token();
    }
    assert_eq!(scene.server.get("/o/acme/oauth/jwks").json()["keys"].is_array(), json!(true));
}

#[test]
fn whoever_signals_is_not_guessed_either() {
    const SCIM: &str = "[connections.scim]\nbearer = { value = \"the-token-of-the-directory\" }\n";
    let scene = Scene::declared(Kind::Sqlite, |site, org| {
        process(site, GUESSES);
        connected(&org, SCIM)
    });
    let search = Request::get("/o/acme/signals/corp/scim/v2/Users");
    assert!(3 <= flood(&scene, &search.clone().bearer("wrong")));
    counted(&scene, "acme", "guessing");
    // Clients are others.
    scene.send(&scene.happy()).token();
}
