//! The end of an audit trail, row by row: a statement that writes many rows would keep a journal of its
//! own beside the write-ahead log, in case one of them is refused.

use rusqlite::Connection;

use super::local::prepare;
use crate::trail::Addition;

// First, and only if nobody has moved it meanwhile: then all that follows is still as it was read.
const MOVE: &str = "
  UPDATE trail_ends SET seq = $2, hash = $3, attestation = $4
  WHERE org = $1 AND seq = $5 AND hash = $6 AND attestation = $7";

const PLACE: &str = "
  INSERT INTO trail (org, seq, id, at, outcome, client, subject, delegation, root, record, hash)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

const FORGET: &str = "DELETE FROM events WHERE org = $1 AND id = $2";

/// Adds it to the end, or nothing when the trail does not end there any more; whether it did.
pub(super) fn append(connection: &Connection, addition: &Addition) -> rusqlite::Result<bool> {
    let Addition { org, last, placed, newest } = addition;
    let values = [
        (&**org).into(),
        newest.seq.into(),
        newest.hash.as_slice().into(),
        newest.attestation.as_slice().into(),
        last.seq.into(),
        last.hash.as_slice().into(),
        last.attestation.as_slice().into(),
    ];
    if prepare(connection, MOVE, &values)?.raw_execute()? == 0 {
        return Ok(false);
    }
    for one in placed {
        let index = &one.index;
        let values = [
            (&**org).into(),
            one.seq.into(),
            (&index.id).into(),
            index.at.into(),
            (&index.outcome).into(),
            index.client.as_deref().into(),
            index.subject.as_deref().into(),
            index.delegation.as_deref().into(),
            index.root.as_deref().into(),
            (&one.record).into(),
            one.hash.as_slice().into(),
        ];
        prepare(connection, PLACE, &values)?.raw_execute()?;
        let values = [(&**org).into(), (&one.event).into()];
        match prepare(connection, FORGET, &values)?.raw_execute()? {
            1 => {}
            // It is placed once, and waits no more; or nothing has happened.
            rows => return Err(rusqlite::Error::StatementChangedRows(rows)),
        }
    }
    Ok(true)
}
