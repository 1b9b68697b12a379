//! What a sink takes at once.

use delegation::{
    export::{Batch, Because, Unsent},
    trail::Link,
};

/// How much a sink takes at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) records: usize,
    /// Of all lines together, with a byte between them.
    pub(super) bytes: usize,
}

impl Limits {
    /// How many events of a batch fit, when they read as `line` writes them. One that is too long
    /// alone is sent alone; it is for the sink to say what it thinks.
    pub(super) fn fit(self, batch: &Batch<'_>, line: impl Fn(&Link) -> String) -> usize {
        let lengths = batch.links.iter().take(self.records).map(|link| line(link).len() + 1);
        let sums = lengths.scan(0, |sum: &mut usize, length| {
            *sum = sum.saturating_add(length);
            Some(*sum)
        });
        sums.take_while(|&sum| sum <= self.bytes).count().max(1)
    }
}

/// How the events of a batch read.
pub(super) fn lines(batch: &Batch<'_>, line: impl Fn(&Link) -> String) -> Vec<String> {
    batch.links.iter().map(line).collect()
}

/// Why a batch was not taken.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) because: Because,
    pub(super) what: String,
}

impl Problem {
    pub(super) fn unknown(what: impl Into<String>) -> Self {
        Self { because: Because::Unknown { retry_after: None }, what: what.into() }
    }

    pub(super) fn refused(what: impl Into<String>) -> Self {
        Self { because: Because::Refused, what: what.into() }
    }

    /// With the events it is about.
    pub(super) fn with(self, batch: &Batch<'_>) -> Unsent {
        let Self { because, what } = self;
        Unsent { because, what: format!("{}: {what}", named(batch.links)) }
    }
}

/// `events 17 to 42`
fn named(links: &[Link]) -> String {
    let seq = |link: Option<&Link>| link.map_or(0, |link| link.seq);
    match (seq(links.first()), seq(links.last())) {
        (first, last) if first == last => format!("event {first}"),
        (first, last) => format!("events {first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use policy::Timestamp;

    use super::*;

    #[test]
    fn fits_by_number_and_by_size() {
        let link = |seq| Link { seq, hash: [0; 32], record: "x".repeat(9) };
        let links: Vec<_> = (1..=5).map(link).collect();
        let batch =
            Batch { org: "acme", export: "siem", links: &links, again: false, now: Timestamp(0) };
        let fit =
            |records, bytes| Limits { records, bytes }.fit(&batch, |link| link.record.clone());
        assert_eq!([fit(2, 1000), fit(100, 1000), fit(5, 50)], [2, 5, 5]);
        assert_eq!([fit(100, 30), fit(100, 29), fit(100, 10)], [3, 2, 1]);
        assert_eq!(fit(100, 1), 1, "too long alone");
    }
}
