//! Events in the Open Cybersecurity Schema Framework, version 1.9.0: the first with `delegation`
//! (who acts for whom, by whose authority) in its profile `ai_operation`.
//!
//! An issued token is a session with privileges (`Authorize Session`), a request that got none an API
//! call that failed (`API Activity`), and whatever an operator or a provider has changed is
//! `Entity Management`. What has no place in the schema is in `unmapped`.

use delegation::{
    event::Outcome,
    trail::{Link, Record},
};
use serde_json::{Map, Value, json};

use super::{
    format,
    weight::{outcome, succeeded, title, weight},
};

const SCHEMA: &str = "1.9.0";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Category, class and activity, with the captions the schema has for them.
#[derive(Clone, Copy)]
struct Class {
    category: (u32, &'static str),
    class: (u32, &'static str),
    activity: (u32, &'static str),
}

const IAM: (u32, &str) = (3, "Identity & Access Management");

const fn managed(activity: (u32, &'static str)) -> Class {
    Class { category: IAM, class: (3004, "Entity Management"), activity }
}

const fn class(outcome: Option<Outcome>) -> Class {
    match outcome {
        Some(Outcome::Issued) => Class {
            category: IAM,
            class: (3003, "Authorize Session"),
            activity: (1, "Assign Privileges"),
        },
        Some(Outcome::Refused | Outcome::Unavailable) => Class {
            category: (6, "Application Activity"),
            class: (6003, "API Activity"),
            activity: (1, "Create"),
        },
        Some(Outcome::Signalled | Outcome::Rotated) => managed((3, "Update")),
        Some(Outcome::Revoked) => managed((9, "Disable")),
        Some(Outcome::Restored) => managed((8, "Enable")),
        None => Class {
            category: (0, "Uncategorized"),
            class: (0, "Base Event"),
            activity: (0, "Unknown"),
        },
    }
}

/// The event, an object.
pub(super) fn event(org: &str, link: &Link) -> Value {
    let record = format::read(link);
    let outcome = outcome(record.as_ref());
    let mut event = frame(org, link, outcome);
    match &record {
        Some(record) => fill(&mut event, record, outcome),
        None => put(&mut event, "raw_data", Some(link.record.clone())),
    }
    Value::Object(event)
}

type Object = Map<String, Value>;

fn put(object: &mut Object, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// An object of those members that are there; none when none is.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Option<Value> {
    let members: Object =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    (!members.is_empty()).then_some(Value::Object(members))
}

fn text(text: Option<&str>) -> Option<Value> {
    text.map(Value::from)
}

/// What every event says.
fn frame(org: &str, link: &Link, outcome: Option<Outcome>) -> Object {
    let Class { category, class, activity } = class(outcome);
    let (severity_id, severity) = weight(outcome).ocsf();
    let (status_id, status) = if succeeded(outcome) { (1, "Success") } else { (2, "Failure") };
    let frame = json!({
        "metadata": {
            "version": SCHEMA,
            "product": { "name": "actas", "vendor_name": "actas", "version": VERSION },
            "profiles": ["ai_operation"],
            "log_name": "audit",
            "tenant_uid": org,
            "sequence": link.seq,
        },
        "category_uid": category.0, "category_name": category.1,
        "class_uid": class.0, "class_name": class.1,
        "activity_id": activity.0, "activity_name": activity.1,
        "type_uid": class.0 * 100 + activity.0,
        "type_name": format!("{}: {}", class.1, activity.1),
        "severity_id": severity_id, "severity": severity,
        "status_id": status_id, "status": status,
        "message": title(outcome),
        "time": 0,
        "unmapped": { "hash": keys::hex(&link.hash) },
    });
    match frame {
        Value::Object(frame) => frame,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Object::new()
        }
    }
}

fn fill(event: &mut Object, record: &Record<'_>, outcome: Option<Outcome>) {
    put(event, "time", Some(record.at.saturating_mul(1000)));
    put(event, "status_code", record.reason.as_deref());
    put(event, "status_detail", record.detail.as_deref());
    if let Some(Value::Object(metadata)) = event.get_mut("metadata") {
        put(metadata, "uid", Some(&*record.id));
        put(metadata, "event_code", Some(&*record.outcome));
        put(metadata, "correlation_uid", record.root.as_deref());
    }
    if let Some(Value::Object(unmapped)) = event.get_mut("unmapped") {
        rest(unmapped, record);
    }
    put(event, "actor", Some(actor(record)));
    put(event, "ai_agent", agent(record));
    put(event, "delegation", delegation(record, outcome));
    put(event, "src_endpoint", object([("ip", text(record.client_address.as_deref()))]));
    match outcome {
        Some(Outcome::Issued) => session(event, record),
        Some(Outcome::Refused | Outcome::Unavailable) => call(event, record),
        Some(Outcome::Signalled | Outcome::Revoked | Outcome::Restored | Outcome::Rotated) => {
            put(event, "entity", Some(entity(record, outcome)));
            put(event, "comment", record.detail.as_deref());
        }
        None => {}
    }
}

/// What the schema has no place for.
fn rest(unmapped: &mut Object, record: &Record<'_>) {
    let chain = record.chain.iter().map(|actor| json!({ "iss": actor.iss, "sub": actor.sub }));
    let chain: Vec<_> = chain.collect();
    put(unmapped, "chain", (!chain.is_empty()).then_some(chain));
    put(unmapped, "target", record.target.as_deref());
    put(unmapped, "scope_requested", record.scope_requested.as_deref());
    put(unmapped, "scope_granted", record.scope_granted.as_deref());
    put(unmapped, "grant", record.grant.as_deref());
    put(unmapped, "connection", record.connection.as_deref());
    put(unmapped, "request_id", Some(&*record.request_id));
    put(unmapped, "ended", record.ended);
    let checks = serde_json::to_value(&record.checks).ok();
    put(unmapped, "checks", checks.filter(|_| !record.checks.is_empty()));
}

/// The principal: the user, or who did it; with the client that asked.
fn actor(record: &Record<'_>) -> Value {
    let user = match &record.operator {
        Some(operator) => Some(json!({ "name": operator, "type_id": 2, "type": "Admin" })),
        None => user(record),
    };
    let policy = object([
        ("name", text(record.policies.as_deref())),
        ("uid", text(record.policy_hash.as_deref())),
    ]);
    let idp = object([("uid", text(record.connection.as_deref()))]);
    let actor = object([
        ("user", user),
        ("app_uid", text(record.client.as_deref())),
        ("idp", idp.clone()),
        ("authorizations", policy.map(|policy| json!([{ "policy": policy }]))),
    ]);
    let named = record.operator.is_some() || record.subject.is_some() || record.client.is_some();
    match actor {
        Some(actor) if named => actor,
        // The schema wants to know somebody.
        _ => object([("app_name", text(Some("unknown"))), ("idp", idp)]).unwrap_or_default(),
    }
}

fn user(record: &Record<'_>) -> Option<Value> {
    let uid = record.subject.as_deref()?;
    Some(json!({ "uid": uid, "type_id": 1, "type": "User" }))
}

/// The delegate, by the name it has in `act`; only claimed when authentication failed.
fn agent(record: &Record<'_>) -> Option<Value> {
    let client = record.client.as_deref()?;
    let uid = record.chain.first().map(|actor| &*actor.sub);
    let uid = uid.map_or_else(|| format!("agent:{client}"), str::to_owned);
    Some(json!({ "uid": uid, "name": client }))
}

fn delegation(record: &Record<'_>, outcome: Option<Outcome>) -> Option<Value> {
    let uid = record.delegation.as_deref()?;
    let issued = outcome == Some(Outcome::Issued);
    object([
        ("uid", text(Some(uid))),
        ("parent_uid", text(record.parent.as_deref())),
        ("issuer_uid", text(record.chain.first().map(|actor| &*actor.iss))),
        ("created_time", issued.then(|| record.at.saturating_mul(1000).into())),
    ])
}

/// `Authorize Session`.
fn session(event: &mut Object, record: &Record<'_>) {
    let scope = record.scope_granted.as_deref().unwrap_or_default();
    let privileges: Vec<_> = scope.split_ascii_whitespace().map(Value::from).collect();
    put(event, "privileges", Some(privileges));
    let unknown = || json!({ "name": "unknown", "type_id": 0 });
    put(event, "user", Some(user(record).unwrap_or_else(unknown)));
    let session = object([
        ("uid", text(record.delegation.as_deref())),
        ("issuer", text(record.chain.first().map(|actor| &*actor.iss))),
        ("created_time", Some(record.at.saturating_mul(1000).into())),
    ]);
    put(event, "session", session);
    put(event, "dst_endpoint", object([("svc_name", text(record.target.as_deref()))]));
}

/// `API Activity`.
fn call(event: &mut Object, record: &Record<'_>) {
    let response = object([
        ("error", text(record.error.as_deref())),
        ("error_message", text(record.reason.as_deref())),
    ]);
    let api = object([
        ("operation", text(Some("token"))),
        ("request", Some(json!({ "uid": record.request_id }))),
        ("response", response),
    ]);
    put(event, "api", api);
    event.entry("src_endpoint").or_insert_with(|| json!({ "name": "unknown" }));
    let resource = object([("uid", text(record.target.as_deref()))]);
    put(event, "resources", resource.map(|resource| json!([resource])));
}

/// What was changed: the narrowest thing the record names.
fn entity(record: &Record<'_>, outcome: Option<Outcome>) -> Value {
    let of = |kind: &str, uid: &str| json!({ "type": kind, "type_id": 99, "uid": uid });
    if outcome == Some(Outcome::Rotated) {
        return of("Signing keys", &record.org);
    }
    if let Some(delegation) = &record.delegation {
        return of("Delegation", delegation);
    }
    if let Some(grant) = &record.grant {
        return of("Grant", grant);
    }
    if let (Some(subject), Some(user)) = (&record.subject, user(record)) {
        return json!({ "type": "User", "type_id": 2, "uid": subject, "user": user });
    }
    if let (Some(client), Some(_)) = (&record.client, &record.operator) {
        return of("Agent", client);
    }
    match &record.connection {
        Some(connection) => of("Connection", connection),
        None => json!({ "type": "Organization", "type_id": 4, "uid": record.org,
                        "org": { "uid": record.org } }),
    }
}
