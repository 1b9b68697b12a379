//! A declared connection, made to work.

use std::sync::Arc;

use delegation::{
    declared::{self, Declared, Stoppable},
    org::Connection,
    ports::IdentityProvider,
    refusal::Fault,
    signal::{Receivers, RevocationReceiver, StreamReceiver},
};
use keys::{Algorithm, DataKey};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use upstream::{
    connection::{CacheTimes, Connection as Provider, ConnectionSettings},
    connectors,
    http::Outbound,
    settings::{CheckSettings, Delivery, SignalSettings, StreamSettings},
    transmitter::Transmitter,
};

use super::Loaded;
use crate::{
    apply::diff::{Sealed, sealing_context},
    limits::Elsewhere,
};

/// What connections are made with.
#[derive(Clone, Debug)]
pub(crate) struct Maker {
    pub(crate) master: Arc<DataKey>,
    pub(crate) outbound: Outbound,
    /// How many processes share the limits of providers.
    pub(crate) replicas: u32,
}

/// A stream of signals that is ours to look after, with what that takes.
#[derive(Clone, Debug)]
pub struct Stream {
    pub connection: String,
    pub settings: StreamSettings,
    pub transmitter: Arc<Transmitter>,
}

impl Maker {
    /// A connection that has not changed keeps what it has learned: discovery, keys, live sockets.
    pub(super) fn connection(
        &self,
        org: &Declared,
        declared: &declared::Connection,
        previous: Option<&Loaded>,
    ) -> Result<(Connection, Vec<Stream>), Fault> {
        let kept = previous.and_then(|previous| {
            let same = previous.declared.connections.contains(declared);
            let kept = previous.org.connection(&declared.id)?;
            same.then(|| (Arc::clone(&kept.provider), previous.streams_of(&declared.id)))
        });
        let signals: SignalSettings =
            self.opened(&org.id, declared, Sealed::Signals)?.unwrap_or_default();
        let (provider, streams) = match kept {
            Some(kept) => kept,
            None => (self.provider(&org.id, declared)?, self.streams(declared, &signals)?),
        };
        let algorithms = declared.algorithms.iter().map(|name| name.parse::<Algorithm>());
        let algorithms =
            algorithms.collect::<Result<_, _>>().map_err(|e| broken(declared, "algorithms", &e))?;
        let takes = |kind: &str| declared.kinds.iter().any(|taken| taken == kind);
        let silence = signals.streams.iter().map(|stream| stream.max_silence).min();
        let connection = Connection {
            id: declared.id.clone(),
            issuer: declared.issuer.clone(),
            audiences: declared.audiences.clone(),
            algorithms,
            takes_access_tokens: takes("access_token"),
            takes_id_tokens: takes("id_token"),
            takes_untyped_access_tokens: declared.untyped_access_tokens,
            takes_id_jags: takes("id_jag"),
            takes_assertions: takes("assertion"),
            tokens: declared.tokens.clone(),
            subject_prefix: declared.subject_prefix.clone(),
            max_age: std::time::Duration::from_secs(declared.max_age),
            max_silence: silence.map(std::time::Duration::from_secs),
            reconnect_uri: declared.reconnect_uri.clone(),
            acr_values: declared.acr_values.clone(),
            stopped: org.stopped.contains(&Stoppable::Connection(declared.id.clone())),
            provider,
            signals: self.receivers(declared, &signals, &streams),
        };
        Ok((connection, streams))
    }

    /// How the provider of a connection is asked.
    pub(crate) fn provider(
        &self,
        org: &str,
        declared: &declared::Connection,
    ) -> Result<Arc<dyn IdentityProvider>, Fault> {
        let secret = self.open(org, declared, Sealed::ClientSecret, &declared.client_secret)?;
        let secret = std::str::from_utf8(&secret)
            .map_err(|_| Fault::Keys(format!("the secret of connection `{}`", declared.id)))?;
        let checks: Option<Vec<CheckSettings>> = self.opened(org, declared, Sealed::Checks)?;
        let introspection =
            || vec![CheckSettings::Introspection(connectors::introspection::Settings::default())];
        let settings = ConnectionSettings {
            id: declared.id.clone(),
            issuer: declared.issuer.clone(),
            client_id: declared.client_id.clone(),
            client_secret: SecretString::from(secret),
            checks: checks.unwrap_or_else(introspection),
            replicas: self.replicas,
            times: CacheTimes::default(),
        };
        let provider = Provider::new(settings, self.outbound.clone());
        Ok(Arc::new(Elsewhere(provider.map_err(|e| broken(declared, "checks", &e))?)))
    }

    fn streams(
        &self,
        declared: &declared::Connection,
        signals: &SignalSettings,
    ) -> Result<Vec<Stream>, Fault> {
        let stream = |settings: &StreamSettings| {
            let outbound = self.outbound.clone();
            let times = CacheTimes::default();
            let transmitter = Transmitter::new(&declared.id, settings.clone(), outbound, times)
                .map_err(|e| broken(declared, "streams", &e))?;
            let connection = declared.id.clone();
            Ok(Stream { connection, settings: settings.clone(), transmitter })
        };
        signals.streams.iter().map(stream).collect()
    }

    fn receivers(
        &self,
        declared: &declared::Connection,
        signals: &SignalSettings,
        streams: &[Stream],
    ) -> Receivers {
        let hash = |secret: &upstream::settings::SecretText| {
            self.master.hash_secret(secret.secret().expose_secret())
        };
        let streams = streams.iter().map(|Stream { settings, transmitter, .. }| {
            let receiver = StreamReceiver {
                issuer: settings.issuer.clone(),
                audience: settings.audience.clone(),
                pushed: settings.delivery == Delivery::Push,
                authorization: settings.authorization.as_ref().map(hash),
                transmitter: Arc::clone(transmitter) as _,
            };
            (settings.id.clone(), receiver)
        });
        let logout = signals.logout.as_ref().map(|logout| {
            let own = declared.audiences.iter().chain([&declared.client_id]);
            if logout.audience.is_empty() {
                own.filter(|audience| !audience.is_empty()).cloned().collect()
            } else {
                logout.audience.clone()
            }
        });
        Receivers {
            streams: streams.collect(),
            logout,
            revocation: signals.revocation.as_ref().map(|revocation| RevocationReceiver {
                authorization: revocation.bearer.as_ref().map(hash),
                issuer: revocation.issuer.clone(),
                audience: revocation.audience.clone(),
            }),
            scim: signals.scim.as_ref().map(|scim| hash(&scim.bearer)),
        }
    }

    /// A sealed part in JSON; none for a row from before there was such a part.
    fn opened<T: DeserializeOwned>(
        &self,
        org: &str,
        declared: &declared::Connection,
        what: Sealed,
    ) -> Result<Option<T>, Fault> {
        let sealed = match what {
            Sealed::ClientSecret => &declared.client_secret,
            Sealed::Checks => &declared.checks,
            Sealed::Signals => &declared.signals,
        };
        if sealed.is_empty() {
            return Ok(None);
        }
        let json = self.open(org, declared, what, sealed)?;
        // What is wrong is not quoted: there are secrets in it.
        serde_json::from_slice(&json).map(Some).map_err(|_| {
            broken(declared, "its sealed settings", &"they cannot be read by this version")
        })
    }

    fn open(
        &self,
        org: &str,
        declared: &declared::Connection,
        what: Sealed,
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Fault> {
        let opened = self.master.open(&sealing_context(org, &declared.id, what), sealed);
        opened.map_err(|e| Fault::Keys(format!("the secrets of connection `{}`: {e}", declared.id)))
    }
}

fn broken(declared: &declared::Connection, what: &str, e: &dyn std::fmt::Display) -> Fault {
    Fault::Store(format!("connection `{}`: {what}: {e}", declared.id))
}
