//! Sinks of the audit trail.

use delegation::{declared::Export, refusal::Fault};

use crate::database::Transaction;

// How far it was stays: what has arrived need not arrive again.
const PUT: &str = "
  INSERT INTO exports (org, id, kind, settings) VALUES ($1, $2, $3, $4)
  ON CONFLICT (org, id) DO UPDATE SET kind = excluded.kind, settings = excluded.settings";

const DROP: &str = "DELETE FROM exports WHERE org = $1 AND id = $2";

pub(super) async fn put(
    transaction: &mut Transaction,
    org: &str,
    Export { id, kind, settings }: &Export,
) -> Result<(), Fault> {
    let values = [org.into(), id.into(), kind.into(), settings.as_slice().into()];
    transaction.execute(PUT, &values).await.map(core::mem::drop)
}

pub(super) async fn drop(transaction: &mut Transaction, org: &str, id: &str) -> Result<(), Fault> {
    transaction.execute(DROP, &[org.into(), id.into()]).await.map(core::mem::drop)
}
