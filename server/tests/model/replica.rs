//! One replica: a store of its own, snapshots of organizations, and what the server does with a request.

mod read;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use delegation::{
    client::{AuthenticatedClient, Caller, Credentials, Presented, authenticate},
    declared::Change,
    event::{Event, Outcome},
    exchange::{Arrival, By, exchange},
    form::Form,
    introspect::{Introspection, IntrospectionRequest, introspect},
    issue::Issued,
    org::Org,
    ports::{Signalled, StreamId},
    possession::Possession,
    refusal::{Failure, Fault, Refusal},
    request::TokenRequest,
    revoke::{
        self, NotDone, Place, Restorable, What, Word,
        own::{RevocationRequest, Revoked},
    },
    signal::{self, NotTaken, Source},
};
use secrecy::SecretString;
use store::Store;
use uuid::Uuid;

use self::read::{read, reason};
use crate::{cast, fuse::Fused, heard::Heard, lies, provider::Asked, site::Site};

/// How often a decision is made anew because something changed under it: as the server does.
const TRIES: usize = 3;
const SLOWEST_ANSWER: Duration = Duration::from_mins(1);

/// Something to do, in the words of the wire.
#[derive(Clone, Debug)]
pub enum Task {
    Exchange { org: String, agent: String, form: String },
    End { org: String, what: What },
    Own { org: String, agent: String, token: String },
    Signal { org: String, connection: String, set: String },
    Apply { org: String, changes: Vec<Change> },
    Restore { org: String, what: Restorable },
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub heard: Heard,
    /// The id and the text of what was issued.
    pub token: Option<(Uuid, String)>,
}

#[derive(Debug)]
pub struct Replica {
    pub store: Store,
    pub site: Arc<Site>,
    pub fuse: Arc<Fused>,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    /// What was verified before, as the server remembers it.
    pub signatures: Arc<keys::Signatures>,
    orgs: Mutex<HashMap<String, Arc<Org>>>,
}

impl Replica {
    pub async fn open(site: Arc<Site>) -> Self {
        let store = site.connect().await;
        let (fuse, asked, signatures, orgs) = <_>::default();
        Self { store, site, fuse, asked, signatures, orgs }
    }

    pub async fn perform(&self, task: Task) -> Answer {
        let heard = match task {
            Task::Exchange { org, agent, form } => return self.token(&org, &agent, &form).await,
            Task::End { org, what } => self.end(&org, &what).await,
            Task::Own { org, agent, token } => self.own(&org, &agent, &token).await,
            Task::Signal { org, connection, set } => self.signal(&org, &connection, &set).await,
            Task::Apply { org, changes } => self.apply(&org, &changes).await,
            Task::Restore { org, what } => self.restore(&org, &what).await,
        };
        Answer { heard, token: None }
    }

    /// As `server::http::token` does, from the form on.
    async fn token(&self, org: &str, agent: &str, form: &str) -> Answer {
        let draft = self.draft();
        let mut event = draft.clone();
        let mut org = self.org(org).await;
        let mut result = self.decide(&org, agent, form, &mut event).await;
        for _ in 1..TRIES {
            if !matches!(result, Err(Failure::Broken(Fault::Signalled))) {
                if !self.is_of_the_past(&org, &result).await {
                    break;
                }
                org = self.reload(&org.id).await;
            }
            event = draft.clone();
            result = self.decide(&org, agent, form, &mut event).await;
        }
        match result {
            Ok(issued) => {
                let (id, said) = read(&issued);
                let said = lies::told(self.site.lie, said);
                let token = Some((id, issued.access_token().to_owned()));
                Answer { heard: Heard::Issued(said), token }
            }
            Err(failure) => Answer { heard: self.noted(&org, event, failure).await, token: None },
        }
    }

    async fn decide(
        &self,
        org: &Org,
        agent: &str,
        form: &str,
        event: &mut Event,
    ) -> Result<Issued, Failure> {
        let now = self.site.clock.now();
        let client = self.client(org, agent, event).await?;
        let form = Form::parse(form.as_bytes()).map_err(Refusal::Request)?;
        let request = TokenRequest::parse(&form).map_err(Refusal::Request)?;
        if !client.agent().client.may(request.needs()) {
            return Err(Refusal::UnauthorizedClient.into());
        }
        let TokenRequest::Exchange(request) = request else { panic!("an exchange") };
        let possession = Possession::default();
        let by = By { client: &client, possession: &possession };
        let (delegation, denial) = (self.site.clock.id(), self.site.clock.id());
        let until = Instant::now() + SLOWEST_ANSWER;
        let arrival = Arrival { now, delegation, denial, until };
        exchange(org, by, &request, arrival, event).await
    }

    async fn client(
        &self,
        org: &Org,
        id: &str,
        event: &mut Event,
    ) -> Result<AuthenticatedClient, Failure> {
        event.client = Some(id.to_owned());
        let caller = self.caller(org, id).await?;
        Ok(caller.client()?)
    }

    async fn caller(&self, org: &Org, id: &str) -> Result<Caller, Failure> {
        let secret = SecretString::from(cast::secret(id));
        let credentials = Credentials::Basic { id: id.to_owned(), secret };
        let now = self.site.clock.now();
        let presented = Presented { credentials, certificate: None, attestation: None, now };
        authenticate(org, &presented).await?.spend(org, self.site.clock.id()).await
    }

    /// As `server::http::token` and `server::http::current` do.
    async fn is_of_the_past<T>(&self, org: &Org, result: &Result<T, Failure>) -> bool {
        match result {
            Ok(_) | Err(Failure::Refused(Refusal::Request(_) | Refusal::TooMany { .. })) => false,
            Err(Failure::Refused(_)) => self.is_stale(org).await,
            Err(Failure::Broken(fault)) => match fault {
                Fault::Changed => true,
                Fault::IdentityProvider { .. } | Fault::Trusted { .. } => self.is_stale(org).await,
                Fault::Store(_) | Fault::Keys(_) | Fault::Late | Fault::Signalled => false,
            },
        }
    }

    async fn is_stale(&self, org: &Org) -> bool {
        let revision = self.store.registry().revision(&org.id).await.unwrap();
        revision.is_some_and(|revision| revision != org.revision)
    }

    /// As `server::http::call` does.
    async fn noted(&self, org: &Org, mut event: Event, failure: Failure) -> Heard {
        let heard = match &failure {
            Failure::Refused(refusal) => {
                event.outcome = Outcome::Refused;
                Heard::Refused(reason(refusal))
            }
            Failure::Broken(fault) => {
                event.id = self.site.clock.id();
                event.outcome = Outcome::Unavailable;
                Heard::Unavailable(fault.to_string())
            }
        };
        match org.ledger.note(event).await {
            Ok(()) => heard,
            Err(fault) => Heard::Unavailable(fault.to_string()),
        }
    }

    async fn end(&self, org: &str, what: &What) -> Heard {
        let org = self.org(org).await;
        let registry = self.store.registry();
        let place = Place { org: &org.id, ledger: &*org.ledger, registry: &*registry };
        match revoke::revoke(place, what, self.call()).await {
            Ok(ended) => Heard::Ended(ended.ended),
            Err(NotDone::Refused(_)) => Heard::Unknown,
            Err(NotDone::Broken(fault)) => Heard::Unavailable(fault.to_string()),
        }
    }

    async fn restore(&self, org: &str, what: &Restorable) -> Heard {
        let org = self.org(org).await;
        let registry = self.store.registry();
        let place = Place { org: &org.id, ledger: &*org.ledger, registry: &*registry };
        match revoke::restore(place, what, self.call()).await {
            Ok(_) => Heard::Done,
            Err(NotDone::Refused(_)) => Heard::Unknown,
            Err(NotDone::Broken(fault)) => Heard::Unavailable(fault.to_string()),
        }
    }

    fn call(&self) -> revoke::Call<'static> {
        revoke::Call {
            id: self.site.clock.id(),
            now: self.site.clock.now(),
            request_id: "model".to_owned(),
            client_address: None,
            word: Word::CommandLine("cli:model"),
            reason: None,
        }
    }

    async fn own(&self, org: &str, agent: &str, token: &str) -> Heard {
        let mut org = self.org(org).await;
        let form = Form::parse(format!("token={token}").as_bytes()).unwrap();
        let request = RevocationRequest::parse(&form).unwrap();
        let mut event = self.draft();
        let mut result = self.own_by(&org, agent, (&request, &mut event)).await;
        if self.is_of_the_past(&org, &result).await {
            org = self.reload(&org.id).await;
            result = self.own_by(&org, agent, (&request, &mut event)).await;
        }
        match result {
            Ok(Revoked::Ended(ended)) => Heard::Ended(ended),
            Ok(Revoked::Unknown) => Heard::Unknown,
            Err(failure) => self.noted(&org, event, failure).await,
        }
    }

    async fn own_by(
        &self,
        org: &Org,
        agent: &str,
        (request, event): (&RevocationRequest, &mut Event),
    ) -> Result<Revoked, Failure> {
        let client = self.client(org, agent, event).await?;
        revoke::own::revoke(org, &client, request, event).await
    }

    async fn signal(&self, org: &str, connection: &str, set: &str) -> Heard {
        let org = self.org(org).await;
        let stream = StreamId { connection: connection.to_owned(), stream: "events".to_owned() };
        let arrival = signal::Arrival {
            id: self.site.clock.id(),
            now: self.site.clock.now(),
            request_id: "model".to_owned(),
            client_address: None,
            source: Source::Push,
        };
        let connection = org.connection(connection).unwrap();
        let taken = signal::set::pushed(&org, connection, &stream, (None, set), &arrival).await;
        match taken.map(|taken| taken.signalled) {
            Ok(Signalled::Applied { ended }) => Heard::Ended(ended),
            Ok(Signalled::Duplicate) => Heard::Duplicate,
            Err(NotTaken::Refused(refusal)) => Heard::Refused(refusal.to_string()),
            Err(NotTaken::Broken(fault)) => Heard::Unavailable(fault.to_string()),
        }
    }

    /// As `actas apply` does, which begins anew when somebody was faster.
    async fn apply(&self, org: &str, changes: &[Change]) -> Heard {
        let registry = self.store.registry();
        loop {
            let revision = registry.revision(org).await.unwrap().unwrap_or(0);
            let at = self.site.clock.now();
            match registry.apply(org, revision, changes, at).await {
                Ok(Some(_)) => return Heard::Done,
                Ok(None) => {}
                Err(fault) => return Heard::Unavailable(fault.to_string()),
            }
        }
    }

    /// Whether a token is active; none when who asks is not believed.
    pub async fn introspect(
        &self,
        org: &str,
        by: &str,
        token: &str,
    ) -> Result<Option<bool>, Fault> {
        let form = Form::parse(format!("token={token}").as_bytes()).unwrap();
        let request = IntrospectionRequest::parse(&form).unwrap();
        let mut org = self.org(org).await;
        loop {
            let asked = async {
                let caller = self.caller(&org, by).await?;
                let now = self.site.clock.now();
                Ok(introspect(&org, &caller, &request, now).await?)
            };
            let result: Result<Introspection, Failure> = asked.await;
            let may_be_old = match &result {
                Ok(Introspection::Active(_)) => false,
                Ok(Introspection::Inactive(why)) => why.may_be_of_the_past(),
                Err(_) => true,
            };
            if may_be_old && self.is_stale(&org).await {
                org = self.reload(&org.id).await;
                continue;
            }
            return match result {
                Ok(said) => Ok(Some(matches!(said, Introspection::Active(_)))),
                Err(Failure::Refused(_)) => Ok(None),
                Err(Failure::Broken(fault)) => Err(fault),
            };
        }
    }

    /// As a job of the server does every second.
    pub async fn refresh(&self) {
        let loaded: Vec<Arc<Org>> = self.orgs.lock().unwrap().values().cloned().collect();
        for org in loaded {
            if self.is_stale(&org).await {
                self.reload(&org.id).await;
            }
        }
    }

    pub async fn sweep(&self) {
        self.store.sweep(self.site.clock.now()).await.unwrap();
    }

    async fn org(&self, id: &str) -> Arc<Org> {
        let loaded = self.orgs.lock().unwrap().get(id).cloned();
        match loaded {
            Some(org) => org,
            None => self.reload(id).await,
        }
    }

    async fn reload(&self, id: &str) -> Arc<Org> {
        let declared = self.store.registry().find(id).await.unwrap().unwrap();
        let previous = self.orgs.lock().unwrap().get(id).cloned();
        let org = Arc::new(self.site.assemble(self, &declared, previous.as_deref()));
        self.orgs.lock().unwrap().insert(id.to_owned(), Arc::clone(&org));
        org
    }

    /// Organizations of a history that is over.
    pub fn forget(&self) {
        self.orgs.lock().unwrap().clear();
        self.asked.lock().unwrap().clear();
    }

    fn draft(&self) -> Event {
        let id = self.site.clock.id();
        Event::draft(id, self.site.clock.now(), id.to_string())
    }
}
