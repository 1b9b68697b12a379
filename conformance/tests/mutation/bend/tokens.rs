//! Tokens as text, wherever a request has one: under an old signature, or under none.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use conformance::{Jwt, Key, jwt::jwe_shaped};
use serde_json::{Value, json};

use super::{Bend, bend};
use crate::mutation::{
    dice::Dice,
    scene::Scene,
    whole::{Body, Whole},
};

pub const ALL: &[Bend] = &[
    bend("token: a bit flipped", flipped),
    bend("token: parts swapped", parts),
    bend("token: `none`", none),
    bend("token: HMAC with a public key", hmac),
    bend("token: header changed", header),
    bend("token: claims changed", claims),
    bend("token: act spliced", act),
    bend("token: self-signed", self_signed),
    bend("token: encrypted", encrypted),
    bend("token: too long", too_long),
    bend("token: other text", text),
    bend("token: of another kind", stranger),
];

/// Replaces one token, wherever it is, by what `change` makes of it.
pub fn one_token(
    whole: &mut Whole,
    dice: &mut Dice,
    change: impl FnOnce(&str, &mut Dice) -> Option<String>,
) -> bool {
    let is_token = |text: &str| text.split('.').count() == 3 && text.starts_with("eyJ");
    let mut slots: Vec<(bool, usize)> = Vec::new();
    for (at, (_, value)) in whole.headers.iter().enumerate() {
        if is_token(&String::from_utf8_lossy(value)) {
            slots.push((false, at));
        }
    }
    match &whole.body {
        Body::Form(pairs) => {
            let tokens = pairs.iter().enumerate().filter(|(_, (_, value))| is_token(value));
            slots.extend(tokens.map(|(at, _)| (true, at)));
        }
        Body::Octets(octets) if is_token(&String::from_utf8_lossy(octets)) => slots.push((true, 0)),
        Body::Json(_) | Body::Octets(_) => {}
    }
    if slots.is_empty() {
        return false;
    }
    let (in_body, at) = *dice.pick(&slots);
    if !in_body {
        let value = &mut whole.headers[at].1;
        let changed = change(&String::from_utf8_lossy(value), dice);
        return changed.is_some_and(|changed| {
            *value = changed.into_bytes();
            true
        });
    }
    match &mut whole.body {
        Body::Form(pairs) => change(&pairs[at].1, dice).is_some_and(|changed| {
            pairs[at].1 = changed;
            true
        }),
        Body::Octets(octets) => {
            let changed = change(&String::from_utf8_lossy(octets), dice);
            changed.is_some_and(|changed| {
                *octets = changed.into_bytes();
                true
            })
        }
        Body::Json(_) => false,
    }
}

/// `None` for what was bent before and is no token any more.
fn read(text: &str) -> Option<Jwt> {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, claims, _] = parts.as_slice() else { return None };
    let is_object = |part: &str| {
        let bytes = BASE64URL.decode(part).ok()?;
        serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes).ok()
    };
    is_object(header).and(is_object(claims))?;
    Some(Jwt::read(text))
}

fn flipped(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        let mut bytes = token.as_bytes().to_vec();
        let at = dice.below(bytes.len());
        bytes[at] =
            *dice.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ .");
        String::from_utf8(bytes).ok().filter(|changed| changed != token)
    })
}

fn parts(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let others: Vec<&String> = scene.strangers.iter().map(|(_, token)| token).collect();
    one_token(whole, dice, |token, dice| {
        let other: Vec<&str> = dice.pick(&others).split('.').collect();
        let mut parts: Vec<&str> = token.split('.').collect();
        match dice.below(8) {
            0 => parts.swap(0, 1),
            1 => parts.swap(1, 2),
            2 => parts.push(""),
            3 => parts.truncate(2),
            4 => parts.insert(0, ""),
            5 => parts.push(other[0]),
            _ => {
                let at = dice.below(3);
                parts[at] = other.get(at)?;
            }
        }
        Some(parts.join("."))
    })
}

fn none(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        let algorithm = *dice.pick(&["none", "None", "NONE", "nOnE", "", "null"]);
        let keeps = dice.one_in(2);
        let forged =
            read(token)?.forged(&[("alg", algorithm.into())], if keeps { &[0; 64] } else { &[] });
        Some(forged)
    })
}

fn hmac(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        let all = [&scene.keys, &scene.provider_keys, &scene.other_keys];
        let keys = *dice.pick(&all);
        let key = keys.get("keys")?.get(0)?;
        let key = match dice.below(4) {
            0 => key.to_string(),
            1 => keys.to_string(),
            2 => key.get("n").or_else(|| key.get("x"))?.as_str()?.to_owned(),
            _ => String::new(),
        };
        Some(read(token)?.signed_with_public(key.as_bytes()))
    })
}

fn header(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    let trap = scene.trap.url();
    one_token(whole, dice, |token, dice| {
        let jwk = Value::Object(Key::new().public_jwk());
        let members: &[(&str, Value)] = &[
            ("jku", json!(trap)),
            ("x5u", json!(trap)),
            ("jwk", jwk),
            ("x5c", json!(["MIIB"])),
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("b64", json!(false)),
            ("zip", json!("DEF")),
            ("typ", json!("logout+jwt")),
            ("typ", json!(7)),
            ("typ", json!("at+JWT")),
            ("cty", json!("JWT")),
            ("kid", json!("../../../../dev/null")),
            ("kid", json!("' UNION SELECT 'x")),
            ("kid", json!(1)),
            ("kid", json!("x".repeat(5000))),
            ("kid", json!(["a"])),
            ("kid", json!("\u{0}")),
            ("kid", json!(trap)),
            ("alg", json!("RS256")),
            ("alg", json!("ES256K")),
            ("alg", json!("PS512")),
            ("alg", json!(["ES256"])),
            ("alg", json!("dir")),
            ("alg", json!("PBES2-HS256+A128KW")),
            ("p2c", json!(2_000_000_000)),
        ];
        let (name, value) = dice.pick(members);
        let forged = read(token)?.forged(&[(name, value.clone())], &[]);
        // The old signature, which does not fit.
        Some(format!("{forged}{}", token.rsplit('.').next()?))
    })
}

/// Members somebody would like to have.
fn claims(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        let members: &[(&str, Value)] = &[
            ("sub", json!("bob")),
            ("sub", json!("")),
            ("scope", json!("documents:read documents:write admin")),
            ("exp", json!(4_102_444_800_i64)),
            ("exp", json!("4102444800")),
            ("exp", Value::Null),
            ("exp", json!(1e300)),
            ("aud", json!([scene.target.issuer, "x"])),
            ("aud", json!("orchestrator")),
            ("iss", json!("https://evil.example")),
            ("iss", json!([scene.target.issuer])),
            ("client_id", json!("researcher")),
            ("org_id", json!("other")),
            ("jti", json!("x")),
            ("cnf", Value::Null),
            ("act", Value::Null),
            ("may_act", json!({ "sub": "agent:x" })),
            ("htu", json!("https://evil.example")),
            ("iat", json!(0)),
            ("nbf", json!("x")),
        ];
        let (name, value) = dice.pick(members);
        Some(read(token)?.with_claims_swapped(name, value.clone()))
    })
}

fn act(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        let chain = read(&scene.subjects.hops[1])?.claims.get("act").cloned().unwrap_or_default();
        let depth = *dice.pick(&[1, 3, 127, 3000]);
        let mut deep = json!({ "iss": scene.target.issuer, "sub": "agent:orchestrator" });
        let value = match dice.below(4) {
            0 => chain,
            1 => json!([deep]),
            2 => json!({ "sub": ["agent:orchestrator"] }),
            _ if depth < 200 => {
                for _ in 0..depth {
                    deep = json!({ "iss": scene.target.issuer, "sub": "agent:researcher", "act": deep });
                }
                deep
            }
            _ => {
                let text = format!("{}1{}", "{\"act\":".repeat(depth), "}".repeat(depth));
                let [header, .., signature] = token.split('.').collect::<Vec<_>>()[..] else {
                    return None;
                };
                return Some(format!("{header}.{}.{signature}", BASE64URL.encode(text)));
            }
        };
        Some(read(token)?.with_claims_swapped("act", value))
    })
}

/// Well signed, with a key that nobody has registered; in the header, or under the name of a good one.
fn self_signed(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        let jwt = read(token)?;
        let key = if dice.one_in(2) { Key::new() } else { Key::new_edwards() };
        let (header, claims) = (Value::Object(jwt.header), Value::Object(jwt.claims));
        let statement = conformance::Statement::new(&key, &header, &claims);
        let statement = statement.header("alg", key.algorithm());
        let statement = match dice.below(3) {
            0 => statement.header("jwk", Value::Object(key.public_jwk())),
            1 => statement.header("kid", Value::Null),
            _ => statement,
        };
        Some(statement.text())
    })
}

fn encrypted(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        let headers = [
            r#"{"alg":"dir","enc":"A128GCM","cty":"JWT"}"#,
            r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","zip":"DEF","typ":"at+jwt"}"#,
            r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AAAA"}"#,
        ];
        let header = *dice.pick(&headers);
        Some(if dice.one_in(2) {
            jwe_shaped(header)
        } else {
            [BASE64URL.encode(header).as_str(), "", "AAAA", &BASE64URL.encode(token), "AAAA"]
                .join(".")
        })
    })
}

/// Longer than what is taken: never as if it were not there (CVE-2026-9704).
fn too_long(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        let padding = "A".repeat(super::size(dice));
        Some(match dice.below(3) {
            0 => format!("{token}{padding}"),
            1 => format!("{padding}{token}"),
            _ => read(token)?.with_claims_swapped("padding", padding),
        })
    })
}

fn text(whole: &mut Whole, dice: &mut Dice, _: &Scene) -> bool {
    one_token(whole, dice, |token, dice| {
        Some(match dice.below(9) {
            0 => format!("{token}="),
            1 => format!("{token}\n"),
            2 => format!(" {token}"),
            3 => format!("Bearer {token}"),
            4 => token.replace('-', "+").replace('_', "/"),
            5 => read(token)?.with_twin_of_last_character(),
            6 => json!({ "payload": token.split('.').nth(1), "signatures": [] }).to_string(),
            7 => token.to_ascii_uppercase(),
            _ => format!("{token} {token}"),
        })
    })
}

fn stranger(whole: &mut Whole, dice: &mut Dice, scene: &Scene) -> bool {
    one_token(whole, dice, |_, dice| Some(dice.pick(&scene.strangers).1.clone()))
}
