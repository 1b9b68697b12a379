//! What is measured: each step in the one database and in the other, in turn.

use std::time::{Duration, Instant};

use delegation::{
    event::{Event, Outcome as Decided},
    names::{Kind, Names},
    ports::{Delegation, Lineage, Opened, Opening, Selector},
    trail::Query,
};
use policy::{Scope, Timestamp};
use uuid::Uuid;

use crate::{
    Outcome,
    place::{GRANT, NOW, ORG, Place},
};

/// One line: the median in microseconds.
pub(crate) struct Figure {
    pub name: &'static str,
    pub short: f64,
    pub long: f64,
}

const STEPS: [(&str, Step); 14] = [
    ("exchange: recall and open", Step::Exchange),
    ("exchange on: recall and open", Step::ExchangeOn),
    ("introspection: find", Step::Find),
    ("refusal: note", Step::Note),
    ("revocation of a chain of two", Step::Revoke),
    ("revocation of a user", Step::RevokeUser),
    ("audit: 64 events get their place", Step::Seal),
    ("audit: which orgs wait", Step::Waiting),
    ("audit: by action", Step::Ask(Ask::Action)),
    ("audit: by user, newest 50", Step::Ask(Ask::User)),
    ("audit: by user since 1 h", Step::Ask(Ask::UserSince)),
    ("audit: by agent, newest 20", Step::Ask(Ask::Agent)),
    ("audit: by chain", Step::Ask(Ask::Chain)),
    ("audit: by time, 50 of them", Step::Ask(Ask::Time)),
];

#[derive(Clone, Copy)]
enum Step {
    Exchange,
    ExchangeOn,
    Find,
    Note,
    Revoke,
    RevokeUser,
    Seal,
    Waiting,
    Ask(Ask),
}

#[derive(Clone, Copy)]
enum Ask {
    Action,
    User,
    UserSince,
    Agent,
    Chain,
    Time,
}

pub(crate) async fn run(short: &Place, long: &Place, rounds: u32) -> Outcome<Vec<Figure>> {
    let (mut short, mut long) = (Side::new(short), Side::new(long));
    let mut figures = Vec::new();
    for (name, step) in STEPS {
        let mut took = [Vec::new(), Vec::new()];
        for round in 0..rounds + rounds / 10 {
            for (side, took) in [&mut short, &mut long].into_iter().zip(&mut took) {
                let duration = side.step(step, round).await?;
                // The first are to get warm.
                if rounds / 10 <= round {
                    took.push(duration);
                }
            }
        }
        let [short, long] = took.map(median);
        figures.push(Figure { name, short, long });
    }
    Ok(figures)
}

fn median(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    took.get(took.len() / 2).map_or(0.0, |took| took.as_secs_f64() * 1e6)
}

struct Side<'a> {
    place: &'a Place,
    next: u64,
    epoch: i64,
    records: i64,
}

impl<'a> Side<'a> {
    fn new(place: &'a Place) -> Self {
        Self { place, next: 1, epoch: 0, records: 0 }
    }

    /// Does it, and says how long what counts of it took.
    async fn step(&mut self, step: Step, round: u32) -> Outcome<Duration> {
        let ledger = self.place.store.ledger(ORG);
        let started = Instant::now();
        let started = match step {
            Step::Exchange => {
                ledger.recall(&lineage()).await?;
                self.open(None).await?;
                started
            }
            Step::ExchangeOn => {
                let parent = self.open(None).await?;
                let started = Instant::now();
                ledger.recall(&Lineage::Derived { delegation: parent.id }).await?;
                self.open(Some(parent)).await?;
                started
            }
            Step::Find => {
                let delegation = self.open(None).await?;
                let started = Instant::now();
                ledger.find(delegation.id).await?.ok_or("it is not there")?;
                started
            }
            Step::Note => {
                let event = self.event();
                ledger.note(event).await?;
                started
            }
            Step::Revoke => {
                let parent = self.open(None).await?;
                let id = parent.id;
                self.open(Some(parent)).await?;
                let event = self.event();
                let started = Instant::now();
                ledger.revoke(&Selector::Delegation(id), NOW, Some(event)).await?;
                started
            }
            Step::RevokeUser => {
                self.open(None).await?;
                let event = self.event();
                let user = ("home".to_owned(), "alice".to_owned());
                let selector = Selector::User { connection: user.0, user: user.1 };
                let started = Instant::now();
                ledger.revoke(&selector, NOW, Some(event)).await?;
                self.epoch += 1;
                started
            }
            Step::Seal => self.seal().await?,
            Step::Waiting => {
                let event = self.event();
                ledger.note(event).await?;
                let started = Instant::now();
                self.place.store.waiting().await?;
                started
            }
            Step::Ask(ask) => {
                let (query, least) = self.query(ask, round).await?;
                let started = Instant::now();
                let found = self.place.trail.find(&query).await?.links.len();
                if found < least {
                    return Err(format!("{found} of at least {least}: {query:?}").into());
                }
                started
            }
        };
        Ok(started.elapsed())
    }

    /// Gives 64 events their place, and says when it began with that.
    async fn seal(&mut self) -> Outcome<Instant> {
        while 0 < self.place.trail.seal(64).await? {}
        for _ in 0..64 {
            let event = self.event();
            self.place.store.ledger(ORG).note(event).await?;
        }
        let started = Instant::now();
        if self.place.trail.seal(64).await? != 64 {
            return Err("another number".into());
        }
        Ok(started)
    }

    /// Something else of the past each time, and how many there must be.
    async fn query(&mut self, ask: Ask, round: u32) -> Outcome<(Query, usize)> {
        if self.records == 0 {
            let first = self.place.trail.ends().await?.first;
            self.records = first.seq;
        }
        let users = (self.records / 1000).max(1);
        let round = i64::from(round);
        // All over the past.
        let seq = 1 + round * 7919 % (self.records - 100);
        let newest = Query { newest_first: true, most: 50, ..Query::default() };
        let id = Uuid::parse_str(&format!("01800000-0000-7000-8000-{seq:012x}"))?;
        let at = Timestamp(NOW.0 - self.records + seq);
        let user = Some(format!("user-{}", round * 31 % users));
        Ok(match ask {
            Ask::Action => (Query { action: Some(id), ..newest }, 1),
            Ask::User => (Query { user, ..newest }, 50),
            Ask::UserSince => {
                let since = Some(Timestamp(NOW.0 - 3600));
                (Query { user, since, ..newest }, 0)
            }
            Ask::Agent => {
                let agent = Some(format!("agent-{}", round % 50));
                (Query { agent, most: 20, ..newest }, 20)
            }
            Ask::Chain => (Query { chain: Some(id), ..newest }, 2),
            Ask::Time => {
                let until = Some(Timestamp(at.0 + 50));
                (Query { since: Some(at), until, ..newest }, 50)
            }
        })
    }

    fn id(&mut self) -> Uuid {
        self.next += 1;
        // Like one that was made now, and after the one before.
        Uuid::from_u128((0x01A3_185C_5000_7000_u128 << 64) | (0b10 << 62) | u128::from(self.next))
    }

    fn event(&mut self) -> Event {
        Event {
            client: Some("orchestrator".to_owned()),
            subject: Some("alice".to_owned()),
            target: Some("https://documents.example".to_owned()),
            scope_requested: Some("documents:read".to_owned()),
            request_id: "01a3185c-5000-7000-8000-000000000000".to_owned(),
            ..Event::draft(self.id(), NOW, String::new())
        }
    }

    async fn open(&mut self, parent: Option<Delegation>) -> Outcome<Delegation> {
        let id = self.id();
        let delegation = Delegation {
            id,
            parent: parent.as_ref().map(|parent| parent.id),
            root: parent.as_ref().map_or(id, |parent| parent.root),
            grant: GRANT.to_owned(),
            connection: "home".to_owned(),
            user: "alice".to_owned(),
            agent: "orchestrator".to_owned(),
            target: "https://documents.example".to_owned(),
            scope: Scope::parse("documents:read").map_err(|error| error.to_string())?,
            depth: parent.as_ref().map_or(1, |parent| parent.depth + 1),
            token_hash: [7; 32],
            issued_at: NOW,
            expires_at: Timestamp(NOW.0 + 300),
            sealed_subject: parent.is_none().then(|| vec![7; 1000]),
            session: Some("s-1".to_owned()),
            signed_in_at: Some(NOW),
            names: parent.is_none().then(names),
            status: None,
        };
        let (root, outcome) = (Some(delegation.root), Decided::Issued);
        let event = Event { delegation: Some(id), root, outcome, ..self.event() };
        let until = Instant::now() + Duration::from_mins(1);
        let opening = Opening {
            revision: 1,
            epoch: self.epoch,
            delegation: delegation.clone(),
            event,
            until,
        };
        match self.place.store.ledger(ORG).open(opening).await? {
            Opened::Recorded => Ok(delegation),
            opened @ (Opened::Changed | Opened::Ended | Opened::Signalled) => {
                Err(format!("{opened:?}").into())
            }
        }
    }
}

fn lineage() -> Lineage {
    Lineage::Root {
        connection: "home".to_owned(),
        user: "alice".to_owned(),
        agent: "orchestrator".to_owned(),
        names: names(),
    }
}

fn names() -> Names {
    Names::default()
        .with(Kind::Subject, Some("alice"))
        .with(Kind::Session, Some("s-1"))
        .with(Kind::Token, Some("t-1"))
}
