//! Syslog (RFC 5424) over TLS (RFC 5425) or TCP (RFC 6587), with octet counting.
//!
//! Syslog acknowledges nothing. A batch has a connection of its own, which we close and whose end we
//! await: that the receiver closes its side, after us and without an error, says that it has read to
//! the end. It does not say that it has kept what it read. Whatever else happens, the batch is sent
//! again, and a receiver may have some of it twice: the number in each event tells.

mod message;

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use delegation::export::{Batch, Sink, Unsent};
use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    Format,
    part::{Limits, Problem, lines},
};
use crate::{
    http::{Outbound, dial::unreachable},
    settings::SecretText,
};

/// Little enough to be read within the deadline by a slow receiver.
const LIMITS: Limits = Limits { records: 500, bytes: 1_000_000 };

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub host: String,
    /// 6514 with TLS, 601 without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default = "yes")]
    pub tls: bool,
    /// Whether the receiver must end TLS itself, as RFC 5425 §4.4 obliges it to. Of one that does not
    /// (rsyslog's `gtls`), whoever is on the way can pretend that it has read everything.
    #[serde(default = "yes")]
    pub close_notify: bool,
    /// PEM: who we are to the receiver, when it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<SecretText>,
    /// 0 to 23; 13: log audit.
    #[serde(default = "audit")]
    pub facility: u8,
    /// `HOSTNAME` of the messages; `-` when it is not said.
    #[serde(default = "nobody")]
    pub hostname: String,
    #[serde(default = "actas")]
    pub app_name: String,
    #[serde(default = "cef")]
    pub format: Format,
}

const fn yes() -> bool {
    true
}

const fn audit() -> u8 {
    13
}

fn nobody() -> String {
    "-".to_owned()
}

fn actas() -> String {
    "actas".to_owned()
}

const fn cef() -> Format {
    Format::Cef
}

#[derive(Debug)]
pub(super) struct Syslog {
    outbound: Outbound,
    settings: Settings,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Syslog {
    pub(super) fn new(settings: &Settings, outbound: Outbound) -> Result<Self, String> {
        if settings.host.is_empty() || settings.host.contains(['/', '@']) {
            return Err("`host` must be a name or an address".to_owned());
        }
        if 23 < settings.facility {
            return Err("`facility` must be from 0 to 23".to_owned());
        }
        // RFC 5424 §6: HOSTNAME and APP-NAME are printable, of at most 255 and 48 characters.
        let printable = |text: &str, most| {
            !text.is_empty() && text.len() <= most && text.chars().all(|c| c.is_ascii_graphic())
        };
        if !printable(&settings.hostname, 255) || !printable(&settings.app_name, 48) {
            return Err("`hostname` and `app_name` must be printable, without spaces".to_owned());
        }
        let identity = match (&settings.client_certificate, &settings.client_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) if settings.tls => {
                Some((certificate.as_str(), key.secret().expose_secret()))
            }
            _ => {
                return Err(
                    "`client_certificate` and `client_key` go together, and with `tls`".to_owned()
                );
            }
        };
        let tls = if settings.tls {
            let name = ServerName::try_from(settings.host.clone());
            let name = name.map_err(|_| "`host` is not a name a certificate could be for")?;
            Some((Arc::new(outbound.tls(identity)?), name))
        } else {
            None
        };
        let port = settings.port.unwrap_or(if settings.tls { 6514 } else { 601 });
        Ok(Self { outbound, settings: settings.clone(), port, tls })
    }

    async fn timely(&self, batch: &Batch<'_>) -> Result<(), Problem> {
        let lines = lines(batch, |link| message::framed(&self.settings, batch, link));
        let deadline = self.outbound.deadline();
        let sent = timeout(deadline, self.deliver(lines.concat().into_bytes()));
        sent.await.map_err(|_| late(deadline))?
    }

    async fn deliver(&self, bytes: Vec<u8>) -> Result<(), Problem> {
        if self.tls.is_none() && !self.outbound.takes_plain_text() {
            return Err(Problem::unknown(
                "without `tls` only our own network may be sent to (`exports.private_addresses`)",
            ));
        }
        let dialled = self.outbound.dial(&self.settings.host, self.port).await;
        let socket = dialled.map_err(|fault| Problem::unknown(fault.to_string()))?;
        match &self.tls {
            None => hand_over(socket, &bytes).await.map_err(|e| lost(&e)),
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let connected = connector.connect(name.clone(), socket).await;
                let socket = connected.map_err(|e| lost(&e))?;
                match hand_over(socket, &bytes).await {
                    Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => self.unsaid(),
                    handed_over => handed_over.map_err(|e| lost(&e)),
                }
            }
        }
    }

    /// RFC 5425 §4.4: "Once the transport receiver gets a `close_notify` from the transport sender, it
    /// MUST reply with a `close_notify`". An end without it may be anybody's.
    fn unsaid(&self) -> Result<(), Problem> {
        if self.settings.close_notify {
            return Err(Problem::unknown(
                "it ended TLS without saying so; a receiver that never does (rsyslog's `gtls`) \
                 needs `close_notify = false`",
            ));
        }
        Ok(())
    }
}

/// Writes everything, says that this is all, and awaits the end of the other side.
async fn hand_over(
    mut socket: impl AsyncRead + AsyncWrite + Unpin,
    bytes: &[u8],
) -> io::Result<()> {
    socket.write_all(bytes).await?;
    socket.shutdown().await?;
    let mut ignored = [0; 256];
    loop {
        match socket.read(&mut ignored).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}

fn lost(error: &io::Error) -> Problem {
    Problem::unknown(unreachable(error).to_string())
}

fn late(deadline: Duration) -> Problem {
    Problem::unknown(format!(
        "it has not read everything and closed its side within {} ms",
        deadline.as_millis()
    ))
}

#[async_trait]
impl Sink for Syslog {
    async fn send(&self, batch: &Batch<'_>) -> Result<(), Unsent> {
        self.timely(batch).await.map_err(|problem| problem.with(batch))
    }

    fn largest_batch(&self) -> usize {
        LIMITS.records
    }

    fn fit(&self, batch: &Batch<'_>) -> usize {
        LIMITS.fit(batch, |link| message::framed(&self.settings, batch, link))
    }
}
