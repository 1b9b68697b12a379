//! What the tests of client authentication share: who signs assertions, and how they are sent.

use keys::{Algorithm, Signer, SigningKey};
use serde_json::{Value, json};
use server::clock;

use crate::{
    directory::Directory,
    http::Request,
    scene::{Scene, changed, exchange},
};

/// The issuer of the happy organization.
pub const US: &str = "http://127.0.0.1:8400/o/acme";
const JWT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SVID: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
pub const METADATA: &str = "/.well-known/openid-configuration";
pub const KEYS: &str = "/keys";

pub fn new_key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

pub fn jwks(keys: &[&SigningKey]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() })
}

/// The same keys in the bundle of a trust domain.
pub fn bundle(keys: &[&SigningKey]) -> Value {
    let mut bundle = jwks(keys);
    for key in bundle["keys"].as_array_mut().unwrap() {
        key["use"] = "jwt-svid".into();
    }
    bundle
}

/// JSON as TOML has it.
pub fn toml(value: &Value) -> String {
    toml::Value::try_from(value).unwrap().to_string()
}

/// Somebody whose keys are at an address, with the metadata of an issuer.
pub struct Publisher {
    pub key: SigningKey,
    pub site: Directory,
}

impl Publisher {
    pub fn start() -> Self {
        let publisher = Self { key: new_key(), site: Directory::start() };
        let url = &publisher.site.url;
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}{KEYS}") });
        publisher.site.says(METADATA, 200, &metadata);
        publisher.publishes(&jwks(&[&publisher.key]));
        publisher
    }

    /// Where it says it is.
    pub fn issuer(&self) -> &str {
        &self.site.url
    }

    /// Where its keys are.
    pub fn keys(&self) -> String {
        format!("{}{KEYS}", self.site.url)
    }

    /// From now on these are its keys.
    pub fn publishes(&self, keys: &Value) {
        self.site.says(KEYS, 200, keys);
    }

    /// How often its keys were fetched.
    pub fn fetched(&self) -> usize {
        self.site.asked().iter().filter(|question| question.path == KEYS).count()
    }
}

/// A token of a platform, for us, with these claims besides.
pub fn platform_token(issuer: &str, key: &SigningKey, claims: &Value) -> String {
    let now = clock::now().0;
    let mut all = json!({ "iss": issuer, "aud": [US], "iat": now, "nbf": now, "exp": now + 600 });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    keys::sign(key, "JWT", &all).unwrap()
}

pub fn svid(key: &SigningKey, subject: &str) -> String {
    let claims = json!({ "sub": subject, "aud": [US], "exp": clock::now().0 + 300 });
    keys::sign(key, "JWT", &claims).unwrap()
}

/// A client's own assertion, never the same twice.
pub fn own(client: &str, key: &SigningKey) -> String {
    let (now, id) = (clock::now().0, clock::id().to_string());
    let claims = json!({
        "iss": client, "sub": client, "aud": US, "iat": now, "exp": now + 60, "jti": id,
    });
    keys::sign(key, "client-authentication+jwt", &claims).unwrap()
}

pub fn asserted(request: Request, assertion: &str) -> Request {
    request.with("client_assertion_type", JWT).with("client_assertion", assertion)
}

pub fn asserted_by_svid(request: Request, svid: &str) -> Request {
    asserted(request, svid).with("client_assertion_type", SVID)
}

/// What an attester says of a client's instance, and the instance itself.
pub struct Attested {
    pub client: String,
    pub instance: SigningKey,
    /// What it says.
    pub claims: Value,
    /// What the instance says.
    pub proof: Value,
}

impl Attested {
    /// With a proof that nobody has seen yet.
    pub fn new(client: &str, issuer: &str) -> Self {
        let (now, instance) = (clock::now().0, new_key());
        let cnf = json!({ "jwk": instance.public_jwk() });
        Self {
            client: client.to_owned(),
            instance,
            claims: json!({ "iss": issuer, "sub": client, "exp": now + 600, "cnf": cnf }),
            proof: json!({ "aud": US, "jti": clock::id().to_string(), "iat": now }),
        }
    }

    /// The request with both, signed by these.
    pub fn signed(&self, request: Request, attester: &SigningKey, prover: &SigningKey) -> Request {
        let of = keys::sign(attester, "oauth-client-attestation+jwt", &self.claims).unwrap();
        let proof = keys::sign(prover, "oauth-client-attestation-pop+jwt", &self.proof).unwrap();
        request
            .with("client_id", &self.client)
            .header("oauth-client-attestation", &of)
            .header("oauth-client-attestation-pop", &proof)
    }
}

/// The file with these settings of the orchestrator, and these sections.
#[track_caller]
pub fn orchestrator(org: &str, settings: &str, sections: &str) -> String {
    let agent = "scope = \"documents:read documents:write\"\n\n[[agents]]\nid = \"researcher\"";
    changed(org, agent, &format!("{settings}\n{agent}")) + sections
}

/// An exchange of alice's by whoever proves to be the orchestrator.
pub fn happy(scene: &Scene) -> Request {
    exchange(&scene.provider.access_token("alice"))
}

/// Asserts that whoever sent this is nobody.
#[track_caller]
pub fn is_nobody(scene: &Scene, request: &Request, what: &str) {
    let reply = scene.send(request);
    assert_eq!(reply.refusal(), (401, "invalid_client".into(), String::new()), "{what}");
}

/// Asserts that we cannot tell who sent this.
#[track_caller]
pub fn is_unknown(scene: &Scene, request: &Request, what: &str) {
    let reply = scene.send(request);
    let expected = (503, "temporarily_unavailable".into(), "unavailable".into());
    assert_eq!(reply.refusal(), expected, "{what}");
}
