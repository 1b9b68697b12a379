//! Who is at the other end: an address, and a certificate with its private key. Both are TLS's or TCP's
//! to know, unless a proxy that is trusted by configuration speaks for somebody else.
//!
//! Headers of anybody else are noise: they neither authenticate nor break anything.

pub(super) mod forwarded;

use std::{
    any::Any,
    net::{IpAddr, Ipv4Addr},
};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{HttpRequest, dev::Extensions, rt::net::TcpStream};
use keys::{Certificate, CertificateFault};

use crate::config::proxy::Proxy;

/// What the client presented in the handshake, DER, the leaf first.
struct Presented(Vec<Vec<u8>>);

/// Keeps the certificates of a connection for its requests.
pub(crate) fn on_connect(stream: &dyn Any, connection: &mut Extensions) {
    let Some(stream) = stream.downcast_ref::<TlsStream<TcpStream>>() else { return };
    let (_, tls) = stream.get_ref();
    if let Some(chain) = tls.peer_certificates() {
        connection.insert(Presented(chain.iter().map(|one| one.to_vec()).collect()));
    }
}

/// Read, not judged.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub address: IpAddr,
    /// A fault when something is there that cannot be read: it is not as if nothing were.
    pub certificate: Result<Option<Certificate>, CertificateFault>,
}

impl Peer {
    pub(super) fn of(request: &HttpRequest, proxy: &Proxy) -> Self {
        let address = Self::address(request, proxy);
        let chain = if is_trusted(proxy, hop(request)) {
            // A certificate of the handshake would be the proxy's own.
            proxy.certificate.as_ref().map_or(Ok(None), |(header, format)| {
                forwarded::certificate(request.headers(), header, *format)
            })
        } else {
            Ok(request.conn_data::<Presented>().map(|Presented(chain)| chain.clone()))
        };
        let certificate = chain.and_then(|chain| chain.map(Certificate::from_der).transpose());
        Self { address, certificate }
    }

    /// The address alone.
    pub(super) fn address(request: &HttpRequest, proxy: &Proxy) -> IpAddr {
        let hop = hop(request);
        let behind = proxy.address.as_ref().filter(|_| is_trusted(proxy, hop));
        let behind = behind.and_then(|header| {
            forwarded::address(request.headers(), header, |hop| is_trusted(proxy, hop))
        });
        behind.unwrap_or(hop)
    }
}

/// Who has connected to us.
fn hop(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip())
}

fn is_trusted(proxy: &Proxy, address: IpAddr) -> bool {
    let address = address.to_canonical();
    proxy.trusted.iter().any(|network| network.contains(&address))
}
