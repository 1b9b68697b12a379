//! Whom the bare server believes.

use std::collections::BTreeMap;

use keys::{DataKey, PublicKeys, SecretHash, Signer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Outcome,
    actas::{Actas, PUBLIC_URL},
    exchanges::RESOURCE,
    neighbours::Idp,
    proofs::Wallet,
};

/// As it is handed over: a file, JSON.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Trust {
    /// Its own name: the issuer of what it signs, the audience of assertions, the issuer of actor tokens.
    pub issuer: String,
    /// With which actor tokens are signed.
    pub jwks: Value,
    pub idp_issuer: String,
    pub idp_jwks: Value,
    /// The audience of users' tokens.
    pub audience: String,
    pub clients: BTreeMap<String, Client>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Client {
    pub secret: Option<String>,
    pub jwks: Option<Value>,
}

impl Trust {
    /// What `actas` believes, so that the requests made for it can be sent here as well. `jwks` is what
    /// it publishes.
    pub(crate) fn of(actas: &Actas, idp: &Idp, wallet: &Wallet, jwks: Value) -> Self {
        let with_a_secret = actas
            .secrets
            .iter()
            .map(|(id, secret)| (id.clone(), Client { secret: Some(secret.clone()), jwks: None }));
        let with_a_key = wallet.agents().into_iter().filter_map(|agent| {
            let id = agent.get("id")?.as_str()?.to_owned();
            let jwks = agent.get("jwks")?.clone();
            Some((id, Client { secret: None, jwks: Some(jwks) }))
        });
        Self {
            issuer: format!("{PUBLIC_URL}/o/{}", actas.org),
            jwks,
            idp_issuer: idp.issuer.clone(),
            idp_jwks: json!({ "keys": [idp.key.public_jwk()] }),
            audience: RESOURCE.to_owned(),
            clients: with_a_secret.chain(with_a_key).collect(),
        }
    }
}

/// The same, read once.
#[derive(Debug)]
pub(super) struct Trusted {
    pub issuer: String,
    pub own: PublicKeys,
    pub idp_issuer: String,
    pub idp: PublicKeys,
    pub audience: String,
    secrets: BTreeMap<String, SecretHash>,
    keys: BTreeMap<String, PublicKeys>,
    hashing: DataKey,
}

impl Trusted {
    pub(super) fn read(trust: &Trust) -> Outcome<Self> {
        let keys = |jwks: &Value| PublicKeys::parse(jwks.to_string().as_bytes());
        let hashing = DataKey::generate()?;
        let mut secrets = BTreeMap::new();
        let mut keyed = BTreeMap::new();
        for (id, client) in &trust.clients {
            if let Some(secret) = &client.secret {
                secrets.insert(id.clone(), hashing.hash_secret(secret));
            }
            if let Some(jwks) = &client.jwks {
                keyed.insert(id.clone(), keys(jwks)?);
            }
        }
        Ok(Self {
            issuer: trust.issuer.clone(),
            own: keys(&trust.jwks)?,
            idp_issuer: trust.idp_issuer.clone(),
            idp: keys(&trust.idp_jwks)?,
            audience: trust.audience.clone(),
            secrets,
            keys: keyed,
            hashing,
        })
    }

    pub(super) fn has_secret(&self, client: &str, secret: &str) -> bool {
        let presented = self.hashing.hash_secret(secret);
        self.secrets.get(client).is_some_and(|kept| kept.matches(&presented))
    }

    pub(super) fn keys_of(&self, client: &str) -> Option<&PublicKeys> {
        self.keys.get(client)
    }
}
