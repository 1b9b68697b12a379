INSERT INTO events (org, id, record) VALUES ($1, $2, $3)
