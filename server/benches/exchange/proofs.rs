//! Clients that prove more than a secret: every request of theirs has an assertion, a proof of
//! possession or a certificate of its own, made when it is sent.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keys::{Algorithm, Authorities, Certificate, Signer, SigningKey};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use server::clock;
use url::form_urlencoded::Serializer;

use crate::{
    CROWD, Outcome,
    actas::{Actas, PUBLIC_URL},
    exchanges::{self, ACCESS_TOKEN, FIRST},
    load::Caller,
    wire::{Connection, Script, play, post},
};

/// The agents that have no secret.
pub(crate) const KEYED: &str = "keyed";
pub(crate) const CERTIFIED: &str = "certified";
/// The name on the certificate.
const NAME: &str = "certified.agents.example";

/// How a client proves who it is, and that it has the key its token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `private_key_jwt`
    Key,
    /// A secret, and a DPoP proof.
    Proof,
    /// `private_key_jwt`, and a DPoP proof.
    Both,
    /// `private_key_jwt`, and a token of its own that says who acts (RFC 8693 §2.1).
    Actor,
    /// `tls_client_auth`, and the token is bound to the certificate.
    Certificate,
}

impl Way {
    pub(crate) const ALL: [Self; 5] =
        [Self::Key, Self::Actor, Self::Proof, Self::Both, Self::Certificate];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Key => "private_key_jwt (D)",
            Self::Actor => "private_key_jwt + actor token (E)",
            Self::Proof => "DPoP",
            Self::Both => "private_key_jwt + DPoP",
            Self::Certificate => "mTLS",
        }
    }

    pub(crate) const fn agent(self) -> &'static str {
        match self {
            Self::Key | Self::Actor | Self::Both => KEYED,
            Self::Proof => FIRST,
            Self::Certificate => CERTIFIED,
        }
    }

    /// Signatures of JWTs that are verified, beyond those of every exchange.
    pub(crate) const fn signatures(self) -> f64 {
        match self {
            Self::Key | Self::Proof => 1.0,
            Self::Actor | Self::Both => 2.0,
            Self::Certificate => 0.0,
        }
    }

    /// Chains of certificates that are verified.
    pub(crate) const fn chains(self) -> f64 {
        match self {
            Self::Key | Self::Actor | Self::Proof | Self::Both => 0.0,
            Self::Certificate => 1.0,
        }
    }

    /// Part of every good answer: a proof that was overlooked binds nothing (RFC 9449 §5).
    const fn answer(self) -> &'static str {
        match self {
            Self::Proof | Self::Both => r#""token_type":"DPoP""#,
            Self::Key | Self::Actor | Self::Certificate => ACCESS_TOKEN,
        }
    }

    const fn has_assertion(self) -> bool {
        matches!(self, Self::Key | Self::Actor | Self::Both)
    }

    const fn has_proof(self) -> bool {
        matches!(self, Self::Proof | Self::Both)
    }
}

/// What the clients have, and what of it is declared.
#[derive(Debug)]
pub(crate) struct Wallet {
    /// Signs assertions.
    key: SigningKey,
    /// Signs proofs.
    bound: SigningKey,
    authority: String,
    certificate: Vec<u8>,
}

impl Wallet {
    pub(crate) fn new() -> Outcome<Self> {
        let (authority_key, own_key) = (KeyPair::generate()?, KeyPair::generate()?);
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let mut own = CertificateParams::new([NAME.to_owned()])?;
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);
        Ok(Self {
            key: SigningKey::generate(Algorithm::Es256)?,
            bound: SigningKey::generate(Algorithm::Es256)?,
            authority: authority_pem,
            certificate: own.signed_by(&own_key, &issuer)?.der().to_vec(),
        })
    }

    /// Their entries in org.toml.
    pub(crate) fn agents(&self) -> [Value; 2] {
        let scope = exchanges::SCOPES;
        [
            json!({
                "id": KEYED, "scope": scope, "auth_methods": ["private_key_jwt"],
                "jwks": { "keys": [self.key.public_jwk()] }, "signing_algorithms": ["ES256"],
                "grant_types": ["token_exchange", "client_credentials"],
            }),
            json!({
                "id": CERTIFIED, "scope": scope, "auth_methods": ["tls_client_auth"],
                "tls_client_auth_san_dns": NAME,
                "tls_client_certificate_bound_access_tokens": true,
            }),
        ]
    }

    pub(crate) fn authorities(&self) -> Value {
        json!([{ "id": "bench", "pem": self.authority }])
    }

    /// Reads and verifies the certificate, as every request does that comes with it.
    pub(crate) fn check(&self) -> Outcome<impl Fn() -> Outcome<()>> {
        let authorities = Authorities::from_pem(self.authority.as_bytes())?;
        let now = clock::now().0;
        Ok(move || {
            let certificate = Certificate::from_der(vec![self.certificate.clone()])?;
            Ok(certificate.verify(&authorities, now)?)
        })
    }

    /// RFC 7523 §2.2, rfc7523bis
    fn assertion(&self, issuer: &str) -> Outcome<String> {
        let now = clock::now().0;
        let claims = json!({
            "iss": KEYED, "sub": KEYED, "aud": issuer,
            "iat": now, "exp": now + 60, "jti": clock::id().to_string(),
        });
        let header = json!({
            "alg": "ES256", "typ": "client-authentication+jwt", "kid": self.key.kid(),
        });
        signed(&self.key, &header, &claims)
    }

    /// RFC 9449 §4.2
    fn proof(&self, uri: &str) -> Outcome<String> {
        let public = self.bound.public_jwk();
        let member = |name| public.get(name).cloned().unwrap_or_default();
        let jwk = json!({
            "kty": member("kty"), "crv": member("crv"), "x": member("x"), "y": member("y"),
        });
        let claims = json!({
            "jti": clock::id().to_string(), "htm": "POST", "htu": uri, "iat": clock::now().0,
        });
        let header = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": jwk });
        signed(&self.bound, &header, &claims)
    }
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> Outcome<String> {
    let [header, claims] = [header, claims].map(|it| URL_SAFE_NO_PAD.encode(it.to_string()));
    let input = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes())?);
    Ok(format!("{input}.{signature}"))
}

/// What a client sends, and how.
#[derive(Debug)]
pub(crate) struct Proving {
    way: Way,
    wallet: Arc<Wallet>,
    /// Access tokens for its agent.
    subjects: Vec<String>,
    /// What it shows of itself; they live for minutes.
    actors: Vec<String>,
    turn: AtomicUsize,
    issuer: String,
    path: String,
    /// What comes with every request as it is: a secret, or the certificate as a proxy passes it on.
    headers: Vec<(&'static str, String)>,
}

/// One connection; all who share the tokens take turns.
#[derive(Debug)]
pub(crate) struct Prover {
    connection: Connection,
    proving: Arc<Proving>,
}

impl Prover {
    /// At actas itself, or at whoever takes the same requests.
    pub(crate) async fn crowd(
        address: SocketAddr,
        proving: &Arc<Proving>,
        size: usize,
    ) -> Outcome<Vec<Self>> {
        let mut crowd = Vec::with_capacity(size);
        for _ in 0..size {
            let connection = Connection::open(address).await?;
            crowd.push(Self { connection, proving: Arc::clone(proving) });
        }
        Ok(crowd)
    }
}

impl Proving {
    pub(crate) async fn at(
        actas: &Actas,
        (way, wallet): (Way, &Arc<Wallet>),
        subjects: Vec<String>,
    ) -> Outcome<Arc<Self>> {
        let headers = match way {
            Way::Key | Way::Actor | Way::Both => vec![],
            Way::Proof => vec![("authorization", format!("Basic {}", actas.basic(FIRST)?))],
            // RFC 9440 §2.1
            Way::Certificate => {
                vec![("client-cert", format!(":{}:", STANDARD.encode(&wallet.certificate)))]
            }
        };
        let mut proving = Self {
            way,
            wallet: Arc::clone(wallet),
            subjects,
            actors: Vec::new(),
            turn: AtomicUsize::new(0),
            issuer: format!("{PUBLIC_URL}/o/{}", actas.org),
            path: actas.token_path(),
            headers,
        };
        if way == Way::Actor {
            let requests = (0..CROWD).map(|_| proving.own_token());
            let requests = requests.collect::<Outcome<_>>()?;
            let script = Script { requests, proof: ACCESS_TOKEN };
            proving.actors = play(actas.address, script, 1, exchanges::access_token).await?;
        }
        Ok(Arc::new(proving))
    }

    /// RFC 6749 §4.4: it asks for a token that says who it is.
    fn own_token(&self) -> Outcome<Vec<u8>> {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        self.assert(&mut form)?;
        Ok(post(&self.path, &self.headers, &form.finish()))
    }

    fn assert(&self, form: &mut Serializer<'static, String>) -> Outcome<()> {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        form.append_pair("client_assertion_type", kind);
        form.append_pair("client_assertion", &self.wallet.assertion(&self.issuer)?);
        Ok(())
    }

    fn request(&self) -> Outcome<Vec<u8>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let subject = self.subjects.get(turn % self.subjects.len().max(1));
        let mut form = exchanges::form(subject.ok_or("there are no tokens")?);
        if self.way.has_assertion() {
            self.assert(&mut form)?;
        }
        if let Some(actor) = self.actors.get(turn % self.actors.len().max(1)) {
            let kind = "urn:ietf:params:oauth:token-type:access_token";
            form.append_pair("actor_token", actor).append_pair("actor_token_type", kind);
        }
        if self.way == Way::Certificate {
            form.append_pair("client_id", self.way.agent());
        }
        let mut headers = self.headers.clone();
        if self.way.has_proof() {
            let uri = format!("{PUBLIC_URL}{}", self.path);
            headers.push(("dpop", self.wallet.proof(&uri)?));
        }
        Ok(post(&self.path, &headers, &form.finish()))
    }
}

impl Caller for Prover {
    async fn call(&mut self) -> Outcome<()> {
        let request = self.proving.request()?;
        self.connection.exchange(&request, self.proving.way.answer()).await.map(drop)
    }
}
