use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::Rejection;

/// A request to your API, as far as it says who sends it.
#[derive(Clone)]
#[must_use]
pub struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    authorization: Vec<&'a str>,
    proofs: Vec<&'a str>,
    pub(crate) certificate: Option<&'a PeerCertificate>,
}

impl<'a> Call<'a> {
    /// `uri` is the address the client has called, as you publish it. Take scheme, host and port from your
    /// configuration: whoever takes them from the request's headers takes any.
    pub fn new(method: &'a str, uri: &'a str) -> Self {
        let (authorization, proofs) = (Vec::new(), Vec::new());
        Self { method, uri, authorization, proofs, certificate: None }
    }

    /// A header `Authorization`. Call it once for each there is: two are refused.
    pub fn authorization(mut self, value: &'a str) -> Self {
        self.authorization.push(value);
        self
    }

    /// A header `DPoP`. Call it once for each there is: two are refused.
    pub fn proof(mut self, value: &'a str) -> Self {
        self.proofs.push(value);
        self
    }

    /// The certificate of the client's TLS connection.
    pub fn certificate(mut self, certificate: &'a PeerCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// How the token comes, if there is one: in this way a refusal is told.
    #[must_use]
    pub fn scheme(&self) -> Option<Scheme> {
        self.credentials().ok().map(|(scheme, _)| scheme)
    }

    /// RFC 9110 §11.4: the scheme in any case, then the token.
    pub(crate) fn credentials(&self) -> Result<(Scheme, &'a str), Rejection> {
        let value = match self.authorization.as_slice() {
            [] => return Err(Rejection::NoToken),
            [one] => *one,
            [_, _, ..] => return Err(Rejection::Malformed),
        };
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        let scheme = Scheme::of(scheme).ok_or(Rejection::NoToken)?;
        let token = token.trim_matches(' ');
        if token.is_empty() { Err(Rejection::Malformed) } else { Ok((scheme, token)) }
    }

    /// RFC 9449 §4.3 (1): "There is not more than one DPoP HTTP request header field."
    pub(crate) fn proofs(&self) -> &[&'a str] {
        &self.proofs
    }
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

/// How a token is presented.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scheme {
    /// RFC 6750: whoever has it can use it, unless it is bound to a certificate.
    Bearer,
    /// RFC 9449: with a proof of the key that it is bound to.
    Dpop,
}

impl Scheme {
    fn of(name: &str) -> Option<Self> {
        match name {
            name if name.eq_ignore_ascii_case("Bearer") => Some(Self::Bearer),
            name if name.eq_ignore_ascii_case("DPoP") => Some(Self::Dpop),
            _ => None,
        }
    }

    /// As it is written in a challenge.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// The certificate a client has shown in TLS, by its hash (`x5t#S256`, RFC 8705 §3.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerCertificate(String);

impl PeerCertificate {
    /// Of the leaf, in DER: what rustls gives as the first of its `peer_certificates`.
    ///
    /// Behind a proxy it comes in a header. Read that from your proxy only, and have the proxy delete what
    /// the client has sent under that name: whoever can write it can be anybody.
    #[must_use]
    pub fn from_der(leaf: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(keys::sha256(leaf)))
    }

    pub(crate) fn thumbprint(&self) -> &str {
        &self.0
    }
}
