-- Active jobs whose worker is not alive. $1 losses that quarantine, $2 mass outage, $3 page.
-- Returns: id, queue, priority, epoch, state. Index: jobs_active.
WITH orphans AS (
    SELECT j.id, j.epoch, j.worker_id, j.started_at,
        coalesce(w.state, 4) = 4 AND NOT $2::bool AS loss,
        CASE WHEN j.state = 5 THEN 8 WHEN j.expires_at <= now() THEN 9
             WHEN coalesce(w.state, 4) = 4 AND NOT $2::bool AND j.losses + 1 >= $1::int4 THEN 7
             ELSE 3 END AS goal
    FROM jobs j LEFT JOIN workers w ON w.id = j.worker_id
    WHERE j.state IN (4, 5) AND coalesce(w.state, 4) IN (3, 4)
    LIMIT $3::int4 FOR UPDATE OF j SKIP LOCKED
), ended AS (
    UPDATE jobs j
    SET state = o.goal, worker_id = CASE WHEN o.goal >= 6 THEN j.worker_id END,
        finished_at = CASE WHEN o.goal >= 6 THEN now() END,
        queued_at = CASE WHEN o.goal = 3 THEN now() ELSE j.queued_at END,
        attempt_deadline = NULL,
        losses = j.losses + CASE WHEN o.loss THEN 1 ELSE 0 END,
        interruptions = j.interruptions + 1,
        error_code = CASE o.goal WHEN 7 THEN 'worker_lost' WHEN 9 THEN 'expired' END,
        error_message = CASE o.goal
            WHEN 7 THEN 'the job was running when its worker was lost, as often as job.max_losses allows'
            WHEN 9 THEN 'the job''s time to live ran out while it was running' END
    FROM orphans o, queues q
    WHERE j.id = o.id AND j.epoch = o.epoch AND j.state IN (4, 5) AND q.id = j.queue_id
    RETURNING j.id, q.name, j.priority, j.epoch, j.state
), history AS (
    INSERT INTO job_attempts (id, epoch, worker_id, started_at, outcome, error_code, error_message)
    SELECT id, epoch, worker_id, started_at, 8, 'worker_lost', 'the worker was lost'
    FROM orphans WHERE goal = 3
)
SELECT * FROM ended
