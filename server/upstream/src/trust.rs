//! Whom clients are believed by: where their keys are published, the bundles of trust domains, and the
//! clusters that are asked about their workloads.
//!
//! Reading order: [`KeyPlace`] and `published` (one document of keys, kept for a while), `bundle`,
//! `review`.
//!
//! INVARIANT: an address is one that was declared, or that the declared issuer itself names; nothing a
//! client sends leads anywhere.

mod bundle;
mod published;
mod review;

use delegation::refusal::Fault;

pub use self::{
    bundle::{BundlePlace, bundle},
    published::{KeyPlace, keys},
    review::{ReviewSettings, Reviewer},
};
use crate::{connection::CacheTimes, fault::UpstreamFault, fetched::Times, http::Outbound};

/// What all of this is made with.
#[derive(Clone, Debug)]
pub struct Reaching {
    pub outbound: Outbound,
    pub times: CacheTimes,
}

impl Reaching {
    fn metadata_times(&self) -> Times {
        Times {
            lifetime: self.times.metadata,
            after_failure: self.times.after_failure,
            after_seeking: self.times.after_failure,
        }
    }

    fn key_times(&self) -> Times {
        Times {
            lifetime: self.times.keys,
            after_failure: self.times.after_failure,
            after_seeking: self.times.after_unknown_kid,
        }
    }
}

fn fault(whose: &str, fault: &UpstreamFault) -> Fault {
    Fault::Trusted {
        whose: whose.to_owned(),
        detail: fault.to_string(),
        retry_after: fault.retry_after(),
    }
}
