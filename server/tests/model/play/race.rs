//! Two at once, one on each replica.

use std::sync::Arc;

use super::Play;
use crate::{
    heard::{Heard, Property, Told, Violation},
    model::Model,
    step::{Born, Deed, End, Subject},
    wire,
};

impl Play<'_> {
    /// Two orders are possible; what came of it must be one of them.
    pub(super) fn race(&mut self, born: Born, deeds: &[Deed; 2]) -> Result<bool, Violation> {
        let tasks = [wire::task(self, born, &deeds[0]), wire::task(self, born + 1, &deeds[1])];
        let [Some(one), Some(other)] = tasks else { return Ok(false) };
        let touches_agents = |deed: &Deed| {
            matches!(deed, Deed::End { what: End::Agent(_), .. } | Deed::Restore { .. })
        };
        let is_own = deeds.iter().any(|deed| matches!(deed, Deed::Own { .. }));
        let is_unsure = is_own && deeds.iter().any(touches_agents);
        if is_unsure || deeds.iter().any(|deed| self.hears_a_no(deed)) {
            return Ok(false);
        }
        (0..2).for_each(|replica| self.look_for_changes(replica, &deeds[replica]));
        let before = self.model.clone();
        let in_order = |order: [usize; 2]| {
            let mut model = before.clone();
            let mut told = [None, None];
            for at in order {
                told[at] = model.perform(born + u32::try_from(at).unwrap(), &deeds[at]);
            }
            let [Some(one), Some(other)] = told else { return None };
            Some((model, [one, other]))
        };
        let (Some(first), Some(second)) = (in_order([0, 1]), in_order([1, 0])) else {
            return Ok(false);
        };
        self.forget_questions();
        let answers = self.world.race([one, other]);
        for (at, answer) in answers.iter().enumerate() {
            let of = born + u32::try_from(at).unwrap();
            let asked = Arc::clone(&self.world.replica(at).asked);
            // Restored or granted a moment before, it may be issued; ended at the same time, too.
            let mut after = before.clone();
            after.perform(of, &deeds[1 - at]);
            self.judge(&[&before, &after], (of, &deeds[at], &asked), answer)?;
        }
        let both_issued = answers.iter().all(|it| matches!(it.heard, Heard::Issued(_)));
        if let (true, Some(token)) = (both_issued, self.once_of_both(deeds)) {
            return Err(Property::SingleUse.broken(format!("token {token} was used by both")));
        }
        let fits = |(_, told): &(Model, [Told; 2])| {
            let mut both = answers.iter().zip(told);
            both.all(|(answer, told)| answer.heard.agrees(&told.heard))
        };
        let (model, told) = match (fits(&first), fits(&second)) {
            (true, _) => first,
            (false, true) => second,
            (false, false) => {
                let heard: Vec<&Heard> = answers.iter().map(|answer| &answer.heard).collect();
                let text = format!("no order explains {heard:?}: {:?} {:?}", first.1, second.1);
                let issued = heard.iter().any(|heard| matches!(heard, Heard::Issued(_)));
                let of = if issued { Property::NothingTooMuch } else { Property::NothingTooLittle };
                return Err(of.broken(text));
            }
        };
        self.model = model;
        self.noted(&[&told[0], &told[1]])?;
        self.took_effect(&before)?;
        Ok(true)
    }

    /// The token for one use that both come with, if they do.
    fn once_of_both(&self, deeds: &[Deed; 2]) -> Option<Born> {
        let [Deed::Exchange(one), Deed::Exchange(other)] = deeds else { return None };
        match (one.subject, other.subject) {
            (Subject::User(one), Subject::User(other)) if one == other => {
                self.model.tokens.get(&one).filter(|it| it.of.once).map(|_| one)
            }
            (Subject::User(_) | Subject::Link(_), Subject::User(_) | Subject::Link(_)) => None,
        }
    }

    /// Whether it is a request that a provider says no to. Two things come of one: in a race, something
    /// else may come in between.
    fn hears_a_no(&self, deed: &Deed) -> bool {
        let Deed::Exchange(ask) = deed else { return false };
        let (token, _) = self.model.origin(ask);
        let Some(it) = self.model.tokens.get(&token) else { return false };
        let provider = &self.model.orgs[it.org].providers[it.connection];
        provider.disabled.contains(&it.user)
            || provider.sessions_over.contains(&it.session)
            || provider.tokens_over.contains(&token)
    }
}
