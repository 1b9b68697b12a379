//! What is asked of the ledger, and done to it, besides exchanges.

use prometheus::{HistogramVec, IntCounterVec, Registry};

use super::{counter, histogram};

/// Introspections, revocations, status lists, and what operators do.
#[derive(Debug)]
pub struct LedgerMetrics {
    introspections: IntCounterVec,
    introspection_seconds: HistogramVec,
    revocations: IntCounterVec,
    status_lists: IntCounterVec,
    operations: IntCounterVec,
}

impl LedgerMetrics {
    pub(super) fn register(registry: &Registry) -> Self {
        Self {
            introspections: counter(
                registry,
                "actas_introspections_total",
                "Introspections by outcome and reason.",
                &["outcome", "reason"],
            ),
            introspection_seconds: histogram(
                registry,
                "actas_introspection_seconds",
                "How long introspections took, by outcome.",
                &["outcome"],
            ),
            revocations: counter(
                registry,
                "actas_revocations_total",
                "Revocations by who asked and what came of it.",
                &["by", "outcome"],
            ),
            status_lists: counter(
                registry,
                "actas_status_lists_total",
                "Requests for status lists by outcome; `built` ones cost a look into the database.",
                &["outcome"],
            ),
            operations: counter(
                registry,
                "actas_admin_requests_total",
                "Requests to the admin API by what was asked for and what came of it.",
                &["operation", "outcome"],
            ),
        }
    }

    /// `outcome`: `active`, `inactive`, `refused`, `limited` or `unavailable`; `reason` from a closed list.
    pub fn introspection(&self, outcome: &'static str, reason: &'static str, seconds: f64) {
        self.introspections.with_label_values(&[outcome, reason]).inc();
        self.introspection_seconds.with_label_values(&[outcome]).observe(seconds);
    }

    /// `by`: `client` or `operator`; `outcome`: `ended`, `unknown`, `refused`, `limited` or
    /// `unavailable`.
    pub fn revocation(&self, by: &'static str, outcome: &'static str) {
        self.revocations.with_label_values(&[by, outcome]).inc();
    }

    /// `outcome`: `built`, `shared`, `unknown`, `refused` or `unavailable`.
    pub fn status_list(&self, outcome: &'static str) {
        self.status_lists.with_label_values(&[outcome]).inc();
    }

    /// `outcome`: `done`, `refused`, `limited` or `unavailable`.
    pub fn operation(&self, operation: &'static str, outcome: &'static str) {
        self.operations.with_label_values(&[operation, outcome]).inc();
    }
}
