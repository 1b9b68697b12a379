use std::sync::Arc;

use async_trait::async_trait;
use delegation::{ports::Bundle, refusal::Fault};
use keys::{Authorities, PublicKeys};

use super::Reaching;
use crate::{fault::UpstreamFault, fetched::Fetched, http::Outbound};

/// Where the bundle of a SPIFFE trust domain is.
#[derive(Clone, Debug)]
pub enum BundlePlace {
    /// One that was declared: never fetched.
    Document(String),
    /// A bundle endpoint, `https_web` (SPIFFE Federation §5.2.1).
    Uri(String),
}

/// The bundle of the trust domain that is called `whose` in faults. Asks nothing yet.
///
/// # Errors
///
/// What is wrong with a declared bundle.
pub fn bundle(
    whose: &str,
    place: &BundlePlace,
    reaching: &Reaching,
) -> Result<Arc<dyn Bundle>, String> {
    match place {
        BundlePlace::Document(document) => {
            let parts = Parts::parse(document.as_bytes()).map_err(|fault| fault.to_string())?;
            if !parts.vouches_for_something() {
                return Err("there is no key of any SVID in its bundle".to_owned());
            }
            Ok(Arc::new(Declared { whose: whose.to_owned(), parts }))
        }
        BundlePlace::Uri(url) => Ok(Arc::new(Published {
            whose: whose.to_owned(),
            url: url.clone(),
            outbound: reaching.outbound.clone(),
            parts: Fetched::new(reaching.key_times()),
        })),
    }
}

/// What a bundle holds: a JWKS in which each key is of one use (SPIFFE Trust Domain and Bundle §4). Each
/// part stands for itself: a domain may well issue only one kind of SVID.
#[derive(Debug)]
struct Parts {
    /// `jwt-svid`
    keys: Arc<PublicKeys>,
    /// `x509-svid`
    authorities: Result<Arc<Authorities>, UpstreamFault>,
}

impl Parts {
    fn parse(document: &[u8]) -> Result<Self, UpstreamFault> {
        let keys = PublicKeys::of_bundle(document);
        let keys = keys.map_err(|fault| UpstreamFault::Keys(fault.to_string()))?;
        let authorities = match Authorities::from_bundle(document) {
            Ok(authorities) if !authorities.is_empty() => Ok(Arc::new(authorities)),
            Ok(_) => Err(UpstreamFault::Keys("it has no authorities for X.509-SVIDs".to_owned())),
            Err(fault) => Err(UpstreamFault::Keys(fault.to_string())),
        };
        Ok(Self { keys: Arc::new(keys), authorities })
    }

    fn vouches_for_something(&self) -> bool {
        !self.keys.is_empty() || self.authorities.is_ok()
    }
}

#[derive(Debug)]
struct Declared {
    whose: String,
    parts: Parts,
}

#[async_trait]
impl Bundle for Declared {
    async fn keys(&self, _: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        Ok(Arc::clone(&self.parts.keys))
    }

    async fn authorities(&self) -> Result<Arc<Authorities>, Fault> {
        self.parts.authorities.clone().map_err(|fault| super::fault(&self.whose, &fault))
    }
}

#[derive(Debug)]
struct Published {
    whose: String,
    url: String,
    outbound: Outbound,
    parts: Arc<Fetched<Parts>>,
}

impl Published {
    async fn parts(&self, kid: Option<&str>) -> Result<Arc<Parts>, Fault> {
        let kid = kid.map(str::to_owned);
        let enough = move |parts: &Parts| kid.is_none() || parts.keys.holds(kid.as_deref());
        let (url, outbound) = (self.url.clone(), self.outbound.clone());
        let fetch = async move || Parts::parse(&outbound.get_json(&url).await?);
        let parts = self.parts.obtain(enough, fetch).await;
        parts.map_err(|fault| super::fault(&self.whose, &fault))
    }
}

#[async_trait]
impl Bundle for Published {
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        Ok(Arc::clone(&self.parts(kid).await?.keys))
    }

    async fn authorities(&self) -> Result<Arc<Authorities>, Fault> {
        let parts = self.parts(None).await?;
        parts.authorities.clone().map_err(|fault| super::fault(&self.whose, &fault))
    }
}
