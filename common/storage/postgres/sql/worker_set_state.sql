-- Marks a worker that drains (2) or stops (3) by itself. $1 worker, $2 state. Never goes back.
-- Locks: the worker's row. Index: workers_pkey.
UPDATE workers SET state = $2::int2, heard_at = now()
WHERE id = $1::uuid AND state IN (1, 2) AND state < $2::int2
