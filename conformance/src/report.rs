//! What a measurement leaves behind: a section of `REPORT.md`, kept as JSON in `conformance/report`.
//!
//! Whoever measures makes a [`Section`] and writes it; `make report` puts the report together. A figure
//! has the command that makes it beside it, or it is not in the report.

mod machine;
mod page;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub use self::machine::Machine;
pub use self::page::{Bug, page};

/// One section of the report, as it was measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its file is called so: `exchange`, `overload`.
    pub name: String,
    pub title: String,
    /// What a stranger types to have the same.
    pub command: String,
    /// What was measured; with `-dirty` when the tree had changes that were not committed.
    pub commit: Option<String>,
    /// RFC 3339, when it was written.
    pub date: String,
    /// How long it took.
    pub seconds: u64,
    pub machine: Machine,
    pub figures: Vec<Figure>,
    pub tables: Vec<Table>,
    pub plots: Vec<Plot>,
    /// Paragraphs, Markdown.
    pub notes: Vec<String>,
    /// What a reader might expect here, and why it is not.
    pub not_covered: Vec<String>,
}

/// A figure that stands for itself, and what it should be.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    pub what: String,
    /// With its unit, as it is shown.
    pub value: String,
    /// What was aimed at, if something was.
    pub target: Option<String>,
    /// Whether it was reached.
    pub met: Option<bool>,
}

/// Rows of figures that are compared.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub caption: String,
    pub head: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// A picture beside the section.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Plot {
    /// In `conformance/report`, an SVG.
    pub file: String,
    pub caption: String,
}

impl Section {
    /// An empty section about this commit, on this machine, now.
    #[must_use]
    pub fn new(name: &str, title: &str, command: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            command: command.to_owned(),
            commit: machine::commit(),
            date: machine::now(),
            seconds: 0,
            machine: Machine::here(),
            figures: Vec::new(),
            tables: Vec::new(),
            plots: Vec::new(),
            notes: Vec::new(),
            not_covered: Vec::new(),
        }
    }

    /// Adds a figure for which nothing is aimed at.
    pub fn figure(&mut self, what: impl Into<String>, value: impl Into<String>) {
        self.figures.push(Figure {
            what: what.into(),
            value: value.into(),
            target: None,
            met: None,
        });
    }

    /// Adds a figure, and whether it is what it should be.
    pub fn aim(
        &mut self,
        what: impl Into<String>,
        value: impl Into<String>,
        target: impl Into<String>,
        met: bool,
    ) {
        self.figures.push(Figure {
            what: what.into(),
            value: value.into(),
            target: Some(target.into()),
            met: Some(met),
        });
    }

    /// Keeps the section for the report, in place of the one measured before.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(&self) -> io::Result<PathBuf> {
        let file = directory().join(format!("{}.json", self.name));
        fs::create_dir_all(directory())?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        fs::write(&file, text)?;
        Ok(file)
    }

    /// Keeps a picture beside it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn plot(&mut self, file: &str, caption: &str, svg: &str) -> io::Result<()> {
        fs::create_dir_all(directory())?;
        fs::write(directory().join(file), svg)?;
        self.plots.push(Plot { file: file.to_owned(), caption: caption.to_owned() });
        Ok(())
    }

    /// A section as it was kept; `None` when it was never measured.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is none of ours.
    pub fn read(name: &str) -> io::Result<Option<Self>> {
        match fs::read(directory().join(format!("{name}.json"))) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where sections and pictures are kept.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("report")
}
