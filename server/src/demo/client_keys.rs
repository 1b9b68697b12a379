//! Keys of the clients that have no secret, and of the platforms that vouch for some: made when the stage
//! is set, and handed to whoever plays them.

use std::{collections::BTreeMap, path::Path};

use keys::{Algorithm, KeyFault, Signer, SigningKey};
use serde_json::{Value, json};

use super::stage::StageError;

/// Whose keys they are, what each is called, and its one algorithm.
type Owner = (&'static str, &'static [(&'static str, Algorithm)]);

const CLIENTS: [Owner; 4] = [
    (
        "signer",
        &[
            ("es", Algorithm::Es256),
            ("ed", Algorithm::EdDsa),
            ("rs", Algorithm::Rs256),
            ("ps", Algorithm::Ps256),
        ],
    ),
    ("fapi", &[("es", Algorithm::Es256), ("ed", Algorithm::EdDsa), ("ps", Algorithm::Ps256)]),
    ("fapi-service", &[("es", Algorithm::Es256)]),
    ("veteran", &[("es", Algorithm::Es256)]),
];

/// Platforms: a CI provider, the trust domain of a mesh, a maker of devices. Each with the `use` of its
/// keys.
const PLATFORMS: [(&str, &str); 3] = [("ci", "sig"), ("mesh", "jwt-svid"), ("maker", "sig")];

/// Private JWKs by `client_id`, or by the name of the platform.
pub(super) type KeySets = BTreeMap<String, Vec<Value>>;

/// Makes the keys of the clients. The public half of each set is written to `{client_id}.json` in
/// `directory`, where the organization's file looks for it.
pub(super) fn of_clients(directory: &Path) -> Result<KeySets, StageError> {
    make(directory, &CLIENTS, "sig")
}

/// The same of the platforms, to `{name}.json`.
pub(super) fn of_platforms(directory: &Path) -> Result<KeySets, StageError> {
    let mut all = KeySets::new();
    for (name, key_use) in PLATFORMS {
        all.extend(make(directory, &[(name, &[("es", Algorithm::Es256)])], key_use)?);
    }
    Ok(all)
}

fn make(directory: &Path, owners: &[Owner], key_use: &str) -> Result<KeySets, StageError> {
    let mut all = KeySets::new();
    for (owner, named) in owners {
        let (mut private, mut public) = (Vec::new(), Vec::new());
        for (kid, algorithm) in *named {
            let key = SigningKey::generate(*algorithm)?;
            private.push(called(kid, key.to_private_jwk()?)?);
            let mut jwk = called(kid, key.public_jwk().clone())?;
            jwk.as_object_mut().map(|members| members.insert("use".to_owned(), key_use.into()));
            public.push(jwk);
        }
        let file = directory.join(format!("{owner}.json"));
        std::fs::write(file, json!({ "keys": public }).to_string())?;
        all.insert((*owner).to_owned(), private);
    }
    Ok(all)
}

fn called(kid: &str, mut jwk: Value) -> Result<Value, KeyFault> {
    let members = jwk.as_object_mut().ok_or(KeyFault::Unusable)?;
    members.insert("kid".to_owned(), kid.into());
    Ok(jwk)
}
