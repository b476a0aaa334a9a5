-- Attempts whose worker let their deadline pass. $1 grace (ms), $2 page.
-- Returns: id, queue, priority, epoch, state.
WITH due AS (
    SELECT j.id, j.epoch, j.worker_id, j.started_at,
        CASE WHEN j.state = 5 THEN 8 WHEN j.expires_at <= now() THEN 9
             WHEN j.failures + 1 >= j.attempts_max THEN 7 ELSE 3 END AS goal
    FROM jobs j
    WHERE j.state IN (4, 5) AND j.attempt_deadline < now() - $1::int8 * interval '1 ms'
    LIMIT $2::int4 FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE jobs j
    SET state = d.goal, worker_id = CASE WHEN d.goal >= 6 THEN j.worker_id END,
        finished_at = CASE WHEN d.goal >= 6 THEN now() END,
        queued_at = CASE WHEN d.goal = 3 THEN now() ELSE j.queued_at END,
        attempt_deadline = NULL, failures = j.failures + 1,
        error_code = CASE d.goal WHEN 8 THEN NULL WHEN 9 THEN 'expired' ELSE 'timeout' END,
        error_message = CASE d.goal WHEN 8 THEN NULL
            WHEN 9 THEN 'the job''s time to live ran out while it was running'
            ELSE 'the attempt did not end by its deadline' END
    FROM due d, queues q
    WHERE j.id = d.id AND j.epoch = d.epoch AND j.state IN (4, 5) AND q.id = j.queue_id
    RETURNING j.id, q.name, j.priority, j.epoch, j.state
), history AS (
    INSERT INTO job_attempts (id, epoch, worker_id, started_at, outcome, error_code, error_message)
    SELECT id, epoch, worker_id, started_at, 5, 'timeout', 'the attempt did not end by its deadline'
    FROM due WHERE goal = 3
)
SELECT * FROM ended
