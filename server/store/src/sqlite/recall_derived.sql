-- $1 org, $2 the delegation of the subject token. No row when the org does not exist.
WITH RECURSIVE line (id, parent, ended_at) AS (
  SELECT id, parent, ended_at FROM delegations WHERE org = $1 AND id = $2
  UNION -- Not UNION ALL: a circle, which cannot be, would end here.
  SELECT above.id, above.parent, above.ended_at
  FROM line JOIN delegations above ON above.org = $1 AND above.id = line.parent
),
own AS (
  SELECT id, root, connection, user_sub, grant_id, session, signed_in_at
  FROM delegations WHERE org = $1 AND id = $2
),
told (connection, name) AS (
  SELECT own.connection, named.value
  FROM own CROSS JOIN delegations AS first ON first.org = $1 AND first.id = own.root
  CROSS JOIN json_each(COALESCE(first.names, '[]')) AS named
  UNION ALL SELECT connection, 'sub:' || user_sub FROM own
  UNION ALL SELECT connection, 'sid:' || session FROM own
  UNION ALL SELECT connection, '*' FROM own
),
said AS (
  -- As in recall_root.sql.
  SELECT
    MAX(CASE WHEN substr(state.name, 1, 4) <> 'jti:' THEN state.signed_out_before END) AS signed_out_before,
    MAX(CASE WHEN substr(state.name, 1, 4) = 'jti:' THEN state.signed_out_before END) AS token_ended_before,
    MAX(state.step_up_before) AS step_up_before,
    MAX(state.disabled_at) AS disabled_at,
    MAX(state.noncompliant_at) AS noncompliant_at,
    MAX(CASE WHEN substr(state.name, 1, 7) = 'device:' THEN state.device_at END) AS compliant_at,
    MAX(CASE state.risk
      WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN CASE WHEN state.about = '' THEN 1 END
    END) AS risk
  FROM told CROSS JOIN subject_states AS state
    ON state.org = $1 AND state.connection = told.connection AND state.name = told.name
)
SELECT
  orgs.revision,
  orgs.epoch + COALESCE(grants.epoch, 0) AS epoch,
  own.id, own.root, own.connection, own.user_sub, own.session, own.signed_in_at,
  (SELECT MIN(ended_at) FROM line) AS ended_at,
  first.subject_sealed,
  grants.id AS grant_id, grants.scope, grants.targets, grants.expires_at, grants.ended_at AS grant_ended_at,
  said.signed_out_before, said.token_ended_before, said.step_up_before,
  said.disabled_at, said.noncompliant_at, said.compliant_at, said.risk,
  (
    SELECT CASE WHEN COUNT(*) = COUNT(CASE WHEN status = 'enabled' THEN heard_at END)
      THEN MIN(heard_at) END
    FROM streams WHERE org = $1 AND connection = own.connection
  ) AS heard_at
FROM orgs CROSS JOIN said
LEFT JOIN own ON true
LEFT JOIN delegations first ON first.org = orgs.org AND first.id = own.root
LEFT JOIN grants ON grants.org = orgs.org AND grants.id = own.grant_id
WHERE orgs.org = $1
