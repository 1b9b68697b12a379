//! `POST …/admin/revocations`: something must stop now.

use actix_web::{HttpRequest, HttpResponse, web};
use delegation::revoke::{self, NotDone, Place, Unknown, What, Word};
use keys::Object;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{Errand, Operation, Undone, read, run};
use crate::{
    app::App,
    http::{call::Call, reply::render},
};

/// What to end: exactly one of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    #[serde(deserialize_with = "secret")]
    token: Option<SecretString>,
    delegation: Option<Uuid>,
    session: Option<Object<Session>>,
    user: Option<Object<User>>,
    agent: Option<String>,
    grant: Option<String>,
    connection: Option<String>,
    org: Option<bool>,
    /// Why; stands in the audit trail.
    reason: Option<String>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    connection: String,
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    connection: String,
    id: String,
    #[serde(default)]
    disable: bool,
}

impl Asked {
    fn what(self) -> Option<What> {
        let user = |Object(User { connection, id: user, disable })| What::User {
            connection,
            user,
            disable,
        };
        let all = [
            self.token.map(What::Token),
            self.delegation.map(What::Delegation),
            self.session.map(|Object(Session { connection, id })| What::Session { connection, id }),
            self.user.map(user),
            self.agent.map(What::Agent),
            self.grant.map(What::Grant),
            self.connection.map(What::Connection),
            self.org.filter(|org| *org).map(|_| What::Org),
        ];
        super::exactly_one(all)
    }
}

/// What a body ends: for [`crate::http::probe`].
pub(in crate::http) fn what(body: &[u8]) -> Option<What> {
    keys::json(body).ok().and_then(|Object(asked): Object<Asked>| asked.what())
}

pub(super) async fn post(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let call = Call::json(&app, &request, payload).await;
    run((app, request), call, Operation::Revoke, async |errand| {
        let result = end(&errand).await;
        let outcome = match &result {
            Ok(_) => "ended",
            Err(Undone::Refused { .. }) => "refused",
            Err(Undone::Broken(_)) => "unavailable",
        };
        errand.app.metrics.ledger.revocation("operator", outcome);
        result
    })
    .await
}

async fn end(errand: &Errand<'_>) -> Result<HttpResponse, Undone> {
    let mut asked: Asked = read(errand.call)?;
    let reason = asked.reason.take();
    let what = asked.what().ok_or_else(|| {
        Undone::malformed(
            &"name exactly one of token, delegation, session, user, agent, grant, connection, org",
        )
    })?;
    let registry = errand.app.registry();
    let place = Place { org: &errand.org.id, ledger: &*errand.org.ledger, registry: &*registry };
    let ended = revoke::revoke(place, &what, call(errand, reason)).await.map_err(undone)?;
    let (org, operator) = (&errand.org.id, errand.operator.id());
    tracing::info!(org, operator, action = %ended.action, ended = ended.ended, "revoked");
    Ok(render(200, &ended))
}

/// The call of whoever is on this errand.
pub(super) fn call<'a>(errand: &Errand<'a>, reason: Option<String>) -> revoke::Call<'a> {
    let event = &errand.call.event;
    revoke::Call {
        id: event.id,
        now: event.at,
        request_id: event.request_id.clone(),
        client_address: event.client_address.clone(),
        word: Word::Operator(errand.operator),
        reason,
    }
}

pub(super) fn undone(not_done: NotDone) -> Undone {
    match not_done {
        NotDone::Broken(fault) => Undone::Broken(fault),
        NotDone::Refused(unknown) => match unknown {
            Unknown::Org(_)
            | Unknown::Token
            | Unknown::Delegation(_)
            | Unknown::Connection(_)
            | Unknown::Agent(_)
            | Unknown::Grant(_) => Undone::refused(404, "not_found", &unknown),
            Unknown::User(_) | Unknown::Session(_) => Undone::malformed(&unknown),
            Unknown::NotStopped(_) => Undone::refused(409, "not_stopped", &unknown),
            Unknown::Powerless => Undone::refused(403, "insufficient_scope", &unknown),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(json: &str) -> Option<What> {
        serde_json::from_str::<Asked>(json).ok()?.what()
    }

    #[test]
    fn reads_everything_that_can_be_ended() {
        for json in [
            r#"{"token":"a.b.c"}"#,
            r#"{"delegation":"01a2028d-631c-7464-a386-ae260f885211"}"#,
            r#"{"session":{"connection":"corp","id":"s-1"}}"#,
            r#"{"user":{"connection":"corp","id":"alice"}}"#,
            r#"{"agent":"researcher","reason":"incident 17"}"#,
            r#"{"grant":"g-1"}"#,
            r#"{"connection":"corp"}"#,
            r#"{"org":true}"#,
        ] {
            assert!(what(json).is_some(), "{json}");
        }
        let disabled = what(r#"{"user":{"connection":"corp","id":"alice","disable":true}}"#);
        assert!(matches!(disabled, Some(What::User { disable: true, .. })));
    }

    #[test]
    fn ends_nothing_when_it_is_not_clear_what() {
        for json in [
            "{}",
            "[]",
            r#"{"org":false}"#,
            r#"{"agent":"a","connection":"b"}"#,
            r#"{"org":true,"agent":"a"}"#,
            r#"{"agents":"a"}"#,
            r#"{"agent":"a","agent":"b"}"#,
            r#"{"delegation":"1"}"#,
            r#"{"user":"alice"}"#,
            r#"{"user":["corp","alice",true]}"#,
            r#"{"session":["corp","s-1"]}"#,
            r#"{"user":{"connection":"corp","id":"alice","disabled":true}}"#,
            r#"{"org":"yes"}"#,
        ] {
            assert!(what(json).is_none(), "{json}");
        }
    }
}
