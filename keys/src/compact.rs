use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::TokenFault;

/// The largest token that is looked at: an access token with groups has 2 to 8 KiB, and a form with
/// three of this size still fits the server's body limit.
pub(crate) const MAX_TOKEN: usize = 16 * 1024;

/// A JWS in compact serialization (RFC 7515 §3.1), cut into its segments and nothing more.
pub(crate) struct Compact<'t> {
    /// `header.payload`, the signing input (RFC 7515 §5.1).
    pub signed: &'t str,
    header: &'t str,
    payload: &'t str,
    /// Still base64url; `jsonwebtoken` decodes it.
    pub signature: &'t str,
}

impl<'t> Compact<'t> {
    pub fn split(token: &'t str) -> Result<Self, TokenFault> {
        Self::split_within(token, MAX_TOKEN)
    }

    /// The same for what may be longer than a token.
    pub fn split_within(token: &'t str, longest: usize) -> Result<Self, TokenFault> {
        if longest < token.len() {
            return Err(TokenFault::TooLarge);
        }
        // RFC 7516 §9: two periods make a JWS, four a JWE. A JSON serialization has no valid segments.
        match token.bytes().filter(|byte| *byte == b'.').count() {
            2 => {}
            4 => return Err(TokenFault::Encrypted),
            _ => return Err(TokenFault::Malformed),
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenFault::Malformed)?;
        Ok(Self { signed, header, payload, signature })
    }

    pub fn header(&self) -> Result<Vec<u8>, TokenFault> {
        decode(self.header)
    }

    pub fn payload(&self) -> Result<Vec<u8>, TokenFault> {
        decode(self.payload)
    }
}

/// Strict: no padding, no white space, no stray bits, so that a token has one spelling.
fn decode(segment: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(segment).map_err(|_| TokenFault::Malformed)
}
