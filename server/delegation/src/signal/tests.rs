//! Every way in, from outside: the happy signal is in `fixture`, every test changes one thing of it.

mod events;
pub(crate) mod fixture;
mod ledger;
mod logouts;
mod provisioning;
mod revocations;
mod sets;
mod streams;
mod subjects;
mod unused;
