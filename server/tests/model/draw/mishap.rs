//! What goes wrong, or comes at a bad moment.

use super::Draw;
use crate::{
    cast::CONNECTIONS,
    step::{Ask, Deed, Edit, End, Event, Fuse, Moment, Said, Step, Telling, Whom},
};

impl Draw<'_> {
    pub(super) fn race(&mut self) -> Step {
        if self.chance.once_in(6) {
            return self.race_without_an_exchange();
        }
        let one = self.exchange();
        let other = match (self.chance.below(10), &one) {
            // The very same, twice.
            (0..3, deed) => deed.clone(),
            (3..6, Deed::Exchange(ask)) => self.end_of(ask),
            (6, _) => self.exchange(),
            _ => self.other(),
        };
        Step::Race(if self.chance.once_in(2) { [one, other] } else { [other, one] })
    }

    /// The same signal twice, or two things that have nothing to do with each other.
    fn race_without_an_exchange(&mut self) -> Step {
        let one = self.other();
        let other = match &one {
            Deed::Signal(telling) => {
                let again = Some(telling.again.unwrap_or(self.born));
                Deed::Signal(Telling { again, ..telling.clone() })
            }
            Deed::Exchange(_)
            | Deed::End { .. }
            | Deed::Own { .. }
            | Deed::Apply { .. }
            | Deed::Restore { .. } => self.other(),
        };
        Step::Race([one, other])
    }

    /// Something that ends what a request rests on.
    fn end_of(&mut self, ask: &Ask) -> Deed {
        let org = ask.org;
        let (token, parent) = self.model.origin(ask);
        let it = self.model.tokens[&token].clone();
        if let Some(parent) = parent {
            let root = self.model.links[&parent].root;
            match self.chance.below(5) {
                0 => return Deed::End { org, what: End::Delegation(parent) },
                1 => return Deed::End { org, what: End::Delegation(root) },
                2 => return Deed::End { org, what: End::Grant(parent) },
                _ => {}
            }
        }
        let (connection, user) = (it.connection, it.user);
        let telling = |event, whom| {
            Deed::Signal(Telling { org, connection, event, whom, age: 0, again: None })
        };
        match self.chance.below(7) {
            0 => Deed::End { org, what: End::Session(token) },
            1 => Deed::End { org, what: End::User { connection, user, disable: false } },
            2 => telling(Event::SessionRevoked, Whom::SessionOf(user, token)),
            3 => telling(Event::TokenClaims, Whom::User(user)),
            4 => telling(Event::AccountDisabled, Whom::User(user)),
            5 => Deed::Apply { org, edit: Edit::DropGrant { connection, user, agent: ask.agent } },
            _ => Deed::End { org, what: End::Agent(ask.agent) },
        }
    }

    pub(super) fn fuse(&mut self) -> Fuse {
        let at = match self.chance.below(4) {
            0 => Moment::Before,
            1 => Moment::After,
            _ => Moment::During(self.chance.below(6)),
        };
        Fuse { call: self.chance.pick(&[0, 0, 1, 1, 2]), at }
    }

    /// Whatever it refuses it takes back a little later, mostly.
    pub(super) fn provider(&mut self) -> Step {
        let (org, mut connection, user) = self.place();
        let down: Vec<usize> =
            (0..CONNECTIONS).filter(|at| self.model.orgs[org].providers[*at].down).collect();
        let token = self.token();
        let change = if !down.is_empty() && self.chance.below(4) < 3 {
            connection = self.chance.pick(&down);
            Said::Up
        } else if let (Some(&disabled), 0..2) =
            (self.model.orgs[org].providers[connection].disabled.first(), self.chance.below(3))
        {
            Said::Enabled(disabled)
        } else {
            match (self.chance.below(6), token) {
                (0..2, Some(token)) => Said::SessionOver(token),
                (2..4, Some(token)) => Said::TokenOver(token),
                (4, _) => Said::Down,
                _ => Said::Disabled(user),
            }
        };
        if let Said::SessionOver(token) | Said::TokenOver(token) = change {
            let it = &self.model.tokens[&token];
            return Step::Idp { org: it.org, connection: it.connection, change };
        }
        Step::Idp { org, connection, change }
    }
}
