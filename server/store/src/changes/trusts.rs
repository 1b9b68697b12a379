//! Whom an organization believes, beside its identity providers.

use delegation::{
    declared::{Trust, TrustKind},
    refusal::Fault,
};

use crate::database::Transaction;

const PUT: &str = "
  INSERT INTO trusts (org, kind, id, settings) VALUES ($1, $2, $3, $4)
  ON CONFLICT (org, kind, id) DO UPDATE SET settings = excluded.settings";

const DROP: &str = "DELETE FROM trusts WHERE org = $1 AND kind = $2 AND id = $3";

pub(super) async fn put(
    transaction: &mut Transaction,
    org: &str,
    trust: &Trust,
) -> Result<(), Fault> {
    let values = [
        org.into(),
        trust.kind.code().into(),
        (&trust.id).into(),
        trust.settings.as_slice().into(),
    ];
    transaction.execute(PUT, &values).await?;
    Ok(())
}

pub(super) async fn drop(
    transaction: &mut Transaction,
    org: &str,
    kind: TrustKind,
    id: &str,
) -> Result<(), Fault> {
    transaction.execute(DROP, &[org.into(), kind.code().into(), id.into()]).await?;
    Ok(())
}
