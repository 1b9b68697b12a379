-- What an opening rests on. It runs inside BEGIN IMMEDIATE: nobody else writes until the delegation is
-- there, and the snapshot is the newest, so what it reads is what is true when it commits.
SELECT
  orgs.revision AS revision,
  orgs.epoch + grants.epoch AS epoch,
  -- Without a grant: no.
  grants.id IS NOT NULL AND grants.ended_at IS NULL
  AND NOT EXISTS (
    WITH RECURSIVE line (id) AS (
      SELECT $3 WHERE $3 IS NOT NULL
      UNION
      SELECT above.parent FROM line CROSS JOIN delegations above ON above.org = $1 AND above.id = line.id
      WHERE above.parent IS NOT NULL
    )
    SELECT 1 FROM line LEFT JOIN delegations ON delegations.org = $1 AND delegations.id = line.id
    WHERE delegations.id IS NULL OR delegations.ended_at IS NOT NULL
  ) AS stands
FROM orgs LEFT JOIN grants ON grants.org = orgs.org AND grants.id = $2
WHERE orgs.org = $1
