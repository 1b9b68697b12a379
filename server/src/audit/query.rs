//! `actas audit query`: what happened.

use std::io::{BufWriter, Write};

use clap::Args;
use delegation::trail::{LARGEST_PAGE, Query};

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
    /// At most so many events.
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Go on after this number: where an earlier answer ended.
    #[arg(long, value_name = "SEQ")]
    after: Option<i64>,
    /// The newest first; the default.
    #[arg(long, conflicts_with = "oldest")]
    newest: bool,
    /// In the order in which it happened.
    #[arg(long)]
    oldest: bool,
    /// Print the records, a line of JSON each, just as they are chained.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(arguments: Arguments) -> Done {
    let opened = Opened::on(&arguments.config, &arguments.org).await?;
    opened.seal_if_possible().await;
    let shown = show(&opened, &arguments).await;
    opened.store.close().await;
    shown
}

async fn show(opened: &Opened, arguments: &Arguments) -> Done {
    let mut query = Query {
        newest_first: !arguments.oldest,
        after: arguments.after,
        ..arguments.filter.query(clock::now())
    };
    let mut left = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let mut out = BufWriter::new(std::io::stdout().lock());
    while 0 < left {
        query.most = left.min(LARGEST_PAGE);
        let page = opened.trail.find(&query).await?;
        left = left.saturating_sub(page.links.len());
        for link in &page.links {
            let line = if arguments.json { link.record.clone() } else { line::readable(link) };
            if writeln!(out, "{line}").is_err() {
                // Whoever reads has seen enough.
                return Ok(());
            }
        }
        query.after = page.next;
        if page.next.is_none() {
            break;
        }
    }
    // As above.
    drop(out.flush());
    if let (0, Some(after)) = (left, query.after) {
        let more = format!("there is more: go on with --after {after}");
        say(&mut std::io::stderr(), &more);
    }
    Ok(())
}
