//! The section `exchange` of the report: every target, and what it rests on.

use std::{io, path::PathBuf};

use conformance::report::{Section, Table};

use crate::{
    CROWD,
    bare::Kind,
    curves::{Curve, Shown},
    figures::{Figures, Spread},
    names::{ECHO, IDP, INTROSPECTION, JWKS, METADATA, ORGS, PAST, SECRET, depth, like},
    plot::{Axis, Chart, Colour, Scale, Series, Stroke},
    ratios::{Of, against, by_throughput},
    report::Report,
    rounds::Bench,
};

/// `asked` is what the run was asked for: `--rounds 3 --seconds 2`.
pub(crate) fn write(
    report: &Report<'_>,
    bench: &Bench,
    (asked, seconds): (&str, u64),
) -> io::Result<PathBuf> {
    let command = format!("make bench ARGUMENTS=\"{asked} --report\"");
    let mut section = Section::new("exchange", "Exchanges", &command);
    section.seconds = seconds;
    aims(&mut section, report, bench);
    section.tables.push(lines(report));
    for curve in report.curves.iter().filter(|curve| curve.is_measured()) {
        section.tables.push(open(curve));
    }
    section.tables.push(ratios(report));
    if let Some(picture) = picture(report.curves) {
        let caption = "Open loop: exchanges answered per second, and how long they took from the moment they were due.";
        section.plot("exchange.svg", caption, &picture)?;
    }
    section.notes.push(
        "Load, identity provider, PostgreSQL and actas share the processors. One exchange is the whole product: \
         client authenticated, subject token verified, ledger and identity provider asked, policies decided, \
         token signed, delegation and audit event on the disk before the answer. The bare server \
         it is compared with does the least an exchange can be; ratios are taken within a round, and the median \
         of the rounds is shown. The user's tokens come again and again: actas verifies each one's signature once (decision \
         0017), the bare server always. What each line is: `server/benches/README.md`."
            .to_owned(),
    );
    let busy = report.machine.busy_before.filter(|busy| 0.05 < *busy);
    if let Some(busy) = busy {
        let percent = busy * 100.0;
        section.notes.push(format!(
            "The machine was not idle: others kept {percent:.0} % of it busy just before."
        ));
    }
    section.not_covered = [
        "A past of ten million events and a million dead delegations: see the section on size. Here it is 200,000 \
         and 100,000.",
        "TLS handshakes, networks between machines, more than two processors, more than one replica.",
        "Rauthy, which cannot be had as a package.",
    ]
    .map(str::to_owned)
    .to_vec();
    section.write()
}

/// A figure that should not be less, or not more, than it says.
enum Aim {
    Least(f64),
    Most(f64),
}

/// Adds an aim, when what it is about was measured.
fn aim(section: &mut Section, what: String, values: Vec<f64>, unit: &str, aim: &Aim) {
    if values.is_empty() {
        return;
    }
    let Spread { median, low, high } = Spread::of(values);
    let value = if low < high {
        format!("{median:.2}{unit} ({low:.2} – {high:.2})")
    } else {
        format!("{median:.2}{unit}")
    };
    let (target, met) = match aim {
        Aim::Least(least) => (format!("≥ {least}{unit}"), *least <= median),
        Aim::Most(most) => (format!("≤ {most}{unit}"), median <= *most),
    };
    section.aim(what, value, target, met);
}

fn aims(section: &mut Section, report: &Report<'_>, bench: &Bench) {
    let book = &bench.meter.book;
    for site in &bench.sites {
        let of = Of { book, database: site.name };
        for kind in [Kind::Secret, Kind::Assertion, Kind::Actor] {
            let what = format!("{}, {}: throughput ÷ bare", site.name, like(kind));
            aim(section, what, of.of_bare(kind), "", &Aim::Least(0.7));
        }
    }
    for site in &bench.sites {
        let of = Of { book, database: site.name };
        let lone = of.runs(like(Kind::Assertion), 1);
        let idp = book.runs(IDP, 1);
        let name = format!("{}, {}, alone", site.name, like(Kind::Assertion));
        let p50 = against(lone, idp, |own, idp| own.p50_ms - idp.p50_ms);
        let p99 = against(lone, idp, |own, idp| own.p99_ms - idp.p99_ms);
        aim(section, format!("{name}: p50 over the IdP's"), p50, " ms", &Aim::Most(1.0));
        aim(section, format!("{name}: p99 over the IdP's"), p99, " ms", &Aim::Most(2.5));
    }
    for site in &bench.sites {
        let of = Of { book, database: site.name };
        let what = format!("oidc-provider's processor time ÷ that of {}, {SECRET}", site.name);
        aim(section, what, of.of_peer(), "", &Aim::Least(3.0));
    }
    for site in &bench.sites {
        let of = Of { book, database: site.name };
        for (what, most) in [(depth(5), 1.15), (ORGS.to_owned(), 1.1), (PAST.to_owned(), 1.1)] {
            let name = format!("{}, {what}: cost, by throughput", site.name);
            aim(section, name, of.cost(&what), "", &Aim::Most(most));
        }
        let looks = against(of.runs(INTROSPECTION, CROWD), of.runs(SECRET, CROWD), by_throughput);
        let name = format!("{}, introspections ÷ exchanges", site.name);
        aim(section, name, looks, "", &Aim::Least(2.0));
        for what in [JWKS, METADATA] {
            let ratio = against(of.runs(what, CROWD), book.runs(ECHO, CROWD), by_throughput);
            aim(section, format!("{what} ÷ echo"), ratio, "", &Aim::Least(0.8));
        }
    }
    weights(section, report);
}

fn weights(section: &mut Section, report: &Report<'_>) {
    let weight = &report.weight;
    let one = |value: Option<f64>| value.into_iter().collect();
    for server in &weight.servers {
        let name = |what| format!("{}, {what}", server.name);
        let (rest, highest) = (one(server.at_rest_mb), one(server.highest_mb));
        aim(section, name("resident at rest"), rest, " MB", &Aim::Most(30.0));
        aim(section, name("resident at most, under load"), highest, " MB", &Aim::Most(80.0));
        let ready = vec![server.ready_after_ms];
        aim(section, name("start to ready"), ready, " ms", &Aim::Most(200.0));
        let ready = one(server.ready_after_with_orgs_ms);
        aim(section, name("1,000 orgs: start to ready"), ready, " ms", &Aim::Most(200.0));
    }
    aim(section, "binary, stripped".to_owned(), one(weight.binary_mb), " MB", &Aim::Most(25.0));
    if let Some(kilobytes) = weight.connection_kb {
        section.figure("resident for each idle connection", format!("{kilobytes:.1} kB"));
    }
}

fn lines(report: &Report<'_>) -> Table {
    let head = ["", "in flight", "per s", "p50 ms", "p90", "p99", "p99.9", "CPU µs", "÷ before"];
    let row = |line: &crate::figures::Line| {
        let median = |figure: fn(&Figures) -> f64| line.spread(figure).median;
        let mut row = vec![line.name.clone(), line.in_flight.to_string()];
        row.push(format!("{:.0}", median(|run| run.per_second)));
        for quantile in [
            |run: &Figures| run.p50_ms,
            |run: &Figures| run.p90_ms,
            |run: &Figures| run.p99_ms,
            |run: &Figures| run.p999_ms,
        ] {
            row.push(format!("{:.3}", median(quantile)));
        }
        let cpu = median(|run| run.cpu_us.unwrap_or(f64::NAN));
        row.push(if cpu.is_nan() { String::new() } else { format!("{cpu:.0}") });
        let then = report.now_to_then(line);
        row.push(then.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
        row
    };
    Table {
        caption:
            "Closed loop: so many callers, each of which asks again as soon as it was answered"
                .to_owned(),
        head: head.map(str::to_owned).to_vec(),
        rows: report.lines.lines().iter().map(row).collect(),
    }
}

fn open(curve: &Curve) -> Table {
    let head =
        ["of saturation", "due per s", "good per s", "refused", "p50 ms", "p99", "p99.9", "CPU µs"];
    let row = |shown: Shown| {
        vec![
            format!("{:.1}", shown.share),
            format!("{:.0}", shown.offered_per_second),
            format!("{:.0}", shown.answered_per_second),
            shown.refused.to_string(),
            format!("{:.3}", shown.p50_ms),
            format!("{:.3}", shown.p99_ms),
            format!("{:.3}", shown.p999_ms),
            format!("{:.0}", shown.cpu_us),
        ]
    };
    Table {
        caption: format!("Open loop, {}: requests due on a schedule of their own", curve.database),
        head: head.map(str::to_owned).to_vec(),
        rows: curve.points.iter().map(|point| row(point.shown())).collect(),
    }
}

fn ratios(report: &Report<'_>) -> Table {
    let row = |ratio: &crate::figures::Ratio| {
        let Spread { median, low, high } = ratio.spread;
        let unit = ratio.unit;
        vec![ratio.name.clone(), format!("{median:.3}{unit}"), format!("{low:.3} – {high:.3}")]
    };
    Table {
        caption: "Each figure to the limit, or to what it is compared with, of the same round"
            .to_owned(),
        head: ["", "median", "lowest – highest"].map(str::to_owned).to_vec(),
        rows: report.ratios.iter().map(row).collect(),
    }
}

/// Milliseconds, of one point.
type Quantile = fn(&Shown) -> f64;

fn chart(curves: &[Curve]) -> Chart {
    let quantiles: [(&str, Stroke, Quantile); 3] = [
        ("p50", Stroke::Solid, |shown| shown.p50_ms),
        ("p99", Stroke::Dashed, |shown| shown.p99_ms),
        ("p99.9", Stroke::Dotted, |shown| shown.p999_ms),
    ];
    let mut series = Vec::new();
    let measured = curves.iter().filter(|curve| curve.is_measured());
    for (curve, colour) in measured.zip([Colour::Blue, Colour::Orange]) {
        let shown: Vec<_> = curve.points.iter().map(crate::curves::Point::shown).collect();
        for (quantile, stroke, figure) in quantiles {
            let points = shown.iter().map(|it| (it.answered_per_second, figure(it))).collect();
            let name = format!("{}, {quantile}", curve.database);
            series.push(Series { name, colour, stroke, points });
        }
    }
    Chart {
        title: "Token exchange: throughput and latency, open loop".to_owned(),
        x: Axis { label: "exchanges answered per second".to_owned(), scale: Scale::Linear },
        y: Axis { label: "latency since due, ms".to_owned(), scale: Scale::Log },
        series,
    }
}

/// The picture alone, beside the figures as JSON.
pub(crate) fn picture(curves: &[Curve]) -> Option<String> {
    curves.iter().any(Curve::is_measured).then(|| chart(curves).svg())
}
