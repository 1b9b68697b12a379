use std::time::Duration;

use crate::Algorithm;

/// What a token must be to be accepted. There is no default: every field is a decision.
#[derive(Clone, Debug)]
pub struct Expect<'a> {
    /// The kinds of token that are welcome; kinds are never mixed up (RFC 8725 §3.11 and §3.12).
    pub typ: &'a [Typ],
    /// The issuer, compared as a string.
    pub issuer: &'a str,
    /// At least one of these must be among the token's audiences. Empty: the caller judges
    /// [`Registered::audience`](crate::Registered) itself.
    pub audience: &'a [&'a str],
    /// The algorithms this issuer may use.
    pub algorithms: &'a [Algorithm],
    /// The tolerated difference of clocks, whole seconds.
    pub leeway: Duration,
    /// The age by `iat` beyond which a token is refused even if it has not expired, whole seconds.
    pub max_age: Option<Duration>,
}

/// A kind of token, by its explicit type (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Typ {
    /// `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// `JWT` or none: ID tokens, and the access tokens of issuers older than RFC 9068.
    Untyped,
}

impl Typ {
    /// Reads a `typ` header.
    pub(crate) fn of(typ: Option<&str>) -> Option<Self> {
        match typ.map(media_name) {
            None => Some(Self::Untyped),
            Some(name) if name.eq_ignore_ascii_case("at+jwt") => Some(Self::AccessToken),
            Some(name) if name.eq_ignore_ascii_case("JWT") => Some(Self::Untyped),
            Some(_) => None,
        }
    }
}

/// RFC 7515 §4.1.9: a `typ` is a media type, so case does not matter to whoever compares it, and a
/// missing `application/` is implied.
pub(crate) fn media_name(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, name)) if prefix.eq_ignore_ascii_case(PREFIX) => name,
        Some(_) | None => typ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_media_types() {
        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert_eq!(Typ::of(Some(typ)), Some(Typ::AccessToken), "{typ}");
        }
        for typ in [None, Some("JWT"), Some("jwt"), Some("application/jwt")] {
            assert_eq!(Typ::of(typ), Some(Typ::Untyped), "{typ:?}");
        }
    }

    #[test]
    fn knows_no_other_kind() {
        for typ in
            ["logout+jwt", "secevent+jwt", "dpop+jwt", "", "application/", "at+jwt ", "text/at+jwt"]
        {
            assert_eq!(Typ::of(Some(typ)), None, "{typ}");
        }
    }
}
