//! Whom a signal means: from the names it uses to the users, sessions and tokens we know.

use std::collections::BTreeSet;

use delegation::{
    names::{Kind, Names},
    refusal::Fault,
    signal::{Affected, Effect, Whom},
};
use policy::Timestamp;

use crate::{
    database::{Database, Transaction},
    ending, json,
};

const USER_OF_NAME: &str = "
  SELECT user_sub FROM subject_names WHERE org = $1 AND connection = $2 AND name = $3";

const USER_BY_SUB: &str = "
  SELECT user_sub FROM grants WHERE org = $1 AND connection = $2 AND user_sub = $3 LIMIT 1";

const USERS_OF_SESSION: &str = "
  SELECT DISTINCT user_sub FROM delegations WHERE org = $1 AND connection = $2 AND session = $3";

// Only of chains that live: the others have forgotten the names. $3 and $4 as $6 and $5 of MARK_NAMED.
const USERS_OF_NAMED: &str = "
  SELECT DISTINCT user_sub FROM delegations
  WHERE org = $1 AND connection = $2 AND ended_at IS NULL AND expires_at > $4
    AND names IS NOT NULL AND replace(names, $3, '') <> names";

// In the order of the names, so that two of these cannot wait for each other.
const LEARN_POSTGRES: &str = "
  INSERT INTO subject_names (org, connection, name, user_sub)
  SELECT $1, $2, told.name, $3 FROM json_array_elements_text($4::json) AS told (name)
  ON CONFLICT (org, connection, name) DO UPDATE SET user_sub = excluded.user_sub
    WHERE subject_names.user_sub <> excluded.user_sub";

const LEARN_SQLITE: &str = "
  INSERT INTO subject_names (org, connection, name, user_sub)
  SELECT $1, $2, told.value, $3 FROM json_each($4) AS told WHERE true
  ON CONFLICT (org, connection, name) DO UPDATE SET user_sub = excluded.user_sub
    WHERE subject_names.user_sub <> excluded.user_sub";

/// The users of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Realm<'a> {
    pub org: &'a str,
    pub connection: &'a str,
}

/// Whom an effect concerns, as far as anybody knows.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where it is written down.
    pub places: Vec<Place>,
    /// Whose epochs it raises.
    pub users: BTreeSet<String>,
    /// Whether it may concern others, too: then it raises the epoch of the org.
    pub anybody: bool,
    /// What it may end.
    pub reach: Reach,
}

/// A row of what is known of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub name: String,
    /// The session or device it is about when it is written down for a user; else empty.
    pub about: String,
    /// Whether it is made when it is not there.
    pub made: bool,
}

/// What stands and may have to end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Users(BTreeSet<String>),
    /// By its `sid`.
    Session(String),
    /// Chains whose first token gave this name: `device:…`, `jti:…`.
    Named(String),
    /// Those of them that are this user's.
    NamedOf {
        user: String,
        name: String,
    },
    Everyone,
}

impl Target {
    /// Whether it is less than the user: a session, a device or a token, and a known one.
    pub fn is_narrow(&self) -> bool {
        match self.reach {
            Reach::Session(_) | Reach::Named(_) | Reach::NamedOf { .. } => true,
            Reach::Users(_) | Reach::Everyone => false,
        }
    }
}

/// A part of what a user has: one session, one device, one token.
struct Part<'a> {
    kind: Kind,
    id: &'a str,
    name: String,
}

impl<'a> Part<'a> {
    fn new(kind: Kind, id: &'a str) -> Self {
        // One that is too long, or has control characters, is nobody's: the same as unknown.
        let names = Names::default().with(kind, Some(id));
        Self { kind, id, name: names.iter().next().unwrap_or_default().to_owned() }
    }

    fn reach(&self) -> Reach {
        if self.kind == Kind::Session {
            Reach::Session(self.id.to_owned())
        } else {
            Reach::Named(self.name.clone())
        }
    }

    /// Those who are known to have it.
    async fn users(
        &self,
        transaction: &mut Transaction,
        Realm { org, connection }: Realm<'_>,
        now: Timestamp,
    ) -> Result<BTreeSet<String>, Fault> {
        if self.name.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut values = vec![org.into(), connection.into()];
        let sql = if self.kind == Kind::Session {
            values.push(self.id.into());
            USERS_OF_SESSION
        } else {
            values.extend([json::write(&self.name).into(), ending::since(now).into()]);
            USERS_OF_NAMED
        };
        let rows = transaction.fetch_all(sql, &values).await?;
        rows.iter().map(|row| row.get("user_sub")).collect()
    }
}

/// Finds out whom an effect concerns.
pub(crate) async fn find(
    transaction: &mut Transaction,
    realm: Realm<'_>,
    affected: &Affected,
    now: Timestamp,
) -> Result<Target, Fault> {
    let nobody = Names::default();
    let (names, part) = match &affected.whom {
        Whom::Everyone => {
            let place = Place { name: "*".to_owned(), about: String::new(), made: true };
            let (places, users) = (vec![place], BTreeSet::new());
            return Ok(Target { places, users, anybody: true, reach: Reach::Everyone });
        }
        Whom::TokenOf { user, id } => return Ok(of_token(user, id)),
        Whom::Session(id) => (&nobody, Some(Part::new(Kind::Session, id))),
        Whom::Token(id) => (&nobody, Some(Part::new(Kind::Token, id))),
        Whom::Device(id) => (&nobody, Some(Part::new(Kind::Device, id))),
        Whom::User { names, session, device } => {
            let session = session.as_deref().map(|id| Part::new(Kind::Session, id));
            let device = device.as_deref().map(|id| Part::new(Kind::Device, id));
            // A session on a device: what is said of the device holds for all its sessions.
            let part = match affected.effect {
                Effect::Device { .. } => device.or(session),
                Effect::SignedOut
                | Effect::Disabled
                | Effect::Enabled
                | Effect::StepUp
                | Effect::Risk(_)
                | Effect::Recheck
                | Effect::Forgotten => session.or(device),
            };
            (names, part)
        }
    };
    let mut users = users_of(transaction, realm, names).await?;
    let Some(part) = part else {
        return Ok(of_users(names, users, Said::OfUser));
    };
    let owners = part.users(transaction, realm, now).await?;
    // Somebody else's session is none of this user, and nothing is said of it.
    let strange = !owners.is_empty() && !users.is_empty() && users.is_disjoint(&owners);
    let known = !owners.is_empty() && !strange;
    if known {
        users.extend(owners);
    }
    // Anybody may sit at a device: it says nothing of the accounts of those who do.
    let shared = matches!(affected.whom, Whom::Device(_));
    let has_user = known || !users.is_empty() || !names.is_empty();
    if is_of_account(affected.effect) && has_user && !shared {
        return Ok(of_users(names, users, Said::OfUser));
    }
    let mut target = of_users(names, users, Said::OfPart { name: &part.name, known });
    if !part.name.is_empty() && !strange {
        let place = Place { name: part.name.clone(), about: String::new(), made: true };
        target.places.push(place);
    }
    if known {
        target.reach = part.reach();
    }
    target.anybody |= shared;
    Ok(target)
}

/// Nothing has to be looked for: neither whose it is, nor among others' chains.
fn of_token(user: &str, id: &str) -> Target {
    let name = Part::new(Kind::Token, id).name;
    let place = Place { name: name.clone(), about: String::new(), made: true };
    Target {
        places: vec![place],
        users: [user.to_owned()].into(),
        anybody: false,
        reach: Reach::NamedOf { user: user.to_owned(), name },
    }
}

/// Whether it concerns the account as a whole, whatever part of it is named.
const fn is_of_account(effect: Effect) -> bool {
    match effect {
        Effect::Disabled | Effect::Enabled | Effect::Forgotten => true,
        Effect::SignedOut
        | Effect::StepUp
        | Effect::Device { .. }
        | Effect::Risk(_)
        | Effect::Recheck => false,
    }
}

#[derive(Clone, Copy)]
enum Said<'a> {
    OfUser,
    /// Of a part, which is known, so that it need not stand for the user.
    OfPart {
        name: &'a str,
        known: bool,
    },
}

fn of_users(names: &Names, users: BTreeSet<String>, said: Said<'_>) -> Target {
    let (about, made) = match said {
        Said::OfUser => ("", true),
        Said::OfPart { name, known } => (name, !known),
    };
    let all: BTreeSet<String> =
        names.iter().map(str::to_owned).chain(users.iter().map(|user| sub(user))).collect();
    let places =
        all.into_iter().map(|name| Place { name, about: about.to_owned(), made }).collect();
    Target { places, anybody: users.is_empty(), reach: Reach::Users(users.clone()), users }
}

/// Users by their own names: a `sub` as it is; what is learned; an id also as a `sub`, for providers
/// where the two are one.
async fn users_of(
    transaction: &mut Transaction,
    Realm { org, connection }: Realm<'_>,
    names: &Names,
) -> Result<BTreeSet<String>, Fault> {
    let mut users = BTreeSet::new();
    for name in names.iter() {
        if let Some(user) = name.strip_prefix("sub:") {
            users.insert(user.to_owned());
            continue;
        }
        let mut rows = transaction
            .fetch_all(USER_OF_NAME, &[org.into(), connection.into(), name.into()])
            .await?;
        if let Some(id) = name.strip_prefix("id:") {
            let values = [org.into(), connection.into(), id.into()];
            rows.extend(transaction.fetch_all(USER_BY_SUB, &values).await?);
        }
        for row in rows {
            users.insert(row.get("user_sub")?);
        }
    }
    Ok(users)
}

/// The name of a user that every token gives.
pub(crate) fn sub(user: &str) -> String {
    format!("sub:{user}")
}

/// The names of `user` that have to be learned: the `sub` says itself whom it means.
pub(crate) fn to_learn(user: &str, names: &Names) -> String {
    let own = sub(user);
    json::write(&names.of_user().iter().filter(|name| *name != own).collect::<Vec<_>>())
}

pub(crate) async fn learn(
    database: &Database,
    Realm { org, connection }: Realm<'_>,
    user: &str,
    names: &Names,
) -> Result<(), Fault> {
    let sql = match database {
        Database::Postgres { .. } => LEARN_POSTGRES,
        Database::Sqlite { .. } => LEARN_SQLITE,
    };
    let values = [org.into(), connection.into(), user.into(), to_learn(user, names).into()];
    database.execute(sql, &values).await.map(drop)
}
