//! `actas audit verify`: whether the trail is still what was written.

use std::io::{IsTerminal, Write};

use clap::Args;
use delegation::trail::{self, Broken, Head, MOST_TOLD, Question, Verified};
use serde_json::json;

use super::Opened;
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
    /// The newest link as it was noted earlier (`actas audit head`): it must still be there.
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<Head>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct HeadArguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The organization's id.
    org: String,
}

pub(super) async fn run(arguments: Arguments) -> Done {
    let opened = Opened::on(&arguments.config, &arguments.org).await?;
    // Where the trail is not ours nothing is added to it, which is what is found next.
    drop(opened.seal().await);
    let question = Question { noted: arguments.head, now: clock::now() };
    let shown = std::io::stderr().is_terminal();
    let progress = |at, of| {
        if shown {
            // Nobody misses it.
            drop(write!(std::io::stderr(), "\r{at} of {of} "));
        }
    };
    let verified = trail::verify(&*opened.trail, &opened.notary, question, &progress).await;
    if shown {
        say(&mut std::io::stderr(), "");
    }
    opened.store.close().await;
    let verified = verified?;
    let mut out = std::io::stdout();
    if arguments.json {
        say(&mut out, &report(&arguments.org, &verified).to_string());
    }
    match verified {
        Ok(whole) => {
            if !arguments.json {
                say(&mut out, &readable(&arguments.org, whole));
            }
            Ok(())
        }
        Err(broken) => Err(complaint(&arguments.org, &broken).into()),
    }
}

pub(super) async fn head(arguments: HeadArguments) -> Done {
    let opened = Opened::on(&arguments.config, &arguments.org).await?;
    drop(opened.seal().await);
    let ends = opened.trail.ends().await;
    opened.store.close().await;
    let ends = ends?;
    let last = &ends.last;
    if !opened.notary.attested(&ends)?.last {
        return Err(complaint(&arguments.org, &[Broken::Newest(last.seq)]).into());
    }
    say(&mut std::io::stdout(), &Head { seq: last.seq, hash: last.hash }.to_string());
    Ok(())
}

fn readable(org: &str, whole: Verified) -> String {
    let Verified { links, forgotten, head } = whole;
    let which = match (links, forgotten) {
        (0, 0) => "there is nothing in it yet".to_owned(),
        (0, _) => format!("everything up to link {forgotten} is forgotten, and nothing came since"),
        (_, 0) => format!("{links} links, up to {}", head.seq),
        (..) => {
            format!("{links} links, {} to {}; older ones are forgotten", forgotten + 1, head.seq)
        }
    };
    format!("the trail of {org} is whole: {which}\nnote it elsewhere: {head}")
}

fn complaint(org: &str, broken: &[Broken]) -> String {
    let mut text = format!("the trail of {org} is not what was written:");
    for broken in broken {
        text.push_str(&format!("\n  - {broken}"));
    }
    if broken.len() == MOST_TOLD {
        text.push_str("\n  - and perhaps more");
    }
    text
}

fn report(org: &str, verified: &Result<Verified, Vec<Broken>>) -> serde_json::Value {
    match verified {
        Ok(Verified { links, forgotten, head }) => json!({
            "org": org, "whole": true, "links": links, "forgotten": forgotten,
            "head": head.to_string(),
        }),
        Err(broken) => {
            let broken: Vec<_> = broken.iter().map(ToString::to_string).collect();
            json!({ "org": org, "whole": false, "broken": broken })
        }
    }
}
