//! What is known of the streams of signals of one organization's connections.
//!
//! Each method is one statement: nothing here is decided from what was read before.

use std::sync::Arc;

use async_trait::async_trait;
use delegation::{
    ports::{Described, Stream, StreamId, StreamStatus, Streams},
    refusal::Fault,
};
use policy::Timestamp;
use uuid::Uuid;

use crate::{
    database::{Database, Row, Value, to_its_end},
    json,
};

const FIND: &str = "
  SELECT * FROM streams WHERE org = $1 AND connection = $2 AND stream = $3";

const ALL: &str = "SELECT * FROM streams WHERE org = $1 ORDER BY connection, stream";

const LEASE: &str = "
  INSERT INTO streams AS known (org, connection, stream, lease_holder, lease_until)
  VALUES ($1, $2, $3, $4, $6)
  ON CONFLICT (org, connection, stream) DO UPDATE SET
    lease_holder = excluded.lease_holder, lease_until = excluded.lease_until
  WHERE known.lease_until IS NULL OR known.lease_until <= $5
    OR known.lease_holder = excluded.lease_holder";

// A stream that is made anew at its transmitter was not heard of yet.
const DESCRIBE: &str = "
  INSERT INTO streams AS known (org, connection, stream, stream_id, audience, poll_endpoint,
    min_verification_interval, inactivity_timeout, events_delivered)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  ON CONFLICT (org, connection, stream) DO UPDATE SET
    heard_at = CASE WHEN known.stream_id <> excluded.stream_id THEN NULL ELSE known.heard_at END,
    stream_id = excluded.stream_id, audience = excluded.audience,
    poll_endpoint = excluded.poll_endpoint,
    min_verification_interval = excluded.min_verification_interval,
    inactivity_timeout = excluded.inactivity_timeout,
    events_delivered = excluded.events_delivered";

const CHALLENGE: &str = "
  INSERT INTO streams (org, connection, stream, challenge, challenged_at)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (org, connection, stream) DO UPDATE SET
    challenge = excluded.challenge, challenged_at = excluded.challenged_at";

// The challenge stays: a transmitter that was not heard answering says it again.
const MET: &str = "
  UPDATE streams SET heard_at = CASE WHEN heard_at > $4 THEN heard_at ELSE $4 END
  WHERE org = $1 AND connection = $2 AND stream = $3 AND challenge = $5";

const HEARD: &str = "
  INSERT INTO streams AS known (org, connection, stream, heard_at) VALUES ($1, $2, $3, $4)
  ON CONFLICT (org, connection, stream) DO UPDATE SET
    heard_at = CASE WHEN known.heard_at > $4 THEN known.heard_at ELSE $4 END";

const SET_STATUS: &str = "
  INSERT INTO streams (org, connection, stream, status) VALUES ($1, $2, $3, $4)
  ON CONFLICT (org, connection, stream) DO UPDATE SET status = excluded.status";

const SET_ERROR: &str = "
  INSERT INTO streams (org, connection, stream, error) VALUES ($1, $2, $3, $4)
  ON CONFLICT (org, connection, stream) DO UPDATE SET error = excluded.error";

#[derive(Debug)]
pub(crate) struct OrgStreams {
    org: Arc<str>,
    database: Database,
}

impl OrgStreams {
    pub fn new(org: Arc<str>, database: Database) -> Self {
        Self { org, database }
    }

    /// Runs a statement about one stream; returns how many rows it changed.
    async fn set(
        &self,
        sql: &'static str,
        stream: &StreamId,
        more: Vec<Value<'static>>,
    ) -> Result<u64, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        let StreamId { connection, stream } = stream.clone();
        to_its_end(async move {
            let mut values = vec![(&*org).into(), (&connection).into(), (&stream).into()];
            values.extend(more);
            database.execute(sql, &values).await
        })
        .await
    }
}

#[async_trait]
impl Streams for OrgStreams {
    async fn find(&self, stream: &StreamId) -> Result<Stream, Fault> {
        let (org, database, id) = (Arc::clone(&self.org), self.database.clone(), stream.clone());
        to_its_end(async move {
            let values = [(&*org).into(), (&id.connection).into(), (&id.stream).into()];
            let row = database.fetch_one(FIND, &values).await?;
            row.map_or_else(|| Ok(Stream::default()), |row| read(&row))
        })
        .await
    }

    async fn all(&self) -> Result<Vec<(StreamId, Stream)>, Fault> {
        let (org, database) = (Arc::clone(&self.org), self.database.clone());
        to_its_end(async move {
            let rows = database.fetch_all(ALL, &[(&*org).into()]).await?;
            rows.iter()
                .map(|row| {
                    let (connection, stream) = (row.get("connection")?, row.get("stream")?);
                    Ok((StreamId { connection, stream }, read(row)?))
                })
                .collect()
        })
        .await
    }

    async fn lease(
        &self,
        stream: &StreamId,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Fault> {
        let values = vec![holder.to_string().into(), now.0.into(), until.0.into()];
        Ok(self.set(LEASE, stream, values).await? == 1)
    }

    async fn describe(&self, stream: &StreamId, described: &Described) -> Result<(), Fault> {
        let seconds = |seconds: Option<u64>| {
            Value::from(seconds.map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX)))
        };
        let values = vec![
            described.id.clone().into(),
            json::write(&described.audience).into(),
            described.poll_endpoint.clone().into(),
            seconds(described.min_verification_interval),
            seconds(described.inactivity_timeout),
            json::write(&described.events_delivered).into(),
        ];
        self.set(DESCRIBE, stream, values).await.map(drop)
    }

    async fn challenge(&self, stream: &StreamId, state: &str, at: Timestamp) -> Result<(), Fault> {
        let values = vec![state.to_owned().into(), at.0.into()];
        self.set(CHALLENGE, stream, values).await.map(drop)
    }

    async fn verified(
        &self,
        stream: &StreamId,
        state: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, Fault> {
        let rows = match state {
            Some(state) => {
                self.set(MET, stream, vec![at.0.into(), state.to_owned().into()]).await?
            }
            None => self.set(HEARD, stream, vec![at.0.into()]).await?,
        };
        Ok(rows == 1)
    }

    async fn set_status(&self, stream: &StreamId, status: StreamStatus) -> Result<(), Fault> {
        self.set(SET_STATUS, stream, vec![status.code().into()]).await.map(drop)
    }

    async fn set_error(&self, stream: &StreamId, error: Option<&str>) -> Result<(), Fault> {
        let error = error.map(|error| error.replace('\0', "\u{fffd}"));
        self.set(SET_ERROR, stream, vec![error.into()]).await.map(drop)
    }
}

fn read(row: &Row) -> Result<Stream, Fault> {
    let moment =
        |column: &'static str| row.get::<Option<i64>>(column).map(|moment| moment.map(Timestamp));
    Ok(Stream {
        described: described(row)?,
        status: StreamStatus::read(&row.get::<String>("status")?),
        challenge: row.get::<Option<String>>("challenge")?.zip(moment("challenged_at")?),
        heard_at: moment("heard_at")?,
        error: row.get("error")?,
    })
}

fn described(row: &Row) -> Result<Option<Described>, Fault> {
    let Some(id) = row.get::<Option<String>>("stream_id")? else { return Ok(None) };
    let list = |column: &'static str| match row.get::<Option<String>>(column)? {
        Some(text) => json::read(&text),
        None => Ok(Vec::new()),
    };
    let seconds = |column: &'static str| {
        row.get::<Option<i64>>(column)
            .map(|seconds| seconds.and_then(|seconds| u64::try_from(seconds).ok()))
    };
    Ok(Some(Described {
        id,
        audience: list("audience")?,
        poll_endpoint: row.get("poll_endpoint")?,
        min_verification_interval: seconds("min_verification_interval")?,
        inactivity_timeout: seconds("inactivity_timeout")?,
        events_delivered: list("events_delivered")?,
    }))
}
