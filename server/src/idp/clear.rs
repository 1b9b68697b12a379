//! `actas idp clear`: takes back what a provider signalled of a user and never took back itself.

use clap::Args;
use delegation::{
    event::{Event, Outcome},
    names::{Kind, Names},
    ports::Signalled,
    signal::{Affected, Effect, Signal, Whom},
};
use policy::Risk;

use crate::{
    app::{self, Connected},
    cli::{ConfigFile, Done, say},
    clock,
    config::Config,
};

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
    /// Why; it stands in the audit trail.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Recorded like a signal, and so its effect is seen by every replica at once.
pub(crate) async fn run(arguments: Arguments) -> Done {
    let Arguments { config, org, connection, user, reason } = arguments;
    let config = Config::load(&config.config)?;
    crate::log::start(&config.log);
    let Connected { store, .. } = app::connect(&config).await?;
    let declared = store.registry().find(&org).await?;
    let declared = declared.ok_or_else(|| format!("there is no organization `{org}`"))?;
    if !declared.connections.iter().any(|known| known.id == connection) {
        return Err(format!("`{org}` has no connection `{connection}`").into());
    }
    let (now, id) = (clock::now(), clock::id());
    let names = Names::default().with(Kind::Subject, Some(&user));
    let whom = Whom::User { names, session: None, device: None };
    let effects = [Effect::Enabled, Effect::Device { compliant: true }, Effect::Risk(Risk::Low)];
    let signal = Signal {
        connection: connection.clone(),
        issuer: "operator".to_owned(),
        id: id.to_string(),
        source: "operator",
        received_at: now,
        effects: effects.map(|effect| Affected { whom: whom.clone(), effect, at: now }).to_vec(),
        event: Event {
            outcome: Outcome::Signalled,
            reason: Some("cleared"),
            detail: Some(reason),
            subject: Some(user.clone()),
            connection: Some(connection),
            ..Event::draft(id, now, id.to_string())
        },
    };
    let done = store.ledger(&org).signal(signal).await;
    store.close().await;
    match done? {
        Signalled::Applied { .. } => {
            let text = format!(
                "what was signalled of {user} (suspended, device, risk) is taken back; \
                 what ended stays ended, and a sign-out holds until the next sign-in"
            );
            say(&mut std::io::stdout(), &text);
            Ok(())
        }
        Signalled::Duplicate => Err("nothing was recorded".into()),
    }
}
