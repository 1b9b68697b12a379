//! The status lists of one organization.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    refusal::Fault,
    status::{Leased, StatusLists},
};
use policy::Timestamp;

use crate::database::Database;

#[derive(Debug)]
pub(crate) struct OrgStatusLists {
    org: Arc<str>,
    database: Database,
}

impl OrgStatusLists {
    pub fn new(org: Arc<str>, database: Database) -> Self {
        Self { org, database }
    }
}

#[async_trait]
impl StatusLists for OrgStatusLists {
    async fn lease(&self, _now: Timestamp) -> Result<Leased, Fault> {
        to_come(self)
    }

    async fn ended(&self, _list: i64) -> Result<Option<Vec<i64>>, Fault> {
        to_come(self)
    }

    async fn lists(&self) -> Result<Vec<i64>, Fault> {
        to_come(self)
    }
}

fn to_come<T>(_: &OrgStatusLists) -> Result<T, Fault> {
    Err(Fault::Store("to come".to_owned()))
}
