-- $1 org, $2 the delegation of the subject token. No row when the org does not exist.
--
-- OFFSET 0 keeps each look-up a query of its own, by primary key. Flattened into one join it could
-- be planned, while the tables are new and without statistics, as a scan of the whole org.
WITH RECURSIVE line (id, parent, ended_at) AS (
  SELECT id, parent, ended_at FROM delegations WHERE org = $1 AND id = $2
  UNION -- Not UNION ALL: a circle, which cannot be, would end here.
  SELECT above.id, above.parent, above.ended_at
  FROM line CROSS JOIN LATERAL (
    SELECT id, parent, ended_at FROM delegations WHERE org = $1 AND id = line.parent OFFSET 0
  ) above
)
SELECT
  orgs.revision,
  orgs.epoch + COALESCE(held.epoch, 0) AS epoch,
  own.id, own.root, own.connection, own.user_sub,
  (SELECT MIN(ended_at) FROM line) AS ended_at,
  first.subject_sealed,
  held.id AS grant_id, held.scope, held.targets, held.expires_at, held.ended_at AS grant_ended_at,
  said.signed_out_before, said.token_ended_before, said.step_up_before,
  said.disabled_at, said.noncompliant_at, said.compliant_at, said.risk,
  heard.heard_at
FROM orgs
LEFT JOIN LATERAL (
  SELECT id, root, connection, user_sub, grant_id, session
  FROM delegations WHERE org = $1 AND id = $2 OFFSET 0
) own ON true
LEFT JOIN LATERAL (
  SELECT subject_sealed, names FROM delegations WHERE org = $1 AND id = own.root OFFSET 0
) first ON true
LEFT JOIN LATERAL (
  SELECT id, scope, targets, expires_at, ended_at, epoch FROM grants
  WHERE org = $1 AND id = own.grant_id OFFSET 0
) held ON true
CROSS JOIN LATERAL (
  -- As in recall_root.sql.
  SELECT
    MAX(CASE WHEN substr(state.name, 1, 4) <> 'jti:' THEN state.signed_out_before END) AS signed_out_before,
    MAX(CASE WHEN substr(state.name, 1, 4) = 'jti:' THEN state.signed_out_before END) AS token_ended_before,
    MAX(state.step_up_before) AS step_up_before,
    MAX(state.disabled_at) AS disabled_at,
    MAX(state.noncompliant_at) AS noncompliant_at,
    MAX(CASE WHEN substr(state.name, 1, 7) = 'device:' THEN state.device_at END) AS compliant_at,
    CAST(MAX(CASE state.risk
      WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN CASE WHEN state.about = '' THEN 1 END
    END) AS BIGINT) AS risk
  FROM (
    SELECT json_array_elements_text(COALESCE(first.names, '[]')::json)
    UNION ALL SELECT 'sub:' || own.user_sub
    UNION ALL SELECT 'sid:' || own.session
    UNION ALL SELECT '*'
  ) AS told (name)
  CROSS JOIN LATERAL (
    SELECT * FROM subject_states
    WHERE org = $1 AND connection = own.connection AND name = told.name OFFSET 0
  ) state
) said
CROSS JOIN LATERAL (
  SELECT CASE WHEN COUNT(*) = COUNT(CASE WHEN status = 'enabled' THEN heard_at END)
    THEN MIN(heard_at) END AS heard_at
  FROM streams WHERE org = $1 AND connection = own.connection
) heard
WHERE orgs.org = $1
