//! What Keycloak's directory and its sessions say of a user now (admin REST API, 26).
//!
//! It can know: whether the account is enabled and still there, whether the token's session (`sid`)
//! is among the user's, from when on sign-ins count (`notBefore` of the user and of the realm, and
//! the password's last change, which ends nothing at Keycloak itself), and what the user has to do
//! at the next sign-in (`requiredActions`); and from which address the session was begun. It cannot know: whether the token itself was revoked,
//! and a client's `notBefore` (reading clients hands out their secrets): ask `introspection` for
//! those, too. Nothing is told of devices, places and risk.
//!
//! A session that is only offline is not among the user's sessions: its tokens are refused, unless
//! `sessions` is false.
//!
//! Our service account needs the roles `view-users` and `view-realm` of `realm-management`. The
//! user's `sub` must be the id in Keycloak: no pairwise subjects.

use async_trait::async_trait;
use delegation::ports::Question;
use keys::Object;
use policy::{Access, Account, Session, Standing, StepUp, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Context, base, segment};
use crate::{
    access::{Access as Entry, Api, Style},
    check::{About, Check, Told, together},
    fault::UpstreamFault,
    http::call::Reply,
    settings::AccessSettings,
};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where `/realms/…` and `/admin/realms/…` are.
    pub url: String,
    pub realm: String,
    /// Whether the token's session must be among the user's.
    #[serde(default = "yes")]
    pub sessions: bool,
    /// Whether who signed in before the password was changed must sign in again.
    #[serde(default = "yes")]
    pub credentials: bool,
    /// Whether the realm's own `notBefore` counts.
    #[serde(default = "yes")]
    pub realm_not_before: bool,
    /// Requests per minute; none: as many as there are to make, since it is the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    #[serde(flatten)]
    pub access: AccessSettings,
}

fn yes() -> bool {
    true
}

#[derive(Debug)]
pub(crate) struct Keycloak {
    api: Api,
    sessions: bool,
    credentials: bool,
    realm_not_before: bool,
}

impl Keycloak {
    pub(crate) fn new(settings: &Settings, context: &Context) -> Result<Self, String> {
        let url = base(&settings.url)?;
        let realm = segment(&settings.realm).map_err(|_| "`realm` is no realm's name")?;
        let token_endpoint = format!("{url}/realms/{realm}/protocol/openid-connect/token");
        let access = Entry::declared(&settings.access, Some(token_endpoint), Style::Basic)?;
        let (outbound, budget) = (context.outbound.clone(), context.budget(settings.rate_limit));
        let api = Api::new(&format!("{url}/admin/realms/{realm}"), outbound, access, budget);
        let Settings { sessions, credentials, realm_not_before, .. } = *settings;
        Ok(Self { api, sessions, credentials, realm_not_before })
    }

    async fn account(&self, user: &str, id: &str) -> Result<Standing, UpstreamFault> {
        let reply = self.api.get(&format!("/users/{user}")).await?;
        let Some(found) = found(&reply, Reply::object::<User>)? else { return Ok(gone()) };
        if found.id != id {
            return Err(UpstreamFault::Answer("it is about another user"));
        }
        let account = if found.enabled { Account::Active } else { Account::Suspended };
        let access = match found.required_actions.as_slice() {
            [] => Access::Unknown,
            // Keycloak asks for them at the next sign-in, whatever they are.
            [..] => Access::Demands(StepUp { max_age: Some(0), ..StepUp::default() }),
        };
        let sessions_valid_from = moment(found.not_before);
        Ok(Standing { account, access, sessions_valid_from, ..Standing::default() })
    }

    async fn session(&self, user: &str, sid: Option<&str>) -> Result<Standing, UpstreamFault> {
        let Some(sid) = sid.filter(|_| self.sessions) else { return Ok(Standing::default()) };
        let reply = self.api.get(&format!("/users/{user}/sessions")).await?;
        let sessions = found(&reply, Reply::json::<Vec<Object<UserSession>>>)?;
        let Some(sessions) = sessions else { return Ok(gone()) };
        let found = sessions.into_iter().find(|Object(session)| session.id == sid);
        let session = if found.is_some() { Session::Live } else { Session::Ended };
        let network = found.and_then(|Object(session)| session.ip_address);
        Ok(Standing { session, network, ..Standing::default() })
    }

    async fn password(&self, user: &str) -> Result<Standing, UpstreamFault> {
        if !self.credentials {
            return Ok(Standing::default());
        }
        let reply = self.api.get(&format!("/users/{user}/credentials")).await?;
        let credentials = found(&reply, Reply::json::<Vec<Object<Credential>>>)?;
        let Some(credentials) = credentials else { return Ok(gone()) };
        let credentials = credentials.iter().map(|Object(credential)| credential);
        let passwords = credentials.filter(|credential| credential.kind == "password");
        let changed_at = passwords.filter_map(|password| password.created_date).max();
        // To the second below: who signs in within that second is not signed out.
        let sessions_valid_from = moment(changed_at.map(|milliseconds| milliseconds / 1000));
        Ok(Standing { sessions_valid_from, ..Standing::default() })
    }

    async fn realm(&self) -> Result<Standing, UpstreamFault> {
        if !self.realm_not_before {
            return Ok(Standing::default());
        }
        let reply = self.api.get("").await?;
        if reply.status == 403 {
            return Err(lacks("view-realm"));
        }
        let realm: Realm = reply.ok()?;
        // Who may not see a realm is told its name.
        let not_before = realm.not_before.ok_or_else(|| lacks("view-realm"))?;
        Ok(Standing { sessions_valid_from: moment(Some(not_before)), ..Standing::default() })
    }
}

#[async_trait]
impl Check for Keycloak {
    fn kind(&self) -> &'static str {
        "keycloak"
    }

    fn about(&self) -> About {
        About::User
    }

    /// All at once: each of them is as of now.
    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        let user = segment(&question.user)?;
        let (account, session, password, realm) = tokio::join!(
            self.account(&user, &question.user),
            self.session(&user, question.hints.session.as_deref()),
            self.password(&user),
            self.realm(),
        );
        together([account, session, password, realm])
    }
}

/// None when there is no such user.
fn found<T>(
    reply: &Reply,
    read: fn(&Reply) -> Result<T, UpstreamFault>,
) -> Result<Option<T>, UpstreamFault> {
    match reply.status {
        200 => read(reply).map(Some),
        403 => Err(lacks("view-users")),
        // A wrong realm, or a proxy in between, is a 404, too.
        404 if reply.object::<Error>().is_ok_and(|told| told.error == "User not found") => Ok(None),
        status => Err(UpstreamFault::Status(status)),
    }
}

fn gone() -> Standing {
    Standing { account: Account::Suspended, ..Standing::default() }
}

fn lacks(role: &str) -> UpstreamFault {
    UpstreamFault::NotAllowed(format!("our service account lacks the role `{role}`"))
}

/// Zero stands for never.
fn moment(seconds: Option<i64>) -> Option<Timestamp> {
    seconds.filter(|seconds| 0 < *seconds).map(Timestamp)
}

#[derive(Deserialize)]
struct Error {
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    enabled: bool,
    #[serde(default)]
    required_actions: Vec<String>,
    /// Seconds.
    not_before: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserSession {
    id: String,
    /// Where the user signed in from.
    ip_address: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    #[serde(rename = "type")]
    kind: String,
    /// Milliseconds; for a password when it was set last.
    created_date: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Realm {
    /// Seconds.
    not_before: Option<i64>,
}
