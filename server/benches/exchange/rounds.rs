//! What is measured, in which order. Every round measures every line once, so that lines which are
//! compared lie close together in time.

mod lines;
mod machine;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use delegation::ports::Ledger;
use keys::{Algorithm, SigningKey};

use crate::{
    Outcome,
    bare::Trust,
    curves::Curve,
    documents, exchanges,
    figures::Book,
    group::{Asked, Group},
    limits,
    load::Window,
    machine as computer,
    meter::Meter,
    neighbours::{Echo, Idp},
    oidc_provider::Peer,
    places::Place,
    proofs::Wallet,
    sites::{Common, Site},
    weight,
};

/// The lines of one group.
type Measure = fn(&mut Bench) -> Outcome<()>;

#[derive(Debug)]
pub(crate) struct Bench {
    pub sites: Vec<Site>,
    pub meter: Meter,
    pub curves: Vec<Curve>,
    /// Questions to the provider for each exchange of a fan-out: by line, a run per round.
    pub asked: BTreeMap<String, Vec<f64>>,
    /// Resident memory of one more idle connection, kB.
    pub connection_kb: Option<f64>,
    /// Another server that does what a part of ours does.
    peer: Option<Peer>,
    groups: Asked,
    echo: Echo,
    ledger: Arc<dyn Ledger>,
    users: Vec<String>,
    wallet: Arc<Wallet>,
}

impl Bench {
    pub(crate) fn set_up(directory: &Path, window: Window, groups: Asked) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let idp = Idp::start(SigningKey::generate(Algorithm::Es256)?)?;
        let ledger = runtime.block_on(limits::ledger(&directory.join("limit.db")))?;
        let mut places = vec![Place::file()];
        match computer::variable("TEST_POSTGRES_URL") {
            Some(url) => places.push(Place::beside(&url, "own")?),
            None => eprintln!("TEST_POSTGRES_URL is not set: PostgreSQL is not measured"),
        }
        let wallet = Arc::new(Wallet::new()?);
        let common = Common { idp: &idp, wallet: &wallet, asked: &groups, runtime: &runtime };
        let set_up = |place| Site::set_up(directory, place, common);
        let sites: Vec<_> = places.into_iter().map(set_up).collect::<Outcome<_>>()?;
        let org = exchanges::organization(&idp.issuer, &wallet);
        let connection_kb = weight::connection(&runtime, &directory.join("idle"), &org)?;
        let peer = match sites.first() {
            Some(site) if groups.has(Group::Exchange) => {
                let jwks = runtime.block_on(documents::jwks(&site.actas))?;
                let trust = Trust::of(&site.actas, &idp, &wallet, jwks);
                Peer::start(&directory.join("peer"), &trust)?
            }
            Some(_) | None => None,
        };
        let users = exchanges::users(&idp, exchanges::FIRST)?;
        let curves = sites.iter().map(|site| Curve::new(site.name)).collect::<Outcome<_>>()?;
        let (echo, asked) = (Echo::start()?, BTreeMap::new());
        let meter = Meter { book: Book::default(), runtime, idp, window };
        Ok(Self {
            sites,
            meter,
            curves,
            asked,
            connection_kb,
            peer,
            groups,
            echo,
            ledger,
            users,
            wallet,
        })
    }

    pub(crate) fn round(&mut self) -> Outcome<()> {
        self.signatures()?;
        self.machine()?;
        self.secret()?;
        let groups: [(Group, Measure); 9] = [
            (Group::Exchange, Self::beside_bare),
            (Group::Past, Self::past),
            (Group::Orgs, Self::orgs),
            (Group::Depth, Self::depths),
            (Group::Open, Self::open),
            (Group::Documents, Self::documents),
            (Group::Algorithms, Self::algorithms),
            (Group::Clients, Self::clients),
            (Group::Recheck, Self::recheck),
        ];
        for (group, measure) in groups {
            if self.groups.has(group) {
                measure(self)?;
            }
        }
        Ok(())
    }
}
