use std::{sync::Arc, time::Duration};

use keys::{Algorithm, Expect, ExpectProof, Proof, TokenFault, Typ, peek, verify_proof};

use crate::{
    BuildError, Builder, Call, Challenge, Metadata, PeerCertificate, Possession, Rejection, Scheme,
    Verified, clock,
    fetch::Fetch,
    issuer::Issuer,
    proofs::{FUTURE, PAST, Proofs},
    status::Lists,
    verified::{Claims, Cnf},
};

/// Decides who calls. Make one when the API starts; clones are the same one.
#[derive(Clone, Debug)]
pub struct Verifier(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    settings: Settings,
    issuer: Arc<Issuer>,
    lists: Option<Lists>,
    proofs: Proofs,
    metadata: Metadata,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) proof_algorithms: Vec<Algorithm>,
    pub(crate) leeway: Duration,
    pub(crate) proofs: usize,
    pub(crate) bound_only: bool,
    pub(crate) status_list: bool,
}

/// What the sender has proved to have, before a proof was taken.
enum Held {
    Nothing,
    Key(Proof),
    Certificate(String),
}

impl Verifier {
    /// For the tokens of `issuer` (`{public_url}/o/{org}`) that are meant for `audience` (the `id` of the
    /// resource as it is declared there), both compared as strings.
    pub fn builder(issuer: &str, audience: &str) -> Builder {
        Builder::new(issuer, audience)
    }

    pub(crate) fn new(
        settings: Settings,
        jwks_uri: Option<String>,
        extra_ca: Option<&[u8]>,
        metadata: Metadata,
    ) -> Result<Self, BuildError> {
        let fetch = Fetch::new(extra_ca)?;
        let Settings { issuer, algorithms, leeway, .. } = settings.clone();
        let lists =
            settings.status_list.then(|| Lists::new(&issuer, fetch.clone(), algorithms, leeway));
        let issuer = Arc::new(Issuer::new(issuer, jwks_uri, fetch));
        let proofs = Proofs::new(settings.proofs);
        Ok(Self(Arc::new(Parts { settings, issuer, lists, proofs, metadata })))
    }

    /// Who sends `call` (RFC 6750 §2.1, RFC 9068 §4, RFC 9449 §7.1, RFC 8705 §3).
    ///
    /// # Errors
    ///
    /// The first check that failed. [`challenge`](Self::challenge) says how a client is told.
    pub async fn verify(&self, call: &Call<'_>) -> Result<Verified, Rejection> {
        self.verify_at(call, clock::now()).await
    }

    /// The same as of `now`, in seconds since the Unix epoch.
    ///
    /// # Errors
    ///
    /// The same.
    pub async fn verify_at(&self, call: &Call<'_>, now: i64) -> Result<Verified, Rejection> {
        let (scheme, token) = call.credentials()?;
        let verified = self.token(token, now).await?;
        let claims = verified.claims();
        let held = self.held(call, (scheme, token), claims.cnf.as_ref(), now)?;
        if let Some(lists) = &self.0.lists {
            lists.standing(claims.status.as_ref(), &self.0.issuer, now).await?;
        }
        let possession = self.taken(held, now)?;
        Ok(Verified::new(verified.registered().clone(), claims.clone(), possession))
    }

    /// RFC 9068 §4.
    async fn token(&self, token: &str, now: i64) -> Result<keys::Verified<Claims>, Rejection> {
        let Settings { issuer, audience, algorithms, leeway, .. } = &self.0.settings;
        let claimed = peek(token)?;
        // Somebody else's token makes us fetch nothing.
        if claimed.issuer != *issuer {
            return Err(TokenFault::Issuer.into());
        }
        let keys = self.0.issuer.keys(claimed.kid).await?;
        let expect = Expect {
            typ: &[Typ::AccessToken],
            issuer,
            audience: &[audience],
            algorithms,
            leeway: *leeway,
            max_age: None,
        };
        Ok(keys::verify(token, &keys, &expect, now)?)
    }

    /// What a token is bound to must have been proved, and in the way that goes with it.
    fn held(
        &self,
        call: &Call<'_>,
        (scheme, token): (Scheme, &str),
        cnf: Option<&Cnf>,
        now: i64,
    ) -> Result<Held, Rejection> {
        match (cnf, scheme) {
            (Some(Cnf::Key(key)), Scheme::Dpop) => {
                let proof = self.proof(call, token, now)?;
                if proof.thumbprint() == key {
                    Ok(Held::Key(proof))
                } else {
                    Err(Rejection::OtherKey)
                }
            }
            // RFC 9449 §7.2: "MUST reject a DPoP-bound access token received as a bearer token".
            (Some(Cnf::Key(_)), Scheme::Bearer) => Err(Rejection::BoundToKey),
            (Some(Cnf::Certificate(bound)), Scheme::Bearer) => {
                match call.certificate.map(PeerCertificate::thumbprint) {
                    Some(shown) if shown == bound => Ok(Held::Certificate(bound.clone())),
                    Some(_) | None => Err(Rejection::BoundToCertificate),
                }
            }
            (Some(Cnf::Certificate(_)) | None, Scheme::Dpop) => Err(Rejection::NotBound),
            (None, Scheme::Bearer) if self.0.settings.bound_only => Err(Rejection::NotBound),
            (None, Scheme::Bearer) => Ok(Held::Nothing),
        }
    }

    /// Last of all, so that a request which fails for anything else does not use its proof up.
    fn taken(&self, held: Held, now: i64) -> Result<Possession, Rejection> {
        match held {
            Held::Nothing => Ok(Possession::Bearer),
            Held::Certificate(thumbprint) => Ok(Possession::Certificate(thumbprint)),
            Held::Key(proof) => {
                self.0.proofs.take(&proof, now)?;
                Ok(Possession::Key(proof.thumbprint().to_owned()))
            }
        }
    }

    /// How a client is told that `rejection` came of its call: by the scheme it has used, and with the
    /// scopes it would need.
    #[must_use]
    pub fn challenge(
        &self,
        rejection: &Rejection,
        scheme: Option<Scheme>,
        needed: &[&str],
    ) -> Challenge {
        Challenge::new(rejection, scheme, needed, self)
    }

    /// What clients can know before they call.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    pub(crate) fn bound_only(&self) -> bool {
        self.0.settings.bound_only
    }

    /// RFC 9449 §4.3, with `ath`.
    fn proof(&self, call: &Call<'_>, token: &str, now: i64) -> Result<Proof, Rejection> {
        let proof = match call.proofs() {
            [] => return Err(Rejection::NoProof),
            [one] => one,
            [_, _, ..] => return Err(Rejection::SeveralProofs),
        };
        let expect = ExpectProof {
            method: call.method,
            uri: call.uri,
            algorithms: &self.0.settings.proof_algorithms,
            past: PAST,
            future: FUTURE,
            access_token: Some(token),
        };
        Ok(verify_proof(proof, &expect, now)?)
    }
}
