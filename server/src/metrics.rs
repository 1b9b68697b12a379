//! What Prometheus sees. Label values come from closed sets of ours, never from a request.

mod exports;
mod ledger;

use delegation::event::Check;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
};

pub use self::{exports::ExportMetrics, ledger::LedgerMetrics};

/// Seconds; an exchange takes about a millisecond more than the identity provider.
const BUCKETS: [f64; 12] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// One per process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    token_requests: IntCounterVec,
    token_seconds: HistogramVec,
    idp_checks: IntCounterVec,
    idp_seconds: HistogramVec,
    signals: IntCounterVec,
    limited: IntCounterVec,
    stream_age: IntGaugeVec,
    pub ledger: LedgerMetrics,
    pub exports: ExportMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// # Panics
    ///
    /// Never: names are literals, and each is registered once.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let token_requests = counter(
            &registry,
            "actas_token_requests_total",
            "Requests to the token endpoint by outcome and reason.",
            &["outcome", "reason"],
        );
        let token_seconds = histogram(
            &registry,
            "actas_token_request_seconds",
            "How long the token endpoint took, by outcome.",
            &["outcome"],
        );
        let idp_checks = counter(
            &registry,
            "actas_idp_checks_total",
            "Questions to identity providers by answer; shared ones cost the provider nothing.",
            &["org", "connection", "kind", "answer", "shared"],
        );
        let idp_seconds = histogram(
            &registry,
            "actas_idp_check_seconds",
            "How long identity providers took, whether or not they answered.",
            &["org", "connection", "kind"],
        );
        let signals = counter(
            &registry,
            "actas_signals_total",
            "Signals of identity providers, by the way they came and what became of them.",
            &["org", "connection", "source", "outcome"],
        );
        let limited = counter(
            &registry,
            "actas_limited_total",
            "Requests that were too many, by whose they were; `running` are too many at once.",
            &["org", "by"],
        );
        let stream_age = gauge(
            &registry,
            "actas_signal_stream_age_seconds",
            "Since a stream of signals was last known to live; -1: it is not, or never was.",
            &["org", "connection", "stream"],
        );
        #[cfg(target_os = "linux")]
        known_good(
            registry
                .register(Box::new(prometheus::process_collector::ProcessCollector::for_self())),
        );
        let ledger = LedgerMetrics::register(&registry);
        let exports = ExportMetrics::register(&registry);
        Self {
            registry,
            token_requests,
            token_seconds,
            idp_checks,
            idp_seconds,
            signals,
            limited,
            stream_age,
            ledger,
            exports,
        }
    }

    /// Counts one answer of the token endpoint.
    pub fn token_request(&self, outcome: &'static str, reason: &'static str, seconds: f64) {
        self.token_requests.with_label_values(&[outcome, reason]).inc();
        self.token_seconds.with_label_values(&[outcome]).observe(seconds);
    }

    /// Counts the checks that were made for one exchange.
    pub fn idp_checks(&self, org: &str, checks: &[Check]) {
        for check in checks {
            let Check { connection, kind, answer, shared, took_us, .. } = check;
            let shared = if *shared { "yes" } else { "no" };
            self.idp_checks.with_label_values(&[org, connection, kind, answer, shared]).inc();
            // One that was shared was observed where it was made; one that was throttled was not made.
            if shared == "yes" || *answer == "throttled" {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "microseconds of a few seconds")]
            let seconds = *took_us as f64 / 1e6;
            self.idp_seconds.with_label_values(&[org, connection, kind]).observe(seconds);
        }
    }

    /// Counts a signal. `outcome`: `applied`, `duplicate`, `ignored`, `refused` or `unavailable`.
    pub fn signal(&self, org: &str, connection: &str, source: &str, outcome: &str) {
        self.signals.with_label_values(&[org, connection, source, outcome]).inc();
    }

    /// Counts a request that was refused because it was too much. `by`: `organization`, `agent`, `user`,
    /// `address`, `guessing` or `running`.
    pub fn limited(&self, org: &str, by: &'static str) {
        self.limited.with_label_values(&[org, by]).inc();
    }

    /// Shows how long ago a stream was heard of, in seconds; none when it is not to be relied on.
    pub fn stream(&self, org: &str, connection: &str, stream: &str, age: Option<i64>) {
        let gauge = self.stream_age.with_label_values(&[org, connection, stream]);
        gauge.set(age.unwrap_or(-1));
    }

    /// The exposition format.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Writing to memory cannot fail, and a scrape that is cut short is only a missing sample.
        drop(TextEncoder::new().encode(&self.registry.gather(), &mut text));
        text
    }
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    let made = known_good(IntCounterVec::new(Opts::new(name, help), labels));
    known_good(registry.register(Box::new(made.clone())));
    made
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    let made = known_good(IntGaugeVec::new(Opts::new(name, help), labels));
    known_good(registry.register(Box::new(made.clone())));
    made
}

fn histogram(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
    let made = known_good(HistogramVec::new(options, labels));
    known_good(registry.register(Box::new(made.clone())));
    made
}

#[expect(clippy::expect_used, reason = "literal names, registered once; held by the test below")]
fn known_good<T>(made: Result<T, prometheus::Error>) -> T {
    made.expect("a metric with a literal name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_what_was_counted() {
        let metrics = Metrics::new();
        metrics.token_request("refused", "scope", 0.001);
        let text = String::from_utf8(metrics.render()).unwrap();
        let line = r#"actas_token_requests_total{outcome="refused",reason="scope"} 1"#;
        assert!(text.contains(line), "{text}");
    }
}
