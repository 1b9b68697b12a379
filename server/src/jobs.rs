//! What runs beside requests. Every job is idempotent: replicas run them without knowing of each
//! other.

pub mod refresh_orgs;
