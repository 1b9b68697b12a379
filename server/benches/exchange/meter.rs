//! One line, measured and written down.

use std::{net::SocketAddr, sync::Arc};

use tokio::runtime::Runtime;

use crate::{
    IN_FLIGHT, Outcome,
    figures::Book,
    load::{Caller, Run, Window, closed_loop},
    neighbours::Idp,
    wire::{Client, Script},
};

/// A line, and who answers.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    pub name: String,
    pub address: SocketAddr,
    /// Whose processor time counts.
    pub process: Option<u32>,
    pub in_flight: &'a [usize],
    /// For a shorter time than lines on which a target rests.
    pub is_minor: bool,
    /// The identity provider has to be asked for every answer.
    pub is_rechecked: bool,
}

#[derive(Debug)]
pub(crate) struct Meter {
    pub book: Book,
    /// One thread: the load shares the processors with what it loads, and should take little.
    pub runtime: Runtime,
    pub idp: Idp,
    pub window: Window,
}

impl Line<'_> {
    /// Asked alone and by a crowd, of an exchange.
    pub(crate) fn of(name: String, address: SocketAddr, process: u32) -> Self {
        let process = Some(process);
        Self { name, address, process, in_flight: &IN_FLIGHT, is_minor: false, is_rechecked: true }
    }

    pub(crate) fn minor(self) -> Self {
        Self { is_minor: true, ..self }
    }

    pub(crate) fn not_rechecked(self) -> Self {
        Self { is_rechecked: false, ..self }
    }
}

impl<'a> Line<'a> {
    pub(crate) fn by(self, in_flight: &'a [usize]) -> Self {
        Self { in_flight, ..self }
    }
}

impl Meter {
    /// The window of a line.
    pub(crate) fn window(&self, is_minor: bool) -> Window {
        let Window { warm_up, length } = self.window;
        if is_minor { Window { warm_up: warm_up / 2, length: length / 2 } } else { self.window }
    }

    /// Plays a script.
    pub(crate) fn play(&mut self, line: &Line<'_>, script: &Arc<Script>) -> Outcome<()> {
        let address = line.address;
        self.measure(line, async |size| Client::crowd(address, script, size).await)
    }

    /// Lets a crowd of each size call.
    pub(crate) fn measure<C: Caller>(
        &mut self,
        line: &Line<'_>,
        crowd: impl AsyncFn(usize) -> Outcome<Vec<C>>,
    ) -> Outcome<()> {
        let window = self.window(line.is_minor);
        for &in_flight in line.in_flight {
            let before = self.idp.asked();
            let run = self.runtime.block_on(async {
                closed_loop(crowd(in_flight).await?, window, line.process).await
            });
            let run =
                run.map_err(|error| format!("{}, {in_flight} in flight: {error}", line.name))?;
            if line.is_rechecked {
                each_asked(&self.idp, before, &run)?;
            }
            self.book.note(&line.name, in_flight, &run)?;
        }
        Ok(())
    }
}

/// The re-check is what this is about: as many questions as answers, none shared.
fn each_asked(idp: &Idp, before: u64, run: &Run) -> Outcome<()> {
    if idp.asked() - before < run.latencies.len() {
        return Err("the identity provider was not asked at every exchange".into());
    }
    Ok(())
}
