//! A no of the identity provider outlives the exchange that heard it: what was delegated before
//! ends, and no yes from before counts any more, on any replica.

use policy::{Account, Session, Standing, Timestamp};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::{
    event::{Event, Outcome},
    org::{Connection, Org},
    ports::Selector,
    refusal::Fault,
    signal::{Affected, Effect, Signal, Whom},
    subject::Origin,
};

/// A suspended user who asks again and again is written down once in so many seconds.
const ONCE_IN: i64 = 10;

/// Lets a live no take effect like a signal of the provider.
///
/// It is no more than what was said: a suspended user is signed out, and must sign in anew when
/// enabled again; of a token that has ended, only what descends from that token ends, since the
/// session it came from may well go on.
pub(crate) async fn spread(
    org: &Org,
    connection: &Connection,
    origin: &Origin,
    said: &Standing,
    (now, event_id, event): (Timestamp, Uuid, &Event),
) -> Result<(), Fault> {
    // Of a client that acts for itself nobody else says anything.
    let Some(kept) = &origin.kept else { return Ok(()) };
    let user = || {
        let names = crate::provider::names(&origin.user, &kept.hints).of_user();
        Whom::User { names, session: None, device: None }
    };
    let (id, reason, whom, effect) = if said.account == Account::Suspended {
        let id = format!("account:{}:{}", origin.user, now.0.div_euclid(ONCE_IN));
        (id, "suspended", user(), Effect::SignedOut)
    } else if said.session == Session::Ended {
        let token = keys::sha256_hex(kept.token.expose_secret().as_bytes());
        let id = format!("token:{token}");
        match &kept.hints.token_id {
            Some(jti) => {
                let whom = Whom::TokenOf { user: origin.user.clone(), id: jti.clone() };
                (id, "token_ended", whom, Effect::SignedOut)
            }
            // It has no name that others could know it by: all that can be said is "ask again".
            None => (id, "token_ended", user(), Effect::Recheck),
        }
    } else {
        return Ok(());
    };
    if let (Effect::Recheck, Some(parent)) = (effect, &origin.parent) {
        org.ledger.revoke(&Selector::Delegation(parent.root), now, None).await?;
    }
    let signal = Signal {
        connection: connection.id.clone(),
        issuer: org.issuer.clone(),
        id,
        source: "check",
        received_at: now,
        effects: vec![Affected { whom, effect, at: now }],
        event: Event {
            outcome: Outcome::Signalled,
            reason: Some(reason),
            detail: Some("said by the identity provider when it was asked".to_owned()),
            subject: event.subject.clone(),
            connection: Some(connection.id.clone()),
            checks: event.checks.clone(),
            ..Event::draft(event_id, now, event.request_id.clone())
        },
    };
    org.ledger.signal(signal).await.map(drop)
}
