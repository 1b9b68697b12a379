//! Grants of everybody become each user's own, at first use.
//!
//! Everything that looks at a user's grants (epochs, revocations, the audit trail) then knows nothing
//! of templates, and the exchange pays nothing after the first time.
//!
//! It shares the lock of the org with openings, and so with everybody else who comes for the first time.
//! Whoever changes the org, ends something or takes a signal holds that lock alone. So a template
//! that is found standing stands until its copy is committed, and whoever ends or changes it later
//! finds the copy; and the epoch that is copied from the user's other grants is still theirs.

use delegation::{ports::own_grant, refusal::Fault};

use crate::database::Database;

// $1 org, $2 the template, $3 the user. The template must stand. A grant of it that the user has, or
// had, is the only one there will be. One of another origin that has ended since the template was
// declared was the last word on this user and this agent; one that ended before was not.
macro_rules! to_be_made {
    () => {
        "
  FROM grants everybody
  WHERE org = $1 AND id = $2 AND user_sub = '*' AND $3 <> '*' AND ended_at IS NULL
    AND NOT EXISTS (
      SELECT 1 FROM grants own
      WHERE own.user_sub = $3 AND own.agent = everybody.agent
        AND own.connection = everybody.connection AND own.org = $1
        AND (own.template = $2 OR own.ended_at IS NULL OR own.ended_at > everybody.created_at))"
    };
}

const IS_TO_BE_MADE: &str = concat!("SELECT 1 AS made", to_be_made!());

// It begins with the epoch of the user's others, as one that is declared does (see `changes`).
const MAKE: &str = concat!(
    "
  INSERT INTO grants (org, id, connection, user_sub, agent, scope, targets, expires_at, created_at,
    epoch, template)
  SELECT $1, $4, connection, $3, agent, scope, targets, expires_at, created_at,
    (SELECT COALESCE(MAX(others.epoch), 0) FROM grants others
      WHERE others.org = $1 AND others.connection = everybody.connection AND others.user_sub = $3),
    $2",
    to_be_made!(),
    // Somebody else made it just now.
    "
  ON CONFLICT DO NOTHING"
);

/// Makes the user's own grant of a template, if that is to be.
pub(crate) async fn adopt(
    database: &Database,
    org: &str,
    template: &str,
    user: &str,
) -> Result<(), Fault> {
    // Without a look first, a user whose own has ended would wait for every change of the org, in vain.
    let this = [org.into(), template.into(), user.into()];
    if database.fetch_one(IS_TO_BE_MADE, &this).await?.is_none() {
        return Ok(());
    }
    let mut transaction = database.begin_beside_openings(org).await?;
    let id = own_grant(template, user).to_string();
    let values = [org.into(), template.into(), user.into(), id.into()];
    transaction.execute(MAKE, &values).await?;
    transaction.commit().await
}
