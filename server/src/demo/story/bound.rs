//! A token that is of use with a key only (RFC 9449), and what it is worth to a thief.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, Signer, SigningKey};
use serde_json::{Value, json};

use super::{ACCESS_TOKEN, EXCHANGE, Play, print, request::Request};
use crate::{
    clock,
    demo::{Done, stage::DOCUMENTS},
    http::TOKEN,
};

/// Exchanges `token` for one that is bound to a key of the researcher's, and presents it twice.
pub(super) async fn play(play: &mut Play<'_>, token: &str) -> Done {
    play.begin("The researcher does it with a key of its own: the new token is bound to it");
    print("\n(A proof is good once, and for a minute: pasted, these two are refused.)");
    let key = SigningKey::generate(Algorithm::Es256)?;
    let bound = exchanged(play, &key, token).await?;
    let documents = format!("{}/documents", play.stage.api);
    let proof = proof(&key, ("GET", &documents), Some(&bound))?;
    let presented = Request::get(&documents).presented(format!("DPoP {bound}")).proof(proof);
    let reply = play.send(&presented).await?;
    if reply.status != 200 {
        return Err(play.unexpected("200", &reply.body));
    }
    play.begin("A thief has the token and not the key: to the API it is worth nothing");
    let reply = play.send(&Request::get(&documents).bearer(&bound)).await?;
    if reply.status == 401 { Ok(()) } else { Err(play.unexpected("401", &reply.status)) }
}

async fn exchanged(
    play: &Play<'_>,
    key: &SigningKey,
    token: &str,
) -> Result<String, Box<dyn std::error::Error>> {
    let endpoint = play.stage.org.at(TOKEN);
    let secret = play.stage.org.secret("researcher");
    let request = Request::post(&endpoint)
        .basic("researcher", secret)
        .proof(proof(key, ("POST", &endpoint), None)?)
        .form(&[
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
            ("resource", DOCUMENTS),
            ("scope", "documents:read"),
        ]);
    let reply = play.send(&request).await?;
    let bound =
        reply.text("access_token").filter(|_| reply.text("token_type").as_deref() == Some("DPoP"));
    let bound = bound.ok_or_else(|| play.unexpected("a token of the type DPoP", &reply.body))?;
    let jkt = super::claims(&bound).pointer("/cnf/jkt").and_then(Value::as_str).map(str::to_owned);
    print(&format!("\nIt is bound to the key {}", jkt.as_deref().unwrap_or("?")));
    if jkt.as_deref() == Some(key.kid()) {
        Ok(bound)
    } else {
        Err(play.unexpected(key.kid(), &jkt.unwrap_or_default()))
    }
}

/// RFC 9449 §4.2.
fn proof(
    key: &SigningKey,
    (method, uri): (&str, &str),
    token: Option<&str>,
) -> Result<String, keys::SignFault> {
    let public = |name| key.public_jwk().get(name);
    let jwk =
        json!({ "kty": public("kty"), "crv": public("crv"), "x": public("x"), "y": public("y") });
    let header = json!({ "typ": "dpop+jwt", "alg": key.algorithm().name(), "jwk": jwk });
    let mut claims =
        json!({ "jti": clock::id().to_string(), "htm": method, "htu": uri, "iat": clock::now().0 });
    if let (Some(token), Some(claims)) = (token, claims.as_object_mut()) {
        let hash = URL_SAFE_NO_PAD.encode(keys::sha256(token.as_bytes()));
        claims.insert("ath".to_owned(), json!(hash));
    }
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let input = format!("{}.{}", part(&header), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes())?);
    Ok(format!("{input}.{signature}"))
}
