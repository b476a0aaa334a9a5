-- Renews a lease. $1 worker.
-- Returns: whether the worker is alive (or draining), how many jobs it holds, and one row with id
-- and epoch for each of them that is cancelling; or one row with nulls there.
-- Locks: the worker's row. Indexes: workers_pkey, jobs_open_active.
WITH beat AS (
    UPDATE workers SET heartbeats = heartbeats + 1, heard_at = now()
    WHERE id = $1::uuid AND state IN (1, 2)
    RETURNING id
), held AS MATERIALIZED (
    SELECT id, epoch, state FROM jobs_open WHERE is_active AND worker_id = $1::uuid
)
SELECT EXISTS (SELECT FROM beat), (SELECT count(*) FROM held), c.id, c.epoch
FROM (VALUES (true)) AS one (row) LEFT JOIN held c ON c.state = 5
