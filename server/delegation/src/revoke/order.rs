//! An operator's word: what it names is looked up, what hangs on it ends, and the trail says who said
//! so and why.
//!
//! A session and a user end by the same signal that their provider would send, so that an older token
//! of the provider does not begin the chain anew a moment later.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{Call, Ended, NotDone, Place, Restorable, Restored, Unknown, What, Word};
use crate::{
    declared::{Connection, Declared, Stoppable},
    event::{Event, Outcome, noted},
    names::{Kind, Names},
    operator::Power,
    ports::{Found, Ledger, Selector, Signalled},
    refusal::Fault,
    signal::{Affected, Effect, Signal, Whom},
};

/// How an operator's signals came, and whose they are: no provider's issuer is a bare word.
const OPERATOR: &str = "operator";

/// Ends `what` and everything derived from it.
///
/// # Errors
///
/// [`Unknown`] when there is nothing by that name: then nothing was done.
pub async fn revoke(place: Place<'_>, what: &What, call: Call<'_>) -> Result<Ended, NotDone> {
    let event = draft(&call, Outcome::Revoked)?;
    let declared = declared(place).await?;
    let target = target(place, &declared, what, &event).await?;
    let ended = match target {
        Target::Selected(selector, event) => {
            place.ledger.revoke(&selector, call.now, Some(*event)).await?
        }
        Target::Signalled(signal) => signalled(place, *signal).await?,
    };
    Ok(Ended { action: call.id, ended })
}

/// Lets `what` go on. What has ended stays so.
///
/// # Errors
///
/// [`Unknown`] when it was not stopped: then nothing was done.
pub async fn restore(
    place: Place<'_>,
    what: &Restorable,
    call: Call<'_>,
) -> Result<Restored, NotDone> {
    let event = draft(&call, Outcome::Restored)?;
    match what {
        Restorable::Stopped(stoppable) => {
            let event = of_stoppable(event, stoppable);
            if !place.registry.restore(place.org, stoppable, event).await? {
                return Err(Unknown::NotStopped(name(stoppable)).into());
            }
        }
        Restorable::User { connection, user } => {
            let declared = declared(place).await?;
            let connection = connection_of(&declared, connection)?;
            let event = of_user(event, connection, user, "may be used again");
            signalled(place, signal(connection, whom(user)?, Effect::Enabled, event)).await?;
        }
    }
    Ok(Restored { action: call.id })
}

/// What is to be done, once it is known that there is something to do it to.
enum Target {
    Selected(Selector, Box<Event>),
    Signalled(Box<Signal>),
}

impl Target {
    fn selected(selector: Selector, event: Event) -> Self {
        Self::Selected(selector, Box::new(event))
    }

    fn signalled(connection: &Connection, whom: Whom, effect: Effect, event: Event) -> Self {
        Self::Signalled(Box::new(signal(connection, whom, effect, event)))
    }
}

async fn target(
    place: Place<'_>,
    declared: &Declared,
    what: &What,
    event: &Event,
) -> Result<Target, NotDone> {
    let event = event.clone();
    Ok(match what {
        What::Token(token) => {
            let (id, found) = by_token(place.ledger, token).await?.ok_or(Unknown::Token)?;
            let event = of_delegation(event, declared, "the token of a delegation", (id, &found));
            Target::selected(Selector::Delegation(id), event)
        }
        What::Delegation(id) => {
            let found = place.ledger.find(*id).await?.ok_or(Unknown::Delegation(*id))?;
            let event = of_delegation(event, declared, "a delegation", (*id, &found));
            Target::selected(Selector::Delegation(*id), event)
        }
        What::Session { connection, id } => {
            let connection = connection_of(declared, connection)?;
            if !Names::default().add(Kind::Session, id) {
                return Err(Unknown::Session(id.clone()).into());
            }
            let event = Event {
                connection: Some(connection.id.clone()),
                ..of(event, "session", &format!("session `{id}`"))
            };
            Target::signalled(connection, Whom::Session(id.clone()), Effect::SignedOut, event)
        }
        What::User { connection, user, disable } => {
            let connection = connection_of(declared, connection)?;
            let (effect, done) = if *disable {
                (Effect::Disabled, "may not be used until it is restored")
            } else {
                (Effect::SignedOut, "signed out")
            };
            let event = of_user(event, connection, user, done);
            Target::signalled(connection, whom(user)?, effect, event)
        }
        What::Agent(id) => {
            let known = declared.agents.iter().any(|agent| agent.id == *id);
            known.then_some(()).ok_or_else(|| Unknown::Agent(id.clone()))?;
            let event = of_stoppable(event, &Stoppable::Agent(id.clone()));
            Target::selected(Selector::Agent(id.clone()), event)
        }
        What::Grant(id) => {
            let grant = place.registry.grant(place.org, id).await?;
            let grant = grant.ok_or_else(|| Unknown::Grant(id.clone()))?;
            let prefix = declared.connections.iter().find(|c| c.id == grant.connection);
            let prefix = prefix.map_or("", |connection| &connection.subject_prefix);
            let event = Event {
                client: Some(grant.agent),
                subject: Some(format!("{prefix}{}", grant.user)),
                connection: Some(grant.connection),
                grant: Some(grant.id),
                ..of(event, "grant", &format!("grant `{id}`"))
            };
            Target::selected(Selector::Grant(id.clone()), event)
        }
        What::Connection(id) => {
            connection_of(declared, id)?;
            let event = of_stoppable(event, &Stoppable::Connection(id.clone()));
            Target::selected(Selector::Connection(id.clone()), event)
        }
        What::Org => Target::selected(Selector::Org, of_stoppable(event, &Stoppable::Org)),
    })
}

/// The delegation of a token of ours. Its signature is not looked at: that its hash is the one that
/// was recorded proves more, and holds for one whose key is long gone.
pub(super) async fn by_token(
    ledger: &dyn Ledger,
    token: &SecretString,
) -> Result<Option<(Uuid, Found)>, Fault> {
    let compact = token.expose_secret().trim();
    let id = keys::peek(compact).ok().and_then(|peek| Uuid::parse_str(&peek.id?).ok());
    let Some(id) = id else { return Ok(None) };
    let hash = keys::sha256(compact.as_bytes());
    let found = ledger.find(id).await?.filter(|found| found.token_hash == hash);
    Ok(found.map(|found| (id, found)))
}

async fn declared(place: Place<'_>) -> Result<Declared, NotDone> {
    let declared = place.registry.find(place.org).await?;
    Ok(declared.ok_or_else(|| Unknown::Org(place.org.to_owned()))?)
}

fn connection_of<'a>(declared: &'a Declared, id: &str) -> Result<&'a Connection, Unknown> {
    let found = declared.connections.iter().find(|connection| connection.id == id);
    found.ok_or_else(|| Unknown::Connection(id.to_owned()))
}

/// Somebody, by any name an operator may have at hand: widening is the safe error.
fn whom(user: &str) -> Result<Whom, Unknown> {
    let mail = user.contains('@').then_some(user);
    let names = Names::default()
        .with(Kind::Subject, Some(user))
        .with(Kind::Directory, Some(user))
        .with(Kind::Email, mail);
    if names.is_empty() {
        return Err(Unknown::User(user.to_owned()));
    }
    Ok(Whom::User { names, session: None, device: None })
}

fn signal(connection: &Connection, whom: Whom, effect: Effect, event: Event) -> Signal {
    Signal {
        connection: connection.id.clone(),
        issuer: OPERATOR.to_owned(),
        id: event.id.to_string(),
        source: OPERATOR,
        received_at: event.at,
        effects: vec![Affected { whom, effect, at: event.at }],
        event,
    }
}

async fn signalled(place: Place<'_>, signal: Signal) -> Result<u64, NotDone> {
    Ok(match place.ledger.signal(signal).await? {
        Signalled::Applied { ended } => ended,
        Signalled::Duplicate => 0,
    })
}

/// Who, when and why. Says nothing of what yet.
fn draft(call: &Call<'_>, outcome: Outcome) -> Result<Event, Unknown> {
    let operator = match call.word {
        Word::Operator(operator) if operator.power() == Power::Revoke => operator.id().to_owned(),
        Word::Operator(_) => return Err(Unknown::Powerless),
        Word::CommandLine(name) => name.to_owned(),
    };
    Ok(Event {
        client_address: call.client_address.clone(),
        outcome,
        detail: call.reason.as_deref().map(noted),
        operator: Some(operator),
        ..Event::draft(call.id, call.now, call.request_id.clone())
    })
}

/// `what` as people say it, then why.
fn of(event: Event, reason: &'static str, what: &str) -> Event {
    let what = noted(what);
    let detail = event.detail.map_or_else(|| what.clone(), |why| format!("{what}: {why}"));
    Event { reason: Some(reason), detail: Some(detail), ..event }
}

fn of_user(event: Event, connection: &Connection, user: &str, done: &str) -> Event {
    Event {
        subject: Some(noted(&format!("{}{user}", connection.subject_prefix))),
        connection: Some(connection.id.clone()),
        ..of(event, "user", &format!("user `{user}` {done}"))
    }
}

fn of_stoppable(event: Event, what: &Stoppable) -> Event {
    let event = of(event, kind(what), &name(what));
    match what {
        Stoppable::Org => event,
        Stoppable::Agent(id) => Event { client: Some(id.clone()), ..event },
        Stoppable::Connection(id) => Event { connection: Some(id.clone()), ..event },
    }
}

const fn kind(what: &Stoppable) -> &'static str {
    match what {
        Stoppable::Org => "org",
        Stoppable::Agent(_) => "agent",
        Stoppable::Connection(_) => "connection",
    }
}

fn name(what: &Stoppable) -> String {
    match what {
        Stoppable::Org => "the organization".to_owned(),
        Stoppable::Agent(id) => format!("agent `{id}`"),
        Stoppable::Connection(id) => format!("connection `{id}`"),
    }
}

fn of_delegation(
    event: Event,
    declared: &Declared,
    what: &str,
    (id, found): (Uuid, &Found),
) -> Event {
    let connection = declared.connections.iter().find(|c| c.id == found.connection);
    let prefix = connection.map_or("", |connection| &connection.subject_prefix);
    Event {
        client: Some(found.agent.clone()),
        subject: Some(format!("{prefix}{}", found.user)),
        connection: Some(found.connection.clone()),
        delegation: Some(id),
        root: Some(found.root),
        ..of(event, "delegation", what)
    }
}
