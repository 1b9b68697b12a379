use keys::{Expect, PublicKeys, Typ};
use url::Url;

use super::*;

/// What the application asks for when all is well.
fn request() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid documents:read"),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

/// The happy request with one parameter changed, or removed when empty.
fn request_with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut request = request();
    request.retain(|(at, _)| *at != name);
    if !value.is_empty() {
        request.push((name, value));
    }
    request
}

fn with_password(
    mut request: Vec<(&'static str, &'static str)>,
    username: &'static str,
    password: &'static str,
) -> String {
    request.extend([("username", username), ("password", password)]);
    form(&request)
}

fn login(idp: &DevIdp, username: &'static str, password: &'static str) -> Reply {
    reply(post(idp, "/login", None, &with_password(request(), username, password)))
}

fn query_of(reply: &Reply, name: &str) -> Option<String> {
    let location = Url::parse(reply.header("location").unwrap()).unwrap();
    assert!(location.as_str().starts_with(REDIRECT_URI));
    location.query_pairs().find(|(at, _)| at == name).map(|(_, value)| value.into_owned())
}

fn code(idp: &DevIdp) -> String {
    query_of(&login(idp, "alice", "alice's password"), "code").unwrap()
}

fn redemption(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ]
}

fn redeem_at(idp: &DevIdp, parameters: &[(&str, &str)], now: i64) -> Reply {
    let app = basic("app", "app secret");
    reply(post_at(idp, "/token", Some(&app), &form(parameters), now))
}

fn redeem(idp: &DevIdp, parameters: &[(&str, &str)]) -> Reply {
    redeem_at(idp, parameters, NOW)
}

fn body(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

#[test]
fn shows_a_form_without_script_under_a_strict_policy() {
    let page = reply(get(&idp(), "/authorize", &form(&request())));
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<form method=\"post\" action=\"login\""));
    assert!(page.body.contains("name=\"state\" value=\"the state\""));
    assert!(!page.body.contains("<script") && !page.body.contains(" style="));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(policy.contains("form-action 'self' http://127.0.0.1:8888;"), "{policy}");
}

#[test]
fn the_policy_names_the_style_of_the_page() {
    let page = reply(get(&idp(), "/authorize", &form(&request())));
    let style = page.body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = STANDARD.encode(keys::sha256(style.as_bytes()));
    assert!(page.header("content-security-policy").unwrap().contains(&hash));
}

#[test]
fn escapes_what_it_repeats() {
    let hostile = request_with("state", "\"><script>alert('x')</script>&");
    let page = reply(get(&idp(), "/authorize", &form(&hostile)));
    assert!(!page.body.contains("<script"));
    assert!(page.body.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;"));
}

#[test]
fn never_redirects_to_an_address_that_is_not_registered() {
    let idp = idp();
    for (name, value) in [
        ("client_id", "another"),
        ("client_id", ""),
        ("redirect_uri", "http://127.0.0.1:8888/callback/"),
        ("redirect_uri", "https://evil.example"),
        ("redirect_uri", ""),
    ] {
        let page = reply(get(&idp, "/authorize", &form(&request_with(name, value))));
        assert_eq!((page.status, page.header("location")), (400, None), "{name} {value}");
    }
}

#[test]
fn refuses_a_repeated_parameter() {
    let mut twice = request();
    twice.push(("state", "another"));
    assert_eq!(reply(get(&idp(), "/authorize", &form(&twice))).status, 400);
}

#[test]
fn reports_other_mistakes_to_the_application() {
    let idp = idp();
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
    ] {
        let redirect = reply(get(&idp, "/authorize", &form(&request_with(name, value))));
        assert_eq!(redirect.status, 303);
        assert_eq!(query_of(&redirect, "error").as_deref(), Some(error), "{name} {value}");
        assert_eq!(query_of(&redirect, "state").as_deref(), Some("the state"));
    }
}

#[test]
fn signing_in_redirects_with_code_state_and_issuer() {
    let redirect = login(&idp(), "alice", "alice's password");
    assert_eq!(redirect.status, 303);
    assert!(query_of(&redirect, "code").is_some());
    assert_eq!(query_of(&redirect, "state").as_deref(), Some("the state"));
    assert_eq!(query_of(&redirect, "iss").as_deref(), Some(ISSUER));
}

#[test]
fn refuses_wrong_credentials_and_disabled_users() {
    let idp = idp();
    idp.disable("bob", true);
    for (username, password) in [
        ("alice", "bob's password"),
        ("alice", ""),
        ("mallory", "mallory's password"),
        ("", ""),
        ("bob", "bob's password"),
    ] {
        let page = login(&idp, username, password);
        assert_eq!((page.status, page.header("location")), (403, None), "{username} {password}");
        assert!(page.body.contains("role=\"alert\""));
    }
    idp.disable("bob", false);
    assert_eq!(login(&idp, "bob", "bob's password").status, 303);
}

#[test]
fn the_login_form_is_checked_like_the_request() {
    let form = with_password(
        request_with("redirect_uri", "https://evil.example"),
        "alice",
        "alice's password",
    );
    assert_eq!(reply(post(&idp(), "/login", None, &form)).status, 400);
}

#[test]
fn a_code_gives_both_tokens() {
    let idp = idp();
    let reply = redeem_at(&idp, &redemption(&code(&idp)), NOW + 5);
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    let body = body(&reply);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 600);
    assert_eq!(body["scope"], "openid documents:read");

    let access_token = body["access_token"].as_str().unwrap();
    assert_eq!(part(access_token, 0)["typ"], "at+jwt");
    let claims = part(access_token, 1);
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["aud"], "orchestrator");
    assert_eq!(claims["client_id"], "app");
    assert_eq!(claims["scope"], "openid documents:read");
    assert_eq!(claims["auth_time"], NOW);
    assert_eq!(claims["iat"], NOW + 5);
    assert_eq!(claims["exp"], NOW + 605);
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert!(claims["acr"].is_string() && claims["jti"].is_string());

    let id_token = body["id_token"].as_str().unwrap();
    assert_eq!(part(id_token, 0)["typ"], "JWT");
    let claims = part(id_token, 1);
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["nonce"], "the nonce");
    assert!(claims.get("scope").is_none() && claims.get("client_id").is_none());
}

#[test]
fn its_tokens_verify_with_the_published_key() {
    let idp = idp();
    let body = body(&redeem(&idp, &redemption(&code(&idp))));
    let jwks = reply(get(&idp, "/jwks", "")).body;
    let keys = PublicKeys::parse(jwks.as_bytes()).unwrap();
    for (name, typ) in [("access_token", Typ::AccessToken), ("id_token", Typ::Untyped)] {
        let expect = Expect {
            typ: &[typ],
            issuer: ISSUER,
            audience: &[],
            algorithms: &[Algorithm::Es256],
            leeway: Duration::ZERO,
            max_age: None,
        };
        let token = body[name].as_str().unwrap();
        assert!(keys::verify::<Value>(token, &keys, &expect, NOW).is_ok(), "{name}");
    }
}

#[test]
fn without_openid_there_is_no_id_token() {
    let idp = idp();
    let form = with_password(request_with("scope", "documents:read"), "alice", "alice's password");
    let code = query_of(&reply(post(&idp, "/login", None, &form)), "code").unwrap();
    let body = body(&redeem(&idp, &redemption(&code)));
    assert!(body["access_token"].is_string() && body.get("id_token").is_none());
}

#[test]
fn without_a_scope_the_token_has_none() {
    let idp = idp();
    let form = with_password(request_with("scope", ""), "alice", "alice's password");
    let code = query_of(&reply(post(&idp, "/login", None, &form)), "code").unwrap();
    let body = body(&redeem(&idp, &redemption(&code)));
    assert!(part(body["access_token"].as_str().unwrap(), 1).get("scope").is_none());
}

#[test]
fn refuses_a_redemption_with_one_thing_wrong() {
    for (name, value, error) in [
        ("grant_type", "password", "unsupported_grant_type"),
        ("code", "guessed", "invalid_grant"),
        ("redirect_uri", "https://evil.example", "invalid_grant"),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK", "invalid_grant"),
        ("code_verifier", CHALLENGE, "invalid_grant"),
        ("code_verifier", "", "invalid_grant"),
    ] {
        let idp = idp();
        let code = code(&idp);
        let mut parameters = redemption(&code);
        parameters.retain(|(at, _)| *at != name);
        parameters.push((name, value));
        let refusal = redeem(&idp, &parameters);
        assert_eq!((refusal.status, &body(&refusal)["error"]), (400, &json!(error)), "{name}");
        assert_eq!(redeem(&idp, &redemption(&code)).status, 200, "a mistake uses up no code");
    }
}

#[test]
fn refuses_a_stranger_at_the_token_endpoint() {
    let idp = idp();
    let form = form(&redemption(&code(&idp)));
    for authorization in [
        None,
        Some(basic("app", "wrong")),
        Some(basic("actas", "s%cret +&=")),
        Some("Bearer x".to_owned()),
        Some("Basic ???".to_owned()),
    ] {
        let refusal = reply(post(&idp, "/token", authorization.as_deref(), &form));
        assert_eq!(refusal.status, 401);
        assert!(refusal.header("www-authenticate").unwrap().starts_with("Basic"));
    }
}

#[test]
fn a_code_ends_after_a_minute() {
    let idp = idp();
    let code = code(&idp);
    assert_eq!(redeem_at(&idp, &redemption(&code), NOW + 60).status, 400);
    assert_eq!(redeem_at(&idp, &redemption(&code), NOW + 59).status, 200);
}

#[test]
fn a_code_of_a_user_disabled_meanwhile_gives_nothing() {
    let idp = idp();
    let code = code(&idp);
    idp.disable("alice", true);
    assert_eq!(redeem(&idp, &redemption(&code)).status, 400);
}

/// RFC 6749 §4.1.2: "If an authorization code is used more than once, the authorization server
/// MUST deny the request and SHOULD revoke (when possible) all tokens previously issued based on
/// that authorization code."
#[test]
fn a_code_used_twice_ends_the_tokens_it_gave() {
    let idp = idp();
    let code = code(&idp);
    let body = body(&redeem(&idp, &redemption(&code)));
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(introspection::of(&idp, token, NOW)["active"], true);
    assert_eq!(redeem(&idp, &redemption(&code)).status, 400);
    assert_eq!(introspection::of(&idp, token, NOW)["active"], false);
}
