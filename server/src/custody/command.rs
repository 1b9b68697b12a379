//! `actas keys`: the signing keys of an organization, and the key that protects them all.

use std::io::stdout;

use clap::{Args, Subcommand};
use delegation::{
    custody::{self, Rotated},
    event::{Event, noted},
};
use keys::rotation::Asked;
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::shown::{Key, Keys};
use crate::{
    app::{self, Connected},
    cli::{self, ConfigFile, Done, say},
    clock,
    config::Config,
    person,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the signing keys of an organization, and where each stands.
    #[command(after_help = "Example:\n  actas keys list acme")]
    List(ListArguments),
    /// Give an organization its next signing key.
    ///
    /// The new key is published first, and signs when no verifier's cache lacks it. The old one stays
    /// published until the last token it signed has died. No request fails.
    #[command(after_help = "Examples:\n  \
        actas keys rotate acme\n  \
        actas keys rotate acme --now --compromised --reason \"incident 17\"")]
    Rotate(RotateArguments),
    /// Wrap the data key under the master key that is configured, in place of a previous one.
    ///
    /// To replace a master key: configure the new one as `keys.master_key_file` and the old one in
    /// `keys.previous_master_key_files`, restart every replica, run this once, and take the old one
    /// out. Nothing is sealed anew, and nothing stops meanwhile.
    #[command(after_help = "Example:\n  actas keys rewrap --config actas.toml")]
    Rewrap(ConfigFile),
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The organization's id.
    org: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RotateArguments {
    #[command(flatten)]
    list: ListArguments,
    /// The new key signs at once. Verifiers that go by their cache refuse its tokens until they look
    /// again.
    #[arg(long)]
    now: bool,
    /// Somebody else may have the keys there are: none of them is published or used any more, and what
    /// they signed is refused. Implies `--now`.
    #[arg(long)]
    compromised: bool,
    /// Why; it stands in the audit trail.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs one of the commands below `actas keys`.
pub(crate) async fn run(command: Command) -> Done {
    match command {
        Command::List(arguments) => list(arguments).await,
        Command::Rotate(arguments) => rotate(arguments).await,
        Command::Rewrap(file) => rewrap(file).await,
    }
}

async fn list(arguments: ListArguments) -> Done {
    let ListArguments { config, org, json } = arguments;
    let Connected { store, keeper, .. } = opened(&config).await?;
    let declared = cli::organization(&store, &org).await?;
    let key_store = store.key_store();
    let times = keeper.custody(&*key_store, &declared)?.times;
    let records = key_store.keys(&org).await?;
    store.close().await;
    let shown = Keys::of(custody::standing(&records, &times, clock::now())?);
    let text = if json { serde_json::to_string(&shown)? } else { readable(&org, &shown) };
    say(&mut stdout(), &text);
    Ok(())
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Uuid>,
    changes: &'a [String],
    #[serde(flatten)]
    keys: Keys,
}

async fn rotate(arguments: RotateArguments) -> Done {
    let RotateArguments { list, now, compromised, reason } = arguments;
    let ListArguments { config, org, json } = list;
    let asked = match (now, compromised) {
        (_, true) => Asked::Compromised,
        (true, false) => Asked::RotateNow,
        (false, false) => Asked::Rotate,
    };
    let Connected { store, keeper, .. } = opened(&config).await?;
    let declared = cli::organization(&store, &org).await?;
    let (id, key_store) = (clock::id(), store.key_store());
    let event = Event {
        operator: Some(person::operator()),
        detail: reason.as_deref().map(noted),
        ..Event::draft(id, clock::now(), id.to_string())
    };
    let custody = keeper.custody(&*key_store, &declared)?;
    let rotated = custody::rotate(&custody, asked, &event).await;
    store.close().await;
    let Rotated { action, changes, keys } = rotated?;
    let keys = Keys::of(custody::standing(&keys, &custody.times, clock::now())?);
    let text = if json {
        serde_json::to_string(&Report { action, changes: &changes, keys })?
    } else {
        let changes = match changes.as_slice() {
            [] => {
                "nothing to do: the next key is published already, and signs when it is due".into()
            }
            changes => changes.join("\n"),
        };
        format!("{changes}\n\n{}", readable(&org, &keys))
    };
    say(&mut stdout(), &text);
    Ok(())
}

async fn rewrap(file: ConfigFile) -> Done {
    let config = Config::load(&file.config)?;
    crate::log::start(&config.log);
    let told = if app::rewrap(&config).await? {
        "the data key is wrapped under the master key now; the previous ones can go"
    } else {
        "nothing to do: the data key is wrapped under the master key already"
    };
    say(&mut stdout(), told);
    Ok(())
}

async fn opened(file: &ConfigFile) -> Result<Connected, Box<dyn std::error::Error>> {
    let config = Config::load(&file.config)?;
    crate::log::start(&config.log);
    Ok(app::connect(&config).await?)
}

fn readable(org: &str, Keys { keys, next_change_at }: &Keys) -> String {
    if keys.is_empty() {
        return format!("{org} has no signing key yet: a server makes it when it loads {org}");
    }
    let mut lines: Vec<_> = keys.iter().map(line).collect();
    lines.extend(next_change_at.map(|at| format!("next change: {}", moment(at))));
    lines.join("\n")
}

fn line(key: &Key) -> String {
    let Key { kid, algorithm, state, .. } = key;
    let life = match (key.compromised_at, key.signs_until) {
        (Some(at), _) => format!("compromised {}", moment(at)),
        (None, Some(until)) => format!("signs {} to {}", moment(key.signs_from), moment(until)),
        (None, None) => format!("signs from {}", moment(key.signs_from)),
    };
    format!("{kid}  {algorithm:5}  {state:11}  {life}")
}

fn moment(at: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| at.to_string())
}
