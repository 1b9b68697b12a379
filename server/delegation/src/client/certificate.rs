//! Certificates: `tls_client_auth`, `self_signed_tls_client_auth` (RFC 8705 §2), X.509-SVIDs
//! (draft-ietf-oauth-spiffe-client-auth).
//!
//! That whoever sends the request has the private key, TLS has proved. Whose certificate it is, the
//! client's registration says.

use keys::{Certificate, CertificateFault};
use policy::Timestamp;

use super::{Caller, Claimed, Client, ClientFault, Presented, Unspent, refused};
use crate::{declared::Method, org::Org, refusal::Failure};

/// RFC 8705 §2: the client is named by `client_id`, the certificate only proves it.
pub(super) async fn authenticate(
    org: &Org,
    presented: &Presented<'_>,
    (id, certificate): (&str, &Certificate),
) -> Result<Unspent<Caller>, Failure> {
    let claimed = Claimed::find(org, id).map_err(refused)?;
    let client = claimed.client();
    let mut refusal = ClientFault::OtherMethod;
    // One way as a rule; several while a client moves from one to another.
    for method in client.methods.iter().copied() {
        let way = match method {
            Method::TlsClientAuth => Way::Chain,
            Method::SelfSignedTlsClientAuth => Way::Registered,
            Method::SpiffeX509 => Way::Svid,
            Method::ClientSecretBasic
            | Method::ClientSecretPost
            | Method::PrivateKeyJwt
            | Method::WorkloadIdentity
            | Method::SpiffeJwt
            | Method::AttestJwtClientAuth => continue,
        };
        claimed.open_to(method).map_err(refused)?;
        match way.verify(org, client, certificate, presented.now).await? {
            Ok(()) => {
                let caller = claimed.believed(method).map_err(refused)?;
                return Ok(Unspent::new(caller, Vec::new()));
            }
            Err(fault) => refusal = fault,
        }
    }
    Err(refused(refusal))
}

/// How a certificate proves a client.
enum Way {
    /// By an authority, and the name on it.
    Chain,
    /// By being the very one that is registered.
    Registered,
    /// By its trust domain.
    Svid,
}

impl Way {
    async fn verify(
        &self,
        org: &Org,
        client: &Client,
        certificate: &Certificate,
        now: Timestamp,
    ) -> Result<Result<(), ClientFault>, Failure> {
        match self {
            Self::Chain => Ok(by_authority(org, client, certificate, now)),
            Self::Registered => by_registration(client, certificate, now).await,
            Self::Svid => by_trust_domain(org, client, certificate, now).await,
        }
    }
}

fn by_authority(
    org: &Org,
    client: &Client,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<(), ClientFault> {
    let authorities = org.trusted.authorities.as_ref();
    certificate.verify(authorities.ok_or(CertificateFault::Untrusted)?, now.0)?;
    let bears = client.certificate.as_ref().is_some_and(|name| certificate.bears(name));
    if bears { Ok(()) } else { Err(ClientFault::OtherName) }
}

async fn by_registration(
    client: &Client,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<Result<(), ClientFault>, Failure> {
    let Some(source) = &client.keys else {
        return Ok(Err(CertificateFault::Unregistered.into()));
    };
    let keys = source.keys(None).await?;
    let mut registered = certificate.is_registered(&keys, now.0);
    if registered == Err(CertificateFault::Unregistered) {
        // It may have been published meanwhile. No key is called so, which makes the source look again,
        // at most once per cool-down.
        let keys = source.keys(Some(certificate.thumbprint())).await?;
        registered = certificate.is_registered(&keys, now.0);
    }
    Ok(registered.map_err(ClientFault::from))
}

async fn by_trust_domain(
    org: &Org,
    client: &Client,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<Result<(), ClientFault>, Failure> {
    let spiffe_id = certificate.spiffe_id();
    let Some(spiffe_id) = spiffe_id.filter(|it| client.spiffe_id.as_ref() == Some(it)) else {
        return Ok(Err(ClientFault::OtherName));
    };
    let Some(domain) = org.trusted.domain_of(&spiffe_id) else {
        return Ok(Err(ClientFault::UnknownIssuer));
    };
    let authorities = domain.bundle.authorities().await?;
    Ok(certificate.verify(&authorities, now.0).map_err(ClientFault::from))
}
