//! Where signing keys are kept: sealed in the database, or in a PKCS#11 module. Makes them, and makes
//! them work.

pub(crate) mod command;
pub(crate) mod shown;

use std::{fmt::Display, sync::Arc, time::Duration};

use async_trait::async_trait;
use delegation::{
    custody::{Custody, KeyMaker, KeyRecord, KeyStore, MadeKey, times},
    declared::Declared,
    refusal::Fault,
};
use keys::{
    Algorithm, DataKey, Signer, SigningKey,
    pkcs11::{Module, ModuleFault, ModuleKey, ModuleSettings},
};

use crate::config::keys::{Keys, Pkcs11};

/// Keeps the signing keys of all organizations.
#[derive(Clone, Debug)]
pub struct Keeper {
    pub data_key: Arc<DataKey>,
    /// How long verifiers may cache a key set.
    pub jwks_max_age: Duration,
    module: Option<Arc<Module>>,
    /// Whether new keys are made in the module.
    makes_there: bool,
}

impl Keeper {
    /// Keeps keys as configured. Whether the module works is seen when it is used.
    ///
    /// # Errors
    ///
    /// The module cannot be loaded.
    pub fn new(data_key: Arc<DataKey>, settings: &Keys) -> Result<Self, Fault> {
        let module = settings.pkcs11.as_ref().map(|pkcs11| load(pkcs11).map(Arc::new));
        Ok(Self {
            data_key,
            jwks_max_age: settings.jwks_max_age,
            module: module.transpose().map_err(|e| Fault::Keys(e.to_string()))?,
            makes_there: settings.pkcs11.as_ref().is_some_and(|pkcs11| pkcs11.new_keys),
        })
    }

    /// The keys of an organization and what their life goes by, for
    /// [`rotate`](delegation::custody::rotate).
    ///
    /// # Errors
    ///
    /// The organization's algorithm is none we know.
    pub fn custody<'a>(
        &'a self,
        store: &'a dyn KeyStore,
        declared: &'a Declared,
    ) -> Result<Custody<'a>, Fault> {
        let settings = &declared.settings;
        let algorithm = settings.algorithm.parse::<Algorithm>();
        Ok(Custody {
            store,
            maker: self,
            org: &declared.id,
            algorithm: algorithm.map_err(|e| Fault::Keys(e.to_string()))?,
            times: times(self.jwks_max_age, settings.key_rotation),
        })
    }

    /// A stored key, ready to sign.
    ///
    /// # Errors
    ///
    /// It is not what we stored.
    pub fn open(&self, org: &str, record: &KeyRecord) -> Result<Arc<dyn Signer>, Fault> {
        let broken =
            |e: &dyn Display| Fault::Keys(format!("signing key `{}` of `{org}`: {e}", record.kid));
        let (master, place) = (&self.data_key, place(org, &record.kid));
        let in_module =
            ModuleKey::from_sealed(master, &place, &record.sealed, self.module.as_ref());
        if let Some(key) = in_module.map_err(|e| broken(&e))? {
            return Ok(Arc::new(key));
        }
        let key = SigningKey::from_sealed(master, &place, &record.sealed);
        Ok(Arc::new(key.map_err(|e| broken(&e))?))
    }
}

/// Loads the module that is configured.
///
/// # Errors
///
/// It cannot be loaded.
pub fn load(settings: &Pkcs11) -> Result<Module, ModuleFault> {
    Module::load(ModuleSettings {
        library: settings.module.clone(),
        token: settings.token.clone(),
        pin: settings.pin.clone(),
    })
}

#[async_trait]
impl KeyMaker for Keeper {
    async fn make(&self, org: &str, algorithm: Algorithm) -> Result<MadeKey, Fault> {
        let (keeper, org) = (self.clone(), org.to_owned());
        // RSA takes up to a second.
        let made = tokio::task::spawn_blocking(move || keeper.made(&org, algorithm)).await;
        made.map_err(|e| Fault::Keys(e.to_string()))?
    }

    async fn destroy(&self, org: &str, key: MadeKey) {
        let (keeper, org) = (self.clone(), org.to_owned());
        let destroyed = tokio::task::spawn_blocking(move || keeper.destroyed(&org, &key)).await;
        if let Err(fault) = destroyed.map_err(|e| Fault::Keys(e.to_string())).flatten() {
            tracing::warn!(%fault, "a signing key that nobody needs any more is still in its module");
        }
    }
}

impl Keeper {
    fn made(&self, org: &str, algorithm: Algorithm) -> Result<MadeKey, Fault> {
        let broken = |e: &dyn Display| Fault::Keys(format!("a new signing key of `{org}`: {e}"));
        if let Some(module) = self.module.as_ref().filter(|_| self.makes_there) {
            let key = ModuleKey::generate(module, org, algorithm).map_err(|e| broken(&e))?;
            let kid = key.kid().to_owned();
            let sealed = key.to_sealed(&self.data_key, &place(org, &kid));
            return Ok(MadeKey { kid, sealed: sealed.map_err(|e| broken(&e))? });
        }
        let key = SigningKey::generate(algorithm).map_err(|e| broken(&e))?;
        let kid = key.kid().to_owned();
        let sealed = key.to_sealed(&self.data_key, &place(org, &kid)).map_err(|e| broken(&e))?;
        Ok(MadeKey { kid, sealed })
    }

    /// Of a key in the database nothing is left once its row is gone.
    fn destroyed(&self, org: &str, key: &MadeKey) -> Result<(), Fault> {
        let broken =
            |e: &dyn Display| Fault::Keys(format!("signing key `{}` of `{org}`: {e}", key.kid));
        let place = place(org, &key.kid);
        let opened =
            ModuleKey::from_sealed(&self.data_key, &place, &key.sealed, self.module.as_ref());
        match opened.map_err(|e| broken(&e))? {
            Some(key) => key.destroy().map_err(|e| broken(&e)),
            None => Ok(()),
        }
    }
}

/// The one row in which the key can be opened.
fn place(org: &str, kid: &str) -> String {
    format!("signing-key:{org}:{kid}")
}
