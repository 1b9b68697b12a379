//! What arrives at the token endpoint, made well formed ([RFC 6749 §3.2], [RFC 8693 §2.1]).
//!
//! [RFC 6749 §3.2]: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
//! [RFC 8693 §2.1]: https://www.rfc-editor.org/rfc/rfc8693#section-2.1

use policy::Scope;
use secrecy::{ExposeSecret, SecretString};

use crate::form::{Form, Malformed};

/// The grant type of RFC 8693 §2.1.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// RFC 8693 §3: "Indicates that the token is an OAuth 2.0 access token".
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Larger tokens do not fit into common header limits, so nobody can have been handed one.
const LONGEST_TOKEN: usize = 16 * 1024;
const LONGEST_TARGET: usize = 2048;

/// One request, one grant: fields of another grant do not exist here.
#[derive(Debug)]
pub enum TokenRequest {
    Exchange(ExchangeRequest),
}

/// The parameters of RFC 8693 §2.1, each present at most once and well formed.
#[derive(Debug)]
pub struct ExchangeRequest {
    pub subject: PresentedToken,
    pub actor: Option<PresentedToken>,
    /// What `resource` and `audience` name; one target a token.
    pub target: Option<Target>,
    pub scope: Option<Scope>,
}

/// A token and what the client says it is.
#[derive(Debug)]
pub struct PresentedToken {
    pub token: SecretString,
    pub declared: DeclaredType,
}

impl PresentedToken {
    #[must_use]
    pub fn compact(&self) -> &str {
        self.token.expose_secret()
    }
}

/// The token type identifiers (RFC 8693 §3) that can be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclaredType {
    AccessToken,
    IdToken,
    /// Any JWT: what it is, it says itself.
    Jwt,
}

/// Where the issued token is to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An absolute URI without a fragment (RFC 8707 §2), in canonical form.
    Resource(String),
    /// A logical name (RFC 8693 §2.1).
    Audience(String),
}

impl Target {
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Resource(name) | Self::Audience(name) => name,
        }
    }
}

impl TokenRequest {
    /// Reads the parameters of the one grant that `grant_type` names.
    ///
    /// # Errors
    ///
    /// The first parameter that is missing, repeated or not valid.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        match form.one("grant_type")? {
            TOKEN_EXCHANGE => Ok(Self::Exchange(ExchangeRequest::parse(form)?)),
            _ => Err(Malformed::UnsupportedGrant),
        }
    }
}

impl ExchangeRequest {
    fn parse(form: &Form) -> Result<Self, Malformed> {
        let subject = token(form, "subject_token", "subject_token_type")?;
        let actor = match form.at_most_one("actor_token")? {
            Some(_) => Some(token(form, "actor_token", "actor_token_type")?),
            // RFC 8693 §2.1: "MUST NOT be included if the actor_token parameter is not present".
            None if form.at_most_one("actor_token_type")?.is_some() => {
                return Err(Malformed::Alone("actor_token_type", "actor_token"));
            }
            None => None,
        };
        match form.at_most_one("requested_token_type")? {
            None | Some(ACCESS_TOKEN) => {}
            Some(_) => return Err(Malformed::Unsupported("requested_token_type")),
        }
        let scope = match form.at_most_one("scope")? {
            Some(text) => Some(Scope::parse(text).map_err(|_| Malformed::Scope)?),
            None => None,
        };
        Ok(Self { subject, actor, target: target(form)?, scope })
    }
}

fn token(form: &Form, name: &'static str, kind: &'static str) -> Result<PresentedToken, Malformed> {
    let token = form.one(name)?;
    if LONGEST_TOKEN < token.len() {
        return Err(Malformed::TooLong(name));
    }
    let declared = match form.one(kind)? {
        ACCESS_TOKEN => DeclaredType::AccessToken,
        ID_TOKEN => DeclaredType::IdToken,
        JWT => DeclaredType::Jwt,
        _ => return Err(Malformed::Unsupported(kind)),
    };
    Ok(PresentedToken { token: SecretString::from(token), declared })
}

/// Several targets in one token would multiply its scopes (RFC 8693 §2.1.1: the cartesian product),
/// so a request may name one only, as often as it likes.
fn target(form: &Form) -> Result<Option<Target>, Malformed> {
    let mut found: Option<Target> = None;
    let resources = form.many("resource").map(|text| canonical(text).map(Target::Resource));
    let audiences = form.many("audience").map(|text| {
        if text.len() <= LONGEST_TARGET {
            Ok(Target::Audience(text.to_owned()))
        } else {
            Err(Malformed::Target)
        }
    });
    for named in resources.chain(audiences) {
        let named = named?;
        match &found {
            None => found = Some(named),
            Some(first) if first.name() == named.name() => {}
            Some(_) => return Err(Malformed::SeveralTargets),
        }
    }
    Ok(found)
}

/// RFC 8707 §2: "MUST be an absolute URI", "MUST NOT include a fragment component".
///
/// Scheme and host in lower case, no default port, no lone trailing slash; the rest as it came.
fn canonical(text: &str) -> Result<String, Malformed> {
    if LONGEST_TARGET < text.len() {
        return Err(Malformed::Target);
    }
    let url = url::Url::parse(text).map_err(|_| Malformed::Target)?;
    if url.fragment().is_some() {
        return Err(Malformed::Target);
    }
    let lone_slash = url.path() == "/" && url.query().is_none();
    let canonical = url.as_str();
    Ok(if lone_slash { canonical.trim_end_matches('/') } else { canonical }.to_owned())
}

/// The canonical form of a resource's id, none when it is a logical name.
#[must_use]
pub fn canonical_resource(id: &str) -> Option<String> {
    canonical(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAPPY: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
        &subject_token=a.b.c&subject_token_type=urn:ietf:params:oauth:token-type:access_token";

    fn parse(extra: &str) -> Result<ExchangeRequest, Malformed> {
        let form = Form::parse(format!("{HAPPY}{extra}").as_bytes())?;
        TokenRequest::parse(&form).map(|TokenRequest::Exchange(request)| request)
    }

    #[test]
    fn reads_the_happy_request() {
        let request =
            parse("&scope=b+a&resource=HTTPS://API.example:443/&foo=bar&foo=baz").unwrap();
        assert_eq!(request.scope.unwrap().to_string(), "a b");
        assert_eq!(request.target, Some(Target::Resource("https://api.example".into())));
        assert_eq!(request.subject.declared, DeclaredType::AccessToken);
    }

    #[test]
    fn refuses_each_malformed_parameter() {
        let table = [
            ("&subject_token=d", Malformed::Repeated("subject_token")),
            ("&actor_token=d", Malformed::Missing("actor_token_type")),
            (
                "&actor_token_type=urn:ietf:params:oauth:token-type:jwt",
                Malformed::Alone("actor_token_type", "actor_token"),
            ),
            ("&actor_token=d&actor_token_type=x", Malformed::Unsupported("actor_token_type")),
            ("&requested_token_type=x", Malformed::Unsupported("requested_token_type")),
            ("&scope=a%22b", Malformed::Scope),
            ("&scope=a&scope=b", Malformed::Repeated("scope")),
            ("&resource=/a", Malformed::Target),
            ("&resource=https://a%23f", Malformed::Target),
            ("&resource=https://a&audience=b", Malformed::SeveralTargets),
        ];
        for (extra, expected) in table {
            assert_eq!(parse(extra).unwrap_err(), expected, "{extra}");
        }
    }

    #[test]
    fn takes_an_empty_parameter_as_omitted() {
        assert!(parse("&scope=&resource=&actor_token=&actor_token_type=").is_ok());
    }

    #[test]
    fn takes_the_same_target_named_twice_as_one() {
        let request = parse("&resource=https://a.example/&audience=https://a.example").unwrap();
        assert_eq!(request.target.unwrap().name(), "https://a.example");
    }
}
