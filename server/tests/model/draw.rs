//! Draws the next step of a history: mostly something that could go well, often something that must not.

mod mishap;

use crate::{
    cast::{AGENTS, ALL_WORDS, CONNECTIONS, Granting, ORGS, RESOURCES, TARGETS},
    chance::Chance,
    model::{Model, Name, Org},
    step::{
        Ask, Born, Deed, Edit, End, Event, Mint, Reader, SignIn, Step, Stopped, Subject, Telling,
        Whom,
    },
};

/// What is drawn from, and by what.
pub struct Draw<'a> {
    pub chance: &'a mut Chance,
    pub model: &'a Model,
    /// Of the step that is drawn.
    pub born: Born,
    /// Signals that were sent.
    pub told: &'a [(Born, Telling)],
}

impl Draw<'_> {
    pub fn step(&mut self) -> Step {
        let replica = self.chance.below(2);
        match self.chance.below(100) {
            0..8 => Step::SignIn(self.sign_in()),
            8..12 => match self.token() {
                Some(of) => Step::Mint { of, of_which: self.mint() },
                None => Step::SignIn(self.sign_in()),
            },
            12..56 => Step::Do { replica, deed: self.exchange() },
            56..68 => Step::Do { replica, deed: self.other() },
            68..80 => self.race(),
            80..83 => {
                let deed = if self.chance.once_in(3) { self.other() } else { self.exchange() };
                Step::Crash { replica, deed, fuse: self.fuse() }
            }
            83..88 => self.provider(),
            88..92 => match self.link() {
                Some(link) => Step::Introspect { replica, link, by: self.reader(link) },
                None => Step::Refresh { replica },
            },
            92..97 => Step::Clock { seconds: self.seconds() },
            97..99 => Step::Sweep { replica },
            _ => Step::Refresh { replica },
        }
    }

    fn seconds(&mut self) -> i64 {
        const TWO_DAYS: i64 = 2 * 24 * 60 * 60;
        match self.chance.below(40) {
            0..24 => self.chance.pick(&[1, 2, 5, 9]),
            24..36 => self.chance.pick(&[30, 61, 120]),
            36..39 => self.chance.pick(&[200, 301, 700]),
            _ => TWO_DAYS,
        }
    }

    fn sign_in(&mut self) -> SignIn {
        let org = usize::from(self.chance.once_in(4));
        let connection = usize::from(self.chance.once_in(4));
        let user = usize::from(self.chance.once_in(3));
        let granted = self.model.orgs[org].grants.iter();
        let of: Vec<usize> = granted
            .filter(|it| (it.of.connection, it.of.user) == (connection, user) && !it.ended)
            .map(|it| it.of.agent)
            .collect();
        let mut token = self.mint();
        if !of.is_empty() && !self.chance.once_in(6) {
            token.agent = self.chance.pick(&of);
        }
        SignIn { org, connection, user, token }
    }

    fn mint(&mut self) -> Mint {
        let words = if self.chance.once_in(3) { None } else { Some(self.words()) };
        let life = self.chance.pick(&[250, 250, 250, 120, 30, 3]);
        let agent = self.chance.pick(&[0, 0, 0, 1, 1, 2, 3]);
        Mint { agent, words, life, once: self.chance.once_in(4) }
    }

    /// Never none at all.
    fn words(&mut self) -> u8 {
        self.chance.pick(&[ALL_WORDS, 0b0111, 0b0011, 0b1110, 0b0001, 0b1011])
    }

    /// One that lives, mostly, and mostly one of late.
    fn one_of(&mut self, all: &[Born], living: &[Born]) -> Option<Born> {
        let from = if living.is_empty() || self.chance.once_in(5) { all } else { living };
        let newest = from.len().checked_sub(1)?;
        let back = if self.chance.once_in(3) { newest + 1 } else { (newest + 1).min(4) };
        Some(from[newest - self.chance.below(back)])
    }

    fn token(&mut self) -> Option<Born> {
        let all: Vec<Born> = self.model.tokens.keys().copied().collect();
        let lives = |born: &&Born| {
            let it = &self.model.tokens[*born];
            self.model.now < it.expires_at && !(it.of.once && it.used) && self.is_well(**born)
        };
        let living: Vec<Born> = all.iter().filter(lives).copied().collect();
        self.one_of(&all, &living)
    }

    /// Whether nothing bad was said of the user, the session or the token, by whomever.
    fn is_well(&self, token: Born) -> bool {
        let it = &self.model.tokens[&token];
        let said = self.model.said_of(token);
        let provider = &self.model.orgs[it.org].providers[it.connection];
        let signed_out = said.signed_out_before.is_some_and(|moment| it.signed_in_at < moment);
        let heard_a_no = provider.disabled.contains(&it.user)
            || provider.sessions_over.contains(&it.session)
            || provider.tokens_over.contains(&token);
        !signed_out && !heard_a_no && said.account.is_none()
    }

    fn link(&mut self) -> Option<Born> {
        let all: Vec<Born> = self.model.links.keys().copied().collect();
        let lives = |born: &&Born| {
            let it = &self.model.links[*born];
            self.model.now < it.expires_at && !self.model.is_over(it) && self.is_well(it.token)
        };
        let living: Vec<Born> = all.iter().filter(lives).copied().collect();
        self.one_of(&all, &living)
    }

    fn exchange(&mut self) -> Deed {
        let link = if self.chance.below(5) < 2 { None } else { self.link() };
        let subject = match link {
            Some(link) => Subject::Link(link),
            None => match self.token() {
                Some(token) => Subject::User(token),
                None => return self.apply(),
            },
        };
        Deed::Exchange(self.ask(subject))
    }

    fn ask(&mut self, subject: Subject) -> Ask {
        let (mut org, mut agent, grant) = match subject {
            Subject::User(token) => {
                let it = &self.model.tokens[&token];
                let org = &self.model.orgs[it.org];
                let grant = org.standing(it.connection, it.user, it.of.agent);
                (it.org, it.of.agent, grant)
            }
            Subject::Link(link) => {
                let it = &self.model.links[&link];
                let is_handed_on = it.target < AGENTS && !self.chance.once_in(5);
                let agent = if is_handed_on { it.target } else { it.agent };
                (it.org, agent, Some(it.grant))
            }
        };
        let mut target = self.chance.pick(&[0, 1, 1, 2, 2, 3, 4, 5, 5]);
        if let Some(grant) = grant
            && !self.chance.once_in(8)
        {
            let targets = self.model.orgs[org].grants[grant].of.targets;
            let granted: Vec<usize> = (0..TARGETS).filter(|at| targets & (1 << at) != 0).collect();
            if !granted.is_empty() {
                target = self.chance.pick(&granted);
            }
        }
        let words = match self.chance.below(10) {
            0..7 => None,
            7..9 => Some(self.chance.pick(&[0b0001, 0b0011, 0b0010, 0b1000])),
            _ => Some(ALL_WORDS),
        };
        if self.chance.once_in(14) {
            agent = self.chance.below(AGENTS);
        }
        if self.chance.once_in(30) {
            org = (org + 1) % ORGS;
        }
        if self.chance.once_in(40) {
            target = TARGETS;
        }
        Ask { org, agent, subject, target, words }
    }

    /// Anything but an exchange.
    fn other(&mut self) -> Deed {
        if self.model.orgs.iter().any(Org::is_stopped) && self.chance.once_in(3) {
            return self.restore();
        }
        match self.chance.below(12) {
            0..4 => self.end(),
            4..6 => match self.link() {
                Some(link) => {
                    let owner = self.model.links[&link].agent;
                    let other = self.chance.below(AGENTS);
                    let agent = if self.chance.once_in(5) { other } else { owner };
                    Deed::Own { link, agent }
                }
                None => self.apply(),
            },
            6..9 => self.signal(),
            9..11 => self.apply(),
            _ => self.restore(),
        }
    }

    fn place(&mut self) -> (usize, usize, usize) {
        let org = usize::from(self.chance.once_in(4));
        let connection = usize::from(self.chance.once_in(4));
        (org, connection, usize::from(self.chance.once_in(3)))
    }

    fn end(&mut self) -> Deed {
        let (mut org, connection, user) = self.place();
        let link = self.link();
        let token = self.token();
        let what = match (self.chance.below(16), link, token) {
            (0..3, Some(link), _) => End::Delegation(link),
            (3..5, Some(link), _) => End::Token(link),
            (5..8, _, Some(token)) => End::Session(token),
            (8..10, Some(link), _) => End::Grant(link),
            (10, ..) => End::Agent(self.chance.below(AGENTS)),
            (11, ..) if self.chance.once_in(2) => End::Connection(connection),
            (12, ..) if self.chance.once_in(3) => End::Org,
            _ => End::User { connection, user, disable: self.chance.once_in(3) },
        };
        if let (End::Delegation(link) | End::Token(link) | End::Grant(link), true) =
            (&what, !self.chance.once_in(20))
        {
            org = self.model.links[link].org;
        }
        if let End::Session(token) = what {
            org = self.model.tokens[&token].org;
        }
        Deed::End { org, what }
    }

    fn signal(&mut self) -> Deed {
        if !self.told.is_empty() && self.chance.once_in(8) {
            let at = self.chance.below(self.told.len());
            let (born, telling) = self.told[at].clone();
            let again = Some(telling.again.unwrap_or(born));
            return Deed::Signal(Telling { again, ..telling });
        }
        let (mut org, mut connection, mut user) = self.place();
        let token = self.token();
        if let Some(it) = token.map(|token| &self.model.tokens[&token])
            && !self.chance.once_in(5)
        {
            (org, connection, user) = (it.org, it.connection, it.user);
        }
        let event = self.chance.pick(&[
            Event::SessionRevoked,
            Event::SessionRevoked,
            Event::AccountDisabled,
            Event::AccountEnabled,
            Event::AccountEnabled,
            Event::CredentialChanged,
            Event::CredentialAdded,
            Event::TokenClaims,
            Event::AssuranceLost,
        ]);
        let whom = match (self.chance.below(10), token) {
            (0..4, Some(token)) => Whom::SessionOf(user, token),
            (4..6, Some(token)) => Whom::Session(token),
            (6, _) if self.chance.once_in(2) => Whom::Everyone,
            _ => Whom::User(user),
        };
        let age = self.chance.pick(&[0, 0, 0, 1, 10, 200]);
        Deed::Signal(Telling { org, connection, event, whom, age, again: None })
    }

    fn apply(&mut self) -> Deed {
        let (org, connection, user) = self.place();
        let agent = self.chance.pick(&[0, 0, 1, 2]);
        let edit = match self.chance.below(12) {
            0..6 => {
                let expires_at = match self.chance.below(4) {
                    0 => Some(self.model.now + self.chance.pick(&[0, 20, 100, 2000])),
                    _ => None,
                };
                let words = self.words();
                let targets = self.chance.pick(&[0x3f, 0x3f, 0x36, 0x3e, 0x30, 0x07]);
                Edit::Grant(Granting { connection, user, agent, words, targets, expires_at })
            }
            6..8 => Edit::DropGrant { connection, user, agent },
            8..10 => Edit::Ceiling { agent: self.chance.below(AGENTS), words: self.words() },
            10 => Edit::Resource { resource: self.chance.below(RESOURCES), words: self.words() },
            _ => Edit::Rules {
                chain_limit: self.chance.pick(&[3, 3, 4, 2]),
                lifetime: self.chance.pick(&[300, 300, 60]),
            },
        };
        Deed::Apply { org, edit }
    }

    /// What is stopped, if anything is.
    fn restore(&mut self) -> Deed {
        let (mut org, connection, user) = self.place();
        let stopped = (0..ORGS).find(|at| self.model.orgs[*at].is_stopped());
        org = stopped.unwrap_or(org);
        let it = &self.model.orgs[org];
        let mut stopped = Vec::new();
        if stopped_users(it).contains(&(connection, user)) || !it.is_stopped() {
            stopped.push(Stopped::User { connection, user });
        }
        stopped.extend(it.stopped.then_some(Stopped::Org));
        let agents = (0..AGENTS).filter(|at| it.agents_stopped[*at]).map(Stopped::Agent);
        stopped.extend(agents);
        let connections = (0..CONNECTIONS).filter(|at| it.connections_stopped[*at]);
        stopped.extend(connections.map(Stopped::Connection));
        if self.chance.once_in(10) {
            stopped = vec![Stopped::Agent(self.chance.below(AGENTS))];
        }
        let what = stopped[self.chance.below(stopped.len())];
        Deed::Restore { org, what }
    }

    fn reader(&mut self, link: Born) -> Reader {
        let target = self.model.links[&link].target;
        match self.chance.below(5) {
            0 => Reader::Agent(self.chance.below(AGENTS)),
            _ if target < AGENTS => Reader::Agent(target),
            _ => Reader::Resource,
        }
    }
}

/// Those of whom a signal or an operator has said that their accounts may not be used.
fn stopped_users(org: &Org) -> Vec<(usize, usize)> {
    let disabled = org.states.iter().filter(|(_, state)| state.account.is_some_and(|it| it.1));
    disabled
        .filter_map(|((connection, name), _)| match name {
            Name::Subject(user) => Some((*connection, *user)),
            Name::Directory(_) | Name::Session(_) | Name::Token(_) | Name::Everyone => None,
        })
        .collect()
}
