//! What the model speaks of, as it goes over the wire.

use delegation::{
    declared::{Change, Stoppable},
    revoke::{Restorable, What},
};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::{
    cast::{
        AGENTS, agent, connection, declared_agent, declared_resource, issuer, provider, settings,
        stoppable_agent, target, text, transmitter, user,
    },
    play::Play,
    replica::Task,
    step::{Ask, Born, Deed, Edit, End, Event, Stopped, Subject, Telling, Whom},
};

const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\
    &subject_token_type=urn:ietf:params:oauth:token-type:access_token&subject_token=";
const JWT_BEARER: &str = "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=";

pub fn session(born: Born) -> String {
    format!("session-{born}")
}

pub fn token_id(born: Born) -> String {
    format!("token-{born}")
}

/// A token of a provider.
pub fn token(play: &Play<'_>, born: Born) -> String {
    let it = &play.model.tokens[&born];
    let now = play.model.now;
    let mut claims = Map::new();
    for (name, value) in [
        ("iss", json!(provider(it.connection))),
        ("sub", json!(user(it.user))),
        ("aud", json!(issuer(&play.orgs[it.org]))),
        ("client_id", json!(agent(it.of.agent))),
        ("jti", json!(token_id(born))),
        ("sid", json!(session(it.session))),
        ("iat", json!(now)),
        ("exp", json!(it.expires_at)),
        ("auth_time", json!(it.signed_in_at)),
    ] {
        claims.insert(name.to_owned(), value);
    }
    if let Some(words) = it.of.words {
        claims.insert("scope".to_owned(), json!(text(words)));
    }
    let typ = if it.of.once { "JWT" } else { "at+jwt" };
    keys::sign(&*play.world.site.provider.signing, typ, &claims).unwrap()
}

/// None when it takes something that is not there.
pub fn task(play: &Play<'_>, born: Born, deed: &Deed) -> Option<Task> {
    let name = |org: usize| play.orgs[org].clone();
    let text_of = |link: &Born| play.known.get(link).and_then(|known| known.text.clone());
    Some(match deed {
        Deed::Exchange(ask) => {
            Task::Exchange { org: name(ask.org), agent: agent(ask.agent), form: form(play, ask)? }
        }
        Deed::End { org, what } => Task::End { org: name(*org), what: ending(play, what)? },
        Deed::Own { link, agent: by } => Task::Own {
            org: name(play.model.links.get(link)?.org),
            agent: agent(*by),
            token: text_of(link)?,
        },
        Deed::Signal(telling) => Task::Signal {
            org: name(telling.org),
            connection: connection(telling.connection),
            set: event(play, born, telling)?,
        },
        Deed::Apply { org, edit } => {
            Task::Apply { org: name(*org), changes: changes(play, born, (*org, *edit)) }
        }
        Deed::Restore { org, what } => Task::Restore { org: name(*org), what: restorable(*what) },
    })
}

fn form(play: &Play<'_>, ask: &Ask) -> Option<String> {
    let mut form = match ask.subject {
        Subject::User(token) => {
            let begin = if play.model.tokens.get(&token)?.of.once { JWT_BEARER } else { EXCHANGE };
            format!("{begin}{}", play.texts.get(&token)?)
        }
        Subject::Link(link) => {
            format!("{EXCHANGE}{}", play.known.get(&link)?.text.as_ref()?)
        }
    };
    let name = if ask.target < AGENTS { "audience" } else { "resource" };
    form.push_str(&format!("&{name}={}", target(ask.target)));
    if let Some(words) = ask.words {
        form.push_str(&format!("&scope={}", text(words).replace(' ', "+")));
    }
    Some(form)
}

fn ending(play: &Play<'_>, what: &End) -> Option<What> {
    Some(match what {
        End::Token(link) => What::Token(SecretString::from(play.known.get(link)?.text.clone()?)),
        End::Delegation(link) => What::Delegation(play.known.get(link)?.id),
        End::Session(token) => {
            let it = play.model.tokens.get(token)?;
            What::Session { connection: connection(it.connection), id: session(it.session) }
        }
        End::User { connection: at, user: it, disable } => What::User {
            connection: connection(*at),
            user: user(*it).to_owned(),
            disable: *disable,
        },
        End::Agent(number) => What::Agent(agent(*number)),
        End::Grant(link) => {
            let link = play.model.links.get(link)?;
            What::Grant(play.model.orgs[link.org].grants[link.grant].id.clone())
        }
        End::Connection(number) => What::Connection(connection(*number)),
        End::Org => What::Org,
    })
}

fn restorable(what: Stopped) -> Restorable {
    match what {
        Stopped::Org => Restorable::Stopped(Stoppable::Org),
        Stopped::Agent(number) => Restorable::Stopped(stoppable_agent(number)),
        Stopped::Connection(number) => {
            Restorable::Stopped(Stoppable::Connection(connection(number)))
        }
        Stopped::User { connection: at, user: it } => {
            Restorable::User { connection: connection(at), user: user(it).to_owned() }
        }
    }
}

fn changes(play: &Play<'_>, born: Born, (org, edit): (usize, Edit)) -> Vec<Change> {
    let it = &play.model.orgs[org];
    match edit {
        Edit::Grant(of) => vec![Change::PutGrant(of.declared(&format!("grant-{born}")))],
        Edit::DropGrant { connection, user, agent } => {
            let standing = it.standing(connection, user, agent);
            let drop = |at: usize| Change::DropGrant(it.grants[at].id.clone());
            standing.map(drop).into_iter().collect()
        }
        Edit::Ceiling { agent: number, words } => {
            let hash = play.world.site.hash(&agent(number));
            vec![Change::PutAgent(declared_agent(number, words, hash))]
        }
        Edit::Resource { resource, words } => {
            let hash = play.world.site.hash(crate::cast::READER);
            vec![Change::PutResource(declared_resource(AGENTS + resource, words, hash))]
        }
        Edit::Rules { chain_limit, lifetime } => {
            vec![Change::PutSettings(settings(chain_limit, lifetime))]
        }
    }
}

/// A security event token (RFC 8417).
fn event(play: &Play<'_>, born: Born, telling: &Telling) -> Option<String> {
    const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
    const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
    let now = play.model.now;
    let Telling { org, connection, event, whom, age, again } = *telling;
    let (family, name, more) = match event {
        Event::SessionRevoked => (CAEP, "session-revoked", None),
        Event::AccountDisabled => (RISC, "account-disabled", None),
        Event::AccountEnabled => (RISC, "account-enabled", None),
        Event::CredentialChanged => (CAEP, "credential-change", Some(("change_type", "update"))),
        Event::CredentialAdded => (CAEP, "credential-change", Some(("change_type", "create"))),
        Event::TokenClaims => (CAEP, "token-claims-change", None),
        Event::AssuranceLost => {
            (CAEP, "assurance-level-change", Some(("change_direction", "decrease")))
        }
    };
    let mut body = json!({ "event_timestamp": now - age });
    if let Some((name, value)) = more {
        body[name] = json!(value);
    }
    let named = |number: usize| json!({ "format": "iss_sub", "iss": provider(connection), "sub": user(number) });
    let session_of = |token: &Born| {
        let it = play.model.tokens.get(token)?;
        Some(json!({ "format": "opaque", "id": session(it.session) }))
    };
    let subject: Value = match whom {
        Whom::User(number) => named(number),
        Whom::SessionOf(number, token) => {
            json!({ "format": "complex", "user": named(number), "session": session_of(&token)? })
        }
        Whom::Session(token) => json!({ "format": "complex", "session": session_of(&token)? }),
        Whom::Everyone => {
            json!({ "format": "complex", "tenant": { "format": "opaque", "id": "all" } })
        }
    };
    let uri = format!("{family}{name}");
    let set = json!({
        "iss": transmitter(connection),
        "aud": issuer(&play.orgs[org]),
        "iat": now,
        "jti": format!("event-{}", again.unwrap_or(born)),
        "sub_id": subject,
        "events": { uri: body },
    });
    Some(keys::sign(&*play.world.site.transmitter.signing, "secevent+jwt", &set).unwrap())
}
