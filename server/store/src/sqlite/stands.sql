-- What an opening rests on. It runs inside BEGIN IMMEDIATE: nobody else writes until the delegation is
-- there, and the snapshot is the newest, so what it reads is what is true when it commits.
SELECT
  orgs.revision AS revision,
  orgs.epoch + grants.epoch AS epoch,
  -- Without a grant: no. Nor without one ancestor, or when the line does not come to the user's own token.
  grants.id IS NOT NULL AND grants.ended_at IS NULL
  AND ($3 IS NULL OR COALESCE((
    WITH RECURSIVE line (id, parent, ended_at) AS (
      SELECT id, parent, ended_at FROM delegations WHERE org = $1 AND id = $3
      UNION -- Not UNION ALL: a circle, which cannot be, would end here.
      SELECT above.id, above.parent, above.ended_at
      FROM line CROSS JOIN delegations above ON above.org = $1 AND above.id = line.parent
    )
    SELECT COUNT(ended_at) = 0 AND SUM(parent IS NULL) = 1 FROM line
  ), 0)) AS stands
FROM orgs LEFT JOIN grants ON grants.org = orgs.org AND grants.id = $2
WHERE orgs.org = $1
