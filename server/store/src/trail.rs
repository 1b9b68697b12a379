//! The audit trail of one organization.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    refusal::Fault,
    trail::{Ends, Notary, Page, Query, Stored, Trail},
};
use policy::Timestamp;

use crate::database::Database;

#[derive(Debug)]
pub(crate) struct OrgTrail {
    org: Arc<str>,
    database: Database,
    notary: Notary,
}

impl OrgTrail {
    pub fn new(org: Arc<str>, database: Database, notary: Notary) -> Self {
        Self { org, database, notary }
    }
}

#[async_trait]
impl Trail for OrgTrail {
    async fn seal(&self, _most: usize) -> Result<usize, Fault> {
        to_come(self)
    }

    async fn ends(&self) -> Result<Ends, Fault> {
        to_come(self)
    }

    async fn walk(&self, _after: i64, _most: usize) -> Result<Vec<Stored>, Fault> {
        to_come(self)
    }

    async fn find(&self, _query: &Query) -> Result<Page, Fault> {
        to_come(self)
    }

    async fn prune(&self, _before: Timestamp, _exported: i64, _most: usize) -> Result<u64, Fault> {
        to_come(self)
    }
}

fn to_come<T>(_: &OrgTrail) -> Result<T, Fault> {
    Err(Fault::Store("to come".to_owned()))
}
