use std::fmt;

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use zeroize::Zeroizing;

use crate::{
    DataKey, SealFault,
    seal::{KEY, random},
};

/// The place of the one wrapped data key of an installation.
const CONTEXT: &str = "data-key";

/// The key that wraps the [`DataKey`] (envelope encryption). It lives outside the database, and
/// changing it changes one row: what is sealed stays as it is.
pub struct MasterKey {
    octets: Zeroizing<[u8; KEY]>,
    wrapping: DataKey,
}

impl MasterKey {
    /// Reads 32 octets in base64: either alphabet, padding and surrounding white space optional.
    ///
    /// # Errors
    ///
    /// [`SealFault::DataKey`] if it is anything else.
    pub fn from_base64(text: &str) -> Result<Self, SealFault> {
        let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let octets = GeneralPurpose::new(alphabet, config).decode(text.trim()).map(Zeroizing::new);
        let octets = octets.map_err(|_| SealFault::MasterKey)?;
        let octets = <[u8; KEY]>::try_from(octets.as_slice()).map_err(|_| SealFault::MasterKey)?;
        Self::new(Zeroizing::new(octets))
    }

    /// Makes a new key, and the text [`from_base64`](Self::from_base64) reads it from.
    ///
    /// # Errors
    ///
    /// [`SealFault::Entropy`] if the operating system has none.
    pub fn generate() -> Result<(Self, String), SealFault> {
        let octets = random()?;
        let text = general_purpose::STANDARD.encode(octets.as_slice());
        Ok((Self::new(octets)?, text))
    }

    fn new(octets: Zeroizing<[u8; KEY]>) -> Result<Self, SealFault> {
        let wrapping = DataKey::new(octets.clone())?;
        Ok(Self { octets, wrapping })
    }

    /// Wraps a data key for the database.
    ///
    /// # Errors
    ///
    /// [`SealFault::Unavailable`] if the library fails.
    pub fn wrap(&self, key: &DataKey) -> Result<Vec<u8>, SealFault> {
        self.wrapping.seal(CONTEXT, key.octets())
    }

    /// Unwraps the data key of an installation.
    ///
    /// # Errors
    ///
    /// [`SealFault::Refused`] when another master key wrapped it.
    pub fn unwrap(&self, wrapped: &[u8]) -> Result<DataKey, SealFault> {
        let octets = self.wrapping.open(CONTEXT, wrapped)?;
        let octets = <[u8; KEY]>::try_from(octets.as_slice()).map_err(|_| SealFault::Refused)?;
        DataKey::new(Zeroizing::new(octets))
    }

    /// The data key of an installation from before data keys were wrapped: the master key itself.
    ///
    /// # Errors
    ///
    /// [`SealFault::Unavailable`] if the library fails.
    pub fn as_data_key(&self) -> Result<DataKey, SealFault> {
        DataKey::new(self.octets.clone())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").finish_non_exhaustive()
    }
}
