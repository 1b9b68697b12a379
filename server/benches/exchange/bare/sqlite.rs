use std::thread;

use rusqlite::{Connection, params};
use tokio::sync::mpsc::Receiver;

use super::audit::{BATCH, Job, answer};
use crate::Outcome;

const TABLE: &str = "create table if not exists bare_audit (
    seq integer primary key,
    id blob not null,
    at integer not null,
    client text not null,
    subject text not null,
    actor text not null,
    body text not null
)";

const INSERT: &str = "insert into bare_audit (id, at, client, subject, actor, body)
    values (?1, ?2, ?3, ?4, ?5, ?6)";

/// As durable as actas: a write-ahead log, flushed at every commit.
pub(super) fn start(file: &str, rows: Receiver<Job>) -> Outcome<()> {
    let mut connection = Connection::open(file)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(TABLE)?;
    thread::spawn(move || {
        if let Err(error) = write(&mut connection, rows) {
            eprintln!("bare: SQLite: {error}");
        }
    });
    Ok(())
}

fn write(connection: &mut Connection, mut rows: Receiver<Job>) -> Outcome<()> {
    let mut batch: Vec<Job> = Vec::with_capacity(BATCH);
    while 0 < rows.blocking_recv_many(&mut batch, BATCH) {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for (row, _) in &batch {
                let id = row.id.as_bytes();
                insert.execute(params![
                    id,
                    row.at,
                    row.client,
                    row.subject,
                    row.actor,
                    row.body
                ])?;
            }
        }
        transaction.commit()?;
        answer(batch.drain(..).map(|(_, written)| written));
    }
    Ok(())
}
