//! Who has sent a request, and the key it was proved to have.

use base64::{Engine, engine::general_purpose::STANDARD};
use conformance::{Jwt, Key};
use serde_json::{Value, json};

use super::{ALGORITHMS, Form, LEEWAY, need, one, signed_by};
use crate::mutation::{
    scene::Scene,
    sent::{Sent, Token},
    whole::unescaped,
};

/// The client that has proved who it is.
///
/// # Errors
///
/// None has.
pub fn caller(scene: &Scene, (org, sent): (&str, &Sent), form: &Form) -> Result<String, String> {
    let basic = sent.one("authorization")?;
    let id = one(form, "client_id");
    let client = match (basic, one(form, "client_secret"), one(form, "client_assertion")) {
        (Some(basic), None, None) => by_secret(scene, org, &basic_of(&basic)?)?,
        (None, Some(secret), None) => {
            let id = id.ok_or("a secret of nobody")?;
            by_secret(scene, org, &(id.to_owned(), secret.to_owned()))?
        }
        (None, None, Some(assertion)) => by_assertion(scene, org, (assertion, form))?,
        (None, None, None) => attested(scene, (org, sent), id)?,
        _ => return Err("two ways to authenticate".to_owned()),
    };
    need(id.is_none_or(|id| id == client), "`client_id` is another client's")?;
    Ok(client)
}

fn basic_of(header: &str) -> Result<(String, String), String> {
    let (scheme, code) = header.split_once(' ').ok_or("no credentials")?;
    need(scheme.eq_ignore_ascii_case("basic"), "credentials that are not Basic")?;
    let text = STANDARD.decode(code.trim_start()).map_err(|_| "Basic that is not base64")?;
    let text = String::from_utf8(text).map_err(|_| "Basic that is no text")?;
    let (id, secret) = text.split_once(':').ok_or("Basic without a colon")?;
    let read = |part: &str| unescaped(part).ok_or("Basic that is badly escaped");
    Ok((read(id)?, read(secret)?))
}

fn by_secret(scene: &Scene, org: &str, (id, secret): &(String, String)) -> Result<String, String> {
    let other = &scene.target.other_org;
    let found = match org {
        "demo" => scene.target.agents.iter().find(|client| client.client_id == *id),
        _ => other.agents.iter().find(|client| client.client_id == *id),
    };
    let right = found.is_some_and(|client| client.client_secret == *secret);
    need(right, "a client whose secret is another, or of another organization")?;
    Ok(id.clone())
}

fn by_assertion(scene: &Scene, org: &str, (text, form): (&str, &Form)) -> Result<String, String> {
    need(org == "demo", "an assertion where no client has keys")?;
    let token = Token::read(text).ok_or("a client assertion that cannot be read")?;
    let now = conformance::now();
    need(token.claims.get("aud").is_some(), "a client assertion for nobody")?;
    let exp = token.seconds("exp").ok_or("a client assertion without end")?;
    need(now - LEEWAY <= exp, "a client assertion that has expired")?;
    need(token.seconds("nbf").is_none_or(|at| at <= now + LEEWAY), "an assertion from the future")?;
    need(!token.header.contains_key("crit"), "a `crit` that nobody understands")?;
    let target = scene.target;
    need(!one(form, "client_assertion_type").unwrap_or_default().is_empty(), "no assertion type")?;
    let vouched = [("pipeline", "ci"), ("sidecar", "mesh")];
    let subject = token.text("sub").ok_or("a client assertion about nobody")?;
    for (client, platform) in vouched {
        let about = match client {
            "pipeline" => "repo:demo/house:ref:refs/heads/main",
            _ => "spiffe://mesh.demo.example/sidecar",
        };
        if subject == about {
            need(signed_by(text, &public(&target.platforms[platform])), "not vouched for")?;
            need(token.is_for(&[&target.issuer]), "vouched for at somebody else")?;
            return Ok(client.to_owned());
        }
    }
    let keys = target.keys.get(subject).ok_or("an assertion of a client without keys")?;
    need(signed_by(text, &public(keys)), "a client assertion of another key")?;
    need(token.text("iss") == Some(subject), "a client assertion by somebody else")?;
    let audience = if subject == "veteran" {
        vec![target.issuer.as_str(), &target.token_endpoint]
    } else {
        vec![target.issuer.as_str()]
    };
    need(token.is_for(&audience), "a client assertion for somebody else")?;
    let is_one = token.claims.get("aud").and_then(Value::as_array).is_none_or(|all| all.len() == 1);
    need(is_one, "a client assertion for several")?;
    Ok(subject.to_owned())
}

/// Nothing in the form proves it: an attestation in the headers does.
fn attested(scene: &Scene, (org, sent): (&str, &Sent), id: Option<&str>) -> Result<String, String> {
    let said = sent.one("oauth-client-attestation")?.ok_or("a client that proved nothing")?;
    let keys = public(&scene.target.platforms["maker"]);
    need(org == "demo" && signed_by(&said, &keys), "an attestation of nobody's")?;
    Ok(id.unwrap_or("device").to_owned())
}

fn public(keys: &[Value]) -> Value {
    let one = |jwk: &Value| {
        let mut key = Key::of(jwk.clone()).public_jwk();
        key.insert("kid".to_owned(), jwk.get("kid").cloned().unwrap_or_default());
        Value::Object(key)
    };
    json!({ "keys": keys.iter().map(one).collect::<Vec<_>>() })
}

/// The thumbprint of the key that was proved (RFC 9449 §4.3); nothing when none was to be.
///
/// # Errors
///
/// The proof is none.
pub fn proved(scene: &Scene, (org, sent): (&str, &Sent)) -> Result<Option<String>, String> {
    let Some(text) = sent.one("dpop")? else { return Ok(None) };
    let proof = Token::read(&text).ok_or("a proof that cannot be read")?;
    let jwk = proof.header.get("jwk").cloned().ok_or("a proof without a key")?;
    need(jwk.get("d").is_none(), "a proof with a private key")?;
    let mut key = jwk.clone();
    let members = key.as_object_mut().ok_or("a proof whose key is none")?;
    members.remove("kid");
    let mut bare = Jwt::read(&text);
    bare.header.remove("kid");
    let algorithm = bare.header.get("alg").and_then(Value::as_str).unwrap_or_default();
    need(ALGORITHMS.contains(&algorithm), "a proof by an algorithm there is not")?;
    need(bare.is_signed_by(&json!({ "keys": [key] })), "a proof of another key")?;
    need(proof.typ() == "dpop+jwt", "a proof of another type")?;
    need(proof.text("htm") == Some("POST"), "a proof for another method")?;
    let endpoint = match org {
        "demo" => &scene.target.token_endpoint,
        _ => &scene.target.other_org.token_endpoint,
    };
    let uri = proof.text("htu").and_then(|uri| uri.split(['?', '#']).next());
    need(uri == Some(endpoint), "a proof for another endpoint")?;
    let made = proof.seconds("iat").ok_or("a proof without a time")?;
    need((made - conformance::now()).abs() <= 400, "a proof of another time")?;
    need(proof.text("jti").is_some_and(|id| !id.is_empty()), "a proof without an id")?;
    Ok(Some(Key::of(jwk).thumbprint()))
}
