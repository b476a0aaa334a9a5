-- Renews a lease. $1 worker.
-- Returns: whether the worker is alive (or draining), how many jobs it holds, whether a confined job
-- waits for it, and one row with id and epoch for each of its jobs that is cancelling; or one row
-- with nulls there. A confined job waits for one worker at a time: for one without jobs, else for the
-- youngest, which has the least to finish before.
-- Locks: the worker's row. Indexes: workers_pkey, jobs_open_active, jobs_open_confined.
WITH beat AS (
    UPDATE workers SET heartbeats = heartbeats + 1, heard_at = now()
    WHERE id = $1::uuid AND state IN (1, 2)
    RETURNING id
), held AS MATERIALIZED (
    SELECT id, epoch, state FROM jobs_open WHERE is_active AND worker_id = $1::uuid
), confined AS MATERIALIZED (
    SELECT queue_id, model FROM jobs_open
    WHERE is_queued AND is_confined AND (claim_by IS NULL OR claim_by > now())
)
SELECT EXISTS (SELECT FROM beat), (SELECT count(*) FROM held),
    EXISTS (
        SELECT FROM (SELECT DISTINCT queue_id, model FROM confined) k
        JOIN queues q ON q.id = k.queue_id
        WHERE $1::uuid = (
            SELECT w.id FROM workers w
            WHERE w.state = 1 AND q.name = ANY (w.queues) AND k.model = ANY (w.models)
            ORDER BY EXISTS (SELECT FROM jobs_open o WHERE o.is_active AND o.worker_id = w.id),
                w.id DESC
            LIMIT 1)),
    c.id, c.epoch
FROM (VALUES (true)) AS one (row) LEFT JOIN held c ON c.state = 5
