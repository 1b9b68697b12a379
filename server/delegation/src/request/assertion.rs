//! An assertion for a grant (RFC 7523 §2.1), and Microsoft's on-behalf-of flow, which looks like it.

use policy::Product;
use secrecy::SecretString;

use super::{
    DeclaredType, Details, ExchangeRequest, LONGEST_TOKEN, PresentedToken, Via, scope, target,
};
use crate::form::{Form, Malformed};

pub(super) fn parse(form: &Form) -> Result<ExchangeRequest, Malformed> {
    let assertion = form.one("assertion")?;
    if LONGEST_TOKEN < assertion.len() {
        return Err(Malformed::TooLong("assertion"));
    }
    let (via, declared) = match form.at_most_one("requested_token_use")? {
        None => (Via::JwtBearer, DeclaredType::Assertion),
        Some("on_behalf_of") => (Via::OnBehalfOf, DeclaredType::Jwt),
        Some(_) => return Err(Malformed::Unsupported("requested_token_use")),
    };
    Ok(ExchangeRequest {
        via,
        product: Product::AccessToken,
        subject: PresentedToken { token: SecretString::from(assertion), declared },
        actor: None,
        target: target(form)?,
        scope: scope(form)?,
        details: Details::default(),
    })
}
