//! Requests at the token endpoint: bodies, credentials and parameters (RFC 6749, RFC 8693, RFC 8707).

use base64::{Engine, engine::general_purpose::STANDARD};
use delegation::{
    client::Credentials,
    form::Form,
    request::{Target, TokenRequest, Via, canonical_resource},
};
use policy::{MAX_LENGTH, MAX_TOKENS, Scope};
use secrecy::ExposeSecret;

/// The names that are asked for; the others are kept and never looked at.
const NAMES: [&str; 17] = [
    "grant_type",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "requested_token_use",
    "assertion",
    "scope",
    "resource",
    "audience",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "token",
    "logout_token",
];

/// A form body: decoded as `url`, which is lenient, decodes it, or refused; and never a control character.
pub fn form(data: &[u8]) {
    let Ok(form) = Form::parse(data) else { return };
    let mut all = 0;
    for name in NAMES {
        let lenient = url::form_urlencoded::parse(data);
        let lenient = lenient.filter(|(key, value)| key == name && !value.is_empty());
        let lenient: Vec<_> = lenient.map(|(_, value)| value.into_owned()).collect();
        let ours: Vec<_> = form.many(name).collect();
        assert_eq!(ours, lenient, "`{name}`");
        assert!(ours.iter().all(|value| !value.contains(char::is_control)));
        all += ours.len();
    }
    assert!(all <= 64, "the number of parameters is bounded");
    // Whoever writes it again, writes the same.
    let mut again = url::form_urlencoded::Serializer::new(String::new());
    for name in NAMES {
        for value in form.many(name) {
            again.append_pair(name, value);
        }
    }
    let again = Form::parse(again.finish().as_bytes());
    assert!(
        again.is_ok_and(|again| { NAMES.iter().all(|name| again.many(name).eq(form.many(name))) })
    );
    let shown = format!("{form:?}");
    for name in NAMES {
        let secrets = form.many(name).filter(|value| 16 < value.len());
        let names: Vec<_> = url::form_urlencoded::parse(data).map(|(key, _)| key).collect();
        for secret in secrets.filter(|value| !names.iter().any(|name| name.contains(*value))) {
            assert!(!shown.contains(secret), "values are not shown");
        }
    }
}

/// A scope (RFC 6749 §3.3): canonical once it is read, and narrowing never widens.
pub fn scope(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(scope) = Scope::parse(text) else { return };
    let written = scope.to_string();
    assert_eq!(
        Scope::parse(&written).as_ref(),
        Ok(&scope),
        "written and read again it is the same"
    );
    assert!(written.len() <= text.len() && text.len() <= MAX_LENGTH);
    let tokens: Vec<_> = scope.tokens().collect();
    assert!(tokens.len() <= MAX_TOKENS && tokens.is_sorted_by(|a, b| a < b));
    for token in &tokens {
        // `NQCHAR` of RFC 6749 §3.3.
        let legal = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        assert!(!token.is_empty() && token.bytes().all(legal));
        assert!(text.split(' ').any(|word| word == *token));
    }
    let half = text.split_at_checked(text.len() / 2).map_or("", |(half, _)| half);
    let Ok(other) = Scope::parse(half) else { return };
    let both = scope.narrow(&other);
    assert!(both.is_within(&scope) && both.is_within(&other));
    assert_eq!(both, other.narrow(&scope));
}

/// An `Authorization` header, and after a line feed a body: one way of authentication, and no secret shown.
pub fn credentials(data: &[u8]) {
    let (header, body) = match data.split(|byte| *byte == b'\n').collect::<Vec<_>>()[..] {
        [header] => (header, &b""[..]),
        [header, body, ..] => (header, body),
        [] => return,
    };
    let (Ok(header), Ok(form)) = (std::str::from_utf8(header), Form::parse(body)) else { return };
    let header = (!header.is_empty()).then_some(header);
    let Ok(credentials) = Credentials::read(header, &form) else { return };
    let ways = [header.is_some(), has(&form, "client_secret"), has(&form, "client_assertion")];
    assert!(ways.into_iter().filter(|way| *way).count() <= 1, "RFC 6749 §2.3");
    let shown = format!("{credentials:?}");
    match &credentials {
        Credentials::Basic { id, secret } => {
            assert_eq!(
                basic(header.unwrap_or_default()),
                Some((id.clone(), secret.expose_secret().to_owned()))
            );
            assert!(form.many("client_id").all(|named| named == id), "two names are none");
            assert!(
                secret.expose_secret().len() < 17
                    || id.contains(secret.expose_secret())
                    || !shown.contains(secret.expose_secret())
            );
        }
        Credentials::Post { id, secret } => {
            assert!(form.many("client_id").eq([id.as_str()]));
            assert!(form.many("client_secret").eq([secret.expose_secret()]));
        }
        Credentials::Assertion { .. }
        | Credentials::Named { .. }
        | Credentials::None
        | Credentials::Unusable => assert!(!has(&form, "client_secret") || header.is_none()),
    }
}

fn has(form: &Form, name: &str) -> bool {
    form.many(name).next().is_some()
}

/// RFC 6749 §2.3.1, as `url` decodes it.
fn basic(header: &str) -> Option<(String, String)> {
    let (_, encoded) = header.split_once(' ')?;
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    let decoded = |half: &str| {
        // Within one half these mean themselves.
        let body = format!("x={}", half.replace('&', "%26"));
        let mut pairs = url::form_urlencoded::parse(body.as_bytes());
        pairs.next().map(|(_, value)| value.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

/// A body at the token endpoint: no parameter that is looked at comes twice, and no token is shown.
pub fn token_request(data: &[u8]) {
    let Ok(form) = Form::parse(data) else { return };
    let request = match TokenRequest::parse(&form) {
        Ok(request) => request,
        Err(malformed) => {
            let told = malformed.to_string();
            let tokens = ["subject_token", "actor_token", "assertion"];
            let mut tokens = tokens.into_iter().flat_map(|name| form.many(name));
            assert!(tokens.all(|token| token.len() < 32 || !told.contains(token)));
            return;
        }
    };
    let once = |name: &str| form.many(name).count() <= 1;
    assert!(form.many("grant_type").count() == 1 && once("scope"));
    let shown = format!("{request:?}");
    let target = match &request {
        TokenRequest::ClientCredentials(own) => &own.target,
        TokenRequest::Exchange(exchange) => {
            let given = if exchange.via == Via::Exchange { "subject_token" } else { "assertion" };
            assert!(form.many(given).eq([exchange.subject.compact()]));
            assert!(exchange.subject.compact().len() <= 16 * 1024);
            if exchange.via == Via::Exchange {
                assert!(once("actor_token") && once("requested_token_type"));
                assert_eq!(exchange.actor.is_some(), has(&form, "actor_token"));
            }
            &exchange.target
        }
    };
    if let Some(Target::Resource(name)) = target {
        assert_eq!(canonical_resource(name).as_ref(), Some(name), "it is canonical");
    }
    let public: Vec<_> = ["scope", "resource", "audience", "request_details", "request_context"]
        .into_iter()
        .flat_map(|name| form.many(name))
        .collect();
    for token in
        ["subject_token", "actor_token", "assertion"].into_iter().flat_map(|it| form.many(it))
    {
        let is_elsewhere = public.iter().any(|text| text.contains(token));
        assert!(token.len() < 32 || is_elsewhere || !shown.contains(token), "tokens are not shown");
    }
}

/// A target (RFC 8707 §2): canonical once and for all, absolute, without a fragment.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(canonical) = canonical_resource(text) else { return };
    assert_eq!(canonical_resource(&canonical).as_ref(), Some(&canonical), "from {text:?}");
    let url = url::Url::parse(&canonical);
    assert!(url.is_ok_and(|url| url.fragment().is_none()), "{canonical}");
}
