//! `actas audit`: what happened, and whether the trail still says what was written.
//!
//! Works on the database, with or without a server that runs. Events that were written a moment ago
//! are given their place in the trail first, as every server does all the time; so what is asked for
//! is complete, also right after an exchange, and also when the server was stopped after it.

pub(crate) mod filter;
mod line;
mod query;
mod tail;
mod verify;

use std::{sync::Arc, time::Duration};

use clap::Subcommand;
use delegation::{
    refusal::Fault,
    trail::{Notary, Trail},
};
use store::Store;

use crate::{
    app::{self, Connected},
    cli::{self, ConfigFile, Done, say},
    config::Config,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what happened: who did what for whom, with which scope, and what came of it.
    ///
    /// A line for each decision, allowed or refused, the newest first. When there is more than
    /// `--limit`, standard error says how to go on.
    #[command(after_help = "Examples:\n  \
        actas audit query acme --user alice --since 2h\n  \
        actas audit query acme --agent researcher --outcome refused --since 2027-01-31T09:00:00Z\n  \
        actas audit query acme --chain 01a2028d-631c-7464-a386-ae260f885211 --oldest\n  \
        actas audit query acme --since 7d --limit 100000 --json > week.jsonl")]
    Query(query::Arguments),
    /// Follow what happens, a line for each decision, until interrupted.
    #[command(after_help = "Examples:\n  \
        actas audit tail acme\n  \
        actas audit tail acme --outcome refused --json | jq .reason\n  \
        actas audit tail acme --from 1")]
    Tail(tail::Arguments),
    /// Tell whether the trail is what was written: nothing edited, put in, taken out or cut off.
    ///
    /// Walks all of it. Exits with 1 when something is wrong, and says at which link. Whoever can put
    /// back an old copy of the whole database can hide what came after it, except from a head that
    /// was noted elsewhere: give that with `--head`.
    #[command(after_help = "Examples:\n  \
        actas audit verify acme\n  \
        actas audit verify acme --head \"$(cat noted-last-month)\"")]
    Verify(verify::Arguments),
    /// Print the number and the hash of the newest link: what to note elsewhere.
    #[command(after_help = "Example:\n  actas audit head acme >> /mnt/elsewhere/heads")]
    Head(verify::HeadArguments),
}

/// Runs one of the commands below `actas audit`.
pub(crate) async fn run(command: Command) -> Done {
    match command {
        Command::Query(arguments) => query::run(arguments).await,
        Command::Tail(arguments) => tail::run(arguments).await,
        Command::Verify(arguments) => verify::run(arguments).await,
        Command::Head(arguments) => verify::head(arguments).await,
    }
}

/// How many events get their place at once.
const BATCH: usize = 200;
/// How long to leave it to another process that is at it.
const TURN: Duration = Duration::from_millis(20);
const MOST_TURNS: usize = 250;

/// The trail of one organization.
struct Opened {
    org: String,
    store: Store,
    trail: Arc<dyn Trail>,
    notary: Notary,
}

impl Opened {
    async fn on(file: &ConfigFile, org: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let config = Config::load(&file.config)?;
        crate::log::start(&config.log);
        let Connected { store, data_key, .. } = app::connect(&config).await?;
        match cli::organization(&store, org).await {
            Ok(_) => Ok(Self {
                org: org.to_owned(),
                trail: store.trail(org, Notary::new(org, Arc::clone(&data_key))),
                notary: Notary::new(org, data_key),
                store,
            }),
            Err(unknown) => {
                store.close().await;
                Err(unknown)
            }
        }
    }

    /// Gives what was written before now its place.
    async fn seal(&self) -> Result<(), Fault> {
        for _ in 0..MOST_TURNS {
            if 0 < self.trail.seal(BATCH).await? {
                continue;
            }
            if !self.store.waiting().await?.contains(&self.org) {
                break;
            }
            // Somebody else is at it.
            tokio::time::sleep(TURN).await;
        }
        Ok(())
    }

    /// The same for who only looks: a trail that cannot go on can still be read.
    async fn seal_if_possible(&self) {
        if let Err(fault) = self.seal().await {
            let warning = format!("warning: the newest events may be missing: {fault}");
            say(&mut std::io::stderr(), &warning);
        }
    }
}
