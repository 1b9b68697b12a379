-- $1 org, $2 connection, $3 user, $4 agent, $5 the names by which a signal may mean the token (JSON),
-- $6 those of them that have to be learned (JSON). No row when the org does not exist.
--
-- OFFSET 0 keeps each look-up a query of its own, by primary key: see recall_derived.sql.
SELECT
  orgs.revision,
  orgs.epoch + COALESCE(held.epoch, 0) AS epoch,
  held.id AS grant_id, held.scope, held.targets, held.expires_at, held.ended_at AS grant_ended_at,
  said.signed_out_before, said.token_ended_before, said.step_up_before,
  said.disabled_at, said.noncompliant_at, said.compliant_at, said.risk,
  heard.heard_at,
  (
    SELECT COUNT(*) FROM json_array_elements_text($6::json) AS told (name)
    LEFT JOIN LATERAL (
      SELECT 1 AS known FROM subject_names
      WHERE org = $1 AND connection = $2 AND name = told.name AND user_sub = $3 OFFSET 0
    ) learned ON true
    WHERE learned.known IS NULL
  ) AS unknown_names
FROM orgs
LEFT JOIN LATERAL (
  -- The one that stands, or else the one that ended last.
  SELECT id, scope, targets, expires_at, ended_at, epoch FROM grants
  -- Nobody's own is the one of everybody, whatever a provider calls its users.
  WHERE org = $1 AND connection = $2 AND user_sub = $3 AND agent = $4 AND user_sub <> '*'
  ORDER BY ended_at DESC NULLS FIRST
  LIMIT 1
) held ON true
CROSS JOIN LATERAL (
  SELECT
    MAX(CASE WHEN substr(state.name, 1, 4) <> 'jti:' THEN state.signed_out_before END) AS signed_out_before,
    MAX(CASE WHEN substr(state.name, 1, 4) = 'jti:' THEN state.signed_out_before END) AS token_ended_before,
    MAX(state.step_up_before) AS step_up_before,
    MAX(state.disabled_at) AS disabled_at,
    MAX(state.noncompliant_at) AS noncompliant_at,
    -- A good word counts only for the very device or session it is about; a bad one for all.
    MAX(CASE WHEN substr(state.name, 1, 7) = 'device:' THEN state.device_at END) AS compliant_at,
    CAST(MAX(CASE state.risk
      WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN CASE WHEN state.about = '' THEN 1 END
    END) AS BIGINT) AS risk
  FROM json_array_elements_text($5::json) AS told (name)
  CROSS JOIN LATERAL (
    SELECT * FROM subject_states WHERE org = $1 AND connection = $2 AND name = told.name OFFSET 0
  ) state
) said
CROSS JOIN LATERAL (
  -- The one that was silent for longest; none unless all are enabled and were heard of.
  SELECT CASE WHEN COUNT(*) = COUNT(CASE WHEN status = 'enabled' THEN heard_at END)
    THEN MIN(heard_at) END AS heard_at
  FROM streams WHERE org = $1 AND connection = $2
) heard
WHERE orgs.org = $1
