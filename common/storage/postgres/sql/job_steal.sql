-- Claims the oldest ready jobs of one lane that a live worker can serve.
-- $1 worker, $2 queue, $3 priority, $4 models, $5 minimum age (ms), $6 low water, $7 limit.
-- Returns: id, epoch, attempt, failures, losses, time to the deadline (ms), whether the deadline is
-- the whole job's, spec.
-- Locks: the rows; those that others hold are skipped. Index: jobs_open_queued.
-- The upper bound on the ids ends the scan at jobs that are too young by the time in their ids.
-- That time may run up to a second ahead of this clock.
WITH found AS (
    SELECT id FROM jobs_open
    WHERE is_queued AND queue_id = $2::int2 AND priority = $3::int2 AND id >= $6::uuid
        AND id < uuid_floor(now() + interval '1 s' - $5::int8 * interval '1 ms')
        AND model = ANY ($4::text[])
        AND queued_at <= now() - $5::int8 * interval '1 ms'
        AND (claim_by IS NULL OR claim_by > now())
        AND EXISTS (SELECT FROM workers w WHERE w.id = $1::uuid AND w.state = 1)
    ORDER BY queue_id, priority, id
    LIMIT $7::int8
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE jobs_open j
    SET state = 4, worker_id = $1::uuid, epoch = j.epoch + 1, attempt = j.attempt + 1,
        started_at = now(), claim_by = NULL,
        attempt_deadline = least(now() + j.timeout_ms * interval '1 ms', j.expires_at)
    FROM found
    WHERE j.id = ANY (ARRAY[found.id]) AND j.state = 3
    RETURNING j.id, j.epoch, j.attempt, j.failures, j.losses,
        CASE WHEN j.expires_at < now() + j.timeout_ms * interval '1 ms'
             THEN (extract(epoch FROM j.expires_at - now()) * 1000)::int8
             ELSE j.timeout_ms END AS remaining_ms,
        j.expires_at IS NOT NULL AND j.expires_at < now() + j.timeout_ms * interval '1 ms'
            AS deadline_is_ttl
)
SELECT c.*, s.spec FROM claimed c JOIN job_specs s ON s.id = c.id
