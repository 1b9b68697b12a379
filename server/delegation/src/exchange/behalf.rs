//! What Microsoft's on-behalf-of flow asks for: the target is part of each scope token.

use policy::{Scope, TargetKind};

use crate::{
    form::Malformed,
    org::Org,
    refusal::Refusal,
    request::{Target, canonical_resource},
};

/// All that was granted of a resource, by its Microsoft name.
const DEFAULT: &str = ".default";
/// Its libraries always ask for these, of which only a sign-in knows anything.
const OF_SIGN_INS: [&str; 4] = ["openid", "profile", "offline_access", "email"];

/// The target and the scope of there, out of `<resource>/<scope>` and `<resource>/.default`.
///
/// # Errors
///
/// Several resources, one that is not declared, or `.default` among others.
pub(super) fn read(
    org: &Org,
    named: Option<&Target>,
    scope: Option<&Scope>,
) -> Result<(Option<String>, Option<Scope>), Refusal> {
    let mut target = named.map(|target| target.name().to_owned());
    let (mut all, mut some) = (false, Vec::new());
    for token in scope.into_iter().flat_map(Scope::tokens) {
        let (resource, word) = split(org, token)?;
        match (&target, resource) {
            (Some(known), Some(resource)) if *known != resource => {
                return Err(Refusal::Request(Malformed::SeveralTargets));
            }
            (None, Some(resource)) => target = Some(resource),
            (_, None) | (Some(_), Some(_)) => {}
        }
        if word == DEFAULT {
            all = true;
        } else if !OF_SIGN_INS.contains(&word) {
            some.push(word);
        }
    }
    match (all, some.is_empty()) {
        // Microsoft refuses it, too: what would it add to?
        (true, false) => Err(Refusal::Request(Malformed::Scope)),
        (_, true) => Ok((target, None)),
        (false, false) => {
            let scope = Scope::parse(&some.join(" "));
            Ok((target, Some(scope.map_err(|_| Refusal::Request(Malformed::Scope))?)))
        }
    }
}

/// Cuts what is declared here off a scope token; the longest name wins.
fn split<'a>(org: &Org, token: &'a str) -> Result<(Option<String>, &'a str), Refusal> {
    for (at, _) in token.rmatch_indices('/') {
        let (Some(name), Some(word)) = (token.get(..at), token.get(at + 1..)) else { continue };
        let canonical = canonical_resource(name);
        let names = [Some(name), canonical.as_deref()];
        let is_here = |name: &&str| {
            org.target(name).is_some_and(|target| match target.kind {
                TargetKind::Resource | TargetKind::Agent => true,
                TargetKind::AuthorizationServer
                | TargetKind::TrustDomain
                | TargetKind::Ourselves => false,
            })
        };
        if let Some(name) = names.into_iter().flatten().find(is_here) {
            return Ok((Some(name.to_owned()), word));
        }
    }
    // A scope token may have a slash of its own; one that begins like an address names a resource.
    if token.contains("://") { Err(Refusal::UnknownTarget) } else { Ok((None, token)) }
}
