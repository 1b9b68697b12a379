//! Where a trail begins and ends. Whoever has locked this row may move the ends; nobody else
//! appends to the trail or takes from it.

use delegation::{
    refusal::Fault,
    trail::{Anchor, Ends, Hash, ORIGIN},
};

use super::Place;
use crate::database::{Row, Transaction, Value};

const READ: &str = "
  SELECT seq, hash, attestation, first_seq, first_hash, first_attestation
  FROM trail_ends WHERE org = $1";

// Another replica that has it does what is to be done.
const LOCK_POSTGRES: &str = "
  SELECT seq, hash, attestation, first_seq, first_hash, first_attestation
  FROM trail_ends WHERE org = $1
  FOR UPDATE SKIP LOCKED";

const BEGIN: &str = "
  INSERT INTO trail_ends (org, seq, hash, attestation, first_seq, first_hash, first_attestation)
  VALUES ($1, $2, $3, $4, $2, $3, $4)
  ON CONFLICT (org) DO NOTHING";

// What only a trail that has begun leaves behind.
const TRACES: &str = "
  SELECT org FROM (SELECT org FROM trail WHERE org = $1 LIMIT 1) AS links
  UNION ALL
  SELECT org FROM exports WHERE org = $1 AND 0 < done";

const MOVE_LAST: &str = "
  UPDATE trail_ends SET seq = $2, hash = $3, attestation = $4 WHERE org = $1";

const MOVE_FIRST: &str = "
  UPDATE trail_ends SET first_seq = $2, first_hash = $3, first_attestation = $4 WHERE org = $1";

/// As they are stored; of a trail that has not begun, nothing at all.
pub(super) async fn read(place: &Place) -> Result<Ends, Fault> {
    match place.database.fetch_one(READ, &[(&*place.org).into()]).await? {
        Some(row) => ends(&row),
        None => none_yet(place),
    }
}

/// The ends, locked until the transaction ends, and begun when they are not there yet; none when
/// another replica has them.
///
/// Both were attested by us, or it is a fault.
pub(super) async fn lock(
    transaction: &mut Transaction,
    place: &Place,
) -> Result<Option<Ends>, Fault> {
    let lock = match transaction {
        Transaction::Postgres(_) => LOCK_POSTGRES,
        // `BEGIN IMMEDIATE` keeps everybody else from writing.
        Transaction::Sqlite(..) => READ,
    };
    let org = Value::from(&*place.org);
    if let Some(row) = transaction.fetch_all(lock, std::slice::from_ref(&org)).await?.first() {
        let ends = ends(row)?;
        let attested = place.notary.attested(&ends)?;
        if !attested.last {
            let number = ends.last.seq;
            return Err(tampered(place, &format!("its newest link, {number}, is not ours")));
        }
        if !attested.first {
            let number = ends.first.seq;
            return Err(tampered(place, &format!("that it begins after {number} is not ours")));
        }
        return Ok(Some(ends));
    }
    let ends = none_yet(place)?;
    let Anchor { seq, hash, attestation } = &ends.last;
    let values =
        [org.clone(), (*seq).into(), hash.as_slice().into(), attestation.as_slice().into()];
    if transaction.execute(BEGIN, &values).await? == 0 {
        return Ok(None);
    }
    if !transaction.fetch_all(TRACES, &[org]).await?.is_empty() {
        return Err(tampered(place, "it has begun, and where it ends is missing"));
    }
    Ok(Some(ends))
}

pub(super) async fn move_last(
    transaction: &mut Transaction,
    place: &Place,
    (seq, hash): (i64, Hash),
) -> Result<(), Fault> {
    move_to(transaction, place, MOVE_LAST, place.notary.anchor(seq, hash)?).await
}

pub(super) async fn move_first(
    transaction: &mut Transaction,
    place: &Place,
    (seq, hash): (i64, Hash),
) -> Result<(), Fault> {
    move_to(transaction, place, MOVE_FIRST, place.notary.beginning(seq, hash)?).await
}

async fn move_to(
    transaction: &mut Transaction,
    place: &Place,
    sql: &'static str,
    Anchor { seq, hash, attestation }: Anchor,
) -> Result<(), Fault> {
    let org = Value::from(&*place.org);
    let values = [org, seq.into(), hash.as_slice().into(), attestation.as_slice().into()];
    transaction.execute(sql, &values).await.map(drop)
}

/// Somebody has edited the database.
pub(super) fn tampered(place: &Place, what: &str) -> Fault {
    Fault::Store(format!(
        "the audit trail of `{0}` was tampered with: {what}; nothing is added to it and nothing \
         taken away: see `actas audit verify {0}`",
        place.org
    ))
}

/// A hash that is stored. One of another length, which nobody but a forger writes, reads as zeros:
/// nothing hashes to that, and so it shows wherever it is compared.
pub(super) fn hash(row: &Row, column: &str) -> Result<Hash, Fault> {
    let stored: Vec<u8> = row.get(column)?;
    Ok(Hash::try_from(stored).unwrap_or([0; 32]))
}

fn ends(row: &Row) -> Result<Ends, Fault> {
    Ok(Ends {
        first: Anchor {
            seq: row.get("first_seq")?,
            hash: hash(row, "first_hash")?,
            attestation: hash(row, "first_attestation")?,
        },
        last: Anchor {
            seq: row.get("seq")?,
            hash: hash(row, "hash")?,
            attestation: hash(row, "attestation")?,
        },
    })
}

fn none_yet(place: &Place) -> Result<Ends, Fault> {
    let origin = place.notary.anchor(0, ORIGIN)?;
    Ok(Ends { first: origin.clone(), last: origin })
}
