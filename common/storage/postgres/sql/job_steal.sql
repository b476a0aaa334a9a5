-- Claims the oldest ready jobs of one lane that a worker can serve.
-- $1 worker, $2 queue, $3 priority, $4 models, $5 least age (ms), $6 low water, $7 limit.
-- Returns: as job_claim, and the spec. Locks: the rows, those that others hold are passed over.
-- Index: jobs_ready.
WITH found AS (
    SELECT j.id FROM jobs j
    WHERE j.queue_id = $2::int2 AND j.priority = $3::int2 AND j.state = 3 AND j.id >= $6::uuid
        AND j.model = ANY ($4::text[])
        AND j.queued_at <= now() - $5::int8 * interval '1 ms'
        AND (j.expires_at IS NULL OR j.expires_at > now())
        AND (j.start_by IS NULL OR j.attempt > 0 OR j.start_by > now())
        AND EXISTS (SELECT FROM workers w WHERE w.id = $1::uuid AND w.state = 1)
    ORDER BY j.queue_id, j.priority, j.id
    LIMIT $7::int4
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE jobs j
    SET state = 4, epoch = j.epoch + 1, worker_id = $1::uuid, attempt = j.attempt + 1,
        started_at = now(),
        attempt_deadline = least(now() + j.timeout_ms * interval '1 ms', j.expires_at)
    FROM found WHERE j.id = found.id AND j.state = 3
    RETURNING j.*
)
SELECT c.id, c.epoch, c.attempt, c.failures, c.losses,
    (extract(epoch FROM c.attempt_deadline - now()) * 1000)::bigint,
    c.expires_at IS NOT NULL AND c.expires_at <= now() + c.timeout_ms * interval '1 ms', s.spec
FROM claimed c JOIN job_specs s ON s.id = c.id
