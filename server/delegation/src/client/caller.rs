//! Who is calling, once that is proved, and who it may be before.

use std::sync::Arc;

use super::{Client, ClientFault};
use crate::{
    declared::Method,
    org::{Agent, Org, Resource},
    refusal::Refusal,
};

/// A client that proved who it is. Only [`authenticate`](super::authenticate) makes one:
///
/// ```compile_fail,E0451
/// fn forge(agent: std::sync::Arc<delegation::org::Agent>) -> delegation::client::AuthenticatedClient {
///     delegation::client::AuthenticatedClient { agent, method: panic!() }
/// }
/// ```
///
/// ```
/// fn id(client: &delegation::client::AuthenticatedClient) -> &str { &client.agent().id }
/// ```
#[derive(Debug)]
#[must_use]
pub struct AuthenticatedClient {
    agent: Arc<Agent>,
    method: Method,
}

impl AuthenticatedClient {
    /// The agent, or the service account.
    #[must_use]
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// How it proved itself.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }
}

/// A resource server that proved who it is. Only [`authenticate`](super::authenticate) makes one.
#[derive(Debug)]
#[must_use]
pub struct AuthenticatedServer {
    resource: Arc<Resource>,
}

/// Who is calling.
#[derive(Debug)]
#[must_use]
pub enum Caller {
    Agent(AuthenticatedClient),
    Server(AuthenticatedServer),
}

impl Caller {
    /// Under which it authenticated.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::Agent(client) => &client.agent.id,
            // Whoever authenticated has one.
            Self::Server(AuthenticatedServer { resource }) => {
                resource.client.as_ref().map_or(&resource.id, |client| &client.id)
            }
        }
    }

    /// The `aud` of tokens that are meant for it.
    #[must_use]
    pub fn audience(&self) -> &str {
        match self {
            Self::Agent(client) => &client.agent.id,
            Self::Server(server) => &server.resource.id,
        }
    }

    /// The agent or service account, unless it is a resource server: to whoever issues or revokes,
    /// that is nobody.
    ///
    /// # Errors
    ///
    /// [`ClientFault::Unknown`].
    pub fn client(self) -> Result<AuthenticatedClient, Refusal> {
        match self {
            Self::Agent(client) => Ok(client),
            Self::Server(_) => Err(Refusal::Client(ClientFault::Unknown)),
        }
    }
}

/// A client that is registered under a name, not yet believed.
#[derive(Clone, Copy)]
pub(crate) enum Claimed<'a> {
    Agent(&'a Arc<Agent>),
    Server(&'a Arc<Resource>, &'a Client),
}

impl<'a> Claimed<'a> {
    pub(crate) fn find(org: &'a Org, id: &str) -> Result<Self, ClientFault> {
        match (org.agents.get(id), org.servers.get(id)) {
            (Some(agent), _) => Ok(Self::Agent(agent)),
            (None, Some(resource)) => {
                let client = resource.client.as_ref().ok_or(ClientFault::Unknown)?;
                Ok(Self::Server(resource, client))
            }
            (None, None) => Err(ClientFault::Unknown),
        }
    }

    /// Everybody who is registered.
    pub(crate) fn all(org: &'a Org) -> impl Iterator<Item = Self> {
        let server = |resource: &'a Arc<Resource>| {
            resource.client.as_ref().map(|client| Self::Server(resource, client))
        };
        org.agents.values().map(Self::Agent).chain(org.servers.values().filter_map(server))
    }

    pub(crate) fn client(&self) -> &'a Client {
        match self {
            Self::Agent(agent) => &agent.client,
            Self::Server(_, client) => client,
        }
    }

    /// Its registration, if it may prove itself by `method` at all: for others nothing is fetched, and
    /// nobody is asked.
    pub(crate) fn open_to(&self, method: Method) -> Result<&'a Client, ClientFault> {
        let client = self.client();
        if !client.uses(method) {
            return Err(ClientFault::OtherMethod);
        }
        if client.disabled {
            return Err(ClientFault::Disabled);
        }
        Ok(client)
    }

    /// The caller, once it has proved itself by `method`. The last thing each way does.
    pub(crate) fn believed(self, method: Method) -> Result<Caller, ClientFault> {
        self.open_to(method)?;
        Ok(match self {
            Self::Agent(agent) => {
                Caller::Agent(AuthenticatedClient { agent: Arc::clone(agent), method })
            }
            Self::Server(resource, _) => {
                Caller::Server(AuthenticatedServer { resource: Arc::clone(resource) })
            }
        })
    }
}
