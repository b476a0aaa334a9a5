-- Renews a lease. $1 worker. Returns a row where the worker is alive or draining.
UPDATE workers SET heartbeats = heartbeats + 1, heartbeat_at = now()
WHERE id = $1::uuid AND state IN (1, 2)
RETURNING state
