//! What the machine can do: signatures, HTTP, a disk.

use std::sync::Arc;

use crate::{
    CROWD, IN_FLIGHT, Outcome,
    limits::{self, Clerk},
    load::{alone, closed_loop},
    meter::Line,
    names::{CHAIN, COMMIT, ECHO, IDP, SIGN, VERIFY},
    neighbours::{ACTIVE, INTROSPECT},
    rounds::Bench,
    wire::{Script, post},
};

impl Bench {
    pub(super) fn signatures(&mut self) -> Outcome<()> {
        let token = self.users.first().ok_or("there are no users")?;
        let window = self.meter.window(true);
        let (sign, verify) = (
            limits::sign(&self.meter.idp, token, window)?,
            limits::verify(&self.meter.idp, token, window)?,
        );
        self.meter.book.note(SIGN, 1, &sign)?;
        self.meter.book.note(VERIFY, 1, &verify)?;
        self.meter.book.note(CHAIN, 1, &alone(window, self.wallet.check()?)?)
    }

    /// What HTTP and a disk take by themselves.
    pub(super) fn machine(&mut self) -> Outcome<()> {
        let token = self.users.first().ok_or("there are no users")?;
        // As long as a form of an exchange.
        let form = format!("token={token}&rest={}", "x".repeat(200));
        let echo = Script { requests: vec![post("/", &[], &form)], proof: "token=" };
        let asked = Script { requests: vec![post(INTROSPECT, &[], &form)], proof: ACTIVE };
        let lines = [(ECHO, self.echo.address, echo), (IDP, self.meter.idp.address, asked)];
        for (name, address, script) in lines {
            let line = Line { process: None, ..Line::of(name.to_owned(), address, 0) };
            self.meter.play(&line.not_rechecked().minor(), &Arc::new(script))?;
        }
        let window = self.meter.window(true);
        for in_flight in IN_FLIGHT {
            let clerks = Clerk::crowd(&self.ledger, in_flight);
            let run = self.meter.runtime.block_on(closed_loop(clerks, window, None))?;
            self.meter.book.note(COMMIT, in_flight, &run)?;
        }
        Ok(())
    }

    /// What verifiers ask for.
    pub(super) fn documents(&mut self) -> Outcome<()> {
        use crate::{documents, names};
        for site in &self.sites {
            let actas = &site.actas;
            let asked = documents::introspections(actas, &self.users);
            let asked = self.meter.runtime.block_on(asked)?;
            let (keys, metadata) = (documents::keys(actas), documents::metadata(actas));
            for (what, script) in [
                (names::INTROSPECTION, asked),
                (names::JWKS, Arc::new(keys)),
                (names::METADATA, Arc::new(metadata)),
            ] {
                // What is published comes from no database.
                if what == names::INTROSPECTION || site.name == "SQLite" {
                    let name = names::line(site.name, what);
                    let line = Line::of(name, actas.address, actas.process());
                    self.meter.play(&line.not_rechecked().minor().by(&[CROWD]), &script)?;
                }
            }
        }
        Ok(())
    }
}
