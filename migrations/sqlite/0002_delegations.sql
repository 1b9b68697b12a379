-- What is remembered of every exchange: the delegation, and one event per decision.
--
-- No foreign keys here. The statement that inserts a delegation checks the org, the
-- grant and all ancestors itself (server/store/src/sqlite/open.sql); a trigger per row that
-- checks them again would only cost.

CREATE TABLE delegations (
  org            TEXT NOT NULL,
  id             TEXT NOT NULL,             -- UUIDv7; `jti` of the token
  parent         TEXT,                      -- the delegation of the subject token; null for a root
  root           TEXT NOT NULL,             -- first of the chain; its own id for a root
  grant_id       TEXT NOT NULL,             -- the grant the whole chain hangs on
  connection     TEXT NOT NULL,
  user_sub       TEXT NOT NULL,             -- the user's `sub` at the home identity provider
  agent          TEXT NOT NULL,             -- the current actor
  target         TEXT NOT NULL,             -- `aud`
  scope          TEXT NOT NULL,
  depth          INTEGER NOT NULL,          -- actors in the chain
  token_hash     BLOB NOT NULL,             -- SHA-256 of the compact token
  issued_at      INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL,
  ended_at       INTEGER,                   -- when it, or first one of its ancestors, was revoked
  subject_sealed BLOB,                      -- only on a root: the provider's token, sealed; asked about at later hops
  PRIMARY KEY (org, id)
) STRICT;
-- What a revocation looks for: what stands below, on a grant, or with an agent.
CREATE INDEX delegations_by_parent ON delegations (org, parent) WHERE ended_at IS NULL AND parent IS NOT NULL;
CREATE INDEX delegations_by_grant ON delegations (org, grant_id, expires_at) WHERE ended_at IS NULL;
CREATE INDEX delegations_by_agent ON delegations (org, agent, expires_at) WHERE ended_at IS NULL;
-- What the sweep looks for.
CREATE INDEX delegations_with_subject ON delegations (expires_at) WHERE subject_sealed IS NOT NULL;

-- Only ever inserted. Ids are UUIDv7, so the primary key is also the order in time.
CREATE TABLE events (
  org             TEXT NOT NULL,
  id              TEXT NOT NULL,
  at              INTEGER NOT NULL,
  request_id      TEXT NOT NULL,
  client_address  TEXT,
  outcome         TEXT NOT NULL,            -- `issued`, `refused`, `unavailable`
  error           TEXT,                     -- the OAuth error code that was answered
  reason          TEXT,                     -- our stable name of why
  detail          TEXT,                     -- more of why, for people
  client          TEXT,                     -- authenticated, or only claimed when authentication failed
  subject         TEXT,                     -- the user's `sub` in our tokens
  chain           TEXT,                     -- the actor chain as JSON, outermost first
  target          TEXT,
  scope_requested TEXT,
  scope_granted   TEXT,
  delegation      TEXT,                     -- what was issued
  parent          TEXT,                     -- what it was derived from
  grant_id        TEXT,
  policies        TEXT,                     -- ids of the org's policies that decided, separated by spaces
  policy_hash     TEXT,                     -- SHA-256 of the policy set, hex
  check_kind      TEXT,                     -- how the identity provider was asked; null: it was not
  check_answer    TEXT,                     -- `good`, `gone`, `unknown`
  check_took_us   INTEGER,
  check_shared    INTEGER,                  -- 1 when the answer was shared with another request, else 0
  PRIMARY KEY (org, id)
) STRICT;
