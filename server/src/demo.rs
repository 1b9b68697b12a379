//! `actas demo`: the whole story on this machine, with a development identity provider, two agents
//! and a protected API, all real and all on loopback.

mod api;
mod client_keys;
mod describe;
mod idp;
mod stage;
mod story;

use std::{io::Write, path::PathBuf};

use clap::Args;

use self::stage::Stage;

#[derive(Args, Debug)]
#[command(after_help = "Exits 0 when everything went as it should, 1 otherwise.")]
pub struct Arguments {
    /// Leave everything running after the story, and print URLs and credentials.
    #[arg(long)]
    keep: bool,
    /// Write URLs and credentials to this file as JSON, for other programs.
    #[arg(long, value_name = "FILE", requires = "keep")]
    describe: Option<PathBuf>,
    /// First of three ports (server, identity provider, API); free ones when omitted.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Keep delegations in this database instead of a temporary SQLite file.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// What of the server's log goes to standard error, as in `RUST_LOG`.
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    log: String,
}

type Done = Result<(), Box<dyn std::error::Error>>;

/// Sets the stage, plays the story, and leaves it all running if asked to.
///
/// # Errors
///
/// Something could not start, or a step of the story did not end as it should.
pub async fn run(arguments: Arguments) -> Done {
    let stage = Stage::set(arguments.port, arguments.database, arguments.log).await?;
    let played = story::play(&stage).await;
    if played.is_err() || !arguments.keep {
        stage.clear().await;
        return played;
    }
    if let Some(file) = &arguments.describe {
        write_whole(file, &describe::json(&stage))?;
    }
    print(&describe::text(&stage));
    stage.wait().await
}

/// A reader that waits for the file to appear finds it whole.
fn write_whole(file: &std::path::Path, text: &str) -> std::io::Result<()> {
    let part = file.with_extension("part");
    std::fs::write(&part, text)?;
    std::fs::rename(&part, file)
}

/// To a person; a closed pipe is theirs to close.
fn print(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}
