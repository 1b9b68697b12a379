//! The exchanges, group by group.

use std::{sync::Arc, time::Duration};

use crate::{
    IN_FLIGHT, Outcome,
    bare::Kind,
    exchanges::{self, FIRST},
    load::closed_loop,
    meter::Line,
    names,
    neighbours::{ACTIVE, INTROSPECT},
    past,
    proofs::{Prover, Proving, Way},
    rounds::Bench,
    wire::{Client, Script, post},
};

/// The agents of the chains that are longer than one, the one who asks among them.
const DEPTHS: [usize; 2] = [3, 5];

/// As long as a provider takes that is not on this machine.
const DISTANCE: Duration = Duration::from_millis(20);
/// Subagents of one user that ask at once.
const FAN_OUT: usize = 40;

/// Organizations over which the load is spread.
const ASKED_ORGS: usize = 50;

impl Bench {
    /// What all others are compared with.
    pub(super) fn secret(&mut self) -> Outcome<()> {
        for site in &self.sites {
            let script =
                self.meter.runtime.block_on(exchanges::last_hop(&site.actas, &self.users, 1));
            let name = names::line(site.name, names::SECRET);
            let line = Line::of(name, site.actas.address, site.actas.process());
            self.meter.play(&line, &Arc::new(script?))?;
        }
        Ok(())
    }

    /// Each kind of exchange at actas, and right after it at the bare server; and a peer.
    pub(super) fn beside_bare(&mut self) -> Outcome<()> {
        if let (Some(peer), Some(site)) = (&self.peer, self.sites.first()) {
            let script = Arc::new(exchanges::at(&site.actas.own(), &self.users)?);
            let line = Line::of(names::PEER.to_owned(), peer.address, peer.process());
            self.meter.play(&line.not_rechecked(), &script)?;
        }
        for site in &self.sites {
            for (kind, bare) in &site.bare {
                let own = names::line(site.name, names::like(*kind));
                let own = Line::of(own, site.actas.address, site.actas.process());
                let bare = Line::of(names::bare(site.name, *kind), bare.address, bare.process());
                let way = match kind {
                    Kind::Secret => {
                        // Actas itself was measured for everybody.
                        let hop = exchanges::last_hop(&site.actas, &self.users, 1);
                        let script = Arc::new(self.meter.runtime.block_on(hop)?);
                        self.meter.play(&bare, &script)?;
                        continue;
                    }
                    Kind::Assertion => Way::Key,
                    Kind::Actor => Way::Actor,
                };
                for line in [own, bare] {
                    let subjects = exchanges::users(&self.meter.idp, way.agent())?;
                    let proving = Proving::at(&site.actas, (way, &self.wallet), subjects);
                    let proving = self.meter.runtime.block_on(proving)?;
                    let crowd = async |size| Prover::crowd(line.address, &proving, size).await;
                    self.meter.measure(&line, crowd)?;
                }
            }
        }
        Ok(())
    }

    /// Exchanges of depth 1 by clients that prove more than a secret.
    pub(super) fn clients(&mut self) -> Outcome<()> {
        for way in Way::ALL {
            let users = exchanges::users(&self.meter.idp, way.agent())?;
            for site in &self.sites {
                let name = names::line(site.name, way.name());
                // Beside the bare server they were measured already.
                let is_measured =
                    site.bare.iter().any(|(kind, _)| names::like(*kind) == way.name());
                if is_measured {
                    continue;
                }
                let proving = Proving::at(&site.actas, (way, &self.wallet), users.clone());
                let proving = self.meter.runtime.block_on(proving)?;
                let line = Line::of(name, site.actas.address, site.actas.process()).minor();
                let crowd = async |size| Prover::crowd(line.address, &proving, size).await;
                self.meter.measure(&line, crowd)?;
            }
        }
        Ok(())
    }

    pub(super) fn past(&mut self) -> Outcome<()> {
        for site in &self.sites {
            let Some(aged) = &site.aged else { continue };
            let script = self.meter.runtime.block_on(exchanges::last_hop(aged, &self.users, 1))?;
            let name = names::line(site.name, names::PAST);
            let line = Line::of(name, aged.address, aged.process());
            self.meter.play(&line, &Arc::new(script))?;
        }
        Ok(())
    }

    pub(super) fn orgs(&mut self) -> Outcome<()> {
        for site in &self.sites {
            let Some(crowded) = &site.crowded else { continue };
            // Some of them, far from each other in the order in which they were declared.
            let far_apart = crowded.others.iter().step_by(past::ORGS / ASKED_ORGS);
            let orgs: Vec<_> = far_apart.cloned().collect();
            let script = exchanges::around(&orgs, &self.users, past::GRANTS)?;
            let name = names::line(site.name, names::ORGS);
            let line = Line::of(name, crowded.address, crowded.process());
            self.meter.play(&line, &Arc::new(script))?;
        }
        Ok(())
    }

    pub(super) fn depths(&mut self) -> Outcome<()> {
        for depth in DEPTHS {
            for site in &self.sites {
                let hop = exchanges::last_hop(&site.actas, &self.users, depth);
                let script = Arc::new(self.meter.runtime.block_on(hop)?);
                let name = names::line(site.name, &names::depth(depth));
                let line = Line::of(name, site.actas.address, site.actas.process());
                self.meter.play(&line, &script)?;
            }
        }
        Ok(())
    }

    pub(super) fn algorithms(&mut self) -> Outcome<()> {
        let by_rsa = exchanges::signed_by(&self.meter.idp.rsa, &self.meter.idp, FIRST)?;
        for site in &self.sites {
            let [eddsa, rs256, _] = site.actas.others.as_slice() else {
                return Err("there are three other organizations".into());
            };
            let own = site.actas.own();
            for (what, org, users) in [
                (names::EDDSA, eddsa, &self.users),
                (names::RS256, rs256, &self.users),
                (names::RS256_IN, &own, &by_rsa),
            ] {
                let script = Arc::new(exchanges::at(org, users)?);
                let name = names::line(site.name, what);
                let line = Line::of(name, site.actas.address, site.actas.process());
                self.meter.play(&line.minor(), &script)?;
            }
        }
        Ok(())
    }

    pub(super) fn recheck(&mut self) -> Outcome<()> {
        for site in &self.sites {
            let [.., bounded] = site.actas.others.as_slice() else {
                return Err("there are three other organizations".into());
            };
            // So few that each comes again while the answer about it still serves.
            let few = self.users.get(..exchanges::USERS).ok_or("there are few users")?;
            let script = Arc::new(exchanges::at(bounded, few)?);
            let name = names::line(site.name, names::BOUNDED);
            let line = Line::of(name, site.actas.address, site.actas.process());
            self.meter.play(&line.minor().not_rechecked(), &script)?;
        }
        self.meter.idp.take(DISTANCE);
        let far = self.at_a_distance();
        self.meter.idp.take(Duration::ZERO);
        far
    }

    /// What actas adds to a provider's own time, and what a crowd of one user's agents costs it.
    fn at_a_distance(&mut self) -> Outcome<()> {
        let [alone, _] = IN_FLIGHT;
        let token = self.users.first().ok_or("there are no users")?;
        let asked = Script {
            requests: vec![post(INTROSPECT, &[], &format!("token={token}"))],
            proof: ACTIVE,
        };
        let line = Line::of(names::FAR_IDP.to_owned(), self.meter.idp.address, 0);
        let line = Line { process: None, ..line }.by(std::slice::from_ref(&alone));
        self.meter.play(&line.not_rechecked(), &Arc::new(asked))?;
        let one_user = self.users.get(..1).ok_or("there are no users")?;
        for site in &self.sites {
            let actas = &site.actas;
            let script = Arc::new(exchanges::at(&actas.own(), &self.users)?);
            let name = names::line(site.name, names::FAR);
            let line = Line::of(name, actas.address, actas.process());
            self.meter.play(&line.by(std::slice::from_ref(&alone)), &script)?;
            let script = Arc::new(exchanges::at(&actas.own(), one_user)?);
            let before = self.meter.idp.asked();
            let window = self.meter.window;
            let run = self.meter.runtime.block_on(async {
                let crowd = Client::crowd(actas.address, &script, FAN_OUT).await?;
                closed_loop(crowd, window, Some(actas.process())).await
            })?;
            // The questions of the warm-up are among them: the share is, if anything, less.
            let asked = u32::try_from(self.meter.idp.asked() - before)?;
            let answers = u32::try_from(run.latencies.len())?.max(1);
            let name = names::line(site.name, names::FAN_OUT);
            self.asked.entry(name.clone()).or_default().push(f64::from(asked) / f64::from(answers));
            self.meter.book.note(&name, FAN_OUT, &run)?;
        }
        Ok(())
    }

    /// The open loop at shares of what this round's crowd reached.
    pub(super) fn open(&mut self) -> Outcome<()> {
        for (site, curve) in self.sites.iter().zip(&mut self.curves) {
            let script = Arc::new(exchanges::at(&site.actas.own(), &self.users)?);
            curve.measure(&self.meter, &site.actas, &script)?;
        }
        Ok(())
    }
}
