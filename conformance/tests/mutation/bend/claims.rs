//! Tokens that are validly signed by whom we trust, and say what nobody should believe.

use conformance::Statement;
use serde_json::{Value, json};

use super::{Bend, bend};
use crate::mutation::{dice::Dice, scene::Scene, whole::Whole};

pub const ALL: &[Bend] = &[
    bend("signed: provider's token", provider),
    bend("signed: provider's payload", payload),
    bend("signed: client assertion", assertion),
    bend("signed: proof", proof),
];

/// Where a token of the provider's goes.
const PLACES: [&str; 4] = ["subject_token", "actor_token", "assertion", "logout_token"];

fn replace(whole: &mut Whole, dice: &mut Dice, token: String) -> bool {
    let Some(pairs) = whole.form() else { return false };
    let places: Vec<usize> = pairs
        .iter()
        .enumerate()
        .filter(|(_, (name, _))| PLACES.contains(&name.as_str()))
        .map(|(at, _)| at)
        .collect();
    if places.is_empty() {
        return false;
    }
    pairs[*dice.pick(&places)].1 = token;
    true
}

fn has_place(whole: &mut Whole) -> bool {
    whole.form().is_some_and(|pairs| pairs.iter().any(|(name, _)| PLACES.contains(&name.as_str())))
}

fn odd_claims(scene: &Scene) -> Vec<(&'static str, Value)> {
    let now = conformance::now();
    let issuer = scene.target.idp.issuer.as_str();
    vec![
        ("exp", Value::Null),
        ("exp", json!((now + 600).to_string())),
        ("exp", json!(now - 3600)),
        ("exp", json!(1e12)),
        ("exp", json!(-1)),
        ("exp", json!([now + 600])),
        ("exp", json!(true)),
        ("nbf", json!(now + 3600)),
        ("nbf", json!((now + 3600).to_string())),
        ("nbf", json!({})),
        ("iat", json!(now + 3600)),
        ("iat", Value::Null),
        ("iat", json!("0")),
        ("iat", json!(-5)),
        ("iss", Value::Null),
        ("iss", json!([issuer])),
        ("iss", json!(["https://evil.example", issuer])),
        ("iss", json!(format!("{issuer}/"))),
        ("iss", json!(scene.target.issuer)),
        ("iss", json!(scene.trap.url())),
        ("aud", Value::Null),
        ("aud", json!([])),
        ("aud", json!(5)),
        ("aud", json!([["orchestrator"]])),
        ("aud", json!(["orchestrator", 5])),
        ("aud", json!("orchestrator")),
        ("aud", json!({ "a": 1 })),
        ("aud", json!(["https://documents.demo.example", "x"])),
        ("aud", json!("researcher")),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(1)),
        ("sub", json!("bob")),
        ("sub", json!("alice\0")),
        ("sub", json!("ALICE")),
        ("sub", json!("a".repeat(3000))),
        ("sub", json!("corp:alice")),
        ("scope", json!("admin")),
        ("scope", json!(["documents:read"])),
        ("scope", json!(7)),
        ("scope", json!("")),
        ("client_id", json!("researcher")),
        ("client_id", json!(["orchestrator"])),
        ("azp", json!("researcher")),
        ("act", json!({ "sub": "agent:orchestrator" })),
        ("act", json!("x")),
        ("act", json!([])),
        ("act", json!({ "iss": scene.target.issuer, "sub": "agent:researcher" })),
        ("may_act", json!({ "sub": "agent:researcher" })),
        ("may_act", json!("orchestrator")),
        ("cnf", json!({ "jkt": "x" })),
        ("cnf", json!({})),
        ("cnf", json!("x")),
        ("cnf", json!({ "kid": "x" })),
        ("events", json!({ "http://schemas.openid.net/event/backchannel-logout": {} })),
        ("nonce", json!("n")),
        ("jti", Value::Null),
        ("jti", json!(1)),
        ("org_id", json!("other")),
        ("groups", json!(["finance"])),
        ("token_use", json!("refresh")),
        ("typ", json!("Refresh")),
        ("padding", json!("x".repeat(3500))),
        ("padding", json!("x".repeat(20_000))),
    ]
}

fn odd_headers(scene: &Scene) -> Vec<(&'static str, Value)> {
    let trap = scene.trap.url();
    vec![
        ("typ", json!("logout+jwt")),
        ("typ", json!("secevent+jwt")),
        ("typ", json!("dpop+jwt")),
        ("typ", Value::Null),
        ("typ", json!("refresh+jwt")),
        ("typ", json!("oauth-id-jag+jwt")),
        ("typ", json!("application/at+jwt")),
        ("typ", json!("AT+JWT")),
        ("typ", json!("txntoken+jwt")),
        ("typ", json!("client-authentication+jwt")),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("crit", json!("x")),
        ("crit", json!(["x"])),
        ("crit", Value::Bool(false)),
        ("b64", json!(false)),
        ("jku", json!(trap)),
        ("x5u", json!(trap)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("kid", Value::Null),
        ("kid", json!("nobody's")),
        ("kid", json!("../key")),
        ("kid", json!(trap)),
        ("kid", json!(5)),
        ("alg", json!("ES256")),
        ("alg", json!("HS256")),
        ("alg", json!("none")),
        ("x5t", json!("x")),
        ("enc", json!("A128GCM")),
    ]
}

fn provider(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    if !has_place(whole) {
        return false;
    }
    let idp = &scene.target.idp;
    let mut mint = match dice.below(5) {
        0 => idp.id_token("alice"),
        1 => scene.target.id_jag(),
        2 => scene.target.plain_assertion(),
        _ => idp.access_token("alice"),
    };
    for _ in 0..=dice.below(2) {
        if dice.one_in(3) {
            let (name, value) = dice.pick(&odd_headers(scene)).clone();
            mint = mint.header(name, value);
        } else {
            let (name, value) = dice.pick(&odd_claims(scene)).clone();
            mint = mint.claim(name, value);
        }
    }
    replace(whole, dice, mint.mint())
}

/// A claims set no library would write.
fn payload(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    if !has_place(whole) {
        return false;
    }
    let now = conformance::now();
    let good = json!({
        "iss": scene.target.idp.issuer, "sub": "alice", "aud": ["orchestrator"], "exp": now + 600, "iat": now,
        "jti": conformance::key::fresh(), "client_id": "orchestrator", "scope": "documents:read",
    });
    let text = good.to_string();
    let open = text.trim_end_matches('}');
    let deep = 100_000;
    let payload = match dice.below(12) {
        0 => format!("{open},\"sub\":\"bob\"}}"),
        1 => format!("{open},\"exp\":4102444800}}"),
        2 => format!("{open},\"scope\":\"documents:write\"}}"),
        3 => format!("{open},\"act\":{{\"sub\":\"a\"}},\"act\":{{\"sub\":\"b\"}}}}"),
        4 => format!("{open},\"act\":{}1{}}}", "{\"act\":".repeat(deep), "}".repeat(deep)),
        5 => format!("{open},\"x\":{}{}}}", "[".repeat(deep), "]".repeat(deep)),
        6 => format!("[{text}]"),
        7 => format!("{text} {text}"),
        8 => format!("\u{feff}{text}"),
        9 => format!("{open},\"\\u0073ub\":\"bob\"}}"),
        10 => format!("{open},\"nbf\":1e400}}"),
        _ => "\"alice\"".to_owned(),
    };
    let token = scene.target.idp.access_token("alice").payload(payload).mint();
    replace(whole, dice, token)
}

fn assertion(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let (now, issuer) = (conformance::now(), scene.target.issuer.as_str());
    let Some(pairs) = whole.form() else { return false };
    let Some(place) = pairs.iter().position(|(name, _)| name == "client_assertion") else {
        return false;
    };
    let (client, kid) =
        *dice.pick(&[("signer", "es"), ("signer", "ed"), ("signer", "rs"), ("fapi", "es")]);
    let members: &[(&str, Value)] = &[
        ("iss", json!("fapi")),
        ("iss", Value::Null),
        ("iss", json!([client])),
        ("sub", json!("orchestrator")),
        ("sub", Value::Null),
        ("aud", json!([issuer])),
        ("aud", json!([issuer, "https://evil.example"])),
        ("aud", Value::Null),
        ("aud", json!(scene.target.token_endpoint)),
        ("aud", json!(scene.target.other_org.issuer)),
        ("aud", json!(format!("{issuer}/"))),
        ("exp", json!(now - 120)),
        ("exp", json!(now + 86_400)),
        ("exp", Value::Null),
        ("exp", json!("x")),
        ("nbf", json!(now + 600)),
        ("iat", json!(now + 600)),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("jti", json!("x".repeat(5000))),
        ("jti", json!(1)),
        ("more", json!("x".repeat(20_000))),
    ];
    let headers: &[(&str, Value)] = &[
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("typ", json!("at+jwt")),
        ("crit", json!(["x"])),
        ("kid", Value::Null),
        ("kid", json!("es")),
        ("alg", json!("none")),
        ("alg", json!("ES256")),
        ("jku", json!(scene.trap.url())),
        ("alg", json!("HS256")),
        ("b64", json!(false)),
    ];
    let statement: Statement = scene.target.assertion(client, kid);
    let statement = if dice.one_in(3) {
        let (name, value) = dice.pick(headers).clone();
        statement.header(name, value)
    } else {
        let (name, value) = dice.pick(members).clone();
        statement.claim(name, value)
    };
    pairs[place].1 = statement.text();
    true
}

fn proof(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let Some(at) = whole.headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("dpop"))
    else {
        return false;
    };
    let (now, key) = (conformance::now(), conformance::Key::new());
    let uri = scene.target.token_endpoint.as_str();
    let members: &[(&str, Value)] = &[
        ("htm", json!("GET")),
        ("htm", json!("post")),
        ("htm", Value::Null),
        ("htu", json!("https://evil.example/o/demo/oauth/token")),
        ("htu", json!(format!("{uri}?x=1#y"))),
        ("htu", json!(format!("{uri}/"))),
        ("htu", Value::Null),
        ("htu", json!([uri])),
        ("iat", json!(now - 3600)),
        ("iat", json!(now + 3600)),
        ("iat", json!("x")),
        ("iat", Value::Null),
        ("jti", Value::Null),
        ("jti", json!("")),
        ("jti", json!("x".repeat(5000))),
        ("nonce", json!("x")),
        ("ath", json!("x")),
        ("exp", json!(now - 10)),
    ];
    let headers: &[(&str, Value)] = &[
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("jwk", Value::Null),
        ("jwk", key.private_jwk().clone()),
        ("jwk", Value::Object(conformance::Key::new().public_jwk())),
        ("jwk", json!("x")),
        ("jwk", json!({ "kty": "oct", "k": "AAAA" })),
        ("jwk", json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" })),
        ("crit", json!(["x"])),
        ("kid", json!("es")),
        ("jku", json!(scene.trap.url())),
    ];
    let statement = key.proof("POST", uri);
    let statement = if dice.one_in(2) {
        let (name, value) = dice.pick(headers).clone();
        statement.header(name, value)
    } else {
        let (name, value) = dice.pick(members).clone();
        statement.claim(name, value)
    };
    whole.headers[at].1 = statement.text().into_bytes();
    true
}
