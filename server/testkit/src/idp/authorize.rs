//! Signing in: a page, and a code for the application (RFC 6749 §4.1, RFC 7636, RFC 9207).

use url::Url;

use super::{DevIdp, page, state::Code};
use crate::wire::{Parameters, Repeated, Reply};

/// Long enough to be carried to the token endpoint.
const CODE_LIFETIME: i64 = 60;

/// What the application asks for. The form of the page carries the same parameters.
pub(super) struct AuthorizationRequest {
    redirect_uri: Url,
    state: Option<String>,
    scope: Option<String>,
    nonce: Option<String>,
    challenge: String,
}

/// The names of those parameters; the page repeats them.
pub(super) const PARAMETERS: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

impl DevIdp {
    /// `GET /authorize`: the page to sign in.
    pub(super) fn authorize(&self, query: &str) -> Reply {
        match self.authorization_request(query.as_bytes()) {
            Ok((parameters, request)) => page::login(&parameters, &request.redirect_uri, None),
            Err(refusal) => refusal,
        }
    }

    /// `POST /login`: the form of that page. Answers with a redirect that carries a code.
    pub(super) fn login(&self, form: &[u8], now: i64) -> Reply {
        let (parameters, request) = match self.authorization_request(form) {
            Ok(understood) => understood,
            Err(refusal) => return refusal,
        };
        let sub = parameters.value("username").unwrap_or_default();
        let password = parameters.value("password").unwrap_or_default();
        let mut state = self.state();
        if !state.may_sign_in(sub, password) {
            let complaint = "Unknown user, wrong password, or a disabled account.";
            return page::login(&parameters, &request.redirect_uri, Some(complaint));
        }
        let code = Code {
            sub: sub.to_owned(),
            scope: request.scope.clone(),
            nonce: request.nonce.clone(),
            challenge: request.challenge.clone(),
            signed_in_at: now,
            expires_at: now.saturating_add(CODE_LIFETIME),
            redeemed: None,
        };
        let text = (self.fresh)();
        state.keep_code(text.clone(), code, now);
        self.back_to_application(&request.redirect_uri, request.state.as_deref(), ("code", &text))
    }

    fn authorization_request(
        &self,
        encoded: &[u8],
    ) -> Result<(Parameters, AuthorizationRequest), Reply> {
        let parameters = Parameters::parse(encoded)
            .map_err(|Repeated| page::error("A parameter appears more than once."))?;
        let value = |name| parameters.value(name).map(str::to_owned);
        if value("client_id").as_ref() != Some(&self.settings.app.id) {
            return Err(page::error("This application is not registered."));
        }
        // RFC 9700 §2.1: exact matching. Until it matches, nobody is sent there.
        let redirect_uri = value("redirect_uri")
            .filter(|uri| *uri == self.settings.redirect_uri)
            .and_then(|uri| Url::parse(&uri).ok())
            .ok_or_else(|| page::error("This is not the application's registered address."))?;
        let refuse = |error| {
            let state = parameters.value("state");
            Err(self.back_to_application(&redirect_uri, state, ("error", error)))
        };
        if parameters.value("response_type") != Some("code") {
            return refuse("unsupported_response_type");
        }
        if parameters.value("code_challenge_method") != Some("S256") {
            return refuse("invalid_request");
        }
        let Some(challenge) = value("code_challenge") else {
            return refuse("invalid_request");
        };
        let (state, scope, nonce) = (value("state"), value("scope"), value("nonce"));
        let request = AuthorizationRequest { redirect_uri, state, scope, nonce, challenge };
        Ok((parameters, request))
    }

    fn back_to_application(
        &self,
        redirect_uri: &Url,
        state: Option<&str>,
        (name, value): (&str, &str),
    ) -> Reply {
        let mut to = redirect_uri.clone();
        {
            let mut query = to.query_pairs_mut();
            query.append_pair(name, value);
            if let Some(state) = state {
                query.append_pair("state", state);
            }
            // RFC 9207 §2: so that the application can tell its providers apart.
            query.append_pair("iss", &self.settings.issuer);
        }
        // 303: a form was posted, and its password must not be posted on.
        Reply::redirect(303, to.as_str())
    }
}
