-- Claims the oldest confined job that a live worker can serve, if it holds no other job: so one that
-- brings down its worker (keeper_rescue.sql) takes no other job with it.
-- $1 worker. Returns: like job_steal.
-- Locks: the row; those that others hold are skipped. Indexes: jobs_open_confined, jobs_open_active,
-- workers_pkey, jobs_open_pkey, job_specs_*_pkey. It looks at all confined jobs that wait, which are
-- rare.
WITH waiting AS MATERIALIZED (
    SELECT id, queue_id, model FROM jobs_open
    WHERE is_queued AND is_confined AND (claim_by IS NULL OR claim_by > now())
), found AS (
    SELECT j.id
    FROM waiting c JOIN jobs_open j ON j.id = ANY (ARRAY[c.id])
    WHERE j.state = 3
        AND EXISTS (
            SELECT FROM workers w JOIN queues q ON q.name = ANY (w.queues)
            WHERE w.id = $1::uuid AND w.state = 1 AND q.id = c.queue_id
                AND c.model = ANY (w.models))
        AND NOT EXISTS (SELECT FROM jobs_open o WHERE o.is_active AND o.worker_id = $1::uuid)
    ORDER BY c.id LIMIT 1
    FOR UPDATE OF j SKIP LOCKED
), claimed AS (
    UPDATE jobs_open j
    SET {claim_set}
    FROM found
    WHERE j.id = ANY (ARRAY[found.id]) AND j.state = 3
    RETURNING j.id, {claim_columns}
)
SELECT c.*, s.spec
FROM claimed c
CROSS JOIN LATERAL (SELECT spec FROM job_specs WHERE job_specs.id = c.id OFFSET 0) AS s
