//! The stream at its transmitter: made, kept as declared, asked after (SSF 1.0 §8.1).

use std::sync::{MutexGuard, PoisonError};

use delegation::ports::{Described, StreamStatus};
use reqwest::Method;
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    Transmitter,
    events::ACTED_UPON,
    metadata::Metadata,
    stream::{Document, Stating, Wanted},
};
use crate::{
    access::Api,
    fault::UpstreamFault,
    http::call::{Body, Call, Reply},
};

/// A stream that is there, as far as its transmitter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Established {
    pub described: Described,
    /// Whether it is as declared by now; a transmitter may take its time (202).
    pub settled: bool,
}

/// What a transmitter says of a stream's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Status(StreamStatus),
    /// It has no endpoint for it, or its answer does not say.
    Nothing,
    /// It knows no such stream.
    Gone,
}

/// What became of a request to verify the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An event will come.
    Accepted,
    /// It has no endpoint for it.
    Unsupported,
    /// It knows no such stream.
    Gone,
}

impl Transmitter {
    /// Makes the stream, or takes over the one that is there and changes what is not as declared.
    /// `endpoint` is where we are pushed to, `known` what the transmitter called it earlier.
    ///
    /// # Errors
    ///
    /// It cannot be asked, does not let us, or describes a stream that is not ours to use.
    pub async fn establish(
        &self,
        endpoint: &str,
        known: Option<&str>,
    ) -> Result<Established, UpstreamFault> {
        let metadata = self.metadata().await?;
        let settings = &self.settings;
        let events = match settings.events.as_slice() {
            [] => ACTED_UPON.to_vec(),
            declared => declared.iter().map(String::as_str).collect(),
        };
        let method = metadata.method(settings.delivery)?;
        let wanted = Wanted { settings, method, endpoint, events };

        let standing = self.read(&metadata, known).await?;
        let ours = standing.into_iter().find(|document| document.is_ours(known, &wanted));
        let document = match ours {
            Some(document) => document,
            None => match self.create(&metadata, &wanted).await? {
                Some(created) => {
                    self.remember(created.id());
                    let described = created.described(settings)?;
                    return Ok(Established { described, settled: true });
                }
                None => self.only(&metadata, &wanted).await?,
            },
        };
        let told = self.told().as_deref() == Some(document.id());
        if document.is_as(&wanted, told) {
            return Ok(Established { described: document.described(settings)?, settled: true });
        }
        // Not before it is known to be for us: another's must not be changed.
        document.audience(settings)?;
        let (id, before) = (document.id().to_owned(), document.described(settings));
        match self.update(&metadata, &wanted, &id).await? {
            Some(document) => {
                self.remember(&id);
                Ok(Established { described: document.described(settings)?, settled: true })
            }
            None => Ok(Established { described: before?, settled: false }),
        }
    }

    /// By the id it had or, when that is unknown by now, all that is there.
    async fn read(
        &self,
        metadata: &Metadata,
        known: Option<&str>,
    ) -> Result<Vec<Document>, UpstreamFault> {
        let endpoint = metadata.configuration_endpoint()?;
        if let Some(known) = known {
            let found = listed(&self.manage(Call::get(of_stream(endpoint, known)?)).await?)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        listed(&self.manage(Call::get(endpoint)).await?)
    }

    /// None: the transmitter has one of ours already, and allows no other (409).
    async fn create(
        &self,
        metadata: &Metadata,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Document>, UpstreamFault> {
        let call = Call::post_json(metadata.configuration_endpoint()?, wanted.body(None));
        let reply = self.manage(call).await?;
        match reply.status {
            200 | 201 => reply.object().map(Some),
            409 => Ok(None),
            status => Err(refused(status, "to make a stream")),
        }
    }

    /// The one stream there is, whoever made it: a transmitter that allows one allows no choice.
    async fn only(
        &self,
        metadata: &Metadata,
        wanted: &Wanted<'_>,
    ) -> Result<Document, UpstreamFault> {
        let mut found = self.read(metadata, None).await?;
        if let Some(ours) = found.iter().position(|document| document.is_ours(None, wanted)) {
            return Ok(found.swap_remove(ours));
        }
        let several = UpstreamFault::Answer("it has streams already, and which is ours is unclear");
        let document = found.pop().ok_or(several.clone())?;
        if found.is_empty() { Ok(document) } else { Err(several) }
    }

    /// None: not processed yet (202).
    async fn update(
        &self,
        metadata: &Metadata,
        wanted: &Wanted<'_>,
        id: &str,
    ) -> Result<Option<Document>, UpstreamFault> {
        let endpoint = metadata.configuration_endpoint()?;
        let call =
            |method| Call::new(method, endpoint.to_owned(), Body::Json(wanted.body(Some(id))));
        let mut reply = self.manage(call(Method::PATCH)).await?;
        if reply.status == 405 {
            reply = self.manage(call(Method::PUT)).await?;
        }
        match reply.status {
            200 if reply.is_json => reply.object().map(Some),
            200 | 204 => {
                let found = self.read(metadata, Some(id)).await?;
                let found = found.into_iter().find(|document| document.id() == id);
                found.map(Some).ok_or(UpstreamFault::Answer("what was changed is gone"))
            }
            202 => Ok(None),
            status => Err(refused(status, "to change the stream")),
        }
    }

    /// # Errors
    ///
    /// It cannot be asked, or does not let us.
    pub async fn status(&self, id: &str) -> Result<Told, UpstreamFault> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = &metadata.status_endpoint else { return Ok(Told::Nothing) };
        let reply = self.manage(Call::get(of_stream(endpoint, id)?)).await?;
        match reply.status {
            200 => Ok(reply.object::<Stating>()?.status().map_or(Told::Nothing, Told::Status)),
            404 => Ok(Told::Gone),
            status => Err(refused(status, "to read the stream's status")),
        }
    }

    /// # Errors
    ///
    /// It cannot be asked, does not let us, or has no endpoint for it.
    pub async fn set_status(&self, id: &str, status: StreamStatus) -> Result<(), UpstreamFault> {
        let metadata = self.metadata().await?;
        let none = || UpstreamFault::NotAllowed("it names no `status_endpoint`".to_owned());
        let endpoint = metadata.status_endpoint.as_deref().ok_or_else(none)?;
        let body = json!({ "stream_id": id, "status": status.code() });
        let reply = self.manage(Call::post_json(endpoint, body)).await?;
        match reply.status {
            200 | 202 | 204 => Ok(()),
            status => Err(refused(status, "to set the stream's status")),
        }
    }

    /// Asks for a verification event that carries `state` (SSF 1.0 §8.1.4).
    ///
    /// # Errors
    ///
    /// It cannot be asked, does not let us, or was asked before its `min_verification_interval`
    /// was over.
    pub async fn verify(&self, id: &str, state: &str) -> Result<Asked, UpstreamFault> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = &metadata.verification_endpoint else {
            return Ok(Asked::Unsupported);
        };
        let body = json!({ "stream_id": id, "state": state });
        let reply = self.manage(Call::post_json(endpoint, body)).await?;
        match reply.status {
            200 | 202 | 204 => Ok(Asked::Accepted),
            404 => Ok(Asked::Gone),
            status => Err(refused(status, "to verify the stream")),
        }
    }

    /// One that is gone already is deleted.
    ///
    /// # Errors
    ///
    /// It cannot be asked, or does not let us.
    pub async fn delete(&self, id: &str) -> Result<(), UpstreamFault> {
        let metadata = self.metadata().await?;
        let url = of_stream(metadata.configuration_endpoint()?, id)?;
        let reply = self.manage(Call::new(Method::DELETE, url, Body::None)).await?;
        match reply.status {
            200 | 202 | 204 | 404 => Ok(()),
            status => Err(refused(status, "to delete the stream")),
        }
    }

    async fn manage(&self, call: Call) -> Result<Reply, UpstreamFault> {
        let none = || UpstreamFault::Access("none are declared".to_owned());
        let api: &Api = self.management.as_ref().ok_or_else(none)?;
        api.call(call).await
    }

    fn remember(&self, id: &str) {
        *self.told() = Some(id.to_owned());
    }

    fn told(&self) -> MutexGuard<'_, Option<String>> {
        // Every state of it is a valid one.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All streams, or the only one as an object.
fn listed(reply: &Reply) -> Result<Vec<Document>, UpstreamFault> {
    match reply.status {
        200 if reply.body.trim_ascii_start().starts_with(b"[") => {
            // By way of objects: a list of members' values must not be taken for one.
            let streams = reply.json::<Vec<Map<String, Value>>>()?.into_iter();
            let unlike = |_| UpstreamFault::Answer("its list of streams has something else in it");
            let document = |stream| serde_json::from_value(Value::Object(stream)).map_err(unlike);
            streams.map(document).collect()
        }
        200 => Ok(vec![reply.object()?]),
        204 | 404 => Ok(Vec::new()),
        status => Err(refused(status, "to read its streams")),
    }
}

fn of_stream(endpoint: &str, id: &str) -> Result<String, UpstreamFault> {
    let mut url = Url::parse(endpoint).map_err(|_| UpstreamFault::url(endpoint))?;
    url.query_pairs_mut().append_pair("stream_id", id);
    Ok(url.into())
}

fn refused(status: u16, what: &str) -> UpstreamFault {
    match status {
        403 => UpstreamFault::NotAllowed(what.to_owned()),
        status => UpstreamFault::Status(status),
    }
}
