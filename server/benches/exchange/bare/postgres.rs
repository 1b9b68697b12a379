use std::{sync::mpsc, thread};

use tokio::sync::mpsc::Receiver;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use super::audit::{BATCH, Job, answer};
use crate::Outcome;

const TABLE: &str = "create table if not exists bare_audit (
    seq bigint generated always as identity primary key,
    id bytea not null,
    at bigint not null,
    client text not null,
    subject text not null,
    actor text not null,
    body text not null
)";

/// One statement, however many rows, and with it one commit.
const INSERT: &str = "insert into bare_audit (id, at, client, subject, actor, body)
    select * from unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])";

/// A connection of its own, on a thread of its own.
pub(super) fn start(url: &str, rows: Receiver<Job>) -> Outcome<()> {
    let url = url.to_owned();
    let (ready, is_ready) = mpsc::channel::<()>();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let ended = runtime
            .map_err(Into::into)
            .and_then(|runtime| runtime.block_on(connect_and_write(&url, rows, ready)));
        if let Err(error) = ended {
            eprintln!("bare: PostgreSQL: {error}");
        }
    });
    is_ready.recv().map_err(|_| "the writer did not start".into())
}

async fn connect_and_write(
    url: &str,
    mut rows: Receiver<Job>,
    ready: mpsc::Sender<()>,
) -> Outcome<()> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("bare: PostgreSQL: {error}");
        }
    });
    client.batch_execute(TABLE).await?;
    let insert = client.prepare(INSERT).await?;
    ready.send(())?;
    let mut batch = Vec::with_capacity(BATCH);
    while 0 < rows.recv_many(&mut batch, BATCH).await {
        write(&client, &insert, &batch).await?;
        answer(batch.drain(..).map(|(_, written)| written));
    }
    Ok(())
}

async fn write(client: &Client, insert: &Statement, batch: &[Job]) -> Outcome<()> {
    let rows = || batch.iter().map(|(row, _)| row);
    let ids: Vec<&[u8]> = rows().map(|row| Uuid::as_bytes(&row.id).as_slice()).collect();
    let moments: Vec<i64> = rows().map(|row| row.at).collect();
    let clients: Vec<&str> = rows().map(|row| row.client.as_str()).collect();
    let subjects: Vec<&str> = rows().map(|row| row.subject.as_str()).collect();
    let actors: Vec<&str> = rows().map(|row| row.actor.as_str()).collect();
    let bodies: Vec<&str> = rows().map(|row| row.body.as_str()).collect();
    client.execute(insert, &[&ids, &moments, &clients, &subjects, &actors, &bodies]).await?;
    Ok(())
}
