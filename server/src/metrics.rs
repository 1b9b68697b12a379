//! What Prometheus sees. Label values come from closed sets of ours, never from a request.

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

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
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let made = IntCounterVec::new(Opts::new(name, help), labels);
            let made = known_good(made);
            known_good(registry.register(Box::new(made.clone())));
            made
        };
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
            let made = known_good(HistogramVec::new(options, labels));
            known_good(registry.register(Box::new(made.clone())));
            made
        };
        let token_requests = counter(
            "actas_token_requests_total",
            "Requests to the token endpoint by outcome and reason.",
            &["outcome", "reason"],
        );
        let token_seconds = histogram(
            "actas_token_request_seconds",
            "How long the token endpoint took, by outcome.",
            &["outcome"],
        );
        let idp_checks = counter(
            "actas_idp_checks_total",
            "Questions to identity providers by answer; shared ones cost the provider nothing.",
            &["answer", "shared"],
        );
        let idp_seconds =
            histogram("actas_idp_check_seconds", "How long identity providers took.", &["answer"]);
        #[cfg(target_os = "linux")]
        known_good(
            registry
                .register(Box::new(prometheus::process_collector::ProcessCollector::for_self())),
        );
        Self { registry, token_requests, token_seconds, idp_checks, idp_seconds }
    }

    /// Counts one answer of the token endpoint.
    pub fn token_request(&self, outcome: &'static str, reason: &'static str, seconds: f64) {
        self.token_requests.with_label_values(&[outcome, reason]).inc();
        self.token_seconds.with_label_values(&[outcome]).observe(seconds);
    }

    /// Counts one check at an identity provider.
    pub fn idp_check(&self, check: delegation::event::Check) {
        let shared = if check.shared { "yes" } else { "no" };
        self.idp_checks.with_label_values(&[check.answer, shared]).inc();
        // How long it took to get no answer is not known here; zeros would make an outage look fast.
        if check.answer == "unknown" {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a few seconds")]
        let seconds = check.took_us as f64 / 1e6;
        self.idp_seconds.with_label_values(&[check.answer]).observe(seconds);
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
