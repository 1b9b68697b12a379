//! What a directory that speaks SCIM 2.0 says of a user now (RFC 7643, RFC 7644).
//!
//! It can know: whether the account is active, or no longer there. It cannot know: sessions, tokens,
//! changed passwords, devices, risk; SCIM has no words for them.
//!
//! Answers are remembered together with their `ETag` and asked for again with it: a 304 says that
//! they still hold, so it is as fresh as a whole one (RFC 7644 §3.14).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use delegation::ports::Question;
use keys::Object;
use policy::{Account, Standing};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::{Context, base, present, segment};
use crate::{
    access::{Access, Api, Style},
    check::{About, Check, Told},
    fault::UpstreamFault,
    http::call::{Call, Reply},
    settings::AccessSettings,
};

/// Users whose last answer is remembered, at most.
const REMEMBERED: usize = 10_000;
/// An `ETag` longer than this is not worth its place.
const LONGEST_ETAG: usize = 256;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where `/Users` is.
    pub url: String,
    #[serde(default)]
    pub lookup: Lookup,
    /// What a user without the member `active` is: without this, unknown.
    #[serde(default)]
    pub missing_active_means_enabled: bool,
    /// The published limit per minute; none: as much as there is to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    #[serde(flatten)]
    pub access: AccessSettings,
}

/// By which of its names a user is found.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Lookup {
    /// `id` is the token's `oid` or `uid`, or else its `sub`.
    #[default]
    Id,
    /// `userName` is the token's `sub`.
    UserName,
    /// `userName` is the token's `email`.
    Email,
}

#[derive(Debug)]
pub(crate) struct Scim {
    api: Api,
    lookup: Lookup,
    missing: Account,
    /// What each user's version of this `ETag` said.
    remembered: Mutex<HashMap<String, (String, Account)>>,
}

impl Scim {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let url = base(&settings.url)?;
        let access = Access::declared(&settings.access, None, Style::Basic)?;
        let budget = context.budget(settings.rate_limit);
        let api = Api::new(&url, context.outbound.clone(), access, budget);
        let enabled = settings.missing_active_means_enabled;
        let missing = if enabled { Account::Active } else { Account::Unknown };
        Ok(Self { api, lookup: settings.lookup, missing, remembered: Mutex::default() })
    }

    async fn call(&self, path: &str, etag: Option<String>) -> Result<Reply, UpstreamFault> {
        let call = Call::get(self.api.url(path)).accept("application/scim+json");
        self.api.call(call.if_none_match(etag)).await
    }

    async fn by_id(&self, id: &str) -> Result<Account, UpstreamFault> {
        let path = format!("/Users/{}?attributes=active,meta", segment(id)?);
        let known = self.remembered().get(id).cloned();
        let reply = self.call(&path, known.as_ref().map(|(etag, _)| etag.clone())).await?;
        if let (304, Some((_, account))) = (reply.status, known) {
            return Ok(account);
        }
        if reply.status == 404 && reply.object::<Error>().is_ok_and(|told| told.is_one()) {
            self.remembered().remove(id);
            return Ok(Account::Suspended);
        }
        let user: User = answer(&reply)?;
        if user.id != id {
            return Err(UpstreamFault::Answer("it is about another user"));
        }
        let account = self.account(&user);
        self.remember(id, reply.etag.or(user.meta.and_then(|Object(meta)| meta.version)), account);
        Ok(account)
    }

    async fn by_name(&self, name: &str) -> Result<Account, UpstreamFault> {
        let filter = format!("userName eq {}", serde_json::Value::from(name));
        let query = form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>();
        let query = query.replace('+', "%20");
        let path = format!("/Users?attributes=userName,active,meta&filter={query}");
        let list: List = answer(&self.call(&path, None).await?)?;
        if !list.schemas.iter().any(|schema| schema == LIST) {
            return Err(UpstreamFault::Answer("it is not a list"));
        }
        match (list.total_results, list.resources.as_slice()) {
            // RFC 7644 §3.4.2: a query that matches nothing is answered so.
            (0, []) => Ok(Account::Suspended),
            // `userName` is compared without case (RFC 7643 §4.1.1). A directory that does not
            // know the filter sends whomever it likes.
            (1, [Object(user)])
                if user.name().is_some_and(|found| found == name.to_lowercase()) =>
            {
                Ok(self.account(user))
            }
            _ => Err(UpstreamFault::Answer("it is not about this user alone")),
        }
    }

    fn account(&self, user: &User) -> Account {
        match user.active {
            Some(true) => Account::Active,
            Some(false) => Account::Suspended,
            None => self.missing,
        }
    }

    fn remember(&self, id: &str, etag: Option<String>, account: Account) {
        let mut remembered = self.remembered();
        match etag.filter(|etag| !etag.is_empty() && etag.len() <= LONGEST_ETAG) {
            Some(etag) => {
                // It only costs one whole answer for each of them.
                if REMEMBERED <= remembered.len() && !remembered.contains_key(id) {
                    remembered.clear();
                }
                remembered.insert(id.to_owned(), (etag, account));
            }
            None => drop(remembered.remove(id)),
        }
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<String, (String, Account)>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Check for Scim {
    fn kind(&self) -> &'static str {
        "scim"
    }

    fn about(&self) -> About {
        About::User
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let account = match self.lookup {
            Lookup::Id => {
                let id = question.hints.directory_id.as_ref().unwrap_or(&question.user);
                self.by_id(id).await?
            }
            Lookup::UserName => self.by_name(&question.user).await?,
            Lookup::Email => {
                let email = question.hints.email.as_deref();
                self.by_name(email.ok_or(UpstreamFault::NoHint("`email`"))?).await?
            }
        };
        Ok(Standing { account, ..Standing::default() }.into())
    }
}

fn answer<T: serde::de::DeserializeOwned>(reply: &Reply) -> Result<T, UpstreamFault> {
    match reply.status {
        403 => Err(UpstreamFault::NotAllowed("our client may not read users".to_owned())),
        _ => reply.ok(),
    }
}

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// RFC 7644 §3.12. Without it, a 404 may come from anybody on the way.
#[derive(Deserialize)]
struct Error {
    schemas: Vec<String>,
}

impl Error {
    fn is_one(&self) -> bool {
        self.schemas.iter().any(|schema| schema == "urn:ietf:params:scim:api:messages:2.0:Error")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    schemas: Vec<String>,
    total_results: u64,
    #[serde(default, rename = "Resources")]
    resources: Vec<Object<User>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    user_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    active: Option<bool>,
    meta: Option<Object<Meta>>,
}

impl User {
    fn name(&self) -> Option<String> {
        self.user_name.as_ref().map(|name| name.to_lowercase())
    }
}

#[derive(Deserialize)]
struct Meta {
    version: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_all_rather_than_grow_without_end() {
        let settings = r#"{"url":"https://scim.example","bearer":"x"}"#;
        let settings: Settings = serde_json::from_str(settings).unwrap();
        let scim = Scim::new(&settings, &Context::nowhere().unwrap()).unwrap();
        for n in 0..=REMEMBERED {
            scim.remember(&n.to_string(), Some("e".to_owned()), Account::Active);
        }
        assert_eq!(scim.remembered().len(), 1);
        scim.remember(&REMEMBERED.to_string(), Some("e".repeat(1000)), Account::Active);
        assert!(scim.remembered().is_empty());
    }
}
