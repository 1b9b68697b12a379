-- Who is calling, and with what: ways of client authentication, service accounts, keys that tokens are
-- bound to, grants of everybody, and what may be used once.

ALTER TABLE agents
  ADD COLUMN authentication TEXT,           -- JSON; null, from before there was any: client secrets and nothing else
  ADD COLUMN purpose        TEXT;           -- what a service account is for; null: an agent, which acts for users
-- One service account for each purpose.
CREATE UNIQUE INDEX agents_by_purpose ON agents (org, purpose) WHERE purpose IS NOT NULL;

ALTER TABLE resources
  ADD COLUMN authentication TEXT,           -- as of agents
  ADD COLUMN abroad         TEXT;           -- JSON, of the authorization server of another domain; null: an API, which takes access tokens

ALTER TABLE connections ADD COLUMN token_rules TEXT; -- JSON; null: what was the rule before there were others
ALTER TABLE orgs ADD COLUMN options TEXT;   -- JSON; null: none is set

-- Whom an org believes beside identity providers.
CREATE TABLE trusts (
  org            TEXT NOT NULL REFERENCES orgs (org),
  kind           TEXT NOT NULL,             -- `workload_issuer`, `trust_domain`, `certificate_authority`, `attester`
  id             TEXT NOT NULL,
  settings       BYTEA NOT NULL,            -- JSON, sealed under the data key, since it may hold secrets
  PRIMARY KEY (org, kind, id)
);

-- A grant whose user is `*` is one of everybody of the connection. What hangs on it hangs on a grant of
-- each user's own, made at first use, so that ending one user's ends nobody else's.
--
-- Without connection and user: what the org itself grants a service account, or an agent to speak for itself.
ALTER TABLE grants ADD COLUMN template TEXT; -- the grant of everybody that this one was made of; then created_at is that one's
-- Only one is ever made for a user: when it has ended, no other is.
CREATE UNIQUE INDEX grants_of_template ON grants (org, template, user_sub) WHERE template IS NOT NULL;

-- What was used that may be used once: ids of client assertions, and of proofs of possession.
CREATE TABLE used (
  org            TEXT NOT NULL,
  id             BYTEA NOT NULL,            -- SHA-256 of what it is, whose it is, and its id there
  request        TEXT NOT NULL,             -- which request used it: that one may go on
  until          BIGINT NOT NULL,           -- when it has expired; forgotten soon after
  PRIMARY KEY (org, id)
);
-- What comes and goes all the time is cleaned up by its number, however many wait.
ALTER TABLE used SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
-- What the sweep looks for.
CREATE INDEX used_until ON used (until);
