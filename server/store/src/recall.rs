//! What is known before a decision, in one round trip.

use delegation::{
    ports::{Grant, Lineage, Parent, Recalled},
    refusal::Fault,
};
use policy::{Scope, Standing, Timestamp};
use uuid::Uuid;

use crate::{
    database::{Database, Row},
    json, list, states,
    subjects::{sub, to_learn},
};

const ROOT_POSTGRES: &str = include_str!("postgres/recall_root.sql");
const ROOT_SQLITE: &str = include_str!("sqlite/recall_root.sql");
const DERIVED_POSTGRES: &str = include_str!("postgres/recall_derived.sql");
const DERIVED_SQLITE: &str = include_str!("sqlite/recall_derived.sql");

pub(crate) async fn recall(
    database: &Database,
    org: &str,
    lineage: &Lineage,
) -> Result<Recalled, Fault> {
    let (root, derived) = match database {
        Database::Postgres { .. } => (ROOT_POSTGRES, DERIVED_POSTGRES),
        Database::Sqlite { .. } => (ROOT_SQLITE, DERIVED_SQLITE),
    };
    let row = match lineage {
        Lineage::Root { connection, user, agent, names } => {
            let (own, everybody) = (sub(user), "*");
            let meant: Vec<&str> = names.iter().chain([&*own, everybody]).collect();
            let (meant, to_learn) = (json::write(&meant), to_learn(user, names));
            let texts = [org, connection, user, agent, &meant, &to_learn];
            database.look(root, &texts).await?
        }
        Lineage::Derived { delegation } => {
            database.look(derived, &[org, &delegation.to_string()]).await?
        }
    };
    let Some(row) = row else { return Ok(nothing()) };
    let (parent, names_known) = match lineage {
        Lineage::Root { .. } => (None, row.get::<i64>("unknown_names")? == 0),
        Lineage::Derived { .. } => (parent(&row)?, true),
    };
    Ok(Recalled {
        revision: row.get("revision")?,
        grant: grant(&row)?,
        parent,
        epoch: row.get("epoch")?,
        signalled: states::read(&row)?,
        heard_at: moment(&row, "heard_at")?,
        names_known,
    })
}

/// No revision is 0: whoever still holds a snapshot of this org will look again.
fn nothing() -> Recalled {
    Recalled {
        revision: 0,
        grant: None,
        parent: None,
        epoch: 0,
        signalled: Standing::default(),
        heard_at: None,
        names_known: true,
    }
}

fn grant(row: &Row) -> Result<Option<Grant>, Fault> {
    let Some(id) = row.get::<Option<String>>("grant_id")? else { return Ok(None) };
    Ok(Some(Grant {
        id,
        scope: scope(&row.get::<String>("scope")?)?,
        targets: list::read(&row.get::<String>("targets")?),
        expires_at: moment(row, "expires_at")?,
        ended_at: moment(row, "grant_ended_at")?,
    }))
}

fn parent(row: &Row) -> Result<Option<Parent>, Fault> {
    let Some(id) = row.get::<Option<String>>("id")? else { return Ok(None) };
    Ok(Some(Parent {
        id: uuid(&id)?,
        root: uuid(&row.get::<String>("root")?)?,
        connection: row.get("connection")?,
        user: row.get("user_sub")?,
        ended_at: moment(row, "ended_at")?,
        sealed_subject: row.get("subject_sealed")?,
    }))
}

pub(crate) fn moment(row: &Row, column: &'static str) -> Result<Option<Timestamp>, Fault> {
    Ok(row.get::<Option<i64>>(column)?.map(Timestamp))
}

pub(crate) fn uuid(text: &str) -> Result<Uuid, Fault> {
    Uuid::parse_str(text).map_err(|error| Fault::Store(format!("a stored id: {error}")))
}

pub(crate) fn scope(text: &str) -> Result<Scope, Fault> {
    Scope::parse(text).map_err(|error| Fault::Store(format!("a stored scope: {error}")))
}
