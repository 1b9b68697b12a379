-- One delegation, once `stands.sql` has said in the same transaction that it may be.
INSERT INTO delegations (
  org, id, parent, root, grant_id, connection, user_sub, agent,
  target, scope, depth, token_hash, issued_at, expires_at, subject_sealed,
  session, signed_in_at, names, status_list, status_index)
VALUES (
  $1, $4, $5, $6, $7, $8, $9, $10,
  $11, $12, $13, $14, $15, $16, $17,
  $18, $19, $20, $21, $22)
