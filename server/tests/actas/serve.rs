//! `actas serve`: a process that is told to change, to stop, and whose database goes away.

mod default_org;
mod following;
mod logs;
mod metrics;
mod outage;
mod published;
mod replicas;
mod starting;
mod stopping;
mod tls;
