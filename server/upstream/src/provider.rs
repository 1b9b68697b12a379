//! The provider itself, seen from here: what it publishes of itself.

use std::sync::Arc;

use keys::PublicKeys;

use crate::{
    fault::UpstreamFault,
    fetched::{Fetched, Times},
    http::{Credentials, Outbound},
    metadata::{self, Metadata},
};

#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) credentials: Credentials,
    pub(crate) outbound: Outbound,
    metadata: Arc<Fetched<Metadata>>,
}

impl Provider {
    pub(crate) fn new(
        issuer: String,
        credentials: Credentials,
        outbound: Outbound,
        times: Times,
    ) -> Arc<Self> {
        Arc::new(Self { issuer, credentials, outbound, metadata: Fetched::new(times) })
    }

    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, UpstreamFault> {
        let (outbound, issuer) = (self.outbound.clone(), self.issuer.clone());
        let fetch = async move || {
            let document = outbound.get_json(&metadata::address(&issuer)?).await?;
            Metadata::parse(&document, &issuer)
        };
        self.metadata.obtain(|_| true, fetch).await
    }

    pub(crate) async fn fetch_keys(&self) -> Result<PublicKeys, UpstreamFault> {
        let metadata = self.metadata().await?;
        let document = self.outbound.get_json(&metadata.jwks_uri).await?;
        PublicKeys::parse(&document).map_err(|fault| UpstreamFault::Keys(fault.to_string()))
    }
}
