//! The keys of an organization as of now.

use std::sync::Arc;

use delegation::{
    custody::{KeyChange, KeyRecord, KeyStore},
    declared::Declared,
    refusal::Fault,
};
use keys::{Algorithm, DataKey, KeyRing, SigningKey};
use policy::Timestamp;

use crate::clock;

/// The organization's keys; the first of its algorithm is made here, once for all replicas.
pub(super) async fn ring(
    store: &dyn KeyStore,
    master: &DataKey,
    declared: &Declared,
) -> Result<Ring, Fault> {
    let (org, algorithm) = (&declared.id, &declared.settings.algorithm);
    let mut records = store.keys(org).await?;
    while !records.iter().any(|record| record.algorithm == *algorithm) {
        let parsed = algorithm.parse::<Algorithm>().map_err(|e| Fault::Keys(e.to_string()))?;
        let record = new_key(master, org, parsed, records.is_empty())?;
        store.change(org, &records, &[KeyChange::Add(record)], None).await?;
        records = store.keys(org).await?;
    }
    ring_of(master, org, algorithm, &records)
}

fn key_context(org: &str, kid: &str) -> String {
    format!("signing-key:{org}:{kid}")
}

fn new_key(
    master: &DataKey,
    org: &str,
    algorithm: Algorithm,
    first: bool,
) -> Result<KeyRecord, Fault> {
    use keys::Signer as _;
    let broken = |e: &dyn std::fmt::Display| Fault::Keys(format!("a signing key: {e}"));
    let key = SigningKey::generate(algorithm).map_err(|e| broken(&e))?;
    let kid = key.kid().to_owned();
    let sealed = key.to_sealed(master, &key_context(org, &kid)).map_err(|e| broken(&e))?;
    let now = clock::now();
    Ok(KeyRecord {
        kid,
        algorithm: algorithm.to_string(),
        sealed,
        created_at: now,
        activates_at: if first { now } else { Timestamp(now.0.saturating_add(SIGNS_AFTER)) },
        retires_at: None,
        compromised_at: None,
    })
}

/// Verifiers may cache a key set for 300 s (`http::jwks`), and replicas notice a new key within
/// seconds: a key is published for so long before it signs.
const SIGNS_AFTER: i64 = 360;

/// The keys as of now, and when that changes.
pub(super) type Ring = (KeyRing, Option<Timestamp>);

/// The newest key of the organization's algorithm signs, once it has been published for
/// longer than a key set is cached; until then, the one before it. An organization's first key signs at once.
/// Keys of earlier algorithms stay published for what they have signed.
fn ring_of(
    master: &DataKey,
    org: &str,
    algorithm: &str,
    records: &[KeyRecord],
) -> Result<Ring, Fault> {
    let first = records.iter().map(|record| record.created_at).min();
    let due = |record: &KeyRecord| record.activates_at.0;
    let wanted = records.iter().filter(|record| record.algorithm == algorithm).map(due).max();
    // A first key that another replica made a moment ago, by a clock ahead of ours, signs at once.
    let now = clock::now().0.max(first.map_or(0, |first| first.0));
    let is_due = wanted.is_some_and(|at| at <= now);
    let entry = |record: &KeyRecord| {
        let key = SigningKey::from_sealed(master, &key_context(org, &record.kid), &record.sealed)
            .map_err(|e| {
            Fault::Keys(format!("signing key `{}` of `{org}`: {e}", record.kid))
        })?;
        let superseded = is_due && record.algorithm != algorithm;
        let retires_at = superseded.then_some(now);
        Ok(keys::Entry { key: Arc::new(key), activates_at: due(record), retires_at })
    };
    let entries = records.iter().map(entry).collect::<Result<Vec<_>, Fault>>()?;
    let ring = KeyRing::new(entries, now).map_err(|e| Fault::Keys(format!("`{org}`: {e}")))?;
    Ok((ring, wanted.filter(|_| !is_due).map(Timestamp)))
}
