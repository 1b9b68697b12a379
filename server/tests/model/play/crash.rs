//! A replica dies in the middle of something.

use std::sync::Arc;

use super::{Known, Play};
use crate::{
    heard::{Heard, Noted, Property, Told, Violation},
    model::Model,
    step::{Ask, Born, Deed, Fuse, Subject},
    wire,
};

impl Play<'_> {
    pub(super) fn crash(
        &mut self,
        born: Born,
        replica: usize,
        (deed, fuse): (&Deed, Fuse),
    ) -> Result<bool, Violation> {
        let Some(task) = wire::task(self, born, deed) else { return Ok(false) };
        let before = self.model.clone();
        let Some(told) = self.model.perform(born, deed) else { return Ok(false) };
        self.forget_questions();
        self.look_for_changes(replica, deed);
        let org = self.orgs[told.org].clone();
        let revision = self.world.revision(&org);
        let asked = Arc::clone(&self.world.replica(replica).asked);
        if let Some(answer) = self.world.crash(replica, task, fuse) {
            self.judge(&[&before], (born, deed, &asked), &answer)?;
            Self::agree(&answer.heard, &told)?;
            self.noted(&[&told])?;
        } else {
            self.world.settle(replica, &org);
            let has_changed = revision + 1 < self.world.revision(&org);
            self.resolve(&before, (born, deed, &told), has_changed)?;
        }
        self.look_at_everything()?;
        Ok(true)
    }

    /// Nobody was told what came of it: whichever it is, it is whole.
    fn resolve(
        &mut self,
        before: &Model,
        (born, deed, told): (Born, &Deed, &Told),
        has_changed: bool,
    ) -> Result<(), Violation> {
        let mut events = self.events(told.org);
        let issued = events.iter().find_map(|(_, delegation)| *delegation);
        events.sort();
        let mut foretold = told.noted.clone();
        foretold.sort();
        let found: Vec<Noted> = events.into_iter().map(|(noted, _)| noted).collect();
        let signalled: Vec<Noted> =
            foretold.iter().filter(|it| it.outcome == "signalled").cloned().collect();
        let is_silent = foretold.is_empty();
        if found == foretold && (!is_silent || has_changed) {
            if let (Heard::Issued(_), Some(id)) = (&told.heard, issued) {
                self.known.insert(born, Known { id, text: None });
            }
        } else if found == signalled && matches!(deed, Deed::Exchange(_)) && !found.is_empty() {
            // The provider's no was written down, and the refusal was not.
        } else if found.is_empty() {
            self.model = before.clone();
            if let Deed::Exchange(Ask { subject: Subject::User(token), .. }) = deed
                && self.model.tokens.get(token).is_some_and(|it| it.of.once && !it.used)
            {
                // Whether it was used nobody can tell, so it is not used any more.
                self.model.tokens.remove(token);
                self.texts.remove(token);
            }
        } else {
            let text = format!("after a crash there are events {found:?} of {foretold:?}");
            return Err(Property::AcknowledgedIsKept.broken(text));
        }
        Ok(())
    }
}
