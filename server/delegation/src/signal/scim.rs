//! What a SCIM client pushes about users (RFC 7644): deactivations above all.
//!
//! There is no store of users here. The id a user is given says its names, so that a later request
//! about that id is understood; answers repeat what was sent. A user is never "found" by a search, so a
//! client creates it, which costs nothing, and holds an id from then on.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::SecretHash;
use serde_json::{Map, Value};

use super::{
    Affected, Arrival, Effect, NotTaken, SignalRefusal, Taken, Whom,
    arrival::{Told, apply, bearer, is_secret},
    events::{enabled, gone, recheck},
};
use crate::{
    event::quoted,
    names::{Kind, Names},
    org::{Connection, Org},
};

/// What is asked about a user.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    Create(&'a Value),
    Replace { id: &'a str, user: &'a Value },
    Patch { id: &'a str, patch: &'a Value },
    Delete { id: &'a str },
}

/// A user, as far as a SCIM client is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub id: String,
    pub user_name: String,
    pub external_id: Option<String>,
    /// Only when the request said so: we do not remember.
    pub active: Option<bool>,
}

type Members = Map<String, Value>;

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:user:";

/// Whether a SCIM client may speak for the connection's provider.
///
/// # Errors
///
/// [`SignalRefusal::NoReceiver`], [`SignalRefusal::Stranger`].
pub fn authenticate(
    org: &Org,
    connection: &Connection,
    authorization: Option<&str>,
) -> Result<(), SignalRefusal> {
    let agreed: &SecretHash = connection.signals.scim.as_ref().ok_or(SignalRefusal::NoReceiver)?;
    let known = is_secret(&org.master, agreed, bearer(authorization));
    if known { Ok(()) } else { Err(SignalRefusal::Stranger) }
}

/// Lets a change take effect; the caller has been [authenticated](authenticate).
///
/// # Errors
///
/// [`SignalRefusal::Shape`]: it is not a user, or not a patch.
pub async fn provision(
    org: &Org,
    connection: &Connection,
    change: Change<'_>,
    arrival: &Arrival,
) -> Result<(User, Taken), NotTaken> {
    let said = Said::read(change)?;
    let kind = said.kind(change);
    let effects = said.effects(change).into_iter().map(|effect| Affected {
        whom: Whom::User { names: said.names.clone(), session: None, device: None },
        effect,
        at: arrival.now,
    });
    let told = Told {
        issuer: connection.issuer.clone(),
        id: arrival.id.to_string(),
        reason: kind,
        detail: quoted(&said.names.iter().collect::<Vec<_>>().join(" ")),
        subject: None,
        effects: effects.collect(),
    };
    let signalled = apply(org, connection, told, arrival).await?;
    Ok((said.user, Taken { kinds: vec![kind], signalled, is_of_use: true, alert: None }))
}

/// What a change says of whom, every name it goes by: for [`super::probe`].
pub(super) fn said(change: Change<'_>) -> Result<(User, Names, Vec<Effect>), SignalRefusal> {
    let said = Said::read(change)?;
    let effects = said.effects(change);
    Ok((said.user, said.names, effects))
}

impl User {
    /// The user behind an id of ours; any other id is taken for a name.
    #[must_use]
    pub fn of_id(id: &str) -> Self {
        let written = URL_SAFE_NO_PAD.decode(id).ok();
        let names = written.and_then(|json| serde_json::from_slice(&json).ok());
        let (user_name, external_id): (String, Option<String>) =
            names.unwrap_or_else(|| (id.to_owned(), None));
        Self { id: id.to_owned(), user_name, external_id, active: None }
    }

    fn with_id(mut self) -> Self {
        let names = serde_json::json!([self.user_name, self.external_id]);
        self.id = URL_SAFE_NO_PAD.encode(names.to_string());
        self
    }

    fn names(&self) -> Names {
        by_name(Names::default(), &self.user_name, self.external_id.as_deref())
    }
}

/// `userName` is a mail address or what the provider calls `sub`; `externalId` is its own id.
fn by_name(names: Names, user_name: &str, external_id: Option<&str>) -> Names {
    let mail = user_name.contains('@').then_some(user_name);
    let names = names.with(Kind::Subject, Some(user_name)).with(Kind::Email, mail);
    names.with(Kind::Directory, external_id).with(Kind::Subject, external_id)
}

/// What a request says of a user.
struct Said {
    user: User,
    /// Every name it goes by, before and after.
    names: Names,
}

impl Said {
    fn read(change: Change<'_>) -> Result<Self, SignalRefusal> {
        let (mut user, mut names) = match change {
            Change::Create(_) => (User::default(), Names::default()),
            Change::Replace { id, .. } | Change::Patch { id, .. } | Change::Delete { id } => {
                let user = User::of_id(id);
                let names = user.names();
                (user, names)
            }
        };
        for (name, value) in statements(change)? {
            match name.as_str() {
                "username" => user.user_name = text(value).ok_or(SignalRefusal::Shape)?,
                "externalid" => user.external_id = text(value),
                "active" => user.active = Some(truth(value).ok_or(SignalRefusal::Shape)?),
                name if name.starts_with("emails") => {
                    for mail in mails(value) {
                        names =
                            names.with(Kind::Email, Some(&mail)).with(Kind::Subject, Some(&mail));
                    }
                }
                _ => {}
            }
        }
        names = by_name(names, &user.user_name, user.external_id.as_deref());
        if names.is_empty() || Names::LONGEST < user.user_name.len() {
            return Err(SignalRefusal::Shape);
        }
        let user = match change {
            Change::Create(_) => user.with_id(),
            Change::Replace { .. } | Change::Patch { .. } | Change::Delete { .. } => user,
        };
        Ok(Self { user, names })
    }

    fn effects(&self, change: Change<'_>) -> Vec<Effect> {
        let none = Members::new();
        match (change, self.user.active) {
            (Change::Delete { .. }, _) | (_, Some(false)) => gone(&none),
            (_, Some(true)) | (Change::Create(_), None) => enabled(&none),
            (Change::Replace { .. } | Change::Patch { .. }, None) => recheck(&none),
        }
    }

    fn kind(&self, change: Change<'_>) -> &'static str {
        match (change, self.user.active) {
            (Change::Delete { .. }, _) => "scim_delete",
            (_, Some(false)) => "scim_deactivate",
            (Change::Create(_), _) => "scim_create",
            (_, Some(true)) => "scim_activate",
            (Change::Replace { .. }, None) => "scim_put",
            (Change::Patch { .. }, None) => "scim_patch",
        }
    }
}

/// Whether a resource, or a patch of one, says that the user is active.
pub(super) fn active_of(value: &Value) -> Result<Option<bool>, SignalRefusal> {
    let members = object(value)?;
    let mut active = None;
    let statements = match find(members, "operations") {
        Some(_) => operations(members)?,
        None => attributes(members),
    };
    for (name, value) in statements {
        if name == "active" {
            active = Some(truth(value).ok_or(SignalRefusal::Shape)?);
        }
    }
    Ok(active)
}

/// What is said of which attribute, in order; names in lower case, without their schema.
fn statements(change: Change<'_>) -> Result<Vec<(String, &Value)>, SignalRefusal> {
    match change {
        Change::Create(user) | Change::Replace { user, .. } => object(user).map(attributes),
        Change::Patch { patch, .. } => object(patch).and_then(operations),
        Change::Delete { .. } => Ok(Vec::new()),
    }
}

fn object(value: &Value) -> Result<&Members, SignalRefusal> {
    value.as_object().ok_or(SignalRefusal::Shape)
}

fn attributes(members: &Members) -> Vec<(String, &Value)> {
    members.iter().map(|(name, value)| (attribute(name), value)).collect()
}

/// RFC 7644 §3.5.2. Entra writes `Replace`, and leaves the path out.
fn operations(patch: &Members) -> Result<Vec<(String, &Value)>, SignalRefusal> {
    let operations = find(patch, "operations").and_then(Value::as_array);
    let mut statements = Vec::new();
    for operation in operations.ok_or(SignalRefusal::Shape)? {
        let operation = object(operation)?;
        let op = find(operation, "op").and_then(Value::as_str).ok_or(SignalRefusal::Shape)?;
        match op.to_ascii_lowercase().as_str() {
            "add" | "replace" => {}
            // What is removed is no longer said.
            "remove" => continue,
            _ => return Err(SignalRefusal::Shape),
        }
        let value = find(operation, "value").ok_or(SignalRefusal::Shape)?;
        match find(operation, "path").and_then(Value::as_str) {
            Some(path) => statements.push((attribute(path), value)),
            None => {
                statements.extend(attributes(object(value)?));
            }
        }
    }
    Ok(statements)
}

/// RFC 7643 §2.1: "Attribute names are case insensitive"; §3.10: they may be prefixed by the schema.
fn attribute(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.strip_prefix(CORE).map(str::to_owned).unwrap_or(name)
}

fn find<'a>(members: &'a Members, name: &str) -> Option<&'a Value> {
    members.iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Entra writes `"False"`, and wrote `[{"value": "False"}]`.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        Value::Array(one) => match one.as_slice() {
            [one] => truth(one.get("value")?),
            _ => None,
        },
        Value::Null | Value::String(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The addresses in `emails`, or the one that `emails[type eq "work"].value` is set to.
fn mails(value: &Value) -> Vec<String> {
    match value {
        Value::String(mail) => vec![mail.clone()],
        Value::Array(mails) => mails.iter().filter_map(|mail| text(mail.get("value")?)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
