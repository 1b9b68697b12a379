//! What is printed and kept.

use std::fmt;

use serde::Serialize;

use crate::{
    curves::{Curve, Shown},
    figures::Book,
    figures::{Figures, Line, Ratio, Spread},
    kept::Before,
    load::Window,
    machine::Machine,
    ratios,
    rounds::Bench,
    weight::{Server, Weight},
};

#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    pub machine: Machine,
    /// How the load was made.
    load: &'static str,
    pub seconds_per_run: f64,
    warm_up_seconds: f64,
    pub lines: &'a Book,
    pub curves: &'a [Curve],
    pub ratios: Vec<Ratio>,
    pub weight: Weight,
    #[serde(skip)]
    pub before: Option<Before>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        machine: Machine,
        window: Window,
        bench: &'a Bench,
        weight: Weight,
        before: Option<Before>,
    ) -> Self {
        Self {
            machine,
            load: "load, keep-alive, and identity provider on the same machine",
            seconds_per_run: window.length.as_secs_f64(),
            warm_up_seconds: window.warm_up.as_secs_f64(),
            lines: &bench.meter.book,
            curves: &bench.curves,
            ratios: ratios::all(bench),
            weight,
            before,
        }
    }

    /// Of a line: its throughput now to that of the run before; none where it was not measured then.
    pub(crate) fn now_to_then(&self, line: &Line) -> Option<f64> {
        let then = self.before.as_ref()?.lines.runs(&line.name, line.in_flight);
        let then: Vec<_> = then.iter().map(|run| run.per_second).collect();
        let now = line.spread(|run| run.per_second).median;
        (!then.is_empty()).then(|| now / Spread::of(then).median)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        writeln!(
            f,
            "\n{:<44} {:>9} {:>8} {:>19} {:>8} {:>8} {:>8} {:>8} {:>7} {:>8}",
            "",
            "in flight",
            "per s",
            "(lowest – highest)",
            "p50 ms",
            "p90",
            "p99",
            "p99.9",
            "CPU µs",
            "÷ before"
        )?;
        for line in self.lines.lines() {
            self.row(f, line)?;
        }
        self.open(f)?;
        writeln!(f, "\n{:<74} {:>7} {:>19}", "", "median", "(lowest – highest)")?;
        for Ratio { name, unit, spread } in &self.ratios {
            let Spread { median, low, high } = spread;
            let between = format!("({low:.3} – {high:.3})");
            writeln!(f, "{name:<74} {median:>7.3} {between:>19}{unit}")?;
        }
        self.weight(f)
    }
}

impl Report<'_> {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { itself, busy_before, commit, date, durable_postgres } = &self.machine;
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        let cores = itself.cores.map_or_else(|| "?".to_owned(), |cores| cores.to_string());
        let (cpu, kernel, rustc) = (or(&itself.cpu), or(&itself.kernel), or(&itself.rustc));
        writeln!(f, "\n{cpu}, {cores} cores, {kernel}, {rustc}")?;
        writeln!(f, "commit {}, {}", or(commit), or(date))?;
        writeln!(f, "{}; up to {} s per run", self.load, self.seconds_per_run)?;
        if let Some(before) = &self.before {
            let Machine { commit, date, .. } = &before.machine;
            writeln!(f, "before: commit {}, {}", or(commit), or(date))?;
        }
        if let Some(busy) = busy_before.filter(|busy| 0.05 < *busy) {
            let percent = busy * 100.0;
            writeln!(f, "NOT AN IDLE MACHINE: others kept {percent:.0} % of it busy beforehand")?;
        }
        if !durable_postgres && self.curves.iter().any(|curve| curve.database == "PostgreSQL") {
            writeln!(f, "PostgreSQL may not be durable: ACTAS_TEST_FSYNC is not `on`")?;
        }
        Ok(())
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, line: &Line) -> fmt::Result {
        let Spread { median, low, high } = line.spread(|run| run.per_second);
        let between = format!("({low:.0} – {high:.0})");
        write!(f, "{:<44} {:>9} {median:>8.0} {between:>19}", line.name, line.in_flight)?;
        for quantile in [
            |run: &Figures| run.p50_ms,
            |run: &Figures| run.p90_ms,
            |run: &Figures| run.p99_ms,
            |run: &Figures| run.p999_ms,
        ] {
            write!(f, " {:>8.3}", line.spread(quantile).median)?;
        }
        let cpu = line.spread(|run| run.cpu_us.unwrap_or(f64::NAN)).median;
        let cpu = if cpu.is_nan() { String::new() } else { format!("{cpu:.0}") };
        let then = self.now_to_then(line).map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        writeln!(f, " {cpu:>7} {then:>8}")
    }

    fn open(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Curve { database, points } in self.curves.iter().filter(|curve| curve.is_measured()) {
            writeln!(
                f,
                "\n{:<44} {:>9} {:>8} {:>10} {:>8} {:>8} {:>8} {:>7}",
                format!("open loop, {database}"),
                "due per s",
                "good",
                "refused",
                "p50 ms",
                "p99",
                "p99.9",
                "CPU µs"
            )?;
            for point in points {
                let Shown { share, offered_per_second, answered_per_second, .. } = point.shown();
                let Shown { p50_ms, p99_ms, p999_ms, cpu_us, refused, .. } = point.shown();
                writeln!(
                    f,
                    "{:<44} {offered_per_second:>9.0} {answered_per_second:>8.0} {refused:>10} \
                     {p50_ms:>8.3} {p99_ms:>8.3} {p999_ms:>8.3} {cpu_us:>7.0}",
                    format!("{share:.1} of saturation"),
                )?;
            }
        }
        Ok(())
    }

    fn weight(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mb =
            |figure: Option<f64>| figure.map_or_else(|| "?".to_owned(), |mb| format!("{mb:.1}"));
        let Weight { servers, connection_kb, binary_mb } = &self.weight;
        writeln!(f)?;
        for Server { name, ready_after_ms, at_rest_mb, highest_mb, .. } in servers {
            let (rest, highest) = (mb(*at_rest_mb), mb(*highest_mb));
            let ready = format!("ready after {ready_after_ms:.0} ms");
            writeln!(f, "{name}: {ready}, {rest} MB resident at rest, {highest} MB at most")?;
        }
        for Server { name, ready_after_with_orgs_ms, highest_with_orgs_mb, .. } in servers {
            if let Some(ready) = ready_after_with_orgs_ms {
                let highest = mb(*highest_with_orgs_mb);
                writeln!(f, "{name}, 1,000 orgs: ready after {ready:.0} ms, {highest} MB at most")?;
            }
        }
        writeln!(f, "{} kB for each idle connection", mb(*connection_kb))?;
        writeln!(f, "{} MB of binary, stripped", mb(*binary_mb))
    }
}
