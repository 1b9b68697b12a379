//! What actas should be: grants, tokens, the trees below them, what has ended, and what providers said.
//!
//! [`exchange`] foretells a request to the token endpoint, [`end`] what ends and what signals do. Nothing here is
//! taken from the product: who reads both finds the same rules twice.

mod end;
mod exchange;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    cast::{
        AGENTS, CEILINGS, CHAIN_LIMIT, CONNECTIONS, DAWN, FIRST, Granting, LIFETIME, LISTED, ORGS,
        RESOURCE_WORDS, RESOURCES, TARGETS, Words,
    },
    heard::{Heard, Noted, Told},
    step::{Born, Deed, Edit, Mint, Reader, Said, SignIn, Stopped},
};

#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub now: i64,
    pub orgs: Vec<Org>,
    /// Of providers.
    pub tokens: BTreeMap<Born, Token>,
    /// Ours.
    pub links: BTreeMap<Born, Link>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Org {
    pub stopped: bool,
    pub agents_stopped: [bool; AGENTS],
    pub connections_stopped: [bool; CONNECTIONS],
    pub ceilings: [Words; AGENTS],
    pub resources: [Words; RESOURCES],
    pub chain_limit: usize,
    pub lifetime: i64,
    pub grants: Vec<Grant>,
    /// What was said of whom, by connection.
    pub states: BTreeMap<(usize, Name), State>,
    /// Signals that were taken, by connection, sender and id.
    pub signals: BTreeSet<(usize, String)>,
    /// What the providers would say.
    pub providers: [Provider; CONNECTIONS],
}

#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub id: String,
    pub of: Granting,
    pub ended: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provider {
    pub down: bool,
    pub disabled: BTreeSet<usize>,
    pub sessions_over: BTreeSet<Born>,
    pub tokens_over: BTreeSet<Born>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub org: usize,
    pub connection: usize,
    pub user: usize,
    /// The step that began it.
    pub session: Born,
    pub signed_in_at: i64,
    pub expires_at: i64,
    pub of: Mint,
    pub used: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub org: usize,
    pub parent: Option<Born>,
    pub root: Born,
    /// The provider's token that the chain began with.
    pub token: Born,
    pub grant: usize,
    pub agent: usize,
    pub target: usize,
    pub words: Words,
    /// Outermost first.
    pub chain: Vec<usize>,
    pub issued_at: i64,
    pub expires_at: i64,
    pub ended: bool,
    /// Whether its names, and the provider's token, are still kept. Of a root.
    pub kept: bool,
    /// It was swept away, long after it died.
    pub gone: bool,
}

/// A name by which signals mean somebody or something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Subject(usize),
    Directory(usize),
    Session(Born),
    Token(Born),
    Everyone,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub signed_out_before: Option<i64>,
    pub step_up_before: Option<i64>,
    /// Since when, and whether it is disabled.
    pub account: Option<(i64, bool)>,
}

impl Model {
    pub fn new() -> Self {
        let grant = |(at, of): (usize, &Granting)| Grant {
            id: format!("first-{at}"),
            of: *of,
            ended: false,
        };
        let org = Org {
            ceilings: CEILINGS,
            resources: RESOURCE_WORDS,
            chain_limit: CHAIN_LIMIT,
            lifetime: LIFETIME,
            grants: FIRST.iter().enumerate().map(grant).collect(),
            ..Org::default()
        };
        let (tokens, links) = (BTreeMap::new(), BTreeMap::new());
        Self { now: DAWN, orgs: vec![org; ORGS], tokens, links }
    }

    pub fn sign_in(&mut self, born: Born, sign_in: &SignIn) {
        let SignIn { org, connection, user, token } = *sign_in;
        let token = Token {
            org,
            connection,
            user,
            session: born,
            signed_in_at: self.now,
            expires_at: self.now + token.life,
            of: token,
            used: false,
        };
        self.tokens.insert(born, token);
    }

    pub fn mint(&mut self, born: Born, of: Born, mint: Mint) {
        let session = self.tokens[&of].clone();
        let expires_at = self.now + mint.life;
        self.tokens.insert(born, Token { expires_at, of: mint, used: false, ..session });
    }

    /// Foretells what comes of a deed, and lets it take effect. None when what it names is not there.
    pub fn perform(&mut self, born: Born, deed: &Deed) -> Option<Told> {
        Some(match deed {
            Deed::Exchange(ask) => self.exchange(born, ask)?,
            Deed::End { org, what } => self.end(*org, what)?,
            Deed::Own { link, agent } => self.own(*link, *agent)?,
            Deed::Signal(telling) => self.signal(born, telling)?,
            Deed::Apply { org, edit } => self.apply(born, *org, *edit),
            Deed::Restore { org, what } => self.restore(*org, *what),
        })
    }

    fn apply(&mut self, born: Born, org: usize, edit: Edit) -> Told {
        let it = &mut self.orgs[org];
        match edit {
            Edit::Grant(of) => match it.standing(of.connection, of.user, of.agent) {
                Some(at) => it.grants[at].of = of,
                None => it.grants.push(Grant { id: format!("grant-{born}"), of, ended: false }),
            },
            Edit::DropGrant { connection, user, agent } => {
                if let Some(at) = it.standing(connection, user, agent) {
                    self.end_grant(org, at);
                }
            }
            Edit::Ceiling { agent, words } => it.ceilings[agent] = words,
            Edit::Resource { resource, words } => it.resources[resource] = words,
            Edit::Rules { chain_limit, lifetime } => {
                (it.chain_limit, it.lifetime) = (chain_limit, lifetime);
            }
        }
        Told { org, heard: Heard::Done, noted: Vec::new() }
    }

    fn restore(&mut self, org: usize, what: Stopped) -> Told {
        let it = &mut self.orgs[org];
        let flag = match what {
            Stopped::Org => &mut it.stopped,
            Stopped::Agent(agent) => &mut it.agents_stopped[agent],
            Stopped::Connection(connection) => &mut it.connections_stopped[connection],
            Stopped::User { connection, user } => {
                self.enable(org, connection, user);
                let noted = vec![Noted::new("restored", Some(0))];
                return Told { org, heard: Heard::Done, noted };
            }
        };
        if std::mem::take(flag) {
            let noted = vec![Noted::new("restored", None)];
            Told { org, heard: Heard::Done, noted }
        } else {
            Told { org, heard: Heard::Unknown, noted: Vec::new() }
        }
    }

    pub fn provider_says(&mut self, org: usize, connection: usize, change: Said) -> Option<()> {
        let session = |born| self.tokens.get(&born).map(|token| token.session);
        let known = |born| self.tokens.contains_key(&born).then_some(born);
        let change = match change {
            Said::SessionOver(born) => Said::SessionOver(session(born)?),
            Said::TokenOver(born) => Said::TokenOver(known(born)?),
            Said::Disabled(_) | Said::Enabled(_) | Said::Down | Said::Up => change,
        };
        let provider = &mut self.orgs[org].providers[connection];
        match change {
            Said::Disabled(user) => drop(provider.disabled.insert(user)),
            Said::Enabled(user) => drop(provider.disabled.remove(&user)),
            Said::SessionOver(session) => drop(provider.sessions_over.insert(session)),
            Said::TokenOver(token) => drop(provider.tokens_over.insert(token)),
            Said::Down => provider.down = true,
            Said::Up => provider.down = false,
        }
        Some(())
    }

    /// What is told of a token: whether it is active; none when who asks is not believed.
    pub fn introspect(&self, link: Born, by: Reader) -> Option<bool> {
        let link = &self.links[&link];
        let audience = match by {
            Reader::Resource => LISTED,
            Reader::Agent(agent) if self.orgs[link.org].agents_stopped[agent] => return None,
            Reader::Agent(agent) => agent,
        };
        let grant = &self.orgs[link.org].grants[link.grant];
        let expired = grant.of.expires_at.is_some_and(|at| at <= self.now);
        let stands = !link.gone && !self.is_over(link) && !expired;
        Some(self.now < link.expires_at && audience == link.target && stands)
    }

    pub fn sweep(&mut self) {
        const DAY: i64 = 24 * 60 * 60;
        for link in self.links.values_mut() {
            link.kept &= self.now - 60 <= link.expires_at;
            link.gone |= link.expires_at < self.now - DAY && link.issued_at < self.now - DAY - 600;
        }
    }

    /// Whether it, or anything it rests on, has ended.
    pub fn is_over(&self, link: &Link) -> bool {
        link.ended || self.orgs[link.org].grants[link.grant].ended
    }

    pub fn token_of(&self, link: &Link) -> &Token {
        &self.tokens[&link.token]
    }

    /// Everything a signal can mean it by, taken together.
    pub fn said_of(&self, token: Born) -> State {
        let it = &self.tokens[&token];
        let names =
            [Name::Subject(it.user), Name::Session(it.session), Name::Token(token), Name::Everyone];
        let mut all = State::default();
        for name in names {
            let said = self.orgs[it.org].states.get(&(it.connection, name));
            let State { signed_out_before, step_up_before, account } =
                said.copied().unwrap_or_default();
            all.signed_out_before = all.signed_out_before.max(signed_out_before);
            all.step_up_before = all.step_up_before.max(step_up_before);
            if account.is_some_and(|(_, disabled)| disabled) {
                all.account = account;
            }
        }
        all
    }
}

impl Org {
    /// The grant of this user to this agent that stands.
    pub fn standing(&self, connection: usize, user: usize, agent: usize) -> Option<usize> {
        let key = |of: &Granting| (of.connection, of.user, of.agent);
        let is_it = |it: &Grant| !it.ended && key(&it.of) == (connection, user, agent);
        self.grants.iter().position(is_it)
    }

    pub fn is_stopped(&self) -> bool {
        let parts = self.agents_stopped.iter().chain(&self.connections_stopped);
        self.stopped || parts.into_iter().any(|stopped| *stopped)
    }

    pub fn words_of(&self, target: usize) -> Words {
        if target < AGENTS { self.ceilings[target] } else { self.resources[target - AGENTS] }
    }

    pub fn knows(&self, target: usize) -> bool {
        target < TARGETS && !(target < AGENTS && self.agents_stopped[target])
    }
}
