//! Keys that are registered: public ones, and where they are fetched from.

use std::path::Path;

use keys::{PRIVATE_MEMBERS, PublicKeys};
use serde_json::Value;
use toml::Table;
use url::{Host, Url};

use super::spec::JwksEntry;
use crate::app::trust::KeysFrom;

/// One of `jwks`, `jwks_file` and `jwks_uri`, or none.
///
/// # Errors
///
/// Two of them, or what is wrong with the keys.
pub(super) fn keys(entry: &JwksEntry, base: &Path) -> Result<Option<KeysFrom>, String> {
    match (&entry.jwks, &entry.jwks_file, &entry.jwks_uri) {
        (None, None, None) => Ok(None),
        (Some(table), None, None) => {
            let text = declared(table).map_err(|e| format!("`jwks`: {e}"))?;
            Ok(Some(KeysFrom::Document(text)))
        }
        (None, Some(file), None) => {
            let text = read(file, base).and_then(|value| document(&value));
            Ok(Some(KeysFrom::Document(text.map_err(|e| format!("`jwks_file`: {e}"))?)))
        }
        (None, None, Some(uri)) => {
            web_address(uri).map_err(|e| format!("`jwks_uri`: {e}"))?;
            Ok(Some(KeysFrom::Uri(uri.clone())))
        }
        _ => Err("give one of `jwks`, `jwks_file` and `jwks_uri`".into()),
    }
}

fn declared(table: &Table) -> Result<String, String> {
    document(&json(table)?)
}

pub(super) fn json(table: &Table) -> Result<Value, String> {
    serde_json::to_value(table).map_err(|e| e.to_string())
}

pub(super) fn read(file: &Path, base: &Path) -> Result<Value, String> {
    let told = |e: &dyn std::fmt::Display| format!("`{}` cannot be read: {e}", file.display());
    let text = std::fs::read_to_string(base.join(file)).map_err(|e| told(&e))?;
    serde_json::from_str(&text).map_err(|e| told(&e))
}

/// A JWKS (RFC 7517 §5) as it is stored.
fn document(value: &Value) -> Result<String, String> {
    only_public(value)?;
    let text = stored(value);
    PublicKeys::parse(text.as_bytes()).map_err(|fault| fault.to_string())?;
    Ok(text)
}

/// Always the same text for the same document, wherever it was written.
pub(super) fn stored(document: &Value) -> String {
    let mut document = document.clone();
    document.sort_all_objects();
    document.to_string()
}

/// Whoever registers a key shows it to us: a private one would be known to two from then on.
pub(super) fn only_public(jwks: &Value) -> Result<(), String> {
    let keys = jwks.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
    for (number, key) in keys.iter().enumerate() {
        let name = match key.get("kid").and_then(Value::as_str) {
            Some(kid) => format!("key `{kid}`"),
            None => format!("key number {}", number + 1),
        };
        // RFC 8725 §3.5: nobody may sign with what a person chose.
        if key.get("kty").and_then(Value::as_str) == Some("oct") || key.get("k").is_some() {
            let who = "whoever can verify with it can sign with it";
            return Err(format!("{name} is symmetric: {who}; register a public key"));
        }
        if PRIVATE_MEMBERS.iter().any(|member| key.get(member).is_some()) {
            let next = "and make a new pair, since this one has been seen";
            return Err(format!(
                "{name}: this is the private key; register the public half, {next}"
            ));
        }
    }
    Ok(())
}

/// Whether signatures can be verified with any of these.
pub(super) fn can_verify(document: &str) -> bool {
    PublicKeys::parse(document.as_bytes()).is_ok_and(|keys| !keys.is_empty())
}

/// Whether any of these signs with one of `algorithms`, by its type and its `alg`.
pub(super) fn serve(document: &str, algorithms: &[String]) -> bool {
    PublicKeys::parse(document.as_bytes()).is_ok_and(|keys| {
        algorithms.iter().filter_map(|name| name.parse().ok()).any(|wanted| keys.serves(wanted))
    })
}

/// Whether a certificate stands beside any of these (RFC 8705 §2.2.2).
pub(super) fn has_certificate(document: &str) -> bool {
    let jwks = serde_json::from_str(document).unwrap_or(Value::Null);
    let keys = jwks.get("keys").and_then(Value::as_array);
    let certified = |key: &Value| key.get("x5c").and_then(Value::as_array).is_some();
    keys.is_some_and(|keys| keys.iter().any(certified))
}

/// An address that is asked: https, or on this machine, which a server takes in development only.
pub(super) fn web_address(text: &str) -> Result<(), String> {
    let fine = Url::parse(text).is_ok_and(|url| {
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        url.has_host() && (url.scheme() == "https" || url.scheme() == "http" && here)
    });
    if fine { Ok(()) } else { Err(format!("`{text}` is not an https URL")) }
}
