//! What is in the database, held against what the model says.

use uuid::Uuid;

use super::Play;
use crate::{
    cast::{LISTED, ORGS},
    heard::{Noted, Property, Told, Violation},
    model::{Link, Model},
    step::Born,
};

impl Play<'_> {
    /// Exactly these events have come to the trail since the last look.
    pub(super) fn noted(&mut self, told: &[&Told]) -> Result<(), Violation> {
        for org in 0..ORGS {
            let of = told.iter().filter(|told| told.org == org);
            let mut foretold: Vec<Noted> = of.flat_map(|told| told.noted.clone()).collect();
            let is_concerned = told.iter().any(|told| told.org == org);
            if !is_concerned {
                continue;
            }
            let events = self.events(org);
            let mut found: Vec<Noted> = events.into_iter().map(|(noted, _)| noted).collect();
            foretold.sort();
            found.sort();
            if found != foretold {
                let text = format!("events {found:?}, foretold {foretold:?}");
                return Err(Property::AcknowledgedIsKept.broken(text));
            }
        }
        Ok(())
    }

    pub(super) fn events(&mut self, org: usize) -> Vec<(Noted, Option<Uuid>)> {
        let (events, read) = self.world.events(&self.orgs[org], self.read[org]);
        self.read[org] = read;
        events
    }

    /// Whatever is otherwise than before is so in the database.
    pub(super) fn took_effect(&self, before: &Model) -> Result<(), Violation> {
        for (born, link) in &self.model.links {
            let was = before.links.get(born);
            if was.is_none_or(|was| before.is_over(was) != self.model.is_over(link)) {
                self.look_at(*born)?;
            }
        }
        Ok(())
    }

    /// One that need not have changed, in turn.
    pub(super) fn patrol(&mut self) -> Result<(), Violation> {
        let next = self.model.links.range(self.patrol + 1..).next();
        let Some(born) = next.or_else(|| self.model.links.iter().next()).map(|(born, _)| *born)
        else {
            return Ok(());
        };
        self.patrol = born;
        self.look_at(born)
    }

    fn look_at(&self, born: Born) -> Result<(), Violation> {
        let Some(known) = self.known.get(&born) else { return Ok(()) };
        let link = &self.model.links[&born];
        let found = self.world.find(&self.orgs[link.org], known.id);
        match found {
            None if link.gone => Ok(()),
            None => Err(Property::AcknowledgedIsKept.broken(format!("{born} is not there"))),
            Some(_) if link.gone => {
                Err(Property::NothingTooLittle.broken(format!("{born} was not swept away")))
            }
            Some(found) => match (found.ended_at.is_some(), self.model.is_over(link)) {
                (true, true) | (false, false) => Ok(()),
                (false, true) => {
                    Err(Property::AcknowledgedIsKept.broken(format!("{born} ended, and stands")))
                }
                (true, false) => {
                    Err(Property::NothingTooLittle.broken(format!("{born} stands, and ended")))
                }
            },
        }
    }

    /// Everything there is, and the status lists.
    pub fn look_at_everything(&self) -> Result<(), Violation> {
        self.model.links.keys().try_for_each(|born| self.look_at(*born))?;
        for (number, org) in self.orgs.iter().enumerate() {
            let listed = |link: &Link| link.org == number && link.target == LISTED && !link.gone;
            let ended = self.model.links.values().filter(|link| listed(link) && link.ended).count();
            let places = self.world.ended_places(org).len();
            if ended != places {
                let text = format!("{places} places on status lists, {ended} have ended");
                return Err(Property::AcknowledgedIsKept.broken(text));
            }
        }
        Ok(())
    }
}
