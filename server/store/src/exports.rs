//! How far the exports of one organization have got.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    export::{Exports, Progress},
    refusal::Fault,
};
use policy::Timestamp;
use uuid::Uuid;

use crate::database::Database;

#[derive(Debug)]
pub(crate) struct OrgExports {
    org: Arc<str>,
    database: Database,
}

impl OrgExports {
    pub fn new(org: Arc<str>, database: Database) -> Self {
        Self { org, database }
    }
}

#[async_trait]
impl Exports for OrgExports {
    async fn lease(
        &self,
        _export: &str,
        _holder: Uuid,
        _now: Timestamp,
        _until: Timestamp,
    ) -> Result<Option<Progress>, Fault> {
        to_come(self)
    }

    async fn begin(&self, _export: &str, _holder: Uuid, _seq: i64) -> Result<bool, Fault> {
        to_come(self)
    }

    async fn done(&self, _export: &str, _holder: Uuid, _seq: i64) -> Result<(), Fault> {
        to_come(self)
    }

    async fn failed(&self, _export: &str, _error: &str, _at: Timestamp) -> Result<(), Fault> {
        to_come(self)
    }

    async fn all(&self) -> Result<Vec<(String, Progress)>, Fault> {
        to_come(self)
    }
}

fn to_come<T>(_: &OrgExports) -> Result<T, Fault> {
    Err(Fault::Store("to come".to_owned()))
}
