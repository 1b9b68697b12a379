//! What this machine can do: the two signatures, and a durable row.

use std::{path::Path, sync::Arc, time::Duration};

use delegation::{event::Event, ports::Ledger};
use keys::{Algorithm, Expect, PublicKeys, Signer, Typ, Verified};
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde_json::json;
use server::clock;
use store::{Settings, Store};

use crate::{
    Outcome,
    load::{Caller, Run, Window, alone},
    neighbours::Idp,
};

/// Signs what a token's signature is over.
pub(crate) fn sign(idp: &Idp, token: &str, window: Window) -> Outcome<Run> {
    let (input, _) = token.rsplit_once('.').ok_or("a token has dots")?;
    alone(window, || {
        idp.key.sign(input.as_bytes())?;
        Ok(())
    })
}

/// Verifies a token as an exchange does, its claims read but not kept.
pub(crate) fn verify(idp: &Idp, token: &str, window: Window) -> Outcome<Run> {
    let jwks = json!({ "keys": [idp.key.public_jwk()] }).to_string();
    let keys = PublicKeys::parse(jwks.as_bytes())?;
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer: &idp.issuer,
        audience: &[],
        algorithms: &[Algorithm::Es256],
        leeway: Duration::from_secs(10),
        max_age: None,
    };
    let now = clock::now().0;
    alone(window, || {
        let _verified: Verified<IgnoredAny> = keys::verify(token, &keys, &expect, now)?;
        Ok(())
    })
}

/// The ledger of a database of its own, with the product's own durability.
pub(crate) async fn ledger(file: &Path) -> Outcome<Arc<dyn Ledger>> {
    let url = SecretString::from(format!("sqlite:{}", file.display()));
    let store = Store::connect(&Settings { url, max_connections: 1 }).await?;
    store.migrate().await?;
    Ok(store.ledger("bench"))
}

/// Writes one row at a time and waits until it is on the disk.
#[derive(Debug)]
pub(crate) struct Clerk(Arc<dyn Ledger>);

impl Clerk {
    pub(crate) fn crowd(ledger: &Arc<dyn Ledger>, size: usize) -> Vec<Self> {
        (0..size).map(|_| Self(Arc::clone(ledger))).collect()
    }
}

impl Caller for Clerk {
    async fn call(&mut self) -> Outcome<()> {
        Ok(self.0.note(event()).await?)
    }
}

/// An event as a refused exchange leaves it.
fn event() -> Event {
    let id = clock::id();
    Event {
        client_address: Some("127.0.0.1".to_owned()),
        error: Some("invalid_scope"),
        reason: Some("scope"),
        client: Some("orchestrator".to_owned()),
        subject: Some("user-1".to_owned()),
        target: Some("https://documents.demo.example".to_owned()),
        scope_requested: Some("documents:read".to_owned()),
        ..Event::draft(id, clock::now(), id.to_string())
    }
}
