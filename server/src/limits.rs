//! How much may be asked, of each organization, by each client, for each user, from each address
//! ([decision 0015](../decisions/0015-limits.md)), and who is worked on first
//! ([decision 0016](../decisions/0016-turns.md)).
//!
//! | who | when it is counted | whose setting |
//! |---|---|---|
//! | an address | before anything is read | the process's, the organization's |
//! | an organization | before anything is parsed | its own |
//! | a client that failed to prove itself | before its secret is looked at | the process's |
//! | a client | once it has proved itself | the organization's |
//! | a user | once the token is verified | the organization's |
//!
//! Nobody can use up what is somebody else's by claiming to be them. What is refused is counted in
//! metrics and leaves no row.

mod buckets;
mod elsewhere;
mod running;
mod turns;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    thread::available_parallelism,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use delegation::{
    declared::{self, Rate},
    ports::{Asker, Limiter},
    refusal::Limited,
};

pub(crate) use self::elsewhere::Elsewhere;
pub use self::running::Running;
use self::{buckets::Buckets, running::Lanes};
use crate::config::limits::Limits as Settings;

/// What an organization allows when it does not say: more than one process does on a small machine, so
/// that it holds off floods and nothing else.
const ORGANIZATION: Rate = Rate { per_second: 5000, burst: 10_000 };
/// A fleet of instances of one agent.
const AGENT: Rate = Rate { per_second: 2000, burst: 4000 };
/// A person's agents at work, some hundred tool calls at once, and then some.
const USER: Rate = Rate { per_second: 500, burst: 2000 };
/// Less than the organization as a whole: one address cannot use up all of it.
const ADDRESS: Rate = Rate { per_second: 2000, burst: 4000 };

/// Many clients may share an address, and one that fails all the time must not lock the others out: all
/// together may fail as often as so many.
const CLIENTS_OF_AN_ADDRESS: u32 = 4;

/// Who asked too much, and when to come again.
pub type TooMuch = (Limited, Duration);

/// Of a process. Outlives snapshots of organizations.
#[derive(Debug)]
pub struct Limits {
    settings: Settings,
    addresses: Buckets<Address>,
    /// Failed authentications by address, and by the client that was claimed.
    failed: Buckets<Address>,
    failed_as: Buckets<(Address, String)>,
    orgs: RwLock<HashMap<String, Arc<OrgLimits>>>,
    lanes: Lanes,
}

impl Limits {
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            addresses: Buckets::default(),
            failed: Buckets::default(),
            failed_as: Buckets::default(),
            orgs: RwLock::default(),
            lanes: Lanes::new(available_parallelism().map_or(1, usize::from)),
        }
    }

    /// Those of an organization, as it declares them now.
    pub fn declare(&self, org: &str, declared: &declared::Limits) -> Arc<OrgLimits> {
        let mut orgs = self.orgs.write().unwrap_or_else(PoisonError::into_inner);
        let limits = orgs.entry(org.to_owned()).or_default();
        limits.rates.store(Arc::new(Rates::of(declared)));
        Arc::clone(limits)
    }

    fn of(&self, org: &str) -> Option<Arc<OrgLimits>> {
        self.orgs.read().unwrap_or_else(PoisonError::into_inner).get(org).cloned()
    }

    /// Counts a request to `org`.
    ///
    /// # Errors
    ///
    /// The address, or then the organization.
    pub fn arrive(&self, org: &str, address: IpAddr) -> Result<(), TooMuch> {
        let (address, now) = (Address::of(address), Instant::now());
        let by_address = |after| (Limited::Address, after);
        self.addresses.take(address, self.settings.address, now).map_err(by_address)?;
        let Some(limits) = self.of(org) else { return Ok(()) };
        let rates = limits.rates.load();
        limits.addresses.take(address, rates.address, now).map_err(by_address)?;
        let by_all = |after| (Limited::Org, after);
        limits.organization.take((), rates.organization, now).map_err(by_all)
    }

    /// Whether [`Limits::run`] would find a place now, without taking it.
    #[must_use]
    pub fn has_room(&self, org: &str) -> bool {
        self.of(org).is_some_and(|limits| self.lanes.has_room(limits.lane()))
    }

    /// Room for one more request of `org`, as long as the result lives; none: come again. Waits for
    /// those of other organizations that were begun, and a little for those of its own.
    pub async fn run(&self, org: &str) -> Option<Running> {
        let limits = self.of(org)?;
        self.lanes.run(org, limits.lane()).await
    }

    /// Whether somebody may try to prove to be what is claimed.
    ///
    /// # Errors
    ///
    /// Too many have failed there.
    pub fn may_try(&self, claim: Claim<'_>) -> Result<(), TooMuch> {
        let (address, now) = (Address::of(claim.address), Instant::now());
        let (one, all) = self.failures();
        let of_one = self.failed_as.look(&(address, claim.name()), one, now);
        let of_all = || match claim.of {
            Claimed::Client(_) | Claimed::Operator => self.failed.look(&address, all, now),
            Claimed::Provider(_) => Ok(()),
        };
        of_one.and_then(|()| of_all()).map_err(|after| (Limited::Guessing, after))
    }

    /// Counts a failure to prove it; whether the next one is not even tried.
    #[must_use]
    pub fn failed(&self, claim: Claim<'_>) -> bool {
        let (address, now) = (Address::of(claim.address), Instant::now());
        let (one, all) = self.failures();
        // Requests that failed at the same time may be more than there were tokens.
        let _ = self.failed_as.take((address, claim.name()), one, now);
        match claim.of {
            Claimed::Client(_) | Claimed::Operator => {
                let _ = self.failed.take(address, all, now);
            }
            Claimed::Provider(_) => {}
        }
        self.may_try(claim).is_err()
    }

    /// Of one client at an address, and of all of them.
    fn failures(&self) -> (Rate, Rate) {
        let one = self.settings.failed_authentications;
        let all = Rate {
            per_second: one.per_second.saturating_mul(CLIENTS_OF_AN_ADDRESS),
            burst: one.burst.saturating_mul(CLIENTS_OF_AN_ADDRESS),
        };
        (one, all)
    }
}

/// What somebody at an address claims to be, to an organization.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    pub address: IpAddr,
    pub org: &'a str,
    pub of: Claimed<'a>,
}

#[derive(Clone, Copy, Debug)]
pub enum Claimed<'a> {
    /// A client, by its `client_id`; empty: it did not say.
    Client(&'a str),
    Operator,
    /// The provider of a connection. Customers of one provider share its addresses: what somebody sends
    /// through it to one organization must not keep its signals from another.
    Provider(&'a str),
}

impl Claim<'_> {
    /// Of a name that somebody claims, so much is told apart.
    const LONGEST: usize = 128;

    /// No two claims have one name: an organization's id has no spaces.
    fn name(&self) -> String {
        let (kind, name) = match self.of {
            Claimed::Client(id) => ("client", id),
            Claimed::Operator => ("operator", ""),
            Claimed::Provider(connection) => ("provider", connection),
        };
        let name: String = name.chars().take(Self::LONGEST).collect();
        format!("{} {kind} {name}", self.org)
    }
}

/// Of one organization.
#[derive(Debug, Default)]
pub struct OrgLimits {
    rates: ArcSwap<Rates>,
    organization: Buckets<()>,
    agents: Buckets<String>,
    users: Buckets<String>,
    addresses: Buckets<Address>,
    lane: running::Lane,
}

impl OrgLimits {
    const fn lane(&self) -> &running::Lane {
        &self.lane
    }
}

impl Limiter for OrgLimits {
    fn admit(&self, by: Asker<'_>) -> Result<(), Duration> {
        let (rates, now) = (self.rates.load(), Instant::now());
        match by {
            Asker::Agent(id) => self.agents.take(id.to_owned(), rates.agent, now),
            Asker::User(sub) => self.users.take(sub.to_owned(), rates.user, now),
        }
    }
}

#[derive(Debug)]
struct Rates {
    organization: Rate,
    agent: Rate,
    user: Rate,
    address: Rate,
}

impl Rates {
    fn of(declared: &declared::Limits) -> Self {
        Self {
            organization: declared.organization.unwrap_or(ORGANIZATION),
            agent: declared.agent.unwrap_or(AGENT),
            user: declared.user.unwrap_or(USER),
            address: declared.address.unwrap_or(ADDRESS),
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self::of(&declared::Limits::default())
    }
}

/// Whoever has an address of IPv6 has 2^64 of them: those count as one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Address(IpAddr);

impl Address {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        })
    }
}

#[cfg(test)]
mod tests;
