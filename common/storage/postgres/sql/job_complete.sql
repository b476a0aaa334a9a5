-- Ends attempts that completed their job: the rows move from jobs_open to jobs_final.
-- $1 worker, $2 ids (ascending), $3 epochs, $4 outputs, $5 prompt tokens, $6 completion tokens.
-- Returns: ordinal in $2 of each attempt that was still this worker's.
-- Locks: the rows, in the order of $2. Indexes: jobs_open_pkey, job_partials_pkey.
WITH held AS (
    DELETE FROM jobs_open j
    USING unnest($2::uuid[], $3::int8[], $4::text[], $5::int8[], $6::int8[]) WITH ORDINALITY
        AS a (id, epoch, output, prompt_tokens, completion_tokens, n)
    WHERE j.id = ANY (ARRAY[a.id]) AND j.epoch = a.epoch AND j.worker_id = $1::uuid
        AND j.state IN (4, 5)
    RETURNING j.*, a.output, a.prompt_tokens, a.completion_tokens, a.n
), final AS (
    INSERT INTO jobs_final (id, worker_id, epoch, created_at, queued_at, run_at, expires_at,
                            started_at, finished_at, cancel_requested_at, prompt_tokens,
                            completion_tokens, attempt, failures, interruptions, attempts_max,
                            queue_id, priority, state, model, output)
    SELECT id, worker_id, epoch, created_at, queued_at, run_at, expires_at,
           started_at, now(), cancel_requested_at, prompt_tokens,
           completion_tokens, attempt, failures, interruptions, attempts_max,
           queue_id, priority, 6, model, output
    FROM held
), partial AS (
    DELETE FROM job_partials p USING held WHERE p.id = ANY (ARRAY[held.id])
)
SELECT n FROM held
