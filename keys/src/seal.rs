use std::fmt;

use base64::{Engine, engine::general_purpose};
use josekit::jwe::{Dir, JweContext, JweHeader};
use ring::{
    hkdf::{self, HKDF_SHA256, Prk, Salt},
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::SecretHash;

pub(crate) const KEY: usize = 32;
/// 12 and 16 octets in base64url: the IV and the tag RFC 7518 §5.3 requires.
const IV_TEXT: usize = 16;
const TAG_TEXT: usize = 22;

/// The key from which every other secret of the installation is derived. It protects what the
/// database keeps. The database has it too, wrapped under the [`MasterKey`]: whoever has only the
/// database has nothing.
///
/// Three subkeys (HKDF, RFC 5869): one seals, one hashes client secrets, one attests.
pub struct DataKey {
    octets: Zeroizing<[u8; KEY]>,
    seal: Prk,
    client_secret: hmac::Key,
    attest: Prk,
    jwe: JweContext,
}

impl DataKey {
    /// Makes a new key.
    ///
    /// # Errors
    ///
    /// [`SealFault::Entropy`] if the operating system has none.
    pub fn generate() -> Result<Self, SealFault> {
        Self::new(random()?)
    }

    pub(crate) fn new(octets: Zeroizing<[u8; KEY]>) -> Result<Self, SealFault> {
        let master = Salt::new(HKDF_SHA256, b"actas master key").extract(octets.as_slice());
        let seal = Prk::new_less_safe(HKDF_SHA256, derive(&master, &[b"seal"])?.as_slice());
        let attest = Prk::new_less_safe(HKDF_SHA256, derive(&master, &[b"attest"])?.as_slice());
        let client_secret =
            hmac::Key::new(hmac::HMAC_SHA256, derive(&master, &[b"client-secret"])?.as_slice());
        let mut jwe = JweContext::new();
        // RFC 8725 §3.6: nothing sealed here is compressed, so nothing is ever inflated.
        jwe.remove_compression("DEF");
        Ok(Self { octets, seal, client_secret, attest, jwe })
    }

    /// Seals `plain`: a compact JWE with `dir` and `A256GCM` (RFC 7516 §7.1, RFC 7518 §4.5, §5.3).
    ///
    /// `context` names the one row and column that will hold the result, such as
    /// `org/demo/delegation/<id>/subject`: moved elsewhere, it does not open. The content key is
    /// derived from it, so that random IVs may not collide across rows (2^32 seals per context).
    ///
    /// # Errors
    ///
    /// [`SealFault::Unavailable`] if the library fails.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealFault> {
        let key = self.content_key(context)?;
        let encrypter =
            Dir.encrypter_from_bytes(key.as_slice()).map_err(|_| SealFault::Unavailable)?;
        let mut header = JweHeader::new();
        header.set_content_encryption("A256GCM");
        self.jwe
            .serialize_compact(plain, &header, &encrypter)
            .map(String::into_bytes)
            .map_err(|_| SealFault::Unavailable)
    }

    /// Opens what [`seal`](Self::seal) sealed for the same `context`.
    ///
    /// # Errors
    ///
    /// [`SealFault::Refused`] for another master key, another context, or changed bytes; which of
    /// them it was cannot be told.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealFault> {
        let segments: Vec<_> = sealed.split(|octet| *octet == b'.').collect();
        // `josekit` would take a tag of one octet, which is guessed in 256 tries, and panics without
        // IV. The lengths also pin A256GCM: no other encryption it knows has this key and this IV.
        match segments.as_slice() {
            [_, [], iv, _, tag] if iv.len() == IV_TEXT && tag.len() == TAG_TEXT => {}
            _ => return Err(SealFault::Refused),
        }
        let key = self.content_key(context)?;
        let decrypter =
            Dir.decrypter_from_bytes(key.as_slice()).map_err(|_| SealFault::Unavailable)?;
        match self.jwe.deserialize_compact(sealed, &decrypter) {
            Ok((plain, _)) => Ok(Zeroizing::new(plain)),
            Err(_) => Err(SealFault::Refused),
        }
    }

    /// Makes a client secret of 256 bits, and the hash that is all we keep of it.
    ///
    /// It begins with `acs_`, which secret scanners find.
    ///
    /// # Errors
    ///
    /// [`SealFault::Entropy`] if the operating system has none.
    pub fn new_client_secret(&self) -> Result<(String, SecretHash), SealFault> {
        self.new_secret("acs_")
    }

    /// The same of an operator's bearer token, which begins with `aco_`.
    ///
    /// # Errors
    ///
    /// [`SealFault::Entropy`] if the operating system has none.
    pub fn new_operator_token(&self) -> Result<(String, SecretHash), SealFault> {
        self.new_secret("aco_")
    }

    fn new_secret(&self, mark: &str) -> Result<(String, SecretHash), SealFault> {
        let octets = random()?;
        let secret =
            format!("{mark}{}", general_purpose::URL_SAFE_NO_PAD.encode(octets.as_slice()));
        let hash = self.hash_secret(&secret);
        Ok((secret, hash))
    }

    /// Hashes a presented secret, to compare with the one that is kept.
    ///
    /// Fast on purpose: secrets are 256 bits that we drew, which no dictionary contains.
    #[must_use]
    pub fn hash_secret(&self, secret: &str) -> SecretHash {
        SecretHash::keyed(&self.client_secret, secret)
    }

    /// What only a holder of this key can compute of `bytes` (HMAC-SHA-256), for one `context`.
    ///
    /// # Errors
    ///
    /// [`SealFault::Unavailable`] if the library fails.
    pub fn attest(&self, context: &str, bytes: &[u8]) -> Result<[u8; 32], SealFault> {
        let key = derive(&self.attest, &[b"attest", context.as_bytes()])?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), bytes);
        tag.as_ref().try_into().map_err(|_| SealFault::Unavailable)
    }

    /// Whether `tag` is, whole, what [`attest`](Self::attest) computes of `bytes` for this `context`. How
    /// long that takes does not tell how much of it is right.
    ///
    /// # Errors
    ///
    /// [`SealFault::Unavailable`] if the library fails.
    pub fn is_attested(&self, context: &str, bytes: &[u8], tag: &[u8]) -> Result<bool, SealFault> {
        Ok(self.attest(context, bytes)?.as_slice().ct_eq(tag).into())
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.as_slice()
    }

    fn content_key(&self, context: &str) -> Result<Zeroizing<[u8; KEY]>, SealFault> {
        derive(&self.seal, &[b"content", context.as_bytes()])
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").finish_non_exhaustive()
    }
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY
    }
}

/// RFC 5869 §2.3. The first of `purpose` is a constant, of which none begins another.
fn derive(from: &Prk, purpose: &[&[u8]]) -> Result<Zeroizing<[u8; KEY]>, SealFault> {
    let mut key = Zeroizing::new([0; KEY]);
    from.expand(purpose, KeyLength)
        .and_then(|output| output.fill(key.as_mut_slice()))
        .map_err(|_| SealFault::Unavailable)?;
    Ok(key)
}

pub(crate) fn random() -> Result<Zeroizing<[u8; KEY]>, SealFault> {
    let mut octets = Zeroizing::new([0; KEY]);
    SystemRandom::new().fill(octets.as_mut_slice()).map_err(|_| SealFault::Entropy)?;
    Ok(octets)
}

/// Why something is not sealed or not opened. A fault of ours, never an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum SealFault {
    /// Not 32 octets in base64.
    #[error("the master key is not 32 octets in base64")]
    MasterKey,
    /// Sealed under another master key, for another context, or changed since.
    #[error("what was sealed does not open with this master key in this place")]
    Refused,
    /// No random numbers.
    #[error("the operating system gives no entropy")]
    Entropy,
    /// The library failed.
    #[error("sealing is unavailable")]
    Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody who has the content key would write with `header` in place of ours.
    fn sealed(master: &DataKey, header: &JweHeader) -> Vec<u8> {
        let key = master.content_key("place").unwrap();
        let encrypter = Dir.encrypter_from_bytes(key.as_slice()).unwrap();
        JweContext::new().serialize_compact(b"plain", header, &encrypter).unwrap().into_bytes()
    }

    #[test]
    fn opens_only_the_one_form_it_seals() {
        let master = DataKey::generate().unwrap();
        let mut header = JweHeader::new();
        header.set_content_encryption("A256GCM");
        assert!(master.open("place", &sealed(&master, &header)).is_ok());

        header.set_compression("DEF");
        let inflating = master.open("place", &sealed(&master, &header));
        assert_eq!(inflating.err(), Some(SealFault::Refused));

        let mut header = JweHeader::new();
        header.set_content_encryption("A128CBC-HS256");
        let other = master.open("place", &sealed(&master, &header));
        assert_eq!(other.err(), Some(SealFault::Refused));
    }
}
