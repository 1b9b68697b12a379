-- The ledger for life: a chained audit trail and its exports, what operators have stopped, status
-- lists, the life of signing keys, and a data key that the master key only wraps.

-- Null: from before there was one; then the data key is the master key itself.
ALTER TABLE installation ADD COLUMN data_key BLOB; -- wrapped under the master key

ALTER TABLE orgs ADD COLUMN key_rotation INTEGER NOT NULL DEFAULT 2592000; -- how long a signing key signs, seconds; 0: for ever
ALTER TABLE orgs ADD COLUMN audit_retention INTEGER NOT NULL DEFAULT 7776000; -- how long the audit trail is kept at least, seconds

-- A key is published from created_at on. The first of an organization signs at once; one that was
-- added later signs when no verifier's cache lacks it.
ALTER TABLE signing_keys ADD COLUMN activates_at INTEGER NOT NULL DEFAULT 0; -- from when on it signs
ALTER TABLE signing_keys ADD COLUMN retires_at INTEGER; -- from when on it signs no more; null: no successor is planned
ALTER TABLE signing_keys ADD COLUMN compromised_at INTEGER; -- since when it is neither published nor used
UPDATE signing_keys SET activates_at = created_at + CASE
  WHEN created_at = (SELECT MIN(older.created_at) FROM signing_keys older WHERE older.org = signing_keys.org)
  THEN 0 ELSE 360 END;

ALTER TABLE resources ADD COLUMN client_id TEXT; -- the name under which it authenticates to introspect tokens
ALTER TABLE resources ADD COLUMN status_since INTEGER; -- since when its tokens have a place on a status list; null: they have none

CREATE TABLE operators (
  org            TEXT NOT NULL REFERENCES orgs (org),
  id             TEXT NOT NULL,
  name           TEXT NOT NULL,
  powers         TEXT NOT NULL,             -- list: `audit`, `revoke`, `keys`
  PRIMARY KEY (org, id)
) STRICT;

-- Of resource servers and operators; those of agents are in agent_secrets.
CREATE TABLE client_secrets (
  org            TEXT NOT NULL,
  kind           TEXT NOT NULL,             -- `resource`, `operator`
  owner          TEXT NOT NULL,
  hash           BLOB NOT NULL,            -- keyed hash of the secret, never the secret
  created_at     INTEGER NOT NULL,
  PRIMARY KEY (org, kind, owner, hash)
) STRICT;

-- What a revocation has stopped until it is restored, whatever is declared of it.
CREATE TABLE stops (
  org            TEXT NOT NULL REFERENCES orgs (org),
  kind           TEXT NOT NULL,             -- `org`, `agent`, `connection`
  id             TEXT NOT NULL,             -- empty for the org
  stopped_at     INTEGER NOT NULL,
  PRIMARY KEY (org, kind, id)
) STRICT;

-- Indexes are given away in blocks; a list is dead when the last block's tokens are.
CREATE TABLE status_lists (
  org            TEXT NOT NULL REFERENCES orgs (org),
  list           INTEGER NOT NULL,
  leased         INTEGER NOT NULL,           -- indexes below it were given away
  leased_until   INTEGER NOT NULL,           -- until when the last of them may be used
  PRIMARY KEY (org, list)
) STRICT;
ALTER TABLE delegations ADD COLUMN status_list INTEGER;
ALTER TABLE delegations ADD COLUMN status_index INTEGER;
-- Only what has ended is in it: opening pays nothing for it.
CREATE INDEX delegations_by_status ON delegations (org, status_list, status_index)
  WHERE status_list IS NOT NULL AND ended_at IS NOT NULL;

-- Events as they are written: a line of JSON each, waiting for its place in the trail. Small, and
-- without further indexes, whatever has happened so far.
ALTER TABLE events RENAME TO old_events;
CREATE TABLE events (
  org            TEXT NOT NULL,
  id             TEXT NOT NULL,             -- UUIDv7
  record         TEXT NOT NULL,             -- see delegation/src/trail/record.rs
  PRIMARY KEY (org, id)
) STRICT;
INSERT INTO events (org, id, record)
  SELECT org, id, json_patch('{}', json_object(
    'id', id, 'org', org, 'at', at, 'outcome', outcome, 'request_id', request_id, 'client_address', client_address,
    'error', error, 'reason', reason, 'detail', detail, 'client', client, 'subject', subject, 'chain', json(chain),
    'target', target, 'scope_requested', scope_requested, 'scope_granted', scope_granted, 'delegation', delegation,
    'parent', parent, 'root', (
      SELECT root FROM delegations
      WHERE delegations.org = old_events.org AND delegations.id = COALESCE(old_events.delegation, old_events.parent)),
    'grant', grant_id, 'policies', policies, 'policy_hash', policy_hash, 'checks', json(checks)))
  FROM old_events;
DROP TABLE old_events;

-- The audit trail: events in their places. Appended at one end, forgotten at the other, never changed.
CREATE TABLE trail (
  org            TEXT NOT NULL,
  seq            INTEGER NOT NULL,           -- from 1, without gaps
  id             TEXT NOT NULL,
  at             INTEGER NOT NULL,
  outcome        TEXT NOT NULL,
  client         TEXT,
  subject        TEXT,
  delegation     TEXT,
  root           TEXT,
  record         TEXT NOT NULL,             -- what is hashed; the columns before repeat some of it
  hash           BLOB NOT NULL,            -- SHA-256 of the hash before and the record
  PRIMARY KEY (org, seq)
) STRICT;
-- Not unique: an event that somebody put back by hand shows up twice rather than keeping all others out.
CREATE INDEX trail_by_id ON trail (org, id);
CREATE INDEX trail_by_time ON trail (org, at, seq);
CREATE INDEX trail_by_client ON trail (org, client, seq) WHERE client IS NOT NULL;
CREATE INDEX trail_by_subject ON trail (org, subject, seq) WHERE subject IS NOT NULL;
CREATE INDEX trail_by_delegation ON trail (org, delegation) WHERE delegation IS NOT NULL;
CREATE INDEX trail_by_root ON trail (org, root, seq) WHERE root IS NOT NULL;
CREATE INDEX trail_by_outcome ON trail (org, outcome, seq) WHERE outcome <> 'issued';

-- Where a trail ends, and where what is kept of it begins; attested under the data key.
CREATE TABLE trail_ends (
  org            TEXT NOT NULL PRIMARY KEY REFERENCES orgs (org),
  seq            INTEGER NOT NULL,           -- of the newest link; 0: none yet
  hash           BLOB NOT NULL,
  attestation    BLOB NOT NULL,
  first_seq      INTEGER NOT NULL,           -- of the link before the oldest that is kept
  first_hash     BLOB NOT NULL,
  first_attestation BLOB NOT NULL
) STRICT;

-- Sinks of the trail, and how far each has got.
CREATE TABLE exports (
  org            TEXT NOT NULL REFERENCES orgs (org),
  id             TEXT NOT NULL,
  kind           TEXT NOT NULL,             -- `file`, `webhook`, `syslog`, `splunk`, `datadog`, `otlp`
  settings       BLOB NOT NULL,            -- JSON, sealed under the data key
  done           INTEGER NOT NULL DEFAULT 0, -- everything up to this number has arrived
  sending        INTEGER NOT NULL DEFAULT 0, -- up to where a batch was begun
  holder         TEXT,                      -- the replica that takes care of it
  held_until     INTEGER,
  error          TEXT,                      -- what went wrong last; null: all is well
  failing_since  INTEGER,
  PRIMARY KEY (org, id)
) STRICT;
