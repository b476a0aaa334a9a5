-- Ends attempts that did not complete. A job that is cancelling becomes cancelled.
-- $1 worker, $2 ids (ascending), $3 epochs, $4 next states, $5 delays (ms), $6 outcomes,
-- $7 whether it counts as a failure, $8 error codes, $9 error messages.
-- Returns: id, epoch, state now. Locks: the rows in order. Index: jobs_pkey.
WITH asked AS (
    SELECT * FROM unnest($2::uuid[], $3::int8[], $4::int2[], $5::int8[], $6::int2[], $7::bool[],
                         $8::text[], $9::text[])
        AS a (id, epoch, next, delay_ms, outcome, counts, code, message)
), held AS (
    SELECT a.*, j.started_at AS began, CASE WHEN j.state = 5 THEN 8 ELSE a.next END AS goal
    FROM asked a JOIN jobs j ON j.id = a.id AND j.epoch = a.epoch
    WHERE j.worker_id = $1::uuid AND j.state IN (4, 5)
    ORDER BY j.id FOR UPDATE OF j
), ended AS (
    UPDATE jobs j
    SET state = h.goal,
        worker_id = CASE WHEN h.goal >= 6 THEN j.worker_id END,
        finished_at = CASE WHEN h.goal >= 6 THEN now() END,
        queued_at = CASE WHEN h.goal = 3 THEN now() ELSE j.queued_at END,
        run_at = CASE WHEN h.goal = 1 THEN now() + h.delay_ms * interval '1 ms' ELSE j.run_at END,
        attempt_deadline = NULL, losses = 0,
        failures = j.failures + CASE WHEN h.counts THEN 1 ELSE 0 END,
        interruptions = j.interruptions + CASE WHEN h.outcome = 6 THEN 1 ELSE 0 END,
        error_code = CASE WHEN h.goal = 8 THEN NULL ELSE h.code END,
        error_message = CASE WHEN h.goal = 8 THEN NULL ELSE h.message END
    FROM held h WHERE j.id = h.id
    RETURNING j.id, j.epoch, j.state
), history AS (
    INSERT INTO job_attempts (id, epoch, worker_id, started_at, outcome, error_code, error_message)
    SELECT h.id, h.epoch, $1::uuid, h.began, h.outcome, h.code, h.message
    FROM held h WHERE h.goal < 6
)
SELECT id, epoch, state FROM ended
