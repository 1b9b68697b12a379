//! Ports that no signal needs.

use async_trait::async_trait;
use policy::Timestamp;
use uuid::Uuid;

use crate::{
    ports::{Asker, Limiter, Once, SingleUse},
    refusal::Fault,
    status::{Leased, StatusLists},
    trail::{Ends, Page, Query, Stored, Trail},
};

#[derive(Debug)]
pub(super) struct Unused;

#[async_trait]
impl Trail for Unused {
    async fn seal(&self, _: usize) -> Result<usize, Fault> {
        Err(Fault::Late)
    }

    async fn ends(&self) -> Result<Ends, Fault> {
        Err(Fault::Late)
    }

    async fn walk(&self, _: i64, _: usize) -> Result<Vec<Stored>, Fault> {
        Err(Fault::Late)
    }

    async fn find(&self, _: &Query) -> Result<Page, Fault> {
        Err(Fault::Late)
    }

    async fn prune(&self, _: Timestamp, _: i64, _: usize) -> Result<u64, Fault> {
        Err(Fault::Late)
    }

    async fn untold(&self, _: Timestamp, _: usize) -> Result<Vec<Uuid>, Fault> {
        Err(Fault::Late)
    }
}

#[async_trait]
impl StatusLists for Unused {
    async fn lease(&self, _: Timestamp) -> Result<Leased, Fault> {
        Err(Fault::Late)
    }

    async fn ended(&self, _: i64) -> Result<Option<Vec<i64>>, Fault> {
        Err(Fault::Late)
    }

    async fn lists(&self) -> Result<Vec<i64>, Fault> {
        Err(Fault::Late)
    }
}

#[async_trait]
impl SingleUse for Unused {
    async fn spend(&self, _: &[Once], _: Uuid) -> Result<Option<Once>, Fault> {
        Err(Fault::Late)
    }
}

impl Limiter for Unused {
    fn admit(&self, _: Asker<'_>) -> Result<(), std::time::Duration> {
        Ok(())
    }
}
