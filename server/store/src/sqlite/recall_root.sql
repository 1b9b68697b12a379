-- $1 org, $2 connection, $3 user, $4 agent. No row when the org does not exist.
SELECT
  orgs.revision,
  grants.id AS grant_id, grants.scope, grants.targets, grants.expires_at, grants.ended_at AS grant_ended_at
FROM orgs
LEFT JOIN grants ON grants.org = orgs.org AND grants.id = (
  -- The one that stands, or else the one that ended last.
  SELECT id FROM grants
  WHERE org = $1 AND connection = $2 AND user_sub = $3 AND agent = $4
  ORDER BY ended_at DESC NULLS FIRST
  LIMIT 1
)
WHERE orgs.org = $1
