//! `public_url` and `listen`: where we are, and where we are said to be.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

const DEFAULT: &str = "127.0.0.1:8400";

pub(super) fn address(text: Option<&str>) -> Result<SocketAddr, String> {
    let text = text.unwrap_or(DEFAULT);
    text.parse().map_err(|_| format!("`{text}` is not an address with a port, like 0.0.0.0:8400"))
}

/// Issuers are built on it, so it is an origin: RFC 8414 §2 wants https, no query, no fragment.
pub(super) fn public_url(text: Option<String>, development: bool) -> Result<Url, String> {
    let text = text.ok_or("it is missing: the URL under which clients reach this server")?;
    let url = Url::parse(&text).map_err(|e| format!("`{text}` is not a URL: {e}"))?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare || url.host().is_none() {
        return Err(format!(
            "`{text}` must be an origin: a scheme, a host, perhaps a port, no more"
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if development && is_loopback(&url) => Ok(url),
        "http" => Err(format!(
            "`{text}` must be https; plain http is for `development = true` on a loopback address"
        )),
        scheme => Err(format!("`{scheme}` is not https")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}
