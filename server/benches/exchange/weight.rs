//! What the server weighs: at rest, under load, for each connection, on the disk, and at its start.

use std::{path::Path, process::Command};

use serde::Serialize;
use tokio::runtime::Runtime;

use crate::{
    Outcome,
    actas::{Actas, BINARY},
    documents, machine,
    places::Place,
    sites::Site,
    wire::{Connection, Script},
};

/// Connections that are open and say nothing.
const IDLE: u32 = 1000;

#[derive(Debug, Serialize)]
pub(crate) struct Weight {
    pub servers: Vec<Server>,
    /// Resident memory that one more idle connection takes, kB.
    pub connection_kb: Option<f64>,
    /// Without symbols, MB.
    pub binary_mb: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Server {
    pub name: &'static str,
    pub ready_after_ms: f64,
    /// With 1,000 organizations.
    pub ready_after_with_orgs_ms: Option<f64>,
    pub at_rest_mb: Option<f64>,
    /// The most it ever had.
    pub highest_mb: Option<f64>,
    /// The same with 1,000 organizations.
    pub highest_with_orgs_mb: Option<f64>,
}

impl Server {
    fn of(site: &Site) -> Self {
        let ms = |actas: &Actas| actas.ready_after.as_secs_f64() * 1e3;
        let highest = |actas: &Actas| machine::highest(actas.process());
        Self {
            name: site.name,
            ready_after_ms: ms(&site.actas),
            ready_after_with_orgs_ms: site.crowded.as_ref().map(ms),
            at_rest_mb: site.at_rest,
            highest_mb: highest(&site.actas),
            highest_with_orgs_mb: site.crowded.as_ref().and_then(highest),
        }
    }
}

impl Weight {
    pub(crate) fn of(sites: &[Site], connection_kb: Option<f64>, scratch: &Path) -> Outcome<Self> {
        let binary_mb = stripped(scratch)?;
        Ok(Self { servers: sites.iter().map(Server::of).collect(), connection_kb, binary_mb })
    }
}

/// How much a fresh server grows by connections which have asked for something once.
pub(crate) fn connection(
    runtime: &Runtime,
    directory: &Path,
    org: &serde_json::Value,
) -> Outcome<Option<f64>> {
    let actas = Actas::start(directory, &Place::file().database, org)?;
    let Script { requests, proof } = documents::keys(&actas);
    let request = requests.first().ok_or("there is one request")?;
    runtime.block_on(async {
        // The first ones pay for what all share.
        let mut open = Vec::new();
        for _ in 0..16 {
            let mut connection = Connection::open(actas.address).await?;
            connection.exchange(request, proof).await?;
            open.push(connection);
        }
        let before = machine::resident(actas.process());
        for _ in 0..IDLE {
            let mut connection = Connection::open(actas.address).await?;
            connection.exchange(request, proof).await?;
            open.push(connection);
        }
        let after = machine::resident(actas.process());
        drop(open);
        Ok(after.zip(before).map(|(after, before)| (after - before) * 1024.0 / f64::from(IDLE)))
    })
}

/// MB of the binary without symbols; none where there is no `strip`.
fn stripped(scratch: &Path) -> Outcome<Option<f64>> {
    let copy = scratch.join("actas-stripped");
    let done = Command::new("strip").arg("-o").arg(&copy).arg(BINARY).status();
    if !done.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let bytes = u32::try_from(std::fs::metadata(&copy)?.len())?;
    Ok(Some(f64::from(bytes) / 1024.0 / 1024.0))
}
