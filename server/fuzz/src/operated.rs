//! What operators write: an organization's file, and requests to the admin API.

use std::{collections::BTreeSet, path::Path};

use delegation::trail::LARGEST_PAGE;
use policy::Timestamp;
use serde_json::Value;
use server::{apply::check, http::probe};

use crate::{json::Json, signed::NOW};

/// An organization's file (`org.toml`): every problem is told, and what is taken is taken the same again.
pub fn org_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // What it names is read from the disk, which is not to be searched here; nor by an escaped name.
    if text.contains("file") || text.contains('\\') {
        return;
    }
    let read = || check::parse(text, Path::new("/nowhere"));
    match read() {
        Ok(desired) => {
            assert!(!desired.id.is_empty());
            let again = read().map(|again| format!("{again:?}"));
            assert_eq!(again, Ok(format!("{desired:?}")));
        }
        Err(problems) => assert!(!problems.is_empty(), "a refusal says why"),
    }
}

/// A query to the audit trail: each parameter once, and a page that is bounded.
pub fn audit_query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(query) = probe::audit_query(text, Timestamp(NOW)) else { return };
    let names: Vec<_> = url::form_urlencoded::parse(data).map(|(name, _)| name).collect();
    let different: BTreeSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "no parameter comes twice");
    assert!((1..=LARGEST_PAGE).contains(&query.most));
    assert!(query.after.is_none_or(|after| 0 <= after));
    assert!([&query.user, &query.agent].into_iter().flatten().all(|name| !name.is_empty()));
}

/// A body that ends something: exactly one thing, said once, and its token is not shown.
pub fn revocation(data: &[u8]) {
    let Some(what) = probe::revocation(data) else { return };
    let body = Json::parse(data).unwrap_or(Json::List(Vec::new()));
    assert!(body.is_object() && body.is_unambiguous(), "{body:?}");
    let Json::Object(members) = &body else { return };
    let says = |(name, value): &&(String, Json)| {
        name != "reason" && !matches!(value, Json::Other(Value::Null | Value::Bool(false)))
    };
    assert_eq!(members.iter().filter(says).count(), 1, "{what:?}");
    for name in ["user", "session"] {
        let said = body.member(name).filter(|said| **said != Json::Other(Value::Null));
        assert!(said.is_none_or(Json::is_object), "a list of the members names nobody");
    }
    let token = body.member("token").and_then(Json::text).unwrap_or_default();
    assert!(token.len() < 32 || !format!("{what:?}").contains(token), "tokens are not shown");
}
