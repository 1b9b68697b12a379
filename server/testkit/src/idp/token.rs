//! The token endpoint: a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.6).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::SignFault;
use serde_json::{Map, Value, json};

use super::{
    DevIdp, client,
    mint::{self, Kind, Minted, Minting},
    state::Code,
};
use crate::wire::{Parameters, Repeated, Reply};

impl DevIdp {
    pub(super) fn token(&self, authorization: Option<&str>, form: &[u8], now: i64) -> Reply {
        match self.redeem(authorization, form, now) {
            Ok(reply) | Err(reply) => reply,
        }
    }

    fn redeem(&self, authorization: Option<&str>, form: &[u8], now: i64) -> Result<Reply, Reply> {
        client::authenticate(authorization, &self.settings.app)?;
        let form = Parameters::parse(form)
            .map_err(|Repeated| Reply::oauth_error(400, "invalid_request"))?;
        if form.value("grant_type") != Some("authorization_code") {
            return Err(Reply::oauth_error(400, "unsupported_grant_type"));
        }
        let no_grant = || Reply::oauth_error(400, "invalid_grant");
        let text = form.value("code").ok_or_else(no_grant)?;
        if form.value("redirect_uri") != Some(&self.settings.redirect_uri) {
            return Err(no_grant());
        }
        // One lock from the look-up to the end, so that of two redemptions one wins.
        let mut state = self.state();
        let code = state.code(text, now).map_err(|_| no_grant())?;
        if !proves(form.value("code_verifier"), &code.challenge) {
            return Err(no_grant());
        }
        let (reply, tokens) =
            self.tokens(&code, now).map_err(|_| Reply::oauth_error(500, "server_error"))?;
        for token in &tokens {
            state.remember(token, now);
        }
        state.redeem(text, tokens.iter().map(Minted::hash).collect());
        Ok(reply)
    }

    fn tokens(&self, code: &Code, now: i64) -> Result<(Reply, Vec<Minted>), SignFault> {
        let lifetime = i64::try_from(self.settings.token_lifetime.as_secs()).unwrap_or(i64::MAX);
        let mut minting = Minting {
            sub: code.sub.clone(),
            kind: Kind::AccessToken,
            client_id: self.settings.app.id.clone(),
            audience: Vec::new(),
            scope: code.scope.clone(),
            lifetime,
            claims: Map::from_iter([("auth_time".to_owned(), json!(code.signed_in_at))]),
            header: Map::new(),
            payload: None,
        };
        let access_token = mint::mint(self, &minting, now)?;
        let mut reply = json!({
            "access_token": access_token.token,
            "token_type": "Bearer",
            "expires_in": lifetime,
        });
        let mut tokens = vec![access_token];
        let mut add = |name: &str, value: &str| {
            reply.as_object_mut().map(|reply| reply.insert(name.to_owned(), json!(value)));
        };
        if let Some(scope) = &code.scope {
            add("scope", scope);
        }
        let scopes = code.scope.as_deref().unwrap_or_default();
        if scopes.split(' ').any(|scope| scope == "openid") {
            minting.kind = Kind::IdToken;
            if let Some(nonce) = &code.nonce {
                minting.claims.insert("nonce".to_owned(), Value::String(nonce.clone()));
            }
            let id_token = mint::mint(self, &minting, now)?;
            add("id_token", &id_token.token);
            tokens.push(id_token);
        }
        Ok((Reply::json(200, &reply), tokens))
    }
}

/// RFC 7636 §4.1 and §4.6, for S256.
fn proves(verifier: Option<&str>, challenge: &str) -> bool {
    verifier.is_some_and(|verifier| {
        (43..=128).contains(&verifier.len())
            && URL_SAFE_NO_PAD.encode(keys::sha256(verifier.as_bytes())) == challenge
    })
}
