-- Ends attempts that did not complete their job: the job waits for another attempt, or becomes
-- final. A job that is cancelling becomes cancelled, whatever state was requested.
-- $1 worker, $2 ids (ascending), $3 epochs, $4 next states, $5 delays (ms), $6 outcomes, $7 whether
-- it counts as a failure, $8 error codes, $9 error messages, $10 prompt tokens, $11 completion
-- tokens.
-- Returns: ordinal in $2 and the state now, for each attempt that was still this worker's.
-- Locks: the rows, in the order of $2. Index: jobs_open_pkey.
WITH held AS (
    SELECT a.*, j.started_at, CASE j.state WHEN 5 THEN 8 ELSE a.asked_state END AS next_state
    FROM unnest($2::uuid[], $3::int8[], $4::int2[], $5::int8[], $6::int2[], $7::bool[], $8::text[],
                $9::text[], $10::int8[], $11::int8[]) WITH ORDINALITY
        AS a (id, epoch, asked_state, delay_ms, outcome, counts, error_code, error_message,
              prompt_tokens, completion_tokens, n)
    JOIN jobs_open j ON j.id = ANY (ARRAY[a.id])
    WHERE j.epoch = a.epoch AND j.worker_id = $1::uuid AND j.state IN (4, 5)
    FOR UPDATE OF j
), waiting AS (
    UPDATE jobs_open j
    SET state = h.next_state, worker_id = NULL, attempt_deadline = NULL, losses = 0,
        is_confined = false,
        claim_by = j.expires_at,
        queued_at = CASE h.next_state WHEN 3 THEN now() ELSE j.queued_at END,
        run_at = CASE h.next_state WHEN 1 THEN now() + h.delay_ms * interval '1 ms'
                                   ELSE j.run_at END,
        failures = j.failures + h.counts::int4,
        interruptions = j.interruptions + (NOT h.counts)::int4,
        error_code = h.error_code, error_message = h.error_message
    FROM held h
    WHERE j.id = ANY (ARRAY[h.id]) AND h.next_state <= 3
), ended AS (
    DELETE FROM jobs_open j
    USING held h
    WHERE j.id = ANY (ARRAY[h.id]) AND h.next_state >= 6
    RETURNING j.*, h.next_state, h.counts, h.error_code AS code, h.error_message AS message,
        h.prompt_tokens, h.completion_tokens
), final AS (
    INSERT INTO jobs_final (id, worker_id, epoch, created_at, queued_at, run_at, expires_at,
                            started_at, finished_at, cancel_requested_at, prompt_tokens,
                            completion_tokens, attempt, failures, interruptions, attempts_max,
                            queue_id, priority, state, model, error_code, error_message)
    SELECT id, worker_id, epoch, created_at, queued_at, run_at, expires_at,
           started_at, now(), cancel_requested_at, prompt_tokens,
           completion_tokens, attempt, failures + counts::int4, interruptions, attempts_max,
           queue_id, priority, next_state, model,
           CASE next_state WHEN 8 THEN 'cancelled' ELSE code END,
           CASE next_state WHEN 8 THEN 'cancelled on request while it was running'
                           ELSE message END
    FROM ended
), history AS (
    INSERT INTO job_attempts (id, epoch, worker_id, worker_name, started_at, outcome, counted_as,
                              error_code, error_message)
    SELECT id, epoch, $1::uuid,
           coalesce((SELECT name FROM workers WHERE workers.id = $1::uuid), ''), started_at,
           CASE next_state WHEN 8 THEN 7 ELSE outcome END,
           CASE WHEN counts THEN 1 WHEN next_state <= 3 THEN 2 END, error_code, error_message
    FROM held
), partial AS (
    DELETE FROM job_partials p USING held WHERE p.id = ANY (ARRAY[held.id])
)
SELECT n, next_state FROM held
