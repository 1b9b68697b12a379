//! A transmitter of security events (Shared Signals, SSF 1.0), seen from its receiver: what it
//! publishes of itself, the stream we have there, and how that is polled.
//!
//! Reading order: `metadata` (discovery), `stream` (what a stream looks like on the wire),
//! `management` (making it, keeping it as declared, asking whether it lives), `poll` (RFC 8936),
//! `events` (what we ask for).
//!
//! INVARIANT: keys are only ever those of the `jwks_uri` that the issuer itself names.

mod events;
mod management;
mod metadata;
pub(crate) mod poll;
mod stream;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use delegation::{ports, refusal::Fault};
use keys::PublicKeys;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;

use self::metadata::Metadata;
pub use self::{
    events::ACTED_UPON,
    management::{Asked, Established, Told},
    poll::{Polled, SetFault},
};
use crate::{
    access::{Access, Api, Style},
    budget::Budget,
    connection::CacheTimes,
    fault::UpstreamFault,
    fetched::{Fetched, Times},
    http::{Outbound, OutboundSettings, Reach},
    settings::{AccessSettings, Delivery, StreamSettings},
};

/// One declared stream's transmitter.
#[derive(Debug)]
pub struct Transmitter {
    /// Named in faults.
    connection: String,
    settings: StreamSettings,
    outbound: Outbound,
    metadata: Arc<Fetched<Metadata>>,
    keys: Arc<Fetched<PublicKeys>>,
    management: Option<Api>,
    /// Apart from the management API: one that tells us to slow down there must not keep us from
    /// hearing.
    polling: Option<Api>,
    /// The stream of which the transmitter was told all that is declared; many do not repeat all.
    told: Mutex<Option<String>>,
}

/// What there is to do for a stream, besides taking what is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Somebody else has made it, and the transmitter lets us do nothing.
    Nothing,
    /// Somebody else has made it; it is only polled.
    Poll,
    /// It is made, kept as declared, verified and, where it is so declared, polled.
    Manage,
}

impl Transmitter {
    /// Asks nothing yet: the transmitter is discovered when it is first needed.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings.
    pub fn new(
        connection: &str,
        settings: StreamSettings,
        outbound: Outbound,
        times: CacheTimes,
    ) -> Result<Arc<Self>, String> {
        let stream = settings.id.clone();
        let built = Self::build(connection, settings, outbound, times);
        built.map(Arc::new).map_err(|what| format!("stream `{stream}`: {what}"))
    }

    /// Whether a stream with these settings could be looked after.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn validate(settings: &StreamSettings) -> Result<(), String> {
        let nowhere = OutboundSettings { reach: Reach::Anywhere, ..OutboundSettings::default() };
        let outbound = Outbound::new(nowhere).map_err(|error| error.to_string())?;
        Self::new("", settings.clone(), outbound, CacheTimes::default()).map(drop)
    }

    fn build(
        connection: &str,
        settings: StreamSettings,
        outbound: Outbound,
        times: CacheTimes,
    ) -> Result<Self, String> {
        metadata::addresses(&settings.issuer).map_err(|fault| fault.to_string())?;
        if let Some(header) = &settings.authorization {
            HeaderValue::from_str(header.secret().expose_secret())
                .map_err(|_| "`authorization` cannot be sent as a header")?;
        }
        match (settings.delivery, &settings.access, &settings.poll_endpoint) {
            (Delivery::Push, _, Some(_)) => {
                return Err("one that is pushed has no `poll_endpoint`")?;
            }
            (Delivery::Poll, None, _) => return Err("one that is polled needs `access`")?,
            (Delivery::Poll, Some(_), _) | (Delivery::Push, _, None) => {}
        }
        if settings.max_silence == 0 {
            return Err("`max_silence` must be a second at least")?;
        }
        let api = |access: &AccessSettings| {
            let access = Access::declared(access, None, Style::Basic);
            let access = access.map_err(|what| format!("`access`: {what}"))?;
            Ok::<_, String>(Api::new("", outbound.clone(), access, Arc::new(Budget::new(None, 1))))
        };
        let access = settings.access.as_ref();
        let management = access.map(api).transpose()?;
        let polled = access.filter(|_| settings.delivery == Delivery::Poll);
        let polling = polled.map(api).transpose()?;
        let metadata = Fetched::new(Times {
            lifetime: times.metadata,
            after_failure: times.after_failure,
            after_seeking: times.after_failure,
        });
        let keys = Fetched::new(Times {
            lifetime: times.keys,
            after_failure: times.after_failure,
            after_seeking: times.after_unknown_kid,
        });
        let (connection, told) = (connection.to_owned(), Mutex::default());
        Ok(Self { connection, settings, outbound, metadata, keys, management, polling, told })
    }

    /// The stream as it was declared.
    #[must_use]
    pub fn settings(&self) -> &StreamSettings {
        &self.settings
    }

    #[must_use]
    pub fn duty(&self) -> Duty {
        match (&self.settings.access, &self.settings.poll_endpoint) {
            (None, _) => Duty::Nothing,
            (Some(_), Some(_)) => Duty::Poll,
            (Some(_), None) => Duty::Manage,
        }
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, UpstreamFault> {
        let (outbound, issuer) = (self.outbound.clone(), self.settings.issuer.clone());
        self.metadata.obtain(|_| true, async move || discover(&outbound, &issuer).await).await
    }

    fn fault(&self, fault: &UpstreamFault) -> Fault {
        Fault::IdentityProvider {
            connection: self.connection.clone(),
            detail: format!("stream `{}`: {fault}", self.settings.id),
            retry_after: fault.retry_after(),
        }
    }
}

/// At the first address that is not unknown there.
async fn discover(outbound: &Outbound, issuer: &str) -> Result<Metadata, UpstreamFault> {
    for address in metadata::addresses(issuer)? {
        match outbound.get_json(&address).await {
            Ok(document) => return Metadata::parse(&document, issuer),
            Err(UpstreamFault::Status(404)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Err(UpstreamFault::Metadata("it publishes none where SSF 1.0 §7.2 puts it".to_owned()))
}

#[async_trait]
impl ports::Transmitter for Transmitter {
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<PublicKeys>, Fault> {
        let metadata = self.metadata().await.map_err(|fault| self.fault(&fault))?;
        let kid = kid.map(str::to_owned);
        // An event without a `kid` names nothing that could be missing.
        let enough = move |keys: &PublicKeys| kid.is_none() || keys.holds(kid.as_deref());
        let outbound = self.outbound.clone();
        let fetch = async move || {
            let document = outbound.get_json(metadata.jwks_uri()?).await?;
            PublicKeys::parse(&document).map_err(|fault| UpstreamFault::Keys(fault.to_string()))
        };
        self.keys.obtain(enough, fetch).await.map_err(|fault| self.fault(&fault))
    }

    async fn critical_members(&self) -> Result<Vec<String>, Fault> {
        let metadata = self.metadata().await.map_err(|fault| self.fault(&fault))?;
        Ok(metadata.critical_subject_members.clone())
    }
}
