-- A whole batch in one statement: per item its delegation and its event together, or neither.
-- Answers one row per item: its number (from 1) and its verdict
--   0 recorded, 1 the org has changed, 2 ended, 3 busy: somebody is changing this org, ask again,
--   4 signalled: a signal came in since the ledger was asked.
--
-- Why no open can slip past a revocation or a signal, at READ COMMITTED (which every session sets):
--
-- 1. A statement sees the database as of one snapshot, taken when it began. A plain read may thus
--    miss a revocation that was acknowledged a moment later, while this statement was waiting. So
--    whatever the delegation rests on (org, grant, every ancestor) is read FOR SHARE. Such a read
--    does not believe the snapshot: it finds the row by the snapshot, locks its newest version,
--    waiting for whoever is changing it, and then hands out the values of that newest version
--    (EvalPlanQual). Each locking read below is a query of its own over one table by primary key:
--    nothing is joined, sorted, grouped or limited beside the lock, the columns of the condition
--    never change, so the repeated check can neither lose the row nor mix versions.
-- 2. A revocation that committed before a row was locked is seen, by 1. One that comes later has
--    to update a locked row: it waits until this statement has committed, and its next statement,
--    with a newer snapshot, sees the child (server/store/src/ending.rs marks first and cascades
--    after).
-- 3. Finding the rows by the snapshot is enough. Parents never change, and a parent was committed
--    before its token left, thus before anybody could ask for a child. A row that is not found
--    (swept, or never ours) counts as ended.
-- 4. The lock is kept to the end of the transaction, which is this statement: what was true when
--    the verdict was made is true when the delegation becomes visible.
-- 5. A signal is seen by its epoch, like a revocation by its mark. It raises the epoch of the org,
--    or that of every grant of the users it concerns, and both are read here with the lock. The two
--    are compared as their sum, which the decision was made under: since neither ever shrinks, the
--    sum is the same only if both are. One that committed before the lock is seen, by 1; one that
--    comes later waits for the lock, and then finds the delegation (server/store/src/signals.rs
--    raises first and ends after). The epoch of another grant is never compared: the grant that was
--    recalled is the one the delegation hangs on, or else the verdict is 2.
--    Before 2 comes 4: who is told to decide anew learns what the signal said, and then why.
--
-- None of this rests on the advisory lock. It is there so that everybody gets on:
-- - An opening locks a line from below, a revocation from above: they would deadlock. (They do, in
--   the contract tests, when this lock is taken out; no child survives even then.)
-- - Row locks that are shared do not queue: under a steady stream of openings a revocation could
--   wait for ever.
-- - A long change of one org must not hold up the others that share this batch.
-- Whoever ends or changes things takes the lock of the org first, and alone. Meanwhile openings in
-- that org do not wait here but come back as busy, to be asked again by a second writer, which
-- waits for its turn.
--
-- A LATERAL query that locks cannot be flattened into a join, so the plan is always one look-up by
-- primary key per row, however large the tables are.
WITH item AS MATERIALIZED (
  SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[],
    $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::bigint[], $14::bytea[], $15::bigint[], $16::bigint[], $17::bytea[],
    $18::text[], $19::bigint[], $20::text[], $21::bigint[], $22::bigint[],
    $23::bigint[], $24::bigint[]
  ) WITH ORDINALITY AS items (
    org, event, record,
    id, parent, root, grant_id, connection, user_sub, agent,
    target, scope, depth, token_hash, issued_at, expires_at, subject_sealed,
    session, signed_in_at, names, status_list, status_index,
    revision, epoch, number)
),
judged AS MATERIALIZED (
  SELECT item.*, CASE
      WHEN item.id IS NULL THEN 0 -- Only an event; nothing can end it.
      WHEN NOT turn.mine THEN 3
      WHEN org_now.revision <> item.revision THEN 1
      WHEN org_now.revision IS NULL THEN 2
      WHEN org_now.epoch + grant_now.epoch <> item.epoch THEN 4
      WHEN grant_now.stands IS NOT TRUE THEN 2
      WHEN item.parent IS NOT NULL AND line_now.stands IS NOT TRUE THEN 2
      ELSE 0
    END AS verdict
  FROM item
  LEFT JOIN LATERAL (
    -- 8693 keeps this lock apart from other uses of advisory locks in the same database.
    SELECT pg_try_advisory_xact_lock_shared(hashtextextended(item.org, 8693)) AS mine
    WHERE item.id IS NOT NULL
  ) turn ON true
  LEFT JOIN LATERAL (
    SELECT orgs.revision, orgs.epoch FROM orgs
    WHERE turn.mine AND orgs.org = item.org
    FOR SHARE
  ) org_now ON true
  LEFT JOIN LATERAL (
    SELECT grants.ended_at IS NULL AS stands, grants.epoch FROM grants
    WHERE turn.mine AND grants.org = item.org AND grants.id = item.grant_id
    FOR SHARE
  ) grant_now ON true
  LEFT JOIN LATERAL (
    WITH RECURSIVE line (id) AS (
      SELECT item.parent
      UNION -- Not UNION ALL: a circle, which cannot be, would end here.
      SELECT above.parent FROM line CROSS JOIN LATERAL (
        SELECT delegations.parent FROM delegations
        WHERE delegations.org = item.org AND delegations.id = line.id AND delegations.parent IS NOT NULL
        OFFSET 0
      ) above
    )
    SELECT bool_and(ancestor.stands IS TRUE) AS stands
    FROM line LEFT JOIN LATERAL (
      SELECT delegations.ended_at IS NULL AS stands FROM delegations
      WHERE delegations.org = item.org AND delegations.id = line.id
      FOR SHARE
    ) ancestor ON true
    WHERE turn.mine AND item.parent IS NOT NULL
  ) line_now ON true
),
opened AS (
  INSERT INTO delegations (
    org, id, parent, root, grant_id, connection, user_sub, agent,
    target, scope, depth, token_hash, issued_at, expires_at, subject_sealed,
    session, signed_in_at, names, status_list, status_index)
  SELECT
    org, id, parent, root, grant_id, connection, user_sub, agent,
    target, scope, depth, token_hash, issued_at, expires_at, subject_sealed,
    session, signed_in_at, names, status_list, status_index
  FROM judged WHERE id IS NOT NULL AND verdict = 0
),
noted AS (
  INSERT INTO events (org, id, record) SELECT org, event, record FROM judged WHERE verdict = 0
)
SELECT number, verdict FROM judged
