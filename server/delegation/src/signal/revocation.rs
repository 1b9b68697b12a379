//! Global token revocation (draft-parecki-oauth-global-token-revocation), as Okta's Universal Logout
//! asks for it: everything of one user ends.

use std::{sync::Arc, time::Duration};

use keys::{Algorithm, EventKind, ExpectEvent, Object, PublicKeys};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Affected, Arrival, Effect, NotTaken, RevocationReceiver, SignalRefusal, Taken,
    arrival::{Told, apply, bearer, is_secret},
    subjects::{Home, Subject, read},
};
use crate::{
    claims::Present,
    event::quoted,
    org::{Connection, Org},
    refusal::Fault,
};

/// Clocks may differ by this much; the JWT lets its bearer in.
const LEEWAY: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
struct Request {
    sub_id: Option<Value>,
    /// What Auth0 documents.
    subject: Option<Value>,
}

/// Marks of JWTs that users or clients hold: none of those lets anybody in here (RFC 8725 §3.12).
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(default)]
    nonce: Present,
    #[serde(default)]
    events: Present,
    #[serde(default)]
    scope: Present,
    #[serde(default)]
    scp: Present,
    #[serde(default)]
    client_id: Present,
    #[serde(default)]
    cid: Present,
    #[serde(default)]
    azp: Present,
    #[serde(default)]
    sid: Present,
    #[serde(default)]
    auth_time: Present,
    #[serde(default)]
    at_hash: Present,
    #[serde(default)]
    act: Present,
    #[serde(default)]
    cnf: Present,
}

impl Claims {
    fn is_of_another_kind(&self) -> bool {
        let marks = [&self.nonce, &self.events, &self.scope, &self.scp, &self.client_id, &self.cid];
        let more = [&self.azp, &self.sid, &self.auth_time, &self.at_hash, &self.act, &self.cnf];
        marks.iter().chain(&more).any(|mark| mark.0)
    }
}

/// Where a connection's provider sends its revocations: what its JWTs name as `aud`.
#[must_use]
pub fn endpoint(org: &Org, connection: &Connection) -> String {
    format!("{}/signals/{}/revocation", org.issuer, connection.id)
}

/// Ends everything of the user that the JSON `body` names.
///
/// # Errors
///
/// [`NotTaken`]; [`SignalRefusal::NotOurs`] is the draft's "user not found".
pub async fn revoke(
    org: &Org,
    connection: &Connection,
    (authorization, body): (Option<&str>, &[u8]),
    arrival: &Arrival,
) -> Result<Taken, NotTaken> {
    let receiver = connection.signals.revocation.as_ref().ok_or(SignalRefusal::NoReceiver)?;
    authenticate(org, connection, (receiver, authorization), arrival).await?;
    let Object(request): Object<Request> = keys::json(body).map_err(|_| SignalRefusal::Shape)?;
    let subject = request.sub_id.or(request.subject).ok_or(SignalRefusal::NoSubject)?;
    let home = Home { issuers: [&connection.issuer, issuer(connection, receiver)] };
    let (whom, sub) = match read(&subject, home)? {
        Subject::Ours { whom, sub } => (whom, sub),
        // Who asks waits for the answer: better to say no than to do something else.
        Subject::Unclear => return Err(SignalRefusal::SubjectFormat.into()),
        Subject::Nobody => return Err(SignalRefusal::NotOurs.into()),
    };
    let told = Told {
        issuer: issuer(connection, receiver).to_owned(),
        // The JWT's id is not the request's: one JWT may bear several.
        id: arrival.id.to_string(),
        reason: "global_token_revocation",
        detail: format!("everything of {}", quoted(&subject.to_string())),
        subject: sub,
        effects: vec![Affected { whom, effect: Effect::SignedOut, at: arrival.now }],
    };
    let signalled = apply(org, connection, told, arrival).await?;
    Ok(Taken { kinds: vec!["global_token_revocation"], signalled, is_of_use: true, alert: None })
}

fn issuer<'a>(connection: &'a Connection, receiver: &'a RevocationReceiver) -> &'a str {
    receiver.issuer.as_ref().unwrap_or(&connection.issuer)
}

async fn authenticate(
    org: &Org,
    connection: &Connection,
    (receiver, authorization): (&RevocationReceiver, Option<&str>),
    arrival: &Arrival,
) -> Result<(), NotTaken> {
    let token = bearer(authorization).ok_or(SignalRefusal::Stranger)?;
    if let Some(agreed) = &receiver.authorization {
        let known = is_secret(&org.master, agreed, Some(token));
        return if known { Ok(()) } else { Err(SignalRefusal::Stranger.into()) };
    }
    let issuer = issuer(connection, receiver);
    let peek = keys::peek(token).map_err(|_| SignalRefusal::Stranger)?;
    if peek.issuer != issuer {
        return Err(SignalRefusal::Stranger.into());
    }
    let endpoint = endpoint(org, connection);
    let audience: Vec<&str> = match receiver.audience.as_slice() {
        [] => vec![&endpoint],
        declared => declared.iter().map(String::as_str).collect(),
    };
    let expect = ExpectEvent {
        kind: EventKind::GlobalRevocation,
        issuer,
        audience: &audience,
        algorithms: &Algorithm::ALL,
        leeway: LEEWAY,
    };
    let keys = keys_of(connection, issuer, peek.kid.as_deref()).await?;
    let token = keys::verify_event::<Claims>(token, &keys, &expect, arrival.now.0)
        .map_err(|_| SignalRefusal::Stranger)?;
    // An untyped JWT could be a token of a user whose audience was declared: then its `aud` must be
    // this endpoint, and nothing about it may look like one.
    let for_us = token.registered().audience.contains(&endpoint);
    if !token.is_named() && (!for_us || token.claims().is_of_another_kind()) {
        return Err(SignalRefusal::Stranger.into());
    }
    Ok(())
}

/// An Okta organization signs as itself, not as the authorization server whose tokens we take: then a
/// stream of the same issuer knows its keys.
async fn keys_of(
    connection: &Connection,
    issuer: &str,
    kid: Option<&str>,
) -> Result<Arc<PublicKeys>, Fault> {
    let streams = &connection.signals.streams;
    let transmitter = streams.values().find(|stream| stream.issuer == issuer);
    match transmitter.filter(|_| issuer != connection.issuer) {
        Some(stream) => stream.transmitter.keys(kid).await,
        None => connection.provider.keys(kid).await,
    }
}
