//! Signing keys that are made in a PKCS#11 module (v2.40 or later) and never leave it.
//!
//! [`Module`] keeps a few sessions of one token, logged in, and gets new ones when the module has lost
//! them. [`ModuleKey`] is a [`Signer`](crate::Signer) on top. Every call may take as long as the module
//! does, so nothing here belongs on an asynchronous worker.

mod key;
mod make;

use std::{
    fmt,
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::MechanismType,
    session::{Session, UserType},
    slot::Slot,
};
use secrecy::SecretString;

pub use self::key::ModuleKey;

/// Signing in parallel beyond this only queues elsewhere; small tokens allow few sessions.
const MOST_SESSIONS: usize = 8;
/// As long as anybody who waits for a token may be expected to.
const PATIENCE: Duration = Duration::from_secs(3);

/// A token of a module, as configured.
#[derive(Clone, Debug)]
pub struct ModuleSettings {
    /// The module's shared library.
    pub library: PathBuf,
    /// The token's label.
    pub token: String,
    /// The user's PIN.
    pub pin: SecretString,
}

/// One token of a module.
pub struct Module {
    settings: ModuleSettings,
    context: Pkcs11,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Session>,
    open: usize,
    /// The token refused the PIN. It would be locked after a few more tries, so there are none.
    refused: Option<String>,
}

impl Module {
    /// Loads the module. Whether the token is there shows when it is used: see [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// The library cannot be loaded, or does not speak PKCS#11.
    pub fn load(settings: ModuleSettings) -> Result<Self, ModuleFault> {
        let broken = |detail: String| ModuleFault::Library {
            library: settings.library.display().to_string(),
            detail,
        };
        let context = Pkcs11::new(&settings.library).map_err(|e| broken(e.to_string()))?;
        initialize(&context).map_err(|e| broken(e.to_string()))?;
        Ok(Self { context, pool: Mutex::default(), returned: Condvar::new(), settings })
    }

    /// Whether the token is there and lets us in.
    ///
    /// # Errors
    ///
    /// What keeps it from working.
    pub fn check(&self) -> Result<(), ModuleFault> {
        self.with(|_| Ok(()))
    }

    /// Does `work` in a session that is logged in; once more in a fresh one when it fails, as the
    /// module may have lost all it had.
    fn with<T>(&self, work: impl Fn(&Session) -> Result<T, ModuleFault>) -> Result<T, ModuleFault> {
        let first = self.used(self.session()?, &work);
        if first.is_ok() { first } else { self.used(self.session()?, &work) }
    }

    fn used<T>(
        &self,
        session: Session,
        work: impl Fn(&Session) -> Result<T, ModuleFault>,
    ) -> Result<T, ModuleFault> {
        let done = work(&session);
        if done.is_ok() {
            self.give_back(session);
        } else {
            self.forget_all(session);
        }
        done
    }

    /// A session nobody else has.
    fn session(&self) -> Result<Session, ModuleFault> {
        let waits = |pool: &mut Pool| pool.idle.is_empty() && MOST_SESSIONS <= pool.open;
        let waited = self.returned.wait_timeout_while(self.pool(), PATIENCE, waits);
        let (mut pool, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(ModuleFault::Busy);
        }
        if let Some(session) = pool.idle.pop() {
            return Ok(session);
        }
        if let Some(told) = &pool.refused {
            return Err(ModuleFault::Login(told.clone()));
        }
        pool.open += 1;
        drop(pool);
        self.connect().inspect_err(|fault| {
            let mut pool = self.pool();
            pool.open = pool.open.saturating_sub(1);
            if let ModuleFault::Login(told) = fault {
                pool.refused = Some(told.clone());
            }
            self.returned.notify_one();
        })
    }

    fn give_back(&self, session: Session) {
        self.pool().idle.push(session);
        self.returned.notify_one();
    }

    /// Closes every session that is not in use: none of them may work.
    fn forget_all(&self, session: Session) {
        let mut pool = self.pool();
        let lost = std::mem::take(&mut pool.idle);
        pool.open = pool.open.saturating_sub(lost.len() + 1);
        drop(pool);
        drop((session, lost));
        self.returned.notify_all();
    }

    fn connect(&self) -> Result<Session, ModuleFault> {
        // Whoever finalized the module, if anybody: it is ours as much as theirs.
        initialize(&self.context)?;
        let session = self.context.open_rw_session(self.slot()?)?;
        match session.login(UserType::User, Some(&self.settings.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(
                refused @ (RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinLocked
                | RvError::PinExpired),
                _,
            )) => Err(ModuleFault::Login(refused.to_string())),
            Err(other) => Err(other.into()),
        }
    }

    fn slot(&self) -> Result<Slot, ModuleFault> {
        let token = &self.settings.token;
        let mut found = Vec::new();
        for slot in self.context.get_slots_with_token()? {
            if self.context.get_token_info(slot).is_ok_and(|info| info.label() == token) {
                found.push(slot);
            }
        }
        match found.as_slice() {
            [slot] => Ok(*slot),
            [] => Err(ModuleFault::NoToken(token.clone())),
            [_, _, ..] => Err(ModuleFault::ManyTokens(token.clone())),
        }
    }

    fn lacks(&self, mechanism: MechanismType) -> Result<bool, ModuleFault> {
        Ok(!self.context.get_mechanism_list(self.slot()?)?.contains(&mechanism))
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn initialize(context: &Pkcs11) -> Result<(), Error> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(other) => Err(other),
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why a module does not do what it is asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ModuleFault {
    #[error("the PKCS#11 module `{library}` cannot be used: {detail}")]
    Library { library: String, detail: String },
    #[error("the PKCS#11 module has no token with the label `{0}`")]
    NoToken(String),
    #[error("the PKCS#11 module has several tokens with the label `{0}`")]
    ManyTokens(String),
    #[error("the PKCS#11 token refuses the PIN: {0} It is not tried again, or it would be locked")]
    Login(String),
    #[error("the PKCS#11 module cannot make {algorithm} keys: it lacks {lacks}")]
    Incapable { algorithm: &'static str, lacks: String },
    #[error("the PKCS#11 token has no key with this id")]
    NoKey,
    #[error("the PKCS#11 module has made a key that cannot be published")]
    Unusable,
    #[error("the key is in a PKCS#11 module, and none is configured")]
    NotConfigured,
    #[error("all sessions with the PKCS#11 token are in use")]
    Busy,
    #[error("the PKCS#11 module failed: {0}")]
    Failed(String),
}

impl From<Error> for ModuleFault {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}
