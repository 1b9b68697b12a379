//! What is measured, in which order. Every round measures every line once, so that lines which are
//! compared lie close together in time.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use delegation::ports::Ledger;
use keys::{Algorithm, SigningKey};
use tokio::runtime::Runtime;

use crate::{
    IN_FLIGHT, Outcome,
    actas::{Actas, Database},
    exchanges,
    figures::Book,
    limits::{self, Clerk},
    load::{Run, Window, alone, closed_loop},
    machine,
    neighbours::{ACTIVE, Echo, INTROSPECT, Idp},
    proofs::{Prover, Wallet, Way},
    wire::{Client, Script, post},
};

/// The agents of a chain, the one who asks among them.
pub(crate) const DEPTHS: [usize; 2] = [1, 3];

pub(crate) const SIGN: &str = "ES256 sign";
pub(crate) const VERIFY: &str = "ES256 verify";
pub(crate) const CHAIN: &str = "certificate, read and verified";
const COMMIT: &str = "durable row, SQLite";
pub(crate) const ECHO: &str = "echo";
pub(crate) const IDP: &str = "IdP, asked directly";

/// As long as a provider takes that is not on this machine.
const DISTANCE: Duration = Duration::from_millis(20);
pub(crate) const FAR_IDP: &str = "IdP 20 ms away, asked directly";
/// Subagents of one user that ask at once.
pub(crate) const FAN_OUT: usize = 40;

/// The names of the lines at a provider that takes its time.
pub(crate) fn far(database: &str) -> String {
    format!("exchange at it, {database}")
}

pub(crate) fn fan_out(database: &str) -> String {
    format!("{FAN_OUT} agents of a user, {database}")
}

/// The name of a line of exchanges.
pub(crate) fn exchange(database: &str, depth: usize) -> String {
    format!("exchange, {database}, depth {depth}")
}

/// The name of a line of exchanges, depth 1, of a client that proves more than a secret.
pub(crate) fn proving(database: &str, way: Way) -> String {
    format!("{}, {}", database, way.name())
}

#[derive(Debug)]
pub(crate) struct Bench {
    pub servers: Vec<Actas>,
    pub book: Book,
    window: Window,
    /// One thread: the load shares the processors with what it loads, and should take little.
    runtime: Runtime,
    idp: Idp,
    echo: Echo,
    ledger: Arc<dyn Ledger>,
    users: Vec<String>,
    wallet: Arc<Wallet>,
    /// Questions to the provider for each exchange of a fan-out: by line, a run per round.
    pub asked: BTreeMap<String, Vec<f64>>,
}

impl Bench {
    pub(crate) fn set_up(directory: &Path, window: Window) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let idp = Idp::start(SigningKey::generate(Algorithm::Es256)?)?;
        let ledger = runtime.block_on(limits::ledger(&directory.join("limit.db")))?;
        let mut databases = vec![Database { name: "SQLite", url: "sqlite:actas.db".to_owned() }];
        match machine::variable("TEST_POSTGRES_URL") {
            Some(url) => databases.push(Database { name: "PostgreSQL", url }),
            None => eprintln!("TEST_POSTGRES_URL is not set: PostgreSQL is not measured"),
        }
        let wallet = Arc::new(Wallet::new()?);
        let start = |database: &Database| {
            let org = exchanges::organization(&idp.issuer, &wallet);
            Actas::start(&directory.join(database.name), database, &org)
        };
        let servers = databases.iter().map(start).collect::<Outcome<_>>()?;
        let users = exchanges::users(&idp, exchanges::FIRST)?;
        let (book, echo) = (Book::default(), Echo::start()?);
        let asked = BTreeMap::new();
        Ok(Self { servers, book, window, runtime, idp, echo, ledger, users, wallet, asked })
    }

    pub(crate) fn round(&mut self) -> Outcome<()> {
        self.signatures()?;
        self.machine()?;
        for depth in DEPTHS {
            self.exchanges(depth)?;
        }
        for way in Way::ALL {
            self.proving(way)?;
        }
        self.idp.take(DISTANCE);
        let far = self.at_a_distance();
        self.idp.take(Duration::ZERO);
        far
    }

    /// What actas adds to a provider's own time, and what a crowd of one user's agents costs it.
    fn at_a_distance(&mut self) -> Outcome<()> {
        let token = self.users.first().ok_or("there are no users")?;
        let asked = Script {
            requests: vec![post(INTROSPECT, &[], &format!("token={token}"))],
            proof: ACTIVE,
        };
        let run = self.runtime.block_on(async {
            let crowd = Client::crowd(self.idp.address, &Arc::new(asked), 1).await?;
            closed_loop(crowd, self.window, None).await
        })?;
        self.book.note(FAR_IDP, 1, &run)?;
        let one_user = self.users.get(..1).ok_or("there are no users")?;
        for actas in &self.servers {
            let lines =
                [(far(actas.name), 1, &self.users[..]), (fan_out(actas.name), FAN_OUT, one_user)];
            for (name, in_flight, users) in lines {
                let hop = exchanges::last_hop(actas, users, 1);
                let script = Arc::new(self.runtime.block_on(hop)?);
                let asked_before = self.idp.asked();
                let run = self.runtime.block_on(async {
                    let crowd = Client::crowd(actas.address, &script, in_flight).await?;
                    closed_loop(crowd, self.window, Some(actas.process())).await
                })?;
                // The questions of the warm-up are among them: the share is, if anything, less.
                let asked = u32::try_from(self.idp.asked() - asked_before)?;
                let answers = u32::try_from(run.latencies.len())?.max(1);
                let share = f64::from(asked) / f64::from(answers);
                self.asked.entry(name.clone()).or_default().push(share);
                self.book.note(&name, in_flight, &run)?;
            }
        }
        Ok(())
    }

    fn signatures(&mut self) -> Outcome<()> {
        let token = self.users.first().ok_or("there are no users")?;
        self.book.note(SIGN, 1, &limits::sign(&self.idp, token, self.window)?)?;
        self.book.note(VERIFY, 1, &limits::verify(&self.idp, token, self.window)?)?;
        self.book.note(CHAIN, 1, &alone(self.window, self.wallet.check()?)?)
    }

    /// What HTTP and a disk take by themselves.
    fn machine(&mut self) -> Outcome<()> {
        let token = self.users.first().ok_or("there are no users")?;
        // As long as a form of an exchange.
        let form = format!("token={token}&rest={}", "x".repeat(200));
        let echo = Script { requests: vec![post("/", &[], &form)], proof: "token=" };
        let asked = Script { requests: vec![post(INTROSPECT, &[], &form)], proof: ACTIVE };
        let lines =
            [(ECHO, self.echo.address, Arc::new(echo)), (IDP, self.idp.address, Arc::new(asked))];
        for in_flight in IN_FLIGHT {
            for (name, address, script) in &lines {
                let run = self.runtime.block_on(async {
                    let crowd = Client::crowd(*address, script, in_flight).await?;
                    closed_loop(crowd, self.window, None).await
                })?;
                self.book.note(name, in_flight, &run)?;
            }
            let clerks = Clerk::crowd(&self.ledger, in_flight);
            let run = self.runtime.block_on(closed_loop(clerks, self.window, None))?;
            self.book.note(COMMIT, in_flight, &run)?;
        }
        Ok(())
    }

    fn exchanges(&mut self, depth: usize) -> Outcome<()> {
        for actas in &self.servers {
            let hop = exchanges::last_hop(actas, &self.users, depth);
            let script = Arc::new(self.runtime.block_on(hop)?);
            for in_flight in IN_FLIGHT {
                let asked_before = self.idp.asked();
                let run = self.runtime.block_on(async {
                    let crowd = Client::crowd(actas.address, &script, in_flight).await?;
                    closed_loop(crowd, self.window, Some(actas.process())).await
                })?;
                each_asked(&self.idp, asked_before, &run)?;
                self.book.note(&exchange(actas.name, depth), in_flight, &run)?;
            }
        }
        Ok(())
    }

    /// Exchanges of depth 1 by clients that prove more than a secret.
    fn proving(&mut self, way: Way) -> Outcome<()> {
        let users = exchanges::users(&self.idp, way.agent())?;
        for actas in &self.servers {
            for in_flight in IN_FLIGHT {
                let asked_before = self.idp.asked();
                let run = self.runtime.block_on(async {
                    let prover = (way, &self.wallet);
                    let crowd = Prover::crowd(actas, prover, users.clone(), in_flight).await?;
                    closed_loop(crowd, self.window, Some(actas.process())).await
                })?;
                each_asked(&self.idp, asked_before, &run)?;
                self.book.note(&proving(actas.name, way), in_flight, &run)?;
            }
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
