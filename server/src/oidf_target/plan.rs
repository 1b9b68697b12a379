//! What is examined: two clients, an API, and what the suite has to know of them.

use std::path::Path;

use keys::{Algorithm, Signer, SigningKey};
use serde_json::{Value, json};

use super::ORG;

/// What the clients may do at the API.
pub(super) const SCOPE: &str = "resource:read";
/// Where the API has something to read.
pub(super) const PATH: &str = "/resource";

/// FAPI 2.0 §5.4: ES256, PS256 and `EdDSA`, and no others.
pub(super) const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa];

const NAME: &str = "fapi2-security-profile-final-test-plan\
    [openid=plain_oauth][client_auth_type=private_key_jwt][sender_constrain=dpop]\
    [fapi_profile=fapi_client_credentials_grant]";

/// The members of the plan, on either side.
pub(super) struct Plan {
    issuer: String,
    api: String,
    /// They have nothing in common: one key of each kind that is used most.
    clients: [Client; 2],
}

struct Client {
    id: &'static str,
    /// A private JWK: the suite is the client.
    key: Value,
}

impl Plan {
    /// Makes the keys, and leaves their public halves in `directory`.
    pub(super) fn make(
        issuer: &str,
        api: &str,
        directory: &Path,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let client = |id: &'static str, algorithm| {
            let key = SigningKey::generate(algorithm)?;
            let public = json!({ "keys": [key.public_jwk()] });
            std::fs::write(directory.join(format!("{id}.json")), public.to_string())?;
            Ok::<_, Box<dyn std::error::Error>>(Client { id, key: key.to_private_jwk()? })
        };
        // The first with a key of RSA: only so does the suite try whether RS256 is refused.
        let clients = [client("client", Algorithm::Ps256)?, client("client2", Algorithm::Es256)?];
        Ok(Self { issuer: issuer.to_owned(), api: api.to_owned(), clients })
    }

    /// The organization's file.
    pub(super) fn organization(&self) -> String {
        let api = &self.api;
        let algorithms = ALGORITHMS.map(Algorithm::name);
        let mut file = format!("id = \"{ORG}\"\ndefault_target = \"{api}\"\n\n[[resources]]\n");
        file.push_str(&format!("id = \"{api}\"\nscope = \"{SCOPE}\"\n"));
        for Client { id, .. } in &self.clients {
            file.push_str(&format!(
                r#"
[[service_accounts]]
id = "{id}"
purpose = "the suite, as `{id}`"
scope = "{SCOPE}"
targets = ["{api}"]
auth_methods = ["private_key_jwt"]
jwks_file = "{id}.json"
signing_algorithms = {algorithms:?}
dpop_bound_access_tokens = true
"#
            ));
        }
        file
    }

    /// The plan's configuration, in the members the suite reads.
    pub(super) fn configuration(&self) -> Value {
        let Self { issuer, api, clients: [one, other] } = self;
        let client = |client: &Client| json!({ "client_id": client.id, "scope": SCOPE, "jwks": { "keys": [client.key] } });
        json!({
            "alias": "actas",
            "description": NAME,
            "server": { "discoveryUrl": format!("{issuer}/.well-known/oauth-authorization-server") },
            "client": client(one),
            "client2": client(other),
            "resource": { "resourceUrl": format!("{api}{PATH}") },
        })
    }

    /// What a person has to do now.
    pub(super) fn advice(&self, ca: &Path) -> String {
        let (issuer, api, ca) = (&self.issuer, &self.api, ca.display());
        format!(
            "\nPlan:   {NAME}\nIssuer: {issuer}\nAPI:    {api}{PATH}\n\
             Both are vouched for by the authority in {ca}\n\
             Ctrl-C ends it. Everything was made for this run, and nothing of it is kept."
        )
    }
}
