-- Forgets keys whose time is over, and keys without one whose job is gone.
-- $1 retention (s): no younger job can be gone; $2 page, for each kind. Returns: keys.
-- Locks: the rows; those that others hold are skipped.
-- Indexes: idempotency_keys_expires_at, idempotency_keys_of_jobs, job_specs_*_pkey: one probe for
-- each job that outlives the retention, each on its own (OFFSET 0).
WITH over AS (
    SELECT key FROM idempotency_keys
    WHERE expires_at <= now()
    ORDER BY expires_at LIMIT $2::int8
    FOR UPDATE SKIP LOCKED
), orphan AS (
    SELECT key FROM idempotency_keys k
    WHERE expires_at IS NULL AND created_at < now() - $1::int8 * interval '1 s'
        AND NOT EXISTS (SELECT FROM job_specs s WHERE s.id = k.job_id OFFSET 0)
    ORDER BY created_at LIMIT $2::int8
    FOR UPDATE SKIP LOCKED
)
DELETE FROM idempotency_keys k
USING (SELECT key FROM over UNION ALL SELECT key FROM orphan) AS old
WHERE k.key = ANY (ARRAY[old.key])
RETURNING k.key
