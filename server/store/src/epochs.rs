//! The numbers that outdate what was recalled, and every answer about a user that was given since.

use delegation::refusal::Fault;

use crate::{database::Transaction, subjects::Realm};

const LOCK: &str = "UPDATE orgs SET epoch = epoch WHERE org = $1";

const RAISE_OF_ORG: &str = "UPDATE orgs SET epoch = epoch + 1 WHERE org = $1";

// One number for all grants of a user, ended ones too, and never one that any of them had before:
// answers about the user are shared among requests of the same epoch, whichever the grant.
const RAISE_OF_USER: &str = "
  UPDATE grants SET epoch = 1 + (
    SELECT MAX(epoch) FROM grants WHERE org = $1 AND connection = $2 AND user_sub = $3)
  WHERE org = $1 AND connection = $2 AND user_sub = $3";

/// Waits for every opening in this org that is under way, and keeps others from beginning.
pub(crate) async fn lock(transaction: &mut Transaction, org: &str) -> Result<(), Fault> {
    match transaction.execute(LOCK, &[org.into()]).await? {
        0 => Err(Fault::Store("there is no such organization".to_owned())),
        _ => Ok(()),
    }
}

/// For all users: nobody knows whom it concerns.
pub(crate) async fn raise_of_org(transaction: &mut Transaction, org: &str) -> Result<(), Fault> {
    transaction.execute(RAISE_OF_ORG, &[org.into()]).await.map(drop)
}

pub(crate) async fn raise_of_user(
    transaction: &mut Transaction,
    Realm { org, connection }: Realm<'_>,
    user: &str,
) -> Result<(), Fault> {
    let values = [org.into(), connection.into(), user.into()];
    transaction.execute(RAISE_OF_USER, &values).await.map(drop)
}
