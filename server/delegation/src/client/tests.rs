//! Every way a client proves who it is, and what it is refused for.

mod attestations;
mod certificates;
pub(crate) mod fixture;
mod own;
mod reading;
mod svids;
mod workloads;
