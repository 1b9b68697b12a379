//! The issuer's keys, as it publishes them (RFC 8414, RFC 7517).

use std::{sync::Arc, time::Duration};

use keys::PublicKeys;
use reqwest::Url;
use serde::Deserialize;

use crate::{
    Outage,
    fetch::{Fetch, JSON},
    kept::Kept,
};

/// For so long a key set is fresh.
const FRESH: Duration = Duration::from_mins(5);

#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) name: String,
    /// None: it is discovered.
    jwks_uri: Option<String>,
    fetch: Fetch,
    keys: Arc<Kept<PublicKeys>>,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    pub(crate) fn new(name: String, jwks_uri: Option<String>, fetch: Fetch) -> Self {
        Self { name, jwks_uri, fetch, keys: Kept::new() }
    }

    /// The keys, among them the one called `kid` if the issuer has it.
    pub(crate) async fn keys(&self, kid: Option<String>) -> Result<Arc<PublicKeys>, Outage> {
        let (fetch, name, jwks_uri) =
            (self.fetch.clone(), self.name.clone(), self.jwks_uri.clone());
        self.keys
            .obtain(
                move |keys| keys.holds(kid.as_deref()),
                async move || {
                    let jwks_uri = match jwks_uri {
                        Some(declared) => declared,
                        None => discovered(&fetch, &name).await?,
                    };
                    let document = fetch.get(&jwks_uri, JSON).await?;
                    let keys = PublicKeys::parse(&document);
                    let keys = keys.map_err(|fault| unusable(&jwks_uri, &fault))?;
                    Ok((keys, FRESH))
                },
            )
            .await
    }
}

async fn discovered(fetch: &Fetch, issuer: &str) -> Result<String, Outage> {
    let url = Url::parse(issuer).map_err(|fault| unusable(issuer, &fault))?;
    let url = well_known(&url, "oauth-authorization-server");
    let document = fetch.get(&url, JSON).await?;
    let found: Discovered =
        serde_json::from_slice(&document).map_err(|fault| unusable(&url, &fault))?;
    // RFC 8414 §3.3: "MUST be identical"; "If these values are not identical, the data contained in
    // the response MUST NOT be used."
    if found.issuer == issuer {
        Ok(found.jwks_uri)
    } else {
        Err(unusable(&url, &"it is of another issuer"))
    }
}

/// Between host and path (RFC 8414 §3.1, RFC 9728 §3.1).
pub(crate) fn well_known(url: &Url, name: &str) -> String {
    let (origin, path) = (url.origin().ascii_serialization(), url.path());
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{origin}/.well-known/{name}{}{query}", path.trim_end_matches('/'))
}

fn unusable(url: &str, why: &impl ToString) -> Outage {
    Outage::Unusable { url: url.to_owned(), why: why.to_string() }
}
