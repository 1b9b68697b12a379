//! An issuer, its API, and a call that is let in.

use std::sync::LazyLock;

use actas_verifier::{Builder, Call, Rejection, Verified, Verifier};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Algorithm, Signer, SigningKey};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

pub const NOW: i64 = 1_800_000_000;
pub const API: &str = "https://documents.example";
pub const DOCUMENT: &str = "https://documents.example/documents/7";
pub const METADATA: &str = "/.well-known/oauth-authorization-server/o/acme";
pub const JWKS: &str = "/o/acme/oauth/jwks";
pub const LIST: &str = "/o/acme/oauth/status-lists/7";

/// The issuer's.
pub static ISSUERS: LazyLock<SigningKey> = LazyLock::new(fresh);
/// The agent's, to which its token is bound.
pub static AGENTS: LazyLock<SigningKey> = LazyLock::new(fresh);
/// Nobody's.
pub static STRANGERS: LazyLock<SigningKey> = LazyLock::new(fresh);

fn fresh() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

pub struct Scene {
    pub server: MockServer,
    pub verifier: Verifier,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    /// A verifier of other settings.
    pub async fn with(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let server = MockServer::start().await;
        let issuer = format!("{}/o/acme", server.uri());
        let verifier = settings(Verifier::builder(&issuer, API)).build().unwrap();
        let scene = Self { server, verifier };
        scene.publish(&[&ISSUERS]).await;
        scene
    }

    pub fn issuer(&self) -> String {
        format!("{}/o/acme", self.server.uri())
    }

    /// The issuer's metadata and keys, in place of what there was.
    pub async fn publish(&self, keys: &[&SigningKey]) {
        let jwks: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
        self.serve(METADATA, self.metadata(), "application/json").await;
        self.serve(JWKS, json!({ "keys": jwks }).to_string(), "application/jwk-set+json").await;
    }

    pub fn metadata(&self) -> String {
        let jwks_uri = format!("{}{JWKS}", self.server.uri());
        json!({ "issuer": self.issuer(), "jwks_uri": jwks_uri }).to_string()
    }

    pub async fn serve(&self, at: &str, body: String, media: &str) {
        let reply = ResponseTemplate::new(200).set_body_raw(body, media);
        Mock::given(path(at))
            .respond_with(reply)
            .with_priority(Self::later())
            .mount(&self.server)
            .await;
    }

    /// The issuer answers nothing but errors from now on.
    pub async fn break_issuer(&self) {
        self.server.reset().await;
    }

    /// wiremock takes the lowest; what is mounted later shall count.
    fn later() -> u8 {
        use std::sync::atomic::{AtomicU8, Ordering};
        static MOUNTED: AtomicU8 = AtomicU8::new(u8::MAX);
        MOUNTED.fetch_sub(1, Ordering::Relaxed).max(1)
    }

    /// How often this was asked for.
    pub async fn asked(&self, at: &str) -> usize {
        let requests = self.server.received_requests().await.unwrap_or_default();
        requests.iter().filter(|request| request.url.path() == at).count()
    }

    /// The claims of a token that is let in, bound to nothing.
    pub fn claims(&self) -> Value {
        let iss = self.issuer();
        json!({
            "iss": iss, "sub": "alice", "aud": API, "client_id": "researcher", "org_id": "acme",
            "iat": NOW - 60, "exp": NOW + 240, "jti": "0199", "scope": "documents:read documents:write",
            "act": { "iss": iss, "sub": "agent:researcher",
                     "act": { "iss": iss, "sub": "agent:orchestrator" } },
        })
    }

    /// That token, with `value` as claim `name`; `null` removes.
    pub fn token(&self, name: &str, value: Value) -> String {
        keys::sign(&*ISSUERS, "at+jwt", &set(self.claims(), name, value)).unwrap()
    }

    /// The token as it is.
    pub fn good(&self) -> String {
        self.token("sub", json!("alice"))
    }

    /// That token, bound to the agent's key.
    pub fn bound(&self) -> String {
        self.token("cnf", json!({ "jkt": AGENTS.kid() }))
    }

    pub async fn bearer(&self, token: &str) -> Result<Verified, Rejection> {
        let authorization = format!("Bearer {token}");
        let call = Call::new("GET", DOCUMENT).authorization(&authorization);
        self.verifier.verify_at(&call, NOW).await
    }

    pub async fn dpop(&self, token: &str, proof: &str) -> Result<Verified, Rejection> {
        let authorization = format!("DPoP {token}");
        let call = Call::new("GET", DOCUMENT).authorization(&authorization).proof(proof);
        self.verifier.verify_at(&call, NOW).await
    }
}

pub fn set(mut object: Value, name: &str, value: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    object
}

/// A proof of a key, with `token` (RFC 9449 §4.2), and the means to change one thing of it.
#[derive(Clone)]
pub struct Proof {
    pub header: Value,
    pub claims: Value,
    pub key: &'static SigningKey,
}

impl Proof {
    /// One that holds for [`DOCUMENT`].
    pub fn of(token: &str) -> Self {
        let ath = URL_SAFE_NO_PAD.encode(keys::sha256(token.as_bytes()));
        Self {
            header: json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": bare(&AGENTS) }),
            claims: json!({ "jti": "p1", "htm": "GET", "htu": DOCUMENT, "iat": NOW, "ath": ath }),
            key: &AGENTS,
        }
    }

    pub fn header(mut self, name: &str, value: Value) -> Self {
        self.header = set(self.header, name, value);
        self
    }

    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims = set(self.claims, name, value);
        self
    }

    pub fn signed(&self) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(input.as_bytes()).unwrap());
        format!("{input}.{signature}")
    }
}

/// The public half, as it stands in a proof.
pub fn bare(key: &SigningKey) -> Value {
    let jwk = key.public_jwk();
    json!({ "kty": jwk["kty"], "crv": jwk["crv"], "x": jwk["x"], "y": jwk["y"] })
}
