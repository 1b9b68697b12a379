//! The commands of `actas`.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use delegation::declared::Declared;
use secrecy::SecretString;
use store::Store;

use crate::{
    app::{Connected, connect},
    apply::{self, Asked, How, Report},
    audit, clock,
    config::Config,
    custody, demo, idp, oidf_target, revoke, serve,
};

/// An OAuth 2.0 Token Exchange (RFC 8693) authorization server for AI agents.
///
/// An agent presents a user's token and gets back a delegated JWT that lives five minutes, whose
/// scopes are a subset of what the user granted, and which names the user as `sub` and the agent
/// as `act`. The user's identity provider is asked again at every exchange.
#[derive(Debug, Parser)]
#[command(name = "actas", version, about, long_about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM.
    ///
    /// Migrates the database first; replicas may start together.
    #[command(
        after_help = "Example:\n  actas master-key > master.key\n  actas serve --config actas.toml"
    )]
    Serve(ConfigFile),
    /// Check the configuration and say what is wrong with it, all at once.
    CheckConfig(ConfigFile),
    /// Make an organization what its file says, and print what changed.
    ///
    /// Idempotent: a second run changes nothing. Nothing is changed when anything in the file is
    /// wrong. The secrets of new agents, service accounts, resource servers and operators are made
    /// here and shown once.
    #[command(after_help = "Examples:\n  \
        actas apply -f org.toml --config actas.toml --dry-run\n  \
        actas apply -f org.toml --add-secret orchestrator\n  \
        actas apply -f org.toml --drop-old-secrets orchestrator")]
    Apply(ApplyArguments),
    /// Ask identity providers, as an exchange would, and show what they say.
    #[command(subcommand)]
    Idp(idp::Command),
    /// End what was delegated, with everything derived from it, and stop what must not go on.
    ///
    /// Effective at once, for the next exchange and introspection on every replica.
    #[command(subcommand)]
    Revoke(revoke::Command),
    /// Let go on what was stopped by `revoke`. Nothing that ended lives again.
    #[command(subcommand)]
    Restore(revoke::RestoreCommand),
    /// Ask the audit trail what happened, follow it, and tell whether it was touched.
    #[command(subcommand)]
    Audit(audit::Command),
    /// The signing keys of an organization, and the key that protects them all.
    #[command(subcommand)]
    Keys(custody::command::Command),
    /// Play the whole story: server, identity provider, agents, protected API.
    Demo(demo::Arguments),
    /// Serve something for the conformance suite of the `OpenID` Foundation to examine.
    ///
    /// Over TLS, with an authority made for this run: an issuer with two clients of
    /// `private_key_jwt`, and an API that takes DPoP-bound tokens. Prints the configuration of the
    /// plan, private keys of the clients included.
    #[command(
        hide = true,
        after_help = "Example, with the suite in a container:\n  \
            actas oidf-target --listen 0.0.0.0:8443 --host host.docker.internal > plan.json"
    )]
    OidfTarget(oidf_target::Arguments),
    /// Print a new master key, under which everything secret is sealed at rest.
    MasterKey,
}

#[derive(Args, Debug)]
pub(crate) struct ConfigFile {
    /// Static settings; see the README for all of them.
    #[arg(long, short, value_name = "FILE", default_value = "actas.toml", env = "ACTAS_CONFIG")]
    pub(crate) config: PathBuf,
}

#[derive(Args, Debug)]
struct ApplyArguments {
    #[command(flatten)]
    config: ConfigFile,
    /// What the organization is to consist of.
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// Print what would change, change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Replace all secrets of this agent, service account, resource server (by its `client_id`) or
    /// operator by a new one; may be given several times, as may the next two.
    #[arg(long, value_name = "NAME")]
    new_secret: Vec<String>,
    /// Make a second secret for this one and keep the old beside it, until everybody has the new.
    #[arg(long, value_name = "NAME")]
    add_secret: Vec<String>,
    /// End all secrets of this one but the newest.
    #[arg(long, value_name = "NAME")]
    drop_old_secrets: Vec<String>,
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = actix_web::rt::System::new().block_on(dispatch(cli.command));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&mut std::io::stderr(), &format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

pub(crate) type Done = Result<(), Box<dyn std::error::Error>>;

async fn dispatch(command: Command) -> Done {
    match command {
        Command::Serve(file) => {
            let config = Config::load(&file.config)?;
            crate::log::start(&config.log);
            Ok(serve::run(config).await?)
        }
        Command::CheckConfig(file) => {
            let config = Config::load(&file.config)?;
            if let Some(pkcs11) = &config.keys.pkcs11 {
                custody::load(pkcs11)?.check()?;
            }
            say(
                &mut std::io::stdout(),
                &format!("{} is fine: {}", file.config.display(), config.origin()),
            );
            Ok(())
        }
        Command::Apply(arguments) => apply(arguments).await,
        Command::Idp(command) => idp::run(command).await,
        Command::Revoke(command) => revoke::run(command).await,
        Command::Restore(command) => revoke::restore(command).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Keys(command) => custody::command::run(command).await,
        Command::Demo(arguments) => Ok(demo::run(arguments).await?),
        Command::OidfTarget(arguments) => oidf_target::run(arguments).await,
        Command::MasterKey => {
            let (_, text) = keys::MasterKey::generate()?;
            say(&mut std::io::stdout(), &text);
            Ok(())
        }
    }
}

async fn apply(arguments: ApplyArguments) -> Done {
    let config = Config::load(&arguments.config.config)?;
    crate::log::start(&config.log);
    let Connected { store, data_key, .. } = connect(&config).await?;
    let secrets = Asked {
        replaced: &arguments.new_secret,
        added: &arguments.add_secret,
        dropped: &arguments.drop_old_secrets,
    };
    let how = How { dry_run: arguments.dry_run, secrets, now: clock::now() };
    let report = apply::apply(&*store.registry(), &data_key, &arguments.file, how).await;
    store.close().await;
    let report = report?;
    let mut out = std::io::stdout();
    if arguments.json {
        say(&mut out, &serde_json::to_string(&report)?);
    } else {
        say(&mut out, &readable(&report, arguments.dry_run));
    }
    Ok(())
}

fn readable(report: &Report, dry_run: bool) -> String {
    let Report { org, revision, changes, secrets } = report;
    if changes.is_empty() {
        return format!("{org} is up to date (revision {revision})");
    }
    let mut text = changes.join("\n");
    let state = if dry_run { "nothing was changed: this was a dry run" } else { "applied" };
    text.push_str(&format!("\n{org}: {state} (revision {revision})"));
    if !secrets.is_empty() {
        text.push_str("\n\nSecrets, shown this once:");
        for (name, secret) in secrets {
            text.push_str(&format!("\n  {name}  {secret}"));
        }
    }
    text
}

/// An organization by the name a person gave.
pub(crate) async fn organization(
    store: &Store,
    org: &str,
) -> Result<Declared, Box<dyn std::error::Error>> {
    if let Some(declared) = store.registry().find(org).await? {
        return Ok(declared);
    }
    let known: Vec<_> = store.registry().orgs().await?.into_iter().map(|(id, _)| id).collect();
    let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
    Err(format!("there is no organization `{org}`; there is: {known}").into())
}

/// A token that lies in a file, or comes from standard input.
pub(crate) fn token(file: &Path) -> Result<SecretString, String> {
    let told = |e: std::io::Error| format!("{} cannot be read: {e}", file.display());
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(told)?;
        text
    } else {
        std::fs::read_to_string(file).map_err(told)?
    };
    Ok(SecretString::from(text.trim()))
}

/// A line to a person. A closed pipe is theirs to close.
pub(crate) fn say(out: &mut impl Write, text: &str) {
    drop(writeln!(out, "{text}"));
}
