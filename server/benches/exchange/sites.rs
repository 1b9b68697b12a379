//! One kind of database, and everything that is measured on it.

use std::{path::Path, sync::Arc};

use serde_json::json;
use server::clock;
use tokio::runtime::Runtime;

use crate::{
    Outcome,
    actas::Actas,
    bare::{Bare, Kind, Trust},
    documents,
    exchanges::{self, USERS, What},
    group::{Asked, Group},
    machine,
    neighbours::Idp,
    past,
    places::Place,
    proofs::Wallet,
};

/// What differs in the organizations beside the first, in their order.
pub(crate) const OTHERS: [What; 3] =
    [What::Algorithm("EdDSA"), What::Algorithm("RS256"), What::Bounded];

#[derive(Debug)]
pub(crate) struct Site {
    /// Of the database.
    pub name: &'static str,
    pub actas: Actas,
    /// Resident before anything was asked, MB.
    pub at_rest: Option<f64>,
    /// A server whose database has many organizations.
    pub crowded: Option<Actas>,
    /// A server whose database has a long past.
    pub aged: Option<Actas>,
    pub bare: Vec<(Kind, Bare)>,
    /// Thrown away last.
    _places: Vec<Place>,
}

/// What the servers have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    pub idp: &'a Idp,
    pub wallet: &'a Arc<Wallet>,
    pub asked: &'a Asked,
    pub runtime: &'a Runtime,
}

impl Site {
    pub(crate) fn set_up(directory: &Path, place: Place, common: Common<'_>) -> Outcome<Self> {
        let Common { idp, wallet, asked, runtime } = common;
        let Place { database, .. } = &place;
        let (name, limits) = (database.name, json!({ "address": exchanges::unlimited() }));
        let own = exchanges::organization(&idp.issuer, wallet);
        let others = OTHERS.map(|what| {
            let id = format!("other-{}", clock::id().simple());
            exchanges::plain(&id, &idp.issuer, USERS, what)
        });
        let actas = Actas::serve(&directory.join(name), database, (&own, &others), &limits)?;
        let mut places = Vec::new();
        let crowded = if asked.has(Group::Orgs) {
            eprintln!("{name}: declaring {} organizations", past::ORGS);
            let (directory, place) =
                (directory.join(format!("{name}-orgs")), place.another("orgs")?);
            let fill = |filling: &mut _| past::crowd(filling, &idp.issuer);
            let own = exchanges::organization(&idp.issuer, wallet);
            let actas =
                Actas::serve_filled(&directory, &place.database, (&own, &[]), &limits, fill)?;
            places.push(place);
            Some(actas)
        } else {
            None
        };
        let aged = if asked.has(Group::Past) {
            eprintln!(
                "{name}: filling in {} events, {} dead delegations",
                past::EVENTS,
                past::DEAD
            );
            let (directory, place) =
                (directory.join(format!("{name}-past")), place.another("past")?);
            let fill = |filling: &mut _| past::age(filling, &directory, &place);
            let own = exchanges::organization(&idp.issuer, wallet);
            let actas =
                Actas::serve_filled(&directory, &place.database, (&own, &[]), &limits, fill)?;
            places.push(place);
            Some(actas)
        } else {
            None
        };
        let mut bare = Vec::new();
        if asked.has(Group::Exchange) {
            let jwks = runtime.block_on(documents::jwks(&actas))?;
            for &kind in kinds(name) {
                let directory = directory.join(format!("{name}-bare-{}", kind.letter()));
                let url = if name == "SQLite" { "sqlite:bare.db" } else { &database.url };
                let trust = Trust::of(&actas, idp, wallet, jwks.clone());
                bare.push((kind, Bare::start(&directory, kind, url, idp.address, &trust)?));
            }
        }
        let at_rest = machine::resident(actas.process());
        places.push(place);
        Ok(Self { name, actas, at_rest, crowded, aged, bare, _places: places })
    }
}

/// What a bare server is started for.
fn kinds(database: &str) -> &'static [Kind] {
    if database == "SQLite" {
        &[Kind::Secret, Kind::Assertion, Kind::Actor]
    } else {
        &[Kind::Assertion]
    }
}
