INSERT INTO events (
  org, id, at, request_id, client_address, outcome, error, reason,
  detail, client, subject, chain, target, scope_requested, scope_granted,
  delegation, parent, grant_id, policies, policy_hash, checks)
VALUES (
  $1, $2, $3, $4, $5, $6, $7, $8,
  $9, $10, $11, $12, $13, $14, $15,
  $16, $17, $18, $19, $20, $21)
