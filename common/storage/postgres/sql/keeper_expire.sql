-- Waiting jobs whose time to start or to live ran out. $1 page.
-- Returns: id, queue, priority, epoch, state. Index: jobs_expiring.
WITH due AS (
    SELECT id FROM jobs
    WHERE state IN (1, 2, 3) AND least(CASE WHEN attempt = 0 THEN start_by END, expires_at) <= now()
    LIMIT $1::int4 FOR UPDATE SKIP LOCKED
)
UPDATE jobs j
SET state = 9, finished_at = now(), error_code = 'expired',
    error_message = CASE WHEN j.expires_at <= now() THEN 'the job''s time to live ran out before it completed'
                         ELSE 'no worker started the job within its start_within' END
FROM due, queues q WHERE j.id = due.id AND j.state IN (1, 2, 3) AND q.id = j.queue_id
RETURNING j.id, q.name, j.priority, j.epoch, j.state
