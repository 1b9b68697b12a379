use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use delegation::{ports::TokenReview, refusal::Fault};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    fault::UpstreamFault,
    http::{
        Outbound,
        call::{Auth, Call},
    },
};

/// A token, or the certificates of a cluster, in a file; more is none.
const LARGEST_FILE: u64 = 256 * 1024;

/// How a cluster is asked. The files are read whenever it is: the platform writes them anew.
#[derive(Clone, Debug)]
pub struct ReviewSettings {
    /// Of the API server.
    pub url: String,
    /// Our own token there.
    pub token_file: PathBuf,
    /// Whom to believe there, PEM; none: the authorities the system believes.
    pub ca_file: Option<PathBuf>,
}

/// The API server of a Kubernetes cluster, which knows whether a service account token still stands.
///
/// It may be in our own network, for that is where clusters are; by https, but for development.
#[derive(Debug)]
pub struct Reviewer {
    /// Named in faults.
    whose: String,
    settings: ReviewSettings,
    outbound: Outbound,
    /// With the certificates it believes.
    client: Mutex<Option<(Option<Vec<u8>>, Outbound)>>,
}

/// `TokenReview` of `authentication.k8s.io/v1`.
#[derive(Deserialize)]
struct Review {
    #[serde(deserialize_with = "keys::object")]
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    authenticated: bool,
    #[serde(default)]
    audiences: Vec<String>,
    /// Why the token could not be looked at; absent when it was.
    #[serde(default)]
    error: Option<String>,
}

impl Reviewer {
    /// Asks nothing yet.
    ///
    /// # Errors
    ///
    /// An address that is not one of an API server.
    pub fn new(whose: &str, settings: ReviewSettings, outbound: &Outbound) -> Result<Self, String> {
        let url = url::Url::parse(&settings.url).map_err(|_| "`url` is not a URL")?;
        // Tokens go there, and the answer is believed.
        if url.scheme() != "https" && !outbound.may_ask_anything() {
            return Err("`url` must begin with `https://`".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("`url` has more than the address of the API server".to_owned());
        }
        let (whose, outbound) = (whose.to_owned(), outbound.clone());
        Ok(Self { whose, settings, outbound, client: Mutex::default() })
    }

    async fn ask(&self, token: &SecretString, audience: &str) -> Result<bool, UpstreamFault> {
        let ours = read(&self.settings.token_file, "token_file").await?;
        let ours = String::from_utf8(ours).map(SecretString::from).unwrap_or_default();
        let ours = ours.expose_secret().trim();
        if ours.is_empty() {
            return Err(unusable("token_file", "there is no token in it"));
        }
        let base = self.settings.url.trim_end_matches('/');
        let question = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": { "token": token.expose_secret(), "audiences": [audience] },
        });
        let call = Call::post_json(format!("{base}{REVIEWS}"), question);
        let call = call.auth(Auth::Bearer(SecretString::from(ours)));
        let reply = self.client().await?.call(call).await?;
        match reply.status {
            200 | 201 => reply.object::<Review>()?.status.verdict(audience),
            401 => Err(UpstreamFault::OurCredentials),
            403 => Err(UpstreamFault::NotAllowed("to create TokenReviews".to_owned())),
            status => Err(UpstreamFault::Status(status)),
        }
    }

    /// One that believes the certificates of now; its connections are kept while those stay.
    async fn client(&self) -> Result<Outbound, UpstreamFault> {
        let pem = match &self.settings.ca_file {
            Some(file) => Some(read(file, "ca_file").await?),
            None => None,
        };
        let mut kept = self.client.lock().await;
        if let Some((believed, client)) = kept.as_ref()
            && *believed == pem
        {
            return Ok(client.clone());
        }
        let client = self.outbound.inside(pem.as_deref()).map_err(|e| unusable("ca_file", e))?;
        *kept = Some((pem, client.clone()));
        Ok(client)
    }
}

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

impl Status {
    /// An API server that does not look at audiences names none (`TokenReviewStatus.audiences`): then
    /// its yes is about the token, not about the token and us.
    fn verdict(self, audience: &str) -> Result<bool, UpstreamFault> {
        let is_for_us = self.audiences.iter().any(|it| it == audience);
        match (self.authenticated, self.error) {
            (true, None) if is_for_us => Ok(true),
            (true, None) => Err(UpstreamFault::Answer("it did not look at the audience")),
            (true, Some(_)) => Err(UpstreamFault::Answer("it says yes, and an error")),
            // `error` then says why: the token has ended, or its pod, or it is nobody's.
            (false, _) => Ok(false),
        }
    }
}

async fn read(file: &Path, name: &'static str) -> Result<Vec<u8>, UpstreamFault> {
    let file = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut contents = Vec::new();
        File::open(file)?.take(LARGEST_FILE + 1).read_to_end(&mut contents)?;
        Ok(contents)
    });
    match read.await.map_err(|_| UpstreamFault::Lost)? {
        Ok(contents) if u64::try_from(contents.len()).is_ok_and(|it| it <= LARGEST_FILE) => {
            Ok(contents)
        }
        Ok(_) => Err(unusable(name, "it is too large")),
        Err(e) => Err(unusable(name, file_fault(&e))),
    }
}

fn file_fault(e: &std::io::Error) -> &'static str {
    if e.kind() == ErrorKind::NotFound { "there is no such file" } else { "it cannot be read" }
}

fn unusable(name: &str, why: impl std::fmt::Display) -> UpstreamFault {
    UpstreamFault::Access(format!("`{name}`: {why}"))
}

#[async_trait]
impl TokenReview for Reviewer {
    async fn review(&self, token: &SecretString, audience: &str) -> Result<bool, Fault> {
        self.ask(token, audience).await.map_err(|fault| super::fault(&self.whose, &fault))
    }
}
