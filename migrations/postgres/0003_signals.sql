-- What identity providers say on their own: signals, what they said of whom, and the streams they come on.
--
-- Columns of `events` go away here and not in a later release: nothing was released with them.

ALTER TABLE connections
  ADD COLUMN max_age       BIGINT NOT NULL DEFAULT 0, -- how old an answer of the provider may be, seconds; 0: asked at every exchange
  ADD COLUMN reconnect_uri TEXT,                      -- where a person signs in again
  ADD COLUMN acr_values    TEXT,                      -- what a step-up asks for unless the provider says
  ADD COLUMN checks        BYTEA,                     -- how the provider is asked: JSON, sealed under the master key; null: from before there were any
  ADD COLUMN signals       BYTEA;                     -- which signals are taken: likewise

-- What an opening compares with what was recalled: orgs.epoch and grants.epoch, added up. Both only grow.
ALTER TABLE orgs ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;   -- raised by every signal about nobody in particular
ALTER TABLE grants ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0; -- raised by every signal about the user; one number for all grants of a user

ALTER TABLE delegations
  ADD COLUMN session      TEXT,             -- `sid` at the identity provider, of the whole chain
  ADD COLUMN signed_in_at BIGINT,           -- when the user signed in, or the chain's first token was issued
  ADD COLUMN names        TEXT;             -- only on a root: names its token gave, a JSON array; forgotten with subject_sealed
-- What a signal looks for: what stands of a user, of a session, or under a name of its root.
CREATE INDEX delegations_by_user ON delegations (org, connection, user_sub, expires_at) WHERE ended_at IS NULL;
-- What has ended, too: whether a session is known does not change with it.
CREATE INDEX delegations_by_session ON delegations (org, connection, session, expires_at) WHERE session IS NOT NULL;
CREATE INDEX delegations_by_name ON delegations (org, connection, expires_at) WHERE names IS NOT NULL AND ended_at IS NULL;

ALTER TABLE events
  ADD COLUMN checks TEXT,                   -- JSON array: how the identity provider was asked, and what it said; null: it was not
  DROP COLUMN check_kind,
  DROP COLUMN check_answer,
  DROP COLUMN check_took_us,
  DROP COLUMN check_shared;

-- Names by which users are known beside their `sub`: one names one user, whoever came with it last.
CREATE TABLE subject_names (
  org               TEXT NOT NULL,
  connection        TEXT NOT NULL,
  name              TEXT NOT NULL,          -- `email:…`, `phone:…`, `id:…`
  user_sub          TEXT NOT NULL,
  PRIMARY KEY (org, connection, name)
);
CREATE INDEX subject_names_by_user ON subject_names (org, connection, user_sub);

-- What signals said of a name. A null says nothing.
CREATE TABLE subject_states (
  org               TEXT NOT NULL,
  connection        TEXT NOT NULL,
  name              TEXT NOT NULL,          -- `sub:…`, `email:…`, `sid:…`, `jti:…`, `device:…`; `*`: everybody
  about             TEXT NOT NULL,          -- empty; or the session or device it was said of when nobody knew that, so that it stands for the user
  signed_out_before BIGINT,                 -- who signed in before must sign in again
  step_up_before    BIGINT,                 -- who signed in before must show more
  account_at        BIGINT,                 -- as of when the account is known; later beats earlier
  disabled_at       BIGINT,                 -- null: it may be used
  device_at         BIGINT,                 -- as of when the device is known
  noncompliant_at   BIGINT,                 -- null: it complies
  risk_at           BIGINT,                 -- as of when the risk is known
  risk              TEXT,                   -- `low`, `medium`, `high`
  forget_at         BIGINT,                 -- of a session or token: when nobody can come with it any more
  PRIMARY KEY (org, connection, name, about)
);
CREATE INDEX subject_states_to_forget ON subject_states (forget_at) WHERE forget_at IS NOT NULL;

-- Every signal that was taken, so that none is taken twice.
CREATE TABLE signals (
  org               TEXT NOT NULL,
  connection        TEXT NOT NULL,
  issuer            TEXT NOT NULL,          -- who sent it
  id                TEXT NOT NULL,          -- `jti`, or what serves as one
  source            TEXT NOT NULL,          -- how it came: `push`, `poll`, `logout`, `revocation`, `scim`, `check`
  received_at       BIGINT NOT NULL,
  event             TEXT NOT NULL,          -- what the audit trail says of it
  PRIMARY KEY (org, connection, issuer, id)
);
CREATE INDEX signals_to_forget ON signals (received_at);

-- What is known of the streams of signals that connections declare (SSF 1.0 §8.1).
CREATE TABLE streams (
  org               TEXT NOT NULL,
  connection        TEXT NOT NULL,
  stream            TEXT NOT NULL,          -- our name of it
  stream_id         TEXT,                   -- the transmitter's; null: it has not described it yet
  audience          TEXT,                   -- JSON array
  poll_endpoint     TEXT,                   -- null: it is pushed
  min_verification_interval BIGINT,         -- seconds
  inactivity_timeout BIGINT,                -- seconds
  events_delivered  TEXT,                   -- JSON array
  status            TEXT NOT NULL DEFAULT 'enabled', -- `enabled`, `paused`, `disabled`
  challenge         TEXT,                   -- `state` of the verification asked for last
  challenged_at     BIGINT,
  heard_at          BIGINT,                 -- when a verification came in last
  error             TEXT,                   -- what went wrong last; null: all is well
  lease_holder      TEXT,                   -- the replica that takes care of it
  lease_until       BIGINT,
  PRIMARY KEY (org, connection, stream)
);
