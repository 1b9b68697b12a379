//! What is verified, sealed and signed.

use std::{hint::black_box, time::Duration};

use criterion::Criterion;
use keys::{
    Algorithm, AssertionKind, DataKey, Expect, ExpectAssertion, ExpectProof, PublicKeys, Signer,
    Typ, Verified,
};
use serde_json::Value;

use crate::{
    Outcome,
    tokens::{ALGORITHMS, CLIENT, DEPTHS, ENDPOINT, IDP, ISSUER, RESOURCE, Tokens, jwks, public},
};

const ASSERTION: &str = "an assertion, verified";
const PROOF: &str = "a DPoP proof, verified";
const KEYS: &str = "a key set, read";
pub(crate) const PEEK: &str = "a token's issuer, read";
pub(crate) const SEAL: &str = "the subject token, sealed";
const LEEWAY: Duration = Duration::from_secs(10);

pub(crate) fn subject(algorithm: Algorithm) -> String {
    format!("a user's token, {algorithm}, verified")
}

fn own(depth: usize) -> String {
    format!("a token of ours, depth {depth}, verified")
}

pub(crate) fn mint(algorithm: Algorithm) -> String {
    format!("a token, {algorithm}, signed and read back")
}

pub(crate) fn steps(criterion: &mut Criterion, tokens: &Tokens) -> Outcome<()> {
    verified(criterion, tokens)?;
    proved(criterion, tokens)?;
    let es256 = tokens.key(Algorithm::Es256)?;
    let (token, set) = (tokens.subject(Algorithm::Es256)?, jwks(es256));
    criterion.bench_function(PEEK, |step| step.iter(|| keys::peek(black_box(&token))));
    criterion.bench_function(KEYS, |step| {
        step.iter(|| PublicKeys::parse(black_box(set.as_bytes())));
    });
    let sealing = DataKey::generate()?;
    sealing.seal("org/bench/delegation/subject", token.as_bytes())?;
    criterion.bench_function(SEAL, |step| {
        step.iter(|| sealing.seal("org/bench/delegation/subject", black_box(token.as_bytes())));
    });
    let claims = tokens.claims(1);
    for algorithm in ALGORITHMS {
        let key = tokens.key(algorithm)?;
        keys::sign(key, "at+jwt", &claims)?;
        criterion.bench_function(&mint(algorithm), |step| {
            step.iter(|| keys::sign(key, "at+jwt", black_box(&claims)));
        });
        let name = format!("{algorithm}, the bare signature");
        criterion.bench_function(&name, |step| step.iter(|| key.sign(black_box(token.as_bytes()))));
    }
    Ok(())
}

/// Tokens of the identity provider, by algorithm, and of ours, by the length of the chain.
fn verified(criterion: &mut Criterion, tokens: &Tokens) -> Outcome<()> {
    for algorithm in ALGORITHMS {
        let key = public(tokens.key(algorithm)?)?;
        let (name, token) = (subject(algorithm), tokens.subject(algorithm)?);
        verify(criterion, &name, (&token, &key), (IDP, algorithm, tokens.now))?;
    }
    let key = tokens.key(Algorithm::Es256)?;
    for depth in DEPTHS {
        let token = keys::sign(key, "at+jwt", &tokens.claims(depth))?;
        let known = (&*token, &public(key)?);
        verify(criterion, &own(depth), known, (ISSUER, Algorithm::Es256, tokens.now))?;
    }
    Ok(())
}

/// Signature, registered claims, and all others into JSON values: `delegation` reads them into types of its
/// own, which are nobody else's business.
fn verify(
    criterion: &mut Criterion,
    name: &str,
    (token, keys): (&str, &PublicKeys),
    (issuer, algorithm, now): (&str, Algorithm, i64),
) -> Outcome<()> {
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer,
        audience: &[RESOURCE],
        algorithms: &[algorithm],
        leeway: LEEWAY,
        max_age: None,
    };
    let verify = |token| -> Result<Verified<Value>, _> { keys::verify(token, keys, &expect, now) };
    let _verified = verify(token)?;
    criterion.bench_function(name, |step| step.iter(|| verify(black_box(token))));
    Ok(())
}

fn proved(criterion: &mut Criterion, tokens: &Tokens) -> Outcome<()> {
    let (keys, assertion, proof) = (public(&tokens.client)?, tokens.assertion()?, tokens.proof()?);
    let expect = ExpectAssertion {
        kind: AssertionKind::ClientAuthentication,
        issuer: Some(CLIENT),
        audience: &[ISSUER],
        sole_audience: true,
        algorithms: &[Algorithm::Es256],
        // It is verified again and again.
        leeway: Duration::from_hours(1),
        longest: None,
    };
    let verify = |token| keys::verify_assertion::<Value>(token, &keys, &expect, tokens.now);
    let _verified = verify(&assertion)?;
    criterion.bench_function(ASSERTION, |step| step.iter(|| verify(black_box(&assertion))));
    let expect = ExpectProof {
        method: "POST",
        uri: ENDPOINT,
        algorithms: &[Algorithm::Es256],
        past: LEEWAY,
        future: LEEWAY,
        access_token: None,
    };
    let verify = |proof| keys::verify_proof(proof, &expect, tokens.now);
    let _verified = verify(&proof)?;
    criterion.bench_function(PROOF, |step| step.iter(|| verify(black_box(&proof))));
    Ok(())
}
