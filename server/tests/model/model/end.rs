//! What ends, and with it what; and what signals say.

use super::{Link, Model, Name};
use crate::{
    heard::{Heard, Noted, Told},
    step::{Born, End, Event, Telling, Whom},
};

/// What expired longer ago than this need not be ended.
const SURELY_EXPIRED: i64 = 600;
/// Later than any sign-in.
const FOREVER: i64 = i64::MAX;

/// Whom a signal is found to mean.
struct Meant {
    /// What is written down of whom, and whether also where nothing was before.
    places: Vec<(Name, bool)>,
    reach: Reach,
}

#[derive(Clone, Copy)]
enum Reach {
    Nobody,
    User(usize),
    Session(Born),
    Everyone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    SignedOut,
    Disabled,
    Enabled,
    StepUp,
    Recheck,
}

impl Model {
    pub(super) fn end(&mut self, org: usize, what: &End) -> Option<Told> {
        let unknown = Some(Told { org, heard: Heard::Unknown, noted: Vec::new() });
        let fresh = self.now - SURELY_EXPIRED;
        let ended = match *what {
            End::Token(born) | End::Delegation(born) => {
                let link = self.links.get(&born)?;
                if link.gone || link.org != org {
                    return unknown;
                }
                self.mark(|at, _| at == born)
            }
            End::Session(token) => {
                let token = self.tokens.get(&token)?.clone();
                let at = self.now;
                self.affect(
                    org,
                    token.connection,
                    (Whom::Session(token.session), Effect::SignedOut),
                    at,
                )
            }
            End::User { connection, user, disable } => {
                let effect = if disable { Effect::Disabled } else { Effect::SignedOut };
                self.affect(org, connection, (Whom::User(user), effect), self.now)
            }
            End::Agent(agent) => {
                self.orgs[org].agents_stopped[agent] = true;
                self.mark(|_, it| it.org == org && it.agent == agent && fresh < it.expires_at)
            }
            End::Grant(born) => {
                let link = self.links.get(&born)?;
                let id = self.orgs[link.org].grants[link.grant].id.clone();
                let Some(at) = self.orgs[org].grants.iter().position(|it| it.id == id) else {
                    return unknown;
                };
                self.end_grant(org, at)
            }
            End::Connection(connection) => {
                self.orgs[org].connections_stopped[connection] = true;
                let of: Vec<Born> = self.links_of(org, connection).collect();
                self.mark(|born, it| of.contains(&born) && fresh < it.expires_at)
            }
            End::Org => {
                self.orgs[org].stopped = true;
                self.mark(|_, it| it.org == org && fresh < it.expires_at)
            }
        };
        let noted = vec![Noted::new("revoked", Some(ended))];
        Some(Told { org, heard: Heard::Ended(ended), noted })
    }

    pub(super) fn own(&mut self, born: Born, agent: usize) -> Option<Told> {
        let link = self.links.get(&born)?.clone();
        let org = link.org;
        let (heard, noted) =
            if self.orgs[org].agents_stopped[agent] || (!link.gone && link.agent != agent) {
                (Heard::Refused("other_client".to_owned()), vec![Noted::new("refused", None)])
            } else if link.gone {
                (Heard::Unknown, Vec::new())
            } else {
                let ended = self.mark(|at, _| at == born);
                (Heard::Ended(ended), vec![Noted::new("revoked", Some(ended))])
            };
        Some(Told { org, heard, noted })
    }

    /// A grant ends, and what hangs on it.
    pub(super) fn end_grant(&mut self, org: usize, at: usize) -> u64 {
        self.orgs[org].grants[at].ended = true;
        let fresh = self.now - SURELY_EXPIRED;
        self.mark(|_, it| it.org == org && it.grant == at && fresh < it.expires_at)
    }

    pub(super) fn signal(&mut self, born: Born, telling: &Telling) -> Option<Told> {
        let Telling { org, connection, event, whom, age, again } = *telling;
        if let Whom::Session(token) | Whom::SessionOf(_, token) = whom {
            self.tokens.get(&token)?;
        }
        let id = (connection, format!("stream {}", again.unwrap_or(born)));
        if !self.orgs[org].signals.insert(id) {
            return Some(Told { org, heard: Heard::Duplicate, noted: Vec::new() });
        }
        let effects: &[Effect] = match event {
            Event::SessionRevoked | Event::CredentialChanged => &[Effect::SignedOut],
            Event::AccountDisabled => &[Effect::Disabled, Effect::SignedOut],
            Event::AccountEnabled => &[Effect::Enabled],
            Event::CredentialAdded | Event::TokenClaims => &[Effect::Recheck],
            Event::AssuranceLost => &[Effect::StepUp],
        };
        let at = self.now - age;
        let whom = match whom {
            Whom::Session(token) => Whom::Session(self.tokens[&token].session),
            Whom::SessionOf(user, token) => Whom::SessionOf(user, self.tokens[&token].session),
            Whom::User(_) | Whom::Everyone => whom,
        };
        let affect = |&effect: &Effect| self.affect(org, connection, (whom, effect), at);
        let ended = effects.iter().map(affect).sum();
        let noted = vec![Noted::new("signalled", Some(ended))];
        Some(Told { org, heard: Heard::Ended(ended), noted })
    }

    pub(super) fn enable(&mut self, org: usize, connection: usize, user: usize) {
        self.affect(org, connection, (Whom::User(user), Effect::Enabled), self.now);
    }

    /// One effect of a signal, on whom it is found to mean; how many delegations end.
    ///
    /// Sessions are named here by the step that began them.
    fn affect(
        &mut self,
        org: usize,
        connection: usize,
        (whom, effect): (Whom, Effect),
        at: i64,
    ) -> u64 {
        let Meant { places, reach } = self.meant(org, connection, (whom, effect));
        let until = match effect {
            Effect::SignedOut => at,
            Effect::Disabled | Effect::Enabled => {
                let disabled = effect == Effect::Disabled;
                match (self.turn(org, connection, (&places, disabled), at), disabled) {
                    (_, false) => return 0,
                    (false, true) => FOREVER,
                    // It says nothing of who signed in since: but an end it remains.
                    (true, true) => at,
                }
            }
            Effect::StepUp => {
                for (name, _) in places.iter().filter(|(_, made)| *made) {
                    let state = self.orgs[org].states.entry((connection, *name)).or_default();
                    state.step_up_before = state.step_up_before.max(Some(at + 1));
                }
                return 0;
            }
            Effect::Recheck => return 0,
        };
        if effect == Effect::SignedOut {
            let made: Vec<Name> =
                places.iter().filter(|(_, made)| *made).map(|(name, _)| *name).collect();
            self.signed_out(org, connection, (&made, at));
        }
        let session_of = |model: &Self, it: &Link| model.token_of(it).session;
        let user_of = |model: &Self, it: &Link| model.token_of(it).user;
        let fresh = self.now - SURELY_EXPIRED;
        let of: Vec<Born> = self.links_of(org, connection).collect();
        let reached: Vec<Born> = of
            .into_iter()
            .filter(|born| {
                let it = &self.links[born];
                let named = match reach {
                    Reach::Nobody => false,
                    Reach::User(user) => user_of(self, it) == user,
                    Reach::Session(session) => session_of(self, it) == session,
                    Reach::Everyone => true,
                };
                named && fresh < it.expires_at && self.token_of(it).signed_in_at <= until
            })
            .collect();
        self.mark(|born, _| reached.contains(&born))
    }

    /// A session that no delegation is known to come from stands for its user: widening is the safe error.
    fn meant(&self, org: usize, connection: usize, (whom, effect): (Whom, Effect)) -> Meant {
        let of_account = matches!(effect, Effect::Disabled | Effect::Enabled);
        let user_places =
            |user, made| vec![(Name::Subject(user), made), (Name::Directory(user), made)];
        match whom {
            Whom::Everyone => {
                Meant { places: vec![(Name::Everyone, true)], reach: Reach::Everyone }
            }
            Whom::User(user) => Meant { places: user_places(user, true), reach: Reach::User(user) },
            Whom::SessionOf(user, session) => {
                let owner = self.owner(org, connection, session);
                let known = owner == Some(user);
                let strange = owner.is_some() && !known;
                if of_account {
                    return Meant { places: user_places(user, true), reach: Reach::User(user) };
                }
                let mut places = user_places(user, !known);
                if !strange {
                    places.push((Name::Session(session), true));
                }
                let reach = if known { Reach::Session(session) } else { Reach::User(user) };
                Meant { places, reach }
            }
            Whom::Session(session) => match self.owner(org, connection, session) {
                Some(user) if of_account => {
                    Meant { places: vec![(Name::Subject(user), true)], reach: Reach::User(user) }
                }
                Some(user) => Meant {
                    places: vec![(Name::Subject(user), false), (Name::Session(session), true)],
                    reach: Reach::Session(session),
                },
                None => {
                    Meant { places: vec![(Name::Session(session), true)], reach: Reach::Nobody }
                }
            },
        }
    }

    /// Whose session it is, as far as delegations tell.
    fn owner(&self, org: usize, connection: usize, session: Born) -> Option<usize> {
        let token = |born: Born| self.token_of(&self.links[&born]);
        let is_it = |born: &Born| !self.links[born].gone && token(*born).session == session;
        self.links_of(org, connection).find(is_it).map(|born| token(born).user)
    }

    pub(super) fn signed_out(
        &mut self,
        org: usize,
        connection: usize,
        (names, at): (&[Name], i64),
    ) {
        for name in names {
            let state = self.orgs[org].states.entry((connection, *name)).or_default();
            state.signed_out_before = state.signed_out_before.max(Some(at + 1));
        }
    }

    /// Whether it came too late to say how things are now.
    fn turn(
        &mut self,
        org: usize,
        connection: usize,
        (places, disabled): (&[(Name, bool)], bool),
        at: i64,
    ) -> bool {
        let states = &mut self.orgs[org].states;
        let as_of = |(name, _): &(Name, bool)| states.get(&(connection, *name))?.account;
        let newest = places.iter().filter_map(as_of).map(|(at, _)| at).max();
        if newest.is_some_and(|newest| at < newest) {
            return true;
        }
        for (name, made) in places {
            if *made || states.contains_key(&(connection, *name)) {
                states.entry((connection, *name)).or_default().account = Some((at, disabled));
            }
        }
        false
    }

    /// Everything of the user who signed in at `until` or before.
    pub(super) fn end_of_user(
        &mut self,
        org: usize,
        connection: usize,
        (user, until): (usize, i64),
    ) -> u64 {
        let fresh = self.now - SURELY_EXPIRED;
        let of: Vec<Born> = self
            .links_of(org, connection)
            .filter(|born| {
                let it = &self.links[born];
                let token = self.token_of(it);
                token.user == user && token.signed_in_at <= until && fresh < it.expires_at
            })
            .collect();
        self.mark(|born, _| of.contains(&born))
    }

    /// Every chain that began with a token of the provider, as long as its names are kept.
    pub(super) fn end_of_token(&mut self, org: usize, token: Born) -> u64 {
        let fresh = self.now - SURELY_EXPIRED;
        self.mark(|_, it| {
            let begins = it.parent.is_none() && it.token == token && it.kept;
            it.org == org && begins && fresh < it.expires_at
        })
    }

    /// Ours of the users of a connection.
    fn links_of(&self, org: usize, connection: usize) -> impl Iterator<Item = Born> {
        let of = move |it: &Link| it.org == org && self.token_of(it).connection == connection;
        self.links.iter().filter(move |(_, it)| of(it)).map(|(born, _)| *born)
    }

    /// Ends what is named and stands, and everything below it; how many that are.
    fn mark(&mut self, is_named: impl Fn(Born, &Link) -> bool) -> u64 {
        let mut marked = std::collections::BTreeSet::new();
        // Children are younger than what they come from.
        for (born, link) in &mut self.links {
            let below = link.parent.is_some_and(|parent| marked.contains(&parent));
            if !link.ended && !link.gone && (below || is_named(*born, link)) {
                link.ended = true;
                marked.insert(*born);
            }
        }
        u64::try_from(marked.len()).unwrap()
    }
}
