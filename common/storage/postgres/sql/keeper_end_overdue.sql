-- Ends attempts that their worker did not end by their deadline. $1 grace (ms), $2 page.
-- Returns: id, queue, priority, epoch, state.
-- Locks: the rows; those that others hold are skipped. Index: jobs_open_active. It looks at all
-- running jobs, which are never more than the workers' slots.
WITH due AS (
    SELECT j.id, j.epoch, j.worker_id, j.started_at, j.priority, j.queue_id,
        CASE WHEN j.state = 5 THEN 8
             WHEN j.expires_at <= now() THEN 9
             WHEN j.failures + 1 >= j.attempts_max THEN 7
             ELSE 3 END AS next_state
    FROM jobs_open j
    WHERE j.is_active AND j.attempt_deadline < now() - $1::int8 * interval '1 ms'
    LIMIT $2::int8
    FOR UPDATE OF j SKIP LOCKED
), over AS MATERIALIZED (
    SELECT due.*, t.code, t.message
    FROM due JOIN (VALUES
        (8, 'cancelled', 'cancelled on request while it was running'),
        (9, 'expired', 'its time to live ran out while it was running'),
        (7, 'timeout', 'the attempt did not end in time, and neither did its worker end it'),
        (3, 'timeout', 'the attempt did not end in time, and neither did its worker end it'))
        AS t (state, code, message) ON t.state = due.next_state
), waiting AS (
    UPDATE jobs_open j
    SET state = 3, worker_id = NULL, attempt_deadline = NULL, queued_at = now(),
        claim_by = j.expires_at, failures = j.failures + 1, losses = 0,
        is_confined = false,
        error_code = o.code, error_message = o.message
    FROM over o
    WHERE j.id = ANY (ARRAY[o.id]) AND o.next_state = 3
), ended AS (
    DELETE FROM jobs_open j USING over o WHERE j.id = ANY (ARRAY[o.id]) AND o.next_state >= 6
    RETURNING j.*, o.next_state, o.code, o.message
), final AS (
    INSERT INTO jobs_final (id, worker_id, epoch, created_at, queued_at, run_at, expires_at,
                            started_at, finished_at, cancel_requested_at, attempt, failures,
                            interruptions, attempts_max, queue_id, priority, state, model,
                            error_code, error_message, prompt_tokens, completion_tokens)
    SELECT id, worker_id, epoch, created_at, queued_at, run_at, expires_at,
           started_at, now(), cancel_requested_at, attempt, failures + 1,
           interruptions, attempts_max, queue_id, priority, next_state, model,
           code, message, NULL, NULL
    FROM ended
    ON CONFLICT DO NOTHING
), history AS (
    INSERT INTO job_attempts (id, epoch, worker_id, worker_name, started_at, outcome, counted_as,
                              error_code, error_message)
    SELECT o.id, o.epoch, o.worker_id, coalesce(w.name, ''), o.started_at, 5, 1, o.code, o.message
    FROM over o LEFT JOIN workers w ON w.id = o.worker_id
    ON CONFLICT DO NOTHING
), partial AS (
    DELETE FROM job_partials p USING over o WHERE p.id = ANY (ARRAY[o.id])
)
SELECT o.id, q.name, o.priority, o.epoch, o.next_state
FROM over o JOIN queues q ON q.id = o.queue_id
