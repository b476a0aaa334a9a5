-- Cancels the rows of jobs_open that `held` contains: waiting ones move to jobs_final; running ones
-- become cancelling. `held` has the latest version of a job that was claimed just now, but
-- PostgreSQL first applies the update to the version in this statement's snapshot and checks the
-- constraints on that. So the update sets all columns that the constraints mention.
running AS (
    UPDATE jobs_open j
    SET state = 5, worker_id = h.worker_id, attempt_deadline = h.attempt_deadline, claim_by = NULL,
        cancel_requested_at = now()
    FROM held h
    WHERE j.id = ANY (ARRAY[h.id]) AND h.state = 4
), ended AS (
    DELETE FROM jobs_open j USING held h WHERE j.id = ANY (ARRAY[h.id]) AND h.state <= 3
    RETURNING j.*
), final AS (
    INSERT INTO jobs_final (id, epoch, created_at, queued_at, run_at, expires_at, started_at,
                            finished_at, cancel_requested_at, attempt, failures, interruptions,
                            attempts_max, queue_id, priority, state, model, error_code,
                            error_message, prompt_tokens, completion_tokens)
    SELECT id, epoch, created_at, queued_at, run_at, expires_at, started_at,
           now(), now(), attempt, failures, interruptions,
           attempts_max, queue_id, priority, 8, model, 'cancelled',
           CASE WHEN epoch = 0 THEN 'cancelled on request before it ran'
                ELSE 'cancelled on request before it ran again' END, NULL, NULL
    FROM ended
)
