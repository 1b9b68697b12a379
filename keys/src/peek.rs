use std::borrow::Cow;

use crate::{
    TokenFault,
    compact::Compact,
    header::Header,
    strict::{self, Member},
};

/// What a token says of itself. **Unverified: for routing only**, that is, to find the keys and the
/// [`Expect`](crate::Expect) with which [`verify`](crate::verify()) is then called. Never decide by
/// it, never record it as fact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peek {
    /// Who the token says issued it.
    pub issuer: String,
    /// Which key it says signed it.
    pub kid: Option<String>,
    /// Which kind of token it says it is, as written.
    pub typ: Option<String>,
    /// The `jti` it says it has: where to look for what we know of it.
    pub id: Option<String>,
}

/// Reads who is said to have issued `token`. **For routing only**: nothing has been verified.
///
/// # Errors
///
/// When `token` could not be accepted whatever the key: not a compact JWS, an algorithm, extension
/// or compression that is never accepted, a repeated member, or no issuer.
pub fn peek(token: &str) -> Result<Peek, TokenFault> {
    let compact = Compact::split(token)?;
    let header = compact.header()?;
    let header = Header::parse(&header)?;
    let payload = compact.payload()?;
    let [issuer, id] = strict::read(&payload, ["iss", "jti"])?;
    let Some(Member::Text(issuer)) = issuer else { return Err(TokenFault::Issuer) };
    let id = match id {
        Some(Member::Text(id)) => Some(id.into_owned()),
        Some(Member::Texts(_) | Member::Integer(_) | Member::Other) | None => None,
    };
    Ok(Peek {
        issuer: issuer.into_owned(),
        id,
        kid: header.kid.map(Cow::into_owned),
        typ: header.typ.map(Cow::into_owned),
    })
}
