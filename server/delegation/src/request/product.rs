//! What the new token is to be (RFC 8693 §2.1: `requested_token_type`), and what that kind needs to know.

use policy::Product;
use serde_json::{Map, Value};

use super::{
    ACCESS_TOKEN, Details, ID_JAG, JWT, LONGEST_TARGET, TRANSACTION_TOKEN, Target, canonical,
    target,
};
use crate::form::{Form, Malformed};

/// It is signed into a token that has to fit into a header.
const LONGEST_CONTEXT: usize = 4096;

pub(super) fn parse(form: &Form) -> Result<(Product, Option<Target>, Details), Malformed> {
    let product = match form.at_most_one("requested_token_type")? {
        None | Some(ACCESS_TOKEN) => Product::AccessToken,
        Some(ID_JAG) => Product::IdJag,
        Some(JWT) => Product::JwtGrant,
        Some(TRANSACTION_TOKEN) => Product::TransactionToken,
        Some(_) => return Err(Malformed::Unsupported("requested_token_type")),
    };
    let none = Details::default();
    Ok(match product {
        Product::AccessToken => (product, target(form)?, none),
        // draft-ietf-oauth-identity-assertion-authz-grant §4.3: `audience` is REQUIRED, the server;
        // `resource` is what is behind it.
        Product::IdJag => {
            let details = Details { resource: resource(form)?, ..none };
            (product, Some(audience(form)?), details)
        }
        // draft-ietf-oauth-identity-chaining §2.3.1: one of the two, and it names the server.
        Product::JwtGrant => {
            (product, Some(target(form)?.ok_or(Malformed::Missing("audience"))?), none)
        }
        // draft-ietf-oauth-transaction-tokens §6.1: `audience` and `scope` are REQUIRED.
        Product::TransactionToken => {
            let domain = target(form)?.ok_or(Malformed::Missing("audience"))?;
            form.one("scope")?;
            let transaction = object(form, "request_details")?;
            let context = object(form, "request_context")?;
            (product, Some(domain), Details { transaction, context, ..none })
        }
    })
}

fn audience(form: &Form) -> Result<Target, Malformed> {
    let named = sole(form.many("audience"))?.ok_or(Malformed::Missing("audience"))?;
    if LONGEST_TARGET < named.len() {
        return Err(Malformed::Target);
    }
    Ok(Target::Audience(named.to_owned()))
}

fn resource(form: &Form) -> Result<Option<String>, Malformed> {
    sole(form.many("resource"))?.map(canonical).transpose()
}

fn sole<'a>(mut named: impl Iterator<Item = &'a str>) -> Result<Option<&'a str>, Malformed> {
    let Some(first) = named.next() else { return Ok(None) };
    if named.all(|other| other == first) { Ok(Some(first)) } else { Err(Malformed::SeveralTargets) }
}

fn object(form: &Form, name: &'static str) -> Result<Option<Map<String, Value>>, Malformed> {
    let Some(text) = form.at_most_one(name)? else { return Ok(None) };
    if LONGEST_CONTEXT < text.len() {
        return Err(Malformed::TooLong(name));
    }
    serde_json::from_str(text).map(Some).map_err(|_| Malformed::NotAnObject(name))
}
