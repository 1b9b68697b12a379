//! What comes along with a request to prove who sends it: a certificate, proofs of possession,
//! attestations.

use std::{borrow::Cow, net::IpAddr, sync::OnceLock};

use actix_web::HttpRequest;
use delegation::{
    client::{Caller, ClientFault, Credentials, Presented, Unspent, authenticate},
    exchange::too_many,
    org::Org,
    possession::Offered,
    refusal::{Failure, ProofRefusal, Refusal},
};
use keys::{Certificate, CertificateFault};
use policy::Timestamp;

use super::peer::Peer;
use crate::{
    app::App,
    limits::{Claim, Claimed, Limits},
};

/// draft-ietf-oauth-attestation-based-client-auth §6
const ATTESTATION: [&str; 2] = ["oauth-client-attestation", "oauth-client-attestation-pop"];

/// Read, not judged.
pub(super) struct Along {
    address: IpAddr,
    certificate: Result<Option<Certificate>, CertificateFault>,
    /// The `DPoP` headers, as they came.
    proofs: Vec<String>,
    /// An attestation and its proof: both, once each, or nothing that could be used.
    attestation: Result<Option<(String, String)>, ClientFault>,
    /// Who the sender claims to be, once that is read; nothing if it does not say.
    claimed: OnceLock<Option<String>>,
}

impl Along {
    pub(super) fn read(app: &App, request: &HttpRequest) -> Self {
        let all = |name: &str| -> Vec<String> {
            let values = request.headers().get_all(name);
            // Unreadable bytes are a proof that fails, not one that is absent.
            values.map(|it| it.to_str().unwrap_or("unreadable").to_owned()).collect()
        };
        let Peer { address, certificate } = Peer::of(request, &app.proxy);
        let [of, proof] = ATTESTATION.map(all);
        let attestation = match (of.as_slice(), proof.as_slice()) {
            ([], []) => Ok(None),
            ([of], [proof]) => Ok(Some((of.clone(), proof.clone()))),
            (_, _) => Err(ClientFault::Unusable),
        };
        let claimed = OnceLock::new();
        Self { address, certificate, proofs: all("dpop"), attestation, claimed }
    }

    /// Where it comes from.
    pub(super) const fn address(&self) -> IpAddr {
        self.address
    }

    /// Who the sender says it is. Read once: an assertion has to be taken apart for it.
    pub(super) fn claimed(&self, credentials: &Credentials) -> Option<&str> {
        self.claimed.get_or_init(|| credentials.claimed().map(Cow::into_owned)).as_deref()
    }

    /// Believes who sends the request, or nobody; worth nothing before it is spent.
    pub(super) async fn caller(
        &self,
        (org, limits): (&Org, &Limits),
        credentials: Credentials,
        now: Timestamp,
    ) -> Result<Unspent<Caller>, Failure> {
        let claimed = self.claimed(&credentials).unwrap_or_default();
        // Before anything is hashed or verified.
        let claim = Claim { address: self.address, org: &org.id, of: Claimed::Client(claimed) };
        limits.may_try(claim).map_err(|(by, after)| too_many(by, after))?;
        let certificate = self.certificate().map_err(Refusal::Client)?;
        let attestation = self.attestation.as_ref().map_err(|fault| Refusal::Client(*fault))?;
        let attestation = attestation.as_ref().map(|(of, proof)| (&**of, &**proof));
        let presented = Presented { credentials, certificate, attestation, now };
        authenticate(org, &presented).await
    }

    /// Counts a request that failed to prove who sends it; whether the next one is not even tried.
    pub(super) fn has_failed(&self, (org, limits): (&str, &Limits), failure: &Failure) -> bool {
        let claimed = self.claimed.get().and_then(Option::as_deref).unwrap_or_default();
        let claim = Claim { address: self.address, org, of: Claimed::Client(claimed) };
        matches!(failure, Failure::Refused(Refusal::Client(_))) && limits.failed(claim)
    }

    fn certificate(&self) -> Result<Option<&Certificate>, ClientFault> {
        self.certificate.as_ref().map(Option::as_ref).map_err(|fault| (*fault).into())
    }

    /// RFC 9449 §4.3: "There is not more than one DPoP HTTP request header field."
    pub(super) fn offered<'a>(
        &'a self,
        uri: &'a str,
        now: Timestamp,
    ) -> Result<Offered<'a>, Refusal> {
        let proof = match self.proofs.as_slice() {
            [] => None,
            [one] => Some(one.as_str()),
            [_, _, ..] => return Err(Refusal::Proof(ProofRefusal::Several)),
        };
        Ok(Offered { proof, certificate: self.certificate()?, uri, now })
    }
}

#[cfg(test)]
mod tests {
    use delegation::{client::JWT_BEARER, form::Form};
    use keys::{Algorithm, SigningKey};
    use serde_json::json;

    use super::*;

    fn claimed_by(body: &str) -> Option<String> {
        let form = Form::parse(body.as_bytes()).unwrap();
        let credentials = Credentials::read(None, &form).unwrap();
        credentials.claimed().map(Cow::into_owned)
    }

    #[test]
    fn an_assertion_says_whose_it_is_unless_the_request_does() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let assertion = keys::sign(&key, "JWT", &json!({ "iss": "a", "sub": "a" })).unwrap();
        let form =
            |text: &str| format!("client_assertion={text}&client_assertion_type={JWT_BEARER}");
        let body = form(&assertion);
        assert_eq!(claimed_by(&body).as_deref(), Some("a"));
        assert_eq!(claimed_by(&format!("{body}&client_id=b")).as_deref(), Some("b"));
        assert_eq!(claimed_by(&form("rubbish")), None);
        assert_eq!(claimed_by("client_id=c&client_secret=x").as_deref(), Some("c"));
        assert_eq!(claimed_by("grant_type=x"), None);
    }
}
