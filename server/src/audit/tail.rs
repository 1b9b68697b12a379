//! `actas audit tail`: what happens.

use std::{
    io::{Stdout, Write},
    time::Duration,
};

use clap::Args;
use delegation::{
    refusal::Fault,
    trail::{LARGEST_PAGE, Query},
};
use tokio::signal::unix::{SignalKind, signal};

use super::{Opened, filter::Filter, line};
use crate::{
    cli::{ConfigFile, Done, say},
    clock,
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The organization's id.
    org: String,
    #[command(flatten)]
    filter: Filter,
    /// Begin with this number, and follow from there; the default is to begin with what comes next.
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(1..))]
    from: Option<i64>,
    /// Print the records, a line of JSON each, just as they are chained.
    #[arg(long)]
    json: bool,
}

/// How often to look.
const EVERY: Duration = Duration::from_millis(500);

pub(super) async fn run(arguments: Arguments) -> Done {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let opened = Opened::on(&arguments.config, &arguments.org).await?;
    let followed = tokio::select! {
        followed = follow(&opened, &arguments) => followed,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    opened.store.close().await;
    followed
}

async fn follow(opened: &Opened, arguments: &Arguments) -> Done {
    let after = if let Some(from) = arguments.from {
        from - 1
    } else {
        opened.seal_if_possible().await;
        opened.trail.ends().await?.last.seq
    };
    let mut query =
        Query { after: Some(after), most: LARGEST_PAGE, ..arguments.filter.query(clock::now()) };
    let mut ill = false;
    loop {
        match look(opened, &mut query, arguments.json).await {
            Ok(Seen::More) => {
                ill = false;
                continue;
            }
            Ok(Seen::All) => ill = false,
            Ok(Seen::Closed) => return Ok(()),
            Err(fault) => {
                // A database that is restarted comes back.
                if !ill {
                    say(&mut std::io::stderr(), &format!("warning: {fault}; trying again"));
                }
                ill = true;
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

enum Seen {
    /// There may be more already.
    More,
    All,
    /// Nobody reads any more.
    Closed,
}

async fn look(opened: &Opened, query: &mut Query, json: bool) -> Result<Seen, Fault> {
    opened.seal().await?;
    let page = opened.trail.find(query).await?;
    let mut out = std::io::stdout();
    for link in &page.links {
        let line = if json { link.record.clone() } else { line::readable(link) };
        if print(&mut out, &line).is_err() {
            return Ok(Seen::Closed);
        }
        query.after = Some(link.seq);
    }
    if page.next.is_some() { Ok(Seen::More) } else { Ok(Seen::All) }
}

fn print(out: &mut Stdout, line: &str) -> std::io::Result<()> {
    writeln!(out, "{line}")?;
    out.flush()
}
