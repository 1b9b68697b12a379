-- $1 org, $2 connection, $3 user, $4 agent, $5 the names by which a signal may mean the token (JSON),
-- $6 those of them that have to be learned (JSON). No row when the org does not exist.
WITH said AS (
  SELECT
    MAX(CASE WHEN substr(state.name, 1, 4) <> 'jti:' THEN state.signed_out_before END) AS signed_out_before,
    MAX(CASE WHEN substr(state.name, 1, 4) = 'jti:' THEN state.signed_out_before END) AS token_ended_before,
    MAX(state.step_up_before) AS step_up_before,
    MAX(state.disabled_at) AS disabled_at,
    MAX(state.noncompliant_at) AS noncompliant_at,
    -- A good word counts only for the very device or session it is about; a bad one for all.
    MAX(CASE WHEN substr(state.name, 1, 7) = 'device:' THEN state.device_at END) AS compliant_at,
    MAX(CASE state.risk
      WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN CASE WHEN state.about = '' THEN 1 END
    END) AS risk
  -- CROSS JOIN, here and below: first the few names, then each by primary key.
  FROM json_each($5) AS told
  CROSS JOIN subject_states AS state
    ON state.org = $1 AND state.connection = $2 AND state.name = told.value
)
SELECT
  orgs.revision,
  orgs.epoch + COALESCE(grants.epoch, 0) AS epoch,
  grants.id AS grant_id, grants.scope, grants.targets, grants.expires_at, grants.ended_at AS grant_ended_at,
  said.signed_out_before, said.token_ended_before, said.step_up_before,
  said.disabled_at, said.noncompliant_at, said.compliant_at, said.risk,
  (
    -- The one that was silent for longest; none unless all are enabled and were heard of.
    SELECT CASE WHEN COUNT(*) = COUNT(CASE WHEN status = 'enabled' THEN heard_at END)
      THEN MIN(heard_at) END
    FROM streams WHERE org = $1 AND connection = $2
  ) AS heard_at,
  (
    SELECT COUNT(*) FROM json_each($6) AS told
    WHERE NOT EXISTS (
      SELECT 1 FROM subject_names
      WHERE org = $1 AND connection = $2 AND name = told.value AND user_sub = $3
    )
  ) AS unknown_names
FROM orgs CROSS JOIN said
LEFT JOIN grants ON grants.org = orgs.org AND grants.id = (
  -- The one that stands, or else the one that ended last.
  SELECT id FROM grants
  -- Nobody's own is the one of everybody, whatever a provider calls its users.
  WHERE org = $1 AND connection = $2 AND user_sub = $3 AND agent = $4 AND user_sub <> '*'
  ORDER BY ended_at DESC NULLS FIRST
  LIMIT 1
)
WHERE orgs.org = $1
