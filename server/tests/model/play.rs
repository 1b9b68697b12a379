//! Plays a step in the model and in the world, and holds one against the other.

mod crash;
mod look;
mod race;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use uuid::Uuid;

use crate::{
    cast::{ORGS, agent, connection, user},
    heard::{Heard, Property, Told, Violation},
    model::Model,
    property,
    provider::Asked,
    replica::Answer,
    step::{Born, Deed, Mint, Reader, Said, SignIn, Step},
    tally::Tally,
    wire,
    world::World,
};

/// A token of ours, as the world knows it.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: Uuid,
    /// None when whoever was to have it never got it.
    pub text: Option<String>,
}

/// What a replica has asked providers since the step began.
type Questions = Mutex<Vec<Asked>>;

/// One history under way.
pub struct Play<'a> {
    pub world: &'a mut World,
    pub model: Model,
    /// The names of the organizations of this history.
    pub orgs: Vec<String>,
    /// Tokens of providers.
    pub texts: BTreeMap<Born, String>,
    /// Tokens of ours.
    pub known: BTreeMap<Born, Known>,
    pub tally: &'a mut Tally,
    /// How far the trail of each organization was read.
    read: [i64; ORGS],
    /// Where the look at what need not have changed goes on.
    patrol: Born,
}

impl<'a> Play<'a> {
    /// A history in organizations of its own.
    pub fn begin(world: &'a mut World, number: u64, tally: &'a mut Tally) -> Self {
        let model = Model::new();
        world.forget();
        world.site.clock.set(model.now);
        let orgs: Vec<String> = (0..ORGS).map(|org| format!("h{number}-o{org}")).collect();
        for org in &orgs {
            world.declare(org);
        }
        let (texts, known, read) = <_>::default();
        Self { world, model, orgs, texts, known, tally, read, patrol: 0 }
    }

    /// Plays one step; whether it could be.
    pub fn step(&mut self, number: u32, step: &Step) -> Result<bool, Violation> {
        let born = number * 2;
        let played = match step {
            Step::SignIn(sign_in) => self.sign_in(born, sign_in),
            Step::Mint { of, of_which } => self.mint(born, *of, *of_which),
            Step::Do { replica, deed } => self.perform(born, *replica, deed)?,
            Step::Race(deeds) => self.race(born, deeds)?,
            Step::Crash { replica, deed, fuse } => self.crash(born, *replica, (deed, *fuse))?,
            Step::Idp { org, connection, change } => self.provider(*org, *connection, *change),
            Step::Introspect { replica, link, by } => self.introspect(*replica, *link, *by)?,
            Step::Clock { seconds } => {
                self.model.now += seconds;
                self.world.site.clock.set(self.model.now);
                true
            }
            Step::Sweep { replica } => {
                self.model.sweep();
                self.world.on(*replica, self.world.replica(*replica).sweep());
                true
            }
            Step::Refresh { replica } => {
                self.world.on(*replica, self.world.replica(*replica).refresh());
                true
            }
        };
        if played {
            self.tally.step(step);
            self.patrol()?;
        }
        Ok(played)
    }

    fn sign_in(&mut self, born: Born, sign_in: &SignIn) -> bool {
        self.model.sign_in(born, sign_in);
        self.texts.insert(born, wire::token(self, born));
        true
    }

    fn mint(&mut self, born: Born, of: Born, mint: Mint) -> bool {
        let is_known = self.model.tokens.contains_key(&of);
        if is_known {
            self.model.mint(born, of, mint);
            self.texts.insert(born, wire::token(self, born));
        }
        is_known
    }

    fn perform(&mut self, born: Born, replica: usize, deed: &Deed) -> Result<bool, Violation> {
        let Some(task) = wire::task(self, born, deed) else { return Ok(false) };
        let before = self.model.clone();
        let Some(told) = self.model.perform(born, deed) else { return Ok(false) };
        self.forget_questions();
        self.look_for_changes(replica, deed);
        let answer = self.world.perform(replica, task);
        let asked = Arc::clone(&self.world.replica(replica).asked);
        self.judge(&[&before], (born, deed, &asked), &answer)?;
        Self::agree(&answer.heard, &told)?;
        self.noted(&[&told])?;
        self.took_effect(&before)?;
        Ok(true)
    }

    /// What holds of an answer, whatever the model foretells; and what is known from then on.
    ///
    /// `before`: what may have been so when it was given.
    fn judge(
        &mut self,
        before: &[&Model],
        (born, deed, asked): (Born, &Deed, &Questions),
        answer: &Answer,
    ) -> Result<(), Violation> {
        self.tally.heard(deed, &answer.heard);
        if let (Deed::Exchange(ask), Heard::Issued(issued)) = (deed, &answer.heard) {
            let asked = asked.lock().unwrap().clone();
            let (token, _) = self.model.origin(ask);
            let seen = (&*asked, &*self.texts[&token]);
            let mut held = before.iter().map(|it| property::hold(it, ask, issued, seen));
            let first = held.next().unwrap();
            if !held.any(|held| held.is_ok()) {
                first?;
            }
        }
        if let Some((id, text)) = &answer.token {
            self.known.insert(born, Known { id: *id, text: Some(text.clone()) });
        }
        Ok(())
    }

    fn agree(heard: &Heard, told: &Told) -> Result<(), Violation> {
        if heard.agrees(&told.heard) {
            return Ok(());
        }
        let text = format!("heard {heard:?}, foretold {:?}", told.heard);
        let too_much = match (heard, &told.heard) {
            (Heard::Issued(_), _) => true,
            (Heard::Ended(heard), Heard::Ended(told)) => told < heard,
            (_, _) => false,
        };
        let of = if too_much { Property::NothingTooMuch } else { Property::NothingTooLittle };
        Err(of.broken(text))
    }

    fn provider(&mut self, org: usize, at: usize, change: Said) -> bool {
        let Some(()) = self.model.provider_says(org, at, change) else { return false };
        let truth = self.world.site.truth(&self.orgs[org], &connection(at));
        let mut truth = truth.lock().unwrap();
        match change {
            Said::Disabled(it) => drop(truth.disabled.insert(user(it).to_owned())),
            Said::Enabled(it) => drop(truth.disabled.remove(user(it))),
            Said::SessionOver(token) => {
                let session = wire::session(self.model.tokens[&token].session);
                truth.sessions_over.insert(session);
            }
            Said::TokenOver(token) => drop(truth.tokens_over.insert(wire::token_id(token))),
            Said::Down => truth.down = true,
            Said::Up => truth.down = false,
        }
        true
    }

    fn introspect(&mut self, replica: usize, link: Born, by: Reader) -> Result<bool, Violation> {
        let Some(text) = self.known.get(&link).and_then(|known| known.text.clone()) else {
            return Ok(false);
        };
        let org = self.orgs[self.model.links[&link].org].clone();
        let who = match by {
            Reader::Resource => crate::cast::READER.to_owned(),
            Reader::Agent(number) => agent(number),
        };
        let it = self.world.replica(replica);
        let said = self.world.on(replica, it.introspect(&org, &who, &text));
        let foretold = self.model.introspect(link, by);
        match said {
            Ok(said) if said == foretold => Ok(true),
            // An agent that was stopped a moment ago, and is told nothing.
            Ok(Some(false)) if foretold.is_none() => Ok(true),
            Ok(said) => {
                let text = format!("introspection says {said:?}, foretold {foretold:?}");
                let of = if said == Some(true) {
                    Property::NoIssueAfterAnEnd
                } else {
                    Property::NothingTooLittle
                };
                Err(of.broken(text))
            }
            Err(fault) => Err(Property::NothingTooLittle.broken(fault.to_string())),
        }
    }

    /// An agent that was stopped may end its own tokens for as long as a replica does not know of it,
    /// which is a second: what ends is not held to the revision, and need not be.
    fn look_for_changes(&self, replica: usize, deed: &Deed) {
        if matches!(deed, Deed::Own { .. }) {
            self.world.on(replica, self.world.replica(replica).refresh());
        }
    }

    fn forget_questions(&self) {
        for replica in 0..2 {
            self.world.replica(replica).asked.lock().unwrap().clear();
        }
    }
}
