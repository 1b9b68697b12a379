use std::sync::Arc;

use async_trait::async_trait;
use delegation::{ports::KeySource, refusal::Fault};
use keys::{Object, PublicKeys};
use serde::Deserialize;

use super::Reaching;
use crate::{fault::UpstreamFault, fetched::Fetched, http::Outbound, metadata};

/// Where somebody's keys are.
#[derive(Clone, Debug)]
pub enum KeyPlace {
    /// A JWKS that was declared: never fetched.
    Document(String),
    /// A JWKS at this URL.
    Uri(String),
    /// The JWKS that the metadata of this issuer names (`OpenID` Connect Discovery 1.0).
    Issuer(String),
}

/// The keys of somebody who is called `whose` in faults. Asks nothing yet.
///
/// # Errors
///
/// What is wrong with a declared JWKS.
pub fn keys(
    whose: &str,
    place: &KeyPlace,
    reaching: &Reaching,
) -> Result<Arc<dyn KeySource>, String> {
    let site = match place {
        KeyPlace::Document(jwks) => {
            let keys = PublicKeys::parse(jwks.as_bytes()).map_err(|fault| fault.to_string())?;
            return Ok(Arc::new(Declared(Arc::new(keys))));
        }
        KeyPlace::Uri(url) => Site::Uri(url.clone()),
        KeyPlace::Issuer(issuer) => Site::Issuer {
            issuer: issuer.clone(),
            metadata: Fetched::new(reaching.metadata_times()),
        },
    };
    Ok(Arc::new(Published {
        whose: whose.to_owned(),
        site: Arc::new(site),
        outbound: reaching.outbound.clone(),
        keys: Fetched::new(reaching.key_times()),
    }))
}

#[derive(Debug)]
struct Declared(Arc<PublicKeys>);

#[async_trait]
impl KeySource for Declared {
    async fn keys(&self, _: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        Ok(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Published {
    whose: String,
    site: Arc<Site>,
    outbound: Outbound,
    keys: Arc<Fetched<PublicKeys>>,
}

#[derive(Debug)]
enum Site {
    Uri(String),
    Issuer { issuer: String, metadata: Arc<Fetched<Discovered>> },
}

/// What we need to know of an issuer. Not [`metadata::Metadata`]: platforms that only sign have no
/// authorization endpoint, which `OpenID` Connect Discovery 1.0 §3 requires of a provider.
#[derive(Debug, Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Discovered {
    /// §4.3: its `issuer` must be `issuer` to the letter.
    fn parse(document: &[u8], issuer: &str) -> Result<Self, UpstreamFault> {
        let bad = |what: &str| UpstreamFault::Metadata(what.to_owned());
        let Object(discovered): Object<Self> =
            keys::json(document).map_err(|_| bad("it has no `issuer` and `jwks_uri`"))?;
        let is_it = discovered.issuer == issuer;
        is_it.then_some(discovered).ok_or_else(|| bad("`issuer` is not the configured one"))
    }
}

#[async_trait]
impl KeySource for Published {
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        let kid = kid.map(str::to_owned);
        // An assertion without a `kid` names nothing that could be missing.
        let enough = move |keys: &PublicKeys| kid.is_none() || keys.holds(kid.as_deref());
        let (site, outbound) = (Arc::clone(&self.site), self.outbound.clone());
        let fetch = async move || {
            let document = outbound.get_json(&site.jwks_uri(&outbound).await?).await?;
            PublicKeys::parse(&document).map_err(|fault| UpstreamFault::Keys(fault.to_string()))
        };
        let keys = self.keys.obtain(enough, fetch).await;
        keys.map_err(|fault| super::fault(&self.whose, &fault))
    }
}

impl Site {
    async fn jwks_uri(&self, outbound: &Outbound) -> Result<String, UpstreamFault> {
        match self {
            Self::Uri(url) => Ok(url.clone()),
            Self::Issuer { issuer, metadata } => {
                let (outbound, issuer) = (outbound.clone(), issuer.clone());
                let fetch = async move || {
                    let document = outbound.get_json(&metadata::address(&issuer)?).await?;
                    Discovered::parse(&document, &issuer)
                };
                Ok(metadata.obtain(|_| true, fetch).await?.jwks_uri.clone())
            }
        }
    }
}
