-- Queues scheduled jobs whose time has come. $1 page.
-- Returns: id, queue, priority, epoch, state.
-- Locks: the rows; those that others hold are skipped. Index: jobs_open_scheduled.
WITH due AS (
    SELECT id FROM jobs_open
    WHERE is_scheduled AND run_at <= now()
    ORDER BY run_at LIMIT $1::int8
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs_open j SET state = 3, queued_at = now()
FROM due, queues q
WHERE j.id = ANY (ARRAY[due.id]) AND j.state = 1 AND q.id = j.queue_id
RETURNING j.id, q.name, j.priority, j.epoch, j.state
