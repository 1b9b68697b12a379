//! A connection of this process's own to the file: what is asked is done where it is asked, on the
//! calling thread, with no hand-over to another one and back (decision 0002).

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use delegation::refusal::Fault;
use rusqlite::{
    CachedStatement, Connection, OpenFlags,
    types::{FromSql, ValueRef},
};

use crate::database::Value;

/// A row: the name of each column, and what is in it.
#[derive(Debug)]
pub(crate) struct LocalRow(Vec<(String, rusqlite::types::Value)>);

impl LocalRow {
    pub fn get<T: FromSql>(&self, column: &str) -> Result<T, Fault> {
        let cell = self.0.iter().find(|(name, _)| name == column);
        let (_, value) = cell.ok_or_else(|| Fault::Store(format!("no column `{column}`")))?;
        T::column_result(value.into())
            .map_err(|error| Fault::Store(format!("the column `{column}`: {error}")))
    }
}

/// Opens the file, which is there and has its write-ahead log.
///
/// It never folds that log into the file by itself: whoever commits would have to wait for it (see
/// `fold`).
pub(crate) fn open(path: &Path, busy: Duration) -> rusqlite::Result<Connection> {
    // No mutex: one thread at a time has it. Neither creates it, nor takes its name for a URI.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// The statement, kept from the last time, with each `$n` given its value.
pub(crate) fn prepare<'c>(
    connection: &'c Connection,
    sql: &'static str,
    values: &[Value<'_>],
) -> rusqlite::Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(sql)?;
    // SQLite numbers them as they appear in the text; the text says which they are.
    for index in 1..=statement.parameter_count() {
        let name = statement.parameter_name(index).unwrap_or_default();
        let number: usize = name.trim_start_matches('$').parse().unwrap_or_default();
        let value = values.get(number.wrapping_sub(1));
        match value.ok_or_else(|| rusqlite::Error::InvalidParameterName(name.to_owned()))? {
            Value::Int(value) => statement.raw_bind_parameter(index, value)?,
            Value::Text(value) => statement.raw_bind_parameter(index, value.as_deref())?,
            Value::Bytes(value) => statement.raw_bind_parameter(index, value)?,
        }
    }
    Ok(statement)
}

/// The file cannot be read without waiting, or not at all: then those who may wait, and say why not, are
/// to be asked.
#[derive(Debug)]
pub(crate) struct AskThoseWhoWait;

/// Connections to look something up with, by primary key and at once: never for what takes time.
/// Clones share them.
///
/// As many as threads ever look at once, opened as they are needed.
#[derive(Clone, Debug)]
pub(crate) struct Lookers {
    path: Arc<PathBuf>,
    /// None when closed.
    idle: Arc<Mutex<Option<Vec<Connection>>>>,
}

impl Lookers {
    pub fn new(path: &Path) -> Self {
        Self { path: Arc::new(path.to_owned()), idle: Arc::new(Mutex::new(Some(Vec::new()))) }
    }

    /// The first row, if there is one.
    pub fn look(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> Result<Option<LocalRow>, AskThoseWhoWait> {
        let kept = match &mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(idle) => idle.pop(),
            None => return Err(AskThoseWhoWait),
        };
        let connection = kept.map_or_else(|| self.open(), Ok).map_err(|_| AskThoseWhoWait)?;
        let row = first_row(&connection, sql, values).map_err(|_| AskThoseWhoWait)?;
        if let Some(idle) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            idle.push(connection);
        }
        Ok(row)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        // The thread serves others as well: it never waits for a lock.
        let connection = open(&self.path, Duration::ZERO)?;
        connection.pragma_update(None, "query_only", "ON")?;
        Ok(connection)
    }

    pub fn close(&self) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn first_row(
    connection: &Connection,
    sql: &'static str,
    values: &[Value<'_>],
) -> rusqlite::Result<Option<LocalRow>> {
    let mut statement = prepare(connection, sql, values)?;
    let mut rows = statement.raw_query();
    let Some(row) = rows.next()? else { return Ok(None) };
    let columns = row.as_ref().column_count();
    let cell = |index| {
        let value: ValueRef<'_> = row.get_ref(index)?;
        Ok((row.as_ref().column_name(index)?.to_owned(), value.try_into()?))
    };
    (0..columns).map(cell).collect::<rusqlite::Result<_>>().map(|cells| Some(LocalRow(cells)))
}
