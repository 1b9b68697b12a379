use std::time::Duration;

use keys::Algorithm;

use crate::{Metadata, Verifier, fetch::admitted, verifier::Settings};

/// Clocks differ; more would lengthen the life of a token.
const LEEWAY: Duration = Duration::from_secs(10);
/// Ten megabytes at most; 1,300 requests a second, each with a proof of its own.
const PROOFS: usize = 100_000;

/// Says whom to believe. There are two decisions, everything else has a default.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    settings: Settings,
    jwks_uri: Option<String>,
    origin: Option<String>,
    extra_ca: Option<Vec<u8>>,
    scopes: Vec<String>,
    name: Option<String>,
}

impl Builder {
    pub(crate) fn new(issuer: &str, audience: &str) -> Self {
        let settings = Settings {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            algorithms: Algorithm::ALL.to_vec(),
            proof_algorithms: Algorithm::ALL.to_vec(),
            leeway: LEEWAY,
            proofs: PROOFS,
            bound_only: false,
            status_list: false,
        };
        let (jwks_uri, origin, extra_ca, name) = (None, None, None, None);
        Self { settings, jwks_uri, origin, extra_ca, scopes: Vec::new(), name }
    }

    /// The algorithms the issuer signs with. Default: all of [`Algorithm::ALL`].
    pub fn algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.settings.algorithms = algorithms.to_vec();
        self
    }

    /// The algorithms clients may prove their keys with: FAPI 2.0 §5.4 leaves out RS256. Default: all of
    /// [`Algorithm::ALL`].
    pub fn proof_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.settings.proof_algorithms = algorithms.to_vec();
        self
    }

    /// The tolerated difference of clocks, whole seconds. Default: 10 s.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.settings.leeway = leeway;
        self
    }

    /// Takes no token that is bound to nothing. Default: those are taken as bearer tokens.
    pub fn bound_only(mut self) -> Self {
        self.settings.bound_only = true;
        self
    }

    /// Looks at the issuer's status list for each token. The list says for how long it may be kept, which
    /// is 15 seconds; with what caches on the way add, a revocation is seen within 30. A token without a
    /// place on a list is refused: the resource is to be declared with `status_list = true`.
    pub fn status_list(mut self) -> Self {
        self.settings.status_list = true;
        self
    }

    /// How many proofs are remembered, which is how many requests with a proof there may be in
    /// 75 seconds. Beyond, they are [`Outage::TooManyProofs`](crate::Outage). Default: 100,000.
    pub fn proofs(mut self, most: usize) -> Self {
        self.settings.proofs = most;
        self
    }

    /// Scheme, host and port under which clients reach the API. Default: those of the audience.
    pub fn origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    /// Where the keys are. Default: discovered at the issuer (RFC 8414).
    pub fn jwks_uri(mut self, jwks_uri: &str) -> Self {
        self.jwks_uri = Some(jwks_uri.to_owned());
        self
    }

    /// Certificates (PEM) trusted besides the machine's own.
    pub fn extra_ca(mut self, pem: &[u8]) -> Self {
        self.extra_ca = Some(pem.to_vec());
        self
    }

    /// All scopes that mean something here, for the metadata.
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self
    }

    /// What people call the API, for the metadata.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// The verifier. Nothing is fetched before the first token comes.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be meant.
    pub fn build(self) -> Result<Verifier, BuildError> {
        let Self { settings, jwks_uri, origin, extra_ca, scopes, name } = self;
        let wanted = [Some(&settings.issuer), jwks_uri.as_ref(), origin.as_ref()];
        if let Some(url) = wanted.into_iter().flatten().find(|url| admitted(url).is_none()) {
            return Err(BuildError::Url(url.clone()));
        }
        if origin.as_deref().and_then(admitted).is_some_and(|url| url.path() != "/") {
            return Err(BuildError::OriginPath);
        }
        if settings.audience.is_empty() {
            return Err(BuildError::Audience);
        }
        if settings.algorithms.is_empty() || settings.proof_algorithms.is_empty() {
            return Err(BuildError::Algorithms);
        }
        let metadata = Metadata::new(&settings, origin.as_deref(), scopes, name)?;
        Verifier::new(settings, jwks_uri, extra_ca.as_deref(), metadata)
    }
}

/// Why there is no verifier.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BuildError {
    #[error("`{0}` is neither an https address nor one on loopback")]
    Url(String),
    #[error("the audience is empty")]
    Audience,
    #[error("the audience is no address: where clients reach the API must be set with `origin`")]
    Origin,
    #[error("`origin` has a path: scheme, host and port are all of it")]
    OriginPath,
    #[error("there are no algorithms")]
    Algorithms,
    #[error("extra ca: {0}")]
    ExtraCa(String),
    #[error("http client: {0}")]
    Client(String),
}
