//! What is printed and kept.

use std::fmt;

use serde::Serialize;

use crate::{
    CROWD,
    actas::Actas,
    figures::{Book, Figures, Line, Ratio, Spread},
    load::Window,
    machine::{self, Machine},
    proofs::Way,
    rounds::{
        Bench, CHAIN, DEPTHS, ECHO, FAR_IDP, IDP, SIGN, VERIFY, exchange, fan_out, far, proving,
    },
};

/// An exchange verifies the subject token, and reads back what it signed.
const VERIFIES: f64 = 2.0;

#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    machine: Machine,
    /// How the load was made.
    load: &'static str,
    seconds_per_run: f64,
    warm_up_seconds: f64,
    lines: &'a Book,
    ratios: Vec<Ratio>,
    servers: Vec<Server>,
}

#[derive(Debug, Serialize)]
struct Server {
    name: &'static str,
    ready_after_ms: f64,
    resident_mb: Option<f64>,
}

impl Server {
    fn of(actas: &Actas) -> Self {
        Self {
            name: actas.name,
            ready_after_ms: actas.ready_after.as_secs_f64() * 1e3,
            resident_mb: machine::resident(actas.process()),
        }
    }
}

impl<'a> Report<'a> {
    pub(crate) fn new(machine: Machine, window: Window, bench: &'a Bench) -> Self {
        Self {
            machine,
            load: "closed loop, keep-alive, load and identity provider on the same machine",
            seconds_per_run: window.length.as_secs_f64(),
            warm_up_seconds: window.warm_up.as_secs_f64(),
            lines: &bench.book,
            ratios: ratios(bench),
            servers: bench.servers.iter().map(Server::of).collect(),
        }
    }
}

fn ratios(bench: &Bench) -> Vec<Ratio> {
    let (book, servers) = (&bench.book, &bench.servers);
    let mut ratios = Vec::new();
    let mut add = |name: String, unit, values: Vec<f64>| {
        ratios.push(Ratio { name, unit, spread: Spread::of(values) });
    };
    let signatures = signatures(book);
    for server in servers {
        for depth in DEPTHS {
            let name = exchange(server.name, depth);
            let (crowd, lone) = (book.runs(&name, CROWD), book.runs(&name, 1));
            let echo = against(crowd, book.runs(ECHO, CROWD), |a, b| a.per_second / b.per_second);
            add(format!("{name} ÷ echo"), "", echo);
            let keys = crowd.iter().zip(&signatures).map(|(run, us)| run.per_second * us / 1e6);
            add(format!("{name} ÷ signatures of one core"), "", keys.collect());
            let share = crowd.iter().zip(&signatures);
            let share = share.filter_map(|(run, us)| Some(us / run.cpu_us?)).collect();
            add(format!("{name}: signatures ÷ all its processor time"), "", share);
            let added = against(lone, book.runs(IDP, 1), |a, b| a.p50_ms - b.p50_ms);
            add(format!("{name}, alone: p50 − the IdP's"), " ms", added);
        }
        let [near, deep] = DEPTHS.map(|depth| exchange(server.name, depth));
        for (in_flight, how) in [(CROWD, "throughput"), (1, "p50 alone")] {
            let cost = |a: &Figures, b: &Figures| match in_flight {
                1 => a.p50_ms / b.p50_ms,
                _ => b.per_second / a.per_second,
            };
            let cost = against(book.runs(&deep, in_flight), book.runs(&near, in_flight), cost);
            add(format!("{}: cost of depth 3 ÷ depth 1, by {how}", server.name), "", cost);
        }
        for way in Way::ALL {
            let name = proving(server.name, way);
            let plain = exchange(server.name, 1);
            let pairs = [CROWD, 1].map(|many| (book.runs(&name, many), book.runs(&plain, many)));
            let [(crowd, plain_crowd), (lone, plain_lone)] = pairs;
            let checks = checks(book, way);
            let more = crowd.iter().zip(plain_crowd).zip(&checks);
            let more =
                more.filter_map(|((run, plain), us)| Some((run.cpu_us? - plain.cpu_us?) / us));
            add(format!("{name}: added processor time ÷ its checks"), "", more.collect());
            let cost = against(crowd, plain_crowd, |a, b| b.per_second / a.per_second);
            add(format!("{name}: cost ÷ that of a secret, by throughput"), "", cost);
            let more = against(lone, plain_lone, |a, b| a.p50_ms - b.p50_ms);
            add(format!("{name}, alone: p50 − that of a secret"), " ms", more);
        }
        let lone = book.runs(&far(server.name), 1);
        let added = against(lone, book.runs(FAR_IDP, 1), |a, b| a.p50_ms / b.p50_ms);
        add(format!("{}: p50 alone ÷ that of an IdP 20 ms away", server.name), "", added);
        let name = fan_out(server.name);
        let asked = bench.asked.get(&name).cloned().unwrap_or_default();
        add(format!("{name}: questions to the IdP ÷ exchanges"), "", asked);
    }
    ratios
}

/// Round by round: the microseconds that the signatures of one exchange take on one core.
fn signatures(book: &Book) -> Vec<f64> {
    let both = |sign: &Figures, verify: &Figures| {
        1e6 / sign.per_second + VERIFIES * 1e6 / verify.per_second
    };
    against(book.runs(SIGN, 1), book.runs(VERIFY, 1), both)
}

/// Round by round: the microseconds of one core that the checks take which a way of proving needs.
fn checks(book: &Book, way: Way) -> Vec<f64> {
    let both = |verify: &Figures, chain: &Figures| {
        way.signatures() * 1e6 / verify.per_second + way.chains() * 1e6 / chain.per_second
    };
    against(book.runs(VERIFY, 1), book.runs(CHAIN, 1), both)
}

fn against(
    runs: &[Figures],
    others: &[Figures],
    compare: impl Fn(&Figures, &Figures) -> f64,
) -> Vec<f64> {
    runs.iter().zip(others).map(|(run, other)| compare(run, other)).collect()
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        writeln!(
            f,
            "\n{:<30} {:>9} {:>8} {:>19} {:>8} {:>8} {:>8} {:>8} {:>7}",
            "",
            "in flight",
            "per s",
            "(lowest – highest)",
            "p50 ms",
            "p90",
            "p99",
            "p99.9",
            "CPU µs"
        )?;
        for line in self.lines.lines() {
            row(f, line)?;
        }
        writeln!(f, "\n{:<71} {:>7} {:>19}", "", "median", "(lowest – highest)")?;
        for Ratio { name, unit, spread } in &self.ratios {
            let Spread { median, low, high } = spread;
            let between = format!("({low:.3} – {high:.3})");
            writeln!(f, "{name:<71} {median:>7.3} {between:>19}{unit}")?;
        }
        writeln!(f)?;
        for Server { name, ready_after_ms, resident_mb } in &self.servers {
            let memory = resident_mb.map_or_else(|| "?".to_owned(), |mb| format!("{mb:.0} MB"));
            writeln!(
                f,
                "{name}: ready after {ready_after_ms:.0} ms, {memory} resident at the end"
            )?;
        }
        Ok(())
    }
}

impl Report<'_> {
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpu, cores, kernel, busy_before, rustc, commit, date, durable_postgres } =
            &self.machine;
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        let cores = cores.map_or_else(|| "?".to_owned(), |cores| cores.to_string());
        writeln!(f, "\n{}, {cores} cores, {}, {}", or(cpu), or(kernel), or(rustc))?;
        writeln!(f, "commit {}, {}", or(commit), or(date))?;
        writeln!(f, "{}; {} s per run", self.load, self.seconds_per_run)?;
        if let Some(busy) = busy_before.filter(|busy| 0.05 < *busy) {
            let percent = busy * 100.0;
            writeln!(f, "NOT AN IDLE MACHINE: others kept {percent:.0} % of it busy beforehand")?;
        }
        if !durable_postgres && self.servers.iter().any(|server| server.name == "PostgreSQL") {
            writeln!(f, "PostgreSQL may not be durable: ACTAS_TEST_FSYNC is not `on`")?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, line: &Line) -> fmt::Result {
    let Spread { median, low, high } = line.spread(|run| run.per_second);
    let between = format!("({low:.0} – {high:.0})");
    write!(f, "{:<30} {:>9} {median:>8.0} {between:>19}", line.name, line.in_flight)?;
    for quantile in [
        |run: &Figures| run.p50_ms,
        |run: &Figures| run.p90_ms,
        |run: &Figures| run.p99_ms,
        |run: &Figures| run.p999_ms,
    ] {
        write!(f, " {:>8.3}", line.spread(quantile).median)?;
    }
    let cpu = line.spread(|run| run.cpu_us.unwrap_or(f64::NAN)).median;
    if cpu.is_nan() { writeln!(f) } else { writeln!(f, " {cpu:>7.0}") }
}
