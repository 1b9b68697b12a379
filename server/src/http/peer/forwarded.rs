//! What a trusted proxy writes into headers.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderName};
use base64::{Engine, engine::general_purpose::STANDARD};
use keys::CertificateFault;
use percent_encoding::percent_decode_str;
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::config::proxy::Format;

pub(in crate::http) type Chain = Vec<Vec<u8>>;

/// The certificate of the client and what came with it; none when the proxy says that there is none,
/// by an empty header or by none at all.
///
/// # Errors
///
/// Two headers, or one that is not of the format.
pub(in crate::http) fn certificate(
    headers: &HeaderMap,
    name: &HeaderName,
    format: Format,
) -> Result<Option<Chain>, CertificateFault> {
    let mut all = headers.get_all(name);
    // Of two, nobody can tell which one the proxy has written.
    let (Some(value), None) = (all.next(), all.next()) else {
        return if headers.contains_key(name) {
            Err(CertificateFault::Malformed)
        } else {
            Ok(None)
        };
    };
    let value = value.to_str().map_err(|_| CertificateFault::Malformed)?.trim();
    if value.is_empty() {
        return Ok(None);
    }
    let chain = match format {
        Format::Rfc9440 => octets(value).and_then(|leaf| with_chain(headers, name, leaf)),
        Format::Pem => pem(value),
        Format::Xfcc => xfcc(value),
    };
    chain.filter(|chain| !chain.is_empty()).map(Some).ok_or(CertificateFault::Malformed)
}

/// An item of RFC 8941 §3.3.5; it has no parameters (RFC 9440 §2.1).
fn octets(item: &str) -> Option<Vec<u8>> {
    let base64 = item.trim().strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(base64).ok().filter(|octets| !octets.is_empty())
}

/// RFC 9440 §2.2: `Client-Cert-Chain`, without the leaf. A list may be spread over lines.
fn with_chain(headers: &HeaderMap, name: &HeaderName, leaf: Vec<u8>) -> Option<Chain> {
    let name = HeaderName::from_bytes(format!("{name}-chain").as_bytes()).ok()?;
    let mut chain = vec![leaf];
    for line in headers.get_all(name) {
        for item in line.to_str().ok()?.split(',') {
            chain.push(octets(item)?);
        }
    }
    Some(chain)
}

/// One certificate or more, PEM, percent-encoded. A plus is one: it is a character of base64.
fn pem(value: &str) -> Option<Chain> {
    let text = percent_decode_str(value).decode_utf8().ok()?;
    let all = CertificateDer::pem_slice_iter(text.as_bytes());
    all.map(|one| one.map(|der| der.to_vec()).ok()).collect()
}

/// Envoy's elements `Key=Value;…`. Of several, the leftmost may be anybody's: one is taken, so Envoy has
/// to set the header (`SANITIZE_SET`), not to add to it.
fn xfcc(value: &str) -> Option<Chain> {
    let (mut leaf, mut chain) = (None, None);
    for pair in pairs(value)? {
        let (key, value) = pair.split_once('=')?;
        let key = key.trim();
        let found = if key.eq_ignore_ascii_case("cert") {
            &mut leaf
        } else if key.eq_ignore_ascii_case("chain") {
            &mut chain
        } else {
            continue;
        };
        if found.replace(pem(unquoted(value.trim())?)?).is_some() {
            return None;
        }
    }
    match (leaf, chain) {
        // The chain begins with the leaf.
        (Some(leaf), Some(chain)) if chain.first() == leaf.first() => Some(chain),
        (Some(_), Some(_)) => None,
        (leaf, chain) => leaf.or(chain),
    }
}

/// The pairs of the only element.
fn pairs(value: &str) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mut is_outside = |c: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            '\\' if is_quoted => is_escaped = !was_escaped,
            '"' if !was_escaped => is_quoted = !is_quoted,
            ',' | ';' => return !is_quoted,
            _ => {}
        }
        false
    };
    let cuts: Vec<_> = value.char_indices().filter(|(_, c)| is_outside(*c)).collect();
    if is_quoted || cuts.iter().any(|(_, c)| *c == ',') {
        return None;
    }
    let mut rest = value;
    let mut pairs = Vec::new();
    for (at, _) in cuts.iter().rev() {
        let (before, pair) = rest.split_at_checked(*at)?;
        pairs.push(pair.strip_prefix(';')?);
        rest = before;
    }
    pairs.push(rest);
    Some(pairs)
}

/// Nothing that is percent-encoded has to be escaped.
fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        None => Some(value),
        Some(quoted) => quoted.strip_suffix('"').filter(|it| !it.contains('\\')),
    }
}

/// The rightmost hop that is not trusted, or the leftmost there is: each proxy adds whom it heard, so
/// what stands further left is only what that one said. None when there is nothing to believe.
pub(in crate::http) fn address(
    headers: &HeaderMap,
    name: &HeaderName,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let lines: Option<Vec<_>> = headers.get_all(name).map(|line| line.to_str().ok()).collect();
    let lines = lines?.join(",");
    let mut found = None;
    for hop in lines.rsplit(',') {
        let Some(hop) = hop_address(hop.trim()) else { break };
        found = Some(hop);
        if !is_trusted(hop) {
            break;
        }
    }
    found
}

/// Some proxies write the port, and brackets.
fn hop_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests;
