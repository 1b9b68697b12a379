-- One delegation, or none: no row changes when the org, the grant or an ancestor does not stand, or
-- when a signal came in since the epoch $24 was recalled. Its event follows when there is one (see
-- scribe.rs). It runs inside BEGIN IMMEDIATE: nobody else writes meanwhile, and the snapshot is the
-- newest, so what it reads is what is true when it commits.
INSERT INTO delegations (
  org, id, parent, root, grant_id, connection, user_sub, agent,
  target, scope, depth, token_hash, issued_at, expires_at, subject_sealed,
  session, signed_in_at, names, status_list, status_index)
SELECT
  $1, $4, $5, $6, $7, $8, $9, $10,
  $11, $12, $13, $14, $15, $16, $17,
  $18, $19, $20, $21, $22
WHERE EXISTS (
    SELECT 1 FROM orgs JOIN grants ON grants.org = orgs.org
    WHERE orgs.org = $1 AND orgs.revision = $23 AND grants.id = $7 AND grants.ended_at IS NULL
      AND orgs.epoch + grants.epoch = $24
  )
  AND NOT EXISTS (
    WITH RECURSIVE line (id) AS (
      SELECT $5 WHERE $5 IS NOT NULL
      UNION
      SELECT above.parent FROM line CROSS JOIN delegations above ON above.org = $1 AND above.id = line.id
      WHERE above.parent IS NOT NULL
    )
    SELECT 1 FROM line LEFT JOIN delegations ON delegations.org = $1 AND delegations.id = line.id
    WHERE delegations.id IS NULL OR delegations.ended_at IS NOT NULL
  )
