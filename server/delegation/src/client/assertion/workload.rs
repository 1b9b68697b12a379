//! Workload identities: the platform a client runs on asserts it (RFC 7523 §3, where "the issuer" is
//! not the client): Kubernetes, CI and cloud providers.
//!
//! A platform hands out one token for a while, an hour as a rule, and its workload presents that as
//! often as it needs to: none of them is for one use, whether or not it has a `jti`. It is held to the
//! issuer, subject and sole audience that were registered, to its `exp`, and to what its cluster says
//! of it where that is asked.

use keys::{AssertionKind, ExpectAssertion, RegisteredAssertion};

use super::{LEEWAY, Sent, unacceptable};
use crate::{
    client::{Caller, Claimed, ClientFault, Unspent, WorkloadIssuer, refused},
    declared::{Method, Workload},
    org::Org,
    refusal::Failure,
};

pub(super) async fn authenticate(org: &Org, sent: &Sent<'_>) -> Result<Unspent<Caller>, Failure> {
    let says_issuer = sent.says.issuer.as_deref();
    let issuer = org.trusted.issuers.iter().find(|it| says_issuer == Some(&it.issuer));
    let issuer = issuer.ok_or_else(|| refused(ClientFault::UnknownIssuer))?;
    let candidates = candidates(org, issuer, sent).map_err(refused)?;

    let keys = issuer.keys.keys(sent.kid()).await?;
    let audience: Vec<_> = candidates.iter().map(|(_, it)| it.audience.as_str()).collect();
    let expect = ExpectAssertion {
        kind: AssertionKind::Workload,
        issuer: Some(&issuer.issuer),
        audience: &audience,
        sole_audience: true,
        algorithms: &issuer.algorithms,
        leeway: LEEWAY,
        longest: None,
    };
    let registered = sent.verify(&keys, &expect).map_err(unacceptable)?;

    let (claimed, workload) = the_one(&candidates, &registered).map_err(refused)?;
    claimed.open_to(Method::WorkloadIdentity).map_err(refused)?;
    if let Some(cluster) = &issuer.review
        && !cluster.review(sent.assertion, &workload.audience).await?
    {
        return Err(refused(ClientFault::Workload));
    }
    let caller = claimed.believed(Method::WorkloadIdentity).map_err(refused)?;
    Ok(Unspent::new(caller, Vec::new()))
}

type Candidate<'a> = (Claimed<'a>, &'a Workload);

/// Which clients may be this workload, of all or of the one that is named.
fn candidates<'a>(
    org: &'a Org,
    issuer: &WorkloadIssuer,
    sent: &Sent<'_>,
) -> Result<Vec<Candidate<'a>>, ClientFault> {
    let clients = match sent.id {
        Some(id) => {
            let claimed = Claimed::find(org, id)?;
            claimed.open_to(Method::WorkloadIdentity)?;
            vec![claimed]
        }
        None => Claimed::all(org).collect(),
    };
    let says = sent.says.subject.as_deref();
    let is_it = |it: &&Workload| it.issuer == issuer.id && says == Some(&it.subject);
    let of = |client: Claimed<'a>| {
        client.client().workloads.iter().filter(is_it).map(move |workload| (client, workload))
    };
    let candidates: Vec<_> = clients.into_iter().flat_map(of).collect();
    if candidates.is_empty() { Err(ClientFault::Workload) } else { Ok(candidates) }
}

/// The client that the workload is, now that it is believed. Of two that are the same workload, the
/// request has to say which it means.
fn the_one<'a>(
    candidates: &[Candidate<'a>],
    registered: &RegisteredAssertion,
) -> Result<Candidate<'a>, ClientFault> {
    let is_it = |(_, workload): &&Candidate<'a>| {
        workload.subject == registered.subject
            && registered.audience.iter().eq([&workload.audience])
    };
    let mut matching = candidates.iter().filter(is_it);
    let one = *matching.next().ok_or(ClientFault::Workload)?;
    let is_same = |(other, _): &Candidate<'a>| other.client().id == one.0.client().id;
    if matching.all(is_same) { Ok(one) } else { Err(ClientFault::Workload) }
}
