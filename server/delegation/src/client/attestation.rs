//! Attestations of instances of a client (draft-ietf-oauth-attestation-based-client-auth-10), for those
//! clients that are registered with `attest_jwt_client_auth`.
//!
//! There is no challenge endpoint: the proof's `iat` bounds its age, and its `jti` is taken once, on
//! every replica, which is what a challenge is for.

use std::time::Duration;

use keys::{
    AssertionKind, ExpectAssertion, ExpectAttestationProof, PublicKey, TokenFault, peek_assertion,
    verify_assertion, verify_attestation_proof,
};
use policy::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Caller, Claimed, Client, ClientFault, Presented, Unspent, refused};
use crate::{
    declared::Method,
    org::Org,
    ports::{Once, OnceKind},
    refusal::Failure,
};

const LEEWAY: Duration = Duration::from_secs(10);
/// How old a proof may be.
const LONGEST: Duration = Duration::from_mins(1);

/// §5.1: of which key the instance is.
#[derive(Deserialize)]
struct Claims {
    #[serde(deserialize_with = "keys::object")]
    cnf: Confirmation,
}

#[derive(Deserialize)]
struct Confirmation {
    jwk: Value,
}

pub(super) async fn authenticate(
    org: &Org,
    presented: &Presented<'_>,
    (id, (attestation, proof)): (&str, (&str, &str)),
) -> Result<Unspent<Caller>, Failure> {
    let claimed = Claimed::find(org, id).map_err(refused)?;
    let client = claimed.open_to(Method::AttestJwtClientAuth).map_err(refused)?;
    let instance = attested(org, client, attestation, presented.now).await?;
    let once = proved(org, client, (&instance, proof), presented.now)?;
    let caller = claimed.believed(Method::AttestJwtClientAuth).map_err(refused)?;
    Ok(Unspent::new(caller, vec![once]))
}

/// The key of the instance that the client's attester speaks for.
async fn attested(
    org: &Org,
    client: &Client,
    attestation: &str,
    now: Timestamp,
) -> Result<PublicKey, Failure> {
    let attester = org.trusted.attesters.iter().find(|it| client.attester.as_ref() == Some(&it.id));
    let attester = attester.ok_or_else(|| refused(ClientFault::UnknownIssuer))?;
    let says = peek_assertion(attestation).map_err(unacceptable)?;
    let keys = attester.keys.keys(says.kid.as_deref()).await?;
    let expect = ExpectAssertion {
        kind: AssertionKind::Attestation,
        // The draft asks for none: its keys say whose it is. One that is there must agree.
        issuer: says.issuer.is_some().then_some(&attester.issuer),
        audience: &[],
        sole_audience: false,
        algorithms: &attester.algorithms,
        leeway: LEEWAY,
        longest: None,
    };
    let verified = verify_assertion::<Claims>(attestation, &keys, &expect, now.0);
    let verified = verified.map_err(unacceptable)?;
    if verified.registered().subject != client.id {
        return Err(refused(ClientFault::OtherClient));
    }
    let instance = PublicKey::from_jwk(&verified.claims().cnf.jwk);
    instance.map_err(|_| unacceptable(TokenFault::Claims))
}

/// §5.2: whoever sends the request has that key, now and for us.
fn proved(
    org: &Org,
    client: &Client,
    (instance, proof): (&PublicKey, &str),
    now: Timestamp,
) -> Result<Once, Failure> {
    let expect = ExpectAttestationProof {
        audience: &org.issuer,
        algorithms: &client.algorithms,
        past: LONGEST,
        future: LEEWAY,
    };
    let proof = verify_attestation_proof(proof, instance, &expect, now.0).map_err(unacceptable)?;
    let until = Timestamp(proof.issued_at()).plus(LONGEST).plus(LEEWAY);
    Ok(Once::new(OnceKind::Attestation, &client.id, proof.id(), until))
}

fn unacceptable(fault: TokenFault) -> Failure {
    refused(ClientFault::Attestation(fault))
}
