//! `actas revoke` and `actas restore`: something must stop now, and something may go on.
//!
//! Both work on the database, with or without a server that runs; every replica sees it at its next
//! exchange and its next introspection.

use std::{io::stdout, path::PathBuf};

use clap::{Args, Subcommand};
use delegation::{
    declared::Stoppable,
    revoke::{self, Call, Ended, Place, Restorable, Restored, What, Word},
};
use serde_json::json;
use store::Store;
use uuid::Uuid;

use crate::{
    app::{self, Connected},
    cli::{self, ConfigFile, Done, say},
    clock,
    config::Config,
    person,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// End what was issued as this token, and everything derived from it.
    #[command(after_help = "Example:\n  actas revoke token acme - < token.jwt")]
    Token(TokenArguments),
    /// End a delegation and everything derived from it, by the `jti` of its token.
    #[command(
        after_help = "Example:\n  actas revoke delegation acme 01a2028d-631c-7464-a386-ae260f885211"
    )]
    Delegation(DelegationArguments),
    /// End everything of a session at the identity provider (`sid`); the user signs in again.
    #[command(after_help = "Example:\n  actas revoke session acme corp 08a5019c-17e1-4977-8f42")]
    Session(SessionArguments),
    /// End everything of a user; the user signs in again, or not before being restored.
    #[command(after_help = "Examples:\n  \
        actas revoke user acme corp alice --reason \"lost laptop\"\n  \
        actas revoke user acme corp alice --disable --reason \"left the company\"")]
    User(UserArguments),
    /// End everything an agent was given and handed on, and stop it until it is restored.
    #[command(
        after_help = "Example:\n  actas revoke agent acme researcher --reason \"prompt injection, ticket 4711\""
    )]
    Agent(AgentArguments),
    /// End everything that hangs on a grant, and the grant, by its id (`grant` in the audit trail).
    #[command(
        after_help = "Example:\n  actas revoke grant acme 01a20289-5a77-7d15-9a0c-6a8f0d7c2b11"
    )]
    Grant(GrantArguments),
    /// End everything of a connection's users, and stop it until it is restored.
    #[command(after_help = "Example:\n  actas revoke connection acme corp")]
    Connection(ConnectionArguments),
    /// End everything of an organization, and stop it until it is restored: the kill switch.
    #[command(after_help = "Example:\n  actas revoke org acme --reason \"incident 17\"")]
    Org(OrgArguments),
}

/// What can be let go on. Nothing that ended lives again.
#[derive(Debug, Subcommand)]
pub(crate) enum RestoreCommand {
    /// Let an agent authenticate again.
    #[command(after_help = "Example:\n  actas restore agent acme researcher")]
    Agent(AgentArguments),
    /// Believe the tokens of a connection again.
    #[command(after_help = "Example:\n  actas restore connection acme corp")]
    Connection(ConnectionArguments),
    /// Let an organization go on.
    #[command(after_help = "Example:\n  actas restore org acme --reason \"incident 17 is over\"")]
    Org(OrgArguments),
    /// Let a user's account be used again that was disabled.
    #[command(after_help = "Example:\n  actas restore user acme corp alice")]
    User(RestoredUserArguments),
}

#[derive(Args, Debug)]
pub(crate) struct OrgArguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The organization's id.
    org: String,
    /// Why; it stands in the audit trail.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TokenArguments {
    #[command(flatten)]
    common: OrgArguments,
    /// The file that holds the token; `-` reads it from standard input.
    file: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct DelegationArguments {
    #[command(flatten)]
    common: OrgArguments,
    /// The delegation's id: the `jti` of its token, `delegation` in the audit trail.
    delegation: Uuid,
}

#[derive(Args, Debug)]
pub(crate) struct SessionArguments {
    #[command(flatten)]
    common: OrgArguments,
    /// The connection's id.
    connection: String,
    /// The session's id at the provider.
    sid: String,
}

#[derive(Args, Debug)]
pub(crate) struct UserArguments {
    #[command(flatten)]
    user: RestoredUserArguments,
    /// Refuse the account, also after a new sign-in, until it is restored.
    #[arg(long)]
    disable: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RestoredUserArguments {
    #[command(flatten)]
    common: OrgArguments,
    /// The connection's id.
    connection: String,
    /// The user's `sub` at the provider, id in its directory, or mail address.
    user: String,
}

#[derive(Args, Debug)]
pub(crate) struct AgentArguments {
    #[command(flatten)]
    common: OrgArguments,
    /// The agent's `client_id`.
    agent: String,
}

#[derive(Args, Debug)]
pub(crate) struct GrantArguments {
    #[command(flatten)]
    common: OrgArguments,
    /// The grant's id.
    grant: String,
}

#[derive(Args, Debug)]
pub(crate) struct ConnectionArguments {
    #[command(flatten)]
    common: OrgArguments,
    /// The connection's id.
    connection: String,
}

/// Runs one of the commands below `actas revoke`.
pub(crate) async fn run(command: Command) -> Done {
    let (common, what) = asked(command)?;
    let store = connected(&common).await?;
    let (ledger, registry) = (store.ledger(&common.org), store.registry());
    let place = Place { org: &common.org, ledger: &*ledger, registry: &*registry };
    let operator = person::operator();
    let done = revoke::revoke(place, &what, call(&common, &operator)).await;
    store.close().await;
    let Ended { action, ended } = done?;
    let text = if common.json {
        json!({ "action": action, "ended": ended }).to_string()
    } else {
        let more = afterwards(&common.org, &what, ended);
        format!("{}{more}\naction {action}", counted(ended))
    };
    say(&mut stdout(), &text);
    Ok(())
}

/// Runs one of the commands below `actas restore`.
pub(crate) async fn restore(command: RestoreCommand) -> Done {
    let (common, what) = restorable(command);
    let store = connected(&common).await?;
    let (ledger, registry) = (store.ledger(&common.org), store.registry());
    let place = Place { org: &common.org, ledger: &*ledger, registry: &*registry };
    let operator = person::operator();
    let done = revoke::restore(place, &what, call(&common, &operator)).await;
    store.close().await;
    let Restored { action } = done?;
    let text = if common.json {
        json!({ "action": action }).to_string()
    } else {
        format!("it goes on; what ended stays ended\naction {action}")
    };
    say(&mut stdout(), &text);
    Ok(())
}

/// The database, which knows the organization.
async fn connected(common: &OrgArguments) -> Result<Store, Box<dyn std::error::Error>> {
    let config = Config::load(&common.config.config)?;
    crate::log::start(&config.log);
    let Connected { store, .. } = app::connect(&config).await?;
    if let Err(unknown) = cli::organization(&store, &common.org).await {
        store.close().await;
        return Err(unknown);
    }
    Ok(store)
}

fn call<'a>(common: &OrgArguments, operator: &'a str) -> Call<'a> {
    let id = clock::id();
    Call {
        id,
        now: clock::now(),
        request_id: id.to_string(),
        client_address: None,
        word: Word::CommandLine(operator),
        reason: common.reason.clone(),
    }
}

fn asked(command: Command) -> Result<(OrgArguments, What), String> {
    Ok(match command {
        Command::Token(TokenArguments { common, file }) => {
            (common, What::Token(cli::token(&file)?))
        }
        Command::Delegation(DelegationArguments { common, delegation }) => {
            (common, What::Delegation(delegation))
        }
        Command::Session(SessionArguments { common, connection, sid }) => {
            (common, What::Session { connection, id: sid })
        }
        Command::User(UserArguments { user, disable }) => {
            let RestoredUserArguments { common, connection, user } = user;
            (common, What::User { connection, user, disable })
        }
        Command::Agent(AgentArguments { common, agent }) => (common, What::Agent(agent)),
        Command::Grant(GrantArguments { common, grant }) => (common, What::Grant(grant)),
        Command::Connection(ConnectionArguments { common, connection }) => {
            (common, What::Connection(connection))
        }
        Command::Org(common) => (common, What::Org),
    })
}

fn restorable(command: RestoreCommand) -> (OrgArguments, Restorable) {
    match command {
        RestoreCommand::Agent(AgentArguments { common, agent }) => {
            (common, Restorable::Stopped(Stoppable::Agent(agent)))
        }
        RestoreCommand::Connection(ConnectionArguments { common, connection }) => {
            (common, Restorable::Stopped(Stoppable::Connection(connection)))
        }
        RestoreCommand::Org(common) => (common, Restorable::Stopped(Stoppable::Org)),
        RestoreCommand::User(RestoredUserArguments { common, connection, user }) => {
            (common, Restorable::User { connection, user })
        }
    }
}

fn counted(ended: u64) -> String {
    match ended {
        0 => "no delegation was alive".to_owned(),
        1 => "1 delegation ended".to_owned(),
        _ => format!("{ended} delegations ended"),
    }
}

/// What holds from now on, and how to take it back.
fn afterwards(org: &str, what: &What, ended: u64) -> String {
    match what {
        What::Token(_) | What::Delegation(_) => String::new(),
        What::Session { .. } if ended == 0 => {
            "; nothing is known of this session: was its id written right?".to_owned()
        }
        What::Session { .. } => {
            "; older tokens of this session are refused: the user signs in again".to_owned()
        }
        What::User { connection, user, disable: true } => {
            format!("; the account is refused until `actas restore user {org} {connection} {user}`")
        }
        What::User { disable: false, .. } => {
            "; tokens from before are refused: the user signs in again".to_owned()
        }
        What::Grant(_) => "; the grant is gone: the user must grant anew".to_owned(),
        What::Agent(agent) => {
            format!("; the agent is stopped until `actas restore agent {org} {agent}`")
        }
        What::Connection(connection) => format!(
            "; the connection is stopped until `actas restore connection {org} {connection}`"
        ),
        What::Org => format!("; nothing is issued until `actas restore org {org}`"),
    }
}
