-- Ends attempts whose worker is lost, stopped or unknown. Level-triggered: it also finds claims
-- that committed after their worker was declared lost.
-- $1 consecutive losses that quarantine a job, $2 page. Losses in a mass outage do not count.
-- A job whose next loss would be the last is confined: it runs alone on its worker, and only such a
-- loss quarantines it. So no job pays for what another one did to their worker.
-- Returns: id, queue, priority, epoch, state.
-- Locks: the rows; those that others hold are skipped. Indexes: jobs_open_active, workers_pkey,
-- jobs_open_pkey. A row that changes between the look at its worker and its lock is left alone,
-- because a live worker may hold it by then. The page is cut after the locks, so that rows that
-- others hold for long do not fill it.
WITH seen AS MATERIALIZED (
    SELECT j.id, j.epoch, j.worker_id, w.state IS NOT DISTINCT FROM 3 AS in_good_order,
        coalesce(w.lost_in_outage, false) AS in_outage
    FROM jobs_open j LEFT JOIN workers w ON w.id = j.worker_id
    WHERE j.is_active AND (w.state IS NULL OR w.state IN (3, 4))
), orphan AS (
    SELECT j.id, j.epoch, j.worker_id, j.started_at, j.priority, j.queue_id, j.losses, j.state,
        j.is_confined, j.expires_at, seen.in_good_order, seen.in_outage
    FROM jobs_open j JOIN seen ON j.id = ANY (ARRAY[seen.id])
    WHERE j.is_active AND j.epoch = seen.epoch AND j.worker_id = seen.worker_id
    LIMIT $2::int8
    FOR UPDATE OF j SKIP LOCKED
), judged AS (
    SELECT *, NOT in_good_order AND NOT in_outage AS is_loss,
        CASE WHEN state = 5 THEN 8
             WHEN expires_at <= now() THEN 9
             WHEN NOT in_good_order AND NOT in_outage AND is_confined
                 AND losses + 1 >= $1::int4 THEN 7
             ELSE 3 END AS next_state
    FROM orphan
), over AS MATERIALIZED (
    SELECT judged.*, t.code, t.message
    FROM judged JOIN (VALUES
        (8, 'cancelled', 'cancelled on request while it was running'),
        (9, 'expired', 'its time to live ran out while it was running'),
        (7, 'worker_lost', 'its worker was lost each time that it ran'),
        (3, 'worker_lost', 'its worker was lost while it ran'),
        (0, 'interrupted', 'its worker stopped while it ran'))
        AS t (cause, code, message)
        ON t.cause = CASE WHEN next_state = 3 AND in_good_order THEN 0 ELSE next_state END
), waiting AS (
    UPDATE jobs_open j
    SET state = 3, worker_id = NULL, attempt_deadline = NULL, queued_at = now(),
        claim_by = j.expires_at, interruptions = j.interruptions + 1,
        losses = j.losses + o.is_loss::int4,
        is_confined = j.losses + o.is_loss::int4 >= greatest($1::int4 - 1, 1),
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
           started_at, now(), cancel_requested_at, attempt, failures,
           interruptions + 1, attempts_max, queue_id, priority, next_state, model,
           code, message, NULL, NULL
    FROM ended
    ON CONFLICT DO NOTHING
), history AS (
    INSERT INTO job_attempts (id, epoch, worker_id, worker_name, started_at, outcome, counted_as,
                              error_code, error_message)
    SELECT o.id, o.epoch, o.worker_id, coalesce(w.name, ''), o.started_at,
           CASE WHEN o.in_good_order THEN 6 ELSE 8 END,
           CASE WHEN o.is_loss THEN 3 ELSE 2 END, o.code, o.message
    FROM over o LEFT JOIN workers w ON w.id = o.worker_id
    ON CONFLICT DO NOTHING
), partial AS (
    DELETE FROM job_partials p USING over o WHERE p.id = ANY (ARRAY[o.id])
)
SELECT o.id, q.name, o.priority, o.epoch, o.next_state
FROM over o JOIN queues q ON q.id = o.queue_id
