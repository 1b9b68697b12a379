use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cryptoki::{
    mechanism::{
        Mechanism, MechanismType,
        eddsa::{EddsaParams, EddsaSignatureScheme},
        rsa::{PkcsMgfType, PkcsPssParams},
    },
    object::{Attribute, ObjectClass, ObjectHandle},
    session::Session,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Module, ModuleFault};
use crate::{Algorithm, DataKey, KeyFault, PublicKey, SignFault, Signer, seal::random, sha256};

/// A signing key in a module. What is stored of it is where it is, and its public half.
pub struct ModuleKey {
    algorithm: Algorithm,
    kid: String,
    id: Vec<u8>,
    public_jwk: Value,
    public_key: PublicKey,
    /// None: no module is configured any more. Then the key is published, and cannot sign.
    module: Option<Arc<Module>>,
    /// Where the token keeps it, as long as the sessions live in which it was looked for.
    handle: Mutex<Option<ObjectHandle>>,
}

/// What is sealed instead of a private key. A JWK has no member of this name.
#[derive(Deserialize, Serialize)]
struct Stored {
    /// `CKA_ID`, in base64url.
    pkcs11_id: String,
    public_jwk: Value,
}

impl ModuleKey {
    /// Makes a new key in the token.
    ///
    /// # Errors
    ///
    /// What the module says; [`ModuleFault::Incapable`] when it cannot make keys of this algorithm.
    pub fn generate(
        module: &Arc<Module>,
        org: &str,
        algorithm: Algorithm,
    ) -> Result<Self, ModuleFault> {
        let id = random().map_err(|e| ModuleFault::Failed(e.to_string()))?;
        let pair = module.make(org, algorithm, id.as_slice())?;
        let key = Self::new(pair.id, pair.public_jwk, Some(Arc::clone(module)));
        let key = key.filter(|key| key.kid == pair.kid).ok_or(ModuleFault::Unusable)?;
        Ok(key)
    }

    /// Opens a key that [`to_sealed`](Self::to_sealed) sealed for the same `context`; none when what was
    /// sealed there is not a module's key. Nothing is asked of the module.
    ///
    /// # Errors
    ///
    /// As [`SigningKey::from_sealed`](crate::SigningKey::from_sealed).
    pub fn from_sealed(
        master: &DataKey,
        context: &str,
        sealed: &[u8],
        module: Option<&Arc<Module>>,
    ) -> Result<Option<Self>, KeyFault> {
        let stored = master.open(context, sealed)?;
        let Ok(stored) = serde_json::from_slice::<Stored>(&stored) else { return Ok(None) };
        let id = URL_SAFE_NO_PAD.decode(stored.pkcs11_id).map_err(|_| KeyFault::Unusable)?;
        let key = Self::new(id, stored.public_jwk, module.cloned());
        key.map(Some).ok_or(KeyFault::Unusable)
    }

    /// Seals where the key is, for storage under `context`, which names its row.
    ///
    /// # Errors
    ///
    /// When sealing fails.
    pub fn to_sealed(&self, master: &DataKey, context: &str) -> Result<Vec<u8>, KeyFault> {
        let pkcs11_id = URL_SAFE_NO_PAD.encode(&self.id);
        let stored = Stored { pkcs11_id, public_jwk: self.public_jwk.clone() };
        let stored = serde_json::to_vec(&stored).map_err(|_| KeyFault::Unusable)?;
        Ok(master.seal(context, &stored)?)
    }

    /// Destroys both halves in the token.
    ///
    /// # Errors
    ///
    /// What the module says. That they are not there any more is no error.
    pub fn destroy(&self) -> Result<(), ModuleFault> {
        let module = self.module.as_ref().ok_or(ModuleFault::NotConfigured)?;
        module.with(|session| {
            for half in session.find_objects(&[Attribute::Id(self.id.clone())])? {
                session.destroy_object(half)?;
            }
            Ok(())
        })
    }

    fn new(id: Vec<u8>, public_jwk: Value, module: Option<Arc<Module>>) -> Option<Self> {
        let text = |name| public_jwk.get(name).and_then(Value::as_str);
        let (algorithm, kid) = (text("alg")?.parse().ok()?, text("kid")?.to_owned());
        let public_key = PublicKey::from_jwk(&public_jwk).ok()?;
        let handle = Mutex::default();
        Some(Self { algorithm, kid, id, public_jwk, public_key, module, handle })
    }

    fn signed(&self, session: &Session, input: &[u8]) -> Result<Vec<u8>, ModuleFault> {
        let known = std::mem::take(&mut *self.handle());
        let handle = known.map_or_else(|| self.find(session), Ok)?;
        let signature = match self.algorithm {
            // CKM_ECDSA_SHA256 is not everywhere.
            Algorithm::Es256 => session.sign(&Mechanism::Ecdsa, handle, &sha256(input)),
            Algorithm::EdDsa => {
                let parameters = EddsaParams::new(EddsaSignatureScheme::Ed25519);
                session.sign(&Mechanism::Eddsa(parameters), handle, input)
            }
            Algorithm::Rs256 => session.sign(&Mechanism::Sha256RsaPkcs, handle, input),
            Algorithm::Ps256 => {
                // RFC 7518 §3.5: MGF1 with SHA-256, and a salt as long as the hash.
                let parameters = PkcsPssParams {
                    hash_alg: MechanismType::SHA256,
                    mgf: PkcsMgfType::MGF1_SHA256,
                    s_len: 32_u64.into(),
                };
                session.sign(&Mechanism::Sha256RsaPkcsPss(parameters), handle, input)
            }
        }?;
        // Not when it failed: then it is looked for again.
        *self.handle() = Some(handle);
        Ok(signature)
    }

    fn handle(&self) -> MutexGuard<'_, Option<ObjectHandle>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, session: &Session) -> Result<ObjectHandle, ModuleFault> {
        let private = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(self.id.clone())];
        match session.find_objects(&private)?.as_slice() {
            [handle] => Ok(*handle),
            [] | [_, _, ..] => Err(ModuleFault::NoKey),
        }
    }
}

impl Signer for ModuleKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn kid(&self) -> &str {
        &self.kid
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, SignFault> {
        let module = self.module.as_ref().ok_or(ModuleFault::NotConfigured)?;
        Ok(module.with(|session| self.signed(session, input))?)
    }

    fn public_jwk(&self) -> &Value {
        &self.public_jwk
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn blocks(&self) -> bool {
        true
    }
}

impl fmt::Debug for ModuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
