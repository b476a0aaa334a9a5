-- A worker that drains or stops by itself. $1 worker, $2 state. Never back from stopped or lost.
UPDATE workers
SET state = $2::int2, ended_at = CASE WHEN $2::int2 = 3 THEN now() END
WHERE id = $1::uuid AND state < $2::int2
