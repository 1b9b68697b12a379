//! JSON lines in a file on this machine, each event once.
//!
//! The file remembers how far it is: its last whole line has a number. A torn line at its end, which
//! a crash has left, is cut. What is written is on the disk before it counts as written. Somebody else
//! may take the file away at any time (logrotate without `copytruncate`): it is opened anew for each
//! batch.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Component, Path, PathBuf},
};

use async_trait::async_trait;
use delegation::{
    export::{Batch, Sink, Unsent},
    trail::Link,
};
use serde::{Deserialize, Serialize};

use super::{Format, part::Problem};

/// A sync takes about as long for many lines as for one.
const LARGEST_BATCH: usize = 2000;
/// Whoever may read logs may read it.
const MODE: u32 = 0o640;
/// Bytes that are read at once while the last line is looked for.
const CHUNK: u64 = 64 * 1024;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A name, or a relative path, in the organization's folder.
    pub file: String,
}

#[derive(Debug)]
pub(super) struct File {
    directory: PathBuf,
    file: PathBuf,
}

impl File {
    pub(super) fn new(settings: &Settings, directory: Option<PathBuf>) -> Result<Self, String> {
        let directory = directory.ok_or(
            "no file may be written: `exports.directory` is not set in this server's configuration",
        )?;
        let file = PathBuf::from(&settings.file);
        let within = file.components().all(|part| matches!(part, Component::Normal(_)));
        if settings.file.is_empty() || settings.file.ends_with('/') || !within {
            return Err("`file` must be a relative path without `..`".to_owned());
        }
        Ok(Self { directory, file })
    }
}

#[async_trait]
impl Sink for File {
    async fn send(&self, batch: &Batch<'_>) -> Result<(), Unsent> {
        let path = self.directory.join(batch.org).join(&self.file);
        let (org, links) = (batch.org.to_owned(), batch.links.to_vec());
        let written = tokio::task::spawn_blocking(move || append(&path, &org, &links)).await;
        let written = written.unwrap_or_else(|_| Err(Problem::unknown("the writer has stopped")));
        written.map_err(|problem| problem.with(batch))
    }

    fn largest_batch(&self) -> usize {
        LARGEST_BATCH
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::unknown(format!("the file cannot be written: {error}"))
    }
}

/// Appends those of `links` that are not in the file yet.
fn append(path: &Path, org: &str, links: &[Link]) -> Result<(), Problem> {
    let mut file = open(path)?;
    let last = mend(&mut file)?;
    let new = match last {
        Some(last) => after(&last, links)?,
        None => links,
    };
    let mut text = String::new();
    for link in new {
        text.push_str(&Format::Record.line(org, link));
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    Ok(())
}

/// The file of that name, locked: another replica on this machine may believe that it is its turn.
fn open(path: &Path) -> Result<fs::File, Problem> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    loop {
        let mut options = OpenOptions::new();
        let options = options.read(true).append(true).create(true).mode(MODE);
        let file = options.open(path)?;
        file.lock()?;
        let opened = file.metadata()?;
        // It may have been taken away between the two steps.
        match fs::metadata(path) {
            Ok(there) if (there.dev(), there.ino()) == (opened.dev(), opened.ino()) => {
                if opened.len() == 0 {
                    // A new file is there after a crash only if its folder says so.
                    fs::File::open(folder)?.sync_all()?;
                }
                return Ok(file);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Cuts a torn line off; the last whole one.
fn mend(file: &mut fs::File) -> Result<Option<String>, Problem> {
    let length = file.metadata()?.len();
    let whole = line_start(file, length)?;
    if whole < length {
        file.set_len(whole)?;
    }
    if whole == 0 {
        return Ok(None);
    }
    let start = line_start(file, whole - 1)?;
    let mut line = String::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(whole - 1 - start)
        .read_to_string(&mut line)
        .map_err(|_| Problem::unknown(NOT_OURS))?;
    Ok(Some(line))
}

/// Where the line begins that goes up to `end`: behind the last line break before it.
fn line_start(file: &mut fs::File, end: u64) -> io::Result<u64> {
    let mut end = end;
    while 0 < end {
        let start = end.saturating_sub(CHUNK);
        let mut chunk = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(file).take(end - start).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + u64::try_from(at).unwrap_or(0) + 1);
        }
        end = start;
    }
    Ok(0)
}

const NOT_OURS: &str = "the file ends with a line that is none of ours; move it away";

#[derive(Deserialize)]
struct Place {
    seq: i64,
    hash: String,
}

/// Those of `links` that come after the line `last`.
///
/// Numbers alone do not tell: after a database was restored from a backup, they are given again.
fn after<'a>(last: &str, links: &'a [Link]) -> Result<&'a [Link], Problem> {
    let last: Place = serde_json::from_str(last).map_err(|_| Problem::unknown(NOT_OURS))?;
    let written = links.iter().take_while(|link| link.seq <= last.seq).count();
    let Some(same) = written.checked_sub(1).and_then(|at| links.get(at)) else { return Ok(links) };
    if same.seq != last.seq || keys::hex(&same.hash) != last.hash {
        let seq = last.seq;
        return Err(Problem::unknown(format!(
            "the file ends with event {seq} of another trail, or is ahead of this one \
             (was the database restored?); move it away"
        )));
    }
    Ok(links.get(written..).unwrap_or_default())
}
