//! What is said of it in the report.

use std::time::Duration;

use conformance::report::{Section, Table};

use super::{
    Measured,
    isolation::{HANGING, MODEST, Phase},
    picture::{Line, Panel, svg},
};
use crate::Outcome;

const COMMAND: &str = "make bench-overload ARGUMENTS=--report";
/// Of the most the server can do, what is left of it in a flood.
const GOODPUT: f64 = 0.8;
/// How soon whoever is refused knows it, at the p99.
const QUICK_MS: f64 = 100.0;
/// Under full load.
const RESIDENT_MB: f64 = 80.0;
const NORMAL_AFTER: usize = 10;
/// How much longer others may wait.
const FELT: f64 = 1.2;

/// Both sections; kept when `keep` says so.
pub(super) fn of(all: &[Measured], took: Duration, keep: bool) -> Outcome<[Section; 2]> {
    let mut overload = Section::new("overload", "Three times more than it can do", COMMAND);
    let mut isolation = Section::new("isolation", "What one organization does to another", COMMAND);
    for measured in all {
        flooded(&mut overload, measured);
        isolated(&mut isolation, measured);
    }
    overload.notes.extend(
        [
            "An open loop: requests come when they are due (Poisson), whatever is outstanding, and wait from the \
             moment they were due. They come from 8 agents, 16 addresses and up to 1,024 connections of one \
             organization, and no limit counts them: only what the server bears is in the way. Refused are \
             those that found the line of their organization full (429, `Retry-After`).",
            "The load, the identity provider, the database and the server share the processors, so what the load \
             costs is missing from goodput: sending three times as much takes it about three times the \
             processor time. The peak is the most of a closed loop (64 in flight) and of the same open loop \
             at 0.8 to 1.1 of that. Both are shown. What is left when refusals cost the server nothing is the closed \
             loop once more, while twice the peak goes to a server that echoes, over connections of its own: no \
             server on these processors could answer more of such a flood.",
            "Normal is whatever the slowest second was before the flood, by its p99, at a fifth of the peak. Normal \
             again is the first second after which at most one in ten is slower.",
        ]
        .map(str::to_owned),
    );
    isolation.notes.extend(
        [
            "Two organizations with the limits of whoever sets none (5,000 requests a second of an organization, \
             2,000 of an agent and of an address), each with an identity provider of its own. The one whose waiting \
             is measured asks 100 times a second; the other floods with three times what the server can do, \
             then asks 200 times a second at a provider that accepts connections and never answers.",
            "Beside a flood at another server: the same flood goes to a server that echoes. What \
             is felt of that is what the load itself does to the processors they share, and no server could help it.",
            "Phases take turns in rounds; the p99 is of all rounds together.",
        ]
        .map(str::to_owned),
    );
    isolation.not_covered.push("More than two organizations at once.".to_owned());
    for section in [&mut overload, &mut isolation] {
        section.seconds = took.as_secs();
        section.not_covered.push("A network between the load and the server.".to_owned());
    }
    if keep {
        let caption =
            "Three times the peak: good answers and refusals per second, resident memory.";
        overload.plot("overload.svg", caption, &svg(&panels(all)))?;
        overload.write()?;
        isolation.write()?;
    }
    Ok([overload, isolation])
}

fn flooded(section: &mut Section, measured: &Measured) {
    let Measured { database, flood, .. } = measured;
    let name = |what: &str| format!("{database}: {what}");
    let (peak, during) = (flood.peak(), &flood.during);
    let mut goodput = |what: &str, value: f64| {
        section.aim(
            name(what),
            format!("{value:.0}/s, {:.2} of the peak", value / peak),
            format!("≥ {GOODPUT} of the peak"),
            GOODPUT * peak <= value,
        );
    };
    goodput("good answers in the flood", during.goodput());
    goodput("in its worst 10 s", flood.worst_stretch());
    section.figure(
        name("good answers in the flood ÷ what is left when refusals cost the server nothing"),
        format!("{:.2} of {:.0}/s", during.goodput() / flood.left, flood.left),
    );
    let refused = during.refused_ms(0.99);
    section.aim(
        name("refusals, p99"),
        format!("{refused:.1} ms"),
        format!("≤ {QUICK_MS} ms"),
        refused <= QUICK_MS,
    );
    section.aim(
        name("refusals without `Retry-After`"),
        format!("{} of {}", during.without_when, during.refused.len()),
        "0",
        during.without_when == 0,
    );
    section.aim(
        name("neither good nor refused"),
        format!("{} of {}", during.wrong(), during.due),
        "0",
        during.wrong() == 0,
    );
    let resident = flood.highest_resident();
    section.aim(
        name("resident memory, at most"),
        format!("{resident:.0} MB ({:.0} before)", flood.resident_before),
        format!("≤ {RESIDENT_MB} MB"),
        resident <= RESIDENT_MB,
    );
    lasting(section, measured);
    phases(section, measured);
}

/// What shows only after a while.
fn lasting(section: &mut Section, Measured { database, flood, .. }: &Measured) {
    let name = |what: &str| format!("{database}: {what}");
    let growth = flood.resident_growth();
    section.aim(
        name("resident memory, last quarter ÷ second quarter"),
        format!("{growth:.2}"),
        "≤ 1.10",
        growth <= 1.1,
    );
    let normal = flood.normal_after();
    section.aim(
        name("normal again"),
        normal.map_or_else(|| "not in time".to_owned(), |after| format!("after {after} s")),
        format!("≤ {NORMAL_AFTER} s"),
        normal.is_some_and(|after| after <= NORMAL_AFTER),
    );
    section.figure(
        name("peak, closed loop"),
        format!("{:.0}/s, p99 {:.1} ms", flood.closed, flood.closed_p99_ms),
    );
    section.figure(
        name("peak, open loop"),
        format!("{:.0}/s when {:.0}/s are asked", flood.open, flood.open_at),
    );
    if let Some(busy) = flood.busy {
        section.figure(name("processors that the server used in the flood"), format!("{busy:.2}"));
    }
}

fn phases(section: &mut Section, Measured { database, flood, .. }: &Measured) {
    let phases = [("before", &flood.before), ("flood", &flood.during), ("after", &flood.after)];
    let rows = phases.map(|(phase, answers)| {
        let ms = |milliseconds: f64| format!("{milliseconds:.1}");
        vec![
            phase.to_owned(),
            answers.due.to_string(),
            answers.good.len().to_string(),
            ms(answers.good_ms(0.5)),
            ms(answers.good_ms(0.99)),
            answers.limited.to_string(),
            answers.unavailable.to_string(),
            ms(answers.refused_ms(0.5)),
            ms(answers.refused_ms(0.99)),
            answers.connections.to_string(),
        ]
    });
    section.tables.push(Table {
        caption: format!("{database}; milliseconds from the moment a request was due"),
        head: [
            "phase",
            "due",
            "good",
            "p50",
            "p99",
            "429",
            "503",
            "refused p50",
            "p99",
            "connections",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.to_vec(),
    });
}

fn isolated(section: &mut Section, Measured { database, isolation, .. }: &Measured) {
    let beside = [
        (
            &isolation.flood,
            format!("p99 beside an organization that asks {:.0}/s", 3.0 * isolation.peak),
        ),
        (
            &isolation.hanging,
            format!("p99 beside one that asks {HANGING}/s of a provider that hangs"),
        ),
    ];
    for (phase, what) in beside {
        let ratio = isolation.ratio(phase);
        section.aim(
            format!("{database}: {what}"),
            format!(
                "{:.2} ms, {ratio:.2} × alone ({:.2} ms)",
                phase.ms(0.99),
                isolation.alone.ms(0.99)
            ),
            format!("≤ {FELT} × alone"),
            ratio <= FELT,
        );
        let lost = phase.refused + phase.wrong;
        section.aim(
            format!("{database}: not answered {}", phase.name),
            format!("{lost} of {}", lost + phase.good.len()),
            "0",
            lost == 0,
        );
    }
    section.figure(
        format!("{database}: p99 beside the same flood at another server"),
        format!(
            "{:.2} ms, {:.2} × alone",
            isolation.control.ms(0.99),
            isolation.ratio(&isolation.control)
        ),
    );
    let row = |phase: &&Phase| {
        let rounds: Vec<_> = phase.p99s.iter().map(|ms| format!("{ms:.1}")).collect();
        let (good, refused) = phase.beside;
        vec![
            phase.name.to_owned(),
            format!("{:.2}", phase.ms(0.5)),
            format!("{:.2}", phase.ms(0.9)),
            format!("{:.2}", phase.ms(0.99)),
            rounds.join(" "),
            format!("{good:.0}"),
            format!("{refused:.0}"),
        ]
    };
    section.tables.push(Table {
        caption: format!("{database}; milliseconds to the answers of the one that asks {MODEST}/s"),
        head: ["", "p50", "p90", "p99", "p99 of each round", "beside it: good/s", "refused/s"]
            .map(str::to_owned)
            .to_vec(),
        rows: isolation.phases().iter().map(row).collect(),
    });
}

fn panels(all: &[Measured]) -> [Panel; 3] {
    let panel = |title: &str, values: fn(&Measured) -> Vec<f64>| Panel {
        title: title.to_owned(),
        lines: all
            .iter()
            .map(|it| Line { name: it.database.to_owned(), values: values(it) })
            .collect(),
    };
    [
        panel("good answers per second", |it| it.flood.goodput()),
        panel("refusals per second", |it| it.flood.refusals()),
        panel("resident memory, MB", |it| it.flood.resident.clone()),
    ]
}

/// The aims and figures of a section, for a terminal.
pub(super) fn text(section: &Section) -> String {
    let mut text = format!("\n{}\n", section.title);
    for figure in &section.figures {
        let met = match figure.met {
            Some(true) => "met   ",
            Some(false) => "MISSED",
            None => "      ",
        };
        let target = figure.target.as_ref().map(|it| format!("  (aim: {it})")).unwrap_or_default();
        text += &format!("{met} {}: {}{target}\n", figure.what, figure.value);
    }
    text
}
