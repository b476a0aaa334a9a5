-- Scheduled jobs whose time has come. $1 page. Returns: id, queue, priority, epoch, state.
WITH due AS (
    SELECT id FROM jobs WHERE state = 1 AND run_at <= now()
    ORDER BY run_at LIMIT $1::int4 FOR UPDATE SKIP LOCKED
)
UPDATE jobs j SET state = 3, queued_at = now()
FROM due, queues q WHERE j.id = due.id AND j.state = 1 AND q.id = j.queue_id
RETURNING j.id, q.name, j.priority, j.epoch, j.state
