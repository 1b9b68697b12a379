//! Logout tokens (`OpenID` Connect Back-Channel Logout 1.0 §2.6).

use std::time::Duration;

use keys::{EventKind, ExpectEvent};
use policy::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Affected, Arrival, Effect, NotTaken, SignalRefusal, Taken, Whom,
    arrival::{Told, apply},
};
use crate::{
    claims::Present,
    event::quoted,
    form::Form,
    names::{Kind, Names},
    org::{Connection, Org},
};

/// §2.4: "with the value being an empty JSON object", under this name.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Providers give logout tokens two minutes; their clocks may differ by one.
const LEEWAY: Duration = Duration::from_mins(1);

#[derive(Debug, Deserialize)]
struct Claims {
    events: Map<String, Value>,
    #[serde(default)]
    sid: Option<String>,
    /// §2.4: "A nonce Claim MUST NOT be present", lest an ID token be made of it.
    #[serde(default)]
    nonce: Present,
}

/// Signs out whom the form's `logout_token` names: a session, a session of a user, or a user.
///
/// # Errors
///
/// [`NotTaken`].
pub async fn log_out(
    org: &Org,
    connection: &Connection,
    form: &Form,
    arrival: &Arrival,
) -> Result<Taken, NotTaken> {
    let audience = connection.signals.logout.as_ref().ok_or(SignalRefusal::NoReceiver)?;
    let token = form.one("logout_token").map_err(|_| SignalRefusal::Shape)?;
    let kid = keys::peek(token)?.kid;
    let keys = connection.provider.keys(kid.as_deref()).await?;
    let audience: Vec<&str> = audience.iter().map(String::as_str).collect();
    if audience.is_empty() {
        return Err(SignalRefusal::Audience.into());
    }
    let expect = ExpectEvent {
        kind: EventKind::LogoutToken,
        issuer: &connection.issuer,
        audience: &audience,
        algorithms: &connection.algorithms,
        leeway: LEEWAY,
    };
    let token = keys::verify_event::<Claims>(token, &keys, &expect, arrival.now.0)?;
    let (registered, claims) = (token.registered(), token.claims());
    if !claims.events.get(EVENT).is_some_and(Value::is_object) || claims.nonce.0 {
        return Err(SignalRefusal::OtherKind.into());
    }
    let (whom, detail) = whom(registered.subject.as_deref(), claims.sid.as_deref())?;
    let at = Timestamp(registered.issued_at).min(arrival.now);
    let told = Told {
        issuer: registered.issuer.clone(),
        id: registered.id.clone(),
        reason: "logout",
        detail,
        subject: registered.subject.clone(),
        effects: vec![Affected { whom, effect: Effect::SignedOut, at }],
    };
    let signalled = apply(org, connection, told, arrival).await?;
    Ok(Taken { kinds: vec!["logout"], signalled, is_of_use: true, alert: None })
}

/// §2.4: "A Logout Token MUST contain either a sub or a sid Claim, and MAY contain both."
fn whom(sub: Option<&str>, sid: Option<&str>) -> Result<(Whom, String), SignalRefusal> {
    let usable = |sid: &&str| Names::default().add(Kind::Session, sid);
    let session = sid.filter(usable).map(str::to_owned);
    match (sub, session) {
        (Some(sub), session) => {
            let detail = match &session {
                Some(session) => format!("session {} of {}", quoted(session), quoted(sub)),
                None => format!("every session of {}", quoted(sub)),
            };
            let names = Names::default().with(Kind::Subject, Some(sub));
            Ok((Whom::User { names, session, device: None }, detail))
        }
        (None, Some(session)) => {
            let detail = format!("session {}", quoted(&session));
            Ok((Whom::Session(session), detail))
        }
        (None, None) => Err(SignalRefusal::NoSubject),
    }
}
