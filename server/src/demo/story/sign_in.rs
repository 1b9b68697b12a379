//! The user signs in: authorization code with PKCE (RFC 6749 §4.1, RFC 7636).

use super::{Play, request::Request};
use crate::demo::stage::{IDP_APP, REDIRECT_URI, USERS};

/// RFC 7636, Appendix B. A real app makes a new one each time.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SCOPE: &str = "openid documents:read documents:write calendar:read";

/// The user's access token at the identity provider.
pub(super) async fn sign_in(play: &Play<'_>) -> Result<String, Box<dyn std::error::Error>> {
    let idp = &play.stage.idp;
    let (user, password) = USERS[0];
    let login = format!("{idp}/login");
    let reply = play
        .send(&Request::post(&login).form(&[
            ("client_id", IDP_APP.0),
            ("redirect_uri", REDIRECT_URI),
            ("scope", SCOPE),
            ("state", "demo"),
            ("response_type", "code"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("username", user),
            ("password", password),
        ]))
        .await?;
    let code = reply.location.as_deref().and_then(code);
    let code = code.ok_or_else(|| play.unexpected("a redirect with a code", &reply.body))?;
    let endpoint = format!("{idp}/token");
    let redeem = Request::post(&endpoint).basic(IDP_APP.0, IDP_APP.1).form(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ]);
    let reply = play.send(&redeem).await?;
    reply.text("access_token").ok_or_else(|| play.unexpected("an access token", &reply.body))
}

fn code(location: &str) -> Option<String> {
    let url = url::Url::parse(location).ok()?;
    url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
}
