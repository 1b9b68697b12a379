//! The database, opened: its schema up to date, and what it keeps readable.

use std::sync::Arc;

use delegation::refusal::Fault;
use keys::{DataKey, MasterKey, SealFault};
use store::{Installation, Store};

use crate::{
    config::{Config, keys::Keys},
    custody::Keeper,
};

/// A database that is ours.
#[derive(Debug)]
pub struct Connected {
    pub store: Store,
    /// What everything in it is sealed under.
    pub data_key: Arc<DataKey>,
    /// What makes its signing keys.
    pub keeper: Keeper,
}

/// Connects to the database and brings its schema up to date.
///
/// # Errors
///
/// It cannot be reached, or a newer actas has migrated it; or no master key we have opens it.
pub async fn connect(config: &Config) -> Result<Connected, Fault> {
    let store = open(config).await?;
    let (data_key, _) = admit(&store, &config.keys).await?;
    let data_key = Arc::new(data_key);
    let keeper = Keeper::new(Arc::clone(&data_key), &config.keys)?;
    Ok(Connected { store, data_key, keeper })
}

/// Wraps the data key under the master key, in place of a previous one. Returns whether it was
/// another that had wrapped it.
///
/// # Errors
///
/// As [`connect`].
pub async fn rewrap(config: &Config) -> Result<bool, Fault> {
    let store = open(config).await?;
    let rewrapped = match admit(&store, &config.keys).await? {
        (_, Wrapping::Current) => Ok(false),
        (data_key, Wrapping::Previous(wrapped)) => {
            let new = config.keys.master.wrap(&data_key).map_err(broken)?;
            if store.rewrap(&wrapped, &new).await? {
                Ok(true)
            } else {
                Err(Fault::Keys("somebody else has just done it: try again".to_owned()))
            }
        }
    };
    store.close().await;
    rewrapped
}

async fn open(config: &Config) -> Result<Store, Fault> {
    let database = &config.database;
    let settings =
        store::Settings { url: database.url.clone(), max_connections: database.max_connections };
    let store = Store::connect(&settings).await?;
    store.migrate().await?;
    Ok(store)
}

/// Which master key has wrapped the data key.
enum Wrapping {
    Current,
    /// One that is kept until this is wrapped anew.
    Previous(Vec<u8>),
}

/// Unwraps the data key, or makes one for a new database. Under another master key nothing could be
/// opened, and what is sealed could never be.
async fn admit(store: &Store, keys: &Keys) -> Result<(DataKey, Wrapping), Fault> {
    let fresh = DataKey::generate().and_then(|key| keys.master.wrap(&key)).map_err(broken)?;
    let wrapped = match store.found_installation(&fresh).await? {
        Installation::Wrapped(wrapped) => wrapped,
        Installation::Probe(probe) => wrap_first(store, keys, probe).await?,
    };
    if let Ok(key) = keys.master.unwrap(&wrapped) {
        return Ok((key, Wrapping::Current));
    }
    let key = keys.previous.iter().find_map(|master| master.unwrap(&wrapped).ok());
    Ok((key.ok_or_else(|| other(keys))?, Wrapping::Previous(wrapped)))
}

/// The data key of an installation from before data keys were wrapped is its master key itself:
/// wraps it under itself. Returns what the database has then.
async fn wrap_first(store: &Store, keys: &Keys, probe: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let opens = |master: &&MasterKey| {
        let key = master.as_data_key();
        key.is_ok_and(|key| key.open("installation", &probe).is_ok())
    };
    let masters = || std::iter::once(&*keys.master).chain(&keys.previous);
    let master = masters().find(opens).ok_or_else(|| other(keys))?;
    let key = master.as_data_key().map_err(broken)?;
    let wrapped = master.wrap(&key).map_err(broken)?;
    if store.rewrap(&probe, &wrapped).await? {
        return Ok(wrapped);
    }
    match store.found_installation(&wrapped).await? {
        // Another replica was faster.
        Installation::Wrapped(wrapped) => Ok(wrapped),
        Installation::Probe(_) => Err(Fault::Store("nothing was recorded".to_owned())),
    }
}

fn broken(fault: SealFault) -> Fault {
    Fault::Keys(fault.to_string())
}

fn other(keys: &Keys) -> Fault {
    let told = if keys.previous.is_empty() {
        "the master key is not the one this database was last used with: if it was replaced, name \
         the old one in `keys.previous_master_key_files`"
    } else {
        "neither the master key nor a previous one is that this database was last used with"
    };
    Fault::Keys(told.to_owned())
}
