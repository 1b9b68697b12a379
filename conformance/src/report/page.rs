//! Sections become a page.

use std::fmt::{self, Write};

use serde::Deserialize;

use super::{Machine, Section};

/// A bug that was found here, and by what. Written down by whoever mended it, in `found.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// What was wrong, and what it meant.
    pub what: String,
    /// What kind of search found it: `review`, `model`, `fuzz`, `race`, …
    pub by: String,
    /// The test that fails without the repair.
    pub test: String,
    /// What runs that test.
    pub command: String,
}

const INTRODUCTION: &str = "# Report

What was measured and what was searched for, by whom anybody can repeat it: each section names the one command that
makes it. Written by `make report` from the files beside this one; a test of the gate fails when the two differ. Absolute
figures are of the machine they were taken on, and move with it; ratios are taken within one run.
";

/// The whole page.
#[must_use]
pub fn page(sections: &[Section], bugs: &[Bug], not_covered: &[String]) -> String {
    let mut page = INTRODUCTION.to_owned();
    // Writing to a string does not fail.
    let _ = write_page(&mut page, sections, bugs, not_covered);
    page
}

fn write_page(
    page: &mut String,
    sections: &[Section],
    bugs: &[Bug],
    not_covered: &[String],
) -> fmt::Result {
    writeln!(page, "\n| section | command | commit | date | took |\n|---|---|---|---|---|")?;
    for section in sections {
        let Section { name, title, command, commit, date, seconds, .. } = section;
        let commit = commit.as_deref().unwrap_or("unknown");
        let took = took(*seconds);
        writeln!(page, "| [{title}](#{name}) | `{command}` | {commit} | {date} | {took} |")?;
    }
    machines(page, sections)?;
    for section in sections {
        write_section(page, section)?;
    }
    writeln!(page, "\n## What is not covered\n")?;
    for line in not_covered {
        writeln!(page, "- {line}")?;
    }
    writeln!(page, "\n## Bugs found so far, and by what\n")?;
    writeln!(
        page,
        "| what was wrong | found by | the test that fails without the repair | command |"
    )?;
    writeln!(page, "|---|---|---|---|")?;
    for Bug { what, by, test, command } in bugs {
        writeln!(page, "| {} | {} | `{test}` | `{command}` |", cell(what), cell(by))?;
    }
    Ok(())
}

fn machines(page: &mut String, sections: &[Section]) -> fmt::Result {
    let mut seen: Vec<&Machine> = Vec::new();
    for section in sections {
        if !seen.contains(&&section.machine) {
            seen.push(&section.machine);
        }
    }
    writeln!(page)?;
    for machine in seen {
        let Machine { cpu, cores, memory, kernel, rustc } = machine;
        let parts = [
            cpu.clone(),
            cores.map(|cores| format!("{cores} cores")),
            memory.map(|gigabytes| format!("{gigabytes} GiB")),
            kernel.clone(),
            rustc.clone(),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        writeln!(page, "Machine: {}.", parts.join(", "))?;
    }
    Ok(())
}

fn write_section(page: &mut String, section: &Section) -> fmt::Result {
    let Section { name, title, command, figures, tables, plots, notes, not_covered, .. } = section;
    writeln!(page, "\n<a id=\"{name}\"></a>\n\n## {title}\n\n    {command}")?;
    for note in notes {
        writeln!(page, "\n{note}")?;
    }
    if !figures.is_empty() {
        writeln!(page, "\n| figure | measured | aim | reached |\n|---|---|---|---|")?;
        for figure in figures {
            let met = figure.met.map_or("", |met| if met { "yes" } else { "**no**" });
            let target = figure.target.as_deref().unwrap_or_default();
            let (what, value) = (cell(&figure.what), cell(&figure.value));
            writeln!(page, "| {what} | {value} | {} | {met} |", cell(target))?;
        }
    }
    for table in tables {
        writeln!(page, "\n**{}**\n", table.caption)?;
        writeln!(page, "| {} |", table.head.join(" | "))?;
        writeln!(page, "|{}", "---|".repeat(table.head.len()))?;
        for row in &table.rows {
            let row: Vec<String> = row.iter().map(|text| cell(text)).collect();
            writeln!(page, "| {} |", row.join(" | "))?;
        }
    }
    for plot in plots {
        writeln!(page, "\n![{}](report/{})", plot.caption, plot.file)?;
    }
    if !not_covered.is_empty() {
        writeln!(page, "\nNot covered:\n")?;
        for line in not_covered {
            writeln!(page, "- {line}")?;
        }
    }
    Ok(())
}

/// What may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn took(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
