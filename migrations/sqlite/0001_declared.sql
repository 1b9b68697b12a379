-- What organizations consist of, as declared by `actas apply`, and their signing keys.
--
-- Every table but the first has the org first in its primary key. Times are seconds since the Unix epoch. Lists
-- are text with one item per line; scopes are text with one space between tokens, sorted.

-- One row: what tells whether a master key is the one this database was first used with.
CREATE TABLE installation (
  one            INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  probe          BLOB NOT NULL              -- a constant, sealed under the master key
) STRICT;

CREATE TABLE orgs (
  org            TEXT NOT NULL PRIMARY KEY,
  revision       INTEGER NOT NULL,          -- 1 when created; raised by every change, so that caches can tell they are stale
  name           TEXT NOT NULL,
  algorithm      TEXT NOT NULL,             -- JWS algorithm of issued tokens
  chain_limit    INTEGER NOT NULL,          -- most actors in one chain
  lifetime       INTEGER NOT NULL,          -- of issued tokens, seconds
  default_target TEXT                       -- audience of a token when the request names none
) STRICT;

CREATE TABLE connections (
  org            TEXT NOT NULL REFERENCES orgs (org),
  id             TEXT NOT NULL,
  issuer         TEXT NOT NULL,
  client_id      TEXT NOT NULL,             -- our name at the provider's introspection endpoint
  client_secret  BLOB NOT NULL,             -- sealed under the master key
  audiences      TEXT NOT NULL,             -- list: an `aud` of subject tokens must be among them
  algorithms     TEXT NOT NULL,             -- list: JWS algorithms the provider may use
  kinds          TEXT NOT NULL,             -- list: `access_token`, `id_token`
  subject_prefix TEXT NOT NULL,             -- put before the provider's `sub` in our tokens
  untyped_since  INTEGER,                   -- since when access tokens without `typ: at+jwt` are taken; null: they are not
  PRIMARY KEY (org, id)
) STRICT;

CREATE TABLE agents (
  org            TEXT NOT NULL REFERENCES orgs (org),
  id             TEXT NOT NULL,             -- OAuth `client_id`
  name           TEXT NOT NULL,
  scope          TEXT NOT NULL,             -- the most it may ever be given
  aliases        TEXT NOT NULL,             -- list: other names by which identity providers know it
  disabled_at    INTEGER,
  PRIMARY KEY (org, id)
) STRICT;

CREATE TABLE agent_secrets (
  org            TEXT NOT NULL,
  agent          TEXT NOT NULL,
  hash           BLOB NOT NULL,             -- keyed hash of the client secret, never the secret
  created_at     INTEGER NOT NULL,
  PRIMARY KEY (org, agent, hash),
  FOREIGN KEY (org, agent) REFERENCES agents (org, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE resources (
  org            TEXT NOT NULL REFERENCES orgs (org),
  id             TEXT NOT NULL,             -- `aud` of its tokens: an absolute URI or a logical name
  name           TEXT NOT NULL,
  scope          TEXT NOT NULL,             -- the scopes it knows
  PRIMARY KEY (org, id)
) STRICT;

CREATE TABLE policies (
  org            TEXT NOT NULL REFERENCES orgs (org),
  name           TEXT NOT NULL,             -- file name, for error messages
  text           TEXT NOT NULL,             -- Cedar
  PRIMARY KEY (org, name)
) STRICT;

-- Grants outlive their agent and connection as ended rows: the audit trail names them.
CREATE TABLE grants (
  org            TEXT NOT NULL REFERENCES orgs (org),
  id             TEXT NOT NULL,
  connection     TEXT NOT NULL,             -- where the user is known
  user_sub       TEXT NOT NULL,             -- the user's `sub` at that identity provider
  agent          TEXT NOT NULL,             -- who may act for the user
  scope          TEXT NOT NULL,
  targets        TEXT NOT NULL,             -- list: resource servers and agents
  expires_at     INTEGER,
  created_at     INTEGER NOT NULL,
  ended_at       INTEGER,
  PRIMARY KEY (org, id)
) STRICT;
-- At most one that stands per user and agent.
CREATE UNIQUE INDEX grants_standing ON grants (org, connection, user_sub, agent) WHERE ended_at IS NULL;
-- Looks a grant up for a root exchange, also one that has ended: the refusal can then say so. The
-- user comes first, not the org, so that no planner confuses it with the primary key while a new
-- table has no statistics.
CREATE INDEX grants_by_party ON grants (user_sub, agent, connection, org, ended_at);

CREATE TABLE signing_keys (
  org            TEXT NOT NULL REFERENCES orgs (org),
  kid            TEXT NOT NULL,             -- RFC 7638 thumbprint
  algorithm      TEXT NOT NULL,
  sealed         BLOB NOT NULL,             -- the private key under the master key
  created_at     INTEGER NOT NULL,
  PRIMARY KEY (org, kid)
) STRICT;
