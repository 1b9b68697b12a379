-- $1 org, $2 the delegation of the subject token. No row when the org does not exist.
WITH RECURSIVE line (id, parent, ended_at) AS (
  SELECT id, parent, ended_at FROM delegations WHERE org = $1 AND id = $2
  UNION -- Not UNION ALL: a circle, which cannot be, would end here.
  SELECT above.id, above.parent, above.ended_at
  FROM line JOIN delegations above ON above.org = $1 AND above.id = line.parent
),
said AS (
  -- As in recall_root.sql. No table of names in between: it would be made anew for every question.
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
  FROM delegations AS own
  CROSS JOIN delegations AS first
  CROSS JOIN json_each(json_insert(
    COALESCE(first.names, '[]'), '$[#]', '*', '$[#]', 'sub:' || own.user_sub,
    '$[#]', 'sid:' || own.session)) AS told
  CROSS JOIN subject_states AS state
  WHERE own.org = $1 AND own.id = $2 AND first.org = $1 AND first.id = own.root
    AND state.org = $1 AND state.connection = own.connection AND state.name = told.value
)
SELECT
  orgs.revision,
  orgs.epoch + COALESCE(grants.epoch, 0) AS epoch,
  own.id, own.root, own.connection, own.user_sub,
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
LEFT JOIN delegations own ON own.org = orgs.org AND own.id = $2
LEFT JOIN delegations first ON first.org = own.org AND first.id = own.root
LEFT JOIN grants ON grants.org = own.org AND grants.id = own.grant_id
WHERE orgs.org = $1
