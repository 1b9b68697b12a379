//! Connections that are not HTTP, under the same guard.

use std::{io, sync::Arc, time::Duration};

use rustls::ClientConfig;
use tokio::net::TcpStream;

use super::{Outbound, address::Reach, tls};
use crate::fault::UpstreamFault;

impl Outbound {
    /// Opens a connection to an address that may be reached.
    pub(crate) async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, UpstreamFault> {
        let found = tokio::net::lookup_host((host, port)).await.map_err(|e| unreachable(&e))?;
        let allowed: Vec<_> = found.filter(|at| self.reach.allows(at.ip())).collect();
        if allowed.is_empty() {
            return Err(UpstreamFault::NotPublic(host.to_owned()));
        }
        TcpStream::connect(allowed.as_slice()).await.map_err(|e| unreachable(&e))
    }

    /// Whether what is sent may be read on the way.
    pub(crate) fn takes_plain_text(&self) -> bool {
        match self.reach {
            Reach::Public => false,
            Reach::Inside | Reach::Anywhere => true,
        }
    }

    /// Whom we believe, and who we say we are: a certificate and its key, both PEM.
    pub(crate) fn tls(&self, identity: Option<(&str, &str)>) -> Result<ClientConfig, String> {
        let roots = Arc::clone(&self.roots);
        match identity {
            Some((certificate, key)) => tls::identified(roots, certificate, key),
            None => tls::client_config(roots).map_err(|error| error.to_string()),
        }
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }
}

pub(crate) fn unreachable(error: &io::Error) -> UpstreamFault {
    UpstreamFault::Unreachable(error.to_string())
}
