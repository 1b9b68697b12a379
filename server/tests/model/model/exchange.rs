//! A request to the token endpoint, foretold.

use super::{Link, Model, Name, Token};
use crate::{
    cast::{agent, issuer_of_number, sub, target},
    heard::{Heard, Issued, Noted, Told},
    step::{Ask, Born, Subject},
};

/// Clocks of providers may differ by this much.
const LEEWAY: i64 = 10;
/// Less is not worth issuing.
const LEAST: i64 = 5;
/// A no about an account is written down once in so many seconds.
const ONCE_IN: i64 = 10;

/// What a token would be, and what would come of asking for it.
enum Verdict {
    Issue(Link),
    Refuse(&'static str),
    Unavailable,
}

impl Model {
    pub(super) fn exchange(&mut self, born: Born, ask: &Ask) -> Option<Told> {
        let is_known = match ask.subject {
            Subject::User(token) => self.tokens.contains_key(&token),
            Subject::Link(link) => self.links.contains_key(&link),
        };
        is_known.then_some(())?;
        let mut noted = Vec::new();
        let (heard, outcome) = match self.judge(born, ask, &mut noted) {
            Verdict::Issue(link) => {
                let issued = self.issued(&link);
                self.links.insert(born, link);
                (Heard::Issued(issued), "issued")
            }
            Verdict::Refuse(why) => (Heard::Refused(why.to_owned()), "refused"),
            Verdict::Unavailable => (Heard::Unavailable("provider".to_owned()), "unavailable"),
        };
        noted.push(Noted::new(outcome, None));
        Some(Told { org: ask.org, heard, noted })
    }

    fn judge(&mut self, born: Born, ask: &Ask, noted: &mut Vec<Noted>) -> Verdict {
        if let Err(why) = self.may_ask(ask) {
            return Verdict::Refuse(why);
        }
        let (token, parent) = self.origin(ask);
        let Token { org, connection, user, session, .. } = self.tokens[&token].clone();
        let signalled = self.said_of(token);
        let provider = &self.orgs[org].providers[connection];
        if provider.down {
            return Verdict::Unavailable;
        }
        if provider.disabled.contains(&user) {
            let id = format!("account:{user}:{}", self.now.div_euclid(ONCE_IN));
            let names = [Name::Subject(user)];
            noted.extend(self.spread((org, connection, id), |model| {
                model.signed_out(org, connection, (&names, model.now));
                model.end_of_user(org, connection, (user, model.now))
            }));
            return Verdict::Refuse("account_suspended");
        }
        if provider.sessions_over.contains(&session) || provider.tokens_over.contains(&token) {
            let id = format!("token:{token}");
            let names = [Name::Token(token)];
            noted.extend(self.spread((org, connection, id), |model| {
                model.signed_out(org, connection, (&names, model.now));
                model.end_of_token(org, token)
            }));
            return Verdict::Refuse("subject_gone");
        }
        if signalled.account.is_some() {
            return Verdict::Refuse("account_suspended");
        }
        let token_state = self.orgs[org].states.get(&(connection, Name::Token(token)));
        if token_state.is_some_and(|it| it.signed_out_before.is_some()) {
            return Verdict::Refuse("subject_gone");
        }
        let signed_in_at = self.tokens[&token].signed_in_at;
        if signalled.signed_out_before.is_some_and(|before| signed_in_at < before) {
            return Verdict::Refuse("signed_out");
        }
        if signalled.step_up_before.is_some_and(|before| signed_in_at < before) {
            return Verdict::Refuse("step_up");
        }
        let link = match self.terms(born, ask, (token, parent)) {
            Ok(link) => link,
            Err(why) => return Verdict::Refuse(why),
        };
        let Subject::User(token) = ask.subject else { return Verdict::Issue(link) };
        let token = self.tokens.get_mut(&token).unwrap();
        if token.of.once && std::mem::replace(&mut token.used, true) {
            return Verdict::Refuse("replayed");
        }
        Verdict::Issue(link)
    }

    /// What is known before anybody is asked.
    pub fn may_ask(&self, ask: &Ask) -> Result<(), &'static str> {
        let org = &self.orgs[ask.org];
        if org.agents_stopped[ask.agent] {
            return Err("agent_stopped");
        }
        if org.stopped {
            return Err("org_stopped");
        }
        if !org.knows(ask.target) {
            return Err("unknown_target");
        }
        let (token, _) = self.origin(ask);
        let connection = self.tokens[&token].connection;
        match ask.subject {
            Subject::User(token) => {
                let token = &self.tokens[&token];
                if token.org != ask.org {
                    return Err("other_org");
                }
                if token.expires_at <= self.now - LEEWAY {
                    return Err("expired");
                }
                if token.of.agent != ask.agent {
                    return Err("presenter");
                }
            }
            Subject::Link(link) => {
                let link = &self.links[&link];
                if link.org != ask.org {
                    return Err("other_org");
                }
                if link.expires_at <= self.now {
                    return Err("expired");
                }
                if link.agent != ask.agent && link.target != ask.agent {
                    return Err("presenter");
                }
                if self.is_over(link) {
                    return Err("ended");
                }
            }
        }
        if org.connections_stopped[connection] { Err("connection_stopped") } else { Ok(()) }
    }

    /// The provider's token that the chain begins with, and what of ours is derived from.
    pub fn origin(&self, ask: &Ask) -> (Born, Option<Born>) {
        match ask.subject {
            Subject::User(token) => (token, None),
            Subject::Link(link) => (self.links[&link].token, Some(link)),
        }
    }

    /// How far the new token reaches.
    fn terms(
        &self,
        born: Born,
        ask: &Ask,
        (token, parent): (Born, Option<Born>),
    ) -> Result<Link, &'static str> {
        let (org, it) = (&self.orgs[ask.org], &self.tokens[&token]);
        let above = parent.map(|parent| &self.links[&parent]);
        let grant = match above {
            Some(above) => above.grant,
            None => org.standing(it.connection, it.user, ask.agent).ok_or("no_grant")?,
        };
        let granted = &org.grants[grant].of;
        if granted.expires_at.is_some_and(|at| at <= self.now) {
            return Err("grant_expired");
        }
        if granted.targets & (1 << ask.target) == 0 {
            return Err("target_not_granted");
        }
        let held = above.map_or(it.of.words.unwrap_or(u8::MAX), |above| above.words);
        let most = held & granted.words & org.ceilings[ask.agent] & org.words_of(ask.target);
        let words = match ask.words {
            None => most,
            Some(words) if words & !most == 0 => words,
            Some(_) => return Err("scope_beyond"),
        };
        if words == 0 {
            return Err("nothing_left");
        }
        let chain = self.chain(ask, parent)?;
        let ends = [
            Some(above.map_or(it.expires_at, |above| above.expires_at)),
            granted.expires_at,
            Some(self.now + org.lifetime),
        ];
        let expires_at = ends.into_iter().flatten().min().unwrap();
        if expires_at < self.now + LEAST {
            return Err("too_little_time");
        }
        Ok(Link {
            org: ask.org,
            parent,
            root: above.map_or(born, |above| above.root),
            token,
            grant,
            agent: ask.agent,
            target: ask.target,
            words,
            chain,
            issued_at: self.now,
            expires_at,
            ended: false,
            kept: parent.is_none(),
            gone: false,
        })
    }

    fn chain(&self, ask: &Ask, parent: Option<Born>) -> Result<Vec<usize>, &'static str> {
        let mut chain = parent.map_or_else(Vec::new, |parent| self.links[&parent].chain.clone());
        if chain.first() != Some(&ask.agent) {
            if chain.contains(&ask.agent) {
                return Err("actor_repeated");
            }
            chain.insert(0, ask.agent);
        }
        // Also of one that was legal before the limit was lowered.
        if chain.len() <= self.orgs[ask.org].chain_limit {
            Ok(chain)
        } else {
            Err("chain_too_long")
        }
    }

    fn issued(&self, link: &Link) -> Issued {
        let token = self.token_of(link);
        let org = issuer_of_number(link.org);
        Issued {
            org: [org.clone(), org],
            sub: sub(token.connection, token.user),
            agent: agent(link.agent),
            target: target(link.target),
            words: link.words,
            chain: link.chain.iter().map(|it| agent(*it)).collect(),
            expires_at: link.expires_at,
        }
    }

    /// A no that is heard for the first time takes effect, and leaves an event.
    fn spread(
        &mut self,
        (org, connection, id): (usize, usize, String),
        end: impl FnOnce(&mut Self) -> u64,
    ) -> Option<Noted> {
        let is_new = self.orgs[org].signals.insert((connection, format!("check {id}")));
        is_new.then(|| Noted::new("signalled", Some(end(self))))
    }
}
