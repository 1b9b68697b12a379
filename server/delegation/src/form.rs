//! The body of a request: `application/x-www-form-urlencoded`, decoded strictly (RFC 6749 App. B).

use percent_encoding::percent_decode_str;

/// More than any grant has; a body of thousands of parameters is not a request.
const MOST_PARAMETERS: usize = 64;

/// The parameters of one request, in order, empty ones left out.
///
/// RFC 6749 §3.2: "Parameters sent without a value MUST be treated as if they were omitted".
pub struct Form(Vec<(String, String)>);

impl std::fmt::Debug for Form {
    /// Names only: the values are tokens and secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What is wrong with a request before anybody looks at what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the body is larger than this server takes")]
    BodyTooLarge,
    #[error("the body did not arrive whole, or not in time")]
    Unread,
    #[error("the body must be application/x-www-form-urlencoded")]
    ContentType,
    #[error("the body is not valid UTF-8 in application/x-www-form-urlencoded")]
    Encoding,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` appears more than once")]
    Repeated(&'static str),
    #[error("`{0}` is too long")]
    TooLong(&'static str),
    #[error("`{0}` must not be sent without `{1}`")]
    Alone(&'static str, &'static str),
    #[error("`{0}` has a value that this server does not support")]
    Unsupported(&'static str),
    #[error("the grant type is not supported")]
    UnsupportedGrant,
    #[error("more than one way of client authentication was used")]
    TwoWaysToAuthenticate,
    #[error("`resource` must be an absolute URI without a fragment")]
    Target,
    #[error("a token is for one target; `resource` and `audience` name several")]
    SeveralTargets,
    #[error("`scope` is not a list of scope tokens")]
    Scope,
    #[error("`{0}` is not a JSON object")]
    NotAnObject(&'static str),
}

impl Form {
    /// Decodes a body. Bytes that are not UTF-8, stray `%` and control characters are refused:
    /// decoded leniently, different bytes would become the same text.
    ///
    /// # Errors
    ///
    /// [`Malformed::Encoding`].
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let body = std::str::from_utf8(body).map_err(|_| Malformed::Encoding)?;
        let mut fields = Vec::with_capacity(8);
        for pair in body.split('&').filter(|pair| !pair.is_empty()) {
            if fields.len() == MOST_PARAMETERS {
                return Err(Malformed::Encoding);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        Ok(Self(fields))
    }

    /// A parameter that must be there.
    pub(crate) fn one(&self, name: &'static str) -> Result<&str, Malformed> {
        self.at_most_one(name)?.ok_or(Malformed::Missing(name))
    }

    /// RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once".
    pub(crate) fn at_most_one(&self, name: &'static str) -> Result<Option<&str>, Malformed> {
        let mut all = self.many(name);
        match (all.next(), all.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(Malformed::Repeated(name)),
        }
    }

    /// Only `resource` and `audience` may repeat (RFC 8693 §2.1).
    pub fn many(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One name or value of a form, or one half of Basic credentials (RFC 6749 §2.3.1).
pub(crate) fn decode(text: &str) -> Result<String, Malformed> {
    let spaced = text.replace('+', " ");
    let mut rest = spaced.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
            if !(hex(rest.next()) && hex(rest.next())) {
                return Err(Malformed::Encoding);
            }
        }
    }
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| Malformed::Encoding)?;
    if decoded.chars().any(char::is_control) {
        return Err(Malformed::Encoding);
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_plus_and_percent() {
        let form = Form::parse(b"a=x+y%2Bz&b=&c=%E2%82%AC").unwrap();
        assert_eq!(form.one("a"), Ok("x y+z"));
        assert_eq!(form.one("b"), Err(Malformed::Missing("b")));
        assert_eq!(form.one("c"), Ok("€"));
    }

    #[test]
    fn refuses_what_would_collapse_when_decoded_leniently() {
        for body in [&b"a=\xff"[..], b"a=%ff", b"a=%", b"a=%2", b"a=%zz", b"a=%00", b"a=%0a"] {
            assert_eq!(Form::parse(body).unwrap_err(), Malformed::Encoding, "{body:?}");
        }
    }

    #[test]
    fn refuses_a_flood_of_parameters() {
        let body = "a=b&".repeat(MOST_PARAMETERS + 1);
        assert_eq!(Form::parse(body.as_bytes()).unwrap_err(), Malformed::Encoding);
    }
}
