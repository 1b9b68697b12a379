//! JWT-SVIDs (draft-ietf-oauth-spiffe-client-auth).
//!
//! A workload presents its SVID for as long as it lives, minutes as a rule: like other platforms'
//! tokens it is not for one use.

use keys::{AssertionKind, ExpectAssertion, TokenFault};

use super::{LEEWAY, Sent, unacceptable};
use crate::{
    client::{Caller, Claimed, ClientFault, Unspent, refused},
    declared::Method,
    org::Org,
    refusal::Failure,
};

pub(super) async fn authenticate(org: &Org, sent: &Sent<'_>) -> Result<Unspent<Caller>, Failure> {
    let spiffe_id = sent.says.subject.as_deref();
    let spiffe_id = spiffe_id.ok_or_else(|| unacceptable(TokenFault::Subject))?;
    let domain = org.trusted.domain_of(spiffe_id);
    let domain = domain.ok_or_else(|| refused(ClientFault::UnknownIssuer))?;
    let claimed = claimed(org, sent.id, spiffe_id).map_err(refused)?;
    let client = claimed.open_to(Method::SpiffeJwt).map_err(refused)?;

    let keys = domain.bundle.keys(sent.kid()).await?;
    let expect = ExpectAssertion {
        kind: AssertionKind::Svid,
        // The keys are those of the trust domain: `iss` proves nothing.
        issuer: None,
        audience: &[&org.issuer],
        sole_audience: true,
        algorithms: &client.algorithms,
        leeway: LEEWAY,
        longest: None,
    };
    let registered = sent.verify(&keys, &expect).map_err(unacceptable)?;
    if client.spiffe_id.as_deref() != Some(&registered.subject) {
        return Err(refused(ClientFault::Workload));
    }
    let caller = claimed.believed(Method::SpiffeJwt).map_err(refused)?;
    Ok(Unspent::new(caller, Vec::new()))
}

/// The client that is named, or the only one that is this workload.
fn claimed<'a>(
    org: &'a Org,
    id: Option<&str>,
    spiffe_id: &str,
) -> Result<Claimed<'a>, ClientFault> {
    let is_it = |it: &Claimed<'_>| it.client().spiffe_id.as_deref() == Some(spiffe_id);
    if let Some(id) = id {
        return Some(Claimed::find(org, id)?).filter(is_it).ok_or(ClientFault::Workload);
    }
    let mut all = Claimed::all(org).filter(is_it);
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        (None | Some(_), _) => Err(ClientFault::Workload),
    }
}
