//! How the audit trail gets its order, and leaves for other systems.

use prometheus::{IntCounterVec, IntGaugeVec, Registry};

use super::{counter, gauge};

/// By organization and export; both are declared, none comes from a request.
#[derive(Debug)]
pub struct ExportMetrics {
    lag: IntGaugeVec,
    failing: IntGaugeVec,
    exported: IntCounterVec,
    failures: IntCounterVec,
    waiting: IntGaugeVec,
    seal_failures: IntCounterVec,
}

impl ExportMetrics {
    pub(super) fn register(registry: &Registry) -> Self {
        let export = ["org", "export"];
        Self {
            lag: gauge(
                registry,
                "actas_export_lag_events",
                "Events of the audit trail that a sink has yet to get.",
                &export,
            ),
            failing: gauge(
                registry,
                "actas_export_failing_seconds",
                "Since when a sink takes nothing; 0: all is well.",
                &export,
            ),
            exported: counter(
                registry,
                "actas_exported_events_total",
                "Events that this process has brought to a sink.",
                &export,
            ),
            failures: counter(
                registry,
                "actas_export_failures_total",
                "Batches that a sink did not take, by why.",
                &["org", "export", "because"],
            ),
            waiting: gauge(
                registry,
                "actas_trail_waiting_seconds",
                "How long events have been waiting for their place in the audit trail.",
                &["org"],
            ),
            seal_failures: counter(
                registry,
                "actas_trail_seal_failures_total",
                "Failed attempts to give events their place in the audit trail.",
                &["org"],
            ),
        }
    }

    /// How far an export is behind, and for how many seconds it has been failing.
    pub fn export(&self, org: &str, export: &str, lag: i64, failing: i64) {
        self.lag.with_label_values(&[org, export]).set(lag);
        self.failing.with_label_values(&[org, export]).set(failing);
    }

    /// An export that is not declared any more.
    pub fn forget(&self, org: &str, export: &str) {
        // It may never have been shown.
        let _ = self.lag.remove_label_values(&[org, export]);
        let _ = self.failing.remove_label_values(&[org, export]);
    }

    pub fn exported(&self, org: &str, export: &str, events: usize) {
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        self.exported.with_label_values(&[org, export]).inc_by(events);
    }

    /// `because`: `refused` or `unknown`.
    pub fn failed(&self, org: &str, export: &str, because: &'static str) {
        self.failures.with_label_values(&[org, export, because]).inc();
    }

    /// For how many seconds the queue of an organization has not been empty.
    pub fn waiting(&self, org: &str, seconds: i64) {
        self.waiting.with_label_values(&[org]).set(seconds);
    }

    pub fn seal_failed(&self, org: &str) {
        self.seal_failures.with_label_values(&[org]).inc();
    }
}
