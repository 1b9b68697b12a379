//! `actas idp check`: what an identity provider says of a user now, for the person on call.

mod clear;

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::{Args, Subcommand};
use delegation::{
    event::Check,
    names::{Kind, Names},
    ports::{Hints, Lineage, Question},
    refusal::Fault,
};
use keys::DataKey;
use policy::{Access, Account, Denial, Risk, Session, Standing, Timestamp};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{
    app::{self, Connected, connection::Maker},
    cli::{self, ConfigFile, Done, say},
    config::Config,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what the identity provider says of a user now, check by check, with timings.
    ///
    /// Makes every check of the connection once, on its own, and shows what signals said of the
    /// user besides. Nothing is recorded and nothing ends. Exits with 1 when an exchange would not
    /// get a yes now.
    #[command(after_help = "Examples:\n  \
        actas idp check acme corp alice\n  \
        actas idp check acme corp alice --token-file - < token.jwt\n  \
        actas idp check acme entra alice --directory-id 11111111-2222-3333-4444-555555555555")]
    Check(Arguments),
    /// Take back what a provider signalled of a user: suspended, device, risk.
    ///
    /// For a provider that signals bad news and never the good. Nothing that ended lives again.
    #[command(
        after_help = "Example:\n  actas idp clear acme corp alice --reason \"ticket 4711: re-enabled\""
    )]
    Clear(clear::Arguments),
}

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The organization's id.
    org: String,
    /// The connection's id.
    connection: String,
    /// The user's `sub` at the provider.
    user: String,
    /// A token of the user, for checks that ask about tokens; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The user's id in the provider's directory (`oid`, `uid`), when it is not the `sub`.
    #[arg(long, value_name = "ID")]
    directory_id: Option<String>,
    /// The user's session (`sid`).
    #[arg(long, value_name = "SID")]
    session: Option<String>,
    /// The user's device.
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs one of the commands below `actas idp`.
pub(crate) async fn run(command: Command) -> Done {
    match command {
        Command::Check(arguments) => check(arguments).await,
        Command::Clear(arguments) => clear::run(arguments).await,
    }
}

async fn check(arguments: Arguments) -> Done {
    let config = Config::load(&arguments.config.config)?;
    crate::log::start(&config.log);
    let Connected { store, data_key, .. } = app::connect(&config).await?;
    let found = found(&config, (&store, data_key), &arguments).await;
    store.close().await;
    let Found { checks, signalled } = found?;
    let all = checks.iter().filter_map(|(_, told)| told.as_ref().ok()).cloned();
    let all = all.fold(signalled.clone(), Standing::and);
    let silent = checks.iter().any(|(_, told)| told.is_err());
    let verdict = verdict(&all, silent);
    let mut out = std::io::stdout();
    if arguments.json {
        let checks: Vec<_> = checks.iter().map(line).collect();
        let text = json!({
            "org": arguments.org, "connection": arguments.connection, "user": arguments.user,
            "verdict": verdict, "checks": checks, "signals": parts(&signalled),
        });
        say(&mut out, &text.to_string());
    } else {
        say(&mut out, &readable(&checks, &signalled, verdict));
    }
    if verdict == "yes" { Ok(()) } else { Err(format!("an exchange would get `{verdict}`").into()) }
}

struct Found {
    checks: Vec<(Check, Result<Standing, Fault>)>,
    signalled: Standing,
}

async fn found(
    config: &Config,
    (store, data_key): (&store::Store, Arc<DataKey>),
    arguments: &Arguments,
) -> Result<Found, Box<dyn std::error::Error>> {
    let Arguments { org, connection, user, .. } = arguments;
    let declared = store.registry().find(org).await?;
    let declared = declared.ok_or_else(|| format!("there is no organization `{org}`"))?;
    let known: Vec<_> = declared.connections.iter().map(|c| c.id.as_str()).collect();
    let declared = declared.connections.iter().find(|c| c.id == *connection).ok_or_else(|| {
        format!("`{org}` has no connection `{connection}`; it has: {}", known.join(", "))
    })?;
    let maker = Maker {
        master: data_key,
        outbound: app::outbound(config)?,
        replicas: config.upstream.replicas,
    };
    let names = Names::default()
        .with(Kind::Subject, Some(user))
        .with(Kind::Directory, arguments.directory_id.as_deref())
        .with(Kind::Session, arguments.session.as_deref())
        .with(Kind::Device, arguments.device.as_deref());
    let lineage = Lineage::Root {
        connection: connection.clone(),
        user: user.clone(),
        agent: String::new(),
        names,
    };
    let recalled = store.ledger(org).recall(&lineage).await?;
    let question = Question {
        token: arguments.token_file.as_deref().map(cli::token).transpose()?,
        user: user.clone(),
        hints: Hints {
            directory_id: arguments.directory_id.clone(),
            session: arguments.session.clone(),
            device: arguments.device.clone(),
            ..Hints::default()
        },
        is_client: false,
        epoch: recalled.epoch,
        max_age: Duration::ZERO,
        purpose: None,
    };
    let checks = maker.provider(org, declared)?.inspect(question).await;
    Ok(Found { checks, signalled: recalled.signalled })
}

/// What an exchange would make of it, as far as the provider goes.
fn verdict(all: &Standing, silent: bool) -> &'static str {
    let denied = all.account == Account::Suspended
        || all.session == Session::Ended
        || all.risk == Some(Risk::High)
        || matches!(all.access, Access::Denied(_));
    if denied {
        "no"
    } else if silent || !all.vouches() {
        "unknown"
    } else if all.device.compliant == Some(false) || matches!(all.access, Access::Demands(_)) {
        "step_up"
    } else {
        "yes"
    }
}

fn line((check, told): &(Check, Result<Standing, Fault>)) -> Value {
    let mut line = json!({
        "kind": check.kind, "answer": check.answer, "took_ms": milliseconds(check.took_us),
    });
    if let Value::Object(members) = &mut line {
        match told {
            Ok(standing) => members.insert("says".to_owned(), Value::Object(parts(standing))),
            Err(fault) => members.insert("fault".to_owned(), json!(fault.to_string())),
        };
    }
    line
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a few seconds")]
fn milliseconds(microseconds: i64) -> f64 {
    microseconds as f64 / 1000.0
}

fn readable(
    checks: &[(Check, Result<Standing, Fault>)],
    signalled: &Standing,
    verdict: &str,
) -> String {
    let mut text = String::new();
    for (check, told) in checks {
        let Check { kind, answer, took_us, .. } = check;
        let says = match told {
            Ok(standing) => sentence(&parts(standing)),
            Err(fault) => fault.to_string(),
        };
        let took = milliseconds(*took_us);
        text.push_str(&format!("{kind:<20} {answer:<10} {took:>8.1} ms  {says}\n"));
    }
    let said = sentence(&parts(signalled));
    let said = if said.is_empty() { "nothing" } else { &said };
    text.push_str(&format!("{:<20} {:<10} {:>11}  {said}\n", "signals", "", ""));
    text.push_str(&format!("an exchange would get: {verdict}"));
    text
}

fn sentence(parts: &Map<String, Value>) -> String {
    let part = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name} {text}"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            format!("{name} {value}")
        }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// The parts that are known.
fn parts(standing: &Standing) -> Map<String, Value> {
    let Standing {
        account,
        session,
        sessions_valid_from,
        step_up_before,
        sign_in,
        device,
        risk,
        access,
        network,
    } = standing;
    let access = match access {
        Access::Unknown => None,
        Access::Allowed => Some("allowed"),
        Access::Demands(_) => Some("demands more of the user"),
        Access::Denied(Denial::ConditionalAccess) => Some("denied by conditional access"),
        Access::Denied(Denial::Consent) => Some("denied: consent is missing"),
        Access::Denied(Denial::DecisionPoint) => Some("denied by the decision point"),
    };
    let known = [
        ("account", (*account != Account::Unknown).then(|| json!(account.code()))),
        ("session", (*session != Session::Unknown).then(|| json!(session.code()))),
        ("sessions_valid_from", sessions_valid_from.map(moment)),
        ("step_up_before", step_up_before.map(moment)),
        ("signed_in_at", sign_in.at.map(moment)),
        ("acr", sign_in.acr.as_ref().map(|acr| json!(acr))),
        ("amr", (!sign_in.amr.is_empty()).then(|| json!(sign_in.amr.join(" ")))),
        ("device_compliant", device.compliant.map(|yes| json!(yes))),
        ("device_managed", device.managed.map(|yes| json!(yes))),
        ("risk", risk.map(|risk| json!(risk.code()))),
        ("access", access.map(|access| json!(access))),
        ("network", network.as_ref().map(|network| json!(network))),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    known.collect()
}

/// RFC 3339.
fn moment(at: Timestamp) -> Value {
    let text = OffsetDateTime::from_unix_timestamp(at.0)
        .ok()
        .and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok());
    json!(text.unwrap_or_else(|| at.0.to_string()))
}
