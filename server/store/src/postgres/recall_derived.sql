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
  own.id, own.root, own.connection, own.user_sub,
  (SELECT MIN(ended_at) FROM line) AS ended_at,
  first.subject_sealed,
  held.id AS grant_id, held.scope, held.targets, held.expires_at, held.ended_at AS grant_ended_at
FROM orgs
LEFT JOIN LATERAL (
  SELECT id, root, connection, user_sub, grant_id FROM delegations WHERE org = $1 AND id = $2 OFFSET 0
) own ON true
LEFT JOIN LATERAL (
  SELECT subject_sealed FROM delegations WHERE org = $1 AND id = own.root OFFSET 0
) first ON true
LEFT JOIN LATERAL (
  SELECT id, scope, targets, expires_at, ended_at FROM grants WHERE org = $1 AND id = own.grant_id OFFSET 0
) held ON true
WHERE orgs.org = $1
