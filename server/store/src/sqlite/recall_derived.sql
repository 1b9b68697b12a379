-- $1 org, $2 the delegation of the subject token. No row when the org does not exist.
WITH RECURSIVE line (id, parent, ended_at) AS (
  SELECT id, parent, ended_at FROM delegations WHERE org = $1 AND id = $2
  UNION -- Not UNION ALL: a circle, which cannot be, would end here.
  SELECT above.id, above.parent, above.ended_at
  FROM line JOIN delegations above ON above.org = $1 AND above.id = line.parent
)
SELECT
  orgs.revision,
  own.id, own.root, own.connection, own.user_sub,
  (SELECT MIN(ended_at) FROM line) AS ended_at,
  first.subject_sealed,
  grants.id AS grant_id, grants.scope, grants.targets, grants.expires_at, grants.ended_at AS grant_ended_at
FROM orgs
LEFT JOIN delegations own ON own.org = orgs.org AND own.id = $2
LEFT JOIN delegations first ON first.org = own.org AND first.id = own.root
LEFT JOIN grants ON grants.org = own.org AND grants.id = own.grant_id
WHERE orgs.org = $1
