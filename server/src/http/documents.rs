//! What everybody fetches of an organization, written once and served again and again.

use std::sync::OnceLock;

use actix_web::{http::header::EntityTag, web::Bytes};
use serde::Serialize;

/// Of an organization as it was loaded once: whatever changes it loads it anew.
#[derive(Debug, Default)]
pub struct Documents {
    jwks: OnceLock<Tagged>,
    metadata: OnceLock<Bytes>,
}

/// A document, and its name among its successors (RFC 9110 §8.8.3).
#[derive(Debug)]
pub(super) struct Tagged {
    pub body: Bytes,
    pub tag: EntityTag,
}

impl Documents {
    pub(super) fn jwks(&self, json: &str) -> &Tagged {
        self.jwks.get_or_init(|| {
            let tag = keys::sha256_hex(json.as_bytes()).chars().take(32).collect();
            Tagged { body: Bytes::from(json.to_owned()), tag: EntityTag::new_strong(tag) }
        })
    }

    /// `metadata` is asked the first time only; none: it cannot be written.
    pub(super) fn metadata<T: Serialize>(&self, metadata: impl FnOnce() -> T) -> Option<Bytes> {
        if let Some(written) = self.metadata.get() {
            return Some(written.clone());
        }
        let written = Bytes::from(serde_json::to_vec(&metadata()).ok()?);
        Some(self.metadata.get_or_init(|| written).clone())
    }
}
